"""Fixtures for all tests: the shared public data, where a developer has it."""

import signal
from pathlib import Path

import pytest

import ionsieve.pipeline  # noqa: F401  # before NumPy: it asks for the kernels that results are made with

# A suite run in the background of a script is started with ctrl-C ignored, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that tests read in place."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared public data in {SHARED}, which is not part of the project")
    return SHARED
