"""Doping by composition: published formulas from their parents, and the laws every product keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.doping import DOPANTS, doped, doped_formulas, formula_text

PARENTS = ["Li7La3Zr2O12", "LiTi2(PO4)3", "Li6PS5Cl", "Li3YCl6"]


@pytest.mark.parametrize(
    ("parent", "made"),
    [
        ("Li7La3Zr2O12", "Li6.5La3Zr1.75Te0.25O12"),  # doi:10.1016/j.ssi.2013.08.011 dopes Zr by Te
        ("Li7La3Zr2O12", "Li6.25Al0.25La3Zr2O12"),  # Al3+ for 3 Li+
        ("LiTi2(PO4)3", "Li1.3Al0.3Ti1.7(PO4)3"),  # LATP
    ],
)
def test_published_compositions_follow_from_their_parents(parent, made):
    formulas = doped_formulas([parent], [0.25, 0.3])["formula"]
    assert composition_key(parse_formula(made)) in {composition_key(parse_formula(f)) for f in formulas}


def test_every_composition_is_neutral():
    made = doped_formulas(PARENTS, [0.1, 0.25])
    assert len(made) > 50
    for row in made.itertuples():
        charges, _ = average_charges(parse_formula(row.parent))
        charges = {**charges, row.dopant: DOPANTS[row.dopant]}
        amounts = parse_formula(row.formula).get_el_amt_dict()
        assert sum(charges[s] * n for s, n in amounts.items()) == pytest.approx(0, abs=1e-4), row.formula


def test_mixing_ions_of_one_charge_moves_no_lithium():
    made = doped_formulas(["Li3YCl6"], [0.5])
    mixed = made[(made["site"] == "Y") & (made["dopant"] == "In")]["formula"].item()
    assert parse_formula(mixed) == Composition("Li3Y0.5In0.5Cl6")


def test_no_parent_gives_itself_and_no_composition_comes_twice():
    made = doped_formulas([*PARENTS, *PARENTS], [0.1])
    keys = [composition_key(parse_formula(f)) for f in made["formula"]]
    assert len(keys) == len(set(keys))
    assert not {composition_key(parse_formula(p)) for p in PARENTS} & set(keys)


@given(st.floats(0.01, 1.9))
def test_lithium_makes_up_the_charge(amount):
    # each Ta5+ on Zr4+ adds one charge, which one lithium less takes away
    charges = {"Li": 1, "La": 3, "Zr": 4, "O": -2, "Ta": 5}
    new = doped(Composition("Li7La3Zr2O12"), "Zr", "Ta", amount, charges)
    assert new["Li"] == pytest.approx(7 - amount, abs=1e-5)


def test_what_cannot_be_doped_says_why():
    with pytest.raises(ValueError, match="holds less than 3 Zr"):
        doped(Composition("Li7La3Zr2O12"), "Zr", "Ta", 3, {"Zr": 4, "Ta": 5})
    with pytest.raises(ValueError, match="more lithium than LiF holds"):
        doped(Composition("LiF"), "F", "Cl", 1, {"F": -3, "Cl": -1})


def test_formulas_read_as_chemists_write_them():
    assert formula_text(Composition("O12Te0.25Zr1.75La3Li6.5")) == "Li6.5La3Zr1.75Te0.25O12"
