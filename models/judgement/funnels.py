"""A funnel run on candidates: what each step leaves beside a publication's counts, and what became of its finds."""

import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, composition_keys, parse_formula
from ionsieve.models.judgement.filters import ENTRIES
from ionsieve.models.judgement.funnel_files import Funnel, nearest
from ionsieve.models.judgement.roles import EXPLORE, FELL, READY, screen_role


def run_funnel(table: pd.DataFrame, funnel: Funnel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdict on every candidate, and the steps with published counts beside ours.

    Args:
        table: Candidates, prepared for filters: id, formula and every column the filters name.

    Returns:
        Verdicts as from `screen_role`. Steps, one row per filter between one for the start and one for the end: filter,
        condition, n_in, n_dropped, n_dropped_unknown, n_unknown, n_out, published_count (nullable), count_check,
        basis, note.

    Raises:
        ValueError: If a filter names a column the table lacks, or asks of a text what only a number has.
    """
    for f in funnel.filters:
        for column in filter(None, (f.column, f.unless, f.low, f.high)):
            if column not in table.columns:
                raise ValueError(
                    f"{funnel.source}, filter {f.name}: no candidate has a column {column!r}"
                    f"{nearest(column, list(table.columns))}."
                )
        if _is_text(table[f.column]) and f.column not in ENTRIES:
            raise ValueError(
                f"{funnel.source}, filter {f.name}: column {f.column!r} holds text, which cannot be compared with "
                f"{f.threshold:g}; of text only the entries of {', '.join(ENTRIES)} are counted."
            )
        if f.unless is not None and not _is_yes_no(table[f.unless]):
            raise ValueError(
                f"{funnel.source}, filter {f.name}: unless names {f.unless!r}, which is no column of yes and no."
            )
        if _is_text(table[f.column]) and (f.threshold < 0 or f.threshold % 1):
            raise ValueError(
                f"{funnel.source}, filter {f.name}: column {f.column!r} holds text, of which a filter counts the "
                f"entries; {f.threshold:g} is no such count (at_most: 0 asks for none)."
            )
    verdicts, counted = screen_role(table, funnel.name, funnel.filters)
    passed = int((verdicts["list"] != FELL).sum())
    rows = [{"filter": "start", "condition": funnel.start[0], "n_out": len(table), **vars(funnel.start[1])}]
    kept = ["filter", "condition", "n_in", "n_dropped", "n_dropped_unknown", "n_unknown", "n_out"]
    for claim, (_, row) in zip(funnel.claims, counted[kept].iterrows(), strict=True):
        rows.append({**{str(key): value for key, value in row.items()}, **vars(claim)})
    rows.append({"filter": "end", "condition": funnel.end[0], "n_out": passed, **vars(funnel.end[1])})
    steps = pd.DataFrame(rows, columns=[*kept, "published_count", "count_check", "basis", "note"])
    numbers = [*kept[2:], "published_count"]
    return verdicts, steps.astype(dict.fromkeys(numbers, "Int64"))


def _is_text(column: pd.Series) -> bool:
    return bool(column.map(lambda cell: isinstance(cell, str)).any())


def _is_yes_no(column: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(column) or bool(column.dropna().map(lambda cell: isinstance(cell, bool)).all())


def survivors(table: pd.DataFrame, verdicts: pd.DataFrame, funnel: Funnel) -> pd.DataFrame:
    """Candidates that are left, ready ones first, then those with fewest questions open; a funnel ranks no further.

    Columns: list, formula, id, unknown_filters, next_filter, and those the filters read.
    """
    columns = [name for f in funnel.filters for name in (f.column, f.unless, f.low, f.high) if name]
    read = table[[name for name in dict.fromkeys(columns) if name not in ("id", "formula")]]
    said = verdicts[["list", "formula", "id", "unknown_filters", "next_filter"]]
    rows = pd.concat([said, read.reset_index(drop=True)], axis=1)[verdicts["list"] != FELL]
    questions = rows["unknown_filters"].str.count(",") + (rows["unknown_filters"] != "")
    order = pd.DataFrame({"n": questions, "formula": rows["formula"], "id": rows["id"]}).sort_values(
        ["n", "formula", "id"]
    )
    return rows.loc[order.index].reset_index(drop=True)


def fate_of_found(verdicts: pd.DataFrame, funnel: Funnel) -> dict[str, str]:
    """What became of each formula the publication found: its list, where it fell, or that it was no candidate."""
    if not funnel.found:
        return {}
    keys = pd.Series(composition_keys(verdicts["formula"]), index=verdicts.index)
    fates = {}
    for formula in funnel.found:
        rows = verdicts[keys == composition_key(parse_formula(formula))]
        best = rows.assign(order=rows["list"].map({READY: 0, EXPLORE: 1, FELL: 2})).sort_values("order", kind="stable")
        fates[formula] = _fate(best)
    return fates


def _fate(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "not among the candidates"
    row = rows.iloc[0]
    if row["list"] != FELL:
        return f"{row['list']}" + (f" ({row['unknown_filters']} unknown)" if row["unknown_filters"] else "")
    value = "unknown" if pd.isna(row["value"]) else f"{row['value']:.3g}"
    return f"fell at {row['first_failed_filter']} ({value} against {row['threshold']:g})"
