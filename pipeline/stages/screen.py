"""Stage `screen`: every candidate judged for every role; the funnel says what fell where, the verdicts by how much."""

from typing import Any

import pandas as pd

from ionsieve.features.chemistry.suitability import suitability_table
from ionsieve.models.judgement.evidence import element_credit, gap_lookup, prepare_candidates
from ionsieve.models.judgement.roles import ROLES, emptied_by, partner_ids, pivot_interfaces, role_filters, screen_role
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Block


def joined_candidates(
    candidates: pd.DataFrame,
    stability: pd.DataFrame,
    interfaces: pd.DataFrame,
    transport: pd.DataFrame,
    predictions: pd.DataFrame,
    elements: pd.DataFrame,
) -> pd.DataFrame:
    """All that is known of each candidate in one row, in the candidates' order."""
    formulas = list(candidates["formula"])
    flags = suitability_table(formulas, elements).drop(columns="formula")
    described = candidates[["id", "formula", "space_group_number", "origin"]].assign(about=candidates["note"])
    known = pd.concat([described, flags], axis=1)
    known["element_credit"] = element_credit(formulas, elements)
    for table in (stability, pivot_interfaces(interfaces), transport, predictions):
        columns = ["id", *(c for c in table.columns if c not in known.columns and c != "note")]
        known = known.merge(table[columns], on="id", how="left", validate="one_to_one")
    return known


def screened(table: pd.DataFrame, partners: pd.DataFrame, params: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(verdicts, funnel) of all roles on candidates prepared for filters."""
    named = partner_ids(partners, params["cathode"], params["electrolyte"], params["anode"])
    references = {"cathode_voltage_v": params["cathode_voltage_v"]}
    results = [screen_role(table, r, role_filters(r, params["roles"], named, references)) for r in ROLES]
    verdicts, funnels = zip(*results, strict=True)
    return pd.concat(verdicts, ignore_index=True), pd.concat(funnels, ignore_index=True)


def funnel_of(verdicts: pd.DataFrame, funnel: pd.DataFrame) -> dict[str, Any]:
    """What fell where, by role, as the report and the summary read it."""
    flagged = verdicts[verdicts["passed"] & (verdicts["unknown_filters"] != "")].groupby("role").size()
    return {
        str(role): {
            "filters": rows.drop(columns="role").to_dict("records"),
            "passed_with_unknowns": int(flagged.get(role, 0)),
            "empty": emptied_by(rows),
        }
        for role, rows in funnel.groupby("role", sort=False)
    }


def run(
    *,
    candidates: pd.DataFrame,
    stability: pd.DataFrame,
    interfaces: pd.DataFrame,
    transport: pd.DataFrame,
    predictions: pd.DataFrame,
    band_gaps: pd.DataFrame,
    elements: pd.DataFrame,
    partners: pd.DataFrame,
    rejected: pd.DataFrame,
    screen: Block,
) -> Result:
    table = joined_candidates(candidates, stability, interfaces, transport, predictions, elements)
    table = prepare_candidates(table, gap_lookup(band_gaps, table["products_at_0v"]), screen["passivation_gap_ev"])
    try:
        verdicts, funnel = screened(table, partners, screen)
    except ValueError as error:  # thresholds and partners are a person's choice
        raise InputError(f"params.yaml, screen: {error}") from error
    told = {"candidates": len(table), "rejected": len(rejected), "roles": funnel_of(verdicts, funnel)}
    lines = [
        f"screen: {role}: {rows['n_in'].iloc[0]} in, {rows['n_out'].iloc[-1]} passed. {emptied_by(rows)}".rstrip()
        for role, rows in funnel.groupby("role", sort=False)
    ]
    return Result({"judged": table, "verdicts": verdicts, "funnel": told}, lines)


if __name__ == "__main__":
    stage_main(run)
