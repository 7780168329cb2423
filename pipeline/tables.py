"""Tables on disk: read with ids as text, checked once, written whole or not at all."""

import csv
import inspect
import json
import re
import secrets
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import ArrowException

from ionsieve.pipeline import INTERRUPTED, STOPPED

MAX_LISTED = 20  # bad rows shown in one message; the rest are counted
SPREADSHEET_COMMANDS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones count as well
_NEGATIVE_NUMBER = re.compile(r"-[0-9.]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_WARNINGS = threading.Lock()  # filters of warnings are the whole process's


class InputError(ValueError):
    """Input a person can mend: what is wrong, where, and what to do."""


def read_table(path: Path | str, text: Sequence[str] = ("id", "ID", "formula")) -> pd.DataFrame:
    """A CSV, gzipped CSV or Parquet table by its suffix; columns named in `text` stay text, as written ("1e9", "019").

    Raises:
        InputError: If the file is missing, empty or no such table.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not (path.is_dir() and path.suffix == ".parquet"):
        raise InputError(f"{path} is no ordinary file; a table is expected (.csv, .csv.gz or .parquet).")
    try:
        if path.suffix == ".parquet":
            return keys_as_text(pd.read_parquet(path), text)
        if not path.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{path}: a table is expected (.csv, .csv.gz or .parquet).")
        return _read_csv(path, text)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.") from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path} is empty: a header and at least one row are needed.") from error
    except pd.errors.ParserWarning as error:
        raise InputError(f"{path}: rows have more fields than the header; quote cells that hold a comma.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read as a table: it is binary, or no UTF-8 ({error}).") from error
    except (pd.errors.ParserError, OSError, EOFError, ValueError, zlib.error, ArrowException, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as a table ({type(error).__name__}: {error}).") from error


def keys_as_text(table: pd.DataFrame, text: Sequence[str]) -> pd.DataFrame:
    """The table with its keys as text, as CSV has them: Parquet holds numbers, bytes or lists in any column."""
    table = table.set_axis([str(name) for name in table.columns], axis=1)
    named = [name for name in text if name in table and not table[name].map(lambda cell: isinstance(cell, str)).all()]
    return table.assign(**{name: [_text_of(cell) for cell in table[name]] for name in named})


def _text_of(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return cell.decode("utf-8", errors="replace")
    return "" if pd.api.types.is_scalar(cell) and pd.isna(cell) else str(cell)


def _read_csv(path: Path, text: Sequence[str]) -> pd.DataFrame:
    header = pd.read_csv(path, nrows=0).columns
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # Rows longer than the header would otherwise lend their first field to the index, and all columns shift.
        return pd.read_csv(
            path, converters=dict.fromkeys(header.intersection(list(text)), str), low_memory=False, index_col=False
        )


def require_columns(table: pd.DataFrame, names: Iterable[str], where: Path | str) -> None:
    """Check that a table has rows and the columns named.

    Raises:
        InputError: Naming what is missing and what is there.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(f"{where}: missing column {', '.join(missing)}. It has: {', '.join(map(str, table.columns))}.")
    if table.empty:
        raise InputError(f"{where} has no rows.")


def raise_for_rows(problems: Sequence[str], where: Path | str, remedy: str) -> None:
    """One error that lists every bad row.

    Raises:
        InputError: If there is any problem.
    """
    if not problems:
        return
    listed = [f"  {p}" for p in problems[:MAX_LISTED]]
    if len(problems) > MAX_LISTED:
        listed.append(f"  … and {len(problems) - MAX_LISTED} more")
    raise InputError(f"{where}: {len(problems)} problem(s)\n" + "\n".join(listed) + f"\n{remedy}")


def write_whole(path: Path | str, write: Callable[[Path], object]) -> None:
    """Write beside the target, then rename: a half-written file never bears the final name.

    Raises:
        InputError: If the file system does not let us (a file in place of the folder, no permission, no space).
    """
    try:
        _write_beside(Path(path), write)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}). Free that path, or write elsewhere."
        ) from error


def _write_beside(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # no mkstemp: its files are private, and the mask they should have is read only by changing it for all threads
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    partial.touch(exist_ok=False)
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write Parquet or CSV by suffix, without the index."""
    if str(path).endswith(".parquet"):
        write_whole(path, lambda p: table.to_parquet(p, index=False))
    elif str(path).endswith(".csv"):
        write_whole(path, lambda p: table.to_csv(p, index=False, quoting=_quoting(table)))
    else:
        raise InputError(f"{path}: write to a .csv or .parquet file.")


def _quoting(table: pd.DataFrame) -> Any:
    """How texts are quoted: a bare carriage return, which pandas does not quote by itself, would end the row."""
    columns = [table[name] for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    returns = any(isinstance(cell, str) and "\r" in cell for column in columns for cell in column)
    return csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL


def write_spreadsheet(table: pd.DataFrame, path: Path | str) -> None:
    """Write a CSV for people: a text cell that a spreadsheet would execute gets a leading apostrophe."""

    write_table(without_commands(table), path)


def without_commands(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before each text that a spreadsheet would execute; a negative number is none."""

    def defuse(cell: Any) -> Any:
        dangerous = isinstance(cell, str) and cell.startswith(SPREADSHEET_COMMANDS)
        return f"'{cell}" if dangerous and not _NEGATIVE_NUMBER.fullmatch(cell) else cell

    numbers = {name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])}
    return table.apply(lambda column: column if column.name in numbers else column.map(defuse))


def write_json(value: Any, path: Path | str) -> None:
    """Write JSON with sorted keys; NaN is written as null."""

    def plain(v: Any) -> Any:
        if isinstance(v, Mapping):
            return {str(k): plain(x) for k, x in v.items()}
        if isinstance(v, list | tuple):
            return [plain(x) for x in v]
        if hasattr(v, "item"):
            v = v.item()
        return None if isinstance(v, float) and v != v else v

    text = json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, lambda p: p.write_text(text, encoding="utf-8"))


def read_json(path: Path | str) -> Any:
    """JSON as written by `write_json`.

    Raises:
        InputError: If the file is none.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({error}). Restore it, or make it anew with `make screen`.") from error


def counted(stage: str, rows_in: int, rows_out: int, dropped: Mapping[str, int] | None = None) -> str:
    """One line on what came in, went out and fell, by reason; the counts must add up."""
    reasons = {reason: n for reason, n in (dropped or {}).items() if n}
    if rows_in != rows_out + sum(reasons.values()):
        raise AssertionError(f"{stage}: {rows_in} rows in, {rows_out} out, {reasons} dropped do not add up")
    fell = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    return f"{stage}: {rows_in} rows in, {rows_out} out" + (f" ({fell})" if fell else "")


def run_stage(main: Callable[..., None]) -> None:
    """Run a stage with the command line's paths; an input error or ctrl-C is a message, not a traceback."""
    try:
        inspect.signature(main).bind(*sys.argv[1:])
    except TypeError as error:
        sys.exit(f"\n{error}. Expected: {inspect.signature(main)}\n")
    try:
        main(*sys.argv[1:])
    except InputError as error:
        sys.exit(f"\n{error}\n")
    except KeyboardInterrupt:
        print(f"\n{STOPPED}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except OSError as error:
        sys.exit(f"\n{error.filename}: {error.strerror or error}. Free or restore that path, then run again.\n")
