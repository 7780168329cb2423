from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import BASE, CELL, CREDITS, SCALES

from ionsieve.models.judgement.filters import Filter
from ionsieve.models.judgement.lists import FACTS, Opening, next_steps, reasons, role_list
from ionsieve.models.judgement.ranking import ranking_terms

WEIGHTS = {"conductivity": 3, "hull": 1}
FILTERS = [
    Filter("conductivity", "log10_sigma_decides", "at_least", -4.0, next_step="measure it"),
    Filter("hull", "e_above_hull_ev_atom", "at_most", 0.1, next_step="compute phases"),
    Filter("cathode", "e_rxn_full_ev_atom", "at_least", -0.1),
]


def table_of(*changes: dict) -> pd.DataFrame:
    extra = {"novelty": "known", "parent": "", "family": "chloride", "reasons": "", "hull_incomplete_reason": ""}
    empty = dict.fromkeys(FACTS)
    numbers = {"decomposition_energy_ev_atom": np.nan}
    rows = [
        empty | numbers | BASE | extra | {"id": f"m{i}", "formula": f"Li{i + 1}Cl", "passivating": None} | change
        for i, change in enumerate(changes)
    ]
    table = pd.DataFrame(rows)
    return table.assign(passivating=table["passivating"].astype("boolean"))


def verdicts_of(table: pd.DataFrame, **lists: str) -> pd.DataFrame:
    """Ready, but for the ids named."""
    placed = [lists.get(i, "ready") for i in table["id"]]
    unknown = ["hull, conductivity" if p == "explore" else "" for p in placed]
    first = ["conductivity" if p == "explore" else "" for p in placed]
    return pd.DataFrame(
        {"id": table["id"], "list": placed, "unknown_filters": unknown, "next_filter": first, "flagged_filters": ""}
    )


def listed(table: pd.DataFrame, opening: Opening | None = None, **lists: str) -> pd.DataFrame:
    terms = ranking_terms(table, CELL, SCALES, CREDITS)
    return role_list(table, verdicts_of(table, **lists), terms, WEIGHTS, FILTERS, opening or Opening(20, 4))


def test_best_comes_first_and_ready_before_explore():
    table = table_of({}, {"log10_sigma_decides": -2.0}, {"log10_sigma_decides": -2.5}, {})
    out = listed(table, m1="explore", m3="fell")
    assert out["id"].tolist() == ["m2", "m0", "m1"]
    assert out["rank"].tolist() == [1, 2, 3]
    assert out["list"].tolist() == ["ready", "ready", "explore"]


def test_score_by_hand():
    # conductivity (-3 + 6)/4 = 0.75, hull 0.06 between 0.10 and 0.05: 0.8; (3 * 0.75 + 0.8)/4
    assert listed(table_of({}))["score"].tolist() == pytest.approx([0.7625])


def test_equal_scores_are_told_apart_by_stability_not_by_the_alphabet():
    table = table_of(
        {"formula": "LiAlCl4", "decomposition_energy_ev_atom": -0.01},
        {"formula": "LiYCl4", "decomposition_energy_ev_atom": -0.09},
        {"formula": "LiBCl4", "decomposition_energy_ev_atom": np.nan},
    )
    assert listed(table)["id"].tolist() == ["m1", "m0", "m2"]


def test_one_row_per_composition_names_the_other_polymorphs():
    table = table_of({"formula": "Li3PS4"}, {"formula": "P2Li6S8", "log10_sigma_decides": -2.0}, {"formula": "LiCl"})
    out = listed(table, m0="explore").set_index("id")
    assert list(out.index) == ["m1", "m2"]
    assert out["polymorphs"].to_dict() == {"m1": "m0 (explore)", "m2": ""}


def test_a_list_opens_with_few_of_each_family():
    families = ["a", "a", "a", "b", "a", "b"]
    table = table_of(*({"family": f, "log10_sigma_decides": -2 - 0.1 * i} for i, f in enumerate(families)))
    out = listed(table, Opening(rows=4, per_family=2))
    # by score m0 … m5; no third of family a opens the list
    assert out["id"].tolist() == ["m0", "m1", "m3", "m5", "m2", "m4"]
    assert out["opening"].tolist() == [True] * 4 + [False] * 2


