"""New lithium compounds worth relaxing: the crystals of known ones with other ions, wholly or on some of the sites."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from pymatgen.core import Species, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.crystals.mixed_sites import mixed
from ionsieve.features.crystals.prototypes import aflow_prototypes, rescaled
from ionsieve.features.crystals.substitution import IONS, Hypothetical, substitutions, without_duplicates
from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.pipeline.reference.crystal_tables import Start, read_tables
from ionsieve.pipeline.reference.starter_jobs import Job
from ionsieve.pipeline.tables import read_table

# Elements a new compound may hold: those whose binaries and ternaries with lithium and the anions the set is made of.
OFFERED = {
    *("Li", "B", "N", "O", "F", "Al", "Si", "P", "S", "Cl", "Ti", "Ge", "Br", "Y", "Zr", "Nb", "In", "Sn", "I", "La"),
    *("Ta", "Mg", "Zn", "Sc", "Hf", "Ga", "Ca", "Sr", "Ba"),
}
MAX_PARENT_ATOMS = 26
LARGE_PARENT_ATOMS = 42  # of parents that conduct lithium well in many compositions: garnets, NASICONs
MAX_ABOVE_HULL_EV_ATOM = 0.06  # of a parent
PER_PARENT = 40
HALIDES = frozenset({"F", "Cl", "Br", "I"})
# How often each family has its turn: halides, oxyhalides and sulfides before oxides, oxides before the rest.
TURNS = {"halide": 4, "mixed anion": 4, "sulfide": 4, "oxide": 3, "nitride": 1}
# Cations that hold their oxygen in one anion (PO4, SiO4 …): no oxygen of theirs is swapped alone.
CENTRES = frozenset({"B", "C", "N", "P", "S", "Si"})


def named_compositions(reference: Path) -> set[str]:
    """Keys of all compositions in the project's tables: none of them is new."""
    tables = ["formation_enthalpies.csv", "missing_phases.csv", "conductivity.csv", "band_gaps.csv", "coatings.csv"]
    names = {f for t in tables if (reference / t).is_file() for f in read_table(reference / t)["formula"]}
    for part in ("cells", "types"):
        table = read_tables(reference / "crystals" / part)
        names |= set(table["formula"]) if len(table) else set()
    for name in ("phases.csv", "missing_phases.csv"):
        file = reference / "starter" / name
        names |= set(read_table(file)["formula"]) if file.is_file() else set()
    return {composition_key(parse_formula(str(name))) for name in names}


def family(symbols: set[str]) -> str:
    """Which family a compound is counted in, by its anions."""
    halides = symbols & HALIDES
    if halides:
        return "mixed anion" if len(halides) > 1 or symbols & {"O", "S", "N"} else "halide"
    return "sulfide" if "S" in symbols else "oxide" if "O" in symbols else "nitride" if "N" in symbols else "other"


def plausible(hypothetical: Hypothetical) -> bool:
    """Whether a new compound holds only ions that last (no Ti3+, no S6+), and no anion with one oxygen swapped."""
    ions = [site.specie for site in hypothetical.structure if isinstance(site.specie, Species)]
    if any(ion.symbol not in IONS.get(round(ion.oxi_state or 0), ()) for ion in ions):
        return False
    symbols = {ion.symbol for ion in ions}
    partly = any("/" in new for new in hypothetical.swaps.values())
    held = any(ion.symbol in CENTRES and (ion.oxi_state or 0) > 0 for ion in ions)
    oxygen = any(old.startswith("O") or new.endswith("O2-") for old, new in hypothetical.swaps.items())
    return symbols <= OFFERED and family(symbols) in TURNS and not (partly and held and oxygen and "S" not in symbols)


