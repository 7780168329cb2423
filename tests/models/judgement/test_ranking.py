import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ionsieve.models.judgement.ranking import Cell, ramp, ranking_terms, reasons, shortlist, weighted_score

PARTNERS = {"cathode_lithiated": "full", "cathode_delithiated": "half", "electrolyte": "lps", "anode": "lithium"}
CELL = Cell(
    partners=PARTNERS,
    formulas={
        "cathode_lithiated": "LiCoO2",
        "cathode_delithiated": "Li0.5CoO2",
        "electrolyte": "Li3PS4",
        "anode": "Li",
    },
    cathode_voltage_v=4.3,
    bare_ev_atom={"cathode_lithiated": -0.40, "cathode_delithiated": -0.50, "anode": -0.70},
)
SCALES = {
    "conductivity": (-6, -2),
    "film_conductivity": (-12, -6),
    "oxidation": (-2.5, 0.2),
    "reduction": (2.5, 0.0),
    "hull": (0.10, 0.05),
    "certainty": (6, 2),
}
CREDITS = {"passivating": 0.7, "predicted_window": 0.5}
WEIGHTS = {"electrolyte": {"conductivity": 3, "hull": 1}, "catholyte": {"oxidation": 1, "cathode_contact": 1}}
BASE = {
    "formula": "Li3InCl6",
    "log10_sigma": -3.0,
    "log10_sigma_low": -5.0,
    "log10_sigma_high": -1.0,
    "sigma_origin": "predicted",
    "probability_sigma_ge_1e_4": 0.75,
    "in_domain": True,
    "band_gap_ev": 3.9,
    "band_gap_origin": "computed",
    "e_above_hull_ev_atom": 0.06,
    "hull_complete": True,
    "reduction_limit_tol_v": 2.0,
    "oxidation_limit_tol_v": 3.15,
    "reduction_limit_predicted_v": 1.0,
    "oxidation_limit_predicted_v": 4.5,
    "passivating": False,
    "products_at_0v": "Li13In3 + LiCl",
    "migration_barrier_2d_ev": 0.3,
    "space_group_number": 12.0,
    "molecular_groups": "",
    "warnings": "",
    "element_credit": 0.6,
    "e_rxn_full_ev_atom": -0.10,
    "e_rxn_half_ev_atom": -0.25,
    "e_rxn_lps_ev_atom": -0.10,
    "e_rxn_lithium_ev_atom": -0.35,
}


def table_of(*changes: dict) -> pd.DataFrame:
    rows = [BASE | {"id": f"m{i}", "passivating": None} | change for i, change in enumerate(changes)]
    table = pd.DataFrame(rows)
    return table.assign(passivating=table["passivating"].astype("boolean"))


def terms_of(**change) -> pd.Series:
    return ranking_terms(table_of(change), CELL, SCALES, CREDITS).iloc[0]


def test_every_term_by_hand():
    terms = terms_of()
    expected = {
        "conductivity": 0.75,  # -3 on the way from -6 to -2
        "film_conductivity": 1.0,  # 1e-3 S/cm is more than a film needs
        "probability": 0.75,
        "oxidation": 0.5,  # 3.15 V between 4.3 - 2.5 = 1.8 and 4.3 + 0.2 = 4.5 V
        "reduction": 0.2,  # 2.0 V from 2.5 down to 0
        "cathode_contact": 0.5,  # the worse of 1 - 0.10/0.40 and 1 - 0.25/0.50
        "electrolyte_contact": 0.75,  # 1 - 0.10/0.40: a coating replaces the contact with the cathode
        "anode_contact": 0.5,  # 1 - 0.35/0.70
        "hull": 0.8,  # 0.06 between 0.10 and 0.05 eV/atom
        "elements": 0.6,
        "ceramic": 1.0,
        "certainty": 0.5,  # 4 decades between 6 and 2
        "measured": 0.0,
    }
    assert terms.to_dict() == pytest.approx(expected)


def test_oxidation_limit_earns_nothing_beyond_the_cathode_and_a_fifth_of_a_volt():
    assert terms_of(oxidation_limit_tol_v=4.5).oxidation == pytest.approx(1.0)
    assert terms_of(oxidation_limit_tol_v=6.4).oxidation == 1.0
    assert terms_of(oxidation_limit_tol_v=np.inf).oxidation == 1.0
    assert terms_of(oxidation_limit_tol_v=4.4).oxidation < 1.0


