"""Judge the starter set by another table of formation energies, the Materials Project's.

    python -m ionsieve.pipeline.reference.judge_starter ../shared/data/mp_formation_energies.csv.gz

Not a stage: it needs a table that is not part of the project. docs/starter.md quotes what it prints.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.models.quantities.formation import anion_of
from ionsieve.pipeline.tables import read_table

STARTER = Path("data/reference/starter")
# The two sets correct these differently (MP2020 in CHGNet, legacy in the table), or are known to be wrong on them.
EXEMPT = {"Br", "I", "Ti", "Nb", "Ta"}
STABLE_EV_ATOM = 0.05
# Systems of well-known electrolytes and coatings, whose missing phases docs/starter.md names.
SYSTEMS = (
    *(
        "Li-P-S",
        "Li-Ge-P-S",
        "Li-P-S-Cl",
        "Li-Si-S",
        "Li-Al-S",
        "Li-Y-Cl",
        "Li-In-Cl",
        "Li-Sc-Cl",
        "Li-Zr-Cl",
        "Li-Mg-Cl",
    ),
    *("Li-Al-Cl", "Li-Al-F", "Li-Zr-F", "Li-O-Cl", "Li-La-Zr-O", "Li-La-Ta-O", "Li-La-Ti-O", "Li-Ti-P-O", "Li-Ge-P-O"),
    *("Li-Al-P-O", "Li-Zr-P-O", "Li-P-O-N", "Li-Al-O", "Li-Si-O", "Li-B-O", "Li-C-O", "Li-Nb-O", "Li-Ta-O", "Li-Ge-O"),
    *("Li-Sn-O", "Li-Ti-O", "Li-Al-Si-O", "Li-Si-N", "Li-Al-N", "Li-B-N"),
)
LIMITS = ["reduction_limit_tol_v", "oxidation_limit_tol_v"]


def is_exempt(composition: Composition) -> bool:
    """Whether the sets are known to differ on a compound: elements above, or a molecule (no metal)."""
    return bool({e.symbol for e in composition} & EXEMPT) or not any(Element(e.symbol).is_metal for e in composition)


def joined(phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Compounds of both tables: formula, anion, exempt, energy in each (`_other`), eV/atom."""
    keyed = [
        table.assign(key=[composition_key(parse_formula(f)) for f in table["formula"]]) for table in (phases, other)
    ]
    both = keyed[0].merge(keyed[1][["key", "formation_energy_ev_atom"]], on="key", suffixes=("", "_other"))
    compositions = [parse_formula(f) for f in both["formula"]]
    return both.assign(anion=[anion_of(c) for c in compositions], exempt=[is_exempt(c) for c in compositions])


def energy_errors(both: pd.DataFrame) -> pd.DataFrame:
    """Compounds, mean and median absolute difference, and mean difference, by anion class; exempt ones apart."""
    error = both["formation_energy_ev_atom"] - both["formation_energy_ev_atom_other"]
    group = both["anion"].where(~both["exempt"], "exempt")
    rows = []
    for name, part in [*error.groupby(group), ("all but exempt", error[~both["exempt"]])]:
        values = {"mean_abs": part.abs().mean(), "median_abs": part.abs().median(), "mean": part.mean()}
        rows.append({"class": name, "compounds": len(part), **values})
    return pd.DataFrame(rows)


def within(table: pd.DataFrame, symbols: set[str]) -> pd.DataFrame:
    """Rows whose elements are all among `symbols`."""
    return table[[{e.symbol for e in parse_formula(f)} <= symbols for f in table["formula"]]].reset_index(drop=True)


def stability_agreement(both: pd.DataFrame, phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """e_above_hull_ev_atom of each common compound, in ours and in the other set (`_other`)."""
    formulas = both["formula"].tolist()
    ours = hull_table(formulas, phase_set(phases), both["formation_energy_ev_atom"].tolist())
    theirs = hull_table(formulas, phase_set(other), both["formation_energy_ev_atom_other"].tolist())
    return both[["formula", "anion", "exempt"]].assign(
        e_above_hull_ev_atom=ours["e_above_hull_ev_atom"], e_above_hull_ev_atom_other=theirs["e_above_hull_ev_atom"]
    )


def window_differences(formulas: Sequence[str], phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Tolerant limits of each formula in either set (`_other`), V."""
    ours, theirs = (window_table(list(formulas), phase_set(table))[LIMITS] for table in (phases, other))
    return pd.DataFrame({"formula": list(formulas)}).join(ours).join(theirs.add_suffix("_other"))


def missing_stable(phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Compounds on the other set's hull, within elements of ours, that ours lacks: formula, system."""
    elements = {e.symbol for f in phases["formula"] for e in parse_formula(f)}
    other = within(other, elements)
    distance = hull_table(other["formula"].tolist(), phase_set(other), other["formation_energy_ev_atom"].tolist())
    have = {composition_key(parse_formula(f)) for f in phases["formula"]}
    stable = other[(distance["e_above_hull_ev_atom"] < 1e-6).to_numpy()]
    lacking = stable[[composition_key(parse_formula(f)) not in have for f in stable["formula"]]]
    system = ["-".join(sorted(e.symbol for e in parse_formula(f))) for f in lacking["formula"]]
    return lacking[["formula"]].assign(system=system).sort_values(["system", "formula"], ignore_index=True)


def missing_by_system(lacking: pd.DataFrame) -> dict[str, list[str]]:
    """Missing compounds within each of SYSTEMS, its subsystems included."""
    elements = [{e.symbol for e in parse_formula(f)} for f in lacking["formula"]]
    named = {system: set(system.split("-")) for system in SYSTEMS}
    return {
        system: [f for f, found in zip(lacking["formula"], elements, strict=True) if found <= symbols]
        for system, symbols in named.items()
    }


def main(path: str) -> None:
    phases, other = read_table(STARTER / "phases.csv"), read_table(path)
    both = joined(phases, other)
    stability = stability_agreement(both, phases, other)
    agree = (stability["e_above_hull_ev_atom"] <= STABLE_EV_ATOM) == (
        stability["e_above_hull_ev_atom_other"] <= STABLE_EV_ATOM
    )
    lithium = both["formula"][["Li" in parse_formula(f) for f in both["formula"]]]
    good = stability.set_index("formula")["e_above_hull_ev_atom_other"] <= 0.01
    windows = window_differences([f for f in lithium if good[f]], phases, other)
    sys.stdout.write(energy_errors(both).round(3).to_string(index=False) + "\n")
    sys.stdout.write(f"stable or not at {STABLE_EV_ATOM} eV/atom: {agree.mean():.3f} of {len(agree)}\n")
    sys.stdout.write(f"  outside the exempt: {agree[~both['exempt']].mean():.3f} of {(~both['exempt']).sum()}\n")
    for limit in LIMITS:
        difference = (windows[limit] - windows[f"{limit}_other"]).replace([np.inf, -np.inf], np.nan).abs()
        sys.stdout.write(f"{limit}: median |difference| {difference.median():.3f} V over {difference.count()}\n")
    lacking = missing_stable(phases, other)
    sys.stdout.write(f"stable there and missing here: {len(lacking)}\n")
    for system, names in missing_by_system(lacking).items():
        sys.stdout.write(f"  {system}: {', '.join(names) or 'none'}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
