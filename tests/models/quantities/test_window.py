"""Models of the window limits: which phases they may learn from."""

import itertools

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.composition.descriptors import composition_features
from ionsieve.models.quantities.window import LIMITS, fit_windows, predict_windows

PARAMS = {
    "seed": 0,
    "threads": 1,
    "n_splits": 5,
    "min_rows": 30,
    "min_groups": 10,
    "intervals": {"coverage": 0.9, "above": 0.05, "n_splits": 5, "min_rows_difficulty": 500, "difficulty": {}},
    "near_draws": 20,
    "window": {
        "max_hull_distance_ev_atom": 0.05,
        "min_width_v": 0.01,
        "blend": ["lightgbm"],
        "estimators": {
            "lightgbm": {"n_estimators": 60, "min_child_samples": 5},
            "linear": {"log10_alpha_range": [0, 4]},
        },
    },
}

# Oxidation limits follow the anion; made up, but in the order nature has: F > Cl > Br > O > I > S > N.
ANION_VOLTAGE = {"F": 6.0, "Cl": 4.2, "Br": 3.8, "O": 3.5, "I": 2.9, "S": 2.3, "N": 1.0}


@pytest.fixture(scope="module")
def stability() -> pd.DataFrame:
    cations = ["Al", "Ga", "Y", "Zr", "Ti", "P", "Si", "Mg"]
    rows = [
        (f"Li{n}{cation}{anion}4", ANION_VOLTAGE[anion] - 1.5, ANION_VOLTAGE[anion])
        for n, cation, anion in itertools.product((1, 3), cations, ANION_VOLTAGE)
    ]
    table = pd.DataFrame(rows, columns=["formula", "reduction_limit_v", "oxidation_limit_v"])
    return table.assign(id=table["formula"], e_above_hull_ev_atom=0.0, hull_complete=True)


def features_of(stability: pd.DataFrame) -> pd.DataFrame:
    return composition_features(stability["formula"].tolist()).set_index(stability["id"])


def test_limits_follow_the_anion(stability):
    models = fit_windows(stability, features_of(stability), PARAMS)
    result = predict_windows(models, features_of(stability))
    assert list(result.index) == stability["id"].tolist()
    error = (result["oxidation_limit_predicted_v"].to_numpy() - stability["oxidation_limit_v"]).abs()
    assert error.mean() < 0.3
    assert (result["oxidation_limit_low_v"] <= result["oxidation_limit_high_v"]).all()
    for limit in LIMITS:
        scores = models[limit].scores.set_index("estimator")
        assert scores.loc["blend", "mae"] < 0.5 * scores.loc["baseline", "mae"]
        assert models[limit].n_groups == 56  # one per chemical system: 8 cations by 7 anions


@pytest.mark.parametrize(
    "spoiled",
    [
        {"e_above_hull_ev_atom": 0.06},  # a phase that decomposes
        {"reduction_limit_v": 99.0, "oxidation_limit_v": 99.005},  # no window
        {"oxidation_limit_v": np.inf},  # no lithium in it
        {"hull_complete": False},
        {"reduction_limit_v": np.nan},
        {"e_above_hull_ev_atom": np.nan},
    ],
)
def test_rows_whose_limits_mean_nothing_are_not_learned_from(stability, spoiled):
    first = stability["id"] == stability["id"].iloc[0]
    table = stability.copy()
    for column, value in spoiled.items():
        table[column] = table[column].mask(first, value)
    quick = {**PARAMS["window"], "blend": ["linear"], "estimators": {"linear": {"log10_alpha_range": [0, 0]}}}
    models = fit_windows(table, features_of(table), {**PARAMS, "window": quick})
    assert models["oxidation_limit_v"].n_rows == len(stability) - 1


def test_too_few_phases_are_said_not_trained(stability):
    models = fit_windows(stability.iloc[:12], features_of(stability), PARAMS)
    assert "12 rows" in models["reduction_limit_v"].reason_not_trained
    result = predict_windows(models, features_of(stability))
    assert result["reduction_limit_predicted_v"].isna().all()
    assert not result["reduction_limit_in_domain"].any()
