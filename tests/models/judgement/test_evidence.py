import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.evidence import (
    element_credit,
    gap_lookup,
    passivating,
    passivating_column,
    prepare_candidates,
    product_formulas,
    warnings_of,
)

# PBE gaps of the Materials Project, eV, rounded; Li3P as quoted by DESIGN-like screens (0.70), the others are wide.
GAPS = {"Li3P": 0.70, "Li2S": 3.4, "LiCl": 6.2, "Li2O": 5.0, "Li15Ge4": 0.0, "Li3Bi": 0.6}


@pytest.mark.parametrize(
    ("products", "answer"),
    [
        (["Li3P", "Li2S"], True),  # what Li3PS4 turns into
        (["Li3P", "Li2S", "LiCl"], True),  # argyrodite
        (["Li15Ge4", "Li3P", "Li2S"], False),  # LGPS: the alloy conducts
        (["Li2O", "Zr"], False),  # a metal has no gap, listed or not
        (["Li2O", "LiAl"], False),  # nor has an alloy of metals
        (["Li2O", "Li3XeO"], None),  # not listed: unknown
        (["Zr", "Li3XeO"], False),  # one conductor is enough, whatever the rest
        (["Li2S", "P"], None),  # phosphorus is no metal, and not listed
        (["Li3Bi", "Li2S"], True),
        (["LiCl", "Li"], True),  # lithium is the electrode itself
        (["C", "Li2O"], False),  # graphite, although diamond has a gap
        ([], None),
    ],
)
def test_passivation_of_known_interphases(products, answer):
    assert passivating(products, GAPS | {"C": 5.4}, min_gap_ev=0.5) is answer


def test_passivation_reads_any_way_of_writing_a_phase_and_its_threshold():
    assert passivating(["PLi3", "Li4S2"], GAPS, 0.5) is True
    assert passivating(["PLi3", "Li4S2"], GAPS, 0.71) is False
    assert passivating(["Li3P"], GAPS, 0.70) is True


def test_column_of_products_keeps_unknown_apart_from_no():
    column = passivating_column(["0.5 Li3P + 1.5 Li2S", "Li15Ge4 + Li2S", None, ""], GAPS, 0.5)
    assert list(column[:2]) == [True, False]
    assert column.isna().tolist() == [False, False, True, True]


def test_amounts_are_left_out_of_products():
    assert product_formulas("0.5 Li3P + 1.5 Li2S") == ["Li3P", "Li2S"]
    assert product_formulas("Li3P + Li2S") == ["Li3P", "Li2S"]
    assert product_formulas(None) == product_formulas(float("nan")) == product_formulas("") == []  # type: ignore[arg-type]


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
        "products_at_0v": "Li3P + Li2S",
        "lithium_fraction": 0.375,
        "molecular_groups": "",
        "mixed_conduction_ions": "",
        "mixed_conduction_unknown": False,
        "log10_sigma": -3.5,
        "probability_sigma_ge_1e_4": 0.6,
        "sigma_origin": "predicted",
        "in_domain": True,
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
    }
    rows = [
        {"id": "plain"},
        {"id": "incomplete", "hull_complete": False},
        {"id": "undecided", "hull_complete": None},
        {"id": "good", "sigma_origin": "measured", "log10_sigma": -4.0, "probability_sigma_ge_1e_4": 0.5},
        {"id": "poor", "sigma_origin": "measured", "log10_sigma": -6.0, "probability_sigma_ge_1e_4": 0.01},
        {"id": "bismuth", "mixed_conduction_unknown": True},
        {"id": "iron", "mixed_conduction_unknown": True, "mixed_conduction_ions": "Fe"},
        {"id": "alumina", "lithium_fraction": 0.0, "oxidation_limit_tol_v": np.inf},
    ]
    return pd.DataFrame([base | row for row in rows])


@pytest.fixture
def prepared(candidates) -> pd.DataFrame:
    return prepare_candidates(candidates, GAPS, 0.5).set_index("id")


def test_incomplete_phases_make_hull_window_and_passivation_unknown(prepared):
    masked = [
        "e_above_hull_ev_atom",
        "reduction_limit_tol_v",
        "oxidation_limit_tol_v",
        "oxidation_limit_v",
        "passivating",
    ]
    for name in ("incomplete", "undecided"):
        assert prepared.loc[name, masked].isna().all()
    assert prepared.loc["plain", masked].tolist() == [0.01, 1.7, 2.4, 2.3, True]
    assert "hull distance and window unknown" in prepared.loc["incomplete", "warnings"]


def test_a_measured_conductivity_keeps_the_probability_that_its_noise_gives(prepared):
    assert prepared["probability_sigma_ge_1e_4"].loc[["plain", "good", "poor"]].tolist() == [0.6, 0.5, 0.01]


def test_undecidable_charges_are_unknown_and_known_ions_stay(prepared):
    assert pd.isna(prepared.loc["bismuth", "mixed_conduction_ions"])
    assert prepared.loc["iron", "mixed_conduction_ions"] == "Fe"


def test_without_lithium_there_is_no_oxidation_limit_to_doubt(prepared):
    assert prepared["lithium_free"].to_dict()["alumina"]
    assert not prepared["lithium_free"].drop("alumina").any()


def test_preparing_changes_nothing_in_place_and_refuses_double_ids(candidates):
    before = candidates.copy(deep=True)
    prepare_candidates(candidates, GAPS, 0.5)
    pd.testing.assert_frame_equal(candidates, before)
    with pytest.raises(ValueError, match="1 ids stand more than once, such as plain"):
        prepare_candidates(pd.concat([candidates, candidates.head(1)]), GAPS, 0.5)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("charge_balanced", False, "not charge balanced"),
        ("band_gap_spans", True, "spread of entries"),
        ("mobile_site_shared", True, "shares lithium's site"),
        ("molecular_groups", "hydrate, nitrate", "hydrate, nitrate"),
        ("in_domain", False, "outside what the model has seen"),
        ("band_gap_origin", "predicted", "gap predicted"),
    ],
)
def test_doubts_are_put_into_words(candidates, column, value, words):
    plain = candidates.head(1)
    assert warnings_of(plain) == [""]
    assert words in warnings_of(plain.assign(**{column: value}))[0]
    unknown = plain.assign(**{column: None})
    assert warnings_of(unknown) == [""]


def test_measured_conductivity_needs_no_domain(candidates):
    measured = candidates.head(1).assign(sigma_origin="measured", in_domain=False)
    assert warnings_of(measured) == [""]


def test_element_credit_by_hand():
    elements = pd.DataFrame(
        {"symbol": ["Li", "O", "Sc", "F", "As"], "price_class": [2, 1, 4, np.nan, 1], "toxicity_class": [1, 0, 0, 1, 3]}
    )
    credit = element_credit(["Li2O", "ScO", "LiF", "AsO", "O2"], elements)
    # 1 - (dearest - 1)/8 - most toxic/6; fluorine has no price class and no say.
    assert credit == pytest.approx([1 - 1 / 8 - 1 / 6, 1 - 3 / 8, 1 - 1 / 8 - 1 / 6, 0.5, 1.0])
