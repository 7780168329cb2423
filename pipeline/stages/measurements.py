"""Stage `measurements`: measured conductivities of one source, with crystals where a CIF bears the row's id."""

from ionsieve.pipeline.params import choose, stage_params
from ionsieve.pipeline.sources import cifs as cif_source
from ionsieve.pipeline.sources import obelix, table
from ionsieve.pipeline.tables import report_rows, run_stage, write_table

SOURCES = {"embedded": table.measurements, "table": table.measurements, "obelix": obelix.measurements}


def measurements_with_structures(source: str, path: str, cifs: str | None, drop_ids: list[str]):
    """The source's rows with `structure_json` (None where unknown), and why CIFs of these rows were left out, by id."""
    rows = choose(SOURCES, source, "measurements.source")(path, drop_ids)
    structures, reasons = cif_source.read_structures(cifs) if cifs else ({}, {})
    without_lithium = {i for i, s in structures.items() if "Li" not in s.composition.element_composition}
    reasons |= dict.fromkeys(without_lithium, "the CIF lacks lithium")
    known = {i: s.to_json() for i, s in structures.items() if i not in without_lithium}
    return rows.assign(structure_json=table.crystals_by_id(known, rows["id"])), {
        i: reasons[i] for i in rows["id"] if i in reasons
    }


def main(path: str, cifs: str, out: str) -> None:
    params = stage_params("measurements")
    rows, reasons = measurements_with_structures(params["source"], path, cifs, params["drop_ids"])
    write_table(rows, out)
    report_rows("measurements", len(rows), len(rows))
    bounds = int(rows["sigma_s_cm"].isna().sum())
    print(f"  {bounds} bounds; {rows['structure_json'].notna().sum()} with a crystal structure")
    for id_, reason in reasons.items():
        print(f"  {id_}: crystal left out, {reason}")


if __name__ == "__main__":
    run_stage(main)
