"""Propagated energy errors against closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.uncertainty import (
    EnergyError,
    anion_fractions,
    interface_uncertainty,
    stability_uncertainty,
)
from ionsieve.features.thermodynamics.window import window_table


def phases_of(energies: dict[str, float]) -> PhaseSet:
    return phase_set(pd.DataFrame({"formula": list(energies), "formation_energy_ev_atom": list(energies.values())}))


def test_without_error_there_is_no_spread(mp_phases: PhaseSet) -> None:
    formulas = ["Li3PS4", "Li6PS5Cl", "Al2O3", "Li3YCl6", "LiXe"]
    table = stability_uncertainty(formulas, mp_phases, EnergyError(0.0, 0.0, n_draws=2))
    exact = window_table(formulas, mp_phases)
    for limit in ("reduction_limit", "oxidation_limit", "reduction_limit_tol", "oxidation_limit_tol"):
        for end in ("low", "high"):
            assert table[f"{limit}_{end}_v"].to_numpy() == pytest.approx(exact[f"{limit}_v"].to_numpy(), nan_ok=True)
    assert table["probability_stable"].to_numpy() == pytest.approx([1, 0, 1, np.nan, np.nan], nan_ok=True)
    pair = pd.DataFrame(
        {"formula_a": ["LiNbO3", "LiNbO3"], "formula_b": ["Li3PS4", "Li3PS4"], "voltage_v": [np.nan, 4.0]}
    )
    found = interface_uncertainty(pair, mp_phases, EnergyError(0.0, 0.0, n_draws=2))
    assert found["e_rxn_low_ev_atom"].to_numpy() == pytest.approx(interface_table(pair, mp_phases)["e_rxn_ev_atom"])
    assert (found["probability_reacts"] == 1).all()


def test_probability_of_one_compound_is_a_normal_tail() -> None:
    phases = phases_of({"LiF": -0.02})
    error = EnergyError(compound_ev_atom=0.024, anion_ev=0.0, n_draws=4000, seed=1)
    row = stability_uncertainty(["LiF"], phases, error).iloc[0]
    # stable while -0.02 + error < 0; three standard deviations of a share out of 4000
    assert row["probability_stable"] == pytest.approx(norm.cdf(0.02 / 0.024), abs=3 * 0.4 / np.sqrt(4000))


def test_an_error_that_a_row_states_goes_before_the_default() -> None:
    table = pd.DataFrame(
        {"formula": ["LiF", "NaF"], "formation_energy_ev_atom": [-0.02, -0.02], "energy_error_ev_atom": [0.06, None]}
    )
    phases = phase_set(table)
    error = EnergyError(compound_ev_atom=0.024, anion_ev=0.0, n_draws=4000, seed=1)
    found = stability_uncertainty(["LiF", "NaF"], phases, error).set_index("formula")["probability_stable"]
    expected = {"LiF": norm.cdf(0.02 / 0.06), "NaF": norm.cdf(0.02 / 0.024)}
    for formula, share in expected.items():
        assert found[formula] == pytest.approx(share, abs=3 * 0.5 / np.sqrt(4000)), formula


def test_an_anions_offset_moves_the_window_as_it_should() -> None:
    error = EnergyError(compound_ev_atom=0.0, anion_ev=0.1, n_draws=4000, seed=2)
    row = stability_uncertainty(["Li2O"], phases_of({"Li2O": -2.0}), error).iloc[0]
    # Li2O -> 2 Li + 1/2 O2 at (6 - offset) / 2 V: 5 and 95 % lie 1.645 * 0.1 / 2 V off
    assert row["oxidation_limit_low_v"] == pytest.approx(3 - 1.645 * 0.05, abs=0.006)
    assert row["oxidation_limit_high_v"] == pytest.approx(3 + 1.645 * 0.05, abs=0.006)


def test_shared_errors_cancel_in_a_reaction_that_keeps_the_anions() -> None:
    phases = phases_of({"Li2O": -2.0, "P2O5": -2.0, "Li3PO4": -2.5})
    error = EnergyError(compound_ev_atom=0.0, anion_ev=0.1, n_draws=50)
    row = interface_uncertainty(pd.DataFrame({"formula_a": ["Li2O"], "formula_b": ["P2O5"]}), phases, error).iloc[0]
    # 3 Li2O + P2O5 -> 2 Li3PO4: (-40 + 18 + 14) / 16 eV/atom in every draw
    assert [row["e_rxn_low_ev_atom"], row["e_rxn_high_ev_atom"]] == pytest.approx([-0.5, -0.5])


def test_an_own_energy_has_an_error_of_its_own() -> None:
    phases = phases_of({"LiF": -3.0, "LiCl": -2.0})
    error = EnergyError(compound_ev_atom=0.02, anion_ev=0.0, n_draws=4000, seed=3)
    row = stability_uncertainty(["Li2FCl"], phases, error, [-2.5]).iloc[0]
    # halfway between two phases: E - (E1 + E2) / 2, of spread 0.02 * sqrt(1 + 1 / 4 + 1 / 4), is below 0 half of the
    # time
    assert row["probability_stable"] == pytest.approx(0.5, abs=0.03)
    assert row["e_above_hull_high_ev_atom"] == pytest.approx(1.645 * 0.02 * np.sqrt(1.5), rel=0.08)


def test_the_same_seed_gives_the_same_draws(mp_phases: PhaseSet) -> None:
    error = EnergyError(n_draws=5, seed=4)
    alone = stability_uncertainty(["Li3PS4"], mp_phases, error)
    among = stability_uncertainty(["LiF", "Li3PS4", "Li6PS5Cl"], mp_phases, error)
    pd.testing.assert_frame_equal(alone, among.iloc[[1]].reset_index(drop=True))


def test_which_atoms_count_as_anions() -> None:
    phases = phases_of({"Li3PS4": -1.0, "Li2SO4": -1.0, "LiClO4": -1.0, "Li3OCl": -1.0})
    counted = anion_fractions(phases.elements, phases.fractions)
    found = dict(zip(phases.formulas, counted.sum(axis=1), strict=True))
    assert found["Li3PS4"] == pytest.approx(4 / 8)
    assert found["Li2SO4"] == pytest.approx(4 / 7)
    assert found["LiClO4"] == pytest.approx(4 / 6)
    assert found["Li3OCl"] == pytest.approx(2 / 5)


def test_rows_that_cannot_be_answered_keep_their_place() -> None:
    phases = phases_of({"LiF": -3.0})
    pairs = pd.DataFrame(
        {"formula_a": ["Xe", "Li", "LiF"], "formula_b": ["LiF", "LiF", "F2"], "voltage_v": [1.0, 1.0, 1.0]}
    )
    table = interface_uncertainty(pairs, phases, EnergyError(n_draws=3))
    assert table["e_rxn_low_ev_atom"].isna().tolist() == [True, True, False]
    assert "no form" in table["note"][1]
    without = stability_uncertainty(["LiF"], phases, EnergyError(n_draws=2), mobile_ion="Na")
    assert "no compound of Na" in without["note"].item()
