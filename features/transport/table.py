"""One row of barriers and framework descriptors per structure, many structures side by side.

The compiled loops release the GIL, so threads share the cores without copying structures between processes.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.bond_valence_parameters import mobile_species
from ionsieve.features.transport.channels import CHANNEL_COLUMNS, bottleneck_radii_angstrom
from ionsieve.features.transport.framework import FRAMEWORK_COLUMNS, framework_features
from ionsieve.features.transport.percolation import PERCOLATION_COLUMNS, percolation, percolation_columns
from ionsieve.features.transport.refinement import refined

NO_STRUCTURE = "no crystal structure"
TRANSPORT_COLUMNS = [*PERCOLATION_COLUMNS, "mobile_site_shared", *CHANNEL_COLUMNS, *FRAMEWORK_COLUMNS]

# Structures read ahead of the ones being computed: keeps memory flat when they come from an iterator.
READ_AHEAD = 8


def transport_row(
    structure: Structure | None, mobile_ion: str = "Li", resolution_angstrom: float = 0.2, refine: bool = False
) -> dict[str, Any]:
    """TRANSPORT_COLUMNS and note of one structure; never raises for what a crystal lacks, the note says it.

    The framework columns need no bond valence parameters, so they are there even where a barrier is not.
    """
    row: dict[str, Any] = dict.fromkeys(TRANSPORT_COLUMNS, math.nan)
    if structure is None:
        return row | {"note": NO_STRUCTURE}
    element, _ = mobile_species(mobile_ion)
    if element not in {species.symbol for site in structure for species in site.species}:
        return row | {"note": f"there is no {element} in the structure."}
    try:
        decorated, note = assign_oxidation_states(structure)
        framework = framework_of(decorated, mobile_ion)
    except ValueError as error:
        return row | {"note": str(error)}
    row |= framework_features(decorated, element) | {"mobile_site_shared": framework.mobile_site_shared}
    try:
        row |= dict(zip(CHANNEL_COLUMNS, bottleneck_radii_angstrom(framework, resolution_angstrom), strict=True))
        landscape = site_energy_landscape(framework, mobile_ion, resolution_angstrom=resolution_angstrom)
    except ValueError as error:
        return row | {"note": "; ".join(filter(None, [str(error), note]))}
    result = percolation(landscape)
    if refine:
        result = refined(result, landscape, framework, mobile_ion)
    return row | percolation_columns(result) | {"note": note}


def transport_table(
    structures: Iterable[Structure | None],
    ids: Iterable[str],
    *,
    mobile_ion: str = "Li",
    resolution_angstrom: float = 0.2,
    refine: bool = False,
    workers: int = 2,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    on_row: Callable[[dict[str, Any]], None] | None = None,
) -> pd.DataFrame:
    """Barriers and framework descriptors of many structures.

    Args:
        structures: One per id, None where there is none; read as they are needed.
        ids: Identifiers, echoed as text.
        mobile_ion: Element or ion that moves.
        resolution_angstrom: Grid spacing.
        refine: Whether gates and pockets are moved off the grid (`transport.refinement`); else barriers are those of
            the grid, as BVlain's.
        workers: Threads.
        known: Rows of an earlier run by id (as handed to `on_row`), taken over without computing.
        on_row: Called with every newly computed row (with its id), in order, from the calling thread.

    Returns:
        One row per id, in order: id, TRANSPORT_COLUMNS, note. NaN with the reason in note where nothing could be
        computed; inf where no path lies below 5 eV.
    """
    known = known or {}
    rows: list[dict[str, Any]] = []
    waiting: deque[tuple[str, Future[dict[str, Any]] | None]] = deque()

    def take() -> None:
        key, future = waiting.popleft()
        if future is None:
            rows.append({"id": key, **known[key]})
            return
        row = {"id": key, **future.result()}
        rows.append(row)
        if on_row is not None:
            on_row(row)

    pool = ThreadPoolExecutor(workers)
    try:
        for key, structure in zip(ids, structures, strict=True):
            future = (
                None if key in known else pool.submit(transport_row, structure, mobile_ion, resolution_angstrom, refine)
            )
            waiting.append((key, future))
            if len(waiting) > workers + READ_AHEAD:
                take()
        while waiting:
            take()
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for what is queued
    return pd.DataFrame(rows, columns=["id", *TRANSPORT_COLUMNS, "note"])
