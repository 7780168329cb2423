"""The lists of one role: what is ready, then what is worth exploring, one row per composition, each with its reasons.

Within each list rows stand by score; equal scores are told apart by the margin of phase stability. Each list opens with
a few rows of many families, so that one kind of compound does not hide the rest; all others follow by score.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.models.judgement.candidates import written_plainly
from ionsieve.models.judgement.cell import Cell, interface_column, open_column
from ionsieve.models.judgement.filters import Filter, numbers
from ionsieve.models.judgement.hosts import series_of
from ionsieve.models.judgement.ranking import bare_ev_atom, weighted_score
from ionsieve.models.judgement.roles import EXPLORE, READY

FACTS = (
    "log10_sigma", "log10_sigma_low", "log10_sigma_high", "log10_sigma_decides", "sigma_origin", "near",
    "log10_sigma_bulk", "log10_sigma_total", "probability_sigma_ge_1e_4", "sigma_publications", "sigma_phase",
    "sigma_kind", "sigma_source", "sigma_match", "measured_crystalline",
    "band_gap_ev", "band_gap_low_ev", "band_gap_high_ev", "band_gap_origin",
    "e_above_hull_ev_atom", "decomposition_energy_ev_atom", "hull_complete", "hull_incomplete_reason",
    "reduction_limit_tol_v", "oxidation_limit_tol_v", "reduction_products", "oxidation_products",
    "oxidation_ceiling_v", "reduction_limit_predicted_v", "oxidation_limit_predicted_v",
    "passivating", "passivating_why", "lasts_on_lithium", "host", "products_at_0v", "interphase_volume_ratio",
    "e_rxn_h2o_ev", "e_rxn_h2o_ev_atom", "products_h2o", "e_rxn_co2_ev", "e_rxn_co2_ev_atom", "products_co2",
    "h2s_released_mol", "h2_released_mol", "hygroscopic",
    "film_log10_sigma", "migration_barrier_2d_ev", "space_group_number", "used_in_cells", "origin", "about",
)  # fmt: skip
# Filters on these rest on the hull; why it is incomplete tells what to compute.
OF_THE_HULL = ("e_above_hull", "decomposition_energy", "reduction_limit", "oxidation_limit")
OXIDISED_FIRST_V = 0.3  # below the top of charge, as the role of catholyte tolerates
STEPS_SHOWN = 3  # what is to be done after these can wait for their answers
# What tells equal scores apart: how far from decomposing (more negative is better), then cheap harmless elements.
TIES = ("decomposition_energy_ev_atom", "element_credit")


@dataclass(frozen=True)
class Opening:
    """How a list opens: at most `rows` rows, at most `per_family` of one family."""

    rows: int
    per_family: int


def role_list(
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    terms: pd.DataFrame,
    weights: Mapping[str, float],
    filters: Sequence[Filter],
    opening: Opening,
) -> pd.DataFrame:
    """Ready and explore rows of one role, ranked, one per composition; an empty table keeps its columns.

    Args:
        table: As for `ranking.ranking_terms`, with novelty, parent, family, hypothetical, warnings, reasons and FACTS.
        verdicts: Of this role, in the table's order, as from `roles.screen_role`.
        terms: As from `ranking.ranking_terms` of the same table.
        weights: Term -> weight.
        filters: Of this role; they say what an unknown asks for.
        opening: How each of the two lists opens.

    Returns:
        rank, list, opening (yes/no), formula, id, polymorphs (other ids of the composition with their list),
        series (the best of the compositions that a dopant, a little lithium or another rare earth tells apart, itself
        included; "" for one without such), n_series, novelty, parent, family, score, next_step, reasons, flags, the
        facts and contacts, and the terms.
    """
    kept = verdicts["list"].isin([READY, EXPLORE]).to_numpy()
    rows, judged = table[kept], verdicts[kept].set_index(table.index[kept])
    head = pd.DataFrame(
        {
            "list": judged["list"],
            "formula": written_plainly(rows["formula"]),
            "id": rows["id"],
            "novelty": rows["novelty"],
            "parent": rows["parent"],
            "family": rows["family"],
            "score": weighted_score(terms[kept], weights),
            "next_step": next_steps(judged, filters, rows),
            "reasons": rows["reasons"],
            "flags": _flags(judged, rows["warnings"]),
        }
    )
    contacts = [c for c in table.columns if c.startswith(("e_rxn_", "e_open_")) and c not in FACTS]
    # a fact that no table gives is empty
    facts = rows.reindex(columns=[*FACTS, *contacts])
    listed = pd.concat([head, facts, terms[kept].add_prefix("term_")], axis=1)
    listed = listed.loc[_order(head, rows).index]
    listed = _with_series(_one_per_composition(listed))
    listed = pd.concat(
        [_opened(part, opening) for _, part in listed.groupby("list", sort=False)] or [_opened(listed, opening)]
    )
    listed = listed.reset_index(drop=True)
    listed.insert(0, "rank", np.arange(1, len(listed) + 1))
    return listed


def _order(head: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Sort keys, best row first: list, what is not known to exist, score, the physical ties; the formula comes last."""
    # Rounded for the order alone: the last bits of a sum must not decide between equals.
    keys = pd.DataFrame({"list": head["list"] == EXPLORE, "hypothetical": numbers(rows["hypothetical"]) == 1.0})
    keys["score"] = -head["score"].round(12)
    keys["stability"] = rows[TIES[0]].astype(float)
    keys["elements"] = -rows[TIES[1]].astype(float)
    keys["formula"], keys["id"] = head["formula"], head["id"]
    return keys.sort_values(list(keys.columns), kind="stable", na_position="last")


