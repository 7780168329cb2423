"""Which entries are known to be wrong: by composition, and by what has been measured."""

import pandas as pd
import pytest

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.known_wrong import KINDS, kind_of, known_wrong_entries, phase_kinds
from ionsieve.features.thermodynamics.phase_set import read_amounts


def kind(formula: str) -> str:
    return kind_of(read_amounts([formula])[0][0] or {})


@pytest.mark.parametrize("formula", ["Cl2O", "ClO2", "LiClO4", "KBrO3", "Co(IO3)2", "HClO4", "F2O", "ClO3F"])
def test_positive_halogens(formula: str) -> None:
    assert kind(formula) == "positive halogen"


@pytest.mark.parametrize("formula", ["SO2", "SO3", "H2SO4", "SO2Cl2"])
def test_molecules_of_sulfur_and_oxygen(formula: str) -> None:
    assert kind(formula) == "sulfur oxide"


@pytest.mark.parametrize("formula", ["NO2", "LiNO3", "KNO2", "Mg(NO3)2"])
def test_positive_nitrogen(formula: str) -> None:
    assert kind(formula) == "nitrogen oxide"


@pytest.mark.parametrize(
    "formula",
    [
        *("Li3OCl", "YClO", "Li2SO4", "CoSO4", "Li2PO2N", "FePO4F", "LiNbO3", "Al2O3", "CO2", "H2O", "LiCl"),
        *("Ca5P3O12F", "K2ClO"),  # in the last chlorine would have no charge
    ],
)
def test_ordinary_compounds_are_none_of_them(formula: str) -> None:
    assert kind(formula) == ""


def test_a_kind_is_wrong_only_where_measurement_says_so() -> None:
    # measured, eV/atom: LiClO4 -381 kJ/mol / 96.485 / 6 = -0.658 (CRC Handbook)
    measured = pd.DataFrame({"formula": ["LiClO4"], "formation_energy_ev_atom": [-0.658]})

    def wrong(energy: float) -> list[str]:
        table = {"LiClO4": energy, "Cl2O": -0.4, "Li2O": -2.0, "SO2": -1.8}
        phases = phase_set(pd.DataFrame({"formula": list(table), "formation_energy_ev_atom": list(table.values())}))
        return sorted(phases.formulas[known_wrong_entries(phases, measured)])

    assert wrong(-1.12) == ["Cl2O", "LiClO4"]  # what was not measured goes with its kind; nothing is said of SO2
    assert wrong(-0.70) == []


def test_the_legacy_table_errs_in_all_three_kinds(mp_phases: PhaseSet, measured: pd.DataFrame) -> None:
    wrong = known_wrong_entries(mp_phases, measured)
    assert set(phase_kinds(mp_phases)[wrong]) == set(KINDS)
    assert wrong.mean() < 0.03
    assert not set(mp_phases.formulas[wrong]) & {"CO2", "H2O", "Li2SO4", "LiNbO3", "Nb2O5", "LiCl"}


def test_measured_enthalpies_contradict_nothing_in_themselves(measured: pd.DataFrame) -> None:
    phases = phase_set(measured[["formula", "formation_energy_ev_atom"]])
    assert not known_wrong_entries(phases, measured).any()
