"""The reference crystals are neutral, of the symmetry named, with bonds and sizes as nature has them.

Whether each survives a rattle and a relaxation with CHGNet is computed by pipeline/check_crystals.py, as it takes
minutes and an optional package; its results are committed and held to the limits here.
"""

import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from ionsieve.pipeline.reference.check_crystals import formation_energies_ev_atom, read_checked, to_check

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
CRYSTALS = REFERENCE / "crystals"

# Charges an element may carry here; of several, one per element and crystal.
CHARGES = {
    **dict.fromkeys(("Li",), (1,)),
    **dict.fromkeys(("Mg", "Zn"), (2,)),
    **dict.fromkeys(("Al", "Ga", "In", "Sc", "Y", "La", "Nd", "B", "Co"), (3,)),
    **dict.fromkeys(("Si", "Ge", "Sn", "Ti", "Zr", "Hf", "C"), (4,)),
    **dict.fromkeys(("Nb", "Ta", "V"), (5,)),
    **dict.fromkeys(("F", "Cl", "Br", "I"), (-1,)),
    **dict.fromkeys(("S", "Se"), (-2,)),
    **{"Fe": (2, 3), "Mn": (2, 4), "Te": (6, -2), "P": (5, -3, 4), "N": (-3, 5), "O": (-2, -1), "H": (-1, 1)},
}
# Bond-valence parameters R0, Å, b = 0.37 Å: Brown and Altermatt, Acta Cryst. B 41, 244 (1985) for oxides and fluorides
# where they have them, Brese and O'Keeffe, Acta Cryst. B 47, 192 (1991), for the rest.
BOND_VALENCE_R0 = {
    "O": {
        **{"Li": 1.466, "B": 1.371, "C": 1.390, "N": 1.432, "Mg": 1.693, "Al": 1.651, "Si": 1.624, "P": 1.617},
        **{"Sc": 1.849, "Ti": 1.815, "V": 1.803, "Co": 1.70, "Zn": 1.704, "Ga": 1.730, "Ge": 1.748, "Y": 2.014},
        **{"Zr": 1.937, "Nb": 1.911, "In": 1.902, "Sn": 1.905, "Te": 1.917, "La": 2.172, "Nd": 2.117, "Hf": 1.923},
        **{"Ta": 1.920, "Fe2": 1.734, "Fe3": 1.759, "Mn2": 1.790, "Mn4": 1.753},
    },
    "S": {"Li": 1.94, "Si": 2.13, "P": 2.11, "Ti": 2.24, "Zn": 2.09, "Ga": 2.163, "Ge": 2.22, "Zr": 2.41, "Sn": 2.45},
    "F": {"Li": 1.360, "Mg": 1.581, "Al": 1.545, "Y": 1.904, "Zr": 1.854, "La": 2.057},
    "Cl": {"Li": 1.91, "Mg": 2.08, "Sc": 2.23, "Y": 2.40, "Zr": 2.33, "In": 2.28, "La": 2.545},
    "N": {"Li": 1.61, "B": 1.47, "C": 1.442, "Al": 1.79, "Si": 1.77, "P": 1.73},
    "Br": {"Li": 2.02},
    "I": {"Li": 2.22},
    "Se": {"Li": 2.09},
    "Te": {"Li": 2.30},
}
B_ANGSTROM = 0.37
# Layers or chains held together by dispersion, which the functional behind CHGNet lacks.
LAYERED = {"BN_hexagonal", "InCl3", "MgCl2", "SiS2", "SnS2", "TiS2", "ZrS2", "LaOCl"}
# The Materials Project's old corrections are off for these, as data/README.md says: bromides, iodides, d0 oxides, and
# for Co the interaction U and its correction. Amides count as molecules.
EXEMPT_FROM_ENERGY = {"Br", "I", "Ti", "Nb", "Ta", "Co"}
MOLECULAR = {"LiNH2"}
# CHGNet buckles these frameworks a little; measured, they have the symmetry named, and transport figures are published
# for them.
BUCKLED_BY_CHGNET = {"LiTi2P3O12", "Li7La3Zr2O12_tetragonal"}


def read(file: Path) -> Structure:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Structure.from_file(file)


def reduced(formula: str) -> str:
    return Composition(formula).reduced_formula


@pytest.fixture(scope="module")
def crystals() -> dict[str, Structure]:
    return {file.stem: read(file) for file in sorted(CRYSTALS.glob("*.cif"))}


