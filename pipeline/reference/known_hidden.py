"""How many good and poor conductors the rule for conductivity keeps: with their measurements, and with them hidden.

    python -m ionsieve.pipeline.reference.known_hidden data/interim/measurements.parquet

Hidden: each composition is predicted by models that saw neither a measurement of it nor its publications (the folds by
publication on which intervals are calibrated), near and far from what they saw told apart.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_keys
from ionsieve.models.learning.estimators import BLEND
from ionsieve.models.learning.training import near_distance
from ionsieve.models.quantities.conductivity import fit_conductivity
from ionsieve.models.quantities.measured import known_conductivity
from ionsieve.pipeline.home import home
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.tables import read_table, run_stage

GOOD, POOR = -4.0, -6.0  # log10(S/cm): a usable separator, and one that never will be


def known_shares(measurements: pd.DataFrame) -> pd.DataFrame:
    """Per composition (best phase): log10_sigma or its bound, and the probability of 1e-4 S/cm that decides."""
    one = measurements.assign(key=composition_keys(measurements["formula"])).drop_duplicates("key")
    formulas = one[["formula"]].reset_index(drop=True)
    known = known_conductivity(formulas, measurements)
    value = known["log10_sigma"].fillna(known["log10_sigma_bound"])
    return formulas.assign(key=one["key"].to_numpy(), value=value, probability=known["probability_sigma_ge_1e_4"])


def hidden_predictions(measurements: pd.DataFrame, params: Mapping[str, Any]) -> pd.DataFrame:
    """Per composition: median prediction with its own measurements and publications hidden, and whether it is near."""
    features = features_of(measurements).set_index("id")
    model = fit_conductivity(measurements, features, params["train"])
    rows = model.out_of_fold[model.out_of_fold["split"] == "publication"]
    keys = dict(zip(measurements["id"], composition_keys(measurements["formula"]), strict=True))
    rows = rows.assign(key=rows["id"].map(keys), near=rows["domain_distance"] <= near_distance(model))
    return rows.groupby("key").agg(predicted=(BLEND, "median"), near=("near", "all"), measured=("measured", "median"))


def share(passed: pd.Series) -> str:
    return f"{passed.sum()} of {len(passed)} ({100 * passed.mean():.0f} %)" if len(passed) else "none"


def main(path: str) -> None:
    measurements = read_table(path)
    known = known_shares(measurements)
    good, poor = known["value"] >= GOOD, known["value"] < POOR
    lines = [
        f"{len(known)} compositions: {good.sum()} >= 1e-4 S/cm, {poor.sum()} < 1e-6 S/cm",
        f"known: pass at P >= 0.5: good {share(known['probability'][good] >= 0.5)}, "
        f"poor {share(known['probability'][poor] >= 0.5)}",
    ]
    rows = known.merge(hidden_predictions(measurements, home().params), on="key")
    for name, part in (("near", rows[rows["near"]]), ("far", rows[~rows["near"]])):
        error = (part["predicted"] - part["value"]).abs()
        of_good, of_poor = part["predicted"][part["value"] >= GOOD], part["predicted"][part["value"] < POOR]
        lines.append(
            f"hidden, {name}: {len(part)} compositions, error {error.mean():.2f} decades "
            f"(median {np.median(error):.2f}); "
            f"predicted >= 1e-4: good {share(of_good >= GOOD)}, poor {share(of_poor >= GOOD)}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    run_stage(main)
