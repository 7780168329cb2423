"""Fit the gap model of `data/reference/gap_model` from two tables of gaps, and write down how far it can be trusted.

    python -m ionsieve.pipeline.reference.make_gap_model MEASURED.csv PBE.csv.gz data/reference/gap_model

Both tables have `formula` and `band_gap_ev`. Not a stage: the fitted model is committed, the tables are not.
"""

from functools import partial
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

from ionsieve.models.quantities.gap_model import (
    FEATURE_DECIMALS,
    FULL_NONMETAL_EV,
    GapModel,
    GapRows,
    fit_gap_model,
    gap_scores,
    median_gaps,
)
from ionsieve.pipeline.stages.featurize import OF_THE_FORMULA
from ionsieve.pipeline.tables import InputError, read_table, require_columns, run_stage, write_json, write_whole

N_SPLITS, SEED, COVERAGE = 5, 0, 0.9
COMMON = {"feature_fraction": 0.25, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 1.0}
OF_PBE = COMMON | {"learning_rate": 0.1, "min_data_in_leaf": 20}
# extra_trees draws thresholds at random, which helps where rows are few.
OF_MEASURED = COMMON | {"learning_rate": 0.05, "min_data_in_leaf": 4, "feature_fraction": 0.3, "extra_trees": True}
SETTINGS = {
    "pbe_nonmetal": OF_PBE | {"objective": "cross_entropy", "num_leaves": 63, "num_iterations": 160},
    "pbe": OF_PBE | {"objective": "regression", "num_leaves": 127, "num_iterations": 250},
    "measured": OF_MEASURED | {"objective": "regression", "num_leaves": 32, "num_iterations": 600},
}
SOURCES = {
    "measured": {
        "what": "measured band gaps, a sample of Matbench's matbench_expt_gap; gap 0 is a metal",
        "doi": "10.1021/acs.jpclett.8b00124",
        "credit": "Zhuo, Mansouri Tehrani, Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018)",
        "licence": "no licence stated with the table; of it only the fitted trees are given here",
    },
    "pbe": {
        "what": "PBE band gaps of the Materials Project's entries, Matbench's matbench_mp_gap",
        "doi": "10.1038/s41524-020-00406-3",
        "credit": "The Materials Project; Dunn et al., npj Comput. Mater. 6, 138 (2020)",
        "licence": "CC-BY-4.0",
    },
}


def gap_rows(path: str) -> tuple[GapRows, int]:
    """Compositions of a table with descriptors, and how many rows the table has.

    Raises:
        InputError: If the table cannot be read or a gap is no number of at least 0.
    """
    table = read_table(path)
    require_columns(table, ["formula", "band_gap_ev"], path)
    gaps = pd.to_numeric(table["band_gap_ev"], errors="coerce")
    if not (gaps >= 0).all():
        raise InputError(f"{path}: {(~(gaps >= 0)).sum()} gaps are no number of at least 0 eV. Correct or remove them.")
    medians = median_gaps(table.assign(band_gap_ev=gaps))
    formulas = medians["formula"].tolist()
    features = pd.concat([block(formulas) for block in OF_THE_FORMULA], axis=1)
    return GapRows(medians["key"].to_numpy(dtype=str), medians["band_gap_ev"].to_numpy(float), features), len(table)


def card_of(
    model: GapModel, rows: dict[str, GapRows], n_rows: dict[str, int], held_out: dict[str, pd.DataFrame], date: str
) -> dict:
    """What the model learned from, how, and its errors on compositions it did not see."""
    tables = {
        name: SOURCES[name]
        | {
            "rows": n_rows[name],
            "compositions": len(rows[name].keys),
            "nonmetals": int((rows[name].gap_ev > 0).sum()),
            "held_out": {key: round(value, 4) for key, value in gap_scores(held_out[name]).items()},
        }
        for name in ("pbe", "measured")
    }
    # JSON has no infinity: the first band has no lower edge.
    edges = [None if np.isneginf(edge) else edge for edge in model.intervals["predicted_from_ev"]]
    intervals = model.intervals.round(4).to_dict("list") | {"predicted_from_ev": edges}
    return {
        "name": "band gap of a composition, measured and PBE, in eV",
        "date": date,
        "lightgbm": lightgbm.__version__,
        "files": {
            "pbe_nonmetal.txt": f"min(PBE gap / {FULL_NONMETAL_EV} eV, 1) from the features",
            "pbe.txt": "PBE gap, eV, from the features",
            "measured.txt": "measured gap, eV, from the features and the outputs of pbe_nonmetal.txt and pbe.txt",
        },
        "tables": tables,
        "target": "median over the entries of each composition",
        "splits": f"{N_SPLITS} folds grouped by composition, the same for both tables; seed {SEED}. The settings were "
        "chosen on these folds. What the PBE boosters teach the measured one is held out too.",
        "settings": SETTINGS,
        "coverage": COVERAGE,
        "intervals": intervals,
        "feature_decimals": FEATURE_DECIMALS,
        "features": list(model.features),
    }


def main(measured: str, pbe: str, out: str, date: str = "2026-11-20") -> None:
    rows, n_rows = {}, {}
    for name, path in (("measured", measured), ("pbe", pbe)):
        rows[name], n_rows[name] = gap_rows(path)
    model, held_out = fit_gap_model(rows["measured"], rows["pbe"], SETTINGS, N_SPLITS, SEED, COVERAGE)
    folder = Path(out)
    for name, text in model.texts.items():
        write_whole(folder / f"{name}.txt", partial(Path.write_text, data=text, encoding="utf-8"))
    card = card_of(model, rows, n_rows, held_out, date)
    write_json(card, folder / "card.json")
    for name, table in card["tables"].items():
        print(f"make_gap_model: {name}: " + ", ".join(f"{key} {value}" for key, value in table["held_out"].items()))


if __name__ == "__main__":
    run_stage(main)
