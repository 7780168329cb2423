"""Stage `shortlist`: the ranked lists of every role with reasons, and the stacks that can be built of them."""

import io
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.thermodynamics.bounded_answers import bounded_interfaces, missing_note
from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.known_missing import unknown_where_lacking
from ionsieve.features.thermodynamics.known_wrong import known_wrong_entries
from ionsieve.features.thermodynamics.missing_bounds import completed
from ionsieve.models.judgement.cell import Cell, cell_of
from ionsieve.models.judgement.filters import role_filters
from ionsieve.models.judgement.lists import Opening, reasons, role_list
from ionsieve.models.judgement.ranking import ranking_terms
from ionsieve.models.judgement.roles import ROLES
from ionsieve.models.judgement.stack_layers import film_conductivities, stack_layers
from ionsieve.models.judgement.stacks import StackSettings, contact_pairs, rank_stacks, top_voltage_contacts
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.stages.stability import known_missing
from ionsieve.pipeline.workspace import Block

# Facts that readers of a list look for, known or not.
ALWAYS = (
    "log10_sigma", "log10_sigma_low", "log10_sigma_high", "log10_sigma_decides", "sigma_origin", "near", "band_gap_ev",
    "band_gap_origin", "e_above_hull_ev_atom", "reduction_limit_tol_v", "oxidation_limit_tol_v", "passivating",
    "e_rxn_h2o_ev", "e_rxn_co2_ev", "migration_barrier_2d_ev",
)  # fmt: skip


def role_lists(
    table: pd.DataFrame, verdicts: pd.DataFrame, cell: Cell, screen: Mapping, shortlist: Mapping
) -> dict[str, pd.DataFrame]:
    """The list of every role, by its name."""
    terms = ranking_terms(table, cell, shortlist["scales"], shortlist["credits"])
    table = table.assign(reasons=reasons(table, cell))
    references = {"cathode_voltage_v": cell.cathode_voltage_v}
    opening = Opening(**shortlist["opening"])
    lists = {}
    for role in ROLES:
        filters = role_filters(role, screen["roles"], cell.partners, references)
        of_role = verdicts[verdicts["role"] == role].set_index("id").loc[table["id"]].reset_index()
        lists[role] = role_list(table, of_role, terms, shortlist["weights"][role], filters, opening)
    return lists


def without_empty(rows: pd.DataFrame) -> pd.DataFrame:
    """The list without facts that no row has; what says what a row is stays."""
    facts = list(rows.columns)[list(rows.columns).index("flags") + 1 :]
    has_nothing = [c for c in facts if c not in ALWAYS and (rows[c].isna() | (rows[c] == "")).all()]
    return rows.drop(columns=has_nothing) if len(rows) else rows


def pair_energies(pairs: pd.DataFrame, phases: PhaseSet, missing: Sequence[str]) -> pd.DataFrame:
    """Pairs (formula_a, formula_b, optional voltage_v) with e_rxn_ev_atom, unknown where missing phases matter."""
    if pairs.empty:
        return pairs.assign(e_rxn_ev_atom=pd.Series(dtype=float))
    reactions = bounded_interfaces(pairs, completed(phases, missing))
    known = unknown_where_lacking(reactions, missing_note(reactions), ["e_rxn_ev_atom"])
    return pairs.assign(e_rxn_ev_atom=known["e_rxn_ev_atom"].to_numpy())


def stacks_of(
    lists: Mapping[str, pd.DataFrame],
    coatings: pd.DataFrame,
    cell: Cell,
    phases: PhaseSet,
    missing: Sequence[str],
    settings: StackSettings,
) -> pd.DataFrame:
    """Ranked stacks of the listed materials; coating_at_top_ev_non_li is what catholyte and cathode coating would do to
    each other at the top of charge if the coating did not block electrons."""
    layers = stack_layers(lists, cell, settings.per_role, film_conductivities(coatings))
    stacks = rank_stacks(layers, pair_energies(contact_pairs(layers), phases, missing), cell, settings)
    pairs = top_voltage_contacts(stacks, cell)
    at_top = pair_energies(pairs, phases, missing)["e_rxn_ev_atom"].set_axis(pairs.index)
    return stacks.assign(coating_at_top_ev_non_li=at_top.reindex(stacks.index))


def crystal_archive(candidates: pd.DataFrame, ids: Iterable[str]) -> tuple[bytes, int]:
    """(zip of CIFs of the listed materials whose crystal is known, always the same bytes; how many)."""
    crystals = candidates[candidates["id"].isin(set(ids))].dropna(subset="structure_json").sort_values("id")
    names = crystals["id"].str.replace(r"[^\w.+-]", "_", regex=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for k, (name, text) in enumerate(zip(names, crystals["structure_json"], strict=True)):
            unique = f"{name}-{k}" if (names == name).sum() > 1 else name
            entry = zipfile.ZipInfo(f"{unique}.cif")  # dated 1980, not now
            crystal = Structure.from_str(text, fmt="json")
            for site in crystal:
                site.label = None  # a file's own labels need not be unique once its symmetry is undone
            crystal.relabel_sites(ignore_uniq=True)
            with warnings.catch_warnings():  # species of a mixed site share a label
                warnings.filterwarnings("ignore", "Site labels are not unique")
                archive.writestr(entry, crystal.to(fmt="cif"))
    return packed.getvalue(), len(crystals)


def run(
    *,
    candidates: pd.DataFrame,
    judged: pd.DataFrame,
    verdicts: pd.DataFrame,
    phases: pd.DataFrame,
    enthalpies: pd.DataFrame,
    partners: pd.DataFrame,
    coatings: pd.DataFrame,
    missing: Path,
    screen: Block,
    shortlist: Block,
) -> Result:
    hull = phase_set(phases)
    cell = cell_of(screen, partners, hull, known_wrong_entries(hull, enthalpies))
    lists = role_lists(judged, verdicts, cell, screen, shortlist)
    absent = known_missing(missing, hull.thermo_set)
    stacks = stacks_of(lists, coatings, cell, hull, absent, StackSettings(**shortlist["stacks"]))
    archive, n_crystals = crystal_archive(candidates, [i for rows in lists.values() for i in rows["id"]])
    lines = [
        f"shortlist: {role}: {len(rows)} compositions, {(rows['list'] == 'ready').sum()} ready"
        for role, rows in lists.items()
    ]
    lines.append(f"shortlist: stacks: {len(stacks)}; crystals of {n_crystals} listed materials")
    shown = {role: without_empty(rows) for role, rows in lists.items()}
    return Result({**shown, "stacks": stacks, "crystals": archive}, lines)


if __name__ == "__main__":
    stage_main(run)
