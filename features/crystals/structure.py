"""Descriptors of a crystal structure, ordered or not: lithium's distances and neighbours, packing, disorder.

Occupancies count as the fraction of cells in which a site is filled. Charges are those of the composition
(features/charge_states.py), radii Shannon's (doi:10.1107/S0567739476001551).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.charges import most_likely_charges
from ionsieve.features.chemistry.elements import ionic_radius_angstrom, padded_fractions
from ionsieve.features.crystals.cif import parse_cif
from ionsieve.features.crystals.conventional_cell import lattice_from_structure
from ionsieve.features.crystals.lattice import lattice_features

__all__ = ["lattice_features", "lattice_from_structure", "parse_cif", "structure_features"]

LITHIUM = 3

# Neighbours are looked for up to here, and up to twice as far for lithium ions that have none.
NEIGHBOUR_RADIUS_ANGSTROM = 6.0

# Two lithium ions come no closer (2.4 Å in the densest ordered crystals): nearer sites are alternatives of one ion.
CLOSEST_LITHIUM_PAIR_ANGSTROM = 2.0

# The nearest anion counts as met where this many are expected within the distance, so that half-filled split sites of
# one ion count together.
EXPECTED_NEIGHBOUR = 0.5

# An anion coordinates lithium if nearer than the sum of both radii times this (Li-O 2.81 Å, Li-S 3.38 Å, Li-Cl 3.34 Å):
# between the first and the second shell of tetrahedral and octahedral lithium, all 12 anions of a perovskite's cage.
COORDINATION_FACTOR = 1.3

# A site filled to within this is full: occupancies are refined to two or three digits.
FULL_OCCUPANCY = 0.995

FEATURES = (
    "li_site_distance_min_angstrom",
    "li_li_distance_min_angstrom",
    "li_li_distance_mean_angstrom",
    "li_anion_distance_min_angstrom",
    "li_anion_distance_mean_angstrom",
    "li_cation_distance_mean_angstrom",
    "li_coordination_mean",
    "li_coordination_spread",
    "packing_fraction",
    "packing_fraction_without_li",
    "disordered_site_fraction",
    "mixed_site_fraction",
    "li_site_occupancy_mean",
    "li_site_mixed_fraction",
    "li_site_entropy",
    "site_entropy_per_atom",
    "cell_volume_per_atom_angstrom3",
    "cell_volume_per_anion_angstrom3",
    "cell_li_density_per_angstrom3",
)


@dataclass(frozen=True)
class Occupants:
    """What fills the sites of a structure: arrays over the m elements and n sites."""

    atomic_number: np.ndarray  # (m,)
    charge: np.ndarray  # (m,) formal oxidation state
    radius_angstrom: np.ndarray  # (m,) Shannon radius, NaN where not tabulated
    occupancy: np.ndarray  # (m, n)

    def at_sites(self, selected: np.ndarray) -> np.ndarray:
        """(n,) summed occupancy of the selected elements at each site."""
        return self.occupancy[selected].sum(axis=0)


def structure_features(structures: Sequence[Structure | None]) -> pd.DataFrame:
    """Structure descriptors, one row per structure in order (RangeIndex); a row of NaN where the structure is None.

    Columns (lengths in Å, entropies in units of the gas constant; "mean" weighs lithium sites by their occupancy):
        li_site_distance_min: between lithium sites as they are, split sites included.
        li_li_distance_{min,mean}: to the nearest lithium that can be there at the same time (2 Å or more away).
        li_anion_distance_{min,mean}, li_cation_distance_mean: to the nearest anion, and to the nearest other cation:
            the distance within which half an ion or more is expected.
        li_coordination_{mean,spread}: anions within 1.3 times the sum of Shannon radii; mean and standard deviation.
        packing_fraction, packing_fraction_without_li: volume of spheres of Shannon radius over that of the cell.
        disordered_site_fraction, mixed_site_fraction: sites not filled by one element alone; by more than one element.
        li_site_occupancy_mean: lithium per lithium site; li_site_mixed_fraction: lithium on sites shared with others.
        li_site_entropy: mean over lithium sites of the mixing entropy of what occupies it, vacancies included;
            site_entropy_per_atom: the same summed over all sites, per atom.
        cell_volume_per_{atom,anion}, cell_li_density: from the cell and its occupancies.

    NaN means unknown: no lithium (all li_ columns), no anion, an ion without tabulated radius (packing, coordination),
    or no neighbour within 12 Å.
    """
    rows = [np.full(len(FEATURES), np.nan) if s is None else _features(s) for s in structures]
    return pd.DataFrame(np.array(rows).reshape(len(rows), len(FEATURES)), columns=list(FEATURES))


def _features(structure: Structure) -> np.ndarray:
    occupants = _occupants(structure)
    values = _cell(structure, occupants) | _disorder(occupants)
    if LITHIUM in occupants.atomic_number:
        values |= _lithium_disorder(occupants) | _lithium_surroundings(structure, occupants)
    return np.array([values.get(name, np.nan) for name in FEATURES])


def _occupants(structure: Structure) -> Occupants:
    """Elements, charges and occupancies of a structure; deuterium counts as hydrogen."""
    padded = padded_fractions([structure.composition.element_composition])
    charge = most_likely_charges(padded)[0][0]
    row = {int(z): i for i, z in enumerate(padded.atomic_number[0])}
    occupancy = np.zeros((len(row), len(structure)))
    for j, site in enumerate(structure):
        for species, amount in site.species.items():
            occupancy[row[species.Z], j] += amount
    radius = [ionic_radius_angstrom(z, int(q)) for z, q in zip(row, charge, strict=True)]
    return Occupants(np.array(list(row)), charge, np.array(radius), occupancy)


def _cell(structure: Structure, occupants: Occupants) -> dict[str, float]:
    """Volumes per atom and anion, lithium density, packing fractions."""
    volume = structure.lattice.volume
    amounts = occupants.occupancy.sum(axis=1)
    spheres = amounts * 4.0 / 3.0 * np.pi * occupants.radius_angstrom**3
    lithium = occupants.atomic_number == LITHIUM
    anions = amounts[occupants.charge < 0].sum()
    return {
        "packing_fraction": spheres.sum() / volume,
        "packing_fraction_without_li": spheres[~lithium].sum() / volume,
        "cell_volume_per_atom_angstrom3": volume / amounts.sum(),
        "cell_volume_per_anion_angstrom3": volume / anions if anions > 0 else np.nan,
        "cell_li_density_per_angstrom3": amounts[lithium].sum() / volume,
    }


def _site_entropy(occupants: Occupants) -> np.ndarray:
    """(n,) -Σ x ln x over the elements of each site and its vacancies."""
    vacancy = np.clip(1.0 - occupants.occupancy.sum(axis=0), 0.0, 1.0)
    shares = np.vstack([occupants.occupancy, np.where(vacancy > 1.0 - FULL_OCCUPANCY, vacancy, 0.0)])
    return (shares * np.log(1.0 / np.where(shares > 0, shares, 1.0))).sum(axis=0).clip(min=0.0)


def _disorder(occupants: Occupants) -> dict[str, float]:
    largest = occupants.occupancy.max(axis=0)
    mixed = (occupants.occupancy > 0).sum(axis=0) > 1
    return {
        "disordered_site_fraction": float((largest < FULL_OCCUPANCY).mean()),
        "mixed_site_fraction": float(mixed.mean()),
        "site_entropy_per_atom": _site_entropy(occupants).sum() / occupants.occupancy.sum(),
    }


def _lithium_disorder(occupants: Occupants) -> dict[str, float]:
    lithium = occupants.at_sites(occupants.atomic_number == LITHIUM)
    others = occupants.at_sites(occupants.atomic_number != LITHIUM)
    on = lithium > 0
    return {
        "li_site_occupancy_mean": lithium[on].mean(),
        "li_site_mixed_fraction": lithium[on & (others > 0)].sum() / lithium.sum(),
        "li_site_entropy": _site_entropy(occupants)[on].mean(),
    }


def _lithium_surroundings(structure: Structure, occupants: Occupants) -> dict[str, float]:
    """Distances from lithium sites to lithium, anions and other cations, and the number of anions around them."""
    is_lithium = occupants.atomic_number == LITHIUM
    lithium = occupants.at_sites(is_lithium)
    weight = lithium[lithium > 0]
    around = _neighbours(structure, np.flatnonzero(lithium > 0), NEIGHBOUR_RADIUS_ANGSTROM)
    any_lithium = 1e-9
    hop = _nearest(structure, around, lithium, any_lithium)
    pair = _nearest(structure, around, lithium, any_lithium, CLOSEST_LITHIUM_PAIR_ANGSTROM)
    anion = _nearest(structure, around, occupants.at_sites(occupants.charge < 0), EXPECTED_NEIGHBOUR)
    cations = occupants.at_sites((occupants.charge > 0) & ~is_lithium)
    coordination = _coordination(occupants, around)
    mean = _weighted_mean(coordination, weight)
    return {
        "li_site_distance_min_angstrom": _minimum(hop),
        "li_li_distance_min_angstrom": _minimum(pair),
        "li_li_distance_mean_angstrom": _weighted_mean(pair, weight),
        "li_anion_distance_min_angstrom": _minimum(anion),
        "li_anion_distance_mean_angstrom": _weighted_mean(anion, weight),
        "li_cation_distance_mean_angstrom": _weighted_mean(
            _nearest(structure, around, cations, EXPECTED_NEIGHBOUR), weight
        ),
        "li_coordination_mean": mean,
        "li_coordination_spread": np.sqrt(_weighted_mean((coordination - mean) ** 2, weight)),
    }


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of some sites, ordered by center, then by distance."""

    sites: np.ndarray  # (s,) numbers of the central sites in the structure
    center: np.ndarray  # (p,) position in sites
    neighbour: np.ndarray  # (p,) number in the structure
    distance_angstrom: np.ndarray  # (p,)


