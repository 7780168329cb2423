"""Stage `shortlist`: what passed, ranked with reasons, and the stacks that can be built of it."""

import pandas as pd

from features.hull import PhaseSet, phase_set
from features.interface import interface_table
from models.ranking import Cell, ranking_terms, shortlist
from models.roles import partner_ids
from models.stacks import StackSettings, contact_pairs, rank_stacks, stack_layers
from pipeline.params import stage_params
from pipeline.tables import read_table, report_rows, run_stage, write_spreadsheet

ELECTROLYTES = ("electrolyte", "anolyte", "catholyte")
COATINGS = ("cathode_coating", "anode_coating")


def cell_of(screen: dict, partners: pd.DataFrame, phases: PhaseSet) -> Cell:
    """The cell to serve, with the energies of the bare contacts that a coating is to replace."""
    named = partner_ids(partners, screen["cathode"], screen["electrolyte"], screen["anode"])
    formula = partners.set_index("partner")["formula"]
    formulas = {part: formula[partner] for part, partner in named.items()}
    others = [part for part in named if part != "electrolyte"]
    pairs = pd.DataFrame({"formula_a": formulas["electrolyte"], "formula_b": [formulas[part] for part in others]})
    bare = dict(zip(others, interface_table(pairs, phases)["e_rxn_ev_atom"], strict=True))
    return Cell(named, formulas, screen["cathode_voltage_v"], bare)


def ranked(
    table: pd.DataFrame, verdicts: pd.DataFrame, params: dict, cell: Cell, phases: PhaseSet
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(electrolytes, coatings, stacks) of judged candidates."""
    terms = ranking_terms(table, cell, params["scales"], params["credits"])
    lists = []
    for roles in (ELECTROLYTES, COATINGS):
        weights = {role: params["weights"][role] for role in roles}
        lists.append(shortlist(table, verdicts, weights, terms, params["credits"]["unknown"], cell))
    electrolytes, coatings = lists
    settings = StackSettings(**params["stacks"])
    layers = stack_layers(electrolytes, coatings, cell, params["stacks"]["per_role"])
    pairs = contact_pairs(layers)
    energies = pairs.assign(e_rxn_ev_atom=interface_table(pairs, phases)["e_rxn_ev_atom"])
    return electrolytes, coatings, rank_stacks(layers, energies, cell, settings)


def main(judged: str, verdicts: str, phases: str, partners: str, *outs: str) -> None:
    table, hull = pd.read_parquet(judged), phase_set(pd.read_parquet(phases))
    cell = cell_of(stage_params("screen"), read_table(partners), hull)
    lists = ranked(table, pd.read_parquet(verdicts), stage_params("shortlist"), cell, hull)
    for rows, out in zip(lists, outs, strict=True):
        write_spreadsheet(rows, out)
    electrolytes, coatings, stacks = lists
    for name, rows in (("electrolytes", electrolytes), ("coatings", coatings)):
        report_rows(f"shortlist: {name}", len(table), len(rows), {"passed no such role": len(table) - len(rows)})
    print(f"shortlist: stacks: {len(stacks)}")


if __name__ == "__main__":
    run_stage(main)
