from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ionsieve.models.judgement.ranking import Cell
from ionsieve.models.judgement.stacks import (
    STACK_COLUMNS,
    StackSettings,
    area_resistance_ohm_cm2,
    contact_pairs,
    rank_stacks,
    stack_layers,
)

CELL = Cell(
    partners={"cathode_lithiated": "full", "cathode_delithiated": "half", "electrolyte": "lps", "anode": "lithium"},
    formulas={
        "cathode_lithiated": "LiCoO2",
        "cathode_delithiated": "Li0.5CoO2",
        "electrolyte": "Li3PS4",
        "anode": "Li",
    },
    cathode_voltage_v=4.3,
    bare_ev_atom={"cathode_lithiated": -0.40, "cathode_delithiated": -0.50, "anode": -0.70},
)
SETTINGS = StackSettings(
    separator_um=30,
    coating_nm=10,
    film_floor_s_cm=1e-8,
    min_electrolytes_ev_atom=-0.10,
    min_anode_coating_ev_atom=-0.10,
    min_cathode_coating_ev_atom=-0.15,
    per_role=8,
    sides_per_electrolyte=9,
    per_electrolyte_pair=9,
    rows=100,
    resistance_ohm_cm2=(1000, 1),
    interface_ev_atom=(-0.4, 0.0),
    resistance_weight=1,
    interface_weight=1,
    passivating_credit=0.7,
    unknown_credit=0.25,
)


def layer(role, formula, log10_sigma, anode=-0.5, cathode=-0.05, passivating=False, origin="measured") -> dict:
    return {
        "role": role,
        "id": formula.lower(),
        "formula": formula,
        "log10_sigma": log10_sigma,
        "sigma_origin": origin,
        "passivating": passivating,
        "anode_ev_atom": anode,
        "cathode_ev_atom": cathode,
    }


LPSC_E = layer("electrolyte", "Li6PS5Cl", -2.5, anode=-0.6, cathode=-0.4, passivating=True)
LPSC_A = LPSC_E | {"role": "anolyte"}
LIC_E = layer("electrolyte", "Li3InCl6", -3.0, anode=-0.6, cathode=-0.02)
LIC_C = LIC_E | {"role": "catholyte"}
NIOBATE = layer("cathode_coating", "LiNbO3", -11.0, cathode=-0.01)
FLUORIDE = layer("anode_coating", "LiF", np.nan, anode=0.0, origin="predicted")


def energies(**pairs) -> pd.DataFrame:
    """Pair energies, keys written as Li6PS5Cl__LiNbO3."""
    rows = [(*key.split("__"), value) for key, value in pairs.items()]
    return pd.DataFrame(rows, columns=["formula_a", "formula_b", "e_rxn_ev_atom"])


def ranked(layers: list[dict], pairs: pd.DataFrame, **changed) -> pd.DataFrame:
    return rank_stacks(pd.DataFrame(layers), pairs, CELL, replace(SETTINGS, **changed))


def test_area_resistance_by_hand():
    # 30 µm at 1e-3 S/cm: 30e-4 cm / 1e-3 = 3 ohm cm2; 10 nm at 1e-8: 1e-6 / 1e-8 = 100 ohm cm2.
    assert area_resistance_ohm_cm2(30e-4, -3.0) == pytest.approx(3.0)
    assert area_resistance_ohm_cm2(1e-6, -8.0) == pytest.approx(100.0)
    assert np.isnan(area_resistance_ohm_cm2(1e-6, np.nan))


def test_one_electrolyte_alone_where_it_bears_both_electrodes():
    dream = layer("anolyte", "Li9X", -3.0, anode=0.0, cathode=-0.02)
    stacks = ranked([dream, dream | {"role": "catholyte"}], energies())
    only = stacks.iloc[0]
    assert len(stacks) == 1
    assert only["stack"] == "Li | Li9X | LiCoO2"
    assert only.asr_ohm_cm2 == pytest.approx(3.0)
    assert (only.n_layers, only.anode_coating, only.cathode_coating) == (1, "", "")
    assert (only.weakest_interface_ev_atom, only.weakest_interface) == (-0.02, "Li9X | LiCoO2")
    # log10(3) of the way from 1 to 1000 ohm cm2, -0.02 of the way from 0 to -0.4 eV/atom, equal weights
    assert only.score == pytest.approx((1 - np.log10(3) / 3 + 0.95) / 2)


