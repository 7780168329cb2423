"""Bond valence site energy of a mobile ion on a grid over the unit cell of a crystal, ordered or not.

Counter-ions attract by a Morse function, like ions repel by a screened Coulomb term; the mobile ions themselves are
left out (Chen, Wong, Adams, doi:10.1107/S2052520618015718). Grid, cutoff and covalent radii follow the bvlain package,
so that both give the same landscape on the same crystal.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core import Structure

from ionsieve.features.transport.bond_valence_kernel import (
    NEAR_ANGSTROM,
    STEP_ANGSTROM,
    STEP_SQUARE_ANGSTROM,
    add_ions,
    orbit_weights,
    sum_over_orbits,
)
from ionsieve.features.transport.bond_valence_parameters import PairPotential, mobile_species, pair_potential

# Symmetry that moves an ion by more than this is not used: 1e-4 Å on a steep wall of 10 eV/Å is 1 meV.
SYMMETRY_TOLERANCE_ANGSTROM = 1e-4
# Below this distance the repulsion is held constant: no ion sits there, and 1/r must stay finite.
CORE_ANGSTROM = 0.05


# Grid points of a landscape: 36 Å along each edge at 0.2 Å, half a GiB and half a minute. Published cells of solid
# electrolytes have 0.3 million.
MAX_GRID_POINTS = 6_000_000


@dataclass(frozen=True)
class Framework:
    """What the mobile ion moves through: every species that is not the mobile ion, once per site it stands on.

    lattice: (3, 3) rows a, b, c in Å. positions: (n, 3) fractional. kind: (n,) index into `kinds`, which holds
    (element symbol, charge) pairs. occupancy: (n,) between 0 and 1. mobile_positions: (m, 3) fractional sites of the
    mobile ion, with mobile_occupancy (m,). mobile_site_shared: whether a species was left out because it stands on a
    site of the mobile ion.
    """

    lattice: NDArray[np.float64]
    positions: NDArray[np.float64]
    kind: NDArray[np.int64]
    occupancy: NDArray[np.float64]
    kinds: tuple[tuple[str, float], ...]
    mobile_positions: NDArray[np.float64]
    mobile_occupancy: NDArray[np.float64]
    mobile_site_shared: bool


@dataclass(frozen=True)
class Landscape:
    """Site energy on the grid points (i/n_a, j/n_b, k/n_c) of the cell.

    energy_ev: (n_a, n_b, n_c), eV. lattice: (3, 3) rows in Å. n_symmetry: operations that were used.
    """

    energy_ev: NDArray[np.float64]
    lattice: NDArray[np.float64]
    n_symmetry: int


def framework_of(structure: Structure, mobile_ion: str = "Li") -> Framework:
    """Split a structure whose species carry oxidation states into mobile ion and framework.

    Args:
        structure: Ordered or disordered; every species has an oxidation state (`chemistry.structure_charges`).
        mobile_ion: Element or ion that moves.

    Raises:
        ValueError: If a species has no oxidation state, or nothing but mobile ions is there.
    """
    element, _ = mobile_species(mobile_ion)
    kinds: dict[tuple[str, float], int] = {}
    rows: list[tuple[NDArray[np.float64], int, float]] = []
    mobile: list[tuple[NDArray[np.float64], float]] = []
    shared = False
    for site in structure:
        occupants = [(_symbol(s), getattr(s, "oxi_state", None), float(n)) for s, n in site.species.items()]
        here = [n for symbol, _, n in occupants if symbol == element]
        if here:
            mobile.append((site.frac_coords, sum(here)))
            shared |= len(occupants) > len(here)
            continue
        for symbol, charge, amount in occupants:
            if charge is None:
                raise ValueError(f"{symbol} has no oxidation state.")
            rows.append((site.frac_coords, kinds.setdefault((symbol, float(charge)), len(kinds)), amount))
    if not rows:
        raise ValueError(f"there is no framework: every site holds {element}.")
    return Framework(
        lattice=np.array(structure.lattice.matrix, dtype=float),
        positions=np.array([r[0] for r in rows], dtype=float) % 1.0,
        kind=np.array([r[1] for r in rows], dtype=np.int64),
        occupancy=np.array([r[2] for r in rows], dtype=float),
        kinds=tuple(kinds),
        mobile_positions=np.array([m[0] for m in mobile], dtype=float).reshape(-1, 3),
        mobile_occupancy=np.array([m[1] for m in mobile], dtype=float),
        mobile_site_shared=shared,
    )


def grid_divisions(lattice: NDArray[np.float64], resolution_angstrom: float) -> tuple[int, int, int]:
    """Intervals along a, b, c: BVlain's grid, which counts floor(length / resolution) points with both ends in.

    Raises:
        ValueError: If the grid would have more than MAX_GRID_POINTS points.
    """
    lengths = np.linalg.norm(lattice, axis=1)
    n_a, n_b, n_c = (max(int(length // resolution_angstrom) - 1, 1) for length in lengths)
    if n_a * n_b * n_c > MAX_GRID_POINTS:
        raise ValueError(
            f"a grid of {resolution_angstrom:g} Å in a cell of {' x '.join(f'{length:.4g}' for length in lengths)} Å "
            f"has {n_a * n_b * n_c:,} points; the limit is {MAX_GRID_POINTS:,}."
        )
    return n_a, n_b, n_c


def site_energy_landscape(
    framework: Framework,
    mobile_ion: str = "Li",
    *,
    resolution_angstrom: float = 0.2,
    divisions: tuple[int, int, int] | None = None,
    cutoff_angstrom: float = 10.0,
    radii: str = "ase",
    use_symmetry: bool = True,
    threads: int = 1,
) -> Landscape:
    """Site energy of the mobile ion on a grid that covers the cell once.

    Args:
        framework: From `framework_of`.
        mobile_ion: Element or ion that moves.
        resolution_angstrom: Spacing that sets the grid where `divisions` does not.
        divisions: Grid intervals along a, b, c.
        cutoff_angstrom: Interactions beyond are left out; no limit on the number of neighbours.
        radii: Covalent radii of the screening: "ase" (as BVlain by default) or "softbv".
        use_symmetry: Add only symmetry-unique ions and sum over the operations that map the grid onto itself.
        threads: Slabs of the grid computed side by side.

    Raises:
        ValueError: If a species has no parameters, with the species named.
    """
    n = divisions or grid_divisions(framework.lattice, resolution_angstrom)
    potentials = [pair_potential(*kind, mobile_ion, cutoff_angstrom, radii) for kind in framework.kinds]
    rotations, shifts = grid_symmetry(framework, n) if use_symmetry else _identity()
    weights = orbit_weights(
        framework.positions, _labels(framework), framework.lattice, rotations, shifts, 10 * SYMMETRY_TOLERANCE_ANGSTROM
    )
    if weights[0] < 0:  # an operation moved an ion onto none: use no symmetry
        rotations, shifts = _identity()
        weights = np.ones(len(framework.positions))
    energy = _spread(framework, weights, potentials, n, threads)
    if len(rotations) > 1:
        energy = sum_over_orbits(energy, *_on_grid(rotations, shifts, n))
    return Landscape(energy_ev=energy, lattice=framework.lattice, n_symmetry=len(rotations))


def _spread(
    framework: Framework,
    weights: NDArray[np.float64],
    potentials: list[PairPotential],
    n: tuple[int, int, int],
    threads: int,
) -> NDArray[np.float64]:
    """Add the ions of non-zero weight to an empty grid, slab by slab in as many threads."""
    use = (weights > 0) & (np.array([p.reach_angstrom for p in potentials])[framework.kind] > 0)
    energy = np.zeros(n)
    tables = radial_cubics(potentials)
    reach = np.array([p.reach_angstrom for p in potentials])
    ions = framework.positions[use], framework.kind[use], (framework.occupancy * weights)[use]
    edges = np.linspace(0, n[0], min(threads, n[0]) + 1).astype(int).tolist()
    if threads == 1:
        add_ions(energy, framework.lattice, ions, tables, reach, 0, n[0])
        return energy
    with ThreadPoolExecutor(threads) as pool:
        slabs = [
            pool.submit(add_ions, energy, framework.lattice, ions, tables, reach, lo, hi) for lo, hi in pairwise(edges)
        ]
    for slab in slabs:
        slab.result()
    return energy


def radial_cubics(potentials: list[PairPotential]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two (kinds, steps, 4) tables of cubics that meet value and slope of each potential: steps of r^2, steps of r."""
    longest = max((p.reach_angstrom for p in potentials), default=0.0)
    square = np.arange(int(np.ceil(longest**2 / STEP_SQUARE_ANGSTROM)) + 3) * STEP_SQUARE_ANGSTROM
    near = np.arange(int(np.ceil(NEAR_ANGSTROM / STEP_ANGSTROM)) + 3) * STEP_ANGSTROM
    far_table = np.zeros((len(potentials), len(square) - 1, 4))
    near_table = np.zeros((len(potentials), len(near) - 1, 4))
    for k, potential in enumerate(potentials):
        r = np.sqrt(np.maximum(square, CORE_ANGSTROM**2))
        value, slope = potential.energy_and_slope(r)
        far_table[k] = _cubics(value, slope / (2.0 * r) * STEP_SQUARE_ANGSTROM)
        value, slope = potential.energy_and_slope(np.maximum(near, CORE_ANGSTROM))
        near_table[k] = _cubics(value, np.where(near < CORE_ANGSTROM, 0.0, slope) * STEP_ANGSTROM)
    return far_table, near_table


