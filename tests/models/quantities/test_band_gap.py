"""The band-gap model: medians over entries, measured and PBE gaps told apart, never below zero."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.composition.descriptors import composition_features
from ionsieve.models.quantities.band_gap import METHOD_FEATURE, fit_band_gap, predict_band_gap

PARAMS = {
    "seed": 0,
    "threads": 1,
    "min_rows": 30,
    "min_groups": 10,
    "intervals": {"coverage": 0.9, "above": 0.05, "n_splits": 5, "min_rows_difficulty": 500, "difficulty": {}},
    "near_draws": 20,
    "band_gap": {
        "n_splits": 3,
        "blend": ["lightgbm"],
        "estimators": {
            "lightgbm": {"n_estimators": 80, "min_child_samples": 3},
            "linear": {"log10_alpha_range": [0, 4]},
        },
    },
}

METALS = ["Na", "K", "Mg", "Ca", "Sr", "Ba", "Zn", "Al", "Y", "La", "Zr", "Ti"]
# Gaps fall from fluorides to tellurides; the measured one is taken as 1.5 times the PBE one.
ANION_GAP_EV = {"F": 7.0, "Cl": 5.0, "O": 4.0, "S": 2.0, "Te": 0.5}


def gaps_of(methods: dict[str, float]) -> pd.DataFrame:
    rows = [
        (f"{metal}{anion}2", gap * factor, method)
        for method, factor in methods.items()
        for metal in METALS
        for anion, gap in ANION_GAP_EV.items()
    ]
    table = pd.DataFrame(rows, columns=["formula", "band_gap_ev", "method"])
    return table.assign(id=[f"g{i:03d}" for i in range(len(table))])


def features_of(gaps: pd.DataFrame) -> pd.DataFrame:
    return composition_features(gaps["formula"].tolist()).set_index(gaps["id"])


@pytest.fixture(scope="module")
def gaps() -> pd.DataFrame:
    return gaps_of({"pbe": 1.0, "measured": 1.5})


@pytest.fixture(scope="module")
def model(gaps):
    return fit_band_gap(gaps, features_of(gaps), PARAMS)


def test_both_methods_are_learned_side_by_side(model, gaps):
    assert model.methods == ("measured", "pbe")
    assert METHOD_FEATURE in model.feature_names
    # One composition is one group whatever the method: its PBE gap must not help to predict its measured one.
    assert model.n_groups == len(METALS) * len(ANION_GAP_EV)
    new = features_of(gaps.iloc[:60])
    ratio = predict_band_gap(model, new, "measured")["band_gap_ev"] / predict_band_gap(model, new, "pbe")["band_gap_ev"]
    assert ratio.median() == pytest.approx(1.5, rel=0.1)


def test_gaps_and_their_intervals_are_never_negative(model, gaps):
    result = predict_band_gap(model, features_of(gaps), "pbe")
    numbers = result[["band_gap_low_ev", "band_gap_ev", "band_gap_high_ev"]]
    assert (numbers >= 0).all(axis=None)
    assert (numbers.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_entries_of_one_composition_count_once_by_their_median(gaps):
    repeated = gaps.iloc[:60].assign(method="pbe")
    outliers = repeated.iloc[:1]
    more = pd.concat(
        [
            repeated,
            outliers.assign(id="x1", formula="Na2F4"),  # the same composition, written twice as large
            outliers.assign(id="x2", band_gap_ev=50.0),
        ],
        ignore_index=True,
    )
    model = fit_band_gap(more, features_of(more), PARAMS)
    assert model.n_rows == 60
    learned = model.out_of_fold.set_index("id")["measured"]
    assert learned.max() == pytest.approx(7.0)


def test_a_method_never_learned_is_refused(gaps):
    only_pbe = gaps[gaps["method"] == "pbe"]
    model = fit_band_gap(only_pbe, features_of(only_pbe), PARAMS)
    with pytest.raises(ValueError, match="no 'measured' gap was learned from; there are pbe"):
        predict_band_gap(model, features_of(only_pbe), "measured")


def test_few_gaps_are_said_not_trained(gaps):
    few = gaps.iloc[:10]
    model = fit_band_gap(few, features_of(few), PARAMS)
    assert "10 rows" in model.reason_not_trained
    assert np.isnan(predict_band_gap(model, features_of(few), "measured")["band_gap_ev"]).all()
