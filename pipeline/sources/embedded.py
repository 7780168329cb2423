"""The candidates that come with the project: lithium compounds of its tables, and lithium-free oxides for coatings."""

from pathlib import Path

import pandas as pd

from features.formula import composition_key, parse_formula
from pipeline.sources.table import LATTICE, check_candidates
from pipeline.tables import read_table

TABLES = ["conductivity.csv", "formation_enthalpies.csv", "band_gaps.csv"]  # the first to name a compound describes it
DESCRIBED = ["space_group", *LATTICE, "formula_units_z"]


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) from the folder of reference tables; the id is the formula."""
    rows: list[dict[str, object]] = []
    seen: set[str] = set()
    for name in TABLES:
        table = read_table(Path(path) / name)
        for record in table.to_dict("records"):
            composition = parse_formula(record["formula"])
            coating_oxide = set(map(str, composition)) != {"O"} and "O" in composition and len(composition) > 1
            key = composition_key(composition)
            if key in seen or ("Li" not in composition and not coating_oxide) or len(composition) < 2:
                continue
            seen.add(key)
            lattice = {c: record[c] for c in DESCRIBED if c in record}
            rows.append(
                {"id": record["formula"], "formula": record["formula"], "origin": name.removesuffix(".csv"), **lattice}
            )
    return check_candidates(pd.DataFrame(rows), path)
