"""Stacks of layers between lithium and cathode, ranked by resistance and by their contacts.

(anode coating) | anolyte | catholyte | (cathode coating): an electrolyte that cannot bear an electrode hides behind a
coating, one that bears both may stand alone. Area-specific resistance is the sum of thickness over conductivity, grain
boundaries and charge transfer left out. Contacts with an electrode are judged closed and, at the cathode, with lithium
open at its voltages; the worse counts. Contacts between layers are judged closed: a coating that blocks electrons keeps
the electrolyte from the cathode's potential.
"""

from collections.abc import Hashable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.families import family_table
from ionsieve.models.judgement.cell import Cell
from ionsieve.models.judgement.ranking import ramp
from ionsieve.models.judgement.stack_layers import COATING_ROLES, ELECTROLYTE_ROLES, READY, stack_layers
from ionsieve.models.judgement.stack_sides import (
    CM_PER_UM,
    StackSettings,
    area_resistance_ohm_cm2,
    protected_sides,
    resistance_term,
    weighted_terms,
)

__all__ = [
    "STACK_COLUMNS", "StackSettings", "area_resistance_ohm_cm2", "contact_pairs", "rank_stacks", "stack_layers",
    "top_voltage_contacts",
]  # fmt: skip

STACK_COLUMNS = (
    "rank", "list", "stack", "score", "asr_ohm_cm2", "weakest_interface_ev_atom", "weakest_interface",
    "cathode_open_ev_non_li", "anode_coating", "anolyte", "catholyte", "cathode_coating", "anode_coating_id",
    "anolyte_id", "catholyte_id", "cathode_coating_id", "n_layers", "term_resistance", "term_worst_contact",
    "term_contacts", "term_layers", "contacts", "flags",
)  # fmt: skip
JOINED = (
    "log10_sigma", "own_score", "coated", "coating_score", "film_ohm_cm2", "assumed", "worst", "total", "n_contacts",
    "n_unknown", "ready",
)  # fmt: skip
BLOCK = 50  # sides joined at a time: bounds the memory of a million stacks
UNKNOWN_CONTACTS, UNKNOWN_CONDUCTIVITY, EXPLORE = "unknown contacts", "unknown conductivity", "explore"


def contact_pairs(layers: pd.DataFrame) -> pd.DataFrame:
    """Pairs (formula_a, formula_b) that may touch, each once: electrolytes with each other and with coatings."""
    electrolytes = sorted(set(layers.loc[layers["role"].isin(ELECTROLYTE_ROLES), "formula"]))
    coatings = sorted(set(layers.loc[layers["role"].isin(COATING_ROLES), "formula"]))
    pairs = set(combinations(electrolytes, 2))
    pairs |= {(min(e, c), max(e, c)) for e in electrolytes for c in coatings if e != c}
    return pd.DataFrame(sorted(pairs), columns=["formula_a", "formula_b"])


def rank_stacks(layers: pd.DataFrame, pair_energies: pd.DataFrame, cell: Cell, settings: StackSettings) -> pd.DataFrame:
    """Stacks whose neighbours tolerate each other; empty (with its columns) if there is none.

    Args:
        layers: As from `stack_layers`.
        pair_energies: formula_a, formula_b, e_rxn_ev_atom (closed, mutual), in either order; NaN or absent is unknown.
        cell: Names of the electrodes.
        settings: See `StackSettings`.

    Returns:
        STACK_COLUMNS. First the ranked ones, best first (list "ready"): of ready materials, every contact and every
        electrolyte's conductivity known. Then the others, unranked, `list` saying why: "unknown contacts", "unknown
        conductivity", or "explore" where a layer is only worth exploring; fewest unknown contacts first. A coating that
        is absent is "", one electrolyte alone stands as anolyte and as catholyte.
    """
    energy = {
        frozenset((a, b)): float(e)
        for a, b, e in zip(*(pair_energies[c] for c in ("formula_a", "formula_b", "e_rxn_ev_atom")), strict=True)
    }
    ready = _joined(layers[layers["list"] == READY], energy, cell, settings)
    ranked = _first(ready[ready["list"] == READY], settings.per_electrolyte_pair, settings.rows)
    ranked = ranked.assign(rank=np.arange(1, len(ranked) + 1))
    if settings.rows_apart:
        everything = ready if (layers["list"] == READY).all() else _joined(layers, energy, cell, settings)
        apart = _first(everything[everything["list"] != READY], settings.per_electrolyte_pair, settings.rows_apart)
        ranked = pd.concat([ranked, apart.assign(rank=np.nan)], ignore_index=True)
    described = [_described(stack, cell) for stack in ranked.to_dict("records")]
    table = pd.concat([ranked, pd.DataFrame(described, index=ranked.index)], axis=1) if described else ranked
    table = table.reindex(columns=list(STACK_COLUMNS))
    return table.assign(rank=table["rank"].astype("Int64"))


