"""Ranked shortlists whose order can be read: a weighted mean of named terms between 0 and 1, all of them columns.

Every term is a straight ramp between a value worth 0 and a value worth 1. What is unknown earns a fixed small credit.
The oxidation limit earns nothing beyond what the cathode needs, and reaction energies count relative to the bare
contact that a coating is to replace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ionsieve.models.judgement.roles import interface_column, numbers

# A bare contact that hardly reacts leaves nothing to gain; below this, eV/atom, energies are not worth telling apart.
SMALLEST_BARE_EV_ATOM = -0.05

FACTS = (
    "log10_sigma",
    "log10_sigma_low",
    "log10_sigma_high",
    "sigma_origin",
    "probability_sigma_ge_1e_4",
    "in_domain",
    "band_gap_ev",
    "band_gap_origin",
    "e_above_hull_ev_atom",
    "hull_complete",
    "reduction_limit_tol_v",
    "oxidation_limit_tol_v",
    "reduction_limit_predicted_v",
    "oxidation_limit_predicted_v",
    "passivating",
    "products_at_0v",
    "migration_barrier_2d_ev",
    "space_group_number",
)


@dataclass(frozen=True)
class Cell:
    """The cell a material is wanted for.

    `partners` as from `roles.partner_ids`, `formulas` the formula of each of these parts; cathode_voltage_v is the top
    of charge. bare_ev_atom is the contact that a candidate is to better: the mutual reaction energy, eV/atom, of the
    electrolyte with cathode_lithiated, cathode_delithiated and anode.
    """

    partners: Mapping[str, str]
    formulas: Mapping[str, str]
    cathode_voltage_v: float
    bare_ev_atom: Mapping[str, float]


def bare_ev_atom(cell: Cell, part: str) -> float:
    """Energy against which a contact with one part of the cell counts; with the electrolyte, what a cathode coating
    replaces: its contact with the lithiated cathode."""
    return cell.bare_ev_atom["cathode_lithiated" if part == "electrolyte" else part]


def ramp(values: np.ndarray | pd.Series, zero: float, one: float) -> np.ndarray:
    """(n,) credit that rises straight from 0 at `zero` to 1 at `one`, flat beyond; NaN stays NaN.

    Raises:
        ValueError: If both ends are the same.
    """
    if zero == one:
        raise ValueError(f"a ramp needs two different ends, not {zero} twice")
    return np.clip((np.asarray(values, dtype=float) - zero) / (one - zero), 0.0, 1.0)


def ranking_terms(
    table: pd.DataFrame, cell: Cell, scales: Mapping[str, Sequence[float]], credits: Mapping[str, float]
) -> pd.DataFrame:
    """(n, k) the terms a score can be made of, each 0 to 1, NaN where unknown; same index.

    Args:
        table: As from `evidence.prepare_candidates`, with e_rxn_<partner>_ev_atom columns and element_credit (0 to 1,
            1 for abundant harmless elements).
        cell: The cell to serve.
        scales: Term -> (value worth 0, value worth 1): conductivity and film_conductivity (log10 of S/cm), oxidation
            (V relative to the cathode voltage), reduction (V), hull (eV/atom), certainty (width of the 90 %
            interval, decades).
        credits: passivating: least credit for reduction and anode_contact if the interphase is insulating;
            predicted_window: the share of its credit a window keeps that a model predicted.
    """
    partners = cell.partners
    contact = {
        part: _contact_term(table[interface_column(partners[part])], bare_ev_atom(cell, part)) for part in partners
    }
    passivates = numbers(table["passivating"]) == 1.0
    measured = (table["sigma_origin"] == "measured").to_numpy()
    certainty = ramp(table["log10_sigma_high"] - table["log10_sigma_low"], *scales["certainty"])
    certainty = np.where(numbers(table["in_domain"]) == 0.0, 0.0, certainty)
    window_credit = credits["predicted_window"]
    oxidation = [volts + cell.cathode_voltage_v for volts in scales["oxidation"]]
    reduction = _window_term(table, "reduction_limit", scales["reduction"], window_credit)
    terms = {
        "conductivity": ramp(table["log10_sigma"], *scales["conductivity"]),
        "film_conductivity": ramp(table["log10_sigma"], *scales["film_conductivity"]),
        "probability": ramp(table["probability_sigma_ge_1e_4"], 0.0, 1.0),
        "oxidation": _window_term(table, "oxidation_limit", oxidation, window_credit),
        "reduction": np.where(passivates, np.fmax(reduction, credits["passivating"]), reduction),
        "cathode_contact": np.minimum(contact["cathode_lithiated"], contact["cathode_delithiated"]),
        "electrolyte_contact": contact["electrolyte"],
        "anode_contact": np.where(passivates, np.fmax(contact["anode"], credits["passivating"]), contact["anode"]),
        "hull": ramp(table["e_above_hull_ev_atom"], *scales["hull"]),
        "elements": ramp(table["element_credit"], 0.0, 1.0),
        "ceramic": (numbers(table["molecular_groups"]) == 0).astype(float),
        "certainty": np.where(measured, 1.0, certainty),
        "measured": measured.astype(float),
    }
    return pd.DataFrame(terms, index=table.index)


def _window_term(table: pd.DataFrame, limit: str, ends: Sequence[float], predicted_credit: float) -> np.ndarray:
    computed = ramp(table[f"{limit}_tol_v"], *ends)
    predicted = ramp(table[f"{limit}_predicted_v"], *ends) * predicted_credit
    return np.where(np.isnan(computed), predicted, computed)


def _contact_term(energies: pd.Series, bare: float) -> np.ndarray:
    # np.minimum keeps NaN: without the bare contact nothing can be compared.
    return ramp(energies, float(np.minimum(bare, SMALLEST_BARE_EV_ATOM)), 0.0)


def weighted_score(terms: pd.DataFrame, weights: Mapping[str, float], unknown_credit: float) -> pd.Series:
    """(n,) weighted mean of the terms, 0 to 1, an unknown term counting as `unknown_credit`; same index.

    Raises:
        ValueError: If a weight is negative, names no term, or none is above zero.
    """
    strangers = sorted(set(weights) - set(terms.columns))
    if strangers:
        raise ValueError(f"weights for unknown terms {', '.join(strangers)}; there are {', '.join(terms.columns)}")
    if any(weight < 0 for weight in weights.values()) or not sum(weights.values()) > 0:
        raise ValueError(f"weights must not be negative, and one must be above zero: {dict(weights)}")
    names = sorted(weights)
    share = np.array([weights[name] for name in names], dtype=float) / sum(weights.values())
    return (terms[names].fillna(unknown_credit) * share).sum(axis=1)


def shortlist(
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    weights: Mapping[str, Mapping[str, float]],
    terms: pd.DataFrame,
    unknown_credit: float,
    cell: Cell,
) -> pd.DataFrame:
    """Candidates that passed at least one of the roles, best first; an empty table keeps its columns.

    A candidate's score is that of its best role (`best_role`); equal scores are ordered by id.

    Args:
        table: As for `ranking_terms`.
        verdicts: Of any roles, stacked, as from `roles.screen_role`.
        weights: Role -> term -> weight; its roles, in this order, are those of the shortlist.
        terms: As from `ranking_terms` of the same table.
        unknown_credit: As for `weighted_score`.
        cell: As for `ranking_terms`.

    Returns:
        rank, id, formula, score, best_role, a yes/no column and a score_ column per role (NaN where it did not pass),
        reasons, flags, sigma_s_cm, the facts with their origins, what windows and barriers belong to, energies with
        each partner, and the terms.
    """
    roles = list(weights)
    by_role = {role: verdicts[verdicts["role"] == role].set_index("id").loc[table["id"]] for role in roles}
    passed = pd.DataFrame({r: by_role[r]["passed"].to_numpy(dtype=bool) for r in roles}, index=table.index)
    scores = pd.DataFrame({r: weighted_score(terms, weights[r], unknown_credit) for r in roles}).where(passed)
    unknown = pd.DataFrame({r: by_role[r]["unknown_filters"].to_numpy() for r in roles}, index=table.index)
    kept = passed.any(axis=1)
    best = np.argmax(scores[kept].fillna(-1.0).to_numpy(), axis=1)
    head = pd.DataFrame(
        {
            "id": table.loc[kept, "id"],
            "formula": table.loc[kept, "formula"],
            "score": scores[kept].max(axis=1),
            "best_role": np.array(roles, dtype=object)[best],
            **{role: passed.loc[kept, role] for role in roles},
            **{f"score_{role}": scores.loc[kept, role] for role in roles},
            "reasons": reasons(table[kept], cell),
            "flags": _flags(unknown[kept].where(passed[kept], ""), table.loc[kept, "warnings"]),
        }
    )
    listed = pd.concat([head, _facts(table[kept], cell), terms[kept].add_prefix("term_")], axis=1)
    # Rounded for the order alone: the last bits of a sum must not decide between equals.
    order = pd.DataFrame({"score": -listed["score"].round(12), "id": listed["id"]})
    listed = listed.loc[order.sort_values(["score", "id"], kind="stable").index].reset_index(drop=True)
    listed.insert(0, "rank", np.arange(1, len(listed) + 1))
    return listed


def _facts(table: pd.DataFrame, cell: Cell) -> pd.DataFrame:
    contacts = list(dict.fromkeys(interface_column(partner) for partner in cell.partners.values()))
    facts = table[[*FACTS, *contacts]].copy()
    facts.insert(0, "sigma_s_cm", 10.0 ** table["log10_sigma"])
    facts["window_belongs_to"] = _window_owner(table)
    facts["barrier_belongs_to"] = _barrier_owner(table)
    return facts


def _flags(unknown: pd.DataFrame, warnings: pd.Series) -> list[str]:
    flags = []
    for row, warning in zip(unknown.itertuples(index=False), warnings, strict=True):
        names = dict.fromkeys(name for cell in row for name in cell.split(", ") if name)
        flags.append("; ".join(filter(None, [f"passed unknown: {', '.join(names)}" if names else "", warning])))
    return flags


def _window_owner(table: pd.DataFrame) -> list[str]:
    computed = table["oxidation_limit_tol_v"].notna()
    predicted = table["oxidation_limit_predicted_v"].notna()
    text = np.where(predicted, "the composition (predicted)", "")
    return np.where(computed, "the composition at its hull energy, whatever the polymorph", text).tolist()


def _barrier_owner(table: pd.DataFrame) -> list[str]:
    return [
        ""
        if np.isnan(barrier)
        else f"the structure of {name}" + ("" if np.isnan(group) else f", space group {group:.0f}")
        for name, barrier, group in zip(
            table["id"], table["migration_barrier_2d_ev"], table["space_group_number"].astype(float), strict=True
        )
    ]


def reasons(table: pd.DataFrame, cell: Cell) -> list[str]:
    """Why each candidate stands where it does, in plain words: the facts behind its terms, unknown ones named."""
    phrases = pd.DataFrame(
        {
            "conductivity": _phrases("conducts {:.1e} S/cm", 10.0 ** table["log10_sigma"], table["sigma_origin"]),
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
    texts = []
    for row in phrases.itertuples(index=False, name=None):
        unknown = [name for name, phrase in zip(phrases.columns, row, strict=True) if not phrase]
        tail = [f"unknown: {', '.join(unknown)}"] if unknown else []
        texts.append("; ".join([phrase for phrase in row if phrase] + tail))
    return texts


def _phrases(template: str, values: pd.Series, origins: pd.Series | None = None, infinite: str = "") -> list[str]:
    origin = [""] * len(values) if origins is None else [f" ({text})" for text in origins]
    return [
        "" if np.isnan(value) else (template.format(value) if np.isfinite(value) else infinite) + source
        for value, source in zip(values.astype(float), origin, strict=True)
    ]
