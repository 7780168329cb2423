"""The lists on public data, from tables as downloaded: materials whose use in cells is known stand where they belong.

Rules are tried on relatives that nothing names: other azides, chlorates, polysulfides, alloys.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.roles import ROLES
from ionsieve.pipeline.stages.measurements import measurements_with_structures

ROOT = Path(__file__).resolve().parents[2]

COATINGS = ["LiNbO3", "Li3PO4", "LiTaO3", "Li2ZrO3", "LiTi2(PO4)3", "Li3B11O18"]
CONDUCTORS = ["Li10GeP2S12", "Li6PS5Cl", "Li7La3Zr2O12", "Li3YCl6", "Li3InCl6"]
DOPED = ["Li1.3Al0.3Ti1.7(PO4)3", "Li0.34La0.51TiO2.94"]
CATHODES = ["LiFePO4", "LiCoO2", "Li2MnO3"]
NOWHERE = ["LiH", "Li2Te", "LiS4", "LiPF6", "LiN3", "KLiZn3O4", "Li2S2O7", "LiClO4", "Li2O2"]
OF_THEIR_KIND = ["LiAlH4", "Li3Bi", "Li3Sb", "Na2S5", "LiBF4", "KN3", "LiBrO3", "LiNO3", "LiP7", "LiIO3", "NaO2"]
SULFIDES = ["LiScS2", "Li3PS4", "LiAlS2", "LiYS2"]
OTHERS = ["LiYb2Cl5", "Li3ErBr6", "Rb2LiAsO4", "LiF", "LiCl", "LiI", "Li2S", "Li3N", "Al2O3", "Li2CO3", "LiTaF6"]
CANDIDATES = [*COATINGS, *CONDUCTORS, *DOPED, *CATHODES, *NOWHERE, *OF_THEIR_KIND, *SULFIDES, *OTHERS]
ELEMENTS = set(re.findall("[A-Z][a-z]?", " ".join(CANDIDATES))) | {"C", "Ni"}
REFERENCE = [
    "partners",
    "elements",
    "missing_phases",
    "formation_enthalpies",
    "anion_oxidation_limits",
    "densities",
    "coatings",
]


def within_elements(path) -> pd.DataFrame:
    """Rows of a table whose elements all belong to the materials judged: their hulls need no other."""
    table = pd.read_csv(path, converters={"formula": str})
    return table[[set(re.findall("[A-Z][a-z]?", formula)) <= ELEMENTS for formula in table["formula"]]]


@pytest.fixture(scope="module")
def judged(shared_data, finished, tmp_path_factory):
    """All stages with the project's own thresholds, partners and measured conductivities."""
    project = type(finished)(tmp_path_factory.mktemp("real"))
    phases = within_elements(shared_data / "mp_formation_energies.csv.gz")
    scandium_sulfides = [set(re.findall("[A-Z][a-z]?", formula)) == {"Sc", "S"} for formula in phases["formula"]]
    phases = phases[~np.array(scandium_sulfides)]  # a table that lacks a system, as LiScS2 "stable to 7.19 V" came from
    project.write("data/raw/phases.csv", phases.to_csv(index=False))
    gaps = within_elements(shared_data / "mp_band_gaps.csv.gz")
    project.write("data/raw/gaps.csv", "formula,band_gap_ev\nLiF,13.6\n")
    project.write("data/raw/pbe.csv", gaps.to_csv(index=False))
    project.set_params(band_gaps={"pbe_path": "data/raw/pbe.csv"}, phases={"thermo_set": "mp_legacy_2019"})
    project.write("data/raw/candidates.csv", "formula\n" + "\n".join(CANDIDATES) + "\n")
    project.write("data/raw/measured.csv", (ROOT / "data/reference/conductivity.csv").read_bytes())
    project.write("data/raw/crystals/none.cif", "")
    for name in REFERENCE:
        project.write(f"data/reference/{name}.csv", (ROOT / f"data/reference/{name}.csv").read_bytes())
    project.run()
    return project


def listed(project, role: str) -> pd.DataFrame:
    table = pd.read_csv(project.folder / f"data/shortlists/{role}.csv", dtype={"id": str})
    return table.set_index(candidate_of(table["id"]))


def candidate_of(ids: pd.Series) -> pd.Index:
    """The formula as given stands at the head of the id that a table without ids gets."""
    return pd.Index([re.split(r"[ _]", i)[0] for i in ids])


