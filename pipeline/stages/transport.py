"""Stage `transport`: barriers and connectivity of every crystal; a killed run goes on where it stopped."""

import json
import os
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import Progress

from ionsieve.features.transport.table import transport_table
from ionsieve.pipeline.resume import PartialResults, code_digest, key_of
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.stages.featurize import structures_of
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

PROGRESS_FROM = 20  # structures


def run(*, materials: pd.DataFrame, partial: Path, transport: Block) -> Result:
    kept = PartialResults(partial)
    settings = key_of(json.dumps(transport, sort_keys=True), code_digest(transport_table.__module__))
    crystals = materials["structure_json"].fillna("")
    keys = {i: key_of(settings, crystal) for i, crystal in zip(materials["id"], crystals, strict=True)}
    rows_by_key = kept.read()
    known = {i: rows_by_key[key] for i, key in keys.items() if key in rows_by_key}
    n_crystals = int((crystals != "").sum())
    with Progress(console=Console(stderr=True), disable=n_crystals < PROGRESS_FROM) as progress:
        task = progress.add_task("crystals", total=len(materials), completed=len(known))

        def keep(row: dict) -> None:
            kept.append(keys[row["id"]], {name: value for name, value in row.items() if name != "id"})
            progress.advance(task)

        result = transport_table(
            structures_of(materials),
            materials["id"],
            resolution_angstrom=transport["resolution_angstrom"],
            refine=transport["refine"],
            workers=os.cpu_count() or 1,
            known=known,
            on_row=keep,
        )
    computed = int(result["percolation_barrier_1d_ev"].notna().sum())
    lines = [
        counted("transport", len(materials), len(result)),
        f"  {computed} landscapes computed of {n_crystals} crystals; {len(known)} taken over from an interrupted run",
    ]
    return Result({"out": result}, lines, after_writing=kept.done)


if __name__ == "__main__":
    stage_main(run)
