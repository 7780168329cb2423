"""What `make starter` writes from the starts relaxed: phases, candidates, what is missing, and the elements.

data/reference/starter/phases.csv           formula, formation_energy_ev_atom, thermo_set, energy_error_ev_atom,
                                            obtained, prototype
data/reference/starter/candidates.parquet   known and new compounds with structure and energy, columns of a candidate
data/reference/starter/missing_phases.csv   known compounds without an energy, and why
data/reference/starter/elements.csv         energy of each element, and the crystal it belongs to
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.conventional_cell import lattice_from_structure, symmetric
from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.models.quantities.enthalpy_shift import N_FOLDS, both_known, fitted, moved, shift_ev_atom
from ionsieve.models.quantities.formation import formation_energy_ev_atom
from ionsieve.pipeline.reference.crystal_tables import read_tables
from ionsieve.pipeline.tables import counted, read_table, write_table

THERMO_SET = "sevennet0-mp2020"
MAX_ERROR_EV_ATOM = 0.15  # computed above measured, both on one scale; the move itself errs by about 0.05
# Neighbours that the centres of oxygen anions have at ambient pressure.
OXO_CENTRES = {"B": (3, 4), "C": (2, 3), "N": (2, 3), "P": (4,), "S": (2, 3, 4), "Si": (4,)}
MAX_HULL_EV_ATOM = 0.10  # a compound that has been made is seldom further above the hull
MAX_NEW_EV_ATOM = 0.20  # a new compound above it will not be made
NOT_TRIED = "no crystal of it is at hand"
TWINS_EV_ATOM = 0.002
SYMMETRY_TOLERANCE_ANGSTROM = 0.05  # what a start rattled by 0.03 Å may keep of it where forces of 0.1 eV/Å are left
NEARLY = 0.4  # eV/Å on the atom worst off
DIGITS = 5  # of fractional coordinates and cell vectors: finer than any relaxation here
KNOWN = ("crystal", "cell", "relaxed", "type")


def done_table(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per start that ended well: kind, name, formula, key of its composition, prototype, energy, structure."""
    good = [
        {
            "kind": row["kind"],
            "name": row["name"],
            "formula": row["formula"],
            "composition": composition_key(parse_formula(row["formula"])),
            "prototype": row["prototype"],
            "mapping": row["mapping"],
            "energy_ev_atom": row["energy_ev_atom"],
            "structure": row["structure"],
        }
        for row in rows.values()
        if is_usable(row)
    ]
    return pd.DataFrame(good).sort_values(["kind", "formula", "energy_ev_atom", "name"], ignore_index=True)


def is_usable(row: Mapping[str, Any]) -> bool:
    """Whether a relaxation ended well, or close enough to its end: an upper bound some millielectronvolts too high."""
    nearly = str(row["reason"]).startswith("not converged") and row.get("max_force_ev_angstrom", np.inf) <= NEARLY
    return not row["reason"] or nearly


def lowest(done: pd.DataFrame) -> pd.DataFrame:
    """The lowest row of each composition."""
    order = done.sort_values(["energy_ev_atom", "name"], kind="stable")
    return order.drop_duplicates("composition").sort_values("formula", ignore_index=True)


def with_formation_energies(done: pd.DataFrame, elements: Mapping[str, float]) -> pd.DataFrame:
    """The rows whose elements all have an energy, with formation_energy_ev_atom."""
    energies = [
        formation_energy_ev_atom(energy, Structure.from_dict(structure), elements)
        for energy, structure in zip(done["energy_ev_atom"], done["structure"], strict=True)
    ]
    return done.assign(formation_energy_ev_atom=energies).dropna(subset="formation_energy_ev_atom", ignore_index=True)


def compact_json(structure: Structure) -> str:
    """Crystal as text, coordinates rounded, without what a reader can work out."""
    sites = [
        {"species": [{"element": site.specie.symbol, "occu": 1}], "abc": np.round(site.frac_coords, DIGITS).tolist()}
        for site in structure
    ]
    lattice = {"matrix": np.round(structure.lattice.matrix, DIGITS).tolist()}
    entry = {"@module": "pymatgen.core.structure", "@class": "Structure", "lattice": lattice, "sites": sites}
    return json.dumps(entry, separators=(",", ":"))


