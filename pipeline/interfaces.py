"""Stage `interfaces`: worst mutual reaction of every candidate with every partner of a cell, and air."""

import pandas as pd

from features.hull import PhaseSet, phase_set
from features.interface import interface_table
from pipeline.tables import read_table, report_rows, require_columns, run_stage, write_table

CONTACTS = ["cathode_lithiated", "cathode_delithiated", "anode", "electrolyte"]  # air is stage `stability`


def reactions_with_partners(candidates: pd.DataFrame, partners: pd.DataFrame, phases: PhaseSet) -> pd.DataFrame:
    """One row per candidate (id, formula) and partner (partner, formula), in that order."""
    pairs = candidates[["id", "formula"]].merge(
        partners[["partner", "formula"]], how="cross", suffixes=("", "_partner")
    )
    names = {"formula": "formula_a", "formula_partner": "formula_b"}
    reactions = interface_table(pairs.rename(columns=names)[["formula_a", "formula_b"]], phases)
    columns = ["e_rxn_ev_atom", "e_rxn_total_ev_atom", "fraction_a", "products", "note"]
    return pd.concat([pairs[["id", "formula", "partner"]], reactions[columns]], axis=1)


def main(candidates: str, phases: str, partners: str, out: str) -> None:
    table = read_table(partners)
    require_columns(table, ["partner", "formula", "kind", "voltage_v"], partners)
    table = table[table["kind"].isin(CONTACTS)]
    rows = pd.read_parquet(candidates)
    result = reactions_with_partners(rows, table, phase_set(pd.read_parquet(phases)))
    write_table(result, out)
    report_rows("interfaces", len(rows) * len(table), len(result))


if __name__ == "__main__":
    run_stage(main)
