"""Run the whole pipeline with other parameters in a copy of the project, so that one's own results stay untouched.

    python -m ionsieve.pipeline.scratch build/real data/real.yaml

The overrides are merged block by block into params.yaml. The copy is kept: a second run goes on where the first
stopped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ionsieve.pipeline.home import home
from ionsieve.pipeline.params import load_params
from ionsieve.pipeline.sources.merging import SLOTS
from ionsieve.pipeline.tables import InputError, run_stage, write_whole
from ionsieve.pipeline.workspace import PARAMS

COPIED = ["ionsieve", "features", "models", "pipeline", "data/reference", "dvc.yaml", ".dvcignore"]

SOURCE_BLOCKS = ["measurements", "band_gaps", "phases", "candidates"]
SOURCE_PATHS = ["path", "pbe_path", "cifs"]


def merged(params: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Params with the overrides' values, block by block; a block or key that params lack is an error.

    Raises:
        InputError: If an override names what does not exist.
    """
    out = dict(params)
    for key, value in overrides.items():
        if key not in params:
            raise InputError(
                f"the overrides name {key!r}, which params.yaml does not have. It has: {', '.join(params)}."
            )
        if isinstance(params[key], dict) and not isinstance(value, dict):
            raise InputError(
                f"the overrides give {key} as {value!r}; entries below it are expected, as in params.yaml."
            )
        out[key] = merged(params[key], value) if isinstance(params[key], dict) else value
    return out


def missing_sources(params: dict[str, Any], folder: Path) -> list[str]:
    """Sources named in params that are not there, or no path; what lies under data/ the pipeline makes or copies."""
    blocks = [params[name] for name in SOURCE_BLOCKS]
    blocks += [block[slot] for block in blocks for slot in SLOTS if slot in block]
    named = [block[key] for block in blocks for key in SOURCE_PATHS if key in block]
    return [
        str(path)
        for path in named
        if not isinstance(path, str) or not (path.startswith("data/") or (folder / path).exists())
    ]


def check_target(folder: Path, root: Path) -> None:
    """Refuse a folder whose contents the copy would replace.

    Raises:
        InputError: If it is the project, holds it, or holds folders of the project's names that no copy made.
    """
    target = folder.resolve()
    taken = [name for name in COPIED if (folder / name).exists()]
    if target == root or target in root.parents or (taken and not (folder / ".dvc").exists()):
        raise InputError(
            f"{folder} holds {', '.join(taken) or 'the project'}, which a copy would replace: name another."
        )


def copy_project(root: Path, target: Path) -> None:
    """Code, reference data and pipeline as they are now; files that have not changed keep their times."""
    for name in COPIED:
        source, copy = root / name, target / name
        if source.is_dir():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)


def main(target: str, overrides: str) -> None:
    folder, project = Path(target), home()
    check_target(folder, project.folder)
    folder.mkdir(parents=True, exist_ok=True)
    params = merged(dict(project.params), load_params(overrides))
    absent = missing_sources(params, folder)
    if absent:
        raise InputError(f"{overrides} reads {', '.join(absent)} (paths count from {target}), which is not there.")
    # this environment's commands, and the copy's own packages, not those of the project it came from
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PYTHONPATH": str(folder.resolve()), "PATH": commands}
    if not (folder / ".dvc").exists():
        subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, env=environment, check=True)
        for option in ("core.analytics", "core.check_update"):
            subprocess.run(["dvc", "config", option, "false"], cwd=folder, env=environment, check=True)
    copy_project(project.folder, folder)
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    write_whole(folder / PARAMS, lambda p: p.write_text(text, encoding="utf-8"))
    for command in (["dvc", "repro"], ["python", "-m", "ionsieve.pipeline.report.summary"]):
        code = subprocess.run(command, cwd=folder, env=environment).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    run_stage(main)
