"""The tables of docs/models.md on conductivity: how far predictions can be trusted, near and far, and what was tried.

    python -m ionsieve.pipeline.reference.score_conductivity TABLE [TABLE …] [--decisions]

Tables of measurements, ours or OBELiX's CSV, are merged as the pipeline merges its sources. Clusters of similar
compositions are held out in four partitions, beside publications and families; `--decisions` adds the comparison of
settings (minutes).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ionsieve.models.learning.estimators import BASELINE, BLEND, NEIGHBOURS
from ionsieve.models.learning.nearness import error_change
from ionsieve.models.learning.protocol import (
    enrichment_of_far,
    per_publication,
    reliability,
    table_scatter,
)
from ionsieve.models.learning.training import TrainedModel
from ionsieve.models.learning.validation import publications
from ionsieve.models.quantities.conductivity import fit_conductivity, measured_rows
from ionsieve.pipeline.answers.evaluation import measured_split
from ionsieve.pipeline.home import home
from ionsieve.pipeline.reference.contenders import decision_tables
from ionsieve.pipeline.sources.measurements import merged_measurements
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.tables import run_stage

PARTITIONS, DRAWS, SEED = 4, 500, 0
NINETY = 1.645  # standard deviations that hold 90 % of a normal's draws
SHOWN = {BLEND: "model", "linear": "ridge", NEIGHBOURS: "five neighbours", BASELINE: "a constant"}
WINNERS, GOOD = -3.0, -4.0  # log10(S/cm)
FAR_SHARES = (0.44, 0.60)  # of tables nobody here had seen: 0.44 by the distance 0.02, more by a shorter one
FIRST = 0.10  # of the far rows by score: what a screening would make
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of one model with what they were learned with: publications, and the distance that is near."""

    known: pd.DataFrame
    model: TrainedModel

    @cached_property
    def rows(self) -> pd.DataFrame:
        """out_of_fold with publication, partition (0 where a split has one), near and the absolute error `error`."""
        held_out = self.model.out_of_fold
        partition = held_out["fold"].str.partition(".")[0].where(held_out["split"] == "clusters", "0")
        domain = self.model.domain
        near = held_out["domain_distance"] <= (domain.threshold if domain else 0.0)
        own = publications(self.known)[held_out["row"]]
        return held_out.assign(publication=own, partition=partition, near=near)

    def split(self, name: str) -> pd.DataFrame:
        return self.rows[self.rows["split"] == name]


