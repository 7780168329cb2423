import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.evidence import (
    element_credit,
    gap_lookup,
    prepare_candidates,
    warnings_of,
)


def test_gaps_of_products_are_medians_and_measured_ones_win():
    gaps = pd.DataFrame(
        [
            ("Li3P", 0.6, "pbe"),
            ("PLi3", 0.8, "pbe"),
            ("Li2S", 3.4, "pbe"),
            ("SLi2", 4.0, "measured"),
            ("Li2O", 5.0, "pbe"),
            ("Li2S2", 9.9, "pbe"),
            ("Li3P", np.nan, "pbe"),
        ],
        columns=["formula", "band_gap_ev", "method"],
    )
    found = gap_lookup(gaps, ["Li3P + 0.5 Li2S", None, "LiCl"])
    assert found == {"Li3P": pytest.approx(0.7), "Li2S": pytest.approx(4.0)}
    assert gap_lookup(gaps, [None, ""]) == {}


@pytest.fixture
def candidates() -> pd.DataFrame:
    base = {
        "formula": "Li3PS4",
        "hull_complete": True,
        "lithium_fraction": 0.375,
        "molecular_groups": "",
        "f_element_warning": "",
        "borohydride_or_amide": False,
        "mixed_conduction_ions": "",
        "mixed_conduction_unknown": False,
        "log10_sigma": -3.5,
        "log10_sigma_decides": -3.5,
        "sigma_origin": "predicted",
        "sigma_kind": "",
        "novelty": "known",
        "measured_crystalline": False,
        "hygroscopic": False,
        "near": True,
        "band_gap_ev": 2.5,
        "band_gap_low_ev": 1.6,
        "band_gap_high_ev": 3.4,
        "band_gap_decides_ev": 2.5,
        "band_gap_origin": "computed",
        "band_gap_spans": False,
        "charge_balanced": True,
        "mobile_site_shared": False,
        "e_above_hull_ev_atom": 0.01,
        "decomposition_energy_ev_atom": 0.01,
        "reduction_limit_v": 1.7,
        "oxidation_limit_v": 2.3,
        "reduction_limit_tol_v": 1.7,
        "oxidation_limit_tol_v": 2.4,
        "oxidation_ceiling_v": 2.9,
    }
    rows = [
        {"id": "plain"},
        {"id": "incomplete", "hull_complete": False},
        {"id": "undecided", "hull_complete": None},
        {"id": "defect", "oxidation_limit_tol_v": 7.19},  # a sulfide that "oxidises at 7.19 V"
        {"id": "measured", "sigma_origin": "measured"},
        {"id": "far", "near": False, "log10_sigma_decides": np.nan},
        {"id": "bismuth", "mixed_conduction_unknown": True},
        {"id": "iron", "mixed_conduction_unknown": True, "mixed_conduction_ions": "Fe"},
        {"id": "alumina", "lithium_fraction": 0.0, "oxidation_limit_tol_v": np.inf},
        {"id": "guessed", "band_gap_origin": "predicted"},
        {"id": "both", "band_gap_origin": "predicted", "sigma_origin": "measured"},
        {"id": "fractional", "band_gap_origin": "host", "band_gap_decides_ev": np.nan},
    ]
    return pd.DataFrame([base | row for row in rows])


@pytest.fixture
def prepared(candidates) -> pd.DataFrame:
    return prepare_candidates(candidates).set_index("id")


def test_incomplete_phases_make_hull_and_window_unknown(prepared):
    masked = ["e_above_hull_ev_atom", "reduction_limit_tol_v", "oxidation_limit_tol_v", "oxidation_limit_v"]
    for name in ("incomplete", "undecided"):
        assert prepared.loc[name, masked].isna().all()
        assert prepared.loc[name, "oxidation_at_most_v"] == 2.9  # a sulfide still cannot bear more
    assert prepared.loc["plain", masked].tolist() == [0.01, 1.7, 2.4, 2.3]
    assert "hull distance and window unknown" in prepared.loc["incomplete", "warnings"]


def test_a_limit_above_what_the_anions_allow_is_a_defect_of_the_data(prepared):
    assert prepared["oxidation_defect"].to_dict() == {name: name == "defect" for name in prepared.index}
    assert prepared.loc["defect", ["oxidation_limit_tol_v", "e_above_hull_ev_atom"]].isna().all()
    assert "above what the anions allow" in prepared.loc["defect", "warnings"]


def test_gaps_decide_as_far_as_they_are_known(prepared):
    columns = ["band_gap_decides_ev", "band_gap_at_least_ev", "band_gap_at_most_ev"]
    known = prepared[columns].astype(object).where(prepared[columns].notna(), None)
    assert known.loc["plain"].tolist() == [2.5, None, None]
    assert known.loc["guessed"].tolist() == [None, 1.6, 3.4]
    assert known.loc["both"].tolist() == [None, 2.5, None]  # measured as an ionic conductor: the median, and no fall
    assert known.loc["fractional"].tolist() == [None, None, None]


def test_a_measured_conductor_without_a_gap_to_speak_against_it_blocks_electrons(prepared, candidates):
    assert not prepared["electrons_blocked"].any()
    measured = candidates[candidates["id"] == "fractional"].assign(sigma_origin="measured")
    assert prepare_candidates(measured)["electrons_blocked"].tolist() == [True]


