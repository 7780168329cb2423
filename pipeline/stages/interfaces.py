"""Stage `interfaces`: worst reaction of every candidate with every partner of a cell, closed, and with cathodes also
with lithium open at the voltages they run at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.bounded_answers import (
    bounded_interfaces,
    bounded_open_contacts,
    missing_note,
)
from ionsieve.features.thermodynamics.hull import phase_set
from ionsieve.features.thermodynamics.known_missing import unknown_where_lacking
from ionsieve.features.thermodynamics.known_wrong import known_wrong_entries
from ionsieve.features.thermodynamics.missing_bounds import Completed, completed
from ionsieve.features.thermodynamics.open_contact import OPEN_COLUMNS, non_mobile_key, voltage_ladder_v
from ionsieve.pipeline.sources.phases import known_missing
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError, counted, read_table, require_columns

CATHODES = ["cathode_lithiated", "cathode_delithiated"]
CONTACTS = [*CATHODES, "anode", "electrolyte"]  # air is stage `stability`
INTERVAL = ["e_rxn_bound_low_ev_atom", "e_rxn_bound_high_ev_atom"]
OPEN_INTERVAL = ["e_open_bound_low_ev_non_li", "e_open_bound_high_ev_non_li"]
REACTION = ["e_rxn_ev_atom", "e_rxn_total_ev_atom", "fraction_a", "products"]
RANGE = ["voltage_min_v", "voltage_max_v"]


def reactions_with_partners(candidates: pd.DataFrame, partners: pd.DataFrame, sets: Completed) -> pd.DataFrame:
    """One row per candidate (id, formula) and partner (partner, formula), in that order.

    Unknown where what is known to be missing could move the energy; INTERVAL says between what it lies.
    """
    pairs = candidates[["id", "formula"]].merge(
        partners[["partner", "formula"]], how="cross", suffixes=("", "_partner")
    )
    names = {"formula": "formula_a", "formula_partner": "formula_b"}
    reactions = bounded_interfaces(pairs.rename(columns=names)[["formula_a", "formula_b"]], sets)
    reactions = unknown_where_lacking(reactions, missing_note(reactions), REACTION)
    return pd.concat([pairs[["id", "formula", "partner"]], reactions[[*REACTION, *INTERVAL, "note"]]], axis=1)


def open_reactions(
    formulas: Sequence[str], cathodes: pd.DataFrame, sets: Completed, measured: pd.DataFrame
) -> pd.DataFrame:
    """Worst reaction of each formula with each cathode (partner, formula, RANGE) over its voltages: partner, formula,
    OPEN_COLUMNS, OPEN_INTERVAL. The states of charge of one cathode, equal but for lithium, share one answer."""
    names = list(dict.fromkeys(formulas))
    keys = cathodes.assign(key=[non_mobile_key(formula) for formula in cathodes["formula"]])
    hosts = keys.drop_duplicates(["key", *RANGE])
    found = bounded_open_contacts(names, hosts, sets, measured)
    found = unknown_where_lacking(found, missing_note(found), OPEN_COLUMNS)
    found = found.assign(**{c: np.repeat(hosts[c].to_numpy(), len(names)) for c in ("key", *RANGE)})
    merged = keys[["partner", "key", *RANGE]].merge(found, on=["key", *RANGE], how="left")
    return merged[["partner", "formula", *OPEN_COLUMNS, *OPEN_INTERVAL]]


def with_open_contacts(reactions: pd.DataFrame, opened: pd.DataFrame) -> pd.DataFrame:
    """The closed reactions with OPEN_COLUMNS and OPEN_INTERVAL, which only cathodes have."""
    joined = reactions.merge(opened, on=["partner", "formula"], how="left", validate="many_to_one")
    return joined.fillna({"e_open_products": "", "e_open_flag": ""})


def cathodes_of(partners: pd.DataFrame, path: Path | str) -> pd.DataFrame:
    """Rows of the cathodes with their voltages as numbers.

    Raises:
        InputError: Naming those without a range of voltages.
    """
    rows = partners[partners["kind"].isin(CATHODES)]
    rows = rows.assign(**{c: pd.to_numeric(rows[c], errors="coerce") for c in RANGE})
    for partner, lowest, highest in zip(rows["partner"], *(rows[c].astype(float) for c in RANGE), strict=True):
        try:
            voltage_ladder_v(lowest, highest)
        except ValueError as error:
            raise InputError(
                f"{path}, {partner!r}: {error}. A cathode needs voltage_min_v and voltage_max_v, V against lithium."
            ) from error
    return rows


def run(*, candidates: pd.DataFrame, phases: pd.DataFrame, missing: Path, partners: Path, enthalpies: Path) -> Result:
    table, measured = read_table(partners), read_table(enthalpies)
    require_columns(table, ["partner", "formula", "kind", "voltage_v", *RANGE], partners)
    require_columns(measured, ["formula", "formation_energy_ev_atom"], enthalpies)
    cathodes = cathodes_of(table, partners)
    table, hull = table[table["kind"].isin(CONTACTS)], phase_set(phases)
    sets, wrong = completed(hull, known_missing(missing, hull.thermo_set)), known_wrong_entries(hull, measured)
    opened = open_reactions(list(candidates["formula"]), cathodes, sets, measured)
    result = with_open_contacts(reactions_with_partners(candidates, table, sets), opened)
    flagged = int((opened["e_open_flag"] != "").sum())
    lines = [
        counted("interfaces", len(candidates) * len(table), len(result)),
        f"  {int(wrong.sum())} entries known to be wrong; {flagged} contacts at voltage recomputed without them",
    ]
    return Result({"out": result}, lines)


if __name__ == "__main__":
    stage_main(run)