def _cubics(value: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n - 1, 4) coefficients in the fraction of a step, from (n,) values and slopes per step."""
    rise = np.diff(value)
    low, high = slope[:-1], slope[1:]
    return np.column_stack([value[:-1], low, 3.0 * rise - 2.0 * low - high, low + high - 2.0 * rise])


def grid_symmetry(framework: Framework, n: tuple[int, int, int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rotations (g, 3, 3) and translations (g, 3), fractional, of the framework that map the grid onto itself."""
    cell = (framework.lattice.tolist(), framework.positions.tolist(), _labels(framework).tolist())
    try:
        found = spglib.get_symmetry(cell, symprec=SYMMETRY_TOLERANCE_ANGSTROM)
    except spglib.SpglibError:
        found = None
    if found is None:
        return _identity()
    rotations, shifts = found["rotations"].astype(np.int64), found["translations"]
    counts = np.array(n)
    turned = rotations * counts[:, None] / counts[None, :]
    moved = shifts * counts
    step = np.linalg.norm(framework.lattice, axis=1) / counts
    fits = np.all(turned == np.rint(turned), axis=(1, 2))
    fits &= np.all(np.abs(moved - np.rint(moved)) * step < SYMMETRY_TOLERANCE_ANGSTROM, axis=1)
    return rotations[fits], shifts[fits]


