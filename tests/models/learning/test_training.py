"""Training as a whole on a small law with noise: honest scores, no crash on little data, the same twice."""

import json

import joblib
import numpy as np
import pandas as pd
import pytest

from ionsieve.models.learning.training import TrainedModel, TrainingRows, model_card, predict, train_regressor
from ionsieve.models.learning.validation import grouped_folds

SHARED = {
    "seed": 0,
    "threads": 1,
    "min_rows": 30,
    "min_groups": 10,
    "intervals": {"coverage": 0.9, "above": 0.05, "n_splits": 5, "min_rows_difficulty": 500, "difficulty": {}},
    "near_draws": 20,
}
PARAMS = {
    "blend": ["lightgbm", "linear"],
    "estimators": {
        "lightgbm": {"n_estimators": 60, "min_child_samples": 5},
        "linear": {"log10_alpha_range": [0, 2]},
    },
}


def rows_of(n: int) -> TrainingRows:
    rng = np.random.default_rng(0)
    index = pd.Index([f"m{i:03d}" for i in range(n)], name="id")
    features = pd.DataFrame(rng.random((n, 4)), columns=["a", "b", "c", "d"], index=index)
    noise = rng.normal(scale=0.1, size=n)
    return TrainingRows(features, (4 * features["a"] - 2 * features["b"] + noise).rename("y"), np.arange(n) // 2)


def trained_on(rows: TrainingRows) -> TrainedModel:
    return train_regressor("law", rows, {"grouped": grouped_folds(rows.groups, 5, 0)}, PARAMS, SHARED)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return trained_on(rows_of(200))


def test_every_estimator_is_scored_beside_the_constant(model):
    scores = model.scores.set_index("estimator")
    assert set(scores.index) == {"lightgbm", "linear", "baseline", "blend"}
    assert scores.loc["baseline", "mae"] == scores.loc["baseline", "mae_baseline"]
    # The law is linear with noise of 0.1, whose mean absolute value is 0.08; a constant misses by about 1.
    assert 0.06 < scores.loc["linear", "mae"] < 0.12
    assert scores.loc["baseline", "mae"] > 0.8
    assert 0.84 <= scores.loc["blend", "coverage"] <= 0.96
    assert len(model.fold_scores) == 5 * 4


def test_held_out_rows_were_not_learned_from(model):
    assert sorted(model.out_of_fold["id"]) == sorted(f"m{i:03d}" for i in range(200))
    fitted = predict(model, rows_of(200).features)["predicted"].to_numpy()
    held_out = model.out_of_fold.sort_values("row")["blend"].to_numpy()
    measured = rows_of(200).target.to_numpy()
    assert np.abs(fitted - measured).mean() < np.abs(held_out - measured).mean()


def test_training_twice_gives_the_same_and_survives_the_disk(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    new = rows_of(50).features + 0.01
    pd.testing.assert_frame_equal(predict(again, new), predict(trained_on(rows_of(200)), new))


def test_unlike_rows_are_outside_the_domain_and_unknown_rows_unknown(model):
    known = rows_of(200).features
    strange = (known.iloc[:2] + 50).set_axis(["x", "y"])
    empty = (known.iloc[:1] * np.nan).set_axis(["z"])
    result = predict(model, pd.concat([known.iloc[:2], strange, empty]))
    assert result["in_domain"].tolist() == [True, True, False, False, False]
    assert result.loc["z", ["predicted", "low", "high", "domain_distance"]].isna().all()
    assert (result["low"] < result["high"]).iloc[:4].all()
    assert predict(model, known.iloc[:0]).empty


def test_a_missing_column_counts_as_unknown(model):
    result = predict(model, rows_of(200).features.drop(columns="d"))
    assert result["predicted"].notna().all()


@pytest.mark.parametrize("n", [0, 1, 20])
def test_too_few_rows_are_said_not_trained(n):
    model = trained_on(rows_of(n))
    assert not model.trained
    assert f"{n} rows" in model.reason_not_trained
    assert "at least 30 rows" in model.reason_not_trained
    assert predict(model, rows_of(3).features)["predicted"].isna().all()
    assert json.loads(json.dumps(model_card(model)))["trained"] is False


def test_the_card_is_plain_json(model):
    card = json.loads(json.dumps(model_card(model), allow_nan=False))
    assert card["noise_floor"] is None
    assert card["n_rows"] == 200
    assert {record["estimator"] for record in card["scores"]} == {"lightgbm", "linear", "baseline", "blend"}
    assert sum(row["importance"] for row in card["importance"]) == pytest.approx(1.0)


def test_disagreement_is_the_spread_of_the_estimators_and_intervals_hold_the_prediction(model):
    held_out = model.out_of_fold
    # of two numbers the standard deviation is half their difference
    half = (held_out["lightgbm"] - held_out["linear"]).abs() / 2
    np.testing.assert_allclose(held_out["disagreement"], half)
    # errors lie on both sides of zero, so each end lies on its own side of the prediction
    assert (held_out["low"] < held_out["blend"]).all()
    assert (held_out["blend"] < held_out["high"]).all()


def test_without_trees_every_feature_is_as_important():
    rows = rows_of(60)
    alone = train_regressor(
        "law", rows, {"grouped": grouped_folds(rows.groups, 5, 0)}, PARAMS | {"blend": ["linear"]}, SHARED
    )
    assert alone.importance["importance"].tolist() == [0.25] * 4
