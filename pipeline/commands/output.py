"""What a command answers with: a file, or a table on the terminal, and a failure where nothing could be answered."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ionsieve.pipeline.answer_files import check_suffix, write_answers
from ionsieve.pipeline.tables import InputError

SIDE_BY_SIDE = 4  # materials; more stand below each other
WIDTH = 200  # where the output is no terminal
CHUNK = 500  # rows between two steps of the progress bar
PROGRESS_FROM = 2 * CHUNK  # rows; fewer are answered before a bar could be read


def emit(table: pd.DataFrame, out: Path | None) -> None:
    """Write the table, or print it for people to read: few rows side by side, as there are many columns."""
    if out is not None:
        write_answers(table, out)
        return
    shown, console = Table(), Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if len(table) <= SIDE_BY_SIDE:
        shown.show_header = False
        for column in table.columns:
            shown.add_row(column, *map(_cell, table[column]))
    else:
        for column in table.columns:
            shown.add_column(column, overflow="fold")
        for row in table.itertuples(index=False):
            shown.add_row(*map(_cell, row))
    console.print(shown)


def _cell(value: object) -> Text:
    if pd.isna(value):  # type: ignore[call-overload]  # any scalar, pd.NA too
        return Text("")
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))  # brackets of formulas are no markup


def answered(table: pd.DataFrame, values: Sequence[str], out: Path | None) -> None:
    """Emit, then fail if no row has any of the values that were asked for."""
    emit(table, out)
    if table[list(values)].isna().all(axis=None):
        raise InputError(f"no row could be answered; the column note says why (first: {table['note'].iloc[0]})")


def with_progress(rows: pd.DataFrame, answer: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Answer all rows, with a bar on the terminal when there are many."""
    with Progress(console=Console(stderr=True), disable=len(rows) < PROGRESS_FROM) as progress:
        task = progress.add_task("rows", total=len(rows))
        parts = []
        for start in range(0, len(rows), CHUNK):
            parts.append(answer(rows.iloc[start : start + CHUNK].reset_index(drop=True)))
            progress.advance(task, len(parts[-1]))
    return pd.concat(parts, ignore_index=True)


def check_out(out: Path | None) -> None:
    """Refuse a file type we cannot write before anything is computed."""
    if out is not None:
        check_suffix(out)
