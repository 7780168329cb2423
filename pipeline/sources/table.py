"""Tables in the project's own columns (CSV, gzipped CSV, Parquet); data/README.md lists the columns."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formulas
from ionsieve.pipeline.tables import raise_for_rows, read_table, require_columns

LATTICE = ["a_angstrom", "b_angstrom", "c_angstrom", "alpha_deg", "beta_deg", "gamma_deg"]
MEASURED = ["sigma_s_cm", "sigma_upper_bound_s_cm", "temperature_c", "activation_energy_ev"]
TOLD = ["family", "source", "phase", "sample", "note"]  # of a measurement, in words; phase is its polymorph
KINDS = ("bulk", "total", "unstated")
N_SPACE_GROUPS = 230
LARGEST = 1e6  # no length, angle, conductivity or gap comes near in its unit; larger numbers overflow further on
AT_MOST = f" (at most {LARGEST:g})"
MAX_ENERGY_EV_ATOM = 5.0  # no formation energy of a solid comes near; beyond it a unit is wrong


def with_columns(table: pd.DataFrame, names: Sequence[str], value: str | float | None) -> pd.DataFrame:
    """The table with every named column, filled where it was absent."""
    return table.assign(**{name: value for name in names if name not in table.columns})


def as_numbers(cells: pd.Series) -> pd.Series:
    """The cells as floats, NaN where one is no number."""
    plain = cells.dtype != object or cells.map(lambda cell: isinstance(cell, str | float | int)).all()
    usable = cells if plain else cells.map(lambda cell: cell if isinstance(cell, str | float | int) else math.nan)
    return pd.to_numeric(usable, errors="coerce").astype(float)


def no_number(cells: pd.Series) -> pd.Series:
    """Where a cell holds something that is no number; empty is not that."""
    return cells.notna() & as_numbers(cells).isna() & (cells.astype(str).str.strip() != "")


def number_problems(cells: pd.Series, column: str, ids: pd.Series) -> tuple[pd.Series, list[str]]:
    """(numbers, problems): text where a number belongs is a problem; empty is NaN."""
    numbers, text = as_numbers(cells), no_number(cells)
    problems = [f"row {i!r}: {column} {cell!r} is not a number" for i, cell in zip(ids[text], cells[text], strict=True)]
    return numbers.astype(float), problems


def impossible(numbers: pd.Series) -> pd.Series:
    """Where a length, an angle or a count is not positive or beyond all sense; NaN, unknown, is not that."""
    return (numbers <= 0) | (numbers > LARGEST)


def crystals_by_id(crystals: Mapping[str, str], ids: pd.Series) -> pd.Series:
    """The column `structure_json` of rows with these ids; None where there is no crystal."""
    return pd.Series([crystals.get(i) for i in ids], index=ids.index, dtype=object)


def formula_problems(table: pd.DataFrame, needs_lithium: bool) -> list[str]:
    """Rows whose formula cannot be read, or holds no lithium where it must."""
    compositions, reasons = parse_formulas(table["formula"])
    problems = []
    for i, formula, composition, reason in zip(table["id"], table["formula"], compositions, reasons, strict=True):
        if reason:
            problems.append(f"row {i!r}: {reason}")
        elif needs_lithium and composition is not None and "Li" not in composition:
            problems.append(f"row {i!r}: formula {formula!r} holds no lithium")
    return problems


def duplicate_problems(ids: pd.Series) -> list[str]:
    """Ids that stand more than once, or are empty."""
    repeated = [
        f"row {i!r}: this id stands {n} times" for i, n in ids.value_counts().sort_index().items() if n > 1 and i
    ]
    return repeated + ([f"{(ids == '').sum()} row(s) have an empty id"] if (ids == "").any() else [])


def space_group_number(symbol: object) -> float:
    """International number of a Hermann-Mauguin symbol or number; NaN where empty.

    Raises:
        ValueError: If there is no such group.
    """
    if symbol is None or symbol != symbol or not str(symbol).strip():
        return math.nan
    text = str(symbol).replace(" ", "").removesuffix(".0")
    if text.isdigit() and not 1 <= int(text) <= N_SPACE_GROUPS:
        raise ValueError(f"there is no space group {text}")
    return float(text) if text.isdigit() else float(_number_of_symbol(text))


def _number_of_symbol(symbol: str) -> int:
    """As SpaceGroup(symbol).int_number, without the symmetry operations, which take it 50 ms per symbol."""
    from pymatgen.symmetry.groups import SpaceGroup  # its tables take time to read, and few files have symbols

    if symbol[-1] in "HR" and symbol[-2:-1] != ":":
        symbol = f"{symbol[:-1]}:{symbol[-1]}"
    symbol = SpaceGroup.abbrev_sg_mapping.get(symbol) or SpaceGroup.full_sg_mapping.get(symbol, symbol)
    for group in SpaceGroup.SYMM_OPS:
        if symbol in (group["hermann_mauguin"], group["universal_h_m"], group["hermann_mauguin_u"]):
            return group["number"]
    if symbol not in SpaceGroup.sg_encoding:
        raise ValueError(f"there is no space group {symbol!r}")
    return SpaceGroup.sg_encoding[symbol]["int_number"]


def with_space_group(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """(table with space_group_number, problems), from `space_group` where the number is not given."""
    numbers, unknown = space_group_numbers(table)
    problems = [f"row {i!r}: {why}" for i, why in zip(table["id"], unknown, strict=True) if why]
    return table.assign(space_group_number=numbers), problems


def space_group_numbers(table: pd.DataFrame) -> tuple[list[float], list[str]]:
    """(number or NaN, why a cell gave none or "") of each row, from `space_group_number` or else `space_group`."""
    given = [name for name in ("space_group_number", "space_group") if name in table]
    numbers, unknown = [], []
    for symbol in table[given[0]] if given else [None] * len(table):
        try:
            numbers.append(space_group_number(symbol))
            unknown.append("")
        except ValueError:
            numbers.append(math.nan)
            shown = str(symbol).removesuffix(".0")
            unknown.append(f"space group {shown!r} is unknown; its number or Hermann-Mauguin symbol is expected")
    return numbers, unknown


def check_measurements(table: pd.DataFrame, where: Path | str, drop_ids: Sequence[str] = ()) -> pd.DataFrame:
    """The measurements with all columns of data/interim/measurements.parquet but the structure.

    Raises:
        InputError: Listing every bad row.
    """
    require_columns(table, ["id", "formula", "sigma_s_cm"], where)
    table = table.assign(id=table["id"].astype(str), formula=table["formula"].astype(str))
    table = table[~table["id"].isin(drop_ids)].reset_index(drop=True)
    table = with_columns(table, [*MEASURED, *LATTICE], math.nan)
    table = with_columns(with_columns(table, TOLD, ""), ["kind"], "unstated")
    table = with_columns(table, ["formula_units_z"], 1.0)
    table, problems = with_space_group(table)
    problems += duplicate_problems(table["id"]) + formula_problems(table, needs_lithium=True)
    unread = no_number(table["sigma_s_cm"]) | no_number(table["sigma_upper_bound_s_cm"])
    for column in [*MEASURED, *LATTICE, "formula_units_z"]:
        table[column], wrong = number_problems(table[column], column, table["id"])
        problems += wrong
    for column in [*LATTICE, "formula_units_z"]:
        wrong_cell = impossible(table[column])
        cells = zip(table["id"][wrong_cell], table[column][wrong_cell], strict=True)
        problems += [f"row {i!r}: {column} {value:g} is not positive and finite{AT_MOST}" for i, value in cells]
    read = table[~unread]
    for i, s, b in zip(read["id"], read["sigma_s_cm"], read["sigma_upper_bound_s_cm"], strict=True):
        if not (math.isnan(s) or 0 < s <= LARGEST) or not (math.isnan(b) or 0 < b <= LARGEST):
            wrong_value = b if math.isnan(s) or 0 < s <= LARGEST else s
            problems.append(f"row {i!r}: a conductivity of {wrong_value} S/cm is not positive and finite{AT_MOST}")
        elif math.isnan(s) == math.isnan(b):
            problems.append(f"row {i!r}: either sigma_s_cm or sigma_upper_bound_s_cm must be given, and only one")
    kinds = table["kind"].fillna("unstated").replace("", "unstated")
    problems += [
        f"row {i!r}: kind {k!r} is none of {', '.join(KINDS)}"
        for i, k in zip(table["id"], kinds, strict=True)
        if k not in KINDS
    ]
    remedy = "Correct them at the source, or list their ids under measurements.drop_ids in params.yaml."
    raise_for_rows(problems, where, remedy)
    columns = ["id", "formula", "sigma_s_cm", "sigma_upper_bound_s_cm", "kind", "temperature_c", "activation_energy_ev"]
    columns += ["family", "space_group_number", *LATTICE, "formula_units_z", *TOLD[1:]]
    told = {name: table[name].fillna("").astype(str) for name in TOLD}
    return table.assign(kind=kinds, **told)[columns].sort_values("id", ignore_index=True)


def measurements(path: Path | str, drop_ids: Sequence[str] = ()) -> pd.DataFrame:
    """Measured conductivities in our own columns."""
    return check_measurements(read_table(path), path, drop_ids)


def band_gaps(path: Path | str, method: str) -> pd.DataFrame:
    """Band gaps (eV); `method` names them where the table has no such column.

    Raises:
        InputError: Listing every bad row.
    """
    table = read_table(path)
    require_columns(table, ["formula", "band_gap_ev"], path)
    ids = table["id"].astype(str) if "id" in table else pd.Series(table.index.astype(str) + f"-{method}", dtype=object)
    table = with_columns(table.assign(id=ids, formula=table["formula"].astype(str)), ["method"], method)
    unread = no_number(table["band_gap_ev"])
    table["band_gap_ev"], problems = number_problems(table["band_gap_ev"], "band_gap_ev", ids)
    problems += duplicate_problems(ids) + formula_problems(table, needs_lithium=False)
    wrong = ~((table["band_gap_ev"] >= 0) & (table["band_gap_ev"] <= LARGEST)) & ~unread
    problems += [
        f"row {i!r}: a band gap of {g} eV is negative, infinite or missing"
        for i, g in zip(ids[wrong], table["band_gap_ev"][wrong], strict=True)
    ]
    raise_for_rows(problems, path, "Correct them at the source.")
    return table[["id", "formula", "band_gap_ev", "method"]]


def phases(path: Path | str, thermo_set: str) -> pd.DataFrame:
    """Formation energies (eV/atom, elements at 0) of one thermochemistry.

    Raises:
        InputError: Listing every bad row, or if the table mixes thermo_sets.
    """
    return check_phases(read_table(path), path, thermo_set)


def check_phases(table: pd.DataFrame, path: Path | str, thermo_set: str) -> pd.DataFrame:
    """The formation energies of a table, which error messages call `path`.

    Raises:
        InputError: Listing every bad row, or if the table mixes thermo_sets.
    """
    require_columns(table, ["formula", "formation_energy_ev_atom"], path)
    table = table.reset_index(drop=True)
    table = with_columns(table.assign(formula=table["formula"].astype(str)), ["thermo_set"], thermo_set)
    rows = table.assign(id=(table.index + 2).astype(str))  # the line in the file, header counted
    sets = sorted(table["thermo_set"].astype(str).unique())
    problems = [] if len(sets) == 1 else [f"thermo_sets {', '.join(sets)} are mixed; a hull takes one"]
    energies, wrong = number_problems(table["formation_energy_ev_atom"], "formation_energy_ev_atom", rows["id"])
    beyond = ~(energies.abs() <= MAX_ENERGY_EV_ATOM) & ~no_number(table["formation_energy_ev_atom"])
    problems += wrong + formula_problems(rows, needs_lithium=False)
    problems += [
        f"row {i!r}: {f!r} has a formation energy of {e} eV/atom (missing, or beyond {MAX_ENERGY_EV_ATOM:g})"
        for i, f, e in zip(rows["id"][beyond], table["formula"][beyond], energies[beyond], strict=True)
    ]
    raise_for_rows(problems, path, "Rows are numbered as the file's lines. Correct or remove them.")
    return table.assign(formation_energy_ev_atom=energies)[["formula", "formation_energy_ev_atom", "thermo_set"]]


def candidates(path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(candidates, rejected) of a table with `formula` and, optional, `id`, an energy of its own and a lattice."""
    rows = read_table(path, text=("id", "formula", "thermo_set", "origin", "note"))
    return check_candidates(rows, path)


