"""`ionsieve percolation`: barriers of an ion through crystals."""

from pathlib import Path
from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Out


def percolation(
    cifs: Annotated[list[str], typer.Argument(help="CIFs, or folders or zips of them.")],
    mobile_ion: Annotated[str, typer.Option(help="Ion that moves, as Li, Na, K, Ag, Mg or F.")] = "Li",
    resolution_angstrom: Annotated[float, typer.Option(help="Grid spacing.")] = 0.2,
    refine: Annotated[bool, typer.Option(help="Off the grid: gates at saddle points, pockets at minima.")] = False,
    landscapes: Annotated[Path | None, typer.Option(help="Folder for each landscape as .cube and .grd.")] = None,
    out: Out = None,
) -> None:
    """Barriers of the mobile ion in one, two and three dimensions."""
    from ionsieve.pipeline.answers.percolation import percolating
    from ionsieve.pipeline.commands.output import answered, check_out

    check_out(out)
    answered(percolating(cifs, mobile_ion, resolution_angstrom, refine, landscapes), ["percolation_barrier_1d_ev"], out)
