"""Compiled linear programs over phases: hull energies, windows and reactions of many compositions at once.

Every question is "the cheapest mixture of phases that has this composition": minimise cost·y with A y = b, y ≥ 0,
where a column of A holds the atomic fractions of one phase. There are 1 to 12 rows (elements) and up to some
thousands of columns, so a dense revised simplex with an explicit inverse of the basis is used; the elements
themselves are a feasible first basis. Pivots follow the most negative reduced cost; after a run of degenerate pivots
Bland's rule takes over until the cost falls, so that no basis comes back (doi:10.1287/moor.2.2.103). All kernels
stand in this one file, because numba's cache does not see edits in another, and release the interpreter's lock, so
that threads share the work.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

COST_TOLERANCE = 1e-9  # eV/atom: a reduced cost above minus this counts as optimal
PIVOT_TOLERANCE = 1e-9  # smallest element a pivot may divide by
FACE_TOLERANCE = 1e-8  # eV/atom: reduced cost below which a phase takes part in the optimum
AMOUNT_TOLERANCE = 1e-8  # atoms of a product per atom of reactant that count as none
REACTION_TOLERANCE = 1e-8  # eV/atom: a weaker reaction counts as none
OPTIMAL, UNBOUNDED, FAILED = 0, 1, 2
MAX_PIVOTS = 5000
OWN = -2  # code in the product arrays for the composition asked about; -1 is an empty place


class Table(NamedTuple):
    """Phases in order of chemical system s, start[s]:start[s + 1]; element numbers (n, k), -1 beyond the last, atomic
    fractions (n, k), energies (n,) in eV/atom, inf for a phase that is not to be used."""

    start: np.ndarray
    elements: np.ndarray
    fractions: np.ndarray
    energies: np.ndarray


class Jobs(NamedTuple):
    """Programs in flat arrays: q uses chemical systems systems[systems_start[q]:systems_start[q + 1]]; its equations
    are the elements rows[rows_start[q]:rows_start[q + 1]], ascending."""

    systems: np.ndarray
    systems_start: np.ndarray
    rows: np.ndarray
    rows_start: np.ndarray


@njit(cache=True, nogil=True)
def _invert(a, basis, binv):
    """Inverse of the basis columns into binv, by Gauss-Jordan with row pivoting; False if singular."""
    m = len(basis)
    work = np.zeros((m, 2 * m))
    for i in range(m):
        work[:, i] = a[:, basis[i]]
        work[i, m + i] = 1.0
    for k in range(m):
        p = k + np.argmax(np.abs(work[k:, k]))
        if abs(work[p, k]) < 1e-13:
            return False
        for j in range(2 * m):
            work[k, j], work[p, j] = work[p, j], work[k, j]
        work[k] /= work[k, k]
        for i in range(m):
            factor = work[i, k]
            if i != k and factor != 0.0:
                for j in range(2 * m):
                    work[i, j] -= factor * work[k, j]
    binv[:] = work[:, m:]
    return True


@njit(cache=True, nogil=True)
def _set_prices(a, cost, n, basis, binv, pi, d):
    """Prices of the rows into pi, reduced costs of the first n columns into d."""
    pi[:] = 0.0
    for i in range(len(basis)):
        c = cost[basis[i]]
        for j in range(len(basis)):
            pi[j] += c * binv[i, j]
    d[:n] = cost[:n]
    for i in range(len(pi)):
        p, row = pi[i], a[i]
        if p != 0.0:
            for j in range(n):
                d[j] -= p * row[j]


@njit(cache=True, nogil=True)
def _restart(a, b, basis, binv, x):
    """Amounts of the basis from a fresh inverse; False if the basis is singular or no longer feasible."""
    if not _invert(a, basis, binv):
        return False
    for i in range(len(basis)):
        x[i] = np.sum(binv[i] * b)
        if x[i] < -1e-7:
            return False
        if x[i] < 1e-12:
            x[i] = 0.0
    return True


@njit(cache=True, nogil=True)
def _leaving_row(w, x, basis, bland):
    """Row that reaches zero first along w, or -1; of equals the largest pivot, under Bland's rule the lowest column."""
    leave, best = -1, np.inf
    for i in range(len(x)):
        if w[i] > PIVOT_TOLERANCE:
            ratio = x[i] / w[i]
            if leave < 0 or ratio < best - 1e-12 * (1.0 + best):
                leave, best = i, ratio
            elif ratio <= best + 1e-12 * (1.0 + best) and (
                (bland and basis[i] < basis[leave]) or (not bland and w[i] > w[leave])
            ):
                leave, best = i, min(best, ratio)
    return leave


