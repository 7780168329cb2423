"""The phases: their lithium-bearing compounds as candidates, and compounds known to lack an energy."""

from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula, parse_formulas
from ionsieve.pipeline.sources.table import check_candidates
from ionsieve.pipeline.tables import read_table


def lithium_compounds(phases: pd.DataFrame) -> pd.DataFrame:
    """The rows of a phases table that hold lithium and something else."""
    compositions, _ = parse_formulas(phases["formula"])
    keep = [c is not None and "Li" in c and len(c) > 1 for c in compositions]
    return phases[keep].reset_index(drop=True)


def known_missing(path: Path | str, thermo_set: str) -> list[str]:
    """Formulas of compounds that exist but have no energy in this thermochemistry."""
    table = read_table(path)
    return list(table.loc[table["thermo_set"] == thermo_set, "formula"])


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected); the id is the formula as chemists write it, the energy the one the hull knows."""
    compounds = lithium_compounds(read_table(path))
    formulas = [parse_formula(formula).reduced_formula for formula in compounds["formula"]]
    return check_candidates(pd.DataFrame({"formula": formulas, "origin": "phases"}), path)
