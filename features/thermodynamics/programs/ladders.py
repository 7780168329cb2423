"""Questions over a ladder of potentials of an open element: lowest energies and worst reactions, step after step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, Amounts, PhaseSet
from ionsieve.features.thermodynamics.programs.batches import (
    assemble,
    empty_answers,
    left_over,
    masks_of,
    table_of,
    target_vectors,
)
from ionsieve.features.thermodynamics.programs.bundles import Answers, LadderQuestions, PairLadderQuestions
from ionsieve.features.thermodynamics.programs.linear_programs import (
    Reactions,
    Sides,
    solve_mixtures,
    solve_pairs,
)
from ionsieve.features.thermodynamics.programs.simplex import mixture_ladder_jobs, pair_ladder_jobs


class Ladder(NamedTuple):
    """An open element and its potentials mu_ev (s,), relative to the element."""

    element: str
    mu_ev: np.ndarray


def solve_open_ladder(
    amounts: Sequence[Amounts], phases: PhaseSet, ladder: Ladder, energies: np.ndarray | None = None
) -> np.ndarray:
    """(n, s) grand potential of each composition at every step of the ladder, per atom of the other elements; a row
    that the compiled kernel leaves unsolved goes to HiGHS, and is NaN where that fails too."""
    energies = phases.energies if energies is None else energies
    jobs = assemble(masks_of(amounts, ladder.element), phases, ladder.element)
    questions = LadderQuestions(target_vectors(amounts, jobs), ELEMENT_INDEX[ladder.element], ladder.mu_ev)
    answers = empty_answers(jobs, (), (len(ladder.mu_ev),))
    for q in left_over(mixture_ladder_jobs, jobs, table_of(phases, energies), questions, answers):
        found = solve_mixtures([amounts[q]] * len(ladder.mu_ev), phases, ladder.element, ladder.mu_ev, energies)
        answers.values[q] = np.where(found.status == 0, found.values, np.nan)
    return answers.values


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
    a: Sequence[Amounts],
    b: Amounts,
    hulls: np.ndarray,
    phases: PhaseSet,
    ladder: Ladder,
    energies: np.ndarray | None = None,
) -> LadderReactions:
    """Worst mutual reaction of each composition of `a` with b over a ladder.

    Args:
        hulls: (n + 1, s) grand potentials of the compositions and, last, of b, as from `solve_open_ladder`.
        energies: Energies of the phases other than their own, in their order; inf takes a phase out.
    """
    energies = phases.energies if energies is None else energies
    jobs = assemble(masks_of(((*f, *b) for f in a), ladder.element), phases, ladder.element)
    questions = PairLadderQuestions(
        targets_a=target_vectors(a, jobs),
        targets_b=target_vectors([b] * len(a), jobs),
        hulls_a=hulls[:-1],
        hulls_b=hulls[-1],
        opened=ELEMENT_INDEX[ladder.element],
        mu=ladder.mu_ev,
    )
    answers = empty_answers(jobs, (), (3,))
    for q in left_over(pair_ladder_jobs, jobs, table_of(phases, energies), questions, answers):
        steps = len(ladder.mu_ev)
        side_a, side_b = Sides([a[q]] * steps, hulls[q], hulls[q]), Sides([b] * steps, hulls[-1], hulls[-1])
        found = solve_pairs(side_a, side_b, phases, ladder.element, ladder.mu_ev, energies)
        _choose_worst(q, found, answers)
    step = answers.values[:, 2].astype(np.int64)
    return LadderReactions(answers.values[:, :2], step, answers.ids, answers.atoms, answers.status)


def _choose_worst(q: int, found: Reactions, answers: Answers) -> None:
    """Row q of the answers from a pair solved step by step, where HiGHS helps; its status stays where that fails."""
    if not found.status.any():
        k = int(np.argmin(found.values[:, 0]))
        answers.values[q], answers.status[q] = (*found.values[k, :2], k), 0
        width = found.ids.shape[1]
        answers.ids[q], answers.atoms[q] = -1, 0.0
        answers.ids[q, :width], answers.atoms[q, :width] = found.ids[k], found.atoms[k]
