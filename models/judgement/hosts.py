"""What a doped compound has of its host on lithium, where its own phases are not all known.

A few foreign ions do not keep those of the host from lithium: LiTi2(PO4)3 is reduced there, and so is what has a sixth
of its titanium replaced by aluminium. So a failure of the host is one of the variant. That the host passes says
nothing, for the dopant may be what is reduced.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from pymatgen.core import Composition

from ionsieve.features.chemistry.binaries import RARE_EARTHS
from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import composition_key, is_fractional, parse_formula

ALIKE = RARE_EARTHS - {"Sc"}
COUNTED = frozenset(ANIONS) | {"H"}
MAX_FOREIGN = 0.05  # of the atoms other than lithium: 0.6 of 2 Zr in a garnet by Ta are 0.035, Al0.3 in LATP 0.018
MAX_EXCHANGED = 0.03  # of them by elements of the host: Li10.35Ge1.35P1.65S12 0.023 from LGPS, LiTiPO5 0.035 from LATP
MAX_CATION_CHANGE = 0.10  # relative, of cations other than lithium per anion: the lattice is the same
MAX_LITHIUM_CHANGE = 0.10  # of lithium per anion
MAX_UNEXPLAINED = 0.02  # of the atoms other than lithium, by a mixture of two end members
MOST_ELEMENTS = 12  # beside lithium; nothing of this field has more
LEAST_SHARE = 0.1  # of an end member in a mixture
OF_IONS = ("a product conducts electrons", "gap of")  # what an end member's ions become, in a mixture too
OPEN = ("passivating", "reduction_limit_v", "e_total_ev_atom")
HOST_COLUMNS = ("formula", "passivating_why", *OPEN)
INHERITED = ("host", "passivating", "passivating_why", "reduction_at_least_v", "total_at_most_ev_atom")


@dataclass(frozen=True)
class _Member:
    """One lithium compound: its place in the table, its atoms per anion without lithium, and lithium."""

    row: int
    amounts: Mapping[str, float]
    lithium: float


def _member(row: int, formula: str) -> _Member | None:
    amounts = dict(parse_formula(formula).get_el_amt_dict())
    lithium = amounts.pop("Li", 0.0)
    anions = sum(n for symbol, n in amounts.items() if symbol in COUNTED)
    if not anions or not lithium or len(amounts) < 2:
        return None
    return _Member(row, {symbol: n / anions for symbol, n in amounts.items()}, lithium / anions)


class Hosts:
    """Compounds that others may be variants of, to be found by composition."""

    def __init__(self, formulas: Sequence[str]) -> None:
        self._by_elements: dict[frozenset[str], list[_Member]] = {}
        for row, formula in enumerate(formulas):
            member = _member(row, formula)
            if member is not None:
                self._by_elements.setdefault(frozenset(member.amounts), []).append(member)

    def near(self, formula: str) -> list[int]:
        """Rows of the compounds that the formula is a variant of, nearest first.

        They hold lithium and none but the formula's elements, as many cations and nearly as much lithium per anion. The
        formula's own composition is not among them.
        """
        own = _member(-1, formula)
        members = self._alike(own) if own else []
        apart = [(_apart(member.amounts, own.amounts), member.row) for member in members if own]
        return [row for distance, row in sorted(apart) if 1e-6 < distance <= MAX_FOREIGN]

    def between(self, formula: str) -> list[int]:
        """Rows of the two end members of the solid solution that a formula with fractional amounts is; [] without."""
        own = _member(-1, formula) if is_fractional(formula) else None
        return _between(self._alike(own), own) if own else []

    def _alike(self, own: _Member) -> list[_Member]:
        symbols = sorted(own.amounts)[:MOST_ELEMENTS]
        found = [
            member
            for n in range(2, len(symbols) + 1)
            for some in combinations(symbols, n)
            for member in self._by_elements.get(frozenset(some), ())
            if _same_lattice(member, own)
        ]
        return sorted(found, key=lambda member: member.row)


def _exchanged(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Share of the atoms other than lithium by which elements of both stand for one another."""
    changes = [a[s] - b[s] for s in sorted(a.keys() & b.keys())]
    gained, lost = sum(c for c in changes if c > 0), -sum(c for c in changes if c < 0)
    return min(gained, lost) / sum(b[s] for s in sorted(b))


def _same_lattice(a: _Member, b: _Member) -> bool:
    here, there = (sum(n for s, n in m.amounts.items() if s not in COUNTED) for m in (a, b))
    return (
        abs(here - there) <= MAX_CATION_CHANGE * there
        and abs(a.lithium - b.lithium) <= MAX_LITHIUM_CHANGE
        and _exchanged(a.amounts, b.amounts) <= MAX_EXCHANGED
    )


