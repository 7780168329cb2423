"""Check the reference crystals: rattle each, relax it with CHGNet, and see whether it comes back.

Not a stage: run by hand after adding crystals, with the extra `potential`:

    python -m ionsieve.pipeline.reference.check_crystals CRYSTALS CRYSTALS/checked.csv CRYSTALS/checked_elements.csv

where CRYSTALS is data/reference/crystals. A crystal
written down wrongly seldom survives: with one coordinate off it loses its space group, swells, or lies far above the
energy it should have. Results go to data/reference/crystals/checked.csv one by one, and a crystal checked before is
not computed again while its file is the same.
"""

import hashlib
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from ase.calculators.calculator import Calculator
from pymatgen.core import Composition, Element, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.crystals.prototypes import aflow_prototypes
from ionsieve.models.quantities.potential import CHGNET, Relaxed, potential, relax
from ionsieve.pipeline.tables import write_table

RATTLE_ANGSTROM = 0.05
CM3_PER_MOL_IN_ANGSTROM3 = 0.602214076  # 1 Å³ per atom in cm³/mol
NOT_METALS = ("H", *ANIONS)
# Measured enthalpies count from white phosphorus, computed ones from black; the others are metals whose own energy does
# not belong to that of their compounds (correlated or missing d electrons).
NOT_FITTED = {"P", "Ti", "V", "Nb", "Ta", "Mn", "Fe", "Co"}
# fcc, bcc, hcp, diamond, and the types of elements that have one of their own
METAL_TYPES = ("A_cF4_225_a", "A_cI2_229_a", "A_hP2_194_c", "A_cF8_227_a")
OWN_TYPES = {
    **{"B": "A_hR12_166_2h", "C": "A_hP4_194_bc", "Ga": "A_oC8_64_f", "In": "A_tI2_139_a"},
    **{"La": "A_hP4_194_ac", "Nd": "A_hP4_194_ac", "Mn": "A_cI58_217_ac2g"},
}
# Brown, Rundqvist, Acta Cryst. 19, 684 (1965)
BLACK_PHOSPHORUS = Structure.from_spacegroup(
    "Cmce", Lattice.orthorhombic(3.3136, 10.478, 4.3763), ["P"], [[0, 0.1017, 0.0806]]
).get_primitive_structure()
MAX_FORCES_EV_ANGSTROM = (0.03, 0.003)
SYMPREC_ANGSTROM = 0.1
COLUMNS = (
    "id",
    "crystal_sha256",
    "n_atoms",
    "space_group_number",
    "space_group_number_relaxed",
    "volume_change",
    "energy_ev_atom",
    "n_steps",
    "reason",
)


def rattled(structure: Structure, distance_angstrom: float, seed: int = 0) -> Structure:
    """The crystal with every atom moved by one distance in a random direction."""
    directions = np.random.default_rng(seed).normal(size=(len(structure), 3))
    moves = distance_angstrom * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    coords = structure.cart_coords + moves
    return Structure(structure.lattice, structure.species, coords, coords_are_cartesian=True)


def space_group_number(structure: Structure) -> int:
    """Number of the space group found within 0.1 Å."""
    return int(SpacegroupAnalyzer(structure, SYMPREC_ANGSTROM).get_space_group_number())


def relax_rattled(primitive: Structure, calculator: Calculator) -> Relaxed:
    """The crystal relaxed from its rattled self, further where what is left of the rattle still hides its symmetry."""
    start, n_steps = rattled(primitive, RATTLE_ANGSTROM), 0
    for max_force in MAX_FORCES_EV_ANGSTROM:
        result = relax(start, calculator, max_force_ev_angstrom=max_force, max_steps=200)
        n_steps += result.n_steps
        if result.reason or space_group_number(result.structure) == space_group_number(primitive):
            break
        start = result.structure
    change = result.structure.volume / primitive.volume - 1
    return replace(result, volume_change=change, n_steps=n_steps)


def checked_row(name: str, digest: str, primitive: Structure, result: Relaxed) -> dict[str, object]:
    """One row of checked.csv; volume_change is that from the published cell to the relaxed one."""
    found = space_group_number(primitive)
    relaxed = np.nan if result.reason else space_group_number(result.structure)
    values = (name, digest, len(primitive), found, relaxed, round(result.volume_change, 4))
    return dict(zip(COLUMNS, (*values, round(result.energy_ev_atom, 5), result.n_steps, result.reason), strict=True))


def read_checked(path: Path) -> pd.DataFrame:
    """The results so far, an empty table where there are none."""
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_csv(path, keep_default_na=False, na_values={"energy_ev_atom": [""]})


