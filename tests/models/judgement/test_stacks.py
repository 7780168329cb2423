from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import CELL

from ionsieve.models.judgement.stack_layers import film_conductivities, stack_layers
from ionsieve.models.judgement.stacks import (
    STACK_COLUMNS,
    StackSettings,
    area_resistance_ohm_cm2,
    contact_pairs,
    rank_stacks,
    top_voltage_contacts,
)

WEIGHTS = {"resistance": 2, "worst_contact": 2, "contacts": 1, "layers": 1}
SETTINGS = StackSettings(
    separator_um=30,
    coating_nm=10,
    film_floor_s_cm=1e-8,
    min_electrolytes_ev_atom=-0.10,
    min_anode_coating_ev_atom=-0.10,
    min_cathode_coating_ev_atom=-0.20,
    min_cathode_ev_atom=-0.10,
    min_cathode_open_ev_non_li=-0.20,
    per_role=8,
    sides_per_electrolyte=9,
    per_electrolyte_pair=9,
    rows=100,
    rows_apart=100,
    half_resistance_ohm_cm2=30,
    interface_ev_atom=(-0.4, 0.0),
    interface_open_ev_non_li=(-0.8, 0.0),
    weights=WEIGHTS,
    passivating_credit=0.7,
)


def layer(role, formula, log10_sigma, anode=-0.5, cathode=-0.05, opened=0.0, **more) -> dict:
    return {
        "role": role,
        "list": "ready",
        "id": formula.lower(),
        "formula": formula,
        "score": 0.5,
        "log10_sigma": log10_sigma,
        "sigma_origin": "measured",
        "near": True,
        "film_log10_sigma": np.nan,
        "film_source": "",
        "passivating": False,
        "anode_ev_atom": anode,
        "cathode_ev_atom": cathode,
        "cathode_open_ev_non_li": opened,
    } | more


LPSC_E = layer("electrolyte", "Li6PS5Cl", -2.5, anode=-0.6, cathode=-0.4, opened=-0.7, passivating=True)
LPSC_A = LPSC_E | {"role": "anolyte"}
LIC_E = layer("electrolyte", "Li3InCl6", -3.0, anode=-0.6, cathode=-0.02, opened=-0.08)
LIC_C = LIC_E | {"role": "catholyte"}
NIOBATE = layer("cathode_coating", "LiNbO3", -11.0, cathode=-0.01, film_log10_sigma=-7.0)
FLUORIDE = layer("anode_coating", "LiF", np.nan, anode=0.0, sigma_origin="predicted", near=False)


def energies(**pairs) -> pd.DataFrame:
    """Pair energies, keys written as Li6PS5Cl__LiNbO3."""
    rows = [(*key.split("__"), value) for key, value in pairs.items()]
    return pd.DataFrame(rows, columns=["formula_a", "formula_b", "e_rxn_ev_atom"])


def ranked(layers: list[dict], pairs: pd.DataFrame, **changed) -> pd.DataFrame:
    return rank_stacks(pd.DataFrame(layers), pairs, CELL, replace(SETTINGS, **changed))


def resistance_credit(ohm_cm2: float) -> float:
    return 30 / (30 + ohm_cm2)


def test_area_resistance_by_hand():
    # 30 µm at 1e-3 S/cm: 30e-4 cm / 1e-3 = 3 ohm cm2; 10 nm at 1e-8: 1e-6 / 1e-8 = 100 ohm cm2.
    assert area_resistance_ohm_cm2(30e-4, -3.0) == pytest.approx(3.0)
    assert area_resistance_ohm_cm2(1e-6, -8.0) == pytest.approx(100.0)
    assert np.isnan(area_resistance_ohm_cm2(1e-6, np.nan))


def test_one_electrolyte_alone_where_it_bears_both_electrodes():
    dream = layer("anolyte", "Li9X", -3.0, anode=0.0, cathode=-0.02)
    stacks = ranked([dream, dream | {"role": "catholyte", "score": 0.7}], energies())
    only = stacks.iloc[0]
    assert len(stacks) == 1
    assert (only["stack"], only["list"], only["rank"]) == ("Li | Li9X | LiCoO2", "ready", 1)
    assert only.asr_ohm_cm2 == pytest.approx(3.0)
    assert (only.n_layers, only.anode_coating, only.cathode_coating) == (1, "", "")
    assert (only.weakest_interface_ev_atom, only.weakest_interface) == (-0.02, "Li9X | LiCoO2")
    # the cathode's contact earns 1 - 0.02/0.4 and is the worst of two; both roles' scores count half
    assert only.term_worst_contact == pytest.approx(0.95)
    assert only.term_contacts == pytest.approx((1 + 0.95) / 2)
    assert only.term_layers == pytest.approx(0.6)
    assert only.score == pytest.approx((2 * resistance_credit(3.0) + 2 * 0.95 + 0.975 + 0.6) / 6)


