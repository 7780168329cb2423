"""Stage `screen`: every candidate judged for every role; the funnel says what fell where, the verdicts by how much."""

from typing import Any

import numpy as np
import pandas as pd

from ionsieve.models.judgement.binaries import salt_energies
from ionsieve.models.judgement.candidates import Background, chemistry_columns, joined_candidates
from ionsieve.models.judgement.cell import cathode_voltage_v, partner_ids
from ionsieve.models.judgement.evidence import gap_lookup, prepare_candidates
from ionsieve.models.judgement.filters import role_filters
from ionsieve.models.judgement.passivation import (
    LITHIUM_COLUMNS,
    PassivationRules,
    on_lithium,
    passivation_table,
    volumes_a3,
)
from ionsieve.models.judgement.roles import ROLES, emptied_by, screen_role
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Block


def screened(table: pd.DataFrame, partners: pd.DataFrame, params: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(verdicts, funnel) of all roles on candidates prepared for filters."""
    named = partner_ids(partners, params["cathode"], params["electrolyte"], params["anode"])
    references = {"cathode_voltage_v": cathode_voltage_v(params, partners)}
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
    phase_stability: pd.DataFrame,
    measurements: pd.DataFrame,
    band_gaps: pd.DataFrame,
    phases: pd.DataFrame,
    enthalpies: pd.DataFrame,
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
    gaps = gap_lookup(band_gaps, [*table["products_at_0v"], *phase_stability["products_at_0v"]])
    energy = f"e_rxn_total_{screen['anode']}_ev_atom"
    rules = PassivationRules(**screen["passivation"])
    on_anode = table.assign(e_rxn_total_lithium_ev_atom=table[energy])
    compounds = phase_stability.assign(id=phase_stability["formula"], e_rxn_total_lithium_ev_atom=np.nan)
    rows, hosts = (passivation_table(t, gaps, rules, volumes_a3(densities)) for t in (on_anode, compounds))
    on_anode, compounds = on_anode.merge(rows, on="id", validate="one_to_one"), compounds.merge(hosts, on="id")
    salts = salt_energies(phases) | salt_energies(enthalpies)  # what is measured goes first
    lasts = on_lithium(on_anode, compounds, rules, salts)
    table = prepare_candidates(table.merge(lasts[["id", *LITHIUM_COLUMNS]], on="id", validate="one_to_one"))
    try:
        verdicts, funnel = screened(table, partners, screen)
    except ValueError as error:  # thresholds and partners are a person's choice
        raise InputError(f"params.yaml, screen: {error}") from error
    roles = funnel_of(verdicts, funnel)
    told = {"candidates": len(table), "rejected": len(rejected), "roles": roles}
    told["cathode_voltage_v"] = cathode_voltage_v(screen, partners)
    lines = []
    for role, judged in roles.items():
        lists = ", ".join(f"{n} {name}" for name, n in judged["lists"].items())
        lines.append(f"screen: {role}: {lists}. {judged['empty']}".rstrip())
    return Result({"judged": table, "verdicts": verdicts, "funnel": told}, lines)


if __name__ == "__main__":
    stage_main(run)
