"""Crystals written down as rows: cells expand to what they say, types are found by label."""

from pathlib import Path

import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.pipeline.reference.crystal_tables import expanded_cell, mapping_of, published_cells, type_starts

ROW = {"id": "Li2O", "formula": "Li2O", "space_group": "Fm-3m", "a_angstrom": "4.619", "b_angstrom": "4.619"}
ROW |= {"c_angstrom": "4.619", "alpha_deg": "90", "beta_deg": "90", "gamma_deg": "90"}
ROW |= {"sites": "O 0 0 0; Li 1/4 0.25 0.25", "source": "", "remark": ""}


def test_antifluorite_has_the_bond_of_its_lattice():
    # By hand: Li sits at a quarter of the body diagonal, sqrt(3) / 4 of a from oxygen.
    structure = expanded_cell(ROW)
    assert len(structure) == 3
    nearest = min(n.nn_distance for n in structure.get_neighbors(structure[0], 3.0))
    assert nearest == pytest.approx(4.619 * 3**0.5 / 4, abs=1e-6)


def test_a_cell_that_is_not_its_formula_is_named(tmp_path: Path):
    (tmp_path / "cells").mkdir()
    wrong = ROW | {"id": "bad", "formula": "LiO"}
    pd.DataFrame([ROW, wrong]).to_csv(tmp_path / "cells" / "a.csv", index=False)
    cells, problems = published_cells(tmp_path)
    assert list(cells) == ["Li2O"]
    assert len(problems) == 1
    assert problems[0].startswith("cell bad")


def test_types_by_label_and_by_crystal(tmp_path: Path):
    (tmp_path / "types").mkdir()
    rows = [
        ("KBr", "AB_cF8_225_a_b", "Na:K Cl:Br"),
        ("Na2O", "crystal:Li2O", "Li:Na O:O"),
        ("KBr", "AB_cF8_225_a_b", "Na:K Cl:I"),
        ("KBr", "crystal:none", "Na:K Cl:Br"),
    ]
    table = pd.DataFrame(rows, columns=["formula", "prototype", "mapping"])
    table.to_csv(tmp_path / "types" / "a.csv", index=False)
    fluorite = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.619), ["O", "Li"], [[0, 0, 0], [0.25, 0.25, 0.25]])
    starts, problems = type_starts(tmp_path, {"Li2O": fluorite.get_primitive_structure()})
    assert [start.formula for start in starts] == ["KBr", "Na2O"]
    assert len(problems) == 2
    # K-Br in six-fold coordination: Shannon's crystal radii, 1.52 + 1.82 Å
    nearest = min(n.nn_distance for n in starts[0].structure.get_neighbors(starts[0].structure[0], 4.0))
    assert nearest == pytest.approx(1.52 + 1.82, abs=0.05)


def test_mapping_is_read_with_blanks_or_commas():
    assert mapping_of("Cu:Li, Si:Ge") == {"Cu": "Li", "Si": "Ge"} == mapping_of("Cu:Li Si:Ge")
