"""Running the pipeline in a copy: what overrides may say, and folders that must not be touched."""

import pytest

from ionsieve.pipeline import scratch
from ionsieve.pipeline.tables import InputError

PARAMS = {"phases": {"path": "data/a.csv", "set": "x"}, "seed": 1}
PARAMS |= {block: {"path": "data/b.csv"} for block in ("measurements", "band_gaps", "candidates")}


def test_overrides_change_single_keys_and_leave_the_rest():
    result = scratch.merged(PARAMS, {"phases": {"set": "y"}, "seed": 2})
    assert result["phases"] == {"path": "data/a.csv", "set": "y"}
    assert result["seed"] == 2
    assert PARAMS["phases"]["set"] == "x"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"phase": {}}, "name 'phase', which params.yaml does not have. It has: phases, seed"),
        ({"phases": {"pth": 1}}, "name 'pth', which params.yaml does not have. It has: path, set"),
        ({"phases": None}, "give phases as None; entries below it are expected"),
        ({"phases": "x"}, "give phases as 'x'"),
    ],
)
def test_an_override_that_fits_nothing_is_named(overrides, said):
    with pytest.raises(InputError, match=said):
        scratch.merged(PARAMS, overrides)


def test_sources_that_are_not_there_are_named_whatever_their_key(tmp_path):
    (tmp_path / "here.csv").touch()
    assert scratch.missing_sources(PARAMS, tmp_path) == []
    params = PARAMS | {"band_gaps": {"path": "here.csv", "pbe_path": "gone.csv"}, "measurements": {"cifs": None}}
    assert scratch.missing_sources(params, tmp_path) == ["None", "gone.csv"]


def test_the_project_and_folders_of_others_are_not_overwritten(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mine.txt").write_text("precious")
    project = scratch.home().folder
    for folder in (project, project.parent, tmp_path):
        with pytest.raises(InputError, match="a copy would replace"):
            scratch.main(str(folder), "overrides.yaml")
    assert (tmp_path / "models/mine.txt").read_text() == "precious"
    assert (project / "features").is_dir()
