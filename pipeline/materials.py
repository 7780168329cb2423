"""A person's own materials: formulas, CIFs, or a table of them, as rows the stages' functions can take."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from features.formula import parse_formulas
from features.structure import lattice_from_structure
from features.transport import transport_table
from models.conductivity import fit_conductivity, predict_conductivity
from pipeline.answers import WINDOW, load_phases, missing_phases, read_materials, window_answers
from pipeline.featurize import features_of, structures_of
from pipeline.params import ROOT, load_params
from pipeline.predict import load_models, predictions_of
from pipeline.sources import cifs, obelix
from pipeline.sources.table import LATTICE, check_measurements, number_problems, with_columns, with_space_group
from pipeline.tables import InputError, read_table, require_columns
from pipeline.train import with_landscape

NUMBERS = ["formation_energy_ev_atom", "space_group_number", *LATTICE, "formula_units_z"]
PREDICTED = ["log10_sigma", "log10_sigma_low", "log10_sigma_high", "band_gap_ev"]
ORIGINS = ["sigma_origin", "band_gap_origin", "reduction_limit_predicted_v", "oxidation_limit_predicted_v"]
MODELS = ROOT / "data/models"


def own_materials(arguments: Sequence[str]) -> pd.DataFrame:
    """Formulas and CIFs in the order given, or the rows of one table, folder or zip; unreadable ones keep their place.

    Returns:
        id (where the material is a CIF or the table has one), formula, NUMBERS, structure_json, note (why a row cannot
        be used).

    Raises:
        InputError: If nothing can be read.
    """
    paths = [Path(a) for a in arguments]
    tables = [p for p in paths if p.name.endswith((".csv", ".csv.gz", ".parquet")) and p.exists()]
    if tables:
        rows = read_materials(arguments)
    else:
        rows = pd.DataFrame([row for a, p in zip(arguments, paths, strict=True) for row in _rows_of(a, p)])
    rows = with_columns(with_columns(rows, NUMBERS, math.nan), ["structure_json"], None)
    rows = with_columns(rows, ["note"], "")
    ids = rows["id"] if "id" in rows else rows["formula"]
    rows, problems = (
        with_space_group(rows.drop(columns="space_group_number").assign(id=ids))
        if "space_group" in rows
        else (rows, [])
    )
    for column in NUMBERS:
        rows[column], wrong = number_problems(rows[column], column, ids)
        problems += wrong
    _, reasons = parse_formulas(rows["formula"])
    unreadable = [n or r for n, r in zip(rows["note"].fillna(""), reasons, strict=True)]
    if problems:
        raise InputError(f"{arguments[0]}:\n  " + "\n  ".join(problems))
    return rows.assign(note=unreadable)


def _rows_of(argument: str, path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return [{"formula": argument}]
    rows: list[dict[str, object]] = []
    for id_, content in cifs.cif_texts(path):
        try:
            structure = cifs.parse_cif_bytes(content, id_)
        except ValueError as error:
            rows.append({"id": id_, "formula": "", "note": str(error)})
            continue
        formula = structure.composition.element_composition.reduced_formula
        crystal = {"structure_json": structure.to_json(), **lattice_from_structure(structure, formula)}
        rows.append({"id": id_, "formula": formula, **crystal})
    return rows


def described(rows: pd.DataFrame) -> pd.DataFrame:
    """Every descriptor of usable rows (unique `id`, formula, lattice, structure_json), indexed by id."""
    landscape = transport_table(
        structures_of(rows),
        rows["id"],
        resolution_angstrom=load_params(ROOT / "params.yaml")["transport"]["resolution_angstrom"],
        workers=os.cpu_count() or 1,
    )
    return with_landscape(features_of(rows), landscape)


def predicted(rows: pd.DataFrame) -> pd.DataFrame:
    """Conductivity with interval, gap and window of one's own materials, one row each in their order."""
    models, phases = load_models(MODELS), load_phases(None)
    usable = rows[rows["note"] == ""]
    plain = usable.assign(id=usable.index.astype(str))
    known = [pd.read_parquet(ROOT / f"data/interim/{name}.parquet") for name in ("measurements", "band_gaps")]
    thresholds = load_params(ROOT / "params.yaml")["predict"]["gap_thresholds_ev"]
    answers = predictions_of(plain, described(plain), models, *known, thresholds).set_axis(usable.index)
    windows = window_answers(usable.reset_index(drop=True), phases, missing_phases(phases)).set_axis(usable.index)
    notes = ["; ".join(filter(None, texts)) for texts in zip(answers["note"], windows["note"].fillna(""), strict=True)]
    window_columns = [c for c in WINDOW if c not in ("formula", "note")]
    found = pd.concat([answers[[*PREDICTED, *ORIGINS, "in_domain"]], windows[window_columns]], axis=1).assign(
        note=notes
    )
    keys = [c for c in ("id", "formula") if c in rows]
    result = rows[keys].join(found)
    return result.assign(note=result["note"].where(rows["note"] == "", rows["note"]))[
        [*keys, *PREDICTED, *window_columns, "in_domain", *ORIGINS, "note"]
    ]


