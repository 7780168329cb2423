"""What DVC says when it fails, and what a person can do about it: its own words first, nothing guessed."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

MEGABYTE = 1_000_000
STAGE_SPEAKS = 20  # last lines a failed stage printed


def explained(text: str, folder: Path) -> str:
    """The errors in DVC's output, what the failed stage printed before, and what follows for whoever runs it.

    Args:
        text: All that DVC printed.
        folder: Where it ran.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith("ERROR")]
    if not errors:
        return "\n".join(lines[-STAGE_SPEAKS:])
    said = [*_spoken_by_stage(lines[: errors[0]]), *lines[errors[0] :]]
    said = [line for line in said if not line.startswith(("Having any troubles", "If you need help"))]
    whole = "\n".join(said)
    return "\n".join(
        [*said, *(hint for pattern, advice in ADVICE if re.search(pattern, whole) for hint in [advice(whole, folder)])]
    )


def _spoken_by_stage(lines: list[str]) -> list[str]:
    """What the last stage started printed to the end."""
    started = [i for i, line in enumerate(lines) if line.startswith("> ")]
    return lines[started[-1] + 1 :][-STAGE_SPEAKS:] if started else []


def _held(text: str, folder: Path) -> str:
    named = re.findall(r"\(PID (\d+)\)", text)
    lock = folder / ".dvc/tmp/lock"
    if not named and lock.exists():
        named = re.findall(r"\d+", lock.read_text(errors="replace"))
    who = " and ".join(dict.fromkeys(holder(pid) for pid in named)) or "no process is named in .dvc/tmp/lock"
    return f"Another run works in this folder: {who}. Wait for it, or end it."


def holder(pid: str) -> str:
    """A process by number with its command, as far as it can be seen."""
    number = pid.strip()
    if not number.isdigit():
        return "its number is not known yet"
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return f"process {number}, which has ended by now"
    except PermissionError:
        pass  # another person's
    run = subprocess.run(["ps", "-o", "args=", "-p", number], capture_output=True, text=True)
    return f"process {number} ({run.stdout.strip() or 'its command cannot be seen'})"


def _full(text: str, folder: Path) -> str:
    free = shutil.disk_usage(folder).free / MEGABYTE
    return f"{free:.0f} MB are free where {folder} lies. Free some, then run again: finished stages are kept."


def _read_only(text: str, folder: Path) -> str:
    return f"Whoever runs this must be able to write in {folder}, its .dvc, data and dvc.lock."


def _missing(text: str, folder: Path) -> str:
    return "Paths of sources stand in params.yaml; files of the project are restored with git checkout."


def _torn(text: str, folder: Path) -> str:
    return "A killed run left that file torn. If no other run works in this folder, delete it and run again."


ADVICE: list[tuple[str, Callable[[str, Path], str]]] = [
    (r"[Uu]nable to acquire lock|is busy, it is being blocked", _held),
    (r"No space left on device|Disk quota exceeded", _full),
    (r"Read-only file system|Permission denied", _read_only),
    (r"RWLock-file .* corrupted", _torn),
    (r"missing data 'source'|does not exist|No such file", _missing),
]
