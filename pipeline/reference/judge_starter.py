"""Judge the starter set by another table of formation energies, the Materials Project's, and by measured enthalpies.

    python -m ionsieve.pipeline.reference.judge_starter ../shared/data/mp_formation_energies.csv.gz [starter folder]

Not a stage: it needs a table that is not part of the project. Prints Markdown; docs/starter.md quotes it. Nothing is
exempt by its name: an answer counts where no reactant and no product of it, in either table, has an energy in the other
table that measurement shows to be wrong by more than COUNTED_EV_ATOM, and stands apart otherwise.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.thermodynamics.hull import PhaseSet, hull_table, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.models.quantities.enthalpy_shift import both_known, error_table, left_out
from ionsieve.models.quantities.formation import anion_of
from ionsieve.pipeline.answers.interfaces import interface_answers
from ionsieve.pipeline.answers.windows import window_answers
from ionsieve.pipeline.reference.well_known import CONTACTS, MATERIALS, MEASURED_SUFFICE
from ionsieve.pipeline.sources.phases import known_missing
from ionsieve.pipeline.tables import read_table

STARTER = Path("data/reference/starter")
ENTHALPIES = Path("data/reference/formation_enthalpies.csv")
STABLE_EV_ATOM = 0.05
COUNTED_EV_ATOM = 0.05
APART = {"Br", "I"}  # whose corrections the two sets have differently; reported apart
ANIONS = ("Cl", "F", "O", "S", "N", "P")
LIMITS = ["reduction_limit_tol_v", "oxidation_limit_tol_v"]
PRODUCTS = {
    "reduction_limit_tol_v": "reduction_products",
    "oxidation_limit_tol_v": "oxidation_products",
}


def symbols_of(formula: str) -> set[str]:
    return {element.symbol for element in parse_formula(formula)}


def energies_of(table: pd.DataFrame) -> dict[str, float]:
    """Lowest energy of each composition, eV/atom, by its key."""
    keys = [composition_key(parse_formula(f)) for f in table["formula"]]
    lowest = table["formation_energy_ev_atom"].astype(float).groupby(pd.Series(keys, index=table.index)).min()
    return {str(key): float(value) for key, value in lowest.items()}


def joined(phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Compounds of both tables: our columns, key, anion, and the energy in the other (`_other`), eV/atom."""
    theirs = energies_of(within(other, {s for f in phases["formula"] for s in symbols_of(f)}))
    table = phases.assign(key=[composition_key(parse_formula(f)) for f in phases["formula"]])
    both = table[table["key"].isin(theirs)].reset_index(drop=True)
    return both.assign(
        formation_energy_ev_atom_other=both["key"].map(theirs),
        anion=[anion_of(parse_formula(f)) for f in both["formula"]],
    )


def within(table: pd.DataFrame, symbols: set[str]) -> pd.DataFrame:
    """Rows whose elements are all among `symbols`."""
    found = table["formula"].str.findall("[A-Z][a-z]?")
    return table[[set(names) <= symbols for names in found]].reset_index(drop=True)


def is_computed(phases: pd.DataFrame) -> pd.Series:
    """Which rows were computed, not measured and moved."""
    if "obtained" not in phases:
        return pd.Series(data=True, index=phases.index)
    return ~phases["obtained"].fillna("").str.startswith("measured")


def energy_differences(both: pd.DataFrame) -> pd.DataFrame:
    """Compounds, median, mean absolute and mean difference, eV/atom, by anion, over ANIONS, and over all."""
    error = both["formation_energy_ev_atom"] - both["formation_energy_ev_atom_other"]
    groups = [(name, part) for name, part in error.groupby(both["anion"]) if len(part) >= 5]
    groups += [(", ".join(ANIONS), error[both["anion"].isin(ANIONS)]), ("all", error)]
    return pd.DataFrame(
        [
            {
                "class": name,
                "compounds": len(part),
                "median_abs": part.abs().median(),
                "mean_abs": part.abs().mean(),
                "mean": part.mean(),
            }
            for name, part in groups
        ]
    )


def wrong_in(other: pd.DataFrame, measured: pd.DataFrame) -> dict[str, float]:
    """Compounds whose energy in a table is off its measured enthalpy by more than COUNTED_EV_ATOM: key -> by how much,
    eV/atom."""
    theirs = energies_of(within(other, {s for f in measured["formula"] for s in symbols_of(f)}))
    return {
        key: theirs[key] - value
        for key, value in energies_of(measured).items()
        if key in theirs and abs(theirs[key] - value) > COUNTED_EV_ATOM
    }


