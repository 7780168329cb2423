"""What `make starter` has to compute: elements, known compounds dressed in crystal types, and new candidates."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from ase.data import reference_states
from pymatgen.core import Composition, Element, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.crystals.prototypes import (
    Decoration,
    Prototype,
    aflow_prototypes,
    decorate,
    decorations,
    rescaled,
)
from ionsieve.features.crystals.substitution import IONS, Hypothetical, substitutions, without_duplicates
from ionsieve.models.quantities.formation import FITTED
from ionsieve.pipeline.resume import key_of
from ionsieve.pipeline.sources.cifs import read_structures
from ionsieve.pipeline.tables import read_table

# Elements the set is made for; compounds that hold others come after all that hold none.
CORE = {
    *("Li", "B", "C", "N", "O", "F", "Al", "Si", "P", "S", "Cl", "Ti", "Ga", "Ge", "Br", "Y", "Zr", "Nb", "In", "Sn"),
    *("I", "La", "Ta", "Mg", "Ca", "Sr", "Zn", "Sc", "Hf", "Lu"),
}
NEXT = {"H", "Na", "K", "Ba", "Co", "Fe", "Mn", "Ni", "W", "Se", "Bi", "Sb", "V"}
# Elements whose crystal ASE cannot build from a lattice constant alone, by AFLOW label.
ELEMENT_TYPES = {
    **{"B": "alpha boron (A_hR12_166_2h)", "C": "Graphite (A_hP4_194_bc)", "P": "black P (A_oC8_64_f)"},
    **{
        "Ga": "alpha (A_oC8_64_f)",
        "In": "Protactinium (A_tI2_139_a)",
        "La": "alpha La (A_hP4_194_ac)",
        "Te": "alpha Selenium (A_hP3_152_a)",
    },
    **dict.fromkeys(["As", "Sb", "Bi"], "alpha As (A_hR2_166_c)"),
}
# Types of most simple compounds: tried on each, however unlike the elements they were named after.
COMMON_TYPES = {
    *("AB_cF8_225_a_b", "AB_cF8_216_c_a", "AB_hP4_186_b_b", "AB_cP2_221_b_a", "AB_hP4_194_c_a", "AB_cF16_227_a_b"),
    *("AB2_cF12_225_a_c", "A2B_tP6_136_f_a", "AB2_hP3_164_a_d", "A2B_cF24_227_d_a", "A2B_tI12_141_e_a"),
    *("AB2_oC24_41_2a_2b", "AB3_cF16_225_a_bc", "AB3_cP4_221_a_c", "A3B_cP4_221_d_a", "AB3_hR8_148_c_f"),
    *("AB3_mC16_12_g_ij", "AB3_hP8_194_c_bf", "A2B3_hR10_167_c_e", "AB3C_cP5_221_a_c_b", "ABC3_hR10_161_a_a_b"),
    *("ABC3_hR10_167_a_b_e", "AB3C_hR10_148_c_f_c", "ABC2_hR4_166_a_b_c", "A2BC4_cF56_227_d_a_e", "ABC_cF12_216_b_c_a"),
}
MAX_GUESSES = 8
MAX_GUESS_ATOMS = 44  # in all guesses of one compound together, unless the first alone has more
MAX_TYPE_ATOMS = 24
MAX_CRYSTAL_ATOMS = 60
MIN_NEW_TYPE_ATOMS, MAX_NEW_TYPE_ATOMS = 7, 36
ATOM_COST = 0.03  # unlikeness that one more atom per cell is held to outweigh: most types of few atoms are common
PER_PARENT = 30
KNOWN = ("known ", "common ", "checked ")  # how the jobs of known compounds begin
MAX_PARENT_ATOMS = 24


@dataclass(frozen=True)
class Job:
    """One compound to compute: what to call it, its formula, and what makes the guesses of its structure."""

    key: str
    formula: str
    guesses: Callable[[], Sequence[Decoration]]


def affordable(guesses: Sequence[Decoration]) -> list[Decoration]:
    """The likeliest guesses, as many as fit the atoms one compound may cost; its own types alone where it has some."""
    ranked = sorted(guesses, key=lambda guess: guess.distance + ATOM_COST * len(guess.structure))
    own = [guess for guess in ranked if guess.distance == 0]
    kept: list[Decoration] = []
    for guess in (own or ranked)[:MAX_GUESSES]:
        if not kept or sum(len(g.structure) for g in kept) + len(guess.structure) <= MAX_GUESS_ATOMS:
            kept.append(guess)
    return kept


def is_common(name: str) -> bool:
    """Whether a type, by its name with AFLOW's label, is one of COMMON_TYPES."""
    return name.rpartition("(")[2].rstrip(")") in COMMON_TYPES


