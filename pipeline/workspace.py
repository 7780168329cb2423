"""A folder and its parameters: every path of a run counts from there, so several live side by side in one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NewType

from ionsieve.pipeline.params import load_params
from ionsieve.pipeline.tables import InputError

PARAMS = "params.yaml"
Block = NewType("Block", dict[str, Any])  # one stage's block of params.yaml


@dataclass(frozen=True)
class Workspace:
    """Where a run's files lie, and what a person chose for it."""

    folder: Path
    params: Mapping[str, Any]

    @classmethod
    def at(cls, folder: Path | str) -> "Workspace":
        """The workspace of a folder that holds a params.yaml.

        Raises:
            InputError: If that file is missing or no such file.
        """
        return cls(Path(folder), load_params(Path(folder) / PARAMS))

    def path(self, name: Path | str) -> Path:
        """A path as dvc.yaml or params.yaml writes it; an absolute one stays."""
        return self.folder / name

    def block(self, name: str) -> Block:
        """One block of the parameters.

        Raises:
            InputError: If it is missing.
        """
        if name not in self.params:
            raise InputError(f"{PARAMS} has no block {name!r}. Restore it from the project's {PARAMS}.")
        return self.params[name]


def packaged(name: str) -> Path:
    """A file or folder that is installed with the code: plan.yaml, params.yaml, reference."""
    return Path(str(resources.files("ionsieve"))) / name


def checkout() -> Path | None:
    """Root of the checkout the code is run from; None where it is installed on its own."""
    root = packaged("").resolve().parent
    return root if (root / PARAMS).exists() and (root / "dvc.yaml").exists() else None
