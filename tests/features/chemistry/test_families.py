import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from ionsieve.features.chemistry.families import family_of, family_table


@pytest.mark.parametrize(
    ("formulas", "family"),
    [
        ("Li7La3Zr2O12 Li6.4La3Zr2Al0.2O12 Li5La3Ta2O12", "garnet"),
        ("LiTi2(PO4)3 Li1.3Al0.3Ti1.7(PO4)3 LiZr2(PO4)3", "NASICON"),
        ("Li0.33La0.56TiO3 Li0.5La0.5TiO3", "perovskite"),
        ("Li10GeP2S12 Li10SnP2S12", "LGPS type"),
        ("Li6PS5Cl Li5.5PS4.5Cl1.5 Li6PS5I", "argyrodite"),
        ("Li3PS4 Li7P3S11", "thiophosphate"),
        ("Li3YCl6 Li2ZrCl6 LiCl", "chloride"),
        ("Li3YBr3Cl3", "mixed halide"),
        ("LiNbOCl4 LiTaOCl4 Li3OCl", "oxyhalide"),
        ("LiNbO3", "niobate"),
        ("Li3PO4 LiPO3", "phosphate"),
        ("Li3B11O18", "borate"),
        ("Li2.9PO3.3N0.46", "oxynitride"),  # LiPON
        ("LiBH4", "borohydride"),
        ("Li2S", "sulfide"),
        ("Li3N", "nitride"),
        ("LiAlPO4F", "fluorophosphate"),
        ("Li2OHCl", "hydroxide halide"),
    ],
)
def test_known_compounds_stand_in_their_families(formulas, family):
    assert set(family_table(formulas.split())["family"]) == {family}


def test_a_formula_that_cannot_be_read_has_no_family():
    assert family_table(["not a formula", "LiF"])["family"].tolist() == ["", "fluoride"]


@given(
    st.dictionaries(
        st.sampled_from(["Li", "La", "Zr", "P", "S", "O", "Cl", "Br", "N", "H", "B", "Ti", "Y"]),
        st.integers(1, 12),
        min_size=1,
    ),
    st.integers(2, 5),
)
def test_scale_and_order_change_nothing(amounts, times):
    name = family_of(amounts)
    assert name == family_of({e: times * amounts[e] for e in reversed(amounts)})
    assert name == family_table([Composition(amounts).formula])["family"][0] != ""
