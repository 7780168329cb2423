"""The plan read from dvc.yaml, and stages run by it: several workspaces side by side, files mapped elsewhere."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from ionsieve.pipeline.plan import downstream, read_plan, run_steps, upstream
from ionsieve.pipeline.stage import Result, run_in, write_output
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Block, Workspace

HALF = """formula,formation_energy_ev_atom
Li2O,-1.0
Li2S,-0.75
LiF,-1.5
P2S5,-0.1
Li3PS4,-0.45
"""


def test_templates_are_filled_from_the_params_and_groups_are_unrolled(finished):
    plan = read_plan(Workspace.at(finished.folder).params)
    assert plan["phases"].files == {"table": "data/raw/phases.csv", "out": "data/interim/phases.parquet"}
    assert plan["featurize@phases"].files["materials"] == "data/interim/phases.parquet"
    assert plan["featurize@phases"].module == "ionsieve.pipeline.stages.featurize"
    assert "data/raw/phases.csv" in plan["phases"].deps


def test_a_path_the_params_lack_is_named():
    with pytest.raises(InputError, match=r"params.yaml has no measurements.path, which dvc.yaml reads"):
        read_plan({"measurements": {}})


def test_what_rests_on_a_step_and_what_it_rests_on(finished):
    plan = read_plan(Workspace.at(finished.folder).params)
    after = [step.name for step in downstream(plan, "candidates")]
    assert {"featurize@candidates", "predict", "shortlist", "report", "track"} <= set(after)
    assert not {"train", "featurize@phases", "phases"} & set(after)
    before = [step.name for step in upstream(plan, "train")]
    assert before[-1] == "train"
    assert {"measurements", "stability@phases", "featurize@band_gaps"} <= set(before)
    assert not {"candidates", "predict", "transport@candidates"} & set(before)


def test_workspaces_with_other_phases_and_params_run_side_by_side(finished, tmp_path):
    # Two folders at once in threads, each with its own energies and tolerance; then each alone, for comparison.
    names = ["phases", "candidates", "stability@candidates", "interfaces"]
    here = os.getcwd()

    def made(folder: Path, energies: str | None, tolerance: float) -> dict[str, bytes]:
        project = type(finished)(folder)
        for path in [*(finished.folder / "data/raw").rglob("*"), *(finished.folder / "data/reference").rglob("*")]:
            if path.is_file():
                project.write(str(path.relative_to(finished.folder)), path.read_bytes())
        if energies is not None:
            project.write("data/raw/phases.csv", energies)
        project.set_params(stability={"tolerance_ev_atom": tolerance})
        project.run(*names)
        return {name: (folder / "data" / name).read_bytes() for name in RESULTS}

    settings = {"theirs": (None, 0.005), "ours": (HALF, 0.1)}
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(made, tmp_path / name, *given) for name, given in settings.items()}
        together = {name: job.result() for name, job in jobs.items()}
    alone = {name: made(tmp_path / f"{name}-alone", *given) for name, given in settings.items()}
    assert together == alone
    assert together["theirs"] != together["ours"]
    assert os.getcwd() == here


RESULTS = ["interim/phases.parquet", "processed/stability_candidates.parquet", "processed/interfaces.parquet"]


def test_a_step_reads_and_writes_where_it_is_told(finished, tmp_path):
    workspace = Workspace.at(finished.folder)
    step = read_plan(workspace.params)["featurize@candidates"]
    rows = pd.read_parquet(workspace.path(step.files["materials"])).head(2)
    rows.to_parquet(tmp_path / "two.parquet")
    lines: list[str] = []
    elsewhere = {step.files["materials"]: tmp_path / "two.parquet", step.files["out"]: tmp_path / "made.parquet"}
    before = workspace.path(step.files["out"]).read_bytes()
    run_steps([step], workspace, elsewhere, lines.append)
    assert list(pd.read_parquet(tmp_path / "made.parquet")["id"]) == list(rows["id"])
    assert lines == ["featurize: 2 rows in, 2 out"]
    assert workspace.path(step.files["out"]).read_bytes() == before


def doubled(*, table: pd.DataFrame, doubled: Block) -> Result:
    return Result({"out": table.assign(n=table["n"] * doubled["by"])}, ["done"])


def test_a_stage_gets_what_its_signature_asks_for_and_says_what_is_missing(tmp_path):
    (tmp_path / "t.csv").write_text("n\n3\n")
    workspace = Workspace(tmp_path, {"doubled": {"by": 2}})
    assert run_in(workspace, doubled, {"table": "t.csv", "out": "made/o.csv"}) == ["done"]
    assert (tmp_path / "made/o.csv").read_text() == "n\n6\n"
    with pytest.raises(InputError, match="needs --table; it was given --out"):
        run_in(workspace, doubled, {"out": "o.csv"})
    with pytest.raises(InputError, match="makes --out, but files are named for --two-of"):
        run_in(workspace, doubled, {"table": "t.csv", "two_of": "o.csv"})
    with pytest.raises(InputError, match=r"params.yaml has no block 'doubled'"):
        run_in(Workspace(tmp_path, {}), doubled, {"table": "t.csv", "out": "o.csv"})


def test_a_folder_of_results_is_written_by_the_suffix_of_each_file(tmp_path):
    write_output({"a.json": {"x": 1}, "b.html": "é", "c.zip": b"PK"}, tmp_path / "all")
    assert (tmp_path / "all/a.json").read_text() == '{\n  "x": 1\n}\n'
    assert (tmp_path / "all/b.html").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "all/c.zip").read_bytes() == b"PK"
