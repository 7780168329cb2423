"""Cells of a person's table that may hold anything, as numbers or as a reason; and answers that rest on none."""

import math
from collections.abc import Sequence

import pandas as pd

from ionsieve.features.chemistry.formula import SYMBOLS
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.tables import InputError

MAX_VOLTAGE_V = 100.0  # no electrode comes near; beyond it a unit is wrong


def own_energies(rows: pd.DataFrame) -> tuple[list[float], list[str]]:
    """(energies in eV/atom or NaN, why a cell gave none) of the optional column formation_energy_ev_atom."""
    cells = rows.get("formation_energy_ev_atom", pd.Series(math.nan, index=rows.index))
    numbers = table.as_numbers(cells)
    given = numbers.notna() | table.no_number(cells)
    usable = numbers.abs() <= table.MAX_ENERGY_EV_ATOM
    notes = [
        f"formation energy {cell!r} is no energy in eV/atom; ignored" if wrong else ""
        for cell, wrong in zip(cells, given & ~usable, strict=True)
    ]
    return list(numbers.where(usable)), notes


def given_voltages(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """(voltages in V or NaN, why a cell gave none) of the optional column voltage_v."""
    cells = rows.get("voltage_v", pd.Series(math.nan, index=rows.index))
    numbers = table.as_numbers(cells)
    wrong = table.no_number(cells) | (numbers.abs() > MAX_VOLTAGE_V)
    notes = [f"voltage {cell!r} is no number of volts" if w else "" for cell, w in zip(cells, wrong, strict=True)]
    return numbers.mask(wrong), notes


def beside(answers: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Both tables' columns, `note` last; of those in both, the first table's."""
    new = more[[c for c in more.columns if c not in answers.columns]].set_axis(answers.index)
    return pd.concat([answers.drop(columns="note"), new, answers[["note"]]], axis=1)


def without_answer(answers: pd.DataFrame, reasons: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """The table with `columns` emptied and the reason as note where there is one."""
    wrong = pd.Series([bool(reason) for reason in reasons], index=answers.index)
    emptied = {c: answers[c].mask(wrong, "" if answers[c].dtype == object else math.nan) for c in columns}
    return answers.assign(**emptied, note=answers["note"].mask(wrong, pd.Series(reasons, index=answers.index)))


def check_mobile_ion(mobile_ion: str) -> None:
    """Refuse what is no element.

    Raises:
        InputError: If the ion is none.
    """
    if mobile_ion not in SYMBOLS:
        raise InputError(f"--mobile-ion {mobile_ion}: the symbol of an element is expected, as Li.")
