"""Measurements of several sources made one table: the same one counts once, conflicts stay and are told."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import ROUNDED_DECIMALS, composition_keys, parse_formula
from ionsieve.features.chemistry.publications import publication_keys
from ionsieve.features.crystals.lattice import CRYSTAL_SYSTEM_STARTS
from ionsieve.pipeline.sources.merging import with_unique_ids
from ionsieve.pipeline.sources.table import LATTICE

SAME_DECADES = 0.1  # between two readings of one published conductivity
CELL = ["space_group_number", *LATTICE]


def merged_measurements(tables: Sequence[tuple[str, pd.DataFrame]]) -> tuple[pd.DataFrame, int, int]:
    """(measurements of all sources, rows merged away, conflicts).

    Two rows of different sources are one measurement if their publication (by DOI), their composition (to three
    decimals) and their value agree within a tenth of a decade, a bound with a bound, and neither names another crystal
    system. Values of one composition, publication and kind that differ by more both stay, and `note` of the later one
    names the other.

    Args:
        tables: (name of the source, its table as the stage `measurements` writes it).
    """
    rows = with_unique_ids(tables)
    if len(tables) == 1:
        return rows.drop(columns="place"), 0, 0
    keys = composition_keys(rows["formula"], ROUNDED_DECIMALS)
    identity = [f"{key} {doi}" if doi else "" for key, doi in zip(keys, publication_keys(rows["source"]), strict=True)]
    value = np.log10(rows["sigma_s_cm"].fillna(rows["sigma_upper_bound_s_cm"])).to_numpy()
    system = np.searchsorted(CRYSTAL_SYSTEM_STARTS, rows["space_group_number"], side="right") * 1.0
    system[rows["space_group_number"].isna()] = np.nan
    bound, kind, place = rows["sigma_s_cm"].isna().to_numpy(), rows["kind"].to_numpy(), rows["place"].to_numpy()
    same: dict[int, int] = {}
    conflicts: dict[int, int] = {}
    for positions in rows.groupby(identity, sort=True).indices.values():
        for j in positions if identity[positions[0]] else []:
            earlier = [i for i in positions if place[i] < place[j] and i not in same and bound[i] == bound[j]]
            earlier = [i for i in earlier if not abs(system[i] - system[j]) > 0]  # NaN is no other polymorph
            alike = [i for i in earlier if abs(value[i] - value[j]) <= SAME_DECADES]
            if alike:
                same[j] = min(alike, key=lambda i: (kind[i] != kind[j], abs(value[i] - value[j]), i))
            elif other := [i for i in earlier if kind[i] == kind[j]]:
                conflicts[j] = other[0]
    rows = _filled_from(rows, same)
    notes = rows["note"].copy()
    for j, i in conflicts.items():
        remark = f"another source reads {10 ** value[i]:.1e} S/cm in this publication ({rows['id'][i]})"
        notes[j] = "; ".join(filter(None, [notes[j], remark]))
    kept = rows.assign(note=notes).drop(index=list(same)).drop(columns="place")
    return kept.sort_values("id", ignore_index=True), len(same), len(conflicts)


def _filled_from(rows: pd.DataFrame, same: Mapping[int, int]) -> pd.DataFrame:
    """The rows with what they lack of cell and crystal from the row that was merged into them."""
    filled: list[dict[Hashable, Any]] = rows.to_dict("records")
    for other, kept in same.items():
        new, old = filled[other], filled[kept]
        group = old["space_group_number"]
        fits = np.isnan(group) or group == new["space_group_number"]
        if fits and not isinstance(old["structure_json"], str):
            old["structure_json"] = new["structure_json"]
        if fits and np.isnan(old["a_angstrom"]) and not np.isnan(new["a_angstrom"]):
            atoms = [parse_formula(row["formula"]).num_atoms for row in (new, old)]
            old |= {name: new[name] for name in CELL}
            old["formula_units_z"] = new["formula_units_z"] * atoms[0] / atoms[1]
    return pd.DataFrame(filled, columns=rows.columns)
