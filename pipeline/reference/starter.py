"""`make starter`: compute the starter set, phases and candidates of one thermochemistry, with a universal potential.

    python -m ionsieve.pipeline.reference.starter relax 0/2  # relax every second start to do; stop and start at will
    python -m ionsieve.pipeline.reference.starter collect    # write data/reference/starter from what is done

Every start done is a line in data/tmp/starter, so that a killed run loses one. Crystals and types are read again while
a run goes on: a row added to data/reference/crystals is relaxed by the same run.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator

from ionsieve.models.quantities.potential import potential, relax
from ionsieve.pipeline.reference.starter_jobs import (
    RATTLE_ANGSTROM,
    Job,
    element_jobs,
    known_jobs,
    mine,
    priority,
    rattled,
    relaxed_before,
)
from ionsieve.pipeline.resume import PartialResults
from ionsieve.pipeline.workspace import Workspace

REFERENCE = Path("data/reference")
PARTIAL = Path("data/tmp/starter")
MAX_ATOMS = 60
READ_AGAIN_S = 120.0
FINISH: dict[str, Any] = {"max_force_ev_angstrom": 0.05, "max_steps": 120, "max_volume_change": 0.6}
# PBE, and a potential learned on it, hardly binds molecules and layers: their distance is free, the energy is not.
ELEMENT: dict[str, Any] = FINISH | {"max_volume_change": 2.0, "max_force_ev_angstrom": 0.03}
SCREEN_STEPS = 8
HOPELESS_EV_ATOM = 0.30  # above another crystal of the compound after SCREEN_STEPS


def all_rows() -> dict[str, dict[str, Any]]:
    """Every start done, by key, of all shards."""
    return {k: row for file in sorted(PARTIAL.glob("*-of-*")) for k, row in PartialResults(file).read().items()}


def relaxed_row(job: Job, calculator: Calculator, best_ev_atom: float) -> dict[str, Any]:
    """The result of one start; `reason` says why it is not to be used."""
    began = time.monotonic()
    limits = ELEMENT if job.kind == "element" else FINISH
    start = job.start.structure if job.kind in ("element", "relaxed") else rattled(job.start.structure, RATTLE_ANGSTROM)
    result = relax(start, calculator, **limits, screen_steps=SCREEN_STEPS, screen_ev_atom=best_ev_atom)
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
    before = [Job(kind, start) for kind, start in relaxed_before(reference / "starter" / "candidates.parquet")]
    jobs = sorted([*element_jobs(known), *known, *before], key=priority)
    unique = {job.key: job for job in jobs if len(job.start.structure) <= MAX_ATOMS}
    done = all_rows()
    return {k: j for k, j in mine(unique, shard, shards).items() if k not in done}


def tables_changed(reference: Path) -> float:
    """When a crystal or a table was last written, seconds."""
    files = [*(reference / "crystals").rglob("*.csv"), *(reference / "crystals").glob("*.cif")]
    return max((file.stat().st_mtime for file in files), default=0.0)


def relax_shard(shard: int, shards: int, reference: Path) -> None:
    """Relax until nothing is left; the tables are read again when they change."""
    settings = Workspace.at(".").block("starter")
    calculator = potential(settings["potential"], settings["options"])
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


def main(command: str, shard: str = "0/1", reference: str = str(REFERENCE)) -> None:
    if command == "relax":
        number, _, count = shard.partition("/")
        relax_shard(int(number), int(count), Path(reference))
    elif command == "collect":
        from ionsieve.pipeline.reference import starter_tables

        starter_tables.collect(all_rows(), REFERENCE)
    else:
        raise SystemExit(f"python -m ionsieve.pipeline.reference.starter relax [n/of] | collect, not {command!r}")




if __name__ == "__main__":
    main(*sys.argv[1:])