def element_guess(symbol: str) -> list[Decoration]:
    """Crystal of an element at ambient conditions."""
    if symbol in ELEMENT_TYPES:
        prototype = next(p for p in aflow_prototypes(12) if p.name == ELEMENT_TYPES[symbol])
        own = str(prototype.structure[0].specie.symbol)
        return [Decoration(prototype.name, {own: symbol}, 0.0, decorate(prototype, {own: symbol}))]
    if reference_states[Element(symbol).Z]["symmetry"] not in ("fcc", "bcc", "hcp", "diamond", "bct"):
        symbol_structure = bulk(symbol, "bcc", a=2.9)  # manganese: bcc stands in for its 29-atom cell
    else:
        symbol_structure = bulk(symbol)
    structure = AseAtomsAdaptor.get_structure(symbol_structure)
    return [Decoration(f"{symbol} at ambient conditions", {symbol: symbol}, 0.0, structure)]


def known_formulas(reference: Path) -> list[str]:
    """Names of known compounds, one spelling each: those of the core elements first, then by number of atoms."""
    tables = ["formation_enthalpies.csv", "missing_phases.csv"]
    names = [f for table in tables for f in read_table(reference / table)["formula"]]
    known: dict[str, str] = {}
    for name in names:
        composition = parse_formula(name)
        if len(composition) > 1 and all(abs(n - round(n)) < 1e-6 for n in composition.values()):
            known.setdefault(composition_key(composition), name)
    return sorted(known.values(), key=lambda f: (_rank(f), parse_formula(f).reduced_composition.num_atoms, f))


def named_compositions(reference: Path) -> set[str]:
    """Keys of all compositions in the project's tables: none of them is new."""
    tables = ["formation_enthalpies.csv", "missing_phases.csv", "conductivity.csv", "band_gaps.csv"]
    names = {f for table in tables if (reference / table).is_file() for f in read_table(reference / table)["formula"]}
    return {composition_key(parse_formula(name)) for name in names}


def _rank(formula: str) -> tuple[int, bool, bool]:
    symbols = {e.symbol for e in parse_formula(formula)}
    molecule = not any(Element(s).is_metal for s in symbols) and not symbols & {"B", "Si", "Ge"}
    return distance_from_core(formula), molecule, len(symbols) > 2


def distance_from_core(formula: str) -> int:
    """0 where all elements are those the set is made for, 1 or 2 further out."""
    symbols = {e.symbol for e in parse_formula(formula)}
    return 0 if symbols <= CORE else 1 if symbols <= CORE | NEXT else 2


def element_jobs(formulas: Sequence[str]) -> Iterator[Job]:
    """The elements that are computed, of all formulas."""
    for symbol in sorted({e.symbol for f in formulas for e in parse_formula(f)} - FITTED):
        yield Job(f"element {symbol}", symbol, partial(element_guess, symbol))


def known_jobs(formulas: Sequence[str], crystals: Mapping[str, Structure]) -> Iterator[Job]:
    """Known compounds in the common types, then in all of their composition, AFLOW's and the crystals' at hand.

    A crystal of the compound itself is relaxed alone. The key holds which crystals there were: new ones are tried.
    """
    ordered = [Prototype(name, s) for name, s in crystals.items() if len(s) <= MAX_CRYSTAL_ATOMS]
    types = [p for p in aflow_prototypes(MAX_TYPE_ATOMS) if len(p.structure.composition) > 1]
    shapes: dict[str, list[Prototype]] = {}
    for prototype in [*types, *(p for p in ordered if MIN_NEW_TYPE_ATOMS <= len(p.structure) <= MAX_NEW_TYPE_ATOMS)]:
        shapes.setdefault(prototype.structure.composition.anonymized_formula, []).append(prototype)
    own: dict[str, list[Prototype]] = {}
    for prototype in ordered:
        own.setdefault(composition_key(prototype.structure.composition), []).append(prototype)
    common = [p for p in types if is_common(p.name)]
    for formula in formulas:
        composition = parse_formula(formula)
        if any(p.structure.composition.anonymized_formula == composition.anonymized_formula for p in common):
            yield Job(f"common {formula}", formula, partial(_affordable_in, composition, common))
    for formula in formulas:
        composition = parse_formula(formula)
        mine = own.get(composition_key(composition))
        like = mine or shapes.get(composition.anonymized_formula, [])
        if like:
            named = [p.name for p in like if p.name in crystals]
            key = f"known {formula} {key_of(*named)[:8]}" if named else f"known {formula}"
            yield Job(key, formula, partial(_affordable_in, composition, like))


