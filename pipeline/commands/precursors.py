"""`ionsieve precursors`: what to make a material from."""

from pathlib import Path
from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Out, PhasesFile


def precursors(
    formula: Annotated[str, typer.Argument(help="The target phase.")],
    available: Annotated[Path | None, typer.Option(help="Table with `formula`: what is at hand.")] = None,
    failures: Annotated[
        Path | None, typer.Option(help="Table with formula_a, formula_b, product: reactions that went wrong.")
    ] = None,
    phases: PhasesFile = None,
    out: Out = None,
) -> None:
    """Precursor sets of a target, by driving force and by what is left of it once the first pair has reacted."""
    from ionsieve.features.thermodynamics.known_missing import lacking
    from ionsieve.pipeline.answers.phases import load_phases, missing_phases
    from ionsieve.pipeline.answers.precursors import precursor_answers
    from ionsieve.pipeline.commands.output import check_out, emit
    from ionsieve.pipeline.home import home
    from ionsieve.pipeline.tables import InputError

    check_out(out)
    workspace = home("phases" if phases is None else None)
    hull = load_phases(workspace, phases)
    table = precursor_answers(formula, hull, available, failures)
    for text in filter(None, lacking([(formula,)], hull, missing_phases(workspace, hull))):
        typer.echo(f"caution: these phases lack {text}; sets and intermediates with them are not seen.", err=True)
    if table.empty:
        raise InputError(f"no balanced set of precursors for {formula} was found among the formulas at hand.")
    emit(table, out)
