"""Stage `stability`: hull distance, window and air, for the candidates or for the lithium phases themselves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.air import air_table
from ionsieve.features.thermodynamics.anion_limits import anion_oxidation_ceiling_v
from ionsieve.features.thermodynamics.bounded_answers import bounded_windows, missing_note
from ionsieve.features.thermodynamics.completeness import hull_incomplete_reason
from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.missing_bounds import completed
from ionsieve.pipeline.sources.phases import known_missing, lithium_compounds
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block


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
    """Hull, window and air columns for a table with id, formula and formation_energy_ev_atom (NaN: the hull's own).

    hull_complete: no reason against the set is found, and what is known to be missing moves neither the tolerant limits
    nor the hull distance; the *_bound_* columns say between what they lie.
    """
    formulas, energies = list(table["formula"]), own_energies(table, phases.thermo_set).tolist()
    found = bounded_windows(formulas, completed(phases, missing), energies, tolerance_ev_atom=tolerance_ev_atom)
    window = found.drop(columns=["missing_matters", "bounded", "answered"])
    air = air_table(formulas, phases)
    joined = pd.concat([table[["id"]].reset_index(drop=True), window], axis=1)
    joined = joined.assign(**{c: air[c] for c in air.columns if c not in joined})
    pairs = zip(hull_incomplete_reason(formulas, phases, ()), missing_note(found), strict=True)
    reasons = ["; ".join(filter(None, pair)) for pair in pairs]
    return joined.assign(hull_complete=[not reason for reason in reasons], hull_incomplete_reason=reasons)


def run(
    *, materials: pd.DataFrame, phases: pd.DataFrame, missing: Path, anion_limits: pd.DataFrame, stability: Block
) -> Result:
    n_in, thermo_set = len(materials), phases["thermo_set"].iloc[0]
    if "id" not in materials:  # the phases themselves: only their lithium compounds
        materials = lithium_compounds(materials).assign(id=lambda t: t["formula"])
    known = known_missing(missing, thermo_set)
    result = stability_of(materials, phase_set(phases), known, stability["tolerance_ev_atom"])
    ceilings = anion_oxidation_ceiling_v(list(result["formula"]), anion_limits)
    result = result.assign(**{c: ceilings[c].to_numpy() for c in ("anion_group", "oxidation_ceiling_v")})
    lines = [counted("stability", n_in, len(result), {"without lithium": n_in - len(result)})]
    given = materials["formation_energy_ev_atom"].notna()
    foreign = int((given & np.isnan(own_energies(materials, thermo_set))).sum())
    if foreign:
        lines.append(f"  {foreign} energies of another thermochemistry were not used: a hull mixes none")
    lines.append(f"  {int(result['hull_complete'].sum())} in systems whose phases are all known to this set")
    return Result({"out": result}, lines)


if __name__ == "__main__":
    stage_main(run)
