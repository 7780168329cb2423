"""Measurements per phase, and which phase a candidate is; a bound is never a value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ionsieve.models.quantities.measured import (
    NOT_STATED,
    decided_conductivity,
    is_amorphous,
    known_conductivity,
    measured_phases,
)

NAN = np.nan
COLUMNS = ["formula", "sigma_s_cm", "space_group_number", "kind", "source", "note"]


def measurements(*rows, **more) -> pd.DataFrame:
    table = pd.DataFrame([[*row, *["", "", ""]][:6] for row in rows], columns=COLUMNS)
    return table.astype({"space_group_number": float}).assign(sigma_upper_bound_s_cm=NAN).assign(**more)


def bounds(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["formula", "sigma_upper_bound_s_cm"])
    return table.assign(sigma_s_cm=NAN, space_group_number=NAN)


def candidates(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["formula", "space_group_number"]).astype({"space_group_number": float})


GARNETS = measurements(
    ["Li7La3Zr2O12", 1e-4, 230, "total", "first"],
    ["Li14La6Zr4O24", 4e-4, 230, "bulk", "first"],
    ["Zr2La3Li7O12", 1e-4, 230, "total", "second"],
    ["Li7La3Zr2O12", 1e-6, 142, "total", "third"],
)


def test_bulk_goes_before_total_within_a_publication_and_publications_count_once():
    found = known_conductivity(candidates(["Li7La3Zr2O12", 230]), GARNETS).iloc[0]
    # The first publication gives 4e-4 (bulk), the second 1e-4: their middle is 2e-4, their spread 0.43 decades.
    assert found["log10_sigma"] == pytest.approx(np.log10(2e-4))
    assert found["sigma_publications"] == 2
    assert found["sigma_kind"] == "bulk, total"
    assert found["sigma_source"] == "first; second"
    # Two publications: at least 0.5 decades over the root of two. P(>= 1e-4) is that of 0.301 decades above it.
    half = norm.ppf(0.95) * 0.5 / np.sqrt(2)
    assert found["log10_sigma_high"] - found["log10_sigma"] == pytest.approx(half)
    assert found["probability_sigma_ge_1e_4"] == pytest.approx(norm.cdf(np.log10(2) / (0.5 / np.sqrt(2))))
    assert found["probability_sigma_ge_1e_3"] == pytest.approx(norm.cdf(-np.log10(5) / (0.5 / np.sqrt(2))))


def test_the_error_follows_the_spread_of_publications_and_never_falls_below_a_third_of_a_decade():
    wide = measurements(*[["Li3N", sigma, NAN, "", f"p{i}"] for i, sigma in enumerate((1e-6, 1e-4, 1e-2))])
    # Three logs -6, -4, -2: standard deviation 2, over the root of three.
    assert measured_phases(wide)[0].scatter == pytest.approx(2 / np.sqrt(3))
    many = measurements(*[["Li3N", 1e-4, NAN, "", f"p{i}"] for i in range(16)])
    assert measured_phases(many)[0].scatter == pytest.approx(0.3)  # 0.5 / 4 would be 0.125


def test_polymorphs_are_not_pooled_and_the_best_stands_for_the_composition():
    rows = candidates(["Li7La3Zr2O12", 142], ["Li7La3Zr2O12", NAN], ["Li7La3Zr2O12", 225])
    found = known_conductivity(rows, GARNETS)
    assert found["log10_sigma"].tolist() == pytest.approx([-6, np.log10(2e-4), NAN], nan_ok=True)
    assert found["sigma_phase"].tolist() == ["(I4_1/acd)", "(Ia-3d)", ""]
    assert found["sigma_match"][1] == "same composition; the best of 2 phases"
    assert "another phase" in found["note"][2]
    assert found["measured_crystalline"].all()


def test_a_polymorph_named_by_its_phase_or_its_note_stays_apart_without_a_space_group():
    rows = measurements(["Li3PS4", 1.6e-4, NAN], ["Li3PS4", 3e-7, NAN], phase=["beta", "gamma"])
    assert [p.name for p in measured_phases(rows)] == ["beta", "gamma"]
    noted = measurements(
        ["Li2ZrCl6", 8e-4, NAN, "", "", "ball-milled trigonal polymorph"],
        ["Li2ZrCl6", 1e-6, 12, "", "", "of the monoclinic phase"],
    )
    found = known_conductivity(candidates(["Li2ZrCl6", 164], ["Li2ZrCl6", 12]), noted)
    assert found["log10_sigma"].tolist() == pytest.approx([np.log10(8e-4), -6])
    assert list(found["sigma_match"]) == ["same composition and crystal system", "same composition and space group"]


def test_rows_that_state_no_polymorph_join_the_only_one_or_stay_for_themselves():
    unstated = ["Li7La3Zr2O12", 5e-5, NAN, "", "fourth"]
    assert len(measured_phases(measurements(GARNETS.iloc[0][COLUMNS].tolist(), unstated))) == 1
    assert len(measured_phases(pd.concat([GARNETS, measurements(unstated)]))) == 3
    found = known_conductivity(candidates(["Li7La3Zr2O12", 225]), measurements(unstated)).iloc[0]
    assert found["sigma_match"] == NOT_STATED


def test_a_glass_is_no_polymorph_of_a_crystal():
    rows = measurements(
        ["Li3PS4", 3e-4, NAN, "", "a", "melt-quenched glass; crystals conduct less"], ["Li3PS4", 3e-7, 31, "", "b"]
    )
    found = known_conductivity(candidates(["Li3PS4", 31], ["Li3PS4", NAN]), rows)
    assert found["log10_sigma"].tolist() == pytest.approx([np.log10(3e-7)] * 2)
    alone = known_conductivity(candidates(["Li3PS4", NAN], ["Li3PS4", 31]), rows.iloc[:1])
    assert alone["log10_sigma"].tolist() == pytest.approx([np.log10(3e-4), NAN], nan_ok=True)
    assert not alone["measured_crystalline"].any()


@pytest.mark.parametrize(
    ("words", "glass"),
    [
        (("", "", "oxide glass", ""), True),
        (("", "", "lipon", "film"), True),
        (("", "", "thiophosphate glass-ceramic", ""), False),
        (("", "", "nasicon", "glass-ceramic; the entries are ceramics"), False),
        (("", "", "phosphate", "crystalline; the glass conducts better"), False),
        (("amorphous", "", "", ""), True),
        (("", "polycrystalline pellet", "", ""), False),
    ],
)
def test_words_tell_a_glass(words, glass):
    assert is_amorphous(*words) is glass


def test_a_composition_is_found_within_rounding_and_not_beyond():
    rows = measurements(["Li0.33La0.557TiO3", 1e-3, NAN])
    # La: 0.560 / 4.890 = 0.11452 against 0.557 / 4.887 = 0.11398, 0.5 % apart; with 0.54 it is 2.7 %.
    found = known_conductivity(candidates(["Li0.33La0.56TiO3", NAN], ["Li0.33La0.54TiO3", NAN]), rows)
    assert found["log10_sigma"].tolist() == pytest.approx([-3, NAN], nan_ok=True)
    assert "within rounding" in found["sigma_match"][0]


def test_bounds_are_kept_apart_and_yield_to_a_value():
    rows = pd.concat([bounds(["LiF", 1e-8], ["LiF", 1e-10], ["LiCl", 1e-8]), measurements(["LiCl", 1e-9, NAN])])
    found = known_conductivity(candidates(["LiF", NAN], ["LiCl", NAN]), rows)
    assert found["log10_sigma_bound"].tolist() == pytest.approx([-10, NAN], nan_ok=True)
    assert found["log10_sigma"].tolist() == pytest.approx([NAN, -9], nan_ok=True)
    assert found["probability_sigma_ge_1e_4"][0] == 0.0


def predicted(log10_sigma: float, distance: float = 0.5) -> pd.DataFrame:
    row = {"log10_sigma": log10_sigma, "log10_sigma_low": log10_sigma - 1, "log10_sigma_high": log10_sigma + 1}
    row |= {"probability_sigma_ge_1e_4": 0.7, "probability_sigma_ge_1e_3": 0.3, "domain_distance": distance}
    return pd.DataFrame([row])


def decided(formula: str, guess: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    return decided_conductivity(guess, known_conductivity(candidates([formula, NAN]), rows), near_distance=0.02).iloc[0]


def test_a_measured_value_decides_whatever_is_predicted():
    row = decided("Li7La3Zr2O12", predicted(-9.0), GARNETS)
    assert row["sigma_origin"] == "measured"
    assert row["near"] is True or row["near"] == True  # noqa: E712
    assert row["log10_sigma"] == row["log10_sigma_decides"] == pytest.approx(np.log10(2e-4))
    assert row["probability_sigma_ge_1e_4"] > 0.5


def test_a_prediction_decides_near_the_data_alone():
    near, far = (decided("Li2O", predicted(-5.0, distance), GARNETS) for distance in (0.02, 0.021))
    assert (near["log10_sigma_decides"], near["probability_sigma_ge_1e_4"]) == (-5.0, 0.7)
    assert far["log10_sigma"] == -5.0  # still told
    assert np.isnan(far["log10_sigma_decides"])
    assert np.isnan(far[["probability_sigma_ge_1e_4", "probability_sigma_ge_1e_3"]].astype(float)).all()
    assert (near["near"], far["near"]) == (True, False)
    assert near["sigma_origin"] == far["sigma_origin"] == "predicted"


def test_nothing_known_is_neither_near_nor_far():
    row = decided("Li2O", predicted(NAN), GARNETS)
    assert row["near"] is pd.NA
    assert row["sigma_origin"] == ""


@settings(deadline=None)  # a busy machine takes its time
@given(value=st.floats(-14, 0), bound=st.floats(-14, 0))
def test_a_bound_caps_a_prediction_and_decides_below_the_tiers(value, bound):
    row = decided("LiF", predicted(value), bounds(["LiF", 10**bound]))
    assert row["log10_sigma"] == pytest.approx(min(value, bound))
    assert row["log10_sigma"] <= row["log10_sigma_high"] <= bound + 1e-9
    if value < bound - 1e-9:  # the table holds the power of ten
        assert row["sigma_origin"] == "predicted"
        assert row["log10_sigma_low"] == value - 1
    if value > bound + 1e-9:  # the bound itself is shown, as what it is: an upper end without a lower
        assert row["sigma_origin"] == "upper bound"
        assert np.isnan(row["log10_sigma_low"])
    assert row["note"].startswith("measured below")
    if bound < -4.001:
        assert row["probability_sigma_ge_1e_4"] == row["probability_sigma_ge_1e_3"] == 0.0
        assert row["log10_sigma_decides"] == pytest.approx(min(value, bound))
    if bound > -2.999:
        assert np.isnan(row["log10_sigma_decides"])


def test_a_bound_never_stands_for_a_prediction_that_is_missing():
    row = decided("LiF", predicted(NAN), bounds(["LiF", 1e-10]))
    assert np.isnan(row["log10_sigma"])
    assert row["sigma_origin"] == "upper bound"
    assert row["log10_sigma_high"] == pytest.approx(-10)
    assert row["probability_sigma_ge_1e_4"] == 0.0  # what is below 1e-10 does not reach 1e-4
    assert row["log10_sigma_decides"] == pytest.approx(-10)  # no better than that, and known