@pytest.fixture(scope="module")
def ordered(crystals) -> dict[str, Structure]:
    return {name: crystal for name, crystal in crystals.items() if crystal.is_ordered}


@pytest.fixture(scope="module")
def listed() -> pd.DataFrame:
    return pd.read_csv(CRYSTALS / "crystals.csv", keep_default_na=False).set_index("id")


@pytest.fixture(scope="module")
def checked() -> pd.DataFrame:
    return read_checked(CRYSTALS / "checked.csv").set_index("id")


def formal_charges(composition: Composition) -> dict[str, int] | None:
    symbols = sorted(element.symbol for element in composition)
    for charges in itertools.product(*(CHARGES[symbol] for symbol in symbols)):
        if abs(sum(composition[s] * q for s, q in zip(symbols, charges, strict=True))) < 0.01:
            return dict(zip(symbols, charges, strict=True))
    return None


def test_at_least_sixty_ordered_crystals_are_listed_each_with_its_source(crystals, ordered, listed):
    assert len(ordered) >= 60
    assert set(listed.index) == set(crystals)
    assert (listed["source"].str.len() > 5).all()


def test_formulas_are_as_listed(crystals, listed):
    for name, crystal in crystals.items():
        wanted, found = Composition(listed.loc[name, "formula"]).fractional_composition, crystal.composition
        # occupancies are published to two or three digits
        assert wanted.almost_equals(found.fractional_composition, rtol=0.03, atol=0.002), name


def test_ordered_models_name_their_disordered_parent(listed):
    models = listed[listed.index.str.endswith("_ordered")]
    assert len(models) >= 8
    assert (models["disordered_parent"] != "").all()


def test_ordered_crystals_are_neutral(ordered):
    assert [name for name, crystal in ordered.items() if formal_charges(crystal.composition) is None] == []


def test_space_group_named_is_found_again(ordered, listed):
    for name, crystal in ordered.items():
        analyzer = SpacegroupAnalyzer(crystal, 0.1)
        named = (CRYSTALS / f"{name}.cif").read_text().partition("_space_group_IT_number")[2].split()[0]
        assert analyzer.get_space_group_number() == int(named), name
        assert analyzer.get_space_group_symbol() == listed.loc[name, "space_group"], name


def test_volume_per_atom_is_that_of_a_solid(ordered):
    # The extremes at ambient pressure here: 6.7 Å3 (diamond-like borates) to 27 Å3 (LiI, large anions).
    for name, crystal in ordered.items():
        assert 6.5 < crystal.volume / len(crystal) < 28, name


def shortest_allowed_angstrom(one: str, two: str, charges: dict[str, int]) -> float:
    """Below this two atoms are too near; shorter than any bond of the kind, with C-O 1.25, P-O 1.48, N-H 0.96 Å."""
    if "H" in (one, two):
        return 0.9
    if charges[one] * charges[two] < 0:
        return 1.2
    if charges[one] > 0:
        return 2.0  # Li-Li in Li3N 2.11
    return 1.5 if charges[one] == -1 and one == "O" else 2.0  # peroxide; O-O in CO3 2.2


def test_atoms_keep_their_distance(ordered):
    near = []
    for name, crystal in ordered.items():
        charges = formal_charges(crystal.composition)
        primitive = crystal.get_primitive_structure()
        i, j, _, distance = primitive.get_neighbor_list(2.5)
        for a, b, d in zip(i, j, distance, strict=True):
            one, two = primitive[a].specie.symbol, primitive[b].specie.symbol
            if d < shortest_allowed_angstrom(one, two, charges):
                near.append((name, one, two, round(d, 2)))
    assert near == []


def valence_ratios(crystal: Structure, charges: dict[str, int]) -> list[tuple[str, float]]:
    """(symbol, bond-valence sum over charge) of each cation whose every bond has a parameter."""
    primitive = crystal.get_primitive_structure()
    i, j, _, distance = primitive.get_neighbor_list(6.0)
    sums: dict[int, float] = {}
    for a, b, d in zip(i, j, distance, strict=True):
        cation, anion = primitive[a].specie.symbol, primitive[b].specie.symbol
        if charges[cation] > 0 > charges[anion]:
            table = BOND_VALENCE_R0.get(anion, {})
            r0 = table.get(cation, table.get(f"{cation}{charges[cation]}", np.nan))
            sums[a] = sums.get(a, 0.0) + np.exp((r0 - d) / B_ANGSTROM)
    symbols = {a: primitive[a].specie.symbol for a in sums}
    return [(symbols[a], total / charges[symbols[a]]) for a, total in sums.items() if np.isfinite(total)]


