"""`ionsieve interface`: the worst reaction of two materials that touch."""

import math
import os
from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Draws, MobileIon, Out, PhasesFile


def interface(
    pair: Annotated[list[str], typer.Argument(help="Two formulas, or one table with `formula_a` and `formula_b`.")],
    phases: PhasesFile = None,
    voltage: Annotated[float | None, typer.Option(help="Lithium open at this voltage against Li/Li+.")] = None,
    mobile_ion: MobileIon = "Li",
    draws: Draws = 0,
    out: Out = None,
) -> None:
    """Worst mutual reaction of each pair, with products."""
    import pandas as pd

    from ionsieve.pipeline.answers.cells import check_mobile_ion
    from ionsieve.pipeline.answers.interfaces import interface_answers
    from ionsieve.pipeline.answers.materials import read_materials
    from ionsieve.pipeline.answers.phases import load_phases, missing_phases
    from ionsieve.pipeline.commands.output import answered, check_out, with_progress
    from ionsieve.pipeline.home import home
    from ionsieve.pipeline.tables import InputError

    check_out(out)
    check_mobile_ion(mobile_ion)
    if len(pair) == 2 and not any(map(os.path.exists, pair)):
        rows = pd.DataFrame({"formula_a": pair[:1], "formula_b": pair[1:]})
    elif len(pair) == 1:
        rows = read_materials(pair, ("formula_a", "formula_b"))
        if not {"formula_a", "formula_b"} <= set(rows.columns):
            raise InputError(f"{pair[0]} is no file, and a pair needs two formulas.")
    else:
        raise InputError("give two formulas, or one table with formula_a and formula_b.")
    if voltage is not None:
        if not math.isfinite(voltage):
            raise InputError(f"--voltage {voltage} is no number of volts.")
        rows = rows.assign(voltage_v=voltage)
    workspace = home("phases" if phases is None else None)
    hull = load_phases(workspace, phases)
    missing = missing_phases(workspace, hull)
    table = with_progress(rows, lambda part: interface_answers(part, hull, missing, mobile_ion, draws))
    answered(table, ["e_rxn_ev_atom"], out)
