"""What the code of a stage rests on: the modules of this package it imports, whatever depth, and the libraries.

Imports are read from the source, those inside functions too, and packages whose tables are read; nothing is run.
"""

import ast
import functools
from collections.abc import Iterable
from pathlib import Path

from ionsieve.pipeline.workspace import packaged

PACKAGE = "ionsieve"
READS = "package_folder"  # a package whose tables are read without importing it


def local_files(module: str) -> list[str]:
    """Files of all modules of the package that a module needs, with its own and non-empty __init__ files, sorted.

    Args:
        module: Full name, "ionsieve.pipeline.stages.train".

    Returns:
        Paths below the package, as the checkout has them: "features/chemistry/formula.py".
    """
    found: set[str] = set()
    waiting = {*_files_of(module)}
    while waiting:
        file = waiting.pop()
        found.add(file)
        waiting |= {f for name in _imports(file) for f in _files_of(name)} - found
    return sorted(found)


def libraries(files: Iterable[str]) -> set[str]:
    """First names of the modules outside the package that the files import: "numpy", "sklearn", "json"."""
    return {name.split(".")[0] for file in files for name in _imports(file)} - {PACKAGE}


def source(file: str) -> Path:
    """Where a file named by `local_files` lies."""
    return packaged(file)


@functools.cache
def _imports(file: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == READS:
            names |= {str(name.value) for name in node.args if isinstance(name, ast.Constant)}
    return frozenset(names)


def _files_of(module: str) -> set[str]:
    """The file of a local module and what its packages run when they are imported; empty for any other name."""
    package, *parts = module.split(".")
    if package != PACKAGE or not parts:
        return set()
    inits = ["/".join([*parts[:depth], "__init__.py"]) for depth in range(1, len(parts) + 1)]
    run = {file for file in inits if source(file).is_file() and source(file).stat().st_size}
    own = "/".join(parts) + ".py"
    return run | {own} if source(own).is_file() else run
