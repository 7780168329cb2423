"""Interface partners: readable, paired, and consistent with chemistry."""

from pathlib import Path

import pandas as pd
import pytest

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.thermodynamics.open_contact import non_mobile_key
from ionsieve.models.judgement.cell import partner_ids

PARTNERS = Path(__file__).resolve().parents[2] / "data" / "reference" / "partners.csv"
KINDS = {"cathode_lithiated", "cathode_delithiated", "anode", "electrolyte", "air"}


@pytest.fixture(scope="module")
def partners() -> pd.DataFrame:
    return pd.read_csv(PARTNERS, keep_default_na=False)


def test_rows_are_unique_and_sourced(partners):
    assert not partners["partner"].duplicated().any()
    assert not partners["formula"].duplicated().any()
    assert set(partners["kind"]) == KINDS
    assert (partners["source"] != "").all()
    assert (partners["comment"] != "").all()
    assert len(partners) >= 22


def test_each_cathode_is_a_pair_that_differs_in_lithium_alone(partners):
    cathodes = partners[partners["kind"].str.startswith("cathode")]
    for name, pair in cathodes.groupby("cathode"):
        by_kind = pair.set_index("kind")
        assert len(pair) == 2, name
        assert by_kind["voltage_v"].nunique() == 1, name
        full = parse_formula(by_kind.at["cathode_lithiated", "formula"])
        empty = parse_formula(by_kind.at["cathode_delithiated", "formula"])
        scale = full["O"] / empty["O"]
        assert full["Li"] > empty["Li"] * scale, name
        for element in {*full, *empty} - {e for e in full if e.symbol == "Li"}:
            assert full[element] == pytest.approx(empty[element] * scale), (name, element)


def test_charge_cut_offs_are_those_of_real_cells(partners):
    volts = partners[partners["kind"] == "cathode_delithiated"].set_index("cathode")["voltage_v"].astype(float)
    assert volts.between(3.4, 5.0).all()
    # iron phosphate is the mildest, the nickel-manganese spinel (plateau 4.7 V) the harshest
    assert volts.idxmin() == "LiFePO4"
    assert volts.idxmax() == "LiNi0.5Mn1.5O4"
    others = partners[~partners["kind"].str.startswith("cathode")].set_index("partner")
    assert others.loc["lithium", "voltage_v"] == "0.0"
    assert (others.drop("lithium")["voltage_v"] == "").all()


def test_cathodes_have_the_voltages_they_run_at(partners):
    cathodes = partners[partners["kind"].str.startswith("cathode")]
    lowest, highest = cathodes["voltage_min_v"].astype(float), cathodes["voltage_max_v"].astype(float)
    assert (lowest < highest).all()
    # the charge cut-off of the pair lies in its range, near the top
    assert (cathodes["voltage_v"].astype(float) <= highest).all()
    assert (cathodes["voltage_v"].astype(float) >= highest - 0.15).all()
    assert (cathodes["voltage_range_source"] != "").all()
    assert cathodes.groupby("cathode")[["voltage_min_v", "voltage_max_v"]].nunique().eq(1).all(axis=None)
    assert (partners.drop(cathodes.index)["voltage_min_v"] == "").all()


def test_lithium_air_and_the_electrolytes_are_there(partners):
    formulas = partners.groupby("kind")["formula"].agg(set)
    assert formulas["anode"] == {"Li"}
    assert formulas["air"] == {"H2O", "CO2"}
    assert {"Li3PS4", "Li6PS5Cl", "Li10GeP2S12", "Li7La3Zr2O12", "Li3YCl6", "Li3InCl6"} <= formulas["electrolyte"]
    assert all(parse_formula(f)["Li"] > 0 for f in formulas["electrolyte"])


@pytest.mark.parametrize("cathode", ["LiCoO2", "LiNiO2", "NCM811", "LiMn2O4", "LiFePO4"])
def test_the_cathodes_in_use_can_be_chosen(partners, cathode):
    named = partner_ids(partners, cathode, "lps", "lithium")
    rows = partners.set_index("partner").loc[[named["cathode_lithiated"], named["cathode_delithiated"]]]
    assert set(rows["cathode"]) == {cathode}
    # the pair is one host once lithium is left out, so one answer at voltage serves both
    assert len({non_mobile_key(formula) for formula in rows["formula"]}) == 1
