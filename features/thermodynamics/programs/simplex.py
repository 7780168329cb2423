"""Compiled linear programs over phases: hull energies, windows and reactions of many compositions at once.

Every question is "the cheapest mixture of phases that has this composition": minimise costs·y with A y = b, y ≥ 0.
A column of A holds the atomic fractions of one phase, its cost is the energy; there is a row per element, 1 to 12 of
them, and up to some thousands of columns. The method, in the order of the functions below:

1. A *basis* is m columns that alone make up b; their amounts are B⁻¹ b. Only B⁻¹ is kept, dense and explicit, and
   phases are priced against it (the revised simplex, doi:10.2140/pjm.1955.5.183): m is small, the columns are many.
   The elements are themselves phases, so they are a feasible first basis and the search for one (phase one) falls away.
2. A *pivot* prices the rows (the potentials of the elements), takes the phase whose energy lies furthest below what
   its elements cost at these prices, and lets it in for the phase of the basis whose amount reaches zero first.
3. Nearly every program is *degenerate*: at a known compound most amounts are zero and pivots gain nothing. After a
   run of such pivots Bland's rule chooses (the first column that gains, the lowest that may leave) until the cost
   falls, so that no basis comes back (doi:10.1287/moor.2.2.103).
4. Pivots gather rounding errors in B⁻¹, so an *optimum* counts once a freshly inverted basis confirms it. What cannot
   be inverted, loses feasibility or takes too long is left to another solver (status FAILED).
5. Ties leave several optima: a *face*. Columns with a reduced cost of zero span it; where the products matter, a
   second cost is minimised over these columns alone, so that the answer does not hang on the order of pivots.

Then the questions: a window's limits and the strongest reaction of a pair are programs with one more column; over a
ladder of potentials only costs change, and each step goes on from the basis of the one before.

All kernels stand in this one file, because numba's cache does not see edits in another, and release the interpreter's
lock, so that threads share the work. A named tuple that is moved leaves cached kernels that cannot be read: give the
kernel another name then, or delete `__pycache__`.
"""

import numpy as np
from numba import njit

from ionsieve.features.thermodynamics.programs.bundles import CLOSED, OWN, Basis, Products, Program, Reservoir, Target

COST_TOLERANCE = 1e-9  # eV/atom: a reduced cost above minus this counts as optimal
PIVOT_TOLERANCE = 1e-9  # smallest element a pivot may divide by
FACE_TOLERANCE = 1e-8  # eV/atom: reduced cost below which a phase takes part in the optimum
AMOUNT_TOLERANCE = 1e-8  # atoms of a product per atom of reactant that count as none
REACTION_TOLERANCE = 1e-8  # eV/atom: a weaker reaction counts as none
OPTIMAL, UNBOUNDED, FAILED = 0, 1, 2
MAX_PIVOTS = 5000
NO_COLUMNS = (-1, -1)

compiled = njit(cache=True, nogil=True, error_model="numpy")  # no division here is by zero


@compiled
def basis_of(columns):
    """A basis of the given columns, its inverse, amounts and prices still to be found."""
    m = len(columns)
    return Basis(columns.copy(), np.empty((m, m)), np.empty(m), np.empty(m))


@compiled
def _invert(fractions, basis):
    """The inverse of the basis by Gauss-Jordan with row pivoting; False if singular."""
    m = len(basis.columns)
    work = np.zeros((m, 2 * m))
    for i in range(m):
        work[:, i] = fractions[:, basis.columns[i]]
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
    basis.inverse[:] = work[:, m:]
    return True


@compiled
def _multiply(matrix, vector, out):
    for i in range(len(out)):
        out[i] = 0.0
        for j in range(len(vector)):
            out[i] += matrix[i, j] * vector[j]


@compiled
def _restart(program, b, basis):
    """Amounts of the basis from a fresh inverse; False if the basis is singular or no longer feasible."""
    if not _invert(program.fractions, basis):
        return False
    amounts = basis.amounts
    _multiply(basis.inverse, b, amounts)
    for i in range(len(b)):
        if amounts[i] < -1e-7:
            return False
        if amounts[i] < 1e-12:
            amounts[i] = 0.0
    return True


