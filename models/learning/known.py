"""Known gaps in place of predicted ones: what was measured or calculated of a compound goes before a model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_keys


def known_band_gap(formulas: pd.Series, band_gaps: pd.DataFrame) -> pd.DataFrame:
    """Median, least and largest gap of each formula by method, eV.

    Returns:
        Indexed as `formulas`: band_gap_{measured,pbe}_ev, band_gap_low_{…}_ev, band_gap_high_{…}_ev; NaN where none.
    """
    entries = band_gaps.assign(key=composition_keys(band_gaps["formula"]))
    entries = entries[entries["key"].isin(set(keys := composition_keys(formulas)))]
    spread = entries.groupby(["method", "key"])["band_gap_ev"].agg(["median", "min", "max"])
    blocks = []
    for method in ("measured", "pbe"):
        found = spread.loc[method] if method in spread.index.get_level_values(0) else spread.iloc[:0].droplevel(0)
        names = [f"band_gap_{method}_ev", f"band_gap_low_{method}_ev", f"band_gap_high_{method}_ev"]
        blocks.append(found.reindex(keys).set_axis(names, axis=1).set_axis(formulas.index))
    return pd.concat(blocks, axis=1)


def with_known_band_gap(
    predicted: pd.DataFrame, known: pd.DataFrame, hosts: pd.DataFrame, thresholds_ev: Sequence[float]
) -> pd.DataFrame:
    """One gap per row: measured before computed before that of a host before a predicted one, with origin and spread.

    A fractional formula has no predicted gap: without a host its gap is unknown.

    Args:
        predicted: band_gap_ev, band_gap_low_ev, band_gap_high_ev of a model.
        known: As from `known_band_gap`.
        hosts: As from models/quantities/host_gap.py, same index.
        thresholds_ev: Gaps that filters ask for.

    Returns:
        band_gap_ev, band_gap_low_ev, band_gap_high_ev, band_gap_origin ("measured", "computed", "host", "predicted" or,
        where nothing is known, ""), band_gap_host (whose gap it is), band_gap_measured_ev, band_gap_pbe_ev,
        band_gap_predicted_ev, and band_gap_spans: a threshold lies between the least and the largest entry, or inside
        the prediction's interval.
    """
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]
    allowed = predicted[columns].mask(hosts["fractional"])
    result = allowed.where(hosts["band_gap_ev"].isna(), hosts[columns])
    origin = np.where(hosts["band_gap_ev"].notna(), "host", np.where(allowed["band_gap_ev"].notna(), "predicted", ""))
    origin = origin.astype(object)
    for method, name in (("pbe", "computed"), ("measured", "measured")):  # the later goes before the earlier
        has = known[f"band_gap_{method}_ev"].notna()
        for column in columns:
            result[column] = known[column.replace("_ev", f"_{method}_ev")].where(has, result[column])
        origin[has.to_numpy()] = name
    low, high = result["band_gap_low_ev"], result["band_gap_high_ev"]
    spans = np.any([(low < t) & (t <= high) for t in thresholds_ev], axis=0)
    apart = known[["band_gap_measured_ev", "band_gap_pbe_ev"]].assign(band_gap_predicted_ev=allowed["band_gap_ev"])
    told = hosts["band_gap_host"].where(origin == "host", "")
    return pd.concat([result.assign(band_gap_origin=origin, band_gap_host=told, band_gap_spans=spans), apart], axis=1)
