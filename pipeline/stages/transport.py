"""Stage `transport`: barriers and connectivity of every crystal; a killed run goes on where it stopped."""

import json
import os
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import Progress

from ionsieve import features
from ionsieve.features.transport.table import transport_table
from ionsieve.pipeline.params import stage_params
from ionsieve.pipeline.resume import PartialResults, code_digest, key_of
from ionsieve.pipeline.stages.featurize import structures_of
from ionsieve.pipeline.tables import report_rows, run_stage, write_table

PROGRESS_FROM = 20  # structures


def main(source: str, out: str) -> None:
    params = stage_params("transport")
    table = pd.read_parquet(source)
    partial = PartialResults(Path("data/tmp/transport") / key_of(str(Path(source).resolve())))
    settings = key_of(json.dumps(params, sort_keys=True), code_digest([Path(features.__file__).parent]))
    crystals = table["structure_json"].fillna("")
    keys = {i: key_of(settings, crystal) for i, crystal in zip(table["id"], crystals, strict=True)}
    rows_by_key = partial.read()
    known = {i: rows_by_key[key] for i, key in keys.items() if key in rows_by_key}
    n_crystals = int((crystals != "").sum())
    with Progress(console=Console(stderr=True), disable=n_crystals < PROGRESS_FROM) as progress:
        task = progress.add_task("crystals", total=len(table), completed=len(known))

        def keep(row: dict) -> None:
            partial.append(keys[row["id"]], {name: value for name, value in row.items() if name != "id"})
            progress.advance(task)

        result = transport_table(
            structures_of(table),
            table["id"],
            resolution_angstrom=params["resolution_angstrom"],
            refine=params["refine"],
            workers=os.cpu_count() or 1,
            known=known,
            on_row=keep,
        )
    write_table(result, out)
    partial.done()
    report_rows("transport", len(table), len(result))
    computed = int(result["percolation_barrier_1d_ev"].notna().sum())
    print(f"  {computed} landscapes computed of {n_crystals} crystals; {len(known)} taken over from an interrupted run")


if __name__ == "__main__":
    run_stage(main)
