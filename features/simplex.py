"""Compiled linear programs over phases: hull energies, windows and reactions of many compositions at once.

Every question is "the cheapest mixture of phases that has this composition": minimise cost·y with A y = b, y ≥ 0, where a
column of A holds the atomic fractions of one phase. There are 1 to 12 rows (elements) and up to some thousands of columns,
so a dense revised simplex with an explicit inverse of the basis is used; the elements themselves are a feasible first basis.
Pivots follow the most negative reduced cost; after a run of degenerate pivots Bland's rule takes over until the cost falls,
so that no basis comes back (doi:10.1287/moor.2.2.103). All kernels stand in this one file, because numba's cache does not
see edits in another, and release the interpreter's lock, so that threads share the work.
"""

import numpy as np
from numba import njit

COST_TOLERANCE = 1e-9  # eV/atom: a reduced cost above minus this counts as optimal
PIVOT_TOLERANCE = 1e-9  # smallest element a pivot may divide by
FACE_TOLERANCE = 1e-8  # eV/atom: reduced cost below which a phase takes part in the optimum
AMOUNT_TOLERANCE = 1e-8  # atoms of a product per atom of reactant that count as none
REACTION_TOLERANCE = 1e-8  # eV/atom: a weaker reaction counts as none
OPTIMAL, UNBOUNDED, FAILED = 0, 1, 2
MAX_PIVOTS = 5000
OWN, NO_PHASE = -2, -1  # codes in the product arrays: the composition asked about, and an empty place


@njit(cache=True, nogil=True)
def _invert(a, basis, binv):
    """Inverse of the basis columns into binv, by Gauss-Jordan with row pivoting; False if singular."""
    m = len(basis)
    work = np.zeros((m, 2 * m))
    for i in range(m):
        for j in range(m):
            work[i, j] = a[i, basis[j]]
        work[i, m + i] = 1.0
    for k in range(m):
        p = k
        for i in range(k + 1, m):
            if abs(work[i, k]) > abs(work[p, k]):
                p = i
        if abs(work[p, k]) < 1e-13:
            return False
        if p != k:
            for j in range(2 * m):
                work[k, j], work[p, j] = work[p, j], work[k, j]
        scale = 1.0 / work[k, k]
        for j in range(2 * m):
            work[k, j] *= scale
        for i in range(m):
            factor = work[i, k]
            if i != k and factor != 0.0:
                for j in range(2 * m):
                    work[i, j] -= factor * work[k, j]
    for i in range(m):
        for j in range(m):
            binv[i, j] = work[i, m + j]
    return True


@njit(cache=True, nogil=True)
def _set_duals(cost, basis, binv, pi):
    m = len(basis)
    for j in range(m):
        pi[j] = 0.0
    for i in range(m):
        c = cost[basis[i]]
        if c != 0.0:
            for j in range(m):
                pi[j] += c * binv[i, j]


@njit(cache=True, nogil=True)
def _set_reduced_costs(a, cost, n, pi, d):
    d[:n] = cost[:n]
    for i in range(len(pi)):
        p = pi[i]
        if p != 0.0:
            row = a[i]
            for j in range(n):
                d[j] -= p * row[j]


@njit(cache=True, nogil=True)
def _restart(a, b, basis, binv, x):
    """Amounts of the basis from a fresh inverse; False if the basis is singular or no longer feasible."""
    if not _invert(a, basis, binv):
        return False
    for i in range(len(basis)):
        s = 0.0
        for j in range(len(basis)):
            s += binv[i, j] * b[j]
        if s < -1e-7:
            return False
        x[i] = s if s > 1e-12 else 0.0
    return True


@njit(cache=True, nogil=True)
def _leaving_row(w, x, basis, bland):
    """Row that reaches zero first along w, or -1; ties go to the largest pivot, or under Bland's rule to the lowest column."""
    leave, best = -1, np.inf
    for i in range(len(x)):
        if w[i] > PIVOT_TOLERANCE:
            ratio = x[i] / w[i]
            if leave < 0 or ratio < best - 1e-12 * (1.0 + best):
                leave, best = i, ratio
            elif ratio <= best + 1e-12 * (1.0 + best):
                better = basis[i] < basis[leave] if bland else w[i] > w[leave]
                if better:
                    leave, best = i, min(best, ratio)
    return leave


