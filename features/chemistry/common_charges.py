"""Common charges of the elements in ionic solids, and the charge that one element must carry to balance a formula.

A bounded stand-in for a search over all oxidation states (pymatgen's oxi_state_guesses can run for minutes): every
element has a short list of charges, and a formula is solved for one unknown. The lists follow the common oxidation
states in N. N. Greenwood and A. Earnshaw, Chemistry of the Elements, 2nd ed. (1997).
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

HALOGENS = frozenset({"F", "Cl", "Br", "I"})
CHALCOGENS = frozenset({"O", "S", "Se", "Te"})

# most common first; the elements below NONMETALS depend on their company and are resolved in `charge_options`
METAL_CHARGES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(["Li", "Na", "K", "Rb", "Cs", "Fr", "Ag"], (1,)),
    **dict.fromkeys(["Be", "Mg", "Ca", "Sr", "Ba", "Ra", "Zn", "Cd"], (2,)),
    **dict.fromkeys(["B", "Al", "Ga", "Sc", "Y", "La", "Nd", "Gd", "Dy", "Ho", "Er", "Lu", "Pm", "Ac"], (3,)),
    **dict.fromkeys(["Zr", "Hf", "Th"], (4,)),
    **dict.fromkeys(["Sm", "Tm", "Eu", "Yb"], (3, 2)),
    **dict.fromkeys(["Pr", "Tb", "Ce"], (3, 4)),
    **dict.fromkeys(["Fe", "Co"], (3, 2)),
    **dict.fromkeys(["Mo", "W"], (6, 5, 4, 3)),
    **dict.fromkeys(["Ru", "Os", "Ir"], (4, 3, 5, 6)),
    **dict.fromkeys(["Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr"], (4, 3)),
    **{"In": (3, 1), "Tl": (1, 3), "Hg": (2, 1), "Ti": (4, 3), "Nb": (5, 4, 3), "Ta": (5,), "V": (5, 4, 3, 2)},
    **{
        "Cr": (3, 6, 2, 4, 5),
        "Mn": (2, 3, 4),
        "Ni": (2, 3, 4),
        "Cu": (2, 1),
        "Tc": (7, 4),
        "Re": (7, 6, 5, 4),
        "Rh": (3, 4),
    },
    **{"Pd": (2, 4), "Pt": (4, 2), "Au": (1, 3), "Pa": (5, 4), "U": (6, 4, 5), "Pb": (2, 4)},
    **{"Ge": (4, 2), "Sn": (4, 2), "Sb": (5, 3), "Bi": (3, 5), "Po": (4, 2)},
}
# charge as an anion, charges as the centre of an oxo-, thio- or halo-anion
NONMETAL_CHARGES: dict[str, tuple[int, tuple[int, ...]]] = {
    "O": (-2, ()),
    **{"F": (-1, ()), "Cl": (-1, ()), "Br": (-1, ()), "I": (-1, ()), "At": (-1, ())},
    **{"S": (-2, (6, 4)), "Se": (-2, (4, 6)), "Te": (-2, (6, 4))},
    **{"N": (-3, ()), "P": (-3, (5, 3)), "As": (-3, (5, 3)), "C": (-4, (4,)), "Si": (-4, (4,)), "H": (-1, (1,))},
}
# what must be beside a nonmetal before it is the positive partner
OXIDIZERS: dict[str, frozenset[str]] = {
    "S": frozenset("OF"),
    "Se": frozenset("OF"),
    "Te": frozenset("OF"),
    "P": HALOGENS | CHALCOGENS | {"N"},
    "As": HALOGENS | CHALCOGENS | {"N"},
    "C": HALOGENS | CHALCOGENS | {"N"},
    "Si": HALOGENS | CHALCOGENS | {"N", "C", "P", "As"},
    "H": HALOGENS | CHALCOGENS | {"N", "C", "P", "As"},
}


def charge_options(element: str, present: Iterable[str]) -> tuple[int, ...]:
    """Charges `element` commonly has beside the elements `present`, most common first; empty where none is listed."""
    if element in METAL_CHARGES:
        return METAL_CHARGES[element]
    if element not in NONMETAL_CHARGES:
        return ()
    anion, centre = NONMETAL_CHARGES[element]
    return (*centre, anion) if OXIDIZERS.get(element, frozenset()) & set(present) else (anion,)


def average_charge(amounts: Mapping[str, float], target: str, metals: str = "common") -> float:
    """Average charge that `target` needs for the formula to be neutral, every other element at a common charge.

    Args:
        amounts: Amount per element symbol; `target` is one of them.
        metals: Charge of the metals with several: "common", "lowest" or "highest". Nonmetals are at their most common
            one, so "highest" gives the lowest charge of the target that metals allow, and "lowest" the highest.

    Returns:
        Charge per atom of `target`; NaN where an element beside it has no common charge.
    """
    choices: dict[str, Callable[[tuple[int, ...]], int]] = {"common": itemgetter(0), "lowest": min, "highest": max}
    choose = choices[metals]
    total = 0.0
    for element, amount in amounts.items():
        if element == target:
            continue
        options = charge_options(element, amounts)
        if not options:
            return float("nan")
        total += amount * (choose(options) if element in METAL_CHARGES else options[0])
    return -total / amounts[target]
