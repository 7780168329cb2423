"""Versions of the libraries that decide a stage's result, from uv.lock into pipeline/stages/locked/STAGE.json.

    python -m ionsieve.pipeline.locked

DVC follows no imports: a stage depends on its file, so that a new LightGBM trains anew, and a new rich nothing.
"""

import json
import sys
import tomllib
from collections.abc import Collection, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from ionsieve.pipeline.closure import libraries, local_files
from ionsieve.pipeline.tables import write_json
from ionsieve.pipeline.workspace import packaged

STAGES = "pipeline/stages"
FOLDER = f"{STAGES}/locked"
# Libraries that compute, which a stage may use through another one: spglib by pymatgen, LLVM by numba.
COMPUTING = frozenset(["ase", "llvmlite", "numba", "numpy", "pandas", "pymatgen", "pymatgen-core", "scipy", "spglib"])
SPEAKING = frozenset({"rich", "typer"})  # what they print is no output


def stage_names() -> list[str]:
    """Modules that stages are run by, sorted."""
    return sorted(file.stem for file in packaged(STAGES).glob("*.py") if file.stem != "__init__")


def locked_versions(lock: str) -> dict[str, dict[str, str]]:
    """Versions by stage and distribution, as uv.lock has them; several of one, for other interpreters, side by side.

    Args:
        lock: Text of uv.lock.
    """
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads(lock)["package"]:
        packages.setdefault(package["name"], []).append(package)
    providers = packages_distributions()
    result = {}
    for stage in stage_names():
        imported = libraries(local_files(f"ionsieve.{STAGES.replace('/', '.')}.{stage}"))
        direct = {_normal(name) for module in imported for name in providers.get(module, ())} & packages.keys()
        if "pandas" in direct:
            direct.add("pyarrow")  # pandas reads and writes Parquet by it without an import that shows
        used = (direct | (_with_needs(direct, packages) & COMPUTING)) - SPEAKING
        result[stage] = {name: ", ".join(sorted(p["version"] for p in packages[name])) for name in sorted(used)}
    return result


def _normal(name: str) -> str:
    """A distribution's name as uv.lock writes it: PyYAML is pyyaml."""
    return name.lower().replace("_", "-").replace(".", "-")


def _with_needs(names: Collection[str], packages: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        needed = {need["name"] for package in packages[name] for need in package.get("dependencies", ())}
        waiting |= needed - found
    return found


def main(root: Path) -> None:
    for stage, versions in locked_versions((root / "uv.lock").read_text(encoding="utf-8")).items():
        path = root / FOLDER / f"{stage}.json"
        # an unchanged file keeps its time, so that DVC need not read it anew
        if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != versions:
            write_json(versions, path)
            sys.stdout.write(f"{path.relative_to(root)}\n")


if __name__ == "__main__":
    main(Path.cwd())
