import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.filters import FAILS, PASSES, UNKNOWN, Filter, filter_states, role_filters

IDS = {
    "cathode_lithiated": "lco_full",
    "cathode_delithiated": "lco_half",
    "electrolyte": "lps",
    "anode": "lithium",
}
ROLES = {
    "all": {"excluded": {"column": "excluded_elements", "at_most": 0, "unknown": "fall"}},
    "electrolyte": {
        "includes": ["all"],
        "band_gap": {"column": "band_gap_ev", "at_least": 1.0},
        "hull": {"column": "e_above_hull_ev_atom", "at_most": 0.10},
    },
    "anolyte": {
        "includes": ["electrolyte"],
        "reduction": {"column": "reduction_limit_tol_v", "at_most": 0.1, "unless": "passivating"},
    },
    "catholyte": {
        "includes": ["electrolyte"],
        "oxidation": {"column": "oxidation_limit_tol_v", "relative_to": "cathode_voltage_v", "at_least": -0.3},
        "cathode": {"column": "e_rxn_{cathode_delithiated}_ev_atom", "at_least": -0.1},
    },
}
REFERENCES = {"cathode_voltage_v": 4.3}


@pytest.mark.parametrize(
    ("value", "excuse", "state"),
    [
        (0.05, False, 1),
        (0.05, None, 1),
        (1.7, True, 1),
        (1.7, False, -1),
        (1.7, None, 0),
        (np.nan, True, 1),
        (np.nan, False, 0),
        (np.nan, None, 0),
    ],
)
def test_excuse_is_a_three_valued_or(value, excuse, state):
    table = pd.DataFrame({"limit_v": [value], "passivating": pd.array([excuse], dtype="boolean")})
    assert filter_states(table, [Filter("reduction", "limit_v", "at_most", 0.1, unless="passivating")]) == [[state]]


@pytest.mark.parametrize(
    ("sense", "value", "state"),
    [
        ("at_least", 1.0, 1),
        ("at_least", 0.999, -1),
        ("at_most", 1.0, 1),
        ("at_most", 1.001, -1),
        ("at_most", np.inf, -1),
    ],
)
def test_thresholds_themselves_pass(sense, value, state):
    assert filter_states(pd.DataFrame({"x": [value]}), [Filter("f", "x", sense, 1.0)]) == [[state]]


def test_included_filters_come_first_and_in_order():
    names = [f.name for f in role_filters("catholyte", ROLES, IDS, REFERENCES)]
    assert names == ["excluded", "band_gap", "hull", "oxidation", "cathode"]


def test_threshold_relative_to_the_cathode_and_column_of_its_partner():
    oxidation, cathode = role_filters("catholyte", ROLES, IDS, {"cathode_voltage_v": 4.5})[-2:]
    assert oxidation.threshold == 4.2
    assert cathode.column == "e_rxn_lco_half_ev_atom"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"column": "x"}, "exactly one of at_least, at_most"),
        ({"column": "x", "at_least": 1, "at_most": 2}, "exactly one of at_least, at_most"),
        ({"at_least": 1}, "needs a column"),
        ({"column": "x", "at_leest": 1}, "unknown key at_leest"),
        ({"column": "x", "at_least": 1, "unknown": "maybe"}, "one of explore, pass, fall, not 'maybe'"),
        ({"column": "x", "at_least": 1, "relative_to": "anode_v"}, "'anode_v' is none of cathode_voltage_v"),
        ({"column": "e_rxn_{cathod}_ev_atom", "at_least": 1}, "names no partner known"),
        ({"column": "x", "at_least": "much"}, "at_least 'much' is no number"),
        (0.5, "a filter is a column with at_least or at_most, not 0.5"),
    ],
)
def test_wrong_filter_says_where_and_what(spec, message):
    with pytest.raises(ValueError, match=message) as raised:
        role_filters("electrolyte", {"electrolyte": {"gap": spec}}, IDS, REFERENCES)
    assert "screen.roles.electrolyte.gap" in str(raised.value)


def test_unknown_role_names_those_there_are():
    with pytest.raises(ValueError, match="no 'binder'; it has all, electrolyte, anolyte, catholyte"):
        role_filters("binder", ROLES, IDS, REFERENCES)


def test_a_filter_set_to_null_takes_away_an_included_one():
    roles = ROLES | {"loose": {"includes": ["electrolyte"], "hull": None}}
    assert [f.name for f in role_filters("loose", roles, IDS, REFERENCES)] == ["excluded", "band_gap"]


def test_missing_column_names_the_filter():
    with pytest.raises(ValueError, match=r"missing column y \(filter gap\)"):
        filter_states(pd.DataFrame({"x": [1.0]}), [Filter("gap", "x", "at_least", 1.0, low="y")])


@pytest.mark.parametrize(
    ("sense", "value", "low", "high", "state"),
    [
        ("at_least", np.nan, 2.5, 4.0, PASSES),  # all of the interval is above 2
        ("at_least", np.nan, 1.5, 4.0, UNKNOWN),  # it straddles 2
        ("at_least", np.nan, 0.5, 1.9, FAILS),
        ("at_least", np.nan, np.nan, 1.9, FAILS),  # one end is enough where it is the one that matters
        ("at_least", np.nan, np.nan, 4.0, UNKNOWN),
        ("at_least", np.nan, np.nan, np.nan, UNKNOWN),
        ("at_least", 1.0, 2.5, 4.0, FAILS),  # a value known goes before its bounds
        ("at_most", np.nan, 0.5, 1.9, PASSES),
        ("at_most", np.nan, 2.1, np.nan, FAILS),
        ("at_most", np.nan, 1.5, 4.0, UNKNOWN),
    ],
)
def test_bounds_decide_where_the_value_is_unknown(sense, value, low, high, state):
    table = pd.DataFrame({"x": [value], "low": [low], "high": [high]})
    assert filter_states(table, [Filter("f", "x", sense, 2.0, low="low", high="high")]) == [[state]]
