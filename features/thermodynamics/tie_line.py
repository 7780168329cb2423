"""Kinks of the hull energy along the line between two compositions: where the equilibrium phases change.

The hull energy is convex and piecewise linear along the line, and the prices of an optimum give its slope, so
tangents from both ends are intersected until nothing lies below them (Eisner and Severance,
doi:10.1145/321978.321982): exact, and about two programs per kink.
"""

from dataclasses import dataclass

import numpy as np

from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, Amounts, PhaseSet
from ionsieve.features.thermodynamics.programs.linear_programs import Mixtures, solve_mixtures

_SAME_ENERGY_EV_ATOM = 1e-9
_SAME_FRACTION = 1e-9


@dataclass(frozen=True, eq=False)
class TieLine:
    """Kinks from b to a: fraction of a (k,), ascending from 0 to 1; hull energy there (k,), eV/atom; and the phases."""

    fractions: np.ndarray
    energies: np.ndarray
    mixtures: Mixtures


def tie_line(a: Amounts, b: Amounts, phases: PhaseSet, opened: str | None = None, mu_ev: float = 0.0) -> TieLine:
    """Both ends and every kink between two compositions; with an element `opened`, per atom of the others.

    Raises:
        ArithmeticError: If a linear program on the line has no answer.
    """
    fa, fb = _fractions(a, opened), _fractions(b, opened)
    symbols = sorted({*fa, *fb}, key=ELEMENT_INDEX.__getitem__)
    va, vb = (np.array([f.get(s, 0.0) for s in symbols]) for f in (fa, fb))

    def solve(x: np.ndarray) -> Mixtures:
        mixed = [dict(zip(symbols, z * va + (1.0 - z) * vb, strict=True)) for z in x]
        solved = solve_mixtures(mixed, phases, opened, np.full(len(x), mu_ev))
        if solved.status.any():
            raise ArithmeticError(f"no answer on the line between {dict(a)} and {dict(b)}")
        return solved

    x = np.array([0.0, 1.0])
    first = solve(x)
    h, slope = first.values, first.duals[:, : len(symbols)] @ (va - vb)
    pending = {(0.0, 1.0)}
    while pending:
        at = {z: i for i, z in enumerate(x)}
        meets = {}
        for left, right in pending:
            i, j = at[left], at[right]
            if slope[j] - slope[i] < _SAME_ENERGY_EV_ATOM:
                continue
            z = (h[i] - slope[i] * left - h[j] + slope[j] * right) / (slope[j] - slope[i])
            if left + _SAME_FRACTION < z < right - _SAME_FRACTION:
                meets[z] = (left, right, h[i] + slope[i] * (z - left))
        pending = set()
        if meets:
            new = np.array(sorted(meets))
            solved = solve(new)
            for z, value in zip(new, solved.values, strict=True):
                left, right, bound = meets[z]
                if value > bound + _SAME_ENERGY_EV_ATOM:
                    pending |= {(left, float(z)), (float(z), right)}
            x, h = np.append(x, new), np.append(h, solved.values)
            slope = np.append(slope, solved.duals[:, : len(symbols)] @ (va - vb))
    order = np.argsort(x)
    x, h = x[order], h[order]
    kinks = _corners(x, h)
    return TieLine(x[kinks], h[kinks], solve(x[kinks]))


def _fractions(amounts: Amounts, opened: str | None) -> dict[str, float]:
    kept = {s: n for s, n in amounts.items() if s != opened}
    total = sum(kept.values())
    return {s: n / total for s, n in kept.items()}


def _corners(x: np.ndarray, h: np.ndarray) -> list[int]:
    """Places of the ends and of the points that lie below the line between their kept neighbours."""
    kept = [0]
    for j in range(1, len(x) - 1):
        i = kept[-1]
        ahead = (h[j + 1 :] - h[i]) / (x[j + 1 :] - x[i])
        if ((h[j] - h[i]) < ahead * (x[j] - x[i]) - _SAME_ENERGY_EV_ATOM).all():
            kept.append(j)
    return [*kept, len(x) - 1]