def top_voltage_contacts(stacks: pd.DataFrame, cell: Cell) -> pd.DataFrame:
    """Pairs (formula_a, formula_b, voltage_v) of catholyte and cathode coating at the top of charge, one row per stack
    that has both, indexed as the stacks: what would happen if the coating did not block electrons."""
    coated = stacks[stacks["cathode_coating"] != ""]
    pairs = coated[["catholyte", "cathode_coating"]].set_axis(["formula_a", "formula_b"], axis=1)
    return pairs.assign(voltage_v=cell.cathode_voltage_v)


def _first(stacks: pd.DataFrame, per_pair: int, rows: int) -> pd.DataFrame:
    """Best stacks, few of the same two electrolytes: those behind ever other coatings would fill the list."""
    if stacks.empty:
        return stacks
    order = [
        "n_unknown",
        "order",
        "n_layers",
        "asr_ohm_cm2",
        *("electrolyte_a", "electrolyte_c", "coating_a", "coating_c"),
    ]
    best = stacks.assign(order=-stacks["score"].round(12)).sort_values(order, kind="stable")
    return best.groupby(["electrolyte_a", "electrolyte_c"], sort=False).head(per_pair).head(rows).reset_index(drop=True)


def _joined(
    layers: pd.DataFrame, energy: Mapping[frozenset[str], float], cell: Cell, settings: StackSettings
) -> pd.DataFrame:
    """Stacks of two sides whose electrolytes tolerate each other, of each list as many as could be shown: the sides'
    columns with suffixes _a and _c, between_ev_atom (NaN for one electrolyte or unknown), resistance, terms, score and
    list."""
    by_name = ["electrolyte", "coating"]
    left, right = (
        protected_sides(layers, electrode, energy, settings).sort_values(by_name, ignore_index=True)
        for electrode in ("anode", "cathode")
    )
    if left.empty or right.empty:
        return pd.DataFrame(columns=["list"])
    between = _between(left["electrolyte"], right["electrolyte"], energy)
    left, right = (side.assign(family=_families(side["electrolyte"])) for side in (left, right))
    # Two electrolytes meet in at most this many stacks, so this many times the rows hold all that can be listed.
    enough = settings.sides_per_electrolyte**2 * max(settings.rows, settings.rows_apart)
    best = pd.DataFrame()
    for first in range(0, len(left), BLOCK):
        rows = left.iloc[first : first + BLOCK]
        scored = _scored(rows, right, between[first : first + BLOCK], settings)
        best = pd.concat([best, scored]).sort_values(["n_unknown", "score"], ascending=[True, False], kind="stable")
        best = best.groupby("list", sort=False).head(enough)
    sides_a = left.loc[best["a"]].add_suffix("_a").set_index(best.index)
    sides_c = right.loc[best["c"]].add_suffix("_c").set_index(best.index)
    return pd.concat([best, sides_a, sides_c], axis=1).reset_index(drop=True)


def _families(formulas: pd.Series) -> list[str]:
    unique = formulas.unique().tolist()
    return formulas.map(dict(zip(unique, family_table(unique)["family"], strict=True))).tolist()


def _between(left: pd.Series, right: pd.Series, energy: Mapping[frozenset[str], float]) -> np.ndarray:
    """(n, m) energies of the sides' electrolytes with each other, eV/atom; NaN unknown, or the same electrolyte."""
    rows, columns = left.unique(), right.unique()
    matrix = np.array([[energy.get(frozenset((e, f)), np.nan) for f in columns] for e in rows])
    i = pd.Index(rows).get_indexer(pd.Index(left))
    j = pd.Index(columns).get_indexer(pd.Index(right))
    return matrix[np.ix_(i, j)]


