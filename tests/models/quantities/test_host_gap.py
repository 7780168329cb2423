"""Doped and rounded formulas have the gap of what they derive from, or none."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.models.quantities.host_gap import host_gaps, is_fractional


def gaps(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["formula", "band_gap_ev", "method"])


# Plausible gaps, eV, and what must not be taken for a host beside them.
KNOWN = gaps(
    ["LiTi2(PO4)3", 2.5, "pbe"],
    ["LiTi2P3O12", 2.7, "pbe"],
    ["Li3Ti2(PO4)3", 0.1, "pbe"],  # Ti3+
    ["Li7La3Zr2O12", 4.4, "pbe"],
    ["Li5La3Ta2O12", 3.6, "pbe"],
    ["LaTiO3", 0.0, "pbe"],  # Ti3+, and no lithium
    ["LiLaTi2O6", 1.8, "pbe"],
    ["TiO2", 3.1, "measured"],
    ["La2O3", 5.5, "measured"],
    ["Li4SnS4", 3.5, "measured"],
    ["Li4SnS4", 2.1, "pbe"],
)


@pytest.mark.parametrize(
    ("formula", "host", "gap"),
    [
        ("Li1.3Al0.3Ti1.7(PO4)3", "LiTi2(PO4)3 (PBE)", 2.6),
        ("Li0.33La0.56TiO3", "LiLaTi2O6 (PBE)", 1.8),
        ("Li0.34La0.51TiO2.94", "LiLaTi2O6 (PBE)", 1.8),
        ("Li6.4La3Zr1.4Ta0.6O12", "Li7La3Zr2O12 (PBE)", 4.4),
        ("Li6.25Al0.25La3Zr2O12", "Li7La3Zr2O12 (PBE)", 4.4),
        ("Li3.9Sn0.9As0.1S4", "Li4SnS4 (measured)", 3.5),  # a measured gap before a computed one
    ],
)
def test_a_few_foreign_ions_leave_the_gap_of_the_host(formula, host, gap):
    found = host_gaps([formula], KNOWN).iloc[0]
    assert found["band_gap_host"] == host
    assert found["band_gap_ev"] == pytest.approx(gap)


def test_a_solid_solution_lies_between_its_end_members():
    # Li6La3ZrTaO12 is half Li7La3Zr2O12, half Li5La3Ta2O12: (4.4 + 3.6) / 2.
    found = host_gaps(["Li6.0La3Zr1.0Ta1.0O12", "Li5.9La3Zr0.9Ta1.1O12"], KNOWN)
    assert found["band_gap_ev"].isna().tolist() == [True, False]  # the first is written as a compound
    assert found["band_gap_ev"][1] == pytest.approx(0.45 * 4.4 + 0.55 * 3.6)
    assert "Li5La3Ta2O12 + " in found["band_gap_host"][1]


@pytest.mark.parametrize(
    "formula",
    [
        "Li1.3Fe0.3Ti1.7(PO4)3",  # Fe3+ has levels in the gap of its host
        "Li6.6P0.4Ge0.6S5I",  # no end member is known
        "Li2.5Y0.5Zr0.5Cl6",
        "Li0.9La0.05Ti0.9O2.325",  # between TiO2 and La2O3, of which neither is of its framework
    ],
)
def test_without_a_host_the_gap_is_unknown(formula):
    found = host_gaps([formula], KNOWN).iloc[0]
    assert np.isnan(found["band_gap_ev"])
    assert found["band_gap_host"] == ""
    assert found["fractional"]


@pytest.mark.parametrize(
    ("formula", "fractional"),
    [
        ("Li7La3Zr2O12", False),
        ("Li3B11O18", False),
        ("Li0.33La0.56TiO3", True),
        ("Li13Al3Ti17P30O120", True),  # Li1.3Al0.3Ti1.7(PO4)3 in whole numbers
        ("Li4.0Sn1.0S4.0", False),
    ],
)
def test_solid_solutions_are_told_from_compounds(formula, fractional):
    assert is_fractional(formula) is fractional


def test_no_table_of_gaps_and_no_fractional_formula_are_no_error():
    assert host_gaps([], KNOWN).empty
    assert host_gaps(["Li1.3Al0.3Ti1.7(PO4)3", "LiF"], KNOWN.iloc[:0])["band_gap_ev"].isna().all()


def test_known_solid_solutions_are_within_half_an_ev_of_their_hosts(shared_data):
    table = pd.read_csv(shared_data / "mp_band_gaps.csv.gz", converters={"formula": str}).assign(method="pbe")
    hosts = {  # with the median PBE gap of the host in the same table, eV
        "Li0.33La0.56TiO3": 1.76,
        "Li0.34La0.51TiO2.94": 1.76,
        "Li1.3Al0.3Ti1.7(PO4)3": 2.56,
        "Li1.5Al0.5Ge1.5(PO4)3": 3.50,
        "Li6.4La3Zr1.4Ta0.6O12": 4.45,
        "Li6.25Al0.25La3Zr2O12": 4.45,
        "Li6.75La3Zr1.75Nb0.25O12": 4.45,
    }
    found = host_gaps(list(hosts), table)
    assert found["band_gap_ev"].tolist() == pytest.approx(list(hosts.values()), abs=0.5)
