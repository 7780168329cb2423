"""Hull distances and decomposition: worked by hand, against published values, and the laws they obey."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition

from ionsieve.features.thermodynamics.hull import PhaseSet, hull_table, phase_set
from ionsieve.features.thermodynamics.phase_set import phase_name, read_amounts

formulas_of_three = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4)).filter(
    lambda n: sum(k > 0 for k in n) > 1
)
made_up_tables = st.dictionaries(formulas_of_three, st.floats(-3.0, 0.5), min_size=2, max_size=9)


def text(n: tuple[int, int, int], times: int = 1) -> str:
    return "".join(f"{s}{k * times}" for s, k in zip(("Li", "P", "O"), n, strict=True) if k)


def table_of(made_up: dict[tuple[int, int, int], float]) -> pd.DataFrame:
    rows = {"formula": [text(n) for n in made_up], "formation_energy_ev_atom": list(made_up.values())}
    # every element is in a compound, so that no formula is unknown
    rows["formula"].append("Li9PO9")
    rows["formation_energy_ev_atom"].append(0.6)
    return pd.DataFrame(rows)


def atoms_of(products: str) -> dict[str, float]:
    """Atoms per formula unit in a text such as "0.5 Li3P + 1.5 Li2S"."""
    total: dict[str, float] = {}
    for part in filter(None, products.split(" + ")):
        amount, formula = part.split(" ") if " " in part else ("1", part)
        for symbol, n in Composition(formula).get_el_amt_dict().items():
            total[symbol] = total.get(symbol, 0.0) + float(amount) * n
    return total


def test_li_o_by_hand(li_o_phases: PhaseSet) -> None:
    table = hull_table(["Li2O", "Li2O2", "LiO2", "Li3O2"], li_o_phases, [np.nan, np.nan, -1.0, -1.0])
    # Without Li2O: 2 Li + O: 0 or Li2O2 + 2 Li at -6.4 / 6 atoms: decomposition = -2 + 6.4 / 6.
    # Without Li2O2: Li2O + O at -6 / 4 atoms: decomposition = -1.6 + 1.5.
    # LiO2 at -1: 1/2 Li2O2 + 1/2 O2: -3.2 / 3 atoms. Li3O2 at -1: 1/2 Li2O2 + 1/2 ... = Li2O + LiO -> -(6 + 3.2) / 5.
    expected = [-2 + 6.4 / 6, -1.6 + 1.5, -1 + 3.2 / 3, -1 + 9.2 / 5]
    assert table["decomposition_energy_ev_atom"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert table["e_above_hull_ev_atom"].to_numpy() == pytest.approx([0, 0, *expected[2:]], abs=1e-9)
    assert list(table["decomposition_products"])[:3] == ["Li + 0.5 Li2O2", "Li2O + 0.5 O2", "0.5 Li2O2 + 0.5 O2"]


def test_an_element_has_no_decomposition(li_o_phases: PhaseSet) -> None:
    table = hull_table(["O2"], li_o_phases)
    assert table["e_above_hull_ev_atom"].item() == 0
    assert np.isnan(table["decomposition_energy_ev_atom"].item())
    assert table["decomposition_products"].item() == ""


def test_published_decomposition_energies(shared_data: Path, mp_phases: PhaseSet) -> None:
    # doi:10.1038/s41524-020-00362-y solved these loosely: a true optimum may be lower for the rest by up to 5 meV/atom.
    sample = pd.read_csv(shared_data / "mp_decomposition_energies_sample.csv", keep_default_na=False)
    table = hull_table(sample["formula"], mp_phases)
    difference = table["decomposition_energy_ev_atom"] - sample["decomposition_energy_ev_atom"]
    assert difference.min() > -1e-5
    assert difference.max() < 5e-3
    assert (difference.abs() < 1e-3).mean() > 0.99
    assert table.attrs == {"n_highs": 0, "n_unsolved": 0}


@settings(deadline=None, max_examples=60)
@given(made_up_tables, st.integers(2, 5))
def test_laws_of_the_hull(made_up: dict[tuple[int, int, int], float], times: int) -> None:
    table = table_of(made_up)
    phases = phase_set(table)
    found = hull_table(list(table["formula"]), phases)
    assert (found["e_above_hull_ev_atom"] >= 0).all()
    assert (found["e_above_hull_ev_atom"] >= found["decomposition_energy_ev_atom"] - 1e-9).all()
    for formula, products in zip(found["formula"], found["decomposition_products"], strict=True):
        assert atoms_of(products) == pytest.approx(Composition(formula).get_el_amt_dict(), rel=1e-4)
    scaled = hull_table([text(n, times) for n in made_up], phases)
    columns = ["e_above_hull_ev_atom", "decomposition_energy_ev_atom"]
    assert scaled[columns].to_numpy() == pytest.approx(found[columns].to_numpy()[: len(made_up)], abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(made_up_tables, formulas_of_three, st.floats(-3.0, 0.5))
def test_a_new_phase_never_lowers_a_hull_distance(
    made_up: dict[tuple[int, int, int], float], new: tuple[int, int, int], energy: float
) -> None:
    table = table_of(made_up)
    more = pd.concat([table, pd.DataFrame({"formula": [text(new)], "formation_energy_ev_atom": [energy]})])
    others = [f for f in table["formula"] if Composition(f).reduced_formula != Composition(text(new)).reduced_formula]
    before = hull_table(others, phase_set(table))["e_above_hull_ev_atom"].to_numpy()
    after = hull_table(others, phase_set(more))["e_above_hull_ev_atom"].to_numpy()
    assert (after >= before - 1e-9).all()


def test_row_order_of_the_phases_changes_nothing(mp_table: pd.DataFrame) -> None:
    small = mp_table[mp_table["formula"].str.fullmatch(r"(?:Li|P|S|O|Cl|Ge|\d)+")]
    formulas = ["Li6PS5Cl", "Li10GeP2S12", "Li3PO4", "LiP", "Li7P3S11"]
    reversed_rows = phase_set(small.iloc[::-1])
    pd.testing.assert_frame_equal(
        hull_table(formulas, phase_set(small)), hull_table(formulas, reversed_rows), check_exact=True
    )


def test_the_lower_of_two_energies_counts() -> None:
    rows = {"formula": ["Li2O", "Li4O2", "O2", "Li"], "formation_energy_ev_atom": [-1.9, -2.0, 0.0, 0.0]}
    phases = phase_set(pd.DataFrame(rows))
    assert phases.n_duplicates == 1
    assert hull_table(["Li2O"], phases)["decomposition_energy_ev_atom"].item() == pytest.approx(-2.0)
    # an energy above the table's own is measured from the table's
    assert hull_table(["Li2O"], phases, [-1.9])["e_above_hull_ev_atom"].item() == pytest.approx(0.1)


def test_a_composition_without_an_energy_has_no_distance(li_o_phases: PhaseSet) -> None:
    row = hull_table(["LiO3"], li_o_phases).iloc[0]
    assert np.isnan(row["e_above_hull_ev_atom"])
    assert row["note"] == "no energy of its own"
    assert row["decomposition_products"] == "0.5 Li2O2 + O2"


def test_unknown_elements_are_named_and_never_stable(li_o_phases: PhaseSet) -> None:
    table = hull_table(["LiF", "Xe", "nonsense", "Li2O"], li_o_phases)
    assert table["e_above_hull_ev_atom"].isna().tolist() == [True, True, True, False]
    assert "no compound of F" in table["note"][0]
    assert "no compound of Xe" in table["note"][1]
    assert "nonsense" in table["note"][2]


@pytest.mark.parametrize("energy", [np.nan, np.inf])
def test_energies_that_are_no_numbers_name_their_rows(energy: float) -> None:
    table = pd.DataFrame({"formula": ["Li2O", "LiF"], "formation_energy_ev_atom": [-2.0, energy]}, index=["a", "b"])
    with pytest.raises(ValueError, match=r"row 'b' \(LiF\)"):
        phase_set(table)


def test_every_bad_formula_is_named_at_once() -> None:
    table = pd.DataFrame({"formula": ["Li2O", "??", "LiXx"], "formation_energy_ev_atom": [-2.0, -1.0, -1.0]})
    with pytest.raises(ValueError, match=r"row 1.*row 2"):
        phase_set(table)


def test_mixed_thermochemistry_is_an_error() -> None:
    table = pd.DataFrame(
        {
            "formula": ["Li2O", "LiF"],
            "formation_energy_ev_atom": [-2.0, -3.0],
            "thermo_set": ["mp2019", "experiment298"],
        }
    )
    with pytest.raises(ValueError, match="mixes experiment298, mp2019"):
        phase_set(table)


def test_infinite_own_energies_are_an_error(li_o_phases: PhaseSet) -> None:
    with pytest.raises(ValueError, match="infinite in rows 1"):
        hull_table(["Li2O", "Li2O"], li_o_phases, [-1.0, -np.inf])


def test_plain_and_general_parser_agree(mp_table: pd.DataFrame) -> None:
    some = list(mp_table["formula"].iloc[::97])
    amounts, reasons = read_amounts(some)
    assert not any(reasons)
    for formula, found in zip(some, amounts, strict=True):
        assert found == Composition(formula).get_el_amt_dict()


def test_products_carry_reduced_formulas(mp_phases: PhaseSet) -> None:
    row = next(i for i, f in enumerate(mp_phases.formulas) if f == "CLi2O3")
    assert phase_name(mp_phases, row) == ("Li2CO3", 6.0)
