"""One policy of charges: which charges an element has, and four questions asked of a formula.

The states and how common they are stand in one table (`elements.oxidation_states`: shares in the ICSD, and pymatgen's
list of common states where the ICSD counts hold none). Asked of it are

- `most_likely_charges`: one whole charge per element of many formulas, by charge balance and frequency (bulk);
- `average_charges`: the same for one formula, metals of variable charge taking an average where whole ones do not
  balance;
- `possible_charges` and `average_charge`: the charges one element commonly has beside others, and the one it must have;
- `is_charge_balanced`: whether usual charges can add up to zero at all.

All searches are bounded by the number of combinations tried, not by a clock: no result depends on the machine.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from operator import itemgetter

import numpy as np
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.elements import (
    ANIONS,
    ATOMIC_NUMBER,
    CHALCOGENS,
    HALOGENS,
    PaddedFractions,
    oxidation_states,
    padded_fractions,
)

MAX_ASSIGNMENTS = 4096

# Amounts are often rounded (Li0.33La0.56TiO3 misses 0.002 e/atom): below this, e/atom, a formula counts as neutral.
NEUTRAL_E_ATOM = 0.02

# Log-probability per atom given up to remove an imbalance of 1 e/atom: balance first, common states second.
IMBALANCE_WEIGHT = 30.0

# A formula is balanced if the rest is below this share of its negative charge ("Li0.33La0.56TiO3" is off by 0.2 %).
BALANCE_TOLERANCE = 0.005

# A state below this share of the element's states of the same sign is rare: Zr3+, La2+ and their like sit in clusters.
USUAL_SHARE = 0.1
# In solids known from few structures (a share of 10 % and more rests on a handful), or common in lithium compounds
# and rarer in the ICSD at large; after Greenwood and Earnshaw, Chemistry of the Elements, 2nd ed. (1997).
ALSO_USUAL: dict[str, tuple[int, ...]] = {
    **{"Ge": (2,), "Sn": (2,), "Bi": (5,), "Pb": (4,), "P": (3,), "Mo": (4, 3), "W": (5, 4, 3), "Nb": (3,)},
    **{"Sm": (2,), "Pr": (4,), "Cr": (4, 5), "Ni": (4,), "Ir": (6,), "Pd": (4,), "V": (2,), "Np": (4,), "As": (3,)},
}
# What must be beside a nonmetal before it is the positive partner; elements that are no key here are always the anion.
OXIDISERS: dict[str, frozenset[str]] = {
    "S": frozenset("OF"),
    "Se": frozenset("OF"),
    "Te": frozenset("OF"),
    "P": HALOGENS | CHALCOGENS | {"N"},
    "As": HALOGENS | CHALCOGENS | {"N"},
    "C": HALOGENS | CHALCOGENS | {"N"},
    "Si": HALOGENS | CHALCOGENS | {"N", "C", "P", "As"},
    "H": HALOGENS | CHALCOGENS | {"N", "C", "P", "As"},
}
# The charge of a full shell: what these are as anions.
FULL_SHELL = {
    **dict.fromkeys(["F", "Cl", "Br", "I", "At", "H"], -1),
    **dict.fromkeys(["O", "S", "Se", "Te"], -2),
    **dict.fromkeys(["N", "P", "As"], -3),
    **dict.fromkeys(["C", "Si"], -4),
}
OXIDISED_BY_CHALCOGENS = ("P", "As", "Sb", "Si", "Ge", "Sn", "B")


# --- most likely charges -------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _assignments(atomic_numbers: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) oxidation states and (m, k) log shares of the combinations tried for one set of elements."""
    states = [list(oxidation_states(z)) or [(0, 0.0)] for z in atomic_numbers]
    while np.prod([len(s) for s in states], dtype=float) > MAX_ASSIGNMENTS:
        # Drop the rarest state of the element with most states: the search stays bounded for any number of elements.
        max(states, key=len).pop()
    combinations = np.array(list(itertools.product(*states)))
    return combinations[:, :, 0].astype(np.int8), combinations[:, :, 1]


