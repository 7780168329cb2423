"""Does knowing the crystal, beyond its lattice, lower the error of predicted conductivities?

    python -m ionsieve.pipeline.reference.compare_structure_features MEASUREMENTS FEATURES TRANSPORT  # Parquet files

Not a stage: run by hand on the tables of a finished run; docs/models.md quotes it. The conductivity model's members and
blend are fitted on the same folds with and without columns of the crystal, and compared where a crystal is known.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.crystals.structure import FEATURES as STRUCTURE_COLUMNS
from ionsieve.features.transport.percolation import HIGHEST_LEVEL_EV
from ionsieve.features.transport.table import TRANSPORT_COLUMNS
from ionsieve.models.learning.estimators import BLEND, fit_estimator
from ionsieve.models.learning.validation import grouped_folds, publication_composition_groups, publication_folds
from ionsieve.models.quantities.conductivity import formula_columns, lattice_columns
from ionsieve.pipeline.tables import InputError, require_columns, run_stage
from ionsieve.pipeline.workspace import Workspace

SEEDS, MIN_CRYSTALS = (0, 1, 2, 3), 30  # seeds of splits and estimators
# What is learned from: all rows, as in the pipeline, or only those that have every column.
ALL_ROWS, WITH_CRYSTAL = "all rows", "rows with a crystal"


def feature_sets(features: pd.DataFrame, transport: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Columns to compare, by name, the plain ones first; tables are indexed by id. No path counts as a 5 eV barrier."""
    without = features[[*formula_columns(), *lattice_columns()]]
    structure = features[list(STRUCTURE_COLUMNS)]
    landscape = transport.loc[features.index, TRANSPORT_COLUMNS].astype(float).replace(np.inf, HIGHEST_LEVEL_EV)
    landscape = landscape.add_prefix("transport_")  # the lattice has a column of the same name
    return {
        "formula and lattice": without,
        "+ structure": pd.concat([without, structure], axis=1),
        "+ transport": pd.concat([without, landscape], axis=1),
        "+ both": pd.concat([without, structure, landscape], axis=1),
    }


def held_out_errors(
    known: pd.DataFrame, sets: Mapping[str, pd.DataFrame], params: Mapping[str, Any], seed: int
) -> pd.DataFrame:
    """Absolute errors on held-out rows with a crystal, decades: split, learned_from, features, estimator, row, error.

    Args:
        known: Rows with `sigma_s_cm`, `formula`, `source` and `structure_json`; `row` counts them.
        sets: Features of these rows in their order, by the name of the set.
        params: The block `train` of the parameters.
        seed: Of folds and estimators.
    """
    target, crystal = np.log10(known["sigma_s_cm"]).to_numpy(), known["structure_json"].notna().to_numpy()
    ours, n_splits = params["conductivity"], params["n_splits"]
    splits = {
        "publication": publication_folds(known, n_splits, seed),
        "grouped": grouped_folds(publication_composition_groups(known), n_splits, seed),
    }
    tables = []
    for split, fold in ((split, fold) for split, folds in splits.items() for fold in folds):
        test = fold.test[crystal[fold.test]]
        for learned_from, train in ((ALL_ROWS, fold.train), (WITH_CRYSTAL, fold.train[crystal[fold.train]])):
            for features, table in sets.items() if len(test) and len(train) else ():
                known_rows, unseen = table.to_numpy(float)[train], table.to_numpy(float)[test]
                errors = pd.DataFrame(index=pd.Index(test, name="row"))
                for kind in ours["blend"]:
                    data = (list(table.columns), known_rows, target[train])
                    fitted = fit_estimator(kind, ours["estimators"][kind], *data, seed, params["threads"])
                    errors[kind] = fitted.predict(unseen) - target[test]
                errors = errors.assign(**{BLEND: errors.mean(axis=1)}).abs()
                long = errors.reset_index().melt("row", var_name="estimator", value_name="error")
                tables.append(long.assign(split=split, learned_from=learned_from, features=features))
    return pd.concat(tables, ignore_index=True)


def mean_and_standard_error(differences: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Mean of (n,) differences and its standard error, what a group adds to the mean being one observation."""
    sums = pd.Series(differences - differences.mean()).groupby(groups).sum()
    return float(differences.mean()), float(np.sqrt(len(sums) * sums.var(ddof=1)) / len(differences))


def comparison(errors: pd.DataFrame, groups: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Error with the first set, and what the others add to it: difference ± standard error [least, most by seed].

    `errors` is `held_out_errors` of several seeds, with `seed`; `groups` holds the group of every row of `known`.
    """
    by, records, first = ["split", "learned_from", "estimator"], [], names[0]
    for labels, part in errors.groupby(by, sort=False):
        wide = part.pivot(index=["seed", "row"], columns="features", values="error")
        record = dict(zip(by, labels, strict=True)) | {first: f"{wide[first].mean():.3f}"}
        for name in names[1:]:
            difference = wide[name] - wide[first]
            of_row = difference.groupby("row").mean()
            mean, error = mean_and_standard_error(of_row.to_numpy(), groups[of_row.index])
            of_seed = difference.groupby("seed").mean()
            record[name] = f"{mean:+.3f} ± {error:.3f} [{of_seed.min():+.3f}, {of_seed.max():+.3f}]"
        records.append(record)
    return pd.DataFrame(records)


def main(measurements: str, features: str, transport: str) -> None:
    tables = [pd.read_parquet(path) for path in (measurements, features, transport)]
    needed = (["formula", "sigma_s_cm", "source", "structure_json"], STRUCTURE_COLUMNS, TRANSPORT_COLUMNS)
    for table, names, path in zip(tables, needed, (measurements, features, transport), strict=True):
        require_columns(table, ["id", *names], path)
    known = tables[0][tables[0]["sigma_s_cm"].notna()].sort_values("id").reset_index(drop=True)
    n_crystals = known["structure_json"].notna().sum()
    if n_crystals < MIN_CRYSTALS:
        raise InputError(f"{measurements}: {n_crystals} measured rows have a crystal; {MIN_CRYSTALS} are needed.")
    params = Workspace.at(".").block("train")
    sets = feature_sets(*(t.set_index("id").loc[known["id"]] for t in tables[1:]))
    errors = pd.concat([held_out_errors(known, sets, params, seed).assign(seed=seed) for seed in SEEDS])
    groups = publication_composition_groups(known).to_numpy()
    sys.stdout.write(f"{len(known)} rows, {n_crystals} of them with a crystal; decades\n")
    sys.stdout.write(comparison(errors, groups, list(sets)).to_string(index=False) + "\n")


if __name__ == "__main__":
    run_stage(main)
