"""Known values in place of predicted ones: what was measured or calculated of a compound goes before a model."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_keys

USABLE_LOG10_SIGMA = -4.0


def keys_of(formulas: Iterable[str]) -> list[str]:
    """Identity of each composition, whatever the order and scale of its formula."""
    return composition_keys(formulas)


def known_conductivity(candidates: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """What was measured of each candidate: the median over measurements of its composition, and polymorph where known.

    Args:
        candidates: `id`, `formula`, `space_group_number` (NaN unknown).
        measurements: `formula`, `sigma_s_cm`, `sigma_upper_bound_s_cm`, `space_group_number`.

    Returns:
        Indexed as candidates: log10_sigma with log10_sigma_low and _high (least and largest measurement), NaN where
        none; log10_sigma_bound, the lowest upper bound where only bounds are known.
    """
    measured = measurements.assign(
        key=keys_of(measurements["formula"]), log10_sigma=np.log10(measurements["sigma_s_cm"])
    )
    by_key = dict(list(measured.groupby("key")))
    found = []
    for key, group in zip(keys_of(candidates["formula"]), candidates["space_group_number"], strict=True):
        row = {
            "log10_sigma": np.nan,
            "log10_sigma_low": np.nan,
            "log10_sigma_high": np.nan,
            "log10_sigma_bound": np.nan,
        }
        rows = by_key.get(key)
        if rows is not None and not np.isnan(group):
            rows = rows[rows["space_group_number"].isna() | (rows["space_group_number"] == group)]
        if rows is not None and len(rows):
            values = rows["log10_sigma"].dropna()
            if len(values):
                row |= {
                    "log10_sigma": values.median(),
                    "log10_sigma_low": values.min(),
                    "log10_sigma_high": values.max(),
                }
            else:
                row["log10_sigma_bound"] = np.log10(rows["sigma_upper_bound_s_cm"].min())
        found.append(row)
    return pd.DataFrame(found, index=candidates.index)


def with_known_conductivity(predicted: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Predictions with measured values in their place, `sigma_origin` and `note`.

    A bound is no value: it caps the prediction and never stands for a missing one, and from 1e-4 S/cm down the
    probability of reaching that is 0.
    """
    columns = ["log10_sigma", "log10_sigma_low", "log10_sigma_high"]
    measured = known["log10_sigma"].notna()
    bound = known["log10_sigma_bound"]
    result = predicted.copy()
    for column in columns:
        capped = predicted[column].where(bound.isna(), np.minimum(predicted[column], bound))
        result[column] = known[column].where(measured, capped)
    below = bound <= USABLE_LOG10_SIGMA
    result["probability_sigma_ge_1e_4"] = predicted["probability_sigma_ge_1e_4"].mask(below, 0.0)
    result["sigma_origin"] = np.where(measured, "measured", np.where(result["log10_sigma"].notna(), "predicted", ""))
    texts = ["" if np.isnan(b) else f"measured below {10**b:.0e} S/cm" for b in bound]
    return result.assign(note=texts)


def known_band_gap(formulas: pd.Series, band_gaps: pd.DataFrame) -> pd.DataFrame:
    """Median, least and largest gap of each formula by method, eV.

    Returns:
        Indexed as `formulas`: band_gap_{measured,pbe}_ev, band_gap_low_{…}_ev, band_gap_high_{…}_ev; NaN where none.
    """
    entries = band_gaps.assign(key=keys_of(band_gaps["formula"]))
    entries = entries[entries["key"].isin(set(keys := keys_of(list(formulas))))]
    spread = entries.groupby(["method", "key"])["band_gap_ev"].agg(["median", "min", "max"])
    blocks = []
    for method in ("measured", "pbe"):
        found = spread.loc[method] if method in spread.index.get_level_values(0) else spread.iloc[:0].droplevel(0)
        names = [f"band_gap_{method}_ev", f"band_gap_low_{method}_ev", f"band_gap_high_{method}_ev"]
        blocks.append(found.reindex(keys).set_axis(names, axis=1).set_axis(formulas.index))
    return pd.concat(blocks, axis=1)


def with_known_band_gap(predicted: pd.DataFrame, known: pd.DataFrame, thresholds_ev: Sequence[float]) -> pd.DataFrame:
    """One gap per row: measured before computed before predicted, with its origin and its spread.

    Returns:
        band_gap_ev, band_gap_low_ev, band_gap_high_ev, band_gap_origin ("measured", "computed" or "predicted"),
        band_gap_measured_ev, band_gap_pbe_ev, band_gap_predicted_ev, and band_gap_spans: a threshold lies between the
        least and the largest entry, or inside the prediction's interval.
    """
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]
    result = predicted[columns].copy()
    origin = np.full(len(result), "predicted", dtype=object)
    for method, name in (("pbe", "computed"), ("measured", "measured")):  # the later goes before the earlier
        has = known[f"band_gap_{method}_ev"].notna()
        for column in columns:
            result[column] = known[column.replace("_ev", f"_{method}_ev")].where(has, result[column])
        origin[has.to_numpy()] = name
    low, high = result["band_gap_low_ev"], result["band_gap_high_ev"]
    spans = np.any([(low < t) & (t <= high) for t in thresholds_ev], axis=0)
    apart = known[["band_gap_measured_ev", "band_gap_pbe_ev"]].assign(band_gap_predicted_ev=predicted["band_gap_ev"])
    return pd.concat([result.assign(band_gap_origin=origin, band_gap_spans=spans), apart], axis=1)
