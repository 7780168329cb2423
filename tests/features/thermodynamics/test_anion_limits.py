"""Anion groups of known compounds, and the ceilings of their oxidation limits."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ionsieve.features.chemistry.anion_groups import anion_groups
from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.thermodynamics.anion_limits import anion_oxidation_ceiling_v
from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.window import window_table

LIMITS = pd.read_csv(Path(__file__).parents[3] / "data" / "reference" / "anion_oxidation_limits.csv")
GROUPS = {
    "phosphate": ("Li3PO4", "LiPO3", "LiTi2(PO4)3"),
    "sulfide": ("Li3PS4", "LiScS2"),
    "chloride, sulfide": ("Li6PS5Cl",),
    "sulfate": ("Li2SO4", "Li2S2O7"),
    "sulfite": ("Li2SO3",),
    "selenite": ("LiGa(SeO3)2",),
    "bromide": ("Li3ErBr6",),
    "oxide": ("Rb2LiAsO4", "Li6TeO6", "Li7La3Zr2O12", "LiNbO3"),
    "fluoride": ("LiTaF6",),
    "borohydride": ("LiBH4",),
    "closo-borate": ("Li2B12H12", "LiCB11H12", "Li2B10H10"),
    "borate": ("Li3B11O18", "Li3BO3"),
    "carbonate": ("Li2CO3",),
    "organic": ("Li2C2O4",),
    "silicate": ("Li4SiO4",),
    "oxide, phosphate": ("KTiOPO4",),  # one oxygen belongs to no phosphate
    "nitride": ("Li3N",),
    "nitridophosphate": ("LiPN2",),
    "nitridophosphate, phosphate": ("Li2PO2N",),
    "amide": ("LiNH2",),
    "ammonium, sulfate": ("LiNH4SO4",),
    "nitrate": ("LiNO3",),
    "azide": ("LiN3",),
    "halate": ("LiClO4",),
    "phosphide": ("Li3P",),
    "hydride": ("LiAlH4",),
    "peroxide": ("Li2O2",),
    "chloride, oxide": ("Li3OCl",),
    "": ("Li9Al4",),
}


@pytest.mark.parametrize(("formula", "expected"), [(f, name) for name, formulas in GROUPS.items() for f in formulas])
def test_groups_follow_from_the_composition(formula: str, expected: str) -> None:
    assert ", ".join(anion_groups(parse_formula(formula).get_el_amt_dict())) == expected


def test_the_most_easily_oxidised_group_sets_the_ceiling() -> None:
    table = anion_oxidation_ceiling_v(["Li6PS5Cl", "Li3OCl", "LiPO3", "LiAl"], LIMITS)
    assert table["anion_group"].tolist() == ["sulfide", "oxide", "phosphate", ""]
    assert table["oxidation_ceiling_v"].iloc[0] == LIMITS.set_index("anion_group").loc["sulfide", "limit_v"]
    assert pd.isna(table["oxidation_ceiling_v"].iloc[3])


def test_known_defects_are_above_their_ceilings_and_known_limits_below() -> None:
    computed = {"Li3ErBr6": 5.64, "LiScS2": 7.19, "Rb2LiAsO4": 6.61, "LiPO3": 5.0, "LiTaF6": 7.27, "Li3PO4": 4.21}
    ceilings = anion_oxidation_ceiling_v(list(computed), LIMITS)["oxidation_ceiling_v"]
    above = [limit > ceiling for limit, ceiling in zip(computed.values(), ceilings, strict=True)]
    assert above == [True, True, True, False, False, False]


def test_ceilings_lie_above_what_measured_enthalpies_give() -> None:
    # V = -dH / (n F) of Li_nX -> n Li + X, measured enthalpies in kJ/mol per lithium
    enthalpies = {"LiF": -616, "LiBr": -351.2, "LiI": -270.4, "LiCl": -408.6, "LiH": -90.5}
    enthalpies |= {"Li2O": -597.9 / 2, "Li2S": -441.4 / 2, "Li3N": -164.6 / 3}
    ceilings = anion_oxidation_ceiling_v(list(enthalpies), LIMITS).set_index("formula")["oxidation_ceiling_v"]
    for formula, enthalpy in enthalpies.items():
        # a tenth of a volt: the difference of an enthalpy and a free energy
        assert ceilings[formula] > -enthalpy / 96.485 - 0.1


def test_tables_without_a_group_are_refused() -> None:
    with pytest.raises(ValueError, match="no row for sulfide"):
        anion_oxidation_ceiling_v(["Li2S"], LIMITS[LIMITS["anion_group"] != "sulfide"])
    with pytest.raises(ValueError, match="limit_v"):
        anion_oxidation_ceiling_v(["Li2S"], LIMITS[["anion_group"]])


def test_every_limit_has_a_source() -> None:
    assert LIMITS["source"].str.len().gt(3).all()
    assert LIMITS["anion_group"].is_unique
    assert LIMITS["limit_v"].is_monotonic_increasing


ELEMENTS = ["Li", "H", "B", "C", "N", "F", "Si", "P", "S", "Cl", "Fe", "Se", "As", "I", "Xe"]


@given(st.dictionaries(st.sampled_from(ELEMENTS), st.integers(1, 12), min_size=1), st.integers(0, 20))
def test_any_composition_has_groups_with_limits(amounts: dict[str, int], oxygen: int) -> None:
    amounts = {**amounts, "O": oxygen} if oxygen else amounts
    formula = "".join(f"{symbol}{n}" for symbol, n in amounts.items())
    scaled = "".join(f"{symbol}{3 * n}" for symbol, n in reversed(amounts.items()))
    one, other = anion_oxidation_ceiling_v([formula, scaled], LIMITS)["anion_group"]
    assert one == other


def test_few_windows_of_a_large_table_are_defects(mp_table: pd.DataFrame, mp_phases: PhaseSet) -> None:
    lithium = mp_table[mp_table["formula"].str.contains("Li(?![a-z])")]["formula"].iloc[::9].tolist()
    limits = window_table(lithium, mp_phases)["oxidation_limit_v"].to_numpy()
    above = limits > anion_oxidation_ceiling_v(lithium, LIMITS)["oxidation_ceiling_v"].to_numpy()
    assert 0 < above.mean() < 0.02
