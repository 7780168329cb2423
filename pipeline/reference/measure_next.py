"""Does the rule for what to measure next beat chance? Half of the families are known, of the others rows are added.

    python -m ionsieve.pipeline.reference.measure_next TABLE [TABLE …]     # measurements, ours or OBELiX's CSV

In each of SPLITS draws of the known families, BUDGETS rows of the others are added, chosen by the rule
(models/learning/acquisition.py) or at random, and all rows not chosen by either are predicted.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.models.learning.acquisition import chosen
from ionsieve.models.learning.estimators import COMPOSITION_PREFIX, fit_estimator
from ionsieve.models.learning.uncertainty import domain_distance, fit_domain
from ionsieve.models.quantities.conductivity import formula_columns, log10_sigma, measured_rows
from ionsieve.pipeline.home import home
from ionsieve.pipeline.reference.score_conductivity import markdown, merged_tables
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.tables import run_stage

SPLITS, BUDGETS = 12, (20, 60)


def compared(known: pd.DataFrame, features: pd.DataFrame, params: dict, seed: int) -> list[dict[str, float]]:
    """Errors on the rest after each budget, by the rule and at random, with one draw of the known families."""
    random = np.random.default_rng(seed)
    families = known["family"].str.lower().str.rstrip("s").to_numpy()
    names = np.unique(families)
    first = np.isin(families, random.permutation(names)[: len(names) // 2])
    values, columns = features.to_numpy(dtype=float), list(features.columns)
    target, ours = log10_sigma(known).to_numpy(), params["conductivity"]
    pool = np.flatnonzero(~first)
    positions = features.filter(like=COMPOSITION_PREFIX).to_numpy(dtype=float)[pool]
    distance = domain_distance(fit_domain(values[first], columns), values[pool])

    def error(added: np.ndarray, asked: np.ndarray) -> float:
        learned = np.concatenate([np.flatnonzero(first), added])
        settings = ours["estimators"]["lightgbm"]
        fitted = fit_estimator("lightgbm", settings, columns, values[learned], target[learned], params["seed"], 1)
        return float(np.abs(fitted.predict(values[asked]) - target[asked]).mean())

    records = []
    for budget in BUDGETS:
        rule = pool[chosen(positions, distance, np.ones(len(pool)), ours["near_distance"], budget)]
        chance = random.permutation(pool)[:budget]
        rest = np.setdiff1d(pool, np.concatenate([rule, chance]))
        if len(rest):
            records.append({"measured": budget, "rule": error(rule, rest), "random": error(chance, rest)})
    return records


def main(*tables: str) -> None:
    rows = merged_tables([Path(table) for table in tables])
    known, params = measured_rows(rows), home().params["train"]
    features = features_of(rows.drop(columns="structure_json")).set_index("id").loc[known.index]
    table = pd.DataFrame(
        [
            record
            for seed in range(SPLITS)
            for record in compared(known, features[list(formula_columns())], params, seed)
        ]
    )
    lines = []
    for budget, part in table.groupby("measured"):
        gain = part["random"] - part["rule"]
        told = f"{gain.mean():+.3f} ± {gain.std(ddof=1) / np.sqrt(len(gain)):.3f}"
        means = [f"{part[name].mean():.2f}" for name in ("random", "rule")]
        lines.append([str(budget), *means, told, f"{(gain > 0).sum()} of {len(gain)}"])
    names = ["measured", "error, at random", "error, by the rule", "gain ± standard error", "draws won"]
    sys.stdout.write(markdown(pd.DataFrame(lines, columns=names)) + "\n")


if __name__ == "__main__":
    run_stage(main)
