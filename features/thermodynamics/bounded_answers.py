"""Windows and interface reactions with the intervals that compounds known to be missing leave them in."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.known_wrong import known_wrong_entries
from ionsieve.features.thermodynamics.missing_bounds import (
    NEGLIGIBLE_EV_ATOM,
    NEGLIGIBLE_V,
    Completed,
    bounds,
    named_missing,
    widths,
)
from ionsieve.features.thermodynamics.open_contact import open_contact_table
from ionsieve.features.thermodynamics.phase_set import PhaseSet
from ionsieve.features.thermodynamics.window import window_table

WINDOW_COLUMNS = {
    "e_above_hull_ev_atom": "_ev_atom",
    "reduction_limit_v": "_v",
    "oxidation_limit_v": "_v",
    "reduction_limit_tol_v": "_v",
    "oxidation_limit_tol_v": "_v",
}
WINDOW_PRODUCTS = ("decomposition_products", "reduction_products", "oxidation_products")
DECIDING_LIMITS = ("reduction_limit_tol_v", "oxidation_limit_tol_v")
REACTION_COLUMN = "e_rxn_ev_atom"
OPEN_COLUMN = "e_open_ev_non_li"
# Beyond these an interval says too little to be an answer.
UNKNOWN_V = 0.5
UNKNOWN_EV_ATOM = 0.1


def bounded_windows(
    formulas: Sequence[str],
    sets: Completed,
    formation_energy_ev_atom: Sequence[float] | None = None,
    mobile_ion: str = "Li",
    tolerance_ev_atom: float = 0.005,
) -> pd.DataFrame:
    """window_table of the phases as they are, and what missing compounds leave open.

    Returns:
        Its columns, those of WINDOW_COLUMNS as *_bound_low_*, *_bound_high_*; missing_matters: the missing compounds
        that would take part; bounded: whether the tolerant limits (NEGLIGIBLE_V) and the hull distance
        (NEGLIGIBLE_EV_ATOM) stay what they are; answered: whether they lie within UNKNOWN_V and UNKNOWN_EV_ATOM.
    """
    names = list(formulas)
    table, other = _both(
        sets, lambda phases: window_table(names, phases, formation_energy_ev_atom, mobile_ion, tolerance_ev_atom)
    )
    table = pd.concat([table, bounds(table, other, WINDOW_COLUMNS)], axis=1)
    texts = other[list(WINDOW_PRODUCTS)].agg(" + ".join, axis=1)
    volts = np.fmax(*(np.nan_to_num(widths(table, column, "_v")) for column in DECIDING_LIMITS))
    above = np.nan_to_num(widths(table, "e_above_hull_ev_atom", "_ev_atom"))
    return table.assign(
        missing_matters=named_missing(texts.tolist(), sets.missing),
        bounded=(volts <= NEGLIGIBLE_V) & (above <= NEGLIGIBLE_EV_ATOM),
        answered=(volts <= UNKNOWN_V) & (above <= UNKNOWN_EV_ATOM),
    )


def bounded_interfaces(pairs: pd.DataFrame, sets: Completed, mobile_ion: str = "Li") -> pd.DataFrame:
    """interface_table of the phases as they are, and what missing compounds leave open.

    Returns:
        Its columns, e_rxn_bound_low_ev_atom, e_rxn_bound_high_ev_atom, missing_matters, bounded and answered, as
        bounded_windows.
    """
    table, other = _both(sets, lambda phases: interface_table(pairs, phases, mobile_ion))
    table = pd.concat([table, bounds(table, other, {REACTION_COLUMN: "_ev_atom"})], axis=1)
    width = np.nan_to_num(widths(table, REACTION_COLUMN, "_ev_atom"))
    return table.assign(
        missing_matters=named_missing(other["products"].tolist(), sets.missing),
        bounded=width <= NEGLIGIBLE_EV_ATOM,
        answered=width <= UNKNOWN_EV_ATOM,
    )


def bounded_open_contacts(
    formulas: Sequence[str], hosts: pd.DataFrame, sets: Completed, measured: pd.DataFrame
) -> pd.DataFrame:
    """open_contact_table of the phases as they are, without entries that `measured` shows to be wrong, and what missing
    compounds leave open.

    Returns:
        Its columns, e_open_bound_low_ev_non_li, e_open_bound_high_ev_non_li, missing_matters, bounded and answered, as
        bounded_windows.
    """
    table, other = _both(
        sets, lambda phases: open_contact_table(formulas, hosts, phases, known_wrong_entries(phases, measured))
    )
    table = pd.concat([table, bounds(table, other, {OPEN_COLUMN: "_ev_non_li"})], axis=1)
    width = np.nan_to_num(widths(table, OPEN_COLUMN, "_ev_non_li"))
    return table.assign(
        missing_matters=named_missing(other["e_open_products"].tolist(), sets.missing),
        bounded=width <= NEGLIGIBLE_EV_ATOM,
        answered=width <= UNKNOWN_EV_ATOM,
    )


def _both(sets: Completed, ask: Callable[[PhaseSet], pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = ask(sets.phases)
    return table, table if sets.with_missing is sets.phases else ask(sets.with_missing)


def missing_note(table: pd.DataFrame, known: str = "bounded") -> list[str]:
    """What to say of each row of a bounded table: "" where nothing matters (`known`), else which compounds do."""
    return [
        "" if decided else f"the phases lack {names or 'compounds that could matter'}"
        for decided, names in zip(table[known], table["missing_matters"], strict=True)
    ]


def interval_note(table: pd.DataFrame) -> list[str]:
    """What to say of rows of a bounded table that are answered, but by an interval; "" for all others."""
    reasons = zip(missing_note(table), table["answered"], strict=True)
    return [f"within the bounds, as {reason}" if reason and answered else "" for reason, answered in reasons]