@njit(cache=True, nogil=True)
def _exchange(binv, x, w, leave, theta):
    """Update inverse and amounts for a column w = B⁻¹a that enters with amount theta in row `leave`."""
    pivot_row = binv[leave] / w[leave]
    for i in range(len(x)):
        if w[i] != 0.0 and i != leave:
            for j in range(len(x)):
                binv[i, j] -= w[i] * pivot_row[j]
            x[i] -= theta * w[i]
            if x[i] < 1e-12:
                x[i] = 0.0
    binv[leave] = pivot_row
    x[leave] = theta


@njit(cache=True, nogil=True)
def minimise(a, cost, n, b, basis, binv, x, pi):
    """Minimise cost·y with a y = b, y ≥ 0 from the feasible `basis`, all of basis, binv, x, pi updated in place.

    A column of infinite cost is left out. An optimum is confirmed with a fresh inverse. Returns OPTIMAL, UNBOUNDED or
    FAILED.
    """
    m = len(b)
    d = np.empty(n)
    w = np.empty(m)
    stalled, confirmed = 0, False
    if not _restart(a, b, basis, binv, x):
        return FAILED
    for _ in range(MAX_PIVOTS):
        bland = stalled > 2 * m + 8
        _set_prices(a, cost, n, basis, binv, pi, d)
        enter, lowest = -1, -COST_TOLERANCE
        for j in range(n):
            if d[j] < lowest:
                enter, lowest = j, d[j]
                if bland:
                    break
        if enter < 0:
            if confirmed:
                return OPTIMAL
            if not _restart(a, b, basis, binv, x):
                return FAILED
            confirmed = True
            continue
        for i in range(m):
            w[i] = np.sum(binv[i] * a[:, enter])
        leave = _leaving_row(w, x, basis, bland)
        if leave < 0:
            return UNBOUNDED
        theta = x[leave] / w[leave]
        stalled = stalled + 1 if theta < 1e-12 else 0
        _exchange(binv, x, w, leave, theta)
        basis[leave] = enter
        confirmed = False
    return FAILED


@njit(cache=True, nogil=True)
def minimise_on_face(a, cost, second, n, b, basis, binv, x, pi):
    """Among all optima of `cost`, the one with the lowest `second` cost; goes on from the optimal basis."""
    d = np.empty(n)
    _set_prices(a, cost, n, basis, binv, pi, d)
    limited = np.where(d < FACE_TOLERANCE, second[:n], np.inf)
    return minimise(a, limited, n, b, basis, binv, x, pi)


@njit(cache=True, nogil=True)
def _room(q, jobs, table):
    """Empty columns for all phases of program q and two more: a, cost, ids."""
    n = 2
    for s in jobs.systems[jobs.systems_start[q] : jobs.systems_start[q + 1]]:
        n += table.start[s + 1] - table.start[s]
    m = jobs.rows_start[q + 1] - jobs.rows_start[q]
    return np.zeros((m, n)), np.empty(n), np.full(n, OWN, np.int64)


@njit(cache=True, nogil=True)
def _fill(q, jobs, table, skip, opened, mu, a, cost, ids):
    """Columns of all phases of program q but `skip`; returns their number and the column of each row's element.

    An element `opened` at the potential mu has no row; its part of the energy is subtracted, and its metal left out.
    """
    rows = jobs.rows[jobs.rows_start[q] : jobs.rows_start[q + 1]]
    unit = np.full(len(rows), -1, np.int64)
    n = 0
    for s in jobs.systems[jobs.systems_start[q] : jobs.systems_start[q + 1]]:
        for p in range(table.start[s], table.start[s + 1]):
            if p == skip or (table.elements[p, 0] == opened and table.fractions[p, 0] == 1.0):
                continue
            cost[n] = table.energies[p]
            ids[n] = p
            r = 0
            for k in range(table.elements.shape[1]):
                e = table.elements[p, k]
                if e < 0:
                    break
                if e == opened:
                    cost[n] -= mu * table.fractions[p, k]
                    continue
                while rows[r] != e:  # both ascend
                    r += 1
                a[r, n] = table.fractions[p, k]
            if table.fractions[p, 0] == 1.0:
                unit[r] = n
            n += 1
    return n, unit