@compiled
def _set_prices(program, basis, reduced):
    """Prices of the rows, at which every phase of the basis costs what its elements do, and the reduced costs of all
    columns: what each costs beyond that."""
    fractions, costs = program.fractions, program.costs
    columns, inverse, prices = basis.columns, basis.inverse, basis.prices
    prices[:] = 0.0
    for i in range(len(prices)):
        c = costs[columns[i]]
        for j in range(len(prices)):
            prices[j] += c * inverse[i, j]
    n = len(reduced)
    reduced[:] = costs[:n]
    for i in range(len(prices)):
        price, row = prices[i], fractions[i]
        if price != 0.0:
            for j in range(n):
                reduced[j] -= price * row[j]


@compiled
def _entering_column(reduced, bland):
    """Column with the lowest reduced cost, under Bland's rule the first that gains; -1 where none does."""
    enter, lowest = -1, -COST_TOLERANCE
    for j in range(len(reduced)):
        if reduced[j] < lowest:
            enter, lowest = j, reduced[j]
            if bland:
                break
    return enter


@compiled
def _leaving_row(change, basis, bland):
    """Row whose amount reaches zero first as amounts fall by `change`, or -1; of equals the largest pivot, under
    Bland's rule the lowest column."""
    columns, amounts = basis.columns, basis.amounts
    leave, best = -1, np.inf
    for i in range(len(change)):
        if change[i] > PIVOT_TOLERANCE:
            ratio = amounts[i] / change[i]
            if leave < 0 or ratio < best - 1e-12 * (1.0 + best):
                leave, best = i, ratio
            elif ratio <= best + 1e-12 * (1.0 + best) and (
                (bland and columns[i] < columns[leave]) or (not bland and change[i] > change[leave])
            ):
                leave, best = i, min(best, ratio)
    return leave


@compiled
def _exchange(basis, change, leave, enter):
    """Let column `enter`, B⁻¹ times which is `change`, take the place of row `leave`; the amount it comes in with."""
    inverse, amounts = basis.inverse, basis.amounts
    theta = amounts[leave] / change[leave]
    pivot_row = inverse[leave] / change[leave]
    for i in range(len(amounts)):
        if change[i] != 0.0 and i != leave:
            for j in range(len(amounts)):
                inverse[i, j] -= change[i] * pivot_row[j]
            amounts[i] -= theta * change[i]
            if amounts[i] < 1e-12:
                amounts[i] = 0.0
    inverse[leave] = pivot_row
    amounts[leave] = theta
    basis.columns[leave] = enter
    return theta


@compiled
def minimise(program, b, basis):
    """Minimise the cost of a mixture that makes up b, from a feasible basis, which is updated in place.

    Returns OPTIMAL, UNBOUNDED or FAILED.
    """
    m = len(b)
    reduced = np.empty(program.n)
    change = np.empty(m)
    stalled, confirmed = 0, False
    if not _restart(program, b, basis):
        return FAILED
    for _ in range(MAX_PIVOTS):
        bland = stalled > 2 * m + 8
        _set_prices(program, basis, reduced)
        enter = _entering_column(reduced, bland)
        if enter < 0:
            if confirmed:
                return OPTIMAL
            if not _restart(program, b, basis):
                return FAILED
            confirmed = True
            continue
        _multiply(basis.inverse, program.fractions[:, enter], change)
        leave = _leaving_row(change, basis, bland)
        if leave < 0:
            return UNBOUNDED
        theta = _exchange(basis, change, leave, enter)
        stalled = stalled + 1 if theta < 1e-12 else 0
        confirmed = False
    return FAILED


@compiled
def minimise_on_face(program, second, b, basis):
    """Among all optima of the program, the one with the lowest `second` cost; goes on from an optimal basis."""
    reduced = np.empty(program.n)
    _set_prices(program, basis, reduced)
    limited = np.where(reduced < FACE_TOLERANCE, second[: program.n], np.inf)
    return minimise(Program(program.fractions, limited, program.phases, program.n), b, basis)


@compiled
def _cost(program, basis):
    return np.sum(program.costs[basis.columns] * basis.amounts)


