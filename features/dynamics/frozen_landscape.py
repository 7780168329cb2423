"""Energy of one mobile ion moved through the frozen crystal, by any potential with a calculator of ASE.

One ion is put at each point of a grid over the cell and the mobile site nearest to it is emptied, all other atoms stay
where they are (doi:10.48550/arXiv.2411.06804): the crystal as it stands is the zero. The level at which the region
below it spans the crystal, by the percolation of the bond-valence landscapes, is the barrier. Points that symmetry maps
onto one another are computed once, points that the bond-valence landscape puts far above its own highest path never.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from numpy.typing import NDArray
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import Framework, framework_of, grid_symmetry, site_energy_landscape
from ionsieve.features.transport.percolation import percolation
from ionsieve.features.transport.percolation_kernel import spanning_levels

SPACING_ANGSTROM = 0.4
MIN_WIDTH_ANGSTROM = 8.0  # of the supercell between opposite faces: nearer, an ion sees its own images
MARGIN_EV = 1.5  # points this far above the bond-valence level that opens all directions are walls
CEILING_EV = 3.0  # an ion this far above the crystal at rest is on no path
TOO_CLOSE_ANGSTROM = 1.0  # to another atom: a potential answers nonsense there

Grid = tuple[int, int, int]


@dataclass(frozen=True)
class FrozenLandscape:
    """Energies above the crystal at rest on the points (i/n_a, j/n_b, k/n_c) of the cell, inf where none was computed.

    energy_ev: (n_a, n_b, n_c). lattice: (3, 3) rows in Å. n_computed: energies asked of the potential. n_symmetry:
    operations used. supercell: repeats along a, b, c in which the energies were computed.
    """

    energy_ev: NDArray[np.float64]
    lattice: NDArray[np.float64]
    n_computed: int
    n_symmetry: int
    supercell: Grid

    def barriers_ev(self) -> NDArray[np.float64]:
        """(3,) levels, eV above the crystal at rest, at which the landscape opens in 1, 2 and 3 directions; inf: none.

        Nothing is subtracted: an ion on its site is the zero, whatever pocket may lie deeper beside the path.
        """
        flat = self.energy_ev.ravel()
        inside = np.flatnonzero(flat < CEILING_EV)
        order = inside[np.argsort(flat[inside], kind="stable")]
        return np.asarray(spanning_levels(self.energy_ev, order)[0])


def frozen_landscape(
    structure: Structure,
    calculator: Calculator,
    mobile_ion: str = "Li",
    *,
    spacing_angstrom: float = SPACING_ANGSTROM,
    min_width_angstrom: float = MIN_WIDTH_ANGSTROM,
    margin_ev: float = MARGIN_EV,
    restrict: bool = True,
) -> FrozenLandscape:
    """Frozen landscape of an ordered crystal, relaxed by the same potential beforehand.

    Args:
        structure: Ordered; the cell whose grid is wanted.
        calculator: Of ASE; energies only are asked for.
        mobile_ion: Element that moves.
        spacing_angstrom: Largest distance of neighbouring grid points along an edge.
        min_width_angstrom: Width of the supercell.
        margin_ev: Above the bond-valence landscape's opening in all directions, beyond which points are walls.
        restrict: False computes every symmetry-unique point.

    Raises:
        ValueError: If the crystal is disordered, holds no mobile ion, or nothing else.
    """
    if not structure.is_ordered:
        raise ValueError("the crystal is disordered: a frozen landscape needs an ordered model")
    mobile = [k for k, site in enumerate(structure) if site.specie.symbol == mobile_ion]
    if not mobile:
        raise ValueError(f"there is no {mobile_ion} in the structure.")
    everything = _every_atom(structure)
    divisions, rotations, shifts = symmetric_grid(everything, spacing_angstrom)
    images = _images(divisions, rotations, shifts)
    unique = np.flatnonzero(images.min(axis=0) == np.arange(images.shape[1]))
    points = _fractional(unique, divisions)
    keep = _distance_to_others(structure, points, mobile_ion) > TOO_CLOSE_ANGSTROM
    if restrict:
        keep &= _within_bond_valence(structure, mobile_ion, divisions, margin_ev)[unique]
    repeats = supercell_repeats(structure, min_width_angstrom)
    energy_of = moved_ion_energy(structure, mobile, repeats, calculator)
    energy = np.full(int(np.prod(divisions)), np.inf)
    for k in np.flatnonzero(keep):
        energy[images[:, unique[k]]] = energy_of(points[k])
    return FrozenLandscape(
        energy.reshape(divisions), structure.lattice.matrix.copy(), int(keep.sum()), len(rotations), repeats
    )


def moved_ion_energy(
    structure: Structure, mobile: list[int], repeats: Grid, calculator: Calculator
) -> Callable[[NDArray[np.float64]], float]:
    """Function of a fractional point of the cell: eV to move there the mobile ion nearest to it, all else at rest."""
    cell: Atoms = AseAtomsAdaptor.get_atoms(
        Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
    )
    crystal = cell.repeat(repeats)
    crystal.calc = calculator
    rest = float(crystal.get_potential_energy())
    n_images = int(np.prod(repeats))
    # ASE repeats whole cells one after another, atoms in their order
    candidates = np.array([image * len(structure) + k for image in range(n_images) for k in mobile])

    def energy(point: NDArray[np.float64]) -> float:
        moved = crystal.copy()
        moved.calc = calculator
        target = point @ structure.lattice.matrix
        moved.append(moved[int(candidates[0])])
        moved.positions[-1] = target
        distance = moved.get_distances(len(moved) - 1, candidates, mic=True)
        nearest = int(candidates[int(np.argmin(np.round(distance, 6)))])
        del moved[-1]
        moved.positions[nearest] = target
        return float(moved.get_potential_energy()) - rest

    return energy


def supercell_repeats(structure: Structure, min_width_angstrom: float) -> Grid:
    """Repeats along a, b, c that make the distance of opposite faces at least the width."""
    widths = 1.0 / np.linalg.norm(np.linalg.inv(structure.lattice.matrix), axis=0)
    a, b, c = (int(np.ceil(min_width_angstrom / width - 1e-9)) for width in widths)
    return a, b, c


def symmetric_grid(
    framework: Framework, spacing_angstrom: float
) -> tuple[Grid, NDArray[np.int64], NDArray[np.float64]]:
    """Divisions at least as fine as the spacing that keep most symmetry, with their operations, fractional.

    Screw axes and glides map a grid onto itself only if its divisions are multiples of 2, 3, 4 or 6: the cheapest grid
    is the one with the fewest points per operation.
    """
    lengths = np.linalg.norm(framework.lattice, axis=1)
    best: tuple[float, Grid, NDArray[np.int64], NDArray[np.float64]] | None = None
    for step in (1, 2, 3, 4, 6, 12):
        a, b, c = (step * max(int(np.ceil(length / spacing_angstrom / step)), 1) for length in lengths)
        rotations, shifts = grid_symmetry(framework, (a, b, c))
        cost = a * b * c / len(rotations)
        if best is None or cost < best[0] - 1e-9:
            best = (cost, (a, b, c), rotations, shifts)
    assert best is not None
    return best[1:]


def _every_atom(structure: Structure) -> Framework:
    """All atoms as one framework, for its symmetry alone."""
    kinds = sorted({site.specie.symbol for site in structure})
    return Framework(
        lattice=np.array(structure.lattice.matrix),
        positions=structure.frac_coords % 1.0,
        kind=np.array([kinds.index(site.specie.symbol) for site in structure], dtype=np.int64),
        occupancy=np.ones(len(structure)),
        kinds=tuple((symbol, 0.0) for symbol in kinds),
        mobile_positions=np.zeros((0, 3)),
        mobile_occupancy=np.zeros(0),
        mobile_site_shared=False,
    )


def _fractional(indices: NDArray[np.int64], divisions: Grid) -> NDArray[np.float64]:
    return np.column_stack(np.unravel_index(indices, divisions)) / np.array(divisions)


def _images(divisions: Grid, rotations: NDArray[np.int64], shifts: NDArray[np.float64]) -> NDArray[np.int64]:
    """(operations, points) flat index of each point's image."""
    n = np.array(divisions)
    points = np.column_stack(np.unravel_index(np.arange(int(n.prod())), divisions))
    found = []
    for rotation, shift in zip(rotations, shifts, strict=True):
        image = np.rint((points / n @ rotation.T + shift) * n).astype(np.int64) % n
        found.append(np.ravel_multi_index(tuple(image.T), divisions))
    return np.array(found, dtype=np.int64)


def _distance_to_others(structure: Structure, points: NDArray[np.float64], mobile_ion: str) -> NDArray[np.float64]:
    """(n,) Å from each point to the nearest atom that is not the mobile ion."""
    others = [site.frac_coords for site in structure if site.specie.symbol != mobile_ion]
    if not others:
        raise ValueError(f"there is no framework: every site holds {mobile_ion}.")
    return np.asarray(structure.lattice.get_all_distances(points, others).min(axis=1))


def _within_bond_valence(structure: Structure, mobile_ion: str, divisions: Grid, margin_ev: float) -> NDArray[np.bool_]:
    """(n,) whether the bond-valence landscape allows a point; all points where it has no parameters."""
    try:
        decorated, _ = assign_oxidation_states(structure)
        landscape = site_energy_landscape(framework_of(decorated, mobile_ion), mobile_ion, divisions=divisions)
    except ValueError:
        return np.ones(int(np.prod(divisions)), dtype=bool)
    flat = landscape.energy_ev.ravel()
    open_ev = percolation(landscape).percolation_barrier_ev
    highest = open_ev[np.isfinite(open_ev)].max(initial=0.0)
    return np.asarray(flat - flat.min() <= highest + margin_ev)
