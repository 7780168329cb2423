"""Chemistry flags on formulas whose chemistry is known, and laws they keep."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.suitability import suitability_table

EXCLUDED = {"Tl", "Pb", "As", "Be", "Pt", "U", "Tc", "Xe"}
FACTS = pd.DataFrame(
    {
        "symbol": [e.symbol for e in Element if e.Z <= 103],
        "excluded": [e.symbol in EXCLUDED for e in Element if e.Z <= 103],
    }
)


def flags(*formulas: str) -> pd.DataFrame:
    return suitability_table(formulas, FACTS)


def molecules(formula: str) -> str:
    return flags(formula)["molecular_groups"].item()


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("LiNO3", "nitrate"),
        ("LiNO2", "nitrate"),
        ("Li3Co(NO2)6", "nitrate"),
        ("LiN3", "azide or nitrogen halide"),
        ("LiClO4", "halate"),
        ("LiBrO3", "halate"),
        ("LiBF4", "BF4"),
        ("LiPF6", "PF6"),
        ("LiSbF6", "SbF6"),
        ("LiHF2", "HF2"),
        ("LiPO2F2", "PO2F2"),
        ("LiN(SO2F)2", "SO3F"),
        ("LiSO3F", "SO3F"),
        ("LiCF3SO3", "SO3F, organic"),
        ("LiB(C2O4)2", "organic"),
        ("LiCN", "cyanide"),
        ("LiSCN", "cyanide"),
        ("LiNH4SO4", "ammonium"),
        ("Li(N2H5)SO4", "ammonia or hydrazine"),
        ("LiBH4(NH3)", "ammonia or hydrazine"),
        ("LiCl(H2O)", "hydrate"),
        ("LiOH(H2O)", "hydrate"),
        ("Li2SO4(H2O)", "hydrate"),
        ("LiClO4(H2O)3", "halate, hydrate"),
        ("LiNO3(H2O)3", "hydrate, nitrate"),
        ("LiAlSi2O6(H2O)", "hydrate"),  # bikitaite
        ("LiB(OH)4", "hydrate"),
        ("LiH5(PO4)2", "acid molecule"),  # LiH2PO4 with a whole H3PO4
        ("LiH3(SeO3)2", "acid molecule"),
    ],
)
def test_molecular_salts_are_caught_written_out_and_reduced(formula, expected):
    assert molecules(formula) == expected
    # tables write reduced formulas with the elements in alphabetical order: no group is left to see as text
    assert molecules(Composition(formula).alphabetical_formula.replace(" ", "")) == expected


@pytest.mark.parametrize(
    "formula",
    [
        *("Li3N", "Li2PO2N", "LiPN2", "Li2CN2", "LiSi2N3", "Li2NH", "LiNH2", "Li4(NH2)3BH4", "LiNH2BH3"),
        *("LiBH4", "Li2B12H12", "LiCB11H12", "LiAlH4", "LiH", "LiAl(NH2)4", "Li2FH"),
        *("Li2B4O7", "LiB3O5", "Li2B6O9F2", "LiB6O9F", "Li3PO4", "LiPO3", "Li4P2O7", "LiAlPO4F", "Li2PO3F", "LiFeSO4F"),
        *("LiH2PO4", "LiHSO4", "LiHCO3", "LiOH", "Li2OHCl", "LiAl2(OH)6Cl", "Li2CO3", "Li2C2", "LiC6"),
        *("Li3OCl", "Li6PS5Cl", "Li10GeP2S12", "Li7La3Zr2O12", "Li3InCl6", "LiTi2(PO4)3", "Li4B7O12Cl", "Li5IO6"),
        *("Li2SO4", "Li3AlF6", "Li2SiF6", "Li2ZrF6", "LiNbF6", "Li3SbF6", "Li2SeO4", "Al2O3"),
    ],
)
def test_ceramics_and_known_conductors_are_not_taken_for_molecular_salts(formula):
    assert molecules(formula) == ""


def test_a_ring_silicate_hydrate_and_a_hydroxide_differ():
    assert molecules("LiAlSiO4(H2O)") == "hydrate"
    assert molecules("LiHSi2O5") == ""


@pytest.mark.parametrize(
    ("formula", "ions"),
    [
        ("LiFePO4", "Fe"),
        ("LiNi0.8Mn0.1Co0.1O2", "Co, Mn, Ni"),
        ("SnO", "Sn2+"),
        ("Sn3O4", "Sn2+"),  # two Sn2+ and one Sn4+
        ("LiSnPS4", "Sn2+"),
        ("Li2SnO3", ""),
        ("Li4SnS4", ""),
        ("Li10SnP2S12", ""),
        ("Sb2O3", "Sb3+"),
        ("Sb2O4", "Sb3+"),
        ("LiSbO3", ""),
        ("Li3SbS4", ""),
        ("Li6.6Si0.6Sb0.4S5I", ""),
        ("Li3SbS3", "Sb3+"),
        ("Li3Sb", "Sb3-"),
        ("LiBiO2", "Bi3+"),
        ("LiBiO3", ""),
        ("Bi4Ti3O12", "Bi3+"),
        ("Li3Bi", "Bi3-"),
        ("Na2Te", "Te2-"),
        ("LiAlTe2", "Te2-"),
        ("K3As", "As3-"),
        ("KP15", "P-P"),
        ("Li3P", ""),
        ("Li6TeO6", ""),
        ("Li3SbO4", ""),
        ("BiSbO4", "Bi3+ or Sb3+"),
        ("Bi2Sn2O7", "Bi3+ or Sn2+"),
        ("SnSb2O4", "Sb3+, Sn2+"),
    ],
)
def test_ions_of_changing_charge_follow_from_the_charge_balance(formula, ions):
    row = flags(formula).iloc[0]
    assert (row.mixed_conduction_ions, row.mixed_conduction_unknown) == (ions, False)


@pytest.mark.parametrize("formula", ["Li22Sn5", "LiSn", "LiSb3", "LiBi", "Li2MgSn"])
def test_a_charge_that_cannot_be_told_is_unknown_not_passed(formula):
    row = flags(formula).iloc[0]
    assert row.mixed_conduction_unknown
    assert row.mixed_conduction_ions == ""


def test_elements_fractions_and_oxides():
    table = flags("Li3PO4", "PbTl2AsLiO4", "LiNaSO4", "ZrO2", "Al2O3", "LiAlO2", "Zr3O", "CO2", "ZrOCl2", "Rf2O3")
    assert table["formula"].tolist()[1] == "PbTl2AsLiO4"
    assert table["excluded_elements"].tolist() == ["", "As, Pb, Tl", "", "", "", "", "", "", "", "Rf"]
    assert table["other_alkali"].tolist() == ["", "", "Na", "", "", "", "", "", "", ""]
    assert table["lithium_fraction"].iloc[0] == pytest.approx(3 / 8)
    assert table["lithium_free_oxide"].tolist() == [False, False, False, True, True, False, False, False, False, True]


def test_rounded_doped_formulas_keep_their_charges():
    # off neutral by rounding, as the literature writes them: by -0.01 of 8 and -0.08 of 48 electrons
    rows = flags("Li3.3Sn0.33Sb0.67S4", "Li20Ge0.66Sn1.32P4S24")
    assert not rows["mixed_conduction_unknown"].any()
    assert (rows["mixed_conduction_ions"] == "").all()


@pytest.mark.parametrize(
    ("formulas", "column"),
    [
        (["LiH", "NaAlH4", "Na3AlH6", "KMgH3", "Mg2NiH4", "LiBaH3", "KSiH3", "Li4NH", "Ca2HF3"], "hydride"),
        (["KBH4", "Mg(BH4)2", "LiB3H8", "NaNH2", "Li2NH", "LiAl(NH2)4", "LiNH2BH3", "Li2BH4I"], "borohydride_or_amide"),
        (["LiH2PO4", "NaHSO4", "CsHSeO4", "KHCO3", "Li2HPO4"], "acid_oxyanion"),
        (
            ["KN3", "Ba(N3)2", "NaClO3", "CsClO4", "RbNO3", "NaBF4", "KPF6", "CaSO4(H2O)2", "NaI(CH3OH)4"],
            "molecular_salt",
        ),
    ],
)
def test_kinds_of_hydrogen_and_molecular_salts_are_told_by_rule(formulas, column):
    assert flags(*formulas)[column].all()
    # the same as tables write them
    assert flags(*(Composition(f).alphabetical_formula.replace(" ", "") for f in formulas))[column].all()


def test_ceramics_and_closo_borates_have_none_of_these_flags():
    table = flags(
        "Li2B12H12", "Na2B10H10", "LiCB11H12", "Li3PO4", "LiAlO2", "Li6PS5Cl", "Li3N", "LiTi2(PO4)3", "LiTaF6"
    )
    assert not table[["hydride", "borohydride_or_amide", "acid_oxyanion", "molecular_salt", "oxidiser"]].any(axis=None)


def test_open_shell_f_elements_carry_a_warning():
    table = flags("LiYbCl4", "Li3ErBr6", "Li7La3Zr2O12", "Li3YCl6", "LiLuO2", "CeO2")
    assert (table["f_element_warning"] != "").tolist() == [True, True, False, False, False, True]
    assert "wrong for Yb3+" in table["f_element_warning"].iloc[0]


def test_measured_good_conductors_are_suitable_but_for_reasons(shared_data):
    measured = pd.read_csv(shared_data / "obelix" / "train.csv")
    sigma = pd.to_numeric(measured["Ionic conductivity (S cm-1)"], errors="coerce")
    facts = pd.read_csv(Path(__file__).parents[3] / "data" / "reference" / "elements.csv")
    good = suitability_table(measured.loc[sigma >= 1e-4, "True Composition"].tolist(), facts)
    clean = good[good["mixed_conduction_ions"] == ""]
    assert (clean["other_alkali"] == "").all()
    assert not clean[["oxidiser", "hydride", "acid_oxyanion", "mixed_conduction_unknown"]].any(axis=None)
    # organic solvates, and arsenic in a sulfide
    assert (clean["molecular_salt"].mean(), (clean["excluded_elements"] != "").mean()) < (0.02, 0.02)


def test_unreadable_formulas_and_facts_are_named():
    with pytest.raises(ValueError, match=r"'Xyz3'.*'Li\(PO4'"):
        suitability_table(["Li3PO4", "Xyz3", "Li(PO4"], FACTS)
    with pytest.raises(ValueError, match=r"lack the column.*excluded"):
        suitability_table(["Li3PO4"], FACTS[["symbol"]])


def test_no_formulas_give_an_empty_table_with_its_columns():
    table = suitability_table([], FACTS)
    assert len(table) == 0
    assert table["mixed_conduction_unknown"].dtype == bool


OXIDE_FORMERS = [
    "Li",
    "H",
    "B",
    "C",
    "N",
    "F",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "Ti",
    "Fe",
    "Sn",
    "Sb",
    "I",
    "Bi",
    "Na",
    "As",
]


@given(
    st.dictionaries(st.sampled_from(OXIDE_FORMERS), st.integers(1, 12), min_size=1, max_size=5),
    st.integers(0, 12),
    st.integers(2, 7),
)
def test_scaling_and_order_of_a_formula_change_nothing(amounts, oxygen, factor):
    amounts = {**amounts, "O": oxygen} if oxygen else amounts
    written = "".join(f"{e}{n}" for e, n in amounts.items())
    scaled = "".join(f"{e}{n * factor}" for e, n in reversed(amounts.items()))
    divided = "".join(f"{e}{n / 3:.12f}" for e, n in amounts.items())
    one, *others = flags(written, scaled, divided).drop(columns="formula").itertuples(index=False)
    for other in others:
        assert other.lithium_fraction == pytest.approx(one.lithium_fraction)
        assert other._replace(lithium_fraction=0) == one._replace(lithium_fraction=0)


def test_every_lithium_compound_of_a_large_table_is_judged(shared_data):
    phases = pd.read_csv(shared_data / "mp_formation_energies.csv.gz", keep_default_na=False)
    formulas = [f for f in phases["formula"] if "Li" in Composition(f)]
    table = flags(*formulas)
    assert len(table) == len(formulas) == 8656
    # ceramics are the rule, and every oxide with chlorine at -1 that has a name as a conductor stays
    assert (table["molecular_groups"] == "").mean() > 0.95
    assert table["mixed_conduction_unknown"].mean() < 0.05
    salts = table.set_index("formula")["molecular_groups"]
    assert (salts[["LiNO3", "ClLiO4", "BF4Li", "F6LiP", "F2HLi"]] != "").all()