def percolating(arguments: Sequence[str], mobile_ion: str, resolution_angstrom: float) -> pd.DataFrame:
    """Barriers of each CIF, one row each in their order.

    Raises:
        InputError: If an argument is no file or folder.
    """
    absent = [a for a in arguments if not Path(a).exists()]
    if absent:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Give CIFs, or folders or zips of them.")
    rows = pd.DataFrame([row for a in arguments for row in _rows_of(a, Path(a))])
    crystals = structures_of(with_columns(rows, ["structure_json"], None))
    options = {"mobile_ion": mobile_ion, "resolution_angstrom": resolution_angstrom, "workers": os.cpu_count() or 1}
    table = transport_table(crystals, rows["id"], **options)
    unread = with_columns(rows, ["note"], "")["note"].fillna("")
    return table.assign(note=table["note"].where(unread == "", unread))


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
    rows = with_columns(rows, ["sigma_s_cm", "space_group_number", *LATTICE, "formula_units_z"], math.nan)
    numbers = {c: pd.to_numeric(rows[c], errors="coerce") for c in ["sigma_s_cm", *NUMBERS[1:]]}
    _, reasons = parse_formulas(rows["formula"])
    return rows.assign(**numbers, note=reasons)


def evaluated(train: Path, test: Path, cif_folder: Path | None) -> pd.DataFrame:
    """Conductivities of `test` predicted by a model that saw `train` alone, one row each in their order."""
    known, asked = measured_split(train, lenient=False), measured_split(test, lenient=True)
    structures, _ = cifs.read_structures(cif_folder) if cif_folder else ({}, {})
    crystals = {i: s.to_json() for i, s in structures.items() if "Li" in s.composition.element_composition}
    known = known.assign(structure_json=[crystals.get(i) for i in known["id"]])
    usable = asked[asked["note"] == ""]
    plain = usable.assign(id=usable.index.astype(str), structure_json=[crystals.get(i) for i in usable["id"]])
    model = fit_conductivity(known, described(known), load_params(ROOT / "params.yaml")["train"])
    if not model.trained:
        raise InputError(f"{train}: {model.reason_not_trained}")
    answers = predict_conductivity(model, described(plain)).set_axis(usable.index)
    columns = {"log10_sigma": "log10_sigma_predicted"}
    answers = answers[["log10_sigma", "log10_sigma_low", "log10_sigma_high"]].rename(columns=columns)
    with_measured = asked[["id", "formula"]].assign(log10_sigma_measured=asked["sigma_s_cm"].map(_log10))
    return with_measured.join(answers).assign(note=asked["note"])


def _log10(sigma: float) -> float:
    return math.log10(sigma) if sigma > 0 else math.nan