def test_anolyte_and_catholyte_share_the_separator():
    only = ranked([LPSC_E, LPSC_A, LIC_E, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert only["stack"] == "Li | Li6PS5Cl | Li3InCl6 | LiCoO2"
    # 15 µm at 10**-2.5 and 15 µm at 1e-3 S/cm
    assert only.asr_ohm_cm2 == pytest.approx(15e-4 / 10**-2.5 + 1.5)
    assert only.contacts == (
        "Li | Li6PS5Cl -0.600; Li6PS5Cl | Li3InCl6 -0.030; "
        "Li3InCl6 | LiCoO2 -0.020 (while charging -0.080 per non-Li atom)"
    )
    assert (only.weakest_interface_ev_atom, only.weakest_interface) == (-0.6, "Li | Li6PS5Cl")
    assert "Li6PS5Cl passivates on the anode" in only["flags"]
    # The passivating contact earns 0.7, the worst of the three; the others 1 - 0.03/0.4 and, open, 1 - 0.08/0.8.
    assert only.term_worst_contact == pytest.approx(0.7)
    assert only.term_contacts == pytest.approx((0.7 + 0.925 + 0.9) / 3)


def test_the_worse_of_closed_and_open_counts_at_the_cathode():
    mild = layer("catholyte", "Li9X", -3.0, anode=0.0, cathode=-0.02, opened=0.0)
    harsh = mild | {"cathode_open_ev_non_li": -0.16}
    both = [ranked([mild | {"role": "anolyte"}, row], energies()).iloc[0] for row in (mild, harsh)]
    assert [row.term_worst_contact for row in both] == pytest.approx([0.95, 0.8])
    assert both[1].cathode_open_ev_non_li == -0.16
    refused = mild | {"cathode_open_ev_non_li": -0.21}
    assert ranked([mild | {"role": "anolyte"}, refused], energies()).empty
    refused = mild | {"cathode_ev_atom": -0.11}
    assert ranked([mild | {"role": "anolyte"}, refused], energies()).empty


def test_neighbours_that_react_make_no_stack():
    layers = [LPSC_A, LIC_C]
    assert len(ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.10))) == 1
    refused = ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.11))
    assert refused.empty
    assert list(refused.columns) == list(STACK_COLUMNS)


def test_coating_stands_for_the_electrode_an_electrolyte_cannot_bear():
    only = ranked([LPSC_E, LPSC_A, NIOBATE], energies(LiNbO3__Li6PS5Cl=-0.15)).iloc[0]
    assert only["stack"] == "Li | Li6PS5Cl | LiNbO3 | LiCoO2"
    # The measured film counts, 1e-7 S/cm, not its crystal of 1e-11.
    assert only.asr_ohm_cm2 == pytest.approx(30e-4 / 10**-2.5 + 10.0)
    assert "film" not in only["flags"]
    assert "Li6PS5Cl | LiNbO3 -0.150; LiNbO3 | LiCoO2 -0.010" in only.contacts
    assert ranked([LPSC_E, LPSC_A, NIOBATE], energies(LiNbO3__Li6PS5Cl=-0.21)).empty


def test_a_coating_has_to_better_the_worst_contact():
    bare = [LIC_E, LIC_E | {"role": "anolyte", "anode_ev_atom": 0.0, "passivating": False}, LIC_C]
    layers = [*bare, NIOBATE | {"cathode_ev_atom": -0.01, "score": 1.0}]
    stacks = ranked(layers, energies(LiNbO3__Li3InCl6=-0.05))["stack"]  # bare: -0.02 and -0.08 while charging
    assert list(stacks) == ["Li | Li3InCl6 | LiCoO2"]
    better = ranked(layers, energies(LiNbO3__Li3InCl6=-0.001))["stack"]
    assert set(better) == {"Li | Li3InCl6 | LiCoO2", "Li | Li3InCl6 | LiNbO3 | LiCoO2"}


