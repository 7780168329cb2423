"""Positions of compositions: chemistry that is alike lies close, and only ratios of amounts count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ionsieve.features.composition.ion_similarity import N_DIRECTIONS, ion_positions, ion_similarity_features


def distance(a: str, b: str) -> float:
    positions = ion_similarity_features([a, b]).to_numpy()
    return float(np.linalg.norm(positions[0] - positions[1]))


@pytest.mark.parametrize(
    ("formula", "near", "far"),
    [
        ("LiTi2(PO4)3", "LiZr2(PO4)3", "LiCl"),  # both NASICON phosphates
        ("Li6PS5Cl", "Li6PS5Br", "Li3PO4"),  # both argyrodites
        ("Li7La3Zr2O12", "Li5La3Nb2O12", "Li3N"),  # both garnets
        ("Li3PS4", "Li3PSe4", "Li3PO4"),  # sulfide and selenide are closer than sulfide and oxide
        ("Li3InCl6", "Li3YCl6", "Li3N"),
    ],
)
def test_members_of_a_family_lie_closer_than_strangers(formula, near, far):
    assert distance(formula, near) < distance(formula, far)


def test_a_doped_material_lies_closer_to_its_parent_the_less_it_is_doped():
    parent = "LiTi2(PO4)3"
    assert 0 < distance(parent, "Li1.1Al0.1Ti1.9(PO4)3") < distance(parent, "Li1.4Al0.4Ti1.6(PO4)3")


@settings(max_examples=20, deadline=None)
@given(factor=st.integers(min_value=2, max_value=12))
def test_only_ratios_of_amounts_count(factor):
    np.testing.assert_allclose(
        ion_similarity_features([f"Li{3 * factor}P{factor}S{4 * factor}"]).to_numpy(),
        ion_similarity_features(["Li3PS4"]).to_numpy(),
        atol=1e-12,
    )


def test_a_mixture_lies_at_the_mean_of_its_ions():
    # LiCl has one Li+ and one Cl-: its position is the mean of the two.
    ions = ion_positions([(3, 1), (17, -1)])
    np.testing.assert_allclose(ion_similarity_features(["LiCl"]).to_numpy()[0], ions.mean(axis=0), atol=1e-12)


def test_positions_keep_the_similarities_they_come_from():
    # exp(-d²/6²) with coordinates in their units; Na+ and K+ differ by Pauling 0.93 - 0.82, crystal radius
    # 1.16 - 1.52 Å and one row. Ten directions hold 98 % of the similarity, hence the loose tolerance.
    squared = ((0.93 - 0.82) / 0.5) ** 2 + ((1.16 - 1.52) / 0.15) ** 2 + (1 / 1.5) ** 2
    sodium, potassium = ion_positions([(11, 1), (19, 1)])
    assert sodium @ potassium == pytest.approx(np.exp(-squared / 36), abs=0.04)
    assert sodium @ sodium == pytest.approx(1.0, abs=0.04)


def test_unreadable_formulas_are_unknown_and_others_unaffected():
    table = ion_similarity_features(["Li2O", "no formula", "HeNe"])
    assert table.shape == (3, N_DIRECTIONS)
    assert table.iloc[1].isna().all()
    assert table.iloc[[0, 2]].notna().all(axis=None)
    assert ion_similarity_features([]).shape == (0, N_DIRECTIONS)
