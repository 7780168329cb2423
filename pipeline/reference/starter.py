"""`make starter`: compute the starter set, that is phases and new candidates of the thermochemistry chgnet030.

    python -m ionsieve.pipeline.reference.starter relax 0/2  # relax every second compound to do; stop and start at will
    python -m ionsieve.pipeline.reference.starter collect    # write data/reference/starter from what is done

Every compound done is a line in data/tmp/starter, so that a killed run loses one. Candidates are made from the known
compounds done when they are begun: run `relax` once more after new crystals have come.
"""

import sys
import time
from collections.abc import Iterable, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator
from pymatgen.core import Element, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.prototypes import Decoration
from ionsieve.models.quantities.potential import Relaxed, atoms_too_close, potential, relax, single_point
from ionsieve.pipeline.reference import starter_tables
from ionsieve.pipeline.reference.starter_jobs import (
    Job,
    candidate_jobs,
    checked_crystals,
    crystals_at_hand,
    distance_from_core,
    element_jobs,
    known_formulas,
    known_jobs,
    named_compositions,
    parents_of,
    type_parents,
)
from ionsieve.pipeline.resume import PartialResults, key_of
from ionsieve.pipeline.workspace import Workspace

REFERENCE = Path("data/reference")
CRYSTALS = REFERENCE / "crystals"
PARTIAL = Path("data/tmp/starter")
SEMIFINALISTS = 2
FINALISTS = 2
RIVAL_EV_ATOM = 0.03  # a finalist further above the lowest than this does not overtake it
SCREEN: dict[str, Any] = {"max_force_ev_angstrom": 0.3, "max_steps": 4, "max_volume_change": 1.0}
FINISH: dict[str, Any] = {"max_force_ev_angstrom": 0.06, "max_steps": 80, "max_volume_change": 0.4}
# PBE, and CHGNet with it, hardly binds the layers of black phosphorus: their distance is free, the energy is not.
ELEMENT = FINISH | {"max_volume_change": 1.5}


def guess_energy(structure: Structure, calculator: Calculator) -> float:
    """Energy of a guess as it stands, eV/atom; inf where its atoms are too close."""
    return np.inf if atoms_too_close(structure) else single_point(structure, calculator)[0]


def finalists(guesses: list[Decoration], calculator: Calculator) -> list[tuple[Structure, Decoration, float]]:
    """(crystal, guess, energy) of the guesses worth relaxing to the end, lowest first.

    Every guess as it stands, then a few steps for the lowest ones, and for the guess most like the compound: one of
    low symmetry needs relaxing before it shows its worth.
    """
    if len(guesses) == 1:
        return [(guesses[0].structure, guesses[0], 0.0)]
    energies = [(guess_energy(guess.structure, calculator), k) for k, guess in enumerate(guesses)]
    ranked = [k for energy, k in sorted(energies) if energy < np.inf]
    chosen = [guesses[k] for k in dict.fromkeys(ranked[:SEMIFINALISTS] + ([0] if 0 in ranked else []))]
    begun = [(relax(guess.structure, calculator, **SCREEN), guess) for guess in chosen]
    found = [(r.structure, g, r.energy_ev_atom) for r, g in begun if np.isfinite(r.energy_ev_atom)]
    found.sort(key=lambda item: item[2])
    return [item for item in found[:FINALISTS] if item[2] <= found[0][2] + RIVAL_EV_ATOM]


def lowest_energy(job: Job, calculator: Calculator) -> dict[str, Any]:
    """The row of the lowest crystal that ends well; `reason` says why there is none."""
    guesses = list(job.guesses())
    ends: list[tuple[Relaxed, Decoration]] = []
    for structure, guess, _ in finalists(guesses, calculator) if guesses else []:
        ends.append(
            (relax(structure, calculator, **(ELEMENT if job.formula in Element.__members__ else FINISH)), guess)
        )
    row: dict[str, Any] = {"formula": job.formula, "tried": len(guesses)}
    if not ends:
        return row | {"reason": "atoms too close in every guess" if guesses else "no crystal type of this composition"}
    good = [pair for pair in ends if not pair[0].reason]
    result, guess = min(good or ends, key=lambda pair: pair[0].energy_ev_atom)
    return row | {
        "reason": result.reason,
        "prototype": guess.prototype,
        "mapping": guess.mapping,
        "distance": guess.distance,
        "energy_ev_atom": result.energy_ev_atom,
        "max_force_ev_angstrom": result.max_force_ev_angstrom,
        "n_steps": result.n_steps,
        "structure": result.structure.as_dict(verbosity=0),
    }


def all_rows() -> dict[str, dict[str, Any]]:
    """Every compound done, by job: of all shards, and the crystals relaxed when they were checked."""
    folders = sorted(PARTIAL.glob("*-of-*"))
    done = {key: row for folder in folders for key, row in PartialResults(folder).read().items()}
    return checked_crystals(CRYSTALS) | done


def run(jobs: Mapping[str, Job], partial: PartialResults, calculator: Calculator) -> None:
    """Compute the jobs, each written as it comes, with the time left."""
    began = time.monotonic()
    for n, (key, job) in enumerate(jobs.items(), start=1):
        row = lowest_energy(job, calculator)
        partial.append(key, row)
        left = (time.monotonic() - began) / n * (len(jobs) - n) / 60
        energy = f"{row['energy_ev_atom']:.4f} eV/atom" if not row["reason"] else row["reason"]
        sys.stderr.write(f"{n}/{len(jobs)}, about {left:.0f} min left: {key}: {energy}\n")


def relax_shard(shard: int, shards: int) -> None:
    """Elements and known compounds, then the candidates made from them; every `shards`-th from number `shard`."""
    settings = Workspace.at(".").block("starter")
    calculator = potential(settings["potential"], settings["options"])
    partial = PartialResults(PARTIAL / f"{shard}-of-{shards}")
    formulas = known_formulas(REFERENCE)
    crystals = crystals_at_hand(CRYSTALS)
    checked = {_key(row["formula"]) for row in checked_crystals(CRYSTALS).values()}
    core = [f for f in formulas if distance_from_core(f) == 0]
    for group in (core, formulas):
        run(_mine(element_jobs(group), shard, shards), partial, calculator)
        known = _mine(known_jobs([f for f in group if _key(f) not in checked], crystals), shard, shards)
        parents = type_parents() | crystals | parents_of(all_rows())
        new = _mine(candidate_jobs(parents, named_compositions(REFERENCE)), shard, shards)
        # in turns, so that whenever the run is stopped there are candidates and what bounds them
        turns = chain.from_iterable(zip_longest(known.items(), new.items()))
        run(dict(job for job in turns if job is not None), partial, calculator)


def _key(formula: str) -> str:
    return composition_key(parse_formula(formula))


def _mine(jobs: Iterable[Job], shard: int, shards: int) -> dict[str, Job]:
    done = all_rows()
    # by digest, not by place: the other shard may see other jobs before and after it
    return {j.key: j for j in jobs if int(key_of(j.key), 16) % shards == shard and j.key not in done}


def main(command: str, shard: str = "0/1") -> None:
    if command == "relax":
        number, _, count = shard.partition("/")
        relax_shard(int(number), int(count))
    elif command == "collect":
        starter_tables.collect(all_rows(), known_formulas(REFERENCE), REFERENCE)
    else:
        raise SystemExit(f"python -m ionsieve.pipeline.reference.starter relax [n/of] | collect, not {command!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
