"""What is known of each candidate, made ready for filters and ranking.

What rests on an incomplete set of phases becomes unknown, gaps decide as far as they are known, and doubts are put into
words.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.chemistry.redox import product_formulas
from ionsieve.models.judgement.filters import numbers

# On an incomplete set of phases these come out too good or too bad, nobody knows which.
UNKNOWN_IF_INCOMPLETE = (
    "e_above_hull_ev_atom",
    "decomposition_energy_ev_atom",
    "reduction_limit_v",
    "oxidation_limit_v",
    "reduction_limit_tol_v",
    "oxidation_limit_tol_v",
)
# Ends of the intervals that named missing phases leave; of no use where more than these is missing.
BOUNDS = tuple(
    f"{quantity}_bound_{end}_{unit}"
    for quantity, unit in (("e_above_hull", "ev_atom"), ("reduction_limit_tol", "v"), ("oxidation_limit_tol", "v"))
    for end in ("low", "high")
)
NAMED_MISSING = "the phases lack"
# Rounded ceilings are not exact; a limit this far above one is still no sign of missing phases.
CEILING_TOLERANCE_V = 0.05

# What a yes (or a no) in a column means to a reader; the order is the order of the flags.
WARNINGS = (
    ("hull_complete", 0.0, "phases of this system are missing: hull distance and window unknown"),
    ("oxidation_defect", 1.0, "computed oxidation limit above what the anions allow: phases are missing"),
    ("charge_balanced", 0.0, "formula not charge balanced"),
    ("band_gap_spans", 1.0, "gap threshold inside the spread of entries"),
    ("mobile_site_shared", 1.0, "another element shares lithium's site"),
    ("borohydride_or_amide", 1.0, "borohydride or amide: reducing, reacts with air"),
    ("hygroscopic", 1.0, "takes up moisture or reacts with it"),
    ("hypothetical", 1.0, "no energy of its own: nobody knows whether it exists"),
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


def prepare_candidates(table: pd.DataFrame) -> pd.DataFrame:
    """Candidates as filters and ranking see them.

    Hull distance and window are missing where hull_complete is not true, and where the oxidation limit lies above what
    the anions allow: such a window comes from phases that the table lacks. mixed_conduction_ions is missing where the
    charges cannot be told. Adds, besides `warnings` (text, "; "-joined):

    - oxidation_defect (yes/no): the limit lies above oxidation_ceiling_v;
    - BOUNDS, and with them oxidation_at_most_v (or the ceiling, if that is lower: a limit that is unknown can still be
      too low) and reduction_at_least_v (or that of a host): intervals where the phases that are missing are known;
    - lithium_free, measured_conductor (yes/no);
    - hypothetical (yes/no): no compound known to exist, and without an energy of its own;
    - band_gap_decides_ev, band_gap_at_least_ev, band_gap_at_most_ev: a gap that is measured or computed decides, one
      that is predicted where its whole interval lies on one side (of a measured conductor: its median), one that is
      not fit to decide not at all;
    - electrons_blocked (yes/no): measured as an ionic conductor, and no gap is there that could say otherwise.

    Args:
        table: One row per candidate; columns id, hull_complete, lithium_fraction, mixed_conduction_ions,
            mixed_conduction_unknown, molecular_groups, log10_sigma, sigma_origin, sigma_kind, near, novelty,
            measured_crystalline, oxidation_ceiling_v, band_gap columns, those of UNKNOWN_IF_INCOMPLETE and of WARNINGS.

    Raises:
        ValueError: If an id stands twice.
    """
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise ValueError(f"candidates: {len(twice)} ids stand more than once, such as {', '.join(twice.head(5))}")
    prepared = table.copy()
    complete = numbers(table["hull_complete"]) == 1.0
    exists = (table["novelty"] == "known") | (numbers(table["measured_crystalline"]) == 1.0)
    prepared["hypothetical"] = ~exists & table["e_above_hull_ev_atom"].isna()
    prepared["lithium_free"] = table["lithium_fraction"] == 0
    ceiling = table["oxidation_ceiling_v"].astype(float).where(~prepared["lithium_free"])
    defect = complete & (table["oxidation_limit_tol_v"] > ceiling + CEILING_TOLERANCE_V).to_numpy()
    prepared["oxidation_defect"] = defect
    for column in UNKNOWN_IF_INCOMPLETE:
        prepared[column] = table[column].where(complete & ~defect)
    reasons = table.get("hull_incomplete_reason", pd.Series("", index=table.index)).fillna("")
    bounded = reasons.str.startswith(NAMED_MISSING) & ~reasons.str.contains(";")
    for column in BOUNDS:
        given = table.get(column, pd.Series(np.nan, index=table.index)).astype(float)
        prepared[column] = given.where(bounded & ~(given > ceiling + CEILING_TOLERANCE_V))
    prepared["oxidation_at_most_v"] = np.fmin(ceiling, prepared["oxidation_limit_tol_bound_high_v"])
    at_least = table.get("reduction_at_least_v", pd.Series(np.nan, index=table.index)).astype(float)
    prepared["reduction_at_least_v"] = np.fmax(at_least, prepared["reduction_limit_tol_bound_low_v"])
    prepared["measured_conductor"] = (table["sigma_origin"] == "measured") & table["log10_sigma_decides"].notna()
    prepared = prepared.assign(**_deciding_gap(table, prepared["measured_conductor"]))
    open_question = (numbers(table["mixed_conduction_unknown"]) == 1.0) & (numbers(table["mixed_conduction_ions"]) == 0)
    prepared["mixed_conduction_ions"] = table["mixed_conduction_ions"].mask(open_question, None)
    prepared["warnings"] = warnings_of(prepared)
    return prepared


def _deciding_gap(table: pd.DataFrame, conducts: pd.Series) -> dict[str, pd.Series]:
    """What a gap may decide. A material that was measured as an ionic conductor has shown that it blocks electrons: its
    predicted gap passes by its median, and does not drop it."""
    fit = table["band_gap_decides_ev"].notna()
    guessed = table["band_gap_origin"].isin(["predicted", "host"])
    predicted = fit & guessed
    return {
        "band_gap_decides_ev": table["band_gap_ev"].where(fit & ~guessed),
        "band_gap_at_least_ev": table["band_gap_ev"].where(conducts, table["band_gap_low_ev"]).where(predicted),
        "band_gap_at_most_ev": table["band_gap_high_ev"].where(predicted & ~conducts),
        "electrons_blocked": conducts & ~fit,
    }


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
    columns += [table[column].fillna("").to_numpy() for column in ("molecular_groups", "f_element_warning")]
    far = (table["sigma_origin"] == "predicted").to_numpy() & (numbers(table["near"]) == 0.0)
    bulk = (table["sigma_origin"] == "measured") & (table["sigma_kind"] == "bulk")
    columns.append(np.where(bulk, "conductivity of the bulk: grain boundaries come on top", ""))
    columns.append(np.where(far, "no measured material is near: conductivity unknown", ""))
    columns.append(np.where(table["band_gap_origin"] == "predicted", "gap predicted", ""))
    return ["; ".join(text for text in row if text) for row in zip(*columns, strict=True)]