def parents(reference: Path) -> dict[str, Structure]:
    """Relaxed known lithium compounds near the hull, and AFLOW's compounds of alkalis, by name."""
    table = pd.read_parquet(reference / "starter" / "candidates.parquet")
    table = table[~table["origin"].str.startswith("new")]
    hull = hull_table(
        list(table["formula"]),
        phase_set(read_table(reference / "starter" / "phases.csv")),
        list(table["formation_energy_ev_atom"]),
    )
    near = (hull["e_above_hull_ev_atom"].to_numpy() <= MAX_ABOVE_HULL_EV_ATOM) & table["formula"].str.contains("Li")
    found = {
        f"{row['formula']} ({row['note'].split(' (')[0].split(';')[0]})": Structure.from_str(
            row["structure_json"], fmt="json"
        )
        for row in table[near].to_dict("records")
    }
    singly = {"Na", "K", "Cu", "Ag"}
    types = {
        p.name: p.structure
        for p in aflow_prototypes(MAX_PARENT_ATOMS)
        if len(p.structure.composition) > 2 and singly & {e.symbol for e in p.structure.composition}
    }
    return {
        name: structure
        for name, structure in (types | found).items()
        if len(structure) <= MAX_PARENT_ATOMS or (name in found and len(structure) <= LARGE_PARENT_ATOMS)
    }


def new_compounds(name: str, structure: Structure, taken: set[str]) -> list[list[Hypothetical]]:
    """The likeliest new compounds of one parent, each with its arrangements; none where it has no whole charges."""
    try:
        charged, note = assign_oxidation_states(structure)
        if note:
            return []
        lithium = any(site.specie.symbol == "Li" for site in structure)
        whole = substitutions(name, charged, max_swaps=2 if lithium else 3)
        partly = mixed(name, charged) if lithium else []
    except ValueError:
        return []  # an alloy, or a molecule: no ions to swap
    grouped: dict[str, list[Hypothetical]] = {}
    for hypothetical in sorted([*whole, *partly], key=lambda h: -h.probability):
        composition = hypothetical.structure.composition.element_composition
        key = composition_key(composition)
        if key not in taken and plausible(hypothetical):
            grouped.setdefault(key, []).append(hypothetical)
    return list(grouped.values())[:PER_PARENT]


def candidates(reference: Path) -> list[tuple[str, list[Hypothetical]]]:
    """(formula, arrangements) of new compounds, families and parents in turns, one crystal of each composition."""
    taken = named_compositions(reference)
    queues: dict[str, list[list[tuple[str, list[Hypothetical]]]]] = {}
    for name, structure in sorted(parents(reference).items(), key=lambda item: (len(item[1]), item[0])):
        by_family: dict[str, list[tuple[str, list[Hypothetical]]]] = {}
        for group in new_compounds(name, structure, taken):
            composition = group[0].structure.composition.element_composition
            kind = family({e.symbol for e in composition})
            by_family.setdefault(kind, []).append((composition.reduced_formula, group))
        for kind, found in by_family.items():
            queues.setdefault(kind, []).append(found)
    turns = {
        kind: [item for turn in itertools.zip_longest(*found) for item in turn if item is not None]
        for kind, found in queues.items()
    }
    return list(_in_turns(turns))


def _in_turns(queues: Mapping[str, list[tuple[str, list[Hypothetical]]]]) -> Iterator[tuple[str, list[Hypothetical]]]:
    left = {kind: iter(queues.get(kind, [])) for kind in TURNS}
    while left:
        for kind in list(left):
            items = list(itertools.islice(left[kind], TURNS[kind]))
            yield from items
            if not items:
                del left[kind]


def candidate_jobs(reference: Path) -> Iterator[tuple[Job, list[Structure]]]:
    """(job, all its arrangements) of new compounds; at most two parents for one composition."""
    parents_of: dict[str, int] = {}
    for formula, group in candidates(reference):
        key = composition_key(parse_formula(formula))
        parents_of[key] = parents_of.get(key, 0) + 1
        if parents_of[key] > 2:
            continue
        kept, _ = without_duplicates(group[:4], [])
        first = kept[0]
        structures = [rescaled(_bare(h.structure)) for h in kept if h.swaps == first.swaps]
        start = Start(f"{formula} in {first.parent}", formula, first.parent, dict(first.swaps), structures[0])
        yield Job("new", start), structures


def _bare(structure: Structure) -> Structure:
    symbols = [site.specie.symbol for site in structure]
    return Structure(structure.lattice, symbols, structure.frac_coords)
