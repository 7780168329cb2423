"""Conductivity, band gap and window of a person's own materials; known values go before predicted ones."""

import pandas as pd

from ionsieve.pipeline.answers.phases import load_phases, missing_phases
from ionsieve.pipeline.answers.windows import WINDOW, window_answers
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.reference.gap_model import load_gap_model
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.stages.predict import load_models, predictions_of
from ionsieve.pipeline.workspace import Workspace

PREDICTED = ["log10_sigma", "log10_sigma_low", "log10_sigma_high", "band_gap_ev"]
ORIGINS = [
    "sigma_origin",
    "sigma_match",
    "band_gap_origin",
    "reduction_limit_predicted_v",
    "oxidation_limit_predicted_v",
]


def predicted(rows: pd.DataFrame, workspace: Workspace) -> pd.DataFrame:
    """Conductivity with interval, gap and window of one's own materials, one row each in their order."""
    models, phases = load_models(file_of(workspace, "train")), load_phases(workspace)
    usable = rows[rows["note"] == ""]
    keys = [c for c in ("id", "formula") if c in rows]
    window_columns = [c for c in WINDOW if c not in ("formula", "note")]
    columns = [*keys, *PREDICTED, *window_columns, "in_domain", "near", "domain", *ORIGINS, "note"]
    if usable.empty:
        return rows.reindex(columns=columns)
    plain = usable.assign(id=usable.index.astype(str))
    measured, gaps = (pd.read_parquet(file_of(workspace, name)) for name in ("measurements", "band_gaps"))
    params = workspace.block("predict")
    described, gap_model = features_of(plain).set_index("id"), load_gap_model(workspace.path(params["gap_model"]))
    answers = predictions_of(plain, described, models, gap_model, measured, gaps, params)
    answers = answers.set_axis(usable.index)
    missing = missing_phases(workspace, phases)
    windows = window_answers(usable.reset_index(drop=True), phases, missing).set_axis(usable.index)
    texts = zip(answers["note"], windows["note"].fillna(""), usable["remark"], strict=True)
    notes = ["; ".join(filter(None, parts)) for parts in texts]
    told = [*PREDICTED, *ORIGINS, "in_domain", "near", "domain"]
    found = pd.concat([answers[told], windows[window_columns]], axis=1).assign(note=notes)
    result = rows[keys].join(found)
    return result.assign(note=result["note"].where(rows["note"] == "", rows["note"]))[columns]
