"""Bring all stages up to date on two cores: what rests on candidates alone beside what models are made of.

    python -m ionsieve.pipeline.lanes

DVC runs one stage after another. Two of its processes may work side by side on separate stages, once what both read is
made; a last `dvc repro` runs what needs both lanes, and is the judge of what is up to date.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ionsieve.pipeline import INTERRUPTED
from ionsieve.pipeline.dvc_errors import explained, holder
from ionsieve.pipeline.plan import Step, downstream, read_plan, upstream
from ionsieve.pipeline.tables import InputError, run_stage
from ionsieve.pipeline.workspace import Workspace

DVC = ("dvc", "--wait-for-lock")  # a lane waits for the moment in which another writes dvc.lock
LOCK = Path("data/tmp/screen.lock")
DVC_LOCKS = Path(".dvc/tmp/rwlock")  # which stages its processes work on; it passes over those that have ended
RUNNING = "Running stage '"
CACHED = "' is cached - skipping run"
CHATTER = (
    *("> ", "Stage '", "'", "Updating lock file", "Generating lock file", "Data and pipelines are up to date"),
    *("To track the changes", "git add", "To enable auto staging", "dvc config core.autostage", "Use `dvc"),
)
PATIENCE_S = 15  # an interrupted stage leaves what it has and ends


class LaneError(InputError):
    """DVC could not go on."""


def lanes_of(plan: Mapping[str, Step]) -> list[list[list[str]]]:
    """Waves of lanes of stage names; lanes of one wave share no stage and need nothing from each other.

    First the sources, then what rests on them: the lane of the candidates and that of everything else. Stages that
    need both lanes are left out.
    """
    steps = {name: {step.name for step in upstream(plan, name)} - {name} for name in plan}
    sources = [name for name, needs in steps.items() if not needs]
    of_candidates = [n for n, needs in steps.items() if "candidates" in needs]
    others = [n for n in plan if n not in sources and n not in of_candidates]
    alone = [n for n in of_candidates if not steps[n] & set(others)]
    alone = [n for n in alone if steps[n] <= {*sources, *alone}]
    waves = [[["candidates"], [n for n in sources if n != "candidates"]], [alone, others]]
    return [[lane for lane in wave if lane] for wave in waves]


def stale(plan: Mapping[str, Step], changed: Sequence[str]) -> set[str]:
    """The stages named and all that rest on what they make."""
    known = [name for name in changed if name in plan]
    return {*known, *(step.name for name in known for step in downstream(plan, name))}


class Lane:
    """One `dvc repro` in a process group of its own; what it prints is passed on, marked with the time."""

    def __init__(self, arguments: Sequence[str], started: float, out: TextIO) -> None:
        self.stage, self.text = "", ""
        self._started, self._out, self._silent = started, out, False
        self._process = subprocess.Popen(
            [*DVC, "repro", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.text += line
            for shown in () if self._silent else self._shown(line.rstrip()):
                self._out.write(f"{shown}\n")
                self._out.flush()

    def _shown(self, line: str) -> Iterator[str]:
        clock = f"{time.monotonic() - self._started:5.0f} s  "
        if line.startswith(RUNNING):
            self.stage = line.removeprefix(RUNNING).split("'")[0]
            yield f"{clock}{self.stage}"
        elif CACHED in line:
            yield f"{clock}{line.split(chr(39))[1]}: taken over from an earlier run"
        elif line.strip() and not line.lstrip().startswith(CHATTER) and not line.startswith(("ERROR", "crystals")):
            yield f"{'':9}{line}"

    def finished(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Exit code, once all it printed is passed on."""
        code = self._process.wait()
        self._reader.join(PATIENCE_S)
        return code

    def stop(self, how: signal.Signals) -> None:
        """Signal DVC and the stage it runs."""
        if self._process.poll() is None:
            self._silent = True  # an interrupted stage may end in a traceback, which is no news
            os.killpg(self._process.pid, how)


def run_side_by_side(wave: Sequence[Sequence[str]], started: float, out: TextIO) -> None:
    """Run one wave of lanes; the first that fails ends the others.

    Args:
        wave: Arguments of `dvc repro`, one list per lane.

    Raises:
        LaneError: With DVC's own words.
        KeyboardInterrupt: Once all lanes have ended.
    """
    lanes = [Lane(arguments, started, out) for arguments in wave]
    try:
        while any(lane.finished() is None for lane in lanes) and not any(lane.finished() for lane in lanes):
            time.sleep(0.1)
        failed = [lane for lane in lanes if lane.finished()]
    finally:
        _end(lanes)  # those that still run: one has failed, or a person interrupts
    for lane in lanes:
        lane.wait()
    if failed:
        said = explained(failed[0].text, Path.cwd())
        if "ERROR" not in said:
            said += (
                f"\nDVC ended with code {failed[0].finished()} in {failed[0].stage or 'no stage'}, without an error."
            )
        raise LaneError(said.strip())


def _end(lanes: Sequence[Lane]) -> None:
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for lane in lanes:
            lane.stop(how)
        until = time.monotonic() + PATIENCE_S
        while any(lane.finished() is None for lane in lanes) and time.monotonic() < until:
            time.sleep(0.05)


def changed_stages() -> list[str]:
    """Stages whose inputs, code, parameters or outputs are not those of dvc.lock.

    Raises:
        LaneError: With DVC's own words.
    """
    # does not wait for the lock: if another process holds it now, a person learns which
    run = subprocess.run([DVC[0], "status", "--json"], capture_output=True, text=True, encoding="utf-8")
    try:
        return list(json.loads(run.stdout or "{}")) if run.returncode == 0 else _fail(run.stdout + run.stderr)
    except json.JSONDecodeError:
        return _fail(run.stdout + run.stderr)


def _fail(text: str) -> list[str]:
    raise LaneError(explained(text, Path.cwd()) or "dvc status gave neither an answer nor a message.")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file that no other run in this folder can hold at the same time; it names the process and its command.

    Raises:
        InputError: Naming who holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}). Runs need to write below data/.") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise InputError(
                f"Another run works in this folder: {holder(stream.read())}. Wait for it, or end it."
            ) from error
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def drop_torn_locks(path: Path) -> None:
    """Remove DVC's list of locks if a kill has torn it: DVC would refuse every later run."""
    # DVC writes the list in place: one that is whole a moment later was only being written
    if _torn(path):
        time.sleep(0.5)
        if _torn(path):
            path.unlink(missing_ok=True)


def _torn(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def main() -> None:
    started = time.monotonic()
    with alone(LOCK):
        drop_torn_locks(DVC_LOCKS)
        plan = read_plan(Workspace.at(".").params)
        todo = stale(plan, changed_stages())
        for wave in lanes_of(plan) if (os.cpu_count() or 1) > 1 else ():
            lanes = [["--single-item", *names] for lane in wave if (names := [n for n in lane if n in todo])]
            if lanes:  # one lane as well: the next wave reads what it makes
                run_side_by_side(lanes, started, sys.stdout)
        run_side_by_side([[]], started, sys.stdout)


def _interrupted(signal_number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        run_stage(main)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
