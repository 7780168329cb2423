"""What `make starter` writes from the compounds relaxed: phases, candidates, what is missing, and the fit.

data/reference/starter/phases.csv           formula, formation_energy_ev_atom, thermo_set, prototype, space_group_number
data/reference/starter/candidates.parquet   known and new compounds with structure and energy, columns of a candidate
data/reference/starter/missing_phases.csv   known compounds without an energy, and why
data/reference/starter/fit.csv              measured compounds: anion, error in and out of the fit
data/reference/starter/references.csv       energy of each element, computed or fitted
"""

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.conventional_cell import lattice_from_structure
from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.models.quantities.formation import AnionFit, fit_anions, formation_energies
from ionsieve.pipeline.reference.starter_jobs import named_compositions
from ionsieve.pipeline.tables import counted, read_table, write_table

THERMO_SET = "chgnet030"
MAX_ERROR_EV_ATOM = 0.15  # computed above measured; CHGNet itself errs by about 0.05
# Neighbours that the centres of oxygen anions have at ambient pressure.
OXO_CENTRES = {"B": (3, 4), "C": (3,), "N": (3,), "P": (4,), "S": (4,), "Si": (4,)}
MAX_HULL_EV_ATOM = 0.10  # a compound that has been made is seldom further above the hull
MAX_NEW_EV_ATOM = 0.20  # a new compound above it will not be made
NOT_TRIED = "no crystal type of this composition was at hand, or its turn has not come"
TWINS_EV_ATOM = 0.002
DIGITS = 5  # of fractional coordinates and cell vectors: finer than any relaxation here


