"""Crystal structures from a folder or a zip of CIF files."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pandas as pd
from pymatgen.core import Structure

from ionsieve.pipeline.sources.crystal_reader import Crystal, Request, read_crystal, read_crystals
from ionsieve.pipeline.tables import InputError

MAX_CIF_BYTES = 10_000_000  # a crystal is kilobytes; a larger member is not one, or a zip bomb


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
            yield file.stem, _read_file(file)
    elif not path.is_file():
        raise InputError(f"{path}: a folder or a zip of CIF files is expected.")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = sorted(
                (m for m in archive.infolist() if m.filename.lower().endswith(".cif")), key=lambda m: m.filename
            )
            if not members:
                raise InputError(f"{path} holds no .cif file.")
            for member in members:  # read in memory, never unpacked: a member's name cannot leave a folder
                yield PurePosixPath(member.filename).stem, _read(archive.open, member)
    elif path.suffix.lower() == ".cif":
        yield path.stem, _read_file(path)
    else:
        raise InputError(f"{path}: a folder or a zip of CIF files is expected.")


def _read_file(file: Path) -> bytes | Exception:
    """Content of a file; a pipe or a device would keep us waiting, or never end."""
    if file.exists() and not file.is_file() and not file.is_dir():
        return OSError("it is no ordinary file")
    return _read(file.open, "rb")


def _read(opened: Callable[..., IO[bytes]], *arguments: Any) -> bytes | Exception:
    try:
        with opened(*arguments) as stream:
            return stream.read(MAX_CIF_BYTES + 1)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: a password is asked for
        return error


def cif_text(content: bytes | Exception, where: str) -> str:
    """Text of one CIF as `cif_texts` gives it.

    Raises:
        ValueError: With the reason in words, where it is none.
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
    return text


def crystals(path: Path | str, kind: str = "cif", ours: bool = False) -> Iterator[tuple[str, Crystal | ValueError]]:
    """(id, crystal or the reason why there is none) of every CIF of a folder, a zip, or of one file, in order.

    Args:
        kind: What is read, one of `crystal_reader.KINDS`.
        ours: Whether the files are the project's own, which are tested: these need no process of their own.
    """
    ids: list[str] = []
    unread: dict[int, ValueError] = {}

    def requests() -> Iterator[Request]:
        for k, (id_, content) in enumerate(cif_texts(path)):
            ids.append(id_)
            try:
                yield kind, cif_text(content, id_), id_
            except ValueError as error:
                unread[k] = error
                yield kind, "", id_

    read = map(read_crystal, requests()) if ours else read_crystals(requests())
    for k, found in enumerate(read):
        yield ids[k], unread.pop(k, found)


def read_by_id(path: Path | str) -> tuple[dict[str, Crystal], dict[str, str]]:
    """Crystals by id, their lattices not looked for, and the reason for each CIF that gave none."""
    found = dict(crystals(path, "cif without lattice"))
    read = {id_: crystal for id_, crystal in found.items() if isinstance(crystal, Crystal)}
    return read, {id_: str(reason) for id_, reason in found.items() if isinstance(reason, ValueError)}


def read_structures(path: Path | str) -> tuple[dict[str, Structure], dict[str, str]]:
    """Structures by id, and the reason for each CIF that gave none."""
    read, reasons = read_by_id(path)
    return {id_: Structure.from_str(c.structure_json, fmt="json") for id_, c in read.items()}, reasons


def checked_json(cells: pd.Series) -> tuple[list[str | None], list[str]]:
    """(crystal as given or None, why it is none or "") of each cell of `structure_json`; empty is no fault."""
    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    found = iter(read_crystals(("json", text, "the row") for text in texts if text.strip()))
    crystals: list[str | None] = []
    reasons: list[str] = []
    for cell, text in zip(cells, texts, strict=True):
        read = next(found) if text.strip() else None
        empty = isinstance(cell, str) or (pd.api.types.is_scalar(cell) and pd.isna(cell))
        reasons.append(str(read) if isinstance(read, ValueError) else "" if empty else "structure_json is no text")
        crystals.append(text if isinstance(read, Crystal) else None)
    return crystals, reasons


def structure_to_json(structure: Structure) -> str:
    """Crystal as text for a table cell."""
    return structure.to_json()


def crystal_row(id_: str, crystal: Crystal) -> dict[str, Any]:
    """A crystal as a row of candidates: what its file leaves in doubt stands in the note."""
    notes = "; ".join(filter(None, [crystal.doubts, crystal.lattice["note"]]))
    described = {"id": id_, "formula": crystal.formula, "structure_json": crystal.structure_json}
    return described | crystal.lattice | {"note": notes}


def candidates(path: Path | str, ours: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected): every CIF is a row of one of the two; `ours` as for `crystals`."""
    rows, rejected, seen = [], [], set()
    for id_, found in crystals(path, ours=ours):
        reason = str(found) if isinstance(found, ValueError) else ""
        if id_ in seen:
            reason = "a file of this name was read before; rename one"
        if isinstance(found, ValueError) or reason:
            rejected.append({"id": id_, "source": str(path), "reason": reason})
        else:
            seen.add(id_)
            rows.append(crystal_row(id_, found))
    return pd.DataFrame(rows), pd.DataFrame(rejected, columns=["id", "source", "reason"])
