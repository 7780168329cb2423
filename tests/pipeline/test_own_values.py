"""A person's own columns count or are named, and what an earlier run left does not pass for this one's results."""

import pandas as pd
import pytest

import ionsieve
from ionsieve.pipeline import library
from ionsieve.pipeline.answers.own_values import own_values
from ionsieve.pipeline.answers.screening import screen_materials
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace

MINE = """id,formula,sigma_s_cm,band_gap_ev,temperature_c,colour
a,Li3ScS3,2e-3,3.1,25,red
hot,Li3LaS3,1e-1,,300,blue
odd,LiF,many,-3,25,
b,Xx2O,1e-3,2.0,25,
"""


def test_own_conductivities_and_gaps_decide_and_other_columns_are_named(finished, tmp_path):
    table, said = tmp_path / "mine.csv", list[str]()
    table.write_text(MINE)
    judged = screen_materials(table, tmp_path / "out", Workspace.at(finished.folder), said.append, last="screen")
    rows = pd.read_parquet(judged).set_index("id")
    assert rows.loc["a", "sigma_origin"] == "measured"
    assert rows.loc["a", "log10_sigma"] == pytest.approx(-2.69897)  # log10 of 2e-3
    assert rows.loc["a", "sigma_source"] == "the table given"
    assert (rows.loc["a", "band_gap_ev"], rows.loc["a", "band_gap_origin"]) == (3.1, "measured")
    assert rows.loc["hot", "sigma_origin"] != "measured"  # not at 300 °C
    assert "screen: not used of mine.csv: colour" in said
    assert "screen: 1 measurements of mine.csv count as measured" in said
    assert "screen: 1 band gaps of mine.csv count as measured" in said


def test_a_table_of_formulas_and_a_folder_change_nothing(finished, tmp_path):
    (tmp_path / "mine.csv").write_text("id,formula\na,LiF\n")
    workspace = Workspace.at(finished.folder)
    for materials in (tmp_path / "mine.csv", tmp_path):
        assert own_values(materials, workspace, tmp_path / "tables", pytest.fail) == {}
    assert not (tmp_path / "tables").exists()


def test_a_run_that_fails_leaves_none_of_an_earlier_ones_results(finished, tmp_path):
    out, workspace = tmp_path / "out", Workspace.at(finished.folder)
    earlier = ("electrolyte.csv", "report.html", "funnel.json", "tables/judged.parquet", "tables/verdicts.parquet")
    for name in (*earlier, "notes.txt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("of an earlier run")
    (tmp_path / "mine.csv").write_text("id,formula\na,NaCl\n")
    with pytest.raises(InputError, match="no row can be screened"):
        screen_materials(tmp_path / "mine.csv", out, workspace, lambda line: None)
    assert [name for name in earlier if (out / name).exists()] == []
    assert (out / "notes.txt").exists()  # a person's own


def test_the_library_runs_one_funnel_on_ones_own_materials(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(library, "packaged_workspace", lambda needs=None: Workspace.at(finished.folder))
    own = tmp_path / "own.yaml"  # the small project has no other cathode than LiCoO2
    own.write_text("filters: [{name: gap, column: band_gap_ev, at_least: 1}]")
    found = ionsieve.screen(["LiNbO3", "Li3PS4"], funnel=own)
    assert set(found) == {"survivors", "funnel", "verdicts"}
    assert set(found["verdicts"]["formula"]) == {"LiNbO3", "Li3PS4"}
    assert found["funnel"]["n_out"].iloc[0] == 2
    with pytest.raises(InputError, match="--funnel cathode_coating: did you mean cathode_coating_2019"):
        ionsieve.screen(["LiNbO3"], funnel="cathode_coating")
