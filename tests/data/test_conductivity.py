"""The committed conductivities: well formed, physically sane, and in agreement with what confirms them."""

import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Element, Lattice
from pymatgen.symmetry.groups import SpaceGroup

from ionsieve.features.chemistry.formula import composition_key, composition_matrix, parse_formula

TABLE = Path(__file__).resolve().parents[2] / "data" / "reference" / "conductivity.csv"
README = TABLE.with_name("README.md")
LENGTHS = ["a_angstrom", "b_angstrom", "c_angstrom"]
CELL = [*LENGTHS, "alpha_deg", "beta_deg", "gamma_deg"]
# Two reports of one sample differ by rounding; 0.3 decades is a factor of two, well inside the 0.8 decades
# by which repeated samples of one composition scatter.
AGREEMENT_DECADES = 0.3
POOR_S_CM = 1e-6
NAMED_ENTRY = re.compile(r"OBELiX \(doi:10\.1039/d5dd00441a\) entry ([a-z0-9]{3}(?: and [a-z0-9]{3})*)")
ELEMENTS = [Element.from_Z(z).symbol for z in range(1, 104)]


def readme_sentences(table: pd.DataFrame) -> list[str]:
    """What data/reference/README.md says of the table, word for word; lines may break anywhere."""
    stated = table["sigma_s_cm"].fillna(table["sigma_upper_bound_s_cm"])
    values, bounds = table["sigma_s_cm"].dropna(), table["sigma_upper_bound_s_cm"].dropna()
    checks, dois = table["check"].value_counts(), table["doi_check"].value_counts()
    families = table.groupby("family").agg(rows=("id", "size"), publications=("source", "nunique")).reset_index()
    families = families.sort_values(["rows", "family"], ascending=[False, True])
    poor = stated < POOR_S_CM
    listed = ", ".join(f"{row.family} {row.rows} ({row.publications})" for row in families.itertuples())
    return [
        f"| `conductivity.csv` | {len(table)} |",
        f"({(table['temperature_basis'] == 'extrapolated').sum()} rows extrapolated from higher temperature, marked)",
        f"{len(table)} rows, {table['formula'].nunique()} formulas, {len(families)} structure families, "
        f"{table['source'].nunique()} publications",
        f"confirms it ({table['a_angstrom'].notna().sum()} rows)",
        f"Of {len(table)} rows {checks['second_table']} are confirmed by a second table, {checks['abstract']} by the "
        f"publication's abstract or a digest of it, {checks['quoted']} by another publication that quotes them, and "
        f"{checks['memory']} are remembered and not re-checked",
        f"{dois.sum()} rows state a DOI, {dois['unverified']} of them from memory",
        f"{poor.sum()} rows lie below 1e-6 S/cm ({(poor & table['sigma_s_cm'].notna()).sum()} values, "
        f"{(poor & table['sigma_s_cm'].isna()).sum()} bounds)",
        f"{(poor & (table['check'] == 'memory')).sum()} of them are `memory`",
        f"{(values >= 1e-4).sum()} of {len(values)} values are at or above 1e-4 S/cm, {(values < 1e-7).sum()} below "
        f"1e-7, {len(bounds)} more rows are bounds",
        f"Families, with rows and (publications): {listed}.",
    ]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    text = ["id", "formula", "kind", "temperature_basis", "family", "phase", "sample", "space_group", "source"]
    text += ["doi_check", "check", "checked_against", "note"]
    return pd.read_csv(TABLE, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def cells(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["a_angstrom"].notna()]


@pytest.fixture(scope="module")
def obelix(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "obelix" / "train.csv", dtype=str, keep_default_na=False).set_index("ID")


@cache
def space_group(symbol: str) -> SpaceGroup:
    return SpaceGroup(symbol)  # half a second for the cubic ones


def reported_log10_sigma(entry: pd.Series) -> list[float]:
    """log10 of every conductivity an OBELiX entry states; a bound counts as its limit."""
    texts = [entry[column].strip("<") for column in ("Ionic conductivity (S cm-1)", "IC (Total)", "IC (Bulk)")]
    return [math.log10(float(text)) for text in texts if text]


def stated_log10_sigma(table: pd.DataFrame) -> pd.Series:
    return np.log10(table["sigma_s_cm"].fillna(table["sigma_upper_bound_s_cm"]))


def test_columns_and_ids(table: pd.DataFrame) -> None:
    expected = "id formula sigma_s_cm sigma_upper_bound_s_cm kind temperature_c temperature_basis activation_energy_ev"
    expected += " family phase sample space_group a_angstrom b_angstrom c_angstrom alpha_deg beta_deg gamma_deg"
    expected += " formula_units_z source doi_check check checked_against note"
    assert list(table.columns) == expected.split()
    assert table["id"].is_unique
    assert table["id"].str.fullmatch(r"[a-z0-9_]+").all()


def test_breadth(table: pd.DataFrame) -> None:
    assert len(table) >= 405
    assert table["family"].nunique() >= 30


def test_poor_conductors_are_there(table: pd.DataFrame) -> None:
    """A model that has seen winners alone predicts winners, so the others are counted."""
    most = table["sigma_s_cm"].fillna(table["sigma_upper_bound_s_cm"])
    poor = table[most < POOR_S_CM]
    assert len(poor) >= 100
    assert poor["sigma_s_cm"].notna().sum() >= 60  # values, not bounds
    assert poor["formula"].nunique() >= 80
    binary = {"LiF", "LiCl", "LiBr", "LiI", "LiH", "Li2O", "Li2S"}
    oxide = {"LiAlO2", "Li2SiO3", "Li4SiO4", "Li2TiO3", "LiNbO3", "LiTaO3", "Li2CO3", "Li2SO4", "Li3PO4", "Li2B4O7"}
    assert binary | oxide <= set(poor["formula"])


def test_samples_and_temperatures_are_of_the_listed_kinds(table: pd.DataFrame) -> None:
    assert table["temperature_basis"].isin(["measured", "extrapolated"]).all()
    assert table["sample"].dropna().isin(["crystal", "pellet", "film", "glass"]).all()
    assert table["check"].isin(["second_table", "abstract", "quoted", "memory"]).all()
    glassy = table["phase"] == "amorphous"
    assert table.loc[glassy, "space_group"].isna().all()
    assert (table["sample"] == "film").sum() >= 10


def test_what_was_not_checked_again_says_so(table: pd.DataFrame) -> None:
    remembered = table["check"] == "memory"
    assert table.loc[remembered, "checked_against"].str.startswith("not re-checked").all()
    assert not table.loc[~remembered, "checked_against"].str.startswith("not re-checked").any()
    assert remembered.mean() < 0.30  # more than that, and the table is a recollection, not a reference


def test_a_doi_says_whether_it_was_seen(table: pd.DataFrame) -> None:
    """A DOI from memory is a claim; only one that a page or table at hand states is a fact."""
    states_one = table["source"].str.contains("doi:")
    assert (table["doi_check"].notna() == states_one).all()
    assert table["doi_check"].dropna().isin(["confirmed", "unverified"]).all()
    remembered = table["checked_against"].str.contains("DOI remembered")
    assert (table.loc[remembered, "doi_check"] == "unverified").all()
    per_doi = table.assign(doi=table["source"].str.extract(r"doi:(\S+?)(?:,|$|\s)")[0]).dropna(subset=["doi"])
    assert (per_doi.groupby("doi")["doi_check"].nunique() == 1).all()


def test_a_publication_states_a_sample_once(table: pd.DataFrame) -> None:
    described = ["formula", "source", "kind", "phase", "sample"]
    repeated = table[table.duplicated(described, keep=False)]
    told_apart = (
        repeated.groupby(described, dropna=False)["note"].nunique() == repeated.groupby(described, dropna=False).size()
    )
    assert told_apart.all()  # two preparations: the notes tell which


def test_no_measurement_stands_twice(table: pd.DataFrame) -> None:
    """One composition however written, one publication, one kind, phase and sample: one figure, or notes that tell."""
    doi = table["source"].str.extract(r"doi:(\S+?)(?:,|$|\s)")[0].str.lower()
    keys = pd.DataFrame(
        {
            "composition": [composition_key(parse_formula(formula)) for formula in table["formula"]],
            "publication": doi.fillna(table["source"].str.lower()),
            "temperature_c": table["temperature_c"],
            "sigma": table["sigma_s_cm"].fillna(table["sigma_upper_bound_s_cm"]),
        }
    )
    described = keys.join(table[["kind", "phase", "sample"]].fillna(""))
    same_figure = keys.duplicated(["composition", "publication", "temperature_c", "sigma"], keep=False)
    assert not same_figure.any(), table.loc[same_figure, "id"].tolist()
    same_sample = described.duplicated(["composition", "publication", "kind", "phase", "sample"], keep=False)
    assert not table.loc[same_sample, "note"].isna().any()  # two preparations: the notes tell which


def test_families_are_named_one_way(table: pd.DataFrame) -> None:
    """A family spelled in two ways would be held out in halves; the README lists every one with its counts."""
    names = table["family"]
    assert names.str.fullmatch(r"[a-z]+(?:[ -][a-z]+)*").all()
    stems = names.drop_duplicates().str.replace(r"[ -]|s\b", "", regex=True)
    assert stems.is_unique


def test_readme_states_what_the_table_holds(table: pd.DataFrame) -> None:
    text = " ".join(README.read_text(encoding="utf-8").split())
    for sentence in readme_sentences(table):
        assert sentence in text, sentence


def test_extrapolated_rows_say_from_where(table: pd.DataFrame) -> None:
    far = table[table["temperature_basis"] == "extrapolated"]
    assert far["note"].str.strip().str.len().gt(0).all()
    assert len(far) >= 30


def test_formulas_hold_lithium(table: pd.DataFrame) -> None:
    assert all(parse_formula(formula)["Li"] > 0 for formula in table["formula"])


def test_every_row_has_a_value_or_a_bound(table: pd.DataFrame) -> None:
    assert (table["sigma_s_cm"].notna() ^ table["sigma_upper_bound_s_cm"].notna()).all()
    stated = table["sigma_s_cm"].fillna(table["sigma_upper_bound_s_cm"])
    assert stated.between(1e-16, 0.1, inclusive="neither").all()
    assert table["kind"].isin(["bulk", "total", "unstated"]).all()
    assert (table["temperature_c"].between(15, 35) | (table["temperature_basis"] == "extrapolated")).all()


def test_activation_energies_are_those_of_ion_conductors(table: pd.DataFrame) -> None:
    assert table["activation_energy_ev"].dropna().between(0.1, 1.4).all()  # LiNbO3 crystals: 1.34


def test_every_row_names_its_publication_and_its_check(table: pd.DataFrame) -> None:
    for column in ("family", "source", "checked_against"):
        assert table[column].str.strip().str.len().gt(0).all()
    assert table["source"].str.contains(r"\b(?:19|20)\d\d\b|doi:10\.").all()
    dois = table["source"].str.extractall(r"doi:(\S+?)(?:,|$|\s)")[0]
    assert dois.str.fullmatch(r"10\.\d{4,9}/\S+").all()


def test_bulk_is_at_least_total_in_one_publication(table: pd.DataFrame) -> None:
    # Grain boundaries are in series with the grains, so the total conductivity cannot exceed the bulk's.
    pairs = table.pivot_table(index=["formula", "source", "temperature_c"], columns="kind", values="sigma_s_cm")
    pairs = pairs.dropna(subset=["bulk", "total"])
    assert len(pairs) >= 3
    assert (pairs["bulk"] >= pairs["total"]).all()


def test_space_groups_parse(table: pd.DataFrame) -> None:
    symbols = table["space_group"].dropna()
    assert len(symbols) > 60
    assert all(1 <= space_group(symbol).int_number <= 230 for symbol in symbols)


def test_cells_are_complete(cells: pd.DataFrame) -> None:
    assert cells[[*CELL, "formula_units_z", "space_group"]].notna().all(axis=None)
    assert len(cells) >= 40


def test_cells_obey_their_crystal_system(cells: pd.DataFrame) -> None:
    for row in cells.itertuples():
        a, b, c, alpha, beta, gamma = (getattr(row, name) for name in CELL)
        system = space_group(row.space_group).crystal_system
        if system == "cubic":
            assert a == b == c, row.id
        if system in ("tetragonal", "trigonal", "hexagonal"):
            assert a == b, row.id
        if system != "triclinic":
            assert alpha == 90, row.id
            assert gamma == (120 if system in ("trigonal", "hexagonal") else 90), row.id
            assert beta == 90 or system == "monoclinic", row.id


def test_volume_per_atom_is_that_of_a_solid(cells: pd.DataFrame) -> None:
    for row in cells.itertuples():
        volume = Lattice.from_parameters(*(getattr(row, name) for name in CELL)).volume
        atoms = parse_formula(row.formula).num_atoms * row.formula_units_z
        assert 8 < volume / atoms < 30, row.id


def test_same_composition_same_answer_or_a_note(table: pd.DataFrame, obelix: pd.DataFrame) -> None:
    """A row whose composition OBELiX holds agrees with one of its entries, or its note says what OBELiX holds."""
    theirs = composition_matrix([parse_formula(text) for text in obelix["True Composition"]], ELEMENTS)
    ours = composition_matrix([parse_formula(text) for text in table["formula"]], ELEMENTS)
    stated = stated_log10_sigma(table)
    matched = 0
    for i, row in enumerate(table.itertuples()):
        same = np.flatnonzero(np.abs(theirs - ours[i]).max(axis=1) < 0.0015)  # formulas are printed to 1 in 1000
        if len(same) == 0:
            continue
        matched += 1
        distances = [abs(stated.iloc[i] - x) for j in same for x in reported_log10_sigma(obelix.iloc[j])]
        assert min(distances) <= AGREEMENT_DECADES or "OBELiX" in str(row.note), row.id
    assert matched > 60


def test_named_entries_confirm_composition_value_and_cell(table: pd.DataFrame, obelix: pd.DataFrame) -> None:
    stated = stated_log10_sigma(table)
    named = table[table["checked_against"].str.contains("OBELiX")]
    assert len(named) > 60
    for row in named.itertuples():
        text = NAMED_ENTRY.search(row.checked_against)
        assert text, row.id
        for entry in (obelix.loc[name] for name in text[1].split(" and ")):
            assert min(abs(stated[row.Index] - x) for x in reported_log10_sigma(entry)) <= AGREEMENT_DECADES, row.id
            pair = [parse_formula(row.formula), parse_formula(entry["True Composition"])]
            ours, theirs = composition_matrix(pair, ELEMENTS)
            assert np.abs(ours - theirs).max() < 0.005, row.id  # refined contents differ from nominal ones
            if not math.isnan(row.a_angstrom) and space_group(row.space_group).crystal_system != "triclinic":
                lengths = [float(entry[name]) for name in "abc"]  # triclinic cells have several reduced settings
                assert [row.a_angstrom, row.b_angstrom, row.c_angstrom] == pytest.approx(lengths, rel=0.01), row.id


@pytest.mark.parametrize(
    ("row_id", "sigma_s_cm"),
    [
        ("lgps_kamaya", 1.2e-2),  # doi:10.1038/nmat3066
        ("llzo_cubic_murugan_total", 3.0e-4),  # doi:10.1002/anie.200701144
        ("llzo_tetragonal_awaka", 1.63e-6),  # doi:10.1016/j.jssc.2009.05.020
        ("lsipscl_kato", 2.5e-2),  # doi:10.1038/nenergy.2016.30
        ("latp_03_aono", 7e-4),  # doi:10.1149/1.2086597
        ("lycl_asano", 5.1e-4),  # Asano et al., Adv. Mater. 30 (2018) 1803075
        ("li7p3s11_seino", 1.7e-2),  # Seino et al., Energy Environ. Sci. 7 (2014) 627
        ("lialh4_oguchi", 8.7e-9),  # doi:10.1063/1.3356981
        ("lipon_crystal_wang", 1.4e-13),  # doi:10.1006/jssc.1995.1140
        ("li2b4o7_grebenev", 2.3e-9),  # doi:10.1134/s1063783420030233
        ("linbo3_ald_wang", 6.39e-8),  # doi:10.1021/acsami.7b13467
        ("li3po4_ald_wang", 3.3e-8),  # doi:10.1088/0957-4484/25/50/504007
    ],
)
def test_known_conductivities(table: pd.DataFrame, row_id: str, sigma_s_cm: float) -> None:
    assert table.set_index("id").loc[row_id, "sigma_s_cm"] == pytest.approx(sigma_s_cm, rel=1e-9)


@pytest.mark.parametrize(
    ("row_id", "sigma_s_cm", "from_c", "activation_energy_ev"),
    [
        ("li6nbr3_hartwig", 2e-6 * 373.15 / 298.15, 100, 0.46),  # doi:10.1016/0038-1098(79)90105-4, sigma T
        ("li13n4br_hartwig", 3.5e-6 * 423.15 / 298.15, 150, 0.73),
        ("limgfso4_sebastian", 1.5e-3, 520, 0.94),  # doi:10.1039/b108289m
        ("li3bn2_yamane", 6e-7, 126.85, 0.663),  # 6e-5 S/m at 400 K, 64 kJ/mol
        ("lib3n2h12_reinvestigated", 4.0e-6, 65, 0.591),
        ("li4b7o12cl_tezuka", 4.6e-4, 200, 0.52),
        ("li8sin4_yamane", 5e-4, 126.85, 0.477),  # 5e-2 S/m at 400 K, 46 kJ/mol
        ("lltao_quarter_mizumoto", 1.4e-3, 126.85, 0.35),  # 1.4e-1 S/m at 400 K
        ("lytao_quarter_mizumoto", 5.0e-9, 126.85, 0.85),
        ("lhp_winand", 1.5e-5, 126.85, 0.337),
        ("li2so4_rao", 2e-7, 200, 1.1),
        ("li3po4_cubic_zhu", 2.1e-3, 400, 0.51),
        ("li12zn4p10o35_shekhtman", 6.3e-3, 400, 0.553),
    ],
)
def test_extrapolations_follow_their_published_line(
    table: pd.DataFrame, row_id: str, sigma_s_cm: float, from_c: float, activation_energy_ev: float
) -> None:
    steps = activation_energy_ev / 8.617333e-5 * (1 / 298.15 - 1 / (from_c + 273.15))
    stated = table.set_index("id").loc[row_id, "sigma_s_cm"]
    assert stated == pytest.approx(sigma_s_cm * math.exp(-steps), rel=0.05)


def test_seed_conductivities_are_kept(table: pd.DataFrame, shared_data: Path) -> None:
    """Where the seed table states a material's own conductivity at room temperature, a row of that formula has it."""
    seed = pd.read_csv(shared_data / "seed_materials.csv").fillna({"note": ""})
    conductivity = seed["property"].str.fullmatch(r"ionic_conductivity(?:_bulk|_total)?")
    foreign = seed["note"].str.contains("coated|composite|host-formula|exposed|interlayer")
    own = seed[conductivity & ~foreign & (seed["temperature_c"] == 25)]
    shared_formulas = own[own["formula"].isin(table["formula"])]
    assert shared_formulas["formula"].nunique() >= 8
    for formula, group in shared_formulas.groupby("formula"):
        ours = np.log10(table.loc[table["formula"] == formula, "sigma_s_cm"])
        theirs = np.log10(group["value"].astype(float))
        assert min(abs(x - y) for x in ours for y in theirs) <= AGREEMENT_DECADES, formula
