"""Balanced precursor sets for a target phase, ranked by what drives them and by what may form on the way.

Powders react pair by pair. The pair with the strongest reaction forms its products first, and only what is then left
of the driving force makes the target; sets that keep most of it come first (the thermodynamic part of ARROWS3,
doi:10.1038/s41467-023-42329-9). Solids count at 0 K; a gas has its entropy, -T S°(298 K), without which no
carbonate would ever decompose; oxygen is exchanged with the air where the target holds oxygen. Pairs react without
gas, at 0 K.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb

import numpy as np
import pandas as pd
from scipy import constants

from ionsieve.features.chemistry.charges import is_charge_balanced
from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.thermodynamics.air import molecule_energies
from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    Amounts,
    PhaseSet,
    find_phase,
    phase_name,
    read_amounts,
    reduced_name,
    system_mask,
    systems_within,
)
from ionsieve.features.thermodynamics.programs.linear_programs import solve_mixtures

# standard entropies of the gases at 298 K, J/(mol K), and heat of evaporation of water, kJ/mol (CRC Handbook)
ENTROPY_J_MOL_K = {"O2": 205.2, "CO2": 213.8, "H2O": 188.8}
WATER_EVAPORATION_KJ_MOL = 44.0
SOLID_NONMETALS = {"B", "C", "P", "S", "Se", "Te", "I"}
MOST_COMBINATIONS = 2_000_000
_CHUNK = 100_000
COLUMNS = (
    "precursors", "byproducts", "driving_force_ev_atom", "first_pair", "first_products", "first_reaction_ev_atom",
    "remaining_driving_force_ev_atom", "note",
)  # fmt: skip


@dataclass(frozen=True)
class PrecursorSet:
    """Places of the members among the formulas at hand, formula units of each and molecules of each gas given off per
    formula unit of the target, and energy of reaction, eV per atom of target."""

    members: tuple[int, ...]
    units: tuple[float, ...]
    gases: dict[str, float]
    energy: float


def precursor_table(
    target: str,
    phases: PhaseSet,
    available: Sequence[str] | None = None,
    failures: pd.DataFrame | None = None,
    temperature_k: float = 1000.0,
    n_best: int = 100,
) -> pd.DataFrame:
    """Balanced precursor sets of a target, best first.

    Args:
        available: Formulas at hand; None: every stable phase of fewer elements made of the target's, and carbonates
            of them.
        failures: Observed reactions, columns formula_a, formula_b, product: sets with such a pair come after all
            others.
        n_best: How many sets, by driving force, are looked at pair by pair and returned.

    Returns:
        precursors and byproducts, amounts per formula unit of the target as given (oxygen taken from the air is
        negative); driving_force_ev_atom: energy of reaction per atom of target, negative downhill; first_pair with
        the strongest mutual reaction, its products and energy per atom of the two; remaining_driving_force_ev_atom
        per atom of target once that pair is used up; note: uphill, or the failure known. Sorted by failure, then
        remaining, then whole driving force.

    Raises:
        ValueError: If the target or an available formula cannot be answered, failures lacks a column, or so many
            formulas are available that their combinations are too many to try.
    """
    aimed = _answered([target], phases, "target")[0]
    gases = _gas_energies(aimed, phases, temperature_k)
    names = _stable_simpler_phases(aimed, gases, phases) if available is None else list(dict.fromkeys(available))
    at_hand = _answered(names, phases, "available")
    usable = [i for i, a in enumerate(at_hand) if reduced_name(a)[0] not in (reduced_name(aimed)[0], *ENTROPY_J_MOL_K)]
    names, at_hand = [names[i] for i in usable], [at_hand[i] for i in usable]
    sets = sorted(balanced_sets(aimed, at_hand, gases, phases), key=lambda s: (s.energy, s.members))[:n_best]
    pairs = sorted({pair for s in sets for pair in combinations(s.members, 2)})
    reactions = interface_table(
        pd.DataFrame({"formula_a": [names[i] for i, _ in pairs], "formula_b": [names[j] for _, j in pairs]}), phases
    )
    by_pair = dict(zip(pairs, reactions.itertuples(index=False), strict=True))
    known = _known_failures(failures)
    rows = [_describe(s, names, at_hand, by_pair, known, sum(aimed.values())) for s in sets]
    table = pd.DataFrame(rows, columns=["failed", *COLUMNS])
    order = ["failed", "remaining_driving_force_ev_atom", "driving_force_ev_atom", "precursors"]
    return table.sort_values(order, ignore_index=True).drop(columns="failed")


def balanced_sets(
    aimed: Amounts, at_hand: Sequence[Amounts], gases: dict[str, float], phases: PhaseSet
) -> Iterator[PrecursorSet]:
    """Every set of formulas, none of them superfluous, that makes up the target with the gases (energy per molecule,
    eV).

    Raises:
        ValueError: If there are too many combinations to try.
    """
    symbols = sorted({*aimed, *(s for a in at_hand for s in a)})
    balance = _solid_balance([aimed, *at_hand], symbols, gases)
    rows = np.flatnonzero(np.abs(balance).max(axis=0) > 0)
    goal, offered = balance[0, rows], balance[1:, rows]
    most = int((goal > 0).sum())
    if _n_combinations(len(at_hand), most) > MOST_COMBINATIONS:
        raise ValueError(f"{len(at_hand)} formulas give too many sets of up to {most}; name fewer as available")
    size = sum(aimed.values())
    energies = _energies([aimed, *at_hand], phases)
    target_energy, energies = energies[0] * size, energies[1:] * np.array([sum(a.values()) for a in at_hand])
    for k in range(1, most + 1):
        for members, units in _nonnegative_solutions(goal, offered, k):
            released = _released(aimed, [at_hand[i] for i in members], units, gases)
            gas_energy = sum(n * gases[g] for g, n in released.items())
            energy = (target_energy + gas_energy - float(units @ energies[members])) / size
            yield PrecursorSet(tuple(members.tolist()), tuple(units.tolist()), released, energy)


def _solid_balance(amounts: Sequence[Amounts], symbols: Sequence[str], gases: dict[str, float]) -> np.ndarray:
    """(n, m) atoms of each formula that must balance among the solids, what gases carry off taken out."""
    column = {s: j for j, s in enumerate(symbols)}
    balance = np.zeros((len(amounts), len(symbols)))
    for i, found in enumerate(amounts):
        for symbol, n in found.items():
            balance[i, column[symbol]] = n
    for gas, carrier, oxygen in (("CO2", "C", 2.0), ("H2O", "H", 0.5)):
        if gas in gases and carrier in column:
            if "O" in column:
                balance[:, column["O"]] -= oxygen * balance[:, column[carrier]]
            balance[:, column[carrier]] = 0.0
    if "O2" in gases and "O" in column:
        balance[:, column["O"]] = 0.0
    return balance


def _n_combinations(n: int, most: int) -> int:
    return sum(comb(n, k) for k in range(1, most + 1))


def _nonnegative_solutions(goal: np.ndarray, offered: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sets of k rows of `offered` with positive amounts that add up to `goal`, and those amounts."""
    scale = np.abs(offered).sum(axis=1)
    chosen = combinations(np.flatnonzero(scale > 0).tolist(), k)
    while len(members := np.array(list(islice(chosen, _CHUNK)), dtype=int)):
        a = offered[members] / scale[members][:, :, None]
        gram = a @ a.transpose(0, 2, 1)
        independent = np.linalg.det(gram) > 1e-9
        members, a, gram = members[independent], a[independent], gram[independent]
        x = np.linalg.solve(gram, (a @ goal)[:, :, None])[:, :, 0]
        exact = np.abs(np.einsum("sk,skm->sm", x, a) - goal).max(axis=1) < 1e-6 * np.abs(goal).max()
        for found in np.flatnonzero(exact & (x > 1e-6).all(axis=1)):
            yield members[found], x[found] / scale[members[found]]


