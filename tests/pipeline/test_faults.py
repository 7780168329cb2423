"""A disk that is full or may not be written on is named, and nothing half-written is left on it."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from ionsieve.pipeline.tables import InputError


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of so many bytes, made read-only on demand; skipped where one may not mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode:
            pytest.skip(f"mounting is not permitted here ({done.stderr.strip()})")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.mark.parametrize("stage", ["measurements", "band_gaps", "phases", "candidates"])
@pytest.mark.parametrize(("options", "said"), [("size=4k", "No space left"), ("size=1m,ro", "Read-only file system")])
def test_a_full_or_read_only_disk_is_named_and_no_half_file_is_left(project, small_disk, stage, options, said):
    disk = small_disk(options)
    if "ro" not in options:
        with contextlib.suppress(OSError), (disk / "full").open("wb", buffering=0) as full:
            while full.write(b"x" * 4096):
                pass
    (project.folder / "data/interim").symlink_to(disk)
    with pytest.raises(InputError, match=f"data/interim.* cannot be written .*{said}.* Free that path"):
        project.run(stage)
    assert not [path for path in disk.rglob("*") if path.suffix == ".parquet"]
    (project.folder / "data/interim").unlink()
    project.run(stage)
    assert (project.folder / "data/interim").is_dir()
