"""A person's own materials: formulas, CIFs, or a table of them, as rows the stages' functions can take."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.chemistry.formula import parse_formula, parse_formulas
from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.bond_valence_parameters import mobile_species
from ionsieve.features.transport.landscape_export import cube_text, grd_text
from ionsieve.features.transport.table import transport_table
from ionsieve.models.quantities.conductivity import FORMULA_ONLY, fit_conductivity, predict_conductivity
from ionsieve.pipeline.commands.answers import WINDOW, load_phases, missing_phases, read_materials, window_answers
from ionsieve.pipeline.home import file_of
from ionsieve.pipeline.reference.gap_model import load_gap_model
from ionsieve.pipeline.sources import cifs, obelix
from ionsieve.pipeline.sources.table import (
    LATTICE,
    check_measurements,
    crystals_by_id,
    impossible,
    no_number,
    space_group_numbers,
    with_columns,
)
from ionsieve.pipeline.stages.featurize import features_of, structures_of
from ionsieve.pipeline.stages.predict import load_models, predictions_of
from ionsieve.pipeline.tables import InputError, read_table, require_columns, write_whole
from ionsieve.pipeline.workspace import Workspace

PREDICTED = ["log10_sigma", "log10_sigma_low", "log10_sigma_high", "band_gap_ev"]
ORIGINS = [
    "sigma_origin",
    "sigma_match",
    "band_gap_origin",
    "reduction_limit_predicted_v",
    "oxidation_limit_predicted_v",
]
FINEST_ANGSTROM, COARSEST_ANGSTROM = 0.02, 1.0  # finer fills the memory, coarser misses the paths


def own_materials(arguments: Sequence[str]) -> pd.DataFrame:
    """Formulas and CIFs in the order given, or the rows of one table, folder or zip; unreadable ones keep their place.

    Returns:
        id (where the material is a CIF or the table has one), formula, cell and space group, structure_json, note (why
        a row cannot be used), remark (what of a row is left out).

    Raises:
        InputError: If nothing can be read.
    """
    paths = [Path(a) for a in arguments]
    tables = [p for p in paths if p.name.endswith((".csv", ".csv.gz", ".parquet")) and os.path.exists(p)]
    if tables:
        rows = read_materials(arguments).drop(columns=["note", "remark", "doubts"], errors="ignore")
    else:
        rows = pd.DataFrame([row for a, p in zip(arguments, paths, strict=True) for row in _rows_of(a, p)])
    rows = with_cell(with_columns(with_columns(rows, ["structure_json"], None), ["note"], ""))
    keys = rows.reindex(columns=["id", "formula"]).fillna("") if "id" in rows else rows[["formula"]]
    _, reasons = parse_formulas(keys["formula"])
    unreadable = [n or r for n, r in zip(rows["note"].fillna(""), reasons, strict=True)]
    return rows.assign(**keys, note=unreadable, remark=joined(rows["remark"], _doubts(rows)))


def joined(*columns: Iterable[str]) -> list[str]:
    """The texts of each row as one."""
    return ["; ".join(filter(None, texts)) for texts in zip(*columns, strict=True)]


def _doubts(rows: pd.DataFrame) -> list[str]:
    """What the files of the rows leave in doubt."""
    return list(with_columns(rows, ["doubts"], "")["doubts"].fillna(""))


def with_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with cell and space group as numbers, and `remark`: what is no number is left out, not its row."""
    groups, unknown = space_group_numbers(rows)
    rows, remarks = rows.assign(space_group_number=groups), [unknown]
    for column in (*LATTICE, "formula_units_z"):
        cells = rows.get(column, pd.Series(math.nan, index=rows.index))
        numbers = pd.to_numeric(cells, errors="coerce").astype(float)
        wrong = no_number(cells) | impossible(numbers)
        rows[column] = numbers.mask(wrong)
        remarks.append(
            [f"{column} {c!r} is no positive number" if w else "" for c, w in zip(cells, wrong, strict=True)]
        )
    left_out = ["; ".join(filter(None, texts)) for texts in zip(*remarks, strict=True)]
    return rows.assign(remark=[f"{text}; ignored" if text else "" for text in left_out])


def _rows_of(argument: str, path: Path) -> list[dict[str, object]]:
    if not os.path.exists(path):
        return [{"formula": argument}]
    rows: list[dict[str, object]] = []
    for id_, found in cifs.crystals(path):
        if isinstance(found, ValueError):
            rows.append({"id": id_, "formula": "", "note": str(found)})
        else:
            row = cifs.crystal_row(id_, found)
            rows.append(row | {"note": "", "doubts": row["note"]})
    return rows


def predicted(rows: pd.DataFrame, workspace: Workspace) -> pd.DataFrame:
    """Conductivity with interval, gap and window of one's own materials, one row each in their order."""
    models, phases = load_models(file_of(workspace, "train")), load_phases(workspace)
    usable = rows[rows["note"] == ""]
    keys = [c for c in ("id", "formula") if c in rows]
    window_columns = [c for c in WINDOW if c not in ("formula", "note")]
    columns = [*keys, *PREDICTED, *window_columns, "in_domain", "near", *ORIGINS, "note"]
    if usable.empty:
        return rows.reindex(columns=columns)
    plain = usable.assign(id=usable.index.astype(str))
    measured, gaps = (pd.read_parquet(file_of(workspace, name)) for name in ("measurements", "band_gaps"))
    params = workspace.block("predict")
    described, gap_model = features_of(plain).set_index("id"), load_gap_model(workspace.path(params["gap_model"]))
    answers = predictions_of(plain, described, models, gap_model, measured, gaps, params)
    answers = answers.set_axis(usable.index)
    missing = missing_phases(workspace, phases)
    windows = window_answers(usable.reset_index(drop=True), phases, missing).set_axis(usable.index)
    texts = zip(answers["note"], windows["note"].fillna(""), usable["remark"], strict=True)
    notes = ["; ".join(filter(None, parts)) for parts in texts]
    found = pd.concat([answers[[*PREDICTED, *ORIGINS, "in_domain", "near"]], windows[window_columns]], axis=1).assign(
        note=notes
    )
    result = rows[keys].join(found)
    return result.assign(note=result["note"].where(rows["note"] == "", rows["note"]))[columns]


