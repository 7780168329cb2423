"""Stage `band_gaps`: measured gaps and, where a second table is named, gaps of PBE calculations."""

import pandas as pd

from ionsieve.pipeline.params import choose, stage_params
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.tables import report_rows, run_stage, write_table

SOURCES = {"embedded": table.band_gaps, "table": table.band_gaps}


def main(measured: str, pbe: str, out: str) -> None:
    read = choose(SOURCES, stage_params("band_gaps")["source"], "band_gaps.source")
    tables = [read(measured, "measured")]
    if pbe != measured:  # the embedded data hold measured gaps alone
        tables.append(read(pbe, "pbe"))
    rows = pd.concat(tables, ignore_index=True)
    write_table(rows, out)
    report_rows("band_gaps", len(rows), len(rows))


if __name__ == "__main__":
    run_stage(main)
