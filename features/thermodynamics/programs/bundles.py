"""Bundles of arrays that the compiled programs take and fill: named tuples, which compiled code can pass on."""

from typing import NamedTuple

import numpy as np

OWN = -2  # code among product phases for the composition asked about; -1 is an empty place
CLOSED = -1  # element number that stands for none: nothing opened, no mobile ion


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


class Reservoir(NamedTuple):
    """An element whose potential mu is fixed, eV relative to the element itself: it has no equation. CLOSED: none."""

    element: int
    mu: float


class Program(NamedTuple):
    """One linear program. Of the columns the first `n` count; the arrays have room for more.

    Attributes:
        fractions: (m, ≥ n) atomic fractions of the phases, a row per element.
        costs: (≥ n,) their energies, eV/atom; inf leaves a column out.
        phases: (≥ n,) their rows in the table, OWN for a column that is none of it.
        n: Columns that count.
    """

    fractions: np.ndarray
    costs: np.ndarray
    phases: np.ndarray
    n: int


class Basis(NamedTuple):
    """Where the simplex stands: m columns, the inverse of their matrix, their amounts, and the prices of the rows."""

    columns: np.ndarray
    inverse: np.ndarray
    amounts: np.ndarray
    prices: np.ndarray


class Products(NamedTuple):
    """One list of phases and of the atoms in each, to be written: ids -1 beyond the last."""

    ids: np.ndarray
    atoms: np.ndarray


class Target(NamedTuple):
    """A composition whose window is asked for.

    Attributes:
        fractions: (m,) its atomic fractions.
        mobile: Row of the mobile element.
        elements: (m,) column of the program that is each row's element.
    """

    fractions: np.ndarray
    mobile: int
    elements: np.ndarray


class StabilityQuestions(NamedTuple):
    """Compositions asked for hull and window.

    Attributes:
        targets: Atomic fractions at the places of jobs.rows.
        own_phase: (n,) row of each composition among the phases, or -1.
        own_energy: (n,) its lowest energy, eV/atom, or NaN.
        mobile: Element number of the mobile ion; CLOSED for no window.
        tolerance: What the composition may lose within its tolerant limits, eV/atom.
    """

    targets: np.ndarray
    own_phase: np.ndarray
    own_energy: np.ndarray
    mobile: int
    tolerance: float


class MixtureQuestions(NamedTuple):
    """Compositions asked for their lowest energy: targets as above; an element opened at mu (n,), or CLOSED."""

    targets: np.ndarray
    opened: int
    mu: np.ndarray


class PairQuestions(NamedTuple):
    """Pairs asked for their strongest reaction: targets of both sides, energies (n, 2) of theirs on the hull and of
    their own, eV/atom, and what is opened as in MixtureQuestions."""

    targets_a: np.ndarray
    targets_b: np.ndarray
    hulls: np.ndarray
    energies: np.ndarray
    opened: int
    mu: np.ndarray


class LadderQuestions(NamedTuple):
    """Compositions asked for their lowest energy at every potential mu (s,) of the element opened."""

    targets: np.ndarray
    opened: int
    mu: np.ndarray


class PairLadderQuestions(NamedTuple):
    """Pairs asked for their strongest reaction over potentials mu (s,): targets of both sides, grand potentials (n, s)
    of the first and (s,) of the second, which is the same for all, and the element opened."""

    targets_a: np.ndarray
    targets_b: np.ndarray
    hulls_a: np.ndarray
    hulls_b: np.ndarray
    opened: int
    mu: np.ndarray


class Answers(NamedTuple):
    """Arrays to be written, a row per program; what stands in them is said by the kernel that fills them. Prices are
    filled by mixtures alone."""

    values: np.ndarray
    prices: np.ndarray
    ids: np.ndarray
    atoms: np.ndarray
    status: np.ndarray
