"""The landscape as text that other programs read: Gaussian cube files and the .grd grids of VESTA.

Both hold the site energy in eV, counted from the lowest point.
"""

import numpy as np
from pymatgen.core import Structure
from scipy.constants import physical_constants

from ionsieve.features.chemistry.elements import ATOMIC_NUMBER
from ionsieve.features.transport.bond_valence import Landscape

BOHR_ANGSTROM = physical_constants["Bohr radius"][0] * 1e10


def cube_text(landscape: Landscape, structure: Structure) -> str:
    """Gaussian cube file: cell and atoms in Bohr, one value per grid point, the last index fastest.

    Sites shared by several species are written as their most abundant one.
    """
    n = landscape.energy_ev.shape
    lines = ["bond valence site energy, eV above the lowest point", structure.composition.reduced_formula]
    lines.append(f"{len(structure):5d}{0:12.6f}{0:12.6f}{0:12.6f}")
    for count, vector in zip(n, landscape.lattice / BOHR_ANGSTROM, strict=True):
        lines.append(f"{count:5d}" + "".join(f"{x / count:12.6f}" for x in vector))
    for site in structure:
        species = max(site.species.items(), key=lambda item: (item[1], str(item[0])))[0]
        position = (site.frac_coords % 1.0) @ landscape.lattice / BOHR_ANGSTROM
        lines.append(f"{ATOMIC_NUMBER[species.symbol]:5d}{0:12.6f}" + "".join(f"{x:12.6f}" for x in position))
    rows = (landscape.energy_ev - landscape.energy_ev.min()).reshape(-1, n[2])
    for row in rows:
        values = [f"{value:13.5e}" for value in row]
        lines += ["".join(values[i : i + 6]) for i in range(0, len(values), 6)]
    return "\n".join(lines) + "\n"


def grd_text(landscape: Landscape) -> str:
    """VESTA .grd file: title, cell lengths in Å and angles in degrees, grid counts, one value per line."""
    lengths = np.linalg.norm(landscape.lattice, axis=1)
    unit = landscape.lattice / lengths[:, None]
    angles = [np.degrees(np.arccos(np.clip(unit[i] @ unit[j], -1.0, 1.0))) for i, j in ((1, 2), (0, 2), (0, 1))]
    lines = ["bond valence site energy, eV above the lowest point"]
    lines.append(" ".join(f"{x:.6f}" for x in [*lengths, *angles]))
    lines.append(" ".join(str(count) for count in landscape.energy_ev.shape))
    lines += [f"{value:.6e}" for value in (landscape.energy_ev - landscape.energy_ev.min()).ravel()]
    return "\n".join(lines) + "\n"
