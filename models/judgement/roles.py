"""Which candidates may play which part in a cell; for each that may not, the first filter it failed and by how much.

A filter compares one column with one threshold, has a say on what is unknown, and may name a yes/no column that
excuses a failure ("reduction limit <= 0.1 V, or passivating"). Roles are ordered lists of filters and come from
parameters; nothing here knows a threshold. Why roles and not one window: doi:10.1021/acs.chemrev.9b00747.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ROLES = ("electrolyte", "anolyte", "catholyte", "cathode_coating", "anode_coating")
PASSES, UNKNOWN, FAILS = 1, 0, -1

FILTER_KEYS = frozenset({"column", "at_least", "at_most", "relative_to", "unless", "unknown"})
VERDICT_COLUMNS = (
    "id",
    "formula",
    "role",
    "passed",
    "first_failed_filter",
    "value",
    "threshold",
    "margin",
    "detail",
    "failed_filters",
    "unknown_filters",
)


@dataclass(frozen=True)
class Filter:
    """One comparison: `column` must be at least, or at most, `threshold`, in the column's unit.

    `unless` names a yes/no column that excuses a failure; `unknown` says whether a material without the value
    goes on ("pass") or is dropped ("fall").
    """

    name: str
    column: str
    sense: str
    threshold: float
    unknown: str = "pass"
    unless: str | None = None

    @property
    def text(self) -> str:
        """The condition as read in a funnel: "band_gap_ev ≥ 1"."""
        sign = "≥" if self.sense == "at_least" else "≤"
        return f"{self.column} {sign} {self.threshold:g}" + (f", or {self.unless}" if self.unless else "")


def partner_ids(partners: pd.DataFrame, cathode: str, electrolyte: str, anode: str) -> dict[str, str]:
    """Partner ids by the part they play: cathode_lithiated, cathode_delithiated, electrolyte, anode.

    Args:
        partners: Columns partner (id), kind, cathode (name shared by a lithiated and delithiated pair).
        cathode: A name in the column cathode.
        electrolyte: Id of a partner of kind electrolyte.
        anode: Id of a partner of kind anode.

    Raises:
        ValueError: Naming each part that does not stand exactly once in the table, and what there is.
    """
    pair = partners["cathode"] == cathode
    rows = {
        "cathode_lithiated": pair & (partners["kind"] == "cathode_lithiated"),
        "cathode_delithiated": pair & (partners["kind"] == "cathode_delithiated"),
        "electrolyte": (partners["partner"] == electrolyte) & (partners["kind"] == "electrolyte"),
        "anode": (partners["partner"] == anode) & (partners["kind"] == "anode"),
    }
    wrong = [f"{part} ({int(found.sum())} rows)" for part, found in rows.items() if found.sum() != 1]
    if wrong:
        known = "; ".join(f"{kind}: {', '.join(map(str, rows.partner))}" for kind, rows in partners.groupby("kind"))
        raise ValueError(
            f"partners: cathode {cathode!r}, electrolyte {electrolyte!r}, anode {anode!r} need one row each, "
            f"but not so for {', '.join(wrong)}. Known: {known}"
        )
    return {part: str(partners.loc[found, "partner"].iloc[0]) for part, found in rows.items()}


def interface_column(partner: str) -> str:
    """Name of the column that holds the mutual reaction energy with one partner, eV/atom."""
    return f"e_rxn_{partner}_ev_atom"


def pivot_interfaces(interfaces: pd.DataFrame) -> pd.DataFrame:
    """Mutual reaction energies with one row per id and one column `e_rxn_<partner>_ev_atom` per partner.

    Args:
        interfaces: Columns id, partner, e_rxn_ev_atom; NaN where not computed.

    Raises:
        ValueError: If a pair stands twice.
    """
    twice = interfaces.duplicated(["id", "partner"])
    if twice.any():
        pairs = [f"{row.id} with {row.partner}" for row in interfaces[twice].head(10).itertuples()]
        raise ValueError(f"interfaces: {int(twice.sum())} pairs stand more than once: {', '.join(pairs)}")
    wide = interfaces.pivot(index="id", columns="partner", values="e_rxn_ev_atom")
    return wide.rename(columns=interface_column).rename_axis(columns=None).reset_index()


def role_filters(
    role: str, roles: Mapping[str, Mapping[str, Any]], partners: Mapping[str, str], references: Mapping[str, float]
) -> list[Filter]:
    """The ordered filters of one role; those of the groups it includes come first.

    Args:
        role: A key of `roles`.
        roles: Per role or group, filter name -> column, at_least or at_most, and optionally relative_to (a key of
            `references` whose value is added to the threshold), unless, unknown; the key `includes` lists groups.
        partners: As from `partner_ids`; fills {cathode_lithiated} and the like in column names.
        references: Values that thresholds may be relative to, such as cathode_voltage_v.

    Raises:
        ValueError: Naming the role, the filter and what is wrong with it.
    """
    if role not in roles:
        raise ValueError(f"screen.roles has no {role!r}; it has {', '.join(roles)}")
    filters: dict[str, Filter] = {}
    for group in roles[role].get("includes", ()):
        filters |= {f.name: f for f in role_filters(group, roles, partners, references)}
    for name, spec in roles[role].items():
        if name != "includes":
            filters[name] = _filter(f"screen.roles.{role}.{name}", name, spec, partners, references)
    return list(filters.values())


def _filter(
    where: str, name: str, spec: Mapping[str, Any], partners: Mapping[str, str], references: Mapping[str, float]
) -> Filter:
    odd = sorted(set(spec) - FILTER_KEYS)
    if odd:
        raise ValueError(f"{where}: unknown key {', '.join(odd)}; known are {', '.join(sorted(FILTER_KEYS))}")
    senses = [key for key in ("at_least", "at_most") if key in spec]
    if len(senses) != 1 or "column" not in spec:
        raise ValueError(f"{where}: needs a column and exactly one of at_least, at_most")
    unknown = spec.get("unknown", "pass")
    if unknown not in ("pass", "fall"):
        raise ValueError(f"{where}: unknown must be 'pass' or 'fall', not {unknown!r}")
    threshold = float(spec[senses[0]])
    if "relative_to" in spec:
        if spec["relative_to"] not in references:
            raise ValueError(f"{where}: relative_to {spec['relative_to']!r} is none of {', '.join(references)}")
        # Rounded, so that 4.3 - 0.3 is the 4.0 a person means and not a neighbour of it.
        threshold = round(threshold + references[spec["relative_to"]], 9)
    try:
        column = spec["column"].format(**partners)
    except KeyError as error:
        raise ValueError(f"{where}: column {spec['column']!r} names no partner known ({error})") from error
    return Filter(name, column, senses[0], threshold, unknown, spec.get("unless"))


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

    With an excuse (`unless`) the two are joined as a three-valued "or": a yes passes, a failure with an unknown excuse
    is unknown.

    Raises:
        ValueError: If a filter names columns the table lacks.
    """
    needed = {f.column: f.name for f in filters} | {f.unless: f.name for f in filters if f.unless}
    missing = [f"{column} (filter {name})" for column, name in needed.items() if column not in table.columns]
    if missing:
        raise ValueError(f"candidates: missing column {', '.join(missing)}")
    states = np.empty((len(table), len(filters)), dtype=np.int8)
    for j, f in enumerate(filters):
        values = numbers(table[f.column])
        good = values >= f.threshold if f.sense == "at_least" else values <= f.threshold
        states[:, j] = np.where(np.isnan(values), UNKNOWN, np.where(good, PASSES, FAILS))
        if f.unless is not None:
            excuse = numbers(table[f.unless])
            excuse_states = np.where(np.isnan(excuse), UNKNOWN, np.where(excuse > 0, PASSES, FAILS))
            states[:, j] = np.maximum(states[:, j], excuse_states)
    return states


