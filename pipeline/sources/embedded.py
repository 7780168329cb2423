"""The candidates that come with the project: the starter set, its crystals, compounds of its tables.

What can take no role, a lithium-free compound that is no oxide, is left out; so is a compound that an earlier source
describes, but for the polymorphs of the starter set.
"""

from pathlib import Path

import pandas as pd
from pymatgen.core import Composition

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.pipeline.sources import cifs
from ionsieve.pipeline.sources.table import LATTICE, check_candidates
from ionsieve.pipeline.tables import read_table

TABLES = ["conductivity.csv", "formation_enthalpies.csv", "band_gaps.csv"]  # the first to name a compound describes it
DESCRIBED = ["space_group", *LATTICE, "formula_units_z"]


def worth_judging(composition: Composition) -> bool:
    """Whether a compound can take a role at all: it holds lithium, or is an oxide."""
    return len(composition) > 1 and ("Li" in composition or "O" in composition)


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) of the reference folder; ids are those of the starter set, crystal-FILE, or formulas."""
    folder = Path(path)
    starter = read_table(folder / "starter/candidates.parquet")
    starter["thermo_set"] = read_table(folder / "starter/phases.csv")["thermo_set"].iloc[0]
    crystals, rejected = cifs.candidates(folder / "crystals", ours=True)
    crystals = crystals.assign(id="crystal-" + crystals["id"], origin="published crystal")
    tables = [(name, read_table(folder / name)) for name in TABLES]
    named = [
        rows[["formula", *(c for c in DESCRIBED if c in rows)]].assign(id=rows["formula"], origin=name)
        for name, rows in tables
    ]
    rows = [starter]
    seen = keys_of(starter)
    for source in (crystals, *named):
        keys = pd.Series([key_if_worth(formula) for formula in source["formula"]], index=source.index)
        new = keys.notna() & ~keys.isin(seen) & ~keys.duplicated()
        rows.append(source[new])
        seen |= set(keys[new])
    checked, wrong = check_candidates(pd.concat(rows, ignore_index=True), path)
    return checked, pd.concat([rejected, wrong], ignore_index=True)


def keys_of(table: pd.DataFrame) -> set[str]:
    """Identities of all compositions of a table."""
    return {composition_key(parse_formula(formula)) for formula in table["formula"]}


def key_if_worth(formula: str) -> str | None:
    """Identity of a composition that is worth judging; None of another."""
    composition = parse_formula(formula)
    return composition_key(composition) if worth_judging(composition) else None
