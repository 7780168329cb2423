"""What `make starter` relaxes: elements, crystals and types of known compounds, and candidates, each from one start."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymatgen.core import Element, Structure

from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.prototypes import aflow_prototypes
from ionsieve.pipeline.reference.crystal_tables import Start, cell_starts, published_cells, type_starts
from ionsieve.pipeline.sources.cifs import read_structures
from ionsieve.pipeline.tables import read_table

KINDS = ("element", "crystal", "cell", "relaxed", "type", "new")
# Elements the set is made for: compounds of these alone come first.
CORE = {
    *("Li", "B", "C", "N", "O", "F", "Al", "Si", "P", "S", "Cl", "Ti", "Ge", "Br", "Y", "Zr", "Nb", "In", "Sn"),
    *("I", "La", "Ta", "Mg", "Zn", "Sc", "Hf", "W", "Ba", "Co", "Ni", "Mn", "Fe"),
}
METAL_TYPES = ("A_cF4_225_a", "A_cI2_229_a", "A_hP2_194_c", "A_cF8_227_a", "A_hR3_166_ac")
# The crystal of elements that have a type of their own, by AFLOW's label and the element it is named after there.
OWN_TYPES = {
    **{"B": ("A_hR12_166_2h", "B"), "C": ("A_hP4_194_bc", "C"), "P": ("A_oC8_64_f", "P"), "S": ("A_oF128_70_4h", "S")},
    **{"Se": ("A_hP3_152_a", "Se"), "Te": ("A_hP3_152_a", "Se"), "I": ("A_oC8_64_f", "I"), "Br": ("A_oC8_64_f", "I")},
    **{"Cl": ("A_oC8_64_f", "I"), "F": ("A_mC4_12_i", "O2"), "O": ("A_mC4_12_i", "O2"), "N": ("A_cP8_205_c", "N2")},
    **{"H": ("A_cP8_205_c", "N2"), "Ga": ("A_oC8_64_f", "Ga"), "In": ("A_tI2_139_a", "In")},
    **{"Mn": ("A_cI58_217_ac2g", "Mn"), "Sn": ("A_cF8_227_a", "C"), "Hg": ("A_hR1_166_a", "Hg")},
    **dict.fromkeys(["La", "Ce", "Pr", "Nd"], ("A_hP4_194_ac", "La")),
    **dict.fromkeys(["As", "Sb", "Bi"], ("A_hR2_166_c", "As")),
}
# Bonds of molecules, and volumes of molecular crystals per atom: Å, Å³ (CRC Handbook of Chemistry and Physics).
MOLECULES = {"H": (0.74, 12.0), "N": (1.10, 22.0), "O": (1.21, 17.0), "F": (1.42, 16.5), "Cl": (1.99, 28.9)}
MOLECULES |= {"Br": (2.28, 32.8), "I": (2.67, 42.7)}
CM3_PER_MOL_IN_ANGSTROM3 = 0.602214076  # 1 Å³ per atom in cm³/mol
RATTLE_ANGSTROM = 0.03
WANTED_TOGETHER = 62  # so many compounds of the list of those wanted first go by size, then the next
DIGEST = 8


@dataclass(frozen=True)
class Job:
    """One start to relax; `key` changes with the start, so that a corrected crystal is relaxed anew."""

    kind: str
    start: Start

    @property
    def key(self) -> str:
        return f"{self.kind} {self.start.name} {fingerprint(self.start.structure)[:DIGEST]}"

    @property
    def composition(self) -> str:
        return composition_key(parse_formula(self.start.formula))


def fingerprint(structure: Structure) -> str:
    """Hash of cell and atoms to 1e-3."""
    atoms = [f"{s.specie.symbol} " + " ".join(f"{x + 0.0:.3f}" for x in s.frac_coords.round(3) % 1) for s in structure]
    text = "\n".join([" ".join(f"{x:.3f}" for x in structure.lattice.parameters), *sorted(atoms)])
    return hashlib.sha256(text.encode()).hexdigest()


def rattled(structure: Structure, distance_angstrom: float, seed: int = 0) -> Structure:
    """The crystal with every atom moved by one distance in a random direction: off every saddle point."""
    directions = np.random.default_rng(seed).normal(size=(len(structure), 3))
    moves = distance_angstrom * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    bare = [site.specie.symbol for site in structure]
    return Structure(structure.lattice, bare, structure.cart_coords + moves, coords_are_cartesian=True)


def crystals_at_hand(folder: Path) -> dict[str, Structure]:
    """Ordered crystals by name, primitive cells: the CIFs of a folder, and the published cells in its tables."""
    cells, _ = published_cells(folder)
    if not folder.is_dir() or not any(folder.glob("*.cif")):
        return cells
    structures, _ = read_structures(folder)
    return cells | {name: s.get_primitive_structure() for name, s in sorted(structures.items()) if s.is_ordered}


def element_starts(symbols: set[str]) -> Iterator[Start]:
    """Elements at ambient conditions: in their own type, or in five usual ones; gases as molecular crystals."""
    for symbol in sorted(symbols):
        own = OWN_TYPES.get(symbol)
        for prototype in aflow_prototypes(40):
            if len(prototype.structure.composition) > 1:
                continue
            label = prototype.name.rpartition("(")[2].rstrip(")")
            named = prototype.structure.composition.reduced_formula
            usual = own is None and label in METAL_TYPES
            if (label, named) == own or usual or (symbol, label) == ("Sn", "A_tI4_141_a"):
                structure = _element(symbol, prototype.structure)
                yield Start(f"{symbol} as {prototype.name}", symbol, prototype.name, {named: symbol}, structure)


def _element(symbol: str, prototype: Structure) -> Structure:
    if prototype[0].specie.symbol == symbol:
        return prototype
    cell = Structure(prototype.lattice, [symbol] * len(prototype), prototype.frac_coords)
    if symbol not in MOLECULES:
        volume = float(Element(symbol).molar_volume) / CM3_PER_MOL_IN_ANGSTROM3
        return cell.scale_lattice(volume * len(cell))
    bond, volume = MOLECULES[symbol]
    cell.scale_lattice(volume * len(cell))
    return with_bond(cell, bond)


def with_bond(crystal: Structure, bond_angstrom: float) -> Structure:
    """A crystal of diatomic molecules, the bond of each set to a length about its middle."""
    coords = crystal.cart_coords.copy()
    for i, site in enumerate(crystal):
        near = min(crystal.get_neighbors(site, 4.5), key=lambda n: n.nn_distance)
        middle = (site.coords + near.coords) / 2
        coords[i] = middle + (site.coords - middle) * bond_angstrom / near.nn_distance
    return Structure(crystal.lattice, crystal.species, coords, coords_are_cartesian=True)


UNFINISHED = "not converged"


def relaxed_before(path: Path, done: Mapping[str, Mapping[str, Any]]) -> list[Job]:
    """Crystals of earlier runs worth relaxing: those that did not converge, where they stopped, and candidates of the
    table at `path` of a composition that no start of `done` has brought to its end."""
    ended = {composition_key(parse_formula(row["formula"])) for row in done.values() if not row["reason"]}
    jobs = [
        Job("relaxed", Start(row["name"], row["formula"], row["prototype"], row["mapping"], Structure.from_dict(s)))
        for row in done.values()
        if row["reason"].startswith(UNFINISHED) and (s := row["structure"]) and row["kind"] != "new"
    ]
    if path.is_file():
        for row in read_table(path).to_dict("records"):
            structure = Structure.from_str(str(row["structure_json"]), fmt="json")
            kind = "new" if str(row["origin"]).startswith("new") else "relaxed"
            made = str(row["note"]).split(";")[0]
            jobs.append(Job(kind, Start(str(row["id"]), str(row["formula"]), made, {}, structure)))
    return [job for job in jobs if job.composition not in ended]


def known_jobs(reference: Path) -> tuple[list[Job], list[str]]:
    """(jobs of the known compounds, what is wrong with the rows of the tables that give none)."""
    folder = reference / "crystals"
    at_hand = crystals_at_hand(folder)
    cells = {start.name: start for start in cell_starts(folder)}
    jobs = [Job("cell", start) for start in cells.values()]
    for name, structure in at_hand.items():
        if name not in cells:
            formula = structure.composition.reduced_formula
            jobs.append(Job("crystal", Start(name, formula, name, {}, structure)))
    types, problems = type_starts(folder, at_hand)
    jobs += [Job("type", start) for start in types]
    return jobs, [*published_cells(folder)[1], *problems]


def element_jobs(jobs: list[Job]) -> list[Job]:
    """The elements of the jobs."""
    symbols = {e.symbol for job in jobs for e in parse_formula(job.start.formula)}
    return [Job("element", start) for start in element_starts(symbols)]


def without_repeats(jobs: list[Job]) -> list[Job]:
    """The jobs but those that an earlier run, or a crystal, has done: a type it was found in, a crystal's own copy."""
    before = {(j.composition, j.start.prototype.partition(" with ")[0]) for j in jobs if j.kind == "relaxed"}
    given = {(j.composition, j.start.name) for j in jobs if j.kind in ("crystal", "cell")}
    return [
        job
        for job in jobs
        if job.kind != "new"
        and not (job.kind == "type" and (job.composition, job.start.prototype) in before)
        and not (job.kind == "relaxed" and (job.composition, job.start.prototype) in given)
    ]


