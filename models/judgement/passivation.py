"""Whether the interphase that a material forms on lithium can work: stop growing, carry lithium, and form calmly.

Almost nothing is stable against lithium metal. What lasts in cells turns at the surface into phases that conduct
lithium and no electrons (doi:10.1021/acsami.5b07517, doi:10.1039/c5ta08574h); a mixed conductor grows on (Li10GeP2S12
by its alloy with germanium), and an oxidiser burns whatever its products are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.chemistry.redox import (
    is_oxidiser,
    product_formulas,
    products_conduct_lithium,
    products_mixed_conducting,
)
from ionsieve.models.judgement.binaries import reduced_by_lithium
from ionsieve.models.judgement.hosts import inherited

NEEDED = ("id", "formula", "products_at_0v", "hull_complete", "e_rxn_total_lithium_ev_atom")
LITHIUM_COLUMNS = (
    "passivating", "passivating_why", "interphase_volume_ratio", "host", "reduction_at_least_v", "lasts_on_lithium",
)  # fmt: skip
AVOGADRO_A3_CM3 = 1e24 / 6.02214076e23  # volume per formula, Å3, of one cm3/mol
METAL = "Li"


@dataclass(frozen=True)
class PassivationRules:
    """Thresholds: every product needs a gap of at least min_gap_ev; the total reaction with lithium may be no stronger
    than min_total_ev_atom, eV per atom of the mixture; one no stronger than negligible_ev_atom stays at the surface."""

    min_gap_ev: float
    min_total_ev_atom: float
    negligible_ev_atom: float


def passivation_table(
    table: pd.DataFrame,
    gap_of: Mapping[str, float],
    rules: PassivationRules,
    volume_a3_of: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Passivation of each candidate on lithium metal, in the table's order.

    Args:
        table: Columns of NEEDED: id; formula; products_at_0v, "0.5 Li3P + 1.5 Li2S" per formula in equilibrium with
            lithium; hull_complete, where not true the products are unknown; e_rxn_total_lithium_ev_atom.
        gap_of: Gap of phases by reduced formula, eV; phases not listed are unknown.
        rules: See `PassivationRules`.
        volume_a3_of: Volume per reduced formula, Å3, of products and materials.

    Returns:
        id; passivating: no where any condition is known to fail, yes where all are known to hold, missing otherwise;
        passivating_why: the conditions that fail, or those unknown, in words; interphase_volume_ratio: volume of the
        products over that of the material they replace (lithium comes from the electrode and does not count), NaN where
        a volume is not known.
    """
    complete = table["hull_complete"].fillna(value=False).astype(bool)
    products = [
        text if known and isinstance(text, str) and product_formulas(text) else None
        for text, known in zip(table["products_at_0v"], complete, strict=True)
    ]
    failed, unknown = _conditions(list(table["formula"]), products, table, gap_of, rules)
    answer = [False if bad else (None if open_ else True) for bad, open_ in zip(failed, unknown, strict=True)]
    why = [
        "; ".join(bad) if bad else f"unknown: {', '.join(open_)}" if open_ else ""
        for bad, open_ in zip(failed, unknown, strict=True)
    ]
    ratio = [
        volume_ratio(formula, text, volume_a3_of or {})
        for formula, text in zip(table["formula"], products, strict=True)
    ]
    return pd.DataFrame(
        {
            "id": table["id"].to_numpy(),
            "passivating": pd.array(answer, dtype="boolean"),
            "passivating_why": why,
            "interphase_volume_ratio": np.array(ratio, dtype=float),
        }
    )


def on_lithium(
    table: pd.DataFrame, hosts: pd.DataFrame, rules: PassivationRules, salts: Mapping[tuple[str, str], float]
) -> pd.DataFrame:
    """The table with what its rows have of binary salts and of their hosts, and whether each lasts on lithium.

    Args:
        table: formula, passivating, passivating_why, hull_complete, reduction_limit_tol_v, e_rxn_total_lithium_ev_atom.
        hosts: The same columns of further compounds that may be hosts; a column that is absent is unknown.
        rules: See `PassivationRules`.
        salts: As from `binaries.salt_energies`.

    Returns:
        The table with passivating and passivating_why completed, host, reduction_at_least_v (see `hosts.inherited`) and
        lasts_on_lithium: it is passivating, or reacts so weakly that nothing but its surface does (garnets: lithium
        reduces a little zirconium and tantalum, doi:10.1002/aenm.201803440); missing where neither is known.
    """
    own = _for_hosts(table, salts)
    others = [_for_hosts(hosts, salts)] if len(hosts) else []
    found = inherited(own, pd.concat([own, *others], ignore_index=True))
    at_least = np.fmax(found["reduction_at_least_v"], own["reduction_at_least_v"])
    energy = own["e_total_ev_atom"]
    weak = (energy >= rules.negligible_ev_atom).astype("boolean").mask(energy.isna())
    for at_most in (found["total_at_most_ev_atom"], own["e_at_most_ev_atom"]):
        weak = weak.mask(weak.isna() & (at_most < rules.negligible_ev_atom), False)
    result = table.assign(**{c: found[c] for c in ("host", "passivating", "passivating_why")})
    result = result.assign(reduction_at_least_v=at_least)
    return result.assign(lasts_on_lithium=result["passivating"] | weak)


