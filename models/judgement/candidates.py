"""All that is known of each candidate in one row: what filters and ranking read, and what a list shows."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.bonded_anions import bonded_anions
from ionsieve.features.chemistry.elements import ANIONS, WEAK_ANIONS
from ionsieve.features.chemistry.families import family_table
from ionsieve.features.chemistry.formula import composition_keys, parse_formula
from ionsieve.features.chemistry.suitability import suitability_table
from ionsieve.models.judgement.base_rate import conductor_rate
from ionsieve.models.judgement.cell import pivot_interfaces
from ionsieve.models.judgement.evidence import element_credit
from ionsieve.models.judgement.novelty import novelty_table
from ionsieve.models.judgement.stack_layers import film_conductivities

# Anions close a formula: chalcogens, then halogens (LiNbOCl4, Li6PS5Cl), bromine before chlorine as commonly written.
OXO_GROUP = re.compile(r"\([A-Z][a-z]?O\d*\)")  # (PO4), (SiO3): pymatgen's groups that chemists write as well
# Anions whose lithium salts take up moisture (heavy halides) or react with it; oxides and fluorides are slow.
MOIST = frozenset(["Cl", "Br", "I", "S", "Se", "Te", "N"])
WRITTEN_LAST = ("N", "O", "H", "S", "Se", "Te", "I", "Br", "Cl", "F")


@dataclass(frozen=True)
class Background:
    """Tables that say what is known of compounds at large.

    elements: facts on elements (symbol, excluded, price_class, toxicity_class); coatings: cells reported with a coating
    (formula, outcome, film_sigma_s_cm); measurements: measured conductivities; known_formulas: compounds that exist.
    """

    elements: pd.DataFrame
    coatings: pd.DataFrame
    measurements: pd.DataFrame
    known_formulas: Sequence[str]


def chemistry_columns(candidates: pd.DataFrame, background: Background) -> pd.DataFrame:
    """What follows from the formula, the measurements and the tables of known compounds; one row per candidate.

    Args:
        candidates: Columns id, formula, origin and about.
        background: See `Background`.

    Returns:
        id; the columns of `suitability_table`; bonded_anions, protic (acid salts and hydrosulfides), hygroscopic (at
        least half of the anions chloride, bromide or iodide, whose salts take up water from air, or sulfide, selenide,
        telluride or nitride, which react with it; phosphides and arsenides), element_credit,
        family, novelty, parent, conductor_rate, used_in_cells (whether a cell with the composition as a coating was
        reported to work), film_log10_sigma (measured on films, NaN where not).
    """
    formulas = list(candidates["formula"])
    flags = suitability_table(formulas, background.elements).drop(columns="formula")
    works = background.coatings.loc[background.coatings["outcome"] == "works", "formula"]
    used = set(composition_keys(works))
    novelty = novelty_table(candidates, [*background.known_formulas, *background.measurements["formula"]])
    about = pd.DataFrame(
        {
            "bonded_anions": bonded_anions(formulas),
            "hygroscopic": [_is_hygroscopic(formula) for formula in formulas],
            "protic": flags["acid_oxyanion"].to_numpy(dtype=bool) | np.array(list(map(_is_hydrosulfide, formulas))),
            "element_credit": element_credit(formulas, background.elements),
            "family": family_table(formulas)["family"],
            "conductor_rate": conductor_rate(formulas, background.measurements),
            "used_in_cells": [key in used for key in composition_keys(formulas)],
        }
    )
    films = film_conductivities(background.coatings).set_index("composition")["film_log10_sigma"]
    about["film_log10_sigma"] = films.reindex(composition_keys(formulas)).to_numpy(dtype=float)
    ids = candidates[["id"]].reset_index(drop=True)
    return pd.concat([ids, flags, about, novelty.drop(columns="id")], axis=1)


def _is_hygroscopic(formula: str) -> bool:
    amounts = parse_formula(formula).get_el_amt_dict()
    anions = {symbol: n for symbol, n in amounts.items() if symbol in ANIONS}
    if not anions:  # phosphides, arsenides, hydrides
        return any(symbol in WEAK_ANIONS for symbol in amounts)
    return sum(n for symbol, n in anions.items() if symbol in MOIST) >= 0.5 * sum(anions.values())


def _is_hydrosulfide(formula: str) -> bool:
    symbols = {element.symbol for element in parse_formula(formula)}
    return "H" in symbols and bool(symbols & {"S", "Se", "Te"}) and not symbols & {"O", "B", "N", "C"}


def joined_candidates(
    candidates: pd.DataFrame, chemistry: pd.DataFrame, interfaces: pd.DataFrame, tables: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """One row per candidate, in their order.

    Args:
        candidates: Columns id, formula, space_group_number, origin and note (shown as `about`).
        chemistry: As from `chemistry_columns`.
        interfaces: One row per candidate and partner, as for `pivot_interfaces`.
        tables: One row per id each: stability, transport, predictions; of a column in several the first is kept.
    """
    known = candidates[["id", "formula", "space_group_number", "origin"]].assign(about=candidates["note"])
    for table in (chemistry, pivot_interfaces(interfaces), *tables):
        columns = ["id", *(c for c in table.columns if c not in known.columns and c != "note")]
        known = known.merge(table[columns], on="id", how="left", validate="one_to_one")
    return known


def written_plainly(formulas: Iterable[str]) -> list[str]:
    """Formulas as a chemist writes them (LiH2PO4 for H2LiO4P, Li6PS5Cl for ClLi6PS5); those with fractions stay as
    given."""
    return [_plain(formula) for formula in formulas]


def _plain(formula: str) -> str:
    composition = parse_formula(formula)
    if not all(np.isclose(amount, round(amount), atol=1e-9) for amount in composition.values()):
        return formula
    amounts = composition.reduced_composition.get_el_amt_dict()
    oxygen = amounts.get("O", 0.0)
    centres = {e for e in ("N", "S", "Se", "Te") if oxygen >= 2 * amounts.get(e, 0.0) > 0}  # of oxo-anions: Li2SO4
    anions = [e for e in WRITTEN_LAST if e in amounts and e not in centres]
    # the hydrogen of an acid salt stands before the centre of its anion, that of a hydroxide last
    acid = [e for e in ("P", "S", "Se", "As", "C") if {"H", "O", e} <= amounts.keys()]
    if acid:
        anions = ["H", *acid, *(e for e in anions if e not in ("H", *acid))]
    elif (len(anions) < 2 and "(" not in composition.reduced_formula) or OXO_GROUP.search(composition.reduced_formula):
        return composition.reduced_formula
    cations = sorted(amounts.keys() - set(anions), key=lambda symbol: (Element(symbol).X, symbol))
    return "".join(f"{e}{amounts[e]:g}" if amounts[e] != 1 else e for e in [*cations, *anions])
