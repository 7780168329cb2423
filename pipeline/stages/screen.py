"""Stage `screen`: every candidate judged for every role; the funnel says what fell where, the verdicts by how much."""

from typing import Any

import pandas as pd

from ionsieve.models.judgement.candidates import Background, chemistry_columns, joined_candidates
from ionsieve.models.judgement.cell import partner_ids
from ionsieve.models.judgement.evidence import gap_lookup, prepare_candidates
from ionsieve.models.judgement.filters import role_filters
from ionsieve.models.judgement.passivation import PassivationRules, passivation_table, volumes_a3
from ionsieve.models.judgement.roles import ROLES, emptied_by, screen_role
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Block


def screened(table: pd.DataFrame, partners: pd.DataFrame, params: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(verdicts, funnel) of all roles on candidates prepared for filters."""
    named = partner_ids(partners, params["cathode"], params["electrolyte"], params["anode"])
    references = {"cathode_voltage_v": params["cathode_voltage_v"]}
    results = [screen_role(table, r, role_filters(r, params["roles"], named, references)) for r in ROLES]
    verdicts, funnels = zip(*results, strict=True)
    return pd.concat(verdicts, ignore_index=True), pd.concat(funnels, ignore_index=True)


def funnel_of(verdicts: pd.DataFrame, funnel: pd.DataFrame) -> dict[str, Any]:
    """What fell where, by role, as the report and the summary read it."""
    counts = verdicts.groupby("role")["list"].value_counts()
    return {
        str(role): {
            "filters": rows.drop(columns="role").to_dict("records"),
            "lists": {name: int(counts.get((role, name), 0)) for name in ("ready", "explore", "fell")},
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
    measurements: pd.DataFrame,
    band_gaps: pd.DataFrame,
    phases: pd.DataFrame,
    elements: pd.DataFrame,
    coatings: pd.DataFrame,
    densities: pd.DataFrame,
    partners: pd.DataFrame,
    rejected: pd.DataFrame,
    screen: Block,
) -> Result:
    background = Background(elements, coatings, measurements, [*phases["formula"], *band_gaps["formula"]])
    chemistry = chemistry_columns(candidates.assign(about=candidates["note"]), background)
    table = joined_candidates(candidates, chemistry, interfaces, [stability, transport, predictions])
    gaps = gap_lookup(band_gaps, table["products_at_0v"])
    on_anode = table.assign(e_rxn_total_lithium_ev_atom=table[f"e_rxn_total_{screen['anode']}_ev_atom"])
    passivation = passivation_table(on_anode, gaps, PassivationRules(**screen["passivation"]), volumes_a3(densities))
    table = prepare_candidates(table.merge(passivation, on="id", validate="one_to_one"))
    try:
        verdicts, funnel = screened(table, partners, screen)
    except ValueError as error:  # thresholds and partners are a person's choice
        raise InputError(f"params.yaml, screen: {error}") from error
    roles = funnel_of(verdicts, funnel)
    told = {"candidates": len(table), "rejected": len(rejected), "roles": roles}
    lines = []
    for role, judged in roles.items():
        lists = ", ".join(f"{n} {name}" for name, n in judged["lists"].items())
        lines.append(f"screen: {role}: {lists}. {judged['empty']}".rstrip())
    return Result({"judged": table, "verdicts": verdicts, "funnel": told}, lines)


if __name__ == "__main__":
    stage_main(run)
