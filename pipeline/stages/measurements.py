"""Stage `measurements`: measured conductivities of all sources, with crystals where a CIF bears the row's id."""

from pathlib import Path

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import cifs as cif_source
from ionsieve.pipeline.sources import obelix, table
from ionsieve.pipeline.sources.measurements import merged_measurements
from ionsieve.pipeline.sources.merging import sources_of
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

SOURCES = {"embedded": table.measurements, "table": table.measurements, "obelix": obelix.measurements}


def measurements_with_structures(source: str, path: Path | str, cifs: Path | str | None, drop_ids: list[str]):
    """The source's rows with `structure_json` (None where unknown), and why CIFs of these rows were left out, by id."""
    rows = choose(SOURCES, source, "measurements.source")(path, drop_ids)
    crystals, reasons = cif_source.read_by_id(cifs) if cifs else ({}, {})
    without_lithium = {i for i, crystal in crystals.items() if "Li" not in parse_formula(crystal.formula)}
    reasons |= dict.fromkeys(without_lithium, "the CIF lacks lithium")
    known = {i: crystal.structure_json for i, crystal in crystals.items() if i not in without_lithium}
    return rows.assign(structure_json=table.crystals_by_id(known, rows["id"])), {
        i: reasons[i] for i in rows["id"] if i in reasons
    }


def run(
    *,
    table: Path,
    cifs: Path,
    second: Path,
    second_cifs: Path,
    third: Path,
    third_cifs: Path,
    measurements: Block,
) -> Result:
    places = {"": (table, cifs), "second": (second, second_cifs), "third": (third, third_cifs)}
    tables, lines = [], []
    for slot, source in sources_of(measurements):
        path, folder = places[slot]
        rows, reasons = measurements_with_structures(source, path, folder, measurements["drop_ids"])
        tables.append((source, rows))
        lines += [f"  {id_}: crystal left out, {reason}" for id_, reason in reasons.items()]
    n_in = sum(len(rows) for _, rows in tables)
    rows, n_same, n_conflicts = merged_measurements(tables)
    told = f"; {n_conflicts} differ from another source's reading, see note" if n_conflicts else ""
    counts = [
        counted("measurements", n_in, len(rows), {"the same in an earlier source": n_same}),
        f"  {int(rows['sigma_s_cm'].isna().sum())} bounds; {rows['structure_json'].notna().sum()} with a crystal "
        f"structure{told}",
    ]
    return Result({"out": rows}, [*counts, *lines])


if __name__ == "__main__":
    stage_main(run)
