"""Answers in each format: numbers unrounded, keys as given, and nothing a spreadsheet would execute."""

import json
import math
import os

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ionsieve.pipeline.answer_files import write_answers
from ionsieve.pipeline.tables import InputError, read_json, read_table

KEYS = ["Li3PO4", "019", "1e9", "a b", "-1.5", "=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "\t=1", "\r=1", "＝1+1"]
COMMANDS = KEYS[5:]
NUMBERS = [0.1 + 0.2, -1.5, math.nan, math.inf, -math.inf, 1e-300, 1e300, 0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.fixture
def answers() -> pd.DataFrame:
    return pd.DataFrame({"id": KEYS, "value": NUMBERS, "note": [None, "", *["x"] * 10]})


def test_csv_neutralises_commands_and_keeps_the_rest(tmp_path, answers):
    write_answers(answers, tmp_path / "a.csv")
    read = pd.read_csv(tmp_path / "a.csv", dtype={"id": str}, keep_default_na=False, na_values={"value": [""]})
    assert list(read["id"]) == KEYS[:5] + [f"'{key}" for key in COMMANDS]
    pd.testing.assert_series_equal(read["value"], answers["value"])


def test_excel_holds_numbers_as_numbers_and_no_formula(tmp_path, answers):
    write_answers(answers, tmp_path / "a.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "a.xlsx").active.iter_rows(min_row=2))
    assert [row[0].value for row in rows][:5] == KEYS[:5]
    assert all(row[0].data_type == "s" and row[0].value.startswith("'") for row in rows[5:])
    assert [row[1].value for row in rows][1:5] == [-1.5, None, "inf", "-inf"]
    assert rows[0][1].value == pytest.approx(0.1 + 0.2, rel=1e-15)  # Excel's numbers have 15 digits
    assert rows[0][1].data_type == "n"


def test_excel_takes_characters_its_format_has_not(tmp_path):
    write_answers(pd.DataFrame({"id": ["a\x00b\x1f", "x" * 40_000]}), tmp_path / "a.xlsx")
    cells = [row[0].value for row in openpyxl.load_workbook(tmp_path / "a.xlsx").active.iter_rows(min_row=2)]
    assert cells[0] == "a\ufffdb\ufffd"
    assert len(cells[1]) == 32_767


def test_json_tells_unknown_from_infinite(tmp_path, answers):
    write_answers(answers, tmp_path / "a.json")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [row["id"] for row in rows] == KEYS
    assert [row["value"] for row in rows][:6] == [0.1 + 0.2, -1.5, None, "inf", "-inf", 1e-300]


def test_parquet_holds_all_as_it_is(tmp_path, answers):
    write_answers(answers, tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), answers)


def test_another_format_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"\.csv, \.parquet, \.xlsx or \.json file"):
        write_answers(pd.DataFrame({"id": ["a"]}), tmp_path / "a.doc")


def test_parquet_keys_of_any_kind_become_text(tmp_path):
    for column, texts in [
        (pa.array([883, None, 19]), ["883.0", "", "19.0"]),
        (pa.array([b"LiF", b"\xff", None]), ["LiF", "\ufffd", ""]),
        (pa.array([["Li"], None, []]), ["['Li']", "", "[]"]),
        (pa.array([True, False, None]), ["True", "False", ""]),
    ]:
        pq.write_table(pa.table({"formula": column, "n": [1, 2, 3]}), tmp_path / "t.parquet")
        assert list(read_table(tmp_path / "t.parquet")["formula"]) == texts
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["formula", "formula"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 99 + b"PAR1", b"formula\nLiF\n", b"\x00" * 500])
def test_parquet_that_is_none_is_a_sentence(tmp_path, content):
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_json_that_is_none_is_a_sentence(tmp_path, content):
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(InputError, match="is no JSON"):
        read_json(tmp_path / "t.json")


def test_a_pipe_named_as_a_table_is_refused_at_once(tmp_path):
    for name in ("t.csv", "t.csv.gz", "t.parquet"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="no ordinary file"):
            read_table(tmp_path / name)
