"""Stage `phases`: formation energies of one thermochemistry, one row per composition, elements at zero."""

from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.pipeline.params import choose
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted
from ionsieve.pipeline.workspace import Block

SOURCES = {"embedded": table.phases, "table": table.phases}


def ground_states(phases: pd.DataFrame) -> pd.DataFrame:
    """The lowest energy of each composition, elements at zero (added where absent), sorted by formula."""
    compositions = [parse_formula(f) for f in phases["formula"]]
    is_element = np.array([len(c) == 1 for c in compositions])
    symbols = sorted({element.symbol for c in compositions for element in c})
    elements = pd.DataFrame(
        {"formula": symbols, "formation_energy_ev_atom": 0.0, "thermo_set": phases["thermo_set"].iloc[0]}
    )
    compounds = phases[~is_element].assign(key=[composition_key(c) for c in compositions if len(c) > 1])
    compounds = compounds.sort_values(["formation_energy_ev_atom", "formula"], kind="stable").drop_duplicates("key")
    return pd.concat([compounds.drop(columns="key"), elements]).sort_values("formula", ignore_index=True)


def run(*, table: Path, phases: Block) -> Result:
    rows = choose(SOURCES, phases["source"], "phases.source")(table, phases["thermo_set"])
    kept = ground_states(rows)
    elements = int((kept["formula"].str.fullmatch("[A-Z][a-z]?")).sum())
    added = elements - int(rows["formula"].str.fullmatch("[A-Z][a-z]?").sum())
    n_in = len(rows) + max(added, 0)
    lines = [
        counted("phases", n_in, len(kept), {"higher in energy at the same composition": n_in - len(kept)}),
        f"  {elements} elements at 0 eV/atom, thermo_set {kept['thermo_set'].iloc[0]}",
    ]
    return Result({"out": kept}, lines)


if __name__ == "__main__":
    stage_main(run)