def screen_role(table: pd.DataFrame, role: str, filters: Sequence[Filter]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdict on every candidate for one role, and the funnel.

    Args:
        table: One row per candidate with id, formula and every column the filters name.
        role: Name written into both results.
        filters: Applied in order; a candidate is dropped by the first it fails.

    Returns:
        Verdicts, one row per candidate in the table's order (VERDICT_COLUMNS): `value`, `threshold`, `margin` (signed,
        in the column's unit, negative by how much it failed, NaN where an unknown fell) and `detail` belong to the
        first failed filter; `failed_filters` lists all that would drop it, `unknown_filters` those passed unknown.
        Funnel, one row per filter in order: role, filter, condition, unknown, n_in, n_dropped (of which
        n_dropped_unknown for a missing value), n_unknown_passed, n_out.
    """
    states = filter_states(table, filters)
    falls = np.array([f.unknown == "fall" for f in filters], dtype=bool)
    drops = (states == FAILS) | ((states == UNKNOWN) & falls)
    # One column past the last filter stands for "passed".
    first = np.argmax(np.column_stack([drops, np.ones(len(table), dtype=bool)]), axis=1)
    return _verdicts(table, role, filters, states, drops, first), _funnel(role, filters, states, first)


def _verdicts(
    table: pd.DataFrame, role: str, filters: Sequence[Filter], states: np.ndarray, drops: np.ndarray, first: np.ndarray
) -> pd.DataFrame:
    value, threshold, margin = (np.full(len(table), np.nan) for _ in range(3))
    detail = np.full(len(table), "", dtype=object)
    for j, f in enumerate(filters):
        here = first == j
        value[here] = numbers(table[f.column])[here]
        threshold[here] = f.threshold
        margin[here] = (value[here] - f.threshold) * (1 if f.sense == "at_least" else -1)
        detail[here] = [cell if isinstance(cell, str) else "" for cell in table[f.column].to_numpy(dtype=object)[here]]
    names = np.array([*(f.name for f in filters), ""], dtype=object)
    before = np.arange(len(filters)) < first[:, None]
    return pd.DataFrame(
        {
            "id": table["id"].to_numpy(),
            "formula": table["formula"].to_numpy(),
            "role": role,
            "passed": first == len(filters),
            "first_failed_filter": names[first],
            "value": value,
            "threshold": threshold,
            "margin": margin,
            "detail": detail,
            "failed_filters": [", ".join(names[:-1][row]) for row in drops],
            "unknown_filters": [", ".join(names[:-1][row]) for row in (states == UNKNOWN) & before],
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
                "n_unknown_passed": int((unknown & (first > j)).sum()),
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
