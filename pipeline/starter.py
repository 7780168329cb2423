"""`make starter`: compute the starter set, that is phases and new candidates of the thermochemistry chgnet030.

    python -m pipeline.starter relax [--shard 0/2] [--minutes 60]   relax what is still to do; stop and start at will
    python -m pipeline.starter collect                               write data/reference/starter from what is done

Known compounds are the names in formation_enthalpies.csv and missing_phases.csv, dressed in crystal types; candidates
come from pipeline.sources.substitution. Every compound done is a line in data/tmp/starter, so a killed run loses one.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.calculators.calculator import Calculator
from pymatgen.core import Composition, Structure

from features.formula import parse_formula
from features.prototypes import Decoration, Prototype, decorations
from models.potential import Relaxed, relax

MAX_GUESSES = 8
MAX_GUESS_ATOMS = 64  # in all guesses of one compound together, unless the first alone has more
FINALISTS = 2
SCREEN = {"max_force_ev_angstrom": 0.3, "max_steps": 8, "max_volume_change": 1.0}
FINISH = {"max_force_ev_angstrom": 0.05, "max_steps": 80, "max_volume_change": 0.4}


@dataclass(frozen=True)
class Job:
    """One compound to compute: its formula, and the guesses of its structure."""

    key: str
    formula: str
    guesses: tuple[Decoration, ...]


def affordable(guesses: Sequence[Decoration], max_guesses: int = MAX_GUESSES) -> tuple[Decoration, ...]:
    """The first guesses, as many as fit the atoms one compound may cost."""
    kept: list[Decoration] = []
    for guess in guesses[:max_guesses]:
        if kept and sum(len(g.structure) for g in kept) + len(guess.structure) > MAX_GUESS_ATOMS:
            continue
        kept.append(guess)
    return tuple(kept)


def lowest_energy(job: Job, calculator: Calculator) -> dict[str, Any]:
    """Relax every guess a few steps, the lowest to the end; the row of the lowest that ends well.

    `reason` is that of the lowest finalist where none did; `tried` counts guesses.
    """
    first = [(relax(guess.structure, calculator, **SCREEN), guess) for guess in job.guesses]
    usable = [(r, g) for r, g in first if r.energy_ev_atom == r.energy_ev_atom]
    usable.sort(key=lambda pair: pair[0].energy_ev_atom)
    ends: list[tuple[Relaxed, Decoration]] = []
    for begun, guess in usable[:FINALISTS]:
        ends.append((relax(begun.structure, calculator, **FINISH), guess))
    good = [pair for pair in ends if not pair[0].reason]
    row: dict[str, Any] = {"formula": job.formula, "tried": len(job.guesses), "reason": "no usable guess"}
    if not ends:
        return row | {"reason": first[0][0].reason if first else "no crystal type of this composition"}
    result, guess = min(good or ends, key=lambda pair: pair[0].energy_ev_atom)
    return row | {
        "reason": result.reason,
        "prototype": guess.prototype,
        "mapping": guess.mapping,
        "energy_ev_atom": result.energy_ev_atom,
        "max_force_ev_angstrom": result.max_force_ev_angstrom,
        "n_steps": result.n_steps,
        "structure": result.structure.as_dict(verbosity=0),
    }
