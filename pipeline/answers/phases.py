"""The hull that questions are answered with: a person's own table of energies, or the workspace's."""

from pathlib import Path

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.sources.phases import known_missing
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace


def load_phases(workspace: Workspace, path: Path | None = None) -> PhaseSet:
    """The hull of a table of formation energies; by default the one the workspace holds.

    Raises:
        InputError: If there is no such table, or rows of it are bad.
    """
    made = file_of(workspace, "phases")
    if path is None and not made.exists():
        raise InputError(f"{made} is not there: run `make screen` first, or name a table with --phases.")
    return phase_set(table.phases(path or made, thermo_set="not named"))


def missing_phases(workspace: Workspace, phases: PhaseSet) -> list[str]:
    """Compounds known to lack an energy in this thermochemistry."""
    return known_missing(workspace.path(workspace.block("phases")["missing"]), phases.thermo_set)
