"""Chemical formulas: text in, compositions out, with a reason in words for each that cannot be read."""

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
from pymatgen.core import Composition

from ionsieve.features.chemistry.formula_text import SYMBOLS, is_plain, plain_parts, suggestions

LARGEST_AMOUNT = 100_000  # atoms of one element per formula
KEY_DIGITS = 6  # significant digits of an atomic fraction: amounts that differ by less are one composition
_NOTHING_OF = re.compile(r"(?:[A-Z][a-z]?|\))_?\{?(?:0+(?:\.0*)?|₀+)(?![.\d₀-₉])")
ISOTOPES = {"D", "T"}  # pymatgen knows deuterium and tritium; to us they are hydrogen
# Atomic fractions are compared to so many decimals where roundings of several publications meet.
MOST_ATOMS = 60  # of a formula in whole numbers: no compound of this field has a longer one
SMALLEST_STEP = 1000  # amounts are whole multiples of a thousandth
ROUNDED_DECIMALS = 3
ROUNDING = 0.005  # of each atomic fraction: Li0.33La0.56TiO3 and Li0.33La0.557TiO3 are one material


def parse_formula(text: str) -> Composition:
    """Composition of one formula, amounts as written ("Li3PO4", "Li0.33La0.56TiO3", "Ca(OH)2", "LiOH·H2O").

    Subscripts, TeX and a phase named before the formula ("β-Li3PS4") are read as what they mean.

    Raises:
        ValueError: If the text is empty, cannot be parsed, has two readings ("CaSO4.2H2O"), names no known element, or
            has an amount that is not positive or above LARGEST_AMOUNT; with a suggestion where there is one.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError("the formula is empty")
    parts = [(1.0, text.strip())] if is_plain(text.strip()) else plain_parts(text)
    try:
        compositions = [n * Composition(part) if n != 1 else Composition(part) for n, part in parts]
        composition = compositions[0] if len(parts) == 1 else sum(compositions, Composition())
    except (ValueError, OverflowError) as error:
        raise ValueError(f"formula {text!r} cannot be parsed ({error}){_meant(text)}") from error
    if _NOTHING_OF.search(text):
        raise ValueError(f"formula {text!r} has an amount of 0: leave that element out, or write its amount")
    amounts = composition.get_el_amt_dict()
    unknown = [symbol for symbol in amounts if symbol not in SYMBOLS]
    if unknown:
        raise ValueError(f"formula {text!r} names no known element in {', '.join(unknown)}{_meant(text)}")
    if not amounts or not all(0 < amount < math.inf for amount in amounts.values()):
        raise ValueError(f"formula {text!r} has no positive amounts")
    if max(amounts.values()) > LARGEST_AMOUNT:
        raise ValueError(f"formula {text!r} has an amount above {LARGEST_AMOUNT:,}, which no unit cell holds")
    return composition.element_composition if ISOTOPES & amounts.keys() else composition


def _meant(text: str) -> str:
    readings = suggestions(text.strip())
    return f"; did you mean {' or '.join(readings)}?" if readings else ""


def parse_formulas(texts: Iterable[str]) -> tuple[list[Composition | None], list[str]]:
    """Compositions of many formulas; None and a reason where one cannot be read, "" elsewhere."""
    compositions: list[Composition | None] = []
    reasons: list[str] = []
    for text in texts:
        try:
            compositions.append(parse_formula(text))
            reasons.append("")
        except ValueError as error:
            compositions.append(None)
            reasons.append(str(error))
    return compositions, reasons


def composition_matrix(compositions: Sequence[Composition], elements: Sequence[str]) -> np.ndarray:
    """(n, m) atomic fractions of each composition over the given element symbols.

    Raises:
        KeyError: If a composition holds an element that is not listed.
    """
    column = {symbol: j for j, symbol in enumerate(elements)}
    matrix = np.zeros((len(compositions), len(elements)))
    for i, composition in enumerate(compositions):
        for element, amount in composition.items():
            matrix[i, column[element.symbol]] = amount
    return matrix / matrix.sum(axis=1, keepdims=True)


def composition_key(composition: Composition) -> str:
    """Identity of a composition whatever the order and scale it is written in: "Li0.375 O0.5 P0.125"."""
    fractions = sorted((element.symbol, amount / composition.num_atoms) for element, amount in composition.items())
    return " ".join(f"{symbol}{fraction:.{KEY_DIGITS}g}" for symbol, fraction in fractions)


def composition_keys(formulas: Iterable[str], decimals: int | None = None) -> list[str]:
    """`composition_key` of many formulas.

    Args:
        decimals: With it, fractions are rounded to so many places, so that near compositions share a key
            (Li0.33La0.56TiO3, Li0.3301La0.56TiO3), and a formula that cannot be read is its own key.

    Raises:
        ValueError: If formulas cannot be read (all are named) and no decimals are given.
    """
    texts = list(formulas)
    compositions, reasons = parse_formulas(texts)
    if decimals is None:
        if any(reasons):
            raise ValueError("; ".join(reason for reason in reasons if reason))
        return [composition_key(composition) for composition in compositions if composition is not None]
    return [
        text if composition is None else _rounded_key(composition, decimals)
        for text, composition in zip(texts, compositions, strict=True)
    ]


def _rounded_key(composition: Composition, decimals: int) -> str:
    total = composition.num_atoms
    parts = sorted((element.symbol, round(amount / total, decimals)) for element, amount in composition.items())
    return " ".join(f"{symbol}{fraction:g}" for symbol, fraction in parts)


def rounding_apart(a: Composition, b: Composition) -> float:
    """Largest relative difference of an element's fraction between two compositions; infinite if elements differ."""
    first, second = (c.fractional_composition.get_el_amt_dict() for c in (a, b))
    if first.keys() != second.keys():
        return math.inf
    return max(abs(second[symbol] / amount - 1.0) for symbol, amount in first.items())


def is_fractional(formula: str) -> bool:
    """Whether a formula is that of a solid solution or a rounding, not of a stoichiometric compound.

    It is written so, with amounts that are no whole numbers, or its whole numbers are too large for a compound's.
    """
    composition = parse_formula(formula)
    atoms = composition.num_atoms * _to_whole_numbers(composition)
    whole = all(abs(amount - round(amount)) < 1e-6 for amount in composition.values())
    return bool(not whole or atoms > MOST_ATOMS)


def _to_whole_numbers(composition: Composition) -> float:
    """What turns the amounts into the smallest whole numbers."""
    steps = np.array([round(amount * SMALLEST_STEP) for amount in composition.values()])
    return SMALLEST_STEP / float(np.gcd.reduce(np.maximum(steps, 1)))
