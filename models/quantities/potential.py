"""Relax crystals with a universal interatomic potential: energies, forces, relaxed structures, and why one failed.

Any potential with a calculator of ASE serves; it is named by the import path of what makes it, for example
"chgnet.model.dynamics:CHGNetCalculator" (CHGNet, doi:10.1038/s42256-023-00716-3), "mace.calculators:mace_mp" or
"sevenn.calculator:SevenNetCalculator". SevenNet-0, the one that params.yaml names, carries its weights in its package:
nothing is downloaded. PyTorch and the potentials are optional, so that none is imported before it is asked for.
"""

import importlib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import covalent_radii
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

CHGNET = "chgnet.model.dynamics:CHGNetCalculator"
MIN_DISTANCE = 0.55  # of the sum of two covalent radii; nearer, a potential answers nonsense
MAX_NEIGHBOURS = 45  # within 3 Å, on average; diamond has 28, and a potential's time grows with the square
# Curvature BFGS starts with, eV/Å². ASE's 70 suits stiff bonds; ionic crystals need half as many steps with 15.
FIRST_CURVATURE = 15.0
MAX_STEP_ANGSTROM = 0.15
# PBE hardly binds molecules and layers: a crystal of them swells on while its atoms are at rest, at no gain in energy.
LOOSE_FORCE_EV_ANGSTROM = 0.15
SETTLED_STEPS = 5


@dataclass(frozen=True)
class Relaxed:
    """One relaxation, whole where `reason` is "". Energies are the potential's own; volume_change is relative."""

    structure: Structure
    energy_ev_atom: float
    max_force_ev_angstrom: float
    volume_change: float
    n_steps: int
    reason: str


def potential(path: str = CHGNET, options: Mapping[str, Any] | None = None, threads: int = 1) -> Calculator:
    """ASE calculator made by "module:callable" with `options`.

    Raises:
        ImportError: If a package is not installed; the message says how to get it.
    """
    module_name, _, maker = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the potential {path} needs the package {error.name!r}: run `make potential` for torch and sevenn, "
            "or pip install what another potential needs"
        ) from error
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    return getattr(module, maker)(**(options or {}))


def atoms_too_close(structure: Structure) -> str:
    """The nearest pair of atoms closer than any bond, or how crowded they are; "" where all distances are sane."""
    i, j, _, distance = structure.get_neighbor_list(3.0)
    if len(i) > MAX_NEIGHBOURS * len(structure):
        return f"atoms too close: {len(i) / len(structure):.0f} neighbours within 3 Å"
    radii = covalent_radii[[site.specie.Z for site in structure]]
    ratio = distance / (radii[i] + radii[j])
    if not len(ratio) or ratio.min() >= MIN_DISTANCE:
        return ""
    k = int(np.argmin(ratio))
    return f"atoms too close: {structure[i[k]].specie}-{structure[j[k]].specie} {distance[k]:.2f} Å"


def as_atoms(structure: Structure, calculator: Calculator) -> Atoms:
    """Atoms of an ordered crystal, charges and other labels left behind."""
    bare = Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
    atoms = AseAtomsAdaptor.get_atoms(bare)
    atoms.calc = calculator
    return atoms


def single_point(structure: Structure, calculator: Calculator) -> tuple[float, np.ndarray, np.ndarray]:
    """(energy eV/atom, (n, 3) forces eV/Å, (3, 3) stress eV/Å³) of a crystal as it stands."""
    atoms = as_atoms(structure, calculator)
    stress = atoms.get_stress(voigt=False)
    return float(atoms.get_potential_energy()) / len(atoms), np.asarray(atoms.get_forces()), np.asarray(stress)


def relax(
    structure: Structure,
    calculator: Calculator,
    max_force_ev_angstrom: float = 0.05,
    max_steps: int = 100,
    max_volume_change: float = 0.4,
    screen_steps: int = 0,
    screen_ev_atom: float = float("nan"),
    *,
    fixed_cell: bool = False,
    settled_ev_atom: float = 0.0,
) -> Relaxed:
    """Relax atoms, and the cell unless it is fixed, until no force, and no stress times the cell, exceeds the limit.

    An ordered crystal is expected. What cannot be used comes back with its reason: no convergence, atoms too close
    (before, or on the way), a volume that changes by more than `max_volume_change`, no finite energy, an energy still
    above `screen_ev_atom` after `screen_steps` steps (none where that is NaN). One that swells by more than
    `max_volume_change` while its atoms are at rest is whole: its molecules or layers do not hold together. So is one
    whose energy moved by less than `settled_ev_atom` in five steps.
    """
    start = Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
    reason = atoms_too_close(start)
    if reason:
        return Relaxed(start, np.nan, np.nan, 0.0, 0, reason)
    atoms = as_atoms(start, calculator)
    degrees: Any = atoms if fixed_cell else FrechetCellFilter(atoms)  # ASE's types know Atoms alone
    optimizer = BFGS(degrees, logfile=None, alpha=FIRST_CURVATURE, maxstep=MAX_STEP_ANGSTROM)
    loose = False
    energies: list[float] = []
    for _ in optimizer.irun(fmax=max_force_ev_angstrom, steps=max_steps):
        change = atoms.get_volume() / start.volume - 1
        energies.append(float(atoms.get_potential_energy()) / len(atoms))
        if not np.isfinite(atoms.get_potential_energy()):
            reason = "the potential gives no finite energy"
        elif change > max_volume_change and _largest_force(atoms) < LOOSE_FORCE_EV_ANGSTROM:
            loose = True
            break
        elif abs(change) > max_volume_change:
            reason = f"volume changed by more than {100 * max_volume_change:.0f} %"
        elif optimizer.nsteps == screen_steps and atoms.get_potential_energy() / len(atoms) > screen_ev_atom:
            reason = f"far above a lower crystal after {screen_steps} steps"
        if reason:
            break
        if np.ptp(energies[-SETTLED_STEPS:]) < settled_ev_atom and len(energies) > SETTLED_STEPS:
            loose = True
            break
    end = AseAtomsAdaptor.get_structure(atoms)
    force = _largest_force(atoms)
    energy = float(atoms.get_potential_energy()) / len(atoms)
    reason = reason or atoms_too_close(end)
    if not reason and not loose and not optimizer.converged() and force > LOOSE_FORCE_EV_ANGSTROM:
        reason = f"not converged in {max_steps} steps"
    return Relaxed(end, energy, force, float(change), int(optimizer.nsteps), reason)


def _largest_force(atoms: Atoms) -> float:
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


def relax_all(
    structures: Iterable[tuple[str, Structure]], calculator: Calculator, **limits: Any
) -> Iterator[tuple[str, Relaxed, float]]:
    """(key, result, seconds it took) of each crystal as it comes, for a caller to keep and count.

    `limits` are those of `relax`.
    """
    for key, structure in structures:
        began = time.monotonic()
        yield key, relax(structure, calculator, **limits), time.monotonic() - began
