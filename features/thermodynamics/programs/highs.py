"""The linear programs of `simplex` solved one by one with HiGHS, for those the compiled kernel gives up on."""

from dataclasses import dataclass

import numpy as np

from ionsieve.features.thermodynamics.phase_set import PhaseSet, systems_within
from ionsieve.features.thermodynamics.programs.bundles import OWN, Products, Program, Reservoir
from ionsieve.features.thermodynamics.programs.simplex import AMOUNT_TOLERANCE, FACE_TOLERANCE, REACTION_TOLERANCE


@dataclass(frozen=True, eq=False)
class Optimum:
    """Lowest cost, amounts (n,) and prices of the rows (m,)."""

    value: float
    amounts: np.ndarray
    prices: np.ndarray


def program(
    mask: int, rows: np.ndarray, phases: PhaseSet, energies: np.ndarray, skip: int, reservoir: Reservoir
) -> Program:
    """All phases of a chemical system (but `skip`); an element of the reservoir has no row."""
    ids = np.concatenate([
        np.arange(phases.system_start[s], phases.system_start[s + 1]) for s in systems_within(phases, mask)
    ])  # fmt: skip
    elements, fractions = phases.elements[ids], phases.fractions[ids]
    a = np.array([(fractions * (elements == e)).sum(axis=1) for e in rows])
    cost = energies[ids] - reservoir.mu * (fractions * (elements == reservoir.element)).sum(axis=1)
    kept = (ids != skip) & np.isfinite(cost) & (a.sum(axis=0) > 0)
    return Program(a[:, kept], cost[kept], ids[kept], int(kept.sum()))


def with_column(task: Program, column: np.ndarray, cost: float) -> Program:
    """The program with one more column, which is no phase of the table."""
    return Program(
        np.column_stack([task.fractions, column]), np.append(task.costs, cost), np.append(task.phases, OWN), task.n + 1
    )


def minimise(task: Program, b: np.ndarray) -> Optimum | None:
    """Lowest cost of a mixture that makes up b; None where HiGHS finds no bounded optimum."""
    return _solve(task.costs, task.fractions, b, np.full(task.n, np.inf))


def _on_face(task: Program, b: np.ndarray, optimum: Optimum, second: np.ndarray) -> Optimum | None:
    """Of all optima the one with the lowest second cost."""
    reduced = task.costs - optimum.prices @ task.fractions
    upper = np.where(reduced < FACE_TOLERANCE, np.inf, 0.0)
    return _solve(second, task.fractions, b, upper)


def _solve(cost: np.ndarray, a: np.ndarray, b: np.ndarray, upper: np.ndarray) -> Optimum | None:
    from scipy.optimize import linprog  # hardly ever needed, and a third of the time to import this package

    bounds = np.column_stack([np.zeros(len(upper)), upper])
    result = linprog(cost, A_eq=a, b_eq=b, bounds=bounds, method="highs")
    return Optimum(result.fun, result.x, result.eqlin.marginals) if result.status == 0 else None


def write_products(amounts: np.ndarray, phases: np.ndarray, products: Products, scale: float = 1.0) -> None:
    """Phases with an amount into one list of products."""
    places = np.flatnonzero(amounts * scale > AMOUNT_TOLERANCE)[: len(products.ids)]
    products.ids[:] = -1
    products.ids[: len(places)] = phases[places]
    products.atoms[: len(places)] = amounts[places] * scale


def window_limit(
    consuming: Program, mobile: int, sign: float, tolerance: float, products: Products
) -> tuple[float, float] | None:
    """Extreme potential of the mobile element (a row) at which a composition holds, and with tolerance, as
    simplex._limit; the program's last column consumes the composition."""
    b = np.zeros(len(consuming.fractions))
    b[mobile] = sign
    lossy = consuming.costs.copy()
    lossy[-1] += tolerance
    optimum, relaxed = minimise(consuming, b), minimise(consuming._replace(costs=lossy), b)
    if optimum is None or relaxed is None:
        return None
    second = np.zeros(consuming.n)
    second[-1] = 1.0
    face = _on_face(consuming, b, optimum, second)
    if face is not None and face.amounts[-1] > AMOUNT_TOLERANCE:
        shown = face.amounts.copy()
        shown[-1] = 0.0
        shown[consuming.fractions[mobile] == 1.0] = 0.0
        write_products(shown, consuming.phases, products, 1.0 / face.amounts[-1])
    return sign * optimum.value, sign * relaxed.value


def with_metal(task: Program, c: np.ndarray, mobile: int, products: Products) -> bool:
    """Phases in equilibrium with the mobile element's metal, as simplex._at_metal; whether they were found."""
    others = np.arange(len(c)) != mobile
    kept = task.fractions[mobile] < 1.0
    opened = Program(task.fractions[others][:, kept], task.costs[kept], task.phases[kept], int(kept.sum()))
    optimum = minimise(opened, c[others])
    face = None if optimum is None else _on_face(opened, c[others], optimum, task.fractions[mobile][kept])
    if face is None:
        return False
    write_products(face.amounts, opened.phases, products)
    return True


def deepest_reaction(
    task: Program, ca: np.ndarray, cb: np.ndarray, energies: np.ndarray
) -> tuple[float, float, np.ndarray] | None:
    """Lowest reaction energy over mixing fractions, the fraction of a, and the amounts, as simplex._deepest."""
    optimum = minimise(with_column(task, cb - ca, energies[1] - energies[0]), cb)
    if optimum is None:
        return None
    return optimum.value - energies[1], float(optimum.amounts[-1]), optimum.amounts[:-1]


def is_reaction(energy: float) -> bool:
    """Whether a mutual energy counts as one."""
    return energy < -REACTION_TOLERANCE