def done_table(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per job that ended well: kind, formula, key of its composition, prototype, energy, structure."""
    good = [
        {
            "kind": job.split(" ", 1)[0],
            "job": job,
            "formula": row["formula"],
            "composition": composition_key(parse_formula(row["formula"])),
            "prototype": row["prototype"],
            "mapping": row["mapping"],
            "energy_ev_atom": row["energy_ev_atom"],
            "structure": row["structure"],
        }
        for job, row in rows.items()
        if not row["reason"]
    ]
    return pd.DataFrame(good).sort_values(["kind", "formula", "energy_ev_atom", "job"], ignore_index=True)


def lowest(done: pd.DataFrame) -> pd.DataFrame:
    """The lowest row of each composition."""
    order = done.sort_values(["energy_ev_atom", "job"], kind="stable")
    return order.drop_duplicates("composition").sort_values("formula", ignore_index=True)


def fitted(known: pd.DataFrame, elements: pd.DataFrame, measured: pd.DataFrame) -> AnionFit:
    """Anion energies from the solids that are measured."""
    solid = measured[measured["phase"].fillna("").str.startswith("cr")]
    return fit_anions(known, solid, dict(zip(elements["formula"], elements["energy_ev_atom"], strict=True)))


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
    structure = Structure.from_dict(row["structure"])
    new = row["kind"] == "new"
    formula = structure.composition.reduced_formula if new else row["formula"]
    swaps = ", ".join(f"{a} by {b}" for a, b in sorted(row["mapping"].items()) if a != b)
    lattice = lattice_from_structure(structure, formula)
    made = f"{row['prototype']} with {swaps}" if swaps else f"{row['prototype']}"
    return lattice | {
        "id": str(row["job"]).removeprefix("new ") if new else formula,
        "formula": formula,
        "formation_energy_ev_atom": round(row["formation_energy_ev_atom"], 5),
        "structure_json": compact_json(structure),
        "origin": "new: substitution, CHGNet" if new else "known compound, CHGNet",
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


def with_formation_energies(done: pd.DataFrame, fit: AnionFit) -> pd.DataFrame:
    """The rows whose elements all have an energy, with formation_energy_ev_atom."""
    energies = formation_energies(list(done["formula"]), list(done["energy_ev_atom"]), fit)
    return done.assign(formation_energy_ev_atom=energies).dropna(subset="formation_energy_ev_atom", ignore_index=True)


def without_wrong_types(known: pd.DataFrame, measured: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """(compounds found in a type that can be theirs, reason for each other one by formula).

    A compound that exists lies near the hull and near its measured energy; one far above either was relaxed in a type
    that is not its own, and its energy would be no energy of it.
    """
    target = {composition_key(parse_formula(f)): e for f, e in _pairs(measured)}
    distance = hull_table(list(known["formula"]), phase_set(known), list(known["formation_energy_ev_atom"]))
    reasons = {}
    for row, above in zip(known.to_dict("records"), distance["e_above_hull_ev_atom"], strict=True):
        error = row["formation_energy_ev_atom"] - target.get(row["composition"], np.nan)
        odd = odd_surroundings(Structure.from_dict(row["structure"]))
        if odd:
            reasons[row["formula"]] = f"its type was not found: {odd}"
        elif error > MAX_ERROR_EV_ATOM:
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
    charges, _ = average_charges(structure.composition)
    anions = {s for s in symbols if charges[s] < 0}
    for k, site in enumerate(structure):
        centre = site.specie.symbol
        if centre not in centres or charges[centre] <= 0:
            continue
        around = [n.nn_distance for n in structure.get_neighbors(site, 3.5) if n.specie.symbol in anions]
        n = int(np.count_nonzero(np.array(around) < 1.25 * min(around))) if around else 0
        if n not in OXO_CENTRES[centre]:
            return f"{centre} has {n} anions around it (atom {k + 1})"
    return ""


def _pairs(table: pd.DataFrame) -> list[tuple[str, float]]:
    return list(zip(table["formula"], table["formation_energy_ev_atom"].astype(float), strict=True))


def missing_table(
    formulas: list[str], phases: pd.DataFrame, rows: Mapping[str, Mapping[str, Any]], doubtful: Mapping[str, str]
) -> pd.DataFrame:
    """Known compounds that have no energy in the set, and why."""
    have = {composition_key(parse_formula(f)) for f in phases["formula"]}
    tried = {row["formula"]: row["reason"] for row in rows.values() if row["reason"]}
    reasons = {composition_key(parse_formula(f)): why for f, why in [*tried.items(), *doubtful.items()]}
    absent = [f for f in formulas if composition_key(parse_formula(f)) not in have]
    why = [reasons.get(composition_key(parse_formula(f)), NOT_TRIED) for f in absent]
    return pd.DataFrame({"formula": absent, "thermo_set": THERMO_SET, "reason": why})


def collect(rows: Mapping[str, Mapping[str, Any]], formulas: list[str], reference: Path) -> None:
    """Fit, and write the five tables into `reference`/starter."""
    done = done_table(rows)
    elements, new = lowest(done[done["kind"] == "element"]), done[done["kind"] == "new"]
    known = lowest(done[done["kind"].isin(["known", "common", "checked"])])
    measured = read_table(reference / "formation_enthalpies.csv")
    fit = fitted(known, elements, measured)
    known, doubtful = without_wrong_types(with_formation_energies(known, fit), measured)
    fit = fitted(known, elements, measured)
    known, new = with_formation_energies(known, fit), with_formation_energies(new, fit)
    new = new[~new["composition"].isin(named_compositions(reference))].reset_index(drop=True)
    hull = hull_table(list(new["formula"]), phase_set(known), list(new["formation_energy_ev_atom"]))
    new = new[(hull["e_above_hull_ev_atom"] <= MAX_NEW_EV_ATOM).to_numpy()]
    both = pd.concat([known, new], ignore_index=True)
    phases = pd.DataFrame(
        {
            "formula": known["formula"],
            "formation_energy_ev_atom": known["formation_energy_ev_atom"].round(5),
            "thermo_set": THERMO_SET,
            "prototype": known["prototype"],
        }
    ).sort_values("formula", ignore_index=True)
    candidates = pd.DataFrame([candidate_row(r) for r in both.to_dict("records") if is_candidate(r["formula"])])
    candidates = without_twins(candidates.sort_values("id", ignore_index=True))
    out = reference / "starter"
    out.mkdir(exist_ok=True)
    write_table(phases, out / "phases.csv")
    write_table(candidates, out / "candidates.parquet")
    write_table(missing_table(formulas, phases, rows, doubtful), out / "missing_phases.csv")
    write_table(fit.residuals.round(5).sort_values("formula", ignore_index=True), out / "fit.csv")
    write_table(_references(fit), out / "references.csv")
    failed = sum(bool(row["reason"]) for row in rows.values())
    print(counted("starter", len(rows), len(rows) - failed, {"did not end well, see missing_phases.csv": failed}))


def _references(fit: AnionFit) -> pd.DataFrame:
    computed = [(s, round(e, 5), "computed") for s, e in sorted(fit.metals.items())]
    fitted_ = [
        (s, round(e, 5), "fitted" if s not in fit.metals else "fitted, as the anion, on top")
        for s, e in fit.anions.items()
    ]
    return pd.DataFrame([*computed, *sorted(fitted_)], columns=["element", "energy_ev_atom", "how"])
