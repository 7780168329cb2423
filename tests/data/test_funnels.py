"""The published screens: they parse, name columns that exist, and say of each number where it comes from."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.chemistry.suitability import COLUMNS as SUITABILITY_COLUMNS
from ionsieve.features.transport.framework import FRAMEWORK_COLUMNS
from ionsieve.models.judgement.filters import role_filters

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "funnels").glob("*.yaml"))
KEYS = ["name", "title", "reference", "doi", "doi_check", "quoted_in", "role", "partners", "start", "filters", "end"]
KEYS += ["found", "differs", "missing"]
FILTER_KEYS = {"column", "at_least", "at_most", "unless", "unknown"}
CHECKS = {"abstract", "quoted", "memory"}
COLUMNS_OF_STAGES = {
    "e_above_hull_ev_atom",
    "decomposition_energy_ev_atom",
    "reduction_limit_v",
    "oxidation_limit_v",
    "band_gap_ev",
    "probability_sigma_ge_1e_4",
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def funnel(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def test_the_screens_asked_for_are_there() -> None:
    screens = {re.sub(r"_(?:llzo|lps|ltp)$", "", file.stem) for file in FILES}
    known = {"sendek_2017", "cathode_coating_2019", "sulfide_oxide_coating", "corner_sharing_oxides_2022"}
    assert screens == known | {"protective_layers"}
    assert sum(file.stem.startswith("protective_layers_") for file in FILES) == 3


def test_keys_and_name(funnel: dict[str, Any], path: Path) -> None:
    assert list(funnel) == KEYS
    assert funnel["name"] == path.stem
    assert funnel["role"] in yaml.safe_load((ROOT / "params.yaml").read_text())["screen"]["roles"]
    assert funnel["found"] == [f for f in funnel["found"] if parse_formula(f).num_atoms > 0]


def test_publication_or_that_there_is_none(funnel: dict[str, Any]) -> None:
    assert funnel["doi_check"] in ("confirmed", "unverified", "unknown")
    if funnel["doi_check"] == "unknown":
        assert funnel["doi"] is None
        assert funnel["quoted_in"]
    else:
        assert re.fullmatch(r"10\.\d{4,9}/\S+", funnel["doi"])
        assert re.search(r"\b(?:19|20)\d\d\b", funnel["reference"])


def test_filters_are_read_by_the_screen(funnel: dict[str, Any]) -> None:
    specs = {f["name"]: {key: f[key] for key in FILTER_KEYS & set(f)} for f in funnel["filters"]}
    assert len(specs) == len(funnel["filters"]) >= 5
    read = role_filters("published", {"published": specs}, {}, {})
    assert [f.name for f in read] == [f["name"] for f in funnel["filters"]]
    for spec in funnel["filters"]:
        assert set(spec) - FILTER_KEYS - {"count_check"} == {"name", "basis", "published_count", "note"}
        assert spec["basis"] in CHECKS | {"ours"}


def test_filters_name_columns_that_exist(funnel: dict[str, Any]) -> None:
    partners = pd.read_csv(ROOT / "data" / "reference" / "partners.csv")
    known = set(SUITABILITY_COLUMNS) | set(FRAMEWORK_COLUMNS) | COLUMNS_OF_STAGES
    known |= {f"e_rxn_{partner}_ev_atom" for partner in partners["partner"]}
    assert {f["column"] for f in funnel["filters"]} <= known
    assert set(funnel["partners"]) <= set(partners["partner"]) | set(partners["cathode"])


def test_every_count_says_where_it_was_read(funnel: dict[str, Any]) -> None:
    steps = [funnel["start"], *funnel["filters"], funnel["end"]]
    for step in steps:
        count = step["published_count"]
        assert count is None or (isinstance(count, int) and count > 0)
        assert ("count_check" in step) == (count is not None)
        assert step.get("count_check", "quoted") in CHECKS
        if step.get("count_check") == "quoted":
            assert funnel["quoted_in"]
    counts = [step["published_count"] for step in steps if step["published_count"] is not None]
    assert counts == sorted(counts, reverse=True)


def test_thresholds_of_an_unknown_publication_are_ours() -> None:
    for file in FILES:
        funnel = yaml.safe_load(file.read_text())
        if funnel["doi_check"] == "unknown":
            assert {f["basis"] for f in funnel["filters"]} == {"ours"}


def test_protective_layers_differ_by_electrolyte_alone() -> None:
    texts = []
    for partner, formula, count in (("llzo", "Li7La3Zr2O12", 5), ("lps", "Li3PS4", 28), ("ltp", "LiTi2(PO4)3", 7)):
        text = (ROOT / "funnels" / f"protective_layers_{partner}.yaml").read_text()
        assert yaml.safe_load(text)["end"]["published_count"] == count
        # what was quoted stands above, what it may mean below, and both name all three
        head, tail = text.split("role:")
        tail, reasons = tail.split("differs:")
        for part, stand_in in ((f"published_count: {count},", "N,"), (f"published_count: {count}\n", "N\n")):
            tail = tail.replace(part, stand_in)
        texts.append(head.replace(f"layers_{partner}", "") + tail.replace(partner, "P").replace(formula, "F") + reasons)
    assert len(set(texts)) == 1
