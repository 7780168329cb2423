"""Runs many readings and commands in one process, with limits: what the tests of robustness start as a child.

Each line of the standard input is a JSON list of words: a number, then what to do with which file. A line of JSON goes
out before and after each, so that a death is known to be of that one.
"""

import contextlib
import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from ionsieve.pipeline.answers.materials import own_materials
from ionsieve.pipeline.commands import app
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.stages.candidates import usable_candidates
from ionsieve.pipeline.stages.featurize import features_of
from ionsieve.pipeline.tables import InputError

GIB = 1024**3
MEMORY_BYTES, HARD_MEMORY_BYTES = 2 * GIB, 6 * GIB
HANG_SECONDS = 150  # by the clock: five times what is allowed, for the machine may be busy


def described(path: str) -> None:
    rows = own_materials([path])
    usable = rows[rows["note"] == ""]
    if len(usable):
        features_of(usable.assign(id=usable.index.astype(str)))


READINGS: dict[str, Callable[[str], object]] = {
    "candidates of a table": lambda path: usable_candidates([("table", path)]),
    "candidates of crystals": lambda path: usable_candidates([("cifs", path)]),
    "measurements": table.measurements,
    "band gaps": lambda path: table.band_gaps(path, "measured"),
    "phases": lambda path: table.phases(path, "test"),
    "descriptors": described,
    "death": lambda path: os.kill(os.getpid(), signal.SIGSEGV),  # to see that one is seen
}


def attempt(words: list[str]) -> None:
    """One reading by its name, or else one command of the command line; whatever a person may see passes."""
    if words[0] in READINGS:
        with contextlib.suppress(InputError):
            READINGS[words[0]](words[1])
        return
    sys.argv = ["ionsieve", *words]
    with contextlib.suppress(SystemExit):
        app.main()


def peak_memory_bytes() -> int:
    """Most memory this process has held. getrusage would count what the parent held when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    told = os.fdopen(os.dup(1), "w", buffering=1)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (HARD_MEMORY_BYTES, resource.RLIM_INFINITY))
    for line in sys.stdin:
        number, *words = json.loads(line)
        told.write(json.dumps({"begins": number}) + "\n")
        fault, text, cpu = "", io.StringIO(), time.process_time()
        signal.alarm(HANG_SECONDS)
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            try:
                attempt(words)
            except BaseException:  # whatever gets out here, a person would see as a traceback
                fault = traceback.format_exc()
        signal.alarm(0)
        if "Traceback (most recent call last)" in text.getvalue():
            fault = fault or text.getvalue()
        peak = peak_memory_bytes()
        if peak > MEMORY_BYTES:
            fault = fault or f"up to here {peak / GIB:.1f} GiB were taken"
        told.write(json.dumps({"ends": number, "fault": fault[-3000:], "cpu": time.process_time() - cpu}) + "\n")


if __name__ == "__main__":
    main()
