"""Reactions with air: calibration, reference values, and limits of what can be said."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.thermodynamics.air import CO2_BAR, H2O_BAR, KT_EV, air_table, molecule_energies
from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set

SOLIDS = {"Li2O": -2.0, "LiOH": -1.7, "Li2CO3": -2.1, "Li2S": -1.5, "LiF": -3.1}


def small(without: str = "") -> PhaseSet:
    kept = {f: e for f, e in SOLIDS.items() if f != without}
    return phase_set(pd.DataFrame({"formula": list(kept), "formation_energy_ev_atom": list(kept.values())}))


def test_molecules_follow_from_three_reactions() -> None:
    found = molecule_energies(small())
    assert 6 * -2.1 - 3 * -2.0 - found["CO2"] == pytest.approx(-2.33)
    assert 2 * 3 * -1.7 - 3 * -2.0 - found["H2O"] == pytest.approx(-0.89)
    assert 2 * 3 * -1.7 + found["H2S"] - 3 * -1.5 - 2 * found["H2O"] == pytest.approx(0.23)


def test_calibration_reactions_in_air() -> None:
    row = air_table(["Li2O"], small()).iloc[0]
    # the pressure of the gas is paid for: kT ln p
    assert row["e_rxn_co2_ev"] == pytest.approx(-2.33 - KT_EV * np.log(CO2_BAR), abs=1e-9)
    assert row["e_rxn_h2o_ev"] == pytest.approx(-0.89 - KT_EV * np.log(H2O_BAR), abs=1e-9)


def test_hydrogen_follows_from_lithium_hydride() -> None:
    table = {**SOLIDS, "LiH": -0.45}
    phases = phase_set(pd.DataFrame({"formula": list(table), "formation_energy_ev_atom": list(table.values())}))
    found = molecule_energies(phases)
    assert 3 * -1.7 + found["H2"] - 2 * -0.45 - found["H2O"] == pytest.approx(-1.15)
    row = air_table(["LiH"], phases).iloc[0]
    assert row["e_rxn_h2o_ev"] == pytest.approx(-1.15 - KT_EV * np.log(H2O_BAR), abs=1e-9)
    assert row["products_h2o"] == "H2 + LiHO"
    assert row["h2_released_mol"] == pytest.approx(1.0)
    # without the hydride hydrogen keeps its own energy, and what holds none is answered all the same
    assert np.isnan(molecule_energies(small())["H2"])
    assert air_table(["Li2O"], small())["e_rxn_h2o_ev"].notna().all()


def test_borohydride_with_water_is_as_violent_as_measured(mp_phases: PhaseSet, measured: pd.DataFrame) -> None:
    # LiBH4 + 2 H2O -> LiBO2 + 4 H2 from standard enthalpies, kJ/mol: LiBH4 -190.5, LiBO2 -1019.2 (NIST-JANAF), water
    # -285.83: -1019.2 + 190.5 + 571.7 = -257.0, that is -2.66 eV, or -1.33 eV per water.
    in_air = -2.66 / 2 - KT_EV * np.log(H2O_BAR)
    for phases in (mp_phases, phase_set(measured[["formula", "formation_energy_ev_atom"]])):
        row = air_table(["LiBH4"], phases).iloc[0]
        assert row["e_rxn_h2o_ev"] == pytest.approx(in_air, abs=0.13)
        assert row["h2_released_mol"] == pytest.approx(4.0)
        assert row["products_h2o"] == "4 H2 + LiBO2"
    table = air_table(["LiBH4", "LiH", "Li3PS4"], mp_phases).set_index("formula")["e_rxn_h2o_ev"]
    assert table["LiBH4"] < table["LiH"] < table["Li3PS4"]


def test_other_hydrides_with_water_against_standard_enthalpies(mp_phases: PhaseSet) -> None:
    # kJ/mol, CRC Handbook: NaH -56.3, NaOH -425.8; MgH2 -75.3, MgO -601.6; water -285.83. Nothing is fitted here.
    expected = {"NaH": (-425.8 + 56.3 + 285.83) / 96.485, "MgH2": (-601.6 + 75.3 + 285.83) / 96.485}
    table = air_table(list(expected), mp_phases).set_index("formula")
    for formula, energy in expected.items():
        in_air = energy - KT_EV * np.log(H2O_BAR)
        assert table["e_rxn_h2o_ev"][formula] == pytest.approx(in_air, abs=0.2), formula


def test_products_are_those_of_one_formula_unit(mp_phases: PhaseSet) -> None:
    table = air_table(["Li3PS4", "Li6P2S8", "Li2O", "Li3PO4"], mp_phases)
    assert table["products_h2o"].tolist() == ["4 H2S + Li3PO4", "8 H2S + 2 Li3PO4", "2 LiHO", ""]
    assert table["products_co2"].tolist() == ["", "", "Li2CO3", ""]
    assert table["h2_released_mol"].tolist() == [0.0, 0.0, 0.0, 0.0]


def test_sulfides_in_moist_air(mp_phases: PhaseSet) -> None:
    table = air_table(["Li4SnS4", "Li3PS4", "Li3PO4", "Li2CO3"], mp_phases).set_index("formula")
    # Li4SnS4 stands moist air, Li3PS4 gives off H2S (doi:10.1039/c3ee42852j)
    assert table["e_rxn_h2o_ev"]["Li4SnS4"] == pytest.approx(0.0, abs=0.01)
    assert table["e_rxn_h2o_ev"]["Li3PS4"] == pytest.approx(-0.25, abs=0.01)
    # Li3PS4 + 4 H2O -> Li3PO4 + 4 H2S
    assert table["h2s_released_mol"]["Li3PS4"] == pytest.approx(4.0)
    assert table["h2s_released_mol"][["Li4SnS4", "Li3PO4"]].tolist() == [0, 0]
    assert table["e_rxn_co2_ev"]["Li2CO3"] == 0


def test_carbon_dioxide_is_never_reduced(mp_phases: PhaseSet) -> None:
    table = air_table(["Li", "LiCN", "Mg"], mp_phases)
    # lithium and magnesium burn in CO2, but only to carbon, which is not counted
    assert table["e_rxn_co2_ev"][[0, 2]].tolist() == [0, 0]
    assert np.isnan(table["e_rxn_co2_ev"][1])
    assert "carbon that is not carbonate" in table["note"][1]


def test_no_reduced_carbon_among_products_however_stable() -> None:
    # An oxalate, a carbide and carbon monoxide that would each swallow the CO2 if they were let in.
    tempting = {"Li2C2O4": -5.0, "Li2C2": -4.0, "CO": -4.0}
    energies = SOLIDS | tempting
    table = pd.DataFrame({"formula": list(energies), "formation_energy_ev_atom": list(energies.values())})
    found = air_table(["Li2O", "Li"], phase_set(table))["e_rxn_co2_ev"]
    assert found[0] == pytest.approx(-2.33 - KT_EV * np.log(CO2_BAR), abs=1e-9)
    assert found[1] == 0.0


def test_carbonates_are_answered_and_other_carbon_is_not() -> None:
    table = air_table(["Li2CO3", "Li4CO4", "LiHCO3", "Li2C2O4", "LiC6", "LiF"], small())
    # three oxygen per carbon and more; oxalate has two
    unknown = [False, False, False, True, True, False]
    assert table["e_rxn_co2_ev"].isna().tolist() == unknown
    assert table["note"].str.contains("carbon that is not carbonate").tolist() == unknown


def test_without_the_calibrating_solids_nothing_is_known() -> None:
    assert air_table(["LiF"], small("LiOH"))[["e_rxn_h2o_ev", "h2s_released_mol"]].isna().all(axis=None)
    without_sulfide = air_table(["LiF", "Li2O"], small("Li2S"))
    assert without_sulfide["e_rxn_h2o_ev"].notna().all()
    assert air_table(["LiF"], small("Li2CO3"))["e_rxn_co2_ev"].isna().all()
    table = air_table(["??", "LiXe"], small())
    assert table["note"].str.len().gt(0).all()
    assert table["e_rxn_h2o_ev"].isna().all()
