"""Stage `train`: conductivity, both window limits and the band gap, each with its errors on materials not seen."""

import pandas as pd

from ionsieve.models.learning.training import TrainedModel, model_card
from ionsieve.models.quantities.band_gap import fit_band_gap
from ionsieve.models.quantities.conductivity import CONDUCTIVITY, fit_conductivity
from ionsieve.models.quantities.window import fit_windows
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.workspace import Block


def held_out_predictions(models: dict[str, TrainedModel]) -> pd.DataFrame:
    """Predictions of rows not learned from, on each model's own kind of split."""
    tables = [
        model.out_of_fold[model.out_of_fold["split"] == model.out_of_fold["split"].iloc[0]].assign(model=name)
        for name, model in models.items()
        if model.trained
    ]
    columns = ["model", "id", "fold", "target", "predicted", "low", "high", "domain_distance"]
    if not tables:
        return pd.DataFrame(columns=columns)
    named = {"measured": "target", "blend": "predicted"}
    return pd.concat(tables).rename(columns=named)[columns]


def run(
    *,
    measurements: pd.DataFrame,
    band_gaps: pd.DataFrame,
    stability: pd.DataFrame,
    of_measurements: pd.DataFrame,
    of_band_gaps: pd.DataFrame,
    of_phases: pd.DataFrame,
    train: Block,
) -> Result:
    models = {CONDUCTIVITY: fit_conductivity(measurements, of_measurements.set_index("id"), train)}
    models |= fit_windows(stability, of_phases.set_index("id"), train)
    models["band_gap"] = fit_band_gap(band_gaps, of_band_gaps.set_index("id"), train)
    folds = [m.fold_scores.assign(model=name) for name, m in models.items() if m.trained]
    files = {f"{name}.joblib": model for name, model in models.items()} | {
        "scores.json": {name: model_card(model) for name, model in models.items()},
        "folds.csv": pd.concat(folds) if folds else pd.DataFrame(columns=["model", "estimator", "split", "fold"]),
        "held_out.parquet": held_out_predictions(models),
    }
    return Result({"out": files}, [f"train: {name}: {headline(model)}" for name, model in models.items()])


def headline(model: TrainedModel) -> str:
    """One line on the error of a model, beside the trivial baseline."""
    if not model.trained:
        return model.reason_not_trained
    scores = model.scores[(model.scores["split"] == model.scores["split"].iloc[0])].set_index("estimator").loc["blend"]
    apart = ", ".join(f"{n} {scores[f'mae_{n}']:.2f}" for n in ("near", "far") if scores[f"n_{n}"])
    return (
        f"{model.n_rows} rows, mean absolute error {scores['mae']:.2f} (a constant: {scores['mae_baseline']:.2f}; "
        f"{apart}), "
        f"Spearman {scores['spearman']:.2f}, intervals hold {model.coverage_measured:.2f}"
    )


if __name__ == "__main__":
    stage_main(run)
