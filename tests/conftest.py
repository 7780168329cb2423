"""Fixtures for all tests: the shared public data, where a developer has it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that tests read in place."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared public data in {SHARED}, which is not part of the project")
    return SHARED