def wrong_parts(texts: Sequence[str], wrong: dict[str, float]) -> list[str]:
    """The formulas in "0.5 Li3P + Li2S" and the like that are known to be wrong."""
    names = sorted({part.split()[-1] for text in texts for part in text.split(" + ") if part})
    return [name for name in names if composition_key(parse_formula(name)) in wrong]


def window_differences(
    formulas: Sequence[str], phases: PhaseSet, other: PhaseSet, missing: Sequence[str], wrong: dict[str, float]
) -> pd.DataFrame:
    """One row per formula and limit: formula, limit, ours_v, other_v, answered, difference_v, products (ours), products
    there, off (what is known to be wrong there), counts, apart (Br or I), note."""
    ours = window_answers(pd.DataFrame({"formula": list(formulas)}), phases, missing)
    theirs = window_table(list(formulas), other)
    rows = []
    for i, formula in enumerate(formulas):
        for limit, text in PRODUCTS.items():
            mine, there = float(ours[limit][i]), float(theirs[limit][i])
            parts = [formula, str(ours[text][i]), str(theirs[text][i])]
            off = wrong_parts(parts, wrong)
            difference = 0.0 if mine == there else mine - there
            answered = not np.isnan(mine)
            apart = bool(symbols_of(formula) & APART)
            row = (formula, limit, mine, there, answered, difference, parts[1], parts[2], ", ".join(off))
            rows.append((*row, answered and not off and not apart, apart, ours["note"][i]))
    names = "formula limit ours_v other_v answered difference_v products products_other off counts apart note"
    return pd.DataFrame(rows, columns=names.split())


def contact_differences(
    pairs: Sequence[tuple[str, str]],
    phases: PhaseSet,
    other: PhaseSet,
    missing: Sequence[str],
    wrong: dict[str, float],
) -> pd.DataFrame:
    """One row per pair: formula_a, formula_b, ours and other (mutual reaction, eV/atom), answered, difference_ev_atom,
    products (ours), products there, off, counts, note."""
    asked = pd.DataFrame(list(pairs), columns=["formula_a", "formula_b"])
    ours, theirs = interface_answers(asked, phases, missing), interface_table(asked, other)
    table = asked.assign(
        ours=ours["e_rxn_ev_atom"], other=theirs["e_rxn_ev_atom"],
        answered=ours["e_rxn_ev_atom"].notna(), difference_ev_atom=ours["e_rxn_ev_atom"] - theirs["e_rxn_ev_atom"],
        products=ours["products"].fillna(""), products_other=theirs["products"].fillna(""),
    )  # fmt: skip
    columns = ("formula_a", "formula_b", "products", "products_other")
    off = [", ".join(wrong_parts(parts, wrong)) for parts in zip(*(table[c] for c in columns), strict=True)]
    return table.assign(off=off, counts=table["answered"] & np.array([not text for text in off]), note=ours["note"])


