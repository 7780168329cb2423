"""The committed starter set: whole, sane, and as close to the Materials Project as its README says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.thermodynamics.hull import phase_set
from ionsieve.models.quantities.enthalpy_shift import CLOSED, both_known, left_out
from ionsieve.models.quantities.potential import atoms_too_close
from ionsieve.pipeline.reference.judge_starter import (
    ANIONS,
    LIMITS,
    compounds_compared,
    contact_differences,
    is_computed,
    joined,
    measured_windows,
    shares_right,
    starter_tables,
    verdicts,
    window_differences,
    wrong_in,
    wrong_parts,
)
from ionsieve.pipeline.reference.well_known import CONTACTS, MATERIALS
from ionsieve.pipeline.tables import read_table

STARTER = Path(__file__).parents[2] / "data/reference/starter"
MAX_BYTES = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def phases() -> pd.DataFrame:
    return read_table(STARTER / "phases.csv")


@pytest.fixture(scope="module")
def candidates() -> pd.DataFrame:
    return pd.read_parquet(STARTER / "candidates.parquet")


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    return read_table(STARTER.parent / "formation_enthalpies.csv")


@pytest.fixture(scope="module")
def other(shared_data) -> pd.DataFrame:
    return read_table(shared_data / "mp_formation_energies.csv.gz")


@pytest.fixture(scope="module")
def windows(other, measured) -> pd.DataFrame:
    _, phases, missing, _ = starter_tables(STARTER)
    return window_differences(MATERIALS, phases, phase_set(other), missing, wrong_in(other, measured))


@pytest.fixture(scope="module")
def contacts(other, measured) -> pd.DataFrame:
    _, phases, missing, _ = starter_tables(STARTER)
    return contact_differences(CONTACTS, phases, phase_set(other), missing, wrong_in(other, measured))


def test_the_set_is_small_enough_to_ship():
    assert sum(f.stat().st_size for f in STARTER.iterdir()) < MAX_BYTES


def test_every_phase_stands_once_with_one_thermochemistry(phases):
    keys = [composition_key(parse_formula(f)) for f in phases["formula"]]
    assert len(set(keys)) == len(keys)
    assert set(phases["thermo_set"]) == {"sevennet0-mp2020"}
    assert np.isfinite(phases["formation_energy_ev_atom"]).all()
    assert (phases["formation_energy_ev_atom"].abs() < 5).all()


def test_missing_phases_are_not_there(phases):
    missing = read_table(STARTER / "missing_phases.csv")
    have = {composition_key(parse_formula(f)) for f in phases["formula"]}
    assert not have & {composition_key(parse_formula(f)) for f in missing["formula"]}
    assert missing["reason"].str.len().gt(0).all()


def test_every_candidate_has_its_crystal(candidates):
    assert candidates["id"].is_unique
    for row in candidates.itertuples():
        structure = Structure.from_str(row.structure_json, fmt="json")
        assert composition_key(structure.composition) == composition_key(parse_formula(row.formula)), row.id
        assert atoms_too_close(structure) == "", row.id


def test_new_candidates_are_in_no_table_of_ours(candidates):
    new = candidates[candidates["origin"].str.startswith("new")]
    known = set()
    for name in ("formation_enthalpies.csv", "missing_phases.csv", "conductivity.csv"):
        known |= {composition_key(parse_formula(f)) for f in read_table(STARTER.parent / name)["formula"]}
    assert not known & {composition_key(parse_formula(f)) for f in new["formula"]}


def test_energies_follow_measured_enthalpies(phases, measured):
    # What docs/starter.md states: computed energies against measured ones moved to their scale, each compound left out.
    errors = left_out(both_known(phases[is_computed(phases)], measured))
    closed = errors[errors["class"].isin(CLOSED)]
    assert len(closed) >= 100
    assert closed["left_out_ev_atom"].abs().mean() <= 0.06


def test_the_lists_were_written_down_whole():
    assert len(set(MATERIALS)) == 66
    assert len(set(CONTACTS)) == 121


def test_an_answer_counts_unless_measurement_shows_a_part_of_it_to_be_wrong():
    other = pd.DataFrame({"formula": ["Li2O", "TiO2", "LiF"], "formation_energy_ev_atom": [-2.0, -3.5, -3.1]})
    measured = other.assign(formation_energy_ev_atom=[-2.04, -3.26, -3.2])
    wrong = wrong_in(other, measured)
    # TiO2 is 0.24 eV/atom too low there and LiF 0.1 too high; Li2O misses by 0.04 only
    assert wrong_parts(["0.5 Li2O + TiO2", "Li4Ti2O6"], wrong) == ["TiO2"]
    assert wrong_parts(["2 LiF"], wrong) == ["LiF"]
    assert wrong_parts(["Li2O", ""], wrong) == []


def test_energies_agree_with_the_materials_project(phases, other):
    both = joined(phases[is_computed(phases)], other)
    both = both[both["anion"].isin(ANIONS)]
    error = (both["formation_energy_ev_atom"] - both["formation_energy_ev_atom_other"]).abs()
    assert len(error) >= 300
    assert error.median() <= 0.03


def test_stability_agrees_with_the_materials_project(phases, candidates, other):
    shares = shares_right(verdicts(compounds_compared(phases, candidates, other), phases, other))
    assert shares["stable"][0] >= 0.95
    assert shares["stable"][1] >= 400


@pytest.mark.parametrize("limit", LIMITS)
def test_windows_agree_with_the_materials_project(windows, limit):
    rows = windows[(windows["limit"] == limit) & windows["counts"]]
    size = rows["difference_v"].replace([np.inf, -np.inf], np.nan).dropna().abs()
    assert len(size) >= 10
    assert size.median() <= 0.10
    assert size.quantile(0.9) <= 0.35


def test_well_known_materials_and_contacts_are_answered(windows, contacts):
    # of 66; the others wait for LiNbCl6, LiTaCl6 and their like
    assert windows.groupby("formula")["answered"].all().sum() >= 60
    assert contacts["answered"].sum() >= 100


def test_contacts_agree_with_the_materials_project(contacts):
    size = contacts.loc[contacts["counts"], "difference_ev_atom"].abs()
    assert size.median() <= 0.020
    assert size.quantile(0.9) <= 0.060


def test_voltages_follow_measured_enthalpies(phases, other, measured):
    rows = measured_windows(measured, phase_set(phases), phase_set(other))
    simple = rows[rows["formula"].isin(["Li2O", "Li2S", "LiCl", "LiF", "Li3N", "LiBr", "LiI"])]
    assert (simple["ours_v"] - simple["measured_v"]).abs().max() <= 0.15
