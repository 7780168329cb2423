"""Stage `stability`: hull distance, window and air, for the candidates or for the lithium phases themselves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.air import air_table
from ionsieve.features.thermodynamics.hull import PhaseSet, hull_complete, phase_set
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.pipeline.params import stage_params
from ionsieve.pipeline.sources.phases import lithium_compounds
from ionsieve.pipeline.tables import read_table, report_rows, run_stage, write_table


def known_missing(path: str, thermo_set: str) -> list[str]:
    """Formulas of compounds that exist but have no energy in this thermochemistry."""
    table = read_table(path)
    return list(table.loc[table["thermo_set"] == thermo_set, "formula"])


def own_energies(table: pd.DataFrame, thermo_set: str) -> np.ndarray:
    """(n,) energies of the rows' own, eV/atom; NaN where there is none or it belongs to another thermochemistry."""
    energies = table["formation_energy_ev_atom"].to_numpy(dtype=float)
    if "thermo_set" not in table:
        return energies
    ours = table["thermo_set"].fillna("").isin(["", thermo_set]).to_numpy()
    return np.where(ours, energies, np.nan)


def stability_of(
    table: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], tolerance_ev_atom: float
) -> pd.DataFrame:
    """Hull, window and air columns for a table with id, formula and formation_energy_ev_atom (NaN: the hull's own)."""
    formulas, energies = list(table["formula"]), own_energies(table, phases.thermo_set).tolist()
    window = window_table(formulas, phases, energies, tolerance_ev_atom=tolerance_ev_atom)
    air = air_table(formulas, phases)
    joined = pd.concat([table[["id"]].reset_index(drop=True), window], axis=1)
    joined = joined.assign(**{c: air[c] for c in air.columns if c not in joined})
    return joined.assign(hull_complete=hull_complete(formulas, phases, missing))


def main(source: str, phases: str, missing: str, out: str) -> None:
    params = stage_params("stability")
    rows = pd.read_parquet(phases)
    table = pd.read_parquet(source)
    n_in = len(table)
    if "id" not in table:  # the phases themselves: only their lithium compounds
        table = lithium_compounds(table).assign(id=lambda t: t["formula"])
    known = known_missing(missing, rows["thermo_set"].iloc[0])
    result = stability_of(table, phase_set(rows), known, params["tolerance_ev_atom"])
    write_table(result, out)
    report_rows("stability", n_in, len(result), {"without lithium": n_in - len(result)})
    foreign = int(
        (table["formation_energy_ev_atom"].notna() & np.isnan(own_energies(table, rows["thermo_set"].iloc[0]))).sum()
    )
    if foreign:
        print(f"  {foreign} energies of another thermochemistry were not used: a hull mixes none")
    print(f"  {int(result['hull_complete'].sum())} in systems whose phases are all known to this set")


if __name__ == "__main__":
    run_stage(main)
