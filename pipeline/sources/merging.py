"""Tables of several sources made one: what is the same by composition and publication stands once, conflicts stay.

Sources are given in the order of params.yaml; of what is the same the first source's row stays, and takes from the
others only what it lacks.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from ionsieve.features.chemistry.formula import composition_keys

SAME_GAP_EV = 0.05
SLOTS = ("second", "third")  # further sources of a block of params.yaml
UNUSED = "none"


def sources_of(block: Mapping[str, object]) -> list[tuple[str, str]]:
    """(place in the block, source) of every source in use: "" for the first, then those of SLOTS."""
    named = [("", str(block["source"]))]
    for slot in SLOTS:
        further = block.get(slot)
        named += [(slot, str(further["source"]))] if isinstance(further, Mapping) else []
    return [(slot, source) for slot, source in named if source != UNUSED]


def with_unique_ids(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """The rows of all tables; an id that an earlier source has gets the name of its own source behind it.

    Adds `place`, the number of the source.
    """
    taken: set[str] = set()
    renamed = []
    for place, (source, table) in enumerate(tables):
        ids = []
        for id_ in table["id"]:
            new = id_
            while new in taken:
                new = f"{new} ({source})"
            ids.append(new)
        renamed.append(table.assign(id=ids, place=place))
        taken |= set(ids)
    return pd.concat(renamed, ignore_index=True)


def merged_gaps(tables: Sequence[tuple[str, pd.DataFrame]]) -> tuple[pd.DataFrame, int]:
    """(gaps of all sources, rows merged away): one value of a composition and method, within 0.05 eV, stands once."""
    rows = with_unique_ids(tables)
    if len(tables) == 1:
        return rows.drop(columns="place"), 0
    # Parsing a hundred thousand formulas to find a few hundred is slow: first keep those with the right elements.
    systems = pd.Series(map(frozenset, rows["formula"].str.findall(r"[A-Z][a-z]?")), index=rows.index)
    first, later = rows["place"] == 0, rows["place"] > 0
    near = rows[systems.isin(set(systems[first])) & systems.isin(set(systems[later]))]
    near = near.assign(key=composition_keys(near["formula"]))
    own = near[near["place"] == 0].groupby(["key", "method"])["band_gap_ev"].agg(list).to_dict()
    repeated = [
        i
        for i, place, key, method, gap in near[["place", "key", "method", "band_gap_ev"]].itertuples()
        if place > 0 and any(abs(gap - known) <= SAME_GAP_EV for known in own.get((key, method), []))
    ]
    return rows.drop(index=repeated).drop(columns="place").reset_index(drop=True), len(repeated)
