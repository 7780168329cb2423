"""The committed gap model (data/reference/gap_model), read as `ionsieve.pipeline.reference.make_gap_model` wrote it."""

from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.models.quantities.gap_model import BOOSTERS, GapModel
from ionsieve.pipeline.tables import InputError, read_json


def load_gap_model(folder: Path | str) -> GapModel:
    """The model as committed.

    Raises:
        InputError: If a file of it is missing.
    """
    folder = Path(folder)
    files = {name: folder / f"{name}.txt" for name in BOOSTERS}
    missing = [str(path) for path in (folder / "card.json", *files.values()) if not path.exists()]
    if missing:
        raise InputError(f"{', '.join(missing)} not there. Restore data/reference/gap_model with git.")
    card = read_json(folder / "card.json")
    intervals = pd.DataFrame(card["intervals"]).astype(float).fillna({"predicted_from_ev": -np.inf})
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    return GapModel(texts, tuple(card["features"]), intervals)
