"""Hypothetical candidates made from known ones: ions swapped in crystals, or one site doped by composition alone."""

from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.crystals.conventional_cell import lattice_from_structure
from ionsieve.features.crystals.doping import doped_formulas
from ionsieve.features.crystals.substitution import Hypothetical, substitutions, without_duplicates
from ionsieve.pipeline.sources.cifs import read_structures, structure_to_json
from ionsieve.pipeline.sources.table import check_candidates
from ionsieve.pipeline.tables import read_table

AMOUNTS = (0.1, 0.25, 0.3, 0.5)  # ions replaced per formula unit


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) by ionic substitution in the ordered crystals of a folder or zip of CIFs.

    The crystals are as substituted, with the parent's cell: relax them (models.quantities.potential) before
    trusting a distance.
    """
    structures, unread = read_structures(path)
    reasons = dict(unread)
    found: list[Hypothetical] = []
    for name, structure in structures.items():
        try:
            charged, note = assign_oxidation_states(structure)
            if note:
                raise ValueError(f"charges are no whole numbers ({note})")
            found += substitutions(name, charged)
        except ValueError as error:
            reasons[name] = str(error)
    ordered = [structure for structure in structures.values() if structure.is_ordered]
    kept, _ = without_duplicates(sorted(found, key=lambda h: -h.probability), ordered)
    rejected = pd.DataFrame({"id": list(reasons), "source": str(path), "reason": list(reasons.values())})
    return pd.DataFrame([_row(h) for h in kept], columns=_COLUMNS), rejected


_COLUMNS = ["id", "formula", "structure_json", "space_group_number", "a_angstrom", "b_angstrom", "c_angstrom"]
_COLUMNS += ["alpha_deg", "beta_deg", "gamma_deg", "formula_units_z", "origin", "note"]


def _row(hypothetical: Hypothetical) -> dict[str, float | str]:
    formula = hypothetical.structure.composition.element_composition.reduced_formula
    swaps = ", ".join(f"{old} by {new}" for old, new in sorted(hypothetical.swaps.items()))
    return lattice_from_structure(hypothetical.structure, formula) | {
        "id": f"{formula} in {hypothetical.parent}",
        "formula": formula,
        "structure_json": structure_to_json(hypothetical.structure),
        "origin": "substitution",
        "note": f"{hypothetical.parent} with {swaps}",
    }


def doping_candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected): one dopant on one site of the lithium compounds of a table (`formula`)."""
    parents, rejected = check_candidates(read_table(path), path)
    made = doped_formulas(parents["formula"].tolist(), AMOUNTS)
    notes = [
        f"{row.parent} with {row.amount:g} {row.dopant} on {row.site}, charge made up by lithium"
        for row in made.itertuples(index=False)
    ]
    return made[["formula"]].assign(id=made["formula"], origin="doping", note=notes), rejected