@njit(cache=True, nogil=True)
def _exchange(binv, x, w, leave, theta):
    """Update inverse and amounts for a column w = B⁻¹a that enters with amount theta in row `leave`."""
    m = len(x)
    scale = 1.0 / w[leave]
    for j in range(m):
        binv[leave, j] *= scale
    for i in range(m):
        if i != leave:
            factor = w[i]
            if factor != 0.0:
                for j in range(m):
                    binv[i, j] -= factor * binv[leave, j]
            x[i] -= theta * factor
            if x[i] < 1e-12:
                x[i] = 0.0
    x[leave] = theta


@njit(cache=True, nogil=True)
def minimise(a, cost, n, b, basis, binv, x, pi):
    """Minimise cost·y with a y = b, y ≥ 0 from the feasible `basis`, all of basis, binv, x, pi updated in place.

    A column of infinite cost is left out. An optimum is confirmed with a fresh inverse. Returns REACTION_TOLERANCE = 1e-8  # eV/atom: a weaker reaction counts as none
OPTIMAL, UNBOUNDED or FAILED.
    """
    m = len(b)
    d = np.empty(n)
    w = np.empty(m)
    stalled, confirmed = 0, False
    if not _restart(a, b, basis, binv, x):
        return FAILED
    for _ in range(MAX_PIVOTS):
        bland = stalled > 2 * m + 8
        _set_duals(cost, basis, binv, pi)
        _set_reduced_costs(a, cost, n, pi, d)
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
            w[i] = 0.0
            for j in range(m):
                w[i] += binv[i, j] * a[j, enter]
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
def _value(cost, basis, x):
    s = 0.0
    for i in range(len(x)):
        s += cost[basis[i]] * x[i]
    return s


@njit(cache=True, nogil=True)
def minimise_on_face(a, cost, second, n, b, basis, binv, x, pi):
    """Among all optima of `cost`, the one with the lowest `second` cost; starts from the optimal basis, updates it in place."""
    d = np.empty(n)
    _set_duals(cost, basis, binv, pi)
    _set_reduced_costs(a, cost, n, pi, d)
    limited = np.full(n, np.inf)
    for j in range(n):
        if d[j] < FACE_TOLERANCE:
            limited[j] = second[j]
    return minimise(a, limited, n, b, basis, binv, x, pi)


@njit(cache=True, nogil=True)
def _count(systems, first, last, system_start):
    n = 0
    for s in range(first, last):
        n += system_start[systems[s] + 1] - system_start[systems[s]]
    return n


