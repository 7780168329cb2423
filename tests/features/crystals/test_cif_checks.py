"""Numbers that make no crystal are refused in words before compiled code sees them; files are held to what they say."""

import re

import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.features.crystals.cif import doubts, parse_cif
from ionsieve.features.crystals.cif_checks import cell_fault, number, structure_fault

# Rock salt, a = 4 Å: 4 Li and 4 F in 64 Å³.
LIF = """data_LiF
_chemical_formula_sum 'Li4 F4'
_cell_length_a 4.0(1)
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_cell_volume 64.0
loop_
_space_group_symop_operation_xyz
'x, y, z'
'x, y+1/2, z+1/2'
'x+1/2, y, z+1/2'
'x+1/2, y+1/2, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 1
F1 F 0.5 0.5 0.5 1
"""


def changed(old: str, new: str) -> str:
    assert old in LIF
    return LIF.replace(old, new)


def test_the_file_that_the_others_are_made_from_is_read():
    read = parse_cif(LIF, "lif.cif")
    assert read.composition.formula == "Li4 F4"
    assert read.properties["cif_notes"] == []


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "?", ".", "abc", "''"])
@pytest.mark.parametrize("line", ["_cell_length_a 4.0(1)", "_cell_angle_beta 90", "F1 F 0.5"])
def test_a_number_that_is_none_is_named_with_its_place(line, value):
    *_, name = line.rsplit(" ", 1)[0].split()[:1]
    with pytest.raises(ValueError, match=f"x.cif: .*{name}.* is '{re.escape(value.strip(chr(39)))}'"):
        parse_cif(changed(line, f"{line.rsplit(' ', 1)[0]} {value}"), "x.cif")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("_cell_length_a 4.0(1)", "_cell_length_a 0.4", "edge a is 0.4 Å; an edge from 1 to 500 Å"),
        ("_cell_length_a 4.0(1)", "_cell_length_a -4", "edge a is -4 Å"),
        ("_cell_length_a 4.0(1)", "_cell_length_a 1e300", r"edge a is 1e\+300 Å"),
        ("_cell_angle_beta 90", "_cell_angle_beta 0", "do not all lie between 0 and 180°"),
        ("_cell_angle_beta 90", "_cell_angle_beta 181", "do not all lie between 0 and 180°"),
        ("F1 F 0.5", "F1 F 50", "_atom_site_fract_x of F1 is '50'"),
        ("0.5 0.5 1", "0.5 0.5 -1", "occupancy of F1 is '-1'"),
        ("0.5 0.5 1", "0.5 0.5 nan", "occupancy of F1 is 'nan'"),
        ("0.5 0.5 1", "0.5 0.5 .", "occupancy of F1 is '.'"),
        ("0.5 0.5 1", "0.5 0.5 1.9", "occupancy of F1 is '1.9'; a share from 0 to 1"),
        ("'x, y+1/2, z+1/2'", "'x, y+1/2'", "symmetry operation 'x, y.1/2' cannot be read"),
        ("'x, y+1/2, z+1/2'", "'x, 9y, z'", "symmetry operation 'x, 9y, z' cannot be read"),
        ("'x, y+1/2, z+1/2'", "'x, x, z'", "symmetry operation 'x, x, z' cannot be read"),
        ("'x, y, z'", "'x, y, z'\n" * 501, "504 symmetry operations; the limit is 500"),
        ("F1 F 0.5", "".join(f"H{k} H 0.1 0.2 0.3 0.0\n" for k in range(2001)) + "F1 F 0.5", "2,003 atoms; the limit"),
    ],
)
def test_what_no_crystal_has_is_refused(old, new, said):
    with pytest.raises(ValueError, match=said):
        parse_cif(changed(old, new), "x.cif")


def test_angles_must_close_and_faces_lie_apart():
    assert cell_fault((4, 4, 4), (90, 90, 90)) == ""
    assert cell_fault((4, 4, 4), (60, 60, 60)) == ""
    # alpha + beta < gamma: c would have to lie outside of any position it can take.
    assert "do not close" in cell_fault((4, 4, 4), (30, 30, 90))
    # With all angles 119.999° the three edges lie all but in a plane.
    assert "flat" in cell_fault((4, 4, 4), (119.999, 119.999, 119.999))


