"""A table of formation energies prepared once: compositions, energies, and an index by chemical system."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.features.chemistry.formula_text import is_plain

SYMBOLS = tuple(e.symbol for e in sorted(Element, key=lambda e: e.Z) if e.symbol not in ("D", "T"))
ELEMENT_INDEX = {symbol: i for i, symbol in enumerate(SYMBOLS)}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")
_MAX_ENUMERATED = 12  # elements: beyond, running over all systems beats enumerating 2^n subsets

# electrons per atom of a mobile ion, so that V = -mu / charge
ION_CHARGES = {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Ag": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3}

Amounts = Mapping[str, float]  # element symbol -> atoms per formula


@dataclass(frozen=True, eq=False)
class PhaseSet:
    """Phases in a fixed order (by chemical system, then composition), whatever the order of the table they came from.

    Attributes:
        formulas: (n,) formula of each phase as the table writes it.
        elements: (n, k) indices into SYMBOLS, ascending, -1 where a phase has fewer than k elements.
        fractions: (n, k) atomic fractions at the same places.
        energies: (n,) formation energy, eV/atom.
        errors: (n,) standard deviation of its error, eV/atom; NaN where the table states none.
        system_start: (s + 1,) first phase of each chemical system; those of one system stand together.
        system_of: Chemical system, as an integer with one bit per element, -> its number.
        thermo_set: Name of the thermochemistry, "" if the table gave none.
        n_duplicates: Rows dropped because a lower energy was listed for the same composition.
        covered: Indices of the elements with at least one compound.
    """

    formulas: np.ndarray
    elements: np.ndarray
    fractions: np.ndarray
    energies: np.ndarray
    errors: np.ndarray
    system_start: np.ndarray
    system_of: dict[int, int]
    thermo_set: str
    n_duplicates: int
    covered: frozenset[int]
    _subsets: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _names: dict[int, tuple[str, float]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.energies)


def read_amounts(formulas: Sequence[str]) -> tuple[list[Amounts | None], list[str]]:
    """Atoms per formula of each text, as chemistry.formula reads it; None and a reason where it cannot be read.

    Formulas without brackets, nearly all of any table, are split here: the general parser takes 40 µs each.
    """
    amounts: list[Amounts | None] = [_plain_amounts(text) for text in formulas]
    reasons = [""] * len(amounts)
    rest = [i for i, found in enumerate(amounts) if found is None]
    compositions, why = parse_formulas([formulas[i] for i in rest])
    for i, composition, reason in zip(rest, compositions, why, strict=True):
        reasons[i] = reason
        if composition is not None:
            amounts[i] = {e.symbol: float(n) for e, n in composition.items()}
    return amounts, reasons


def _plain_amounts(text: str) -> dict[str, float] | None:
    if not isinstance(text, str) or not is_plain(text):
        return None
    amounts: dict[str, float] = {}
    for symbol, number in _TOKEN.findall(text):
        amount = float(number) if number else 1.0
        if symbol not in ELEMENT_INDEX or not 0 < amount < math.inf:
            return None
        amounts[symbol] = amounts.get(symbol, 0.0) + amount
    return amounts


def phase_set(phases: pd.DataFrame) -> PhaseSet:
    """Prepare a table of phases for every question this package answers.

    Args:
        phases: Columns formula and formation_energy_ev_atom (elements at 0), optionally thermo_set and
            energy_error_ev_atom (NaN: not stated). Elements that are missing are added at 0; of two energies for one
            composition the lower counts.

    Raises:
        ValueError: If energies are NaN or infinite, a formula cannot be read, more than one thermo_set is mixed, or an
            element lies below 0; each names the rows.
    """
    names = [str(f) if isinstance(f, str) else "" for f in phases["formula"]]
    energies = phases["formation_energy_ev_atom"].to_numpy(dtype=float)
    amounts, reasons = read_amounts(names)
    _check(phases, names, energies, amounts, reasons)
    compounds = {s for a in amounts if a is not None and len(a) > 1 for s in a}
    covered = frozenset(ELEMENT_INDEX[s] for s in compounds)
    present = sorted(compounds | {s for a in amounts if a is not None for s in a})
    amounts = [*amounts, *({s: 1.0} for s in present)]
    names = [*names, *present]
    energies = np.append(energies, np.zeros(len(present)))
    errors = np.append(stated_errors(phases), np.full(len(present), np.nan))
    elements, fractions = _padded([a for a in amounts if a is not None])
    order, first = _unique_compositions(elements, fractions, energies, names)
    given = np.add.reduceat(order < len(phases), first)
    kept = order[first]
    elements, fractions = elements[kept], fractions[kept]
    new_system = np.ones(len(kept), dtype=bool)
    new_system[1:] = (elements[1:] != elements[:-1]).any(axis=1)
    starts = np.flatnonzero(new_system)
    systems = {sum(1 << int(e) for e in elements[i] if e >= 0): s for s, i in enumerate(starts)}
    sets = phases["thermo_set"].unique() if "thermo_set" in phases else [""]
    return PhaseSet(
        formulas=np.array(names, dtype=object)[kept], elements=elements, fractions=fractions, energies=energies[kept],
        errors=errors[kept], system_start=np.append(starts, len(kept)), system_of=systems,
        thermo_set=str(sets[0]) if len(sets) else "",
        n_duplicates=int((given - 1).clip(0).sum()), covered=covered,
    )  # fmt: skip


def stated_errors(phases: pd.DataFrame) -> np.ndarray:
    """(n,) standard deviation of each energy's error as the table states it, eV/atom; NaN where it does not."""
    if "energy_error_ev_atom" not in phases:
        return np.full(len(phases), np.nan)
    return np.asarray(pd.to_numeric(phases["energy_error_ev_atom"], errors="coerce"), dtype=float)


