"""The candidates that come with the project: its crystals, lithium compounds of its tables, lithium-free oxides."""

from pathlib import Path

import pandas as pd
from pymatgen.core import Composition

from features.formula import composition_key, parse_formula
from pipeline.sources import cifs
from pipeline.sources.table import LATTICE, check_candidates
from pipeline.tables import read_table

TABLES = ["conductivity.csv", "formation_enthalpies.csv", "band_gaps.csv"]  # the first to name a compound describes it
DESCRIBED = ["space_group", *LATTICE, "formula_units_z"]


def worth_judging(composition: Composition) -> bool:
    """Whether a compound can take a role at all: it holds lithium, or is an oxide."""
    return len(composition) > 1 and ("Li" in composition or "O" in composition)


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) from the reference folder; the id is the formula, or crystal- and the file's name."""
    crystals, rejected = cifs.candidates(Path(path) / "crystals")
    rows: list[dict[str, object]] = [
        record | {"id": f"crystal-{record['id']}", "origin": "crystals"}
        for record in crystals.to_dict("records")
        if worth_judging(parse_formula(record["formula"]))
    ]
    seen = {composition_key(parse_formula(str(record["formula"]))) for record in rows}
    for name in TABLES:
        for record in read_table(Path(path) / name).to_dict("records"):
            composition = parse_formula(record["formula"])
            key = composition_key(composition)
            if key in seen or not worth_judging(composition):
                continue
            seen.add(key)
            lattice = {c: record[c] for c in DESCRIBED if c in record}
            origin = name.removesuffix(".csv")
            rows.append({"id": record["formula"], "formula": record["formula"], "origin": origin, **lattice})
    checked, wrong = check_candidates(pd.DataFrame(rows), path)
    return checked, pd.concat([rejected, wrong], ignore_index=True)
