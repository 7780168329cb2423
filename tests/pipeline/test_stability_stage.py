"""The stage `stability`: which energies of a row's own may stand on the hull."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.thermodynamics.hull import phase_set
from ionsieve.pipeline.stages.stability import own_energies, stability_of

ROWS = pd.DataFrame(
    {
        "id": list("abcd"),
        "formula": ["Li3OCl"] * 4,
        "formation_energy_ev_atom": [-2.0, -2.0, -2.0, np.nan],
        "thermo_set": ["ours", "theirs", None, "ours"],
    }
)


def test_an_energy_of_another_thermochemistry_is_not_used() -> None:
    # that of our own set is, and one that names no set is taken for ours
    np.testing.assert_equal(own_energies(ROWS, "ours"), [-2.0, np.nan, -2.0, np.nan])
    np.testing.assert_equal(own_energies(ROWS.drop(columns="thermo_set"), "ours"), [-2.0, -2.0, -2.0, np.nan])


def test_a_foreign_energy_gives_no_hull_distance() -> None:
    table = pd.DataFrame(
        {"formula": ["Li2O", "LiCl"], "formation_energy_ev_atom": [-2.0, -2.1], "thermo_set": ["ours", "ours"]}
    )
    found = stability_of(ROWS, phase_set(table), [], 0.005)
    # Li2O + LiCl: (3 · -2.0 + 2 · -2.1) / 5 = -2.04 eV/atom, so -2.0 lies 0.04 above the hull
    assert found["e_above_hull_ev_atom"].tolist() == pytest.approx([0.04, np.nan, 0.04, np.nan], nan_ok=True)
    assert found["oxidation_limit_v"].notna().all()
