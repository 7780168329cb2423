"""Whatever a crystal does to the process that reads it, the others are read, and its row says why it is not."""

import json
import math
import os
import signal
import sys

import pandas as pd
import pytest

from ionsieve.pipeline.sources import cifs, crystal_reader
from ionsieve.pipeline.sources.crystal_reader import Crystal, close_readers, read_crystals


@pytest.fixture
def deadly(monkeypatch, tmp_path):
    """Readers that do as their text says, before they read it: stands for native code that a crystal kills."""
    package = tmp_path / "deadly"
    package.mkdir()
    code = (
        "import os, signal, sys\n"
        "from ionsieve.pipeline.sources import crystal_reader\n"
        "from ionsieve.pipeline.sources.crystal_reader import *\n"
        "read = crystal_reader.crystal_of\n"
        "def crystal_of(kind, text, where):\n"
        "    if text.startswith('kill '): os.kill(os.getpid(), int(text[5:]))\n"
        "    if text == 'spin':\n"
        "        while True: pass\n"
        "    if text == 'fill': bytearray(10 << 30)\n"
        "    if text == 'end': os.kill(os.getppid(), signal.SIGKILL); os._exit(1)\n"
        "    if text == 'noise': os.write(1, b'not json' * 9); os.write(2, b'x' * 99); text = ''\n"
        "    return read(kind, text, where)\n"
        "crystal_reader.crystal_of = crystal_of\n"
        "crystal_reader.CPU_SECONDS = 0.3\n"
        "_serve = crystal_reader._serve\n"
    )
    (package / "deadly_reader.py").write_text(code)
    monkeypatch.setattr(sys, "path", [*sys.path, str(package)])
    monkeypatch.setattr(crystal_reader, "__name__", "deadly_reader")
    close_readers()
    yield
    close_readers()


def test_a_death_costs_its_row_alone(deadly, crystals):
    good = crystals.format(occupancy=1, x=0)
    texts = ["kill 11", good, "kill 6", "kill 9", good, "spin", good, "fill", "noise", "end", good, ""]
    found = list(read_crystals(("cif", text, f"row {k}") for k, text in enumerate(texts)))
    assert [isinstance(f, Crystal) for f in found] == [text == good for text in texts]
    reasons = [str(f) for f in found]
    assert "row 0: reading this crystal ended its process (SIGSEGV)" in reasons[0]
    assert "SIGABRT" in reasons[2]
    assert "SIGKILL" in reasons[3]
    assert "takes more than" in reasons[5]
    assert "more than 4 GB" in reasons[7]
    assert "the CIF is empty" in reasons[8]
    assert "row 9: it could not be read" in reasons[9]
    assert "row 11" in reasons[11]


def test_a_process_read_in_gives_what_reading_here_gives(crystals):
    text = crystals.format(occupancy=0.5, x=0)
    apart = next(read_crystals([("cif", text, "a")]))
    here = crystal_reader.read_crystal(("cif", text, "a"))
    assert apart == here
    again = next(read_crystals([("json", here.structure_json, "a")]))
    assert again.formula == here.formula


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "nonsense", '{"lattice": 1}', "[" * 100_000, "1e999", '{"@module": "os", "@class": "x"}'],
)
def test_json_that_is_no_crystal_is_a_reason(text):
    found = next(read_crystals([("json", text, "row 1")]))
    assert isinstance(found, ValueError)
    assert "structure_json of row 1 is no crystal" in str(found)


def test_a_cell_of_json_that_would_kill_native_code_is_a_reason(crystals):
    good = json.loads(crystal_reader.read_crystal(("cif", crystals.format(occupancy=1, x=0), "a")).structure_json)
    good["lattice"]["matrix"][0][0] = math.nan
    found = next(read_crystals([("json", json.dumps(good), "row 1")]))
    assert "structure_json of row 1 is no crystal" in str(found)


def test_many_crystals_are_read_in_order(crystals):
    texts = [crystals.format(occupancy=round(0.5 + k / 1000, 3), x=0) for k in range(crystal_reader.FEW + 20)]
    assert list(read_crystals(("cif", text, "x") for text in texts)) == [
        crystal_reader.read_crystal(("cif", text, "x")) for text in texts
    ]


def test_a_pipe_or_a_device_named_as_a_crystal_is_set_aside_at_once(tmp_path, crystals):
    os.mkfifo(tmp_path / "pipe.cif")
    (tmp_path / "device.cif").symlink_to("/dev/zero")
    (tmp_path / "good.cif").write_text(crystals.format(occupancy=1, x=0))
    signal.alarm(60)  # opening a pipe that nobody writes to waits for ever
    try:
        kept, rejected = cifs.candidates(tmp_path)
    finally:
        signal.alarm(0)
    assert list(kept["id"]) == ["good"]
    assert set(rejected["id"]) == {"pipe", "device"}
    assert rejected["reason"].str.contains("no ordinary file").all()


def test_a_bad_crystal_takes_no_other_with_it(ionsieve, tmp_path, crystals):
    good = crystals.format(occupancy=1, x=0)
    for name, text in {
        "good": good,
        "nan": good.replace("_cell_length_a 5.13", "_cell_length_a nan"),
        "torn": good[: len(good) * 2 // 3],
        "vast": good.replace("5.13", "400"),
        "doubtful": "data_x\n_chemical_formula_sum 'Li4 Cl3.9'\n" + good.split("\n", 1)[1],
    }.items():
        (tmp_path / f"{name}.cif").write_text(text)
    code, _, err = ionsieve("percolation", tmp_path, "--out", "out.csv")
    assert code == 0, err
    table = pd.read_csv("out.csv", converters={"id": str}).set_index("id")
    assert set(table.index) == {"good", "nan", "torn", "vast", "doubtful"}
    assert table["percolation_barrier_1d_ev"].notna().to_dict() == {
        "good": True,
        "doubtful": True,
        "nan": False,
        "torn": False,
        "vast": False,
    }
    assert "_cell_length_a is 'nan'" in table.loc["nan", "note"]
    # 400 Å at 0.2 Å: 2,000 points with both ends, 1,998 intervals in BVlain's count of them
    assert f"{1998**3:,} points; the limit is" in table.loc["vast", "note"]
    assert "its _chemical_formula_sum says Li4 Cl3.9" in table.loc["doubtful", "note"]