def check_candidates(table: pd.DataFrame, path: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows into usable ones and those set aside with a reason.

    Raises:
        InputError: If there is no column `formula`, or no row.
    """
    require_columns(table, ["formula"], path)
    table = table.assign(formula=table["formula"].astype(str))
    ids = table["id"].astype(str) if "id" in table else table["formula"]
    table = with_columns(table.assign(id=ids), ["formation_energy_ev_atom", *LATTICE, "formula_units_z"], math.nan)
    reason = pd.Series("", index=table.index)
    for column in ["formation_energy_ev_atom", *LATTICE, "formula_units_z"]:
        cells = table[column].map(repr)
        reason = reason.mask(no_number(table[column]) & (reason == ""), column + " " + cells + " is not a number")
        table[column], _ = number_problems(table[column], column, ids)
        if column != "formation_energy_ev_atom":
            wrong = impossible(table[column]) & (reason == "")
            reason = reason.mask(wrong, column + " " + cells + f" is not positive and finite{AT_MOST}")
    beyond = table["formation_energy_ev_atom"].abs() > MAX_ENERGY_EV_ATOM
    reason = reason.mask(beyond & (reason == ""), f"formation energy beyond {MAX_ENERGY_EV_ATOM:g} eV/atom")
    reason = reason.mask((ids == "") & (reason == ""), "the id is empty")
    table["space_group_number"], unknown = space_group_numbers(table)
    reason = reason.mask(reason == "", pd.Series(unknown, index=reason.index))
    rejected = pd.DataFrame({"id": ids, "source": str(path), "reason": reason})[reason != ""]
    return table[reason == ""].reset_index(drop=True), rejected.reset_index(drop=True)
