"""Dope a crystal: some of the atoms of one element replaced by another ion, lithium making up the charge.

Li9Y3Cl18 with one Y3+ by Zr4+ loses one Li+; LiTi2(PO4)3 with one Ti4+ by Al3+ gains one, in the widest gap that suits
it; ions of like charge need none. Half of the sites of an element are replaced where the charge stays, one where it
changes, so that an ordered cell of few atoms shows what a doped crystal of that composition would cost.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from pymatgen.core import Species, Structure

from ionsieve.features.crystals.substitution import Hypothetical, charge_of, ions, replacements

MAX_CHOICES = 300  # sets of sites looked at per swap
ARRANGEMENTS = 3  # kept of them, the replaced atoms far apart first
LITHIUM_ANION_ANGSTROM = (1.75, 2.9)  # a lithium that comes in: from its nearest anion
LITHIUM_CATION_ANGSTROM = 1.9  # and at least from any cation
GRID_ANGSTROM = 0.35


def mixed(parent: str, structure: Structure) -> list[Hypothetical]:
    """Every neutral lithium compound made from an ordered crystal by one ion on some of the sites of another.

    Several arrangements of one composition follow one another, far apart replaced atoms first.

    Args:
        structure: With an oxidation state on every site.

    Raises:
        ValueError: As `ions`.
    """
    counts = ions(structure)
    found = []
    for old, count in sorted(counts.items(), key=lambda item: str(item[0])):
        if old.symbol == "Li" or count < 2:
            continue
        for new, probability in replacements(old, max_charge_change=1):
            if new.symbol == old.symbol or any(new.symbol == other.symbol for other in counts):
                continue
            extra = round(charge_of(new) - charge_of(old))
            replaced = int(count) // 2 if extra == 0 else 1
            for sites in _arrangements(structure, old, replaced):
                for crystal in _compensated(_replaced(structure, sites, new), sites, extra):
                    swaps = {str(old): f"{replaced}/{int(count)} {new}"}
                    found.append(Hypothetical(parent, swaps, probability, crystal))
    return found


def _arrangements(structure: Structure, old: Species, replaced: int) -> list[tuple[int, ...]]:
    """Sets of sites that differ by the distances within them, far apart first."""
    own = [k for k, site in enumerate(structure) if site.specie == old]
    distances = structure.distance_matrix
    seen: dict[tuple[float, ...], tuple[int, ...]] = {}
    for sites in itertools.islice(itertools.combinations(own, replaced), MAX_CHOICES):
        within = sorted(distances[a, b] for a, b in itertools.combinations(sites, 2))
        around = sorted(round(float(np.sort(distances[a])[1:6].sum()), 1) for a in sites)
        seen.setdefault((*np.round(within, 1).tolist(), *around), sites)
    order = sorted(seen, key=lambda key: (-sum(key[: replaced * (replaced - 1) // 2]), key))
    return [seen[key] for key in order[:ARRANGEMENTS]]


def _replaced(structure: Structure, sites: Sequence[int], new: Species) -> Structure:
    out = structure.copy()
    for k in sites:
        out.replace(k, new)
    return out


def _compensated(structure: Structure, sites: Sequence[int], extra: int) -> Iterator[Structure]:
    """The crystal neutral again: without the lithium nearest to and farthest from a higher charge, or with one more."""
    if extra == 0:
        yield structure
    elif extra > 0:
        lithium = [k for k, site in enumerate(structure) if site.specie.symbol == "Li"]
        if len(lithium) < 2:
            return
        distances = structure.distance_matrix[sites[0]]
        ranked = sorted(lithium, key=lambda k: (round(distances[k], 2), k))
        for k in dict.fromkeys((ranked[0], ranked[-1])):
            out = structure.copy()
            out.remove_sites([k])
            yield out
    else:
        place = widest_gap(structure)
        if place is not None:
            out = structure.copy()
            out.append(Species("Li", 1), place)
            yield out


def widest_gap(structure: Structure) -> np.ndarray | None:
    """Fractional coordinates of the place for a lithium ion farthest from all cations; None where there is none."""
    counts = [max(2, round(length / GRID_ANGSTROM)) for length in structure.lattice.abc]
    grid = np.array(list(itertools.product(*((np.arange(n) + 0.5) / n for n in counts))))
    charges = np.array([charge_of(site.specie) for site in structure if isinstance(site.specie, Species)])
    distances = structure.lattice.get_all_distances(grid, structure.frac_coords)
    anion = distances[:, charges < 0].min(axis=1)
    cation = distances[:, charges > 0].min(axis=1)
    low, high = LITHIUM_ANION_ANGSTROM
    allowed = (anion > low) & (anion < high) & (cation > LITHIUM_CATION_ANGSTROM)
    if not allowed.any():
        return None
    score = np.where(allowed, np.round(np.minimum(cation, 3.2) + 0.5 * anion, 6), -np.inf)
    return np.asarray(grid[int(np.argmax(score))])
