"""The funnel on your own materials: the plan's steps on other candidates, with a workspace's models and phases."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ionsieve.pipeline.answers.own_values import own_values
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.plan import Step, downstream, read_plan, run_steps
from ionsieve.pipeline.sources.merging import SLOTS, UNUSED
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace

LOGGED_ONLY = "track"  # makes no table, and logs what the project made


def screen_materials(
    materials: Path,
    out: Path,
    workspace: Workspace,
    say: Callable[[str], object] = print,
    *,
    last: str | None = None,
) -> Path:
    """Judge and rank the materials of a table, folder or zip; everything is written under `out`.

    Args:
        last: Step of the plan to end with; None: all.

    Returns:
        The table of judged candidates.

    Raises:
        InputError: If nothing can be read, or the workspace holds no models.
    """
    if not os.path.exists(materials):
        raise InputError(f"{materials} does not exist: give a table, a folder or a zip of CIFs.")
    source, folder = materials.resolve(), out.resolve()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {out} is a file; a folder is needed.")
    models = file_of(workspace, "train")
    if not models.exists():
        raise InputError(f"{models} holds no models: run `make screen` first.")
    own = with_candidates(workspace, source)
    plan = read_plan(own.params)
    steps = [plan["candidates"], *(s for s in downstream(plan, "candidates") if s.name != LOGGED_ONLY)]
    elsewhere = {path: place for step in steps for path, place in places(step, folder).items()}
    for place in elsewhere.values():  # an earlier run's: beside this one's failure they would pass for its results
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    judged = elsewhere[plan["screen"].files["judged"]]
    elsewhere |= own_values(source, own, folder / "tables", say)
    names = [step.name for step in steps]
    run_steps(steps if last is None else steps[: names.index(last) + 1], own, elsewhere, say)
    return judged


def with_candidates(workspace: Workspace, source: Path) -> Workspace:
    """The workspace with other candidates: a table, or a folder or zip of CIFs."""
    is_table = source.name.endswith((".csv", ".csv.gz", ".parquet"))
    block = workspace.block("candidates") | {"source": "table" if is_table else "cifs", "path": str(source)}
    block |= {slot: {"source": UNUSED, "path": str(source)} for slot in SLOTS}
    return Workspace(workspace.folder, {**workspace.params, "candidates": block})


def places(step: Step, folder: Path) -> dict[str, Path]:
    """Where a step's files go: what people open into the folder, tables and what a killed run left into tables/."""
    own = {path: folder / Path(path).name for path in step.outs if not path.endswith(".parquet")}
    return own | {path: folder / "tables" / Path(path).name for path in (*step.outs, *step.scratch) if path not in own}
