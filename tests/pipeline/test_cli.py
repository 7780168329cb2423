"""The command line as people script it: keys echoed, one row per row in order, reasons in `note`, exit codes."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.pipeline import home
from ionsieve.pipeline.workspace import Workspace

WINDOW = """formula e_above_hull_ev_atom decomposition_energy_ev_atom reduction_limit_v oxidation_limit_v
    reduction_limit_tol_v oxidation_limit_tol_v decomposition_products reduction_products oxidation_products note"""
INTERFACE = "formula_a formula_b voltage_v e_rxn_ev_atom e_rxn_total_ev_atom fraction_a products note"
SIGMA = "log10_sigma log10_sigma_low log10_sigma_high band_gap_ev in_domain"
BARRIERS = " ".join(f"{kind}_barrier_{d}d_ev" for kind in ("percolation", "migration") for d in (1, 2, 3))
EVALUATED = "near id formula log10_sigma_measured log10_sigma_predicted log10_sigma_low log10_sigma_high"

# id, formula as given, whether there is an answer
ODD = [
    ("019", "Li3PO4", True),
    ("1e9", "P O4 Li3", True),
    ("NaN", "LiF", True),
    ("a b", "notaformula", False),
    ("=1+1", "LiXx2", False),
    ("019", "Li2O", True),
    ("", "", False),
    ("null", "NaN", False),  # sodium nitride, of which the small table of phases knows no element
    ("x", " Li2S ", True),
    ("y", "Li(PO3)", True),
    ("z", "Li3[PO4]", True),
    ("bal", "Li3(PO4", False),
]


def csv(path, rows, header):
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path) -> pd.DataFrame:
    keys = ["id", "formula", "formula_a", "formula_b", "note", "products"]
    return pd.read_csv(path, converters=dict.fromkeys(keys, str), float_precision="round_trip")


@pytest.fixture
def odd(tmp_path):
    return csv(tmp_path / "odd.csv", [row[:2] for row in ODD], ["id", "formula"])


@pytest.mark.parametrize(
    ("command", "columns"), [("window", WINDOW), ("predict", SIGMA + " " + WINDOW)], ids=["window", "predict"]
)
def test_every_row_keeps_its_place_its_keys_and_its_reason(ionsieve, tmp_path, odd, command, columns):
    code, _, err = ionsieve(command, odd, "--out", tmp_path / "o.csv")
    table = read(tmp_path / "o.csv")
    assert code == 0, err
    # as given, but for what a spreadsheet would execute
    assert list(table["id"]) == [f"'{row[0]}" if row[0].startswith("=") else row[0] for row in ODD]
    assert list(table["formula"]) == [row[1] for row in ODD]
    assert set(columns.split()) <= set(table.columns)
    for (_, formula, answerable), (_, row) in zip(ODD, table.iterrows(), strict=True):
        assert np.isnan(row["oxidation_limit_v"]) != answerable, formula
        assert answerable or row["note"], formula


def test_parquet_and_csv_hold_the_same_unrounded_numbers(ionsieve, tmp_path, odd):
    for suffix in ("csv", "parquet"):
        assert ionsieve("window", odd, "--out", tmp_path / f"o.{suffix}")[0] == 0
    a, b = read(tmp_path / "o.csv"), pd.read_parquet(tmp_path / "o.parquet")
    numbers = ["reduction_limit_v", "oxidation_limit_tol_v", "decomposition_energy_ev_atom"]
    np.testing.assert_array_equal(a[numbers].to_numpy(), b[numbers].to_numpy())
    assert list(b["id"]) == [row[0] for row in ODD]


def test_formulas_as_arguments_are_printed_with_their_brackets(ionsieve, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    code, out, _ = ionsieve("window", "Li3[PO4]", "[bold]", "Li2S")
    assert code == 0
    assert "Li3[PO4]" in out
    assert "[bold]" in out
    assert out.index("Li3[PO4]") < out.index("[bold]") < out.index("Li2S")


def test_the_exit_code_tells_only_whether_anything_could_be_answered(ionsieve, tmp_path):
    assert ionsieve("window", "Li2O", "junk", "--out", tmp_path / "o.csv")[0] == 0
    code, _, err = ionsieve("window", "junk", "--out", tmp_path / "p.csv")
    assert code == 1
    assert "no row could be answered" in err
    assert "'junk' cannot be parsed" in err
    assert read(tmp_path / "p.csv")["note"][0]  # the table is there all the same
    assert ionsieve("predict", "junk", "")[0] == 1
    assert ionsieve("interface", "junk", "Li2O")[0] == 1


@pytest.mark.parametrize("command", ["window", "predict"])
@pytest.mark.parametrize("energy", ["low", "nan", "inf", "-inf", "1e400", "-99", ""])
def test_an_energy_that_is_none_is_noted_and_the_row_answered(ionsieve, tmp_path, command, energy):
    rows = [("Li3PO4", energy), ("LiF", "-3.0")]
    path = csv(tmp_path / "e.csv", rows, ["formula", "formation_energy_ev_atom"])
    code, _, err = ionsieve(command, path, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert table["oxidation_limit_v"].notna().all()
    assert ("formation" in table["note"][0] and "ignored" in table["note"][0]) == (energy not in ("", "nan"))
    # The energy given for LiF lies 0.19 eV/atom above the -3.19 of the phases.
    assert table["e_above_hull_ev_atom"][1] == pytest.approx(0.19)


def test_a_bad_lattice_cell_costs_its_row_only(ionsieve, tmp_path):
    rows = [("a", "Li3PO4", "wide", ""), ("b", "LiF", "4.0", "225"), ("c", "Li2S", "5.7", "Q7")]
    path = csv(tmp_path / "l.csv", rows, ["id", "formula", "a_angstrom", "space_group"])
    code, _, err = ionsieve("predict", path, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert list(table["id"]) == ["a", "b", "c"]
    assert "a_angstrom 'wide' is no positive number; ignored" in table["note"][0]
    assert "space group 'Q7' is unknown" in table["note"][2]
    assert table["log10_sigma"].notna()[1]


def test_predict_mixes_crystals_and_formulas_in_the_order_given(ionsieve, tmp_path, crystals):
    (tmp_path / "019.cif").write_text(crystals.format(occupancy=1, x=0))
    (tmp_path / "bad.cif").write_text("")
    arguments = ["Li3PO4", tmp_path / "019.cif", tmp_path / "bad.cif", "LiF"]
    code, _, err = ionsieve("predict", *arguments, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert list(table["formula"]) == ["Li3PO4", "LiCl", "", "LiF"]
    assert list(table["id"]) == ["", "019", "bad", ""]
    assert "empty" in table["note"][2]
    assert table["log10_sigma"].isna().tolist() == [False, False, True, False]


def test_predict_reads_a_folder_or_a_zip_of_crystals(ionsieve, tmp_path, crystals):
    import zipfile

    (tmp_path / "own").mkdir()
    for name in ("b", "a"):
        (tmp_path / f"own/{name}.cif").write_text(crystals.format(occupancy=1, x=0))
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.write(tmp_path / "own/b.cif", "deep/b.cif")
    assert ionsieve("predict", tmp_path / "own", "--out", tmp_path / "o.csv")[0] == 0
    assert list(read(tmp_path / "o.csv")["id"]) == ["a", "b"]
    assert ionsieve("predict", tmp_path / "own.zip", "--out", tmp_path / "o.csv")[0] == 0
    assert list(read(tmp_path / "o.csv")["id"]) == ["b"]


def test_known_values_stand_before_predicted_ones(ionsieve, tmp_path):
    assert ionsieve("predict", "Li3PO4", "Li5PS4Cl2", "--out", tmp_path / "o.csv")[0] == 0
    table = read(tmp_path / "o.csv")
    assert list(table["sigma_origin"]) == ["measured", "predicted"]
    assert table["log10_sigma"][0] == pytest.approx(np.log10(2e-9))  # median of 1, 2 and 4e-9 S/cm


# formula_a, formula_b, voltage_v, whether there is an answer
PAIRS = [
    ("Li3PS4", "LiCoO2", "", True),
    ("LiCoO2", "Li3PS4", "", True),
    ("Li2O", "Li2O", "", True),
    ("junk", "Li2O", "", False),
    ("Li2O", "", "", False),
    ("Li3PS4", "LiCoO2", "4.3", True),
    ("Li3PS4", "LiCoO2", "high", False),
    ("Li3PS4", "LiCoO2", "inf", False),
]


def test_pairs_keep_their_place_keys_and_reason(ionsieve, tmp_path):
    path = csv(tmp_path / "p.csv", [row[:3] for row in PAIRS], ["formula_a", "formula_b", "voltage_v"])
    code, _, err = ionsieve("interface", path, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert set(INTERFACE.split()) <= set(table.columns)
    assert [tuple(row) for row in table[["formula_a", "formula_b"]].to_numpy()] == [row[:2] for row in PAIRS]
    assert list(table["e_rxn_ev_atom"].notna()) == [row[3] for row in PAIRS]
    assert table["note"][~table["e_rxn_ev_atom"].notna()].str.len().min() > 0
    assert table["e_rxn_ev_atom"][0] == pytest.approx(table["e_rxn_ev_atom"][1], abs=1e-9)
    assert (table["e_rxn_ev_atom"][2], np.isnan(table["fraction_a"][2])) == (0.0, True)
    assert table["voltage_v"][5] == 4.3


def test_two_formulas_and_a_voltage_as_arguments(ionsieve, tmp_path):
    assert ionsieve("interface", "Li3PS4", "LiCoO2", "--voltage", "4.3", "--out", tmp_path / "o.csv")[0] == 0
    assert list(read(tmp_path / "o.csv")["voltage_v"]) == [4.3]
    for wrong in (["Li2O"], ["Li2O", "LiF", "Li2S"], []):
        assert ionsieve("interface", *wrong)[0] != 0
    assert ionsieve("interface", "Li2O", "LiF", "--voltage", "nan", "--out", tmp_path / "o.csv")[0] in (0, 1)


def test_phases_of_ones_own_add_their_elements_and_know_their_energies(ionsieve, tmp_path):
    path = csv(tmp_path / "ph.csv", [("Li2O", -2.0)], ["formula", "formation_energy_ev_atom"])
    assert ionsieve("window", "Li2O", "--phases", path, "--out", tmp_path / "o.csv")[0] == 0
    # By hand: Li2O -> 2 Li + 1/2 O2 frees two Li for 3 atoms at -2 eV: 6 eV / 2 = 3 V.
    assert read(tmp_path / "o.csv")["oxidation_limit_v"][0] == pytest.approx(3.0)
    bad = csv(tmp_path / "bad.csv", [("Li2O", "x"), ("LiF", -99)], ["formula", "formation_energy_ev_atom"])
    code, _, err = ionsieve("window", "Li2O", "--phases", bad)
    assert code == 1
    assert "bad.csv" in err
    assert "'x' is not a number" in err
    assert "-99" in err


def test_what_the_pipeline_has_not_made_yet_is_said(ionsieve, finished, monkeypatch, tmp_path):
    nothing_made = Workspace(tmp_path, Workspace.at(finished.folder).params)
    monkeypatch.setattr(home, "home", lambda needs=None: nothing_made)
    path = csv(tmp_path / "c.csv", [("Li2O",)], ["formula"])
    for arguments in (["window", "Li2O"], ["interface", "Li2O", "LiF"], ["predict", "Li2O"], ["screen", path]):
        code, _, err = ionsieve(*arguments)
        assert code == 1
        assert "run `make screen` first" in err


FILES = [
    (["window", "{missing}"], 1, "there is no such file"),
    (["window", "{empty}"], 1, "empty.csv is empty"),
    (["window", "{headed}"], 1, "headed.csv has no rows"),
    (["window", "{other}"], 1, "missing column formula"),
    (["predict", "{other}"], 1, "missing column formula"),
    (["interface", "{formulas}"], 1, "missing column formula_a, formula_b"),
    (["window", "{folder}"], 1, "a table is expected"),
    (["predict", "{folder}"], 1, "holds no .cif file"),
    (["screen", "{folder}"], 1, "holds no .cif file"),
    (["screen", "{missing}"], 1, "does not exist"),
    (["screen", "{other}"], 1, "missing column formula"),
    (["percolation", "{folder}"], 1, "holds no .cif file"),
    (["percolation", "LiCl"], 1, "no such file or folder"),
    (["window", "{formulas}", "Li2O"], 1, "give one file, or formulas alone"),
    (["predict", "{formulas}", "Li2O"], 1, "give one file, or formulas alone"),
    (["window", "{text}"], 1, "a table is expected"),
    (["predict", "{text}"], 1, "a folder or a zip of CIF files is expected"),
    (["window", "Li2O", "--phases", "{missing}"], 1, "does not exist"),
    (["window", "Li2O", "--phases", "{folder}"], 1, "a table is expected"),
    (["window", "Li2O", "--out", "o.xls"], 1, "write to a .csv, .parquet, .xlsx or .json file"),
    (["window", "Li2O", "--out", "o"], 1, "write to a .csv, .parquet, .xlsx or .json file"),
    (["window", "Li2O", "--out", "{text}/o.csv"], 1, "cannot be written"),
    (["window", "Li2O", "--out", "/proc/none/o.csv"], 1, "cannot be written"),
    (["window", "Li2O", "--out", "{folder}/is.csv"], 1, "cannot be written"),
    (["screen", "{formulas}", "--out", "{text}"], 1, "is a file"),
    (["window", "Li2O", "--mobile-ion", "Xx"], 1, "the symbol of an element is expected"),
    (["interface", "Li2O", "LiF", "--mobile-ion", "lithium"], 1, "the symbol of an element is expected"),
    (["percolation", "{crystal}", "--mobile-ion", "Xx"], 1, "'Xx' is not one of Li"),
    (["percolation", "{crystal}", "--resolution-angstrom", "0"], 1, "give 0.02 to 1 Å"),
    (["percolation", "{crystal}", "--resolution-angstrom", "-1"], 1, "give 0.02 to 1 Å"),
    (["percolation", "{crystal}", "--resolution-angstrom", "nan"], 1, "give 0.02 to 1 Å"),
    (["evaluate", "--train", "{missing}", "--test", "{missing}"], 1, "does not exist"),
    (["evaluate", "--train", "{formulas}", "--test", "{formulas}"], 1, "missing column"),
    (["window"], 2, "Missing argument"),
    (["evaluate"], 2, "Missing option"),
    (["window", "Li2O", "--voltage", "3"], 2, "No such option"),
    (["interface", "Li2O", "LiF", "--voltage", "high"], 2, "Invalid value for '--voltage'"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), FILES, ids=[" ".join(row[0]) for row in FILES])
def test_what_cannot_be_read_or_written_is_one_sentence(ionsieve, tmp_path, crystals, arguments, code, said):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "headed.csv").write_text("formula\n")
    csv(tmp_path / "other.csv", [("Li2O", 1)], ["name", "value"])
    csv(tmp_path / "formulas.csv", [("Li2O",)], ["formula"])
    (tmp_path / "notes.txt").write_text("Li2O\n")
    (tmp_path / "folder/is.csv").mkdir(parents=True)
    (tmp_path / "LiCl.cif").write_text(crystals.format(occupancy=1, x=0))
    names = {"missing": "missing.csv", "empty": "empty.csv", "headed": "headed.csv", "other": "other.csv"}
    names |= {"formulas": "formulas.csv", "folder": "folder", "text": "notes.txt", "crystal": "LiCl.cif"}
    paths = {key: tmp_path / name for key, name in names.items()}
    got, out, err = ionsieve(*(argument.format(**paths) for argument in arguments))
    assert (got, said in " ".join(err.split())) == (code, True), err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("command", [["window"], ["predict"], ["interface", "Li2O"]])
@pytest.mark.parametrize(
    "text", ["Li" * 5000, "(" * 5000, "Li2O\x00", "Li₂O", "💥", "Li1e999", "Li-1O", "../../evil", "<script>"]
)
def test_no_text_is_a_crash(ionsieve, tmp_path, command, text):
    code, out, err = ionsieve(*command, "--out", tmp_path / "o.csv", "--", text)
    assert code in (0, 1)
    assert code == 0 or "note" in err
    assert "Traceback" not in out + err


def test_many_rows_are_answered_with_a_bar_and_in_order(ionsieve, tmp_path):
    formulas = [f"Li{n}PO4" for n in range(1, 1203)]
    path = csv(tmp_path / "many.csv", [(f,) for f in formulas], ["formula"])
    assert ionsieve("window", path, "--out", tmp_path / "o.csv")[0] == 0
    assert list(read(tmp_path / "o.csv")["formula"]) == formulas


def test_percolation_names_each_crystal_and_why_one_has_none(ionsieve, tmp_path, crystals):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "019.cif").write_text(crystals.format(occupancy=1, x=0))
    (folder / "empty.cif").write_text("")
    (folder / "no_lithium.cif").write_text(crystals.format(occupancy=1, x=0).replace("Li", "Na"))
    code, _, err = ionsieve("percolation", folder, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert set(f"id {BARRIERS} dimensionality note".split()) <= set(table.columns)
    assert list(table["id"]) == ["019", "empty", "no_lithium"]
    assert table["percolation_barrier_1d_ev"].isna().tolist() == [False, True, True]
    assert all(table["note"][1:])


def test_evaluate_learns_from_one_table_and_answers_the_other_row_by_row(ionsieve, finished, tmp_path):
    train = finished.folder / "data/raw/measured.csv"
    rows = [("019", "Li4P2O7", "1e-8", ""), ("1e9", "Li3PO4", "", "1e-9"), ("bad", "LiXx", "1e-3", "")]
    rows += [("text", "LiBr", "high", ""), ("019", "LiI", "1e-7", "")]
    test = csv(tmp_path / "t.csv", rows, ["id", "formula", "sigma_s_cm", "sigma_upper_bound_s_cm"])
    code, _, err = ionsieve("evaluate", "--train", train, "--test", test, "--out", tmp_path / "o.csv")
    assert code == 0, err
    table = read(tmp_path / "o.csv")
    assert set(EVALUATED.split()) <= set(table.columns)
    assert list(table["id"]) == [row[0] for row in rows]
    assert table["log10_sigma_measured"][0] == pytest.approx(-8)
    assert np.isnan(table["log10_sigma_measured"][1])  # a bound
    assert table["log10_sigma_predicted"].isna().tolist() == [False, False, True, False, False]
    assert "2 measured values" in err


def test_evaluate_learns_from_several_tables_and_tells_near_from_far(ionsieve, finished, tmp_path):
    train = finished.folder / "data/raw/measured.csv"
    columns = ["id", "formula", "sigma_s_cm", "source"]
    more = csv(tmp_path / "more.csv", [("Li3PO4_0", "LiCoO2", "1e-8", "another paper")], columns)
    test = csv(tmp_path / "t.csv", [("a", "LiCoO2", "1e-8"), ("b", "LiYF4", "1e-8")], columns[:3])
    nears = []
    for tables in ([train], [train, more]):
        options = [word for path in tables for word in ("--train", path)]
        assert ionsieve("evaluate", *options, "--test", test, "--out", tmp_path / "o.csv")[0] == 0
        nears.append(read(tmp_path / "o.csv")["near"].tolist())
    assert nears == [[False, False], [True, False]]  # the second table holds the first formula itself


def test_evaluate_where_no_row_can_be_read_fails_with_the_reasons_in_the_table(ionsieve, finished, tmp_path):
    test = csv(tmp_path / "t.csv", [("a", "junk", "1e-8"), ("b", "", "1e-8")], ["id", "formula", "sigma_s_cm"])
    train = finished.folder / "data/raw/measured.csv"
    code, _, err = ionsieve("evaluate", "--train", train, "--test", test, "--out", tmp_path / "o.csv")
    assert code == 1
    assert "no row could be answered" in err
    assert list(read(tmp_path / "o.csv")["id"]) == ["a", "b"]


def test_a_notes_column_of_ones_own_is_no_reason(ionsieve, tmp_path):
    path = csv(tmp_path / "n.csv", [("LiF", "as bought")], ["formula", "note"])
    assert ionsieve("predict", path, "--out", tmp_path / "o.csv")[0] == 0
    assert read(tmp_path / "o.csv")["oxidation_limit_v"].notna().all()


def test_a_coating_without_lithium_is_answered_though_it_conducts_none(ionsieve, tmp_path):
    assert ionsieve("predict", "Al2O3", "--out", tmp_path / "o.csv")[0] == 0
    row = read(tmp_path / "o.csv").iloc[0]
    assert np.isnan(row["log10_sigma"])
    assert row["band_gap_ev"] == 8.8  # as measured
    assert np.isinf(row["oxidation_limit_v"])


def test_evaluate_reads_obelix_and_says_when_there_is_too_little_to_learn_from(ionsieve, tmp_path):
    header = ["ID", "True Composition", "Ionic conductivity (S cm-1)", "Space group #"]
    header += ["a", "b", "c", "alpha", "beta", "gamma", "DOI", "Family"]
    rows = [
        ("019", "Li3PO4", "1e-9", 62, 6, 10, 5, 90, 90, 90, "d1", "f"),
        ("x", "LiF", "<1E-10", 225, 4, 4, 4, 90, 90, 90, "d2", "f"),
    ]
    path = csv(tmp_path / "o.csv", rows, header)
    code, _, err = ionsieve("evaluate", "--train", path, "--test", path)
    assert code == 1
    assert "not trained: 1 rows" in err


def test_screen_judges_ones_own_materials_from_any_folder(ionsieve, tmp_path, finished):
    rows = [("019", "Li3PO4"), ("bad", "Xx2"), ("salt", "NaCl"), ("NaN", "LiNbO3")]
    csv(tmp_path / "here/own.csv", rows, ["id", "formula"])
    before = {p: p.stat().st_mtime_ns for p in finished.folder.rglob("*") if p.is_file()}
    code, out, err = ionsieve("screen", "own.csv", "--out", "result")
    assert code == 0, err
    made = {p.name for p in (tmp_path / "here/result").iterdir()}
    assert {
        "electrolyte.csv",
        "cathode_coating.csv",
        "stacks.csv",
        "funnel.json",
        "report.html",
        "rejected.csv",
    } <= made
    assert "4 rows in, 2 out (2 set aside)" in out
    coatings = pd.read_csv(tmp_path / "here/result/cathode_coating.csv", dtype={"id": str}, keep_default_na=False)
    assert set(coatings["id"]) == {"019", "NaN"}
    assert {p: p.stat().st_mtime_ns for p in finished.folder.rglob("*") if p.is_file()} == before


def test_screen_reads_crystals(ionsieve, tmp_path, crystals):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/rock salt.cif").write_text(crystals.format(occupancy=1, x=0))
    (tmp_path / "own/bad.cif").write_text("")
    code, out, err = ionsieve("screen", tmp_path / "own", "--out", tmp_path / "result")
    assert code == 0, err
    assert "2 rows in, 1 out (1 set aside)" in out
    judged = pd.read_parquet(tmp_path / "result/tables/judged.parquet")
    assert list(judged["id"]) == ["rock salt"]
    assert judged["percolation_barrier_1d_ev"].notna().all()


def test_screen_where_nothing_can_be_judged_says_why(ionsieve, tmp_path):
    path = csv(tmp_path / "c.csv", [("NaCl",), ("junk",)], ["formula"])
    code, _, err = ionsieve("screen", path, "--out", tmp_path / "result")
    assert code == 1
    assert "holds no lithium and is no oxide" in err


def test_help_names_every_command(ionsieve):
    _, out, _ = ionsieve("--help")
    for command in ("window", "interface", "percolation", "predict", "evaluate", "screen"):
        assert command in out
