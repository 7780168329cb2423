"""CIF text to a pymatgen Structure, with one clear error for everything that can be wrong with it."""

import re
import warnings

from pymatgen.core import Structure
from pymatgen.io.cif import CifParser

from ionsieve.features.crystals.cif_checks import (
    COORDINATES,
    OCCUPANCY_TOLERANCE,
    Block,
    block_fault,
    contradictions,
    overfull_sites,
    structure_fault,
)

LONGEST_REASON = 300

# What pymatgen tells of a file that is nothing to doubt, or that we say in words of our own.
NO_DOUBT = (
    "fractional coordinates rounded to ideal values",
    "Skipping relative stoichiometry check",
    "Incorrect stoichiometry",
    "Missing elements",
    "Cannot determine chemical composition from CIF",
    "sum to > 1! If they are within the occupancy_tolerance",
)


def parse_cif(text: str, where: str) -> Structure:
    """Structure of a CIF, conventional cell as written, partial occupancies kept; a CIF without lithium is no error.

    Of several data blocks with a structure the first that can be read is taken. What was corrected on the way
    (coordinates rounded to special positions, occupancies scaled) and what the file says against itself is listed in
    `structure.properties["cif_notes"]`, not printed; `doubts` gives what of it a reader should know.

    Args:
        where: File or row the text comes from, named in the error.

    Raises:
        ValueError: If the text is empty or no text, holds no structure pymatgen can read (the reason and its type are
            given), has numbers that make no crystal, names an unknown element, contradicts its own formula or cell
            volume by more than a tenth, or two sites overlap that are too occupied to be alternatives.
    """
    if not text.strip():
        raise ValueError(f"{where}: the CIF is empty")
    if "\x00" in text:
        raise ValueError(f"{where}: this is a binary file, not a CIF")
    # as pymatgen splits them; on its own, each block can be held against its own formula
    blocks = [f"data_{block}" for block in re.split(r"^\s*data_", f"x\n{text}", flags=re.MULTILINE)[1:]]
    with_sites = [block for block in blocks if COORDINATES[0] in block]
    reasons: list[str] = []
    for block in with_sites or [text]:
        try:
            structure = _structure_of_block(block)
        except ValueError as error:
            reasons.append(str(error))
            continue
        notes = structure.properties["cif_notes"]
        notes += [f"a structure before this one is passed over: {reason}" for reason in reasons]
        if len(with_sites) - len(reasons) > 1:
            notes.append(f"the first of {len(with_sites) - len(reasons)} structures is used")
        return structure
    raise ValueError(f"{where}: {reasons[0]}")


def _structure_of_block(text: str) -> Structure:
    """The structure of one data block with its `cif_notes`.

    Raises:
        ValueError: With the reason, without the file's name.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parser = CifParser.from_str(text, occupancy_tolerance=OCCUPANCY_TOLERANCE)
            block: Block = next(iter(parser.as_dict().values()), {})
            fault = block_fault(block)
            structure = None if fault else parser.parse_structures(primitive=False)[0]
        except Exception as error:
            # pymatgen's parser fails in many ways on broken files; whatever it is, this one file is set aside.
            reasons = "; ".join([f"{type(error).__name__}: {error}", *_messages(caught)])
            raise ValueError(f"the CIF cannot be read ({_shortened(reasons)})") from error
    fault = fault if structure is None else structure_fault(structure)
    if structure is None or fault:
        raise ValueError(_shortened(fault))
    against_itself = contradictions(block, structure)
    grave = [sentence for sentence, is_grave in against_itself if is_grave]
    if grave:
        raise ValueError(_shortened(f"the CIF contradicts itself: {'; '.join(grave)}"))
    mild = [sentence for sentence, _ in against_itself]
    structure.properties["cif_notes"] = [*_messages(caught), *map(_shortened, [*overfull_sites(block), *mild])]
    return structure


def doubts(structure: Structure) -> str:
    """What of a CIF's notes bears on whether this is the crystal that was meant, as one text; "" if nothing."""
    notes = structure.properties.get("cif_notes", [])
    return "; ".join(note for note in notes if not any(known in note for known in NO_DOUBT))


def _messages(caught: list[warnings.WarningMessage]) -> list[str]:
    """Text of the distinct warnings that concern the file, in order; pymatgen repeats them all in a last one."""
    texts: list[str] = []
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            texts += str(warning.message).removeprefix("Issues encountered while parsing CIF: ").splitlines()
    return [_shortened(text) for text in dict.fromkeys(texts)]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
