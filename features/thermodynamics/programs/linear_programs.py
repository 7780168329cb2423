"""Batches of compositions into the compiled linear programs, on all processors, and their answers back.

What the compiled kernel gives up on is solved again with HiGHS, and counted.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    Amounts,
    PhaseSet,
    find_phase,
    system_mask,
    systems_within,
)
from ionsieve.features.thermodynamics.programs import highs
from ionsieve.features.thermodynamics.programs.simplex import (
    Jobs,
    Table,
    mixture_jobs,
    mixture_ladder_jobs,
    pair_jobs,
    pair_ladder_jobs,
    stability_jobs,
)

_INLINE_JOBS = 32  # below this a thread pool costs more than it saves


@dataclass(frozen=True, eq=False)
class Stability:
    """Answers for n compositions; potentials in eV relative to the element's metal, energies in eV/atom.

    Attributes:
        values: (n, 6) hull of all other phases, hull, highest and lowest potential, the same two with tolerance.
        ids: (n, 4, k) phases of the products: on the hull of the others, beyond the highest and beyond the lowest
            potential, with the metal; -2 is the composition itself, -1 ends a list.
        atoms: (n, 4, k) atoms in each product per atom of the composition.
        own_energy: (n,) lowest energy known for the composition itself, NaN if none.
        status: (n,) 0 where solved.
        n_highs: Programs the compiled kernel left to HiGHS.
    """

    values: np.ndarray
    ids: np.ndarray
    atoms: np.ndarray
    own_energy: np.ndarray
    status: np.ndarray
    n_highs: int = 0


def assemble(masks: Sequence[int], phases: PhaseSet, opened: str | None = None) -> Jobs:
    """Chemical systems and element rows (ascending, without the one opened) of each job from the elements it may
    use."""
    systems = [systems_within(phases, mask) for mask in masks]
    hidden = 0 if opened is None else 1 << ELEMENT_INDEX[opened]
    rows = [_elements_of(mask & ~hidden) for mask in masks]
    return Jobs(*_flat(systems), *_flat(rows))


def _elements_of(mask: int) -> np.ndarray:
    return np.array([e for e in range(mask.bit_length()) if mask >> e & 1], dtype=np.int64)


def _flat(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    starts[1:] = np.cumsum([len(p) for p in parts])
    return np.concatenate([np.empty(0, dtype=np.int64), *parts]), starts


def target_vectors(amounts: Sequence[Amounts], jobs: Jobs) -> np.ndarray:
    """Atomic fractions of each composition over its job's element rows, in one flat array.

    An element without a row (because its potential is fixed) is left out, and the fractions are those of the rest.
    """
    targets = np.zeros(len(jobs.rows))
    for q, found in enumerate(amounts):
        first, last = jobs.rows_start[q], jobs.rows_start[q + 1]
        place = {int(e): i for i, e in enumerate(jobs.rows[first:last], start=first)}
        inside = [(place[ELEMENT_INDEX[s]], n) for s, n in found.items() if ELEMENT_INDEX[s] in place]
        total = sum(n for _, n in inside)
        for i, n in inside:
            targets[i] = n / total
    return targets


def run_batches(kernel: Callable[[np.ndarray], None], n_jobs: int) -> None:
    """Run kernel(job numbers) over all jobs, dealt out to one thread per available processor."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    everything = np.arange(n_jobs)
    if n_jobs < _INLINE_JOBS or processors == 1:
        kernel(everything)
        return
    with ThreadPoolExecutor(processors) as pool:
        # interleaved, many small batches: neighbouring jobs are alike, and their costs differ a hundredfold
        parts = [everything[k :: processors * 8] for k in range(processors * 8)]
        for _ in pool.map(kernel, parts):
            pass


@dataclass(frozen=True, eq=False)
class Compositions:
    """n compositions laid out for solve_prepared: their programs, targets over the equations, and rows among the
    phases."""

    masks: list[int]
    jobs: Jobs
    targets: np.ndarray
    own_phase: np.ndarray
    mobile: int


def prepare(amounts: Sequence[Amounts], phases: PhaseSet, mobile_ion: str | None) -> Compositions:
    """Lay out compositions whose elements the phases cover, with a mobile ion for windows."""
    extra = 0 if mobile_ion is None else 1 << ELEMENT_INDEX[mobile_ion]
    masks = [system_mask(ELEMENT_INDEX[s] for s in found) | extra for found in amounts]
    jobs = assemble(masks, phases)
    own_phase = np.array([find_phase(phases, found) for found in amounts], dtype=np.int64)
    mobile = -1 if mobile_ion is None else ELEMENT_INDEX[mobile_ion]
    return Compositions(masks, jobs, target_vectors(amounts, jobs), own_phase, mobile)