@njit(cache=True, nogil=True)
def _write_products(basis, x, ids, scale, out_ids, out_amounts, left_out):
    """Phases of the basis with their amounts × scale, without the columns `left_out` (two of them)."""
    k = 0
    for i in range(len(x)):
        if x[i] * scale > AMOUNT_TOLERANCE and basis[i] != left_out[0] and basis[i] != left_out[1]:
            out_ids[k] = ids[basis[i]]
            out_amounts[k] = x[i] * scale
            k += 1


@njit(cache=True, nogil=True)
def _limit(a, cost, n, c, sign, li, start, tolerance, minus_c, ids, out_ids, out_amounts):
    """Extreme lithium potential at which c is at equilibrium, with and without tolerance, and the products beyond it.

    sign = +1: the highest potential; c + Li → products, per Li taken up. sign = -1: the lowest; c → products + Li.
    Column `minus_c` consumes c; its amount per lithium is t, so the products per atom of c are y / t.
    Returns (potential, potential with tolerance, status).
    """
    m = len(c)
    b = np.zeros(m)
    b[li] = sign
    basis = start.copy()
    if sign < 0:
        basis[li] = minus_c
    binv, x, pi = np.empty((m, m)), np.empty(m), np.empty(m)
    status = minimise(a, cost, n, b, basis, binv, x, pi)
    if status != OPTIMAL:
        return np.nan, np.nan, status
    potential = sign * np.sum(cost[basis] * x)
    kept = basis.copy()
    second = np.zeros(n)
    second[minus_c] = 1.0
    status = minimise_on_face(a, cost, second, n, b, basis, binv, x, pi)
    if status != OPTIMAL:
        return potential, np.nan, FAILED
    for i in range(m):
        if basis[i] == minus_c and x[i] > AMOUNT_TOLERANCE:
            _write_products(basis, x, ids, 1.0 / x[i], out_ids, out_amounts, (minus_c, start[li]))
    cost[minus_c] += tolerance
    status = minimise(a, cost, n, b, kept, binv, x, pi)
    relaxed = sign * np.sum(cost[kept] * x)
    cost[minus_c] -= tolerance
    return potential, relaxed, status


@njit(cache=True, nogil=True)
def _at_metal(a, cost, n, c, li, start, ids, out_ids, out_amounts):
    """Phases of the non-lithium part of c in equilibrium with lithium metal (from just below its potential)."""
    m = len(c)
    keep = np.array([i for i in range(m) if i != li])
    closed, b = a[keep], c[keep]
    basis = start[keep]
    open_cost = cost[:n].copy()
    open_cost[start[li]] = np.inf
    second = a[li, :n].copy()
    binv, x, pi = np.empty((m - 1, m - 1)), np.empty(m - 1), np.empty(m - 1)
    status = minimise(closed, open_cost, n, b, basis, binv, x, pi)
    if status == OPTIMAL:
        status = minimise_on_face(closed, open_cost, second, n, b, basis, binv, x, pi)
    if status == OPTIMAL:
        _write_products(basis, x, ids, 1.0, out_ids, out_amounts, (-1, -1))
    return status


