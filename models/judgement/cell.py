"""The cell a material is wanted for: its electrodes and electrolyte, and the columns that hold contacts with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.open_contact import open_contact_table
from ionsieve.features.thermodynamics.phase_set import PhaseSet

# Value columns of the interfaces table, and how they are called for one partner.
CONTACT_COLUMNS = {
    "e_rxn_ev_atom": "e_rxn_{}_ev_atom",
    "e_rxn_total_ev_atom": "e_rxn_total_{}_ev_atom",
    "e_rxn_bound_low_ev_atom": "e_rxn_{}_bound_low_ev_atom",
    "e_rxn_bound_high_ev_atom": "e_rxn_{}_bound_high_ev_atom",
    "products": "products_{}",
    "e_open_ev_non_li": "e_open_{}_ev_non_li",
    "e_open_bound_low_ev_non_li": "e_open_{}_bound_low_ev_non_li",
    "e_open_bound_high_ev_non_li": "e_open_{}_bound_high_ev_non_li",
    "e_open_voltage_v": "e_open_{}_voltage_v",
    "e_open_products": "e_open_{}_products",
    "e_open_flag": "e_open_{}_flag",
    "note": "note_{}",
}
# where missing phases leave an interval
BOUNDS = tuple(column for column in CONTACT_COLUMNS if "_bound_" in column)
ENERGIES = ("e_rxn_ev_atom", "e_rxn_total_ev_atom", "e_open_ev_non_li", *BOUNDS)


@dataclass(frozen=True)
class Cell:
    """The cell a material is wanted for.

    `partners` as from `partner_ids`, `formulas` the formula of each of these parts; cathode_voltage_v is the top of
    charge. The bare contacts are those that a candidate is to better: bare_ev_atom the mutual reaction energy, eV/atom,
    of the electrolyte with cathode_lithiated, cathode_delithiated and anode; bare_open_ev_non_li that with the cathode
    with lithium open, the worst over the cathode's range, eV per non-lithium atom.
    """

    partners: Mapping[str, str]
    formulas: Mapping[str, str]
    cathode_voltage_v: float
    bare_ev_atom: Mapping[str, float]
    bare_open_ev_non_li: float


def cell_of(
    screen: Mapping[str, Any], partners: pd.DataFrame, phases: PhaseSet, known_wrong: np.ndarray | None = None
) -> Cell:
    """The cell that the parameters name, with the energies of the bare contacts that a coating is to replace.

    Args:
        screen: cathode, electrolyte, anode and cathode_voltage_v (None: the cathode's own) of the block `screen`;
            bare_contact gives the energies
            taken where the phases do not tell: closed_ev_atom and open_ev_non_li.
        partners: As for `partner_ids`, with formula, voltage_min_v and voltage_max_v.
        phases: Phases that may form.
        known_wrong: As for `open_contact_table`.

    Raises:
        ValueError: As `partner_ids`.
    """
    named = partner_ids(partners, screen["cathode"], screen["electrolyte"], screen["anode"])
    rows = partners.set_index("partner")
    formulas = {part: str(rows["formula"][partner]) for part, partner in named.items()}
    others = [part for part in named if part != "electrolyte"]
    pairs = pd.DataFrame({"formula_a": formulas["electrolyte"], "formula_b": [formulas[part] for part in others]})
    closed = interface_table(pairs, phases)["e_rxn_ev_atom"].fillna(screen["bare_contact"]["closed_ev_atom"])
    host = rows.loc[[named["cathode_lithiated"]], ["formula", "voltage_min_v", "voltage_max_v"]]
    charged = open_contact_table([formulas["electrolyte"]], host, phases, known_wrong)["e_open_ev_non_li"]
    opened = charged.astype(float).fillna(screen["bare_contact"]["open_ev_non_li"]).iloc[0]
    return Cell(
        named, formulas, cathode_voltage_v(screen, partners), dict(zip(others, closed, strict=True)), float(opened)
    )


def cathode_voltage_v(screen: Mapping[str, Any], partners: pd.DataFrame) -> float:
    """Top of charge, V: as the parameters say, else that of the cathode they name.

    Raises:
        ValueError: If neither gives one.
    """
    if screen.get("cathode_voltage_v") is not None:
        return float(screen["cathode_voltage_v"])
    tops = pd.to_numeric(partners.loc[partners["cathode"] == screen["cathode"], "voltage_max_v"], errors="coerce")
    if tops.isna().all():
        raise ValueError(
            f"partners: cathode {screen['cathode']!r} has no voltage_max_v, and cathode_voltage_v is not set"
        )
    return float(tops.max())


def partner_ids(partners: pd.DataFrame, cathode: str, electrolyte: str, anode: str) -> dict[str, str]:
    """Partner ids by the part they play: cathode_lithiated, cathode_delithiated, electrolyte, anode.

    Args:
        partners: Columns partner (id), kind, cathode (name shared by a lithiated and delithiated pair).
        cathode: A name in the column cathode.
        electrolyte: Id of a partner of kind electrolyte.
        anode: Id of a partner of kind anode.

    Raises:
        ValueError: Naming each part that does not stand exactly once in the table, and what there is.
    """
    pair = partners["cathode"] == cathode
    rows = {
        "cathode_lithiated": pair & (partners["kind"] == "cathode_lithiated"),
        "cathode_delithiated": pair & (partners["kind"] == "cathode_delithiated"),
        "electrolyte": (partners["partner"] == electrolyte) & (partners["kind"] == "electrolyte"),
        "anode": (partners["partner"] == anode) & (partners["kind"] == "anode"),
    }
    wrong = [f"{part} ({int(found.sum())} rows)" for part, found in rows.items() if found.sum() != 1]
    if wrong:
        known = "; ".join(f"{kind}: {', '.join(map(str, rows.partner))}" for kind, rows in partners.groupby("kind"))
        raise ValueError(
            f"partners: cathode {cathode!r}, electrolyte {electrolyte!r}, anode {anode!r} need one row each, "
            f"but not so for {', '.join(wrong)}. Known: {known}"
        )
    return {part: str(partners.loc[found, "partner"].iloc[0]) for part, found in rows.items()}


def interface_column(partner: str) -> str:
    """Name of the column that holds the mutual reaction energy with one partner, eV/atom."""
    return CONTACT_COLUMNS["e_rxn_ev_atom"].format(partner)


def open_column(partner: str) -> str:
    """Name of the column that holds the worst reaction with one cathode with lithium open, eV per non-lithium atom."""
    return CONTACT_COLUMNS["e_open_ev_non_li"].format(partner)


def pivot_interfaces(interfaces: pd.DataFrame) -> pd.DataFrame:
    """Contacts with one row per id and the columns of CONTACT_COLUMNS per partner.

    Energies are there for every partner, other columns where any row has a value.

    Args:
        interfaces: Columns id, partner and any of CONTACT_COLUMNS; missing where not computed.

    Raises:
        ValueError: If a pair stands twice.
    """
    twice = interfaces.duplicated(["id", "partner"])
    if twice.any():
        pairs = [f"{row.id} with {row.partner}" for row in interfaces[twice].head(10).itertuples()]
        raise ValueError(f"interfaces: {int(twice.sum())} pairs stand more than once: {', '.join(pairs)}")
    interfaces = interfaces.assign(**{c: np.nan for c in BOUNDS if c not in interfaces})
    blocks = []
    for column, name in CONTACT_COLUMNS.items():
        if column in interfaces:
            wide = interfaces.pivot(index="id", columns="partner", values=column)
            wide = wide if column in ENERGIES else wide.dropna(axis=1, how="all")
            blocks.append(wide.rename(columns=name.format).rename_axis(columns=None))
    return pd.concat(blocks, axis=1).reset_index()
