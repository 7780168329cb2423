"""Stage `report`: one self-contained page of shortlists, map, funnel, why a material fell, how far to trust models."""

import math
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ionsieve.pipeline.report import figures
from ionsieve.pipeline.report.figures import crystal_figures, figure_html, map_figure, parity_figure
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import read_json, read_table
from ionsieve.pipeline.workspace import Block

ROLE_TITLES = {
    "electrolyte": "Electrolyte (separator)",
    "anolyte": "Anolyte",
    "catholyte": "Catholyte",
    "cathode_coating": "Cathode coating",
    "anode_coating": "Anode coating",
}
TITLES = {
    "rank": "#",
    "formula": "formula",
    "id": "id",
    "best_role": "best role",
    "score": "score",
    "log10_sigma": "log σ (S/cm)",
    "sigma_interval": "90 % interval",
    "sigma_origin": "σ is",
    "band_gap_ev": "gap (eV)",
    "band_gap_origin": "gap is",
    "e_above_hull_ev_atom": "above hull (eV/atom)",
    "reduction_limit_tol_v": "reduces below (V)",
    "oxidation_limit_tol_v": "oxidises above (V)",
    "migration_barrier_2d_ev": "2D barrier (eV)",
    "space_group_number": "space group",
    "origin": "from",
    "about": "crystal",
    "flags": "flags",
    "reasons": "why",
}
STACKS = {
    "rank": "#",
    "stack": "stack, anode to cathode",
    "score": "score",
    "asr_ohm_cm2": "resistance (Ω cm²)",
    "weakest_interface_ev_atom": "weakest contact (eV/atom)",
    "weakest_interface": "where",
    "n_layers": "layers",
    "flags": "flags",
}
ABOUT = {
    "electrolytes": "Materials that pass every filter of an electrolyte, anolyte or catholyte; score 1 would be ideal.",
    "coatings": "Thin layers between cathode and electrolyte, or between electrolyte and lithium.",
    "stacks": "Layers between the electrodes that tolerate their neighbours, by resistance and by the weakest contact.",
}
TEMPLATE = Path(figures.__file__).with_name("template.html")


def subscripted(formula: str) -> Markup:
    """Formula with its amounts as subscripts, everything else escaped."""
    html, digits = "", False
    for k, character in enumerate(formula):
        number = character.isdigit() or (character == "." and k > 0)
        if number != digits:
            html += "<sub>" if number else "</sub>"
            digits = number
        html += escape(character)
    return Markup(html + ("</sub>" if digits else ""))  # every character went through escape()


def cell(column: str, value: Any) -> dict[str, Any]:
    """How one table cell looks and sorts; unknown is empty and sorts last."""
    if value is None or value != value:
        return {"html": "", "sort": "", "css": "n"}
    if column == "formula":
        return {"html": subscripted(value), "sort": value, "css": ""}
    if isinstance(value, bool):
        return {"html": "yes" if value else "", "sort": int(value), "css": ""}
    if isinstance(value, int | float):
        shown = (
            "∞" if math.isinf(value) else f"{value:.0f}" if column in ("rank", "space_group_number") else f"{value:.3g}"
        )
        return {"html": shown, "sort": value, "css": "n"}
    text = str(value).replace("_", " ") if column == "best_role" else str(value)
    if column in ("flags", "reasons"):  # long: three lines until clicked
        return {"html": Markup('<div class="clamp">{}</div>').format(text), "sort": text, "css": "wide"}
    return {"html": text, "sort": text, "css": ""}


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the conductivity's interval as one text column."""
    if "log10_sigma_low" not in table:
        return table
    text = [
        "" if low != low or low == high else f"{low:.1f} to {high:.1f}"
        for low, high in zip(table["log10_sigma_low"], table["log10_sigma_high"], strict=True)
    ]
    return table.assign(sigma_interval=text)


def shortlist_section(name: str, path: Path, empty: list[str], rows_shown: int) -> dict[str, Any]:
    """One ranked table for the template."""
    table = with_interval(read_table(path, text=("id", "formula", "flags", "reasons")))
    shown = STACKS if name == "stacks" else TITLES
    columns = [c for c in shown if c in table.columns]
    if "id" in columns and (table["id"] == table["formula"]).all():
        columns.remove("id")
    rows = [
        [cell(c, v) for c, v in zip(columns, row, strict=True)]
        for row in table.head(rows_shown)[columns].itertuples(index=False)
    ]
    return {
        "id": name,
        "title": name.capitalize(),
        "about": ABOUT[name],
        "empty": [sentence for sentence in empty if sentence],
        "columns": [{"key": c, "title": shown[c]} for c in columns],
        "rows": rows,
        "left_out": max(len(table) - rows_shown, 0),
        "file": str(path),
    }


def funnel_section(funnel: dict[str, Any]) -> list[dict[str, Any]]:
    """The funnel per role, with the share left after each filter."""
    section = []
    for role, title in ROLE_TITLES.items():
        filters = funnel["roles"][role]["filters"]
        n_in = filters[0]["n_in"]
        rows = [f | {"percent": round(100 * f["n_out"] / n_in, 1) if n_in else 0} for f in filters]
        section.append({"title": title, "n_in": n_in, "n_out": filters[-1]["n_out"], "filters": rows})
    return section


