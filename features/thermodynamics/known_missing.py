"""Which compounds a table of phases is known to lack, system by system: what rests on them is unknown, not good."""

import functools
import operator
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    Amounts,
    PhaseSet,
    find_phase,
    read_amounts,
    system_mask,
)

NAMED = 3  # compounds named in one note; the rest are counted


def lacking(systems: Sequence[Sequence[str]], phases: PhaseSet, known_missing: Sequence[str]) -> list[str]:
    """Compounds within each system that are listed as missing and still are; "" where there is none.

    Args:
        systems: Formulas whose elements together make up each system.
        known_missing: Formulas of compounds that exist but had no energy when the list was made.
    """
    amounts, _ = read_amounts(known_missing)
    absent = [
        (formula, _mask(found))
        for formula, found in zip(known_missing, amounts, strict=True)
        if found is not None and find_phase(phases, found) < 0
    ]
    names = sorted({formula for system in systems for formula in system})
    masks = {formula: _mask(found or {}) for formula, found in zip(names, read_amounts(names)[0], strict=True)}
    unions = [functools.reduce(operator.or_, (masks[formula] for formula in system), 0) for system in systems]
    # Pairs share systems of elements by the thousand: each is compared with the list once.
    text_of = {union: _text([f for f, needed in absent if needed & ~union == 0]) for union in set(unions)}
    return [text_of[union] for union in unions]


def _mask(amounts: Amounts) -> int:
    return system_mask(ELEMENT_INDEX[symbol] for symbol in amounts)


def _text(formulas: list[str]) -> str:
    more = f" and {len(formulas) - NAMED} more" if len(formulas) > NAMED else ""
    return ", ".join(formulas[:NAMED]) + more


def unknown_where_lacking(table: pd.DataFrame, reasons: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """The table with `columns` emptied and `note` saying why where there is a reason (`missing_note`)."""
    short = np.array([bool(text) for text in reasons])
    numbers = [c for c in columns if pd.api.types.is_numeric_dtype(table[c])]
    texts = [c for c in columns if c not in numbers]
    masked = table.assign(**{c: table[c].mask(short) for c in numbers}, **{c: table[c].mask(short, "") for c in texts})
    why = [f"unknown: {text}" if text else "" for text in reasons]
    notes = ["; ".join(filter(None, pair)) for pair in zip(table["note"].fillna(""), why, strict=True)]
    return masked.assign(note=notes)
