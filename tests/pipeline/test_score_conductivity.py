"""The tables of scores: what is shuffled is not predicted, near and far add up, tables are Markdown."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ionsieve.models.learning.training import TrainedModel
from ionsieve.models.quantities.conductivity import fit_conductivity, measured_rows
from ionsieve.pipeline.home import home
from ionsieve.pipeline.reference import score_conductivity as scoring
from ionsieve.pipeline.reference.contenders import MODEL, TREES, decision_tables
from ionsieve.pipeline.sources.table import LATTICE
from ionsieve.pipeline.stages.featurize import features_of

ANIONS = ["O", "S", "Se", "F", "Cl", "Br"]
CATIONS = ["Al", "Ga", "In", "Y", "Ti", "Zr", "Sn", "Ge", "Nb", "Ta"]


def invented() -> pd.DataFrame:
    """60 compounds that conduct the better the heavier their anion."""
    rows = [
        {"id": f"{c}{a}", "formula": f"Li3{c}{a}4", "sigma_s_cm": 10.0 ** (-8 + j), "source": c, "family": a}
        for (j, a), c in itertools.product(enumerate(ANIONS), CATIONS)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def held() -> scoring.HeldOut:
    rows, params = invented(), scoring.protocol(home().params["train"], ["clusters", "publication"], 2)
    quick = params["conductivity"]["estimators"]["lightgbm"] | {"n_estimators": 40, "learning_rate": 0.15}
    estimators = params["conductivity"]["estimators"] | {"lightgbm": quick}
    params["conductivity"] = params["conductivity"] | {"estimators": estimators}
    features = features_of(rows).set_index("id")
    return scoring.HeldOut(measured_rows(rows), fit_conductivity(rows, features, params))


def first_partition(model: TrainedModel) -> TrainedModel:
    held_out = model.out_of_fold
    second = (held_out["split"] == "clusters") & held_out["fold"].str.startswith("1.")
    return replace(model, out_of_fold=held_out[~second])


def test_the_model_beats_what_stands_beside_it(held):
    table = scoring.score_rows(held, first_partition(held.model)).set_index(["held out", ""])
    errors = {key: float(text.split(" ")[0]) for key, text in table["error"].items()}
    assert errors["publication", "model"] < 0.5 * errors["publication", "a constant"]
    # Learned from the same values, "scrambled" is the model itself.
    assert errors["publication", "scrambled"] == errors["publication", "model"]
    assert (table["rows"] == 60).all()


def test_dealing_out_keeps_the_values_and_not_their_places():
    known = invented()
    dealt = scoring.scrambled(known, 0)
    assert sorted(dealt["sigma_s_cm"]) == sorted(known["sigma_s_cm"])
    assert (dealt["sigma_s_cm"] != known["sigma_s_cm"]).mean() > 0.5


def test_what_is_expected_grows_with_the_share_of_far_rows(held):
    table = scoring.expected_rows(held)
    rows = held.split("clusters")
    error = (rows["measured"] - rows["blend"]).abs().mean()
    # At the share of far rows of the clusters themselves it is their error.
    assert float(table["error"].iloc[-1].split(" ")[0]) == pytest.approx(error, abs=0.006)


def test_probabilities_of_held_out_rows_rise_with_their_prediction(held):
    rows = held.split("publication")
    probability = scoring._probabilities(held, rows)
    assert ((probability > 0) & (probability < 1)).all()
    good = (rows["measured"] >= scoring.GOOD).to_numpy()
    assert probability[good].mean() > probability[~good].mean() + 0.3


def test_a_table_is_markdown():
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert scoring.markdown(table) == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"
    assert np.array_equal(table.columns, ["a", "b"])


def test_contenders_are_compared_on_the_same_folds():
    rows, params = invented(), dict(home().params["train"])
    quick = {"lightgbm": {"n_estimators": 5, "leave_out": ["magpie_"]}}
    params["conductivity"] = params["conductivity"] | {"estimators": quick}
    known = measured_rows(rows.assign(temperature_c=25.0, space_group_number=np.nan, formula_units_z=np.nan))
    known = known.reindex(columns=[*known.columns, *LATTICE])
    features = features_of(rows).set_index("id").loc[known.index]
    errors, enrichments = decision_tables(known, features, params)
    assert errors.loc[errors[""] == MODEL, "gain"].item() == ""
    assert set(errors["by the rule"]) <= {"", "better", "worse", "no difference"}
    of_mean = errors.set_index("")["error"].astype(float)
    members = of_mean[[MODEL, TREES]]  # the mean of two errs no more than they do on average
    assert of_mean["mean of LightGBM and randomised trees"] <= members.mean() + 1e-3
    assert enrichments[""].tolist() == [MODEL, "classifier of ≥ 1e-4", "lambdarank"]