def solve_stability(
    amounts: Sequence[Amounts],
    phases: PhaseSet,
    own_energies: np.ndarray,
    mobile_ion: str | None,
    tolerance_ev_atom: float,
) -> Stability:
    """Hull energy and, if a mobile ion is named, electrochemical window of each composition.

    Args:
        amounts: n compositions whose elements the phases cover.
        own_energies: (n,) energy a caller gives for the composition itself, eV/atom, NaN for none.
    """
    return solve_prepared(
        prepare(amounts, phases, mobile_ion), phases, phases.energies, own_energies, tolerance_ev_atom
    )


def solve_prepared(
    asked: Compositions, phases: PhaseSet, energies: np.ndarray, own_energies: np.ndarray, tolerance_ev_atom: float
) -> Stability:
    """As solve_stability, with other energies of the phases, in their order."""
    table = Table(phases.system_start, phases.elements, phases.fractions, energies)
    jobs, targets = asked.jobs, asked.targets
    own = np.fmin(own_energies, np.where(asked.own_phase >= 0, energies[asked.own_phase], np.nan))
    n, width = len(asked.masks), int(np.max(np.diff(jobs.rows_start), initial=1)) + 1
    result = Stability(
        values=np.full((n, 6), np.nan), ids=np.full((n, 4, width), -1), atoms=np.zeros((n, 4, width)), own_energy=own,
        status=np.zeros(n, dtype=np.int64),
    )  # fmt: skip

    def kernel(numbers: np.ndarray) -> None:
        stability_jobs(
            numbers, jobs, table, targets, asked.own_phase, own, asked.mobile, tolerance_ev_atom,
            result.values, result.ids, result.atoms, result.status,
        )  # fmt: skip

    run_batches(kernel, n)
    failed = np.flatnonzero(result.status).tolist()
    for q in failed:
        _stability_with_highs(q, result, asked, tolerance_ev_atom, phases, energies)
    return replace(result, n_highs=len(failed))