def _one_per_composition(listed: pd.DataFrame) -> pd.DataFrame:
    """The first row of every composition, the others named in `polymorphs`."""
    key = pd.Series([composition_key(parse_formula(f)) for f in listed["formula"]], index=listed.index, dtype=object)
    first = ~key.duplicated()
    others: dict[str, list[str]] = {k: [] for k in key}
    for k, here, id_, list_ in zip(key, first, listed["id"], listed["list"], strict=True):
        if not here:
            others[k].append(f"{id_} ({list_})")
    kept = listed[first].copy()
    polymorphs = ["; ".join(others[k]) for k in key[first]]
    kept.insert(list(kept.columns).index("id") + 1, "polymorphs", polymorphs)
    return kept


def _with_series(listed: pd.DataFrame) -> pd.DataFrame:
    """Rows of one doping series named by its first row, which is its best."""
    firsts = series_of(list(listed["formula"]))
    formulas, first = listed["formula"].to_numpy(), pd.Series(firsts, index=listed.index, dtype=int)
    counts = first.map(first.value_counts())
    alone = (counts == 1).to_numpy()
    place = list(listed.columns).index("novelty")
    listed = listed.copy()
    listed.insert(place, "series", np.where(alone, "", formulas[firsts]) if len(listed) else "")
    listed.insert(place + 1, "n_series", counts.astype("Int64"))
    return listed


def _opened(part: pd.DataFrame, opening: Opening) -> pd.DataFrame:
    """One list with its opening first: rows as they stand, but no more of a family than the opening takes, and of a
    doping series the best."""
    repeated = part["series"].duplicated() & (part["series"] != "")
    nth_of_family = part[~repeated].groupby("family").cumcount().reindex(part.index)
    eligible = (~repeated & (nth_of_family < opening.per_family)).to_numpy()
    opens = eligible & (np.cumsum(eligible) <= opening.rows)
    ordered = pd.concat([part[opens], part[~opens]])
    ordered.insert(1, "opening", np.arange(len(ordered)) < opens.sum())
    return ordered


def next_steps(verdicts: pd.DataFrame, filters: Sequence[Filter], table: pd.DataFrame) -> list[str]:
    """What to compute or measure next, the answer that would decide most first; "" for rows that are ready.

    Args:
        verdicts: Columns list, next_filter, unknown_filters.
        filters: Of the role.
        table: The same rows, with hull_incomplete_reason and, per partner, why its contact is unknown (note_<partner>).
    """
    by_name = {f.name: f for f in filters}
    columns = {f.name: _why_column(f.column, table) for f in filters}
    steps = []
    for k, (first, unknown) in enumerate(zip(verdicts["next_filter"], verdicts["unknown_filters"], strict=True)):
        names = [first, *(name for name in unknown.split(", ") if name != first)] if first else []
        texts = list(dict.fromkeys(by_name[name].next_step or f"determine {by_name[name].column}" for name in names))
        if texts and columns[first] and (why := _why(table[columns[first]].iloc[k])):
            texts[0] = f"{texts[0]} ({why})"
        steps.append("; then ".join(texts[:STEPS_SHOWN]))
    return steps


