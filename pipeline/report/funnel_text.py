"""A funnel on the terminal: our counts beside the published ones, what became of known finds, and why counts differ."""

from collections.abc import Mapping

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ionsieve.models.judgement.funnel_files import Funnel

COUNTS = ("n_dropped", "n_dropped_unknown", "n_unknown", "n_out", "published_count")
HEADS = {
    "filter": "step",
    "condition": "condition",
    "n_dropped": "dropped",
    "n_dropped_unknown": "of these unknown",
    "n_unknown": "left unknown",
    "n_out": "left",
    "published_count": "published",
    "count_check": "count from",
    "basis": "threshold from",
}
WIDTH = 140  # where the output is no terminal


def print_funnel(funnel: Funnel, steps: pd.DataFrame, found: Mapping[str, str], lists: Mapping[str, int]) -> None:
    """Print the steps, then notes in sentences.

    Args:
        steps, found: As from `answer_funnel`.
        lists: How many candidates are ready and worth exploring.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    shown = ["filter", "condition", "n_dropped", "n_dropped_unknown", "n_unknown", "n_out"]
    shown += [
        name
        for name in ("published_count", "count_check", "basis")
        if (steps[name].astype("string").fillna("") != "").any()
    ]
    table = Table(title=escape(f"{funnel.name}: {funnel.title or 'no title'}"), title_justify="left")
    for name in shown:
        table.add_column(HEADS[name], justify="right" if name in COUNTS else "left")
    for row in steps[shown].astype(object).where(steps[shown].notna(), "").to_numpy():
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)
    lines = [f"Publication: {funnel.reference}."] if funnel.reference else []
    lines.append(f"{lists.get('ready', 0)} are ready, {lists.get('explore', 0)} have a deciding quantity unknown.")
    lines += [f"Found there, {formula}: {fate}." for formula, fate in found.items()]
    lines += [f"Why counts differ: {reason}." for reason in funnel.differs]
    lines += [f"Not asked here: {condition}." for condition in funnel.missing]
    for line in lines:
        console.print(escape(line), highlight=False)
