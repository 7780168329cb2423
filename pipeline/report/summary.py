"""Print what the last run found: what is ready and worth exploring for each role, and where the files lie."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.report.sections import ROLE_TITLES
from ionsieve.pipeline.tables import InputError, read_json, read_table, run_stage
from ionsieve.pipeline.workspace import Workspace

TOP = {"ready": 5, "explore": 3}
WIDTH = 120  # where the output is no terminal
SHOWN = {
    "rank": "#",
    "list": "list",
    "formula": "formula",
    "family": "family",
    "novelty": "novelty",
    "score": "score",
    "log10_sigma": "log σ",
    "sigma_origin": "σ is",
    "reduction_limit_tol_v": "window from V",
    "oxidation_limit_tol_v": "to V",
}
SIGMA = ("log10_sigma", "sigma_origin")  # far from measured materials neither says anything


def print_funnel(console: Console, folder: Path) -> None:
    """Candidates on each role's lists, and the filter that took most."""
    funnel = read_json(folder / "funnel.json")
    table = Table(
        title=f"{funnel['candidates']} candidates ({funnel['rejected']} more were set aside)", title_justify="left"
    )
    for column in ("role", "ready", "explore", "fell", "what took most"):
        table.add_column(column)
    for role, title in ROLE_TITLES.items():
        judged = funnel["roles"][role]
        worst = max(judged["filters"], key=lambda f: f["n_dropped"])
        taken = (
            f"{worst['filter'].replace('_', ' ')}: {worst['n_dropped']} ({worst['condition']})"
            if worst["n_dropped"]
            else ""
        )
        counts = [str(judged["lists"][name]) for name in ("ready", "explore", "fell")]
        table.add_row(title, *counts, escape(taken))
    console.print(table)
    for role in ROLE_TITLES:
        if funnel["roles"][role]["empty"]:
            console.print(escape(funnel["roles"][role]["empty"]))


def print_best(console: Console, folder: Path, role: str) -> None:
    """The best ready and explore rows of one role, and the best that are new."""
    rows = read_table(folder / f"{role}.csv")
    rows = rows.assign(**{c: rows[c].where(rows["log10_sigma_decides"].notna()) for c in SIGMA})
    best = pd.concat([rows[rows["list"] == name].head(n) for name, n in TOP.items()])
    table = Table(title=f"{ROLE_TITLES[role]}: the best of {len(rows)} compositions", title_justify="left")
    for title in SHOWN.values():
        table.add_column(title)
    for row in best[list(SHOWN)].itertuples(index=False):
        cells = ["" if v != v else f"{v:.2f}" if isinstance(v, float) else str(v) for v in row]
        table.add_row(*map(escape, cells))
    console.print(table)
    made = rows[rows["novelty"] != "known"]
    if len(made):
        named = ", ".join(f"{r.formula} ({r.novelty}, {r.list}, #{r.rank})" for r in made.head(5).itertuples())
        console.print(f"New and variant, {len(made)} in all; the best: {escape(named)}\n")


def print_results(folder: Path) -> None:
    """Funnel, best rows and where the files lie.

    Raises:
        InputError: If the folder holds no results.
    """
    if not (folder / "funnel.json").exists():
        raise InputError(f"{folder} holds no results yet: run `make screen` first.")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    print_funnel(console, folder)
    for role in ROLE_TITLES:
        print_best(console, folder, role)
    console.print("What to compute or measure next, flags and reasons stand in the tables; the report shows them all:")
    others = ("stacks.csv", "crystals.zip", "funnel.json", "rejected.csv")
    for name in ("report.html", *(f"{role}.csv" for role in ROLE_TITLES), *others):
        if not (folder / name).exists():
            continue
        console.print(f"  {(folder / name).resolve()}", highlight=False, soft_wrap=True)


def main() -> None:
    print_results(file_of(Workspace.at("."), "screen", "funnel").parent)


if __name__ == "__main__":
    run_stage(main)