def _why_column(column: str, table: pd.DataFrame) -> str:
    """The column that says why another is unknown; "" if none does."""
    for start, end in (("e_rxn_", "_ev_atom"), ("e_open_", "_ev_non_li")):
        note = f"note_{column.removeprefix(start).removesuffix(end)}"
        if column.startswith(start) and note in table:
            return note
    return "hull_incomplete_reason" if column.startswith(OF_THE_HULL) else ""


def _why(note: object) -> str:
    """The part of a note that says what is not known; a remark on where an energy was taken is none."""
    if not isinstance(note, str):
        return ""
    _, unknown, lacking = note.rpartition("unknown: ")
    return lacking if unknown else "" if note.startswith("no energy of its own") else note


def _flags(verdicts: pd.DataFrame, warnings: pd.Series) -> list[str]:
    texts = []
    for names, warning in zip(verdicts["flagged_filters"], warnings, strict=True):
        texts.append("; ".join(filter(None, [f"not known: {names.replace('_', ' ')}" if names else "", warning])))
    return texts


def reasons(table: pd.DataFrame, cell: Cell) -> list[str]:
    """Why each candidate stands where it does, in plain words: the facts behind its terms, unknown ones named."""
    decides = table["log10_sigma_decides"].notna()
    sigma = 10.0 ** table["log10_sigma"].where(decides)
    origins = [o if o != "predicted" else "predicted near measured materials" for o in table["sigma_origin"]]
    phrases = pd.DataFrame(
        {
            "conductivity": _phrases("conducts {:.1e} S/cm", sigma, origins),
            "gap": _phrases("gap {:.1f} eV", table["band_gap_ev"], table["band_gap_origin"]),
            "hull distance": _phrases("{:z.3f} eV/atom above hull", table["e_above_hull_ev_atom"]),
            "reduction limit": _phrases("takes up lithium below {:z.2f} V", table["reduction_limit_tol_v"]),
            "oxidation limit": _phrases(
                "gives off lithium above {:z.2f} V",
                table["oxidation_limit_tol_v"],
                infinite="has no lithium to give off",
            ),
        },
        index=table.index,
    )
    for part, partner in cell.partners.items():
        bare = bare_ev_atom(cell, part)
        compared = "" if np.isnan(bare) else f" (bare {bare:z.3f})"
        template = f"{{:z.3f}} eV/atom with {cell.formulas[part]}{compared}"
        phrases[f"reaction with {cell.formulas[part]}"] = _phrases(template, table[interface_column(partner)])
    charging = f"{{:z.3f}} eV per non-lithium atom with {cell.formulas['cathode_lithiated']} while charging"
    said = _phrases(charging, table[open_column(cell.partners["cathode_lithiated"])])
    # what is oxidised anyway has no reaction left for the cathode: its zero would read as stability
    gone = table["oxidation_limit_tol_v"].astype(float) < cell.cathode_voltage_v - OXIDISED_FIRST_V
    instead = f"oxidised by itself long before {cell.cathode_voltage_v:g} V"
    phrases["reaction while charging"] = [
        instead if first else phrase for first, phrase in zip(gone, said, strict=True)
    ]
    texts = []
    for row in phrases.itertuples(index=False, name=None):
        unknown = [name for name, phrase in zip(phrases.columns, row, strict=True) if not phrase]
        tail = [f"unknown: {', '.join(unknown)}"] if unknown else []
        texts.append("; ".join([phrase for phrase in row if phrase] + tail))
    return texts


def _phrases(template: str, values: pd.Series, origins: Iterable[str] | None = None, infinite: str = "") -> list[str]:
    origin = [""] * len(values) if origins is None else [f" ({text})" if text else "" for text in origins]
    return [
        "" if np.isnan(value) else (template.format(value) if np.isfinite(value) else infinite) + source
        for value, source in zip(values.astype(float), origin, strict=True)
    ]
