"""Hypothetical compounds: the ions of a known crystal replaced by others of like charge and size.

Which ion may stand for which follows an explicit list by charge and the probabilities that Hautier et al. learned from
known compounds (doi:10.1021/ic102031h, as pymatgen carries them). One swap of like charge, or two that balance.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.analysis.structure_prediction.substitution_probability import SubstitutionProbability
from pymatgen.core import Species, Structure

from ionsieve.features.chemistry.formula import composition_key
from ionsieve.features.crystals.doping import site_radius_angstrom

# Ions offered for a site, by charge: none radioactive, precious, very toxic, or changing its charge in use; no other
# alkali, which no cell wants beside lithium.
IONS: dict[int, tuple[str, ...]] = {
    1: ("Li",),
    2: ("Mg", "Ca", "Sr", "Ba", "Zn"),
    3: ("B", "Al", "Ga", "In", "Sc", "Y", "La", "Lu"),
    4: ("Si", "Ge", "Sn", "Ti", "Zr", "Hf"),
    5: ("P", "Sb", "Nb", "Ta"),
    -1: ("F", "Cl", "Br", "I"),
    -2: ("O", "S", "Se"),
    -3: ("N", "P"),
}
MAX_RADIUS_RATIO = 1.45  # Al3+ to In3+ is 1.45, O2- to S2- 1.36: both are common in one structure type
MIN_PROBABILITY = 1e-4  # of new given old; below it no known pair of compounds shows the swap


@dataclass(frozen=True)
class Hypothetical:
    """A parent crystal with other ions, not yet relaxed. `probability`: product over the swapped ions."""

    parent: str
    swaps: dict[str, str]
    probability: float
    structure: Structure


@cache
def _probabilities() -> SubstitutionProbability:
    return SubstitutionProbability()


@cache
def swap_probability(old: Species, new: Species) -> float:
    """Probability that `new` stands where `old` stood, given `old`; 0 where either was too rare to learn from."""
    learned = _probabilities()
    return float(learned.cond_prob(new, old)) if {old, new} <= learned.species else 0.0


def ions(structure: Structure) -> dict[Species, float]:
    """Atoms per cell of each ion.

    Raises:
        ValueError: If the crystal is disordered, an atom has no charge, or the charges do not balance.
    """
    if not structure.is_ordered:
        raise ValueError("sites are shared: an ordered model is needed")
    counts: dict[Species, float] = {}
    for site in structure:
        if not isinstance(site.specie, Species) or site.specie.oxi_state is None:
            raise ValueError(f"{site.specie} has no charge")
        counts[site.specie] = counts.get(site.specie, 0.0) + 1.0
    if abs(sum(charge_of(ion) * n for ion, n in counts.items())) > 1e-3:
        raise ValueError("the charges do not balance")
    return counts


def charge_of(ion: Species) -> float:
    """Charge of an ion, e."""
    return float(ion.oxi_state or 0.0)


def replacements(old: Species, max_charge_change: int) -> list[tuple[Species, float]]:
    """(ion, probability) of every ion that may stand for `old`, `old` itself first with 1.

    The lone cation of charge 1 in the list of a lithium compound is lithium: other ions of charge 1 become it, and it
    stays.
    """
    found = [(old, 1.0)]
    if old.symbol == "Li":
        return found
    charge = round(charge_of(old))
    for new_charge in range(charge - max_charge_change, charge + max_charge_change + 1):
        if new_charge * charge <= 0:
            continue
        for symbol in IONS.get(new_charge, ()):
            ratio = site_radius_angstrom(symbol, new_charge) / site_radius_angstrom(old.symbol, charge)
            if symbol == old.symbol or not 1 / MAX_RADIUS_RATIO <= ratio <= MAX_RADIUS_RATIO:
                continue
            probability = swap_probability(old, Species(symbol, new_charge))
            if probability >= MIN_PROBABILITY:
                found.append((Species(symbol, new_charge), probability))
    return found


def substitutions(parent: str, structure: Structure, max_swaps: int = 2) -> list[Hypothetical]:
    """Every neutral lithium compound made from an ordered crystal by at most `max_swaps` swaps, likely ones first.

    Args:
        structure: With an oxidation state on every site.

    Raises:
        ValueError: As `ions`.
    """
    counts = ions(structure)
    old = sorted(counts, key=str)
    choices = [replacements(species, max_charge_change=1) for species in old]
    found = []
    for combination in itertools.product(*choices):
        new = [ion for ion, _ in combination]
        changed = [k for k in range(len(old)) if new[k] != old[k]]
        charge = sum(charge_of(ion) * counts[o] for ion, o in zip(new, old, strict=True))
        symbols = [ion.symbol for ion in new]
        if not 1 <= len(changed) <= max_swaps or abs(charge) > 1e-3:
            continue
        if "Li" not in symbols or len(set(symbols)) < len(symbols):
            continue
        swaps = {str(old[k]): str(new[k]) for k in changed}
        probability = float(np.prod([p for _, p in combination]))
        found.append(Hypothetical(parent, swaps, probability, _swapped(structure, dict(zip(old, new, strict=True)))))
    return sorted(found, key=lambda h: (-h.probability, sorted(h.swaps.items())))


def _swapped(structure: Structure, swap: Mapping[Species, Species]) -> Structure:
    species = [swap[site.specie] for site in structure if isinstance(site.specie, Species)]
    return Structure(structure.lattice, species, structure.frac_coords)


def without_duplicates(
    hypotheticals: Sequence[Hypothetical], known: Sequence[Structure]
) -> tuple[list[Hypothetical], list[str]]:
    """(those kept, why each of the others was not): no crystal that matches a known one, or one before it."""
    matcher = StructureMatcher(primitive_cell=True, scale=True, attempt_supercell=False)
    seen: dict[str, list[Structure]] = {}
    for structure in known:
        seen.setdefault(composition_key(_bare(structure).composition), []).append(_bare(structure))
    kept, dropped = [], []
    for hypothetical in hypotheticals:
        bare = _bare(hypothetical.structure)
        others = seen.setdefault(composition_key(bare.composition), [])
        if any(matcher.fit(bare, other) for other in others):
            dropped.append(f"{bare.composition.reduced_formula} from {hypothetical.parent}: a crystal seen before")
            continue
        others.append(bare)
        kept.append(hypothetical)
    return kept, dropped


def _bare(structure: Structure) -> Structure:
    return Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