def test_bond_valences_add_up_to_the_charges(ordered):
    # 25 % on the framework, 35 % in models of mixed positions, where each kind of ion has the parent's mean place;
    # lithium is often bound more weakly (0.35 in the NASICON octahedron with zirconium, made for sodium).
    tested, off = 0, []
    for name, crystal in ordered.items():
        if name == "Li2O2" or "H" in crystal.composition:
            continue  # the O-O bond carries part of the valence; hydrides have no parameters
        for atom, ratio in valence_ratios(crystal, formal_charges(crystal.composition)):
            tolerance = 0.35 if name.endswith("_ordered") else 0.25
            low, high = (0.35, 1.5) if atom == "Li" else (1 - tolerance, 1 + tolerance)
            tested += 1
            if not low < ratio < high:
                off.append((name, atom, round(ratio, 2)))
    assert off == []
    assert tested > 300


def test_volumes_agree_with_measured_lattices(ordered, shared_data):
    table = pd.read_csv(shared_data / "obelix" / "train.csv", converters={"ID": str})
    by_formula = dict(list(table.groupby(table["True Composition"].map(reduced))))
    seen, off = set(), []
    for name, crystal in ordered.items():
        number = SpacegroupAnalyzer(crystal, 0.1).get_space_group_number()
        for _, row in by_formula.get(crystal.composition.reduced_formula, table.iloc[:0]).iterrows():
            if number != row["Space group #"] and not name.endswith("_ordered"):
                continue  # another polymorph
            lattice = Lattice.from_parameters(*row[["a", "b", "c", "alpha", "beta", "gamma"]].astype(float))
            ratio = crystal.volume / len(crystal) / (lattice.volume / Composition(row["True Composition"]).num_atoms)
            seen.add(name)
            if abs(ratio - 1) > 0.04:
                off.append((name, row["ID"], round(ratio, 3)))
    assert off == []
    assert len(seen) >= 10


def test_every_crystal_was_checked_as_it_now_is(ordered, checked):
    assert [name for name, _, _ in to_check(CRYSTALS, checked.reset_index(), ())] == []
    assert set(checked.index) == set(ordered)


def test_rattled_crystals_relax_back_to_their_space_group(checked):
    assert (checked["reason"] == "").all()
    lost = checked[checked["space_group_number"] != checked["space_group_number_relaxed"]]
    assert set(lost.index) <= BUCKLED_BY_CHGNET


def test_relaxed_volumes_are_near_the_published_ones(checked):
    limit = np.where(checked.index.isin(LAYERED), 0.20, 0.10)
    assert list(checked.index[checked["volume_change"].abs() > limit]) == []


def formation_energies(checked: pd.DataFrame, formulas: pd.Series) -> pd.Series:
    measured = pd.read_csv(REFERENCE / "formation_enthalpies.csv")
    by_formula = pd.Series(measured["formation_energy_ev_atom"].to_numpy(), index=measured["formula"].map(reduced))
    elements = pd.read_csv(CRYSTALS / "checked_elements.csv", keep_default_na=False).set_index("symbol")
    energies = formation_energies_ev_atom(
        list(formulas),
        checked["energy_ev_atom"].to_numpy(dtype=float),
        elements["energy_ev_atom"],
        by_formula[~by_formula.index.duplicated()],
    )
    return pd.Series(energies, index=checked.index)


def test_formation_energies_agree_with_the_materials_project(checked, listed, shared_data):
    phases = pd.read_csv(shared_data / "mp_formation_energies.csv.gz")
    formulas = listed.loc[checked.index, "formula"]
    systems = {frozenset(Composition(formula).chemical_system_set) for formula in formulas}
    phases = phases[[frozenset(re.findall("[A-Z][a-z]?", formula)) in systems for formula in phases["formula"]]]
    table = dict(zip(phases["formula"].map(reduced), phases["formation_energy_ev_atom"], strict=True))
    difference = formation_energies(checked, formulas) - formulas.map(reduced).map(table)
    exempt = [not EXEMPT_FROM_ENERGY.isdisjoint(Composition(formula).chemical_system_set) for formula in formulas]
    difference = difference[~np.array(exempt) & ~difference.index.isin(MOLECULAR)].dropna().round(3)
    assert difference[difference.abs() > 0.10].to_dict() == {}
    assert len(difference) >= 40
