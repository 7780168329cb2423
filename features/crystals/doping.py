"""Dope a compound on one site by composition alone: the charge is made up by lithium vacancies or interstitials.

Li7La3Zr2O12 with 0.25 Te6+ on Zr4+ loses 0.5 Li+ (Li6.5La3Zr1.75Te0.25O12); LiTi2(PO4)3 with 0.3 Al3+ on Ti4+ gains
0.3 (Li1.3Al0.3Ti1.7(PO4)3). Mixing ions of one charge on one site needs no lithium.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.formula import composition_key, parse_formula

# Ions that charge compensation or mixing has been done with in lithium conductors, by the charge they keep there.
DOPANTS: dict[str, int] = {
    **dict.fromkeys(["Mg", "Ca", "Sr", "Ba", "Zn"], 2),
    **dict.fromkeys(["Al", "Ga", "In", "Sc", "Y", "La", "Lu"], 3),
    **dict.fromkeys(["Si", "Ge", "Sn", "Ti", "Zr", "Hf"], 4),
    **dict.fromkeys(["Nb", "Ta", "Sb", "P"], 5),
    **dict.fromkeys(["W", "Te"], 6),
    **dict.fromkeys(["F", "Cl", "Br", "I"], -1),
    **dict.fromkeys(["O", "S", "Se"], -2),
}
# Largest ratio of the radii of two ions that share a site: Ge4+/Si4+ in LISICON 1.33, Br-/Cl- in argyrodites 1.08.
MAX_RADIUS_RATIO = 1.35


def doped(parent: Composition, site: str, dopant: str, amount: float, charges: Mapping[str, float]) -> Composition:
    """The parent with `amount` of `site` per formula replaced by `dopant`, lithium making up the charge.

    Args:
        charges: Charge of each element of the parent, and of the dopant.

    Raises:
        ValueError: If there is too little of the site, or of lithium to give.
    """
    amounts = {e.symbol: float(n) for e, n in parent.items()}
    if amounts.get(site, 0.0) < amount:
        raise ValueError(f"{parent.reduced_formula} holds less than {amount:g} {site}")
    amounts[site] -= amount
    amounts[dopant] = amounts.get(dopant, 0.0) + amount
    amounts["Li"] = amounts.get("Li", 0.0) - amount * (charges[dopant] - charges[site])
    if amounts["Li"] < -1e-9:
        raise ValueError(f"{amount:g} {dopant} on {site} asks for more lithium than {parent.reduced_formula} holds")
    return Composition({symbol: round(n, 6) for symbol, n in amounts.items() if n > 1e-9})


def formula_text(composition: Composition) -> str:
    """Formula with the least electronegative element first: "Li6.5La3Zr1.75Te0.25O12"."""
    order = sorted(composition.items(), key=lambda item: (item[0].symbol != "Li", item[0].X, item[0].symbol))
    return "".join(f"{element.symbol}{n:.6g}" if n != 1 else element.symbol for element, n in order)


def site_radius_angstrom(symbol: str, charge: float) -> float:
    """Shannon's ionic radius averaged over coordinations; NaN where none is tabulated for that charge."""
    radii = Element(symbol).ionic_radii
    return float(radii.get(round(charge), float("nan")))


def doped_formulas(
    parents: Sequence[str], amounts: Iterable[float], dopants: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Every neutral composition with one dopant on one site of a lithium compound.

    A dopant goes where its radius is within MAX_RADIUS_RATIO of the ion it replaces and its charge differs by at most
    2; lithium's own site takes cations of charge 2 and 3.

    Args:
        parents: Formulas; those whose charges do not balance give nothing, as do elements.
        amounts: Ions replaced per formula unit of the parent.
        dopants: Charge by symbol; DOPANTS where not given.

    Returns:
        formula, parent, site, dopant, amount; one row per composition, the first parent's.
    """
    rows: list[dict[str, object]] = []
    seen: set[str] = set()
    amounts = list(amounts)
    dopants = DOPANTS if dopants is None else dopants
    for formula in parents:
        parent = parse_formula(formula)
        charges, note = average_charges(parent) if len(parent) > 1 else ({}, "an element")
        if note or "Li" not in charges:
            continue
        for site in sorted(charges):
            for dopant, charge in dopants.items():
                if dopant in charges or not _fits(site, charges[site], dopant, charge):
                    continue
                for amount in amounts:
                    try:
                        new = doped(parent, site, dopant, amount, {**charges, dopant: charge})
                    except ValueError:
                        continue  # too little of the site or of lithium: no such composition
                    key = composition_key(new)
                    if "Li" in new and key not in seen:
                        seen.add(key)
                        row = {"formula": formula_text(new), "parent": formula, "site": site, "dopant": dopant}
                        rows.append({**row, "amount": amount})
    return pd.DataFrame(rows, columns=["formula", "parent", "site", "dopant", "amount"])


def _fits(site: str, site_charge: float, dopant: str, charge: int) -> bool:
    if site_charge * charge < 0 or abs(charge - site_charge) > 2:
        return False
    ratio = site_radius_angstrom(dopant, charge) / site_radius_angstrom(site, site_charge)
    return 1 / MAX_RADIUS_RATIO <= ratio <= MAX_RADIUS_RATIO
