"""Which publication a text names: two tables cite one paper in different words, its DOI is the same."""

import re
from collections.abc import Iterable

DOI = re.compile(r"10\.\d{4,9}/[^\s;,]+")


def publication_keys(sources: Iterable[object]) -> list[str]:
    """Identity of each publication: the first DOI its text names, else the text; "" where none is given."""
    keys = []
    for source in sources:
        text = source.strip() if isinstance(source, str) else ""
        doi = DOI.search(text)
        keys.append(doi.group().rstrip(".)").lower() if doi else text)
    return keys
