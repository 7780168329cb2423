"""The committed coatings: each with its cell, its outcome and its publication; failures are among them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.chemistry.formula import composition_key, parse_formula

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
NAMED = {"liquid", "PEO"}  # electrolytes that are no formula


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "coatings.csv", keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    measured = pd.read_csv(REFERENCE / "conductivity.csv")
    return measured[measured["sample"] == "film"]


def test_columns_and_ids(table: pd.DataFrame) -> None:
    expected = "id formula side electrode electrolyte outcome effect source doi doi_check check"
    expected += " film_sigma_s_cm film_source film_check note"
    assert list(table.columns) == expected.split()
    assert table["id"].is_unique
    assert table["id"].str.fullmatch(r"[a-z0-9_]+").all()


def test_many_coatings_on_both_sides_with_failures(table: pd.DataFrame) -> None:
    assert table["formula"].nunique() >= 20
    assert set(table["side"]) == {"cathode", "anode"}
    assert set(table["outcome"]) == {"works", "fails", "mixed"}
    assert (table["outcome"] != "works").sum() >= 8


def test_formulas_parse(table: pd.DataFrame) -> None:
    for column in ("formula", "electrode", "electrolyte"):
        for text in set(table[column]) - NAMED:
            assert parse_formula(text).num_atoms > 0


def test_every_row_names_its_publication_and_its_check(table: pd.DataFrame) -> None:
    assert table[["effect", "source"]].notna().all(axis=None)
    assert table["source"].str.contains(r"\b(?:19|20)\d\d\b").all()
    assert table["doi"].dropna().str.fullmatch(r"10\.\d{4,9}/\S+").all()
    assert (table["doi"].notna() == table["doi_check"].notna()).all()
    assert table["doi_check"].dropna().isin(["confirmed", "unverified"]).all()
    assert table["check"].isin(["abstract", "quoted", "memory"]).all()


def test_one_answer_per_cell_and_publication(table: pd.DataFrame) -> None:
    assert not table.duplicated(["formula", "side", "electrode", "electrolyte", "source"]).any()


def test_film_conductivities_have_a_source_and_stand_in_the_table(table: pd.DataFrame, films: pd.DataFrame) -> None:
    known = table[table["film_sigma_s_cm"].notna()]
    assert len(known) >= 12
    assert known["film_sigma_s_cm"].between(1e-16, 1e-3).all()
    assert known["film_source"].str.contains(r"\b(?:19|20)\d\d\b").all()
    assert known["film_check"].isin(["abstract", "memory"]).all()
    measured = films.groupby(films["formula"].map(lambda f: composition_key(parse_formula(f))))["sigma_s_cm"].agg(list)
    for row in known.itertuples():
        key = composition_key(parse_formula(row.formula))
        if key in measured.index:
            distance = np.abs(np.log10(measured[key]) - np.log10(row.film_sigma_s_cm)).min()
            assert distance < 0.8, row.id  # 0.8 decades: what repeated samples scatter by


def test_known_outcomes(table: pd.DataFrame) -> None:
    outcome = table.set_index("id")["outcome"]
    assert outcome["al2o3_garnet_han"] == "works"  # doi:10.1038/nmat4821
    assert outcome["lif_liquid_he"] == "fails"  # He and co-workers, Proc. Natl. Acad. Sci. U.S.A. (2019), abstract
    assert outcome["li3po4_ncm_ppa"] == "mixed"  # doi:10.33961/jecst.2022.00444


def test_readme_states_what_the_table_holds(table: pd.DataFrame) -> None:
    text = " ".join((REFERENCE / "README.md").read_text(encoding="utf-8").split())
    outcome, remembered = table["outcome"].value_counts(), (table["check"] == "memory").sum()
    for sentence in (
        f"| `coatings.csv` | {len(table)} |",
        f"{len(table)} rows, {table['formula'].nunique()} compositions",
        f"({outcome['works']} work, {outcome['mixed']} mixed, {outcome['fails']} fail;",
        f"`memory` (remembered, not re-checked: {remembered} rows)",
    ):
        assert sentence in text, sentence
