"""Reactions between two solids in contact, chemical and with an open mobile element, by linear programming.

Both sides enter at the hull energy of their own composition, so that the mutual energy charges neither with its own
decomposition (doi:10.1021/acs.chemmater.5b04082; pymatgen's InterfacialReactivity with norm and use_hull_energy). The
worst mixing fraction is a variable of the program, so one program answers one pair.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.phase_set import Amounts, PhaseSet, find_phase, ion_charge, products_text
from ionsieve.features.thermodynamics.programs.linear_programs import Reactions, Sides, solve_mixtures, solve_pairs
from ionsieve.features.thermodynamics.programs.simplex import REACTION_TOLERANCE
from ionsieve.features.thermodynamics.tie_line import tie_line

COLUMNS = (
    "formula_a", "formula_b", "voltage_v", "e_rxn_ev_atom", "e_rxn_total_ev_atom", "fraction_a", "products", "note",
    "formula_units_a", "e_rxn_all_atoms_ev_atom", "e_rxn_total_all_atoms_ev_atom", "fraction_a_total",
)  # fmt: skip


def interface_table(pairs: pd.DataFrame, phases: PhaseSet, mobile_ion: str = "Li") -> pd.DataFrame:
    """Worst reaction of each pair, in order.

    Args:
        pairs: Columns formula_a, formula_b, optionally voltage_v (V against the mobile ion's metal; NaN: a closed
            system).

    Returns:
        Rows as in `pairs`. e_rxn_ev_atom ≤ 0: mutual reaction at the worst mixture; fraction_a: atomic fraction of a
        in it, NaN for no reaction; products per formula unit of the mixture, of which formula_units_a is a and the
        rest b. e_rxn_total_ev_atom counts also what each side does alone, from the energy it has in the table (where
        it has none, from the hull, noted). At a voltage both are per atom that is not the mobile ion, as pymatgen's
        grand-potential form has it, and the *_all_atoms columns give them per atom of both reactants. NaN and a
        reason in note where unknown. attrs["n_highs"] counts pairs the compiled kernel left to HiGHS,
        attrs["n_unsolved"] those without an answer.
    """
    n = len(pairs)
    volts = pairs["voltage_v"].to_numpy(dtype=float) if "voltage_v" in pairs else np.full(n, np.nan)
    names = sorted({*pairs["formula_a"], *pairs["formula_b"]}, key=str)
    amounts, reasons = answerable(names, phases)
    known = dict(zip(names, amounts, strict=True))
    why = dict(zip(names, reasons, strict=True))
    table = pd.DataFrame({c: np.full(n, np.nan) for c in COLUMNS}, index=pairs.index)
    table["formula_a"], table["formula_b"] = pairs["formula_a"], pairs["formula_b"]
    table["voltage_v"] = volts
    notes = [
        "; ".join(dict.fromkeys(filter(None, (why[f], why[g], _no_open_form(known[f], known[g], v, mobile_ion)))))
        for f, g, v in zip(pairs["formula_a"], pairs["formula_b"], volts, strict=True)
    ]
    products = [""] * n
    hulls = _hull_and_own([f for f in names if known[f] is not None], known, phases)
    left_over = np.zeros(2, dtype=int)
    for is_open in (False, True):
        rows = [i for i in range(n) if not notes[i] and np.isfinite(volts[i]) == is_open]
        if rows:
            left_over += _solve_rows(rows, is_open, table, products, notes, known, hulls, phases, mobile_ion)
    table["products"], table["note"] = products, notes
    table.attrs["n_highs"], table.attrs["n_unsolved"] = map(int, left_over)
    return table


def _no_open_form(f: Amounts | None, g: Amounts | None, volt: float, mobile_ion: str) -> str:
    if np.isnan(volt) or not any(side is not None and set(side) == {mobile_ion} for side in (f, g)):
        return ""
    return f"{mobile_ion} metal has no form with {mobile_ion} open"


def _hull_and_own(
    names: Sequence[str], known: dict[str, Amounts | None], phases: PhaseSet
) -> dict[str, tuple[float, float]]:
    """Hull energy and energy in the table (the hull's where it has none) of each formula, eV/atom."""
    amounts = [a for a in (known[f] for f in names) if a is not None]
    solved = solve_mixtures(amounts, phases)
    rows = [find_phase(phases, a) for a in amounts]
    own = [phases.energies[row] if row >= 0 else np.nan for row in rows]
    return {f: (h, e) for f, h, e in zip(names, solved.values, own, strict=True)}


def _sides(
    formulas: Sequence[str], mu: np.ndarray, is_open: bool, known: dict[str, Amounts | None],
    hulls: dict[str, tuple[float, float]], phases: PhaseSet, mobile_ion: str,
) -> Sides:  # fmt: skip
    """Compositions and energies of one side; open: grand potentials per atom that is not the mobile ion."""
    amounts = [a for a in (known[f] for f in formulas) if a is not None]
    hull = np.array([hulls[f][0] for f in formulas])
    own = np.array([hulls[f][1] for f in formulas])
    own = np.where(np.isnan(own), hull, own)
    if not is_open:
        return Sides(amounts, hull, own)
    mobile = np.array([a.get(mobile_ion, 0.0) / sum(a.values()) for a in amounts])
    keys = list(zip(formulas, mu, strict=True))
    unique = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    solved = solve_mixtures(
        [a for a in (known[f] for f, _ in unique) if a is not None],
        phases,
        mobile_ion,
        np.array([m for _, m in unique]),
    )
    open_hull = solved.values[[unique[key] for key in keys]]
    return Sides(amounts, open_hull, (own - mu * mobile) / (1.0 - mobile))


def _solve_rows(
    rows: list[int], is_open: bool, table: pd.DataFrame, products: list[str], notes: list[str],
    known: dict[str, Amounts | None], hulls: dict[str, tuple[float, float]], phases: PhaseSet, mobile_ion: str,
) -> np.ndarray:  # fmt: skip
    """Solve rows of one kind, closed or open, into `table`, `products` and `notes`; (programs left to HiGHS,
    unsolved)."""
    first = table["formula_a"].to_numpy()[rows]
    second = table["formula_b"].to_numpy()[rows]
    mu = -ion_charge(mobile_ion) * table["voltage_v"].to_numpy()[rows] if is_open else np.zeros(len(rows))
    # one order for a pair and its mirror image, so that both get the same worst mixture where several are equally bad
    swapped = np.array([_order_key(known[f]) > _order_key(known[g]) for f, g in zip(first, second, strict=True)])
    left, right = np.where(swapped, second, first), np.where(swapped, first, second)
    a = _sides(left.tolist(), mu, is_open, known, hulls, phases, mobile_ion)
    b = _sides(right.tolist(), mu, is_open, known, hulls, phases, mobile_ion)
    found = solve_pairs(a, b, phases, mobile_ion if is_open else None, mu)
    _write(rows, swapped, a, b, found, is_open, table, products, notes, phases, mobile_ion)
    for i, f, g in zip(rows, first, second, strict=True):
        without = [name for name in dict.fromkeys((f, g)) if np.isnan(hulls[name][1])]
        if without and not notes[i]:
            notes[i] = f"no energy of its own, taken at the hull: {', '.join(without)}"
    return np.array([found.n_highs, np.count_nonzero(found.status)])


def _order_key(amounts: Amounts | None) -> tuple[tuple[str, float], ...]:
    total = sum((amounts or {}).values())
    return tuple(sorted((s, round(n / total, 9)) for s, n in (amounts or {}).items()))


def _write(
    rows: list[int], swapped: np.ndarray, a: Sides, b: Sides, found: Reactions, is_open: bool, table: pd.DataFrame,
    products: list[str], notes: list[str], phases: PhaseSet, mobile_ion: str,
) -> None:  # fmt: skip
    size_a, size_b = _sizes(a.amounts, None), _sizes(b.amounts, None)
    scale_a = _sizes(a.amounts, mobile_ion) if is_open else size_a
    scale_b = _sizes(b.amounts, mobile_ion) if is_open else size_b
    energy, z, total, z_total = found.values.T
    # formula units of either side per atom of the mixture (open: per atom that is not the mobile ion)
    units_a, units_b = z / scale_a, (1.0 - z) / scale_b
    atoms = units_a * size_a + units_b * size_b
    total_atoms = z_total / scale_a * size_a + (1.0 - z_total) / scale_b * size_b
    fraction = units_a * size_a / atoms
    fraction_total = z_total / scale_a * size_a / total_atoms
    share = units_a / (units_a + units_b)
    solved = found.status == 0
    out = {
        "e_rxn_ev_atom": energy,
        "e_rxn_total_ev_atom": total,
        "fraction_a": np.where(swapped, 1.0 - fraction, fraction),
        "formula_units_a": np.where(swapped, 1.0 - share, share),
        "e_rxn_all_atoms_ev_atom": np.where(np.isnan(z), energy, energy / atoms),
        "e_rxn_total_all_atoms_ev_atom": total / total_atoms,
        "fraction_a_total": np.where(
            total < -REACTION_TOLERANCE, np.where(swapped, 1.0 - fraction_total, fraction_total), np.nan
        ),
    }
    for column, values in out.items():
        written = table[column].to_numpy(copy=True)
        written[rows] = np.where(solved, values, np.nan)
        table[column] = written
    for k, i in enumerate(rows):
        if not solved[k]:
            notes[i] = "the linear program did not converge"
        elif np.isfinite(z[k]):
            products[i] = products_text(found.ids[k], found.atoms[k] / (units_a[k] + units_b[k]), phases, {})


def _sizes(amounts: Sequence[Amounts], without: str | None) -> np.ndarray:
    """(n,) atoms per formula, not counting one element."""
    return np.array([sum(n for s, n in a.items() if s != without) for a in amounts])


def worst_interface_table(
    pairs: pd.DataFrame, phases: PhaseSet, voltages_v: Sequence[float], mobile_ion: str = "Li"
) -> pd.DataFrame:
    """The most exergonic mutual reaction of each pair over several voltages, in order; columns of interface_table.

    The energy is piecewise linear in the voltage at a given mixture, so a dense enough list finds the worst of a range.

    Raises:
        ValueError: If no voltage is given.
    """
    volts = list(dict.fromkeys(float(v) for v in voltages_v))
    if not volts:
        raise ValueError("no voltage given for the worst reaction")
    repeated = pairs[["formula_a", "formula_b"]].iloc[np.repeat(np.arange(len(pairs)), len(volts))]
    table = interface_table(
        repeated.assign(voltage_v=np.tile(volts, len(pairs))).reset_index(drop=True), phases, mobile_ion
    )
    energy = table["e_rxn_ev_atom"].to_numpy().reshape(len(pairs), len(volts))
    worst = np.argmin(np.where(np.isnan(energy), np.inf, energy), axis=1)
    chosen = table.iloc[np.arange(len(pairs)) * len(volts) + worst].set_index(pairs.index)
    chosen.attrs.update(table.attrs)
    return chosen


def interface_kinks(
    formula_a: str, formula_b: str, phases: PhaseSet, voltage_v: float | None = None, mobile_ion: str = "Li"
) -> pd.DataFrame:
    """Every mixture of two solids at which the products change, from b to a: as pymatgen's get_kinks.

    Returns:
        fraction_a (atomic), e_rxn_ev_atom (mutual, as in interface_table), products per atom of the reactants (at a
        voltage: per atom that is not the mobile ion).

    Raises:
        ValueError: If a formula cannot be answered, or is the mobile ion's metal at a voltage.
    """
    amounts, notes = answerable([formula_a, formula_b], phases)
    volt = np.nan if voltage_v is None else voltage_v
    faults = [*filter(None, [*notes, _no_open_form(amounts[0], amounts[1], volt, mobile_ion)])]
    if faults or amounts[0] is None or amounts[1] is None:
        raise ValueError(f"{formula_a} with {formula_b}: {'; '.join(faults)}")
    opened = None if voltage_v is None else mobile_ion
    line = tie_line(
        amounts[0], amounts[1], phases, opened, 0.0 if voltage_v is None else -ion_charge(mobile_ion) * voltage_v
    )
    z = line.fractions
    # atoms of each side per atom that counts on the line
    per_a, per_b = (sum(f.values()) / sum(n for s, n in f.items() if s != opened) for f in (amounts[0], amounts[1]))
    return pd.DataFrame(
        {
            "fraction_a": z * per_a / (z * per_a + (1.0 - z) * per_b),
            "e_rxn_ev_atom": line.energies - z * line.energies[-1] - (1.0 - z) * line.energies[0],
            "products": [
                products_text(ids, atoms, phases, {})
                for ids, atoms in zip(line.mixtures.ids, line.mixtures.atoms, strict=True)
            ],
        }
    )
