import os
from pathlib import Path

import pandas as pd
import pytest

from ionsieve.pipeline import tables
from ionsieve.pipeline.tables import InputError, counted, read_table, write_spreadsheet, write_table, write_whole


def test_ids_and_formulas_stay_text_as_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,formula,x\n019,Li2O,1\n1e9,NaN,2\n883, Li3N ,3\n")
    table = read_table(path)
    assert list(table["id"]) == ["019", "1e9", "883"]
    assert list(table["formula"]) == ["Li2O", "NaN", " Li3N "]  # NaN is sodium nitride, not "missing"


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_table_reads_alike_in_each_format(tmp_path, suffix):
    table = pd.DataFrame({"id": ["007"], "formula": ["LiF"], "x": [0.1]})
    path = tmp_path / f"t{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_table(path), table)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.csv", None, "does not exist"),
        ("empty.csv", b"", "is empty"),
        ("binary.csv", bytes(range(128, 256)) * 4, "cannot be read"),
        ("broken.parquet", b"PAR1 no", "cannot be read"),
        ("table.xlsx", b"x", "a table is expected"),
    ],
)
def test_an_unreadable_table_is_named_with_its_fault(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        read_table(path)
    assert name in str(error.value)


def test_commas_at_the_end_of_rows_shift_no_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,formula\na,Li2O,\nb,LiF,\n")
    assert read_table(path).to_dict("list") == {"id": ["a", "b"], "formula": ["Li2O", "LiF"]}


def test_rows_longer_than_the_header_are_an_error(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,formula\na,Li2O,lost\nb,LiF,lost\n")
    with pytest.raises(InputError, match=r"t\.csv: rows have more fields than the header"):
        read_table(path)


def test_a_missing_column_is_named_beside_those_there():
    with pytest.raises(InputError, match=r"t\.csv: missing column sigma_s_cm. It has: id, formula"):
        tables.require_columns(pd.DataFrame({"id": [1], "formula": ["LiF"]}), ["id", "sigma_s_cm"], "t.csv")


def test_a_write_that_fails_half_way_leaves_the_old_table_and_no_litter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("whole\n")

    def dies(partial):
        partial.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, dies)
    assert path.read_text() == "whole\n"
    assert os.listdir(tmp_path) == ["t.csv"]


def test_a_written_file_has_the_permissions_of_any_other(tmp_path):
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_spreadsheet_commands_are_defused_and_numbers_untouched(tmp_path):
    table = pd.DataFrame(
        {"formula": ["=HYPERLINK()", "@x", "+1", "-Li", "Li2O", None], "v": [-1.0, 2.0, 0.0, 1.0, 1.0, 1.0]}
    )
    write_spreadsheet(table, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:6] == ["'=HYPERLINK(),-1.0", "'@x,2.0", "'+1,0.0", "'-Li,1.0", "Li2O,1.0"]


def test_row_counts_that_do_not_add_up_are_a_fault():
    assert counted("stage", 3, 2, {"bad": 1}) == "stage: 3 rows in, 2 out (1 bad)"
    with pytest.raises(AssertionError, match="do not add up"):
        counted("stage", 3, 2)


def test_json_writes_nan_as_null_and_the_same_bytes_whatever_the_order(tmp_path):
    tables.write_json({"b": float("nan"), "a": [1]}, tmp_path / "x.json")
    tables.write_json({"a": [1], "b": float("nan")}, tmp_path / "y.json")
    assert (tmp_path / "x.json").read_text() == (tmp_path / "y.json").read_text()
    assert '"b": null' in (tmp_path / "x.json").read_text()


def refuses(path):
    raise InputError(f"{path}: is wrong")


def is_interrupted(path):
    raise KeyboardInterrupt


def misses_a_file(path):
    Path(path, "gone").read_text()


@pytest.mark.parametrize(
    ("main", "arguments", "code", "said"),
    [
        (refuses, ["a.csv"], 1, "a.csv: is wrong"),
        (refuses, [], 1, "missing a required argument: 'path'. Expected: (path)"),
        (is_interrupted, ["a.csv"], 130, "Interrupted; nothing half-written is left"),
        (misses_a_file, ["none"], 1, "none/gone: No such file or directory"),
    ],
)
def test_a_stage_ends_with_a_sentence_and_an_exit_code(monkeypatch, capsys, main, arguments, code, said):
    monkeypatch.setattr("sys.argv", ["stage", *arguments])
    with pytest.raises(SystemExit) as ended:
        tables.run_stage(main)
    text = isinstance(ended.value.code, str)  # the interpreter prints such a code and exits with 1
    assert (1 if text else ended.value.code) == code
    assert said in (ended.value.code if text else capsys.readouterr().err)
