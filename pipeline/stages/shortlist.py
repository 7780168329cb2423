"""Stage `shortlist`: what passed, ranked with reasons, and the stacks that can be built of it."""

import io
import zipfile
from collections.abc import Iterable

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.models.judgement import ranking
from ionsieve.models.judgement.ranking import Cell, ranking_terms
from ionsieve.models.judgement.roles import partner_ids
from ionsieve.models.judgement.stacks import StackSettings, contact_pairs, rank_stacks, stack_layers
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

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
        lists.append(ranking.shortlist(table, verdicts, weights, terms, params["credits"]["unknown"], cell))
    electrolytes, coatings = (rows.merge(table[["id", "origin", "about"]], on="id", how="left") for rows in lists)
    settings = StackSettings(**params["stacks"])
    layers = stack_layers(electrolytes, coatings, cell, params["stacks"]["per_role"])
    pairs = contact_pairs(layers)
    energies = pairs.assign(e_rxn_ev_atom=interface_table(pairs, phases)["e_rxn_ev_atom"])
    return electrolytes, coatings, rank_stacks(layers, energies, cell, settings)


def crystal_archive(candidates: pd.DataFrame, ids: Iterable[str]) -> tuple[bytes, int]:
    """(zip of CIFs of the listed materials whose crystal is known, always the same bytes; how many)."""
    crystals = candidates[candidates["id"].isin(set(ids))].dropna(subset="structure_json").sort_values("id")
    names = crystals["id"].str.replace(r"[^\w.+-]", "_", regex=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for k, (name, text) in enumerate(zip(names, crystals["structure_json"], strict=True)):
            unique = f"{name}-{k}" if (names == name).sum() > 1 else name
            entry = zipfile.ZipInfo(f"{unique}.cif")  # dated 1980, not now
            crystal = Structure.from_str(text, fmt="json").relabel_sites(ignore_uniq=True)
            archive.writestr(entry, crystal.to(fmt="cif"))
    return packed.getvalue(), len(crystals)


def run(
    *,
    candidates: pd.DataFrame,
    judged: pd.DataFrame,
    verdicts: pd.DataFrame,
    phases: pd.DataFrame,
    partners: pd.DataFrame,
    screen: Block,
    shortlist: Block,
) -> Result:
    hull = phase_set(phases)
    lists = ranked(judged, verdicts, shortlist, cell_of(screen, partners, hull), hull)
    electrolytes, coatings, stacks = lists
    archive, n_crystals = crystal_archive(candidates, [*electrolytes["id"], *coatings["id"]])
    lines = [
        counted(f"shortlist: {name}", len(judged), len(rows), {"passed no such role": len(judged) - len(rows)})
        for name, rows in (("electrolytes", electrolytes), ("coatings", coatings))
    ]
    lines.append(f"shortlist: stacks: {len(stacks)}; crystals of {n_crystals} listed materials")
    outputs = {"electrolytes": electrolytes, "coatings": coatings, "stacks": stacks, "crystals": archive}
    return Result(outputs, lines)


if __name__ == "__main__":
    stage_main(run)
