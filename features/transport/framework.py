"""What the mobile ion moves through: linked polyhedra, the anion lattice, and how the mobile ions sit in it.

Polyhedra are those of the cations that do not move. Two that share one anion share a corner, two an edge, three or more
a face. Corner-sharing frameworks are rich in distorted sites that conduct (doi:10.1038/s41563-022-01222-4).
"""

import math
from collections import defaultdict
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from ionsieve.features.crystals.anion_lattice import anion_lattice_distances

# An anion is a neighbour if its bond is at most this much longer than the shortest: exp(-0.7 / 0.37) = 15 % of its
# bond valence (doi:10.1107/S0108768190011041).
BOND_TOLERANCE_ANGSTROM = 0.7
LONGEST_BOND_ANGSTROM = 4.5
# Sites closer than this are alternatives for one ion, not neighbours.
SPLIT_SITE_ANGSTROM = 1.2
# Charge over squared bond length, 1/Å^2: formers and intermediates of networks lie above, modifiers (La, Sr, Na) below
# (Dietzel, Z. Elektrochem. 48, 9 (1942)).
FORMER_FIELD_STRENGTH = 0.5

LINKS = ("corner", "edge", "face")
POLYHEDRA_COLUMNS = [
    *(f"{link}_links_per_polyhedron" for link in LINKS),
    *(f"{link}_link_fraction" for link in LINKS),
    "isolated_fraction",
    "corner_sharing_only",
]
FRAMEWORK_COLUMNS = [
    *(f"{group}_{name}" for group in ("polyhedra", "former") for name in POLYHEDRA_COLUMNS),
    *(f"anion_{name}_distance" for name in ("bcc", "fcc", "hcp")),
    "volume_per_anion_angstrom3",
    "framework_disorder",
    "mobile_ions_per_angstrom3",
    "mobile_coordination",
    "mobile_bond_angstrom",
    "mobile_bond_spread",
    "mobile_mobile_shortest_angstrom",
    "mobile_mobile_mean_angstrom",
    "mobile_occupancy_mean",
    "mobile_occupancy_min",
    "mobile_sites_per_ion",
    "mobile_disorder",
]


def framework_features(structure: Structure, mobile_element: str = "Li") -> dict[str, float]:
    """FRAMEWORK_COLUMNS of one structure.

    Args:
        structure: With oxidation states on every species; sites may be partially occupied or shared.
        mobile_element: Element that moves.

    Returns:
        Counts of links are per polyhedron (a link belongs to both its ends), fractions of all links; `former_` counts
        network formers only; corner_sharing_only is 1 or 0. Anion lattice distances in units of the cube root of the
        volume per anion. mobile_bond_spread: mean relative deviation of the mobile ion's bonds from their mean.
        mobile_mobile_mean_angstrom: mean distance to the nearest mobile site that is not an alternative (1.2 Å).
        Disorder: configurational entropy per ion in units of k. NaN where the quantity does not exist (no links, no
        polyhedra, no anions).
    """
    roles = _Roles(structure, mobile_element)
    neighbours = structure.get_neighbor_list(LONGEST_BOND_ANGSTROM)
    row: dict[str, float] = {}
    bonds = _bonds(roles, neighbours, roles.cations)
    for group, centres in (("polyhedra", roles.cations), ("former", _formers(roles, bonds))):
        links = _links({i: bonds[i] for i in centres if i in bonds}, roles, structure)
        row |= {f"{group}_{name}": value for name, value in _link_columns(links, centres, roles).items()}
    distances = anion_lattice_distances(
        np.array(structure.lattice.matrix), structure.frac_coords[roles.anions], roles.anion_amount[roles.anions]
    )
    row |= {f"anion_{name}_distance": value for name, value in distances.items()}
    amount = roles.anion_amount.sum()
    row["volume_per_anion_angstrom3"] = structure.volume / amount if amount else math.nan
    row["framework_disorder"] = _entropy_per_ion(structure, [i for i in range(len(structure)) if i not in roles.mobile])
    row |= _mobile_columns(structure, roles, neighbours)
    return {name: float(row[name]) for name in FRAMEWORK_COLUMNS}