def test_what_to_do_next_starts_with_what_decides_most_and_says_why_it_is_not_known():
    table = table_of({"hull_incomplete_reason": "no Sc-S binary", "note_full": "lacks CoS2"})
    steps = next_steps(verdicts_of(table, m0="explore"), FILTERS, table)
    assert steps == ["measure it; then compute phases"]
    hull = verdicts_of(table, m0="explore").assign(next_filter="hull")
    assert next_steps(hull, FILTERS, table) == ["compute phases (no Sc-S binary); then measure it"]
    contact = verdicts_of(table, m0="explore").assign(next_filter="cathode", unknown_filters="cathode")
    assert next_steps(contact, FILTERS, table) == ["determine e_rxn_full_ev_atom (lacks CoS2)"]
    remark = table.assign(note_full="no energy of its own, taken at the hull: LiCl; unknown: these phases lack CoS2")
    assert next_steps(contact, FILTERS, remark) == ["determine e_rxn_full_ev_atom (these phases lack CoS2)"]
    assert next_steps(verdicts_of(table), FILTERS, table) == [""]


def test_flags_name_what_is_not_known_and_the_warnings():
    table = table_of({"warnings": "gap predicted"})
    terms = ranking_terms(table, CELL, SCALES, CREDITS)
    verdicts = verdicts_of(table).assign(flagged_filters="migration_barrier")
    out = role_list(table, verdicts, terms, WEIGHTS, FILTERS, Opening(20, 4))
    assert out["flags"].tolist() == ["not known: migration barrier; gap predicted"]


def test_reasons_say_what_is_known_and_name_what_is_not():
    table = table_of({"e_above_hull_ev_atom": np.nan, "e_rxn_half_ev_atom": np.nan, "sigma_origin": "measured"})
    reason = reasons(table, CELL)[0]
    assert "conducts 1.0e-03 S/cm (measured)" in reason
    assert "-0.100 eV/atom with LiCoO2 (bare -0.400)" in reason
    assert "oxidised by itself long before 4.3 V" in reason  # no zero that would read as stability
    lasting = reasons(table.assign(oxidation_limit_tol_v=4.2), CELL)[0]
    assert "-0.200 eV per non-lithium atom with LiCoO2 while charging" in lasting
    assert reason.endswith("unknown: hull distance, reaction with Li0.5CoO2")


def test_reasons_give_no_number_for_a_conductivity_predicted_far_from_the_data():
    reason = reasons(table_of({"near": False, "log10_sigma_decides": np.nan}), CELL)[0]
    assert "S/cm" not in reason
    assert "unknown: conductivity" in reason


def test_reasons_of_a_lithium_free_oxide_speak_of_no_infinite_voltage():
    reason = reasons(table_of({"oxidation_limit_tol_v": np.inf, "e_rxn_full_ev_atom": -0.0001}), CELL)[0]
    assert "has no lithium to give off" in reason
    assert "inf" not in reason
    assert "; 0.000 eV/atom with LiCoO2" in reason


def test_unknown_bare_contact_is_not_compared_with():
    cell = replace(CELL, bare_ev_atom=CELL.bare_ev_atom | {"cathode_lithiated": np.nan})
    assert "-0.100 eV/atom with LiCoO2; " in reasons(table_of({}), cell)[0]


def test_empty_list_keeps_its_columns():
    table = table_of({})
    full, empty = listed(table), listed(table, m0="fell")
    assert empty.empty
    assert list(empty.columns) == list(full.columns)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(-8, 0), st.floats(0, 0.2), st.sampled_from(["ready", "explore"]), st.sampled_from("abc")),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_row_order_changes_nothing_and_no_row_is_lost(rows, random):
    table = table_of(*({"log10_sigma_decides": s, "e_above_hull_ev_atom": e, "family": f} for s, e, _, f in rows))
    lists = {f"m{i}": row[2] for i, row in enumerate(rows)}
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    out = listed(table, Opening(3, 1), **lists)
    pd.testing.assert_frame_equal(out, listed(shuffled, Opening(3, 1), **lists))
    assert sorted(out["id"]) == sorted(table["id"])
    assert (out["list"] == "explore").is_monotonic_increasing


def test_a_step_without_a_note_on_its_contact_stands_alone():
    verdicts = pd.DataFrame({"list": ["explore"], "next_filter": ["contact"], "unknown_filters": ["contact"]})
    filters = [Filter("contact", "e_rxn_full_ev_atom", "at_least", -0.1)]
    steps = [next_steps(verdicts, filters, pd.DataFrame(table)) for table in ({"id": ["a"]}, {"note_full": ["no Xe"]})]
    assert steps == [["determine e_rxn_full_ev_atom"], ["determine e_rxn_full_ev_atom (no Xe)"]]
