"""What a person's table says of materials beside formula and crystal: used as measured, or named as not used."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.plan import read_plan
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.stages.candidates import COLUMNS
from ionsieve.pipeline.tables import read_table, write_table
from ionsieve.pipeline.workspace import Workspace

TABLES = (".csv", ".csv.gz", ".parquet")
CONDUCTIVITY = ["sigma_s_cm", "sigma_upper_bound_s_cm"]
OF_CONDUCTIVITY = [*CONDUCTIVITY, "kind", "phase", "sample"]
GAP = "band_gap_ev"
READ_BESIDE = ["space_group", "family"]
SOURCE = "the table given"


def own_values(materials: Path, workspace: Workspace, folder: Path, say: Callable[[str], object]) -> dict[str, Path]:
    """The run's measurements and gaps with those of a person's table, written into `folder`.

    Returns:
        Where the plan's paths of these two tables lie instead; {} where the table gives neither.
    """
    if not materials.name.endswith(TABLES):
        return {}
    rows = read_table(materials)
    used = [name for name in (*OF_CONDUCTIVITY, GAP) if name in rows]
    unused = [str(c) for c in rows.columns if c not in {*COLUMNS, *READ_BESIDE, *used, "temperature_c"}]
    if unused:
        say(f"screen: not used of {materials.name}: {', '.join(unused)}")
    if "formula" not in rows:
        return {}
    compositions, _ = parse_formulas(rows["formula"])
    rows = rows.assign(id=[f"{SOURCE}, row {k}" for k in range(1, len(rows) + 1)])
    found: dict[str, Path] = {}
    for step, values in (
        ("measurements", _conductivities(rows[[c is not None and "Li" in c for c in compositions]])),
        ("band_gaps", _gaps(rows[[c is not None for c in compositions]])),
    ):
        if values.empty:
            continue
        ours = pd.read_parquet(file_of(workspace, step))
        place = folder / f"{step}.parquet"
        joined = pd.concat([values.reindex(columns=ours.columns), ours], ignore_index=True)
        # what the table given lacks would be of no kind in it
        joined = joined.astype({c: k for c, k in ours.dtypes.items() if pd.api.types.is_float_dtype(k)})
        write_table(joined, place)
        found[read_plan(workspace.params)[step].files["out"]] = place
        say(f"screen: {len(values)} {step.replace('_', ' ')} of {materials.name} count as measured")
    return found


def _conductivities(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a conductivity, or a bound of it, near 25 °C."""
    if not any(name in rows for name in CONDUCTIVITY):
        return rows.iloc[:0]
    numbers = {name: _positive(rows, name) for name in CONDUCTIVITY}
    warm = table.as_numbers(rows["temperature_c"]) if "temperature_c" in rows else pd.Series(25.0, index=rows.index)
    known = numbers["sigma_s_cm"].notna() | numbers["sigma_upper_bound_s_cm"].notna()
    texts = {name: rows[name].fillna("").astype(str) if name in rows else "" for name in ("phase", "sample")}
    kind = rows["kind"].where(rows["kind"].isin(table.KINDS), "unstated") if "kind" in rows else "unstated"
    told = rows.assign(**numbers, **texts, kind=kind, source=SOURCE, family="", note="")
    columns = ["id", "formula", *CONDUCTIVITY, "kind", "phase", "sample", "source", "family", "note"]
    return told.loc[known & warm.fillna(25.0).between(15, 35), columns]


def _gaps(rows: pd.DataFrame) -> pd.DataFrame:
    if GAP not in rows:
        return rows.iloc[:0]
    gaps = table.as_numbers(rows[GAP])
    told = rows.assign(band_gap_ev=gaps, method="measured")
    return told.loc[gaps.between(0, table.LARGEST), ["formula", GAP, "method"]]


def _positive(rows: pd.DataFrame, column: str) -> pd.Series:
    numbers = table.as_numbers(rows[column]) if column in rows else pd.Series(float("nan"), index=rows.index)
    return numbers.where((numbers > 0) & (numbers <= table.LARGEST))