class _Roles:
    """Which sites are mobile, anions or framework cations, and the charge and amounts they carry."""

    def __init__(self, structure: Structure, mobile_element: str) -> None:
        n = len(structure)
        self.mobile_amount, self.anion_amount, self.cation_amount = np.zeros(n), np.zeros(n), np.zeros(n)
        self.cation_charge = np.zeros(n)
        for i, site in enumerate(structure):
            for species, amount in site.species.items():
                charge = float(species.oxi_state or 0.0)
                if species.symbol == mobile_element:
                    self.mobile_amount[i] += amount
                elif charge < 0:
                    self.anion_amount[i] += amount
                elif charge > 0:
                    self.cation_amount[i] += amount
                    self.cation_charge[i] += amount * charge
        self.mobile: list[int] = np.flatnonzero(self.mobile_amount > 0).tolist()
        standing = self.mobile_amount == 0
        self.anions: list[int] = np.flatnonzero(standing & (self.anion_amount > self.cation_amount)).tolist()
        self.cations: list[int] = np.flatnonzero(
            standing & (self.cation_amount > 0) & (self.cation_amount >= self.anion_amount)
        ).tolist()


Bond = tuple[int, tuple[int, int, int], float]
Neighbours = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def _bonds(roles: _Roles, neighbours: Neighbours, centres: list[int]) -> dict[int, list[Bond]]:
    """Anions bonded to each centre: (site, cell, distance), those within the tolerance of the shortest bond."""
    first, second, image, distance = neighbours
    wanted = np.isin(first, centres) & np.isin(second, roles.anions) & (distance > SPLIT_SITE_ANGSTROM * 0.8)
    shortest = np.full(len(roles.anion_amount), np.inf)
    np.minimum.at(shortest, first[wanted], distance[wanted])
    wanted &= distance <= shortest[first] + BOND_TOLERANCE_ANGSTROM
    bonds: dict[int, list[Bond]] = defaultdict(list)
    for i, j, cell, d in zip(first[wanted], second[wanted], image[wanted], distance[wanted], strict=True):
        bonds[int(i)].append((int(j), (int(cell[0]), int(cell[1]), int(cell[2])), float(d)))
    return dict(bonds)


def _formers(roles: _Roles, bonds: dict[int, list[Bond]]) -> list[int]:
    """Cations whose field strength, charge over the squared mean bond, marks a network former or intermediate."""
    formers = []
    for i, around in bonds.items():
        length = float(np.mean([d for _, _, d in around]))
        if roles.cation_charge[i] / roles.cation_amount[i] / length**2 >= FORMER_FIELD_STRENGTH:
            formers.append(i)
    return formers


def _links(
    bonds: dict[int, list[Bond]], roles: _Roles, structure: Structure
) -> dict[tuple[int, int, tuple[int, int, int]], float]:
    """Anions shared by each pair of polyhedra: (site, site, cell of the second) to their number, by occupancy."""
    holders: dict[int, list[tuple[int, NDArray[np.int64]]]] = defaultdict(list)
    for i, around in bonds.items():
        for j, cell, _ in around:
            holders[j].append((i, -np.array(cell)))
    shared: dict[tuple[int, int, tuple[int, int, int]], float] = defaultdict(float)
    for j, holding in holders.items():
        for (a, cell_a), (b, cell_b) in combinations(holding, 2):
            step = tuple((cell_b - cell_a).tolist())
            if (b, step) < (a, (0, 0, 0)):
                a, b, step = b, a, tuple(-x for x in step)
            shared[a, b, step] += min(roles.anion_amount[j], 1.0)
    return {
        (a, b, step): amount
        for (a, b, step), amount in shared.items()
        if structure.lattice.norm(structure.frac_coords[b] + step - structure.frac_coords[a]) > SPLIT_SITE_ANGSTROM
    }


