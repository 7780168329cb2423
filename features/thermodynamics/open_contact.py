"""Contacts with a cathode that is charged: the worst mutual reaction over the voltages it runs at, lithium open.

At an open potential lithium is exchanged with the electrode, so a charged and a discharged cathode are one composition
once lithium is left out: one host answers for both. Energies are per atom that is not lithium, as in the
grand-potential form of `interface` (doi:10.1021/acs.chemmater.5b04082), mutual part first.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.phase_set import Amounts, PhaseSet, products_text, read_amounts
from ionsieve.features.thermodynamics.programs.ladders import Ladder, solve_open_ladder, solve_pair_ladder

STEP_V = 0.1  # at a given mixture the energy is linear in the voltage, so the worst lies close to a step
MOBILE = "Li"
OPEN_COLUMNS = ("e_open_ev_non_li", "e_open_voltage_v", "e_open_products", "e_open_flag")


def voltage_ladder_v(lowest_v: float, highest_v: float, step_v: float = STEP_V) -> np.ndarray:
    """Voltages from the lowest to the highest, both among them, in equal steps of at most step_v.

    Raises:
        ValueError: If the range is empty or not finite.
    """
    if not (np.isfinite(lowest_v) and np.isfinite(highest_v) and 0.0 <= lowest_v <= highest_v):
        raise ValueError(f"no voltage range: {lowest_v} to {highest_v} V")
    n_steps = int(np.ceil((highest_v - lowest_v) / step_v - 1e-9))
    return np.round(np.linspace(lowest_v, highest_v, n_steps + 1), 9)


def open_contact_table(
    formulas: Sequence[str], hosts: pd.DataFrame, phases: PhaseSet, known_wrong: np.ndarray | None = None
) -> pd.DataFrame:
    """Worst reaction of each formula with each cathode over its voltages; formulas vary fastest.

    Args:
        formulas: n formulas.
        hosts: m rows: formula (any state of charge), voltage_min_v, voltage_max_v.
        known_wrong: (p,) which phases have energies known to be wrong, in the set's order. A reaction whose products
            hold one is computed again without all of them, and flagged.

    Returns:
        m × n rows: formula, host; e_open_ev_non_li ≤ 0, eV per atom that is not lithium, 0 for no reaction;
        e_open_voltage_v and e_open_products (per atom that is not lithium) where it is worst, NaN and "" for no
        reaction; e_open_flag; note. NaN and the reason in note where a side cannot be answered or is lithium metal.

    Raises:
        ValueError: If a host has no voltage range.
    """
    names = list(dict.fromkeys(formulas))
    amounts, notes = answerable(names, phases)
    for i, found in enumerate(amounts):
        if found is not None and set(found) == {MOBILE}:
            amounts[i], notes[i] = None, f"{MOBILE} metal has no form with {MOBILE} open"
    known = {f: a for f, a in zip(names, amounts, strict=True) if a is not None}
    notes_of = dict(zip(names, notes, strict=True))
    parts = []
    for host in hosts.to_dict("records"):
        volts = voltage_ladder_v(host["voltage_min_v"], host["voltage_max_v"])
        host_amounts, why = answerable([host["formula"]], phases)
        solved = pd.DataFrame(index=pd.Index([], name="formula"))
        if host_amounts[0] is not None and known:
            solved = _with_host(known, host_amounts[0], volts, phases, known_wrong)
        part = solved.reindex(list(formulas)).rename_axis("formula").reset_index()
        part = part.reindex(columns=["formula", *OPEN_COLUMNS, "note"])
        part[["e_open_products", "e_open_flag", "note"]] = part[["e_open_products", "e_open_flag", "note"]].fillna("")
        reasons = ["; ".join(filter(None, dict.fromkeys([notes_of[f], why[0]]))) for f in formulas]
        part["note"] = ["; ".join(filter(None, pair)) for pair in zip(reasons, part["note"], strict=True)]
        part.insert(1, "host", host["formula"])
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["formula", "host", *OPEN_COLUMNS])


def _with_host(
    known: Mapping[str, Amounts], host: Amounts, volts: np.ndarray, phases: PhaseSet, known_wrong: np.ndarray | None
) -> pd.DataFrame:
    """OPEN_COLUMNS and note by formula."""
    table, ids = _worst(known, host, volts, phases, phases.energies)
    if known_wrong is None or not known_wrong.any():
        return table
    leaning = np.array([known_wrong[row[row >= 0]].any() for row in ids], dtype=bool)
    if not leaning.any():
        return table
    again = {f: a for (f, a), leans in zip(known.items(), leaning, strict=True) if leans}
    energies = np.where(known_wrong, np.inf, phases.energies)
    better, _ = _worst(again, host, volts, phases, energies)
    with_them = table.loc[list(again)]
    better["e_open_flag"] = [
        f"recomputed without entries known to be wrong; with them {energy:.3f} at {volt:g} V: {products}"
        for energy, volt, products in zip(
            with_them["e_open_ev_non_li"], with_them["e_open_voltage_v"], with_them["e_open_products"], strict=True
        )
    ]
    return pd.concat([table.drop(index=list(again)), better]).reindex(list(known))


def _worst(
    known: Mapping[str, Amounts], host: Amounts, volts: np.ndarray, phases: PhaseSet, energies: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """OPEN_COLUMNS and note by formula, and the rows (n, k) of the products among the phases."""
    sides = list(known.values())
    ladder = Ladder(MOBILE, -volts)
    hulls = solve_open_ladder([*sides, host], phases, ladder, energies)
    found = solve_pair_ladder(sides, host, hulls, phases, ladder, energies)
    solved = found.status == 0
    reacts = solved & np.isfinite(found.values[:, 1])
    table = pd.DataFrame(
        {
            "e_open_ev_non_li": np.where(solved, found.values[:, 0], np.nan),
            "e_open_voltage_v": np.where(reacts, volts[found.step], np.nan),
            "e_open_products": [
                products_text(row, n, phases, {}) if reacted else ""
                for row, n, reacted in zip(found.ids, found.atoms, reacts, strict=True)
            ],
            "e_open_flag": "",
            "note": np.where(solved, "", "the linear program did not converge"),
        },
        index=pd.Index(list(known), name="formula"),
    )
    return table, np.where(reacts[:, None], found.ids, -1)


def non_mobile_key(formula: str) -> str:
    """What is left of a formula without lithium, as fractions: the same for a cathode at every state of charge."""
    found = read_amounts([formula])[0][0] or {}
    total = sum(n for s, n in found.items() if s != MOBILE)
    return " ".join(f"{s}{n / total:.6f}" for s, n in sorted(found.items()) if s != MOBILE)
