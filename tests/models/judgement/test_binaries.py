import numpy as np
import pandas as pd
import pytest
from places import REFERENCE

from ionsieve.models.judgement.binaries import reduced_by_lithium, salt_energies


@pytest.fixture(scope="module")
def salts():
    return salt_energies(pd.read_csv(REFERENCE / "formation_enthalpies.csv", keep_default_na=False))


def test_energies_per_electron_by_hand(salts):
    # CRC: LiCl -408.6 kJ/mol = -4.235 eV for one electron; NbCl5 -797.5 = -8.266 eV for five; Nb2O5 -1899.5 for ten
    assert salts["Li", "Cl"] == pytest.approx(-4.235, abs=1e-3)
    assert salts["Nb", "Cl"] == pytest.approx(-8.266 / 5, abs=1e-3)
    assert salts["Nb", "O"] == pytest.approx(-19.687 / 10, abs=1e-3)
    assert salts["Li", "O"] == pytest.approx(-6.197 / 2, abs=1e-3)  # of Li2O, not of the peroxide


def test_the_anion_that_holds_a_metal_most_firmly_counts(salts):
    # niobium: 2.58 V from chlorine, 1.13 V from oxygen; half a volt is left to ternary compounds
    assert reduced_by_lithium("LiNbCl6", salts).voltage_v == pytest.approx(2.58 - 0.5, abs=0.01)
    found = reduced_by_lithium("LiNbOCl4", salts)
    assert (found.element, found.voltage_v) == ("Nb", pytest.approx(1.13 - 0.5, abs=0.01))
    # five electrons of 0.63 eV on seven atoms and five of lithium, half of it for sure
    assert found.energy_ev_atom == pytest.approx(-0.5 * 5 * 0.63 / 12, abs=0.003)


@pytest.mark.parametrize("formula", ["Li3InCl6", "LiTaCl6", "Li3YCl6", "LiTi2(PO4)3", "Li2MgCl4", "Li2SiO3"])
def test_known_reductions_are_found(salts, formula):
    assert reduced_by_lithium(formula, salts).element != ""


@pytest.mark.parametrize(
    "formula", ["LiF", "Li7La3Zr2O12", "LiAlO2", "Li2CaCl4", "Li3PO4", "Li6PS5Cl", "LiYO2", "Li3N"]
)
def test_what_lithium_hardly_reduces_or_nobody_measured_is_left_open(salts, formula):
    found = reduced_by_lithium(formula, salts)
    assert found.element == ""
    assert np.isnan([found.voltage_v, found.energy_ev_atom]).all()
