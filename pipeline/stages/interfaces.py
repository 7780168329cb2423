"""Stage `interfaces`: worst mutual reaction of every candidate with every partner of a cell, and air."""

from collections.abc import Sequence

import pandas as pd

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.known_missing import lacking, unknown_where_lacking
from ionsieve.pipeline.stages.stability import known_missing
from ionsieve.pipeline.tables import read_table, report_rows, require_columns, run_stage, write_table

CONTACTS = ["cathode_lithiated", "cathode_delithiated", "anode", "electrolyte"]  # air is stage `stability`


REACTION = ["e_rxn_ev_atom", "e_rxn_total_ev_atom", "fraction_a", "products"]


def reactions_with_partners(
    candidates: pd.DataFrame, partners: pd.DataFrame, phases: PhaseSet, missing: Sequence[str]
) -> pd.DataFrame:
    """One row per candidate (id, formula) and partner (partner, formula), in that order.

    Unknown where a compound listed as missing belongs to the system of the pair.
    """
    pairs = candidates[["id", "formula"]].merge(
        partners[["partner", "formula"]], how="cross", suffixes=("", "_partner")
    )
    names = {"formula": "formula_a", "formula_partner": "formula_b"}
    reactions = interface_table(pairs.rename(columns=names)[["formula_a", "formula_b"]], phases)
    systems = list(zip(reactions["formula_a"], reactions["formula_b"], strict=True))
    reactions = unknown_where_lacking(reactions, lacking(systems, phases, missing), REACTION)
    return pd.concat([pairs[["id", "formula", "partner"]], reactions[[*REACTION, "note"]]], axis=1)


def main(candidates: str, phases: str, missing: str, partners: str, out: str) -> None:
    table = read_table(partners)
    require_columns(table, ["partner", "formula", "kind", "voltage_v"], partners)
    table = table[table["kind"].isin(CONTACTS)]
    rows, hull = pd.read_parquet(candidates), phase_set(pd.read_parquet(phases))
    result = reactions_with_partners(rows, table, hull, known_missing(missing, hull.thermo_set))
    write_table(result, out)
    report_rows("interfaces", len(rows) * len(table), len(result))


if __name__ == "__main__":
    run_stage(main)
