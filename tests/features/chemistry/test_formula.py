"""Formulas as people and programs write them, and one identity of a composition."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from ionsieve.features.chemistry.formula import composition_key, composition_keys, parse_formula, parse_formulas
from ionsieve.features.thermodynamics.phase_set import read_amounts


def test_order_and_scale_of_a_formula_are_no_part_of_its_identity() -> None:
    keys = composition_keys(["Li3PO4", "P2O8Li6", "Li0.375P0.125O0.5", "Li3PS4"])
    assert keys[0] == keys[1] == keys[2] == composition_key(parse_formula("Li3PO4"))
    assert keys[3] != keys[0]


def test_rounded_keys_join_near_compositions_and_let_unreadable_ones_pass() -> None:
    near = composition_keys(["Li0.33La0.557TiO3", "Li0.33La0.5571TiO3", "Li0.36La0.557TiO3", "?"], 3)
    assert near[0] == near[1] != near[2]
    assert near[3] == "?"


def test_unreadable_formulas_are_named() -> None:
    with pytest.raises(ValueError, match=r"'Xyz3'.*'\?'"):
        composition_keys(["Li3PO4", "Xyz3", "?"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("LiOH·H2O", "LiO2H3"),
        ("LiOH.H2O", "LiO2H3"),
        ("Li2SO4.H2O", "Li2SO5H2"),
        ("CaSO4 · 2H2O", "CaSO6H4"),
        ("CaSO4·0.5H2O", "CaSO4.5H"),
        ("LiI·4CH3OH", "LiIC4H16O4"),
        ("0.75Li2S·0.25P2S5", "Li3PS4"),
        ("Li₃PO₄", "Li3PO4"),
        ("Li₀.₃₃La₀.₅₆TiO₃", "Li0.33La0.56TiO3"),
        ("Li_3PO_4", "Li3PO4"),
        ("Li$_3$PO$_4$", "Li3PO4"),
        (r"$\mathrm{Li_{3}PO_{4}}$", "Li3PO4"),
        ("Li<sub>3</sub>PO<sub>4</sub>", "Li3PO4"),
        ("beta-Li3PS4", "Li3PS4"),
        ("γ-Li3PO4", "Li3PO4"),
        ("c-Li7La3Zr2O12", "Li7La3Zr2O12"),
        ("cubic Li7La3Zr2O12", "Li7La3Zr2O12"),
        ("Dy(OH)3", "DyO3H3"),
        ("LiC", "LiC"),
        ("Li0.5H2O", "Li0.5OH2"),
    ],
)
def test_formulas_as_people_write_them(written: str, meant: str) -> None:
    assert composition_keys([written]) == composition_keys([meant])
    assert read_amounts([written])[0][0] == pytest.approx(parse_formula(written).get_el_amt_dict())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("LiI.4CH3OH", "two readings: write LiI·4CH3OH for the solvate"),
        ("CaSO4.2H2O", "two readings: write CaSO4·2H2O for the solvate"),
        ("LiCl.xH2O", "no number"),
        ("LiI.4", "point without a digit"),
        ("li3ycl6", "did you mean Li3YCl6"),
        ("lifepo4", "did you mean LiFePO4"),
        ("LI3PS4", "did you mean Li3PS4"),
        ("NACL", "did you mean NaCl"),
        ("LLZO", "nickname: write the composition, such as Li7La3Zr2O12"),
        ("LATP", "nickname"),
        ("llzo", "nickname"),
        ("LiPON", "nickname"),
        ("PO4^3-", "carries a charge"),
        ("Li+", "carries a charge"),
        ("Li7-xLa3Zr2-xTaxO12", "no number"),
        ("80Li2S-20P2S5", "mixture: write 80Li2S·20P2S5"),
        ("Li(PO4", "cannot be parsed"),
        ("junk", "cannot be parsed"),
        ("s" * 59 + "l", "cannot be parsed"),
    ],
)
def test_what_has_two_readings_or_none_is_refused_with_a_way_out(written: str, said: str) -> None:
    (composition,), (reason,) = parse_formulas([written])
    assert composition is None
    assert said in reason
    assert read_amounts([written])[0] == [None]


SYMBOLS = ["Li", "H", "C", "N", "O", "S", "Cl", "Dy", "Co", "Y", "I", "P", "Xe", "U", "B", "In", "Sn", "Os"]
AMOUNTS = st.one_of(st.integers(1, 40), st.sampled_from([0.05, 0.33, 0.5, 1.5, 2.25, 4.2, 12.75]))


@given(st.dictionaries(st.sampled_from(SYMBOLS), AMOUNTS, min_size=1, max_size=6))
def test_every_formula_pymatgen_writes_comes_back_the_same(amounts: dict[str, float]) -> None:
    composition = Composition(amounts)
    written = [composition.formula, composition.reduced_formula, composition.alphabetical_formula]
    written += [composition.hill_formula, composition.to_latex_string(), composition.to_html_string()]
    written += [composition.formula.replace(" ", ""), composition.to_unicode_string()]
    for text in written:
        assert composition_key(parse_formula(text)) == composition_key(Composition(composition.get_el_amt_dict()))


@given(st.text(alphabet="LiPOSCl0123456789.·-_()$xβ ", max_size=24))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    (composition,), (reason,) = parse_formulas([text])
    assert (composition is None) == bool(reason)


def test_every_formula_of_large_tables_is_read(shared_data) -> None:
    names = (
        pd.read_csv(shared_data / "mp_formation_energies.csv.gz", keep_default_na=False)["formula"].iloc[::5].tolist()
    )
    names += pd.read_csv(shared_data / "obelix" / "train.csv")["True Composition"].tolist()
    assert not any(parse_formulas(names)[1])


@pytest.mark.parametrize("formula", ["Li1e300Cl", "Li1e30Cl", "Li200000Cl"])
def test_an_amount_that_no_cell_holds_is_refused(formula):
    with pytest.raises(ValueError, match=r"has an amount above 100,000|cannot be parsed"):
        parse_formula(formula)


@pytest.mark.parametrize("formula", ["Li0Cl", "Li0.0Cl", "Li(PO4)0", "Co0O2", "Li₀Cl"])
def test_an_amount_of_nothing_is_refused(formula):
    with pytest.raises(ValueError, match="has an amount of 0: leave that element out"):
        parse_formula(formula)


@pytest.mark.parametrize("formula", ["Li0.05Cl", "Li10GeP2S12", "Li100O50", "Li0.5CoO2"])
def test_small_and_round_amounts_are_not_nothing(formula):
    assert parse_formula(formula)
