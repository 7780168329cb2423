"""`ionsieve screen`: the whole funnel on a person's own materials, or one funnel by name."""

from pathlib import Path
from typing import Annotated

import typer


def screen(
    materials: Annotated[
        Path | None, typer.Argument(help="A table with `formula`, or a folder or zip of CIFs. Needed without --funnel.")
    ] = None,
    funnel: Annotated[
        str | None, typer.Option(help="One funnel alone: a name in funnels/, or the path of your own YAML file.")
    ] = None,
    judged: Annotated[
        Path | None, typer.Option(help="With --funnel: the judged.parquet of another run, instead of materials.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for shortlists, funnel and report.")] = Path("screened"),
) -> None:
    """The whole funnel on your own materials, with the models and phases of the last `make screen`.

    With --funnel, that one alone, on your materials or on those of the last `make screen`.
    """
    from ionsieve.pipeline.answers.screening import screen_materials
    from ionsieve.pipeline.home import home
    from ionsieve.pipeline.report.summary import print_results

    if funnel is not None:
        _one_funnel(funnel, materials, judged, out)
    elif materials is None:
        raise typer.BadParameter("give your materials, or a funnel by --funnel NAME.", param_hint="MATERIALS")
    else:
        screen_materials(materials, out, home("train"))
        print_results(out.resolve())


def _one_funnel(name: str, materials: Path | None, judged: Path | None, out: Path) -> None:
    from ionsieve.pipeline.answers.funnels import STEP, answer_funnel, judged_file, load_funnel
    from ionsieve.pipeline.answers.screening import screen_materials
    from ionsieve.pipeline.home import home
    from ionsieve.pipeline.report.funnel_text import print_funnel
    from ionsieve.pipeline.tables import InputError

    if materials is not None and judged is not None:
        raise InputError("give materials or --judged, not both.")
    # an error in the file is said before anything is computed
    funnel = load_funnel(name, home())
    if judged is None and materials is None:
        judged = judged_file(home(STEP))
    elif judged is None:
        assert materials is not None
        judged = screen_materials(materials, out, home("train"), last=STEP)
    steps, found, lists = answer_funnel(funnel, judged, out)
    print_funnel(funnel, steps, found, lists)
    print(f"Survivors, funnel and verdicts: {(out / funnel.name).resolve()}")