def test_known_coatings_are_ready_for_the_cathode(judged):
    table = listed(judged, "cathode_coating")
    assert set(COATINGS) <= set(table.index[table["list"] == "ready"])


@pytest.mark.parametrize("formula", [*CONDUCTORS, *DOPED])
def test_known_conductors_are_electrolytes(judged, formula):
    assert formula in set(listed(judged, "electrolyte").index)


def test_cathodes_are_neither_electrolytes_nor_coatings(judged):
    for role in ROLES:
        assert not set(CATHODES) & set(listed(judged, role).index), role


@pytest.mark.parametrize("role", ROLES)
def test_what_burns_dissolves_or_conducts_electrons_is_on_no_list(judged, role):
    assert not {*NOWHERE, *OF_THEIR_KIND} & set(listed(judged, role).index)


def test_no_sulfide_bears_a_cathode_and_no_mixed_conductor_coats_it(judged):
    for role in ("catholyte", "cathode_coating"):
        assert not set(SULFIDES) & set(listed(judged, role).index), role
    assert "LiYb2Cl5" not in listed(judged, "cathode_coating").index


def test_limits_above_what_the_anions_allow_are_not_believed(judged):
    table = pd.read_parquet(judged.folder / "data/processed/judged.parquet").set_index("formula")
    assert table.loc["Rb2LiAsO4", "oxidation_defect"]  # "6.61 V"
    assert np.isnan(table.loc["Li3ErBr6", "oxidation_limit_tol_v"])  # "5.64 V"
    assert table.loc["Li3ErBr6", "oxidation_at_most_v"] < 4.0
    assert not table.loc[["LiTaF6", "LiF", *COATINGS], "oxidation_defect"].any()
    # without a binary of scandium and sulfur its limit is unknown, and at most what a sulfide bears
    assert not table.loc["LiScS2", "hull_complete"]
    assert table.loc["LiScS2", "oxidation_at_most_v"] < 3.4


def test_interphases_work_where_cells_show_it(judged):
    table = pd.read_parquet(judged.folder / "data/processed/judged.parquet").set_index("formula")
    assert table.loc[["Li6PS5Cl", "Li3PS4"], "passivating"].all()
    none = ["Li10GeP2S12", *DOPED, "Li3InCl6", "LiPF6", "LiS4", "LiN3", "Li2S2O7", "Li2O2"]
    assert not table.loc[none, "passivating"].fillna(value=False).any()


def test_why_a_cathode_fell_is_told(judged):
    verdicts = pd.read_parquet(judged.folder / "data/processed/verdicts.parquet").set_index(["role", "formula"])
    verdict = verdicts.loc[("electrolyte", "LiFePO4")]
    assert verdict["first_failed_filter"] == "mixed_conduction"  # iron changes its charge
    assert (verdict["value"], verdict["threshold"], verdict["detail"]) == (1, 0, "Fe")


def test_every_ranked_stack_has_known_electrode_contacts_and_none_is_a_sulfide_on_the_bare_cathode(judged):
    stacks = pd.read_csv(judged.folder / "data/shortlists/stacks.csv")
    ranked = stacks[stacks["rank"].notna()]
    assert len(ranked)
    assert not ranked["contacts"].str.contains("unknown").any()
    bare = ranked[ranked["cathode_coating"].isna()]["catholyte"]
    assert not set(bare) & {"Li3PS4", "Li6PS5Cl", "Li10GeP2S12"}
    assert ranked["score"].round(9).is_unique


def test_obelix_is_read_as_it_is_with_its_crystals(shared_data):
    folder = shared_data / "obelix"
    rows, reasons = measurements_with_structures("obelix", str(folder / "train.csv"), str(folder / "cifs"), [])
    raw = pd.read_csv(folder / "train.csv", dtype=str)
    assert set(rows["id"]) == set(raw["ID"])
    assert {"883", "019", "1e9"} & set(raw["ID"]) <= set(rows["id"])
    bounds = raw["Ionic conductivity (S cm-1)"].str.strip().str.startswith("<")
    assert rows["sigma_upper_bound_s_cm"].notna().sum() == bounds.sum()
    assert rows["sigma_s_cm"].notna().sum() == (~bounds).sum()
    # 254 CIFs, of which some lack lithium; what could not be used is told by id.
    assert rows["structure_json"].notna().sum() + len(reasons) == len(list((folder / "cifs").glob("*.cif")))
    assert rows["structure_json"].notna().sum() > 240
