"""Print what the last run found: the funnel, the ten best electrolytes and coatings, and where the files lie."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.stages.report import ROLE_TITLES
from ionsieve.pipeline.tables import InputError, read_json, read_table, run_stage
from ionsieve.pipeline.workspace import Workspace

TOP = 10
WIDTH = 110  # where the output is no terminal
SHOWN = {
    "rank": "#",
    "formula": "formula",
    "best_role": "best role",
    "score": "score",
    "log10_sigma": "log σ",
    "sigma_origin": "σ is",
    "reduction_limit_tol_v": "window from V",
    "oxidation_limit_tol_v": "to V",
}


def print_funnel(console: Console, folder: Path) -> None:
    """Candidates left after each role's filters, and the filter that took most."""
    funnel = read_json(folder / "funnel.json")
    table = Table(
        title=f"{funnel['candidates']} candidates ({funnel['rejected']} more were set aside)", title_justify="left"
    )
    for column in ("role", "passed", "of these with unknowns", "what took most"):
        table.add_column(column)
    for role, title in ROLE_TITLES.items():
        filters = funnel["roles"][role]["filters"]
        worst = max(filters, key=lambda f: f["n_dropped"])
        taken = (
            f"{worst['filter'].replace('_', ' ')}: {worst['n_dropped']} ({worst['condition']})"
            if worst["n_dropped"]
            else ""
        )
        unknown = funnel["roles"][role]["passed_with_unknowns"]
        table.add_row(title, str(filters[-1]["n_out"]), str(unknown), escape(taken))
    console.print(table)
    for role in ROLE_TITLES:
        if funnel["roles"][role]["empty"]:
            console.print(escape(funnel["roles"][role]["empty"]))


def print_best(console: Console, folder: Path, name: str) -> None:
    """The best rows of one shortlist."""
    rows = read_table(folder / f"{name}.csv")
    table = Table(title=f"{min(TOP, len(rows))} best {name} of {len(rows)}", title_justify="left")
    for title in SHOWN.values():
        table.add_column(title)
    for row in rows.head(TOP)[list(SHOWN)].itertuples(index=False):
        cells = ["" if v != v else f"{v:.2f}" if isinstance(v, float) else str(v).replace("_", " ") for v in row]
        table.add_row(*map(escape, cells))
    console.print(table)
    new = rows[rows["origin"].fillna("").str.startswith("new")] if "origin" in rows else rows[:0]
    if len(new):
        best = ", ".join(f"{r.formula} (#{r.rank})" for r in new.drop_duplicates("formula").head(TOP).itertuples())
        console.print(f"Of the {len(new)} that are in no table of known compounds, the best: {escape(best)}\n")


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
    for name in ("electrolytes", "coatings"):
        print_best(console, folder, name)
    console.print("Flags and reasons stand in the tables; the report shows them all:")
    for name in ("report.html", "electrolytes.csv", "coatings.csv", "stacks.csv", "crystals.zip", "funnel.json"):
        console.print(f"  {(folder / name).resolve()}", highlight=False, soft_wrap=True)


def main() -> None:
    print_results(file_of(Workspace.at("."), "screen", "funnel").parent)


if __name__ == "__main__":
    run_stage(main)
