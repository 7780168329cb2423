"""The default thresholds of params.yaml against materials of the Materials Project whose use in cells is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ionsieve.features.chemistry.suitability import suitability_table
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.phase_set import phase_set
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.models.judgement.evidence import gap_lookup, prepare_candidates, reduced_formula
from ionsieve.models.judgement.roles import ROLES, partner_ids, pivot_interfaces, role_filters, screen_role

ROOT = Path(__file__).resolve().parents[3]
COATINGS = ["LiNbO3", "Li3PO4", "LiTaO3", "LiPO3", "LiTi2(PO4)3", "LiH2PO4"]
ELECTROLYTES = ["Li10GeP2S12", "Li6PS5Cl", "Li7La3Zr2O12", "Li3InCl6"]
CATHODES = ["LiFePO4", "LiCoO2", "Li2MnO3"]


@pytest.fixture(scope="module")
def sources(shared_data):
    text = {"keep_default_na": False, "dtype": {"formula": str}}
    phases = pd.read_csv(shared_data / "mp_formation_energies.csv.gz", **text)
    gaps = pd.read_csv(shared_data / "mp_band_gaps.csv.gz", **text).assign(method="pbe")
    return phases.astype({"formation_energy_ev_atom": float}), gaps.astype({"band_gap_ev": float})


def judged(formulas: list[str], sources: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(verdicts, funnels) of all roles from window, interfaces, gap and suitability; conductivity, barriers unknown."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["screen"]
    partners, elements = (pd.read_csv(ROOT / "data" / "reference" / f"{name}.csv") for name in ("partners", "elements"))
    phases, gaps = phase_set(sources[0]), sources[1]
    table = window_table(formulas, phases).assign(id=formulas, hull_complete=True)
    table = pd.concat([table, suitability_table(formulas, elements).drop(columns="formula")], axis=1)
    named = partner_ids(partners, params["cathode"], params["electrolyte"], params["anode"])
    contacts = [
        pd.DataFrame(
            {"id": formulas, "partner": partner, "e_rxn_ev_atom": interface_table(pairs, phases)["e_rxn_ev_atom"]}
        )
        for partner in named.values()
        for pairs in [
            pd.DataFrame({"formula_a": formulas, "formula_b": partners.set_index("partner").formula[partner]})
        ]
    ]
    table = table.merge(pivot_interfaces(pd.concat(contacts)), on="id")
    own = gap_lookup(gaps, formulas)
    table["band_gap_ev"] = [own.get(reduced_formula(formula), np.nan) for formula in formulas]
    unknown = ["migration_barrier_2d_ev", "mobile_site_shared", "log10_sigma", "probability_sigma_ge_1e_4"]
    unknown += ["sigma_origin", "in_domain", "band_gap_origin", "band_gap_spans"]
    table = table.assign(**dict.fromkeys(unknown, np.nan))
    ready = prepare_candidates(table, gap_lookup(gaps, table["products_at_0v"]), params["passivation_gap_ev"])
    references = {"cathode_voltage_v": params["cathode_voltage_v"]}
    results = [screen_role(ready, role, role_filters(role, params["roles"], named, references)) for role in ROLES]
    return tuple(pd.concat(part, ignore_index=True) for part in zip(*results, strict=True))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def known(sources) -> pd.DataFrame:
    formulas = [*COATINGS, *ELECTROLYTES, *CATHODES, "LiF", "Li3N", "Al2O3", "Li3PS4"]
    return judged(formulas, sources)[0].set_index(["role", "formula"])


@pytest.mark.parametrize("formula", [*COATINGS, "Al2O3"])
def test_known_coatings_pass_every_filter_of_a_cathode_coating(known, formula):
    verdict = known.loc[("cathode_coating", formula)]
    assert (verdict.passed, verdict.failed_filters, verdict.unknown_filters) == (True, "", "")


@pytest.mark.parametrize("formula", ELECTROLYTES)
def test_known_electrolytes_pass_as_electrolytes(known, formula):
    verdict = known.loc[("electrolyte", formula)]
    assert verdict.passed
    assert verdict.unknown_filters == "migration_barrier, conductivity"


@pytest.mark.parametrize("formula", CATHODES)
@pytest.mark.parametrize("role", ["electrolyte", "cathode_coating"])
def test_cathodes_pass_as_neither(known, role, formula):
    assert not known.loc[(role, formula)].passed


def test_what_works_against_lithium_and_against_the_cathode(known):
    passed = known["passed"]
    # Argyrodite and Li3PS4 by their interphase, garnet and Li3N by stability; germanium makes an alloy.
    assert [passed["anolyte", f] for f in ("Li6PS5Cl", "Li3PS4", "Li7La3Zr2O12", "Li3N")] == [True] * 4
    assert not passed["anolyte", "Li10GeP2S12"]
    assert passed["catholyte", "Li3InCl6"]
    assert not passed["catholyte", "Li6PS5Cl"]
    # Li3N bears lithium but not the sulfide behind it.
    assert passed["anode_coating", "LiF"]
    assert known.loc[("anode_coating", "Li3N")].failed_filters == "electrolyte"


@pytest.mark.slow
def test_of_all_lithium_compositions_about_a_thousand_electrolytes_and_a_few_hundred_coatings_pass(sources):
    formulas = sources[0]["formula"]
    _, funnel = judged(formulas[formulas.str.contains(r"Li(?![a-z])")].tolist(), sources)
    left = funnel.groupby("role")["n_out"].last()
    # A sanity band, not a measured figure: tens would mean a broken filter, thousands a missing one.
    assert 800 <= left["electrolyte"] <= 1600
    assert 200 <= left["cathode_coating"] <= 600
