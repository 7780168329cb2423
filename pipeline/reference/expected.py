"""What a run of the default parameters is expected to make, small enough to commit, and whether one has made it.

    python -m ionsieve.pipeline.reference.expected keep     writes data/expected/run.json
    python -m ionsieve.pipeline.reference.expected check    compares the last run with it, and dvc.lock with git's

Rows, ids, lists and ranks are compared exactly; scores, the means of columns and the numbers in JSON files to 1e-6.
Bytes are not compared. Where NumPy or the kind of processor is another one than the summary was made with, last digits
differ, trees that learn from them differ more, and what differs is told without being an error.
"""

import hashlib
import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ionsieve.pipeline import has_avx2
from ionsieve.pipeline.plan import Step, read_plan
from ionsieve.pipeline.tables import InputError, read_json, read_table, run_stage, write_json
from ionsieve.pipeline.workspace import Workspace

EXPECTED = Path("data/expected/run.json")  # not below data/reference, which is a source of the pipeline
TOLERANCE = 1e-6  # absolute below 1, relative above
# What a row of a list is known by; the number behind it is compared as one.
KEYS = ("list", "rank", "id", "formula", "anode_coating", "anolyte", "catholyte", "cathode_coating")
SCORE = "score"
BETWEEN = " | "
SHOWN = 20  # differences in one message
DECIMAL = re.compile(r"-?\d+\.\d*(e[-+]\d+)?")
Summary = dict[str, Any]


def summary_of_run(workspace: Workspace) -> dict[str, Summary]:
    """Summaries by path of all tables and JSON values that the plan's stages have made, but what is logged of them."""
    plan = read_plan(workspace.params)
    lists = set(plan["shortlist"].outs)
    made: dict[str, Summary] = {}
    for path in _made(plan, workspace):
        name = path.relative_to(workspace.folder).as_posix()
        if path.suffix == ".json":
            made[name] = {"values": dict(_leaves(read_json(path)))}
        else:
            made[name] = summary_of_table(read_table(path), rows_too=name in lists)
    return made


def _made(plan: Mapping[str, Step], workspace: Workspace) -> Iterator[Path]:
    for step in plan.values():
        for out in () if step.name == "track" else step.outs:
            path = workspace.path(out)
            if not path.exists():
                raise InputError(f"{out} is not there: run make screen first.")
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            yield from (file for file in files if file.suffix in (".parquet", ".csv", ".json"))


def summary_of_table(table: pd.DataFrame, rows_too: bool) -> Summary:
    """Row count, and of each column what tells a changed value or order; with the rows themselves where asked for.

    A column of numbers becomes its known, inf and -inf values counted, and the mean, plain and weighted by row; text
    without decimal fractions is hashed, other text left out: it repeats numbers of other columns.
    """
    columns = {str(name): _of_column(table[name]) for name in table.columns}
    summary: Summary = {"n_rows": len(table), "columns": {name: of for name, of in columns.items() if of is not None}}
    if rows_too:
        keys = [name for name in KEYS if name in table.columns]
        parts = table[keys].astype(str).to_numpy().tolist()
        scores = table[SCORE].map(lambda v: f"{v:#.9g}") if SCORE in table.columns else [""] * len(table)
        summary["rows"] = [BETWEEN.join([*part, score]) for part, score in zip(parts, scores, strict=True)]
    return summary


def _of_column(column: pd.Series) -> Any:
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=math.nan)
        finite = np.where(np.isfinite(values), values, 0.0)
        weights = 1.0 + np.arange(len(values)) / max(len(values), 1)  # tells one order from another
        n_known = int(np.isfinite(values).sum())
        means = [finite.sum() / max(n_known, 1), (finite * weights).sum() / max(n_known, 1)]
        infinite = [int(np.isposinf(values).sum()), int(np.isneginf(values).sum())]
        return BETWEEN.join(map(str, [n_known, *infinite])) + "".join(f"{BETWEEN}{mean:#.9g}" for mean in means)
    texts = column.fillna("").astype(str)
    if texts.str.contains(r"\d\.\d", regex=True).any():
        return None
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:16]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, value
        return
    for key, part in parts:
        yield from _leaves(part, f"{path}.{key}" if path else str(key))


