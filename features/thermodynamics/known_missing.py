"""Which compounds a table of phases is known to lack, system by system: what rests on them is unknown, not good."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.phase_set import PhaseSet, find_phase, read_amounts

NAMED = 3  # compounds named in one note; the rest are counted


def lacking(systems: Sequence[Sequence[str]], phases: PhaseSet, known_missing: Sequence[str]) -> list[str]:
    """Compounds within each system that are listed as missing and still are; "" where there is none.

    Args:
        systems: Formulas whose elements together make up each system.
        known_missing: Formulas of compounds that exist but had no energy when the list was made.
    """
    amounts, _ = read_amounts(known_missing)
    absent = [
        (formula, frozenset(found))
        for formula, found in zip(known_missing, amounts, strict=True)
        if found is not None and find_phase(phases, found) < 0
    ]
    names = sorted({formula for system in systems for formula in system})
    elements = {f: frozenset(a or ()) for f, a in zip(names, read_amounts(names)[0], strict=True)}
    return [_text([f for f, needed in absent if needed <= _union(system, elements)]) for system in systems]


def _union(system: Sequence[str], elements: dict[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(elements[formula] for formula in system))


def _text(formulas: list[str]) -> str:
    more = f" and {len(formulas) - NAMED} more" if len(formulas) > NAMED else ""
    return ", ".join(formulas[:NAMED]) + more


def unknown_where_lacking(table: pd.DataFrame, lacks: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """The table with `columns` emptied and `note` saying why where compounds are lacking."""
    short = np.array([bool(text) for text in lacks])
    numbers = [c for c in columns if pd.api.types.is_numeric_dtype(table[c])]
    texts = [c for c in columns if c not in numbers]
    masked = table.assign(**{c: table[c].mask(short) for c in numbers}, **{c: table[c].mask(short, "") for c in texts})
    why = [f"unknown: these phases lack {text}" if text else "" for text in lacks]
    notes = ["; ".join(filter(None, pair)) for pair in zip(table["note"].fillna(""), why, strict=True)]
    return masked.assign(note=notes)
