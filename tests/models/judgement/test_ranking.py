from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import BASE, CELL, CREDITS, SCALES

from ionsieve.models.judgement.ranking import ramp, ranking_terms, weighted_score


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
        "base_rate": 1.0,  # its conductivity is known
        "barrier": 5 / 6,  # 0.3 eV between 0.8 and 0.2
        "cathode_contact": 0.5,  # the worst of 1 - 0.10/0.40, 1 - 0.25/0.50 and, open, 1 - 0.20/0.80
        "electrolyte_contact": 0.75,  # 1 - 0.10/0.40: a coating replaces the contact with the cathode
        "anode_contact": 0.5,  # 1 - 0.35/0.70
        "hull": 0.8,  # 0.06 between 0.10 and 0.05 eV/atom
        "elements": 0.6,
        "air": 0.5,  # the worse of -0.04 and -0.1 eV/atom on the way from -0.2 to 0
        "certainty": 0.5,  # 4 decades between 6 and 2
        "measured": 0.0,
        "used_in_cells": 1.0,
    }
    assert terms.to_dict() == pytest.approx(expected)


def test_oxidation_limit_earns_nothing_beyond_the_cathode_and_a_fifth_of_a_volt():
    assert terms_of(oxidation_limit_tol_v=4.5).oxidation == pytest.approx(1.0)
    assert terms_of(oxidation_limit_tol_v=6.4).oxidation == 1.0
    assert terms_of(oxidation_limit_tol_v=np.inf).oxidation == 0.5  # no lithium to give off, and none to carry
    assert terms_of(oxidation_limit_tol_v=4.4).oxidation < 1.0


def test_what_was_measured_of_a_film_goes_before_its_crystal():
    # -9 on the way from -12 to -6
    assert terms_of(film_log10_sigma=-9.0).film_conductivity == pytest.approx(0.5)


def test_hull_distance_costs_nothing_up_to_a_twentieth():
    assert terms_of(e_above_hull_ev_atom=0.0).hull == terms_of(e_above_hull_ev_atom=0.05).hull == 1.0
    assert terms_of(e_above_hull_ev_atom=0.10).hull == pytest.approx(0.0)


def test_a_predicted_window_is_no_window():
    assert np.isnan(terms_of(oxidation_limit_tol_v=np.nan, oxidation_limit_predicted_v=4.5).oxidation)


def test_what_is_predicted_far_from_the_data_earns_nothing():
    far = terms_of(near=False, log10_sigma_decides=np.nan, probability_sigma_ge_1e_4=np.nan)
    assert far[["conductivity", "film_conductivity", "probability", "certainty"]].isna().all()


def test_what_was_measured_as_a_crystal_can_be_made():
    assert terms_of(e_above_hull_ev_atom=np.nan, measured_crystalline=True).hull == 1.0


def test_a_salt_that_takes_up_moisture_earns_little_for_air_and_total_conductivity_ranks():
    assert terms_of(hygroscopic=True).air == 0.3  # 0.5 without
    assert terms_of(hygroscopic=True, e_rxn_h2o_ev_atom=-0.18).air == pytest.approx(0.1)
    assert np.isnan(terms_of(hygroscopic=True, e_rxn_h2o_ev_atom=np.nan).air)
    assert terms_of(log10_sigma_total=-5.0).conductivity == 0.25  # -5 on the way from -6 to -2, bulk -3


def test_insulating_interphase_earns_its_credit_on_lithium():
    terms = terms_of(lasts_on_lithium=True)
    assert (terms.reduction, terms.anode_contact) == (0.7, 0.7)
    stable = terms_of(passivating=True, reduction_limit_tol_v=0.0, e_rxn_lithium_ev_atom=0.0)
    assert (stable.reduction, stable.anode_contact) == (1.0, 1.0)


def test_one_unknown_cathode_contact_makes_the_term_unknown():
    assert np.isnan(terms_of(e_rxn_half_ev_atom=np.nan).cathode_contact)
    assert np.isnan(terms_of(e_open_full_ev_non_li=np.nan).cathode_contact)
    assert terms_of(e_open_full_ev_non_li=-0.6).cathode_contact == pytest.approx(0.25)


def test_of_two_equal_medians_the_more_certain_one_scores_higher():
    sure = terms_of(log10_sigma_low=-3.5, log10_sigma_high=-2.5)
    weights = {"conductivity": 4, "certainty": 1}
    scores = weighted_score(pd.DataFrame([sure, terms_of()]), weights)
    assert scores.iloc[0] > scores.iloc[1]


def test_contacts_that_hardly_react_bare_are_still_told_apart_on_a_scale_of_50_mev():
    quiet = replace(CELL, bare_ev_atom=dict.fromkeys(CELL.bare_ev_atom, 0.0), bare_open_ev_non_li=0.0)
    table = table_of({"e_rxn_lithium_ev_atom": -0.01})
    # 1 - 0.01/0.05
    assert ranking_terms(table, quiet, SCALES, CREDITS).anode_contact[0] == pytest.approx(0.8)


def test_unknown_bare_contact_leaves_the_terms_unknown():
    no_cobalt = replace(CELL, bare_ev_atom=CELL.bare_ev_atom | {"cathode_lithiated": np.nan})
    terms = ranking_terms(table_of({}), no_cobalt, SCALES, CREDITS).iloc[0]
    assert terms[["cathode_contact", "electrolyte_contact"]].isna().all()
    assert terms["anode_contact"] == pytest.approx(0.5)


def test_score_by_hand_and_unknown_earns_nothing():
    terms = pd.DataFrame({"a": [1.0, np.nan], "b": [0.5, 0.5]})
    # (3 * 1 + 1 * 0.5) / 4 and 1 * 0.5 / 4
    assert weighted_score(terms, {"a": 3, "b": 1}).tolist() == pytest.approx([0.875, 0.125])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.integers(0, 2))
def test_not_knowing_never_lifts_a_material(values, hidden):
    terms = pd.DataFrame([values, values], columns=["a", "b", "c"])
    terms.iloc[1, hidden] = np.nan
    known, unknown = weighted_score(terms, {"a": 3, "b": 1, "c": 2})
    assert unknown <= known


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
        weighted_score(pd.DataFrame({"a": [1.0]}), weights)


def test_a_negative_weight_is_refused_beside_a_larger_one():
    with pytest.raises(ValueError, match="must not be negative"):
        weighted_score(pd.DataFrame({"a": [1.0], "b": [0.5]}), {"a": -0.5, "b": 1.0})


def test_ramp_needs_two_ends():
    with pytest.raises(ValueError, match="two different ends"):
        ramp(np.array([1.0]), 2, 2)


@settings(deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=9),
    st.floats(-3, 3),
    st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3),
)
def test_ramp_stays_between_0_and_1_and_rises_towards_its_good_end(values, zero, step):
    credit = ramp(np.array(sorted(values)), zero, zero + step)
    assert ((credit >= 0) & (credit <= 1)).all()
    assert (np.diff(credit) * np.sign(step) >= 0).all()
