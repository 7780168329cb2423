"""The functions of `import ionsieve`: lists of formulas or DataFrames in, DataFrames out, without any checkout.

Hulls rest on the packaged starter set unless other phases are given, predictions on models fitted to the packaged
measurements at the first use. One row is answered per row given, in its order; one without an answer has the reason in
`note`.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.pipeline.answers.cells import check_mobile_ion
from ionsieve.pipeline.answers.interfaces import interface_answers
from ionsieve.pipeline.answers.materials import checked_materials, rows_of_path
from ionsieve.pipeline.answers.phases import load_phases, missing_phases
from ionsieve.pipeline.answers.windows import window_answers
from ionsieve.pipeline.cache import packaged_workspace
from ionsieve.pipeline.sources.table import check_phases
from ionsieve.pipeline.tables import InputError, keys_as_text, read_table, require_columns, write_table

Materials = Sequence[str | Path] | pd.DataFrame
Phases = pd.DataFrame | Path | str | None


def window(materials: Materials, phases: Phases = None, *, mobile_ion: str = "Li", draws: int = 0) -> pd.DataFrame:
    """Hull distance, decomposition, electrochemical window and its products.

    Args:
        materials: Formulas, or a table with `formula` and, optional, `id` and `formation_energy_ev_atom` (eV/atom).
        phases: Table with `formula` and `formation_energy_ev_atom`, or the path of one; None: the packaged starter set.
        mobile_ion: Li, Na, K or Mg.
        draws: Of the energies' errors: adds 90 % intervals and the probability of stability; 0 adds none.

    Returns:
        e_above_hull_ev_atom, decomposition_energy_ev_atom (NaN without an energy of the formula's own),
        reduction_limit_v, oxidation_limit_v (V against Li/Li+), the same with tolerance (_tol_v), products, note.

    Raises:
        InputError: If the table lacks `formula`, or the phases are no such table.
    """
    check_mobile_ion(mobile_ion)
    hull, missing = _hull(phases)
    return window_answers(_rows(materials, ["formula"]), hull, missing, mobile_ion, draws)


def interface(
    pairs: Sequence[tuple[str, str]] | pd.DataFrame,
    phases: Phases = None,
    *,
    voltage: float | None = None,
    mobile_ion: str = "Li",
    draws: int = 0,
) -> pd.DataFrame:
    """Worst mutual reaction of each pair of materials.

    Args:
        pairs: Pairs of formulas, or a table with `formula_a`, `formula_b` and, optional, `voltage_v` and `id`.
        phases: As for `window`.
        voltage: Lithium open at this voltage, V against Li/Li+; None: a closed system, or the table's `voltage_v`.
        mobile_ion, draws: As for `window`.

    Returns:
        e_rxn_ev_atom (≤ 0), e_rxn_total_ev_atom, fraction_a, products, note.

    Raises:
        InputError: If the table lacks a formula, or the phases are no such table.
    """
    check_mobile_ion(mobile_ion)
    rows = pairs if isinstance(pairs, pd.DataFrame) else pd.DataFrame(list(pairs), columns=["formula_a", "formula_b"])
    rows = _rows(rows, ["formula_a", "formula_b"])
    hull, missing = _hull(phases)
    rows = rows if voltage is None else rows.assign(voltage_v=voltage)
    return interface_answers(rows, hull, missing, mobile_ion, draws)


def percolation(
    cifs: Sequence[str | Path], *, mobile_ion: str = "Li", resolution_angstrom: float = 0.2, refine: bool = False
) -> pd.DataFrame:
    """Percolation and migration barriers in one, two and three directions, eV, and dimensionality.

    Args:
        cifs: CIFs, or folders or zips of them.
        mobile_ion: Li, Na, K, Ag, Mg or F.
        resolution_angstrom: Grid spacing.
        refine: Gates at saddle points and pockets at minima, off the grid.

    Raises:
        InputError: If there is no such file.
    """
    from ionsieve.pipeline.answers.percolation import percolating

    return percolating(list(map(str, cifs)), mobile_ion, resolution_angstrom, refine, None)


def predict(materials: Materials) -> pd.DataFrame:
    """Conductivity (log10 of S/cm) with its 90 % interval, band gap (eV) and window (V); known values go first.

    Args:
        materials: Formulas, Paths of CIFs, or a table with `formula` and, optional, `id`, a cell and `structure_json`.

    Returns:
        id or formula, log10_sigma, log10_sigma_low, log10_sigma_high, band_gap_ev, the columns of `window`, in_domain,
        where the values are from, note.

    Raises:
        InputError: If the table lacks `formula`.
    """
    from ionsieve.pipeline.answers.predictions import predicted

    workspace = packaged_workspace("train")
    return predicted(checked_materials(_rows(materials, ["formula"])), workspace)


def screen(
    materials: Materials | Path | str,
    out: Path | str | None = None,
    *,
    funnel: Path | str | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, pd.DataFrame]:
    """The whole funnel on one's own materials.

    Args:
        materials: Formulas, a table with `formula`, or the path of a table, or of a folder or zip of CIFs.
        out: Folder for the lists, the funnel and the report; None keeps no files.
        funnel: Name of a shipped funnel, or the path of one's own YAML file, to be run alone; None: all roles.
        say: Called with a line on every step.

    Returns:
        The lists by name, best first, as `electrolyte`, `cathode_coating`, `stacks`, with `rejected` and `verdicts`; of
        a funnel its `survivors`, its steps as `funnel`, and `verdicts`.

    Raises:
        InputError: If nothing can be screened.
    """
    from ionsieve.pipeline.answers.funnels import STEP, answer_funnel, load_funnel
    from ionsieve.pipeline.answers.screening import screen_materials

    workspace = packaged_workspace("train")
    with tempfile.TemporaryDirectory() as scratch:
        source = materials if isinstance(materials, str | Path) else Path(scratch) / "materials.csv"
        if not isinstance(materials, str | Path):
            write_table(_rows(materials, ["formula"]), source)
        folder = Path(scratch) / "screened" if out is None else Path(out)
        if funnel is not None:
            chosen = load_funnel(str(funnel), workspace)
            judged = screen_materials(Path(source), folder, workspace, say, last=STEP)
            answer_funnel(chosen, judged, folder)
            tables = {file.stem: read_table(file) for file in sorted((folder / chosen.name).glob("*.csv"))}
            return tables | {"verdicts": read_table(folder / chosen.name / "verdicts.parquet")}
        screen_materials(Path(source), folder, workspace, say)
        lists = {file.stem: read_table(file) for file in sorted(folder.glob("*.csv"))}
        return lists | {"verdicts": read_table(folder / "tables" / "verdicts.parquet")}


def _rows(materials: Materials, columns: Sequence[str]) -> pd.DataFrame:
    """A table of its own of what was given, numbered from 0."""
    if not isinstance(materials, pd.DataFrame):
        rows = [rows_of_path(str(m), m) if isinstance(m, Path) else [{"formula": m}] for m in materials]
        materials = pd.DataFrame([row for found in rows for row in found], columns=None if rows else ["formula"])
    require_columns(materials, columns, "the table given")
    return keys_as_text(materials, ("id", *columns)).reset_index(drop=True)


def _hull(phases: Phases) -> tuple[PhaseSet, list[str]]:
    """(hull, compounds known to lack an energy in its thermochemistry)."""
    workspace = packaged_workspace("phases" if phases is None else None)
    if isinstance(phases, pd.DataFrame):
        hull = phase_set(check_phases(phases, "the phases given", thermo_set="not named"))
    else:
        hull = load_phases(workspace, None if phases is None else Path(phases))
    return hull, missing_phases(workspace, hull)


__all__ = ["InputError", "interface", "percolation", "predict", "screen", "window"]
