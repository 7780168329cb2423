"""OBELiX (doi:10.1039/d5dd00441a): measured room-temperature conductivities, its CSV as it is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.pipeline.sources.table import LATTICE, check_measurements
from ionsieve.pipeline.tables import read_table, require_columns

SIGMA = "Ionic conductivity (S cm-1)"
ROOM_TEMPERATURE_C = 25.0  # "room temperature" in the collection


def measurements(path: Path | str, drop_ids: Sequence[str] = ()) -> pd.DataFrame:
    """The collection, checked.

    Raises:
        InputError: Listing every bad row.
    """
    return check_measurements(our_columns(path), path, drop_ids)


def our_columns(path: Path | str) -> pd.DataFrame:
    """The collection in our columns; `<1E-10` is a bound. The formula is the cell's content ("True Composition").

    Raises:
        InputError: If the table cannot be read or lacks a column.
    """
    table = read_table(path, text=("ID", "True Composition", "Reduced Composition", SIGMA, "DOI", "Family"))
    require_columns(
        table, ["ID", "True Composition", SIGMA, "Space group #", "a", "b", "c", "alpha", "beta", "gamma"], path
    )
    sigma = table[SIGMA].astype(str).str.replace(" ", "")
    bounded = sigma.str.startswith("<")
    return pd.DataFrame(
        {
            "id": table["ID"],
            "formula": table["True Composition"],
            "sigma_s_cm": sigma.mask(bounded, np.nan),
            "sigma_upper_bound_s_cm": sigma.str.lstrip("<").where(bounded, np.nan),
            "kind": _kind(table),
            "temperature_c": ROOM_TEMPERATURE_C,
            "family": table.get("Family", ""),
            "space_group_number": table["Space group #"],
            **{
                ours: table[theirs]
                for ours, theirs in zip(LATTICE, ["a", "b", "c", "alpha", "beta", "gamma"], strict=True)
            },
            "formula_units_z": 1.0,
            "source": table.get("DOI", ""),
        }
    )


def _kind(table: pd.DataFrame) -> list[str]:
    """Which of the two columns, total or bulk, the headline conductivity repeats."""
    headline = pd.to_numeric(table[SIGMA], errors="coerce")
    kinds = np.full(len(table), "unstated", dtype=object)
    for kind, column in (("bulk", "IC (Bulk)"), ("total", "IC (Total)")):
        if column in table:
            kinds[np.isclose(headline, pd.to_numeric(table[column], errors="coerce"), rtol=1e-2)] = kind
    return list(kinds)
