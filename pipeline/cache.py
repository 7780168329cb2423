"""The installed package's own workspace: the packaged data, and what the first use made of them, kept for the next.

It lies in the user's cache folder, IONSIEVE_CACHE or else XDG_CACHE_HOME/ionsieve, under a name that follows from the
code, the data, the parameters and the libraries that fitted models depend on. Every step leaves a record of the digests
of its files: what does not match is made anew. Fitted models are pickles, which run code when they are read, so they
are read from nowhere else, and only where the record matches and the folder is this user's alone.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from ionsieve.pipeline.params import load_params
from ionsieve.pipeline.plan import PLAN, Step, read_plan, run_steps, upstream
from ionsieve.pipeline.tables import InputError, read_json, write_json
from ionsieve.pipeline.workspace import PARAMS, Workspace, packaged

LIBRARIES = ["ionsieve", "joblib", "lightgbm", "matminer", "numpy", "pandas", "pymatgen", "scikit-learn"]
REFERENCE = "data/reference"  # what dvc.yaml calls the folder that is packaged as ionsieve/reference
KEY_DIGITS = 16
_LOG = logging.getLogger("ionsieve")
_MAKING = threading.Lock()  # one thread makes what is missing, the others find it made


def packaged_workspace(needs: str | None, say: Callable[[str], object] = _LOG.info) -> Workspace:
    """A workspace on the packaged data in which the step `needs` and those before it are done; None: nothing is.

    Raises:
        InputError: If the cache folder cannot be used.
    """
    workspace = Workspace(cache_folder() / _key(), load_params(packaged(PARAMS)))
    with _MAKING:
        private_folder(workspace.folder)
        link_reference(workspace.path(REFERENCE))
        if needs is not None:
            make_missing(workspace, upstream(read_plan(workspace.params), needs), say)
    return workspace


def cache_folder() -> Path:
    """Where this user keeps what can be made anew."""
    own, shared = os.environ.get("IONSIEVE_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else Path(shared or Path.home() / ".cache") / "ionsieve"


@cache
def _key() -> str:
    """Digest of all that the results follow from."""
    files = [packaged(PARAMS), packaged(PLAN), *_files([packaged("reference")])]
    code = [file for file in _files(map(packaged, ("features", "models", "pipeline"))) if file.suffix == ".py"]
    versions = " ".join(metadata.version(name) for name in LIBRARIES)
    return hashlib.sha256("\n".join([versions, *map(_digest, [*files, *code])]).encode()).hexdigest()[:KEY_DIGITS]


def _files(folders: Iterable[Path]) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def private_folder(folder: Path) -> None:
    """Make the folder, for this user alone.

    Raises:
        InputError: If others could put files into it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}). Name a folder of your own in IONSIEVE_CACHE."
        ) from error
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise InputError(f"{folder} can be written by others: name a folder of your own in IONSIEVE_CACHE.")


def link_reference(link: Path) -> None:
    """Let the packaged data appear where dvc.yaml looks for them; an environment that moved is followed."""
    target = packaged("reference").resolve()
    if link.resolve() == target and link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def make_missing(workspace: Workspace, steps: list[Step], say: Callable[[str], object]) -> None:
    """Run the steps whose files are not as their record says, and those after them."""
    due = next((k for k, step in enumerate(steps) if not _is_made(workspace, step)), len(steps))
    for n, step in enumerate(steps[due:], start=1):
        say(f"first use, step {n} of {len(steps) - due}: {step.name} (kept in {workspace.folder})")
        _record(workspace, step).unlink(missing_ok=True)
        run_steps([step], workspace, say=_LOG.debug)
        write_json(_digests(workspace, step), _record(workspace, step))


def _record(workspace: Workspace, step: Step) -> Path:
    return workspace.path(f"made/{step.name}.json")


def _digests(workspace: Workspace, step: Step) -> dict[str, str]:
    paths = [workspace.path(out) for out in step.outs]
    files = [file for path in paths for file in (_files([path]) if path.is_dir() else [path])]
    return {str(file.relative_to(workspace.folder)): _digest(file) for file in files}


def _is_made(workspace: Workspace, step: Step) -> bool:
    try:
        return read_json(_record(workspace, step)) == _digests(workspace, step)
    except (OSError, ValueError):  # no record, a torn one, or a file gone
        return False
