"""Measured enthalpies on a computed scale: known shifts are found again, and what has no relatives is not guessed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.models.quantities.enthalpy_shift import (
    COLUMNS,
    RED_PHOSPHORUS_EV,
    both_known,
    error_class,
    error_table,
    left_out,
    moved,
)

METALS = {"Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Al": 3, "Sc": 3, "Y": 3, "La": 3}
ANIONS = {"O": 2, "F": 1, "Cl": 1, "S": 2}
REFERENCE = Path(__file__).parents[3] / "data/reference"


def table(energies: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"formula": list(energies), "formation_energy_ev_atom": list(energies.values())})


@pytest.fixture
def measured() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    formulas = [f"{m}{a}{x}{n}" for m, n in METALS.items() for x, a in ANIONS.items()]
    return table({f: -2.0 + rng.uniform(-0.5, 0.5) for f in formulas})


def shifted(measured: pd.DataFrame, per_atom: dict[str, float]) -> pd.DataFrame:
    """A computed table that is off by so much per atom of each element."""
    shares = [parse_formula(f).fractional_composition.get_el_amt_dict() for f in measured["formula"]]
    by = [sum(per_atom.get(s, 0.0) * x for s, x in share.items()) for share in shares]
    return measured.assign(formation_energy_ev_atom=measured["formation_energy_ev_atom"] + by)


def test_a_shift_per_element_is_found_again(measured):
    per_atom = {"O": 0.2, "Cl": -0.15, "Li": 0.1, "Mg": -0.05}
    computed = shifted(measured, per_atom)
    asked = measured["formula"].isin(["Li2O2", "Mg1Cl2", "Li1Cl1", "Li2O1"])
    result = moved(computed[~asked], measured).set_index("formula")["formation_energy_ev_atom"]
    expected = computed[asked].set_index("formula")["formation_energy_ev_atom"]
    assert set(result.index) == set(expected.index)
    # 0.03: a ridge keeps a little back, and each of the four has a row less to learn from
    assert (result - expected).abs().max() < 0.03
    unmoved = measured[asked].set_index("formula")["formation_energy_ev_atom"]
    assert (unmoved - expected).abs().max() > 0.05


def test_what_is_computed_stays_computed_and_kinds_known_wrong_are_measured(measured):
    computed = pd.concat([shifted(measured, {"Li": 0.1}), table({"LiClO4": -1.3, "Li2SO4": -2.4})])
    more = pd.concat([measured, table({"LiClO4": -0.66, "Li2SO4": -2.13, "SO2": -1.03})])
    result = moved(computed, more).set_index("formula")
    assert list(result.columns) == COLUMNS[1:]
    assert set(result.index) == {"LiClO4", "SO2"}
    assert result.loc["SO2", "formation_energy_ev_atom"] == -1.03
    # lithium's own error goes with it: 0.1 eV per Li, one atom in six; 0.013: the ridge shares it out with its group
    assert result.loc["LiClO4", "formation_energy_ev_atom"] == pytest.approx(-0.66 + 0.1 / 6, abs=0.013)
    assert result.loc["LiClO4", "obtained"].endswith("(measured first)")


def test_thiophosphates_are_not_extrapolated_and_phosphorus_counts_from_the_polymer(measured):
    more = pd.concat([measured, table({"P4S3": -0.23, "PCl3": -0.83})])
    result = moved(shifted(measured, {}), more).set_index("formula")["formation_energy_ev_atom"]
    assert set(result.index) == {"PCl3"}
    assert result["PCl3"] == pytest.approx(-0.83 + RED_PHOSPHORUS_EV / 4, abs=1e-5)


def test_the_error_of_a_class_is_what_left_out_compounds_are_missed_by(measured):
    rng = np.random.default_rng(6)
    noise = rng.normal(0.0, 0.05, len(measured))
    computed = measured.assign(formation_energy_ev_atom=measured["formation_energy_ev_atom"] + noise)
    result = moved(computed, pd.concat([measured, table({"Rb2O": -1.5, "LiAlO2": -3.0})])).set_index("formula")
    learned, unseen = result.loc[["LiAlO2", "Rb2O"], "energy_error_ev_atom"]
    assert 0.03 < learned < 0.09  # 0.05 of noise, and what 44 rows leave of the fit's own error
    assert unseen >= 0.9 * learned


def test_too_few_compounds_are_refused(measured):
    with pytest.raises(ValueError, match="3 compounds have a computed and a measured energy"):
        moved(measured.head(3), measured)


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("Li2O", "oxide"), ("Li3PO4", "oxyanion"), ("LiCoO2", "open shell"), ("CO2", "molecule"), ("SiO2", "oxyanion"),
        ("LiCl", "Cl"), ("Mg2Si", "other"), ("Li3N", "N"),
    ],
)  # fmt: skip
def test_classes(formula, name):
    assert error_class(parse_formula(formula)) == name


def test_the_starter_set_is_followed_within_its_stated_error():
    # eV/atom; open shells stand apart. Cations left out are missed by 0.09: more than the 0.07 hoped for, so rows whose
    # cation was not learned carry that larger error.
    phases = pd.read_csv(REFERENCE / "starter/phases.csv", keep_default_na=False)
    if "obtained" in phases:  # a measured enthalpy that was moved tells nothing about the move
        phases = phases[~phases["obtained"].str.startswith("measured")]
    measured = pd.read_csv(REFERENCE / "formation_enthalpies.csv", keep_default_na=False)
    errors = error_table(left_out(both_known(phases, measured))).set_index("class")
    assert errors.loc["closed shells", "compounds"] >= 120
    assert errors.loc["closed shells", "mean_abs"] <= 0.06
    assert errors.loc["closed shells", "cation_out_mean_abs"] <= 0.10