@compiled
def _write_products(program, basis, scale, left_out, products):
    """Phases of the basis with their amounts × scale, without the columns `left_out` (two of them)."""
    k = 0
    for i in range(len(basis.amounts)):
        column, amount = basis.columns[i], basis.amounts[i] * scale
        if amount > AMOUNT_TOLERANCE and column != left_out[0] and column != left_out[1]:
            products.ids[k] = program.phases[column]
            products.atoms[k] = amount
            k += 1


@compiled
def _lay_out(q, jobs, table, skip, reservoir):
    """The program of job q without the phase `skip`, with room for two more columns, and the column of each element.

    An element of the reservoir has no row; its part of each energy is subtracted, and its metal left out.
    """
    rows = jobs.rows[jobs.rows_start[q] : jobs.rows_start[q + 1]]
    systems = jobs.systems[jobs.systems_start[q] : jobs.systems_start[q + 1]]
    room = 2
    for s in systems:
        room += table.start[s + 1] - table.start[s]
    fractions, costs = np.zeros((len(rows), room)), np.empty(room)
    phases, metals = np.full(room, OWN, np.int64), np.full(len(rows), -1, np.int64)
    n = 0
    for s in systems:
        for p in range(table.start[s], table.start[s + 1]):
            metal = table.fractions[p, 0] == 1.0
            if p == skip or (metal and table.elements[p, 0] == reservoir.element):
                continue
            costs[n], phases[n] = table.energies[p], p
            r = 0
            for k in range(table.elements.shape[1]):
                e = table.elements[p, k]
                if e < 0:
                    break
                if e == reservoir.element:
                    costs[n] -= reservoir.mu * table.fractions[p, k]
                    continue
                while rows[r] != e:  # both ascend
                    r += 1
                fractions[r, n] = table.fractions[p, k]
            if metal:
                metals[r] = n
            n += 1
    return Program(fractions, costs, phases, n), metals


@compiled
def _with_column(program, column, cost):
    """The program with one more column, in the room it has."""
    n = program.n
    program.fractions[:, n] = column
    program.costs[n] = cost
    return Program(program.fractions, program.costs, program.phases, n + 1)


@compiled
def _limit(program, target, sign, tolerance, products):
    """Extreme potential of the mobile element at which the target is at equilibrium, and the products beyond it.

    sign = +1: the highest potential; target + ion → products, per ion taken up. sign = -1: the lowest; target →
    products + ion. The program's last column consumes the target; its amount per ion is t, so the products per atom
    of the target are y / t. On the face the products with the smallest t, the most ions per target, are shown.
    Returns (potential, potential with tolerance, status).
    """
    consumed, metal = program.n - 1, target.elements[target.mobile]
    b = np.zeros(len(target.fractions))
    b[target.mobile] = sign
    basis = basis_of(target.elements)
    if sign < 0:
        basis.columns[target.mobile] = consumed
    status = minimise(program, b, basis)
    if status != OPTIMAL:
        return np.nan, np.nan, status
    potential = sign * _cost(program, basis)
    with_tolerance = basis_of(basis.columns)
    second = np.zeros(program.n)
    second[consumed] = 1.0
    if minimise_on_face(program, second, b, basis) != OPTIMAL:
        return potential, np.nan, FAILED
    for i in range(len(b)):
        t = basis.amounts[i]
        if basis.columns[i] == consumed and t > AMOUNT_TOLERANCE:
            _write_products(program, basis, 1.0 / t, (consumed, metal), products)
    program.costs[consumed] += tolerance
    status = minimise(program, b, with_tolerance)
    relaxed = sign * _cost(program, with_tolerance)
    program.costs[consumed] -= tolerance
    return potential, relaxed, status


@compiled
def _at_metal(program, target, products):
    """Phases of the rest of the target in equilibrium with the mobile element's metal (from just below its potential):
    the metal costs nothing, so its row falls away, and of all optima the one with least of it is shown."""
    others = np.array([i for i in range(len(target.fractions)) if i != target.mobile])
    costs = program.costs[: program.n].copy()
    costs[target.elements[target.mobile]] = np.inf
    opened = Program(program.fractions[others], costs, program.phases, program.n)
    basis, b = basis_of(target.elements[others]), target.fractions[others]
    status = minimise(opened, b, basis)
    if status == OPTIMAL:
        status = minimise_on_face(opened, program.fractions[target.mobile], b, basis)
    if status == OPTIMAL:
        _write_products(opened, basis, 1.0, NO_COLUMNS, products)
    return status


