"""`ionsieve screen --funnel`: one funnel, shipped or a person's own, on the last run's candidates or one's own."""

import pandas as pd
import pytest

from ionsieve.pipeline.answers.funnels import shipped_funnels
from ionsieve.pipeline.tables import read_json
from ionsieve.pipeline.workspace import packaged

OWN = """
includes: [anode_coating]
without: [anode]
partners: [lps, LiCoO2]
start: {what: salts, published_count: 9, count_check: memory}
filters:
  - {name: cathode, column: "e_rxn_{cathode_lithiated}_ev_atom", at_least: -0.2, basis: ours}
found: [LiNbO3, KCl]
differs: [other energies]
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own funnel.yaml"
    path.write_text(OWN)
    return path


def test_a_funnel_runs_on_what_the_last_run_judged(ionsieve, tmp_path, own, finished):
    code, out, err = ionsieve("screen", "--funnel", own, "--out", tmp_path / "result")
    assert code == 0, err
    made = tmp_path / "result/own funnel"
    assert {p.name for p in made.iterdir()} == {"survivors.csv", "funnel.csv", "funnel.json", "verdicts.parquet"}
    judged = pd.read_parquet(finished.folder / "data/processed/judged.parquet")
    steps, left = pd.read_csv(made / "funnel.csv"), pd.read_csv(made / "survivors.csv")
    assert steps["n_out"].iloc[0] == len(judged)
    assert steps["published_count"].iloc[0] == 9
    assert steps["filter"].iloc[-2] == "cathode"
    assert steps["n_out"].iloc[-1] == len(left)
    assert set(left["list"]) <= {"ready", "explore"}
    told = read_json(made / "funnel.json")
    assert told["lists"].get("ready", 0) + told["lists"].get("explore", 0) == len(left)
    assert told["found"]["KCl"] == "not among the candidates"
    for said in (
        "published",
        "count from",
        "Found there, KCl: not among the candidates.",
        "Why counts differ: other energies.",
    ):
        assert said in out


def test_a_funnel_runs_on_ones_own_materials_and_ranks_nothing(ionsieve, tmp_path, own):
    table = tmp_path / "mine.csv"
    table.write_text("id,formula\n019,LiNbO3\n1e9,Li3PS4\n")
    code, out, err = ionsieve("screen", table, "--funnel", own, "--out", tmp_path / "result")
    assert code == 0, err
    verdicts = pd.read_parquet(tmp_path / "result/own funnel/verdicts.parquet")
    assert list(verdicts["id"]) == ["019", "1e9"]
    assert not (tmp_path / "result/report.html").exists()
    assert "Found there, LiNbO3" in out


def test_another_runs_judged_table_may_be_given(ionsieve, tmp_path, own, finished):
    judged = finished.folder / "data/processed/judged.parquet"
    code, _, err = ionsieve("screen", "--funnel", own, "--judged", judged, "--out", tmp_path / "result")
    assert code == 0, err
    code, _, err = ionsieve("screen", judged, "--funnel", own, "--judged", judged)
    assert code == 1
    assert "not both" in err
    (tmp_path / "bare.csv").write_text("formula\nLiF\n")
    code, _, err = ionsieve("screen", "--funnel", own, "--judged", tmp_path / "bare.csv")
    assert code == 1
    assert "bare.csv: missing column id" in err


def test_shipped_funnels_are_found_where_the_package_lies():
    assert len(shipped_funnels()) == 7
    assert packaged("funnels").is_dir()


MISTAKES = [
    ("sendek_2018", "did you mean sendek_2017?"),
    ("{folder}/none.yaml", "Give the path of a YAML file, or one of cathode_coating_2019"),
    ("{folder}", "is a folder; a YAML file with a funnel is expected"),
    ("{broken}", "broken.yaml is not valid YAML"),
    ("{binary}", "binary.yaml is not valid YAML"),
    ("{typo}", "typo.yaml, filter gap: no candidate has a column 'band_gap'; the nearest are band_gap_ev"),
    ("protective_layers_llzo", "protective_layers_llzo.yaml, partners: 'llzo' is neither a partner nor a cathode"),
]


@pytest.mark.parametrize(("name", "said"), MISTAKES, ids=[name for name, _ in MISTAKES])
def test_a_funnel_that_cannot_be_run_is_one_sentence(ionsieve, tmp_path, name, said):
    (tmp_path / "broken.yaml").write_text("filters: [")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "typo.yaml").write_text("filters: [{name: gap, column: band_gap, at_least: 1}]")
    files = {stem: tmp_path / f"{stem}.yaml" for stem in ("broken", "binary", "typo")}
    code, _, err = ionsieve("screen", "--funnel", name.format(folder=tmp_path, **files), "--out", tmp_path / "result")
    assert code == 1
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_without_materials_and_funnel_it_says_what_is_needed(ionsieve):
    code, _, err = ionsieve("screen")
    assert code == 2
    assert "--funnel" in err
