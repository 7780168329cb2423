"""Formulas as people write them: subscripts, TeX, hydrates and phase prefixes made plain, ambiguity refused in words.

Nothing is guessed: what has two readings is refused with both, what looks like a slip (li3ycl6) or a nickname (LLZO)
with a suggestion.
"""

import itertools
import re
from collections.abc import Iterator

from pymatgen.core import Element

SYMBOLS = frozenset(element.symbol for element in Element)
# Formulas that need no second look. A point stands between digits.
PLAIN = re.compile(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+")

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_MARKUP = (
    (re.compile(r"</?sub>|\\(?:mathrm|text|rm|ce)\b|\\[,;! ]|\$"), ""),
    (re.compile(r"_\{([\d.]+)\}|_([\d.]+)"), r"\1\2"),
    (re.compile(r"^\{(.*)\}$"), r"\1"),
    (re.compile("[\u200b\u2009\u00a0]"), " "),
    (re.compile("[–—−‐‑]"), "-"),  # the dashes people paste
)
# a phase named before its formula: "beta-Li3PS4", "γ-Li3PO4", "c-Li7La3Zr2O12", "LT-LiCoO2", "cubic Li7La3Zr2O12"
_GREEK = "alpha|beta|gamma|delta|epsilon|eta|theta|[α-ω]"
_FORMS = "cubic|tetragonal|orthorhombic|monoclinic|hexagonal|trigonal|amorphous|glassy"
_PREFIX = re.compile(
    rf"^(?:(?:{_GREEK}|[a-z]|HT|LT|HP)['′]{{0,2}}-|(?:{_GREEK}|{_FORMS})['′]{{0,2}}[ -])\s*(?=[A-Z(\[])"
)
_DOTS = re.compile(r"\s*[·•⋅∙]\s*|(?<!\d)\.(?=[A-Z(\[])|(?<=\d)\.(?=[A-Z(\[])")
_PART = re.compile(r"^(\d+(?:\.\d+)?)?\s*([A-Z(\[].*)$")
_SOLVENT = r"(?:H2O|D2O|NH3|N2H4|CH3OH|C2H5OH|CH3CN|CH3NH2|C4H8O|H3PO4)"
# "CaSO4.2H2O" and "LiI.4CH3OH": a decimal, or a solvate's dot? "Li0.5H2O" can only be a decimal.
_SOLVATE = re.compile(rf"(?<![.\d])(?!0\.)(\d*)\.(\d+)\(?{_SOLVENT}\)?\d*$")
_CHARGE = re.compile(r"(?:\^?\{?\d*[+-]\}?|[⁰¹²³⁴-⁹]*[⁺⁻])$")
_VARIABLE = re.compile(r"[+-]\d*[xyzδ]|(?<=[A-Za-z\d)])(?:[xzδ]|(?<!D)y)(?![a-z])|[.·•]\s*[nxyz]\s*(?=[A-Z(])")
_MIXTURE = re.compile(r"^[\d.]*\(?[A-Z][\w.()]*(?:-[\d.]*\(?[A-Z][\w.()]*)+$")
LONGEST, LONGEST_RUN = 60, 20  # characters, and letters in a row, that suggestions are sought for
NICKNAMES = {
    "LLZO": "Li7La3Zr2O12",
    "LLZTO": "Li6.4La3Zr1.4Ta0.6O12",
    "LLTO": "Li0.33La0.56TiO3",
    "LATP": "Li1.3Al0.3Ti1.7(PO4)3",
    "LAGP": "Li1.5Al0.5Ge1.5(PO4)3",
    "LGPS": "Li10GeP2S12",
    "LPS": "Li3PS4 or Li7P3S11",
    "LPSC": "Li6PS5Cl",
    "LPSCL": "Li6PS5Cl",
    "LIPON": "Li2.9PO3.3N0.46",
    "LYC": "Li3YCl6",
    "LIC": "Li3InCl6",
    "LZC": "Li2ZrCl6",
    "LCO": "LiCoO2",
    "LNO": "LiNiO2",
    "LFP": "LiFePO4",
    "LTO": "Li4Ti5O12",
    "LMO": "LiMn2O4",
    "NMC811": "LiNi0.8Mn0.1Co0.1O2",
    "NCM811": "LiNi0.8Mn0.1Co0.1O2",
}


def is_plain(text: str) -> bool:
    """Whether a formula is element symbols and amounts alone, without a second reading."""
    return bool(PLAIN.fullmatch(text)) and not ("." in text and _SOLVATE.search(text)) and not _nickname(text)


def _nickname(text: str) -> str:
    known = text.isupper() or text.islower() or text == "LiPON"  # LiC is lithium and carbon
    return NICKNAMES.get(text.upper(), "") if known and len(text) < 8 else ""


def plain_parts(text: str) -> list[tuple[float, str]]:
    """A formula as (amount, plain formula) of its parts: "LiOH·H2O" as LiOH and H2O, once each.

    Raises:
        ValueError: If it has two readings, a charge, an unknown amount, or is a nickname; says what to write instead.
    """
    plain = _without_markup(text.strip())
    if nickname := _nickname(plain):
        raise ValueError(f"formula {text!r} is a nickname: write the composition, such as {nickname}")
    _refuse_ambiguous(text, plain)
    parts: list[tuple[float, str]] = []
    for piece in _DOTS.split(plain):
        found = _PART.match(piece)
        if not found:
            hint = " or ".join(suggestions(plain))
            meant = f"; did you mean {hint}?" if hint else ""
            raise ValueError(f"formula {text!r} cannot be parsed ({piece!r} starts with no element){meant}")
        if found[1] and len(parts) == 0 and "·" not in text and "•" not in text:
            raise ValueError(f"formula {text!r} cannot be parsed (it starts with an amount)")
        parts.append((float(found[1] or 1), found[2]))
    return parts


def _without_markup(text: str) -> str:
    plain = text.translate(_SUBSCRIPTS)
    for pattern, replacement in _MARKUP:
        plain = pattern.sub(replacement, plain)
    return _PREFIX.sub("", plain.strip())


def _refuse_ambiguous(text: str, plain: str) -> None:
    if found := _SOLVATE.search(plain):
        amount, molecule = found[2], plain[found.end(2) :]
        start = plain[: found.start()] + found[1]
        decimal = f"{plain[: found.start()]}{found[1] or '0'}.{amount}{molecule}"
        raise ValueError(
            f"formula {text!r} has two readings: write {start}·{amount}{molecule} for the solvate, or "
            f"{decimal.removesuffix(molecule)} {molecule} for the decimal"
        )
    if _MIXTURE.match(plain) and "-" in plain:
        raise ValueError(f"formula {text!r} reads as a mixture: write {plain.replace('-', '·')} for its composition")
    if _VARIABLE.search(plain):
        raise ValueError(f"formula {text!r} has an amount that is no number: write the number")
    if _CHARGE.search(plain):
        raise ValueError(f"formula {text!r} carries a charge: write the neutral compound")
    if re.search(r"(?<!\d)\.\d|\d\.(?!\d)(?![A-Z(\[])", plain):
        raise ValueError(f"formula {text!r} has a point without a digit on both sides: write 0.5, or · for a solvate")


def suggestions(text: str, most: int = 3) -> list[str]:
    """Formulas that the letters of `text` spell whatever their case, likeliest first; none where nothing fits.

    Spellings with fewer elements that repeat none come first: "li3ycl6" is Li3YCl6.
    """
    pieces = re.findall(r"[A-Za-z]+|[^A-Za-z]+", text)
    readable = re.fullmatch(r"[A-Za-z\d.()\[\]]+", text) and text.count("(") == text.count(")")
    if not readable or len(text) > LONGEST or any(len(p) > LONGEST_RUN and p.isalpha() for p in pieces):
        return []
    spelled = [list(itertools.islice(_spellings(p), 40)) if p[0].isalpha() else [(p,)] for p in pieces]
    readings = set()
    for choice in itertools.islice(itertools.product(*spelled), 4000):
        symbols = [s for part, piece in zip(choice, pieces, strict=True) if piece[0].isalpha() for s in part]
        rank = (len(symbols) - len(set(symbols)), _strangeness(symbols), len(symbols))
        readings.add((rank, "".join(map("".join, choice))))
    ranked = sorted(reading for reading in readings if reading[1] != text)
    return [reading for rank, reading in ranked if rank == ranked[0][0]][:most]


def _spellings(letters: str) -> Iterator[tuple[str, ...]]:
    if not letters:
        yield ()
    for n in (2, 1):
        symbol = letters[:n].capitalize()
        if len(letters) >= n and symbol in SYMBOLS and symbol not in ("D", "T"):
            for rest in _spellings(letters[n:]):
                yield (symbol, *rest)


def _strangeness(symbols: list[str]) -> int:
    """How many of the elements are noble, radioactive or synthetic: nobody means them."""
    return sum(Element(s).Z > 83 or Element(s).is_noble_gas or s in ("Tc", "Pm") for s in set(symbols))