def test_hull_distance_costs_nothing_up_to_a_twentieth():
    assert terms_of(e_above_hull_ev_atom=0.0).hull == terms_of(e_above_hull_ev_atom=0.05).hull == 1.0
    assert terms_of(e_above_hull_ev_atom=0.10).hull == pytest.approx(0.0)


def test_predicted_window_keeps_half_its_credit_and_a_computed_one_comes_first():
    assert terms_of(oxidation_limit_tol_v=np.nan).oxidation == pytest.approx(0.5)
    both = terms_of(oxidation_limit_tol_v=np.nan, oxidation_limit_predicted_v=np.nan)
    assert np.isnan(both.oxidation)


def test_insulating_interphase_earns_its_credit_on_lithium():
    terms = terms_of(passivating=True)
    assert (terms.reduction, terms.anode_contact) == (0.7, 0.7)
    stable = terms_of(passivating=True, reduction_limit_tol_v=0.0, e_rxn_lithium_ev_atom=0.0)
    assert (stable.reduction, stable.anode_contact) == (1.0, 1.0)


def test_one_unknown_cathode_contact_makes_the_term_unknown():
    assert np.isnan(terms_of(e_rxn_half_ev_atom=np.nan).cathode_contact)


def test_measured_counts_as_certain_and_out_of_domain_as_not_at_all():
    assert terms_of(sigma_origin="measured", in_domain=False)[["certainty", "measured"]].tolist() == [1.0, 1.0]
    assert terms_of(in_domain=False).certainty == 0.0


def test_molecular_groups_are_no_ceramic():
    assert terms_of(molecular_groups="hydrate").ceramic == 0.0


def test_contacts_that_hardly_react_bare_are_still_told_apart_on_a_scale_of_50_mev():
    quiet = Cell(PARTNERS, CELL.formulas, 4.3, dict.fromkeys(CELL.bare_ev_atom, 0.0))
    table = table_of({"e_rxn_lithium_ev_atom": -0.01})
    # 1 - 0.01/0.05
    assert ranking_terms(table, quiet, SCALES, CREDITS).anode_contact[0] == pytest.approx(0.8)


def test_unknown_bare_contact_leaves_the_terms_unknown():
    no_cobalt = Cell(PARTNERS, CELL.formulas, 4.3, CELL.bare_ev_atom | {"cathode_lithiated": np.nan})
    terms = ranking_terms(table_of({}), no_cobalt, SCALES, CREDITS).iloc[0]
    assert terms[["cathode_contact", "electrolyte_contact"]].isna().all()
    assert terms["anode_contact"] == pytest.approx(0.5)
    reason = reasons(table_of({}), no_cobalt)[0]
    assert "-0.100 eV/atom with LiCoO2; " in reason


def test_score_by_hand_and_what_unknown_earns():
    terms = pd.DataFrame({"a": [1.0, np.nan], "b": [0.5, 0.5]})
    # (3 * 1 + 1 * 0.5) / 4 and (3 * 0.25 + 1 * 0.5) / 4
    assert weighted_score(terms, {"a": 3, "b": 1}, 0.25).tolist() == pytest.approx([0.875, 0.3125])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"c": 1}, "unknown terms c; there are a"),
        ({"a": -1}, "must not be negative"),
        ({"a": 0}, "one must be above zero"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        weighted_score(pd.DataFrame({"a": [1.0]}), weights, 0.25)


def test_ramp_needs_two_ends():
    with pytest.raises(ValueError, match="two different ends"):
        ramp(np.array([1.0]), 2, 2)


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=9),
    st.floats(-3, 3),
    st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3),
)
def test_ramp_stays_between_0_and_1_and_rises_towards_its_good_end(values, zero, step):
    credit = ramp(np.array(sorted(values)), zero, zero + step)
    assert ((credit >= 0) & (credit <= 1)).all()
    assert (np.diff(credit) * np.sign(step) >= 0).all()


def verdicts_of(table: pd.DataFrame, **passed) -> pd.DataFrame:
    """Verdicts with the ids that passed each role, all others dropped."""
    parts = [
        pd.DataFrame({"id": table["id"], "role": role, "passed": table["id"].isin(ids), "unknown_filters": ""})
        for role, ids in passed.items()
    ]
    return pd.concat(parts, ignore_index=True)


