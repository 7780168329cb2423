"""Data files of installed packages, found without importing them: some take seconds to import for one table."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@cache
def package_folder(package: str) -> Path:
    """Folder of an installed top-level package.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {package} is not installed.")
    return Path(spec.origin).parent


def table_in_module(file: Path, name: str) -> Any:
    """A table that a Python file writes down as a literal, without running the file.

    Names of numbers given above it, as `missing = 2.0`, are replaced; a call around the literal, as `np.array(...)`, is
    left out.

    Raises:
        KeyError: If the file writes down no such table.
    """
    known: dict[str, ast.expr] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = node.value
    table = known[name]
    literal = table.args[0] if isinstance(table, ast.Call) else table

    class Named(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return known.get(node.id, node)

    return ast.literal_eval(Named().visit(literal))
