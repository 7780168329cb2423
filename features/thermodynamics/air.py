"""Reactions of solids with the water and the carbon dioxide of air, and the gases that water sets free.

The energies of the four molecules are not taken from the table, whose functional gets them wrong by up to 0.4
eV/atom and differently in each set; they follow from the table's own solids and four measured reaction enthalpies at
298 K (JANAF, water as liquid): Li2O + CO2 -> Li2CO3 -2.33 eV, Li2O + H2O -> 2 LiOH -0.89 eV, Li2S + 2 H2O -> 2 LiOH +
H2S +0.23 eV, LiH + H2O -> LiOH + H2 -1.15 eV. These hold at 1 bar; the air then has CO2 at 400 ppm and H2O at 50 %
relative humidity, kT ln(p / 1 bar) below.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import constants

from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.phase_set import (
    SYMBOLS,
    Amounts,
    PhaseSet,
    find_phase,
    phase_set,
    products_text,
    read_amounts,
)
from ionsieve.features.thermodynamics.programs.linear_programs import Reactions, Sides, solve_mixtures, solve_pairs

LI2O_CO2_EV, LI2O_H2O_EV, LI2S_H2O_EV, LIH_H2O_EV = -2.33, -0.89, 0.23, -1.15
KT_EV = constants.k * 298.15 / constants.e
CO2_BAR = 400e-6
H2O_BAR = 0.5 * 0.03169  # half the vapour pressure of water at 298.15 K (CRC Handbook)
REDUCED_CARBON_EV = 100.0  # eV/atom put on elemental carbon, so that no answer holds any
H2O: Amounts = {"H": 2.0, "O": 1.0}
CO2: Amounts = {"C": 1.0, "O": 2.0}
H2S: Amounts = {"H": 2.0, "S": 1.0}
H2: Amounts = {"H": 2.0}
AIR_COLUMNS = (
    "formula", "e_rxn_h2o_ev", "e_rxn_co2_ev", "e_rxn_h2o_ev_atom", "e_rxn_co2_ev_atom", "products_h2o", "products_co2",
    "h2s_released_mol", "h2_released_mol", "note",
)  # fmt: skip


def air_table(formulas: Sequence[str], phases: PhaseSet) -> pd.DataFrame:
    """Reaction of each formula with moist air, in order.

    Returns:
        AIR_COLUMNS: formula; e_rxn_h2o_ev, e_rxn_co2_ev: energy of the worst reaction (lowest per atom of the mixture,
        as in `interface`), per molecule of H2O or CO2, ≤ 0; e_rxn_h2o_ev_atom, e_rxn_co2_ev_atom: the same per atom of
        the mixture of solid and molecules, by which solids compare that take up one and many; products_h2o,
        products_co2 of that reaction per formula as given, "" for none; h2s_released_mol, h2_released_mol in that with
        water, per mole of formula. NaN and the reason in note where unknown. CO2 is never reduced: the only carbon
        among the products is carbonate or CO2, and a formula with other carbon in it is unknown.
    """
    amounts, notes = answerable(formulas, phases)
    table = pd.DataFrame({"formula": list(formulas)}).reindex(columns=list(AIR_COLUMNS))
    table[["products_h2o", "products_co2"]] = ""
    rows = [i for i, found in enumerate(amounts) if found is not None]
    molecules = molecule_energies(phases)
    if np.isfinite(molecules["H2O"]):
        wet = _with_molecules(phases, molecules)
        has_sulfur_reference = np.isfinite(molecules["H2S"])
        water = [i for i in rows if has_sulfur_reference or "S" not in (amounts[i] or {})]
        solids = [a for a in (amounts[i] for i in water) if a is not None]
        found = _with_molecule(solids, H2O, wet, wet.energies)
        table.loc[water, "e_rxn_h2o_ev"] = _per_molecule(found)
        table.loc[water, "e_rxn_h2o_ev_atom"] = _per_atom(found)
        table.loc[water, "products_h2o"] = _products(found, solids, wet)
        table.loc[water, "h2s_released_mol"] = _released(found, solids, wet, H2S)
        table.loc[water, "h2_released_mol"] = _released(found, solids, wet, H2)
    if np.isfinite(molecules["CO2"]):
        dry = _with_molecules(phases, molecules)
        carbonates = [i for i in rows if not _has_reduced_carbon(amounts[i] or {})]
        solids = [a for a in (amounts[i] for i in carbonates) if a is not None]
        found = _with_molecule(solids, CO2, dry, _without_reduced_carbon(dry))
        table.loc[carbonates, "e_rxn_co2_ev"] = _per_molecule(found)
        table.loc[carbonates, "e_rxn_co2_ev_atom"] = _per_atom(found)
        table.loc[carbonates, "products_co2"] = _products(found, solids, dry)
    for i in rows:
        if np.isnan(table["e_rxn_h2o_ev"][i]):
            notes[i] = "H2O: the phases hold no Li2O, LiOH or Li2S to calibrate it"
        if np.isnan(table["e_rxn_co2_ev"][i]):
            why = (
                "carbon that is not carbonate"
                if _has_reduced_carbon(amounts[i] or {})
                else "no Li2O or Li2CO3 to calibrate"
            )
            notes[i] = "; ".join(filter(None, [notes[i], f"CO2: {why}"]))
    return table.assign(note=notes)


def molecule_energies(phases: PhaseSet) -> dict[str, float]:
    """Energy per molecule of H2O, CO2, H2S and H2 at 1 bar, eV, elements at 0, from the set's own solids; NaN where
    one is missing. H2 is not 0: sets err on hydrides against hydroxides, and it makes up for that."""

    def energy(formula: str) -> float:
        found = read_amounts([formula])[0][0] or {}
        row = find_phase(phases, found)
        return float(phases.energies[row]) * sum(found.values()) if row >= 0 else np.nan

    h2o = 2 * energy("LiOH") - energy("Li2O") - LI2O_H2O_EV
    return {
        "H2O": h2o,
        "CO2": energy("Li2CO3") - energy("Li2O") - LI2O_CO2_EV,
        "H2S": energy("Li2S") + 2 * h2o + LI2S_H2O_EV - 2 * energy("LiOH"),
        "H2": energy("LiH") + h2o + LIH_H2O_EV - energy("LiOH"),
    }


def _with_molecules(phases: PhaseSet, molecules: dict[str, float]) -> PhaseSet:
    """The same phases with H2O and CO2 as they are in air, H2S and H2 at 1 bar, whatever the table says of them; H2
    keeps its energy where the set has no lithium hydride."""
    shifted = {
        "H2O": molecules["H2O"] + KT_EV * np.log(H2O_BAR),
        "CO2": molecules["CO2"] + KT_EV * np.log(CO2_BAR),
        "H2S": molecules["H2S"],
    }
    shifted = {name: energy for name, energy in shifted.items() if np.isfinite(energy)}
    rows = {name: find_phase(phases, read_amounts([name])[0][0] or {}) for name in shifted}
    if -1 in rows.values():
        listed = pd.DataFrame({"formula": phases.formulas, "formation_energy_ev_atom": phases.energies})
        added = {"formula": [n for n, row in rows.items() if row < 0], "formation_energy_ev_atom": 0.0}
        phases = phase_set(pd.concat([listed, pd.DataFrame(added)], ignore_index=True))
    energies = phases.energies.copy()
    for name, energy in shifted.items():
        energies[find_phase(phases, read_amounts([name])[0][0] or {})] = energy / 3
    hydrogen = find_phase(phases, H2)
    if hydrogen >= 0 and np.isfinite(molecules["H2"]):
        energies[hydrogen] = molecules["H2"] / 2
    return replace(phases, energies=energies)


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


def _with_molecule(solids: Sequence[Amounts], molecule: Amounts, phases: PhaseSet, energies: np.ndarray) -> Reactions:
    """Strongest mutual reaction of each composition with a molecule."""
    hull = solve_mixtures(solids, phases, energies=energies).values
    gas = np.full(len(solids), phases.energies[find_phase(phases, molecule)])
    return solve_pairs(Sides(solids, hull, hull), Sides([molecule] * len(solids), gas, gas), phases, energies=energies)


def _per_molecule(found: Reactions) -> np.ndarray:
    """Energy per molecule of three atoms; 0 where nothing reacts, NaN where unsolved."""
    energy, fraction = found.values[:, 0], found.values[:, 1]
    per_molecule = np.where(np.isnan(fraction), 0.0, 3.0 * energy / (1.0 - fraction))
    return np.where(found.status == 0, per_molecule, np.nan)


def _per_atom(found: Reactions) -> np.ndarray:
    """Energy per atom of the mixture; 0 where nothing reacts, NaN where unsolved."""
    return np.where(found.status == 0, np.where(np.isnan(found.values[:, 1]), 0.0, found.values[:, 0]), np.nan)


def _atoms_per_formula(found: Reactions, solids: Sequence[Amounts]) -> np.ndarray:
    """(n, k) atoms of each product per formula unit of the solid."""
    sizes = np.array([sum(solid.values()) for solid in solids])
    fraction = np.where(np.isnan(found.values[:, 1]), 1.0, found.values[:, 1])
    return np.asarray(found.atoms * (sizes / fraction)[:, None])


def _products(found: Reactions, solids: Sequence[Amounts], phases: PhaseSet) -> list[str]:
    """Products per formula unit of the solid; "" where nothing reacts."""
    reacts = (found.status == 0) & np.isfinite(found.values[:, 1])
    per_formula = _atoms_per_formula(found, solids)
    return [
        products_text(ids, atoms, phases, {}) if reacted else ""
        for ids, atoms, reacted in zip(found.ids, per_formula, reacts, strict=True)
    ]


def _released(found: Reactions, solids: Sequence[Amounts], phases: PhaseSet, gas: Amounts) -> np.ndarray:
    """A gas among the products, molecules per formula unit of the solid."""
    row = find_phase(phases, gas)
    atoms = np.where((found.ids == row) & (row >= 0), _atoms_per_formula(found, solids), 0.0).sum(axis=1)
    return np.where(found.status == 0, atoms / sum(gas.values()), np.nan)
