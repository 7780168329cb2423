"""The family a chemist would file a formula under: garnet, NASICON, argyrodite, thiophosphate, chloride, niobate …

Read from the composition alone, so that polymorphs share a family. Used to keep lists from filling with one kind.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formulas

HALIDES = {"F": "fluoride", "Cl": "chloride", "Br": "bromide", "I": "iodide"}
CHALCOGENIDES = {"S": "sulfide", "Se": "selenide", "Te": "telluride"}
PNICTIDES = {"N": "nitride", "P": "phosphide", "As": "arsenide", "Sb": "antimonide", "Bi": "bismuthide"}
# oxo-anions by their centre, the one that names the compound first
OXO_ANIONS = {
    "P": "phosphate",
    "As": "arsenate",
    "S": "sulfate",
    "Se": "selenate or selenite",
    "Te": "tellurate",
    "C": "carbonate",
    "N": "nitrate",
    "B": "borate",
    "Si": "silicate",
    "Ge": "germanate",
    "V": "vanadate",
    "Mo": "molybdate",
    "W": "tungstate",
    "Cr": "chromate",
    "Nb": "niobate",
    "Ta": "tantalate",
    "Sb": "antimonate",
    "Bi": "bismuthate",
    "Ti": "titanate",
    "Zr": "zirconate",
    "Hf": "hafnate",
    "Sn": "stannate",
    "Mn": "manganate",
    "Al": "aluminium oxide",
    "Ga": "gallate",
    "In": "indate",
    "Sc": "scandate",
    "Y": "rare-earth oxide",
    "Cl": "halate",
    "Br": "halate",
    "I": "iodate",
}
THIO_ANIONS = {
    "P": "thiophosphate",
    "As": "thioarsenate",
    "Sb": "thioantimonate",
    "Si": "thiosilicate",
    "Ge": "thiogermanate",
    "Sn": "thiostannate",
    "B": "thioborate",
    "Al": "thioaluminate",
    "Ga": "thiogallate",
    "In": "thioindate",
}
RARE_EARTHS = frozenset(
    ["Sc", "Y", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"]
)
LARGE = frozenset({"La", "Pr", "Nd", "Sm", "Eu", "Gd", "Sr", "Ba", "Ca", "K", "Na"})
OCTAHEDRAL = frozenset({"Zr", "Hf", "Ta", "Nb", "Sb", "Bi", "Te", "W", "Mo", "Ti", "Sn", "Ge"})
TETRAVALENT = frozenset({"Ti", "Zr", "Hf", "Ge", "Sn"})
SHARE = 0.08  # how far a doped formula's ratios may stray from the type's


def family_table(formulas: Sequence[str]) -> pd.DataFrame:
    """Columns formula and family ("" where the formula cannot be read), one row per formula in their order."""
    compositions, _ = parse_formulas(formulas)
    families = [
        "" if c is None else family_of({e.symbol: float(amount) for e, amount in c.items()}) for c in compositions
    ]
    return pd.DataFrame({"formula": list(formulas), "family": families})


def family_of(amounts: Mapping[str, float]) -> str:
    """The family of one composition, given its amount per element symbol."""
    halogens = [e for e in HALIDES if e in amounts]
    chalcogens = [e for e in CHALCOGENIDES if e in amounts and not ("O" in amounts and e not in _reduced(amounts))]
    if "H" in amounts and "O" not in amounts:
        return "borohydride" if "B" in amounts else "amide" if "N" in amounts else "hydride"
    if "O" in amounts:
        return _oxide(amounts, halogens)
    if chalcogens:
        return _chalcogenide(amounts, chalcogens, halogens)
    if halogens:
        mixed = [e for e in PNICTIDES if e in amounts and e != "Sb" and e != "Bi"]
        name = HALIDES[halogens[0]] if len(halogens) == 1 else "mixed halide"
        return f"{PNICTIDES[mixed[0]]} halide" if mixed else name
    pnictogens = [e for e in PNICTIDES if e in amounts]
    return PNICTIDES[pnictogens[0]] if pnictogens else "carbide" if "C" in amounts else "intermetallic"


def _reduced(amounts: Mapping[str, float]) -> frozenset[str]:
    """Chalcogens that stand beside oxygen as anions of their own: too little oxygen for an oxo-anion of each."""
    short = {e for e in CHALCOGENIDES if amounts.get("O", 0.0) < 3.0 * amounts.get(e, 0.0)}
    return frozenset(short)


def _oxide(amounts: Mapping[str, float], halogens: Sequence[str]) -> str:
    oxygen = amounts["O"]
    if "H" in amounts and not amounts.keys() - {"Li", "O", "H", *HALIDES}:
        return "hydroxide halide" if halogens else "hydroxide"
    if _reduced(amounts) & amounts.keys():
        return "oxysulfide"
    if "N" in amounts and "P" in amounts:
        return "oxynitride"
    if not halogens and _near(_sum(amounts, LARGE), oxygen / 4) and _near(_sum(amounts, OCTAHEDRAL), oxygen / 6):
        return "garnet"
    if "P" in amounts and _near(amounts["P"], oxygen / 4) and _near(_sum(amounts, TETRAVALENT | {"Al"}), oxygen / 6):
        return "NASICON"
    if _sum(amounts, LARGE) > 0.1 * oxygen and _near(_sum(amounts, {"Ti", "Nb", "Ta", "Zr"}), oxygen / 3):
        return "perovskite"
    # halogens that outnumber oxygen make an oxyhalide whatever the metal; less is a doped oxide
    if halogens and not set(amounts) & {"P", "S", "B", "C", "Si"} and _sum(amounts, set(halogens)) >= 0.2 * oxygen:
        return "oxyhalide"
    centres = [e for e in OXO_ANIONS if e in amounts and not (e in HALIDES and oxygen < 3 * amounts[e])]
    if centres:
        name = OXO_ANIONS[centres[0]]
        return f"fluoro{name}" if "F" in halogens and centres[0] in ("P", "S", "B") else name
    return "rare-earth oxide" if RARE_EARTHS & amounts.keys() else "oxide"


def _chalcogenide(amounts: Mapping[str, float], chalcogens: Sequence[str], halogens: Sequence[str]) -> str:
    centres = [e for e in THIO_ANIONS if e in amounts]
    anions = _sum(amounts, {*chalcogens, *halogens})
    middle = _sum(amounts, set(centres))
    if halogens and centres and _near(middle, anions / 6):
        return "argyrodite"
    if not halogens and "P" in centres and len(centres) > 1 and _near(middle, anions / 4):
        return "LGPS type"
    if centres:
        name = THIO_ANIONS[centres[0]]
        return f"{name} halide" if halogens else name
    name = CHALCOGENIDES[chalcogens[0]]
    return f"{name} halide" if halogens else name


def _sum(amounts: Mapping[str, float], elements: frozenset[str] | set[str]) -> float:
    return sum(amount for element, amount in amounts.items() if element in elements)


def _near(amount: float, expected: float) -> bool:
    return abs(amount - expected) <= SHARE * expected
