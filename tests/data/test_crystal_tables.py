"""Published cells and types named by analogy: each row gives the crystal it says, with sane distances and volume.

They are starts of a relaxation (coordinates may be coarse), so the limits are wide: no two atoms on top of each other,
ions that fill as much of the cell as they do in the reference crystals, and every cation next to an anion.
"""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.features.crystals.prototypes import Prototype, aflow_prototypes, decorate, rescaled, sphere_radii
from ionsieve.models.quantities.potential import atoms_too_close
from ionsieve.pipeline.reference.crystal_tables import expanded_cell

pytestmark = pytest.mark.filterwarnings("ignore:Full symbol not available")  # pymatgen's note on other settings

CRYSTALS = Path(__file__).resolve().parents[2] / "data" / "reference" / "crystals"
CELL_COLUMNS = [
    "id",
    "formula",
    "space_group",
    *(f"{edge}_angstrom" for edge in "abc"),
    *(f"{angle}_deg" for angle in ("alpha", "beta", "gamma")),
    "sites",
    "source",
    "remark",
]
TYPE_COLUMNS = ["formula", "prototype", "mapping", "source", "remark"]
MAX_ATOMS = 120
# Volume of the spheres of Shannon's crystal radii over that of the cell. Ionic crystals of this folder and AFLOW's lie
# between 0.36 (SiF4) and 0.75; where no charges balance, covalent radii fill between 0.2 and 1.1.
FILLED = {True: (0.33, 0.80), False: (0.15, 1.15)}
# Molecules of nonmetals touch by van der Waals' radii, some 1 Å larger: covalent spheres fill 0.09 of N2O or NO2.
FILLED_MOLECULES = 0.07
# Volume over that which gives the tightest bond Shannon's length: 0.63 (molecular ions) to 1.4 for ionic crystals.
STRETCHED = (0.60, 1.50)
# A cation's nearest anion over the sum of crystal radii: 0.75 for P in PO4 or S in SO4, 1.35 for a loose lithium.
NEAREST = (0.68, 1.40)


def tables(folder: str, columns: list[str]) -> pd.DataFrame:
    files = sorted((CRYSTALS / folder).glob("*.csv"))
    read = [pd.read_csv(file, dtype=str, keep_default_na=False).assign(file=file.stem) for file in files]
    for table in read:
        assert [*table.columns[:-1]] == columns, table["file"].iloc[0]
    return pd.concat(read, ignore_index=True)


CELLS = tables("cells", CELL_COLUMNS)
TYPES = tables("types", TYPE_COLUMNS)


def reduced(formula: str) -> str:
    return Composition(formula).reduced_formula


@cache
def cell(name: str) -> Structure:
    """The primitive cell of a row of the tables of cells."""
    (row,) = CELLS[CELLS["id"] == name].to_dict("records")
    return expanded_cell(row)


@cache
def reference_crystal(name: str) -> Structure:
    if name in set(CELLS["id"]):
        return cell(name)
    return Structure.from_file(CRYSTALS / f"{name}.cif")


def named_prototypes(label: str) -> list[Prototype]:
    """The crystals a type's label stands for: one of ours, or AFLOW's (which may share a label)."""
    if label.startswith("crystal:"):
        return [Prototype(label, reference_crystal(label.removeprefix("crystal:")))]
    return [prototype for prototype in aflow_prototypes(MAX_ATOMS) if prototype.name.endswith(f"({label})")]


def _anions_bonded(crystal: Structure, charges: dict[str, float]) -> bool:
    """Whether the shortest distance of the crystal lies between two anions (S2, O2, P2)."""
    first, second, _, distance = crystal.get_neighbor_list(3.5)
    if not len(distance):
        return False
    k = int(distance.argmin())
    return all(charges[crystal[int(i)].specie.symbol] < 0 for i in (first[k], second[k]))


def faults(crystal: Structure) -> list[str]:
    """What is wrong with a crystal's distances and volume."""
    found = [close] if (close := atoms_too_close(crystal)) else []
    radii, charges = sphere_radii(crystal.composition)
    ionic = any(charges.values())
    filled = sum(4 / 3 * np.pi * radii[site.specie.symbol] ** 3 for site in crystal) / crystal.volume
    # in a disulfide pairs of sulfur share a charge: two full spheres for one ion
    lowest, highest = FILLED[ionic and not _anions_bonded(crystal, charges)]
    if not any(e.is_metal or e.is_metalloid for e in crystal.composition):
        lowest = FILLED_MOLECULES
    if not lowest < filled < highest:
        found.append(f"ions fill {filled:.2f} of the cell")
    stretched = crystal.volume / rescaled(crystal).volume
    if ionic and not STRETCHED[0] < stretched < STRETCHED[1]:
        found.append(f"volume is {stretched:.2f} of that of the tightest bond")
    if ionic and not found:
        distances = crystal.distance_matrix
        anions = [k for k, site in enumerate(crystal) if charges[site.specie.symbol] < 0]
        for k, site in enumerate(crystal):
            symbol = site.specie.symbol
            if charges[symbol] > 0:
                ratio = min(distances[k, j] / (radii[symbol] + radii[crystal[j].specie.symbol]) for j in anions)
                if not NEAREST[0] < ratio < NEAREST[1]:
                    found.append(f"{symbol} is {ratio:.2f} bond lengths from the nearest anion")
    return found


def test_ids_are_unique_and_sources_given():
    files = {file.stem for file in CRYSTALS.glob("*.cif")}
    assert CELLS["id"].is_unique
    assert not files & set(CELLS["id"])
    assert CELLS["id"].str.fullmatch(r"[A-Za-z0-9_]+").all()
    assert (CELLS["source"].str.strip() != "").all()
    assert (TYPES["source"].str.strip() != "").all()
    assert not TYPES.duplicated(["file", "formula", "prototype", "mapping"]).any()
    assert not CELLS.duplicated(["file", "formula", "sites", "a_angstrom"]).any()


@pytest.mark.parametrize("name", CELLS["id"])
def test_the_cell_holds_its_formula_with_sane_distances(name):
    crystal = cell(name)
    formula = CELLS.set_index("id").loc[name, "formula"]
    assert crystal.composition.reduced_formula == reduced(formula)
    assert len(crystal) <= MAX_ATOMS
    assert faults(crystal) == []


@pytest.mark.parametrize(("formula", "prototype", "mapping"), TYPES[TYPE_COLUMNS[:3]].to_numpy().tolist())
def test_the_type_exists_and_gives_the_formula(formula, prototype, mapping):
    pairs = [re.fullmatch(r"([A-Z][a-z]?):([A-Z][a-z]?)", pair) for pair in mapping.split()]
    elements = {pair[1]: pair[2] for pair in pairs if pair}
    assert len(elements) == len(pairs)
    dressed = [
        decorate(type_, elements)
        for type_ in named_prototypes(prototype)
        if {site.specie.symbol for site in type_.structure} == set(elements)
    ]
    matching = [crystal for crystal in dressed if crystal.composition.reduced_formula == reduced(formula)]
    assert matching
    assert any(atoms_too_close(crystal) == "" for crystal in matching)


def test_faults_are_found():
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert faults(salt) == []
    assert faults(salt.copy().apply_strain(0.25, inplace=False)) != []
    assert faults(salt.copy().apply_strain(-0.2, inplace=False)) != []
    salt.translate_sites([0], [0.42, 0.42, 0.42])
    assert any("too close" in fault for fault in faults(salt))
