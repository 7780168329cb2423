import pytest

from ionsieve.features.chemistry.bonded_anions import bonded_anions


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("Li2O2", "peroxide"),
        ("Na2O2", "peroxide"),
        ("LiO2", "peroxide"),  # a superoxide, which lacks even more
        ("BaO2", "peroxide"),
        ("LiS4", "polysulfide"),
        ("K2S5", "polysulfide"),
        ("Li2Se2", "polyselenide"),
        ("CsBr3", "polyhalide"),
        ("Li2S2O7", "condensed sulfate"),
        ("K2S3O10", "condensed sulfate"),
    ],
)
def test_bonded_anions_are_named(formula, name):
    assert bonded_anions([formula]) == [name]


@pytest.mark.parametrize(
    "formula",
    [
        "Li2SO4", "Li3PO4", "LiPO3", "Li2SO3", "LiClO4", "Li3PS4", "Li7P3S11", "Li6PS5Cl", "Li10GeP2S12", "LiNbO3",
        "Li7La3Zr2O12", "Li1.3Al0.3Ti1.7(PO4)3", "Li0.33La0.56TiO3", "LiGa(SeO3)2", "Li3YCl6", "LiNbOCl4", "Li3N",
        "Li2.9PO3.3N0.46", "Al2O3", "Li4Ti5O12", "Li2S", "LiI",
    ],
)  # fmt: skip
def test_single_anions_are_not(formula):
    assert bonded_anions([formula]) == [""]
