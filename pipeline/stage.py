"""How a stage runs: inputs read as its signature asks, outputs written whole, its counts printed.

A stage is a function `run` that takes keywords and returns a `Result`; its command names files by the same keywords:

    python -m ionsieve.pipeline.stages.stability --materials IN --phases IN --missing IN --out OUT

What a keyword brings follows from its annotation: a DataFrame is read from the file named, a Path is handed on, a Block
is the block of params.yaml of that name, a Workspace the one the stage runs in. Options that the signature lacks are
outputs.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ionsieve.pipeline.tables import (
    InputError,
    read_table,
    run_stage,
    write_json,
    write_spreadsheet,
    write_table,
    write_whole,
)
from ionsieve.pipeline.workspace import Block, Workspace


@dataclass(frozen=True)
class Result:
    """What a stage made, by output, and what it says of it.

    Attributes:
        outputs: Tables, JSON values, text or bytes by the names its command gives the files; for a folder a mapping of
            file name to such a value.
        lines: Counts and remarks for the person who runs it.
        after_writing: Called once all outputs are written.
    """

    outputs: Mapping[str, Any]
    lines: Sequence[str] = ()
    after_writing: Callable[[], None] = lambda: None


def run_in(workspace: Workspace, stage: Callable[..., Result], files: Mapping[str, Path | str]) -> Sequence[str]:
    """Run one stage on the files named by option, paths counted from the workspace; returns its lines.

    Raises:
        InputError: If an option is missing, or an input cannot be used.
    """
    paths = {option: workspace.path(path) for option, path in files.items()}
    result = stage(**_arguments(stage, workspace, paths))
    outputs = {option: path for option, path in paths.items() if option not in inspect.signature(stage).parameters}
    if set(outputs) != set(result.outputs):
        raise InputError(f"the stage makes {_options(result.outputs)}, but files are named for {_options(outputs)}.")
    for option, path in outputs.items():
        write_output(result.outputs[option], path)
    result.after_writing()
    return result.lines


def _arguments(stage: Callable[..., Result], workspace: Workspace, paths: Mapping[str, Path]) -> dict[str, Any]:
    kinds = {name: parameter.annotation for name, parameter in inspect.signature(stage).parameters.items()}
    missing = [name for name, kind in kinds.items() if kind in (Path, pd.DataFrame) and name not in paths]
    if missing:
        raise InputError(f"the stage needs {_options(missing)}; it was given {_options(paths)}.")
    readers: dict[Any, Callable[[str], Any]] = {
        Workspace: lambda name: workspace,
        Block: workspace.block,
        Path: lambda name: paths[name],
        pd.DataFrame: lambda name: read_table(paths[name]),
    }
    return {name: readers[kind](name) for name, kind in kinds.items()}


def _options(names: Mapping[str, Any] | Sequence[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names) or "nothing"


def write_output(value: Any, path: Path) -> None:
    """Write one value as the file's suffix says; a mapping without suffix is a folder of them."""
    if isinstance(value, pd.DataFrame):
        (write_spreadsheet if path.suffix == ".csv" else write_table)(value, path)
    elif path.suffix == ".json":
        write_json(value, path)
    elif isinstance(value, str):
        write_whole(path, lambda p: p.write_text(value, encoding="utf-8"))
    elif isinstance(value, bytes):
        write_whole(path, lambda p: p.write_bytes(value))
    elif path.suffix == ".joblib":
        import joblib  # half a second that most stages need not wait for

        write_whole(path, partial(joblib.dump, value))
    else:
        for name, part in value.items():
            write_output(part, path / name)


def stage_main(stage: Callable[..., Result]) -> None:
    """Run a stage in the current folder on the command line's options: --name path, in any order."""
    run_stage(partial(_run_here, stage))


def _run_here(stage: Callable[..., Result], *arguments: str) -> None:
    options, paths = arguments[::2], arguments[1::2]
    if len(options) != len(paths) or not all(option.startswith("--") for option in options):
        raise InputError(f"options with a path each are expected, as --name path; got: {' '.join(arguments)}")
    files = {option[2:].replace("-", "_"): path for option, path in zip(options, paths, strict=True)}
    for line in run_in(Workspace.at("."), stage, files):
        sys.stdout.write(f"{line}\n")
