"""Precursor sets: balanced, ranked, worked by hand on made-up energies, and sensible on real ones."""

import pandas as pd
import pytest
from pymatgen.core import Composition
from scipy import constants

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.precursors import precursor_table


def atoms_of(products: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in filter(None, products.split(" + ")):
        amount, formula = part.split(" ") if " " in part else ("1", part)
        for symbol, n in Composition(formula).get_el_amt_dict().items():
            total[symbol] = total.get(symbol, 0.0) + float(amount) * n
    return total


@pytest.fixture
def sulfides() -> PhaseSet:
    energies = {"Li2S": -1.5, "P2S5": -0.5, "GeS2": -0.6, "Li3PS4": -1.1, "Li4GeS4": -1.25, "Li10GeP2S12": -1.15}
    return phase_set(pd.DataFrame({"formula": list(energies), "formation_energy_ev_atom": list(energies.values())}))


def test_by_hand(sulfides: PhaseSet) -> None:
    table = precursor_table("Li10GeP2S12", sulfides, ["Li2S", "P2S5", "GeS2", "Li3PS4", "Li4GeS4"])
    rows = table.set_index("precursors")
    straight = rows.loc["GeS2 + 5 Li2S + P2S5"]
    # 25 * -1.15 + 5 * 4.5 + 3.5 + 1.8 = -0.95 eV for 25 atoms
    assert straight["driving_force_ev_atom"] == pytest.approx(-0.95 / 25)
    # Li2S | GeS2: 2 Li2S + GeS2 -> Li4GeS4 frees 11.25 - 9 - 1.8 = 0.45 eV for 9 atoms; Li2S | P2S5: 3 Li2S + P2S5 ->
    # 2 Li3PS4 frees 17.6 - 13.5 - 3.5 = 0.6 eV for 16 atoms, less per atom.
    assert straight["first_pair"] == "GeS2 | Li2S"
    assert straight["first_reaction_ev_atom"] == pytest.approx(-0.05)
    # all GeS2 is used up: 0.45 eV of 0.95 are gone
    assert straight["remaining_driving_force_ev_atom"] == pytest.approx(-0.5 / 25)
    late = rows.loc["2 Li3PS4 + Li4GeS4"]
    # 28.75 - 17.6 - 11.25 = -0.1 eV: uphill, and alone with itself
    assert late["driving_force_ev_atom"] == pytest.approx(0.1 / 25)
    assert late["note"] == "uphill"


def test_every_set_is_balanced_and_ranked(mp_phases: PhaseSet) -> None:
    for target in ("Li7La3Zr2O12", "Li6PS5Cl", "LiCoO2"):
        table = precursor_table(target, mp_phases)
        assert len(table) > 3
        assert table["remaining_driving_force_ev_atom"].is_monotonic_increasing
        for row in table.itertuples():
            made = atoms_of(f"{Composition(target).formula.replace(' ', '')} + {row.byproducts}".rstrip(" +"))
            assert atoms_of(row.precursors) == pytest.approx(made, rel=1e-4)
            assert row.remaining_driving_force_ev_atom >= row.driving_force_ev_atom - 1e-9


def test_failures_are_demoted(mp_phases: PhaseSet) -> None:
    available = ["La2O3", "ZrO2", "Li2CO3", "La2Zr2O7"]
    seen = pd.DataFrame({"formula_a": ["Zr2O4"], "formula_b": ["La2O3"], "product": ["La2Zr2O7"]})
    free = precursor_table("Li7La3Zr2O12", mp_phases, available)
    warned = precursor_table("Li7La3Zr2O12", mp_phases, available, seen)
    with_pair = warned["precursors"].str.contains(r"La2O3.*\bZrO2")
    assert with_pair.tolist() == [False, True]
    assert warned["note"][1] == "La2O3 | ZrO2 was seen to form La2Zr2O7"
    assert sorted(free["precursors"]) == sorted(warned["precursors"])
    with pytest.raises(ValueError, match="no column product"):
        precursor_table("Li7La3Zr2O12", mp_phases, available, seen.drop(columns="product"))


def test_a_gas_has_its_entropy(mp_phases: PhaseSet) -> None:
    forces = [
        precursor_table("LiCoO2", mp_phases, ["CoO", "Li2CO3"], temperature_k=t)["driving_force_ev_atom"].item()
        for t in (0.0, 1000.0)
    ]
    # CoO + 1/2 Li2CO3 + 1/4 O2 -> LiCoO2 + 1/2 CO2, four atoms of target
    entropy = (0.5 * 213.8 - 0.25 * 205.2) / (constants.N_A * constants.e)
    assert forces[1] - forces[0] == pytest.approx(-1000 * entropy / 4)


def test_faults_are_named(sulfides: PhaseSet) -> None:
    with pytest.raises(ValueError, match=r"target: LiF: .*no compound of F"):
        precursor_table("LiF", sulfides)
    with pytest.raises(ValueError, match=r"available: \?\?"):
        precursor_table("Li3PS4", sulfides, ["Li2S", "??"])
    assert len(precursor_table("Li3PS4", sulfides, ["Li2S", "GeS2"])) == 0


def test_hydrogen_that_the_target_holds_leaves_no_water() -> None:
    energies = {"Li2O": -2.0, "LiOH": -1.7, "LiH": -0.45}
    phases = phase_set(pd.DataFrame({"formula": list(energies), "formation_energy_ev_atom": list(energies.values())}))
    row = precursor_table("LiOH", phases, ["LiH"], temperature_k=0.0).iloc[0]
    # LiH + 1/2 O2 -> LiOH: -5.1 + 0.9 eV for three atoms; one solid has nobody to react with on the way
    assert row["precursors"] == "LiH + 0.5 O2"
    assert row["driving_force_ev_atom"] == pytest.approx(-4.2 / 3)
    assert (row["first_pair"], row["first_reaction_ev_atom"]) == ("", 0.0)
    assert row["remaining_driving_force_ev_atom"] == row["driving_force_ev_atom"]
