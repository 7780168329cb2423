"""What rests on phases that a table lacks is unknown, not good."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition

from ionsieve.features.thermodynamics.known_missing import lacking, unknown_where_lacking
from ionsieve.features.thermodynamics.phase_set import find_phase, phase_set


@pytest.fixture(scope="module")
def li_p_s():
    rows = {"Li2S": -1.5, "Li3P": -1.0, "P2S5": -0.4, "Li3PO4": -2.7, "Li2O": -2.07}
    return phase_set(pd.DataFrame({"formula": rows.keys(), "formation_energy_ev_atom": rows.values()}))


def test_a_system_lacks_what_is_listed_within_its_elements(li_p_s):
    listed = ["Li3PS4", "Li6PS5Cl"]
    assert lacking([("Li2S", "P2S5"), ("Li3PO4", "Li"), ("LiCl", "Li3PS4")], li_p_s, listed) == [
        "Li3PS4",
        "",
        "Li3PS4, Li6PS5Cl",
    ]


def test_what_the_phases_have_in_any_spelling_is_not_lacking(li_p_s):
    assert lacking([("Li2O", "P2O5")], li_p_s, ["PO4Li3", "Li4P2O7"]) == ["Li4P2O7"]


def test_more_than_three_are_counted(li_p_s):
    listed = ["Li3PS4", "Li7P3S11", "Li4P2S6", "Li2P2S6", "LiPS3"]
    assert lacking([("Li2S", "P2S5")], li_p_s, listed) == ["Li3PS4, Li7P3S11, Li4P2S6 and 2 more"]


def test_unreadable_formulas_and_entries_lack_nothing(li_p_s):
    assert lacking([("junk",), ("",), ()], li_p_s, ["Li3PS4", "also junk"]) == ["", "", ""]


def test_many_systems_are_answered_as_one_by_one(li_p_s):
    # The definition, spelled out: a compound is lacking where all its elements stand in the system's formulas.
    rng = np.random.default_rng(5)
    elements = ["Li", "P", "S", "O", "Cl", "Y"]

    def formula() -> str:
        chosen = rng.choice(elements, size=rng.integers(1, 5), replace=False)
        return "".join(f"{symbol}{rng.integers(1, 9)}" for symbol in chosen)

    listed = sorted({formula() for _ in range(60)})
    systems = [[formula() for _ in range(rng.integers(0, 4))] for _ in range(200)]
    absent = [f for f in listed if find_phase(li_p_s, Composition(f).get_el_amt_dict()) < 0]
    plain = []
    for system in systems:
        present = {str(e) for f in system for e in Composition(f)}
        named = [f for f in absent if {str(e) for e in Composition(f)} <= present]
        plain.append(", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else ""))
    assert lacking(systems, li_p_s, listed) == plain


def test_values_of_a_lacking_row_are_emptied_and_the_note_says_why():
    table = pd.DataFrame({"v": [1.0, 2.0], "products": ["a", "b"], "kept": [3, 4], "note": ["seen", None]})
    result = unknown_where_lacking(table, ["the phases lack Li3PS4", ""], ["v", "products"])
    assert np.isnan(result["v"][0])
    assert result["v"][1] == 2.0
    assert list(result["products"]) == ["", "b"]
    assert list(result["kept"]) == [3, 4]
    assert list(result["note"]) == ["seen; unknown: the phases lack Li3PS4", ""]
    assert list(table["v"]) == [1.0, 2.0]  # the argument is left as it was


def test_the_first_phase_of_the_table_is_not_lacking_either(li_p_s):
    assert lacking([("Li2O",)], li_p_s, ["Li", "Li2O2"]) == ["Li2O2"]