def _link_columns(
    links: dict[tuple[int, int, tuple[int, int, int]], float], centres: list[int], roles: _Roles
) -> dict[str, float]:
    """POLYHEDRA_COLUMNS of one set of polyhedra; sites count by their occupancy."""
    ends = dict.fromkeys(LINKS, 0.0)
    linked: set[int] = set()
    for (a, b, _), amount in links.items():
        if amount < 0.5:
            continue
        kind = LINKS[min(round(amount), 3) - 1]
        ends[kind] += 2.0 * min(roles.cation_amount[a], 1.0) * min(roles.cation_amount[b], 1.0)
        linked |= {a, b}
    polyhedra = float(sum(min(roles.cation_amount[i], 1.0) for i in centres))
    if not polyhedra:
        return dict.fromkeys(POLYHEDRA_COLUMNS, math.nan)
    total = sum(ends.values())
    alone = sum(min(roles.cation_amount[i], 1.0) for i in centres if i not in linked)
    return {
        **{f"{kind}_links_per_polyhedron": ends[kind] / polyhedra for kind in LINKS},
        **{f"{kind}_link_fraction": ends[kind] / total if total else math.nan for kind in LINKS},
        "isolated_fraction": alone / polyhedra,
        "corner_sharing_only": float(ends["corner"] > 0 and ends["edge"] == ends["face"] == 0),
    }


def _mobile_columns(structure: Structure, roles: _Roles, neighbours: Neighbours) -> dict[str, float]:
    """Columns on the sites of the mobile ion, weighted by its amount on them."""
    amount = roles.mobile_amount[roles.mobile]
    row = dict.fromkeys([c for c in FRAMEWORK_COLUMNS if c.startswith("mobile_")], math.nan)
    if not len(amount):
        return row
    bonds = _bonds(roles, neighbours, roles.mobile)
    around = [(bonds[i], roles.mobile_amount[i]) for i in roles.mobile if i in bonds]
    if around:
        weight = np.array([w for _, w in around])
        lengths = [np.array([d for _, _, d in b]) for b, _ in around]
        held = [sum(min(roles.anion_amount[j], 1.0) for j, _, _ in b) for b, _ in around]
        means = np.array([d.mean() for d in lengths])
        spread = [np.abs(d / m - 1.0).mean() for d, m in zip(lengths, means, strict=True)]
        row["mobile_coordination"] = np.average(held, weights=weight)
        row["mobile_bond_angstrom"] = np.average(means, weights=weight)
        row["mobile_bond_spread"] = np.average(spread, weights=weight)
    first, second, _, distance = neighbours
    pair = np.isin(first, roles.mobile) & np.isin(second, roles.mobile) & (distance > 1e-3)
    if pair.any():
        row["mobile_mobile_shortest_angstrom"] = distance[pair].min()
    apart = pair & (distance > SPLIT_SITE_ANGSTROM)
    if apart.any():
        nearest = np.full(len(structure), np.inf)
        np.minimum.at(nearest, first[apart], distance[apart])
        found = np.isfinite(nearest)
        row["mobile_mobile_mean_angstrom"] = np.average(nearest[found], weights=roles.mobile_amount[found])
    row["mobile_ions_per_angstrom3"] = amount.sum() / structure.volume
    row["mobile_occupancy_mean"] = np.average(amount, weights=amount)
    row["mobile_occupancy_min"] = amount.min()
    row["mobile_sites_per_ion"] = len(amount) / amount.sum()
    row["mobile_disorder"] = _entropy_per_ion(structure, roles.mobile)
    return row


def _entropy_per_ion(structure: Structure, sites: list[int]) -> float:
    """Ideal mixing entropy of species and vacancies on the sites, per ion on them, in units of k."""
    entropy = ions = 0.0
    for i in sites:
        shares = [float(n) for n in structure[i].species.values()]
        ions += sum(shares)
        shares.append(max(1.0 - sum(shares), 0.0))
        entropy -= sum(x * math.log(x) for x in shares if x > 0)
    return entropy / ions if ions else math.nan
