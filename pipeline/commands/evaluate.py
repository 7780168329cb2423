"""`ionsieve evaluate`: the score of a conductivity model on a split."""

from pathlib import Path
from typing import Annotated

import typer

from ionsieve.pipeline.commands.options import Out


def evaluate(
    train: Annotated[
        list[Path], typer.Option(help="Measurements to learn from: OBELiX's CSV or our columns; may be repeated.")
    ],
    test: Annotated[Path, typer.Option(help="Measurements to predict.")],
    cifs: Annotated[Path | None, typer.Option(help="Folder or zip of CIFs named as the ids of either.")] = None,
    out: Out = None,
) -> None:
    """Score a split of measured conductivities; the model sees --train alone."""
    from ionsieve.pipeline.answers.evaluation import evaluated
    from ionsieve.pipeline.commands.output import answered, check_out
    from ionsieve.pipeline.home import home

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