def candidate_jobs(parents: Mapping[str, Structure], taken: set[str]) -> Iterator[Job]:
    """New lithium compounds from relaxed parents, in turns: the likeliest of every parent before the next of any.

    No composition whose key is in `taken` is new.
    """
    by_parent = [new_compounds(name, structure, taken) for name, structure in sorted(parents.items())]
    turns = [h for turn in itertools.zip_longest(*by_parent) for h in turn if h is not None]
    kept, _ = without_duplicates(turns, [])
    for hypothetical in kept:
        formula = hypothetical.structure.composition.element_composition.reduced_formula
        yield Job(f"new {formula} in {hypothetical.parent}", formula, partial(_as_guesses, hypothetical))


def type_parents() -> dict[str, Structure]:
    """AFLOW's compounds of three elements and more with an ion of charge 1, where lithium may come in."""
    singly = {"Li", "Na", "K", "Cu", "Ag"}
    return {
        p.name: p.structure
        for p in aflow_prototypes(MAX_PARENT_ATOMS)
        if len(p.structure.composition) > 2 and singly & {e.symbol for e in p.structure.composition}
    }


def new_compounds(name: str, structure: Structure, taken: set[str]) -> list[Hypothetical]:
    """The likeliest substitutions of one parent whose composition is not taken; none where it has no whole charges."""
    if len(structure) > MAX_PARENT_ATOMS or not structure.is_ordered:
        return []
    try:
        charged, note = assign_oxidation_states(structure)
        lithium = any(site.specie.symbol == "Li" for site in structure)
        found = [] if note else substitutions(name, charged, max_swaps=2 if lithium else 3)
    except ValueError:
        return []  # an alloy, or a molecule: no ions to swap
    offered = {"Li"}.union(*IONS.values())  # iron or arsenic of a parent may not stay: no role would take them
    fresh = [
        h
        for h in found
        if composition_key(h.structure.composition.element_composition) not in taken
        and {site.specie.symbol for site in h.structure} <= offered
    ]
    return fresh[:PER_PARENT]


def _affordable_in(composition: Composition, types: Sequence[Prototype]) -> list[Decoration]:
    return affordable(decorations(composition, types, 40))


def _as_guesses(hypothetical: Hypothetical) -> list[Decoration]:
    bare = [site.specie.symbol for site in hypothetical.structure]
    structure = rescaled(Structure(hypothetical.structure.lattice, bare, hypothetical.structure.frac_coords))
    return [Decoration(hypothetical.parent, hypothetical.swaps, -np.log10(hypothetical.probability), structure)]


def parents_of(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Structure]:
    """Relaxed lithium compounds by "formula, type": the lowest of each composition."""
    best: dict[str, Mapping[str, Any]] = {}
    for key, row in rows.items():
        if key.startswith(KNOWN) and not row["reason"] and "Li" in Composition(row["formula"]):
            name = composition_key(parse_formula(row["formula"]))
            if name not in best or row["energy_ev_atom"] < best[name]["energy_ev_atom"]:
                best[name] = row
    return {f"{r['formula']} ({r['prototype']})": Structure.from_dict(r["structure"]) for r in best.values()}


def checked_crystals(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows of the crystals that were relaxed when they were checked (`checked.csv` beside them), none twice.

    The structure is the published one, the energy that of the relaxed crystal.
    """
    file = folder / "checked.csv"
    if not file.is_file():
        return {}
    crystals = crystals_at_hand(folder)
    table = read_table(file)
    usable = table[table["reason"].isna() & table["id"].isin(crystals)]
    return {
        f"checked {row['id']}": {
            "formula": crystals[row["id"]].composition.reduced_formula,
            "reason": "",
            "prototype": row["id"],
            "mapping": {},
            "energy_ev_atom": row["energy_ev_atom"],
            "structure": crystals[row["id"]].as_dict(verbosity=0),
        }
        for row in usable.to_dict("records")
    }


def crystals_at_hand(folder: Path) -> dict[str, Structure]:
    """Ordered crystals by file name, primitive cells."""
    if not folder.is_dir() or not any(folder.glob("*.cif")):
        return {}
    structures, _ = read_structures(folder)
    return {name: s.get_primitive_structure() for name, s in sorted(structures.items()) if s.is_ordered}