def percolating(
    arguments: Sequence[str], mobile_ion: str, resolution_angstrom: float, refine: bool, landscapes: Path | None
) -> pd.DataFrame:
    """Barriers of each CIF, one row each in their order; the landscapes too where a folder for them is named.

    Raises:
        InputError: If an argument is no file or folder, or an option is out of range.
    """
    if not FINEST_ANGSTROM <= resolution_angstrom <= COARSEST_ANGSTROM:
        raise InputError(
            f"--resolution-angstrom {resolution_angstrom:g}: give {FINEST_ANGSTROM:g} to {COARSEST_ANGSTROM:g} Å."
        )
    try:
        mobile_species(mobile_ion)
    except ValueError as error:
        raise InputError(f"--mobile-ion: {error}") from error
    absent = [a for a in arguments if not os.path.exists(a)]
    if absent:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Give CIFs, or folders or zips of them.")
    rows = pd.DataFrame([row for a in arguments for row in _rows_of(a, Path(a))])
    crystals = structures_of(with_columns(rows, ["structure_json"], None))
    table = transport_table(
        crystals,
        rows["id"],
        mobile_ion=mobile_ion,
        resolution_angstrom=resolution_angstrom,
        refine=refine,
        workers=os.cpu_count() or 1,
    )
    table = table.assign(note=joined(table["note"].fillna(""), _doubts(rows)))
    unread = with_columns(rows, ["note"], "")["note"].fillna("")
    if landscapes is not None:
        computed = table["percolation_barrier_1d_ev"].notna()
        for id_, crystal, found in zip(rows["id"], crystals, computed, strict=True):
            if crystal is not None and found:
                write_landscape(crystal, landscapes / Path(id_).name, mobile_ion, resolution_angstrom)
    return table.assign(note=table["note"].where(unread == "", unread))


def write_landscape(crystal: Structure, path: Path, mobile_ion: str, resolution_angstrom: float) -> None:
    """One landscape as a Gaussian cube file and a VESTA grid, eV above its lowest point."""
    framework = framework_of(assign_oxidation_states(crystal)[0], mobile_ion)
    landscape = site_energy_landscape(framework, mobile_ion, resolution_angstrom=resolution_angstrom)
    for suffix, text in ((".cube", cube_text(landscape, crystal)), (".grd", grd_text(landscape))):
        write_whole(path.with_name(path.name + suffix), partial(Path.write_text, data=text, encoding="utf-8"))


def measured_split(path: Path, lenient: bool) -> pd.DataFrame:
    """Measurements from OBELiX's CSV or a table in our columns; lenient: bad rows stay, with the reason in `note`.

    Raises:
        InputError: If the table cannot be read, or (not lenient) listing every bad row.
    """
    theirs = "True Composition" in read_table(path).columns
    rows = obelix.our_columns(path) if theirs else read_table(path)
    if not lenient:
        return check_measurements(rows, path)
    require_columns(rows, ["id", "formula"], path)
    rows = with_cell(with_columns(rows, ["sigma_s_cm"], math.nan))
    _, reasons = parse_formulas(rows["formula"])
    return rows.assign(sigma_s_cm=pd.to_numeric(rows["sigma_s_cm"], errors="coerce"), note=reasons)


def evaluated(train: Path, test: Path, cif_folder: Path | None, params: Mapping[str, Any]) -> pd.DataFrame:
    """Conductivities of `test` predicted by a model that saw `train` alone, one row each in their order."""
    known, asked = measured_split(train, lenient=False), measured_split(test, lenient=True)
    found, _ = cifs.read_by_id(cif_folder) if cif_folder else ({}, {})
    crystals = {i: crystal.structure_json for i, crystal in found.items() if "Li" in parse_formula(crystal.formula)}
    known = known.assign(structure_json=crystals_by_id(crystals, known["id"]))
    usable = asked[asked["note"] == ""]
    plain = usable.assign(id=usable.index.astype(str), structure_json=crystals_by_id(crystals, usable["id"]))
    models = fit_conductivity(known, features_of(known).set_index("id"), params["train"])
    if not any(model.trained for model in models.values()):
        raise InputError(f"{train}: {models[FORMULA_ONLY].reason_not_trained}")
    answers = predict_conductivity(models, features_of(plain).set_index("id")).set_axis(usable.index)
    near = (answers["domain_distance"] <= params["predict"]["near_distance"]).astype("boolean")
    answers = answers.assign(near=near.mask(answers["log10_sigma"].isna()))
    columns = {"log10_sigma": "log10_sigma_predicted"}
    answers = answers[["near", "log10_sigma", "log10_sigma_low", "log10_sigma_high"]].rename(columns=columns)
    with_measured = asked[["id", "formula"]].assign(log10_sigma_measured=asked["sigma_s_cm"].map(_log10))
    return with_measured.join(answers).assign(note=asked["note"])


def _log10(sigma: float) -> float:
    return math.log10(sigma) if sigma > 0 else math.nan
