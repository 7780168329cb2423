"""The linear programs of `simplex` solved one by one with HiGHS, for those the compiled kernel gives up on."""

from dataclasses import dataclass

import numpy as np

from ionsieve.features.thermodynamics.phase_set import PhaseSet, systems_within
from ionsieve.features.thermodynamics.programs.simplex import AMOUNT_TOLERANCE, FACE_TOLERANCE, OWN, REACTION_TOLERANCE


@dataclass(frozen=True, eq=False)
class Program:
    """Columns of one program: a (m, n) atomic fractions, cost (n,) eV/atom, ids (n,) phases."""

    a: np.ndarray
    cost: np.ndarray
    ids: np.ndarray

    def with_column(self, column: np.ndarray, cost: float) -> "Program":
        """The same with one more column, for the composition itself."""
        return Program(np.column_stack([self.a, column]), np.append(self.cost, cost), np.append(self.ids, OWN))


@dataclass(frozen=True, eq=False)
class Optimum:
    """Lowest cost, amounts (n,) and prices of the rows (m,)."""

    value: float
    amounts: np.ndarray
    prices: np.ndarray


def program(
    mask: int,
    rows: np.ndarray,
    phases: PhaseSet,
    energies: np.ndarray,
    skip: int = -1,
    opened: int = -1,
    mu: float = 0.0,
) -> Program:
    """All phases of a chemical system (but `skip`); an element `opened` at potential mu has no row."""
    ids = np.concatenate([
        np.arange(phases.system_start[s], phases.system_start[s + 1]) for s in systems_within(phases, mask)
    ])  # fmt: skip
    elements, fractions = phases.elements[ids], phases.fractions[ids]
    a = np.array([(fractions * (elements == e)).sum(axis=1) for e in rows])
    cost = energies[ids] - mu * (fractions * (elements == opened)).sum(axis=1)
    kept = (ids != skip) & np.isfinite(cost) & (a.sum(axis=0) > 0)
    return Program(a[:, kept], cost[kept], ids[kept])


def minimise(task: Program, b: np.ndarray) -> Optimum | None:
    """Lowest cost of a mixture that makes up b; None where HiGHS finds no bounded optimum."""
    return _solve(task.cost, task.a, b, np.full(len(task.cost), np.inf))


def _on_face(task: Program, b: np.ndarray, optimum: Optimum, second: np.ndarray) -> Optimum | None:
    reduced = task.cost - optimum.prices @ task.a
    upper = np.where(reduced < FACE_TOLERANCE, np.inf, 0.0)
    return _solve(second, task.a, b, upper)


def _solve(cost: np.ndarray, a: np.ndarray, b: np.ndarray, upper: np.ndarray) -> Optimum | None:
    from scipy.optimize import linprog  # hardly ever needed, and a third of the time to import this package

    bounds = np.column_stack([np.zeros(len(upper)), upper])
    result = linprog(cost, A_eq=a, b_eq=b, bounds=bounds, method="highs")
    return Optimum(result.fun, result.x, result.eqlin.marginals) if result.status == 0 else None


def write_products(
    amounts: np.ndarray, ids: np.ndarray, out_ids: np.ndarray, out_atoms: np.ndarray, scale: float = 1.0
) -> None:
    """Phases with an amount into one row of the result arrays."""
    places = np.flatnonzero(amounts * scale > AMOUNT_TOLERANCE)[: len(out_ids)]
    out_ids[:] = -1
    out_ids[: len(places)] = ids[places]
    out_atoms[: len(places)] = amounts[places] * scale


def window_limit(
    task: Program, c: np.ndarray, hull: float, sign: float, li: int, tolerance: float, out_ids: np.ndarray,
    out_atoms: np.ndarray,
) -> tuple[float, float] | None:  # fmt: skip
    """Extreme potential of the mobile element (row li) at which c holds, and with tolerance, as
    ionsieve.features.thermodynamics.programs.simplex._limit."""
    if sign < 0 and c[li] == 0.0:
        return -np.inf, -np.inf
    b = np.zeros(len(c))
    b[li] = sign
    strict = task.with_column(-c, -hull)
    optimum, relaxed = minimise(strict, b), minimise(task.with_column(-c, -hull + tolerance), b)
    if optimum is None or relaxed is None:
        return None
    second = np.zeros(len(strict.cost))
    second[-1] = 1.0
    face = _on_face(strict, b, optimum, second)
    if face is not None and face.amounts[-1] > AMOUNT_TOLERANCE:
        shown = face.amounts.copy()
        shown[-1] = 0.0
        shown[(task.a[li] == 1.0).nonzero()[0]] = 0.0
        write_products(shown, strict.ids, out_ids, out_atoms, 1.0 / face.amounts[-1])
    return sign * optimum.value, sign * relaxed.value


def with_metal(task: Program, c: np.ndarray, li: int, out_ids: np.ndarray, out_atoms: np.ndarray) -> bool:
    """Phases in equilibrium with the mobile element's metal, as thermodynamics.programs.simplex._at_metal."""
    others = np.arange(len(c)) != li
    kept = task.a[li] < 1.0
    opened = Program(task.a[others][:, kept], task.cost[kept], task.ids[kept])
    optimum = minimise(opened, c[others])
    face = None if optimum is None else _on_face(opened, c[others], optimum, task.a[li][kept])
    if face is None:
        return False
    write_products(face.amounts, opened.ids, out_ids, out_atoms)
    return True


def deepest_reaction(
    task: Program, ca: np.ndarray, cb: np.ndarray, energy_a: float, energy_b: float
) -> tuple[float, float, np.ndarray] | None:
    """Lowest reaction energy over mixing fractions, the fraction of a, and the amounts, as
    ionsieve.features.thermodynamics.programs.simplex._deepest."""
    optimum = minimise(task.with_column(cb - ca, energy_b - energy_a), cb)
    if optimum is None:
        return None
    return optimum.value - energy_b, float(optimum.amounts[-1]), optimum.amounts[:-1]


def is_reaction(energy: float) -> bool:
    """Whether a mutual energy counts as one."""
    return energy < -REACTION_TOLERANCE
