"""Fitted models that a full disk or a kill has torn: one sentence that names the file and what to do."""

import random

import joblib
import pytest

from ionsieve.pipeline.model_files import REMEDY, load_model
from ionsieve.pipeline.tables import InputError


@pytest.fixture(scope="module")
def whole(finished) -> bytes:
    file = min((finished.folder / "data/models").glob("*.joblib"), key=lambda f: f.stat().st_size)
    load_model(file)
    return file.read_bytes()


def said_of(file) -> str:
    with pytest.raises(InputError) as refused:
        load_model(file)
    return str(refused.value)


def test_a_model_cut_short_anywhere_is_named_in_one_sentence(whole, tmp_path):
    file, draw = tmp_path / "model.joblib", random.Random(3)
    lengths = [0, 1, 2, len(whole) // 2, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(60))]
    for length in lengths:
        file.write_bytes(whole[:length])
        said = said_of(file)
        assert said.startswith(f"{file} is broken (")
        assert said.endswith(REMEDY)
        assert "\n" not in said, length


@pytest.mark.parametrize("value", [None, {"a": 1}, [1.0]])
def test_a_file_that_holds_something_else_is_no_model(tmp_path, value):
    joblib.dump(value, tmp_path / "model.joblib")
    assert "it holds no model" in said_of(tmp_path / "model.joblib")


def test_a_command_on_a_torn_model_ends_with_that_sentence(copy_of, finished, ionsieve, monkeypatch):
    from ionsieve.pipeline import home
    from ionsieve.pipeline.workspace import Workspace

    project = copy_of(finished)
    torn = project.folder / "data/models/oxidation_limit_v.joblib"
    torn.write_bytes(torn.read_bytes()[:1000])
    monkeypatch.setattr(home, "home", lambda needs=None: Workspace.at(project.folder))
    code, _, said = ionsieve("predict", "Li3PO4")
    assert code == 1
    assert "oxidation_limit_v.joblib is broken (" in said
    assert said.strip().endswith(REMEDY)
    assert "Traceback" not in said
