"""Substitution and doping as sources of candidates."""

import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.pipeline.sources.substitution import candidates, doping_candidates
from ionsieve.pipeline.stages.candidates import COLUMNS
from ionsieve.pipeline.tables import InputError


@pytest.fixture
def crystals(tmp_path):
    layered = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.80, 14.2), ["Li", "Al", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    )
    layered.to(str(tmp_path / "layered.cif"))
    mixed = Structure(Lattice.cubic(4), [{"Li": 0.5, "Na": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    mixed.to(str(tmp_path / "mixed.cif"))
    (tmp_path / "broken.cif").write_text("no crystal")
    return tmp_path


def test_crystals_give_new_neutral_compounds_with_structures(crystals):
    rows, rejected = candidates(crystals)
    assert {"LiGaO2", "LiScO2"} <= set(rows["formula"])
    assert "LiAlO2" not in set(rows["formula"])
    assert rows["id"].is_unique
    assert set(rows.columns) <= set(COLUMNS)
    first = Structure.from_str(rows["structure_json"].iloc[0], fmt="json")
    assert first.composition.element_composition.reduced_formula == rows["formula"].iloc[0]
    assert (rows["space_group_number"] == 166).all()
    reasons = rejected.set_index("id")["reason"]
    assert "sites are shared" in reasons["mixed"]
    assert "broken" in reasons.index


def test_doping_makes_published_conductors_from_their_parents(tmp_path):
    path = tmp_path / "parents.csv"
    path.write_text("formula\nLi7La3Zr2O12\nLiTi2(PO4)3\n")
    rows, rejected = doping_candidates(path)
    made = {composition_key(parse_formula(f)) for f in rows["formula"]}
    for wanted in ["Li6.5La3Zr1.75Te0.25O12", "Li6.25Al0.25La3Zr2O12", "Li1.3Al0.3Ti1.7(PO4)3"]:
        assert composition_key(parse_formula(wanted)) in made
    assert rejected.empty
    note = rows.set_index("formula")["note"]["Li6.5La3Zr1.75Te0.25O12"]
    assert note == "Li7La3Zr2O12 with 0.25 Te on Zr, charge made up by lithium"


def test_a_folder_without_crystals_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no \.cif"):
        candidates(tmp_path)


def test_a_table_without_formulas_is_an_error(tmp_path):
    pd.DataFrame({"name": ["LLZO"]}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match="formula"):
        doping_candidates(tmp_path / "x.csv")
