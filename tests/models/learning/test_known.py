"""Known values before predicted ones, by composition and polymorph; a bound is never a value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ionsieve.models.learning.known import (
    known_band_gap,
    known_conductivity,
    with_known_band_gap,
    with_known_conductivity,
)

NAN = np.nan


def measurements(*rows) -> pd.DataFrame:
    columns = ["formula", "sigma_s_cm", "sigma_upper_bound_s_cm", "space_group_number"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))


def candidates(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["formula", "space_group_number"]).astype({"space_group_number": float})


def predicted(log10_sigma: float, n: int = 1) -> pd.DataFrame:
    row = {"log10_sigma": log10_sigma, "log10_sigma_low": log10_sigma - 1, "log10_sigma_high": log10_sigma + 1}
    return pd.DataFrame([row | {"probability_sigma_ge_1e_4": 0.7}] * n)


GARNETS = measurements(
    ["Li7La3Zr2O12", 1e-4, NAN, 230],
    ["Li14La6Zr4O24", 4e-4, NAN, 230],
    ["Li7La3Zr2O12", 1e-6, NAN, 142],
    ["Zr2La3Li7O12", 2e-4, NAN, NAN],
)


def test_the_median_is_over_the_polymorph_and_rows_that_name_none():
    found = known_conductivity(candidates(["Li7La3Zr2O12", 230], ["O12Zr2La3Li7", 142], ["Li7La3Zr2O12", NAN]), GARNETS)
    # Cubic: 1, 4 and 2e-4; tetragonal: middle of 1e-6 and 2e-4 in logs; unknown: all four, middle of 1 and 2e-4.
    expected = [np.log10(2e-4), (-6 + np.log10(2e-4)) / 2, (-4 + np.log10(2e-4)) / 2]
    assert found["log10_sigma"].tolist() == pytest.approx(expected)
    assert found["log10_sigma_low"].tolist() == pytest.approx([-4, -6, -6])
    assert found["log10_sigma_high"].tolist() == pytest.approx([np.log10(4e-4), np.log10(2e-4), np.log10(4e-4)])
    assert found["log10_sigma_bound"].isna().all()


def test_another_polymorph_or_composition_is_not_known():
    found = known_conductivity(candidates(["Li7La3Zr2O12", 225], ["Li5La3Ta2O12", 230]), GARNETS.iloc[:3])
    assert found.isna().all(axis=None)


def test_bounds_are_kept_apart_and_yield_to_a_value():
    rows = measurements(
        ["LiF", NAN, 1e-8, NAN], ["LiF", NAN, 1e-10, NAN], ["LiCl", NAN, 1e-8, NAN], ["LiCl", 1e-9, NAN, NAN]
    )
    found = known_conductivity(candidates(["LiF", NAN], ["LiCl", 225]), rows)
    assert found["log10_sigma_bound"].tolist() == pytest.approx([-10, NAN], nan_ok=True)
    assert found["log10_sigma"].tolist() == pytest.approx([NAN, -9], nan_ok=True)


def test_a_measured_value_takes_the_place_of_the_predicted_one():
    known = known_conductivity(candidates(["Li7La3Zr2O12", 230], ["Li2O", NAN]), GARNETS)
    result = with_known_conductivity(predicted(-7.0, 2), known)
    assert result["log10_sigma"].tolist() == pytest.approx([np.log10(2e-4), -7])
    assert result["log10_sigma_high"].tolist() == pytest.approx([np.log10(4e-4), -6])
    assert list(result["sigma_origin"]) == ["measured", "predicted"]


@given(value=st.floats(-14, 0), bound=st.floats(-14, 0))
def test_a_bound_caps_a_prediction_and_is_noted(value, bound):
    known = known_conductivity(candidates(["LiF", NAN]), measurements(["LiF", NAN, 10**bound, NAN]))
    row = with_known_conductivity(predicted(value), known).iloc[0]
    assert row["log10_sigma"] == pytest.approx(min(value, bound))
    assert row["log10_sigma_low"] <= row["log10_sigma"] <= row["log10_sigma_high"] <= bound + 1e-9
    assert row["sigma_origin"] == "predicted"
    assert row["note"].startswith("measured below")
    if abs(bound + 4) > 1e-9:
        assert row["probability_sigma_ge_1e_4"] == (0.0 if bound < -4 else 0.7)


def test_a_bound_never_stands_for_a_prediction_that_is_missing():
    known = known_conductivity(candidates(["LiF", NAN]), measurements(["LiF", NAN, 1e-10, NAN]))
    row = with_known_conductivity(predicted(NAN), known).iloc[0]
    assert np.isnan(row["log10_sigma"])
    assert row["sigma_origin"] != "measured"
    assert row["probability_sigma_ge_1e_4"] == 0.0  # what is below 1e-10 does not reach 1e-4


GAPS = pd.DataFrame(
    [
        ["LiF", 13.6, "measured"],
        ["FLi", 14.2, "measured"],
        ["LiF", 8.7, "pbe"],
        ["Li2S", 3.3, "pbe"],
        ["S2Li4", 3.5, "pbe"],
        ["Li2S", 1.9, "pbe"],
    ],
    columns=["formula", "band_gap_ev", "method"],
)


def test_gaps_of_a_formula_are_the_median_of_its_entries_by_method():
    found = known_band_gap(pd.Series(["Li4S2", "LiF", "LiCl"]), GAPS)
    assert found["band_gap_pbe_ev"].tolist() == pytest.approx([3.3, 8.7, NAN], nan_ok=True)
    assert found["band_gap_measured_ev"].tolist() == pytest.approx([NAN, 13.9, NAN], nan_ok=True)
    assert found["band_gap_low_pbe_ev"].tolist() == pytest.approx([1.9, 8.7, NAN], nan_ok=True)


def test_a_measured_gap_goes_before_a_computed_one_before_a_predicted_one():
    formulas = pd.Series(["LiF", "Li2S", "LiCl"])
    guess = pd.DataFrame({"band_gap_ev": [5.0] * 3, "band_gap_low_ev": [4.0] * 3, "band_gap_high_ev": [6.0] * 3})
    result = with_known_band_gap(guess, known_band_gap(formulas, GAPS), [1.0, 2.0])
    assert list(result["band_gap_origin"]) == ["measured", "computed", "predicted"]
    assert result["band_gap_ev"].tolist() == pytest.approx([13.9, 3.3, 5.0])
    assert result["band_gap_high_ev"].tolist() == pytest.approx([14.2, 3.5, 6.0])
    # Entries of Li2S lie at 1.9 and 3.5 eV, on both sides of 2.
    assert list(result["band_gap_spans"]) == [False, True, False]
    assert list(result["band_gap_predicted_ev"]) == [5.0] * 3


def test_without_measured_gaps_nothing_is_measured():
    found = known_band_gap(pd.Series(["Li2S"]), GAPS[GAPS["method"] == "pbe"])
    assert found["band_gap_measured_ev"].isna().all()
    assert found["band_gap_pbe_ev"].tolist() == pytest.approx([3.3])
