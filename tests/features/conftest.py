"""Phases that several thermodynamics tests share."""

from pathlib import Path

import pandas as pd
import pytest

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set


@pytest.fixture(scope="session")
def mp_table(shared_data: Path) -> pd.DataFrame:
    """Formation energies of the Materials Project's compositions of 2019."""
    return pd.read_csv(shared_data / "mp_formation_energies.csv.gz", keep_default_na=False)


@pytest.fixture(scope="session")
def mp_phases(mp_table: pd.DataFrame) -> PhaseSet:
    return phase_set(mp_table)


@pytest.fixture
def li_o_phases() -> PhaseSet:
    """Li-O with Li2O at -2 eV/atom (-6 eV per formula) and Li2O2 at -1.6 (-6.4)."""
    return phase_set(pd.DataFrame({"formula": ["Li2O", "Li2O2"], "formation_energy_ev_atom": [-2.0, -1.6]}))


@pytest.fixture(scope="session")
def measured() -> pd.DataFrame:
    """The project's measured enthalpies of formation."""
    root = Path(__file__).resolve().parents[2]
    return pd.read_csv(root / "data" / "reference" / "formation_enthalpies.csv", keep_default_na=False)
