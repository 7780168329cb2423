"""Crystals written down as rows: published cells, and compounds that crystallize in the type of another.

`CRYSTALS`/cells/*.csv   id, formula, space_group, a_angstrom … gamma_deg, sites, source, remark
`CRYSTALS`/types/*.csv   formula, prototype, mapping, source, remark

`sites` is the asymmetric unit, "Li 0 0 0; O 0.25 0.25 0.25"; `prototype` is an AFLOW label, or `crystal:ID` of a CIF in
`CRYSTALS` or of a row of cells; `mapping` is "Cu:Li Si:Ge", element of the prototype : element of the compound.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from pymatgen.core import Lattice, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.prototypes import Prototype, aflow_prototypes, decorate

CELL = ("a_angstrom", "b_angstrom", "c_angstrom", "alpha_deg", "beta_deg", "gamma_deg")
MAX_TYPE_ATOMS = 130


@dataclass(frozen=True)
class Start:
    """A crystal to begin a relaxation with: of which compound, what it is called, and after which type."""

    name: str
    formula: str
    prototype: str
    mapping: dict[str, str]
    structure: Structure


def expanded_cell(row: Mapping[str, object]) -> Structure:
    """Primitive cell of one row of a cells table.

    Raises:
        ValueError: If a site cannot be read, the space group is unknown or does not suit the cell, or the cell does not
            have the formula.
    """
    species, coords = [], []
    for site in str(row["sites"]).strip().strip(";").split(";"):
        symbol, *xyz = site.split()
        if len(xyz) != 3:
            raise ValueError(f"site {site.strip()!r} has no three coordinates")
        species.append(symbol)
        coords.append([_number(x) for x in xyz])
    text = str(row["space_group"]).strip()
    lattice = Lattice.from_parameters(*(float(str(row[c])) for c in CELL))
    group: str | int = int(text) if text.isdigit() else text
    structure = Structure.from_spacegroup(group, lattice, species, coords, tol=0.01)
    wanted = parse_formula(str(row["formula"]))
    if composition_key(structure.composition) != composition_key(wanted):
        raise ValueError(f"the cell holds {structure.composition.formula}, not {row['formula']}")
    return structure.get_primitive_structure()


@cache
def _expanded(row: tuple[tuple[str, str], ...]) -> Structure:
    """`expanded_cell` of a row read before: a run reads its tables again and again."""
    return expanded_cell(dict(row))


def _number(text: str) -> float:
    """A coordinate: "0.25" or "1/4"."""
    above, _, below = text.partition("/")
    return float(above) / float(below) if below else float(text)


def mapping_of(text: str) -> dict[str, str]:
    """{"Cu": "Li"} of "Cu:Li"; pairs apart by blanks or commas."""
    pairs = [pair.partition(":") for pair in re.split(r"[\s,;]+", text.strip()) if pair]
    return {old.strip(): new.strip() for old, _, new in pairs}


def read_tables(folder: Path) -> pd.DataFrame:
    """All CSV files of a folder in one table, in the order of their names; empty where there is none."""
    tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in sorted(folder.glob("*.csv"))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def published_cells(crystals: Path) -> tuple[dict[str, Structure], list[str]]:
    """(primitive cells by id, what is wrong with each row that gives none)."""
    cells, problems = {}, []
    for row in read_tables(crystals / "cells").to_dict("records"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cells[str(row["id"])] = _expanded(tuple((str(k), str(v)) for k, v in row.items()))
        except (ValueError, KeyError, AssertionError) as error:
            problems.append(f"cell {row.get('id')}: {error}")
    return cells, problems


def with_label(label: str, elements: set[str]) -> list[Prototype]:
    """AFLOW's prototypes of that label that hold these elements: one label can stand for several arrangements."""
    found = [p for p in aflow_prototypes(MAX_TYPE_ATOMS) if p.name.endswith(f"({label})")]
    return [p for p in found if {e.symbol for e in p.structure.composition} == elements]


def type_starts(crystals: Path, at_hand: Mapping[str, Structure]) -> tuple[list[Start], list[str]]:
    """(starts from the types tables, what is wrong with each row that gives none).

    `at_hand` are the crystals that `crystal:ID` may name.
    """
    starts, problems = [], []
    for row in read_tables(crystals / "types").to_dict("records"):
        formula, label = str(row["formula"]), str(row["prototype"]).strip()
        try:
            mapping = mapping_of(str(row["mapping"]))
            for prototype in _named(label, set(mapping), at_hand):
                structure = decorate(prototype, mapping)
                if composition_key(structure.composition) != composition_key(parse_formula(formula)):
                    raise ValueError(f"the type holds {structure.composition.reduced_formula}")
                starts.append(Start(f"{formula} as {prototype.name}", formula, prototype.name, mapping, structure))
        except (ValueError, KeyError) as error:
            problems.append(f"type {formula} as {label}: {error}")
    return starts, problems


def _named(label: str, elements: set[str], at_hand: Mapping[str, Structure]) -> list[Prototype]:
    if label.startswith("crystal:"):
        name = label.removeprefix("crystal:").strip()
        if name not in at_hand:
            raise ValueError(f"no crystal {name!r} at hand")
        return [Prototype(name, at_hand[name])]
    found = with_label(label, elements)
    if not found:
        raise ValueError(f"no AFLOW prototype of that label holds {', '.join(sorted(elements))}")
    return found


def cell_starts(crystals: Path) -> Iterator[Start]:
    """Starts from the cells tables, one per row that can be read."""
    formulas = {str(r["id"]): str(r["formula"]) for r in read_tables(crystals / "cells").to_dict("records")}
    cells, _ = published_cells(crystals)
    for name, structure in cells.items():
        yield Start(name, formulas[name], name, {}, structure)
