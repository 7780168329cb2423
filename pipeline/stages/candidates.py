"""Stage `candidates`: what is to be judged; rows that cannot be are set aside with their reason."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, composition_keys, parse_formulas
from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import cifs, embedded, own_table, phases, substitution, table
from ionsieve.pipeline.sources.merging import sources_of, with_unique_ids
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError, counted
from ionsieve.pipeline.workspace import Block

SOURCES = {
    "embedded": embedded.candidates,
    "phases": phases.candidates,
    "table": own_table.candidates,
    "cifs": cifs.candidates,
    "substitution": substitution.candidates,
    "doping": substitution.doping_candidates,
}
NUMBERS = ["formation_energy_ev_atom", "space_group_number", *table.LATTICE, "formula_units_z"]
COLUMNS = ["id", "formula", *NUMBERS, "thermo_set", "structure_json", "origin", "note"]


def unusable(formulas: pd.Series) -> pd.Series:
    """Why a formula can take no role: unreadable, an element, or lithium-free and no oxide; "" elsewhere."""
    compositions, reasons = parse_formulas(formulas)
    out = []
    for composition, reason in zip(compositions, reasons, strict=True):
        if composition is None:
            out.append(reason)
        elif len(composition) == 1:
            out.append("an element, not a compound")
        elif "Li" not in composition and "O" not in composition:
            out.append("holds no lithium and is no oxide: no role can take it")
        else:
            out.append("")
    return pd.Series(out, index=formulas.index, dtype=object)


def merge_duplicates(candidates: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(one row per material, rows merged away). Polymorphs differ in space group, cell or crystal and stay apart."""
    compositions, _ = parse_formulas(candidates["formula"])
    crystal = [
        hashlib.sha256(s.encode()).hexdigest() if isinstance(s, str) else "" for s in candidates["structure_json"]
    ]
    cell = (
        candidates[["space_group_number", *table.LATTICE, "formula_units_z"]].round(4).astype(str).agg(" ".join, axis=1)
    )
    energy = candidates["formation_energy_ev_atom"].round(6).astype(str)
    key = [composition_key(c) for c in compositions if c is not None] + cell + energy + crystal
    first = candidates.assign(key=key).groupby("key", sort=False)["id"].transform("first")
    merged = candidates[first != candidates["id"]].groupby(first)["id"].agg(", ".join)
    kept = candidates[first == candidates["id"]]
    notes = [
        f"{note}; same as {merged[i]}".lstrip("; ") if i in merged else note
        for i, note in zip(kept["id"], kept["note"], strict=True)
    ]
    return kept.assign(note=notes).reset_index(drop=True), len(candidates) - len(kept)


def usable_candidates(sources: Sequence[tuple[str, Path | str]]) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """(candidates, rejected, rows merged) of sources, given as (name, path).

    A row that names a composition alone is merged into a row of an earlier source that describes its crystal.
    """
    parts = [_usable_of(source, path) for source, path in sources]
    rejected = pd.concat([part[1] for part in parts], ignore_index=True)
    if all(part[0].empty for part in parts):
        reasons = "; ".join(f"{n} × {why}" for why, n in rejected["reason"].value_counts().items())
        paths = ", ".join(str(path) for _, path in sources)
        raise InputError(f"{paths}: no row can be screened. Reasons: {reasons or 'none given'}.")
    rows = with_unique_ids([(source, part[0]) for (source, _), part in zip(sources, parts, strict=True)])
    rows, n_bare = without_bare(rows)
    kept, n_merged = merge_duplicates(rows.loc[:, COLUMNS].sort_values("id", ignore_index=True))
    return kept.astype(dict.fromkeys(NUMBERS, float)), rejected, n_merged + n_bare


def _usable_of(source: str, path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) of one source."""
    rows, rejected = choose(SOURCES, source, "candidates.source")(path)
    rows = table.with_columns(rows, ["id", "formula"], "") if rows.empty else rows
    rows = table.with_columns(table.with_columns(rows, NUMBERS, math.nan), ["structure_json"], None)
    rows = table.with_columns(table.with_columns(rows, ["origin"], source), ["note", "thermo_set"], "")
    reason = unusable(rows["formula"])
    repeated = rows["id"].duplicated(keep="first") & (reason == "")
    reason = reason.mask(repeated, "the id stands on an earlier row")
    bad = pd.DataFrame({"id": rows["id"], "source": str(path), "reason": reason})[reason != ""]
    return rows.loc[reason == "", COLUMNS], pd.concat([rejected, bad], ignore_index=True)


def without_bare(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(rows, how many were left out): a formula alone adds nothing to an earlier source's row of its composition."""
    keys = pd.Series(composition_keys(rows["formula"]), index=rows.index)
    first = rows["place"].groupby(keys).transform("min")
    bare = rows["structure_json"].isna() & rows[[n for n in NUMBERS if n != "formula_units_z"]].isna().all(axis=1)
    repeated = bare & (rows["place"] > first)
    return rows[~repeated].reset_index(drop=True), int(repeated.sum())


def run(*, source: Path, second: Path, third: Path, candidates: Block) -> Result:
    places = {"": source, "second": second, "third": third}
    rows, rejected, n_merged = usable_candidates([(name, places[slot]) for slot, name in sources_of(candidates)])
    n_in = len(rows) + len(rejected) + n_merged
    dropped = {"set aside": len(rejected), "merged with another row": n_merged}
    return Result({"out": rows, "rejected": rejected}, [counted("candidates", n_in, len(rows), dropped)])


if __name__ == "__main__":
    stage_main(run)