@njit(cache=True, nogil=True)
def _fill(
    systems, first, last, system_start, phase_elements, phase_fractions, energies, row_of, skip, opened, mu, a, cost, ids, unit
):  # fmt: skip
    """Columns of all phases of the given systems (but phase `skip`) into a, cost, ids; `unit[row]` is the element's column.

    An element `opened` at the potential mu has no row; its part of the energy is subtracted, and its metal left out.
    """
    n = 0
    for s in range(first, last):
        for p in range(system_start[systems[s]], system_start[systems[s] + 1]):
            if p == skip:
                continue
            for i in range(a.shape[0]):
                a[i, n] = 0.0
            cost[n] = energies[p]
            ids[n] = p
            k = 0
            while k < phase_elements.shape[1] and phase_elements[p, k] >= 0:
                if phase_elements[p, k] == opened:
                    cost[n] -= mu * phase_fractions[p, k]
                else:
                    a[row_of[phase_elements[p, k]], n] = phase_fractions[p, k]
                k += 1
            if k == 1:
                if phase_elements[p, 0] == opened:
                    continue
                unit[row_of[phase_elements[p, 0]]] = n
            n += 1
    return n


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
def _row_map(rows, first, last, n_elements):
    row_of = np.full(n_elements, -1, np.int64)
    for i in range(first, last):
        row_of[rows[i]] = i - first
    return row_of


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
    potential = sign * _value(cost, basis, x)
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
    relaxed = sign * _value(cost, kept, x)
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
def stability_jobs(
    jobs, systems, systems_start, rows, rows_start, targets, own_phase, own_energy, mobile, tolerance,
    system_start, phase_elements, phase_fractions, energies, n_elements, values, product_ids, product_amounts, status,
):  # fmt: skip
    """Hull energy without and with its own entry, and window, of each composition in `jobs`.

    Job q lies in the systems systems[systems_start[q]:systems_start[q+1]], has the elements rows[...] and atomic fractions
    targets[...] at the same places. own_phase: its row among the phases, or -1; own_energy: its lowest energy, or NaN;
    mobile: global index of the open element, or -1 for no window. Written: values[q] = (hull of the other phases, hull,
    highest and lowest potential, the same two with tolerance); products of kind 0 (hull of the others), 1 (beyond the
    highest potential), 2 (beyond the lowest), 3 (with the element's metal), atoms per atom of the composition.
    """
    for q in jobs:
        r0, r1 = rows_start[q], rows_start[q + 1]
        m = r1 - r0
        c = targets[r0:r1]
        row_of = _row_map(rows, r0, r1, n_elements)
        capacity = _count(systems, systems_start[q], systems_start[q + 1], system_start) + 2
        a, cost, ids = np.empty((m, capacity)), np.empty(capacity), np.full(capacity, OWN, np.int64)
        start = np.full(m, -1, np.int64)
        skip = own_phase[q] if m > 1 and np.max(c) < 1.0 else -1
        n = _fill(systems, systems_start[q], systems_start[q + 1], system_start, phase_elements, phase_fractions, energies,
                  row_of, skip, -1, 0.0, a, cost, ids, start)  # fmt: skip
        basis = start.copy()
        binv, x, pi = np.empty((m, m)), np.empty(m), np.empty(m)
        status[q] = minimise(a, cost, n, c, basis, binv, x, pi)
        if status[q] != OPTIMAL:
            continue
        others = _value(cost, basis, x)
        hull = others
        _write_products(basis, x, ids, 1.0, product_ids[q, 0], product_amounts[q, 0], (-1, -1))
        if own_energy[q] < others:
            hull = own_energy[q]
            a[:, n] = c
            cost[n] = hull
            ids[n] = OWN
            n += 1
        values[q, 0], values[q, 1] = others, hull
        if mobile < 0:
            continue
        li = row_of[mobile]
        if m > 1:
            status[q] = _at_metal(a, cost, n, c, li, start, ids, product_ids[q, 3], product_amounts[q, 3])
        a[:, n] = -c
        cost[n] = -hull
        top, top_tol, s1 = _limit(a, cost, n + 1, c, 1.0, li, start, tolerance, n, ids, product_ids[q, 1], product_amounts[q, 1])
        low, low_tol, s2 = -np.inf, -np.inf, OPTIMAL
        if c[li] > 0.0:
            low, low_tol, s2 = _limit(
                a, cost, n + 1, c, -1.0, li, start, tolerance, n, ids, product_ids[q, 2], product_amounts[q, 2]
            )
        values[q, 2], values[q, 3], values[q, 4], values[q, 5] = top, low, top_tol, low_tol
        status[q] = max(status[q], s1, s2)