def test_anolyte_and_catholyte_share_the_separator():
    stacks = ranked([LPSC_E, LPSC_A, LIC_E, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03))
    only = stacks.iloc[0]
    assert only["stack"] == "Li | Li6PS5Cl | Li3InCl6 | LiCoO2"
    # 15 µm at 10**-2.5 and 15 µm at 1e-3 S/cm
    assert only.asr_ohm_cm2 == pytest.approx(15e-4 / 10**-2.5 + 1.5)
    assert only.contacts == "Li | Li6PS5Cl -0.600; Li6PS5Cl | Li3InCl6 -0.030; Li3InCl6 | LiCoO2 -0.020"
    assert (only.weakest_interface_ev_atom, only.weakest_interface) == (-0.6, "Li | Li6PS5Cl")
    assert "Li6PS5Cl passivates on Li" in only["flags"]
    # The passivating contact earns 0.7, the worst of the three; the others 1 - 0.03/0.4 and 1 - 0.02/0.4.
    assert only.score == pytest.approx((1 - np.log10(only.asr_ohm_cm2) / 3 + 0.7) / 2)


def test_neighbours_that_react_make_no_stack():
    layers = [LPSC_A, LIC_C]
    assert len(ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.10))) == 1
    refused = ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.11))
    assert refused.empty
    assert list(refused.columns) == list(STACK_COLUMNS)


def test_coating_stands_for_the_electrode_an_electrolyte_cannot_bear():
    stacks = ranked([LPSC_E, LPSC_A, NIOBATE], energies(LiNbO3__Li6PS5Cl=-0.12))
    only = stacks.iloc[0]
    assert only["stack"] == "Li | Li6PS5Cl | LiNbO3 | LiCoO2"
    # The film is taken at 1e-8 S/cm although its crystal conducts 1e-11.
    assert only.asr_ohm_cm2 == pytest.approx(30e-4 / 10**-2.5 + 100.0)
    assert "film of LiNbO3 taken at 1e-08 S/cm" in only["flags"]
    assert only.contacts.endswith("Li6PS5Cl | LiNbO3 -0.120; LiNbO3 | LiCoO2 -0.010")
    assert ranked([LPSC_E, LPSC_A, NIOBATE], energies(LiNbO3__Li6PS5Cl=-0.16)).empty


def test_coating_that_conducts_is_not_flagged():
    film = NIOBATE | {"log10_sigma": -6.0}
    only = ranked([LPSC_E, LPSC_A, film], energies(LiNbO3__Li6PS5Cl=-0.12)).iloc[0]
    assert only.asr_ohm_cm2 == pytest.approx(30e-4 / 10**-2.5 + 1.0)
    assert "film" not in only["flags"]


def test_predicted_conductivity_of_a_film_is_flagged():
    film = NIOBATE | {"log10_sigma": -6.0, "sigma_origin": "predicted"}
    only = ranked([LPSC_E, LPSC_A, film], energies(LiNbO3__Li6PS5Cl=-0.12)).iloc[0]
    assert "conductivity of LiNbO3 predicted" in only["flags"]


def test_film_of_unknown_conductivity_gets_the_floor_with_its_flag():
    only = ranked([LIC_E, LIC_C, FLUORIDE], energies(LiF__Li3InCl6=0.0)).iloc[0]
    assert only["stack"] == "Li | LiF | Li3InCl6 | LiCoO2"
    assert only.asr_ohm_cm2 == pytest.approx(3.0 + 100.0)
    assert "film of LiF taken" in only["flags"]