def _neighbours(structure: Structure, sites: np.ndarray, radius_angstrom: float) -> Neighbours:
    """All neighbours within the radius, a site's own periodic images included."""
    centers = [structure[int(i)] for i in sites]
    center, neighbour, _, distance = structure.get_neighbor_list(radius_angstrom, sites=centers, exclude_self=False)
    other = distance > 1e-3  # each center is found as a neighbour of itself
    center, neighbour, distance = center[other], neighbour[other], distance[other]
    order = np.lexsort((distance, center))
    return Neighbours(sites, center[order], neighbour[order], distance[order])


def _nearest(
    structure: Structure, around: Neighbours, occupancy: np.ndarray, expected: float, closest_angstrom: float = 0.0
) -> np.ndarray:
    """(s,) distance in Å within which so many neighbours of the given (n,) occupancy are expected.

    Neighbours nearer than closest_angstrom do not count. Sites that find too few are tried again with twice the
    radius; NaN where that does not help.
    """
    found = _expected_within(around, occupancy, expected, closest_angstrom)
    missing = np.isnan(found)
    if missing.any() and occupancy.any():
        farther = _neighbours(structure, around.sites[missing], 2 * NEIGHBOUR_RADIUS_ANGSTROM)
        found[missing] = _expected_within(farther, occupancy, expected, closest_angstrom)
    return found