@njit(cache=True, nogil=True)
def mixture_jobs(
    jobs, systems, systems_start, rows, rows_start, targets, opened, mu,
    system_start, phase_elements, phase_fractions, energies, n_elements, values, duals, product_ids, product_amounts, status,
):  # fmt: skip
    """Lowest energy of each target composition, its phases, and the prices of the elements.

    As stability_jobs; targets may be on any scale (amounts follow it) and leave out the element `opened` (-1: none), which
    stands at the potential mu[q]. Written: values[q], duals and products of q.
    """
    for q in jobs:
        r0, r1 = rows_start[q], rows_start[q + 1]
        m = r1 - r0
        row_of = _row_map(rows, r0, r1, n_elements)
        capacity = _count(systems, systems_start[q], systems_start[q + 1], system_start)
        a, cost, ids = np.empty((m, capacity)), np.empty(capacity), np.empty(capacity, np.int64)
        basis = np.full(m, -1, np.int64)
        n = _fill(systems, systems_start[q], systems_start[q + 1], system_start, phase_elements, phase_fractions, energies,
                  row_of, -1, opened, mu[q], a, cost, ids, basis)  # fmt: skip
        binv, x, pi = np.empty((m, m)), np.empty(m), np.empty(m)
        status[q] = minimise(a, cost, n, targets[r0:r1], basis, binv, x, pi)
        if status[q] == OPTIMAL:
            values[q] = _value(cost, basis, x)
            duals[q, :m] = pi
            _write_products(basis, x, ids, 1.0, product_ids[q], product_amounts[q], (-1, -1))


@njit(cache=True, nogil=True)
def _deepest(a, cost, n, ca, cb, energy_a, energy_b, start, basis, x):
    """min over z of (hull at z ca + (1 - z) cb) - z energy_a - (1 - z) energy_b; (energy, z, status), basis and x in place."""
    m = len(cb)
    a[:, n] = cb - ca
    cost[n] = energy_b - energy_a
    basis[:] = start
    binv, pi = np.empty((m, m)), np.empty(m)
    status = minimise(a, cost, n + 1, cb, basis, binv, x, pi)
    z = 0.0
    for i in range(m):
        if basis[i] == n:
            z = x[i]
    return _value(cost, basis, x) - energy_b, z, status


@njit(cache=True, nogil=True)
def pair_jobs(
    jobs, systems, systems_start, rows, rows_start, targets_a, targets_b, hull_a, hull_b, energy_a, energy_b, opened, mu,
    system_start, phase_elements, phase_fractions, energies, n_elements, values, product_ids, product_amounts, status,
):  # fmt: skip
    """Strongest reaction between two compositions, over all mixing fractions at once (the fraction is a column of the program).

    As mixture_jobs, with two targets on the same scale, their energies on the hull and energies of their own. Written:
    values[q] = (mutual energy, fraction of a, total energy, fraction of a), products of the mutual reaction.
    """
    for q in jobs:
        r0, r1 = rows_start[q], rows_start[q + 1]
        m = r1 - r0
        row_of = _row_map(rows, r0, r1, n_elements)
        capacity = _count(systems, systems_start[q], systems_start[q + 1], system_start) + 1
        a, cost, ids = np.empty((m, capacity)), np.empty(capacity), np.empty(capacity, np.int64)
        start, basis, x = np.full(m, -1, np.int64), np.empty(m, np.int64), np.empty(m)
        n = _fill(systems, systems_start[q], systems_start[q + 1], system_start, phase_elements, phase_fractions, energies,
                  row_of, -1, opened, mu[q], a, cost, ids, start)  # fmt: skip
        ca, cb = targets_a[r0:r1], targets_b[r0:r1]
        alone_a, alone_b = hull_a[q] - energy_a[q], hull_b[q] - energy_b[q]
        values[q, 0], values[q, 1] = 0.0, np.nan
        values[q, 2], values[q, 3] = min(alone_a, alone_b), 1.0 if alone_a < alone_b else 0.0
        status[q] = OPTIMAL
        if np.max(np.abs(ca - cb)) < 1e-12:
            continue
        mutual, z, status[q] = _deepest(a, cost, n, ca, cb, hull_a[q], hull_b[q], start, basis, x)
        if mutual < -REACTION_TOLERANCE:
            values[q, 0], values[q, 1] = mutual, z
            _write_products(basis, x, ids, 1.0, product_ids[q], product_amounts[q], (n, -1))
        total, z, s2 = _deepest(a, cost, n, ca, cb, energy_a[q], energy_b[q], basis, basis, x)
        if 0.0 < z < 1.0:
            values[q, 2], values[q, 3] = total, z
        status[q] = max(status[q], s2)
