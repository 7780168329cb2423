"""`ionsieve predict`: conductivity, band gap and window of a person's own materials."""

from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Out


def predict(
    materials: Annotated[list[str], typer.Argument(help="Formulas, CIFs, a folder or zip of CIFs, or one table.")],
    out: Out = None,
) -> None:
    """Conductivity with its interval, band gap and window; known values go before predicted ones."""
    from ionsieve.pipeline.answers.materials import own_materials
    from ionsieve.pipeline.answers.predictions import predicted
    from ionsieve.pipeline.commands.output import answered, check_out
    from ionsieve.pipeline.home import home

    check_out(out)
    table = predicted(own_materials(materials), home("train"))
    answered(table, ["log10_sigma", "band_gap_ev", "oxidation_limit_v"], out)