def _apart(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Share of the atoms other than lithium that differ."""
    symbols = sorted(a.keys() | b.keys())
    return sum(abs(a.get(s, 0.0) - b.get(s, 0.0)) for s in symbols) / (2 * sum(b[s] for s in sorted(b)))


def _between(members: Sequence[_Member], own: _Member) -> list[int]:
    """Rows of the two end members whose mixture comes nearest; [] if none comes near."""
    best: tuple[float, list[int]] = (MAX_UNEXPLAINED, [])
    symbols = sorted(own.amounts)
    middle = np.array([own.amounts[s] for s in symbols])
    for a, b in combinations(members, 2):
        start, end = (np.array([m.amounts.get(s, 0.0) for s in symbols]) for m in (a, b))
        along = end - start
        if along @ along < 1e-12:
            continue
        share = float((middle - start) @ along / (along @ along))
        left = _apart(dict(zip(symbols, (start + share * along).tolist(), strict=True)), own.amounts)
        if LEAST_SHARE <= share <= 1 - LEAST_SHARE and left < best[0]:
            best = left, [a.row, b.row]
    return best[1]


def inherited(table: pd.DataFrame, hosts: pd.DataFrame) -> pd.DataFrame:
    """What each row has of its host, where its own answer is unknown.

    Args:
        table: formula, passivating, passivating_why, reduction_limit_v, e_total_ev_atom: missing where not known.
        hosts: HOST_COLUMNS of compounds that may be hosts, those of the table among them or not.

    Returns:
        Indexed as the table: host (whose answers were taken, "" for none); passivating and passivating_why with the
        failures of the host, or of an end member whose ions become an electronic conductor; reduction_at_least_v (the
        host's limit: its ions are there) and total_at_most_ev_atom (energy of its reaction with lithium), NaN where not
        known.
    """
    index = Hosts(list(hosts["formula"]))
    facts = hosts[list(HOST_COLUMNS)].to_dict("records")
    found = []
    for row in table[list(HOST_COLUMNS)].to_dict("records"):
        if any(pd.isna(row[name]) for name in OPEN):
            near, ends = index.near(row["formula"]), index.between(row["formula"])
            found.append(_of_hosts(row, [facts[i] for i in near], [facts[i] for i in ends]))
        else:
            found.append(("", row["passivating"], row["passivating_why"], np.nan, np.nan))
    result = pd.DataFrame(found, index=table.index, columns=list(INHERITED))
    return result.astype({"passivating": "boolean", "reduction_at_least_v": float, "total_at_most_ev_atom": float})


Facts = Mapping[Hashable, Any]


def _of_hosts(own: Facts, near: Sequence[Facts], ends: Sequence[Facts]) -> tuple[str, Any, str, float, float]:
    """The values of INHERITED for one row."""
    passivating, why = own["passivating"], own["passivating_why"]
    used: list[str] = []
    if pd.isna(passivating):
        of_ends = [f for f in ends if _fails(f) and f["passivating_why"].startswith(OF_IONS)]
        failing = next(iter([*filter(_fails, near), *of_ends]), None)
        if failing is not None:
            passivating, why = False, f"as {failing['formula']}: {failing['passivating_why']}"
            used.append(failing["formula"])
    limit = _first_known(near, "reduction_limit_v") if pd.isna(own["reduction_limit_v"]) else None
    if limit is None and pd.isna(own["reduction_limit_v"]):
        limit = max((f for f in ends if not pd.isna(f["reduction_limit_v"])), key=_limit, default=None)
    energy = _first_known(near, "e_total_ev_atom") if pd.isna(own["e_total_ev_atom"]) else None
    used += [facts["formula"] for facts in (limit, energy) if facts is not None]
    named = ", ".join(dict.fromkeys(used))
    at_least = np.nan if limit is None else _limit(limit)
    return named, passivating, why, at_least, np.nan if energy is None else float(energy["e_total_ev_atom"])


def _fails(facts: Facts) -> bool:
    return not pd.isna(facts["passivating"]) and not facts["passivating"]


def _limit(facts: Facts) -> float:
    return float(facts["reduction_limit_v"])


def _first_known(facts: Sequence[Facts], column: str) -> Facts | None:
    return next((f for f in facts if not pd.isna(f[column])), None)


def series_of(formulas: Sequence[str]) -> list[int]:
    """(n,) for each formula the place of the first that it differs from by a dopant or a little lithium, else its own.

    Of two of a series at least one is fractional: stoichiometric compounds are compounds of their own, but for those
    that another rare earth tells apart. These are so alike that a page of them says no more than one.
    """
    heads: dict[str, int] = {}
    members = [_member(i, formula) for i, formula in enumerate(formulas)]
    fractional = [is_fractional(formula) for formula in formulas]
    firsts: list[int] = []
    by_anions: dict[frozenset[str], list[_Member]] = {}
    for i, own in enumerate(members):
        alike = _rare_earths_alike(formulas[i])
        if own is None or alike in heads:
            firsts.append(heads.setdefault(alike, i) if alike else i)
            continue
        earlier = by_anions.setdefault(frozenset(own.amounts) & COUNTED, [])
        first = next(
            (m.row for m in earlier if (fractional[i] or fractional[m.row]) and _one_series(m, own)),
            i,
        )
        if first == i:
            earlier.append(own)
        firsts.append(first)
        if alike:
            heads[alike] = first
    return firsts


def _rare_earths_alike(formula: str) -> str:
    """The composition with every rare earth by one name, scandium apart, which is much smaller; "" without any."""
    amounts = parse_formula(formula).get_el_amt_dict()
    if not amounts.keys() & ALIKE:
        return ""
    renamed: dict[str, float] = {}
    for symbol, amount in amounts.items():
        name = "La" if symbol in ALIKE else symbol
        renamed[name] = renamed.get(name, 0.0) + amount
    return composition_key(Composition(renamed))


def _one_series(a: _Member, b: _Member) -> bool:
    return _same_lattice(a, b) and _apart(a.amounts, b.amounts) <= MAX_FOREIGN
