"""Funnels from files, and the tables they are run on and leave: a shipped funnel by name, or a person's own YAML."""

import difflib
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ionsieve.models.judgement.funnel_files import Funnel, read_funnel
from ionsieve.models.judgement.funnels import fate_of_found, run_funnel, survivors
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.plan import read_plan
from ionsieve.pipeline.tables import InputError, read_table, require_columns, write_json, write_spreadsheet, write_table
from ionsieve.pipeline.workspace import Workspace, packaged

STEP = "screen"  # of the plan: it leaves the judged table, and its parameters hold the roles


def shipped_funnels() -> list[str]:
    """Names of the funnels that come with the project."""
    return sorted(file.stem for file in packaged("funnels").glob("*.yaml"))


def load_funnel(name: str, workspace: Workspace) -> Funnel:
    """A funnel by the name of one shipped, or by the path of a YAML file.

    Raises:
        InputError: If there is none, or it cannot be read: one sentence with the file and what is wrong.
    """
    path = Path(name)
    if name in shipped_funnels():
        path = packaged("funnels") / f"{name}.yaml"
    elif not path.exists():
        close = difflib.get_close_matches(name, shipped_funnels(), n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise InputError(
            f"--funnel {name}: {meant}Give the path of a YAML file, or one of {', '.join(shipped_funnels())}."
        )
    partners = read_table(workspace.path(read_plan(workspace.params)[STEP].files["partners"]), text=("partner",))
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        return read_funnel(spec, path.name, path.stem, workspace.block(STEP), partners)
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; a YAML file with a funnel is expected.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path.name} is not valid YAML: {said}.") from error
    except ValueError as error:
        raise InputError(str(error)) from error


def judged_file(workspace: Workspace) -> Path:
    """The table of the last run that funnels read.

    Raises:
        InputError: If there is none yet.
    """
    path = file_of(workspace, STEP, "judged")
    if not path.exists():
        raise InputError(f"{path} is missing: run `make screen` first, or give your own materials.")
    return path


def answer_funnel(funnel: Funnel, judged: Path, out: Path) -> tuple[pd.DataFrame, dict[str, str], dict[str, int]]:
    """Run a funnel on a judged table and write what it leaves under `out`/NAME.

    Returns:
        Steps as from `run_funnel`, what became of the publication's finds, and how many stand on each list.

    Raises:
        InputError: If the table lacks a column that is needed, or `out` cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; a folder is needed.")
    table = read_table(judged)
    require_columns(table, ("id", "formula"), judged)
    try:
        verdicts, steps = run_funnel(table, funnel)
    except ValueError as error:
        raise InputError(str(error)) from error
    found, folder = fate_of_found(verdicts, funnel), out / funnel.name
    left = survivors(table, verdicts, funnel)
    write_spreadsheet(left, folder / "survivors.csv")
    write_spreadsheet(steps, folder / "funnel.csv")
    write_table(verdicts, folder / "verdicts.parquet")
    told: dict[str, Any] = {"name": funnel.name, "title": funnel.title, "reference": funnel.reference, "found": found}
    lists = {str(name): int(n) for name, n in verdicts["list"].value_counts().items()}
    told |= {"differs": funnel.differs, "missing": funnel.missing, "lists": lists}
    rows = steps.astype(object).where(steps.notna(), None).to_dict("records")
    write_json(told | {"steps": rows}, folder / "funnel.json")
    return steps, found, lists
