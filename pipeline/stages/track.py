"""Stage `track`: what the run made, logged into MLflow. Deleting the log changes no result: `dvc repro -sf track`.

One run per trained model and one for the screening, tied by a common id, a digest of params.yaml, models and lists.
"""

import hashlib
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported

import joblib
import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel

from ionsieve.models.learning.training import TrainedModel, predict
from ionsieve.pipeline.params import ROOT, load_params, stage_params
from ionsieve.pipeline.tables import read_json, run_stage, write_json

logging.getLogger("mlflow").setLevel(logging.ERROR)  # its hints on pickles and lock files are no news here

ID_DIGITS = 12
CODE = ["ionsieve"]
REQUIREMENTS = ["pandas", "scikit-learn", "lightgbm", "pymatgen"]  # guessing them would take 20 s a model


class LoggedModel(PythonModel):
    """A trained model behind MLflow's interface: descriptors in; prediction, interval and domain out."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        return predict(self.model, model_input)


def common_id(paths: list[Path]) -> str:
    """Digest over the content of files and of all files in folders."""
    files = sorted(f for p in paths for f in (p.rglob("*") if p.is_dir() else [p]) if f.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:ID_DIGITS]


def flat(params: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters as dotted names."""
    for key, value in params.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def code_version() -> str:
    """The commit the code stands at; "" outside a git checkout."""
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told.stdout.strip()


def logged(name: str, id_: str) -> bool:
    """Whether a finished run of this name and common id stands in the log already."""
    found = mlflow.search_runs(filter_string=f"tags.common_id = '{id_}' and attributes.run_name = '{name}'")
    return bool(len(found)) and bool((found["status"] == "FINISHED").any())


def parity_plot(model: TrainedModel, rows: pd.DataFrame) -> Figure:
    """Held-out predictions against the known values of one model."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(rows["target"], rows["predicted"], s=8, alpha=0.5)
    axes.axline((rows["target"].mean(), rows["target"].mean()), slope=1, color="grey", linestyle="--")
    axes.set(xlabel=f"{model.target}, known", ylabel=f"{model.target}, predicted (held out)")
    return figure


def log_model_run(model: TrainedModel, held_out: pd.DataFrame, params: dict[str, Any]) -> None:
    """Parameters, scores per split and fold, parity plot, importance and the registered model."""
    mlflow.log_params(
        {k: v for k, v in flat(params) if k.split(".")[0] in ("seed", "intervals", "domain") or "." not in k}
    )
    mlflow.log_metrics({"rows": model.n_rows, "groups": model.n_groups, "interval_coverage": model.coverage_measured})
    for _, scores in model.scores.iterrows():
        known = scores[["mae", "rmse", "spearman", "r2", "mae_baseline"]].astype(float).dropna()
        mlflow.log_metrics({f"{scores['split']}_{scores['estimator']}_{key}": v for key, v in known.items()})
    blend = model.fold_scores[(model.fold_scores["estimator"] == "blend") & (model.fold_scores["split"] != "family")]
    for split, folds in blend.groupby("split"):
        for step, mae in enumerate(folds["mae"]):
            mlflow.log_metric(f"{split}_fold_mae", mae, step=step)
    mlflow.log_figure(parity_plot(model, held_out), "parity.png")
    mlflow.log_text(model.importance.to_csv(index=False), "feature_importance.csv")
    example = pd.DataFrame(0.0, index=range(2), columns=list(model.feature_names))
    mlflow.pyfunc.log_model(
        name="model",
        python_model=LoggedModel(model),
        signature=infer_signature(example, predict(model, example)),
        input_example=example,
        registered_model_name=f"ionsieve-{model.name}",
        pip_requirements=REQUIREMENTS,
        code_paths=[str(ROOT / package) for package in CODE],
    )


def log_screening(params: dict[str, Any], funnel: dict[str, Any], shortlists: Path) -> None:
    """Thresholds, funnel counts, and the shortlists and report as artifacts."""
    mlflow.log_params(dict(flat({k: params[k] for k in ("phases", "candidates", "measurements", "screen")})))
    for role, judged in funnel["roles"].items():
        mlflow.log_metric(f"{role}_passed", judged["filters"][-1]["n_out"])
        for step, row in enumerate(judged["filters"]):
            mlflow.log_metric(f"{role}_left", row["n_out"], step=step)
    mlflow.log_metrics({"candidates": funnel["candidates"], "rejected": funnel["rejected"]})
    for file in sorted(shortlists.iterdir()):
        if file.suffix in (".csv", ".json", ".html", ".zip"):
            mlflow.log_artifact(str(file))


def main(models: str, funnel: str, shortlists: str, out: str) -> None:
    params, settings = load_params(), stage_params("track")
    folder = Path(models)
    lists = sorted(f for f in Path(shortlists).iterdir() if f.name != Path(out).name)
    id_ = common_id([Path("params.yaml"), folder, *lists])
    mlflow.set_tracking_uri(settings["store"])
    if mlflow.get_experiment_by_name(settings["experiment"]) is None:
        mlflow.create_experiment(
            settings["experiment"], artifact_location=Path(settings["artifacts"]).resolve().as_uri()
        )
    mlflow.set_experiment(settings["experiment"])
    held_out = pd.read_parquet(folder / "held_out.parquet")
    tags = {"common_id": id_, "code": code_version()}
    names = []
    for file in sorted(folder.glob("*.joblib")):
        model = joblib.load(file)
        if model.trained:
            names.append(model.name)
            if not logged(model.name, id_):
                with mlflow.start_run(run_name=model.name, tags=tags):
                    log_model_run(model, held_out[held_out["model"] == model.name], params["train"])
    names.append("screening")
    if not logged("screening", id_):
        with mlflow.start_run(run_name="screening", tags=tags):
            log_screening(params, read_json(funnel), Path(shortlists))
    write_json({"common_id": id_, "experiment": settings["experiment"], "runs": names}, out)
    print(f"track: {len(names)} runs under common id {id_} in {settings['store']}")


if __name__ == "__main__":
    run_stage(main)
