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

# Shortest distance between unlike atoms over the sum of their covalent radii: 0.86 (Si-O, P-O) to 1.08 (Li-F).
BOND_RATIO = 0.97
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
    """The ordered AFLOW prototypes of at most `max_sites` atoms per primitive cell, by label, the first of each label."""
    file = Path(pymatgen_prototypes.__path__[0]) / "aflow_prototypes.json.gz"
    found: dict[str, Prototype] = {}
    for entry in json.loads(gzip.decompress(file.read_bytes())):
        structure = Structure.from_dict(entry["snl"])
        tags = entry["tags"]
        name = f"{tags['mineral'] or structure.composition.reduced_formula} ({tags['aflow']})"
        if len(structure) <= max_sites and structure.is_ordered:
            found.setdefault(tags["aflow"], Prototype(name, structure))
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


def rescaled(structure: Structure) -> Structure:
    """The crystal, its volume set so that the tightest pair of unlike atoms is at bond length (any, in an element)."""
    i, j, _, distance = structure.get_neighbor_list(1.5 * max(3.0, (structure.volume / len(structure)) ** (1 / 3)))
    numbers = np.array([site.specie.Z for site in structure])
    pairs = numbers[i] != numbers[j] if len(set(numbers)) > 1 else np.ones(len(i), dtype=bool)
    if not pairs.any():
        return structure
    ratio = (distance[pairs] / (covalent_radii[numbers[i[pairs]]] + covalent_radii[numbers[j[pairs]]])).min()
    out = structure.copy()
    out.scale_lattice(structure.volume * (BOND_RATIO / ratio) ** 3)
    return out


def decorate(prototype: Prototype, mapping: Mapping[str, str]) -> Structure:
    """The prototype with its elements replaced, and scaled."""
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
