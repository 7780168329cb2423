"""The candidates that come with the project: the starter set, its crystals, compounds of its tables.

What can take no role, a lithium-free compound that is no oxide, is left out; so is a compound that an earlier source
describes, but for the polymorphs of the starter set and those whose conductivity was measured.
"""

from pathlib import Path

import pandas as pd
from pymatgen.core import Composition

from ionsieve.features.chemistry.formula import ROUNDING, composition_key, parse_formula, rounding_apart
from ionsieve.features.crystals.lattice import space_group_symbol
from ionsieve.features.crystals.polymorphs import Crystal, crystals_of, same_polymorph
from ionsieve.pipeline.sources import cifs
from ionsieve.pipeline.sources.table import LATTICE, check_candidates, space_group_numbers
from ionsieve.pipeline.tables import read_table

TABLES = ["conductivity.csv", "formation_enthalpies.csv", "band_gaps.csv"]  # the first to name a compound describes it
DESCRIBED = [*LATTICE, "formula_units_z"]


def worth_judging(composition: Composition) -> bool:
    """Whether a compound can take a role at all: it holds lithium, or is an oxide."""
    return len(composition) > 1 and ("Li" in composition or "O" in composition)


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) of the reference folder; ids are those of the starter set, crystal-FILE, or formulas."""
    folder = Path(path)
    starter = read_table(folder / "starter/candidates.parquet")
    starter["thermo_set"] = read_table(folder / "starter/phases.csv")["thermo_set"].iloc[0]
    crystals, rejected = cifs.candidates(folder / "crystals", ours=True)
    crystals = as_named(crystals, read_table(folder / "crystals/crystals.csv"))
    crystals = crystals.assign(id="crystal-" + crystals["id"], origin="published crystal")
    tables = [(name, read_table(folder / name)) for name in TABLES]
    named = [
        rows[["formula", *(c for c in DESCRIBED if c in rows)]].assign(
            id=rows["formula"], origin=name, space_group_number=space_group_numbers(rows)[0]
        )
        for name, rows in tables
    ]
    rows = [starter]
    seen = keys_of(starter)
    for source in (crystals, *named):
        keys = pd.Series([key_if_worth(formula) for formula in source["formula"]], index=source.index)
        new = keys.notna() & ~keys.isin(seen) & ~keys.duplicated()
        rows.append(source[new])
        seen |= set(keys[new])
    together = pd.concat(rows, ignore_index=True)
    together = pd.concat([together, unseen_polymorphs(together, crystals, named[0])], ignore_index=True)
    checked, wrong = check_candidates(together, path)
    return checked, pd.concat([rejected, wrong], ignore_index=True)


def keys_of(table: pd.DataFrame) -> set[str]:
    """Identities of all compositions of a table."""
    return {composition_key(parse_formula(formula)) for formula in table["formula"]}


def key_if_worth(formula: str) -> str | None:
    """Identity of a composition that is worth judging; None of another."""
    composition = parse_formula(formula)
    return composition_key(composition) if worth_judging(composition) else None


def as_named(crystals: pd.DataFrame, named: pd.DataFrame) -> pd.DataFrame:
    """The crystals under the formula that names their compound, where partial occupancies give it within rounding."""
    names = named.set_index("id")["formula"]
    rows = crystals.copy()
    for i, row in crystals[crystals["id"].isin(names.index)].iterrows():
        own, name = parse_formula(row["formula"]), parse_formula(names[row["id"]])
        if 0 < rounding_apart(own, name) <= ROUNDING:
            rows.loc[i, "formula"] = names[row["id"]]
            rows.loc[i, "formula_units_z"] = row["formula_units_z"] * own.num_atoms / name.num_atoms
    return rows


def unseen_polymorphs(candidates: pd.DataFrame, crystals: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Candidates for the measured polymorphs that the others leave out: the published crystal, or the cell alone.

    A polymorph is left out where every candidate of its composition is another (features/crystals/polymorphs.py).
    """
    known, published = described_by_key(candidates), described_by_key(crystals)
    rows: list[pd.Series] = []
    for key, of_key in described_by_key(measured).items():
        for row, own in of_key:
            if not own.space_group or any(same_polymorph(own, other)[0] is not False for _, other in known[key]):
                continue
            drawn = [crystal for crystal, other in published.get(key, []) if same_polymorph(own, other)[0]]
            rows.append(drawn[0] if drawn else row)
            known[key].append((row, own))
    unseen = pd.DataFrame(rows).reset_index(drop=True)
    if unseen.empty:
        return unseen
    tabled = unseen["origin"] == TABLES[0]
    symbols = [space_group_symbol(int(number)) for number in unseen["space_group_number"]]
    return unseen.assign(id=unseen["id"].mask(tabled, unseen["formula"] + " (" + pd.Series(symbols) + ")"))


def described_by_key(table: pd.DataFrame) -> dict[str, list[tuple[pd.Series, Crystal]]]:
    """The rows worth judging of each composition, with what they know of their crystals."""
    keys = [key_if_worth(formula) for formula in table["formula"]]
    found: dict[str, list[tuple[pd.Series, Crystal]]] = {}
    for key, (_, row), crystal in zip(keys, table.iterrows(), crystals_of(table), strict=True):
        if key is not None:
            found.setdefault(key, []).append((row, crystal))
    return found
