"""Stage `phases`: formation energies of one thermochemistry, one row per composition, elements at zero."""

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.pipeline.params import choose, stage_params
from ionsieve.pipeline.sources import table
from ionsieve.pipeline.tables import report_rows, run_stage, write_table

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


def main(path: str, out: str) -> None:
    params = stage_params("phases")
    rows = choose(SOURCES, params["source"], "phases.source")(path, params["thermo_set"])
    kept = ground_states(rows)
    write_table(kept, out)
    elements = int((kept["formula"].str.fullmatch("[A-Z][a-z]?")).sum())
    added = elements - int(rows["formula"].str.fullmatch("[A-Z][a-z]?").sum())
    report_rows(
        "phases",
        len(rows) + max(added, 0),
        len(kept),
        {"higher in energy at the same composition": len(rows) + max(added, 0) - len(kept)},
    )
    print(f"  {elements} elements at 0 eV/atom, thermo_set {kept['thermo_set'].iloc[0]}")


if __name__ == "__main__":
    run_stage(main)