@njit(cache=True, nogil=True)
def stability_jobs(numbers, jobs, table, targets, own_phase, own_energy, mobile, tolerance, values, ids, atoms, status):
    """Hull energy with and without its own entry, and window, of each composition in `numbers`.

    targets: atomic fractions at the places of jobs.rows; own_phase: row of the composition among the phases, or -1;
    own_energy: its lowest energy, or NaN; mobile: global number of the open element, or -1 for no window. Written:
    values[q] = (hull of the other phases, hull, highest and lowest potential, the same two with tolerance); products
    of kind 0 (hull of the others), 1 (beyond the highest potential), 2 (beyond the lowest), 3 (with the element's
    metal), in atoms per atom of the composition; status[q].
    """
    for q in numbers:
        c = targets[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        m = len(c)
        a, cost, columns = _room(q, jobs, table)
        n, start = _fill(q, jobs, table, own_phase[q] if np.max(c) < 1.0 else -1, -1, 0.0, a, cost, columns)
        basis, binv, x, pi = start.copy(), np.empty((m, m)), np.empty(m), np.empty(m)
        status[q] = minimise(a, cost, n, c, basis, binv, x, pi)
        if status[q] != OPTIMAL:
            continue
        others = np.sum(cost[basis] * x)
        hull = others
        _write_products(basis, x, columns, 1.0, ids[q, 0], atoms[q, 0], (-1, -1))
        if own_energy[q] < others:
            hull = own_energy[q]
            a[:, n] = c
            cost[n] = hull
            n += 1
        values[q, 0], values[q, 1] = others, hull
        if mobile < 0:
            continue
        li = np.searchsorted(jobs.rows[jobs.rows_start[q] : jobs.rows_start[q + 1]], mobile)
        s0, s1, s2 = OPTIMAL, OPTIMAL, OPTIMAL
        if m > 1:
            s0 = _at_metal(a, cost, n, c, li, start, columns, ids[q, 3], atoms[q, 3])
        a[:, n] = -c
        cost[n] = -hull
        values[q, 2], values[q, 4], s1 = _limit(
            a, cost, n + 1, c, 1.0, li, start, tolerance, n, columns, ids[q, 1], atoms[q, 1]
        )
        values[q, 3], values[q, 5] = -np.inf, -np.inf
        if c[li] > 0.0:
            values[q, 3], values[q, 5], s2 = _limit(
                a, cost, n + 1, c, -1.0, li, start, tolerance, n, columns, ids[q, 2], atoms[q, 2]
            )
        status[q] = max(s0, s1, s2)


@njit(cache=True, nogil=True)
def mixture_jobs(numbers, jobs, table, targets, opened, mu, values, duals, ids, atoms, status):
    """Lowest energy of each composition in `numbers`, its phases, and the prices of the elements.

    The element `opened` (-1: none) has no row and stands at the potential mu[q]. Written: values[q], duals and
    products of q.
    """
    for q in numbers:
        c = targets[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        m = len(c)
        a, cost, columns = _room(q, jobs, table)
        n, basis = _fill(q, jobs, table, -1, opened, mu[q], a, cost, columns)
        binv, x, pi = np.empty((m, m)), np.empty(m), np.empty(m)
        status[q] = minimise(a, cost, n, c, basis, binv, x, pi)
        if status[q] == OPTIMAL:
            values[q] = np.sum(cost[basis] * x)
            duals[q, :m] = pi
            _write_products(basis, x, columns, 1.0, ids[q], atoms[q], (-1, -1))


@njit(cache=True, nogil=True)
def _deepest(a, cost, n, ca, cb, energy_a, energy_b, basis, x):
    """min over z of (hull at z ca + (1 - z) cb) - z energy_a - (1 - z) energy_b, from a basis feasible at cb.

    The fraction z is one more column, n. Returns (energy, z, status); basis and x in place.
    """
    m = len(cb)
    a[:, n] = cb - ca
    cost[n] = energy_b - energy_a
    status = minimise(a, cost, n + 1, cb, basis, np.empty((m, m)), x, np.empty(m))
    z = np.sum(np.where(basis == n, x, 0.0))
    return np.sum(cost[basis] * x) - energy_b, z, status


@njit(cache=True, nogil=True)
def pair_jobs(
    numbers, jobs, table, targets_a, targets_b, hulls, energies, opened, mu, values, ids, atoms, status
):  # fmt: skip
    """Strongest reaction between two compositions over all mixing fractions.

    As mixture_jobs, with two targets, their energies on the hull (n, 2) and energies of their own (n, 2). Written:
    values[q] = (mutual energy, fraction of a or NaN, total energy, fraction of a), products of the mutual reaction,
    status[q].
    """
    for q in numbers:
        ca = targets_a[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        cb = targets_b[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        alone_a, alone_b = hulls[q, 0] - energies[q, 0], hulls[q, 1] - energies[q, 1]
        values[q, 0], values[q, 1] = 0.0, np.nan
        values[q, 2], values[q, 3] = min(alone_a, alone_b), 1.0 if alone_a < alone_b else 0.0
        status[q] = OPTIMAL
        if np.max(np.abs(ca - cb)) < 1e-12:
            continue
        a, cost, columns = _room(q, jobs, table)
        n, basis = _fill(q, jobs, table, -1, opened, mu[q], a, cost, columns)
        x = np.empty(len(cb))
        mutual, z, s1 = _deepest(a, cost, n, ca, cb, hulls[q, 0], hulls[q, 1], basis, x)
        if mutual < -REACTION_TOLERANCE:
            values[q, 0], values[q, 1] = mutual, z
            _write_products(basis, x, columns, 1.0, ids[q], atoms[q], (n, -1))
        total, z, s2 = _deepest(a, cost, n, ca, cb, energies[q, 0], energies[q, 1], basis, x)
        if 0.0 < z < 1.0:
            values[q, 2], values[q, 3] = total, z
        status[q] = max(s1, s2)


@njit(cache=True, nogil=True)
def mixture_ladder_jobs(numbers, jobs, table, targets, opened, mu, values, status):
    """Lowest grand potential of each composition in `numbers` at every potential mu (s,) of the element `opened`.

    As mixture_jobs, values (n, s) alone: each step goes on from the basis of the one before.
    """
    for q in numbers:
        c = targets[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        m = len(c)
        a, closed, columns = _room(q, jobs, table)
        n, basis = _fill(q, jobs, table, -1, opened, 0.0, a, closed, columns)
        share = _open_share(a, n)
        binv, x, pi = np.empty((m, m)), np.empty(m), np.empty(m)
        for k in range(len(mu)):
            cost = closed[:n] - mu[k] * share
            status[q] = minimise(a, cost, n, c, basis, binv, x, pi)
            if status[q] != OPTIMAL:
                break
            values[q, k] = np.sum(cost[basis] * x)


@njit(cache=True, nogil=True)
def _open_share(a, n):
    """Atomic fraction of the element without a row in each of the first n columns."""
    share = np.empty(n)
    for j in range(n):
        share[j] = max(0.0, 1.0 - np.sum(a[:, j]))
    return share


@njit(cache=True, nogil=True)
def pair_ladder_jobs(
    numbers, jobs, table, targets_a, targets_b, hulls_a, hulls_b, opened, mu, values, step, ids, atoms, status
):  # fmt: skip
    """Strongest mutual reaction of each pair over a ladder of potentials of the element `opened`.

    As pair_jobs at each mu (s,) with the open hulls of a (n, s) and of b (s,). Only energies change with the potential,
    so each step goes on from the basis of the one before. Written: values[q] = (mutual energy, fraction of a or NaN),
    step[q] the place in mu where it is lowest, its products, status[q].
    """
    for q in numbers:
        ca = targets_a[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        cb = targets_b[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        values[q, 0], values[q, 1], step[q], status[q] = 0.0, np.nan, 0, OPTIMAL
        if np.max(np.abs(ca - cb)) < 1e-12:
            continue
        a, closed, columns = _room(q, jobs, table)
        n, basis = _fill(q, jobs, table, -1, opened, 0.0, a, closed, columns)
        share = _open_share(a, n)
        cost, x = closed.copy(), np.empty(len(cb))
        for k in range(len(mu)):
            cost[:n] = closed[:n] - mu[k] * share
            energy, z, status[q] = _deepest(a, cost, n, ca, cb, hulls_a[q, k], hulls_b[k], basis, x)
            if status[q] != OPTIMAL:
                break
            if energy < values[q, 0] - REACTION_TOLERANCE:
                values[q, 0], values[q, 1], step[q] = energy, z, k
                ids[q], atoms[q] = -1, 0.0
                _write_products(basis, x, columns, 1.0, ids[q], atoms[q], (n, -1))
