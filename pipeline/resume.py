"""Partial results of a long stage, so that a killed run loses at most one row.

DVC deletes a stage's outputs before it starts, so they lie in data/tmp/STAGE/, which is no output. A row is known by
what it was computed from: its input, the parameters and the code used.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from ionsieve.pipeline.closure import local_files, source


def key_of(*parts: str) -> str:
    """Digest of everything a row depends on."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


def code_digest(module: str) -> str:
    """Digest of the module of this package and of all its imports within the package."""
    return key_of(*(source(file).read_text(encoding="utf-8") for file in local_files(module)))


class PartialResults:
    """Rows appended to a file as they come; `done` removes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "rows.jsonl"

    def read(self) -> dict[str, dict[str, Any]]:
        """Rows by key; a torn last line, left by a kill in the middle of a write, is passed over."""
        if not self.file.exists():
            return {}
        text = self.file.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write("\n")  # so that the next row starts on a line of its own
        rows = {}
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            rows[entry["key"]] = entry["row"]
        return rows

    def append(self, key: str, row: dict[str, Any]) -> None:
        """Write one row through to the file (inf and NaN as Python's JSON writes them)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"key": key, "row": row}, default=lambda value: value.item()) + "\n")

    def done(self) -> None:
        """The stage has written its output; nothing partial is left."""
        shutil.rmtree(self.folder, ignore_errors=True)
