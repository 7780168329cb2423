"""Known crystal types dressed with other elements: first guesses of the structure of a compound known by its formula.

The types are pymatgen's copy of the AFLOW Library of Crystallographic Prototypes (doi:10.1016/j.commatsci.2017.01.017)
and whatever crystals a caller adds. A guess is a start for a relaxation, nothing more: the lowest of several relaxed
guesses is an upper bound of the compound's energy, and is tight only where the right type is among them.
"""

import gzip
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from ase.data import covalent_radii
from pymatgen.analysis import prototypes as pymatgen_prototypes
from pymatgen.core import Composition, Element, Structure

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.crystals.doping import site_radius_angstrom

METAL_RATIO = 1.05  # bonds without charges over the sum of covalent radii: 1.0 between nonmetals, 1.1 in metals
ANTI_TYPE = 0.2


@dataclass(frozen=True)
class Prototype:
    """An ordered crystal whose arrangement others may share; `name` says which."""

    name: str
    structure: Structure


@dataclass(frozen=True)
class Decoration:
    """A prototype with other elements, scaled to sensible bond lengths. Low `distance`: elements much like the old."""

    prototype: str
    mapping: dict[str, str]
    distance: float
    structure: Structure


@cache
def aflow_prototypes(max_sites: int = 20) -> tuple[Prototype, ...]:
    """The ordered AFLOW prototypes of at most `max_sites` atoms per primitive cell, by label."""
    file = Path(pymatgen_prototypes.__path__[0]) / "aflow_prototypes.json.gz"
    found: dict[str, Prototype] = {}
    for entry in json.loads(gzip.decompress(file.read_bytes())):
        structure = Structure.from_dict(entry["snl"])
        tags = entry["tags"]
        name = f"{tags['mineral'] or structure.composition.reduced_formula} ({tags['aflow']})"
        if len(structure) <= max_sites and structure.is_ordered:
            # a label says which sites are filled, not where they lie: arsenic, graphite and oxygen can share one
            found.setdefault(
                f"{tags['aflow']} {structure.composition.reduced_formula} {name}", Prototype(name, structure)
            )
    return tuple(found[label] for label in sorted(found))


@cache
def electronegativity(symbol: str) -> float:
    """Pauling's, and 1.6, a middling metal's, for the few elements without one."""
    value = Element(symbol).X
    return float(value) if value == value else 1.6


def mapping_distance(amounts: Mapping[str, float], mapping: Mapping[str, str]) -> float:
    """How unlike the new elements are to the old, per atom.

    Differences in electronegativity, of either sign (Li2O is CaF2 with the roles exchanged, charged ANTI_TYPE for it),
    plus half of those in the logarithm of the radius. `amounts` are atomic fractions by new element.
    """
    total = {False: 0.0, True: ANTI_TYPE}
    mean_old = sum(amounts[new] * electronegativity(old) for old, new in mapping.items())
    mean_new = sum(amounts[new] * electronegativity(new) for new in mapping.values())
    for old, new in mapping.items():
        a, b = electronegativity(old) - mean_old, electronegativity(new) - mean_new
        radius = abs(np.log(covalent_radii[Element(old).Z] / covalent_radii[Element(new).Z]))
        total[False] += amounts[new] * (abs(a - b) + 0.5 * radius)
        total[True] += amounts[new] * (abs(a + b) + 0.5 * radius)
    return round(float(min(total.values())), 9)


def mappings(old: Composition, new: Composition) -> list[dict[str, str]]:
    """Every way to put the elements of `new` on the sites of `old` that gives the composition `new`."""
    amounts_old = old.fractional_composition.get_el_amt_dict()
    amounts_new = new.fractional_composition.get_el_amt_dict()
    if old.anonymized_formula != new.anonymized_formula:
        return []
    symbols = sorted(amounts_old)
    return [
        dict(zip(symbols, order, strict=True))
        for order in itertools.permutations(sorted(amounts_new))
        if all(abs(amounts_old[a] - amounts_new[b]) < 1e-6 for a, b in zip(symbols, order, strict=True))
    ]


def sphere_radii(composition: Composition) -> tuple[dict[str, float], dict[str, float]]:
    """(radius in Å, charge) by element: Shannon's crystal radii where the composition balances as ions, covalent
    radii and no charges elsewhere."""
    symbols = sorted(e.symbol for e in composition)
    charges, note = average_charges(composition) if len(symbols) > 1 else ({}, "an element")
    radii = {s: site_radius_angstrom(s, charges[s]) for s in symbols} if not note else {}
    if radii and all(r == r for r in radii.values()) and min(charges.values()) < 0:
        return radii, charges
    return {s: float(covalent_radii[Element(s).Z]) for s in symbols}, dict.fromkeys(symbols, 0.0)


def rescaled(structure: Structure) -> Structure:
    """The crystal, its volume set so that the tightest bond has its usual length.

    A bond is between opposite charges, or unlike atoms where there are none. Shannon's radii are for six neighbours;
    with n around the cation it is (n / 6)**0.22 as long (Si-O in quartz 0.90, B-O in BO3 0.82, Cs-Cl 1.06).
    """
    radii, charges = sphere_radii(structure.composition)
    symbols = np.array([site.specie.symbol for site in structure])
    i, j, _, distance = structure.get_neighbor_list(1.6 * max(3.0, (structure.volume / len(structure)) ** (1 / 3)))
    charge = np.array([charges[s] for s in symbols])
    bonds = (charge[i] > 0) & (charge[j] < 0) if charge.any() else symbols[i] != symbols[j]
    bonds = bonds if len(set(symbols)) > 1 else np.ones(len(i), dtype=bool)
    if not bonds.any():
        return structure
    i, j, distance = i[bonds], j[bonds], distance[bonds]
    ratio = distance / np.array([radii[symbols[a]] + radii[symbols[b]] for a, b in zip(i, j, strict=True)])
    k = int(np.argmin(ratio))
    neighbours = np.count_nonzero((i == i[k]) & (ratio < 1.2 * ratio[k]))
    wanted = (neighbours / 6) ** 0.22 if charge.any() else METAL_RATIO
    out = structure.copy()
    out.scale_lattice(structure.volume * (wanted / ratio[k]) ** 3)
    return out


def decorate(prototype: Prototype, mapping: Mapping[str, str]) -> Structure:
    """The prototype with its elements replaced, and scaled; as it is where the elements are its own."""
    if all(old == new for old, new in mapping.items()):
        return prototype.structure
    species = [mapping[site.specie.symbol] for site in prototype.structure]
    return rescaled(Structure(prototype.structure.lattice, species, prototype.structure.frac_coords))


def decorations(composition: Composition, prototypes: Sequence[Prototype], limit: int) -> list[Decoration]:
    """At most `limit` guesses for a composition, those first whose elements resemble the prototype's most."""
    choices = []
    amounts = composition.fractional_composition.get_el_amt_dict()
    for k, prototype in enumerate(prototypes):
        for mapping in mappings(prototype.structure.composition, composition):
            choices.append((mapping_distance(amounts, mapping), k, mapping))
    choices.sort(key=lambda choice: choice[:2])
    return [
        Decoration(prototypes[k].name, mapping, distance, decorate(prototypes[k], mapping))
        for distance, k, mapping in choices[:limit]
    ]