def _on_grid(
    rotations: NDArray[np.int64], shifts: NDArray[np.float64], n: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same operations as integer matrices and shifts of grid indices."""
    counts = np.array(n)
    turned = np.rint(rotations * counts[:, None] / counts[None, :]).astype(np.int64)
    return turned, np.rint(shifts * counts).astype(np.int64)


def _identity() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The group of one operation."""
    return np.eye(3, dtype=np.int64)[None], np.zeros((1, 3))


def _labels(framework: Framework) -> NDArray[np.int64]:
    """(n,) one number per kind and occupancy: what symmetry may exchange."""
    pairs = np.column_stack([framework.kind, np.rint(framework.occupancy * 1e6).astype(np.int64)])
    return np.unique(pairs, axis=0, return_inverse=True)[1].astype(np.int64).ravel()


def site_energy_at(
    framework: Framework,
    points: NDArray[np.float64],
    mobile_ion: str = "Li",
    *,
    cutoff_angstrom: float = 10.0,
    radii: str = "ase",
) -> NDArray[np.float64]:
    """Site energy in eV at (m, 3) fractional points, straight from the formulas: slow, without tables or grid."""
    lattice = framework.lattice
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    images = [np.arange(-int(np.ceil(cutoff_angstrom / h)) - 1, int(np.ceil(cutoff_angstrom / h)) + 2) for h in heights]
    cells = np.stack(np.meshgrid(*images, indexing="ij"), axis=-1).reshape(-1, 3)
    potentials = [pair_potential(*kind, mobile_ion, cutoff_angstrom, radii) for kind in framework.kinds]
    energies = np.zeros(len(points))
    for i, point in enumerate(np.asarray(points, dtype=float) % 1.0):
        for position, kind, occupancy in zip(framework.positions, framework.kind, framework.occupancy, strict=True):
            r = np.linalg.norm((position + cells - point) @ lattice, axis=1)
            energies[i] += occupancy * potentials[kind].energy_and_slope(r[r < cutoff_angstrom])[0].sum()
    return energies


def _symbol(species: object) -> str:
    """Element symbol of a pymatgen species, deuterium as hydrogen."""
    symbol = getattr(species, "symbol", str(species))
    return "H" if symbol in ("D", "T") else symbol
