"""Chooses 200 mutants of three packages by a seeded draw, into list.csv; run once, before tests are added for them.

The operators are cosmic-ray's (https://github.com/sixty-north/cosmic-ray, MIT), used through its library: its own
runner changes the files of the working copy in place. It is no dependency: `python -m pip install cosmic-ray==8.7.0` in
an environment of its own.
"""

import ast
import csv
import difflib
import random
from collections.abc import Iterator
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
SEED = 20
PACKAGES = {"models/learning": 67, "features/thermodynamics": 67, "models/judgement": 66}
COMPILED = "simplex.py"  # every mutant of its kernels would be compiled anew, a minute or two each
COLUMNS = ["number", "package", "file", "line", "operator", "original", "mutated"]
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}
BITWISE = {"BitOr", "BitAnd", "BitXor"}

Site = tuple[str, int, int]


def sensible(operator: str) -> bool:
    """Whether an operator keeps the kind of what it replaces: `1.5 << x` fails in any test and says nothing of them."""
    if operator in ("VariableReplacer", "VariableInserter"):
        return False
    if not operator.startswith("ReplaceBinaryOperator_"):
        return True
    old, new = operator.split("_")[1:]
    return {old, new} <= ARITHMETIC or {old, new} <= BITWISE


def annotation_positions(source: str) -> set[tuple[int, int]]:
    """(line, column) of every character in a type annotation: `str | None` means nothing when the code runs."""
    places: set[tuple[int, int]] = set()
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            note = getattr(node, name, None)
            if note is not None and note.lineno == note.end_lineno:
                places.update((note.lineno, column) for column in range(note.col_offset, note.end_col_offset))
    return places


def mutants_by_site(file: str, source: str) -> dict[Site, list[tuple[str, int]]]:
    """Operators, with the occurrence to change, that apply at each (file, line, column)."""
    tree = get_ast(source)
    notes = annotation_positions(source)
    sites: dict[Site, list[tuple[str, int]]] = {}
    for name in sorted(filter(sensible, (n.split("/")[-1] for n in cosmic_ray.plugins.operator_names()))):
        operator = cosmic_ray.plugins.get_operator(f"core/{name}")()
        starts = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        for occurrence, (line, column) in enumerate(starts):
            if (line, column) not in notes:
                sites.setdefault((file, line, column), []).append((name, occurrence))
    return sites


def changed_lines(source: str, mutated: str) -> tuple[int, str, str] | None:
    """First line that differs, with the old and the new text of the lines that differ; None where none does."""
    old, new = source.splitlines(), mutated.splitlines()
    blocks = [b for b in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if b[0] != "equal"]
    if not blocks:
        return None
    first, last, new_first, new_last = blocks[0][1], blocks[-1][2], blocks[0][3], blocks[-1][4]
    return first + 1, "\n".join(old[first:last]), "\n".join(new[new_first:new_last])


def drawn(package: str, draw: random.Random) -> Iterator[dict[str, str | int]]:
    """Mutants of one package without end of its sites: a site at random, then one of the operators that apply there."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != COMPILED
    }
    sites = {site: found for file, text in sources.items() for site, found in mutants_by_site(file, text).items()}
    for site in draw.sample(sorted(sites), len(sites)):
        file = site[0]
        name, occurrence = draw.choice(sites[site])
        mutated = mutate_code(sources[file], cosmic_ray.plugins.get_operator(f"core/{name}")(), occurrence)
        change = mutated and changed_lines(sources[file], mutated)
        if change:
            line, original, new = change
            yield {
                "package": package,
                "file": file,
                "line": line,
                "operator": name,
                "original": original,
                "mutated": new,
            }


def main() -> None:
    draw = random.Random(SEED)
    rows = []
    for package, count in PACKAGES.items():
        rows += [row for row, _ in zip(drawn(package, draw), range(count), strict=False)]
    draw.shuffle(rows)  # so that a part of the list from its start is a fair sample of all three
    with (Path(__file__).parent / "list.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows({"number": number, **row} for number, row in enumerate(rows, 1))


if __name__ == "__main__":
    main()
