"""How sure hull distances, windows and interface reactions are, by drawing the errors of all formation energies.

Every draw moves each compound by its own normal error: the one its row states (`energy_error_ev_atom`), else 24
meV/atom (spread of DFT reaction energies between ternary and binary oxides, doi:10.1103/PhysRevB.85.155208). All
compounds of one anion move together by an offset per atom of that anion (what a fitted anion correction leaves,
doi:10.1038/s41598-021-94550-5). Elements stay at 0. One draw is the same for all materials, so errors that a material
and its neighbours share cancel as they should.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.thermodynamics.hull import answerable, own_energies
from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, Amounts, PhaseSet, find_phase, ion_charge
from ionsieve.features.thermodynamics.programs.linear_programs import (
    Sides,
    prepare,
    solve_mixtures,
    solve_pairs,
    solve_prepared,
)

STABLE_EV_ATOM = 1e-6  # eV/atom above the hull that still counts as stable


@dataclass(frozen=True)
class EnergyError:
    """Standard deviations of the errors: of each compound without a stated one, eV/atom; of an anion's offset, eV per
    atom of it; how many draws, and the seed they follow from."""

    compound_ev_atom: float = 0.024
    anion_ev: float = 0.010
    n_draws: int = 100
    seed: int = 0


def stability_uncertainty(
    formulas: Sequence[str],
    phases: PhaseSet,
    error: EnergyError,
    formation_energy_ev_atom: Sequence[float] | None = None,
    mobile_ion: str = "Li",
    tolerance_ev_atom: float = 0.005,
) -> pd.DataFrame:
    """Probability of stability and 90 % intervals of hull distance and window, one row per formula, in order.

    Returns:
        formula; probability_stable: share of draws in which the formula lies on the hull; e_above_hull_*_ev_atom,
        reduction_limit_*_v, oxidation_limit_*_v and the same with tolerance, * being low (5 %) and high (95 %). NaN
        where unknown, with the reason in note; without an energy of its own a composition has a window but no hull
        distance.
    """
    charge = ion_charge(mobile_ion)
    amounts, notes = answerable(formulas, phases)
    if ELEMENT_INDEX[mobile_ion] not in phases.covered:
        notes = [note or f"unknown: the phases hold no compound of {mobile_ion}" for note in notes]
        amounts = [None] * len(formulas)
    rows = [i for i, found in enumerate(amounts) if found is not None]
    asked = [a for a in amounts if a is not None]
    own = own_energies(formation_energy_ev_atom, len(formulas))[rows]
    prepared = prepare(asked, phases, mobile_ion)
    samples = np.full((error.n_draws, len(rows), 5), np.nan)
    for k, (energies, own_errors) in enumerate(_draws(phases, asked, error)):
        solved = solve_prepared(prepared, phases, energies, own + own_errors, tolerance_ev_atom)
        energy = np.where(np.isnan(own), solved.own_energy, own + own_errors)
        found = np.column_stack([energy - solved.values[:, 1], 0.0 - solved.values[:, 2:6] / charge])
        samples[k] = np.where(solved.status[:, None] == 0, found, np.nan)
    names = ["e_above_hull_{}_ev_atom", *(f"{limit}_limit_{{}}_v" for limit in ("reduction", "oxidation"))]
    names += [f"{limit}_limit_tol_{{}}_v" for limit in ("reduction", "oxidation")]
    table = pd.DataFrame({"formula": list(formulas), "probability_stable": np.nan})
    stable = (samples[:, :, 0] < STABLE_EV_ATOM).mean(axis=0)
    table.loc[rows, "probability_stable"] = np.where(np.isnan(samples[:, :, 0]).all(axis=0), np.nan, stable)
    for j, name in enumerate(names):
        for end, share in (("low", 0.05), ("high", 0.95)):
            table[name.format(end)] = _placed(_quantile(samples[:, :, j], share), rows, len(formulas))
    table["note"] = notes
    return table


def interface_uncertainty(
    pairs: pd.DataFrame, phases: PhaseSet, error: EnergyError, mobile_ion: str = "Li"
) -> pd.DataFrame:
    """90 % interval of the mutual reaction energy of each pair and the probability that it reacts at all.

    Args:
        pairs: As for ionsieve.features.thermodynamics.interface.interface_table, with or without voltage_v.

    Returns:
        formula_a, formula_b, voltage_v, e_rxn_low_ev_atom and e_rxn_high_ev_atom (5 and 95 %; at a voltage per atom
        that is not the mobile ion), probability_reacts: share of draws below -1 meV/atom; NaN where unknown, with the
        reason in note.
    """
    volts = pairs["voltage_v"].to_numpy(dtype=float) if "voltage_v" in pairs else np.full(len(pairs), np.nan)
    first, why_first = answerable(list(pairs["formula_a"]), phases)
    second, why_second = answerable(list(pairs["formula_b"]), phases)
    notes = ["; ".join(dict.fromkeys(filter(None, both))) for both in zip(why_first, why_second, strict=True)]
    samples = np.full((error.n_draws, len(pairs)), np.nan)
    for opened in (None, mobile_ion):
        rows = []
        for i, (f, g) in enumerate(zip(first, second, strict=True)):
            if f is None or g is None or np.isnan(volts[i]) != (opened is None):
                continue
            if opened is not None and {opened} in (set(f), set(g)):
                notes[i] = f"{opened} metal has no form with {opened} open"
                continue
            rows.append(i)
        if rows:
            samples[:, rows] = _pair_samples(
                [f for i in rows if (f := first[i]) is not None], [g for i in rows if (g := second[i]) is not None],
                phases, error, opened, -ion_charge(mobile_ion) * np.nan_to_num(volts[rows]),
            )  # fmt: skip
    return pd.DataFrame(
        {
            "formula_a": pairs["formula_a"],
            "formula_b": pairs["formula_b"],
            "voltage_v": volts,
            "e_rxn_low_ev_atom": _quantile(samples, 0.05),
            "e_rxn_high_ev_atom": _quantile(samples, 0.95),
            "probability_reacts": np.where(np.isnan(samples).all(axis=0), np.nan, (samples < -1e-3).mean(axis=0)),
            "note": notes,
        },
        index=pairs.index,
    )


def _pair_samples(
    a: Sequence[Amounts], b: Sequence[Amounts], phases: PhaseSet, error: EnergyError, opened: str | None, mu: np.ndarray
) -> np.ndarray:
    """(draws, pairs) mutual reaction energies, eV/atom."""
    unique: dict[tuple[object, ...], int] = {}
    sides: list[tuple[Amounts, float]] = []
    places = np.empty((2, len(a)), dtype=int)
    for side, amounts in enumerate((a, b)):
        for i, found in enumerate(amounts):
            key = (*sorted(found.items()), mu[i])
            if key not in unique:
                unique[key] = len(sides)
                sides.append((found, mu[i]))
            places[side, i] = unique[key]
    alone, at = [found for found, _ in sides], np.array([m for _, m in sides])
    samples = np.empty((error.n_draws, len(a)))
    for k, (energies, _) in enumerate(_draws(phases, [], error)):
        hull = solve_mixtures(alone, phases, opened, at, energies).values
        left, right = hull[places[0]], hull[places[1]]
        reactions = solve_pairs(Sides(a, left, left), Sides(b, right, right), phases, opened, mu, energies)
        samples[k] = np.where(reactions.status == 0, reactions.values[:, 0], np.nan)
    return samples


def _draws(phases: PhaseSet, asked: Sequence[Amounts], error: EnergyError) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each draw the energies of all phases, and the errors of the compositions asked about, eV/atom.

    A composition that is among the phases has the error it has there.
    """
    # two streams: what is asked about does not change the phases' draws
    rng, rng_asked = np.random.default_rng(error.seed).spawn(2)
    of_phases = anion_fractions(phases.elements, phases.fractions)
    is_compound = phases.fractions[:, 0] < 1.0
    sigma = np.where(np.isnan(phases.errors), error.compound_ev_atom, phases.errors)
    rows = np.array([find_phase(phases, a) for a in asked], dtype=int)
    width = max(map(len, asked), default=1)
    elements, fractions = np.full((len(asked), width), -1), np.zeros((len(asked), width))
    for i, amounts in enumerate(asked):
        elements[i, : len(amounts)] = [ELEMENT_INDEX[s] for s in amounts]
        fractions[i, : len(amounts)] = np.array(list(amounts.values())) / sum(amounts.values())
    of_asked = anion_fractions(elements, fractions)
    for _ in range(error.n_draws):
        offsets = error.anion_ev * rng.standard_normal(len(ANIONS))
        errors = sigma * rng.standard_normal(len(phases)) + of_phases @ offsets
        errors = np.where(is_compound, errors, 0.0)
        alone = error.compound_ev_atom * rng_asked.standard_normal(len(asked)) + of_asked @ offsets
        yield phases.energies + errors, np.where(rows >= 0, errors[rows], alone) if len(asked) else alone


def anion_fractions(elements: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """(n, len(ANIONS)) atomic fraction of each element that is there as an anion.

    Nitrogen and the chalcogens count as cations beside oxygen (sulfates, nitrates), halogens beside three times as
    much.
    """
    found = np.stack([(fractions * (elements == ELEMENT_INDEX[s])).sum(axis=1) for s in ANIONS], axis=1)
    oxygen = found[:, ANIONS.index("O")]
    for j, symbol in enumerate(ANIONS):
        if symbol in ("N", "S", "Se", "Te"):
            found[:, j] = np.where(oxygen > 0, 0.0, found[:, j])
        elif symbol in ("Cl", "Br", "I"):
            found[:, j] = np.where(oxygen >= 3 * found[:, j] - 1e-9, 0.0, found[:, j])
    return found


def _quantile(samples: np.ndarray, share: float) -> np.ndarray:
    """Quantile over the draws without interpolation, because oxidation limits may be infinite; NaN where any draw
    is."""
    return np.quantile(samples, share, axis=0, method="inverted_cdf")


def _placed(values: np.ndarray, rows: Sequence[int], n: int) -> np.ndarray:
    column = np.full(n, np.nan)
    column[list(rows)] = values
    return column
