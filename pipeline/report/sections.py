"""Sections of the report: one list, the funnel, why a material fell, how far to trust the models."""

import math
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ionsieve.pipeline.tables import read_table

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
    "family": "family",
    "novelty": "novelty",
    "score": "score",
    "next_step": "what to compute or measure next",
    "log10_sigma": "log σ (S/cm)",
    "sigma_interval": "90 % interval",
    "sigma_origin": "σ is",
    "band_gap_ev": "gap (eV)",
    "band_gap_origin": "gap is",
    "e_above_hull_ev_atom": "above hull (eV/atom)",
    "reduction_limit_tol_v": "reduces below (V)",
    "oxidation_limit_tol_v": "oxidises above (V)",
    "e_rxn_h2o_ev": "with water (eV per H2O)",
    "e_rxn_co2_ev": "with CO2 (eV per CO2)",
    "migration_barrier_2d_ev": "2D barrier (eV)",
    "parent": "parent",
    "polymorphs": "other polymorphs",
    "id": "id",
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
    "ready": "Every quantity that decides is known (measured, computed, or predicted near the data) and passes.",
    "explore": "Nothing known speaks against these, but quantities that decide are not known. Ordered by promise.",
    "stacks": "Layers between the electrodes that tolerate their neighbours, by resistance and by the weakest contact.",
}
LISTED = {"ready": -1, "explore": -2}  # in place of the filter a material fell by
LONG = ("flags", "reasons", "next_step", "polymorphs")


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
    text = str(value)
    if column in LONG:  # long: three lines until clicked
        return {"html": Markup('<div class="clamp">{}</div>').format(text), "sort": text, "css": "wide"}
    return {"html": text, "sort": text, "css": ""}


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the conductivity's interval as one text column."""
    if "log10_sigma_low" not in table:
        return table
    text = [
        ("" if high != high else f"below {high:.1f}") if low != low else f"{low:.1f} to {high:.1f}"
        for low, high in zip(table["log10_sigma_low"], table["log10_sigma_high"], strict=True)
    ]
    return table.assign(sigma_interval=text)


def role_sections(role: str, path: Path, counts: dict[str, Any], rows_shown: int) -> list[dict[str, Any]]:
    """The ready and the explore list of one role for the template."""
    table = with_interval(read_table(path, text=("id", "formula", "flags", "reasons")))
    sections = []
    for name in ("ready", "explore"):
        rows = table[table["list"] == name]
        columns = [c for c in TITLES if c in rows and not (c == "next_step" and name == "ready")]
        title = f"{ROLE_TITLES[role]}: {name}"
        empty = [counts["empty"]] if name == "ready" and counts["empty"] else []
        section = table_section(f"{role}-{name}", title, ABOUT[name], rows[columns], rows_shown)
        sections.append(section | {"empty": empty, "file": path.name, "count": len(rows)})
    return sections


def stack_section(path: Path, rows_shown: int) -> dict[str, Any]:
    """The stacks for the template."""
    table = read_table(path)
    rows = table[[c for c in STACKS if c in table]]
    section = table_section("stacks", "Stacks", ABOUT["stacks"], rows, rows_shown)
    return section | {"empty": [], "file": path.name, "count": len(rows)}


def table_section(id_: str, title: str, about: str, rows: pd.DataFrame, rows_shown: int) -> dict[str, Any]:
    """One table of the page: its first rows as cells."""
    shown = STACKS if id_ == "stacks" else TITLES
    cells = [
        [cell(c, v) for c, v in zip(rows.columns, row, strict=True)]
        for row in rows.head(rows_shown).itertuples(index=False)
    ]
    return {
        "id": id_,
        "title": title,
        "about": about,
        "columns": [{"key": c, "title": shown[c]} for c in rows.columns],
        "rows": cells,
        "left_out": max(len(rows) - rows_shown, 0),
    }


def funnel_section(funnel: dict[str, Any]) -> list[dict[str, Any]]:
    """The funnel per role, with the share left after each filter."""
    section = []
    for role, title in ROLE_TITLES.items():
        filters = funnel["roles"][role]["filters"]
        n_in = filters[0]["n_in"]
        rows = [f | {"percent": round(100 * f["n_out"] / n_in, 1) if n_in else 0} for f in filters]
        ready = funnel["roles"][role]["lists"]["ready"]
        section.append({"title": title, "n_in": n_in, "n_out": filters[-1]["n_out"], "n_ready": ready, "filters": rows})
    return section


def compact_verdicts(verdicts: pd.DataFrame) -> dict[str, Any]:
    """Verdicts as small arrays: id, formula, role, filter (-1: ready, -2: explore), value, threshold, margin."""
    roles = list(ROLE_TITLES)
    filters = sorted(set(verdicts["first_failed_filter"]) - {""})

    def number(value: float) -> str | None:
        return None if value != value else f"{value:.3g}"

    rows = [
        [
            v["id"],
            v["formula"],
            roles.index(v["role"]),
            filters.index(v["first_failed_filter"]) if v["list"] == "fell" else LISTED[v["list"]],
            v["detail"] or number(v["value"]),
            number(v["threshold"]),
            number(v["margin"]),
        ]
        for v in verdicts.sort_values(["id", "role"]).to_dict("records")
    ]
    return {"roles": [ROLE_TITLES[r] for r in roles], "filters": [f.replace("_", " ") for f in filters], "rows": rows}


def score_section(cards: dict[str, Any]) -> dict[str, Any]:
    """Errors of every model per kind of split, with those of simpler models beside them."""
    shown = ["model", "held out", "estimator", "rows", "mean absolute error", "near", "far", "median instead"]
    shown += ["rank correlation", "R²"]
    rows, notes = [], []
    for name, card in cards.items():
        title = name.replace("_", " ")
        if not card["trained"]:
            notes.append(
                f"{title}: {card['reason_not_trained']}. Its values are unknown where nothing was measured or computed."
            )
            continue
        for s in card["scores"]:
            numbers = [s[key] for key in ("mae", "mae_near", "mae_far", "mae_baseline", "spearman", "r2")]
            rows.append(
                [title, s["split"], s["estimator"], int(s["n"]), *("" if v is None else f"{v:.2f}" for v in numbers)]
            )
        held = [f"{s['coverage']:.0%} ({s['split']})" for s in card["scores"] if s["estimator"] == "blend"]
        text = f"{title}: intervals meant to hold {card['coverage_asked']:.0%} of unseen values held {', '.join(held)}."
        if card["noise_floor"] is not None:
            text += f" Repeated measurements of one composition scatter by {card['noise_floor']:.2f} decades."
        notes.append(text)
    return {"columns": shown, "rows": rows, "notes": notes}


def listed_ids(paths: list[Path]) -> list[str]:
    """Ids of listed materials, the best of each list first, none twice."""
    lists = [read_table(path)["id"].tolist() for path in paths]
    ranked = [ids[rank] for rank in range(max(map(len, lists), default=0)) for ids in lists if rank < len(ids)]
    return list(dict.fromkeys(ranked))
