"""One identity of a composition."""

import pytest

from ionsieve.features.chemistry.formula import composition_key, composition_keys, parse_formula


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
