"""Oxidisers by charge balance, and interphases by what their phases are."""

import pandas as pd
import pytest

from ionsieve.features.chemistry.redox import is_oxidiser, products_conduct_lithium, products_mixed_conducting


def test_anions_that_lack_electrons_make_an_oxidiser() -> None:
    # electrons lacking per formula: Li2O2 2, Li2S2O7 16, LiClO4 8, LiNO3 8, LiS4 7, KI3 2, NaIO4 8, Li6TeO6 8, KMnO4 3
    found = [
        "Li2O2",
        "Li2S2O7",
        "LiClO4",
        "LiNO3",
        "LiS4",
        "KI3",
        "NaIO4",
        "Li6TeO6",
        "KMnO4",
        "Li2SO4",
        "CsO2",
        "NaN3",
    ]
    assert is_oxidiser(found).all()


def test_electrolytes_coatings_and_electrodes_are_no_oxidisers() -> None:
    sulfides = ["Li3PS4", "Li6PS5Cl", "Li7P3S11", "Li10GeP2S12", "Li9.54Si1.74P1.44S11.7Cl0.3"]
    oxides = [
        "Li3PO4",
        "Li2.9PO3.3N0.46",
        "Li7La3Zr2O12",
        "Li0.33La0.56TiO3",
        "Li1.3Al0.3Ti1.7(PO4)3",
        "LiNbO3",
        "Li2CO3",
    ]
    others = ["Li3YCl6", "LiPF6", "LiTaF6", "LiBH4", "LiH2PO4", "LiMn2O4", "Li0.5CoO2", "LiCN"]
    assert not is_oxidiser(sulfides + oxides + others).any()


def test_a_dopant_makes_no_oxidiser() -> None:
    # 0.25 Te6+ lack 8 electrons each: 2 electrons on 23.5 atoms
    assert not is_oxidiser(["Li6.5La3Zr1.75Te0.25O12"])[0]


@pytest.mark.parametrize(
    "products",
    [
        *("Li3Bi", "Li3Sb", "Li3As", "Li2Te", "LiP", "Li3P7", "LiP7 + Li2S", "Li15Ge4 + 0.5 Li2S", "Li2O + Ti2O + TiP"),
        *("TiN", "Al + LiCl", "LiC6", "LiZn", "Zr3O + Li2O", "LiTiO2", "Si + Li2O", "Nb + Li2O", "Ta2N"),
    ],
)
def test_alloys_pnictides_and_leftover_electrons_conduct(products: str) -> None:
    assert products_mixed_conducting([products])[0]


@pytest.mark.parametrize(
    "products",
    [
        *("Li3P + 5 Li2S + LiCl", "Li3N + 2 Li2O + Li3P", "LiF + Li3P", "AlN", "Li2O + ZrO2", "LiH + Li2O", "LaOCl"),
        *("Li2C2 + 3 Li2O", "BP", "Li2SiN2", "LiAl5O8", "S", "MgO"),
    ],
)
def test_salts_at_full_shells_do_not(products: str) -> None:
    assert not products_mixed_conducting([products])[0]


def test_products_that_carry_lithium() -> None:
    yes = ["Li3P + 5 Li2S + LiCl", "Al + LiF", "Li3N", "Li3OCl", "Li9N2Cl3", "2 LiI"]
    no = ["Al", "Li2Te + Te", "LiP", "Li2O2", "LiAlO2", "ZrO2 + La2O3", "LiH"]
    assert products_conduct_lithium(yes).tolist() == [True] * len(yes)
    assert products_conduct_lithium(no).tolist() == [False] * len(no)


def test_without_products_both_are_unknown() -> None:
    assert pd.isna(products_mixed_conducting([None, ""])).all()
    assert pd.isna(products_conduct_lithium([None, ""])).all()


def test_unreadable_formulas_are_named() -> None:
    with pytest.raises(ValueError, match="'Xyz3'"):
        is_oxidiser(["Li3PO4", "Xyz3"])