def _expected_within(around: Neighbours, occupancy: np.ndarray, expected: float, closest_angstrom: float) -> np.ndarray:
    counted = np.where(around.distance_angstrom >= closest_angstrom, occupancy[around.neighbour], 0.0)
    total = np.concatenate([[0.0], np.cumsum(counted)])
    first = np.searchsorted(around.center, around.center, side="left")
    reached = (total[1:] - total[first] >= expected - 1e-6 * min(1.0, expected)) & (counted > 0)
    found = np.full(len(around.sites), np.nan)
    center, position = np.unique(around.center[reached], return_index=True)
    found[center] = around.distance_angstrom[reached][position]
    return found


def _coordination(occupants: Occupants, around: Neighbours) -> np.ndarray:
    """(s,) anions around each site, occupancies summed; NaN where there is no anion or one has no tabulated radius."""
    anions = np.flatnonzero(occupants.charge < 0)
    lithium_radius = occupants.radius_angstrom[occupants.atomic_number == LITHIUM][0]
    cutoff = COORDINATION_FACTOR * (lithium_radius + occupants.radius_angstrom[anions])
    if not len(anions) or np.isnan(cutoff).any():
        return np.full(len(around.sites), np.nan)
    within = around.distance_angstrom <= cutoff[:, None]
    weight = (within * occupants.occupancy[anions][:, around.neighbour]).sum(axis=0)
    return np.bincount(around.center, weights=weight, minlength=len(around.sites))


def _minimum(values: np.ndarray) -> float:
    return float(np.nanmin(values)) if np.isfinite(values).any() else np.nan


def _weighted_mean(values: np.ndarray, weight: np.ndarray) -> float:
    """Mean over the known values; NaN where none is known."""
    known = np.isfinite(values)
    return float(np.average(values[known], weights=weight[known])) if known.any() else np.nan
