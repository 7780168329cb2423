"""`ionsieve window`: hull distance, decomposition and electrochemical window of formulas."""

from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Draws, MobileIon, Out, PhasesFile


def window(
    materials: Annotated[list[str], typer.Argument(help="Formulas, or one table with `formula`.")],
    phases: PhasesFile = None,
    mobile_ion: MobileIon = "Li",
    draws: Draws = 0,
    out: Out = None,
) -> None:
    """Hull distance, decomposition, electrochemical window and its products."""
    from ionsieve.pipeline.answers.cells import check_mobile_ion
    from ionsieve.pipeline.answers.materials import read_materials
    from ionsieve.pipeline.answers.phases import load_phases, missing_phases
    from ionsieve.pipeline.answers.windows import window_answers
    from ionsieve.pipeline.commands.output import answered, check_out, with_progress
    from ionsieve.pipeline.home import home

    check_out(out)
    check_mobile_ion(mobile_ion)
    workspace = home("phases" if phases is None else None)
    rows, hull = read_materials(materials), load_phases(workspace, phases)
    missing = missing_phases(workspace, hull)
    table = with_progress(rows, lambda part: window_answers(part, hull, missing, mobile_ion, draws))
    answered(table, ["oxidation_limit_v"], out)
