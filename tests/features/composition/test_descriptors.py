"""Composition descriptors against matminer, worked examples and laws."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matminer.featurizers.composition import ElementProperty, IonProperty, Stoichiometry
from pymatgen.core import Composition

from ionsieve.features.composition.descriptors import composition_features, element_statistics

# Ties for the mode (LiCl, LiFePO4's Li = Fe = P), rounded amounts, elements without data (He, Cm), many elements.
VARIED = [
    "Li",
    "LiCl",
    "ClLi",
    "Li2S",
    "LiFePO4",
    "Li10GeP2S12",
    "Li0.33La0.56TiO3",
    "Li6.4La3Zr1.4Ta0.6O12",
    "LiN(SO2CF3)2",
    "Ca(OH)2",
    "CmO2",
    "He",
    "HeNe",
    "Li9.54Si1.74P1.44S11.7Cl0.3",
    "AgCuZnCdHgInGaTlPb",
]


@pytest.fixture(scope="module")
def varied() -> pd.DataFrame:
    return composition_features(VARIED)


def features_of(formula: str) -> pd.Series:
    return composition_features([formula]).iloc[0]


def assert_same_as_matminer(formulas: list[str]) -> None:
    matminer = ElementProperty.from_preset("magpie", impute_nan=False)
    expected = np.array([matminer.featurize(Composition(formula)) for formula in formulas], dtype=float)
    ours = element_statistics(formulas)
    assert [label.replace("MagpieData ", "magpie_").replace(" ", "_") for label in matminer.feature_labels()] == list(
        ours
    )
    np.testing.assert_allclose(ours.to_numpy(), expected, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_element_statistics_equal_matminer_on_varied_formulas():
    assert_same_as_matminer(VARIED)


def test_element_statistics_equal_matminer_on_real_formulas(shared_data):
    formulas = pd.read_csv(shared_data / "mp_formation_energies.csv.gz")["formula"]
    assert_same_as_matminer(formulas.sample(400, random_state=0).tolist())


def test_stoichiometry_norms_equal_matminer(varied):
    matminer = Stoichiometry()
    expected = [matminer.featurize(Composition(formula)) for formula in VARIED]
    ours = varied[[f"stoichiometry_norm_{p}" for p in matminer.p_list]]
    np.testing.assert_allclose(ours.to_numpy(), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
def test_ionic_character_equals_matminer(varied):
    matminer = IonProperty(fast=True, impute_nan=False)
    formulas = [formula for formula in VARIED if formula != "HeNe"]
    expected = [matminer.featurize(Composition(formula))[1:] for formula in formulas]
    ours = varied.loc[[formula in formulas for formula in VARIED], ["ionic_character_max", "ionic_character_mean"]]
    np.testing.assert_allclose(ours.to_numpy(), expected, rtol=1e-9)


def test_ionic_character_is_unknown_without_electronegativities(varied):
    # Neither helium nor neon has a Pauling electronegativity.
    assert varied["ionic_character_max"].isna().tolist() == [formula == "HeNe" for formula in VARIED]


def test_lithium_chloride_by_hand():
    # Pauling electronegativities 0.98 and 3.16: 1 - exp(-(2.18/2)²) = 0.695; Shannon radii 0.90 and 1.67 Å.
    row = features_of("LiCl")
    assert row["ionic_character_max"] == pytest.approx(0.695, abs=5e-4)
    assert row["ionic_character_mean"] == pytest.approx(0.695 / 4, abs=5e-4)
    assert row["electronegativity_difference"] == pytest.approx(2.18)
    assert row["radius_ratio"] == pytest.approx(0.90 / 1.67)
    assert row["li_per_anion"] == 1.0
    assert math.isnan(row["framework_charge_mean"])
    assert row["entropy_total"] == pytest.approx(math.log(2))


def test_argyrodite_sublattices_by_hand():
    # Li6PS5Cl: 7 cations (6 mobile, P5+ the framework), 6 anions mixing 5/6 S with 1/6 Cl, 13 atoms.
    row = features_of("Li6PS5Cl")
    anion = -(5 / 6 * math.log(5 / 6) + 1 / 6 * math.log(1 / 6))
    assert row["charge_imbalance_e_atom"] == 0.0
    assert row["entropy_anion"] == pytest.approx(anion)
    assert row["entropy_mobile"] == 0.0
    assert row["entropy_framework"] == 0.0
    assert row["entropy_sublattices_per_atom"] == pytest.approx(anion * 6 / 13)
    assert row["anion_share_cl"] == pytest.approx(1 / 6)
    assert row["cation_anion_ratio"] == pytest.approx(7 / 6)
    assert row["fraction_framework_cation"] == pytest.approx(1 / 13)
    assert row["framework_charge_mean"] == 5
    assert row["cation_charge_mean"] == pytest.approx((6 + 5) / 7)
    assert row["anion_charge_mean"] == pytest.approx(-11 / 6)


def test_framework_entropy_of_a_doped_garnet_by_hand():
    # Li6.4La3Zr1.4Ta0.6O12: three framework cations, 3 : 1.4 : 0.6 of 5.
    shares = np.array([3, 1.4, 0.6]) / 5
    row = features_of("Li6.4La3Zr1.4Ta0.6O12")
    assert row["entropy_framework"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert row["framework_charge_mean"] == pytest.approx((3 * 3 + 1.4 * 4 + 0.6 * 5) / 5)


@pytest.mark.parametrize(
    ("formula", "highest", "lowest"),
    [
        ("Li3PO4", 5, -2),  # phosphate
        ("Li3P", 1, -3),  # phosphide, P the anion
        ("Li2SO4", 6, -2),
        ("Li2S", 1, -2),
        ("LiClO4", 7, -2),
        ("LiBH4", 3, -1),  # borohydride, H the anion
        ("LiNH2", 1, -3),  # amide, H a cation
        ("LiFePO4", 5, -2),
        ("LiNbO3", 5, -2),
        ("Li2.9PO3.3N0.46", 5, -3),
    ],
)
def test_known_oxidation_states(formula, highest, lowest):
    row = features_of(formula)
    assert (row["oxidation_state_max"], row["oxidation_state_min"]) == (highest, lowest)
    assert abs(row["charge_imbalance_e_atom"]) < 0.02


def test_mixed_valence_and_alloys_leave_an_imbalance():
    # LiMn2O4 has Mn at +3.5: one state for all misses 2 · 0.5 e in 7 atoms.
    assert abs(features_of("LiMn2O4")["charge_imbalance_e_atom"]) == pytest.approx(1 / 7)
    alloy = features_of("LiAl")
    assert alloy["charge_imbalance_e_atom"] > 0.5
    assert math.isnan(alloy["li_per_anion"])


def test_a_solid_of_twelve_elements_is_answered_at_once():
    # Twelve elements with up to six states each: the search is bounded, and lithium stays +1, oxygen -2.
    row = features_of("LiFeMnCoNiVCrWMoSPO24")
    assert row["oxidation_state_min"] == -2
    assert np.isfinite(row["charge_imbalance_e_atom"])


def test_a_formula_that_cannot_be_parsed_is_a_row_of_nan_in_its_place():
    table = composition_features(["Li2S", "not a formula", "", "LiCl"])
    assert table.index.equals(pd.RangeIndex(4))
    assert table.notna().any(axis=1).tolist() == [True, False, False, True]
    pd.testing.assert_series_equal(table.loc[3], features_of("LiCl"), check_names=False)


def test_no_formulas_give_an_empty_table_with_all_columns():
    assert list(composition_features([])) == list(composition_features(["LiCl"]))
    assert len(composition_features([])) == 0


def test_column_names_are_unique_and_plain(varied):
    assert varied.columns.is_unique
    assert all(name.isascii() and " " not in name for name in varied)


ELEMENTS = ("Li", "Na", "La", "Ti", "Zr", "Fe", "P", "Ge", "B", "H", "N", "O", "S", "F", "Cl", "I")
amounts_by_element = st.dictionaries(st.sampled_from(ELEMENTS), st.integers(1, 12), min_size=1, max_size=6)


def written(amounts: dict[str, int], factor: int = 1) -> str:
    return "".join(f"{symbol}{amount * factor}" for symbol, amount in amounts.items())


@given(amounts_by_element, st.integers(2, 9))
@settings(max_examples=40, deadline=None)
def test_multiplying_all_amounts_changes_nothing(amounts, factor):
    table = composition_features([written(amounts), written(amounts, factor)])
    np.testing.assert_allclose(table.iloc[0], table.iloc[1], rtol=1e-9, atol=1e-12)


@given(amounts_by_element)
@example({"Li": 1, "Na": 1})  # no anion: a longer row beside it must not lend it its padding
@settings(max_examples=40, deadline=None)
def test_order_of_elements_and_neighbouring_rows_change_nothing(amounts):
    backwards = dict(reversed(amounts.items()))
    table = composition_features(["Li10GeP2S12", written(backwards), "LiCl"])
    pd.testing.assert_series_equal(table.iloc[1], features_of(written(amounts)), check_names=False, rtol=1e-12)


@given(amounts_by_element)
@settings(max_examples=40, deadline=None)
def test_shares_and_entropies_keep_their_bounds(amounts):
    row = features_of(written(amounts))
    fractions = row[[name for name in row.index if name.startswith(("fraction_", "anion_share_"))]].dropna()
    assert fractions.between(0, 1 + 1e-12).all()
    assert 0 <= row["entropy_total"] <= math.log(len(amounts)) + 1e-12
    # Mixing within sublattices is part of mixing everything.
    assert -1e-12 <= row["entropy_sublattices_per_atom"] <= row["entropy_total"] + 1e-12
    assert 0 <= row["ionic_character_mean"] <= row["ionic_character_max"] < 1
