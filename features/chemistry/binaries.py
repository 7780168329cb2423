"""Which pairs of elements form a stable binary compound in nature, by rules of descriptive inorganic chemistry.

A set of phases without any binary of such a pair (no scandium sulfide in a table that holds Sc and S) draws the hull of
every system with that pair too high. The rules follow N. N. Greenwood and A. Earnshaw, Chemistry of the Elements,
2nd ed. (1997), and the Binary Alloy Phase Diagrams of ASM International (2nd ed., 1990) for lithium's alloys. Pairs the
rules are silent about (two metals other than lithium, noble metals, short-lived elements) count as forming none: of
them nothing is demanded.
"""

from functools import cache

ALKALI = frozenset(["Li", "Na", "K", "Rb", "Cs"])
ALKALINE_EARTHS = frozenset(["Mg", "Ca", "Sr", "Ba"])
RARE_EARTHS = frozenset(["Sc", "Y", "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"])
EARLY_METALS = frozenset(["Ti", "Zr", "Hf", "V", "Nb", "Ta"])
LATE_METALS = frozenset(["Cr", "Mo", "W", "Mn", "Fe", "Co", "Ni", "Cu"])
POST_METALS = frozenset(["Zn", "Cd", "Al", "Ga", "In", "Tl", "Sn", "Pb", "Bi"])
SEMIMETALS = frozenset(["B", "Si", "Ge", "As", "Sb"])
BASIC = ALKALI | ALKALINE_EARTHS | {"Be"}
METALS = BASIC | RARE_EARTHS | EARLY_METALS | LATE_METALS | POST_METALS | {"Th", "U"}

# Partners of each anion. Halides and chalcogenides: all metals and semimetals.
ANY = METALS | SEMIMETALS
PARTNERS: dict[str, frozenset[str]] = {
    **dict.fromkeys(["F", "Cl", "Br", "I", "O", "S", "Se"], ANY | {"Ag"}),
    "Te": ANY - {"B", "Si"} | {"Ag"},
    # no nitride of the heavier alkali metals (but azides), nor a stable one of the late and the heavy post metals
    "N": ALKALINE_EARTHS | RARE_EARTHS | EARLY_METALS | {"Li", "Be", "Cr", "Mo", "Al", "Ga", "B", "Si", "Th", "U"},
    "P": BASIC | RARE_EARTHS | EARLY_METALS | LATE_METALS | {"Zn", "Cd", "Al", "Ga", "In", "B", "Si", "Ge", "Sn", "U"},
    "H": ALKALI | ALKALINE_EARTHS | RARE_EARTHS | EARLY_METALS | {"Th", "U"},
    "C": EARLY_METALS | RARE_EARTHS | {"Cr", "Mo", "W", "Li", "Ca", "Ba", "Sr", "Al", "B", "Si", "Be", "Th", "U"},
}
# Metals that lithium forms ordered alloys with; with Mg and Sr it forms weak ones (-0.01 eV/atom) that move no limit.
LITHIUM_ALLOYS = frozenset(
    ["Ca", "Zn", "Cd", "Hg", "Al", "Ga", "In", "Tl", "B", "Si", "Ge", "Sn", "Pb", "As", "Sb", "Bi"]
) | {"Ag", "Au", "Pd", "Pt", "Rh", "Ir"}
# Two nonmetals bound by more than some 0.2 eV/atom; others are unstable (Cl-O, N-O, C-N, N-S) or weak (S-Cl, P-I).
NONMETALS: dict[str, frozenset[str]] = {
    "H": frozenset(["C", "N", "O", "F", "S", "Cl", "Br"]),
    "C": frozenset(["O", "F"]),
    "N": frozenset(["P", "F"]),
    "O": frozenset(["P", "S", "Se", "Te", "I"]),
    "F": frozenset(["P", "S", "Se", "Te", "Cl", "Br", "I"]),
    "P": frozenset(["S", "Se", "Cl", "Br"]),
    "Te": frozenset(["Cl", "Br", "I"]),
}


@cache
def forms_binary(first: str, second: str) -> bool:
    """Whether two elements are known to form a compound that is stable against them."""
    return any(
        b in PARTNERS.get(a, ()) or b in NONMETALS.get(a, ()) or (a == "Li" and b in LITHIUM_ALLOYS)
        for a, b in ((first, second), (second, first))
    )
