"""The stages on public data, from the tables as downloaded to the shortlists: materials whose use in cells is known.

The verdicts on the quantities themselves are held in tests/models/test_known_materials.py; here they go through files.
"""

import re
from pathlib import Path

import pandas as pd
import pytest

from ionsieve.pipeline.stages.measurements import measurements_with_structures

ROOT = Path(__file__).resolve().parents[2]

COATINGS = ["LiNbO3", "Li3PO4", "LiTaO3", "LiPO3", "LiTi2(PO4)3", "LiH2PO4"]
ELECTROLYTES = ["Li10GeP2S12", "Li6PS5Cl", "Li7La3Zr2O12", "Li3InCl6"]
CATHODES = ["LiFePO4", "LiCoO2", "Li2MnO3"]
ELEMENTS = {"Li", "Nb", "O", "P", "Ta", "Ti", "H", "Ge", "S", "Cl", "La", "Zr", "In", "Fe", "Co", "Mn", "C"}


def within_elements(path) -> pd.DataFrame:
    """Rows of a table whose elements all belong to the materials judged: their hulls need no other."""
    table = pd.read_csv(path, converters={"formula": str})
    return table[[set(re.findall("[A-Z][a-z]?", formula)) <= ELEMENTS for formula in table["formula"]]]


@pytest.fixture(scope="module")
def judged(shared_data, finished, tmp_path_factory):
    """All stages with the project's own thresholds and partners; nothing is measured, so conductivity is unknown."""
    project = type(finished)(tmp_path_factory.mktemp("real"))
    project.set_params()
    formulas = [*COATINGS, *ELECTROLYTES, *CATHODES]
    project.write(
        "data/raw/phases.csv", within_elements(shared_data / "mp_formation_energies.csv.gz").to_csv(index=False)
    )
    gaps = within_elements(shared_data / "mp_band_gaps.csv.gz")
    project.write("data/raw/gaps.csv", "formula,band_gap_ev\nLiF,13.6\n")
    project.write("data/raw/pbe.csv", gaps.to_csv(index=False))
    project.set_params(band_gaps={"pbe_path": "data/raw/pbe.csv"}, phases={"thermo_set": "mp_legacy_2019"})
    project.write("data/raw/candidates.csv", "formula\n" + "\n".join(formulas) + "\n")
    project.write("data/raw/measured.csv", "id,formula,sigma_s_cm\na,LiF,1e-11\n")
    project.write("data/raw/crystals/none.cif", "")
    for name in (
        "partners.csv",
        "elements.csv",
        "missing_phases.csv",
        "formation_enthalpies.csv",
        "anion_oxidation_limits.csv",
    ):
        project.write(f"data/reference/{name}", (ROOT / "data/reference" / name).read_bytes())
    project.run()
    return project


def listed(project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.folder / f"data/shortlists/{name}.csv").set_index("formula")


def test_known_coatings_are_listed_for_the_cathode(judged):
    table = listed(judged, "coatings")
    assert set(COATINGS) <= set(table.index[table["cathode_coating"]])


def test_known_electrolytes_are_listed_with_the_unknown_flagged(judged):
    table = listed(judged, "electrolytes")
    assert set(ELECTROLYTES) <= set(table.index[table["electrolyte"]])
    assert table.loc[ELECTROLYTES, "flags"].str.contains("conductivity").all()


def test_cathodes_are_listed_as_neither(judged):
    assert not set(CATHODES) & set(listed(judged, "electrolytes").index)
    coatings = listed(judged, "coatings")
    assert not set(CATHODES) & set(coatings.index[coatings["cathode_coating"]])


def test_why_a_cathode_fell_is_told(judged):
    verdicts = pd.read_parquet(judged.folder / "data/processed/verdicts.parquet").set_index(["role", "formula"])
    verdict = verdicts.loc[("electrolyte", "LiFePO4")]
    assert verdict["first_failed_filter"] == "mixed_conduction"  # iron changes its charge
    assert (verdict["value"], verdict["threshold"], verdict["detail"]) == (1, 0, "Fe")


def test_stacks_are_made_of_what_was_listed(judged):
    stacks = pd.read_csv(judged.folder / "data/shortlists/stacks.csv")
    assert len(stacks)
    named = set(stacks.filter(regex="anolyte|catholyte|coating").select_dtypes(object).stack())
    assert named & set(ELECTROLYTES)


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
