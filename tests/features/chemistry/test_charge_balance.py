"""Neutrality of formulas with known oxidation states."""

import pytest

from ionsieve.features.chemistry.charge_balance import is_charge_balanced
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
    ],
)
def test_known_formulas(formula: str, balanced: bool) -> None:
    amounts = read_amounts([formula])[0][0]
    assert is_charge_balanced(amounts) is balanced
