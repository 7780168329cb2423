"""A person's own materials: formulas, CIFs, or a table of them, as rows the stages' functions can take."""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.pipeline.sources.table import (
    LATTICE,
    as_numbers,
    impossible,
    no_number,
    space_group_numbers,
    with_columns,
)
from ionsieve.pipeline.tables import InputError, read_table, require_columns

FILE_ENDINGS = (".csv", ".csv.gz", ".parquet", ".cif", ".zip")  # no formula ends so


def read_materials(arguments: Sequence[str], columns: Sequence[str] = ("formula",)) -> pd.DataFrame:
    """Formulas as arguments, or one table that holds the columns named; keys stay as written.

    Raises:
        InputError: If a file is mixed with other arguments, or lacks a column.
    """
    files = [a for a in arguments if os.path.exists(a)]  # Path.exists raises where a formula is too long for a path
    absent = [a for a in arguments if a not in files and a.endswith(FILE_ENDINGS)]
    if absent:
        raise InputError(f"{absent[0]}: there is no such file")
    if not files:
        return pd.DataFrame({"formula": list(arguments)})
    if len(arguments) > 1:
        raise InputError(f"{files[0]} is a file: give one file, or formulas alone.")
    rows = read_table(files[0], text=("id", *columns))
    require_columns(rows, columns, files[0])
    return rows


def own_materials(arguments: Sequence[str]) -> pd.DataFrame:
    """Formulas and CIFs in the order given, or the rows of one table, folder or zip; unreadable ones keep their place.

    Returns:
        id (where the material is a CIF or the table has one), formula, cell and space group, structure_json, note (why
        a row cannot be used), remark (what of a row is left out).

    Raises:
        InputError: If nothing can be read.
    """
    paths = [Path(a) for a in arguments]
    tables = [p for p in paths if p.name.endswith((".csv", ".csv.gz", ".parquet")) and os.path.exists(p)]
    if tables:
        rows = read_materials(arguments).drop(columns=["note", "remark", "doubts"], errors="ignore")
    else:
        rows = pd.DataFrame([row for a, p in zip(arguments, paths, strict=True) for row in rows_of_path(a, p)])
    return checked_materials(rows)


def checked_materials(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with `formula` and whatever else a person's table holds, as `own_materials` gives them."""
    rows = with_cell(with_columns(with_columns(rows, ["structure_json"], None), ["note"], ""))
    keys = rows.reindex(columns=["id", "formula"]).fillna("") if "id" in rows else rows[["formula"]]
    _, reasons = parse_formulas(keys["formula"])
    unreadable = [n or r for n, r in zip(rows["note"].fillna(""), reasons, strict=True)]
    crystals, unusable = _crystals_of(rows)
    left_out = [f"{reason}; ignored" if reason else "" for reason in unusable]
    remark = joined(rows["remark"], doubts_of(rows), left_out)
    return rows.assign(
        **keys, structure_json=pd.Series(crystals, index=rows.index, dtype=object), note=unreadable, remark=remark
    )


def _crystals_of(rows: pd.DataFrame) -> tuple[list[str | None], list[str]]:
    """(crystal or None, why a cell gave none) of `structure_json`; those of files were read already."""
    if rows["structure_json"].isna().all() or "doubts" in rows:
        return list(rows["structure_json"].where(rows["structure_json"].notna(), None)), [""] * len(rows)
    from ionsieve.pipeline.sources import cifs

    return cifs.checked_json(rows["structure_json"])


def joined(*columns: Iterable[str]) -> list[str]:
    """The texts of each row as one."""
    return ["; ".join(filter(None, texts)) for texts in zip(*columns, strict=True)]


def doubts_of(rows: pd.DataFrame) -> list[str]:
    """What the files of the rows leave in doubt."""
    return list(with_columns(rows, ["doubts"], "")["doubts"].fillna(""))


def with_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with cell and space group as numbers, and `remark`: what is no number is left out, not its row."""
    groups, unknown = space_group_numbers(rows)
    rows, remarks = rows.assign(space_group_number=groups), [unknown]
    for column in (*LATTICE, "formula_units_z"):
        cells = rows.get(column, pd.Series(math.nan, index=rows.index))
        numbers = as_numbers(cells)
        wrong = no_number(cells) | impossible(numbers)
        rows[column] = numbers.mask(wrong)
        remarks.append(
            [f"{column} {c!r} is no positive number" if w else "" for c, w in zip(cells, wrong, strict=True)]
        )
    left_out = ["; ".join(filter(None, texts)) for texts in zip(*remarks, strict=True)]
    return rows.assign(remark=[f"{text}; ignored" if text else "" for text in left_out])


def rows_of_path(argument: str, path: Path) -> list[dict[str, object]]:
    """A row for each crystal of a CIF, folder or zip; of what is no path, one row with the formula."""
    if not os.path.exists(path):
        note = "there is no such file" if argument.endswith(FILE_ENDINGS) else ""
        return [{"formula": argument, "note": note}]
    from ionsieve.pipeline.sources import cifs  # crystals take a second to import, which formulas need not wait for

    rows: list[dict[str, object]] = []
    for id_, found in cifs.crystals(path):
        if isinstance(found, ValueError):
            rows.append({"id": id_, "formula": "", "note": str(found)})
        else:
            row = cifs.crystal_row(id_, found)
            rows.append(row | {"note": "", "doubts": row["note"]})
    return rows
