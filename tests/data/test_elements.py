"""Element facts: complete, argued, and in agreement with independent tables."""

import csv
from pathlib import Path

import pandas as pd
import pymatgen.analysis.cost
import pytest
from pymatgen.core import Element

ELEMENTS = Path(__file__).resolve().parents[2] / "data" / "reference" / "elements.csv"
PRICEY = {"Ru", "Rh", "Pd", "Os", "Ir", "Pt", "Au", "Re"}
TOXIC = {"Hg", "Tl", "Cd", "Pb", "As", "Be"}
NOBLE_GASES = {"He", "Ne", "Ar", "Kr", "Xe"}


@pytest.fixture(scope="module")
def facts() -> pd.DataFrame:
    # symbols such as "Na" are text, so nothing may be read as missing
    return pd.read_csv(ELEMENTS, keep_default_na=False).set_index("symbol")


def test_every_element_to_lawrencium_is_there_once(facts):
    assert facts["atomic_number"].tolist() == list(range(1, 104))
    assert [Element.from_Z(z).symbol for z in facts["atomic_number"]] == facts.index.tolist()


def test_radioactivity_agrees_with_pymatgen(facts):
    assert {s for s in facts.index if facts.at[s, "radioactive"]} == {
        s for s in facts.index if Element(s).is_radioactive
    }
    # its one natural isotope lives 1e19 years: stable for this use
    assert not facts.at["Bi", "radioactive"]


def test_exclusions_are_the_stated_ones_and_each_has_its_reason(facts):
    excluded = set(facts.index[facts["excluded"]])
    assert excluded == PRICEY | TOXIC | NOBLE_GASES | set(facts.index[facts["radioactive"]])
    assert ((facts["reason"] != "") == facts["excluded"]).all()
    assert facts.loc[sorted(TOXIC), "reason"].str.startswith("toxic").all()
    assert facts.loc[sorted(PRICEY), "reason"].str.startswith("too expensive").all()
    assert (facts.loc[sorted(PRICEY), "price_class"].astype(int) >= 4).all()
    assert (facts.loc[sorted(TOXIC), "toxicity_class"] == 3).all()


def test_classes_are_in_range_and_sourced(facts):
    assert set(facts["price_class"]) <= {"", "1", "2", "3", "4", "5"}
    assert set(facts["toxicity_class"]) <= {0, 1, 2, 3}
    assert (facts["toxicity_reason"] != "").all()
    assert (facts["source"] != "").all()
    # a price nothing at hand confirms is not stated
    assert (facts.loc[facts["price_class"] != "", "checked_against"] != "").all()
    usable = facts[~facts["excluded"]]
    assert (usable["price_class"] != "").mean() > 0.95


def test_price_classes_agree_with_pymatgens_cost_table(facts):
    path = Path(pymatgen.analysis.cost.__file__).parent / "costdb_elements.csv"
    rows = [row for row in csv.reader(path.open()) if row and row[0] in facts.index]
    price_usd_kg = {row[0]: float(row[1]) for row in rows}
    # these stand at the price of the salt, ore or oxide that is traded, that table at the pure metal's in small lots
    salts = {"Na", "K", "P", "La", "Ce"}
    assert set(facts.index[facts["price_form"] != ""]) <= salts
    for symbol, price in price_usd_kg.items():
        if symbol in salts or facts.at[symbol, "price_class"] == "":
            continue
        expected = 1 + sum(price >= limit for limit in (10, 100, 1_000, 10_000))
        assert abs(int(facts.at[symbol, "price_class"]) - expected) <= 1, symbol
