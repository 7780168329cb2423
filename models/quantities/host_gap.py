"""Gap of a doped or rounded formula from the stoichiometric compounds that it derives from.

A regression on Li0.33La0.56TiO3 or Li1.3Al0.3Ti1.7(PO4)3 takes the dopants for a compound of their own: it gave 0.02
and 0.9 eV, for a perovskite measured near 3.2 eV and a phosphate of 2.5 eV by PBE. A few foreign closed-shell ions,
made up for by lithium, leave the gap of the host; in a solid solution it lies between those of the end members.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.formula import composition_keys, is_fractional, parse_formula
from ionsieve.features.chemistry.suitability import MIXED_CONDUCTORS

HOST_DISTANCE = 0.08  # of the atoms other than lithium may be foreign or missing: a third of one site of LiTi2(PO4)3
MIXTURE_DISTANCE = 0.04  # of them may a mixture of two end members leave unexplained
SAME_CHARGE = 0.1  # e: Ti4+ does not derive from LaTiO3
SAME_FRAMEWORK = 0.1  # relative, of the cations other than lithium per anion
METHODS = (("measured", "measured"), ("pbe", "PBE"))  # the first that knows a host decides, else the first with two


@dataclass(frozen=True)
class Host:
    """A stoichiometric compound with a known gap: least, median and largest entry in eV, amounts per anion."""

    formula: str
    gap_ev: tuple[float, float, float]
    charges: dict[str, float]
    amounts: dict[str, float]


@lru_cache(maxsize=65536)
def _described(formula: str) -> tuple[dict[str, float], dict[str, float], str]:
    """(charges, amounts per anion, why the charges do not balance or "") of a formula; empty where it has no ions."""
    composition = parse_formula(formula)
    try:
        charges, note = average_charges(composition)
    except ValueError as error:
        return {}, {}, str(error)
    anions = sum(composition[symbol] for symbol, charge in charges.items() if charge < 0)
    if not anions:
        return {}, {}, "no anion"
    return charges, {symbol: composition[symbol] / anions for symbol in charges}, note


def known_hosts(band_gaps: pd.DataFrame, method: str, systems: Iterable[frozenset[str]]) -> list[Host]:
    """The stoichiometric compounds of a table whose elements all belong to one of the systems, neutral ones alone.

    Args:
        band_gaps: `formula`, `band_gap_ev`, `method`.
        method: Of the gaps, "measured" or "pbe".
        systems: Sets of element symbols; lithium need not be named.
    """
    wanted = [system | {"Li"} for system in set(systems)]
    rows = band_gaps[(band_gaps["method"] == method) & band_gaps["band_gap_ev"].notna()]
    elements = [frozenset(found) for found in rows["formula"].str.findall(r"[A-Z][a-z]?")]
    fits = {e: any(e <= system for system in wanted) for e in set(elements)}
    rows = rows[np.array([fits[e] for e in elements], dtype=bool)]
    found = []
    for _, entries in rows.groupby(composition_keys(rows["formula"]), sort=True):
        name = parse_formula(entries["formula"].iloc[0]).reduced_formula
        charges, amounts, note = _described(name)
        if charges and not note and not is_fractional(name):
            gaps = entries["band_gap_ev"]
            found.append(Host(name, (float(gaps.min()), float(gaps.median()), float(gaps.max())), charges, amounts))
    return found


def host_gaps(formulas: Sequence[str], band_gaps: pd.DataFrame) -> pd.DataFrame:
    """Gap of each fractional formula from its host or its two end members; NaN and "" of others and where unknown.

    A host is a lithium compound with the anions of the formula and none but its elements, each at the same charge, and
    as many cations other than lithium per anion within 10 %; none of what is foreign to it is an ion with open shells.
    Of the atoms other than lithium at most 8 % differ. Else, of the mixtures of two such compounds the one that comes
    nearest leaves at most 4 %, and its gap is their mean, weighted as they are mixed.

    Returns:
        (n,) rows in order: band_gap_ev, band_gap_low_ev, band_gap_high_ev (least and largest entry of the hosts),
        band_gap_host, such as "LiTi2(PO4)3 (PBE)", and fractional (yes/no).
    """
    asked = {formula for formula in formulas if is_fractional(formula)}
    systems = [frozenset(parse_formula(formula).get_el_amt_dict()) for formula in asked]
    known = [(name, known_hosts(band_gaps, method, systems)) for method, name in METHODS] if asked else []
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev", "band_gap_host"]
    found = {formula: _gap_of(formula, known) for formula in asked}
    nothing = (np.nan, np.nan, np.nan, "")
    table = pd.DataFrame([found.get(formula, nothing) for formula in formulas], columns=columns)
    return table.assign(fractional=[formula in asked for formula in formulas])


def _gap_of(formula: str, known: Sequence[tuple[str, list[Host]]]) -> tuple[float, float, float, str]:
    charges, amounts, _ = _described(formula)
    fitting = [(name, [h for h in every if charges and _can_be_host(h, charges, amounts)]) for name, every in known]
    for choose in (_nearest, _mixture):
        for name, hosts in fitting:
            weights = choose(hosts, amounts)
            if weights:
                low, middle, high = (sum(w * host.gap_ev[i] for host, w in weights) for i in range(3))
                named = " + ".join(host.formula if w == 1 else f"{w:.2f} {host.formula}" for host, w in weights)
                return middle, low, high, f"{named} ({name})"
    return np.nan, np.nan, np.nan, ""


def _can_be_host(host: Host, charges: dict[str, float], amounts: dict[str, float]) -> bool:
    anions = {symbol for symbol, charge in charges.items() if charge < 0}
    if "Li" not in host.charges or {symbol for symbol, charge in host.charges.items() if charge < 0} != anions:
        return False
    return (
        host.charges.keys() <= charges.keys() | {"Li"}
        and abs(_cations(host.amounts) / _cations(amounts) - 1.0) <= SAME_FRAMEWORK
        and all(abs(charge - charges.get(symbol, charge)) <= SAME_CHARGE for symbol, charge in host.charges.items())
        and not (charges.keys() - host.charges.keys()) & MIXED_CONDUCTORS
    )


def _apart(a: dict[str, float], b: dict[str, float]) -> float:
    """Share of the atoms other than lithium, per anion, in which `a` differs from `b`."""
    symbols = (a.keys() | b.keys()) - {"Li"}
    return sum(abs(a.get(s, 0.0) - b.get(s, 0.0)) for s in symbols) / sum(b.get(s, 0.0) for s in symbols)


def _nearest(hosts: Sequence[Host], amounts: dict[str, float]) -> list[tuple[Host, float]]:
    """The nearest host, with a share of 1; none if it is too far."""
    near = min(hosts, key=lambda host: (_apart(host.amounts, amounts), host.formula), default=None)
    return [(near, 1.0)] if near is not None and _apart(near.amounts, amounts) <= HOST_DISTANCE else []


def _mixture(hosts: Sequence[Host], amounts: dict[str, float]) -> list[tuple[Host, float]]:
    """The two end members whose mixture comes nearest, with their shares; none if too far."""
    best: tuple[float, list[tuple[Host, float]]] = (MIXTURE_DISTANCE, [])
    for a, b in combinations(sorted(hosts, key=lambda host: host.formula), 2):
        symbols = sorted((a.amounts.keys() | b.amounts.keys() | amounts.keys()) - {"Li"})
        own, start, end = (np.array([c.get(s, 0.0) for s in symbols]) for c in (amounts, a.amounts, b.amounts))
        along = end - start
        if along @ along == 0.0:
            continue
        share = float((own - start) @ along / (along @ along))
        left = _apart(dict(zip(symbols, (start + share * along).tolist(), strict=True)), amounts)
        if 0 < share < 1 and left < best[0]:
            best = left, [(a, 1.0 - share), (b, share)]
    return best[1]


def _cations(amounts: dict[str, float]) -> float:
    """Cations other than lithium per anion; all anions together are one."""
    return max(sum(amount for symbol, amount in amounts.items() if symbol != "Li") - 1.0, 1e-9)
