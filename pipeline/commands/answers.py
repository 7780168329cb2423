"""What the commands answer: arguments in, one table out, one row per input row in its order."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import SYMBOLS
from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.known_missing import lacking, unknown_where_lacking
from ionsieve.features.thermodynamics.precursors import precursor_table
from ionsieve.features.thermodynamics.uncertainty import EnergyError, interface_uncertainty, stability_uncertainty
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.stages.stability import known_missing
from ionsieve.pipeline.tables import InputError, read_table, require_columns
from ionsieve.pipeline.workspace import Workspace

WINDOW = [
    "formula",
    "e_above_hull_ev_atom",
    "decomposition_energy_ev_atom",
    "reduction_limit_v",
    "oxidation_limit_v",
    "reduction_limit_tol_v",
    "oxidation_limit_tol_v",
    "decomposition_products",
    "reduction_products",
    "oxidation_products",
    "note",
]
INTERFACE = [
    "formula_a",
    "formula_b",
    "voltage_v",
    "e_rxn_ev_atom",
    "e_rxn_total_ev_atom",
    "fraction_a",
    "products",
    "note",
]
CHUNK = 500  # rows between two steps of the progress bar


def load_phases(workspace: Workspace, path: Path | None = None) -> PhaseSet:
    """The hull of a table of formation energies; by default the one the workspace holds.

    Raises:
        InputError: If there is no such table, or rows of it are bad.
    """
    made = file_of(workspace, "phases")
    if path is None and not made.exists():
        raise InputError(f"{made} is not there: run `make screen` first, or name a table with --phases.")
    return phase_set(table.phases(path or made, thermo_set="not named"))


def missing_phases(workspace: Workspace, phases: PhaseSet) -> list[str]:
    """Compounds known to lack an energy in this thermochemistry."""
    return known_missing(workspace.path(workspace.block("phases")["missing"]), phases.thermo_set)


def read_materials(arguments: Sequence[str], columns: Sequence[str] = ("formula",)) -> pd.DataFrame:
    """Formulas as arguments, or one table that holds the columns named; keys stay as written.

    Raises:
        InputError: If a file is mixed with other arguments, or lacks a column.
    """
    files = [a for a in arguments if os.path.exists(a)]  # Path.exists raises where a formula is too long for a path
    if not files:
        return pd.DataFrame({"formula": list(arguments)})
    if len(arguments) > 1:
        raise InputError(f"{files[0]} is a file: give one file, or formulas alone.")
    rows = read_table(files[0], text=("id", *columns))
    require_columns(rows, columns, files[0])
    return rows


def in_chunks(rows: pd.DataFrame, answer: Callable[[pd.DataFrame], pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Answers of consecutive pieces of the rows, so that progress can be shown."""
    for start in range(0, len(rows), CHUNK):
        yield answer(rows.iloc[start : start + CHUNK].reset_index(drop=True))


def own_energies(rows: pd.DataFrame) -> tuple[list[float], list[str]]:
    """(energies in eV/atom or NaN, why a cell gave none) of the optional column formation_energy_ev_atom."""
    cells = rows.get("formation_energy_ev_atom", pd.Series(math.nan, index=rows.index))
    numbers = pd.to_numeric(cells, errors="coerce")
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
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    wrong = table.no_number(cells) | np.isinf(numbers)
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


def window_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Hull distance, window and products of rows with `formula`, an optional energy of their own and an optional id.

    Where a compound listed as missing belongs to a formula's system, its row is unknown. With `draws` of the energies'
    errors, intervals and the probability of stability are added.
    """
    energies, notes = own_energies(rows)
    answers = window_table(list(rows["formula"]), phases, energies, mobile_ion=mobile_ion)[WINDOW]
    if draws:
        error = EnergyError(n_draws=draws)
        drawn = stability_uncertainty(list(rows["formula"]), phases, error, energies, mobile_ion)
        answers = beside(answers, drawn)
    systems = [(formula, mobile_ion) for formula in answers["formula"]]
    unknown = [str(c) for c in answers if c not in ("formula", "note")]
    answers = unknown_where_lacking(answers, lacking(systems, phases, missing), unknown)
    joined = ["; ".join(filter(None, pair)) for pair in zip(answers["note"].fillna(""), notes, strict=True)]
    answers = answers.assign(note=joined)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers


def interface_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Worst reaction of each pair formula_a, formula_b, with lithium open where voltage_v is given.

    Where a compound listed as missing belongs to a pair's system, its row is unknown. With `draws` of the energies'
    errors, an interval and the probability of a reaction are added.
    """
    volts, wrong = given_voltages(rows)
    pairs = rows[["formula_a", "formula_b"]].assign(voltage_v=volts)
    answers = interface_table(pairs, phases, mobile_ion=mobile_ion)[INTERFACE]
    if draws:
        answers = beside(answers, interface_uncertainty(pairs, phases, EnergyError(n_draws=draws), mobile_ion))
    systems = list(zip(answers["formula_a"], answers["formula_b"], strict=True))
    unknown = [str(c) for c in answers if c not in ("formula_a", "formula_b", "voltage_v", "note")]
    answers = unknown_where_lacking(answers, lacking(systems, phases, missing), unknown)
    answers = without_answer(answers, wrong, unknown)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers


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
