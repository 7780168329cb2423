"""Oxidisers by the charge balance of their formula, and what the products of a reaction with lithium conduct.

An interphase on lithium stops growing only where it carries no electrons and goes on working only where it carries
lithium (doi:10.1021/acsami.5b07517). Gaps say much about the former, but lithium pnictides and tellurides, alloys and
phosphides with P-P bonds conduct in spite of a computed gap, by their narrow gaps and wide ranges of composition.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.charges import FULL_SHELL, possible_charges, usual_charges
from ionsieve.features.chemistry.elements import ANIONS, ATOMIC_NUMBER
from ionsieve.features.chemistry.formula import parse_formula, parse_formulas

# Electrons per atom of the formula that its anions lack. A dopant (0.25 Te6+ per garnet: 0.09) and amounts rounded to
# two decimals (0.01) stay below, LiMnO4 and Li2O2 (0.5), sulfates (1.1) far above.
OXIDISER_E_ATOM = 0.2
ROUNDING = 0.02  # relative, of an amount as the literature writes it

# Anions whose lithium salts carry Li+ in working interphases, thin as they are: Li3N (doi:10.1039/c0ee00052c),
# Li3P, Li2O, Li2S, LiCl, LiBr and LiI on LiPON and argyrodites (doi:10.1021/acsami.5b07517), LiF in liquid cells.
INTERPHASE_ANIONS = frozenset(["N", "P", "O", "S", "Se", "F", "Cl", "Br", "I"])
# Elements that carry electrons when they are on their own, besides metals (black phosphorus has a gap of 0.3 eV).
CONDUCTING_NONMETALS = frozenset(["C", "Si", "Ge", "P", "As", "Sb", "Te"])
# Metals whose d electrons conduct wherever some are left: TiN, ZrN, LiTiO2, NbO2, Ti2O.
EARLY_D_METALS = frozenset(["Ti", "Zr", "Hf", "V", "Nb", "Ta", "Mo", "W"])


def is_oxidiser(formulas: Sequence[str]) -> np.ndarray:
    """(n,) whether anions are less reduced than O2-, S2-, N3- or a halide: peroxides, polysulfides, azides, sulfates,
    nitrates, perchlorates, tellurates(VI). Such solids burn in lithium rather than passivate it.

    Metals count at their highest usual charge and phosphates, silicates, borates and carbonates at P5+, Si4+, B3+, C4+:
    these lack no electrons by this measure.

    Raises:
        ValueError: If formulas cannot be read; all are named.
    """
    compositions, reasons = parse_formulas(formulas)
    if any(reasons):
        raise ValueError("; ".join(reason for reason in reasons if reason))
    amounts = [c.get_el_amt_dict() for c in compositions if c is not None]
    return np.array([missing_electrons(a) > OXIDISER_E_ATOM for a in amounts], dtype=bool)


def missing_electrons(amounts: Mapping[str, float]) -> float:
    """Electrons per atom that the anions (F, O, Cl, N, Br, S, I, Se, Te) of a formula lack to be fully reduced."""
    anions = sum(n * -FULL_SHELL[s] for s, n in amounts.items() if s in ANIONS)
    cations = sum(n * max((0, *possible_charges(s, amounts))) for s, n in amounts.items() if s not in ANIONS)
    # rounded, so that a formula and its multiples fall on the same side of a threshold
    return round((anions - cations) / sum(amounts.values()), 6) if anions else 0.0


def products_mixed_conducting(products: Sequence[str | None]) -> pd.arrays.BooleanArray:
    """(n,) whether a product in "0.5 Li3P + 1.5 Li2S" conducts electrons by its chemistry; missing without products.

    By rule: metals, alloys, elements with a narrow gap; compounds whose only anions are Te, As, Sb, Bi, Si, Ge, C;
    phosphides with P-P bonds; compounds with electrons left over, in clusters or in d shells of groups 4 to 6. False
    says no more than that no rule speaks: the gap decides.
    """
    return _any_product(products, conducts_electrons)


def products_conduct_lithium(products: Sequence[str | None]) -> pd.arrays.BooleanArray:
    """(n,) whether a product is a lithium salt known from working interphases (Li3P, Li2S, LiCl, Li2O, Li3N, LiF …, or
    a mixture of such anions as Li3OCl); missing without products."""
    return _any_product(products, conducts_lithium)


def product_formulas(products: str | None) -> list[str]:
    """Formulas of "0.5 Li3P + 1.5 Li2S", amounts left out; empty for None, NaN and ""."""
    if not isinstance(products, str):
        return []
    return [term.split()[-1] for term in products.split("+") if term.strip()]


def _any_product(products: Sequence[str | None], rule: Callable[[str], bool]) -> pd.arrays.BooleanArray:
    found = [[f for f in product_formulas(text) if f != "Li"] for text in products]
    return pd.array([any(map(rule, names)) if names else None for names in found], dtype="boolean")


@lru_cache(maxsize=65536)
def conducts_electrons(formula: str) -> bool:
    """Whether a phase conducts electrons by the rules of `products_mixed_conducting`."""
    amounts = parse_formula(formula).get_el_amt_dict()
    if len(amounts) == 1:
        (symbol,) = amounts
        return bool(Element(symbol).is_metal) or symbol in CONDUCTING_NONMETALS
    ionic = (frozenset(ANIONS) - {"Te"} | {"H", "P"}) & amounts.keys()
    if not ionic:
        return not _is_full_carbide(amounts)
    if ionic == {"P"}:
        return _bonded_to_itself(amounts, "P") or _electrons_left(amounts)
    return _electrons_left(amounts)


@lru_cache(maxsize=65536)
def conducts_lithium(formula: str) -> bool:
    """Whether a phase is lithium with fully reduced anions of INTERPHASE_ANIONS and nothing else."""
    amounts = parse_formula(formula).get_el_amt_dict()
    lithium = amounts.pop("Li", 0.0)
    if not lithium or not amounts or not amounts.keys() <= INTERPHASE_ANIONS:
        return False
    return abs(lithium - sum(n * -FULL_SHELL[s] for s, n in amounts.items())) <= ROUNDING * lithium


def _is_full_carbide(amounts: Mapping[str, float]) -> bool:
    """Carbides with an electron and more for each carbon (Li2C2, Al4C3) and silicon carbide are no graphite."""
    if "C" not in amounts or not all(s == "Si" or usual_charges(s, 1) for s in amounts if s != "C"):
        return False
    given = sum(n * usual_charges(s, 1)[0] for s, n in amounts.items() if s != "C")
    return given >= (1 - ROUNDING) * amounts["C"] and not EARLY_D_METALS & amounts.keys()


def _bonded_to_itself(amounts: Mapping[str, float], anion: str) -> bool:
    given = sum(n * max((0, *usual_charges(s, 1))) for s, n in amounts.items() if s != anion)
    return given < (1 - ROUNDING) * -FULL_SHELL[anion] * amounts[anion]


def _electrons_left(amounts: Mapping[str, float]) -> bool:
    """Whether the metals have more electrons to give than the anions take: at their lowest usual charges, or at the
    highest for those whose d electrons conduct."""
    taken = given = 0.0
    for symbol, n in amounts.items():
        options = possible_charges(symbol, amounts) if ATOMIC_NUMBER.get(symbol) else ()
        if not options:
            return False
        if options[-1] < 0 and options[0] < 0:
            taken -= options[0] * n
        elif symbol in FULL_SHELL:
            given += options[0] * n
        else:
            given += (max if symbol in EARLY_D_METALS else min)(options) * n
    return given > taken * (1 + ROUNDING)
