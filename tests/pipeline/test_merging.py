"""Several sources as one table: the same measurement counts once, a conflict stays and is told."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.pipeline.sources import obelix, table
from ionsieve.pipeline.sources.measurements import merged_measurements
from ionsieve.pipeline.sources.merging import merged_gaps, sources_of
from ionsieve.pipeline.sources.table import LATTICE
from ionsieve.pipeline.stages.candidates import usable_candidates

COLUMNS = ["id", "formula", "sigma_s_cm", "kind", "source"]


def measured(*rows, **more) -> pd.DataFrame:
    empty = dict.fromkeys(["sigma_upper_bound_s_cm", "space_group_number", *LATTICE], np.nan)
    table = pd.DataFrame(rows, columns=COLUMNS).assign(**empty, structure_json=None, note="", formula_units_z=1.0)
    return table.assign(**more)


OWN = measured(
    ["a", "Li10GeP2S12", 1.2e-2, "total", "Kamaya et al., Nat. Mater. 10 (2011) 682, doi:10.1038/nmat3066"],
    ["b", "Li3PS4", 1.6e-4, "total", "doi:10.1021/ja3110895"],
    ["c", "LiI", 3e-8, "unstated", "a paper without a DOI"],
)


def test_one_measurement_of_two_collections_counts_once():
    theirs = measured(["x", "Li20Ge2P4S24", 1.2e-2, "unstated", "10.1038/NMAT3066"])
    rows, same, conflicts = merged_measurements([("embedded", OWN), ("obelix", theirs)])
    assert (list(rows["id"]), same, conflicts) == (["a", "b", "c"], 1, 0)


def test_what_differs_in_value_publication_or_composition_stays():
    theirs = measured(
        ["x", "Li10GeP2S12", 6e-3, "total", "10.1038/nmat3066"],  # 0.3 decades off: a conflict
        ["y", "Li10GeP2S12", 1.2e-2, "total", "10.1000/another"],
        ["z", "Li10SnP2S12", 1.2e-2, "total", "10.1038/nmat3066"],
        ["w", "LiI", 3e-8, "unstated", "a paper without any DOI"],
        ["v", "Li3PS4", 9e-7, "unstated", "10.1021/ja3110895"],  # another kind: no conflict, another measurement
    )
    rows, same, conflicts = merged_measurements([("embedded", OWN), ("obelix", theirs)])
    assert (len(rows), same, conflicts) == (8, 0, 1)
    assert "another source reads 1.2e-02 S/cm in this publication (a)" in rows.set_index("id").loc["x", "note"]


def test_a_cell_comes_along_with_the_row_that_is_merged_in():
    cell = dict(zip(LATTICE, (8.7, 8.7, 12.6, 90.0, 90.0, 90.0), strict=True))
    theirs = measured(
        ["x", "Li20Ge2P4S24", 1.2e-2, "total", "10.1038/nmat3066"],
        **cell,
        space_group_number=137.0,
        structure_json="{}",
    )
    rows, _, _ = merged_measurements([("embedded", OWN), ("obelix", theirs)])
    merged = rows.set_index("id").loc["a"]
    assert (merged["a_angstrom"], merged["space_group_number"], merged["structure_json"]) == (8.7, 137.0, "{}")
    assert merged["formula_units_z"] == pytest.approx(2)  # 50 atoms in the cell, 25 in the formula


def test_an_id_of_two_sources_names_the_later_one():
    theirs = measured(["a", "Li3N", 1e-3, "total", "10.1000/other"])
    rows, _, _ = merged_measurements([("embedded", OWN), ("obelix", theirs)])
    assert list(rows["id"]) == ["a", "a (obelix)", "b", "c"]


def test_bounds_are_merged_with_bounds_alone():
    bound = {"sigma_s_cm": np.nan, "sigma_upper_bound_s_cm": 1e-10}
    own = measured(["a", "LiSbO2", 0, "unstated", "10.1021/ic201183e"]).assign(**bound)
    theirs = measured(
        ["x", "LiSbO2", 0, "unstated", "10.1021/ic201183e"], ["y", "LiSbO2", 1e-10, "unstated", "10.1021/ic201183e"]
    )
    theirs.loc[0, list(bound)] = list(bound.values())
    rows, same, _ = merged_measurements([("embedded", own), ("obelix", theirs)])
    assert (list(rows["id"]), same) == (["a", "y"], 1)


def test_equal_gaps_stand_once_and_others_beside_each_other():
    own = pd.DataFrame({"id": ["0-m", "1-m"], "formula": ["LiF", "Li2S"], "band_gap_ev": [13.6, 3.4]})
    theirs = pd.DataFrame(
        {"id": ["0-m", "1-m", "2-m"], "formula": ["FLi", "Li4S2", "Li2O"], "band_gap_ev": [13.6, 3.0, 8]}
    )
    tables = [("table", own.assign(method="measured")), ("embedded", theirs.assign(method="measured"))]
    rows, same = merged_gaps(tables)
    assert (len(rows), same) == (4, 1)
    assert rows["id"].is_unique


def test_a_formula_alone_adds_nothing_to_a_row_with_a_crystal(tmp_path):
    own, public = tmp_path / "own.csv", tmp_path / "public.csv"
    own.write_text("id,formula,space_group\na,Li3PO4,62\nb,Li3PS4,31\n")
    public.write_text("id,formula,space_group\na,LiF,225\nx,PO4Li3,\ny,Li3PS4,62\nz,LiCl,\n")
    kept, rejected, merged = usable_candidates([("table", own), ("table", public)])
    assert list(kept["id"]) == ["a", "a (table)", "b", "y", "z"]  # beta-Li3PS4 is another polymorph
    assert (len(rejected), merged) == (0, 1)


def test_sources_in_use_are_told_from_unused_ones():
    block = {"source": "embedded", "path": "a", "second": {"source": "obelix"}, "third": {"source": "none"}}
    assert sources_of(block) == [("", "embedded"), ("second", "obelix")]


def test_our_own_rows_and_obelix_add_up(shared_data):
    own = table.measurements("data/reference/conductivity.csv").assign(structure_json=None)
    theirs = obelix.measurements(shared_data / "obelix/train.csv").assign(structure_json=None)
    rows, same, _ = merged_measurements([("embedded", own), ("obelix", theirs)])
    assert len(rows) == len(own) + len(theirs) - same
    assert same > 30  # our rows were checked against OBELiX's, which name the same papers
    assert rows["id"].is_unique