def _for_hosts(table: pd.DataFrame, salts: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """What is known of each row on lithium, by its own phases or by binary salts."""
    rows = table.reindex(columns=["formula", "passivating", "passivating_why"])
    complete = table["hull_complete"].fillna(value=False).astype(bool)
    limit = table["reduction_limit_tol_v"].astype(float).where(complete)
    energy = table.get("e_rxn_total_lithium_ev_atom", pd.Series(np.nan, index=table.index)).astype(float)
    # both sides' own reactions come on top of the mutual one
    at_most = table.get("e_rxn_lithium_bound_high_ev_atom", pd.Series(np.nan, index=table.index)).astype(float)
    reduced = [reduced_by_lithium(formula, salts) for formula in table["formula"]]
    for_sure = np.array([found.energy_ev_atom for found in reduced], dtype=float)
    metal = pd.Series([found.element for found in reduced], index=table.index)
    told = rows["passivating"].isna() & (metal != "")
    words = "a product conducts electrons: lithium reduces " + metal
    return rows.assign(
        passivating=rows["passivating"].astype("boolean").mask(told, False),
        passivating_why=rows["passivating_why"].mask(told, words),
        reduction_limit_v=limit,
        reduction_at_least_v=pd.Series([found.voltage_v for found in reduced], index=table.index).where(limit.isna()),
        e_total_ev_atom=energy,
        e_at_most_ev_atom=np.fmin(at_most, for_sure),
    )


def _conditions(
    formulas: Sequence[str],
    products: Sequence[str | None],
    table: pd.DataFrame,
    gap_of: Mapping[str, float],
    rules: PassivationRules,
) -> tuple[list[list[str]], list[list[str]]]:
    """Per row the conditions that fail and those that are unknown, in words."""
    mixed, conducts = products_mixed_conducting(products), products_conduct_lithium(products)
    gaps = [_gaps(text, gap_of) for text in products]
    energies = table["e_rxn_total_lithium_ev_atom"].to_numpy(dtype=float)
    failed, unknown = [], []
    for row in zip(is_oxidiser(formulas), products, mixed, conducts, gaps, energies, strict=True):
        oxidiser, text, conducts_electrons, conducts_lithium, (smallest, without_gap), energy = row
        bad, open_ = [], []
        if oxidiser:
            bad.append("an oxidiser")
        if energy < rules.min_total_ev_atom:
            bad.append(f"reacts with lithium by {energy:.2f} eV/atom")
        elif np.isnan(energy):
            open_.append("energy of the reaction with lithium")
        if text is None:
            open_.append("products on lithium")
        else:
            if conducts_electrons:
                bad.append(f"a product conducts electrons: {text}")
            elif smallest[0] < rules.min_gap_ev:
                bad.append(f"gap of {smallest[1]} {smallest[0]:.2f} eV")
            elif without_gap:
                open_.append(f"gap of {without_gap}")
            if not conducts_lithium:
                bad.append(f"no product is known to conduct lithium: {text}")
        failed.append(bad)
        unknown.append(open_)
    return failed, unknown


def _gaps(products: str | None, gap_of: Mapping[str, float]) -> tuple[tuple[float, str], str]:
    """Smallest known gap with its phase (inf without one), and the phases whose gap is not known."""
    phases = sorted({parse_formula(formula).reduced_formula for formula in product_formulas(products)} - {METAL})
    smallest = min(((gap_of[phase], phase) for phase in phases if phase in gap_of), default=(np.inf, ""))
    return smallest, ", ".join(phase for phase in phases if phase not in gap_of)


def volume_ratio(formula: str, products: str | None, volume_a3_of: Mapping[str, float]) -> float:
    """Volume of the products on lithium over the volume of the formula they come from; NaN where one is not known."""
    if products is None:
        return np.nan
    own, n_own = parse_formula(formula).get_reduced_formula_and_factor()
    total = 0.0
    for term in products.split(" + "):
        amount, _, phase = term.rpartition(" ")
        reduced, n = parse_formula(phase).get_reduced_formula_and_factor()
        if reduced != METAL:
            total += float(amount or 1.0) * n * volume_a3_of.get(reduced, np.nan)
    return total / (n_own * volume_a3_of.get(own, np.nan))


def volumes_a3(densities: pd.DataFrame, crystals: pd.DataFrame | None = None) -> dict[str, float]:
    """Volume per reduced formula, Å3: from measured densities, else the densest crystal at hand.

    Args:
        densities: Columns formula, density_g_cm3.
        crystals: Columns formula, volume_a3_atom (Å3 per atom; NaN without a crystal).
    """
    volumes: dict[str, float] = {}
    if crystals is not None:
        known = crystals.dropna(subset="volume_a3_atom")
        for formula, volume in zip(known["formula"], known["volume_a3_atom"], strict=True):
            composition = parse_formula(formula).reduced_composition
            name, per_formula = composition.reduced_formula, float(volume) * composition.num_atoms
            volumes[name] = min(per_formula, volumes.get(name, np.inf))
    for formula, density in zip(densities["formula"], densities["density_g_cm3"], strict=True):
        composition = parse_formula(formula).reduced_composition
        volumes[composition.reduced_formula] = float(composition.weight) / float(density) * AVOGADRO_A3_CM3
    return volumes