def fingerprint(structure: Structure) -> str:
    """Hash of cell and atoms, so that a title or a source may be reworded without a new check."""
    atoms = [f"{site.species_string} " + " ".join(f"{x:.4f}" for x in site.frac_coords % 1) for site in structure]
    text = "\n".join([" ".join(f"{x:.4f}" for x in structure.lattice.parameters), *sorted(atoms)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def to_check(folder: Path, done: pd.DataFrame, ids: Sequence[str]) -> list[tuple[str, str, Structure]]:
    """(id, hash, primitive cell) of the ordered crystals not yet checked as they now are, small cells first."""
    known = set(zip(done["id"], done["crystal_sha256"], strict=True))
    found = []
    for file in sorted(folder.glob("*.cif")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen warns of every rounded 1/3
            structure = Structure.from_file(file)
        digest = fingerprint(structure)
        if structure.is_ordered and (file.stem, digest) not in known and (not ids or file.stem in ids):
            found.append((file.stem, digest, structure.get_primitive_structure()))
    return sorted(found, key=lambda entry: (len(entry[2]), entry[0]))


def element_energy_ev_atom(symbol: str, calculator: Calculator) -> float:
    """Energy of an element with CHGNet, eV/atom: the lowest of its own type or of four usual ones, each relaxed."""
    volume = float(Element(symbol).molar_volume) / CM3_PER_MOL_IN_ANGSTROM3
    types = (OWN_TYPES[symbol],) if symbol in OWN_TYPES else METAL_TYPES
    starts = [BLACK_PHOSPHORUS] if symbol == "P" else []
    for prototype in () if symbol == "P" else aflow_prototypes(max_sites=30):
        if prototype.name.endswith(tuple(f"({label})" for label in types)):
            cell = prototype.structure
            guess = Structure(cell.lattice, [symbol] * len(cell), cell.frac_coords)
            starts.append(guess.scale_lattice(volume * len(cell)))
    relaxed = [relax(start, calculator, max_force_ev_angstrom=0.03, max_steps=150) for start in starts]
    return min(result.energy_ev_atom for result in relaxed if not result.reason)


def formation_energies_ev_atom(
    formulas: Sequence[str], energies_ev_atom: np.ndarray, elements: pd.Series, measured: pd.Series
) -> np.ndarray:
    """Formation energies from total energies, metals at their own, one offset per anion fitted to measurement.

    Args:
        formulas: One per energy.
        energies_ev_atom: (n,) total energies with CHGNet, eV/atom.
        elements: Energy of each element that is not in NOT_METALS, eV/atom, by symbol.
        measured: Measured formation energy, eV/atom, by reduced formula; those with an element of NOT_FITTED are passed
            over.

    Returns:
        (n,) formation energies, eV/atom; NaN where an anion has no measured compound to be fitted to.
    """
    compositions = [Composition(formula) for formula in formulas]
    anions = np.array([[c.get_atomic_fraction(x) for x in NOT_METALS] for c in compositions])
    metals = np.array([sum(c.get_atomic_fraction(x) * elements.get(x.symbol, 0.0) for x in c) for c in compositions])
    target = np.array([measured.get(c.reduced_formula, np.nan) for c in compositions])
    left_out = np.array([not NOT_FITTED.isdisjoint(c.chemical_system_set) for c in compositions])
    use = np.isfinite(target) & np.isfinite(energies_ev_atom) & ~left_out
    cost = energies_ev_atom - metals
    reference = np.linalg.lstsq(anions[use], (cost - target)[use], rcond=None)[0]
    absent = anions[use].sum(axis=0) == 0
    return np.where(anions[:, absent].any(axis=1), np.nan, cost - anions @ reference)


def missing_elements(folder: Path, done: Sequence[str]) -> list[str]:
    """Symbols of what the crystals hold, neither an anion nor in `done`."""
    found = {
        e.symbol
        for _, _, crystal in to_check(folder, pd.DataFrame(columns=list(COLUMNS)), ())
        for e in crystal.elements
    }
    return sorted(found - set(NOT_METALS) - set(done))


def main(folder: str, checked: str, elements: str, *ids: str) -> None:
    """Check what is new in `folder` (or only `ids`); each result is written to `checked` or `elements` at once."""
    table = read_checked(Path(checked))
    calculator = potential(CHGNET, {"use_device": "cpu"})
    for name, digest, primitive in to_check(Path(folder), table, ids):
        row = checked_row(name, digest, primitive, relax_rattled(primitive, calculator))
        table = pd.concat([table[table["id"] != name], pd.DataFrame([row])]).sort_values("id", ignore_index=True)
        write_table(table, checked)
    known = pd.read_csv(elements, keep_default_na=False) if Path(elements).exists() else pd.DataFrame({"symbol": []})
    for symbol in missing_elements(Path(folder), list(known["symbol"])):
        energy = round(element_energy_ev_atom(symbol, calculator), 5)
        row = {"symbol": symbol, "energy_ev_atom": energy}
        known = pd.concat([known, pd.DataFrame([row])]).sort_values("symbol", ignore_index=True)
        write_table(known, elements)


if __name__ == "__main__":
    main(*sys.argv[1:])
