"""Filters of a role: one column against one threshold, with a say on what is unknown and on what excuses a failure.

Roles are ordered lists of filters and come from parameters or a funnel's file; nothing here knows a threshold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

PASSES, UNKNOWN, FAILS = 1, 0, -1
FILTER_KEYS = frozenset(
    {"column", "at_least", "at_most", "relative_to", "unless", "unknown", "low", "high", "next_step"}
)
UNKNOWNS = ("explore", "pass", "fall")
# Text that a filter may count the entries of; of any other text a count says nothing.
ENTRIES = ("excluded_elements", "molecular_groups", "mixed_conduction_ions", "other_alkali", "bonded_anions")


@dataclass(frozen=True)
class Filter:
    """One comparison: `column` must be at least, or at most, `threshold`, in the column's unit.

    `unless` names a yes/no column that excuses a failure. `low` and `high` name columns with bounds of the value, used
    where the value itself is unknown: bounds on one side of the threshold decide, others do not. `unknown` says what a
    material without the answer does: the quantity is one that decides, and it goes to "explore"; it does not, and the
    material goes on with a flag ("pass"); or it is dropped ("fall"). `next_step` says how the answer is got.
    """

    name: str
    column: str
    sense: str
    threshold: float
    unknown: str = "explore"
    unless: str | None = None
    low: str | None = None
    high: str | None = None
    next_step: str = ""

    @property
    def text(self) -> str:
        """The condition as read in a funnel: "band_gap_ev ≥ 1"."""
        sign = "≥" if self.sense == "at_least" else "≤"
        return f"{self.column} {sign} {self.threshold:g}" + (f", or {self.unless}" if self.unless else "")


def role_filters(
    role: str, roles: Mapping[str, Mapping[str, Any]], partners: Mapping[str, str], references: Mapping[str, float]
) -> list[Filter]:
    """The ordered filters of one role; those of the groups it includes come first.

    Args:
        role: A key of `roles`.
        roles: Per role or group, filter name -> column, at_least or at_most, and optionally relative_to (a key of
            `references` whose value is added to the threshold) and the other fields of `Filter`; the key `includes`
            lists groups. A filter given as null takes away the one of that name that an included group brought.
        partners: As from `cell.partner_ids`; fills {cathode_lithiated} and the like in column names.
        references: Values that thresholds may be relative to, such as cathode_voltage_v.

    Raises:
        ValueError: Naming the role, the filter and what is wrong with it.
    """
    specs = role_specs(role, roles)
    return [read_filter(where, name, spec, partners, references) for name, (where, spec) in specs.items()]


def role_specs(role: str, roles: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Any]]:
    """Filters of one role as they are written, by name in order: where each stands, and its fields.

    Raises:
        ValueError: If there is no such role.
    """
    if role not in roles:
        raise ValueError(f"screen.roles has no {role!r}; it has {', '.join(roles)}")
    specs: dict[str, tuple[str, Any]] = {}
    for group in roles[role].get("includes", ()):
        specs |= role_specs(group, roles)
    for name, spec in roles[role].items():
        if name == "includes":
            continue
        if spec is None:
            specs.pop(name, None)
        else:
            specs[name] = (f"screen.roles.{role}.{name}", spec)
    return specs


def read_filter(
    where: str, name: str, spec: Mapping[str, Any], partners: Mapping[str, str], references: Mapping[str, float]
) -> Filter:
    """One filter from its fields.

    Args:
        where: Where it stands, for messages.
        name: What the funnel calls it.
        spec, partners, references: As for `role_filters`.

    Raises:
        ValueError: Saying where, and what is wrong with it.
    """
    if not isinstance(spec, Mapping):
        raise ValueError(f"{where}: a filter is a column with at_least or at_most, not {spec!r}")
    odd = sorted(set(spec) - FILTER_KEYS)
    if odd:
        raise ValueError(f"{where}: unknown key {', '.join(odd)}; known are {', '.join(sorted(FILTER_KEYS))}")
    senses = [key for key in ("at_least", "at_most") if key in spec]
    if len(senses) != 1 or "column" not in spec:
        raise ValueError(f"{where}: needs a column and exactly one of at_least, at_most")
    unknown = spec.get("unknown", "explore")
    if unknown not in UNKNOWNS:
        raise ValueError(f"{where}: unknown must be one of {', '.join(UNKNOWNS)}, not {unknown!r}")
    try:
        threshold = float(spec[senses[0]])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {senses[0]} {spec[senses[0]]!r} is no number") from error
    if not math.isfinite(threshold):
        raise ValueError(f"{where}: {senses[0]} {spec[senses[0]]!r} is no finite number, and nothing would be compared")
    if "relative_to" in spec:
        if spec["relative_to"] not in references:
            raise ValueError(f"{where}: relative_to {spec['relative_to']!r} is none of {', '.join(references)}")
        # Rounded, so that 4.3 - 0.3 is the 4.0 a person means and not a neighbour of it.
        threshold = round(threshold + references[spec["relative_to"]], 9)
    try:
        columns = {key: spec[key].format(**partners) for key in ("column", "unless", "low", "high") if key in spec}
    except KeyError as error:
        raise ValueError(f"{where}: a column names no partner known ({error})") from error
    return Filter(
        name, sense=senses[0], threshold=threshold, unknown=unknown, next_step=spec.get("next_step", ""), **columns
    )


def numbers(column: pd.Series) -> np.ndarray:
    """(n,) floats: numbers as they are, yes/no as 1/0, text as its count of comma-separated entries; missing as NaN."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)

    def number(cell: Any) -> float:
        if isinstance(cell, str):
            return float(sum(bool(entry.strip()) for entry in cell.split(",")))
        return np.nan if cell is None or cell is pd.NA else float(cell)

    return np.array([number(cell) for cell in column], dtype=float)