def listed(table: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    return shortlist(table, verdicts, WEIGHTS, ranking_terms(table, CELL, SCALES, CREDITS), 0.25, CELL)


def test_score_is_that_of_the_best_role_passed():
    table = table_of({}, {})
    out = listed(table, verdicts_of(table, electrolyte=["m0", "m1"], catholyte=["m0"])).set_index("id")
    # electrolyte (3 * 0.75 + 0.8) / 4 = 0.7625, catholyte (0.5 + 0.5) / 2
    assert out.loc["m0", ["score", "score_electrolyte", "score_catholyte"]].tolist() == pytest.approx(
        [0.7625, 0.7625, 0.5]
    )
    assert out.loc["m0", ["best_role", "electrolyte", "catholyte"]].tolist() == ["electrolyte", True, True]
    assert not out.loc["m1", "catholyte"]
    assert np.isnan(out.loc["m1", "score_catholyte"])


def test_best_comes_first_and_equals_are_ordered_by_id():
    table = table_of({"id": "b"}, {"id": "a"}, {"id": "z", "log10_sigma": -2.0}, {"id": "dropped"})
    out = listed(table, verdicts_of(table, electrolyte=["a", "b", "z"], catholyte=[]))
    assert out["id"].tolist() == ["z", "a", "b"]
    assert out["rank"].tolist() == [1, 2, 3]


def test_reasons_say_what_is_known_and_name_what_is_not():
    table = table_of({"e_above_hull_ev_atom": np.nan, "e_rxn_half_ev_atom": np.nan, "sigma_origin": "measured"})
    reason = listed(table, verdicts_of(table, electrolyte=["m0"], catholyte=[])).reasons[0]
    assert "conducts 1.0e-03 S/cm (measured)" in reason
    assert "-0.100 eV/atom with LiCoO2 (bare -0.400)" in reason
    assert reason.endswith("unknown: hull distance, reaction with Li0.5CoO2")


def test_reasons_of_a_lithium_free_oxide_speak_of_no_infinite_voltage():
    table = table_of({"oxidation_limit_tol_v": np.inf, "e_rxn_full_ev_atom": -0.0001})
    reason = listed(table, verdicts_of(table, electrolyte=["m0"], catholyte=[])).reasons[0]
    assert "has no lithium to give off" in reason
    assert "inf" not in reason
    assert "; 0.000 eV/atom with LiCoO2" in reason


def test_flags_join_unknown_filters_of_passed_roles_and_warnings():
    table = table_of({"warnings": "gap predicted"})
    verdicts = verdicts_of(table, electrolyte=["m0"], catholyte=[])
    verdicts["unknown_filters"] = ["band_gap, hull", "oxidation"]
    assert listed(table, verdicts)["flags"].tolist() == ["passed unknown: band_gap, hull; gap predicted"]


def test_each_number_says_what_it_belongs_to():
    table = table_of(
        {}, {"oxidation_limit_tol_v": np.nan, "migration_barrier_2d_ev": np.nan}, {"space_group_number": np.nan}
    )
    out = listed(table, verdicts_of(table, electrolyte=["m0", "m1", "m2"], catholyte=[])).set_index("id")
    assert out.window_belongs_to.str.contains("hull energy").to_dict() == {"m0": True, "m1": False, "m2": True}
    assert "predicted" in out.window_belongs_to["m1"]
    assert out.barrier_belongs_to.to_dict() == {
        "m0": "the structure of m0, space group 12",
        "m1": "",
        "m2": "the structure of m2",
    }


def test_empty_shortlist_keeps_its_columns():
    table = table_of({})
    full = listed(table, verdicts_of(table, electrolyte=["m0"], catholyte=[]))
    empty = listed(table, verdicts_of(table, electrolyte=[], catholyte=[]))
    assert empty.empty
    assert list(empty.columns) == list(full.columns)
    assert {"rank", "id", "formula", "score", "reasons", "flags", "term_hull"} <= set(empty.columns)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.floats(-8, 0), st.floats(0, 0.2)), min_size=1, max_size=8), st.randoms(use_true_random=False)
)
def test_row_order_changes_nothing(rows, random):
    table = table_of(*({"log10_sigma": s, "e_above_hull_ev_atom": e} for s, e in rows))
    verdicts = verdicts_of(table, electrolyte=table["id"], catholyte=[])
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    pd.testing.assert_frame_equal(listed(table, verdicts), listed(shuffled, verdicts))
