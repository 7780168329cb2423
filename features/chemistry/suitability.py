"""What rules a formula out before its energy is looked at: unusable elements, molecular salts, mixed conduction.

The lists are choices, not physics: cost, toxicity and radioactivity stand with their reasons in the element facts; ions
that bring electronic beside ionic conduction are those whose charge changes easily inside a battery's window. Nothing
here is judged good for want of knowledge: an undecidable charge is reported as unknown.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.charges import FULL_SHELL, average_charge, possible_charges
from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.features.chemistry.hydrogen import hydrogen_kind
from ionsieve.features.chemistry.molecules import molecular_groups
from ionsieve.features.chemistry.redox import OXIDISER_E_ATOM, missing_electrons

MIXED_CONDUCTORS = frozenset(["V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Mo", "W", "Ce", "Eu", "Yb", "U"])
# charge with a lone pair that two electrons away has none, and that harmless charge
LONE_PAIR_CHARGES = {"Sn": (2, 4), "Sb": (3, 5), "Bi": (3, 5)}
PNICTIDE_CHARGE = -3
NARROW_GAP_ANIONS = {"As": -3, "Bi": -3, "Sb": -3, "Te": -2}
FULL_CHARGE_SHARE = 0.9  # of the full charge: what is less reduced has bonds among its anions, or is an alloy
HARD_ANIONS = (frozenset(ANIONS) | {"H"}) - {"Te"}
OTHER_ALKALI = ("Na", "K", "Rb", "Cs", "Fr")
# elements that make an oxide something else: a gas, a hydroxide, an oxyhalide, an oxysulfide, an oxynitride
NOT_IN_AN_OXIDE = (frozenset(ANIONS) | {"H", "C", "At"}) - {"O"}
TOLERANCE = 1e-6
# a formula rounded to two decimals is off neutral by about 0.01 per atom of lithium or oxygen
CHARGE_TOLERANCE = 0.05
# or by this share of all negative charge; never by so much that Sn2+ and Sn4+ could be confused
ROUNDED_SHARE = 0.002
MOST_TOLERANCE = 0.25

# Why computed energies of open-shell f elements deserve doubt: how the Materials Project treats them (pymatgen's
# MPRelaxSet, its warning on Yb included). PBE without U leaves f electrons delocalised; a frozen core fixes the charge.
F_IN_VALENCE = "f electrons in the valence without a Hubbard U"
F_WARNINGS = {
    **dict.fromkeys(["Ce", "Eu", "Gd", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf"], F_IN_VALENCE),
    **{s: f"f electrons frozen in the core of {s}3+" for s in ("Pr", "Nd", "Pm", "Sm", "Tb", "Dy", "Ho", "Er", "Tm")},
    "Yb": "f electrons frozen in the core of Yb2+, wrong for Yb3+",
}
COLUMNS = (
    "excluded_elements", "molecular_groups", "molecular_salt", "hydride", "borohydride_or_amide", "acid_oxyanion",
    "oxidiser", "mixed_conduction_ions", "mixed_conduction_unknown", "other_alkali", "f_element_warning",
    "lithium_fraction", "lithium_free_oxide",
)  # fmt: skip
YES_NO = ("molecular_salt", "hydride", "borohydride_or_amide", "acid_oxyanion", "oxidiser", "mixed_conduction_unknown",
          "lithium_free_oxide")  # fmt: skip


def suitability_table(formulas: Sequence[str], elements: pd.DataFrame) -> pd.DataFrame:
    """Chemistry flags, one row per formula in the order given.

    Args:
        formulas: Formulas as text.
        elements: Element facts with `symbol` and `excluded` (bool); an element without facts counts as excluded.

    Returns:
        formula; excluded_elements, molecular_groups, mixed_conduction_ions and other_alkali as text joined by ", ", ""
        for none; f_element_warning, why computed energies of its open-shell f elements deserve doubt, "" for none;
        lithium_fraction (atoms of lithium per atom); and as yes or no: molecular_salt (any molecular group); hydride,
        borohydride_or_amide and acid_oxyanion as in `hydrogen.HydrogenKind`; oxidiser as in `redox.is_oxidiser`;
        mixed_conduction_unknown, the charge of Sn, Sb or Bi cannot be told from the formula; lithium_free_oxide, no
        lithium, oxygen at least half of all atoms and the only anion.

    Raises:
        ValueError: If formulas cannot be read (all are named), or `elements` lacks a column.
    """
    missing = [name for name in ("symbol", "excluded") if name not in elements]
    if missing:
        raise ValueError(f"the element facts lack the column(s) {', '.join(missing)}")
    compositions, reasons = parse_formulas(formulas)
    if any(reasons):
        raise ValueError("; ".join(reason for reason in reasons if reason))
    allowed = frozenset(elements.loc[~elements["excluded"].astype(bool), "symbol"])
    rows = [
        _judge(text, _amounts(composition), allowed)
        for text, composition in zip(formulas, compositions, strict=True)
        if composition is not None
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.insert(0, "formula", list(formulas))
    return table.astype({"lithium_fraction": float} | dict.fromkeys(YES_NO, bool))


def _judge(text: str, amounts: Mapping[str, float], allowed: frozenset[str]) -> tuple:
    """The flags of one formula, in the order of the table's columns."""
    reduced, unknown = lone_pair_ions(amounts)
    groups, hydrogen = molecular_groups(text, amounts), hydrogen_kind(amounts)
    return (
        ", ".join(sorted(e for e in amounts if e not in allowed)),
        ", ".join(groups),
        bool(groups),
        hydrogen.hydride,
        hydrogen.borohydride_or_amide,
        hydrogen.acid_oxyanion and not groups,
        missing_electrons(amounts) > OXIDISER_E_ATOM,
        ", ".join([*sorted(MIXED_CONDUCTORS & amounts.keys()), *reduced, *narrow_gap_anions(amounts)]),
        unknown,
        ", ".join(e for e in OTHER_ALKALI if e in amounts),
        "; ".join(f"{e}: {F_WARNINGS[e]}" for e in sorted(F_WARNINGS.keys() & amounts.keys())),
        amounts.get("Li", 0.0) / sum(amounts.values()),
        _is_lithium_free_oxide(amounts),
    )