def test_a_measured_crystal_counts_even_below_the_floor():
    crystal = NIOBATE | {"film_log10_sigma": np.nan}
    only = ranked([LPSC_E, LPSC_A, crystal], energies(LiNbO3__Li6PS5Cl=-0.12)).iloc[0]
    assert only.asr_ohm_cm2 == pytest.approx(30e-4 / 10**-2.5 + 1e5)
    assert "film of LiNbO3 taken as its crystal" in only["flags"]


def test_not_knowing_a_film_never_beats_knowing_it():
    unknown = NIOBATE | {"film_log10_sigma": np.nan, "log10_sigma": np.nan, "sigma_origin": ""}
    at_floor = NIOBATE | {"film_log10_sigma": -8.0}
    pairs = energies(LiNbO3__Li6PS5Cl=-0.12)
    stacks = [ranked([LPSC_E, LPSC_A, coating], pairs).iloc[0] for coating in (at_floor, unknown)]
    assert [s.asr_ohm_cm2 for s in stacks] == pytest.approx([30e-4 / 10**-2.5 + 100.0] * 2)
    assert "film of LiNbO3 taken at 1e-08 S/cm" in stacks[1]["flags"]
    assert stacks[0].term_resistance > 0 == stacks[1].term_resistance
    assert stacks[0].score > stacks[1].score


def test_predicted_conductivities_are_flagged():
    film = NIOBATE | {"log10_sigma": -6.0, "sigma_origin": "predicted", "film_log10_sigma": np.nan}
    electrolyte = LPSC_A | {"sigma_origin": "predicted"}
    only = ranked([LPSC_E | electrolyte, film], energies(LiNbO3__Li6PS5Cl=-0.12)).iloc[0]
    assert "film of LiNbO3 taken as a prediction for its crystal" in only["flags"]
    assert "conductivity of Li6PS5Cl predicted" in only["flags"]