def test_unknown_contact_is_tolerated_flagged_and_worth_little():
    known = ranked([LPSC_A, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    for pairs in (energies(), energies(Li3InCl6__Li6PS5Cl=np.nan)):
        unknown = ranked([LPSC_A, LIC_C], pairs).iloc[0]
        assert "Li6PS5Cl | Li3InCl6 unknown" in unknown["flags"]
        # 0.25 in place of 0.7, at half the weight
        assert unknown.score == pytest.approx(known.score - (0.7 - 0.25) / 2)


def test_unknown_conductivity_of_an_electrolyte_leaves_the_resistance_unknown():
    unknown = LIC_C | {"log10_sigma": np.nan, "sigma_origin": "predicted"}
    only = ranked([LPSC_A, unknown], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert np.isnan(only.asr_ohm_cm2)
    assert "conductivity of Li3InCl6 unknown" in only["flags"]
    assert only.score == pytest.approx((0.25 + 0.7) / 2)


def test_better_conductor_and_milder_interface_rank_higher():
    layers = [LPSC_A, LIC_C, layer("catholyte", "Li3YCl6", -3.3, cathode=-0.02)]
    stacks = ranked(layers, energies(Li3InCl6__Li6PS5Cl=-0.03, Li3YCl6__Li6PS5Cl=-0.03))
    assert stacks.catholyte.tolist() == ["Li3InCl6", "Li3YCl6"]
    assert stacks["rank"].tolist() == [1, 2]


def test_same_two_electrolytes_fill_the_list_only_so_far():
    coatings = [layer("cathode_coating", f"Li{n}TaO4", -7.0) for n in range(2, 7)]
    stacks = ranked([LPSC_A, *coatings], energies(), per_electrolyte_pair=2)
    assert len(stacks) == 2
    assert len(ranked([LPSC_A, *coatings], energies(), sides_per_electrolyte=3)) == 3
    assert len(ranked([LPSC_A, *coatings], energies(), rows=1)) == 1


def shortlists() -> tuple[pd.DataFrame, pd.DataFrame]:
    base = {"sigma_origin": "measured", "passivating": False, "e_rxn_lithium_ev_atom": -0.5, "log10_sigma": -3.0}
    base |= {"e_rxn_full_ev_atom": -0.02, "e_rxn_half_ev_atom": -0.05}
    rows = [("a1", "Li3Al", 0.9, 0.2), ("a2", "Li3Al", 0.8, 0.3), ("b", "Li3B", 0.7, 0.9), ("c", "Li3C", 0.6, np.nan)]
    electrolytes = pd.DataFrame(
        [
            base
            | {"rank": k, "id": i, "formula": f, "score_electrolyte": s, "score_anolyte": a, "score_catholyte": np.nan}
            for k, (i, f, s, a) in enumerate(rows, start=1)
        ]
    ).assign(electrolyte=True, anolyte=[True, True, True, False], catholyte=False)
    coating = base | {
        "rank": 1,
        "id": "n",
        "formula": "LiN",
        "score_cathode_coating": 0.5,
        "score_anode_coating": np.nan,
    }
    coatings = pd.DataFrame([coating | {"e_rxn_half_ev_atom": np.nan}]).assign(
        cathode_coating=True, anode_coating=False
    )
    return electrolytes, coatings


def test_layers_are_the_best_of_each_role_by_its_own_score_one_polymorph_each():
    layers = stack_layers(*shortlists(), CELL, per_role=2)
    names = {role: rows["id"].tolist() for role, rows in layers.groupby("role")}
    assert names == {"electrolyte": ["a1", "b"], "anolyte": ["b", "a2"], "cathode_coating": ["n"]}
    assert layers.set_index("id").loc["a1", "cathode_ev_atom"] == -0.05
    assert np.isnan(layers.set_index("id").loc["n", "cathode_ev_atom"])


def test_one_composition_spelt_twice_is_one_material():
    electrolytes, coatings = shortlists()
    electrolytes["formula"] = ["Li10GeP2S12", "GeLi10P2S12", "Li3B", "Li3C"]
    layers = stack_layers(electrolytes, coatings.assign(formula="P2GeLi10S12"), CELL, per_role=2)
    assert set(layers["formula"]) == {"Li10GeP2S12", "Li3B"}
    assert contact_pairs(layers).to_numpy().tolist() == [["Li10GeP2S12", "Li3B"]]


def test_what_does_not_react_needs_no_passivation():
    stable = LPSC_A | {"anode_ev_atom": -1e-12}
    only = ranked([stable, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]
    assert "passivates" not in only["flags"]
    unknown = LPSC_A | {"anode_ev_atom": np.nan}
    assert "passivates" in ranked([unknown, LIC_C], energies(Li3InCl6__Li6PS5Cl=-0.03)).iloc[0]["flags"]


def test_pairs_to_compute_stand_once_each_and_coatings_never_touch():
    layers = pd.DataFrame([LPSC_E, LPSC_A, LIC_E, LIC_C, NIOBATE, FLUORIDE])
    pairs = contact_pairs(layers)
    assert [tuple(sorted(p)) for p in pairs.to_numpy()] == sorted(
        {tuple(sorted(p)) for p in product(["LiF", "LiNbO3"], ["Li6PS5Cl", "Li3InCl6"])} | {("Li3InCl6", "Li6PS5Cl")}
    )


def test_empty_shortlists_give_no_stack_but_all_columns():
    electrolytes, coatings = shortlists()
    layers = stack_layers(electrolytes.head(0), coatings.head(0), CELL, per_role=2)
    assert contact_pairs(layers).empty
    stacks = rank_stacks(layers, energies(), CELL, SETTINGS)
    assert (len(stacks), list(stacks.columns)) == (0, list(STACK_COLUMNS))


ENERGY = st.floats(-0.2, 0.0)


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
            assert tolerated["Li6PS5Cl__LiNbO3"] >= -0.15
        if {row.anolyte, row.catholyte} == {"Li6PS5Cl", "Li3InCl6"}:
            assert tolerated["Li3InCl6__Li6PS5Cl"] >= -0.10
    assert stacks["score"].is_monotonic_decreasing