def wanted_first(reference: Path) -> dict[str, int]:
    """Rank by composition of the compounds that a table starter/first.csv (formula) asks for before others, if any."""
    file = reference / "starter" / "first.csv"
    if not file.is_file():
        return {}
    names = pd.read_csv(file, dtype=str, keep_default_na=False)["formula"]
    return {composition_key(parse_formula(str(name))): rank for rank, name in enumerate(names)}


def priority(job: Job, first: Mapping[str, int]) -> tuple[int, int, int, str]:
    """Elements; what is wanted first; then compounds of the core elements, of others, and alloys without lithium;
    small cells first."""
    symbols = {e.symbol for e in job.start.structure.composition}
    ionic = bool(symbols & {"Li", *ANIONS})
    size = len(job.start.structure) // 10
    if job.kind != "element" and job.composition in first:
        return 1, first[job.composition] // WANTED_TOGETHER, size, job.key
    tier = 0 if job.kind == "element" else 2 if symbols <= CORE and ionic else 3 if ionic else 4
    return tier, 0, size, job.key


def mine(jobs: Mapping[str, Job], shard: int, shards: int) -> dict[str, Job]:
    """The jobs of one of `shards` workers: by digest, not by place, as the other may see other jobs."""
    return {k: j for k, j in jobs.items() if int(hashlib.sha256(k.encode()).hexdigest(), 16) % shards == shard}