def _scored(
    left: pd.DataFrame, right: pd.DataFrame, between_ev_atom: np.ndarray, settings: StackSettings
) -> pd.DataFrame:
    """Every tolerated pair of sides, of one electrolyte or of two families (a garnet on a garnet adds nothing).

    Columns: a and c (their index), same, between_ev_atom, asr_ohm_cm2, n_layers, terms, score, list.
    """
    same = left["electrolyte"].to_numpy()[:, None] == right["electrolyte"].to_numpy()
    kin = left["family"].to_numpy()[:, None] == right["family"].to_numpy()
    i, j = np.nonzero(same | ~(kin | (between_ev_atom < settings.min_electrolytes_ev_atom)))
    same, between = same[i, j], between_ev_atom[i, j]
    a, c = ({name: side[name].to_numpy()[k] for name in JOINED} for side, k in ((left, i), (right, j)))
    thickness_cm = settings.separator_um * CM_PER_UM * np.where(same, 1.0, 0.5)
    resistance = a["film_ohm_cm2"] + c["film_ohm_cm2"] + thickness_cm / 10 ** a["log10_sigma"]
    resistance = resistance + np.where(same, 0.0, thickness_cm / 10 ** c["log10_sigma"])
    n_layers = 2 + a["coated"] + c["coated"] - same
    credit = np.nan_to_num(ramp(between, *settings.interface_ev_atom))
    worst = np.minimum(a["worst"], c["worst"])
    n_contacts = a["n_contacts"] + c["n_contacts"] + ~same
    # One electrolyte stands in both sides with the score of either role: it counts half each.
    own = (a["own_score"] + c["own_score"]) * np.where(same, 0.5, 1.0)
    terms = {
        "resistance": resistance_term(resistance, a["assumed"] | c["assumed"], settings),
        "worst_contact": np.where(same, worst, np.minimum(worst, credit)),
        "contacts": (a["total"] + c["total"] + np.where(same, 0.0, credit)) / n_contacts,
        "layers": (own + a["coating_score"] + c["coating_score"]) / n_layers,
    }
    n_unknown = a["n_unknown"] + c["n_unknown"] + (~same & np.isnan(between))
    apart = np.where(np.isnan(resistance), UNKNOWN_CONDUCTIVITY, np.where(a["ready"] & c["ready"], READY, EXPLORE))
    return pd.DataFrame(
        {
            "a": left.index.to_numpy()[i], "c": right.index.to_numpy()[j], "same": same, "between_ev_atom": between,
            "asr_ohm_cm2": resistance, "n_layers": n_layers, "score": weighted_terms(terms, settings),
            "n_unknown": n_unknown, "list": np.where(n_unknown == 0, apart, UNKNOWN_CONTACTS),
            **{f"term_{name}": values for name, values in terms.items()},
        }
    )  # fmt: skip


def _described(stack: Mapping[Hashable, Any], cell: Cell) -> dict[str, object]:
    """Names, contacts and flags of one stack."""
    anode, cathode = cell.formulas["anode"], cell.formulas["cathode_lithiated"]
    layers = [stack["coating_a"], stack["electrolyte_a"]]
    layers += ["" if stack["same"] else stack["electrolyte_c"], stack["coating_c"]]
    chain = [anode, *filter(None, layers), cathode]
    energies = [stack["outer_ev_atom_a"]]
    energies += [stack["inner_ev_atom_a"]] if stack["coating_a"] else []
    energies += [] if stack["same"] else [stack["between_ev_atom"]]
    energies += [stack["inner_ev_atom_c"]] if stack["coating_c"] else []
    energies += [stack["outer_ev_atom_c"]]
    contacts = [(f"{one} | {other}", e) for one, other, e in zip(chain, chain[1:], energies, strict=False)]
    known = [contact for contact in contacts if not np.isnan(contact[1])]
    weakest = min(known, key=lambda contact: contact[1], default=("", np.nan))
    words = [f"{name} {'unknown' if np.isnan(e) else f'{e:z.3f}'}" for name, e in contacts]
    opened = stack["outer_open_c"]
    words[-1] += " (while charging unknown)" if np.isnan(opened) else f" (while charging {opened:z.3f} per non-Li atom)"
    unknown = [f"{name} unknown" for name, e in contacts if np.isnan(e)]
    unknown += [f"{contacts[-1][0]} unknown while charging"] if np.isnan(opened) else []
    flags = [*unknown, *stack["flags_a"].split("; "), *stack["flags_c"].split("; ")]
    return {
        "stack": " | ".join(chain), "weakest_interface_ev_atom": weakest[1], "weakest_interface": weakest[0],
        "cathode_open_ev_non_li": opened, "anode_coating": stack["coating_a"], "anolyte": stack["electrolyte_a"],
        "catholyte": stack["electrolyte_c"], "cathode_coating": stack["coating_c"],
        "anode_coating_id": stack["coating_id_a"], "anolyte_id": stack["id_a"], "catholyte_id": stack["id_c"],
        "cathode_coating_id": stack["coating_id_c"], "contacts": "; ".join(words),
        "flags": "; ".join(dict.fromkeys(filter(None, flags))),
    }  # fmt: skip
