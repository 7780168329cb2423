"""Tables on disk: read with ids as text, checked once, written whole or not at all."""

import inspect
import json
import secrets
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

MAX_LISTED = 20  # bad rows shown in one message; the rest are counted
INTERRUPTED = 130  # exit code of what ctrl-C ended, as shells have it
SPREADSHEET_COMMANDS = ("=", "+", "-", "@", "\t", "\r")
_WARNINGS = threading.Lock()  # filters of warnings are the whole process's


class InputError(ValueError):
    """Input a person can mend: what is wrong, where, and what to do."""


def read_table(path: Path | str, text: Sequence[str] = ("id", "ID", "formula")) -> pd.DataFrame:
    """A CSV, gzipped CSV or Parquet table by its suffix; columns named in `text` stay text, as written ("1e9", "019").

    Raises:
        InputError: If the file is missing, empty or no such table.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
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
    except (pd.errors.ParserError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as a table ({error}).") from error


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
        write_whole(path, lambda p: table.to_csv(p, index=False))
    else:
        raise InputError(f"{path}: write to a .csv or .parquet file.")


def write_spreadsheet(table: pd.DataFrame, path: Path | str) -> None:
    """Write a CSV for people: a text cell that a spreadsheet would execute gets a leading apostrophe."""

    def defuse(cell: Any) -> Any:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(SPREADSHEET_COMMANDS) else cell

    write_table(table.apply(lambda column: column.map(defuse) if column.dtype == object else column), path)


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
    """JSON as written by `write_json`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


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
        print("\nInterrupted; nothing half-written is left. Run again to go on.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except OSError as error:
        sys.exit(f"\n{error.filename}: {error.strerror or error}. Free or restore that path, then run again.\n")
