"""Balanced sets of precursors of one target."""

from pathlib import Path

import pandas as pd

from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.precursors import precursor_table
from ionsieve.pipeline.answers.materials import read_materials
from ionsieve.pipeline.tables import InputError, read_table


def precursor_answers(target: str, phases: PhaseSet, available: Path | None, failures: Path | None) -> pd.DataFrame:
    """Balanced precursor sets of one target, best first.

    Raises:
        InputError: If the target or an available formula cannot be answered, or a table lacks a column.
    """
    at_hand = None if available is None else list(read_materials([str(available)])["formula"])
    failed = None if failures is None else read_table(failures, text=("formula_a", "formula_b", "product"))
    try:
        return precursor_table(target, phases, at_hand, failed)
    except ValueError as error:
        raise InputError(str(error)) from error