def test_a_crystal_of_another_origin_is_held_to_the_same():
    good = Structure(Lattice.cubic(4), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert structure_fault(good) == ""
    bad = {
        "not finite": Structure(Lattice.cubic(4), ["Li", "F"], [[0, 0, 0], [float("nan"), 0.5, 0.5]]),
        "edge a": Structure(Lattice.cubic(900), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        "no known element in Xx": Structure(Lattice.cubic(4), ["Li", "Xx"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        # 1.1 Å apart all along: 1.331 Å³ for each atom
        "have 1.3 Å³ each": Structure(Lattice.cubic(1.1), ["Li"], [[0, 0, 0]]),
        "no atoms": Structure(Lattice.cubic(4), [], []),
    }
    for said, structure in bad.items():
        assert said in structure_fault(structure)
    large = Structure(Lattice.cubic(4), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    large.make_supercell(11)  # 2 x 11^3 = 2662
    assert "2,662 sites; the limit is 2,000" in structure_fault(large)


@pytest.mark.parametrize(("text", "value"), [("4.0(1)", 4.0), ("4.0(1", 4.0), ("-1e-3", -1e-3), (["5"], 5.0)])
def test_numbers_are_read_without_their_uncertainty(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ("'Li4 F4'", "'Li4 O2'", ("Li4 F4", "Li4 O2")),  # other elements
        ("'Li4 F4'", "'Li4 F4 H1'", ("Li4 F4", "Li4 F4 H1")),  # hydrogen not located
        ("0.5 0.5 1", "0.5 0.5 0.5", ("Li4 F2", "Li4 F4")),  # half the fluorine is gone
        ("_cell_volume 64.0", "_cell_volume 640", ("64.0 Å³", "_cell_volume says 640")),
    ],
)
def test_a_file_that_contradicts_its_own_formula_or_volume_is_set_aside_with_both(old, new, both):
    with pytest.raises(ValueError, match="contradicts itself") as error:
        parse_cif(changed(old, new), "x.cif")
    assert all(text in str(error.value) for text in both)


def test_a_small_difference_is_marked_and_rounding_is_not():
    # 4 Li against 3.8 F: the ratio is 5 % off
    read = parse_cif(changed("0.5 0.5 1", "0.5 0.5 0.95"), "x.cif")
    assert "its sites make Li4 F3.8, its _chemical_formula_sum says Li4 F4" in doubts(read)
    assert doubts(parse_cif(changed("0.5 0.5 1", "0.5 0.5 0.995"), "x.cif")) == ""
    assert "cannot be read" in doubts(parse_cif(changed("'Li4 F4'", "'Li4 F'4'"), "x.cif"))
    assert "_cell_volume says 66" in doubts(parse_cif(changed("_cell_volume 64.0", "_cell_volume 66"), "x.cif"))


def test_sites_scaled_to_full_are_marked_with_their_sum():
    read = parse_cif(changed("F1 F 0.5 0.5 0.5 1", "F1 F 0.5 0.5 0.5 0.6\nF2 F 0.5 0.5 1.5 0.44"), "x.cif")
    assert "the occupancies of F1 and F2 sum to 1.04; scaled to 1" in doubts(read)
    assert read.composition.formula == "Li4 F4"


def test_what_was_guessed_is_marked_and_what_was_only_rounded_is_not():
    without = re.sub(r"loop_\n_space_group_symop.*?(?=loop_)", "", LIF, flags=re.DOTALL)
    assert "Defaulting to P1" in doubts(parse_cif(without, "x.cif"))
    rounded = parse_cif(changed("F1 F 0.5 0.5 0.5", "F1 F 0.3333 0.5 0.5"), "x.cif")
    assert rounded.properties["cif_notes"]
    assert doubts(rounded) == ""


def test_a_broken_structure_before_a_good_one_is_passed_over_with_a_word():
    read = parse_cif(
        changed("_cell_length_a 4.0(1)", "_cell_length_a nan") + LIF.replace("data_LiF", "data_b"), "x.cif"
    )
    assert read.composition.reduced_formula == "LiF"
    assert "passed over: _cell_length_a is 'nan'" in doubts(read)
