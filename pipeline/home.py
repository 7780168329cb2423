"""The workspace that commands answer from, and the files in it by the steps that make them."""

from pathlib import Path

from ionsieve.pipeline.plan import read_plan
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace, checkout


def home() -> Workspace:
    """The project's own workspace, whatever the current folder.

    Raises:
        InputError: If the code runs from no checkout.
    """
    root = checkout()
    if root is None:
        raise InputError("ionsieve is installed without its pipeline: run from a checkout of the project.")
    return Workspace.at(root)


def file_of(workspace: Workspace, step: str, option: str = "out") -> Path:
    """Where one step of the plan keeps one of its files."""
    return workspace.path(read_plan(workspace.params)[step].files[option])
