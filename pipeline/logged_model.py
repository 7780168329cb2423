"""A trained model as MLflow keeps it, with the code that reading it back takes and no other."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc import PythonModel

from ionsieve.models.learning.training import TrainedModel, predict


class LoggedModel(PythonModel):
    """A trained model behind MLflow's interface: descriptors in; prediction, interval and domain out."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model

    def predict(self, context: Any, model_input: pd.DataFrame, params: Mapping | None = None) -> pd.DataFrame:
        return predict(self.model, model_input)


def copy_code(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files into a folder by the paths they are to have there."""
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / name)
