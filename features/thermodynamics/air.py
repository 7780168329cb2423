"""Reactions of solids with the water and the carbon dioxide of air, and the hydrogen sulfide that water sets free.

The energies of the three molecules are not taken from the table, whose functional gets them wrong by up to 0.4
eV/atom and differently in each set; they follow from the table's own solids and three measured reaction enthalpies at
298 K (JANAF, water as liquid): Li2O + CO2 -> Li2CO3 -2.33 eV, Li2O + H2O -> 2 LiOH -0.89 eV, Li2S + 2 H2O -> 2 LiOH +
H2S +0.23 eV. These hold at 1 bar; the air then has CO2 at 400 ppm and H2O at 50 % relative humidity, kT ln(p / 1 bar)
below.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import constants

from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.phase_set import SYMBOLS, Amounts, PhaseSet, find_phase, phase_set, read_amounts
from ionsieve.features.thermodynamics.programs.linear_programs import Reactions, Sides, solve_mixtures, solve_pairs

LI2O_CO2_EV, LI2O_H2O_EV, LI2S_H2O_EV = -2.33, -0.89, 0.23
KT_EV = constants.k * 298.15 / constants.e
CO2_BAR = 400e-6
H2O_BAR = 0.5 * 0.03169  # half the vapour pressure of water at 298.15 K (CRC Handbook)
REDUCED_CARBON_EV = 100.0  # eV/atom put on elemental carbon, so that no answer holds any
H2O: Amounts = {"H": 2.0, "O": 1.0}
CO2: Amounts = {"C": 1.0, "O": 2.0}
H2S: Amounts = {"H": 2.0, "S": 1.0}


def air_table(formulas: Sequence[str], phases: PhaseSet) -> pd.DataFrame:
    """Reaction of each formula with moist air, in order.

    Returns:
        formula; e_rxn_h2o_ev, e_rxn_co2_ev: energy of the worst reaction (lowest per atom of the mixture, as in
        `interface`), per molecule of H2O or CO2, ≤ 0; h2s_released_mol in that reaction with water, per mole of formula
        as given. NaN and the reason in note where unknown. CO2 is never reduced: the only carbon among the
        products is carbonate or CO2, and a formula with other carbon in it is unknown.
    """
    amounts, notes = answerable(formulas, phases)
    h2o, co2, h2s = (np.full(len(formulas), np.nan) for _ in range(3))
    rows = [i for i, found in enumerate(amounts) if found is not None]
    molecules = molecule_energies(phases)
    if np.isfinite(molecules["H2O"]):
        wet = _with_molecules(phases, molecules)
        has_sulfur_reference = np.isfinite(molecules["H2S"])
        water = [i for i in rows if has_sulfur_reference or "S" not in (amounts[i] or {})]
        found = _with_molecule([amounts[i] for i in water], H2O, wet, wet.energies)
        h2o[water] = _per_molecule(found)
        h2s[water] = _released(found, [amounts[i] for i in water], wet)
    if np.isfinite(molecules["CO2"]):
        dry = _with_molecules(phases, molecules)
        carbonates = [i for i in rows if not _has_reduced_carbon(amounts[i] or {})]
        found = _with_molecule([amounts[i] for i in carbonates], CO2, dry, _without_reduced_carbon(dry))
        co2[carbonates] = _per_molecule(found)
    for i in rows:
        if np.isnan(h2o[i]):
            notes[i] = "H2O: the phases hold no Li2O, LiOH or Li2S to calibrate it"
        if np.isnan(co2[i]):
            why = (
                "carbon that is not carbonate"
                if _has_reduced_carbon(amounts[i] or {})
                else "no Li2O or Li2CO3 to calibrate"
            )
            notes[i] = "; ".join(filter(None, [notes[i], f"CO2: {why}"]))
    return pd.DataFrame(
        {"formula": list(formulas), "e_rxn_h2o_ev": h2o, "e_rxn_co2_ev": co2, "h2s_released_mol": h2s, "note": notes}
    )


def molecule_energies(phases: PhaseSet) -> dict[str, float]:
    """Energy per molecule of H2O, CO2 and H2S at 1 bar, eV, elements at 0, from the set's own solids; NaN where one
    is missing."""

    def energy(formula: str) -> float:
        found = read_amounts([formula])[0][0] or {}
        row = find_phase(phases, found)
        return float(phases.energies[row]) * sum(found.values()) if row >= 0 else np.nan

    h2o = 2 * energy("LiOH") - energy("Li2O") - LI2O_H2O_EV
    return {
        "H2O": h2o,
        "CO2": energy("Li2CO3") - energy("Li2O") - LI2O_CO2_EV,
        "H2S": energy("Li2S") + 2 * h2o + LI2S_H2O_EV - 2 * energy("LiOH"),
    }


def _with_molecules(phases: PhaseSet, molecules: dict[str, float]) -> PhaseSet:
    """The same phases with H2O and CO2 as they are in air and H2S at 1 bar, whatever the table says of them."""
    shifted = {
        "H2O": molecules["H2O"] + KT_EV * np.log(H2O_BAR),
        "CO2": molecules["CO2"] + KT_EV * np.log(CO2_BAR),
        "H2S": molecules["H2S"],
    }
    shifted = {name: energy for name, energy in shifted.items() if np.isfinite(energy)}
    rows = {find_phase(phases, read_amounts([name])[0][0] or {}): energy for name, energy in shifted.items()}
    if -1 not in rows:
        energies = phases.energies.copy()
        for row, energy in rows.items():
            energies[row] = energy / 3
        return replace(phases, energies=energies)
    listed = pd.DataFrame({"formula": phases.formulas, "formation_energy_ev_atom": phases.energies})
    listed = listed.drop(index=[row for row in rows if row >= 0])
    added = {"formula": list(shifted), "formation_energy_ev_atom": [e / 3 for e in shifted.values()]}
    return phase_set(pd.concat([listed, pd.DataFrame(added)], ignore_index=True))


def _has_reduced_carbon(amounts: Amounts) -> bool:
    return amounts.get("O", 0.0) < 3 * amounts.get("C", 0.0) - 1e-6


def _without_reduced_carbon(phases: PhaseSet) -> np.ndarray:
    """Energies in which every phase with carbon that is neither carbonate nor CO2 is out of reach."""
    carbon, oxygen = SYMBOLS.index("C"), SYMBOLS.index("O")
    of_carbon = (phases.fractions * (phases.elements == carbon)).sum(axis=1)
    of_oxygen = (phases.fractions * (phases.elements == oxygen)).sum(axis=1)
    reduced = of_oxygen < 3 * of_carbon - 1e-6
    reduced[find_phase(phases, CO2)] = False
    energies = np.where(reduced, np.inf, phases.energies)
    energies[find_phase(phases, {"C": 1.0})] = REDUCED_CARBON_EV
    return energies


def _with_molecule(
    amounts: Sequence[Amounts | None], molecule: Amounts, phases: PhaseSet, energies: np.ndarray
) -> Reactions:
    """Strongest mutual reaction of each composition with a molecule."""
    solids = [a for a in amounts if a is not None]
    hull = solve_mixtures(solids, phases, energies=energies).values
    gas = np.full(len(solids), phases.energies[find_phase(phases, molecule)])
    return solve_pairs(Sides(solids, hull, hull), Sides([molecule] * len(solids), gas, gas), phases, energies=energies)


def _per_molecule(found: Reactions) -> np.ndarray:
    """Energy per molecule of three atoms; 0 where nothing reacts, NaN where unsolved."""
    energy, fraction = found.values[:, 0], found.values[:, 1]
    per_molecule = np.where(np.isnan(fraction), 0.0, 3.0 * energy / (1.0 - fraction))
    return np.where(found.status == 0, per_molecule, np.nan)


def _released(found: Reactions, amounts: Sequence[Amounts | None], phases: PhaseSet) -> np.ndarray:
    """H2S among the products, molecules per formula unit of the solid."""
    sizes = np.array([sum((a or {}).values()) for a in amounts])
    atoms = np.where(found.ids == find_phase(phases, H2S), found.atoms, 0.0).sum(axis=1)
    fraction = np.where(np.isnan(found.values[:, 1]), 1.0, found.values[:, 1])
    return np.where(found.status == 0, atoms / 3.0 / fraction * sizes, np.nan)
