import pandas as pd
import pytest

from ionsieve.models.judgement.novelty import novelty_table

KNOWN = [
    "Li",
    "Li7La3Zr2O12",
    "LiTi2(PO4)3",
    "Li3YCl6",
    "Li6PS5Cl",
    "Li3PS4",
    "La0.5Li0.5TiO3",
    "Li10GeP2S12",
    "LiBO2",
    "LiGaSiO4",
]


def novelty_of(formula: str, origin: str = "table", about: str = "") -> tuple[str, str]:
    rows = pd.DataFrame({"id": ["x"], "formula": [formula], "origin": [origin], "about": [about]})
    return tuple(novelty_table(rows, KNOWN).loc[0, ["novelty", "parent"]])  # type: ignore[return-value]


@pytest.mark.parametrize("formula", ["S4PLi3", "Li6P2S8", "Li20.2Ge2.06P3.94S24"])  # the last: LGPS as refined
def test_a_composition_of_the_tables_is_known_however_it_is_written(formula):
    assert novelty_of(formula) == ("known", "")


@pytest.mark.parametrize(
    ("formula", "parent"),
    [
        ("Li6.4La3Zr2Al0.2O12", "Li7La3Zr2O12"),  # aluminium on lithium's site
        ("Li6.4La3Zr1.4Ta0.6O12", "Li7La3Zr2O12"),
        ("Li1.3Al0.3Ti1.7(PO4)3", "LiTi2(PO4)3"),  # LATP
        ("Li3YBr3Cl3", "Li3YCl6"),  # half of the chlorine
        ("Li5.5PS4.5Cl1.5", "Li6PS5Cl"),
    ],
)
def test_a_doped_or_substituted_compound_is_a_variant_of_its_parent(formula, parent):
    assert novelty_of(formula) == ("variant", parent)


@pytest.mark.parametrize(
    "formula",
    [
        "Li3ErCl6",  # another metal all over
        "Li2LuBO4",  # not lithium borate with lutetium
        "LiGa(SiO3)2",  # the elements of LiGaSiO4 in another ratio
    ],
)
def test_other_compounds_are_new(formula):
    assert novelty_of(formula) == ("new", "")


def test_a_made_up_crystal_names_the_one_it_was_made_from():
    assert novelty_of("Li3ErCl6", "new: substitution", "Li3YCl6 (P-3m1) with Y3+ by Er3+") == ("new", "Li3YCl6")


def test_a_compound_of_a_reference_table_is_known():
    assert novelty_of("KH2PO4", "formation_enthalpies.csv") == ("known", "")


def test_limits_of_a_variant_are_those_stated():
    # 40 % of the yttrium is more than the third that a dopant may be, however little of all atoms
    assert novelty_of("Li3Y0.6Er0.4Cl6") == ("new", "")
    assert novelty_of("Li3Y0.7Er0.3Cl6") == ("variant", "Li3YCl6")
    # one of 18 atoms is titanium in place of phosphorus: 0.056 of all, more than the 0.05 cations may differ by
    assert novelty_of("LiTi3P2O12") == ("new", "")


def test_a_salt_without_other_cations_has_variants():
    rows = pd.DataFrame({"id": ["x"], "formula": ["Li4F3Cl"], "origin": ["table"], "about": [""]})
    # a quarter of the fluorine; there are no other cations to differ
    assert novelty_table(rows, ["LiF"]).loc[0, ["novelty", "parent"]].tolist() == ["variant", "LiF"]