def differences(expected: Any, found: Any, where: str) -> Iterator[str]:
    """Each value of nested dicts and lists in which two summaries differ, by its place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            if key not in found or key not in expected:
                yield f"{where}, {key}: " + (
                    "expected, but not there" if key in expected else "there, but not expected"
                )
            else:
                yield from differences(expected[key], found[key], f"{where}, {key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where}: {len(found)} entries, expected {len(expected)}"
        for i, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
            yield from differences(one, other, f"{where} {i}")
    elif not _same(expected, found):
        yield f"{where}: {found}, expected {expected}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str) and BETWEEN in one:
        parts, others = one.split(BETWEEN), other.split(BETWEEN)
        return len(parts) == len(others) and all(map(_same_part, parts, others))
    if isinstance(one, float) or isinstance(other, float):
        return isinstance(one, int | float) and isinstance(other, int | float) and _close(one, other)
    return bool(one == other)


def _same_part(one: str, other: str) -> bool:
    return one == other or bool(
        DECIMAL.fullmatch(one) and DECIMAL.fullmatch(other) and _close(float(one), float(other))
    )


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def lock_differences(committed: str, present: str) -> Iterator[str]:
    """Where two dvc.lock differ in commands, parameters, or the hashes of code and sources; not in what was computed.

    Args:
        committed, present: Texts of dvc.lock.
    """
    stages = [yaml.safe_load(text)["stages"] for text in (committed, present)]
    computed = {out["path"] for lock in stages for stage in lock.values() for out in stage.get("outs", [])}
    inputs = [
        {
            name: {"cmd": stage["cmd"], "params": stage.get("params", {})}
            | {"deps": {d["path"]: d.get("md5") for d in stage.get("deps", []) if d["path"] not in computed}}
            for name, stage in lock.items()
        }
        for lock in stages
    ]
    yield from differences(inputs[0], inputs[1], "dvc.lock")


def _committed_lock() -> str:
    return subprocess.run(["git", "show", "HEAD:dvc.lock"], capture_output=True, text=True, check=True).stdout


def _raise(found: list[str], remedy: str) -> None:
    if found:
        more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise InputError("\n".join([*found[:SHOWN], *more, remedy]))


def main(action: str) -> None:
    workspace = Workspace.at(".")
    if action not in ("keep", "check"):
        raise InputError(f"{action}: keep or check is expected.")
    made = summary_of_run(workspace)
    if action == "keep":
        write_json({"files": made, "made_with": made_with()}, EXPECTED)
        return
    _raise(
        list(lock_differences(_committed_lock(), Path("dvc.lock").read_text(encoding="utf-8"))),
        "The committed dvc.lock is of other code, parameters or sources: make lock, then commit what it wrote.",
    )
    kept = json.loads(EXPECTED.read_text(encoding="utf-8"))
    expected, shown = kept["files"], json.loads(json.dumps(made))
    found = [line for name in sorted({*expected, *shown}) for line in _of_file(name, expected, shown)]
    if found and kept["made_with"] != made_with():
        lines = [*found[:SHOWN], f"Not an error: {EXPECTED} was made with {kept['made_with']}, this is {made_with()}."]
        sys.stdout.write("\n".join([*lines, ""]))
        return
    _raise(
        found,
        f"This run made other results than {EXPECTED} has. If they are meant: make lock, then commit what it wrote.",
    )
    sys.stdout.write(f"The run made what {EXPECTED} expects: {len(made)} files, floats to {TOLERANCE:g}.\n")


def made_with() -> dict[str, str]:
    """What last digits depend on: uv.lock has another NumPy for later Pythons; kernels are one on AVX2 (pipeline)."""
    kernels = "AVX2" if has_avx2(Path("/proc/cpuinfo")) else platform.processor() or "unknown"
    return {"numpy": np.__version__, "machine": f"{platform.system()} {platform.machine()}", "kernels": kernels}


def _of_file(name: str, expected: Mapping[str, Summary], found: Mapping[str, Summary]) -> Iterator[str]:
    # of a list that differs, its rows say it all
    one, other = expected.get(name), found.get(name)
    if one is None or other is None:
        yield f"{name}: " + ("not expected" if one is None else "expected, but not made")
        return
    rows = list(differences(one.get("rows", []), other.get("rows", []), f"{name}, row"))
    yield from rows or differences(
        {key: value for key, value in one.items() if key != "rows"},
        {key: value for key, value in other.items() if key != "rows"},
        name,
    )


if __name__ == "__main__":
    run_stage(main)