def verdicts(tested: pd.DataFrame, phases: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Hull distance of each compound in ours and in the other set (`_other`), eV/atom.

    Args:
        tested: As `joined` gives it; compounds and candidates.
    """
    formulas = tested["formula"].tolist()
    theirs = phase_set(within(other, {s for f in formulas for s in symbols_of(f)}))
    ours = hull_table(formulas, phase_set(phases), tested["formation_energy_ev_atom"].tolist())
    there = hull_table(formulas, theirs, tested["formation_energy_ev_atom_other"].tolist())
    return tested[["formula", "anion"]].assign(
        e_above_hull_ev_atom=ours["e_above_hull_ev_atom"].to_numpy(),
        e_above_hull_ev_atom_other=there["e_above_hull_ev_atom"].to_numpy(),
    )


def shares_right(table: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Share of the compounds stable in the other set that are stable in ours, and of the unstable ones, with counts."""
    ours, there = (table[f"e_above_hull_ev_atom{end}"] <= STABLE_EV_ATOM for end in ("", "_other"))
    return {
        "stable": (float(ours[there].mean()), int(there.sum())),
        "unstable": (float((~ours[~there]).mean()), int((~there).sum())),
    }


def measured_windows(measured: pd.DataFrame, phases: PhaseSet, other: PhaseSet) -> pd.DataFrame:
    """Limits from measured enthalpies alone, ours and theirs, V: formula, limit, measured_v, ours_v, other_v."""
    formulas = list(MEASURED_SUFFICE)
    tables = {"measured_v": phase_set(measured), "ours_v": phases, "other_v": other}
    limits = {name: window_table(formulas, table) for name, table in tables.items()}
    rows = []
    for i, formula in enumerate(formulas):
        for limit in LIMITS:
            rows.append((formula, limit.split("_")[0], *(float(limits[name][limit][i]) for name in tables)))
    return pd.DataFrame(rows, columns=["formula", "limit", *tables])


def starter_tables(folder: Path) -> tuple[pd.DataFrame, PhaseSet, list[str], pd.DataFrame]:
    """Phases as a table and as a set, names of what is missing, candidates."""
    table = read_table(folder / "phases.csv")
    phases = phase_set(table)
    missing = known_missing(folder / "missing_phases.csv", phases.thermo_set)
    return table, phases, missing, pd.read_parquet(folder / "candidates.parquet")


def compounds_compared(table: pd.DataFrame, candidates: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Computed compounds and candidates that the other set has, each composition once at its lowest energy."""
    columns = ["formula", "formation_energy_ev_atom"]
    rows = pd.concat([table.loc[is_computed(table), columns], candidates[columns].dropna()], ignore_index=True)
    both = joined(rows, other).sort_values("formation_energy_ev_atom")
    return both.drop_duplicates("key").sort_values("formula", ignore_index=True)


def markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """A table as Markdown, numbers rounded."""
    cells = table.round(digits).astype(object).where(table.notna(), "")
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in cells.itertuples(index=False)]
    return "\n".join(lines)


def spread(values: pd.Series) -> str:
    size = values.replace([np.inf, -np.inf], np.nan).dropna().abs()
    return f"median {size.median():.3f}, 90th percentile {size.quantile(0.9):.3f} over {len(size)}"


def report(path: str, folder: Path = STARTER) -> str:
    """Everything docs/starter.md quotes, as Markdown."""
    table, phases, missing, candidates = starter_tables(folder)
    other, measured = read_table(path), read_table(ENTHALPIES)
    there, wrong = phase_set(other), wrong_in(other, measured)
    parts = [f"{len(table)} phases, {int(is_computed(table).sum())} of them computed; {len(missing)} missing."]
    windows = window_differences(MATERIALS, phases, there, missing, wrong)
    parts.append(f"\n## Windows: {windows['answered'].sum() // 2} of {len(MATERIALS)} answered (V)\n")
    for limit in LIMITS:
        rows = windows[(windows["limit"] == limit) & windows["answered"]]
        for name, part in (
            ("counted", rows["counts"]), ("off measurement there", ~rows["counts"] & ~rows["apart"]),
            ("Br, I", rows["apart"]), ("all", rows["answered"]),
        ):  # fmt: skip
            parts.append(f"- {limit}, {name}: {spread(rows.loc[part, 'difference_v'])}")
    parts.append("\n" + markdown(windows[["formula", "limit", "ours_v", "other_v", "off", "note"]]))
    contacts = contact_differences(CONTACTS, phases, there, missing, wrong)
    parts.append(f"\n## Contacts: {contacts['answered'].sum()} of {len(CONTACTS)} answered (eV/atom)\n")
    parts.append(f"- counted: {spread(contacts.loc[contacts['counts'], 'difference_ev_atom'])}")
    parts.append(f"- all: {spread(contacts.loc[contacts['answered'], 'difference_ev_atom'])}\n")
    parts.append(markdown(contacts[["formula_a", "formula_b", "ours", "other", "off", "note"]]))
    both = joined(table[is_computed(table)], other)
    parts.append(
        f"\n## Formation energies, computed, ours minus theirs (eV/atom)\n\n{markdown(energy_differences(both))}"
    )
    known = both_known(table[is_computed(table)], measured)
    direct = known.assign(left_out_ev_atom=known["difference_ev_atom"], cation_out_ev_atom=np.nan)
    parts.append(
        f"\n## Computed minus measured, nothing fitted (eV/atom)\n\n{markdown(error_table(direct).iloc[:, :4])}"
    )
    parts.append(f"\n## Measured enthalpies moved, left out (eV/atom)\n\n{markdown(error_table(left_out(known)))}")
    right = shares_right(verdicts(compounds_compared(table, candidates, other), table, other))
    parts.append("\n## Stable or not at 0.05 eV/atom\n")
    parts += [f"- {name}: {share:.3f} right of {n}" for name, (share, n) in right.items()]
    beside = measured_windows(measured, phases, there)
    parts.append(f"\n## Beside measured enthalpies (V)\n\n{markdown(beside)}")
    return "\n".join(parts) + "\n"


def main(path: str, folder: str = str(STARTER)) -> None:
    sys.stdout.write(report(path, Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
