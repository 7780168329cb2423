"""Neutrality of formulas with known oxidation states, and the charges an element has beside others."""

import pytest

from ionsieve.features.chemistry.charges import (
    average_charge,
    is_charge_balanced,
    most_likely_charges,
    possible_charges,
)
from ionsieve.features.chemistry.elements import padded_fractions
from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.thermodynamics.phase_set import read_amounts


@pytest.mark.parametrize(
    ("formula", "balanced"),
    [
        ("Li3PO4", True),
        ("Li7La3Zr2O12", True),
        ("Li6PS5Cl", True),
        ("Li0.33La0.56TiO3", True),  # rounded: +6.01 against -6
        ("Fe3O4", True),  # Fe2+ and Fe3+
        ("Li10GeP2S12", True),
        ("O2", True),
        ("Li7Ti10O24", False),  # Ti would be +4.1
        ("Li48P16S61", False),  # 48 + 80 - 122 = 6
        ("Li9Al4", False),
        ("LiCl2", False),
        ("LiAl5O8", True),
        ("Li4BN3H10", True),  # Li+, BH4- and three NH2-
        ("Li1.25La0.58Nb2O6F", True),  # rounded: +12.99 against -13
        ("Li2B3H10", False),
    ],
)
def test_known_formulas(formula: str, balanced: bool) -> None:
    amounts = read_amounts([formula])[0][0]
    assert is_charge_balanced(amounts) is balanced


@pytest.mark.parametrize(
    ("element", "company", "charges"),
    [
        ("Li", "O", (1,)),
        ("Zr", "O", (4,)),  # Zr2+ and Zr3+ are clusters of subhalides
        ("Ti", "O", (4, 3)),
        ("S", "P", (-2,)),
        ("S", "O", (6, 4, 2, -2)),  # +2: the average of thiosulfate
        ("P", "", (-3,)),
        ("P", "O", (5, 3, -3)),
        ("Cl", "O", (-1,)),
    ],
)
def test_charges_that_an_element_has_beside_others(element: str, company: str, charges: tuple[int, ...]) -> None:
    assert possible_charges(element, {element, company} - {""}) == charges


def test_one_unknown_charge_follows_from_the_others() -> None:
    # 7 Li + 3 La + 2 Zr = 7 + 9 + 8 = 24 electrons on 12 O; LiCoO2: Co +3 whatever it commonly is
    assert average_charge({"Li": 7, "La": 3, "Zr": 2, "O": 12}, "O") == pytest.approx(-2)
    assert average_charge({"Li": 1, "Co": 1, "O": 2}, "Co") == pytest.approx(3)
    # V2+ to V5+ in LiVO2: oxygen between -1.5 and -3
    assert average_charge({"Li": 1, "V": 1, "O": 2}, "O", "lowest") == pytest.approx(-1.5)
    assert average_charge({"Li": 1, "V": 1, "O": 2}, "O", "highest") == pytest.approx(-3)


@pytest.mark.parametrize(
    ("formula", "charges"),
    [
        ("Fe2O3", [-2, 3]),
        ("FeO", [-2, 2]),
        ("LiFePO4", [1, -2, 5, 2]),
        ("Cu2O", [-2, 1]),
        ("CuO", [-2, 2]),
        ("Ti2O3", [-2, 3]),
        ("TiO2", [-2, 4]),
        ("P2O3", [-2, 3]),
        ("MnO2", [-2, 4]),
        ("Tl2O3", [-2, 3]),
        ("Tl2O", [-2, 1]),
    ],
)
def test_balance_decides_before_what_is_common(formula: str, charges: list[int]) -> None:
    # by rising atomic number; an element's commonest state gives way where another leaves the formula neutral
    states, imbalance = most_likely_charges(padded_fractions([parse_formula(formula)]))
    assert states[0].tolist() == charges
    assert imbalance[0] == 0.0


def test_an_imbalance_that_nothing_removes_is_kept_smallest() -> None:
    # Fe3O4 is Fe2+ Fe3+2 O4: with one charge for all Fe the better is 3, 9 - 8 = +1 over 7 atoms (2 leaves -2).
    states, imbalance = most_likely_charges(padded_fractions([parse_formula("Fe3O4")]))
    assert states[0].tolist() == [-2, 3]
    assert imbalance[0] == pytest.approx(1 / 7)