def most_likely_charges(formulas: PaddedFractions) -> tuple[np.ndarray, np.ndarray]:
    """Most plausible whole charges of many formulas, one per element.

    Mixed valence (LiMn2O4, Fe3O4) shows as an imbalance left over, not as a fraction of a charge.

    Returns:
        (n, k) oxidation state of each listed element (0 in padding and in pure elements), and (n,) remaining charge in
        e/atom: 0 where the states balance, positive where positive charge is left over.
    """
    states = np.zeros(formulas.fraction.shape)
    for key, rows in _rows_by_elements(formulas).items():
        if len(key) == 1:
            continue
        combinations, log_shares = _assignments(key)
        for chunk in np.array_split(rows, max(1, len(rows) * len(combinations) // 4_000_000)):
            fraction = formulas.fraction[chunk, : len(key)]
            excess = np.maximum(np.abs(fraction @ combinations.T) - NEUTRAL_E_ATOM, 0.0)
            score = fraction @ log_shares.T - IMBALANCE_WEIGHT * excess
            # Rounded, so that formulas that differ by a factor break ties alike.
            states[chunk, : len(key)] = combinations[np.argmax(np.round(score, 9), axis=1)]
    imbalance = (states * formulas.fraction).sum(axis=1)
    return states, np.where(np.abs(imbalance) < 1e-12, 0.0, imbalance)


def _rows_by_elements(formulas: PaddedFractions) -> dict[tuple[int, ...], np.ndarray]:
    """Row numbers of the formulas of each set of elements."""
    rows: dict[tuple[int, ...], list[int]] = {}
    for i, numbers in enumerate(formulas.atomic_number.tolist()):
        rows.setdefault(tuple(z for z in numbers if z), []).append(i)
    return {key: np.array(members) for key, members in rows.items()}


def average_charges(composition: Composition) -> tuple[dict[str, float], str]:
    """Charge of each element of one composition: whole where that balances it, else shared out over the metals of
    variable charge.

    Returns:
        Charge by symbol, and "" or in words: that a charge is an average, or how far from neutral the formula is.

    Raises:
        ValueError: If an element forms no ions, naming it, or the composition is an element alone.
    """
    formulas = padded_fractions([composition])
    numbers = [int(z) for z in formulas.atomic_number[0] if z]
    ionless = [Element.from_Z(z).symbol for z in numbers if not oxidation_states(z)]
    if ionless:
        raise ValueError(f"{', '.join(ionless)} has no known oxidation state.")
    if len(numbers) == 1:
        raise ValueError("an element alone has no charges to balance.")
    whole, _ = most_likely_charges(formulas)
    symbols = [Element.from_Z(z).symbol for z in numbers]
    charges = _plausible_signs(dict(zip(symbols, whole[0].tolist(), strict=False)))
    shares = dict(zip(symbols, formulas.fraction[0].tolist(), strict=False))
    imbalance = sum(charges[s] * shares[s] for s in symbols)
    if abs(imbalance) <= NEUTRAL_E_ATOM:
        return charges, ""
    shifted = _average_over_variable(charges, shares, imbalance)
    rest = sum(shifted[s] * shares[s] for s in shifted)
    moved = [f"{s} {shifted[s]:+.2f}" for s in sorted(shifted) if shifted[s] != charges[s]]
    words = [f"average charge of {', '.join(moved)}"] if moved else []
    if abs(rest) > NEUTRAL_E_ATOM:
        words.append(f"charges leave {rest:+.2f} e/atom")
    return shifted, "; ".join(words)


def _plausible_signs(charges: Mapping[str, float]) -> dict[str, float]:
    """The same charges without signs that only a miscounted lithium content asks for.

    Phosphorus and its like are never anions beside a chalcogen; a halogen is a cation only beside O or F.
    """
    plausible = {symbol: float(charge) for symbol, charge in charges.items()}
    for symbol, charge in charges.items():
        if symbol in HALOGENS and charge > 0 and not {"O", "F"} & charges.keys():
            plausible[symbol] = -1.0
        if symbol in OXIDISED_BY_CHALCOGENS and charge < 0 and CHALCOGENS & charges.keys():
            plausible[symbol] = float(next(q for q, _ in oxidation_states(ATOMIC_NUMBER[symbol]) if q > 0))
    return plausible


def _average_over_variable(
    charges: Mapping[str, float], shares: Mapping[str, float], imbalance: float
) -> dict[str, float]:
    """Move the charges of metals with several states towards neutrality, the least change first."""
    shifted = dict(charges)
    rest = imbalance
    ranges: dict[str, tuple[float, float]] = {}
    for symbol, charge in charges.items():
        states = [q for q, _ in oxidation_states(ATOMIC_NUMBER[symbol]) if q * charge > 0]
        if charge > 0 and len(states) > 1 and Element(symbol).is_metal:
            ranges[symbol] = (float(min(states)), float(max(states)))
    for symbol in sorted(ranges, key=lambda s: (abs(rest) / shares[s], s)):
        low, high = ranges[symbol]
        target = float(np.clip(shifted[symbol] - rest / shares[symbol], low, high))
        rest += (target - shifted[symbol]) * shares[symbol]
        shifted[symbol] = target
        if abs(rest) <= 1e-9:
            break
    return shifted


# --- possible charges ----------------------------------------------------------------------------------------------


@cache
def usual_charges(symbol: str, sign: int) -> tuple[int, ...]:
    """Usual charges of an element with the given sign (+1 or -1), the most frequent first; empty where it has none."""
    shares = {q: np.exp(log) for q, log in oxidation_states(ATOMIC_NUMBER[symbol]) if q * sign > 0}
    total = sum(shares.values())
    also = ALSO_USUAL.get(symbol, ())
    return tuple(q for q, share in shares.items() if share >= USUAL_SHARE * total or q in also)


def is_always_cation(symbol: str) -> bool:
    """Whether the element is the positive partner in every ionic solid: metals, boron, germanium, antimony."""
    return symbol not in FULL_SHELL and bool(usual_charges(symbol, 1))


def possible_charges(symbol: str, present: Iterable[str]) -> tuple[int, ...]:
    """Charges an element commonly has beside the elements `present`, most common first; empty where none is known."""
    if symbol not in FULL_SHELL:
        return usual_charges(symbol, 1)
    anion = (FULL_SHELL[symbol],)
    if OXIDISERS.get(symbol, frozenset()) & set(present):
        return usual_charges(symbol, 1) + anion
    return anion


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
    for symbol, amount in amounts.items():
        if symbol == target:
            continue
        options = possible_charges(symbol, amounts)
        if not options:
            return float("nan")
        total += amount * (options[0] if symbol in FULL_SHELL else choose(options))
    return -total / amounts[target]


# --- balance -------------------------------------------------------------------------------------------------------


def is_charge_balanced(amounts: Mapping[str, float]) -> bool:
    """Whether the atoms of a formula (element symbol -> amount) can carry known charges that add up to zero.

    One state per element, the most electronegative one an anion; metals may be of mixed valence, that is have any
    average between their lowest and highest state, and so may hydrogen beside boron and nitrogen or oxygen: a hydride
    in BH4-, a proton in NH2-. A pure element is neutral as it is; an alloy, whose most
    electronegative element has no negative state, is not.
    """
    if len(amounts) == 1:
        return True
    anion = max(amounts, key=lambda s: (Element(s).X, s))
    sums = {0.0}
    lowest = highest = 0.0
    for symbol in sorted(amounts):
        n = amounts[symbol]
        states = _states(symbol, symbol == anion)
        if not states:
            return False
        both = symbol == "H" and "B" in amounts and bool({"N", "O"} & amounts.keys())
        if (Element(symbol).is_metal or both) and symbol != anion:
            lowest += states[0] * n
            highest += states[-1] * n
        else:
            sums = {round(total + state * n, 6) for total in sums for state in states}
    negative = sum(-FULL_SHELL[s] * n for s, n in amounts.items() if s in ANIONS)  # of all anions: oxyfluorides too
    allowance = BALANCE_TOLERANCE * max(negative, abs(_states(anion, True)[0]) * amounts[anion])
    return any(lowest - allowance <= -total <= highest + allowance for total in sums)


@cache
def _states(symbol: str, as_anion: bool) -> tuple[int, ...]:
    """Known states in ascending order: the negative ones of an anion, otherwise those of a cation; a nonmetal that is
    not the anion may have either sign."""
    states = sorted(q for q, _ in oxidation_states(ATOMIC_NUMBER[symbol]))
    if as_anion:
        return tuple(q for q in states if q < 0)
    return tuple(q for q in states if q > 0 or not Element(symbol).is_metal)
