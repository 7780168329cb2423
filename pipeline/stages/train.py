"""Stage `train`: conductivity, both window limits and the band gap, each with its errors on materials not seen."""

from functools import partial
from pathlib import Path

import joblib
import pandas as pd

from ionsieve.models.learning.training import TrainedModel, model_card
from ionsieve.models.quantities.band_gap import fit_band_gap
from ionsieve.models.quantities.conductivity import fit_conductivity
from ionsieve.models.quantities.window import fit_windows
from ionsieve.pipeline.params import stage_params
from ionsieve.pipeline.tables import run_stage, write_json, write_table, write_whole


def held_out_predictions(models: dict[str, TrainedModel]) -> pd.DataFrame:
    """Predictions of rows not learned from, on each model's own kind of split."""
    tables = [
        model.out_of_fold[model.out_of_fold["split"] == model.out_of_fold["split"].iloc[0]].assign(model=name)
        for name, model in models.items()
        if model.trained
    ]
    columns = ["model", "id", "fold", "target", "predicted", "low", "high"]
    named = {"measured": "target", "blend": "predicted"}
    return pd.concat(tables)[["model", "id", "fold", *named, "low", "high"]].rename(columns=named)[columns]


def main(*paths: str) -> None:
    *tables, out = paths
    measurements, band_gaps, stability, *features = map(pd.read_parquet, tables)
    of_measurements, of_band_gaps, of_phases = (table.set_index("id") for table in features)
    params = stage_params("train")
    models = fit_conductivity(measurements, of_measurements, params)
    models |= fit_windows(stability, of_phases, params)
    models["band_gap"] = fit_band_gap(band_gaps, of_band_gaps, params)
    folder = Path(out)
    for name, model in models.items():
        write_whole(folder / f"{name}.joblib", partial(joblib.dump, model))
    write_json({name: model_card(model) for name, model in models.items()}, folder / "scores.json")
    folds = [m.fold_scores.assign(model=name) for name, m in models.items() if m.trained]
    write_table(pd.concat(folds), folder / "folds.csv")
    write_table(held_out_predictions(models), folder / "held_out.parquet")
    for name, model in models.items():
        print(f"train: {name}: {headline(model)}")


def headline(model: TrainedModel) -> str:
    """One line on the error of a model, beside the trivial baseline."""
    if not model.trained:
        return model.reason_not_trained
    scores = model.scores[(model.scores["split"] == model.scores["split"].iloc[0])].set_index("estimator").loc["blend"]
    return (
        f"{model.n_rows} rows, mean absolute error {scores['mae']:.2f} (a constant: {scores['mae_baseline']:.2f}), "
        f"Spearman {scores['spearman']:.2f}, intervals hold {model.coverage_measured:.2f}"
    )


if __name__ == "__main__":
    run_stage(main)
