"""Stage `track`: what the run made, logged into MLflow. Deleting the log changes no result: `dvc repro -sf track`.

One run per trained model and one for the screening, tied by a common id, a digest of params.yaml, models and lists.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from ionsieve.models.learning.training import TrainedModel, predict
from ionsieve.pipeline.closure import local_files, source
from ionsieve.pipeline.logged_model import LoggedModel, copy_code
from ionsieve.pipeline.model_files import load_model
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError, read_json
from ionsieve.pipeline.workspace import PARAMS, Workspace

logging.getLogger("mlflow").setLevel(logging.ERROR)  # its hints on pickles and lock files are no news here

ID_DIGITS = 12
LISTS = (".csv", ".html", ".zip")  # what a person opens
REQUIREMENTS = ["pandas", "scikit-learn", "lightgbm", "pymatgen"]  # guessing them would take 20 s a model


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


_MLFLOW = threading.Lock()  # its store is chosen for the whole process


def code_version(folder: Path) -> str:
    """The commit a folder stands at; "" outside a git checkout."""
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
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
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / "ionsieve"
        copy_code({name: source(name) for name in ("__init__.py", *local_files(LoggedModel.__module__))}, code)
        mlflow.pyfunc.log_model(
            name="model",
            python_model=LoggedModel(model),
            signature=infer_signature(example, predict(model, example)),
            input_example=example,
            registered_model_name=f"ionsieve-{model.name}",
            pip_requirements=REQUIREMENTS,
            code_paths=[str(code)],
        )


def log_screening(params: Mapping[str, Any], funnel: dict[str, Any], lists: list[Path]) -> None:
    """Thresholds, funnel counts, and the shortlists and report as artifacts."""
    mlflow.log_params(dict(flat({k: params[k] for k in ("phases", "candidates", "measurements", "screen")})))
    for role, judged in funnel["roles"].items():
        mlflow.log_metric(f"{role}_passed", judged["filters"][-1]["n_out"])
        for step, row in enumerate(judged["filters"]):
            mlflow.log_metric(f"{role}_left", row["n_out"], step=step)
    mlflow.log_metrics({"candidates": funnel["candidates"], "rejected": funnel["rejected"]})
    for file in lists:
        mlflow.log_artifact(str(file))


SQLITE = "sqlite:///"


def store_uri(store: str, workspace: Workspace) -> str:
    """The address of the log; a SQLite file counts from the workspace, and is made if it is not there."""
    scheme, is_file, path = store.partition(SQLITE)
    if scheme or not is_file:
        return store
    if not workspace.path(path).exists():
        make_store(workspace.path(path))
    return f"{SQLITE}{workspace.path(path)}"


def make_store(file: Path) -> None:
    """An empty log, made beside its place and moved there whole.

    MLflow makes its tables in dozens of steps, each kept at once: where a run has ended among them it says ever after
    that a table exists already.
    """
    beside = file.with_name(f".{file.name}.new")  # no other run works here, and what a killed one left is of no use
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        uri = f"{SQLITE}{beside / file.name}"
        with without_waiting_for_the_disk():
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments()
        (beside / file.name).replace(file)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def without_waiting_for_the_disk() -> Iterator[None]:
    """SQLite files opened meanwhile leave it to the system when their pages reach the disk."""

    def set_pragma(connection: Any, record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", set_pragma)
    try:
        yield
    finally:
        event.remove(Engine, "connect", set_pragma)


def run(*, workspace: Workspace, models: Path, funnel: Path, shortlists: Path) -> Result:
    settings = workspace.block("track")
    lists = sorted([funnel, *(f for f in shortlists.iterdir() if f.suffix in LISTS)])
    id_ = common_id([workspace.path(PARAMS), models, *lists])
    with _MLFLOW:
        try:
            mlflow.set_tracking_uri(store_uri(settings["store"], workspace))
            names = log_runs(models, lists, read_json(funnel), workspace, id_)
        except (MlflowException, SQLAlchemyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"{settings['store']}: the log cannot be used ({reason}). If another program holds it (`make ui`), end "
                "that and run again; no result depends on the log, so a broken one can be deleted."
            ) from error
    told = {"common_id": id_, "experiment": settings["experiment"], "runs": names}
    return Result({"out": told}, [f"track: {len(names)} runs under common id {id_} in {settings['store']}"])


def log_runs(models: Path, lists: list[Path], funnel: dict[str, Any], workspace: Workspace, id_: str) -> list[str]:
    """Log every trained model and the screening that is not in the log yet; the names of all of them."""
    settings, tags = workspace.block("track"), {"common_id": id_, "code": code_version(workspace.folder)}
    if mlflow.get_experiment_by_name(settings["experiment"]) is None:
        artifacts = workspace.path(settings["artifacts"]).resolve()
        mlflow.create_experiment(settings["experiment"], artifact_location=artifacts.as_uri())
    mlflow.set_experiment(settings["experiment"])
    held_out = pd.read_parquet(models / "held_out.parquet")
    names = []
    for file in sorted(models.glob("*.joblib")):
        model = load_model(file)
        if model.trained:
            names.append(model.name)
            if not logged(model.name, id_):
                with mlflow.start_run(run_name=model.name, tags=tags):
                    log_model_run(model, held_out[held_out["model"] == model.name], workspace.block("train"))
    names.append("screening")
    if not logged("screening", id_):
        with mlflow.start_run(run_name="screening", tags=tags):
            log_screening(workspace.params, funnel, lists)
    return names


if __name__ == "__main__":
    stage_main(run)
