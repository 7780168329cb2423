"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option(help="Write a .csv, .xlsx, .json or .parquet file; else a table is printed.")]
PhasesFile = Annotated[Path | None, typer.Option("--phases", help="Table with formula and formation_energy_ev_atom.")]
MobileIon = Annotated[str, typer.Option(help="Ion that moves: Li, Na, K or Mg.")]
Draws = Annotated[
    int, typer.Option(min=0, help="Draws of the energies' errors: adds 90 % intervals and probabilities. 0: none.")
]
