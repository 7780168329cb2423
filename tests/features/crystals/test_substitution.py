"""Ionic substitution: known pairs of compounds, neutrality, no crystal twice."""

import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.features.crystals.substitution import replacements, substitutions, without_duplicates


def layered(metal: str, anion: str = "O") -> Structure:
    """NaCrS2's type: a close-packed anion lattice with Li and M in alternate layers (R-3m, as LiCoO2)."""
    return Structure.from_spacegroup(
        "R-3m",
        Lattice.hexagonal(2.87, 14.25),
        [{"Li+": 1}, {f"{metal}3+": 1}, {f"{anion}2-": 1}],
        [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]],
    ).get_primitive_structure()


def rock_salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na+", "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_known_compounds_come_from_their_neighbours():
    # LiScO2, LiGaO2 (high pressure), LiInO2 and LiScS2, all made, share the arrangement or one near it
    made = {h.structure.composition.reduced_formula for h in substitutions("LiAlO2", layered("Al"))}
    assert {"LiGaO2", "LiScO2"} <= made


def test_all_are_neutral_and_keep_lithium():
    for hypothetical in substitutions("LiAlO2", layered("Al")):
        assert sum(site.specie.oxi_state for site in hypothetical.structure) == 0
        assert "Li" in {site.specie.symbol for site in hypothetical.structure}
        assert 0 < hypothetical.probability < 1


def test_two_swaps_may_balance_each_other():
    # Mg2+ for Al3+ needs one negative charge less: F- for one of two O2- cannot be had by swapping all of them,
    # but MgF for AlO can, and does, in a 1:1 crystal
    crystal = Structure.from_spacegroup(
        "F-43m",
        Lattice.cubic(5.0),
        ["Li+", "Al3+", "O2-", "O2-"],
        [[0.5, 0.5, 0.5], [0, 0, 0], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]],
    )
    swaps = [h.swaps for h in substitutions("x", crystal)]
    assert swaps
    assert not any(set(s) == {"Al3+"} and s["Al3+"].endswith("2+") for s in swaps)


def test_another_alkali_gives_way_to_lithium():
    made = {h.structure.composition.reduced_formula for h in substitutions("NaCl", rock_salt())}
    assert "LiCl" in made
    assert "KCl" not in made  # holds no lithium


def test_lithium_stays_and_sizes_fit():
    from pymatgen.core import Species

    assert [ion for ion, _ in replacements(Species("Li", 1), 1)] == [Species("Li", 1)]
    offered = {ion.symbol for ion, _ in replacements(Species("B", 3), 0)}
    assert "La" not in offered  # 1.03 Å against 0.27 Å


def test_no_crystal_comes_twice_nor_a_known_one():
    found = substitutions("a", layered("Al")) + substitutions("b", layered("Al"))
    known = layered("Ga")
    known.scale_lattice(known.volume * 1.1)
    kept, dropped = without_duplicates(found, [known])
    formulas = [h.structure.composition.reduced_formula for h in kept]
    assert len(formulas) == len(set(formulas))
    assert "LiGaO2" not in formulas
    assert len(kept) + len(dropped) == len(found)


def test_disorder_and_imbalance_are_refused():
    mixed = Structure(Lattice.cubic(4), [{"Li+": 0.5, "Na+": 0.5}, "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(ValueError, match="sites are shared"):
        substitutions("mixed", mixed)
    charged = Structure(Lattice.cubic(4), ["Li+", "O2-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(ValueError, match="do not balance"):
        substitutions("charged", charged)