def filter_states(table: pd.DataFrame, filters: Sequence[Filter]) -> np.ndarray:
    """(n, m) PASSES, UNKNOWN or FAILS of each row under each filter, each filter judged for itself.

    Where the value is unknown its bounds decide if both, or the one that matters, lie on one side of the threshold.
    With an excuse (`unless`) the two are joined as a three-valued "or": a yes passes, a failure with an unknown excuse
    is unknown.

    Raises:
        ValueError: If a filter names columns the table lacks.
    """
    needed = {name: f.name for f in filters for name in (f.column, f.unless, f.low, f.high) if name}
    missing = [f"{column} (filter {name})" for column, name in needed.items() if column not in table.columns]
    if missing:
        raise ValueError(f"candidates: missing column {', '.join(missing)}")
    states = np.empty((len(table), len(filters)), dtype=np.int8)
    for j, f in enumerate(filters):
        states[:, j] = _compared(f, table)
        if f.unless is not None:
            excuse = numbers(table[f.unless])
            excuse_states = np.where(np.isnan(excuse), UNKNOWN, np.where(excuse > 0, PASSES, FAILS))
            states[:, j] = np.maximum(states[:, j], excuse_states)
    return states


def _compared(f: Filter, table: pd.DataFrame) -> np.ndarray:
    sign = 1.0 if f.sense == "at_least" else -1.0
    values = sign * numbers(table[f.column])
    nothing = np.full(len(table), np.nan)
    ends = [nothing if name is None else sign * numbers(table[name]) for name in (f.low, f.high)]
    worst, best = ends if f.sense == "at_least" else ends[::-1]
    worst, best = (np.where(np.isnan(values), end, values) for end in (worst, best))
    threshold = sign * f.threshold
    # NaN compares as False, so that an end not known decides nothing.
    return np.where(worst >= threshold, PASSES, np.where(best < threshold, FAILS, UNKNOWN))
