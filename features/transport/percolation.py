"""At which energy the mobile ion's landscape opens in one, two and three directions, and through which gates.

Percolation barrier: the level at which the accessible region spans the crystal in d directions, minus the lowest
energy of the landscape (doi:10.1107/S2052520618015718). Migration barrier: the same level minus the lowest energy
inside the region that spans, because the deepest pocket of a crystal may lie off its paths.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import Landscape, framework_of, site_energy_landscape
from ionsieve.features.transport.bond_valence_parameters import mobile_species
from ionsieve.features.transport.percolation_kernel import spanning_levels

# Above this height over the deepest point nothing counts as a path.
HIGHEST_LEVEL_EV = 5.0
# A further direction is open if it costs at most this much more than the first.
DIMENSION_TOLERANCE_EV = 0.3

PERCOLATION_COLUMNS = [
    *(f"percolation_barrier_{d}d_ev" for d in (1, 2, 3)),
    *(f"migration_barrier_{d}d_ev" for d in (1, 2, 3)),
    "dimensionality",
]


@dataclass(frozen=True)
class Percolation:
    """Barriers in 1, 2 and 3 directions: (3,) arrays in eV, inf where no path lies below the highest level.

    gate: (3, 3) fractional coordinates of the grid point at which each opened, NaN where none did. directions:
    (3, 3, 3) lattice vectors along which the region that opened d directions spans, in rows, 0 beyond the d-th.
    """

    percolation_barrier_ev: NDArray[np.float64]
    migration_barrier_ev: NDArray[np.float64]
    gate: NDArray[np.float64]
    directions: NDArray[np.int64]

    @property
    def dimensionality(self) -> int:
        """Largest number of directions whose barrier is within 0.3 eV of that of the first; 0 without any path."""
        barrier = self.percolation_barrier_ev
        if not np.isfinite(barrier[0]):
            return 0
        return int((barrier <= barrier[0] + DIMENSION_TOLERANCE_EV).sum())


def percolation(landscape: Landscape | NDArray[np.float64], highest_level_ev: float = HIGHEST_LEVEL_EV) -> Percolation:
    """Barriers of a landscape, by one pass over its points in rising order, 26 neighbours each.

    Args:
        landscape: Landscape, or its energies in eV on a periodic grid (n_a, n_b, n_c).
        highest_level_ev: Points higher above the lowest are walls.
    """
    energy = landscape.energy_ev if isinstance(landscape, Landscape) else landscape
    low = energy.min()
    levels, lows, points, directions = _spanning(energy, low + highest_level_ev)
    gate = np.full((3, 3), np.nan)
    for d in np.flatnonzero(points >= 0):
        gate[d] = np.array(np.unravel_index(points[d], energy.shape)) / energy.shape
    with np.errstate(invalid="ignore"):
        migration = np.where(np.isfinite(levels), levels - lows, np.inf)
    return Percolation(
        percolation_barrier_ev=levels - low, migration_barrier_ev=migration, gate=gate, directions=directions
    )


def _spanning(
    energy: NDArray[np.float64], highest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """`spanning_levels` up to a level; most crystals open low, so the lowest points are tried alone first."""
    flat = energy.ravel()
    low = flat.min()
    for top in (min(low + 1.5, highest), highest):
        below = np.flatnonzero(flat <= top)
        order = below[np.argsort(flat[below], kind="stable")]
        found = spanning_levels(energy, order)
        if np.isfinite(found[0][2]):
            break
    return found


def percolation_row(structure: Structure, mobile_ion: str = "Li", resolution_angstrom: float = 0.2) -> dict[str, Any]:
    """Percolation columns of one structure, ordered or not, with or without oxidation states.

    Returns:
        PERCOLATION_COLUMNS, mobile_site_shared, and a note on the charges ("" if whole and neutral).

    Raises:
        ValueError: With the reason in words: no such mobile ion here, or a species without charge or parameters.
    """
    decorated, note = assign_oxidation_states(structure)
    framework = framework_of(decorated, mobile_ion)
    if not len(framework.mobile_positions):
        raise ValueError(f"there is no {mobile_species(mobile_ion)[0]} in the structure.")
    landscape = site_energy_landscape(framework, mobile_ion, resolution_angstrom=resolution_angstrom)
    return percolation_columns(percolation(landscape)) | {
        "mobile_site_shared": framework.mobile_site_shared,
        "note": note,
    }


def percolation_columns(result: Percolation) -> dict[str, Any]:
    """A result under the names of PERCOLATION_COLUMNS."""
    values = [*result.percolation_barrier_ev.tolist(), *result.migration_barrier_ev.tolist(), result.dimensionality]
    return dict(zip(PERCOLATION_COLUMNS, values, strict=True))
