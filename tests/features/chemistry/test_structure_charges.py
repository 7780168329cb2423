"""Charges against pymatgen's guess, and where a composition does not balance."""

import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.structure_charges import assign_oxidation_states

# pymatgen's oxi_state_guesses, an independent search, gives one answer for each of these
ORDERED = [
    *("Li3PO4", "Li7La3Zr2O12", "Li10GeP2S12", "Li6PS5Cl", "LiTi2P3O12", "Li3YCl6", "LiNbO3", "Li2ZrCl6", "LiGaO2"),
    *("Li4SiO4", "LiBO2", "Li2CO3", "LiNO3", "Li3N", "Li2SO4", "LiAlCl4", "Li3InBr6", "LiTaO3", "Li2B4O7"),
]


@pytest.mark.parametrize("formula", ORDERED)
def test_whole_charges_equal_pymatgens_first_guess(formula):
    charges, note = average_charges(Composition(formula))
    assert note == ""
    assert charges == Composition(formula).oxi_state_guesses()[0]


@pytest.mark.parametrize("formula", ORDERED)
def test_charges_balance(formula):
    composition = Composition(formula)
    charges, _ = average_charges(composition)
    assert sum(charges[e.symbol] * n for e, n in composition.items()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("formula", "element", "charge"), [("LiMn2O4", "Mn", 3.5), ("Li0.5FePO4", "Fe", 2.5)])
def test_metals_of_variable_charge_take_the_average(formula, element, charge):
    charges, note = average_charges(Composition(formula))
    assert charges[element] == pytest.approx(charge)
    assert f"{element} {charge:+.2f}" in note


def test_phosphorus_beside_sulfur_stays_positive_when_lithium_is_miscounted():
    charges, note = average_charges(Composition("Li46P4S20Br3Cl"))
    assert charges["P"] == 5
    # 46 + 20 - 40 - 4 = 22 electrons over 74 atoms
    assert note == f"charges leave {22 / 74:+.2f} e/atom"


def test_an_element_alone_and_a_noble_gas_are_refused():
    with pytest.raises(ValueError, match="an element alone"):
        average_charges(Composition("Li"))
    with pytest.raises(ValueError, match="He has no known oxidation state"):
        average_charges(Composition("LiHe"))


def test_shared_and_partly_empty_sites_keep_their_amounts():
    structure = Structure(
        Lattice.cubic(4.0),
        [{"Li": 0.3, "La": 0.5}, "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    )
    decorated, _ = assign_oxidation_states(structure)
    assert decorated.composition.get_el_amt_dict() == pytest.approx(structure.composition.get_el_amt_dict())
    assert {(s.symbol, s.oxi_state) for s in decorated[0].species} == {("Li", 1), ("La", 3)}
    assert decorated.lattice == structure.lattice


def test_deuterium_counts_as_hydrogen():
    structure = Structure(Lattice.cubic(4.0), ["Li", "O", "D"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.75]])
    decorated, note = assign_oxidation_states(structure)
    assert note == ""
    assert decorated[2].specie.symbol == "H"
    assert decorated[2].specie.oxi_state == 1
