"""Roles of cations in frameworks everybody knows, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.composition.cation_roles import cation_role_features


def roles_of(formula: str) -> pd.Series:
    return cation_role_features([formula]).iloc[0]


def test_garnet_has_large_lanthanum_and_octahedral_zirconium():
    garnet = roles_of("Li7La3Zr2O12")
    assert garnet["large_per_anion"] == pytest.approx(3 / 12)
    assert garnet["octahedral_per_anion"] == pytest.approx(2 / 12)
    assert garnet["former_per_anion"] == 0
    assert garnet["octahedral_charge_mean"] == 4
    # Shannon's crystal radius of Zr4+ in sixfold coordination: 0.86 Å.
    assert garnet["octahedral_radius_mean_angstrom"] == pytest.approx(0.86)
    assert garnet["octahedral_entropy"] == 0


def test_phosphate_has_phosphorus_as_former_and_no_other_framework():
    phosphate = roles_of("Li3PO4")
    assert phosphate["former_per_anion"] == pytest.approx(1 / 4)
    assert phosphate["p_per_anion"] == pytest.approx(1 / 4)
    assert np.isnan(phosphate["large_radius_mean_angstrom"])
    # P5+: charge 5, crystal radius 0.52 Å.
    assert phosphate["non_lithium_potential_mean"] == pytest.approx(5 / 0.52)


def test_aliovalent_doping_shows_as_spread_of_charge_and_as_entropy():
    latp = roles_of("Li1.3Al0.3Ti1.7(PO4)3")
    share = 0.3 / 2.0  # Al3+ among the octahedral cations
    assert latp["octahedral_charge_mean"] == pytest.approx(3 * share + 4 * (1 - share))
    assert latp["octahedral_charge_spread"] == pytest.approx(np.sqrt(share * (1 - share)))
    assert latp["octahedral_entropy"] == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share))


def test_only_ratios_count_and_unreadable_formulas_are_unknown():
    table = cation_role_features(["Li3InCl6", "Li12In4Cl24", "?"])
    pd.testing.assert_series_equal(table.iloc[0], table.iloc[1], check_names=False)
    assert table.iloc[2].isna().all()


def test_without_anions_there_is_no_amount_per_anion():
    alloy = roles_of("LiAl")
    assert np.isnan(alloy["al_per_anion"]) or alloy["al_per_anion"] == 0
    assert np.isnan(roles_of("Li")["non_lithium_per_anion"])