def _stability_with_highs(
    q: int, result: Stability, asked: Compositions, tolerance: float, phases: PhaseSet, energies: np.ndarray
) -> None:
    """Row q of `result` by HiGHS, as simplex.stability_jobs; its status stays where that fails too."""
    place = slice(asked.jobs.rows_start[q], asked.jobs.rows_start[q + 1])
    rows, c = asked.jobs.rows[place], asked.targets[place]
    task = highs.program(asked.masks[q], rows, phases, energies, asked.own_phase[q] if c.max() < 1.0 else -1)
    optimum = highs.minimise(task, c)
    if optimum is None:
        return
    hull = optimum.value
    highs.write_products(optimum.amounts, task.ids, result.ids[q, 0], result.atoms[q, 0])
    if result.own_energy[q] < hull:
        hull = float(result.own_energy[q])
        task = task.with_column(c, hull)
    result.values[q, :2] = optimum.value, hull
    if asked.mobile >= 0:
        li = int(np.flatnonzero(rows == asked.mobile)[0])
        if len(c) > 1 and not highs.with_metal(task, c, li, result.ids[q, 3], result.atoms[q, 3]):
            return
        top = highs.window_limit(task, c, hull, 1.0, li, tolerance, result.ids[q, 1], result.atoms[q, 1])
        low = highs.window_limit(task, c, hull, -1.0, li, tolerance, result.ids[q, 2], result.atoms[q, 2])
        if top is None or low is None:
            return
        result.values[q, 2:] = top[0], low[0], top[1], low[1]
    result.status[q] = 0


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Lowest energy of n compositions: values (n,), eV/atom; prices (n, k) of the elements in ascending order; ids
    and atoms (n, k) of the phases (atoms per atom of composition, -1 ends a list); status (n,), 0 where solved. With
    an open element: grand potentials, and everything per atom of the others."""

    values: np.ndarray
    duals: np.ndarray
    ids: np.ndarray
    atoms: np.ndarray
    status: np.ndarray
    n_highs: int = 0


def solve_mixtures(
    amounts: Sequence[Amounts],
    phases: PhaseSet,
    opened: str | None = None,
    mu_ev: np.ndarray | None = None,
    energies: np.ndarray | None = None,
) -> Mixtures:
    """Hull energy of each composition; with an element `opened` at mu_ev (n,) its grand potential."""
    energies = phases.energies if energies is None else energies
    table = Table(phases.system_start, phases.elements, phases.fractions, energies)
    extra = 0 if opened is None else 1 << ELEMENT_INDEX[opened]
    masks = [system_mask(ELEMENT_INDEX[s] for s in found) | extra for found in amounts]
    jobs = assemble(masks, phases, opened)
    n, width = len(amounts), int(np.max(np.diff(jobs.rows_start), initial=1)) + 1
    mu = np.zeros(n) if mu_ev is None else np.asarray(mu_ev, dtype=float)
    result = Mixtures(
        values=np.full(n, np.nan), duals=np.full((n, width), np.nan), ids=np.full((n, width), -1),
        atoms=np.zeros((n, width)), status=np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    targets = target_vectors(amounts, jobs)
    open_index = -1 if opened is None else ELEMENT_INDEX[opened]

    def kernel(numbers: np.ndarray) -> None:
        mixture_jobs(
            numbers, jobs, table, targets, open_index, mu,
            result.values, result.duals, result.ids, result.atoms, result.status,
        )  # fmt: skip

    run_batches(kernel, n)
    failed = np.flatnonzero(result.status).tolist()
    for q in failed:
        place = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        task = highs.program(masks[q], jobs.rows[place], phases, energies, opened=open_index, mu=mu[q])
        optimum = highs.minimise(task, targets[place])
        if optimum is not None:
            result.values[q], result.status[q] = optimum.value, 0
            result.duals[q, : len(optimum.prices)] = optimum.prices
            highs.write_products(optimum.amounts, task.ids, result.ids[q], result.atoms[q])
    return replace(result, n_highs=len(failed))


@dataclass(frozen=True, eq=False)
class Sides:
    """One side of n pairs: compositions, their energies on the hull and of their own, eV/atom (with an open element:
    grand potentials per atom of the others)."""

    amounts: Sequence[Amounts]
    hull: np.ndarray
    energy: np.ndarray


@dataclass(frozen=True, eq=False)
class Reactions:
    """Strongest reactions of n pairs: values (n, 4): mutual energy and fraction of a (NaN: none), total energy and
    fraction; ids and atoms (n, k) of the mutual products per atom of the mixture; status (n,), 0 where solved."""

    values: np.ndarray
    ids: np.ndarray
    atoms: np.ndarray
    status: np.ndarray
    n_highs: int = 0


def solve_pairs(
    a: Sides,
    b: Sides,
    phases: PhaseSet,
    opened: str | None = None,
    mu_ev: np.ndarray | None = None,
    energies: np.ndarray | None = None,
) -> Reactions:
    """Strongest mutual and total reaction of each pair; with an element `opened` at mu_ev (n,) its electrochemical
    form."""
    energies = phases.energies if energies is None else energies
    table = Table(phases.system_start, phases.elements, phases.fractions, energies)
    extra = 0 if opened is None else 1 << ELEMENT_INDEX[opened]
    masks = [system_mask(ELEMENT_INDEX[s] for s in (*f, *g)) | extra for f, g in zip(a.amounts, b.amounts, strict=True)]
    jobs = assemble(masks, phases, opened)
    n, width = len(masks), int(np.max(np.diff(jobs.rows_start), initial=1)) + 1
    mu = np.zeros(n) if mu_ev is None else np.asarray(mu_ev, dtype=float)
    result = Reactions(
        values=np.full((n, 4), np.nan), ids=np.full((n, width), -1), atoms=np.zeros((n, width)),
        status=np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    targets_a, targets_b = target_vectors(a.amounts, jobs), target_vectors(b.amounts, jobs)
    hulls, own = np.column_stack([a.hull, b.hull]), np.column_stack([a.energy, b.energy])
    open_index = -1 if opened is None else ELEMENT_INDEX[opened]

    def kernel(numbers: np.ndarray) -> None:
        pair_jobs(
            numbers, jobs, table, targets_a, targets_b, hulls, own, open_index, mu,
            result.values, result.ids, result.atoms, result.status,
        )  # fmt: skip

    run_batches(kernel, n)
    failed = np.flatnonzero(result.status).tolist()
    for q in failed:
        place = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        task = highs.program(masks[q], jobs.rows[place], phases, energies, opened=open_index, mu=mu[q])
        _pair_with_highs(q, result, task, targets_a[place], targets_b[place], a, b)
    return replace(result, n_highs=len(failed))


def _pair_with_highs(
    q: int, result: Reactions, task: highs.Program, ca: np.ndarray, cb: np.ndarray, a: Sides, b: Sides
) -> None:
    """Row q of `result` by HiGHS, as simplex.pair_jobs; its status stays where that fails too."""
    alone_a, alone_b = a.hull[q] - a.energy[q], b.hull[q] - b.energy[q]
    result.values[q] = 0.0, np.nan, min(alone_a, alone_b), 1.0 if alone_a < alone_b else 0.0
    if np.abs(ca - cb).max() < 1e-12:
        result.status[q] = 0
        return
    mutual = highs.deepest_reaction(task, ca, cb, a.hull[q], b.hull[q])
    total = highs.deepest_reaction(task, ca, cb, a.energy[q], b.energy[q])
    if mutual is None or total is None:
        return
    if highs.is_reaction(mutual[0]):
        result.values[q, :2] = mutual[:2]
        highs.write_products(mutual[2], task.ids, result.ids[q], result.atoms[q])
    if 0.0 < total[1] < 1.0:
        result.values[q, 2:] = total[0], total[1]
    result.status[q] = 0


def solve_open_ladder(
    amounts: Sequence[Amounts], phases: PhaseSet, opened: str, mu_ev: np.ndarray, energies: np.ndarray | None = None
) -> np.ndarray:
    """(n, s) grand potential of each composition at every potential mu_ev (s,) of the element `opened`, per atom of
    the others; a row that the compiled kernel leaves unsolved goes to HiGHS, and is NaN where that fails too."""
    energies = phases.energies if energies is None else energies
    table = Table(phases.system_start, phases.elements, phases.fractions, energies)
    masks = [system_mask(ELEMENT_INDEX[s] for s in found) | 1 << ELEMENT_INDEX[opened] for found in amounts]
    jobs = assemble(masks, phases, opened)
    targets = target_vectors(amounts, jobs)
    values = np.full((len(amounts), len(mu_ev)), np.nan)
    status = np.zeros(len(amounts), dtype=np.int64)

    def kernel(numbers: np.ndarray) -> None:
        mixture_ladder_jobs(numbers, jobs, table, targets, ELEMENT_INDEX[opened], mu_ev, values, status)

    run_batches(kernel, len(amounts))
    for q in np.flatnonzero(status).tolist():
        found = solve_mixtures([amounts[q]] * len(mu_ev), phases, opened, mu_ev, energies)
        values[q] = np.where(found.status == 0, found.values, np.nan)
    return values


@dataclass(frozen=True, eq=False)
class LadderReactions:
    """Strongest mutual reactions of n compositions with one other over a ladder of potentials: values (n, 2), energy
    and fraction of the first (NaN: none), per atom that is not the open element; step (n,) where on the ladder; ids
    and atoms (n, k) of the products per such atom of the mixture; status (n,), 0 where solved."""

    values: np.ndarray
    step: np.ndarray
    ids: np.ndarray
    atoms: np.ndarray
    status: np.ndarray


def solve_pair_ladder(
    a: Sequence[Amounts], b: Amounts, hulls_a: np.ndarray, hulls_b: np.ndarray, phases: PhaseSet,
    opened: str, mu_ev: np.ndarray, energies: np.ndarray | None = None,
) -> LadderReactions:  # fmt: skip
    """Worst mutual reaction of each composition of `a` with b over the potentials mu_ev (s,).

    Args:
        hulls_a: (n, s) grand potentials as from `solve_open_ladder`; hulls_b (s,) those of b.
        energies: Energies of the phases other than their own, in their order; inf takes a phase out.
    """
    energies = phases.energies if energies is None else energies
    table = Table(phases.system_start, phases.elements, phases.fractions, energies)
    masks = [system_mask(ELEMENT_INDEX[s] for s in (*f, *b)) | 1 << ELEMENT_INDEX[opened] for f in a]
    jobs = assemble(masks, phases, opened)
    n, width = len(a), int(np.max(np.diff(jobs.rows_start), initial=1)) + 1
    result = LadderReactions(
        values=np.full((n, 2), np.nan), step=np.zeros(n, dtype=np.int64), ids=np.full((n, width), -1),
        atoms=np.zeros((n, width)), status=np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    targets_a, targets_b = target_vectors(a, jobs), target_vectors([b] * n, jobs)

    def kernel(numbers: np.ndarray) -> None:
        pair_ladder_jobs(
            numbers, jobs, table, targets_a, targets_b, hulls_a, hulls_b, ELEMENT_INDEX[opened], mu_ev,
            result.values, result.step, result.ids, result.atoms, result.status,
        )  # fmt: skip

    run_batches(kernel, n)
    for q in np.flatnonzero(result.status).tolist():
        _ladder_with_highs(q, result, a[q], b, hulls_a[q], hulls_b, phases, opened, mu_ev, energies)
    return result


def _ladder_with_highs(
    q: int, result: LadderReactions, a: Amounts, b: Amounts, hulls_a: np.ndarray, hulls_b: np.ndarray,
    phases: PhaseSet, opened: str, mu_ev: np.ndarray, energies: np.ndarray,
) -> None:  # fmt: skip
    """Row q of `result` step by step as `solve_pairs`, which falls back on HiGHS; its status stays where that fails."""
    steps = len(mu_ev)
    found = solve_pairs(
        Sides([a] * steps, hulls_a, hulls_a), Sides([b] * steps, hulls_b, hulls_b), phases, opened, mu_ev, energies
    )
    if not found.status.any():
        k = int(np.argmin(found.values[:, 0]))
        result.values[q], result.step[q], result.status[q] = found.values[k, :2], k, 0
        width = found.ids.shape[1]
        result.ids[q], result.atoms[q] = -1, 0.0
        result.ids[q, :width], result.atoms[q, :width] = found.ids[k], found.atoms[k]
