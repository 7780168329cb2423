"""A split of measured conductivities scored: the model learns from one table alone and predicts the other."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula, parse_formulas
from ionsieve.models.quantities.conductivity import TIERS_S_CM, fit_conductivity, predict_conductivity
from ionsieve.pipeline.answers.materials import with_cell
from ionsieve.pipeline.sources import cifs, obelix
from ionsieve.pipeline.sources.measurements import merged_measurements
from ionsieve.pipeline.sources.table import as_numbers, check_measurements, crystals_by_id, with_columns
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.tables import InputError, read_table, require_columns

SIGMA = ["log10_sigma", "log10_sigma_low", "log10_sigma_high"]
PROBABILITIES = [f"probability_sigma_ge_{tier}" for tier in TIERS_S_CM]


def measured_split(path: Path, lenient: bool) -> pd.DataFrame:
    """Measurements from OBELiX's CSV or a table in our columns; lenient: bad rows stay, with the reason in `note`.

    Raises:
        InputError: If the table cannot be read, or (not lenient) listing every bad row.
    """
    theirs = "True Composition" in read_table(path).columns
    rows = obelix.our_columns(path) if theirs else read_table(path)
    if not lenient:
        return check_measurements(rows, path)
    require_columns(rows, ["id", "formula"], path)
    rows = with_cell(with_columns(rows, ["sigma_s_cm"], math.nan))
    _, reasons = parse_formulas(rows["formula"])
    return rows.assign(sigma_s_cm=as_numbers(rows["sigma_s_cm"]), note=reasons)


def evaluated(train: Sequence[Path], test: Path, cif_folder: Path | None, params: Mapping[str, Any]) -> pd.DataFrame:
    """Conductivities of `test` predicted by a model that saw `train` alone, one row each in their order.

    Several tables of `train` are merged as the pipeline's sources are. `near` tells what may decide, `domain` also what
    lies beyond all distances at which errors were measured.
    """
    asked = measured_split(test, lenient=True)
    found, _ = cifs.read_by_id(cif_folder) if cif_folder else ({}, {})
    crystals = {i: crystal.structure_json for i, crystal in found.items() if "Li" in parse_formula(crystal.formula)}
    tables = [(path.stem, measured_split(path, lenient=False)) for path in train]
    tables = [(name, rows.assign(structure_json=crystals_by_id(crystals, rows["id"]))) for name, rows in tables]
    known, _, _ = merged_measurements(tables)
    usable = asked[asked["note"] == ""]
    plain = usable.assign(id=usable.index.astype(str), structure_json=crystals_by_id(crystals, usable["id"]))
    model = fit_conductivity(known, features_of(known).set_index("id"), params["train"])
    if not model.trained:
        raise InputError(f"{', '.join(map(str, train))}: {model.reason_not_trained}")
    answers = predict_conductivity(model, features_of(plain).set_index("id")).set_axis(usable.index)
    answers = answers.assign(near=answers["in_domain"].astype("boolean").mask(answers["log10_sigma"].isna()))
    columns = {"log10_sigma": "log10_sigma_predicted"}
    answers = answers[["near", "domain", *SIGMA, *PROBABILITIES]].rename(columns=columns)
    with_measured = asked[["id", "formula"]].assign(log10_sigma_measured=asked["sigma_s_cm"].map(_log10))
    return with_measured.join(answers).assign(note=asked["note"])


def _log10(sigma: float) -> float:
    return math.log10(sigma) if sigma > 0 else math.nan
