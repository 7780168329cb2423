"""Stage `band_gaps`: measured gaps and, where a second table is named, gaps of PBE calculations."""

from pathlib import Path

import pandas as pd

from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

SOURCES = {"embedded": table.band_gaps, "table": table.band_gaps}


def run(*, measured: Path, pbe: Path, band_gaps: Block) -> Result:
    read = choose(SOURCES, band_gaps["source"], "band_gaps.source")
    tables = [read(measured, "measured")]
    if pbe != measured:  # the embedded data hold measured gaps alone
        tables.append(read(pbe, "pbe"))
    rows = pd.concat(tables, ignore_index=True)
    return Result({"out": rows}, [counted("band_gaps", len(rows), len(rows))])


if __name__ == "__main__":
    stage_main(run)