@compiled
def _window(q, program, target, tolerance, answers):
    """Window of the target in a program whose last column consumes it: limits into values[q, 2:], products."""
    values, ids, atoms = answers.values[q], answers.ids[q], answers.atoms[q]
    values[2], values[4], status = _limit(program, target, 1.0, tolerance, Products(ids[1], atoms[1]))
    values[3], values[5] = -np.inf, -np.inf
    if target.fractions[target.mobile] == 0.0:
        return status
    values[3], values[5], lower = _limit(program, target, -1.0, tolerance, Products(ids[2], atoms[2]))
    return max(status, lower)


@compiled
def _stability(q, jobs, table, asked, answers):
    rows = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
    c, values, ids, atoms = asked.targets[rows], answers.values[q], answers.ids[q], answers.atoms[q]
    skip = asked.own_phase[q] if np.max(c) < 1.0 else -1  # an element is its own only phase
    program, elements = _lay_out(q, jobs, table, skip, Reservoir(CLOSED, 0.0))
    basis = basis_of(elements)
    status = minimise(program, c, basis)
    if status != OPTIMAL:
        return status
    _write_products(program, basis, 1.0, NO_COLUMNS, Products(ids[0], atoms[0]))
    hull = values[0] = _cost(program, basis)
    if asked.own_energy[q] < hull:
        hull = asked.own_energy[q]
        program = _with_column(program, c, hull)
    values[1] = hull
    if asked.mobile == CLOSED:
        return status
    target = Target(c, np.searchsorted(jobs.rows[rows], asked.mobile), elements)
    if len(c) > 1:
        status = _at_metal(program, target, Products(ids[3], atoms[3]))
    return max(status, _window(q, _with_column(program, -c, -hull), target, asked.tolerance, answers))


@compiled
def stability_jobs(numbers, jobs, table, asked, answers):
    """Hull energy with and without its own entry, and window, of the compositions in `numbers` (StabilityQuestions).

    Written: values[q] = (hull of the other phases, hull, highest and lowest potential, the same two with tolerance);
    products of kind 0 (hull of the others), 1 (beyond the highest potential), 2 (beyond the lowest), 3 (with the
    element's metal), in atoms per atom of the composition; status[q].
    """
    for q in numbers:
        answers.status[q] = _stability(q, jobs, table, asked, answers)


