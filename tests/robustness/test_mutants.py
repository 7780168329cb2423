"""No file ends a command by a signal or a traceback, or takes more than 2 GiB or 30 s: mutants of our own files."""

import contextlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import CRYSTALS

from ionsieve.features.crystals.cif import parse_cif
from ionsieve.features.crystals.cif_checks import cell_fault, number

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30  # of processor time, for one mutant
LARGEST_BYTES = 2500  # of a crystal's file: small cells are computed in a blink

TABLE = """id,formula,formation_energy_ev_atom,space_group,a_angstrom,b_angstrom,c_angstrom,formula_units_z
019,Li3PO4,-2.71,62,10.49,6.12,4.93,4
1e9,LiNbO3,-2.83,161,5.15,5.15,13.86,6
a b,Al2O3,-3.47,R-3c,4.76,,12.99,
,Li0.33La0.56TiO3,,,,,,
"""
PAIRS = "id,formula_a,formula_b,voltage_v\n1,LiNbO3,Li3PS4,\n2,LiF,LiCoO2,4.2\n3,Li3PO4,Li,0\n"
MEASURED = "id,formula,sigma_s_cm,sigma_upper_bound_s_cm,kind,temperature_c\na,Li3PO4,1e-9,,bulk,25\nb,LiF,,1e-11,,\n"
GAPS = "id,formula,band_gap_ev\na,LiF,13.6\nb,Li3P,0.7\n"
PHASES = "formula,formation_energy_ev_atom\nLi2O,-2.07\nP2O5,-2.2\nLi3PO4,-2.71\nLiF,-3.19\nNb2O5,-2.8\nLiNbO3,-2.83\n"


ODD_VALUES = [b"nan", b"inf", b"-inf", b"1e300", b"-1e300", b"1e-300", b"0", b"-1", b"999999999999", b"?", b".", b"''"]
ODD_VALUES += [
    b"abc",
    b"\x00",
    b"\xff\xfe",
    b"=1+1",
    b"",
    b"Xx",
    b"3.4.5",
    b"1/0",
    b"\xe2\x88\x92" + b"1",
    b"(",
    b"5(3)",
]


def mutant(content: bytes, seed: int) -> bytes:
    """One to three of the mutations below, drawn by the seed."""
    draw = random.Random(seed)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        content = draw.choice(MUTATIONS)(content, draw)
    return content


def other_token(content: bytes, draw: random.Random) -> bytes:
    """A number or word replaced by what does not belong there."""
    spans = list(_tokens(content))
    if not spans:
        return content
    start, end = draw.choice(spans)
    return content[:start] + draw.choice(ODD_VALUES) + content[end:]


def other_digit(content: bytes, draw: random.Random) -> bytes:
    places = [k for k, byte in enumerate(content) if chr(byte).isdigit()]
    if not places:
        return content
    k = draw.choice(places)
    return content[:k] + draw.choice((b"0", b"9", b"-", b"e", b".", b"99")) + content[k + 1 :]


