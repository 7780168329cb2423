"""How wide the channels of a crystal are: the largest sphere that can travel through in one, two and three directions.

A geometric measure beside the energy landscape: framework ions are hard spheres of Shannon's radii
(doi:10.1107/S0567739476001551), the sites of the mobile ion are empty.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ionsieve.features.chemistry.elements import ATOMIC_NUMBER, ionic_radius_angstrom
from ionsieve.features.transport.bond_valence import Framework, grid_divisions
from ionsieve.features.transport.bond_valence_kernel import lower_to_surfaces
from ionsieve.features.transport.percolation_kernel import spanning_levels

# Distances beyond are not told apart: no channel of a solid electrolyte is this wide.
WIDEST_ANGSTROM = 1.6
# An ion that is there less often does not block a channel.
BLOCKING_OCCUPANCY = 0.5

CHANNEL_COLUMNS = [f"bottleneck_radius_{d}d_angstrom" for d in (1, 2, 3)]


def room_for_a_sphere(framework: Framework, resolution_angstrom: float = 0.2) -> NDArray[np.float64]:
    """(n_a, n_b, n_c) radius in Å of the largest sphere around each grid point that touches no framework ion.

    Capped at 1.6 Å; negative inside an ion. A site shared by several species has their mean radius.
    """
    sites, index = np.unique(np.round(framework.positions, 6), axis=0, return_inverse=True)
    index = index.ravel()
    radii = np.array([_radius(symbol, charge) for symbol, charge in framework.kinds])[framework.kind]
    held = np.bincount(index, framework.occupancy, len(sites))
    mean = np.bincount(index, framework.occupancy * radii, len(sites)) / np.maximum(held, 1e-12)
    blocking = (held >= BLOCKING_OCCUPANCY) & np.isfinite(mean)
    room = np.full(grid_divisions(framework.lattice, resolution_angstrom), WIDEST_ANGSTROM)
    lower_to_surfaces(room, framework.lattice, sites[blocking], mean[blocking])
    return room


def bottleneck_radii_angstrom(framework: Framework, resolution_angstrom: float = 0.2) -> tuple[float, float, float]:
    """Radius in Å of the largest sphere that spans 1, 2 and 3 directions; NaN where none passes between the ions."""
    room = room_for_a_sphere(framework, resolution_angstrom)
    flat = -room.ravel()
    open_points = np.flatnonzero(flat < 0)
    order = open_points[np.argsort(flat[open_points], kind="stable")]
    levels = spanning_levels(-room, order)[0]
    one, two, three = (-float(level) if np.isfinite(level) else math.nan for level in levels)
    return one, two, three


def _radius(symbol: str, charge: float) -> float:
    """Shannon radius in Å of an ion; 0 for a neutral atom or where none is tabulated."""
    if round(charge) == 0:
        return 0.0
    radius = ionic_radius_angstrom(ATOMIC_NUMBER[symbol], round(charge))
    return 0.0 if math.isnan(radius) else radius