def candidate_row(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """A candidate in the columns of the stage: id, formula, energy, lattice, structure, origin, note."""
    structure = symmetric(Structure.from_dict(row["structure"]), SYMMETRY_TOLERANCE_ANGSTROM)
    new = row["kind"] == "new"
    swaps = ", ".join(f"{a} by {b}" for a, b in sorted(row["mapping"].items()) if a != b)
    lattice = lattice_from_structure(structure, row["formula"])
    made = f"{row['prototype']} with {swaps}" if swaps else f"{row['prototype']}"
    return lattice | {
        "id": row["name"] if new else row["formula"],
        "formula": row["formula"],
        "formation_energy_ev_atom": round(row["formation_energy_ev_atom"], 5),
        "structure_json": compact_json(structure),
        "origin": "new: substitution, SevenNet" if new else "known compound, SevenNet",
        "note": "; ".join(filter(None, [made, str(lattice["note"])])),
    }


def without_twins(candidates: pd.DataFrame) -> pd.DataFrame:
    """One row of each crystal: two starts may relax into one (same composition, space group, energy within 2 meV)."""
    kept: dict[tuple[str, float], list[float]] = {}
    first = []
    columns = (candidates[c] for c in ("formula", "space_group_number", "formation_energy_ev_atom"))
    for formula, space_group, energy in zip(*columns, strict=True):
        seen = kept.setdefault((composition_key(parse_formula(formula)), space_group), [])
        first.append(all(abs(energy - e) > TWINS_EV_ATOM for e in seen))
        seen.append(energy)
    return candidates[first].reset_index(drop=True)


def is_candidate(formula: str) -> bool:
    """Whether a compound can take a role: it holds lithium, or is an oxide."""
    symbols = {e.symbol for e in parse_formula(formula)}
    return len(symbols) > 1 and ("Li" in symbols or "O" in symbols)


def without_odd_surroundings(known: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """(rows whose oxygen anions look as they can, reason of one of the others by formula)."""
    odd = [odd_surroundings(Structure.from_dict(structure)) for structure in known["structure"]]
    reasons = {f: f"its type was not found: {why}" for f, why in zip(known["formula"], odd, strict=True) if why}
    return known[[not why for why in odd]].reset_index(drop=True), reasons


def without_wrong_types(known: pd.DataFrame, moved: Mapping[str, float]) -> tuple[pd.DataFrame, dict[str, str]]:
    """(compounds found in a type that can be theirs, reason for each other one by formula).

    A compound that exists lies near the hull and near its measured energy; one far above either was relaxed in a type
    that is not its own, and its energy would be no energy of it.

    Args:
        known: One row per composition.
        moved: Measured energy on the computed scale by key of composition, eV/atom.
    """
    distance = hull_table(list(known["formula"]), phase_set(known), list(known["formation_energy_ev_atom"]))
    reasons = {}
    for row, above in zip(known.to_dict("records"), distance["e_above_hull_ev_atom"], strict=True):
        error = row["formation_energy_ev_atom"] - moved.get(row["composition"], np.nan)
        if error > MAX_ERROR_EV_ATOM:
            reasons[row["formula"]] = f"its type was not found: {error:.2f} eV/atom above the measured energy"
        elif above > MAX_HULL_EV_ATOM:
            reasons[row["formula"]] = f"its type was not found: {above:.2f} eV/atom above the hull"
    return known[~known["formula"].isin(reasons)].reset_index(drop=True), reasons


def odd_surroundings(structure: Structure) -> str:
    """The centre of an oxygen anion (PO4, SO4, CO3 …) with a number of neighbours it never has, in words; "" else.

    Such a guess can lie on the hull of a system in which all others are missing: its energy does not give it away.
    """
    symbols = {site.specie.symbol for site in structure}
    centres = symbols & OXO_CENTRES.keys()
    if "O" not in symbols or not centres:
        return ""
    try:
        charges, _ = average_charges(structure.composition)
    except ValueError:
        return ""
    anions = {s for s in symbols if charges[s] < 0}
    for k, site in enumerate(structure):
        centre = site.specie.symbol
        if centre not in centres or charges[centre] < 3:
            continue  # P-P, S-S and suboxides have other surroundings
        around = [n.nn_distance for n in structure.get_neighbors(site, 3.5) if n.specie.symbol in anions]
        n = int(np.count_nonzero(np.array(around) < 1.25 * min(around))) if around else 0
        if n not in OXO_CENTRES[centre]:
            return f"{centre} has {n} anions around it (atom {k + 1})"
    return ""


def named_formulas(reference: Path) -> dict[str, str]:
    """Known compounds by key of composition: names in the tables of enthalpies, missing phases and crystals."""
    tables = [read_table(reference / name) for name in ("formation_enthalpies.csv", "missing_phases.csv")]
    tables += [read_tables(reference / "crystals" / part) for part in ("cells", "types")]
    names = [str(f) for table in tables if len(table) for f in table["formula"]]
    known: dict[str, str] = {}
    for name in names:
        composition = parse_formula(name)
        if len(composition) > 1 and all(abs(n - round(n)) < 1e-6 for n in composition.values()):
            known.setdefault(composition_key(composition), name)
    return known


def missing_table(
    named: Mapping[str, str], have: Iterable[str], rows: Iterable[Mapping[str, Any]], doubtful: Mapping[str, str]
) -> pd.DataFrame:
    """Known compounds that have no energy in the set, and why; `named` and `have` are keyed by composition."""
    tried = {row["formula"]: row["reason"] for row in rows if not is_usable(row) and row["kind"] in KNOWN}
    reasons = {composition_key(parse_formula(f)): why for f, why in [*tried.items(), *doubtful.items()]}
    absent = sorted(set(named) - set(have), key=lambda key: named[key])
    table = {"formula": [named[key] for key in absent], "thermo_set": THERMO_SET}
    return pd.DataFrame(table | {"reason": [reasons.get(key, NOT_TRIED) for key in absent]})


def phases_table(known: pd.DataFrame) -> pd.DataFrame:
    """Rows of phases.csv from the compounds computed."""
    named = ["as found before" if kind == "relaxed" else kind for kind in known["kind"]]
    return pd.DataFrame(
        {
            "formula": known["formula"],
            "formation_energy_ev_atom": known["formation_energy_ev_atom"].round(5),
            "thermo_set": THERMO_SET,
            "energy_error_ev_atom": np.nan,
            "obtained": [f"relaxed, {n}" for n in named],
            "prototype": known["prototype"],
        }
    ).sort_values("formula", ignore_index=True)


def keys_of(phases: pd.DataFrame) -> list[str]:
    """Key of the composition of each row."""
    return [composition_key(parse_formula(formula)) for formula in phases["formula"]]


def on_computed_scale(known: pd.DataFrame, measured: pd.DataFrame) -> dict[str, float]:
    """Every measured energy moved to the scale of the computed ones, eV/atom, by key of composition."""
    both = both_known(known, measured)
    if len(both) < N_FOLDS:
        return {}
    shift, energies = fitted(both), {}
    for formula, energy in zip(measured["formula"], measured["formation_energy_ev_atom"], strict=True):
        composition = parse_formula(formula)
        if len(composition) > 1:
            energies[composition_key(composition)] = float(energy) + shift_ev_atom(composition, shift)
    return energies


def with_measured(phases: pd.DataFrame, completing: pd.DataFrame) -> pd.DataFrame:
    """Computed phases, and the measured ones that complete them or go before them, by formula."""
    first = {composition_key(parse_formula(formula)) for formula in completing["formula"]}
    kept = phases[[key not in first for key in keys_of(phases)]]
    rows = completing.assign(thermo_set=THERMO_SET, prototype="")[list(phases.columns)]
    return pd.concat([kept, rows], ignore_index=True).sort_values("formula", ignore_index=True)


def collect(rows: Mapping[str, Mapping[str, Any]], reference: Path) -> None:
    """Write the tables into `reference`/starter."""
    done = done_table(rows)
    elements = lowest(done[done["kind"] == "element"])
    energies = dict(zip(elements["formula"], elements["energy_ev_atom"].astype(float), strict=True))
    known, odd = without_odd_surroundings(done[done["kind"].isin(KNOWN)])
    known = with_formation_energies(lowest(known), energies)
    measured = read_table(reference / "formation_enthalpies.csv")
    known, doubtful = without_wrong_types(known, on_computed_scale(known, measured))
    phases = phases_table(known)
    if len(both_known(known, measured)) >= N_FOLDS:
        phases = with_measured(phases, moved(known, measured))
    named = named_formulas(reference)
    new = with_formation_energies(lowest(done[done["kind"] == "new"]), energies)
    new = new[~new["composition"].isin({*named, *keys_of(phases)})].reset_index(drop=True)
    hull = hull_table(list(new["formula"]), phase_set(phases), list(new["formation_energy_ev_atom"]))
    new = new[(hull["e_above_hull_ev_atom"] <= MAX_NEW_EV_ATOM).to_numpy()]
    both = pd.concat([known, new], ignore_index=True)
    candidates = pd.DataFrame([candidate_row(r) for r in both.to_dict("records") if is_candidate(r["formula"])])
    candidates = without_twins(candidates.sort_values("id", ignore_index=True))
    out = reference / "starter"
    out.mkdir(exist_ok=True)
    write_table(phases, out / "phases.csv")
    write_table(candidates, out / "candidates.parquet")
    write_table(missing_table(named, keys_of(phases), rows.values(), odd | doubtful), out / "missing_phases.csv")
    table = elements[["formula", "energy_ev_atom", "prototype"]].rename(columns={"formula": "element"})
    write_table(table.round(5), out / "elements.csv")
    failed = sum(not is_usable(row) for row in rows.values())
    print(counted("starter", len(rows), len(rows) - failed, {"did not end well, see missing_phases.csv": failed}))
