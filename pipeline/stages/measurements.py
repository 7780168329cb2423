"""Stage `measurements`: measured conductivities of one source, with crystals where a CIF bears the row's id."""

from pathlib import Path

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import cifs as cif_source
from ionsieve.pipeline.sources import obelix, table
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


def run(*, table: Path, cifs: Path, measurements: Block) -> Result:
    rows, reasons = measurements_with_structures(measurements["source"], table, cifs, measurements["drop_ids"])
    bounds = int(rows["sigma_s_cm"].isna().sum())
    lines = [
        counted("measurements", len(rows), len(rows)),
        f"  {bounds} bounds; {rows['structure_json'].notna().sum()} with a crystal structure",
        *(f"  {id_}: crystal left out, {reason}" for id_, reason in reasons.items()),
    ]
    return Result({"out": rows}, lines)


if __name__ == "__main__":
    stage_main(run)