def scrambled(known: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows with their conductivities dealt out anew: what a model learns from them is chance."""
    order = np.random.default_rng(seed).permutation(len(known))
    return known.assign(sigma_s_cm=known["sigma_s_cm"].to_numpy()[order])


def score_rows(held: HeldOut, chance: TrainedModel) -> pd.DataFrame:
    """One row per split and estimator: errors in decades, over all, per publication, near and far, and the ±."""
    records = []
    for split in dict.fromkeys(held.rows["split"]):
        rows = held.split(split)
        for kind, name in SHOWN.items():
            records.append({"held out": split, "": name} | _errors(rows, rows[kind]))
        first = rows[rows["partition"] == "0"]
        own = chance.out_of_fold[chance.out_of_fold["split"] == split]
        if len(own):
            # Learned from dealt-out values on the same folds, of the first partition alone, held against the true ones.
            records.append({"held out": split, "": "scrambled"} | _errors(first, own[BLEND].set_axis(first.index)))
    return pd.DataFrame(records)


def _errors(rows: pd.DataFrame, predicted: pd.Series) -> dict[str, object]:
    error, near = (rows["measured"] - predicted).abs(), rows["near"]
    of_row = error.groupby(rows["row"]).mean()
    publication = rows.groupby("row")["publication"].first().to_numpy()
    scatter = table_scatter(of_row.to_numpy(), publication, DRAWS, SEED)
    varied = predicted.nunique() > rows["fold"].nunique()
    rank = spearmanr(rows["measured"], predicted).statistic if varied else np.nan
    return {
        "rows": rows["row"].nunique(),
        "error": f"{error.mean():.2f} ± {scatter:.2f}",
        "per publication": f"{per_publication(of_row.to_numpy(), publication):.2f}",
        "near": f"{error[near].mean():.2f}",
        "far": f"{error[~near].mean():.2f}",
        "far rows": f"{(~near).mean():.0%}",
        "Spearman": "" if np.isnan(rank) else f"{rank:.2f}",
    }


def interval_rows(held: HeldOut) -> pd.DataFrame:
    """Coverage and median width of the 90 % intervals near, far, and for the best conductors."""
    records = []
    for split in dict.fromkeys(held.rows["split"]):
        rows = held.split(split)
        inside = rows["measured"].between(rows["low"], rows["high"])
        best = rows["measured"] >= WINNERS
        masks = {"near": rows["near"], "far": ~rows["near"], "≥ 1e-3 S/cm": best}
        masks |= {"≥ 1e-3, near": best & rows["near"], "≥ 1e-3, far": best & ~rows["near"]}
        record: dict[str, object] = {"held out": split, "all": f"{inside.mean():.2f}"}
        record |= {name: f"{inside[mask].mean():.2f} ({mask.sum()})" for name, mask in masks.items()}
        width = rows["high"] - rows["low"]
        record |= {f"width {n}": f"{width[m].median():.1f}" for n, m in list(masks.items())[:2]}
        records.append(record)
    return pd.DataFrame(records)


def expected_rows(held: HeldOut) -> pd.DataFrame:
    """Error to expect on a table of a hundred rows that nobody has seen, for its share of far rows, with 90 %."""
    rows = held.split("clusters")
    error = (rows["measured"] - rows[BLEND]).abs()
    regions = [error[rows["near"]], error[~rows["near"]]]
    near, far = (float(own.mean()) if len(own) else float(error.mean()) for own in regions)
    publication = rows.groupby("row")["publication"].first().to_numpy()
    scatter = table_scatter(error.groupby(rows["row"]).mean().to_numpy(), publication, DRAWS, SEED)
    records = []
    for share in (*FAR_SHARES, float((~rows["near"]).mean())):
        mean = (1 - share) * near + share * far
        low, high = mean - NINETY * scatter, mean + NINETY * scatter
        records.append(
            {
                "far rows": f"{share:.0%}",
                "error": f"{mean:.2f} ± {scatter:.2f}",
                "90 % of such tables": f"{low:.2f} to {high:.2f}",
            }
        )
    return pd.DataFrame(records)


def probability_rows(held: HeldOut) -> list[str]:
    """Stated probability of 1e-4 S/cm against the share that reached it, near and far, clusters held out."""
    rows, lines = held.split("clusters"), []
    probability = _probabilities(held, rows)
    reached = (rows["measured"] >= GOOD).to_numpy()
    for name, mask in (("near", rows["near"].to_numpy()), ("far", ~rows["near"].to_numpy())):
        if not mask.any():
            continue
        table = reliability(probability[mask], reached[mask], EDGES)
        base = float(reached[mask].mean())
        lines += [f"{name}: Brier score {table.attrs['brier']:.3f}; the base rate alone {base * (1 - base):.3f}", ""]
        lines += [markdown(table.round(2).rename_axis("stated range").reset_index()), ""]
    return lines


def _probabilities(held: HeldOut, rows: pd.DataFrame) -> np.ndarray:
    """Probability of GOOD for held-out rows.

    The expected error of a row, learned without its group, is its interval's width over that of the residuals. The
    residuals are those of all held-out rows: a row's own group is one of some hundred.
    """
    calibration = held.model.calibration
    if calibration is None:
        return np.full(len(rows), np.nan)
    far = (~rows["near"]).to_numpy()
    result = np.empty(len(rows))
    for region, residuals in enumerate(calibration.residuals):
        own = far == bool(region)
        ordered = np.sort(residuals)
        low, high = np.quantile(ordered, [calibration.below, 1 - calibration.above])
        part = rows[own]
        scale = ((part["high"] - part["low"]) / (high - low)).to_numpy()
        needed = (GOOD - part[BLEND].to_numpy()) / scale
        result[own] = (len(ordered) - np.searchsorted(ordered, needed) + 0.5) / (len(ordered) + 1)
    return result


def discovery_line(held: HeldOut) -> str:
    """Enrichment among the first tenth of the far rows."""
    rows = held.split("clusters")
    predicted, near = (rows.pivot(index="partition", columns="row", values=c) for c in (BLEND, "near"))
    of_row = rows.groupby("row")[["measured", "publication"]].first()
    good = (of_row["measured"] >= GOOD).to_numpy()
    far = ~near.fillna(True).to_numpy(dtype=bool)
    scores = predicted.fillna(-np.inf).to_numpy()
    value, draws = enrichment_of_far(scores, good, far, of_row["publication"].to_numpy(), FIRST, DRAWS, SEED)
    low, high = np.nanquantile(draws, [0.05, 0.95])
    base = good[np.nonzero(far)[1]].mean()
    return (
        f"Among the first {FIRST:.0%} of far rows, clusters held out, conductors of 1e-4 S/cm are {value:.1f} "
        f"[{low:.1f}, {high:.1f}] times as frequent as among all of them ({base:.0%}); {1 / base:.1f} would be perfect."
    )


def change_lines(held: HeldOut) -> list[str]:
    """Where the held-out errors change with distance, by the stated rule, of clusters and publications."""
    lines = []
    sets = {"clusters": held.split("clusters"), "publication": held.split("publication")}
    for name, rows in sets.items():
        error = (rows["measured"] - rows[BLEND]).abs()
        change = error_change(rows["domain_distance"], error, rows["publication"], 100, SEED)
        lines.append(f"- {name}: {change.distance:.4f} [{change.low:.4f}, {change.high:.4f}]")
    return lines


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def merged_tables(paths: Sequence[Path]) -> pd.DataFrame:
    """Measurements of several tables as the pipeline merges its sources."""
    tables = [(path.stem, measured_split(path, lenient=False)) for path in paths]
    return merged_measurements([(name, rows.assign(structure_json=None)) for name, rows in tables])[0]


def protocol(params: Mapping[str, Any], splits: Sequence[str], partitions: int) -> dict[str, Any]:
    """The block `train` with these splits, and so many partitions of the clusters."""
    ours = params["conductivity"]
    clusters = ours["clusters"] | {"partitions": partitions}
    return dict(params) | {"conductivity": ours | {"splits": list(splits), "clusters": clusters}}


def main(*arguments: str) -> None:
    paths = [Path(a) for a in arguments if not a.startswith("--")]
    params = protocol(home().params["train"], ["clusters", "publication", "family"], PARTITIONS)
    rows = merged_tables(paths)
    features = features_of(rows.drop(columns="structure_json")).set_index("id")
    known = measured_rows(rows)
    held = HeldOut(known, fit_conductivity(rows, features, params))
    chance = fit_conductivity(
        scrambled(known, SEED).reset_index(), features, protocol(params, ["clusters", "publication"], 1)
    )
    out = [f"{len(known)} rows of {len(set(publications(known)))} publications; decades", ""]
    out += ["## Scores", "", markdown(score_rows(held, chance)), ""]
    out += ["## To expect of a table nobody has seen", "", markdown(expected_rows(held)), ""]
    out += ["## Where errors change", "", *change_lines(held), ""]
    out += ["## Intervals", "", markdown(interval_rows(held)), ""]
    out += ["## Probability of 1e-4 S/cm", "", *probability_rows(held)]
    out += ["## Discovery", "", discovery_line(held), ""]
    if "--decisions" in arguments:
        errors, enrichments = decision_tables(known, features.loc[known.index], params)
        out += ["## Decisions", "", markdown(errors), "", markdown(enrichments), ""]
    sys.stdout.write("\n".join(out))


if __name__ == "__main__":
    run_stage(main)
