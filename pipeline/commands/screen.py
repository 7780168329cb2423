"""`ionsieve screen`: the whole funnel on a person's own materials."""

from pathlib import Path
from typing import Annotated

import typer


def screen(
    materials: Annotated[Path, typer.Argument(help="A table with `formula`, or a folder or zip of CIFs.")],
    out: Annotated[Path, typer.Option(help="Folder for shortlists, funnel and report.")] = Path("screened"),
) -> None:
    """The whole funnel on your own materials, with the models and phases of the last `make screen`."""
    from ionsieve.pipeline.answers.screening import screen_materials
    from ionsieve.pipeline.home import home
    from ionsieve.pipeline.report.summary import print_results

    screen_materials(materials, out, home("train"))
    print_results(out.resolve())