def test_a_measured_conductor_is_told_from_a_predicted_one(prepared):
    assert prepared.index[prepared["measured_conductor"]].tolist() == ["measured", "both"]


def test_undecidable_charges_are_unknown_and_known_ions_stay(prepared):
    assert pd.isna(prepared.loc["bismuth", "mixed_conduction_ions"])
    assert prepared.loc["iron", "mixed_conduction_ions"] == "Fe"


def test_without_lithium_there_is_no_oxidation_limit_to_doubt(prepared):
    assert prepared["lithium_free"].to_dict()["alumina"]
    assert not prepared["lithium_free"].drop("alumina").any()
    assert np.isinf(prepared.loc["alumina", "oxidation_limit_tol_v"])


def test_preparing_changes_nothing_in_place_and_refuses_double_ids(candidates):
    before = candidates.copy(deep=True)
    prepare_candidates(candidates)
    pd.testing.assert_frame_equal(candidates, before)
    with pytest.raises(ValueError, match="1 ids stand more than once, such as plain"):
        prepare_candidates(pd.concat([candidates, candidates.head(1)]))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("charge_balanced", False, "not charge balanced"),
        ("band_gap_spans", True, "spread of entries"),
        ("mobile_site_shared", True, "shares lithium's site"),
        ("molecular_groups", "hydrate, nitrate", "hydrate, nitrate"),
        ("near", False, "no measured material is near"),
        ("band_gap_origin", "predicted", "gap predicted"),
        ("f_element_warning", "Yb: f electrons", "Yb: f electrons"),
    ],
)
def test_doubts_are_put_into_words(candidates, column, value, words):
    plain = candidates.head(1).assign(oxidation_defect=False, hypothetical=False)
    assert warnings_of(plain) == [""]
    assert words in warnings_of(plain.assign(**{column: value}))[0]
    unknown = plain.assign(**{column: None})
    assert warnings_of(unknown) == [""]


def test_a_measured_material_needs_no_neighbour(candidates):
    measured = candidates.head(1).assign(
        sigma_origin="measured", near=False, oxidation_defect=False, hypothetical=False
    )
    assert warnings_of(measured) == [""]
    assert "grain boundaries come on top" in warnings_of(measured.assign(sigma_kind="bulk"))[0]


def test_intervals_count_where_all_that_is_missing_is_named(candidates):
    ends = {"oxidation_limit_tol_bound_low_v": 2.1, "oxidation_limit_tol_bound_high_v": 2.6}
    ends |= {
        "reduction_limit_tol_bound_low_v": 1.5,
        "reduction_at_least_v": 1.2,
        "e_above_hull_bound_high_ev_atom": 0.02,
    }
    named = candidates.head(1).assign(hull_complete=False, hull_incomplete_reason="the phases lack P4S9", **ends)
    row = prepare_candidates(named).iloc[0]
    assert np.isnan(row["oxidation_limit_tol_v"])
    assert row["oxidation_at_most_v"] == 2.6  # below the 2.9 V that the anions allow
    assert row["reduction_at_least_v"] == 1.5  # above the host's
    assert row["e_above_hull_bound_high_ev_atom"] == 0.02
    for reason in ("no compound of P and S", "no compound of P and S; the phases lack P4S9"):
        row = prepare_candidates(named.assign(hull_incomplete_reason=reason)).iloc[0]
        assert (row["oxidation_at_most_v"], row["reduction_at_least_v"]) == (2.9, 1.2)
        assert np.isnan(row["e_above_hull_bound_high_ev_atom"])
    above = named.assign(oxidation_limit_tol_bound_high_v=7.2)  # phases that nobody names are missing too
    assert prepare_candidates(above).iloc[0]["oxidation_at_most_v"] == 2.9


def test_what_nobody_made_and_nobody_computed_is_hypothetical(candidates):
    energy = {"e_above_hull_ev_atom": np.nan}
    made = prepare_candidates(
        candidates.assign(hull_complete=False)
    )  # its own energy counts, whatever is missing beside
    guessed = prepare_candidates(candidates.assign(novelty="variant", **energy))
    known = prepare_candidates(candidates.assign(**energy))
    measured = prepare_candidates(candidates.assign(novelty="new", measured_crystalline=True, **energy))
    assert [bool(t["hypothetical"].any()) for t in (made, guessed, known, measured)] == [False, True, False, False]
    assert "no energy of its own" in guessed["warnings"].iloc[0]


def test_element_credit_by_hand():
    elements = pd.DataFrame(
        {"symbol": ["Li", "O", "Sc", "F", "As"], "price_class": [2, 1, 4, np.nan, 1], "toxicity_class": [1, 0, 0, 1, 3]}
    )
    credit = element_credit(["Li2O", "ScO", "LiF", "AsO", "O2"], elements)
    # 1 - (dearest - 1)/8 - most toxic/6; fluorine has no price class and no say.
    assert credit == pytest.approx([1 - 1 / 8 - 1 / 6, 1 - 3 / 8, 1 - 1 / 8 - 1 / 6, 0.5, 1.0])


def test_an_element_without_facts_counts_as_the_most_toxic():
    elements = pd.DataFrame({"symbol": ["Li"], "price_class": [1], "toxicity_class": [0]})
    assert element_credit(["Li", "LiTl"], elements) == pytest.approx([1.0, 1 - 3 / 6])
