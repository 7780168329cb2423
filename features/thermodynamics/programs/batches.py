"""Many compositions laid out in flat arrays for the compiled programs, and dealt out to all processors."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, Amounts, PhaseSet, system_mask, systems_within
from ionsieve.features.thermodynamics.programs.bundles import CLOSED, Answers, Jobs, Table

_INLINE_JOBS = 32  # below this a thread pool costs more than it saves


def table_of(phases: PhaseSet, energies: np.ndarray) -> Table:
    """The phases with these energies, in their order."""
    return Table(phases.system_start, phases.elements, phases.fractions, energies)


def element_number(symbol: str | None) -> int:
    """Number of an element; CLOSED for None."""
    return CLOSED if symbol is None else ELEMENT_INDEX[symbol]


def masks_of(symbols: Iterable[Iterable[str]], also: str | None) -> list[int]:
    """The elements each job may use as bits, with one more that all may."""
    extra = 0 if also is None else 1 << ELEMENT_INDEX[also]
    return [system_mask(ELEMENT_INDEX[s] for s in found) | extra for found in symbols]


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


def empty_answers(jobs: Jobs, kinds: tuple[int, ...], n_values: tuple[int, ...]) -> Answers:
    """Answers of all jobs to be written: `n_values` numbers each, and a list of products of each of the `kinds`."""
    n, width = len(jobs.rows_start) - 1, int(np.max(np.diff(jobs.rows_start), initial=1)) + 1
    return Answers(
        values=np.full((n, *n_values), np.nan),
        prices=np.full((n, width), np.nan),
        ids=np.full((n, *kinds, width), -1),
        atoms=np.zeros((n, *kinds, width)),
        status=np.zeros(n, dtype=np.int64),
    )


def left_over(kernel: Callable[..., None], jobs: Jobs, table: Table, questions: tuple, answers: Answers) -> list[int]:
    """Run a kernel over all jobs into `answers`; the jobs it gave up on."""
    run_batches(lambda numbers: kernel(numbers, jobs, table, questions, answers), len(answers.status))
    return np.flatnonzero(answers.status).tolist()
