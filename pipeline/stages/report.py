"""Stage `report`: one self-contained page of the lists, map, funnel, why a material fell, how far to trust models."""

from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ionsieve.pipeline.report import figures, sections
from ionsieve.pipeline.report.figures import crystal_figures, figure_html, map_figure, parity_figure
from ionsieve.pipeline.report.sections import ROLE_TITLES
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import read_json, read_table
from ionsieve.pipeline.workspace import Block

TEMPLATE = Path(figures.__file__).with_name("template.html")
FURTHER = [("map", "Map"), ("crystals", "Paths"), ("funnel", "Funnel"), ("why", "Why not?"), ("models", "Trust")]


def run(
    *,
    candidates: pd.DataFrame,
    judged: pd.DataFrame,
    verdicts: pd.DataFrame,
    funnel: Path,
    rejected: Path,
    models: Path,
    electrolyte: Path,
    anolyte: Path,
    catholyte: Path,
    cathode_coating: Path,
    anode_coating: Path,
    stacks: Path,
    report: Block,
) -> Result:
    told = read_json(funnel)
    roles, shown = told["roles"], report["rows_shown"]
    files = dict(zip(ROLE_TITLES, [electrolyte, anolyte, catholyte, cathode_coating, anode_coating], strict=True))
    lists = [s for role, path in files.items() for s in sections.role_sections(role, path, roles[role], shown)]
    facts = [{"name": "candidates", "value": told["candidates"]}, {"name": "set aside", "value": told["rejected"]}]
    facts += [
        {"name": f"{title}: ready", "value": roles[role]["lists"]["ready"]} for role, title in ROLE_TITLES.items()
    ]
    crystals = crystal_figures(candidates, judged, sections.listed_ids(list(files.values())), report["crystals"])
    predictions = pd.read_parquet(models / "held_out.parquet")
    parity = [
        figure_html(parity_figure(str(name), rows), f"parity-{name}") for name, rows in predictions.groupby("model")
    ]
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, keep_trailing_newline=True)
    page = environment.get_template(TEMPLATE.name).render(
        plotly_js=Markup(get_plotlyjs()),
        facts=facts,
        sections=[(f"{role}-ready", title) for role, title in ROLE_TITLES.items()] + [("stacks", "Stacks"), *FURTHER],
        shortlists=[*lists, sections.stack_section(stacks, shown)],
        map_figure=figure_html(map_figure(judged, told["cathode_voltage_v"]), "map-figure"),
        crystals=crystals,
        funnel=sections.funnel_section(told),
        verdicts=sections.compact_verdicts(verdicts),
        scores=sections.score_section(read_json(models / "scores.json")),
        parity_figures=parity,
        rejected=read_table(rejected, text=("id", "source", "reason")).head(shown).to_dict("records"),
    )
    return Result({"out": page}, [f"report: one page, {len(page.encode()) / 1e6:.1f} MB"])


if __name__ == "__main__":
    stage_main(run)
