"""The funnel on your own materials: the stages on other candidates, with the models and phases the pipeline made."""

import contextlib
import os
from pathlib import Path

from ionsieve.pipeline.commands.materials import MODELS
from ionsieve.pipeline.params import ROOT, stage_params
from ionsieve.pipeline.report import summary
from ionsieve.pipeline.stages import featurize, interfaces, predict, report, screen, shortlist, stability, transport
from ionsieve.pipeline.stages.candidates import usable_candidates
from ionsieve.pipeline.tables import InputError, report_rows, write_spreadsheet, write_table

REFERENCE, INTERIM, PROCESSED = "data/reference", "data/interim", "data/processed"


def screen_materials(materials: Path, out: Path) -> None:
    """Judge and rank the materials of a table, folder or zip; everything is written under `out`.

    Raises:
        InputError: If nothing can be read, or the pipeline has not run yet.
    """
    if not os.path.exists(materials):
        raise InputError(f"{materials} does not exist: give a table, a folder or a zip of CIFs.")
    source, folder = materials.resolve(), out.resolve()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {out} is a file; a folder is needed.")
    if not (MODELS / "scores.json").exists():
        raise InputError(f"{MODELS} holds no models: run `make screen` first.")
    tables = folder / "tables"

    def made(name: str) -> str:
        return str(tables / name)

    def listed(name: str) -> str:
        return str(folder / name)

    is_table = source.name.endswith((".csv", ".csv.gz", ".parquet"))
    with contextlib.chdir(ROOT):  # params.yaml and the pipeline's tables are found from there
        rows, rejected, merged = usable_candidates("table" if is_table else "cifs", str(source))
        write_table(rows, made("candidates.parquet"))
        write_spreadsheet(rejected, listed("rejected.csv"))
        n_in = len(rows) + len(rejected) + merged
        report_rows("candidates", n_in, len(rows), {"set aside": len(rejected), "merged as exact duplicates": merged})
        candidates, phases = made("candidates.parquet"), f"{INTERIM}/phases.parquet"
        missing, partners = stage_params("phases")["missing"], f"{REFERENCE}/partners.csv"
        featurize.main(candidates, made("features.parquet"))
        stability.main(candidates, phases, missing, made("stability.parquet"))
        enthalpies = f"{REFERENCE}/formation_enthalpies.csv"
        interfaces.main(candidates, phases, missing, partners, enthalpies, made("interfaces.parquet"))
        transport.main(candidates, made("transport.parquet"))
        predict.main(
            candidates,
            made("features.parquet"),
            f"{INTERIM}/measurements.parquet",
            f"{INTERIM}/band_gaps.parquet",
            "data/models",
            made("predictions.parquet"),
        )
        screen.main(
            candidates,
            *map(made, ("stability.parquet", "interfaces.parquet", "transport.parquet", "predictions.parquet")),
            f"{INTERIM}/band_gaps.parquet",
            f"{REFERENCE}/elements.csv",
            partners,
            listed("rejected.csv"),
            made("judged.parquet"),
            made("verdicts.parquet"),
            listed("funnel.json"),
        )
        ranked = [listed(f"{name}.csv") for name in ("electrolytes", "coatings", "stacks")]
        judged, verdicts = made("judged.parquet"), made("verdicts.parquet")
        shortlist.main(candidates, judged, verdicts, phases, partners, *ranked, listed("crystals.zip"))
        report.main(
            candidates,
            judged,
            verdicts,
            listed("funnel.json"),
            listed("rejected.csv"),
            "data/models/scores.json",
            "data/models/held_out.parquet",
            *ranked,
            listed("report.html"),
        )
    summary.print_results(folder)
