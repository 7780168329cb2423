"""Known gaps before predicted ones."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.models.learning.known import known_band_gap, with_known_band_gap

NAN = np.nan


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
    result = with_known_band_gap(guess, known_band_gap(formulas, GAPS), no_hosts(3), [1.0, 2.0])
    assert list(result["band_gap_origin"]) == ["measured", "computed", "predicted"]
    assert result["band_gap_ev"].tolist() == pytest.approx([13.9, 3.3, 5.0])
    assert result["band_gap_high_ev"].tolist() == pytest.approx([14.2, 3.5, 6.0])
    # Entries of Li2S lie at 1.9 and 3.5 eV, on both sides of 2.
    assert list(result["band_gap_spans"]) == [False, True, False]
    assert list(result["band_gap_predicted_ev"]) == [5.0] * 3


def no_hosts(n: int) -> pd.DataFrame:
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]
    return pd.DataFrame(NAN, index=range(n), columns=columns).assign(band_gap_host="", fractional=False)


def test_a_fractional_formula_has_the_gap_of_its_host_or_none():
    formulas = pd.Series(["Li0.33La0.56TiO3", "Li0.9F0.9Cl0.1", "LiF"])
    guess = pd.DataFrame({"band_gap_ev": [0.02] * 3, "band_gap_low_ev": [0.0] * 3, "band_gap_high_ev": [0.1] * 3})
    hosts = no_hosts(3).assign(fractional=[True, True, False])
    hosts.loc[0, ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]] = [1.8, 1.7, 2.1]
    hosts.loc[0, "band_gap_host"] = "LiLaTi2O6 (PBE)"
    result = with_known_band_gap(guess, known_band_gap(formulas, GAPS), hosts, [1.0, 2.0])
    assert list(result["band_gap_origin"]) == ["host", "", "measured"]
    assert result["band_gap_ev"].tolist() == pytest.approx([1.8, NAN, 13.9], nan_ok=True)
    assert list(result["band_gap_host"]) == ["LiLaTi2O6 (PBE)", "", ""]
    assert result["band_gap_predicted_ev"].isna().tolist() == [True, True, False]
    assert list(result["band_gap_spans"]) == [True, False, False]  # 2 eV lies between 1.7 and 2.1


def test_without_measured_gaps_nothing_is_measured():
    found = known_band_gap(pd.Series(["Li2S"]), GAPS[GAPS["method"] == "pbe"])
    assert found["band_gap_measured_ev"].isna().all()
    assert found["band_gap_pbe_ev"].tolist() == pytest.approx([3.3])