def test_a_stack_with_an_unknown_contact_is_listed_apart_without_a_rank():
    layers = [LPSC_A, LIC_C]
    for pairs in (energies(), energies(Li3InCl6__Li6PS5Cl=np.nan)):
        unknown = ranked(layers, pairs).iloc[0]
        assert (unknown["list"], unknown["rank"]) == ("unknown contacts", pd.NA)
        assert "Li6PS5Cl | Li3InCl6 unknown" in unknown["flags"]
    at_voltage = [LPSC_A, LIC_C | {"cathode_open_ev_non_li": np.nan}]
    unknown = ranked(at_voltage, energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert unknown["list"] == "unknown contacts"
    assert "Li3InCl6 | LiCoO2 unknown while charging" in unknown["flags"]
    known = layer("catholyte", "Li3YCl6", -5.0, cathode=-0.09)
    both = ranked([*at_voltage, known], energies(Li3InCl6__Li6PS5Cl=-0.03, Li3YCl6__Li6PS5Cl=-0.09))
    assert both["list"].tolist() == ["ready", "unknown contacts"]  # whatever their scores
    assert both["catholyte"].tolist() == ["Li3YCl6", "Li3InCl6"]
    assert len(ranked(at_voltage, energies(), rows_apart=0)) == 0


def test_what_is_only_worth_exploring_is_never_ranked():
    maybe = LIC_C | {"list": "explore"}
    only = ranked([LPSC_A, maybe], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert (only["list"], only["rank"]) == ("explore", pd.NA)
    dull = maybe | {"log10_sigma": np.nan, "sigma_origin": ""}
    only = ranked([LPSC_A, dull], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert only["list"] == "unknown conductivity"
    assert np.isnan(only.asr_ohm_cm2)


def test_better_conductor_and_milder_interface_rank_higher():
    layers = [LPSC_A, LIC_C, layer("catholyte", "Li3YCl6", -3.3, cathode=-0.02, opened=-0.08)]
    stacks = ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.03, Li3YCl6__Li6PS5Cl=-0.03))
    assert stacks.catholyte.tolist() == ["Li3InCl6", "Li3YCl6"]
    assert stacks["rank"].tolist() == [1, 2]


def test_salts_beside_a_poorly_fitting_sulfide_stand_far_down():
    # Lithium iodide 10**-6.5 and chloride 10**-9 S/cm as measured crystals: 10 nm of the latter are 1000 ohm cm2.
    iodide = layer("anode_coating", "LiI", -6.5, anode=0.0)
    chloride = layer("cathode_coating", "LiCl", -9.0, cathode=0.0)
    layers = [LPSC_E, LPSC_A, LIC_C, NIOBATE, iodide, chloride]
    pairs = energies(
        Li3InCl6__Li6PS5Cl=-0.03, LiNbO3__Li6PS5Cl=-0.12, LiI__Li6PS5Cl=0.0, LiCl__Li6PS5Cl=0.0, LiI__Li3InCl6=-0.02
    )
    stacks = ranked(layers, pairs).set_index("stack")
    salts = stacks.loc["Li | LiI | Li6PS5Cl | LiCl | LiCoO2"]
    assert salts.asr_ohm_cm2 > 1000
    assert salts.score < stacks.loc["Li | Li6PS5Cl | Li3InCl6 | LiCoO2"].score
    assert stacks["score"].is_unique


def test_same_two_electrolytes_fill_the_list_only_so_far():
    coatings = [layer("cathode_coating", f"Li{n}TaO4", -7.0 - n / 10) for n in range(2, 7)]
    pairs = energies(**{f"Li{n}TaO4__Li6PS5Cl": -0.1 for n in range(2, 7)})
    assert len(ranked([LPSC_A, *coatings], pairs, per_electrolyte_pair=2)) == 2
    assert len(ranked([LPSC_A, *coatings], pairs, sides_per_electrolyte=3)) == 3
    assert len(ranked([LPSC_A, *coatings], pairs, rows=1)) == 1


def role_lists() -> dict[str, pd.DataFrame]:
    base = {"list": "ready", "sigma_origin": "measured", "near": True, "passivating": False, "log10_sigma": -3.0}
    base |= {"e_rxn_lithium_ev_atom": -0.5, "e_rxn_full_ev_atom": -0.02, "e_rxn_half_ev_atom": -0.05}
    base |= {"e_open_full_ev_non_li": -0.01, "e_open_half_ev_non_li": -0.01}

    def rows(*named: tuple[str, str, float], **more) -> pd.DataFrame:
        return pd.DataFrame([base | {"id": i, "formula": f, "score": s} | more for i, f, s in named])

    anolytes = rows(("b", "Li3B", 0.9), ("a2", "Li3Al", 0.8), ("d", "Li3N", 0.1))
    far = rows(("e", "Li3P", 0.9), list="explore", near=False, sigma_origin="predicted")
    return {
        "electrolyte": rows(("a1", "Li3Al", 0.9), ("b", "Li3B", 0.7), ("c", "Li3C", 0.6)),
        "anolyte": pd.concat([anolytes, far]),
        "cathode_coating": rows(("n", "LiN", 0.5)).assign(e_rxn_half_ev_atom=np.nan),
    }


def test_layers_are_the_best_of_each_role_and_every_anolyte_that_is_ready():
    layers = stack_layers(role_lists(), CELL, per_role=2)
    names = {role: rows["id"].tolist() for role, rows in layers.groupby("role")}
    assert names == {"electrolyte": ["a1", "b"], "anolyte": ["b", "a2", "d", "e"], "cathode_coating": ["n"]}
    by_id = layers.drop_duplicates("id").set_index("id")
    assert by_id.loc["a1", "cathode_ev_atom"] == -0.05
    assert by_id.loc["a1", "cathode_open_ev_non_li"] == -0.01
    assert np.isnan(by_id.loc["n", "cathode_ev_atom"])
    assert np.isnan(by_id.loc["e", "log10_sigma"])  # a prediction far from the data is not known


def test_films_are_joined_by_composition():
    coatings = pd.DataFrame(
        {
            "formula": ["LiN", "N2Li2", "LiN", "Li3N"],
            "film_sigma_s_cm": [1e-7, 1e-9, np.nan, 1e-3],
            "film_source": ["doi:a", "doi:b", "", "doi:c"],
        }
    )
    layers = stack_layers(role_lists(), CELL, 2, film_conductivities(coatings)).set_index("role")
    assert layers.loc["cathode_coating", "film_log10_sigma"] == pytest.approx(-8.0)
    assert layers.loc["cathode_coating", "film_source"] == "doi:a; doi:b"
    assert layers.loc["electrolyte", "film_log10_sigma"].isna().all()


def test_one_composition_spelt_twice_is_one_material():
    lists = role_lists()
    lists["electrolyte"]["formula"] = ["Li10GeP2S12", "GeLi10P2S12", "Li3B"]
    lists = {
        "electrolyte": lists["electrolyte"],
        "cathode_coating": lists["cathode_coating"].assign(formula="P2GeLi10S12"),
    }
    layers = stack_layers(lists, CELL, per_role=2)
    assert set(layers["formula"]) == {"Li10GeP2S12", "Li3B"}
    assert contact_pairs(layers).to_numpy().tolist() == [["Li10GeP2S12", "Li3B"]]


def test_what_does_not_react_needs_no_passivation():
    stable = LPSC_A | {"anode_ev_atom": -1e-12}
    only = ranked([stable, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert "passivates" not in only["flags"]


def test_pairs_to_compute_stand_once_each_and_coatings_never_touch():
    pairs = contact_pairs(pd.DataFrame([LPSC_E, LPSC_A, LIC_E, LIC_C, NIOBATE, FLUORIDE]))
    assert [tuple(sorted(p)) for p in pairs.to_numpy()] == sorted(
        {tuple(sorted(p)) for p in product(["LiF", "LiNbO3"], ["Li6PS5Cl", "Li3InCl6"])} | {("Li3InCl6", "Li6PS5Cl")}
    )


def test_coated_catholytes_are_to_be_looked_at_at_the_top_of_charge():
    stacks = ranked([LPSC_E, LPSC_A, LIC_C, NIOBATE], energies(LiNbO3__Li6PS5Cl=-0.1, Li3InCl6__Li6PS5Cl=-0.03))
    asked = top_voltage_contacts(stacks[stacks["list"] == "ready"], CELL)
    assert asked.to_numpy().tolist() == [["Li6PS5Cl", "LiNbO3", 4.3]]
    assert (stacks.loc[asked.index, "cathode_coating"] == "LiNbO3").all()


def test_empty_lists_give_no_stack_but_all_columns():
    for lists in ({}, {role: rows.head(0) for role, rows in role_lists().items()}):
        layers = stack_layers(lists, CELL, per_role=2)
        assert contact_pairs(layers).empty
        stacks = rank_stacks(layers, energies(), CELL, SETTINGS)
        assert (len(stacks), list(stacks.columns)) == (0, list(STACK_COLUMNS))
        assert top_voltage_contacts(stacks, CELL).empty


ENERGY = st.floats(-0.25, 0.0)


@settings(deadline=None, max_examples=40)
@given(st.lists(ENERGY, min_size=4, max_size=4), st.randoms(use_true_random=False))
def test_stacks_keep_their_promises_whatever_the_order(drawn, random):
    layers = [LPSC_E, LPSC_A, LIC_E, LIC_C, NIOBATE, FLUORIDE]
    names = ["Li6PS5Cl__LiNbO3", "Li6PS5Cl__LiF", "Li3InCl6__LiF", "Li3InCl6__Li6PS5Cl"]
    pairs = energies(**dict(zip(names, drawn, strict=True)))
    stacks = ranked(layers, pairs)
    pd.testing.assert_frame_equal(stacks, ranked(random.sample(layers, len(layers)), pairs.iloc[::-1]))
    tolerated = dict(zip(names, drawn, strict=True))
    for row in stacks.itertuples():
        # Without a coating only what bears the electrode faces it.
        assert row.anode_coating or row.anolyte == "Li6PS5Cl"
        assert row.cathode_coating or row.catholyte == "Li3InCl6"
        if row.cathode_coating and row.catholyte == "Li6PS5Cl":
            assert tolerated["Li6PS5Cl__LiNbO3"] >= -0.20
        if {row.anolyte, row.catholyte} == {"Li6PS5Cl", "Li3InCl6"}:
            assert tolerated["Li3InCl6__Li6PS5Cl"] >= -0.10
    of_list = stacks[stacks["list"] == "ready"]
    assert of_list["score"].is_monotonic_decreasing
    assert not any("unknown" in text for text in of_list["contacts"])
    assert of_list["rank"].tolist() == list(range(1, len(of_list) + 1))
    assert stacks["rank"].notna().equals(stacks["list"] == "ready")


def test_unknown_contacts_on_both_sides_are_counted_together():
    blind = [LPSC_A | {"anode_ev_atom": np.nan}, LIC_C | {"cathode_ev_atom": np.nan}]
    only = ranked(blind, energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert (only["list"], only["rank"]) == ("unknown contacts", pd.NA)
    assert "Li | Li6PS5Cl unknown; Li3InCl6 | LiCoO2 unknown" in only["flags"]
