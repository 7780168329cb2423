"""Runs the tests against the mutants of list.csv: python tests/mutants/run.py RESULTS.csv [--only 3,17] [--share 0/2]

Each mutant is written into a private copy of the tracked files, and the tests run in a process forked from one that has
imported the libraries already, so that a mutant costs seconds: the module's own test file first, then those of its
room, up to the first failure. Results are appended; what is in RESULTS.csv is not run again.
"""

import argparse
import contextlib
import csv
import fcntl
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).parent / "list.csv"
LIBRARIES = (
    "numpy",
    "pandas",
    "numba",
    "scipy.optimize",
    "sklearn.ensemble",
    "lightgbm",
    "pymatgen.core",
    "hypothesis",
    "pytest",
)
CPU_SECONDS, WALL_SECONDS = 120, 900  # processor time ends an endless loop; a busy machine does not
COLUMNS = ["number", "verdict", "tests", "killed_by", "cpu_s"]

Mutant = dict[str, str]


def private_copy(folder: Path) -> Path:
    """Copies the tracked files of the working tree, and links the shared data beside them where they are."""
    tree = folder / "tree"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink() or (ROOT / name).exists():
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    for compiled in ROOT.glob("features/**/__pycache__/*.nb[ci]"):  # numba's: valid for a file of the same age and size
        target = tree / compiled.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(compiled, target)
    if (ROOT.parent / "shared").exists():
        (folder / "shared").symlink_to((ROOT.parent / "shared").resolve())
    return tree


def mutated_source(source: str, mutant: Mutant) -> str | None:
    """The file with the mutant's lines changed, at the nearest place that holds their text; None if that is gone."""
    lines, old = source.splitlines(), mutant["original"].splitlines()
    starts = [i for i in range(len(lines) - len(old) + 1) if lines[i : i + len(old)] == old]
    if not starts:
        return None
    start = min(starts, key=lambda i: abs(i + 1 - int(mutant["line"])))
    lines[start : start + len(old)] = mutant["mutated"].splitlines()
    return "\n".join(lines) + "\n"


def tests_of(tree: Path, file: str) -> list[str]:
    """The module's own test file first, then the other test files of its room, as the copy holds them."""
    own = tree / "tests" / Path(file).parent / f"test_{Path(file).name}"
    room = tree / "tests" / "/".join(file.split("/")[:2])
    others = sorted(room.glob("test_*.py"))
    return [p.relative_to(tree).as_posix() for p in [own] * own.exists() + [p for p in others if p != own]]


class FirstFailure:
    """pytest plugin that keeps the name of the first test that fails."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid or "collection"


def child(tree: Path, tests: list[str], note: Path) -> None:
    """Runs the tests in the copy; never returns."""
    import hypothesis
    import pytest

    # a busy machine kills no mutant
    hypothesis.settings.register_profile("unhurried", deadline=None)
    hypothesis.settings.load_profile("unhurried")
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    os.environ["PYTHONPATH"] = str(tree)
    sys.dont_write_bytecode = True
    log = os.open(note.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    first = FirstFailure()
    code = 0
    # most mutants fall to the first file: the others need not be collected for them
    for group in filter(None, (tests[:1], tests[1:])):
        code = code or int(pytest.main(["-q", "-p", "no:cacheprovider", "-x", *group], plugins=[first]))
    import ionsieve

    assert Path(ionsieve.__file__).is_relative_to(tree), "the tests imported another tree"
    note.write_text(first.name)
    os._exit(min(int(code), 100))


def outcome(tree: Path, tests: list[str], note: Path) -> tuple[str, str, float]:
    """(verdict, first test that failed, processor seconds) of a run of the tests in a forked process."""
    note.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            child(tree, tests, note)
        finally:
            os._exit(99)
    deadline = time.monotonic() + WALL_SECONDS
    done = status = 0
    while not done:
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done and time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "unfinished", "", 0.0
        time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if os.WIFSIGNALED(status):
        return "killed", f"signal {os.WTERMSIG(status)}", used
    code = os.WEXITSTATUS(status)
    verdict = {0: "survived", 1: "killed", 2: "killed"}.get(code, f"broken {code}")
    return verdict, note.read_text() if note.exists() else "", used


def tried(tree: Path, mutant: Mutant) -> dict[str, object]:
    tests = tests_of(tree, mutant["file"])
    row: dict[str, object] = {"number": mutant["number"], "tests": len(tests), "killed_by": "", "cpu_s": 0}
    path = tree / mutant["file"]
    source = path.read_text(encoding="utf-8")
    changed = mutated_source(source, mutant)
    if changed is None or not tests:
        return row | {"verdict": "gone" if changed is None else "survived"}
    path.write_text(changed, encoding="utf-8")
    try:
        verdict, name, used = outcome(tree, tests, tree.parent / "note")
    finally:
        path.write_text(source, encoding="utf-8")
    return row | {"verdict": verdict, "killed_by": name, "cpu_s": round(used, 1)}


def append(results: Path, row: dict[str, object]) -> None:
    with results.open("a", newline="", encoding="utf-8") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        writer = csv.DictWriter(out, COLUMNS)
        if not out.tell():
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", help="numbers of mutants, with commas")
    parser.add_argument("--share", default="0/1", help="0/2 and 1/2 split the list between two processes")
    wish = parser.parse_args()
    results = wish.results.resolve()
    only = set(wish.only.split(",")) if wish.only else None
    part, parts = map(int, wish.share.split("/"))
    for name in LIBRARIES:
        importlib.import_module(name)
    with LIST.open(newline="", encoding="utf-8") as source:
        mutants = [m for m in csv.DictReader(source) if only is None or m["number"] in only]
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="mutants-", dir=memory if memory.is_dir() else None))
    try:
        tree = private_copy(folder)
        for mutant in mutants[part::parts]:
            done = set()
            with contextlib.suppress(FileNotFoundError), results.open(newline="", encoding="utf-8") as known:
                done = {row["number"] for row in csv.DictReader(known)}
            if mutant["number"] not in done:
                append(results, tried(tree, mutant))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
