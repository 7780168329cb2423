"""Text of input files is data: never markup in the report, a command in a spreadsheet, or a path."""

import csv
import json
from html.parser import HTMLParser

import pandas as pd
import pytest

EVIL = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://evil.example","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "../../evil",
    "/etc/evil",
    "{{7*7}}",
    "[red]x[/red]",
    "a'; DROP TABLE x; --",
]
FORMULAS = ["Li3PO4", "LiNbO3", "LiF", "LiAlO2", "Li2SO4", "LiPO3", "Li4P2O7", "Li3PS4", "LiCl", "Li2S"]


class Page(HTMLParser):
    """Tags, attributes and texts of a page as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def attacked(finished, tmp_path_factory):
    """The small project with hostile ids, formulas and notes as candidates."""
    import shutil

    folder = tmp_path_factory.mktemp("outer") / "inner/project"
    shutil.copytree(finished.folder, folder)
    project = type(finished)(folder)
    path = folder / "data/raw/candidates.csv"
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "formula"])
        rows.writerows(zip(EVIL, FORMULAS, strict=True))
        rows.writerows((f"formula {n}", text) for n, text in enumerate(EVIL))
        rows.writerow(["=2+2", "NaCl"])
    before = {p for p in folder.parents[1].rglob("*") if folder not in p.parents}
    late = ("interfaces", "predict", "screen", "shortlist", "report")
    project.run(*[n for n in project.stages() if n in late or n.endswith("candidates")])
    assert {p for p in folder.parents[1].rglob("*") if folder not in p.parents} == before
    return project


def test_ids_go_through_every_table_unchanged(attacked):
    for name in ("interim/candidates", "processed/judged", "processed/predictions", "processed/transport_candidates"):
        assert list(pd.read_parquet(attacked.folder / f"data/{name}.parquet")["id"]) == sorted(EVIL)


def test_formulas_that_are_none_are_set_aside(attacked):
    funnel = json.loads((attacked.folder / "data/shortlists/funnel.json").read_text())
    assert (funnel["candidates"], funnel["rejected"]) == (len(EVIL), len(EVIL) + 1)


def test_the_report_shows_input_as_text(attacked, finished):
    evil, plain = (Page((p.folder / "data/shortlists/report.html").read_text()) for p in (attacked, finished))
    assert "img" not in evil.tags
    assert evil.tags.count("script") == plain.tags.count("script")
    assert evil.handlers == plain.handlers
    assert "<script>alert(1)</script>" in evil.text  # read, not run
    assert "{{7*7}}" in evil.text


@pytest.mark.parametrize(
    "name", ["shortlists/electrolyte.csv", "shortlists/cathode_coating.csv", "interim/rejected.csv"]
)
def test_no_cell_of_a_table_for_people_starts_as_a_command(attacked, name):
    with (attacked.folder / "data" / name).open(newline="") as stream:
        cells = [cell for row in csv.DictReader(stream) for cell in row.values()]
    assert cells
    commands = [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r", "-") and not is_number(cell)]
    assert commands == []


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_hostile_names_of_crystals_stay_inside(project, crystals):
    project.set_params(candidates={"source": "cifs", "path": "data/raw/own"})
    for name in ("=1+1", "<b>x", "..%2f..%2fevil", "a b\n"):
        project.write(f"data/raw/own/{name}.cif", crystals.format(occupancy=1, x=0))
    project.run("candidates")
    rows = pd.read_parquet(project.folder / "data/interim/candidates.parquet")
    assert len(rows) == 1  # the same crystal four times
    assert all(name in rows["id"][0] + rows["note"][0] for name in ("=1+1", "<b>x", "..%2f..%2fevil", "a b\n"))


def test_the_command_line_echoes_markup_as_text(ionsieve, monkeypatch):
    code, out, err = ionsieve("window", "Li2O", "[red]x[/red]", "[/]")
    assert code == 0, err
    assert "[red]x[/red]" in out
    assert "[/]" in out
    code, _, err = ionsieve("screen", "[/nope]")
    assert code == 1
    assert "[/nope]" in err