def _released(
    aimed: Amounts, members: Sequence[Amounts], units: np.ndarray, gases: dict[str, float]
) -> dict[str, float]:
    """Molecules of each gas given off per formula unit of the target; negative where taken up."""

    def surplus(symbol: str) -> float:
        given = sum(x * a.get(symbol, 0.0) for x, a in zip(units, members, strict=True))
        return float(given - aimed.get(symbol, 0.0))

    carbon = surplus("C") if "CO2" in gases else 0.0
    water = surplus("H") / 2 if "H2O" in gases else 0.0
    oxygen = (surplus("O") - 2 * carbon - water) / 2 if "O2" in gases else 0.0
    released = {"CO2": carbon, "H2O": water, "O2": oxygen}
    return {gas: n for gas, n in released.items() if abs(n) > 1e-6}


def _gas_energies(aimed: Amounts, phases: PhaseSet, temperature_k: float) -> dict[str, float]:
    """Energy per molecule, eV, of each gas that may come or go; none whose carrier the target is to hold."""
    molecules = molecule_energies(phases)
    evaporation = WATER_EVAPORATION_KJ_MOL * 1e3 / (constants.N_A * constants.e)
    at_rest = {"O2": 0.0, "CO2": molecules["CO2"], "H2O": molecules["H2O"] + evaporation}
    allowed = {"O2": "O" in aimed, "CO2": "C" not in aimed, "H2O": "H" not in aimed}
    entropy = {gas: s / (constants.N_A * constants.e) for gas, s in ENTROPY_J_MOL_K.items()}
    return {
        gas: energy - temperature_k * entropy[gas]
        for gas, energy in at_rest.items()
        if allowed[gas] and np.isfinite(energy)
    }


