"""Which candidates may play which part in a cell: ready, worth exploring, or fallen at which filter and by how much.

Why roles and not one window for all: doi:10.1021/acs.chemrev.9b00747. A material is `ready` for a role where every
quantity that decides is known and passes, `explore` where nothing known speaks against it but quantities that decide
are unknown, and it `fell` where a known one fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ionsieve.models.judgement.filters import FAILS, UNKNOWN, Filter, filter_states, numbers

ROLES = ("electrolyte", "anolyte", "catholyte", "cathode_coating", "anode_coating")
READY, EXPLORE, FELL = "ready", "explore", "fell"
VERDICT_COLUMNS = (
    "id",
    "formula",
    "role",
    "list",
    "first_failed_filter",
    "value",
    "threshold",
    "margin",
    "detail",
    "failed_filters",
    "unknown_filters",
    "flagged_filters",
    "next_filter",
)


def screen_role(table: pd.DataFrame, role: str, filters: Sequence[Filter]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdict on every candidate for one role, and the funnel.

    Args:
        table: One row per candidate with id, formula and every column the filters name.
        role: Name written into both results.
        filters: Applied in order; a candidate is dropped by the first it fails.

    Returns:
        Verdicts, one row per candidate in the table's order (VERDICT_COLUMNS): `value`, `threshold`, `margin` (signed,
        in the column's unit, negative by how much it failed, NaN where an unknown fell) and `detail` belong to the
        first failed filter; `failed_filters` lists all that would drop it, `unknown_filters` those that decide and
        are unknown, `flagged_filters` those that are unknown and do not decide; `next_filter` is the unknown filter
        to settle first.
        Funnel, one row per filter in order: role, filter, condition, unknown, n_in, n_dropped (of which
        n_dropped_unknown for a missing value), n_unknown (of what is left, without an answer), n_out.
    """
    states = filter_states(table, filters)
    fate = _fates(states, filters)
    return _verdicts(table, role, filters, fate), _funnel(role, filters, states, fate.first)


@dataclass(frozen=True)
class _Fates:
    """(n, m) what each filter does to each row, (n,) the first that drops it (m: none), and which to settle first."""

    drops: np.ndarray
    undecided: np.ndarray
    flagged: np.ndarray
    first: np.ndarray
    order: np.ndarray


def _fates(states: np.ndarray, filters: Sequence[Filter]) -> _Fates:
    policy = np.array([f.unknown for f in filters], dtype=object)
    unknown = states == UNKNOWN
    drops = (states == FAILS) | (unknown & (policy == "fall"))
    # One column past the last filter stands for "passed".
    first = np.argmax(np.column_stack([drops, np.ones(len(states), dtype=bool)]), axis=1)
    return _Fates(drops, unknown & (policy == "explore"), unknown & (policy == "pass"), first, settle_first(states))


def settle_first(states: np.ndarray) -> np.ndarray:
    """(m,) filters in the order in which unknowns are worth settling: those that drop the largest share first.

    The share is that of the candidates for which the filter has an answer; before any has one it is a half.
    """
    known = (states != UNKNOWN).sum(axis=0)
    fails = (states == FAILS).sum(axis=0)
    return np.argsort(-((fails + 0.5) / (known + 1.0)), kind="stable")


def _verdicts(table: pd.DataFrame, role: str, filters: Sequence[Filter], fate: _Fates) -> pd.DataFrame:
    value, threshold, margin = (np.full(len(table), np.nan) for _ in range(3))
    detail = np.full(len(table), "", dtype=object)
    for j, f in enumerate(filters):
        here = fate.first == j
        value[here] = numbers(table[f.column])[here]
        threshold[here] = f.threshold
        margin[here] = (value[here] - f.threshold) * (1 if f.sense == "at_least" else -1)
        detail[here] = [cell if isinstance(cell, str) else "" for cell in table[f.column].to_numpy(dtype=object)[here]]
    names = np.array([*(f.name for f in filters), ""], dtype=object)
    passed, open_question = fate.first == len(filters), fate.undecided.any(axis=1)
    by_worth = fate.undecided[:, fate.order]
    next_one = np.append(fate.order, len(filters))[np.where(open_question, np.argmax(by_worth, axis=1), len(filters))]
    return pd.DataFrame(
        {
            "id": table["id"].to_numpy(),
            "formula": table["formula"].to_numpy(),
            "role": role,
            "list": np.where(~passed, FELL, np.where(open_question, EXPLORE, READY)),
            "first_failed_filter": names[fate.first],
            "value": value,
            "threshold": threshold,
            "margin": margin,
            "detail": detail,
            "failed_filters": [", ".join(names[:-1][row]) for row in fate.drops],
            "unknown_filters": [", ".join(names[:-1][row]) for row in fate.undecided],
            "flagged_filters": [", ".join(names[:-1][row]) for row in fate.flagged],
            "next_filter": np.where(passed, names[next_one], ""),
        },
        columns=list(VERDICT_COLUMNS),
    )


def _funnel(role: str, filters: Sequence[Filter], states: np.ndarray, first: np.ndarray) -> pd.DataFrame:
    rows = []
    for j, f in enumerate(filters):
        dropped, unknown = first == j, states[:, j] == UNKNOWN
        rows.append(
            {
                "role": role,
                "filter": f.name,
                "condition": f.text,
                "unknown": f.unknown,
                "n_in": int((first >= j).sum()),
                "n_dropped": int(dropped.sum()),
                "n_dropped_unknown": int((dropped & unknown).sum()),
                "n_unknown": int((unknown & (first > j)).sum()),
                "n_out": int((first > j).sum()),
            }
        )
    return pd.DataFrame(rows)


def emptied_by(funnel: pd.DataFrame) -> str:
    """One sentence on which filter took a role's last candidates; "" if some are left.

    Args:
        funnel: Of one role, as from `screen_role`.
    """
    role = funnel["role"].iloc[0]
    if funnel["n_in"].iloc[0] == 0:
        return f"No candidate is left for {role}: there was none to screen."
    taken = funnel[(funnel["n_out"] == 0) & (funnel["n_dropped"] > 0)]
    if taken.empty:
        return ""
    last = taken.iloc[0]
    unknown = f", {last.n_dropped_unknown} of them for want of a value" if last.n_dropped_unknown else ""
    return (
        f"No candidate is left for {role}: the filter {last['filter']} ({last.condition}) took the last "
        f"{last.n_dropped}{unknown}."
    )
