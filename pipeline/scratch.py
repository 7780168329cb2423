"""Run the whole pipeline with other parameters in a copy of the project, so that one's own results stay untouched.

    python -m pipeline.scratch build/real data/real.yaml

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

from pipeline.params import ROOT, load_params
from pipeline.tables import InputError, run_stage, write_whole

COPIED = ["features", "models", "pipeline", "data/reference", "dvc.yaml", ".dvcignore"]

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
            raise InputError(f"the overrides name {key!r}, which params.yaml does not have.")
        out[key] = merged(params[key], value) if isinstance(params[key], dict) else value
    return out


def copy_project(target: Path) -> None:
    """Code, reference data and pipeline as they are now; files that have not changed keep their times."""
    for name in COPIED:
        source, copy = ROOT / name, target / name
        if source.is_dir():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)


def main(target: str, overrides: str) -> None:
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    params = merged(load_params(ROOT / "params.yaml"), load_params(overrides))
    sources = [
        params[b][k]
        for b in ("measurements", "band_gaps", "phases", "candidates")
        for k in ("path", "cifs")
        if k in params[b]
    ]
    made = [s for s in sources if not s.startswith("data/") and not (folder / s).exists()]
    if made:
        raise InputError(f"{overrides} reads {', '.join(made)} (paths count from {target}), which is not there.")
    copy_project(folder)
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    write_whole(folder / "params.yaml", lambda p: p.write_text(text, encoding="utf-8"))
    # the copy's own packages, not those of the project it came from
    environment = os.environ | {"PYTHONPATH": str(folder.resolve())}
    if not (folder / ".dvc").exists():
        subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, env=environment, check=True)
        for option in ("core.analytics", "core.check_update"):
            subprocess.run(["dvc", "config", option, "false"], cwd=folder, env=environment, check=True)
    for command in (["dvc", "repro"], ["python", "-m", "pipeline.summary"]):
        code = subprocess.run(command, cwd=folder, env=environment).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    run_stage(main)
