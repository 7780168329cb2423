"""Questions about many compositions at once, answered by linear programs: hulls and windows, mixtures, reactions.

The compiled kernel (simplex) solves them on all processors; what it gives up on is solved again with HiGHS, and
counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ionsieve.features.thermodynamics.phase_set import Amounts, PhaseSet, find_phase
from ionsieve.features.thermodynamics.programs import highs
from ionsieve.features.thermodynamics.programs.batches import (
    assemble,
    element_number,
    empty_answers,
    left_over,
    masks_of,
    table_of,
    target_vectors,
)
from ionsieve.features.thermodynamics.programs.bundles import (
    CLOSED,
    Answers,
    Jobs,
    MixtureQuestions,
    PairQuestions,
    Products,
    Program,
    Reservoir,
    StabilityQuestions,
)
from ionsieve.features.thermodynamics.programs.simplex import mixture_jobs, pair_jobs, stability_jobs


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
    n_highs: int


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
    masks = masks_of(amounts, mobile_ion)
    jobs = assemble(masks, phases)
    own_phase = np.array([find_phase(phases, found) for found in amounts], dtype=np.int64)
    return Compositions(masks, jobs, target_vectors(amounts, jobs), own_phase, element_number(mobile_ion))


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
    own = np.fmin(own_energies, np.where(asked.own_phase >= 0, energies[asked.own_phase], np.nan))
    questions = StabilityQuestions(asked.targets, asked.own_phase, own, asked.mobile, float(tolerance_ev_atom))
    answers = empty_answers(asked.jobs, (4,), (6,))
    failed = left_over(stability_jobs, asked.jobs, table_of(phases, energies), questions, answers)
    for q in failed:
        place = slice(asked.jobs.rows_start[q], asked.jobs.rows_start[q + 1])
        rows = asked.jobs.rows[place]
        skip = asked.own_phase[q] if asked.targets[place].max() < 1.0 else -1
        program = highs.program(asked.masks[q], rows, phases, energies, skip, Reservoir(CLOSED, 0.0))
        _stability_with_highs(q, program, rows, questions, asked.targets[place], answers)
    return Stability(answers.values, answers.ids, answers.atoms, own, answers.status, len(failed))


def _stability_with_highs(
    q: int, program: Program, rows: np.ndarray, asked: StabilityQuestions, c: np.ndarray, answers: Answers
) -> None:
    """Row q of the answers by HiGHS, as simplex.stability_jobs; its status stays where that fails too."""
    values = answers.values[q]
    products = [Products(ids, atoms) for ids, atoms in zip(answers.ids[q], answers.atoms[q], strict=True)]
    optimum = highs.minimise(program, c)
    if optimum is None:
        return
    hull = optimum.value
    highs.write_products(optimum.amounts, program.phases, products[0])
    if asked.own_energy[q] < hull:
        hull = float(asked.own_energy[q])
        program = highs.with_column(program, c, hull)
    values[:2] = optimum.value, hull
    if asked.mobile != CLOSED:
        mobile = int(np.flatnonzero(rows == asked.mobile)[0])
        if len(c) > 1 and not highs.with_metal(program, c, mobile, products[3]):
            return
        consuming = highs.with_column(program, -c, -hull)
        top = highs.window_limit(consuming, mobile, 1.0, asked.tolerance, products[1])
        low: tuple[float, float] | None = (-np.inf, -np.inf)
        if c[mobile] > 0.0:
            low = highs.window_limit(consuming, mobile, -1.0, asked.tolerance, products[2])
        if top is None or low is None:
            return
        values[2:] = top[0], low[0], top[1], low[1]
    answers.status[q] = 0


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
    n_highs: int


def solve_mixtures(
    amounts: Sequence[Amounts],
    phases: PhaseSet,
    opened: str | None = None,
    mu_ev: np.ndarray | None = None,
    energies: np.ndarray | None = None,
) -> Mixtures:
    """Hull energy of each composition; with an element `opened` at mu_ev (n,) its grand potential."""
    energies = phases.energies if energies is None else energies
    masks = masks_of(amounts, opened)
    jobs = assemble(masks, phases, opened)
    mu = np.zeros(len(amounts)) if mu_ev is None else np.asarray(mu_ev, dtype=float)
    questions = MixtureQuestions(target_vectors(amounts, jobs), element_number(opened), mu)
    answers = empty_answers(jobs, (), ())
    failed = left_over(mixture_jobs, jobs, table_of(phases, energies), questions, answers)
    for q in failed:
        place = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        program = highs.program(masks[q], jobs.rows[place], phases, energies, -1, Reservoir(questions.opened, mu[q]))
        optimum = highs.minimise(program, questions.targets[place])
        if optimum is not None:
            answers.values[q], answers.status[q] = optimum.value, 0
            answers.prices[q, : len(optimum.prices)] = optimum.prices
            highs.write_products(optimum.amounts, program.phases, Products(answers.ids[q], answers.atoms[q]))
    return Mixtures(*answers, len(failed))


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
    n_highs: int


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
    masks = masks_of(((*f, *g) for f, g in zip(a.amounts, b.amounts, strict=True)), opened)
    jobs = assemble(masks, phases, opened)
    questions = PairQuestions(
        targets_a=target_vectors(a.amounts, jobs),
        targets_b=target_vectors(b.amounts, jobs),
        hulls=np.column_stack([a.hull, b.hull]),
        energies=np.column_stack([a.energy, b.energy]),
        opened=element_number(opened),
        mu=np.zeros(len(masks)) if mu_ev is None else np.asarray(mu_ev, dtype=float),
    )
    answers = empty_answers(jobs, (), (4,))
    failed = left_over(pair_jobs, jobs, table_of(phases, energies), questions, answers)
    for q in failed:
        place = slice(jobs.rows_start[q], jobs.rows_start[q + 1])
        opening = Reservoir(questions.opened, questions.mu[q])
        program = highs.program(masks[q], jobs.rows[place], phases, energies, -1, opening)
        _pair_with_highs(q, program, questions, place, answers)
    return Reactions(answers.values, answers.ids, answers.atoms, answers.status, len(failed))


def _pair_with_highs(q: int, program: Program, asked: PairQuestions, place: slice, answers: Answers) -> None:
    """Row q of the answers by HiGHS, as simplex.pair_jobs; its status stays where that fails too."""
    ca, cb = asked.targets_a[place], asked.targets_b[place]
    alone_a, alone_b = asked.hulls[q] - asked.energies[q]
    answers.values[q] = 0.0, np.nan, min(alone_a, alone_b), 1.0 if alone_a < alone_b else 0.0
    if np.abs(ca - cb).max() < 1e-12:
        answers.status[q] = 0
        return
    mutual = highs.deepest_reaction(program, ca, cb, asked.hulls[q])
    total = highs.deepest_reaction(program, ca, cb, asked.energies[q])
    if mutual is None or total is None:
        return
    if highs.is_reaction(mutual[0]):
        answers.values[q, :2] = mutual[:2]
        highs.write_products(mutual[2], program.phases, Products(answers.ids[q], answers.atoms[q]))
    if 0.0 < total[1] < 1.0:
        answers.values[q, 2:] = total[0], total[1]
    answers.status[q] = 0
