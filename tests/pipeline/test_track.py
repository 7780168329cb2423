import hashlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ionsieve.pipeline.plan import read_plan, run_steps
from ionsieve.pipeline.tables import InputError, read_json
from ionsieve.pipeline.workspace import Workspace


@pytest.fixture(scope="module")
def tracked(finished, tmp_path_factory):
    """The small project's results, copied and logged twice; (folder, runs, what the second time added)."""
    mlflow = pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("tracked")
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
    workspace = Workspace.at(folder)
    step = read_plan(workspace.params)["track"]
    run_steps([step], workspace)
    first = mlflow.search_runs(experiment_names=["ionsieve"])
    run_steps([step], workspace)
    second = mlflow.search_runs(experiment_names=["ionsieve"])
    return folder, first, len(second) - len(first), mlflow


def test_every_trained_model_and_the_screening_is_a_finished_run_under_one_id(tracked):
    folder, runs, _, _ = tracked
    cards = read_json(folder / "data/models/scores.json")
    trained = {name for name, card in cards.items() if card["trained"]}
    assert trained
    assert set(runs["tags.mlflow.runName"]) == trained | {"screening"}
    assert set(runs["status"]) == {"FINISHED"}
    assert runs["tags.common_id"].nunique() == 1
    assert read_json(folder / "data/shortlists/tracked.json")["common_id"] == runs["tags.common_id"].iloc[0]


def test_a_log_whose_making_is_interrupted_is_not_there_and_the_next_run_makes_it(finished, tmp_path, monkeypatch):
    track = pytest.importorskip("ionsieve.pipeline.stages.track")
    begun = []

    class Interrupted:
        """MLflow's client, stopped once the first of the tables is there."""

        def __init__(self, tracking_uri: str, registry_uri: str) -> None:
            begun.append(Path(tracking_uri.removeprefix("sqlite:///")))

        def search_experiments(self) -> None:
            with sqlite3.connect(begun[0]) as store:
                store.execute("CREATE TABLE spans (id INTEGER)")
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(track, "MlflowClient", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            track.make_store(tmp_path / "mlflow.db")
    assert begun[0].parent.parent == tmp_path  # beside its place: a move on one disk is whole or not at all
    assert list(tmp_path.iterdir()) == []
    begun[0].parent.mkdir()  # a kill leaves it
    begun[0].write_bytes(b"half a table")
    track.make_store(tmp_path / "mlflow.db")
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert [e.name for e in track.MlflowClient(uri, uri).search_experiments()] == ["Default"]


def test_logging_again_adds_nothing(tracked):
    assert tracked[2] == 0


def test_a_log_that_another_program_holds_is_named_with_what_to_do(tracked):
    folder, *_ = tracked
    workspace, store = Workspace.at(folder), sqlite3.connect(folder / "mlflow.db", isolation_level=None)
    before = (folder / "data/shortlists/tracked.json").read_bytes()
    store.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(InputError, match=r"mlflow\.db: the log cannot be used \(.*locked.*end that and run again"):
            run_steps([read_plan(workspace.params)["track"]], workspace)
    finally:
        store.execute("ROLLBACK")
        store.close()
    assert (folder / "data/shortlists/tracked.json").read_bytes() == before
    run_steps([read_plan(workspace.params)["track"]], workspace)
    assert (folder / "data/shortlists/tracked.json").read_bytes() == before


def test_the_registered_model_predicts_what_ours_predicts(tracked):
    folder, runs, _, mlflow = tracked
    import joblib

    from ionsieve.models.learning.training import predict

    name = next(n for n in runs["tags.mlflow.runName"] if n != "screening")
    ours = joblib.load(folder / f"data/models/{name}.joblib")
    rows = pd.DataFrame(1.5, index=range(3), columns=list(ours.feature_names))
    logged = mlflow.pyfunc.load_model(f"models:/ionsieve-{name}/1")
    assert logged.metadata.signature.inputs.input_names() == list(ours.feature_names)
    pd.testing.assert_frame_equal(logged.predict(rows), predict(ours, rows))


def test_a_registered_model_brings_the_code_it_needs_and_no_data(tracked, tmp_path):
    folder, *_ = tracked
    codes = [path for path in (folder / "mlartifacts").rglob("code/ionsieve") if path.is_dir()]
    assert codes
    files = [path for path in codes[0].rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix for path in files} == {".py"}
    assert sum(path.stat().st_size for path in files) < 200_000
    # in a process that finds no other ionsieve
    code = "import sys; sys.path.insert(0, sys.argv[1]); import ionsieve.pipeline.logged_model as m; print(m.__file__)"
    done = subprocess.run([sys.executable, "-c", code, codes[0].parent], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith(str(codes[0])), done.stderr


def test_the_screening_run_holds_the_shortlists_and_the_counts(tracked):
    folder, runs, _, mlflow = tracked
    run = runs.set_index("tags.mlflow.runName").loc["screening"]
    kept = {f.path for f in mlflow.artifacts.list_artifacts(run_id=run["run_id"])}
    assert {"electrolyte.csv", "anode_coating.csv", "stacks.csv", "funnel.json", "report.html"} <= kept
    funnel = read_json(folder / "data/shortlists/funnel.json")
    assert run["metrics.electrolyte_passed"] == funnel["roles"]["electrolyte"]["filters"][-1]["n_out"]


def test_the_common_id_follows_from_content_alone(tmp_path):
    from ionsieve.pipeline.stages.track import common_id

    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("y")
    paths = [tmp_path / "b", tmp_path / "a"]
    assert common_id(paths) == common_id(paths[::-1])
    # by hand: name, zero byte, content, files in order
    expected = hashlib.sha256(b"a\0xb\0y").hexdigest()[:12]
    assert common_id(paths) == expected
    Path(tmp_path / "a").write_text("z")
    assert common_id(paths) != expected
