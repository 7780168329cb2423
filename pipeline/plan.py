"""The plan of the pipeline, read from dvc.yaml: what each stage needs and makes. DVC and the commands share it."""

import functools
import importlib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ionsieve.pipeline.stage import run_in
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace, packaged

PLAN = "plan.yaml"  # dvc.yaml, under a name that DVC does not take for a second pipeline


@dataclass(frozen=True)
class Step:
    """One stage on its files, with all templates filled in.

    Attributes:
        name: As DVC names it, "featurize@phases".
        module: What its command runs.
        files: Path by option of the command.
        deps, params, outs: As dvc.yaml lists them.
    """

    name: str
    module: str
    files: Mapping[str, str]
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Paths the command names that the step depends on."""
        return tuple(path for path in self.files.values() if _touches([path], self.deps))

    @property
    def scratch(self) -> tuple[str, ...]:
        """Paths the command names that are neither: what a killed run goes on from."""
        return tuple(path for path in self.files.values() if path not in (*self.inputs, *self.outs))


def read_plan(params: Mapping[str, Any]) -> dict[str, Step]:
    """All steps by name, in dvc.yaml's order: each stands below what it needs.

    Raises:
        InputError: If the parameters lack what a path names.
    """
    steps = {}
    for name, stage in _stages().items():
        if "foreach" not in stage:
            steps[name] = _step(name, stage, params)
            continue
        for item in stage["foreach"]:
            steps[f"{name}@{item}"] = _step(f"{name}@{item}", stage["do"], dict(params) | {"item": item})
    return steps


@functools.cache
def _stages() -> dict[str, Any]:
    return yaml.safe_load(packaged(PLAN).read_text(encoding="utf-8"))["stages"]


def _step(name: str, stage: Mapping[str, Any], params: Mapping[str, Any]) -> Step:
    _, _, module, *options = shlex.split(_filled(stage["cmd"], params))
    named = zip(options[::2], options[1::2], strict=True)
    files = {option.removeprefix("--").replace("-", "_"): path for option, path in named}
    lists = [tuple(_filled(str(entry), params) for entry in stage.get(key, ())) for key in ("deps", "params", "outs")]
    return Step(name, module, files, *lists)


def _filled(text: str, params: Mapping[str, Any]) -> str:
    """The text with every ${block.key} replaced by its value."""

    def value(match: re.Match[str]) -> str:
        found: Any = params
        for key in match[1].split("."):
            if not isinstance(found, Mapping) or key not in found:
                raise InputError(f"params.yaml has no {match[1]}, which dvc.yaml reads. Restore it.")
            found = found[key]
        return str(found)

    return re.sub(r"\$\{([\w.]+)\}", value, text)


def _touches(paths: Iterable[str], outs: Iterable[str]) -> bool:
    """Whether one of the paths is an output, lies in one, or holds one."""
    return any(f"{path}/".startswith(f"{out}/") or out.startswith(f"{path}/") for path in paths for out in outs)


def downstream(plan: Mapping[str, Step], name: str) -> list[Step]:
    """The steps that rest on what the step `name` makes, in order, without itself."""
    made, found = set(plan[name].outs), []
    for step in plan.values():
        if _touches(step.inputs, made):
            found.append(step)
            made |= set(step.outs)
    return found


def upstream(plan: Mapping[str, Step], name: str) -> list[Step]:
    """The steps that must run before the step `name`, and itself, in order."""
    needed, found = set(plan[name].inputs), [plan[name]]
    for step in reversed(list(plan.values())):
        if _touches(needed, step.outs):
            found.append(step)
            needed |= set(step.inputs)
    return found[::-1]


def run_steps(
    steps: Sequence[Step],
    workspace: Workspace,
    elsewhere: Mapping[str, Path | str] | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Run steps one after another; paths that `elsewhere` names are read or written there instead."""
    for step in steps:
        files = {option: (elsewhere or {}).get(path, path) for option, path in step.files.items()}
        for line in run_in(workspace, importlib.import_module(step.module).run, files):
            say(line)
