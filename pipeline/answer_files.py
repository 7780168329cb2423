"""Answers as files of a person's choice: CSV and Excel for people, Parquet and JSON for programs."""

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ionsieve.pipeline.tables import InputError, without_commands, write_spreadsheet, write_table, write_whole

# What Excel's format cannot hold at all.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
EXCEL_ROWS, EXCEL_CHARACTERS = 1_048_575, 32_767


def check_suffix(out: Path) -> None:
    """Refuse a file type we cannot write.

    Raises:
        InputError: Naming those we can.
    """
    if out.suffix not in WRITERS:
        *others, last = WRITERS
        raise InputError(f"--out {out}: write to a {', '.join(others)} or {last} file.")


def write_answers(table: pd.DataFrame, out: Path) -> None:
    """Write one row per row; numbers stay numbers, and no cell of a CSV or Excel file is a command.

    Raises:
        InputError: If the file cannot be written, or its format cannot hold the table.
    """
    check_suffix(out)
    WRITERS[out.suffix](table, out)


def write_excel(table: pd.DataFrame, out: Path) -> None:
    """One sheet; inf stands as the text "inf", an unknown as an empty cell."""
    if len(table) > EXCEL_ROWS:
        raise InputError(f"--out {out}: an Excel sheet holds {EXCEL_ROWS:,} rows, these are {len(table):,}.")

    def fitting(cell: Any) -> Any:
        return CONTROL_CHARACTERS.sub("\ufffd", cell)[:EXCEL_CHARACTERS] if isinstance(cell, str) else cell

    shown = without_commands(table)
    shown = shown.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(fitting))
    write_whole(out, partial(shown.to_excel, index=False, sheet_name="ionsieve", engine="openpyxl", inf_rep="inf"))


def write_records(table: pd.DataFrame, out: Path) -> None:
    """A JSON list with an object per row; null is unknown, an infinite number the text "inf"."""
    records = [{name: _plain(cell) for name, cell in row.items()} for row in table.to_dict("records")]
    text = json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(out, lambda p: p.write_text(text, encoding="utf-8", errors="replace"))


def _plain(cell: Any) -> Any:
    value = cell.item() if hasattr(cell, "item") else cell
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    return value if isinstance(value, int | float | str | bool) else str(value)


WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": write_spreadsheet,
    ".parquet": write_table,
    ".xlsx": write_excel,
    ".json": write_records,
}
