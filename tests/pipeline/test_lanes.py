"""Two lanes of DVC side by side: how the plan is divided, and what a person sees when something goes wrong."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ionsieve.pipeline import lanes
from ionsieve.pipeline.dvc_errors import explained, holder
from ionsieve.pipeline.lanes import LaneError, alone, changed_stages, drop_torn_locks, lanes_of, run_side_by_side, stale
from ionsieve.pipeline.plan import read_plan, upstream
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan():
    return read_plan(Workspace.at(ROOT).params)


@pytest.fixture
def fake_dvc(tmp_path, monkeypatch):
    """A shell script in place of DVC, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lanes, "DVC", (str(tmp_path / "dvc"),))

    def write(script: str) -> None:
        (tmp_path / "dvc").write_text(f"#!/bin/sh\n{script}")
        (tmp_path / "dvc").chmod(0o755)

    return write


def test_lanes_share_no_stage_and_wait_for_nothing_of_each_other(plan):
    done: set[str] = set()
    for wave in lanes_of(plan):
        assert len(wave) == 2
        for lane in wave:
            before = set(done)
            for name in lane:  # in order, each needs only earlier waves and its own lane
                assert {step.name for step in upstream(plan, name)} - {name} <= before
                before.add(name)
        assert not set(wave[0]) & set(wave[1])
        done |= {name for lane in wave for name in lane}
    assert "train" in lanes_of(plan)[1][1]
    assert "transport@candidates" in lanes_of(plan)[1][0]
    assert not {"predict", "screen", "report"} & done  # they need both


def test_what_rests_on_a_changed_stage_is_stale(plan):
    assert stale(plan, ["report", "data/raw/x.csv.dvc"]) == {"report", "track"}
    assert {"stability@phases", "train", "interfaces", "screen"} <= stale(plan, ["phases"])


