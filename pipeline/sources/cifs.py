"""Crystal structures from a folder or a zip of CIF files."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.crystals.structure import lattice_from_structure, parse_cif
from ionsieve.pipeline.tables import InputError

MAX_CIF_BYTES = 20_000_000  # a crystal is kilobytes; a larger member is not one, or a zip bomb


def cif_texts(path: Path | str) -> Iterator[tuple[str, bytes | Exception]]:
    """(id, content) of every CIF: files of a folder, members of a zip, or one file; id is the name without .cif.

    Where one cannot be read, the error stands in place of its content: the others go on.

    Raises:
        InputError: If there is no CIF.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".cif")
        if not files:
            raise InputError(f"{path} holds no .cif file.")
        for file in files:
            yield file.stem, _read(file.open, "rb")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = sorted(
                (m for m in archive.infolist() if m.filename.lower().endswith(".cif")), key=lambda m: m.filename
            )
            if not members:
                raise InputError(f"{path} holds no .cif file.")
            for member in members:  # read in memory, never unpacked: a member's name cannot leave a folder
                yield PurePosixPath(member.filename).stem, _read(archive.open, member)
    elif path.suffix.lower() == ".cif" and path.is_file():
        yield path.stem, _read(path.open, "rb")
    else:
        raise InputError(f"{path}: a folder or a zip of CIF files is expected.")


def _read(opened: Callable[..., IO[bytes]], *arguments: Any) -> bytes | Exception:
    try:
        with opened(*arguments) as stream:
            return stream.read(MAX_CIF_BYTES + 1)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: a password is asked for
        return error


def parse_cif_bytes(content: bytes | Exception, where: str) -> Structure:
    """Crystal of one CIF as `cif_texts` gives it.

    Raises:
        ValueError: With the reason in words, for whatever is no readable crystal.
    """
    if isinstance(content, Exception):
        raise ValueError(f"the file cannot be read ({content})") from content
    if not content.strip():
        raise ValueError("the file is empty")
    if len(content) > MAX_CIF_BYTES:
        raise ValueError(f"the file is larger than {MAX_CIF_BYTES // 1_000_000} MB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # old CIFs carry accented author names
    if "\x00" in text:
        raise ValueError("the file is binary, not a CIF")
    return parse_cif(text, where)


def read_structures(path: Path | str) -> tuple[dict[str, Structure], dict[str, str]]:
    """Crystals by id, and the reason for each CIF that gave none."""
    structures: dict[str, Structure] = {}
    reasons: dict[str, str] = {}
    for id_, content in cif_texts(path):
        try:
            structures[id_] = parse_cif_bytes(content, id_)
        except ValueError as error:
            reasons[id_] = str(error)
    return structures, reasons


def structure_to_json(structure: Structure) -> str:
    """Crystal as text for a table cell."""
    return structure.to_json()


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected): every CIF is a row of one of the two."""
    rows, rejected, seen = [], [], set()
    for id_, content in cif_texts(path):
        try:
            if id_ in seen:
                raise ValueError("a file of this name was read before; rename one")
            structure = parse_cif_bytes(content, id_)
        except ValueError as error:
            rejected.append({"id": id_, "source": str(path), "reason": str(error)})
            continue
        seen.add(id_)
        formula = structure.composition.element_composition.reduced_formula
        lattice = lattice_from_structure(structure, formula)
        rows.append({"id": id_, "formula": formula, "structure_json": structure_to_json(structure), **lattice})
    return pd.DataFrame(rows), pd.DataFrame(rejected, columns=["id", "source", "reason"])