def _stable_simpler_phases(aimed: Amounts, gases: dict[str, float], phases: PhaseSet) -> list[str]:
    """Stable phases of fewer elements than the target, made of its elements, and ternary carbonates where CO2 may
    leave.

    Where these make too many sets, only the phases of one or two elements and the carbonates.
    """
    own = system_mask(ELEMENT_INDEX[s] for s in aimed)
    carbonate = system_mask(ELEMENT_INDEX[s] for s in ("C", "O")) if "CO2" in gases and "O" in aimed else 0
    rows: list[tuple[int, int]] = []
    for system in systems_within(phases, own | carbonate):
        first, last = int(phases.system_start[system]), int(phases.system_start[system + 1])
        mask = system_mask(int(e) for e in phases.elements[first] if e >= 0)
        n_elements = mask.bit_count()
        if mask & ~own == 0 and n_elements < own.bit_count():
            rows += [(row, n_elements) for row in range(first, last)]
        elif carbonate and mask & carbonate == carbonate and n_elements == 3:
            rows += [(row, 2) for row in range(first, last) if _is_carbonate(row, phases)]
    amounts = _answered([phases.formulas[row] for row, _ in rows], phases, "phases")
    stable = solve_mixtures(amounts, phases).values > phases.energies[[row for row, _ in rows]] - 1e-6
    solids = [
        (phase_name(phases, row)[0], n)
        for (row, n), found, on_hull in zip(rows, amounts, stable, strict=True)
        if on_hull and (set(found) <= SOLID_NONMETALS if len(found) == 1 else _is_usual(found, aimed))
    ]
    if _n_combinations(len(solids), len(aimed) - ("O2" in gases)) > MOST_COMBINATIONS:
        solids = [(name, n) for name, n in solids if n <= 2]
    return sorted(name for name, _ in solids)


