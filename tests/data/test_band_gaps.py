"""Measured band gaps: sourced, unique, ordered as chemistry demands, and in agreement with independent tables."""

import re
from pathlib import Path

import pandas as pd
import pytest
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.formula import parse_formula

BAND_GAPS = Path(__file__).resolve().parents[2] / "data" / "reference" / "band_gaps.csv"
SHARED_TABLE = "matbench_expt_gap (doi:10.1021/acs.jpclett.8b00124)"
# the shared table is off for these, each checked elsewhere: exciton edge of LiF, AlAs as a metal, higher transitions
KNOWN_DISAGREEMENTS = {"LiF", "AlAs", "BP", "Mg2Si", "Mg2Ge"}
# computed without spin-orbit coupling, which closes most of the gap of Bi2Te3
ABOVE_BY_PBE = {"Bi2Te3"}


def reduced(formula: str) -> str:
    return Composition(formula).reduced_formula


def written_elements(formula: str) -> frozenset[str]:
    return frozenset(re.findall("[A-Z][a-z]?", formula))


@pytest.fixture(scope="module")
def gaps() -> pd.DataFrame:
    return pd.read_csv(BAND_GAPS, keep_default_na=False).astype({"band_gap_ev": float})


def test_rows_are_readable_unique_and_sourced(gaps):
    assert list(gaps) == ["formula", "band_gap_ev", "method", "source", "checked_against", "note"]
    assert not gaps["formula"].map(lambda f: parse_formula(f).reduced_formula).duplicated().any()
    assert set(gaps["method"]) == {"measured"}
    assert (gaps["source"] != "").all()
    assert (gaps["checked_against"] != "").all()
    assert gaps["band_gap_ev"].between(0, 14.5).all()  # nothing solid lies above LiF but solid noble gases


def test_table_is_broad_enough_to_learn_from(gaps):
    assert len(gaps) >= 120
    assert gaps["formula"].map(lambda f: Element("Li") in parse_formula(f)).sum() >= 30
    assert (gaps["band_gap_ev"] == 0).sum() >= 20
    for anion in ("F", "Cl", "Br", "I", "O", "S", "Se", "Te", "N", "P"):
        assert sum(anion in written_elements(f) for f in gaps["formula"]) >= 3, anion


@pytest.mark.parametrize(
    "falling",
    [
        "LiF LiCl LiBr LiI",
        "NaCl NaBr",
        "Al2O3 Al2S3 Al2Se3",
        "ZnO ZnSe ZnTe",
        "ZnS ZnSe ZnTe",
        "CdS CdSe CdTe",
        "GaN GaP GaAs GaSb",
        "AlN AlP AlAs AlSb",
        "C Si Ge Sn",
        "MgO SrO CdO",
        "CaSnO3 SrSnO3 BaSnO3",
        "LiGaS2 LiGaSe2 LiGaTe2",
        "Li2In2SiS6 Li2In2GeS6 Li2In2GeSe6",
        "Mg2Si Mg2Ge Mg2Sn",
    ],
)
def test_gaps_fall_down_a_group_of_the_periodic_table(gaps, falling):
    values = gaps.set_index("formula").loc[falling.split(), "band_gap_ev"]
    assert values.is_monotonic_decreasing


def test_published_values_are_kept(gaps):
    # LiF as in "Core Exciton and Band Structure in LiF" (1974); LiZnP: doi:10.1103/physrevb.37.7140
    values = gaps.set_index("formula")["band_gap_ev"]
    assert values["LiF"] == pytest.approx(13.6)
    assert values["LiZnP"] == pytest.approx(2.04)
    assert values["Si"] == pytest.approx(1.12)


def test_elements_with_a_gap_of_zero_conduct(gaps):
    metals = [f for f in gaps.loc[gaps["band_gap_ev"] == 0, "formula"] if len(parse_formula(f)) == 1]
    assert len(metals) >= 15
    assert all(Element(f).electrical_resistivity < 2e-6 for f in metals)  # ohm m; semiconductors lie above 1e-5


def test_agreement_with_the_shared_measurements(gaps, shared_data):
    table = pd.read_csv(shared_data / "experimental_band_gaps.csv", keep_default_na=False)
    shared = dict(zip(table["formula"].map(reduced), table["band_gap_ev"].astype(float), strict=True))
    disagreeing = set()
    for row in gaps.itertuples():
        found = shared.get(reduced(row.formula))
        assert (found is not None) or SHARED_TABLE not in row.checked_against, row.formula
        # measurements of one compound scatter by some tenths of an eV, wide gaps by a tenth of their size
        if found is not None and abs(found - row.band_gap_ev) > max(0.35, 0.1 * row.band_gap_ev):
            disagreeing.add(row.formula)
            assert SHARED_TABLE not in row.checked_against, row.formula
    assert disagreeing == KNOWN_DISAGREEMENTS


def test_pbe_gaps_are_a_lower_bound(gaps, shared_data):
    table = pd.read_csv(shared_data / "mp_band_gaps.csv.gz", keep_default_na=False)
    known = gaps.set_index(gaps["formula"].map(reduced))
    # parse only what has the elements of one of our rows, not all 106,113
    elements = {written_elements(f) for f in known.index}
    candidates = table[table["formula"].map(written_elements).isin(elements)]
    lowest = candidates.groupby(candidates["formula"].map(reduced))["band_gap_ev"].min().astype(float)
    shared = known.index.intersection(lowest.index)
    assert len(shared) > 150
    too_low = {f for f in shared if known.at[f, "band_gap_ev"] < lowest[f] - 0.3}
    assert too_low <= ABOVE_BY_PBE
