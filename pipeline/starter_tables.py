"""What `make starter` writes from the compounds relaxed: phases, candidates, what is missing, and the fit.

data/reference/starter/phases.csv           formula, formation_energy_ev_atom, thermo_set, prototype, space_group_number
data/reference/starter/candidates.parquet   known and new compounds with structure and energy, columns of a candidate
data/reference/starter/missing_phases.csv   known compounds without an energy, and why
data/reference/starter/fit.csv              measured compounds: anion, error in and out of the fit
data/reference/starter/references.csv       energy of each element, computed or fitted
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymatgen.core import Structure

from features.formula import composition_key, parse_formula
from features.lattice import lattice_from_structure
from models.formation import AnionFit, fit_anions, formation_energies
from pipeline.tables import read_table, report_rows, write_table

THERMO_SET = "chgnet030"
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


def candidate_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate in the columns of the stage: id, formula, energy, lattice, structure, origin, note."""
    structure = Structure.from_dict(row["structure"])
    new = row["kind"] == "new"
    formula = structure.composition.reduced_formula if new else row["formula"]
    swaps = ", ".join(f"{a} by {b}" for a, b in sorted(row["mapping"].items()) if a != b)
    lattice = lattice_from_structure(structure, formula)
    made = f"{row['prototype']} with {swaps}" if swaps else f"{row['prototype']}"
    return lattice | {
        "id": f"{formula} {row['job'].rsplit(' in ', 1)[-1]}" if new else formula,
        "formula": formula,
        "formation_energy_ev_atom": round(row["formation_energy_ev_atom"], 5),
        "structure_json": compact_json(structure),
        "origin": "new: substitution, CHGNet" if new else "known compound, CHGNet",
        "note": "; ".join(filter(None, [made, str(lattice["note"])])),
    }


def is_candidate(formula: str) -> bool:
    """Whether a compound can take a role: it holds lithium, or is an oxide."""
    symbols = {e.symbol for e in parse_formula(formula)}
    return len(symbols) > 1 and ("Li" in symbols or "O" in symbols)


def missing_table(formulas: list[str], phases: pd.DataFrame, rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Known compounds that have no energy in the set, and why."""
    have = {composition_key(parse_formula(f)) for f in phases["formula"]}
    reasons = {row["formula"]: row["reason"] for row in rows.values() if row["reason"]}
    absent = [f for f in formulas if composition_key(parse_formula(f)) not in have]
    why = [reasons.get(f, "no crystal type of this composition was at hand, or its turn has not come") for f in absent]
    return pd.DataFrame({"formula": absent, "thermo_set": THERMO_SET, "reason": why})


def collect(rows: Mapping[str, Mapping[str, Any]], formulas: list[str], reference: Path) -> None:
    """Fit, and write the five tables into `reference`/starter."""
    done = done_table(rows)
    elements, new = lowest(done[done["kind"] == "element"]), done[done["kind"] == "new"]
    known = lowest(done[done["kind"].isin(["known", "checked"])])
    fit = fitted(known, elements, read_table(reference / "formation_enthalpies.csv"))
    both = pd.concat([known, new], ignore_index=True)
    both["formation_energy_ev_atom"] = formation_energies(list(both["formula"]), list(both["energy_ev_atom"]), fit)
    both = both[both["formation_energy_ev_atom"].notna()].reset_index(drop=True)
    known = both[both["kind"] != "new"]
    phases = pd.DataFrame(
        {
            "formula": known["formula"],
            "formation_energy_ev_atom": known["formation_energy_ev_atom"].round(5),
            "thermo_set": THERMO_SET,
            "prototype": known["prototype"],
        }
    ).sort_values("formula", ignore_index=True)
    candidates = pd.DataFrame([candidate_row(r) for r in both.to_dict("records") if is_candidate(r["formula"])])
    candidates = candidates.sort_values("id", ignore_index=True)
    out = reference / "starter"
    out.mkdir(exist_ok=True)
    write_table(phases, out / "phases.csv")
    write_table(candidates, out / "candidates.parquet")
    write_table(missing_table(formulas, phases, rows), out / "missing_phases.csv")
    write_table(fit.residuals.round(5).sort_values("formula", ignore_index=True), out / "fit.csv")
    write_table(_references(fit), out / "references.csv")
    failed = sum(bool(row["reason"]) for row in rows.values())
    report_rows("starter", len(rows), len(rows) - failed, {"did not end well, see missing_phases.csv": failed})


def _references(fit: AnionFit) -> pd.DataFrame:
    computed = [(s, round(e, 5), "computed") for s, e in sorted(fit.metals.items())]
    fitted_ = [
        (s, round(e, 5), "fitted" if s not in fit.metals else "fitted, as the anion, on top")
        for s, e in fit.anions.items()
    ]
    return pd.DataFrame([*computed, *sorted(fitted_)], columns=["element", "energy_ev_atom", "how"])
