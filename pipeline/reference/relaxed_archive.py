"""Relaxed crystals in one compressed file under version control, so that `make starter` never computes one twice.

A line of JSON per start: its key, what came out, lattice in Å and fractional coordinates to four digits. The same rows
give the same bytes, whatever their order.
"""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Structure

from ionsieve.pipeline.tables import write_whole

DIGITS = 4
Row = Mapping[str, Any]


def read_archive(file: Path) -> dict[str, dict[str, Any]]:
    """Rows by key, each with its `structure` as pymatgen's dictionary; {} where there is no file."""
    if not file.exists():
        return {}
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
    return {entry["key"]: _unpacked(entry["row"]) for entry in map(json.loads, lines)}


def write_archive(rows: Mapping[str, Row], file: Path) -> None:
    """Write all rows, sorted by key; a file half written is never left."""
    lines = [json.dumps({"key": key, "row": _packed(rows[key])}, separators=(",", ":")) for key in sorted(rows)]
    packed = gzip.compress(("\n".join(lines) + "\n").encode("utf-8"), mtime=0)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, lambda beside: beside.write_bytes(packed))


def _packed(row: Row) -> dict[str, Any]:
    structure = Structure.from_dict(row["structure"])
    sites = [
        [site.specie.symbol, *(np.round(site.frac_coords % 1.0, DIGITS) % 1.0).tolist()] for site in structure.sites
    ]
    rest = {name: value for name, value in row.items() if name != "structure"}
    return rest | {"lattice": np.round(structure.lattice.matrix, DIGITS).tolist(), "sites": sites}


def _unpacked(row: Row) -> dict[str, Any]:
    structure = Structure(row["lattice"], [site[0] for site in row["sites"]], [site[1:] for site in row["sites"]])
    rest = {name: value for name, value in row.items() if name not in ("lattice", "sites")}
    return rest | {"structure": structure.as_dict(verbosity=0)}
