"""Fitted models as files: pickles of our own runs, so never read from anywhere else."""

import struct
import zlib
from pathlib import Path
from pickle import UnpicklingError

import joblib

from ionsieve.models.learning.training import TrainedModel
from ionsieve.pipeline.tables import InputError

# What joblib and pickle raise on torn files.
BROKEN: tuple[type[Exception], ...] = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError),
    *(TypeError, ValueError, UnpicklingError, struct.error, zlib.error),
)


def load_model(file: Path) -> TrainedModel:
    """One fitted model.

    Raises:
        InputError: If the file is broken.
    """
    try:
        model = joblib.load(file)
    except BROKEN as error:
        raise InputError(f"{file} is broken ({type(error).__name__}: {error}). {REMEDY}") from error
    if not isinstance(model, TrainedModel):
        raise InputError(f"{file} is broken (it holds no model). {REMEDY}")
    return model


REMEDY = "Delete it; the next `make screen` makes it anew."