def compact_verdicts(verdicts: pd.DataFrame) -> dict[str, Any]:
    """Verdicts as small arrays: id, formula, role, filter (-1: passed), value, threshold, margin."""
    roles = list(ROLE_TITLES)
    filters = sorted(set(verdicts["first_failed_filter"]) - {""})

    def number(value: float) -> str | None:
        return None if value != value else f"{value:.3g}"

    rows = [
        [
            v["id"],
            v["formula"],
            roles.index(v["role"]),
            -1 if v["passed"] else filters.index(v["first_failed_filter"]),
            v["detail"] or number(v["value"]),
            number(v["threshold"]),
            number(v["margin"]),
        ]
        for v in verdicts.sort_values(["id", "role"]).to_dict("records")
    ]
    return {"roles": [ROLE_TITLES[r] for r in roles], "filters": [f.replace("_", " ") for f in filters], "rows": rows}


def score_section(cards: dict[str, Any]) -> dict[str, Any]:
    """Errors of every model per kind of split, with those of simpler models beside them."""
    shown = ["model", "split", "estimator", "rows", "mean absolute error", "median instead", "rank correlation", "R²"]
    rows, notes = [], []
    for name, card in cards.items():
        title = name.replace("_", " ")
        if not card["trained"]:
            notes.append(
                f"{title}: {card['reason_not_trained']}. Its values are unknown where nothing was measured or computed."
            )
            continue
        for s in card["scores"]:
            numbers = [s["mae"], s["mae_baseline"], s["spearman"], s["r2"]]
            rows.append(
                [title, s["split"], s["estimator"], int(s["n"]), *("" if v is None else f"{v:.2f}" for v in numbers)]
            )
        held = [f"{s['coverage']:.0%} ({s['split']})" for s in card["scores"] if s["estimator"] == "blend"]
        text = f"{title}: intervals meant to hold {card['coverage_asked']:.0%} of unseen values held {', '.join(held)}."
        if card["noise_floor"] is not None:
            text += f" Repeated measurements of one composition scatter by {card['noise_floor']:.2f} decades."
        notes.append(text)
    return {"columns": shown, "rows": rows, "notes": notes}


def listed_ids(*paths: Path) -> list[str]:
    """Ids of shortlisted materials, the best of each list first."""
    lists = [read_table(path)["id"].tolist() for path in paths]
    return [ids[rank] for rank in range(max(map(len, lists))) for ids in lists if rank < len(ids)]


def run(
    *,
    candidates: pd.DataFrame,
    judged: pd.DataFrame,
    verdicts: pd.DataFrame,
    funnel: Path,
    rejected: Path,
    models: Path,
    electrolytes: Path,
    coatings: Path,
    stacks: Path,
    report: Block,
    screen: Block,
) -> Result:
    fell = read_json(funnel)
    empty = {role: fell["roles"][role]["empty"] for role in ROLE_TITLES}
    emptied = {
        "electrolytes": [empty["electrolyte"], empty["anolyte"], empty["catholyte"]],
        "coatings": [empty["cathode_coating"], empty["anode_coating"]],
        "stacks": [],
    }
    files = {"electrolytes": electrolytes, "coatings": coatings, "stacks": stacks}
    shortlists = [shortlist_section(name, path, emptied[name], report["rows_shown"]) for name, path in files.items()]
    facts = [{"name": "candidates", "value": fell["candidates"]}, {"name": "set aside", "value": fell["rejected"]}]
    facts += [{"name": ROLE_TITLES[r], "value": fell["roles"][r]["filters"][-1]["n_out"]} for r in ROLE_TITLES]
    crystals = crystal_figures(candidates, judged, listed_ids(electrolytes, coatings), report["crystals"])
    predictions = pd.read_parquet(models / "held_out.parquet")
    parity = [
        figure_html(parity_figure(str(name), rows), f"parity-{name}") for name, rows in predictions.groupby("model")
    ]
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, keep_trailing_newline=True)
    page = environment.get_template(TEMPLATE.name).render(
        plotly_js=Markup(get_plotlyjs()),
        facts=facts,
        sections=[(t["id"], t["title"]) for t in shortlists]
        + [("map", "Map"), ("crystals", "Paths"), ("funnel", "Funnel"), ("why", "Why not?"), ("models", "Trust")],
        shortlists=shortlists,
        map_figure=figure_html(map_figure(judged, screen["cathode_voltage_v"]), "map-figure"),
        crystals=crystals,
        funnel=funnel_section(fell),
        verdicts=compact_verdicts(verdicts),
        scores=score_section(read_json(models / "scores.json")),
        parity_figures=parity,
        rejected=read_table(rejected, text=("id", "source", "reason")).head(report["rows_shown"]).to_dict("records"),
    )
    return Result({"out": page}, [f"report: one page, {len(page.encode()) / 1e6:.1f} MB"])


if __name__ == "__main__":
    stage_main(run)
