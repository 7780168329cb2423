"""The command line: thin wrappers of the functions the stages call."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ionsieve.features.thermodynamics.known_missing import lacking
from ionsieve.pipeline.commands import answers
from ionsieve.pipeline.commands.materials import evaluated, own_materials, percolating, predicted
from ionsieve.pipeline.commands.screening import screen_materials
from ionsieve.pipeline.home import home
from ionsieve.pipeline.report.summary import print_results
from ionsieve.pipeline.tables import InputError, write_table

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
Out = Annotated[Path | None, typer.Option(help="Write a .csv or .parquet file; else a table is printed.")]
PhasesFile = Annotated[Path | None, typer.Option("--phases", help="Table with formula and formation_energy_ev_atom.")]
MobileIon = Annotated[str, typer.Option(help="Ion that moves: Li, Na, K or Mg.")]
Draws = Annotated[
    int, typer.Option(min=0, help="Draws of the energies' errors: adds 90 % intervals and probabilities. 0: none.")
]
SIDE_BY_SIDE = 4  # materials; more stand below each other
WIDTH = 200  # where the output is no terminal
PROGRESS_FROM = 2 * answers.CHUNK  # rows; fewer are answered before a bar could be read


def emit(table: pd.DataFrame, out: Path | None) -> None:
    """Write the table, or print it for people to read: few rows side by side, as there are many columns."""
    if out is not None:
        write_table(table, out)
        return
    shown, console = Table(), Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if len(table) <= SIDE_BY_SIDE:
        shown.show_header = False
        for column in table.columns:
            shown.add_row(column, *map(_cell, table[column]))
    else:
        for column in table.columns:
            shown.add_column(column, overflow="fold")
        for row in table.itertuples(index=False):
            shown.add_row(*map(_cell, row))
    console.print(shown)


def _cell(value: object) -> Text:
    if value is None or value != value:
        return Text("")
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))  # brackets of formulas are no markup


def answered(table: pd.DataFrame, values: Sequence[str], out: Path | None) -> None:
    """Emit, then fail if no row has any of the values that were asked for."""
    emit(table, out)
    if table[list(values)].isna().all(axis=None):
        raise InputError(f"no row could be answered; the column note says why (first: {table['note'].iloc[0]})")


def with_progress(rows: pd.DataFrame, answer: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Answer all rows, with a bar on the terminal when there are many."""
    with Progress(console=Console(stderr=True), disable=len(rows) < PROGRESS_FROM) as progress:
        task = progress.add_task("rows", total=len(rows))
        parts = []
        for part in answers.in_chunks(rows, answer):
            parts.append(part)
            progress.advance(task, len(part))
    return pd.concat(parts, ignore_index=True)


def check_out(out: Path | None) -> None:
    """Refuse a file type we cannot write before anything is computed."""
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise InputError(f"--out {out}: write to a .csv or .parquet file.")


@app.command()
def window(
    materials: Annotated[list[str], typer.Argument(help="Formulas, or one table with `formula`.")],
    phases: PhasesFile = None,
    mobile_ion: MobileIon = "Li",
    draws: Draws = 0,
    out: Out = None,
) -> None:
    """Hull distance, decomposition, electrochemical window and its products."""
    check_out(out)
    answers.check_mobile_ion(mobile_ion)
    workspace = home()
    rows, hull = answers.read_materials(materials), answers.load_phases(workspace, phases)
    missing = answers.missing_phases(workspace, hull)
    table = with_progress(rows, lambda part: answers.window_answers(part, hull, missing, mobile_ion, draws))
    answered(table, ["oxidation_limit_v"], out)


@app.command()
def interface(
    pair: Annotated[list[str], typer.Argument(help="Two formulas, or one table with `formula_a` and `formula_b`.")],
    phases: PhasesFile = None,
    voltage: Annotated[float | None, typer.Option(help="Lithium open at this voltage against Li/Li+.")] = None,
    mobile_ion: MobileIon = "Li",
    draws: Draws = 0,
    out: Out = None,
) -> None:
    """Worst mutual reaction of each pair, with products."""
    check_out(out)
    answers.check_mobile_ion(mobile_ion)
    if len(pair) == 2 and not any(map(os.path.exists, pair)):
        rows = pd.DataFrame({"formula_a": pair[:1], "formula_b": pair[1:]})
    elif len(pair) == 1:
        rows = answers.read_materials(pair, ("formula_a", "formula_b"))
        if not {"formula_a", "formula_b"} <= set(rows.columns):
            raise InputError(f"{pair[0]} is no file, and a pair needs two formulas.")
    else:
        raise InputError("give two formulas, or one table with formula_a and formula_b.")
    if voltage is not None:
        rows = rows.assign(voltage_v=voltage)
    workspace = home()
    hull = answers.load_phases(workspace, phases)
    missing = answers.missing_phases(workspace, hull)
    table = with_progress(rows, lambda part: answers.interface_answers(part, hull, missing, mobile_ion, draws))
    answered(table, ["e_rxn_ev_atom"], out)


