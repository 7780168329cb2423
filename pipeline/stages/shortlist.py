"""Stage `shortlist`: what passed, ranked with reasons, and the stacks that can be built of it."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.models.judgement.ranking import Cell, ranking_terms, shortlist
from ionsieve.models.judgement.roles import partner_ids
from ionsieve.models.judgement.stacks import StackSettings, contact_pairs, rank_stacks, stack_layers
from ionsieve.pipeline.params import stage_params
from ionsieve.pipeline.tables import read_table, report_rows, run_stage, write_spreadsheet, write_whole

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
    electrolytes, coatings = (rows.merge(table[["id", "origin", "about"]], on="id", how="left") for rows in lists)
    settings = StackSettings(**params["stacks"])
    layers = stack_layers(electrolytes, coatings, cell, params["stacks"]["per_role"])
    pairs = contact_pairs(layers)
    energies = pairs.assign(e_rxn_ev_atom=interface_table(pairs, phases)["e_rxn_ev_atom"])
    return electrolytes, coatings, rank_stacks(layers, energies, cell, settings)


def write_crystals(candidates: pd.DataFrame, ids: Iterable[str], out: str) -> int:
    """One zip of CIFs of the listed materials whose crystal is known, always the same bytes; how many."""
    crystals = candidates[candidates["id"].isin(set(ids))].dropna(subset="structure_json").sort_values("id")
    names = crystals["id"].str.replace(r"[^\w.+-]", "_", regex=True)

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for k, (name, text) in enumerate(zip(names, crystals["structure_json"], strict=True)):
                unique = f"{name}-{k}" if (names == name).sum() > 1 else name
                entry = zipfile.ZipInfo(f"{unique}.cif")  # dated 1980, not now
                crystal = Structure.from_str(text, fmt="json").relabel_sites(ignore_uniq=True)
                archive.writestr(entry, crystal.to(fmt="cif"))

    write_whole(out, write)
    return len(crystals)


def main(candidates: str, judged: str, verdicts: str, phases: str, partners: str, *outs: str) -> None:
    table, hull = pd.read_parquet(judged), phase_set(pd.read_parquet(phases))
    cell = cell_of(stage_params("screen"), read_table(partners), hull)
    lists = ranked(table, pd.read_parquet(verdicts), stage_params("shortlist"), cell, hull)
    *tables_out, crystals_out = outs
    for rows, out in zip(lists, tables_out, strict=True):
        write_spreadsheet(rows, out)
    n_crystals = write_crystals(pd.read_parquet(candidates), [*lists[0]["id"], *lists[1]["id"]], crystals_out)
    electrolytes, coatings, stacks = lists
    for name, rows in (("electrolytes", electrolytes), ("coatings", coatings)):
        report_rows(f"shortlist: {name}", len(table), len(rows), {"passed no such role": len(table) - len(rows)})
    print(f"shortlist: stacks: {len(stacks)}; crystals of {n_crystals} listed materials in {crystals_out}")


if __name__ == "__main__":
    run_stage(main)
