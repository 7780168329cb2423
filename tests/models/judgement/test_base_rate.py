import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.base_rate import anion_class, conductor_rate


@pytest.mark.parametrize(
    ("formula", "anions"),
    [
        ("Li6PS5Cl", "Cl-S"),
        ("Li3PO4", "O"),
        ("Li2SO4", "O"),  # the sulfur of a sulfate is no anion
        ("LiNbOCl4", "Cl-O"),
        ("LiNH2", "N"),
        ("LiBH4", "H"),
        ("LiAl", "none"),
    ],
)
def test_anions_of_known_compounds(formula, anions):
    assert anion_class(formula) == anions


def test_shares_by_hand():
    measured = pd.DataFrame(
        {
            "formula": ["Li3PS4", "S4PLi3", "Li2S", "Li2O", "Li3PO4", "Li4SiO4"],
            "sigma_s_cm": [1e-3, 1e-3, 1e-9, np.nan, 1e-9, 1e-3],  # Li3PS4 twice, Li2O a bound
        }
    )
    # Of five compositions two conduct: 0.4. Sulfides one of two: (1 + 5 · 0.4)/(2 + 5); oxides one of three: 3/8.
    rates = conductor_rate(["Li4SnS4", "LiNbO3", "LiCl"], measured)
    assert rates.tolist() == pytest.approx([3 / 7, 3 / 8, 0.4])
    assert conductor_rate(["Li4SnS4"], measured.head(0)).tolist() == [0.0]