def _check(
    phases: pd.DataFrame, names: list[str], energies: np.ndarray, amounts: list[Amounts | None], reasons: list[str]
) -> None:
    """Every defect of the table in one error."""
    faults = []
    for row, name, energy, found, reason in zip(phases.index, names, energies, amounts, reasons, strict=True):
        if reason:
            faults.append(f"row {row!r}: {reason}")
        if not math.isfinite(energy):
            faults.append(f"row {row!r} ({name}): formation energy is {energy}, not a finite number")
        if found is not None and len(found) == 1 and energy < -1e-6:
            faults.append(f"row {row!r} ({name}): an element at {energy} eV/atom, below its own zero")
    if "thermo_set" in phases and phases["thermo_set"].nunique(dropna=False) > 1:
        sets = ", ".join(sorted(map(str, phases["thermo_set"].unique())))
        faults.append(f"thermo_set mixes {sets}: energies of one hull must come from one thermochemistry")
    if faults:
        shown = "; ".join(faults[:20]) + (f"; and {len(faults) - 20} more" if len(faults) > 20 else "")
        raise ValueError(f"phases: {shown}")


def _padded(amounts: Sequence[Amounts]) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) element indices, ascending and -1 beyond the last, and the atomic fractions at the same places."""
    width = max(map(len, amounts), default=1)
    elements = np.full((len(amounts), width), -1, dtype=np.int16)
    fractions = np.zeros((len(amounts), width))
    for i, found in enumerate(amounts):
        for k, (e, n) in enumerate(sorted((ELEMENT_INDEX[s], n) for s, n in found.items())):
            elements[i, k] = e
            fractions[i, k] = n
    return elements, fractions / fractions.sum(axis=1, keepdims=True)


def _unique_compositions(
    elements: np.ndarray, fractions: np.ndarray, energies: np.ndarray, names: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Canonical order of all rows, and the places in it where a new composition starts (its lowest energy comes
    first)."""
    rounded = np.round(fractions, 7)
    keys = [np.array(names), energies, *rounded.T[::-1], *elements.T[::-1]]
    order = np.lexsort(keys)
    e, x = elements[order], rounded[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (e[1:] != e[:-1]).any(axis=1) | (x[1:] != x[:-1]).any(axis=1)
    return order, np.flatnonzero(new)


def system_mask(elements: Iterable[int]) -> int:
    """Chemical system as an integer with one bit per element."""
    mask = 0
    for e in elements:
        mask |= 1 << e
    return mask


def systems_within(phases: PhaseSet, mask: int) -> np.ndarray:
    """Numbers of all chemical systems made of these elements alone, ascending; remembered for the next call."""
    found = phases._subsets.get(mask)
    if found is None:
        known = phases.system_of
        if mask.bit_count() > _MAX_ENUMERATED:
            hits = [s for m, s in known.items() if m & ~mask == 0]
        else:
            hits = []
            part = mask
            while part:
                if part in known:
                    hits.append(known[part])
                part = (part - 1) & mask
        found = np.array(sorted(hits), dtype=np.int64)
        phases._subsets[mask] = found
    return found


def find_phase(phases: PhaseSet, amounts: Amounts) -> int:
    """Row of the phase with this composition, or -1."""
    elements, fractions = _padded([amounts])
    system = phases.system_of.get(system_mask(map(int, elements[0])))
    if system is None:
        return -1
    first, last = phases.system_start[system], phases.system_start[system + 1]
    near = np.abs(phases.fractions[first:last, : elements.shape[1]] - fractions[0]).max(axis=1) < 1e-7
    return int(first + np.argmax(near)) if near.any() else -1


def ion_charge(mobile_ion: str) -> int:
    """Electrons per atom of a mobile ion.

    Raises:
        ValueError: If it is none of those known.
    """
    if mobile_ion not in ION_CHARGES:
        raise ValueError(f"mobile ion {mobile_ion!r} is none of {', '.join(ION_CHARGES)}")
    return ION_CHARGES[mobile_ion]


def uncovered_elements(phases: PhaseSet, amounts: Amounts) -> list[str]:
    """Elements of a composition of which the table holds no compound."""
    return [s for s in amounts if ELEMENT_INDEX[s] not in phases.covered]


def phase_name(phases: PhaseSet, row: int) -> tuple[str, float]:
    """Reduced formula of a phase, and the atoms in it ("O2", 2)."""
    named = phases._names.get(row)
    if named is None:
        amounts, _ = read_amounts([phases.formulas[row]])
        named = reduced_name(amounts[0] or {})
        phases._names[row] = named
    return named


def reduced_name(amounts: Amounts) -> tuple[str, float]:
    """Reduced formula as pymatgen writes it, and its number of atoms."""
    name, _ = Composition(dict(amounts)).get_reduced_formula_and_factor()
    return name, sum((_plain_amounts(name) or Composition(name).get_el_amt_dict()).values())


def products_text(ids: np.ndarray, atoms: np.ndarray, phases: PhaseSet, own: Amounts) -> str:
    """Balanced products, "0.5 Li3P + 1.5 Li2S", sorted by formula.

    Args:
        ids: Rows of the phases, -2 for the composition itself; the first -1 ends the list.
        atoms: Atoms in each product per formula unit of the reactant.
        own: Composition of the reactant.
    """
    parts: dict[str, float] = {}
    for row, n in zip(ids, atoms, strict=True):
        if row == -1:
            break
        if n <= 0.0:
            continue
        name, size = phase_name(phases, int(row)) if row >= 0 else reduced_name(own)
        parts[name] = parts.get(name, 0.0) + n / size
    return " + ".join(name if f"{n:.6g}" == "1" else f"{n:.6g} {name}" for name, n in sorted(parts.items()))