def torn(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def flipped_bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 5, 50)) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def lines_gone(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    start = draw.randrange(len(lines) + 1)
    return b"".join(lines[:start] + lines[start + draw.choice((1, 1, 2, 9)) :])


def line_again(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    line = draw.choice(lines)
    at = draw.randrange(len(lines) + 1)
    return b"".join(lines[:at] + [line] * draw.choice((1, 2, 500)) + lines[at:])


def lines_swapped(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines)


def longer(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return (
        content[:at]
        + draw.choice((b"x" * 5000, b"9" * 400, b"(" * 300, b"\n" * 300, b"'", b'"', b";\n"))
        + content[at:]
    )


def _tokens(content: bytes) -> Iterator[tuple[int, int]]:
    start = None
    for k, byte in enumerate(content + b" "):
        if byte in b" \t\r\n,":
            if start is not None:
                yield start, k
            start = None
        elif start is None:
            start = k


MUTATIONS = [
    other_token,
    other_token,
    other_token,
    other_digit,
    other_digit,
    torn,
    flipped_bytes,
    lines_gone,
    line_again,
]
MUTATIONS += [lines_swapped, longer]


def written_mutants(folder: Path, count: int, first_seed: int) -> list[list[str]]:
    """What to do with each mutant, its file written: half of them crystals, half tables."""
    (folder / "phases.csv").write_text(PHASES)
    hull = ["--phases", str(folder / "phases.csv")]
    frame = pd.read_csv(folder / "phases.csv")
    frame.to_parquet(folder / "whole.parquet")
    parquet = (folder / "whole.parquet").read_bytes()
    crystals = [p for p in sorted(CRYSTALS.glob("*.cif")) if p.stat().st_size < LARGEST_BYTES]
    attempts = []
    for seed in range(first_seed, first_seed + count):
        draw = random.Random(seed)
        out = ["--out", str(folder / f"{seed}{draw.choice(('.csv', '.xlsx', '.json', '.parquet'))}")]
        kinds = [
            ("csv", TABLE.encode(), lambda p, out: ["window", p, *hull, *out]),
            ("csv", PAIRS.encode(), lambda p, out: ["interface", p, *hull, *out]),
            ("csv", PHASES.encode(), lambda p, out: ["window", "Li3PO4", "--phases", p, *out]),
            ("csv", TABLE.encode(), lambda p, out: ["candidates of a table", p]),
            ("csv", TABLE.encode(), lambda p, out: ["descriptors", p]),
            ("csv", MEASURED.encode(), lambda p, out: ["measurements", p]),
            ("csv", GAPS.encode(), lambda p, out: ["band gaps", p]),
            ("parquet", parquet, lambda p, out: ["window", p, *hull, *out]),
            ("parquet", parquet, lambda p, out: ["phases", p]),
        ]
        if seed % 2:
            content = draw.choice(crystals).read_bytes()
            kinds = [
                ("cif", content, lambda p, out: ["percolation", p, "--resolution-angstrom", "0.4", *out]),
                ("cif", content, lambda p, out: ["candidates of crystals", p]),
                ("cif", content, lambda p, out: ["descriptors", p]),
            ]
        suffix, content, what = draw.choice(kinds)
        path = folder / f"mutant_{seed}.{suffix}"
        path.write_bytes(mutant(content, seed))
        attempts.append(what(str(path), out))
    return attempts


def faults_of(attempts: list[list[str]]) -> list[str]:
    """What went wrong, by attempt: all run in one child, and a new one goes on where one died."""
    waiting, faults = dict(enumerate(attempts)), []
    while waiting:
        lines = "".join(json.dumps([k, *words]) + "\n" for k, words in waiting.items())
        command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("attempts.py"))]
        child = subprocess.run(command, input=lines, capture_output=True, text=True, cwd=ROOT, check=False)
        told = [json.loads(line) for line in child.stdout.splitlines()]
        ended = {t["ends"]: t for t in told if "ends" in t}
        begun = [t["begins"] for t in told if "begins" in t]
        assert begun, child.stderr
        faults += [f"{attempts[k]}: {t['fault']}" for k, t in ended.items() if t["fault"]]
        faults += [f"{attempts[k]}: {t['cpu']:.0f} s" for k, t in ended.items() if t["cpu"] > SECONDS]
        for k in set(begun) - set(ended):
            name = signal.Signals(-child.returncode).name if child.returncode < 0 else f"code {child.returncode}"
            faults.append(f"{attempts[k]}: the process ended ({name}) {child.stderr[-500:]}")
        waiting = {k: words for k, words in waiting.items() if k not in begun}
    return faults


def test_no_mutant_of_a_file_is_a_crash(tmp_path):
    assert faults_of(written_mutants(tmp_path, 200, first_seed=0)) == []


@pytest.mark.slow
def test_no_mutant_of_a_file_is_a_crash_by_the_thousand(tmp_path):
    assert faults_of(written_mutants(tmp_path, 2000, first_seed=1000)) == []


def test_a_death_and_a_traceback_are_seen_and_the_rest_goes_on(tmp_path):
    (tmp_path / "table.csv").write_text(TABLE)
    faults = faults_of([["measurements"], ["death", ""], ["candidates of a table", str(tmp_path / "table.csv")], ["x"]])
    assert len(faults) == 2
    assert "IndexError" in faults[0]  # no file was named
    assert "SIGSEGV" in faults[1]


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_crystal_or_a_reason(text):
    with contextlib.suppress(ValueError):
        parse_cif(f"data_x\n{text}", "x.cif")


@given(st.lists(st.floats(), min_size=3, max_size=3), st.lists(st.floats(), min_size=3, max_size=3))
def test_any_numbers_are_a_cell_or_a_reason(lengths, angles):
    assert isinstance(cell_fault(lengths, angles), str)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_none(text):
    assert isinstance(number(text), float)