@app.command()
def predict(
    materials: Annotated[list[str], typer.Argument(help="Formulas, CIFs, a folder or zip of CIFs, or one table.")],
    out: Out = None,
) -> None:
    """Conductivity with its interval, band gap and window; known values go before predicted ones."""
    check_out(out)
    answered(predicted(own_materials(materials), home()), ["log10_sigma", "band_gap_ev", "oxidation_limit_v"], out)


@app.command()
def percolation(
    cifs: Annotated[list[str], typer.Argument(help="CIFs, or folders or zips of them.")],
    mobile_ion: Annotated[str, typer.Option(help="Ion that moves, as Li, Na, K, Ag, Mg or F.")] = "Li",
    resolution_angstrom: Annotated[float, typer.Option(help="Grid spacing.")] = 0.2,
    refine: Annotated[bool, typer.Option(help="Off the grid: gates at saddle points, pockets at minima.")] = False,
    landscapes: Annotated[Path | None, typer.Option(help="Folder for each landscape as .cube and .grd.")] = None,
    out: Out = None,
) -> None:
    """Barriers of the mobile ion in one, two and three dimensions."""
    check_out(out)
    answered(percolating(cifs, mobile_ion, resolution_angstrom, refine, landscapes), ["percolation_barrier_1d_ev"], out)


@app.command()
def evaluate(
    train: Annotated[Path, typer.Option(help="Measurements to learn from: OBELiX's CSV or our columns.")],
    test: Annotated[Path, typer.Option(help="Measurements to predict.")],
    cifs: Annotated[Path | None, typer.Option(help="Folder or zip of CIFs named as the ids of either.")] = None,
    out: Out = None,
) -> None:
    """Score a split of measured conductivities; the model sees --train alone."""
    check_out(out)
    table = evaluated(train, test, cifs, home().params)
    answered(table, ["log10_sigma_predicted"], out)
    errors = (table["log10_sigma_measured"] - table["log10_sigma_predicted"]).abs()
    inside = table["log10_sigma_measured"].between(table["log10_sigma_low"], table["log10_sigma_high"])
    rank = table["log10_sigma_measured"].corr(table["log10_sigma_predicted"], method="spearman")
    typer.echo(
        f"{errors.notna().sum()} measured values: mean absolute error {errors.mean():.3f} decades, "
        f"Spearman {rank:.3f}, intervals hold {inside[errors.notna()].mean():.2f}",
        err=True,
    )
    for name, which in (("near", table["near"].fillna(False)), ("far", ~table["near"].fillna(True))):
        own = errors[which.astype(bool)].dropna()
        if len(own):
            typer.echo(f"  {name}: {len(own)}, {own.mean():.3f} decades, held {inside[own.index].mean():.2f}", err=True)


@app.command()
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
    check_out(out)
    workspace = home()
    hull = answers.load_phases(workspace, phases)
    table = answers.precursor_answers(formula, hull, available, failures)
    for text in filter(None, lacking([(formula,)], hull, answers.missing_phases(workspace, hull))):
        typer.echo(f"caution: these phases lack {text}; sets and intermediates with them are not seen.", err=True)
    if table.empty:
        raise InputError(f"no balanced set of precursors for {formula} was found among the formulas at hand.")
    emit(table, out)


@app.command()
def screen(
    materials: Annotated[Path, typer.Argument(help="A table with `formula`, or a folder or zip of CIFs.")],
    out: Annotated[Path, typer.Option(help="Folder for shortlists, funnel and report.")] = Path("screened"),
) -> None:
    """The whole funnel on your own materials, with the models and phases of the last `make screen`."""
    screen_materials(materials, out, home())
    print_results(out.resolve())


def main() -> None:
    """Run the command line; an input error is a message and exit code 1, never a traceback."""
    try:
        app(standalone_mode=True)
    except InputError as error:
        sys.exit(f"{error}")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror or error}.")


if __name__ == "__main__":
    main()
