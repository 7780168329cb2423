"""`make starter`: compute the starter set, phases and candidates of one thermochemistry, with a universal potential.

    python -m ionsieve.pipeline.reference.starter relax 0/2  # every second known start to do; stop and start at will
    python -m ionsieve.pipeline.reference.starter collect    # write data/reference/starter from what is done
    python -m ionsieve.pipeline.reference.starter new 0/2    # new compounds made from what was collected
    python -m ionsieve.pipeline.reference.starter collect    # the tables with them

Every start done is a line in data/tmp/starter, so that a killed run loses one; `collect` keeps all of them in
data/computed, which is committed: what was relaxed once is not relaxed again. Crystals and types are read again while
a run goes on: a row added to data/reference/crystals is relaxed by the same run.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator
from pymatgen.core import Structure

from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.features.thermodynamics.phase_set import PhaseSet
from ionsieve.models.quantities.formation import formation_energy_ev_atom
from ionsieve.models.quantities.potential import Relaxed, atoms_too_close, potential, relax, single_point
from ionsieve.pipeline.reference import starter_tables
from ionsieve.pipeline.reference.relaxed_archive import read_archive, write_archive
from ionsieve.pipeline.reference.starter_candidates import candidate_jobs
from ionsieve.pipeline.reference.starter_jobs import (
    RATTLE_ANGSTROM,
    Job,
    element_jobs,
    known_jobs,
    mine,
    priority,
    rattled,
    relaxed_before,
    wanted_first,
    without_repeats,
)
from ionsieve.pipeline.reference.starter_tables import MAX_NEW_EV_ATOM
from ionsieve.pipeline.resume import PartialResults
from ionsieve.pipeline.tables import read_table
from ionsieve.pipeline.workspace import Workspace

REFERENCE = Path("data/reference")
PARTIAL = Path("data/tmp/starter")
ARCHIVE = Path("data/computed/starter.jsonl.gz")
MAX_ATOMS = 100
READ_AGAIN_S = 600.0
# A force of 0.1 eV/Å against a spring of 5 eV/Å² is worth 1 meV per atom.
FINISH: dict[str, Any] = {"max_force_ev_angstrom": 0.1, "max_steps": 40, "max_volume_change": 0.6}
FINISH |= {"settled_ev_atom": 0.0015}
# PBE, and a potential learned on it, hardly binds molecules and layers: their distance is free, the energy is not.
ELEMENT: dict[str, Any] = FINISH | {"max_volume_change": 2.0, "max_force_ev_angstrom": 0.03, "max_steps": 120}
ELEMENT |= {"settled_ev_atom": 0.0}
SWELLS = "volume changed"
SCREEN_STEPS = 8
HOPELESS_EV_ATOM = 0.30  # above another crystal of the compound after SCREEN_STEPS
NEW_SCREEN_STEPS, NEW_SCREEN_EV_ATOM = 6, 0.10  # a new compound further above its limit after so many steps is left


def all_rows() -> dict[str, dict[str, Any]]:
    """Every start done, by key: those under version control, and those of all shards since."""
    new = {k: row for file in sorted(PARTIAL.glob("*-of-*")) for k, row in PartialResults(file).read().items()}
    return read_archive(ARCHIVE) | new


def calculator_of_params() -> Calculator:
    """The potential that params.yaml names under `starter`."""
    settings = Workspace.at(".").block("starter")
    return potential(settings["potential"], settings["options"])


def relaxed_row(job: Job, calculator: Calculator, best_ev_atom: float) -> dict[str, Any]:
    """The result of one start; `reason` says why it is not to be used."""
    began = time.monotonic()
    limits = ELEMENT if job.kind == "element" else FINISH
    start = job.start.structure if job.kind in ("element", "relaxed") else rattled(job.start.structure, RATTLE_ANGSTROM)
    result = relax(start, calculator, **limits, screen_steps=SCREEN_STEPS, screen_ev_atom=best_ev_atom)
    if result.reason.startswith(SWELLS):  # a molecular crystal on its way apart: its energy in the cell it was given
        result = relax(start, calculator, **limits, fixed_cell=True)
    return row_of(job, result, began)


def row_of(job: Job, result: Relaxed, began: float) -> dict[str, Any]:
    """One line of the partial results."""
    return {
        "kind": job.kind,
        "name": job.start.name,
        "formula": job.start.formula,
        "prototype": job.start.prototype,
        "mapping": job.start.mapping,
        "reason": result.reason,
        "energy_ev_atom": result.energy_ev_atom,
        "max_force_ev_angstrom": result.max_force_ev_angstrom,
        "volume_change": result.volume_change,
        "n_steps": result.n_steps,
        "seconds": round(time.monotonic() - began, 1),
        "structure": result.structure.as_dict(verbosity=0),
    }


def jobs_to_do(reference: Path, shard: int, shards: int) -> dict[str, Job]:
    """What this worker has still to do, in its order."""
    known, problems = known_jobs(reference)
    for problem in problems:
        sys.stderr.write(f"skipped: {problem}\n")
    done = all_rows()
    before = relaxed_before(reference / "starter" / "candidates.parquet", done)
    first = wanted_first(reference)
    jobs = sorted(without_repeats([*element_jobs(known), *known, *before]), key=lambda job: priority(job, first))
    unique = {job.key: job for job in jobs if len(job.start.structure) <= MAX_ATOMS}
    return {k: j for k, j in mine(unique, shard, shards).items() if k not in done}


def tables_changed(reference: Path) -> float:
    """When a crystal or a table was last written, seconds."""
    files = [*(reference / "crystals").rglob("*.csv"), *(reference / "crystals").glob("*.cif")]
    return max((file.stat().st_mtime for file in files), default=0.0)


def relax_shard(shard: int, shards: int, reference: Path) -> None:
    """Relax until nothing is left; the tables are read again when they change."""
    calculator = calculator_of_params()
    partial = PartialResults(PARTIAL / f"{shard}-of-{shards}")
    best: dict[str, float] = {}
    while True:
        read, changed = time.monotonic(), tables_changed(reference)
        jobs = jobs_to_do(reference, shard, shards)
        if not jobs:
            break
        for n, (key, job) in enumerate(jobs.items(), start=1):
            row = relaxed_row(job, calculator, best.get(job.composition, np.nan) + HOPELESS_EV_ATOM)
            partial.append(key, row)
            if not row["reason"]:
                best[job.composition] = min(row["energy_ev_atom"], best.get(job.composition, np.inf))
            said = row["reason"] or f"{row['energy_ev_atom']:.4f} eV/atom"
            sys.stderr.write(f"{n}/{len(jobs)} {key}: {said}, {row['n_steps']} steps, {row['seconds']} s\n")
            if time.monotonic() - read > READ_AGAIN_S and tables_changed(reference) != changed:
                break


def screening_energy(structure: Structure, hull: PhaseSet, elements: dict[str, float]) -> float:
    """Total energy, eV/atom, above which a new compound lies more than MAX_NEW_EV_ATOM above the hull."""
    formula = structure.composition.reduced_formula
    distance = hull_table([formula], hull, [0.0])["e_above_hull_ev_atom"].iloc[0]
    at_zero = formation_energy_ev_atom(0.0, structure, elements)
    return MAX_NEW_EV_ATOM - distance - at_zero


def new_row(
    job: Job, arrangements: list[Structure], calculator: Calculator, hull: PhaseSet, elements: dict[str, float]
) -> dict[str, Any]:
    """The result of a new compound, from the lowest of its arrangements as they stand."""
    began = time.monotonic()
    sane = [s for s in arrangements if not atoms_too_close(s)]
    best = min(sane, key=lambda s: single_point(s, calculator)[0]) if len(sane) > 1 else (sane or arrangements)[0]
    limit = screening_energy(best, hull, elements)
    screen: dict[str, Any] = {"screen_steps": NEW_SCREEN_STEPS, "screen_ev_atom": limit + NEW_SCREEN_EV_ATOM}
    result = relax(rattled(best, RATTLE_ANGSTROM), calculator, **FINISH, **screen)
    reason = result.reason
    if not reason and result.energy_ev_atom > limit:
        reason = f"more than {MAX_NEW_EV_ATOM} eV/atom above the hull"
    return row_of(job, replace(result, reason=reason), began)


def relax_new(shard: int, shards: int, reference: Path) -> None:
    """Relax the new compounds that the collected crystals and hulls give."""
    calculator = calculator_of_params()
    partial = PartialResults(PARTIAL / f"new-{shard}-of-{shards}")
    done = all_rows()
    table = read_table(reference / "starter" / "elements.csv")
    elements = {str(e): float(v) for e, v in zip(table["element"], table["energy_ev_atom"], strict=True)}
    hull = phase_set(read_table(reference / "starter" / "phases.csv"))
    jobs = {job.key: (job, arrangements) for job, arrangements in candidate_jobs(reference)}
    todo = [k for k in mine({k: job for k, (job, _) in jobs.items()}, shard, shards) if k not in done]
    for n, key in enumerate(todo, start=1):
        row = new_row(*jobs[key], calculator, hull, elements)
        partial.append(key, row)
        said = row["reason"] or f"{row['energy_ev_atom']:.4f} eV/atom"
        sys.stderr.write(f"new {n}/{len(todo)} {key}: {said}, {row['n_steps']} steps, {row['seconds']} s\n")


def main(command: str, shard: str = "0/1", reference: str = str(REFERENCE)) -> None:
    number, _, count = shard.partition("/")
    if command == "relax":
        relax_shard(int(number), int(count), Path(reference))
    elif command == "new":
        relax_new(int(number), int(count), Path(reference))
    elif command == "collect":
        rows = all_rows()
        write_archive(rows, ARCHIVE)
        starter_tables.collect(rows, Path(reference))
    else:
        raise SystemExit(
            f"python -m ionsieve.pipeline.reference.starter relax [n/of] | new [n/of] | collect, not {command!r}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
