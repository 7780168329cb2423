"""Candidates of a person's own table, whose column `structure_json` may hold crystals."""

from pathlib import Path

import pandas as pd

from ionsieve.pipeline.sources import cifs, table


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) of a table as `table.candidates` reads it; a crystal that is none sets its row aside."""
    kept, rejected = table.candidates(path)
    if "structure_json" not in kept:
        return kept, rejected
    crystals, reasons = cifs.checked_json(kept["structure_json"])
    usable = pd.Series([not reason for reason in reasons], index=kept.index, dtype=bool)
    bad = pd.DataFrame({"id": kept["id"], "source": str(path), "reason": reasons})[~usable]
    kept = kept.assign(structure_json=pd.Series(crystals, index=kept.index, dtype=object))
    return kept[usable].reset_index(drop=True), pd.concat([rejected, bad], ignore_index=True)