@compiled
def mixture_jobs(numbers, jobs, table, asked, answers):
    """Lowest energy of the compositions in `numbers` (MixtureQuestions), their phases, and the elements' prices.

    Written: values[q], prices, products and status of q.
    """
    for q in numbers:
        c = asked.targets[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        program, elements = _lay_out(q, jobs, table, -1, Reservoir(asked.opened, asked.mu[q]))
        basis = basis_of(elements)
        answers.status[q] = minimise(program, c, basis)
        if answers.status[q] == OPTIMAL:
            answers.values[q] = _cost(program, basis)
            answers.prices[q, : len(c)] = basis.prices
            _write_products(program, basis, 1.0, NO_COLUMNS, Products(answers.ids[q], answers.atoms[q]))


@compiled
def _deepest(program, ca, cb, energies, basis):
    """min over z of (hull at z ca + (1 - z) cb) - z energies[0] - (1 - z) energies[1], from a basis feasible at cb.

    The fraction z is one more column. Returns (energy, z, status).
    """
    mixed = _with_column(program, cb - ca, energies[1] - energies[0])
    status = minimise(mixed, cb, basis)
    z = np.sum(np.where(basis.columns == program.n, basis.amounts, 0.0))
    return _cost(mixed, basis) - energies[1], z, status


@compiled
def pair_jobs(numbers, jobs, table, asked, answers):
    """Strongest reactions of the pairs in `numbers` (PairQuestions) over all mixing fractions.

    Written: values[q] = (mutual energy, fraction of a or NaN, total energy, fraction of a), products of the mutual
    reaction, status[q].
    """
    for q in numbers:
        rows = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        ca, cb, values = asked.targets_a[rows], asked.targets_b[rows], answers.values[q]
        alone = asked.hulls[q] - asked.energies[q]
        values[0], values[1] = 0.0, np.nan
        values[2], values[3] = min(alone[0], alone[1]), 1.0 if alone[0] < alone[1] else 0.0
        answers.status[q] = OPTIMAL
        if np.max(np.abs(ca - cb)) < 1e-12:
            continue
        program, elements = _lay_out(q, jobs, table, -1, Reservoir(asked.opened, asked.mu[q]))
        basis = basis_of(elements)
        mutual, z, status = _deepest(program, ca, cb, asked.hulls[q], basis)
        if mutual < -REACTION_TOLERANCE:
            values[0], values[1] = mutual, z
            products = Products(answers.ids[q], answers.atoms[q])
            _write_products(program, basis, 1.0, (program.n, -1), products)
        total, z, later = _deepest(program, ca, cb, asked.energies[q], basis)
        if 0.0 < z < 1.0:
            values[2], values[3] = total, z
        answers.status[q] = max(status, later)


@compiled
def _at_potential(program, closed, share, mu):
    """The program with an element without a row, `share` of each column, at the potential mu."""
    n = program.n
    program.costs[:n] = closed - mu * share
    return program


@compiled
def _lay_out_open(q, jobs, table, opened):
    """A program whose element `opened` has no row, the energies of its columns and their atomic fractions of it, and
    the column of each element."""
    program, elements = _lay_out(q, jobs, table, -1, Reservoir(opened, 0.0))
    share = np.empty(program.n)
    for j in range(program.n):
        share[j] = max(0.0, 1.0 - np.sum(program.fractions[:, j]))
    return program, program.costs[: program.n].copy(), share, elements


@compiled
def mixture_ladder_jobs(numbers, jobs, table, asked, answers):
    """Lowest grand potential of the compositions in `numbers` at every potential mu (s,) (LadderQuestions).

    Written: values[q] (s,) and status[q]. Each step goes on from the basis of the one before.
    """
    for q in numbers:
        c = asked.targets[jobs.rows_start[q] : jobs.rows_start[q + 1]]
        program, closed, share, elements = _lay_out_open(q, jobs, table, asked.opened)
        basis = basis_of(elements)
        for k in range(len(asked.mu)):
            opened = _at_potential(program, closed, share, asked.mu[k])
            answers.status[q] = minimise(opened, c, basis)
            if answers.status[q] != OPTIMAL:
                break
            answers.values[q, k] = _cost(opened, basis)


@compiled
def pair_ladder_jobs(numbers, jobs, table, asked, answers):
    """Strongest mutual reactions of the pairs in `numbers` over a ladder of potentials (PairLadderQuestions).

    As pair_jobs at each potential. Only energies change with it, so each step goes on from the basis of the one before.
    Written: values[q] = (mutual energy, fraction of a or NaN, step of the ladder where it is lowest), its products,
    status[q].
    """
    for q in numbers:
        rows = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        ca, cb, values = asked.targets_a[rows], asked.targets_b[rows], answers.values[q]
        values[0], values[1], values[2], answers.status[q] = 0.0, np.nan, 0.0, OPTIMAL
        if np.max(np.abs(ca - cb)) < 1e-12:
            continue
        program, closed, share, elements = _lay_out_open(q, jobs, table, asked.opened)
        basis, products = basis_of(elements), Products(answers.ids[q], answers.atoms[q])
        for k in range(len(asked.mu)):
            opened = _at_potential(program, closed, share, asked.mu[k])
            hulls = (asked.hulls_a[q, k], asked.hulls_b[k])
            energy, z, answers.status[q] = _deepest(opened, ca, cb, hulls, basis)
            if answers.status[q] != OPTIMAL:
                break
            if energy < values[0] - REACTION_TOLERANCE:
                values[0], values[1], values[2] = energy, z, k
                products.ids[:], products.atoms[:] = -1, 0.0
                _write_products(opened, basis, 1.0, (program.n, -1), products)
