"""Descriptors of a unit cell: shape, volume per atom, density, and what the space group says.

Symmetry operations of the space groups: spglib's database (doi:10.1080/27660400.2024.2384822).
"""

import math
from functools import lru_cache

import numpy as np
import pandas as pd
import spglib
from scipy.constants import physical_constants

from ionsieve.features.chemistry.charges import most_likely_charges
from ionsieve.features.chemistry.elements import padded_fractions
from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.features.crystals.conventional_cell import LATTICE_COLUMNS, quiet_spglib

G_CM3_PER_DALTON_ANGSTROM3 = physical_constants["atomic mass constant"][0] * 1e3 * 1e24

# First space group of each crystal system: triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal, cubic.
CRYSTAL_SYSTEM_STARTS = (1, 3, 16, 75, 143, 168, 195)


def lattice_features(table: pd.DataFrame) -> pd.DataFrame:
    """Cell and space-group descriptors, same index as the table.

    Needs the columns formula, formula_units_z, space_group_number and the six lattice columns (Å, degrees); missing
    values are NaN. Lengths and angles that the crystal system fixes (a = b = c and 90° in a cubic crystal) are filled
    in. Anything that needs an unknown value is NaN, and so is the volume of a cell whose angles cannot close.

    Columns added to the (completed) lattice: volume_angstrom3, volume_per_atom_angstrom3, volume_per_anion_angstrom3,
    li_density_per_angstrom3, density_g_cm3, axis_ratio_max, angle_distortion_deg, crystal_system (1 triclinic to
    7 cubic), space_group_number, point_group_order, lattice_points (1 primitive to 4 face-centred), centrosymmetric,
    polar and chiral (0 or 1).
    """
    lattice = _completed_lattice(table)
    volume = _volume_angstrom3(lattice)
    lengths, angles = lattice[list(LATTICE_COLUMNS[:3])], lattice[list(LATTICE_COLUMNS[3:])]
    shape = pd.DataFrame(
        {
            "volume_angstrom3": volume,
            "axis_ratio_max": lengths.max(axis=1, skipna=False) / lengths.min(axis=1, skipna=False),
            "angle_distortion_deg": (angles - 90.0).abs().max(axis=1, skipna=False),
        },
        index=table.index,
    )
    content = _content(table["formula"], volume / table["formula_units_z"].astype(float))
    return pd.concat([lattice, shape, content, _space_group_columns(table["space_group_number"])], axis=1)


def _crystal_system(space_group_number: pd.Series) -> pd.Series:
    """1 (triclinic) to 7 (cubic), NaN where the space group is unknown or no number from 1 to 230."""
    number = space_group_number.astype(float)
    system = np.searchsorted(CRYSTAL_SYSTEM_STARTS, number, side="right").astype(float)
    return pd.Series(np.where(number.between(1, 230), system, np.nan), index=number.index)


def _completed_lattice(table: pd.DataFrame) -> pd.DataFrame:
    """The six lattice columns with what the crystal system fixes filled in where it is not given."""
    a, b, c, alpha, beta, gamma = (table[name].astype(float) for name in LATTICE_COLUMNS)
    system = _crystal_system(table["space_group_number"])
    # A trigonal crystal with a c axis is given in hexagonal axes; with one length and one angle it is rhombohedral.
    hexagonal = (system == 6) | ((system == 5) & c.notna())
    rhombohedral = (system == 5) & c.isna() & alpha.notna()
    b = b.where(b.notna() | (system < 4) | system.isna(), a)
    c = c.where(c.notna() | ~((system == 7) | rhombohedral), a)
    right = (system >= 3) & (system != 5)
    alpha = alpha.where(alpha.notna() | ~(right | hexagonal | (system == 2)), 90.0)
    beta = beta.where(beta.notna() | ~(right | hexagonal), 90.0)
    beta = beta.where(beta.notna() | ~rhombohedral, alpha)
    gamma = gamma.where(gamma.notna() | ~(right | (system == 2)) | hexagonal, 90.0)
    gamma = gamma.where(gamma.notna() | ~hexagonal, 120.0)
    gamma = gamma.where(gamma.notna() | ~rhombohedral, alpha)
    return pd.DataFrame(dict(zip(LATTICE_COLUMNS, (a, b, c, alpha, beta, gamma), strict=True)), index=table.index)


