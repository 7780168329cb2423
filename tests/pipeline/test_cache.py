"""The installed package's workspace: made once, made anew where a file is not as its record says, read by no other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from ionsieve.pipeline import cache
from ionsieve.pipeline.plan import read_plan
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import packaged


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("IONSIEVE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def said() -> list[str]:
    return []


def phases_of(workspace) -> Path:
    return workspace.path(read_plan(workspace.params)["phases"].files["out"])


def test_what_is_needed_is_made_once_from_the_packaged_data(own_cache, said):
    workspace = cache.packaged_workspace("phases", said.append)
    assert workspace.folder.parent == own_cache
    assert len(said) == 1
    assert said[0].startswith("first use, step 1 of 1: phases")
    starter = pd.read_csv(packaged("reference/starter/phases.csv"))
    assert set(starter["formula"]) <= set(pd.read_parquet(phases_of(workspace))["formula"])
    cache.packaged_workspace("phases", said.append)
    assert len(said) == 1


@pytest.mark.parametrize("harm", [lambda f: f.write_bytes(b"PK\x80torn"), lambda f: f.unlink()])
def test_a_file_that_is_not_as_recorded_is_made_anew(own_cache, said, harm):
    made = phases_of(cache.packaged_workspace("phases", said.append))
    whole = made.read_bytes()
    harm(made)
    cache.packaged_workspace("phases", said.append)
    assert made.read_bytes() == whole
    assert len(said) == 2


def test_a_record_that_is_torn_counts_for_nothing(own_cache, said):
    workspace = cache.packaged_workspace("phases", said.append)
    workspace.path("made/phases.json").write_text('{"data/int')
    cache.packaged_workspace("phases", said.append)
    assert len(said) == 2


def test_a_pickle_that_our_own_run_did_not_write_is_not_trusted(own_cache):
    workspace = cache.packaged_workspace(None)
    step = read_plan(workspace.params)["train"]
    models = workspace.path(step.files["out"])
    models.mkdir(parents=True)
    (models / "band_gap.joblib").write_bytes(b"of another's making")
    assert not cache._is_made(workspace, step)  # no record
    cache.write_json(cache._digests(workspace, step), workspace.path("made/train.json"))
    assert cache._is_made(workspace, step)
    (models / "more.joblib").write_bytes(b"put there later")
    assert not cache._is_made(workspace, step)


def test_a_folder_that_others_can_write_to_is_refused(own_cache):
    folder = cache.packaged_workspace(None).folder
    folder.chmod(0o777)
    with pytest.raises(InputError, match="can be written by others: name a folder of your own in IONSIEVE_CACHE"):
        cache.packaged_workspace(None)


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IONSIEVE_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be made"):
        cache.packaged_workspace(None)


def test_data_of_an_environment_that_is_gone_are_found_again(own_cache):
    link = cache.packaged_workspace(None).path(cache.REFERENCE)
    link.unlink()
    link.symlink_to("/gone")
    cache.packaged_workspace(None)
    assert (link / "partners.csv").exists()


def test_threads_that_ask_at_once_make_it_once(own_cache, said):
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: cache.packaged_workspace("phases", said.append).folder, range(4)))
    assert len(folders) == 1
    assert len(said) == 1


def test_the_folder_follows_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.delenv("IONSIEVE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "ionsieve"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache/ionsieve"
