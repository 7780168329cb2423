"""The workspace that questions are answered from, and the files in it by the steps that make them."""

import sys
from pathlib import Path

from ionsieve.pipeline.plan import read_plan
from ionsieve.pipeline.workspace import Workspace, checkout


def home(needs: str | None = None) -> Workspace:
    """The project's own workspace, whatever the current folder; where there is no checkout, the installed package's.

    The latter makes what the step `needs` and the steps before it make, once. In a checkout `make screen` does.
    """
    root = checkout()
    if root is not None:
        return Workspace.at(root)
    from ionsieve.pipeline.cache import packaged_workspace  # a checkout has no use for it

    return packaged_workspace(needs, say=lambda line: print(line, file=sys.stderr))


def file_of(workspace: Workspace, step: str, option: str = "out") -> Path:
    """Where one step of the plan keeps one of its files."""
    return workspace.path(read_plan(workspace.params)[step].files[option])
