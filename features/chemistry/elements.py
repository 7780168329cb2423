"""Element data of the Magpie set and of pymatgen as arrays over the atomic number, and formulas as padded arrays.

Magpie: doi:10.1038/npjcompumats.2016.28, read from the files matminer ships. Electronegativities (Pauling), ionic radii
(Shannon, doi:10.1107/S0567739476001551) and counts of oxidation states in the ICSD: pymatgen.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pymatgen.core
import yaml
from pymatgen.core import Composition, Element, Species

from ionsieve.features.chemistry.package_files import package_folder

N_ELEMENTS = 118
HYDROGEN_ISOTOPES = frozenset({"D", "T"})
ATOMIC_NUMBER = {element.symbol: element.Z for element in Element if element.symbol not in HYDROGEN_ISOTOPES}
PADDING = 999  # sorts behind every element

HALOGENS = frozenset({"F", "Cl", "Br", "I"})
CHALCOGENS = frozenset({"O", "S", "Se", "Te"})
# The one list of anions, by falling electronegativity of their group's head: anions beside any metal,
ANIONS = ("F", "O", "Cl", "N", "Br", "S", "I", "Se", "Te")
# and those that are anions only where none of the former is beside them.
WEAK_ANIONS = ("H", "P", "As")

# A state below this share of an element's ICSD entries is a curiosity (O+, S7+) that charge balance must not draw on.
RARE_STATE_SHARE = 0.01

MAGPIE_PROPERTIES = (
    "Number",
    "MendeleevNumber",
    "AtomicWeight",
    "MeltingT",
    "Column",
    "Row",
    "CovalentRadius",
    "Electronegativity",
    "NsValence",
    "NpValence",
    "NdValence",
    "NfValence",
    "NValence",
    "NsUnfilled",
    "NpUnfilled",
    "NdUnfilled",
    "NfUnfilled",
    "NUnfilled",
    "GSvolume_pa",
    "GSbandgap",
    "GSmagmom",
    "SpaceGroupNumber",
)


@dataclass(frozen=True)
class PaddedFractions:
    """Formulas as arrays: row i lists the elements of formula i by rising atomic number, then padding.

    atomic_number: (n, k) integers, 0 in padding. fraction: (n, k) atomic fractions, 0 in padding.
    """

    atomic_number: np.ndarray
    fraction: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """(n, k) true where an element stands."""
        return self.atomic_number > 0


def padded_fractions(compositions: Sequence[Composition]) -> PaddedFractions:
    """Atomic numbers and fractions of many compositions; deuterium and tritium count as hydrogen."""
    numbers: list[int] = []
    amounts: list[float] = []
    lengths: list[int] = []
    for composition in compositions:
        by_symbol = composition.get_el_amt_dict()
        if not HYDROGEN_ISOTOPES.isdisjoint(by_symbol):
            by_symbol["H"] = sum(by_symbol.pop(isotope, 0.0) for isotope in ("H", *sorted(HYDROGEN_ISOTOPES)))
        numbers.extend([ATOMIC_NUMBER[symbol] for symbol in by_symbol])
        amounts.extend(by_symbol.values())
        lengths.append(len(by_symbol))
    width = max(lengths, default=1)
    filled = np.arange(width) < np.array(lengths, dtype=int)[:, None]
    atomic_number = np.full(filled.shape, PADDING)
    amount = np.zeros(filled.shape)
    atomic_number[filled] = numbers
    amount[filled] = amounts
    order = np.argsort(atomic_number, axis=1)
    atomic_number = np.take_along_axis(atomic_number, order, axis=1)
    amount = np.take_along_axis(amount, order, axis=1)
    atomic_number[atomic_number == PADDING] = 0
    return PaddedFractions(atomic_number, amount / amount.sum(axis=1, keepdims=True))


@lru_cache(maxsize=1)
def magpie_table() -> np.ndarray:
    """(22, 119) Magpie property of each atomic number, NaN where unknown; column 0 is padding."""
    folder = package_folder("matminer") / "utils" / "data_files" / "magpie_elementdata"
    table = np.full((len(MAGPIE_PROPERTIES), N_ELEMENTS + 1), np.nan)
    for i, name in enumerate(MAGPIE_PROPERTIES):
        lines = (folder / f"{name}.table").read_text().splitlines()[:N_ELEMENTS]
        for z, line in enumerate(lines, start=1):
            # The files write "Missing" or leave the line empty where a value is not known.
            table[i, z] = _number_or_nan(line)
    table.setflags(write=False)
    return table


def _number_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@lru_cache(maxsize=1)
def electronegativities() -> np.ndarray:
    """(119,) Pauling electronegativity of each atomic number, NaN where unknown."""
    values = np.full(N_ELEMENTS + 1, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pymatgen announces each noble gas
        for z in range(1, N_ELEMENTS + 1):
            values[z] = Element.from_Z(z).X
    values.setflags(write=False)
    return values


@cache
def ionic_radius_angstrom(atomic_number: int, state: int) -> float:
    """Shannon radius of an element in an oxidation state, Å; the nearest tabulated state of the same sign, else NaN."""
    radii = {q: r for q, r in Element.from_Z(atomic_number).ionic_radii.items() if q * state > 0}
    if not radii:
        return math.nan
    return float(radii[min(radii, key=lambda q: (abs(q - state), q))])


@lru_cache(maxsize=1)
def _icsd_state_counts() -> dict[int, dict[int, int]]:
    """Number of ICSD sites per atomic number and whole, non-zero oxidation state."""
    text = (Path(pymatgen.core.__file__).parent / "icsd_bv.yaml").read_text(encoding="utf-8")
    # libyaml's loader where PyYAML has it: ten times faster than those written in Python
    occurrence = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["occurrence"]
    counts: dict[int, dict[int, int]] = {}
    for text, count in occurrence.items():
        species = Species.from_str(text)
        state = species.oxi_state
        if state and state == int(state) and species.symbol in ATOMIC_NUMBER:
            counts.setdefault(ATOMIC_NUMBER[species.symbol], {})[int(state)] = int(count)
    return counts


@cache
def oxidation_states(atomic_number: int) -> tuple[tuple[int, float], ...]:
    """Oxidation states of an element with the log of their share in the ICSD, the most frequent first.

    States of pymatgen's list of common ones that the ICSD counts do not hold get the rarest share. Empty for elements
    that form no ions (He).
    """
    counts = _icsd_state_counts().get(atomic_number, {})
    total = sum(counts.values())
    shares = {q: n / total for q, n in counts.items() if n / total >= RARE_STATE_SHARE}
    for state in Element.from_Z(atomic_number).common_oxidation_states:
        if state:
            shares.setdefault(int(state), RARE_STATE_SHARE)
    return tuple(sorted(((q, math.log(s)) for q, s in shares.items()), key=lambda pair: (-pair[1], pair[0])))
