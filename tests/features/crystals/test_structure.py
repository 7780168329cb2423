"""Unit-cell and structure descriptors against worked cells, published crystals, pymatgen and laws."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.groups import PointGroup, SpaceGroup

from ionsieve.features.crystals.structure import lattice_features, lattice_from_structure, parse_cif, structure_features

LATTICE = ["a_angstrom", "b_angstrom", "c_angstrom", "alpha_deg", "beta_deg", "gamma_deg"]


def rock_salt(a_angstrom: float, cation: object = "Li", anion: object = "F") -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a_angstrom), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(scope="module")
def lithium_fluoride() -> Structure:
    # Rock salt, a = 4.0263 Å (CRC Handbook gives a density of 2.64 g/cm3).
    return rock_salt(4.0263)


@pytest.fixture(scope="module")
def lithium_sulfide() -> Structure:
    # Antifluorite, a = 5.72 Å; CRC density 1.64 g/cm3.
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.72), ["S", "Li"], [[0, 0, 0], [0.25, 0.25, 0.25]])


def lattice_table(formula="LiF", z=4.0, number=225.0, lattice=(4.0263, 4.0263, 4.0263, 90, 90, 90)) -> pd.DataFrame:
    values = dict(zip(LATTICE, map(float, lattice), strict=True))
    return pd.DataFrame(
        [{"formula": formula, "formula_units_z": z, "space_group_number": number} | values], index=["x"]
    )


def only_row(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def features_of(structure: Structure) -> pd.Series:
    return only_row(structure_features([structure]))


# Unit cell


def test_lithium_fluoride_has_its_tabulated_density():
    row = only_row(lattice_features(lattice_table()))
    assert row["density_g_cm3"] == pytest.approx(2.64, abs=0.01)
    assert row["volume_per_atom_angstrom3"] == pytest.approx(4.0263**3 / 8)
    assert row["volume_per_anion_angstrom3"] == pytest.approx(4.0263**3 / 4)
    assert row["li_density_per_angstrom3"] == pytest.approx(4 / 4.0263**3)
    assert (row["crystal_system"], row["point_group_order"], row["lattice_points"]) == (7, 48, 4)
    assert (row["centrosymmetric"], row["polar"], row["chiral"]) == (1, 0, 0)


def test_triclinic_volume_equals_pymatgen():
    parameters = (5.5071, 6.0425, 5.5231, 116.912, 120.867, 62.234)
    row = only_row(lattice_features(lattice_table("Li7BiO6", 1, 2, parameters)))
    assert row["volume_angstrom3"] == pytest.approx(Lattice.from_parameters(*parameters).volume)


def test_doubling_formula_and_halving_z_is_the_same_crystal():
    one = lattice_features(lattice_table("LiF", 4.0))
    two = lattice_features(lattice_table("Li2F2", 2.0))
    pd.testing.assert_frame_equal(one, two)


def test_unknown_stays_unknown_and_keeps_the_index():
    nan = math.nan
    table = pd.concat(
        [
            lattice_table(z=nan),
            lattice_table(number=nan),
            lattice_table(lattice=(nan, nan, nan, nan, nan, nan)),
            lattice_table(formula="no formula"),
            lattice_table(lattice=(5, 5, 5, 150, 150, 90), number=nan),  # three such angles close no cell
        ]
    ).set_axis(["z", "group", "lattice", "formula", "angles"])
    row = lattice_features(table)
    assert row.index.tolist() == ["z", "group", "lattice", "formula", "angles"]
    assert row["volume_angstrom3"].isna().tolist() == [False, False, True, False, True]
    assert row["density_g_cm3"].isna().tolist() == [True, False, True, True, True]
    assert row["crystal_system"].isna().tolist() == [False, True, False, False, True]
    assert row["point_group_order"].isna().tolist() == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("number", "given", "completed"),
    [
        (225, (4, None, None, None, None, None), (4, 4, 4, 90, 90, 90)),
        (137, (4, None, 6, None, None, None), (4, 4, 6, 90, 90, 90)),
        (194, (4, None, 6, None, None, None), (4, 4, 6, 90, 90, 120)),
        (167, (4, None, 6, None, None, None), (4, 4, 6, 90, 90, 120)),
        (167, (4, None, None, 55, None, None), (4, 4, 4, 55, 55, 55)),
        (62, (4, 5, 6, None, None, None), (4, 5, 6, 90, 90, 90)),
        (14, (4, 5, 6, None, 100, None), (4, 5, 6, 90, 100, 90)),
        (14, (4, 5, 6, None, None, None), (4, 5, 6, 90, None, 90)),
        (2, (4, 5, 6, None, None, None), (4, 5, 6, None, None, None)),
        (62, (4, None, None, None, None, None), (4, None, None, 90, 90, 90)),
    ],
)
def test_what_the_crystal_system_fixes_is_filled_in(number, given, completed):
    table = lattice_table(number=number, lattice=[math.nan if x is None else x for x in given])
    before = table.copy()
    row = only_row(lattice_features(table))
    np.testing.assert_array_equal(row[LATTICE].astype(float), [math.nan if x is None else x for x in completed])
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    "number", [1, 2, 4, 14, 33, 62, 82, 122, 137, 148, 155, 161, 167, 173, 186, 194, 216, 225, 230]
)
def test_space_group_facts_equal_pymatgen(number):
    group = SpaceGroup.from_int_number(number)
    row = only_row(lattice_features(lattice_table(number=number)))
    operations = PointGroup(group.point_group).symmetry_ops
    inversion = any(np.allclose(op.rotation_matrix, -np.eye(3)) for op in operations)
    assert row["point_group_order"] == len(operations)
    assert row["centrosymmetric"] == inversion
    assert row["crystal_system"] == 1 + [
        "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic",
    ].index(group.crystal_system)  # fmt: skip


def test_counts_of_special_space_groups():
    # International Tables: 92 centrosymmetric, 68 polar (of the ten polar classes), 65 Sohncke space groups.
    table = pd.concat([lattice_table(number=float(n)) for n in range(1, 231)])
    facts = lattice_features(table)
    assert facts["centrosymmetric"].sum() == 92
    assert facts["polar"].sum() == 68
    assert facts["chiral"].sum() == 65


def test_primitive_cell_gets_its_conventional_lattice(lithium_fluoride):
    found = lattice_from_structure(lithium_fluoride.get_primitive_structure(), "LiF")
    assert found["space_group_number"] == 225
    assert [found[name] for name in LATTICE] == pytest.approx([4.0263] * 3 + [90] * 3)
    assert found["formula_units_z"] == pytest.approx(4)
    assert found["note"] == ""
    assert lattice_from_structure(lithium_fluoride, "Li2F2")["formula_units_z"] == pytest.approx(2)


def test_symmetry_of_a_disordered_crystal_counts_occupancies():
    mixed = rock_salt(4.0263, {"Li": 0.5, "Na": 0.5})
    assert lattice_from_structure(mixed)["space_group_number"] == 225
    # Filling one of the four equivalent sites otherwise leaves a primitive cubic crystal.
    lowered = mixed.copy()
    lowered.replace(0, {"Li": 0.9, "Na": 0.1})
    assert lattice_from_structure(lowered)["space_group_number"] == 221


def test_symmetry_that_cannot_be_found_is_a_note_not_an_error():
    same_place = Structure(Lattice.cubic(4), ["Li", "Li"], [[0, 0, 0], [0, 0, 0]])
    found = lattice_from_structure(same_place)
    assert math.isnan(found["space_group_number"])
    assert "space group not determined" in found["note"]
    assert found["a_angstrom"] == 4


def test_an_empty_table_keeps_its_columns():
    assert list(lattice_features(lattice_table().iloc[:0])) == list(lattice_features(lattice_table()))


# Structure


def test_rock_salt_by_hand(lithium_fluoride):
    # Distances a/2 and a/√2, six anions around lithium; Shannon radii 0.90 and 1.19 Å fill 4·4π/3·Σr³ of a³.
    row = features_of(lithium_fluoride)
    a = 4.0263
    assert row["li_anion_distance_min_angstrom"] == pytest.approx(a / 2)
    assert row["li_li_distance_mean_angstrom"] == pytest.approx(a / math.sqrt(2))
    assert row["li_coordination_mean"] == pytest.approx(6)
    assert row["li_coordination_spread"] == pytest.approx(0)
    assert row["packing_fraction"] == pytest.approx(16 * math.pi / 3 * (0.90**3 + 1.19**3) / a**3)
    assert row["packing_fraction_without_li"] == pytest.approx(16 * math.pi / 3 * 1.19**3 / a**3)
    assert row["cell_volume_per_anion_angstrom3"] == pytest.approx(a**3 / 4)
    assert row["cell_li_density_per_angstrom3"] == pytest.approx(4 / a**3)
    assert row["disordered_site_fraction"] == row["li_site_entropy"] == row["site_entropy_per_atom"] == 0
    assert row["li_site_occupancy_mean"] == 1
    assert math.isnan(row["li_cation_distance_mean_angstrom"])


def test_antifluorite_by_hand(lithium_sulfide):
    row = features_of(lithium_sulfide)
    assert row["li_anion_distance_mean_angstrom"] == pytest.approx(5.72 * math.sqrt(3) / 4)
    assert row["li_li_distance_min_angstrom"] == pytest.approx(5.72 / 2)
    assert row["li_coordination_mean"] == pytest.approx(4)


def test_perovskite_cage_holds_twelve_anions():
    # Li on a third of the A sites of a cubic titanate, a = 3.87 Å: 12 O at a/√2, Ti at a √3/2, next A site at a.
    species = [{"Li": 0.33, "La": 0.56}, "Ti", "O"]
    cell = Structure.from_spacegroup("Pm-3m", Lattice.cubic(3.87), species, [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0]])
    row = features_of(cell)
    assert row["li_coordination_mean"] == pytest.approx(12)
    assert row["li_anion_distance_mean_angstrom"] == pytest.approx(3.87 / math.sqrt(2))
    assert row["li_cation_distance_mean_angstrom"] == pytest.approx(3.87 * math.sqrt(3) / 2)
    assert row["li_li_distance_mean_angstrom"] == pytest.approx(3.87)
    assert row["li_site_occupancy_mean"] == pytest.approx(0.33)
    assert row["li_site_mixed_fraction"] == pytest.approx(1)
    assert row["disordered_site_fraction"] == pytest.approx(1 / 5)
    entropy = -sum(x * math.log(x) for x in (0.33, 0.56, 0.11))
    assert row["li_site_entropy"] == pytest.approx(entropy)
    assert row["site_entropy_per_atom"] == pytest.approx(entropy / 4.89)


def test_split_sites_exclude_each_other():
    # Each lithium of LiF split in two half-filled sites 0.4 Å apart: no pair of ions is 0.4 Å apart.
    split = Structure.from_spacegroup(
        "P1",
        Lattice.cubic(4.0),
        [{"Li": 0.5}, {"Li": 0.5}, "F"],
        [[0.05, 0, 0], [-0.05, 0, 0], [0.5, 0.5, 0.5]],
    )
    row = features_of(split)
    assert row["li_site_distance_min_angstrom"] == pytest.approx(0.4)
    assert row["li_li_distance_min_angstrom"] == pytest.approx(3.6)
    assert row["li_site_occupancy_mean"] == pytest.approx(0.5)
    assert row["li_site_entropy"] == pytest.approx(math.log(2))


def test_half_filled_anions_count_together():
    # Anion sites along x at 2.0 Å (filled to 0.3) and 2.2 Å (0.7): half an anion is expected within 2.2 Å, not 2.0.
    cell = Structure(
        Lattice.cubic(8),
        ["Li", {"F": 0.3}, {"F": 0.7}],
        [[0, 0, 0], [2.0 / 8, 0, 0], [2.2 / 8, 0, 0]],
    )
    row = features_of(cell)
    assert row["li_anion_distance_min_angstrom"] == pytest.approx(2.2)
    assert row["li_coordination_mean"] == pytest.approx(1.0)


def test_rows_without_a_structure_or_lithium_are_unknown(lithium_fluoride):
    sodium_fluoride = rock_salt(4.63, "Na")
    table = structure_features([None, lithium_fluoride, sodium_fluoride])
    assert table.index.equals(pd.RangeIndex(3))
    assert table.loc[0].isna().all()
    lithium_columns = [name for name in table if name.startswith("li_")]
    assert table.loc[2, lithium_columns].isna().all()
    assert table.loc[2, "packing_fraction"] > 0
    assert table.loc[2, "cell_li_density_per_angstrom3"] == 0


def test_no_structures_give_an_empty_table_with_all_columns(lithium_fluoride):
    assert list(structure_features([])) == list(structure_features([lithium_fluoride]))


def test_isolated_lithium_still_finds_its_image():
    # 11 Å to the next lithium: beyond the first search radius, within the second.
    cell = Structure(Lattice.cubic(11), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    row = features_of(cell)
    assert row["li_li_distance_min_angstrom"] == pytest.approx(11)
    assert row["li_anion_distance_min_angstrom"] == pytest.approx(11 * math.sqrt(3) / 2)


fractions = st.floats(0.05, 0.95)


@given(st.tuples(fractions, fractions, fractions), st.floats(0.1, 0.9), st.integers(2, 3))
@settings(max_examples=8, deadline=None)
def test_origin_and_size_of_the_cell_change_nothing(shift, occupancy, repeat):
    cell = rock_salt(4.1, {"Li": occupancy})
    moved = cell.copy()
    moved.translate_sites(range(len(moved)), shift)
    expected = features_of(cell)
    np.testing.assert_allclose(features_of(moved), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        features_of(cell.make_supercell([repeat, 1, 1], in_place=False)), expected, rtol=1e-6, atol=1e-9
    )


# CIF


def cif_of(structure: Structure) -> str:
    return structure.to(fmt="cif")


def test_cif_keeps_partial_occupancies():
    original = rock_salt(4.0263, {"Li": 0.5, "Na": 0.25})
    read = parse_cif(cif_of(original), "mixed.cif")
    assert read.composition.almost_equals(original.composition)
    pd.testing.assert_frame_equal(structure_features([read]), structure_features([original]), rtol=1e-5)


def test_cif_without_lithium_is_no_error():
    assert parse_cif(cif_of(rock_salt(4.63, "Na")), "nacl.cif").composition.reduced_formula == "NaF"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("PK\x03\x04\x00\x00", "binary"),
        ("some letter", "cannot be read"),
        ("data_x\n_cell_length_a 4.0\n_cell_length_b", "_cell_length_b is .*no finite number"),
        ("data_x\n_cell_length_a 4.0", "cannot be read"),
    ],
)
def test_what_is_no_cif_is_named_with_its_reason(text, reason):
    with pytest.raises(ValueError, match=rf"^here\.cif: .*{reason}"):
        parse_cif(text, "here.cif")


def test_every_truncation_of_a_cif_is_read_or_refused_with_a_reason(lithium_sulfide):
    text = cif_of(lithium_sulfide)
    reasons = [refusal(text[:end]) for end in range(0, len(text), 97)]
    assert sum(reason.startswith("cut.cif: ") for reason in reasons) > 3
    assert all(reason == "" or reason.startswith("cut.cif: ") for reason in reasons)


def refusal(text: str) -> str:
    """Message with which a CIF is refused, "" if it is read; any other exception fails the test."""
    try:
        parse_cif(text, "cut.cif")
    except ValueError as error:
        return str(error)
    return ""


def test_overlapping_full_sites_are_refused_with_both_positions():
    overlapping = Structure(Lattice.cubic(5), ["Li", "O", "F"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.6, 0.5, 0.5]])
    with pytest.raises(
        ValueError, match=r"O at \(0\.500, 0\.500, 0\.500\) and F at \(0\.600, 0\.500, 0\.500\) overlap"
    ):
        parse_cif(cif_of(overlapping), "o.cif")


def test_overlapping_alternatives_are_fine():
    split = Structure(Lattice.cubic(5), [{"Li": 0.5}, {"Li": 0.5}, "F"], [[0, 0, 0], [0.1, 0, 0], [0.5, 0.5, 0.5]])
    assert len(parse_cif(cif_of(split), "split.cif")) == 3


def test_two_structures_in_one_cif_are_noted(lithium_fluoride, lithium_sulfide, recwarn):
    read = parse_cif(cif_of(lithium_fluoride) + "\n" + cif_of(lithium_sulfide).replace("data_", "data_b"), "two.cif")
    assert read.composition.reduced_formula == "LiF"
    assert "the first of 2 structures is used" in read.properties["cif_notes"]
    assert not recwarn.list


@pytest.fixture(scope="module")
def obelix_structures(shared_data) -> dict[str, Structure | str]:
    """Structure of each CIF, or the reason why it is refused."""
    structures: dict[str, Structure | str] = {}
    for path in sorted((shared_data / "obelix" / "cifs").glob("*.cif")):
        try:
            structures[path.stem] = parse_cif(path.read_text(encoding="utf-8"), path.name)
        except ValueError as error:
            structures[path.stem] = str(error)
    return structures


def test_obelix_cifs_are_read_but_two_with_atoms_on_top_of_each_other(obelix_structures):
    refused = {key: value for key, value in obelix_structures.items() if isinstance(value, str)}
    # Both put O (96h) and F (32e) of a pyrochlore 0.64 Å apart, with twice the oxygen of the formula they stand for.
    assert set(refused) == {"ckw", "yab"}
    assert all("overlap" in reason for reason in refused.values())


def test_obelix_structures_agree_with_their_table(shared_data, obelix_structures):
    measured = pd.read_csv(shared_data / "obelix" / "train.csv", dtype={"ID": str}).set_index("ID")
    structures = {key: s for key, s in list(obelix_structures.items())[::6] if isinstance(s, Structure)}
    number = {key: lattice_from_structure(s)["space_group_number"] for key, s in structures.items()}
    assert (pd.Series(number) == measured.loc[list(number), "Space group #"]).mean() > 0.95
    table = structure_features(list(structures.values())).set_index(pd.Index(structures))
    # No anion lies on lithium, and close packing of equal spheres, 0.74, bounds what ions fill.
    assert table["li_anion_distance_min_angstrom"].dropna().between(1.0, 3.2).all()
    assert table["packing_fraction"].dropna().between(0.3, 0.74).all()
