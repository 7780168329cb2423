"""What is known of each candidate, made ready for filters and ranking.

Measured values override predicted ones, what rests on an incomplete set of phases becomes unknown, interphases on
lithium are judged by their gaps, and doubts are put into words.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.models.judgement.roles import numbers

# On an incomplete set of phases these come out too good or too bad, nobody knows which.
UNKNOWN_IF_INCOMPLETE = (
    "e_above_hull_ev_atom",
    "decomposition_energy_ev_atom",
    "reduction_limit_v",
    "oxidation_limit_v",
    "reduction_limit_tol_v",
    "oxidation_limit_tol_v",
)
# Elements without a gap in their stable form that pymatgen does not count as metals.
SEMIMETALS = frozenset({"C", "As", "Sb"})

# What a yes (or a no) in a column means to a reader; the order is the order of the flags.
WARNINGS = (
    ("hull_complete", 0.0, "phases of this system are missing: hull distance and window unknown"),
    ("charge_balanced", 0.0, "formula not charge balanced"),
    ("band_gap_spans", 1.0, "gap threshold inside the spread of entries"),
    ("mobile_site_shared", 1.0, "another element shares lithium's site"),
)


@lru_cache(maxsize=65536)
def reduced_formula(formula: str) -> str:
    """pymatgen's reduced formula, the key under which gaps of phases are looked up.

    Raises:
        ValueError: If the formula cannot be parsed.
    """
    return parse_formula(formula).reduced_formula


def gap_lookup(band_gaps: pd.DataFrame, products: Iterable[str | None]) -> dict[str, float]:
    """Gap of every phase that occurs in the products and has one, eV, keyed by reduced formula.

    The median over entries; where a formula has measured entries, over those alone.

    Args:
        band_gaps: Columns formula, band_gap_ev, method ("measured" or a computation).
        products: Texts such as "Li3P + 0.5 Li2S"; None or "" where unknown.
    """
    needed = {reduced_formula(formula) for text in products for formula in product_formulas(text)}
    # Parsing a hundred thousand formulas to find a few hundred is slow: first keep those with the right elements.
    systems = {frozenset(e.symbol for e in parse_formula(formula)) for formula in needed}
    symbols = frozenset().union(*systems)
    mentioned = band_gaps["formula"].str.findall(r"[A-Z][a-z]?")
    near = band_gaps[[set(found) <= symbols and frozenset(found) in systems for found in mentioned]].copy()
    near["phase"] = [reduced_formula(formula) for formula in near["formula"]]
    near = near[near["phase"].isin(needed)].dropna(subset=["band_gap_ev"])
    measured = near[near["method"] == "measured"]
    computed = near[~near["phase"].isin(measured["phase"])]
    medians = pd.concat([computed, measured]).groupby("phase")["band_gap_ev"].median()
    return {str(phase): float(gap) for phase, gap in medians.items()}


def product_formulas(products: str | None) -> list[str]:
    """Formulas of "0.5 Li3P + 1.5 Li2S", amounts left out; empty for None, NaN and ""."""
    if not isinstance(products, str):
        return []
    return [term.split()[-1] for term in products.split("+") if term.strip()]


def passivating(products_at_0v: Sequence[str], gap_of: Mapping[str, float], min_gap_ev: float) -> bool | None:
    """Whether what forms on lithium metal is insulating, so that it stops growing: yes, no, or unknown (None).

    Args:
        products_at_0v: Formulas of the phases in equilibrium with lithium; lithium itself does not count.
            None given means nothing is known.
        gap_of: Gap of phases by reduced formula, eV. Metals and their alloys have none, whatever is listed here
            or not; other phases not listed are unknown.
        min_gap_ev: Smallest gap of an insulating product, eV.
    """
    phases = {reduced_formula(formula) for formula in products_at_0v} - {"Li"}
    gaps = [0.0 if _is_metallic(phase) else gap_of.get(phase, np.nan) for phase in sorted(phases)]
    if any(gap < min_gap_ev for gap in gaps):
        return False
    return None if not gaps or np.isnan(gaps).any() else True


@lru_cache(maxsize=65536)
def _is_metallic(phase: str) -> bool:
    elements = list(parse_formula(phase))
    if len(elements) == 1:
        return elements[0].is_metal or elements[0].symbol in SEMIMETALS
    # Bismuth takes electrons from lithium and leaves a gap (Li3Bi); other metals form alloys.
    return all(element.is_metal and element != Element("Bi") for element in elements)


def passivating_column(
    products_at_0v: Sequence[str | None], gap_of: Mapping[str, float], min_gap_ev: float
) -> pd.arrays.BooleanArray:
    """`passivating` for a column of product texts; missing where unknown."""
    answers = {
        text: passivating(product_formulas(text), gap_of, min_gap_ev)
        for text in set(products_at_0v)
        if isinstance(text, str)
    }
    return pd.array([answers.get(text) if isinstance(text, str) else None for text in products_at_0v], dtype="boolean")


def prepare_candidates(table: pd.DataFrame, gap_of: Mapping[str, float], min_gap_ev: float) -> pd.DataFrame:
    """Candidates as filters and ranking see them.

    Hull distance, window and passivation are missing where hull_complete is not true, mixed_conduction_ions where the
    charges cannot be told. Adds passivating, lithium_free (yes/no) and warnings (text, "; "-joined).

    Args:
        table: One row per candidate; columns id, hull_complete, products_at_0v, lithium_fraction, molecular_groups,
            mixed_conduction_ions, mixed_conduction_unknown, sigma_origin, in_domain, band_gap_origin, those of
            UNKNOWN_IF_INCOMPLETE and of WARNINGS.
        gap_of: As for `passivating`.
        min_gap_ev: As for `passivating`.

    Raises:
        ValueError: If an id stands twice.
    """
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise ValueError(f"candidates: {len(twice)} ids stand more than once, such as {', '.join(twice.head(5))}")
    prepared = table.copy()
    complete = numbers(table["hull_complete"]) == 1.0
    for column in UNKNOWN_IF_INCOMPLETE:
        prepared[column] = table[column].where(complete)
    products = table["products_at_0v"].where(complete, None)
    prepared["passivating"] = passivating_column(products.tolist(), gap_of, min_gap_ev)
    prepared["lithium_free"] = table["lithium_fraction"] == 0
    open_question = (numbers(table["mixed_conduction_unknown"]) == 1.0) & (numbers(table["mixed_conduction_ions"]) == 0)
    prepared["mixed_conduction_ions"] = table["mixed_conduction_ions"].mask(open_question, None)
    prepared["warnings"] = warnings_of(table)
    return prepared


def element_credit(formulas: Sequence[str], elements: pd.DataFrame) -> np.ndarray:
    """(n,) 1 for cheap harmless elements down to 0: half by the dearest element, half by the most toxic.

    Amounts do not count: a supply chain is needed for a dopant too. An element without a price class has no say.

    Args:
        formulas: Formulas as text.
        elements: symbol, price_class (1 cheap to 5 precious, NaN unknown), toxicity_class (0 harmless to 3).
    """
    facts = elements.set_index("symbol")
    prices, toxicities = facts["price_class"].to_dict(), facts["toxicity_class"].to_dict()
    credit = []
    for formula in formulas:
        symbols = [element.symbol for element in parse_formula(formula)]
        price = np.nanmax([1.0, *(prices.get(symbol, np.nan) for symbol in symbols)])
        toxicity = max(toxicities.get(symbol, 3) for symbol in symbols)
        credit.append(1.0 - (price - 1.0) / 8.0 - toxicity / 6.0)
    return np.array(credit, dtype=float)


def warnings_of(table: pd.DataFrame) -> list[str]:
    """Doubts about each candidate in words, "; "-joined: they flag and never drop."""
    columns = [np.where(numbers(table[column]) == when, text, "") for column, when, text in WARNINGS]
    columns.append(table["molecular_groups"].fillna("").to_numpy())
    predicted = (table["sigma_origin"] == "predicted").to_numpy()
    outside = numbers(table["in_domain"]) == 0.0
    columns.append(np.where(predicted & outside, "conductivity predicted outside what the model has seen", ""))
    columns.append(np.where(table["band_gap_origin"] == "predicted", "gap predicted", ""))
    return ["; ".join(text for text in row if text) for row in zip(*columns, strict=True)]