def lone_pair_ions(amounts: Mapping[str, float]) -> tuple[list[str], bool]:
    """Sn2+, Sb3+ and Bi3+ that the charge balance of a formula demands, and whether it leaves the question open.

    First every other element is at its most common charge; if no charges of Sn, Sb and Bi then balance the formula, all
    common charges are tried and the answer stands only if they agree. An average between two charges holds both ions.
    Where several of the three elements could be the reduced one, they stand together ("Bi3+ or Sn2+"). Antimonides and
    bismuthides (-3) hold no such ion.

    Args:
        amounts: Amount per element symbol.

    Returns:
        Names of the ions, and True where the charges cannot be told (alloys, polyanions, rare charges).
    """
    targets = [e for e in LONE_PAIR_CHARGES if e in amounts]
    if not targets:
        return [], False
    others = {e: possible_charges(e, amounts) for e in amounts if e not in LONE_PAIR_CHARGES}
    if any(not options for options in others.values()):
        return [], True
    atoms = sum(amounts.values())
    for widest in (1, 4):
        choices = itertools.product(*(options[:widest] for options in others.values()))
        sums = [sum(c * amounts[e] for e, c in zip(others, charges, strict=True)) / atoms for charges in choices]
        verdicts = {_verdict(-s * atoms, targets, amounts) for s in set(np.round(sums, 9).tolist())} - {None}
        if verdicts:
            return (list(verdicts.pop() or ()), False) if len(verdicts) == 1 else ([], True)
    return [], True


def narrow_gap_anions(amounts: Mapping[str, float]) -> list[str]:
    """Te2-, As3-, Sb3- and Bi3- of a salt without any harder anion, which conducts electrons beside its ions (Li2Te,
    Li3Bi), and P-P bonds of a phosphide; as `redox.conducts_electrons` has it for what forms on lithium."""
    if HARD_ANIONS & amounts.keys() or len(amounts) == 1:
        return []
    if "P" in amounts:
        return ["P-P"] if average_charge(amounts, "P", "highest") > FULL_CHARGE_SHARE * FULL_SHELL["P"] else []
    found = [e for e in NARROW_GAP_ANIONS if e in amounts]
    full = {e: FULL_CHARGE_SHARE * NARROW_GAP_ANIONS[e] for e in found}
    return [f"{e}{-NARROW_GAP_ANIONS[e]}-" for e in found if average_charge(amounts, e) <= full[e]]


def _verdict(charge: float, targets: list[str], amounts: Mapping[str, float]) -> tuple[str, ...] | None:
    """Reduced ions among `targets` if together they carry `charge`; None if they cannot."""
    highest = sum(LONE_PAIR_CHARGES[e][1] * amounts[e] for e in targets)
    lowest = sum(LONE_PAIR_CHARGES[e][0] * amounts[e] for e in targets)
    n = sum(amounts[e] for e in targets)
    negative = sum(-FULL_SHELL[e] * amounts[e] for e in ANIONS if e in amounts)
    tolerance = min(max(CHARGE_TOLERANCE * n, ROUNDED_SHARE * negative), MOST_TOLERANCE * n)
    if abs(charge - highest) <= tolerance:
        return ()
    if lowest - tolerance <= charge < highest:
        names = [f"{e}{LONE_PAIR_CHARGES[e][0]}+" for e in sorted(targets)]
        # at the lowest charge every one is reduced, in between at least one is
        return tuple(names) if charge <= lowest + tolerance else (" or ".join(names),)
    pnictides = [e for e in targets if e != "Sn"]
    if pnictides == targets and abs(charge - PNICTIDE_CHARGE * sum(amounts[e] for e in targets)) <= tolerance:
        return ()
    return None


def _amounts(composition: Mapping) -> dict[str, float]:
    """Amount per element symbol, scaled to one atom in all, with deuterium and tritium as hydrogen."""
    atoms = sum(composition.values())
    amounts: dict[str, float] = {}
    for element, amount in composition.items():
        symbol = "H" if element.symbol in ("D", "T") else element.symbol
        amounts[symbol] = amounts.get(symbol, 0.0) + amount / atoms
    return amounts


def _is_lithium_free_oxide(amounts: Mapping[str, float]) -> bool:
    """Whether oxygen is the only anion and at least half of the atoms (no suboxide), without lithium."""
    oxygen = amounts.get("O", 0.0)
    return "Li" not in amounts and not NOT_IN_AN_OXIDE & amounts.keys() and 0.5 - TOLERANCE <= oxygen < 1 - TOLERANCE
