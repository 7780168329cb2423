"""The committed summary of a run: what it holds equal, what it tells apart, and what dvc.lock is held to."""

import numpy as np
import pandas as pd
import pytest
import yaml

from ionsieve.pipeline.reference import expected
from ionsieve.pipeline.reference.expected import differences, lock_differences, summary_of_table
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace

LIST = pd.DataFrame(
    {
        "list": ["ready", "ready", "explore"],
        "rank": [1, 2, 1],
        "id": ["019", "1e9", "new"],
        "formula": ["Li3PO4", "LiNbO3", "Li2S"],
        "score": [0.91, 0.5, np.nan],
        "reasons": ["window 0.7 V", "gap 4.0 eV", ""],
        "barrier_ev": [0.3, np.inf, np.nan],
    }
)


def told(other: pd.DataFrame, rows_too: bool = True) -> list[str]:
    return list(differences(summary_of_table(LIST, rows_too), summary_of_table(other, rows_too), "t"))


def test_the_last_digits_of_floats_are_not_told_apart():
    assert told(LIST.assign(score=LIST["score"] + 1e-8, barrier_ev=LIST["barrier_ev"] * (1 + 1e-8))) == []
    assert told(LIST.assign(reasons="window 0.8 V")) == []  # repeats numbers of other columns


def test_a_row_that_changed_is_named():
    swapped = LIST.assign(id=["1e9", "019", "new"], formula=["LiNbO3", "Li3PO4", "Li2S"])
    assert told(swapped)[-2:] == [
        "t, rows 1: ready | 1 | 1e9 | LiNbO3 | 0.910000000, expected ready | 1 | 019 | Li3PO4 | 0.910000000",
        "t, rows 2: ready | 2 | 019 | Li3PO4 | 0.500000000, expected ready | 2 | 1e9 | LiNbO3 | 0.500000000",
    ]
    assert any(
        "rows 1: ready | 1 | 019 | Li3PO4 | 0.910010000" in line
        for line in told(LIST.assign(score=[0.91001, 0.5, np.nan]))
    )
    assert any("rows 3" in line for line in told(LIST.assign(list=["ready", "ready", "ready"])))
    assert any("2 entries, expected 3" in line for line in told(LIST.head(2)))


def test_a_column_that_changed_is_named():
    def columns(other: pd.DataFrame) -> list[str]:
        return [line.split(":")[0] for line in told(other, rows_too=False)]

    assert columns(LIST.assign(barrier_ev=[0.3, np.nan, np.nan])) == ["t, columns, barrier_ev"]
    assert columns(LIST.assign(score=[0.5, 0.91, np.nan])) == ["t, columns, score"]  # the same mean in another order
    assert columns(LIST.drop(columns="formula")) == ["t, columns, formula"]
    assert columns(LIST.assign(formula=["Li3PO4", "LiNbO3", "Li2O"])) == ["t, columns, formula"]


def test_a_lock_is_held_to_what_went_in_not_to_what_came_out():
    def lock(code: str = "c1", source: str = "s1", made: str = "m1", cmd: str = "run a", seed: int = 0) -> str:
        deps = [{"path": "a.py", "md5": code}, {"path": "s.csv", "md5": source}]
        first = {"cmd": cmd, "deps": deps, "params": {"params.yaml": {"a": {"seed": seed}}}}
        second = {"cmd": "run b", "deps": [{"path": "a.parquet", "md5": made}]}
        outs = {"outs": [{"path": "a.parquet", "md5": made}]}
        return yaml.safe_dump({"stages": {"a": first | outs, "b": second}})

    assert list(lock_differences(lock(), lock(made="m2"))) == []
    assert list(lock_differences(lock(), lock(code="c2"))) == ["dvc.lock, a, deps, a.py: c2, expected c1"]
    assert list(lock_differences(lock(), lock(source="s2"))) == ["dvc.lock, a, deps, s.csv: s2, expected s1"]
    assert list(lock_differences(lock(), lock(cmd="run c"))) == ["dvc.lock, a, cmd: run c, expected run a"]
    assert len(list(lock_differences(lock(), lock(seed=1)))) == 1


def test_a_run_is_summed_up_file_by_file(finished, monkeypatch):
    made = expected.summary_of_run(Workspace.at(finished.folder))
    assert made["data/interim/candidates.parquet"]["n_rows"] > 5
    assert "data/models/scores.json" in made
    assert all("rows" in made[name] for name in made if name.startswith("data/shortlists/") and name.endswith(".csv"))
    assert not any("tracked" in name for name in made)
    again = expected.summary_of_run(Workspace.at(finished.folder))
    assert list(differences(made, again, "run")) == []


def test_a_run_that_is_not_there_or_a_word_that_means_nothing_is_said(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    with pytest.raises(InputError, match="run make screen first"):
        expected.main("check")
    with pytest.raises(InputError, match="keep or check"):
        expected.main("hold")


def test_another_numpy_is_told_not_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: {}\n")
    (tmp_path / "dvc.lock").write_text("stages: {}\n")
    monkeypatch.setattr(expected, "summary_of_run", lambda workspace: {"t.csv": {"n_rows": rows}})
    monkeypatch.setattr(expected, "_committed_lock", lambda: "stages: {}\n")
    rows = 3
    expected.main("keep")
    expected.main("check")
    rows = 4
    with pytest.raises(InputError, match=r"t.csv, n_rows: 4, expected 3\nThis run made other results"):
        expected.main("check")
    monkeypatch.setattr(expected, "made_with", lambda: {"numpy": "9.9"})
    capsys.readouterr()
    expected.main("check")
    assert "t.csv, n_rows: 4, expected 3\nNot an error" in capsys.readouterr().out
