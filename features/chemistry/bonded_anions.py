"""Anions bonded to one another, and anhydrides of strong acids: peroxides, polysulfides, polyhalides, pyrosulfates.

Even with every other element at its highest charge, sulfur of a sulfate included, their anions lack electrons; or, as
in S2O7, an oxo-anion of sulfur holds less oxygen than its acid needs. Such solids oxidise lithium and most
electrolytes, give off oxygen, sulfur or SO3, or take water apart: no layer of a cell is made of them.
"""

from collections.abc import Mapping, Sequence

from ionsieve.features.chemistry.charges import FULL_SHELL, possible_charges
from ionsieve.features.chemistry.elements import ANIONS, CHALCOGENS, HALOGENS
from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.features.chemistry.redox import OXIDISER_E_ATOM

# highest charges beside oxygen
OXO_CHARGES = {"S": 6, "Se": 6, "Te": 6, "N": 5, "Cl": 7, "Br": 7, "I": 7}
NAMES = {"O": "peroxide", "S": "polysulfide", "Se": "polyselenide", "Te": "polytelluride", "N": "polynitride"}
ORTHO_OXYGEN = 4  # of a sulfate or selenate
TOLERANCE = 0.02


def bonded_anions(formulas: Sequence[str]) -> list[str]:
    """(n,) "peroxide", "polysulfide", "polyhalide", "condensed sulfate" … of each formula; "" for none.

    Raises:
        ValueError: If formulas cannot be read; all are named.
    """
    compositions, reasons = parse_formulas(formulas)
    if any(reasons):
        raise ValueError("; ".join(reason for reason in reasons if reason))
    return [_bonded(c.get_el_amt_dict()) for c in compositions if c is not None]


def _bonded(amounts: Mapping[str, float]) -> str:
    oxo = OXO_CHARGES if "O" in amounts else {}
    anions = {s: n for s, n in amounts.items() if s in ANIONS and s not in oxo}
    if not anions or len(amounts) == 1:
        return ""
    taken = sum(-FULL_SHELL[s] * n for s, n in anions.items())
    given = sum(
        n * (oxo.get(s) or max((0, *possible_charges(s, amounts)))) for s, n in amounts.items() if s not in anions
    )
    if (taken - given) / sum(amounts.values()) > OXIDISER_E_ATOM:
        chalcogens = [s for s in NAMES if s in anions]
        return NAMES[chalcogens[0]] if chalcogens else "polyhalide" if HALOGENS & anions.keys() else ""
    return "condensed sulfate" if oxo and _is_condensed(amounts) else ""


def _is_condensed(amounts: Mapping[str, float]) -> bool:
    """Whether sulfur or selenium at its highest charge, with no other centre, has less than four oxygen."""
    centres = sum(n for s, n in amounts.items() if s in CHALCOGENS - {"O", "Te"})
    others = {s: n for s, n in amounts.items() if s not in CHALCOGENS}
    if not centres or any(not possible_charges(s, amounts) or s in "PBSiC" for s in others):
        return False
    charge = (2 * amounts["O"] - sum(n * max((0, *possible_charges(s, amounts))) for s, n in others.items())) / centres
    return charge >= 6 - TOLERANCE and amounts["O"] < (ORTHO_OXYGEN - TOLERANCE) * centres