def _volume_angstrom3(lattice: pd.DataFrame) -> pd.Series:
    """Volume of each cell, Å³; NaN where a value is missing or the three angles do not close."""
    a, b, c = (lattice[name] for name in LATTICE_COLUMNS[:3])
    cosines = np.cos(np.radians(lattice[list(LATTICE_COLUMNS[3:])].to_numpy()))
    squared = 1.0 - (cosines**2).sum(axis=1) + 2.0 * cosines.prod(axis=1)
    return a * b * c * np.sqrt(np.where(squared > 0, squared, np.nan))


def _content(formula: pd.Series, volume_per_formula_angstrom3: pd.Series) -> pd.DataFrame:
    """Volumes per atom and per anion, lithium density and mass density from the volume of one formula as given."""
    compositions, _ = parse_formulas(formula.tolist())
    known = np.array([composition is not None for composition in compositions], dtype=bool)
    counts = np.full((len(formula), 4), np.nan)
    present = [composition for composition in compositions if composition is not None]
    padded = padded_fractions(present)
    states, _ = most_likely_charges(padded)
    atoms = np.array([composition.num_atoms for composition in present])
    counts[known, 0] = atoms
    counts[known, 1] = atoms * np.where(states < 0, padded.fraction, 0.0).sum(axis=1)
    counts[known, 2] = [composition["Li"] for composition in present]
    counts[known, 3] = [float(composition.weight) for composition in present]
    volume = volume_per_formula_angstrom3.to_numpy(dtype=float)
    volume = np.where(volume > 0, volume, np.nan)
    n_atoms, n_anions, n_lithium, mass_dalton = counts.T
    return pd.DataFrame(
        {
            "volume_per_atom_angstrom3": volume / n_atoms,
            "volume_per_anion_angstrom3": volume / np.where(n_anions > 0, n_anions, np.nan),
            "li_density_per_angstrom3": n_lithium / volume,
            "density_g_cm3": mass_dalton * G_CM3_PER_DALTON_ANGSTROM3 / volume,
        },
        index=formula.index,
    )


def _space_group_columns(space_group_number: pd.Series) -> pd.DataFrame:
    """Numbers derived from the space group, NaN where it is unknown."""
    number = space_group_number.astype(float)
    valid = number.between(1, 230) & (number == np.floor(number))
    facts = [space_group_facts(int(n)) if ok else (math.nan,) * 5 for n, ok in zip(number, valid, strict=True)]
    names = ["point_group_order", "lattice_points", "centrosymmetric", "polar", "chiral"]
    columns = pd.DataFrame(facts, columns=names, index=number.index, dtype=float)
    return pd.concat(
        [
            number.where(valid).rename("space_group_number"),
            _crystal_system(number.where(valid)).rename("crystal_system"),
            columns,
        ],
        axis=1,
    )


@lru_cache(maxsize=1)
def _hall_numbers() -> dict[int, int]:
    """spglib's number of the first setting of each space group."""
    halls: dict[int, int] = {}
    with quiet_spglib():
        for hall in range(1, 531):
            setting = spglib.get_spacegroup_type(hall)
            if setting is not None:
                halls.setdefault(setting.number, hall)
    return halls


@lru_cache(maxsize=230)
def space_group_symbol(number: int) -> str:
    """Short Hermann-Mauguin symbol: "P2_1/c" for 14."""
    with quiet_spglib():
        kind = spglib.get_spacegroup_type(_hall_numbers()[number])
    if kind is None:
        raise ValueError(f"spglib knows no space group {number}")
    return str(kind.international_short)


@lru_cache(maxsize=230)
def space_group_facts(number: int) -> tuple[int, int, bool, bool, bool]:
    """Point-group order, lattice points per conventional cell, and whether it is centrosymmetric, polar, chiral.

    Polar: its operations leave a direction unchanged. Chiral: it holds proper rotations alone (Sohncke group).
    """
    with quiet_spglib():
        operations = spglib.get_symmetry_from_database(_hall_numbers()[number])
    if operations is None:
        raise ValueError(f"spglib knows no operations of space group {number}")
    rotations = operations["rotations"]
    unique = np.unique(rotations.reshape(len(rotations), 9), axis=0).reshape(-1, 3, 3)
    # The mean of all operations projects on the directions that none of them moves; its trace is their number.
    fixed_directions = np.trace(unique.mean(axis=0))
    return (
        len(unique),
        len(rotations) // len(unique),
        bool((unique == -np.eye(3, dtype=int)).all(axis=(1, 2)).any()),
        bool(fixed_directions > 0.5),
        bool((np.linalg.det(unique) > 0).all()),
    )
