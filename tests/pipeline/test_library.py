"""The functions of `import ionsieve`, on a phase set small enough to work out by hand."""

import re
from pathlib import Path

import pandas as pd
import pytest

import ionsieve
from ionsieve.pipeline.library import InputError

ROOT = Path(__file__).resolve().parents[2]
LITHIA = pd.DataFrame({"formula": ["Li2O", "LiF"], "formation_energy_ev_atom": [-2.0, -3.0]})


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IONSIEVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_window_of_formulas_or_of_a_table_or_with_phases_of_a_file(tmp_path):
    # By hand: Li2O -> 2 Li + 1/2 O2 frees two Li for 3 atoms at -2 eV, 3 V; LiF one for 2 atoms at -3 eV, 6 V.
    found = ionsieve.window(["Li2O", "LiF", "junk("], phases=LITHIA)
    assert list(found["formula"]) == ["Li2O", "LiF", "junk("]
    assert list(found["oxidation_limit_v"][:2]) == pytest.approx([3.0, 6.0])
    assert found["oxidation_limit_v"].isna()[2]
    assert "cannot be parsed" in found["note"][2]
    rows = pd.DataFrame({"id": [7, 8], "formula": ["LiF", "Li2O"]}, index=[5, 1])
    LITHIA.to_csv(tmp_path / "phases.csv", index=False)
    again = ionsieve.window(rows, phases=tmp_path / "phases.csv")
    assert list(again["id"]) == ["7", "8"]
    assert list(again["oxidation_limit_v"]) == pytest.approx([6.0, 3.0])
    assert list(rows.columns) == ["id", "formula"]  # what was given stays as it is


def test_an_interface_of_pairs_or_of_a_table():
    # Li2O + LiF share no compound in this set: nothing to gain from mixing them.
    found = ionsieve.interface([("Li2O", "LiF")], phases=LITHIA)
    assert found["e_rxn_ev_atom"][0] == pytest.approx(0)
    table = pd.DataFrame({"formula_a": ["Li2O"], "formula_b": ["F2"]})
    # By hand, per atom of a mixture of Li2O with one F2: 2 LiF + 1/2 O2, (4 × -3 - 3 × -2) / 5 = -1.2 eV.
    found = ionsieve.interface(table, phases=LITHIA)
    assert found["e_rxn_ev_atom"][0] == pytest.approx(-1.2)


def test_a_path_is_a_crystal_and_a_text_a_formula():
    cif = ROOT / "data/reference/crystals/Li3YCl6.cif"
    Path("LiF").write_text("a file of this name does not matter")
    found = ionsieve.window(["LiF", cif], phases=LITHIA)
    assert list(found["formula"]) == ["LiF", "Li3YCl6"]
    assert ionsieve.percolation([cif])["id"].tolist() == ["Li3YCl6"]


def test_what_cannot_be_used_is_named():
    with pytest.raises(InputError, match=r"the table given: missing column formula\. It has: name"):
        ionsieve.window(pd.DataFrame({"name": ["LiF"]}))
    with pytest.raises(InputError, match="the phases given: 1 problem"):
        ionsieve.window(["LiF"], phases=LITHIA.assign(formation_energy_ev_atom=["x", -3.0]))
    with pytest.raises(InputError, match="the symbol of an element is expected"):
        ionsieve.window(["LiF"], phases=LITHIA, mobile_ion="Xx")
    with pytest.raises(AttributeError, match="no attribute 'windows'"):
        _ = ionsieve.windows


def readme_example() -> list[str]:
    """Lines of Python in the README's part on the library."""
    part = re.search(r"## As a library\n(.*?)\n## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert part
    return re.findall(r"^    ((?!pip ).+)$", part[1], re.M)


def test_the_readmes_example_answers_what_needs_no_model():
    lines = [line for line in readme_example() if "predict" not in line and "screen" not in line]
    assert len(lines) >= 3
    exec("\n".join(lines), {})


@pytest.mark.slow
def test_the_readmes_example_runs_as_it_stands():
    exec("\n".join(readme_example()), {})
    assert Path("screened/report.html").exists()
