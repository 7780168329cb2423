"""Stage `predict`: conductivity, gap and window of every candidate, known values before predicted ones."""

from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.models.learning.known import known_band_gap, with_known_band_gap
from ionsieve.models.learning.training import TrainedModel, near_distance
from ionsieve.models.quantities.conductivity import CONDUCTIVITY, predict_conductivity
from ionsieve.models.quantities.gap_model import GapModel, gap_of_run_or_model
from ionsieve.models.quantities.host_gap import host_gaps
from ionsieve.models.quantities.measured import decided_conductivity, known_conductivity
from ionsieve.models.quantities.window import LIMITS, predict_windows
from ionsieve.pipeline.model_files import load_model
from ionsieve.pipeline.reference.gap_model import load_gap_model
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError, counted
from ionsieve.pipeline.workspace import Block


def load_models(folder: Path | str) -> dict[str, TrainedModel]:
    """The fitted models of our own run: pickles, so never from anywhere else.

    Raises:
        InputError: If the pipeline has not made them.
    """
    files = {name: Path(folder) / f"{name}.joblib" for name in (CONDUCTIVITY, *LIMITS, "band_gap")}
    missing = [str(file) for file in files.values() if not file.exists()]
    if missing:
        raise InputError(f"{', '.join(missing)} not there: run `make screen` first.")
    return {name: load_model(file) for name, file in files.items()}


def predictions_of(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    models: dict[str, TrainedModel],
    gap_model: GapModel,
    measurements: pd.DataFrame,
    band_gaps: pd.DataFrame,
    params: Block,
) -> pd.DataFrame:
    """All predictions of candidates (id, formula and what is known of their crystals), one row each in their order.

    `params` is the block `predict`: `gap_thresholds_ev`. Known gaps go first. The others are predicted
    by `gap_model`, unless the run's own model learned from at least 1,000 compositions (models/gap_model.py).
    band_gap_decides_ev is empty where the gap of a measured conductor is known of its host alone.
    """
    described = features.reindex(candidates["id"])
    sigma = predict_conductivity(models[CONDUCTIVITY], described).reset_index(drop=True)
    windows = predict_windows(models, described).reset_index(drop=True)
    gap = gap_of_run_or_model(models["band_gap"], gap_model, described).reset_index(drop=True)
    rows = candidates.reset_index(drop=True)
    lithium_free = [not parse_formula(formula).get("Li") for formula in rows["formula"]]
    numbers = sigma.select_dtypes("number").columns
    sigma.loc[lithium_free, numbers] = np.nan  # no lithium ion, no prediction for it
    sigma.loc[lithium_free, "domain"] = ""
    near = near_distance(models[CONDUCTIVITY])
    sigma = decided_conductivity(sigma, known_conductivity(rows, measurements), near)
    sigma["in_domain"] = sigma["near"].fillna(False).astype(bool)  # the name of old tables for the same
    hosts = host_gaps(rows["formula"].tolist(), band_gaps)
    gap = with_known_band_gap(gap, known_band_gap(rows["formula"], band_gaps), hosts, params["gap_thresholds_ev"])
    doubted = hosts["fractional"] & gap["band_gap_origin"].isin(["host", "predicted"])
    decides = gap["band_gap_ev"].mask(doubted & (sigma["sigma_origin"] == "measured"))
    return pd.concat([rows[["id", "formula"]], sigma, gap.assign(band_gap_decides_ev=decides), windows], axis=1)


def run(
    *,
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    measurements: pd.DataFrame,
    band_gaps: pd.DataFrame,
    models: Path,
    gap_model: Path,
    predict: Block,
) -> Result:
    result = predictions_of(
        candidates,
        features.set_index("id"),
        load_models(models),
        load_gap_model(gap_model),
        measurements,
        band_gaps,
        predict,
    )
    lines = [counted("predict", len(candidates), len(result))]
    for column in ("sigma_origin", "band_gap_origin"):
        origins = result[column].value_counts().sort_index()
        lines.append(f"  {column}: " + ", ".join(f"{n} {origin or 'unknown'}" for origin, n in origins.items()))
    return Result({"out": result}, lines)


if __name__ == "__main__":
    stage_main(run)