def _is_usual(compound: Amounts, aimed: Amounts) -> bool:
    anions = set(ANIONS) & set(aimed)
    return is_charge_balanced(compound) and (not anions or bool(anions & set(compound)))


def _is_carbonate(row: int, phases: PhaseSet) -> bool:
    part = dict(zip(phases.elements[row].tolist(), phases.fractions[row], strict=True))
    return abs(part[ELEMENT_INDEX["O"]] - 3 * part[ELEMENT_INDEX["C"]]) < 1e-6


def _answered(formulas: Sequence[str], phases: PhaseSet, what: str) -> list[Amounts]:
    amounts, notes = answerable(formulas, phases)
    faults = [f"{f}: {note}" for f, note in zip(formulas, notes, strict=True) if note]
    if faults:
        raise ValueError(f"{what}: {'; '.join(faults)}")
    return [a for a in amounts if a is not None]


def _energies(amounts: Sequence[Amounts], phases: PhaseSet) -> np.ndarray:
    """(n,) energy of each formula in the table, or on the hull where it is not there, eV/atom."""
    rows = np.array([find_phase(phases, a) for a in amounts], dtype=int)
    return np.where(rows >= 0, phases.energies[rows], solve_mixtures(amounts, phases).values)


def _known_failures(failures: pd.DataFrame | None) -> dict[frozenset[str], str]:
    """Phase observed for each pair of reduced formulas."""
    if failures is None:
        return {}
    missing = [c for c in ("formula_a", "formula_b", "product") if c not in failures]
    if missing:
        raise ValueError(f"failures: no column {', '.join(missing)}")
    known = {}
    for row in failures.itertuples():
        known[frozenset((_reduced(row.formula_a), _reduced(row.formula_b)))] = str(row.product)
    return known


def _reduced(formula: object) -> str:
    amounts, reasons = read_amounts([str(formula)])
    if amounts[0] is None:
        raise ValueError(f"failures: {reasons[0]}")
    return reduced_name(amounts[0])[0]


def _describe(
    found: PrecursorSet, names: Sequence[str], at_hand: Sequence[Amounts], by_pair: dict,
    known: dict[frozenset[str], str], size: float,
) -> list[object]:  # fmt: skip
    """One row of the table, with a leading flag for a known failure."""
    units = dict(zip(found.members, found.units, strict=True))
    pairs = list(combinations(found.members, 2))
    first = min(pairs, key=lambda p: (by_pair[p].e_rxn_ev_atom, p), default=None)
    released, pair_text, products, energy = 0.0, "", "", 0.0
    if first is not None and by_pair[first].e_rxn_ev_atom < 0:
        reaction, (i, j) = by_pair[first], first
        share, energy = reaction.formula_units_a, reaction.e_rxn_ev_atom
        runs = min(units[i] / share, units[j] / (1.0 - share))
        atoms = share * sum(at_hand[i].values()) + (1.0 - share) * sum(at_hand[j].values())
        released = runs * atoms * energy / size
        pair_text, products = " | ".join(sorted((names[i], names[j]))), reaction.products
    reasons = ["uphill"] if found.energy >= 0 else []
    reduced = {i: reduced_name(at_hand[i])[0] for i in found.members}
    seen = [(i, j, known[key]) for i, j in pairs if (key := frozenset((reduced[i], reduced[j]))) in known]
    reasons += [f"{' | '.join(sorted((names[i], names[j])))} was seen to form {product}" for i, j, product in seen]
    return [
        bool(seen), _text({names[i]: n for i, n in units.items()} | {g: -n for g, n in found.gases.items() if n < 0}),
        _text({g: n for g, n in found.gases.items() if n > 0}), found.energy, pair_text, products, energy,
        found.energy - released, "; ".join(reasons),
    ]  # fmt: skip


def _text(amounts: dict[str, float]) -> str:
    return " + ".join(name if f"{n:.6g}" == "1" else f"{n:.6g} {name}" for name, n in sorted(amounts.items()))
