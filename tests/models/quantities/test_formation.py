"""Formation energies from total energies: exact on made-up totals, deaf to one bad compound, blind to what it lacks."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.models.quantities.formation import anion_amounts, error_table, fit_anions, formation_energies, is_simple

METALS = {"Li": -1.9, "Na": -1.3, "Mg": -1.6, "Al": -3.7, "Zr": -8.5, "P": -5.4, "K": -1.1, "Ca": -2.0, "Sc": -6.3}
ANIONS = {"O": -4.8, "F": -1.9, "Cl": -1.8}
# NIST-JANAF, eV/atom, rounded: only their use matters here
MEASURED = {
    "Li2O": -2.07, "MgO": -3.12, "Al2O3": -3.47, "ZrO2": -3.80, "Na2O": -1.44,
    "LiF": -3.20, "NaF": -2.98, "MgF2": -3.88, "AlF3": -3.91, "K2O": -1.25, "CaO": -3.29, "Sc2O3": -3.96,
    "LiCl": -2.12, "NaCl": -2.13, "MgCl2": -2.22,
}  # fmt: skip


def total(formula: str, formation: float) -> float:
    fractions = parse_formula(formula).fractional_composition.get_el_amt_dict()
    return formation + sum(x * {**METALS, **ANIONS}[s] for s, x in fractions.items())


@pytest.fixture
def measured() -> pd.DataFrame:
    return pd.DataFrame({"formula": list(MEASURED), "formation_energy_ev_atom": list(MEASURED.values())})


@pytest.fixture
def energies() -> pd.DataFrame:
    return pd.DataFrame({"formula": list(MEASURED), "energy_ev_atom": [total(f, e) for f, e in MEASURED.items()]})


def test_the_energies_totals_were_made_with_come_back(energies, measured):
    fit = fit_anions(energies, measured, METALS)
    assert fit.anions == pytest.approx(ANIONS, abs=1e-6)
    assert np.abs(fit.residuals["left_out_ev_atom"]).max() < 1e-6
    back = formation_energies(energies["formula"].tolist(), energies["energy_ev_atom"].tolist(), fit)
    assert back == pytest.approx(measured["formation_energy_ev_atom"].to_numpy(), abs=1e-6)


def test_lithium_metal_is_zero_and_never_fitted(energies, measured):
    shifted = energies.assign(energy_ev_atom=energies["energy_ev_atom"] + 0.05)
    fit = fit_anions(shifted, measured, METALS)
    assert fit.metals["Li"] == METALS["Li"]
    assert formation_energies(["Li"], [METALS["Li"]], fit)[0] == 0.0


def test_one_compound_of_the_wrong_type_hardly_moves_the_fit(energies, measured):
    spoilt = energies.assign(
        energy_ev_atom=energies["energy_ev_atom"].where(energies["formula"] != "MgO", energies["energy_ev_atom"] + 0.5)
    )
    fit = fit_anions(spoilt, measured, METALS)
    # plain least squares would move oxygen by about 0.5 / 6 eV per compound's share
    assert fit.anions["O"] == pytest.approx(ANIONS["O"], abs=0.03)
    worst = fit.residuals.set_index("formula")["left_out_ev_atom"].abs().idxmax()
    assert worst == "MgO"


def test_what_lacks_an_element_has_no_energy(energies, measured):
    fit = fit_anions(energies, measured, METALS)
    values = formation_energies(["LiBr", "CsCl", "Li3PO4", "Li3P"], [-3.0, -3.0, -6.0, -4.0], fit)
    assert np.isnan(values[:2]).all()  # no bromide was measured here; caesium was not computed
    assert np.isfinite(values[2])  # phosphorus of a phosphate is an element as computed
    # no phosphide was measured here, so phosphorus is the element as computed, too: -4.0 + 0.75 * 1.9 + 0.25 * 5.4
    assert values[3] == pytest.approx(-1.225)


def test_phosphorus_takes_a_term_as_the_anion_alone():
    assert anion_amounts(parse_formula("Li3P")) == {"P": 0.25}
    assert anion_amounts(parse_formula("Li3PO4")) == {"O": 0.5}


@pytest.mark.parametrize("formula", ["Li2O2", "KO2", "Li2CO3", "LiAlO2", "TiO2", "Al2O3"])
def test_what_the_fit_leaves_aside(formula):
    assert not is_simple(parse_formula(formula))


def test_a_compound_left_aside_moves_nothing(energies, measured):
    peroxide = pd.DataFrame({"formula": ["Li2O2"], "energy_ev_atom": [total("Li2O2", -1.64) + 0.3]})
    known = pd.concat([measured, pd.DataFrame({"formula": ["Li2O2"], "formation_energy_ev_atom": [-1.64]})])
    fit = fit_anions(pd.concat([energies, peroxide], ignore_index=True), known, METALS)
    assert fit.anions == pytest.approx(ANIONS, abs=1e-6)
    assert fit.residuals.set_index("formula")["left_out_ev_atom"]["Li2O2"] == pytest.approx(0.3, abs=1e-6)


def test_errors_are_listed_by_class(energies, measured):
    table = error_table(fit_anions(energies, measured, METALS).residuals).set_index("anion")
    assert table["compounds"].to_dict() == {"Cl": 3, "F": 4, "O": 8, "all": 15}


def test_nothing_in_common_is_an_error(measured):
    with pytest.raises(ValueError, match="no simple compound is both computed and measured"):
        fit_anions(pd.DataFrame({"formula": ["CsI"], "energy_ev_atom": [-1.0]}), measured, METALS)
