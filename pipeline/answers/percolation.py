"""Barriers of ions through crystals, and the landscapes they were read off."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.bond_valence_parameters import mobile_species
from ionsieve.features.transport.landscape_export import cube_text, grd_text
from ionsieve.features.transport.table import transport_table
from ionsieve.pipeline.answers.materials import doubts_of, joined, rows_of_path
from ionsieve.pipeline.sources.table import with_columns
from ionsieve.pipeline.stages.featurize import structures_of
from ionsieve.pipeline.tables import InputError, write_whole

FINEST_ANGSTROM, COARSEST_ANGSTROM = 0.02, 1.0  # finer fills the memory, coarser misses the paths


def percolating(
    arguments: Sequence[str], mobile_ion: str, resolution_angstrom: float, refine: bool, landscapes: Path | None
) -> pd.DataFrame:
    """Barriers of each CIF, one row each in their order; the landscapes too where a folder for them is named.

    Raises:
        InputError: If an argument is no file or folder, or an option is out of range.
    """
    if not FINEST_ANGSTROM <= resolution_angstrom <= COARSEST_ANGSTROM:
        raise InputError(
            f"--resolution-angstrom {resolution_angstrom:g}: give {FINEST_ANGSTROM:g} to {COARSEST_ANGSTROM:g} Å."
        )
    try:
        mobile_species(mobile_ion)
    except ValueError as error:
        raise InputError(f"--mobile-ion: {error}") from error
    absent = [a for a in arguments if not os.path.exists(a)]
    if absent:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Give CIFs, or folders or zips of them.")
    rows = pd.DataFrame([row for a in arguments for row in rows_of_path(a, Path(a))])
    crystals = structures_of(with_columns(rows, ["structure_json"], None))
    table = transport_table(
        crystals,
        rows["id"],
        mobile_ion=mobile_ion,
        resolution_angstrom=resolution_angstrom,
        refine=refine,
        workers=os.cpu_count() or 1,
    )
    table = table.assign(note=joined(table["note"].fillna(""), doubts_of(rows)))
    unread = with_columns(rows, ["note"], "")["note"].fillna("")
    if landscapes is not None:
        computed = table["percolation_barrier_1d_ev"].notna()
        for id_, crystal, found in zip(rows["id"], crystals, computed, strict=True):
            if crystal is not None and found:
                write_landscape(crystal, landscapes / Path(id_).name, mobile_ion, resolution_angstrom)
    return table.assign(note=table["note"].where(unread == "", unread))


def write_landscape(crystal: Structure, path: Path, mobile_ion: str, resolution_angstrom: float) -> None:
    """One landscape as a Gaussian cube file and a VESTA grid, eV above its lowest point."""
    framework = framework_of(assign_oxidation_states(crystal)[0], mobile_ion)
    landscape = site_energy_landscape(framework, mobile_ion, resolution_angstrom=resolution_angstrom)
    for suffix, text in ((".cube", cube_text(landscape, crystal)), (".grd", grd_text(landscape))):
        write_whole(path.with_name(path.name + suffix), partial(Path.write_text, data=text, encoding="utf-8"))
