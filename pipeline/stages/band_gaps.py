"""Stage `band_gaps`: measured gaps and, where a second table is named, gaps of PBE calculations."""

from pathlib import Path

import pandas as pd

from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.sources.merging import merged_gaps, sources_of
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

SOURCES = {"embedded": table.band_gaps, "table": table.band_gaps}


def run(*, measured: Path, pbe: Path, second: Path, third: Path, band_gaps: Block) -> Result:
    places = {"": measured, "second": second, "third": third}
    tables = []
    for slot, source in sources_of(band_gaps):
        read = choose(SOURCES, source, "band_gaps.source")
        rows = read(places[slot], "measured")
        if not slot and pbe != measured:  # the embedded data hold measured gaps alone
            rows = pd.concat([rows, read(pbe, "pbe")], ignore_index=True)
        tables.append((source, rows))
    n_in = sum(len(rows) for _, rows in tables)
    rows, n_same = merged_gaps(tables)
    return Result({"out": rows}, [counted("band_gaps", n_in, len(rows), {"the same in an earlier source": n_same})])


if __name__ == "__main__":
    stage_main(run)