def test_a_source_that_alone_is_stale_is_made_before_what_rests_on_it(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(lanes, "changed_stages", lambda: ["phases"])
    ran: list[list[list[str]]] = []
    monkeypatch.setattr(lanes, "run_side_by_side", lambda wave, started, out: ran.append(wave))
    lanes.main()
    first, second, last = ran
    assert first == [["--single-item", "phases"]]
    assert ["stability@candidates" in lane for lane in second] == [True, False]
    assert ["stability@phases" in lane for lane in second] == [False, True]
    assert last == [[]]


def test_two_lanes_run_at_once_and_say_which_stage_runs(fake_dvc, tmp_path):
    # Each waits for the other's mark: one after the other they would never end.
    fake_dvc(
        """echo "Running stage '$2':"; echo "> python -m x"; touch $2.mark; n=0
        while [ ! -e $3.mark ]; do sleep 0.05; n=$((n+1)); [ $n -gt 400 ] && exit 3; done
        echo "$2: 4 rows in, 4 out"; echo "Updating lock file 'dvc.lock'" """
    )
    out = io.StringIO()
    run_side_by_side([["a", "b"], ["b", "a"]], time.monotonic(), out)
    printed = sorted(line.strip() for line in out.getvalue().splitlines())
    assert printed == ["0 s  a", "0 s  b", "a: 4 rows in, 4 out", "b: 4 rows in, 4 out"]


FAILING = """if [ "$2" = bad ]; then while [ ! -e up ]; do sleep 0.05; done
  echo "Running stage 'train':"; echo "> python -m x"; echo "data/x.csv has no rows."
  echo "ERROR: failed to reproduce 'train': failed to run: python -m x, exited with 1"; exit 255
fi
trap 'echo Traceback; exit 130' INT; touch up; while :; do sleep 0.05; done
"""


def test_a_failing_lane_ends_the_other_and_its_words_are_shown(fake_dvc, tmp_path):
    fake_dvc(FAILING)
    out = io.StringIO()
    with pytest.raises(LaneError) as error:
        run_side_by_side([["bad"], ["good"]], time.monotonic(), out)
    assert "Traceback" not in out.getvalue()
    assert str(error.value).splitlines() == [
        "data/x.csv has no rows.",
        "ERROR: failed to reproduce 'train': failed to run: python -m x, exited with 1",
    ]


def test_a_lane_that_dies_without_a_word_is_an_error(fake_dvc):
    fake_dvc("""echo "Running stage 'predict':"; kill -9 $$""")
    with pytest.raises(LaneError, match="DVC ended with code -9 in predict, without an error"):
        run_side_by_side([["x"]], time.monotonic(), io.StringIO())


def test_an_interrupt_reaches_the_stages_of_all_lanes(fake_dvc, tmp_path):
    fake_dvc("""trap 'echo ended > $2.end; exit 130' INT; touch $2.up; while :; do sleep 0.05; done""")
    code = (
        "import sys, time\nfrom ionsieve.pipeline import lanes\n"
        f"lanes.DVC = ({str(tmp_path / 'dvc')!r},)\nprint('up', flush=True)\n"
        "lanes.run_side_by_side([['a'], ['b']], time.monotonic(), sys.stdout)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (tmp_path / "a.up").exists() and (tmp_path / "b.up").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert (tmp_path / "a.end").exists()
    assert (tmp_path / "b.end").exists()


def test_the_status_is_dvcs_and_so_are_its_errors(fake_dvc):
    fake_dvc("""echo '{"train": [{"changed deps": {"a": "modified"}}], "x.csv.dvc": ["gone"]}' """)
    assert changed_stages() == ["train", "x.csv.dvc"]
    fake_dvc("echo '{}'")
    assert changed_stages() == []
    fake_dvc("""echo "ERROR: 'dvc.yaml' is invalid in revision 'workspace'." >&2; exit 1""")
    with pytest.raises(LaneError, match=r"ERROR: 'dvc\.yaml' is invalid"):
        changed_stages()


def test_two_runs_at_once_name_the_one_that_works(tmp_path):
    path = tmp_path / "data/tmp/screen.lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom ionsieve.pipeline.lanes import alone\n"
        f"with alone(Path({str(path)!r})):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=rf"process {other.pid} \(.*python.*Wait for it, or end it"), alone(path):
            pass
    finally:
        other.communicate()
    with alone(path):  # free again, whatever the file says
        assert path.read_text() == str(os.getpid())


def test_locks_of_dvc_that_a_kill_tore_are_dropped_and_whole_ones_stay(tmp_path):
    locks = tmp_path / "rwlock"
    drop_torn_locks(locks)  # none there: no error
    for torn in ("", '{"read": {"a'):
        locks.write_text(torn)
        drop_torn_locks(locks)
        assert not locks.exists()
    locks.write_text('{"read": {}, "write": {}}')
    drop_torn_locks(locks)
    assert locks.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "data").write_text("a file, no folder")
    with pytest.raises(InputError, match=r"screen.lock cannot be written \(.*\)"), alone(tmp_path / "data/screen.lock"):
        pass


def test_dvcs_own_errors_come_first_and_advice_follows_from_them(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/lock").write_text(f" {os.getpid()}\n")
    cases = {
        "ERROR: Unable to acquire lock. Most likely another DVC process is running": f"process {os.getpid()} (",
        f"ERROR: 'a' is busy, it is being blocked by:\n  (PID {os.getpid()}): dvc repro": f"process {os.getpid()} (",
        "ERROR: unexpected error - [Errno 28] No space left on device: 'dvc.lock'": "MB are free where",
        "ERROR: unexpected error - [Errno 30] Read-only file system: 'dvc.lock'": "must be able to write",
        "ERROR: Unable to read RWLock-file '.dvc/tmp/rwlock'. JSON is corrupted": "delete it and run again",
        "ERROR: failed to reproduce 'phases': missing data 'source': data/raw/p.csv": "stand in params.yaml",
    }
    for said, advice in cases.items():
        shown = explained(f"Stage 'x' didn't change, skipping\n{said}\nHaving any troubles? Hit us up\n", tmp_path)
        assert shown.startswith(said)
        assert advice in shown.splitlines()[-1]
        assert "troubles" not in shown
    assert explained("ERROR: something else", tmp_path) == "ERROR: something else"


def test_a_process_that_has_ended_is_called_so():
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert "has ended" in holder(str(ended.pid))
    assert holder("") == "its number is not known yet"
