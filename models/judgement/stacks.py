"""Stacks of layers between lithium and cathode, ranked by resistance and by their weakest interface.

(anode coating) | anolyte | catholyte | (cathode coating): an electrolyte that cannot bear an electrode hides behind a
coating, one that bears both may stand alone. Area-specific resistance is the sum of thickness over conductivity, grain
boundaries and charge transfer left out; interfaces are judged by mutual reaction energies.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.models.judgement.ranking import Cell, ramp
from ionsieve.models.judgement.roles import interface_column

ELECTROLYTE_ROLES = ("electrolyte", "anolyte", "catholyte")
COATING_ROLES = ("anode_coating", "cathode_coating")
STACK_COLUMNS = (
    "rank",
    "stack",
    "score",
    "asr_ohm_cm2",
    "weakest_interface_ev_atom",
    "weakest_interface",
    "anode_coating",
    "anolyte",
    "catholyte",
    "cathode_coating",
    "anode_coating_id",
    "anolyte_id",
    "catholyte_id",
    "cathode_coating_id",
    "n_layers",
    "contacts",
    "flags",
)
CM_PER_UM = 1e-4
CM_PER_NM = 1e-7
NO_REACTION_EV_ATOM = -1e-3  # milder than this needs no interphase to stop it


@dataclass(frozen=True)
class StackSettings:
    """Thicknesses, tolerances and limits of the search.

    separator_um is the thickness of the electrolyte in all, halved between anolyte and catholyte where they differ;
    coatings conduct at least film_floor_s_cm (amorphous films do, whatever the crystal does). A contact is tolerated
    from its min_ energy on. resistance_ohm_cm2 and interface_ev_atom are (worth 0, worth 1), resistance on a log scale;
    a passivating contact earns at least passivating_credit, an unknown resistance or contact unknown_credit.
    """

    separator_um: float
    coating_nm: float
    film_floor_s_cm: float
    min_electrolytes_ev_atom: float
    min_anode_coating_ev_atom: float
    min_cathode_coating_ev_atom: float
    per_role: int
    sides_per_electrolyte: int
    per_electrolyte_pair: int
    rows: int
    resistance_ohm_cm2: tuple[float, float]
    interface_ev_atom: tuple[float, float]
    resistance_weight: float
    interface_weight: float
    passivating_credit: float
    unknown_credit: float


def stack_layers(electrolytes: pd.DataFrame, coatings: pd.DataFrame, cell: Cell, per_role: int) -> pd.DataFrame:
    """The best few materials of every role, one row per role and composition (its best polymorph).

    Args:
        electrolytes: Shortlist as from `ranking.shortlist` with the roles of ELECTROLYTE_ROLES.
        coatings: The same with the roles of COATING_ROLES.
        cell: Names the partners.
        per_role: How many compositions to keep for a role.

    Returns:
        role, id, formula, log10_sigma, sigma_origin, passivating, anode_ev_atom, cathode_ev_atom (worse of lithiated
        and delithiated, NaN if either is unknown).
    """
    parts = []
    for table, roles in ((electrolytes, ELECTROLYTE_ROLES), (coatings, COATING_ROLES)):
        for role in roles:
            best = table[table[role].astype(bool)].sort_values([f"score_{role}", "rank"], ascending=[False, True])
            best = best.assign(role=role, composition=[composition_key(parse_formula(f)) for f in best["formula"]])
            parts.append(best.drop_duplicates("composition").head(per_role))
    layers = pd.concat(parts, ignore_index=True)
    # One spelling per composition, so that a material is never put beside itself.
    layers["formula"] = layers.groupby("composition")["formula"].transform("first")
    cathode = [interface_column(cell.partners[f"cathode_{state}"]) for state in ("lithiated", "delithiated")]
    layers["anode_ev_atom"] = layers[interface_column(cell.partners["anode"])].astype(float)
    layers["cathode_ev_atom"] = layers[cathode].astype(float).min(axis=1, skipna=False)
    known = ["role", "id", "formula", "log10_sigma", "sigma_origin", "passivating", "anode_ev_atom", "cathode_ev_atom"]
    return layers[known]


def contact_pairs(layers: pd.DataFrame) -> pd.DataFrame:
    """Pairs (formula_a, formula_b) that may touch, each once: electrolytes with each other and with coatings."""
    electrolytes = sorted(set(layers.loc[layers["role"].isin(ELECTROLYTE_ROLES), "formula"]))
    coatings = sorted(set(layers.loc[layers["role"].isin(COATING_ROLES), "formula"]))
    pairs = set(combinations(electrolytes, 2))
    pairs |= {tuple(sorted((e, c))) for e in electrolytes for c in coatings if e != c}  # type: ignore[misc]
    return pd.DataFrame(sorted(pairs), columns=["formula_a", "formula_b"])


def area_resistance_ohm_cm2(thickness_cm: float, log10_sigma: float) -> float:
    """Resistance of 1 cm² of a layer, ohm cm²: thickness over conductivity; NaN without a conductivity."""
    return thickness_cm / 10.0**log10_sigma


def rank_stacks(layers: pd.DataFrame, pair_energies: pd.DataFrame, cell: Cell, settings: StackSettings) -> pd.DataFrame:
    """Stacks whose neighbours tolerate each other, best first; empty (with its columns) if there is none.

    The score is the weighted mean of a resistance term and of the lowest term of any contact. An unknown contact is
    tolerated and flagged. Contacts with the electrodes were judged by the roles and count here again.

    Args:
        layers: As from `stack_layers`.
        pair_energies: formula_a, formula_b, e_rxn_ev_atom (mutual), in either order; NaN or absent is unknown.
        cell: Names of the electrodes.
        settings: See `StackSettings`.

    Returns:
        STACK_COLUMNS; a coating that is absent is "", one electrolyte alone stands as anolyte and as catholyte.
    """
    energy = {
        frozenset((a, b)): float(e)
        for a, b, e in zip(*(pair_energies[c] for c in ("formula_a", "formula_b", "e_rxn_ev_atom")), strict=True)
    }
    anode_sides = _sides(layers, "anode", energy, cell, settings)
    cathode_sides = _sides(layers, "cathode", energy, cell, settings)
    stacks = [
        stack
        for left in anode_sides
        for right in cathode_sides
        if (stack := _join(left, right, energy, settings)) is not None
    ]
    if not stacks:
        return pd.DataFrame(columns=list(STACK_COLUMNS))
    table = pd.DataFrame(stacks)
    order = ["order", "n_layers", "asr_ohm_cm2", "anolyte_id", "catholyte_id", "anode_coating_id", "cathode_coating_id"]
    table = table.assign(order=-table["score"].round(12)).sort_values(order, kind="stable")
    # The same two electrolytes behind ever other coatings would fill the list.
    table = table.groupby(["anolyte", "catholyte"], sort=False).head(settings.per_electrolyte_pair).head(settings.rows)
    table = table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)
    return table[list(STACK_COLUMNS)]


@dataclass(frozen=True)
class _Contact:
    """Two neighbours, by name, and their mutual reaction energy, eV/atom (NaN unknown)."""

    name: str
    ev_atom: float
    passivates: bool = False


@dataclass(frozen=True)
class _Side:
    """An electrolyte with what stands between it and one electrode; `coating` is "" where nothing does."""

    electrolyte: str
    electrolyte_id: str
    log10_sigma: float
    coating: str
    coating_id: str
    asr_ohm_cm2: float
    contacts: tuple[_Contact, ...]
    electrode: str
    flags: tuple[str, ...]


def _sides(
    layers: pd.DataFrame, electrode: str, energy: Mapping[frozenset[str], float], cell: Cell, settings: StackSettings
) -> list[_Side]:
    """Ways to protect every electrolyte on one side, the best few each."""
    at_anode = electrode == "anode"
    bare_role, coating_role = ("anolyte", "anode_coating") if at_anode else ("catholyte", "cathode_coating")
    metal = cell.formulas["anode" if at_anode else "cathode_lithiated"]
    tolerance = settings.min_anode_coating_ev_atom if at_anode else settings.min_cathode_coating_ev_atom
    stands_bare = set(layers.loc[layers["role"] == bare_role, "id"])
    coatings = layers[layers["role"] == coating_role].to_dict("records")
    sides = []
    for e in layers[layers["role"].isin(ELECTROLYTE_ROLES)].drop_duplicates("id").to_dict("records"):
        options = [_side(e, None, np.nan, electrode, metal, settings)] if e["id"] in stands_bare else []
        for c in coatings:
            inner = energy.get(frozenset((c["formula"], e["formula"])), np.nan)
            if c["formula"] != e["formula"] and not inner < tolerance:
                options.append(_side(e, c, inner, electrode, metal, settings))

        def merit(side: _Side) -> tuple[bool, float, str]:
            # Without a coating is always tried: the fewer layers the better.
            score = _score(side.asr_ohm_cm2, side.contacts, settings)
            return side.coating != "", -round(score, 12), side.coating_id

        sides += sorted(options, key=merit)[: settings.sides_per_electrolyte]
    return sides


def _side(
    e: Mapping[Hashable, Any],
    c: Mapping[Hashable, Any] | None,
    inner_ev_atom: float,
    electrode: str,
    metal: str,
    settings: StackSettings,
) -> _Side:
    outer = e if c is None else c
    reacts = not outer[f"{electrode}_ev_atom"] >= NO_REACTION_EV_ATOM
    passivates = electrode == "anode" and reacts and outer["passivating"] is not pd.NA and outer["passivating"] == 1

    def name(electrode_side: str, electrolyte_side: str) -> str:
        return " | ".join([electrode_side, electrolyte_side][:: 1 if electrode == "anode" else -1])

    contacts = [_Contact(name(metal, outer["formula"]), outer[f"{electrode}_ev_atom"], passivates)]
    flags = [f"{outer['formula']} passivates on {metal}"] if passivates else []
    resistance = 0.0
    if c is not None:
        contacts.append(_Contact(name(c["formula"], e["formula"]), inner_ev_atom))
        floor = np.log10(settings.film_floor_s_cm)
        if not c["log10_sigma"] >= floor:
            flags.append(f"film of {c['formula']} taken at {settings.film_floor_s_cm:g} S/cm")
        elif c["sigma_origin"] != "measured":
            flags.append(f"conductivity of {c['formula']} predicted")
        resistance = area_resistance_ohm_cm2(settings.coating_nm * CM_PER_NM, np.fmax(c["log10_sigma"], floor))
    if e["sigma_origin"] != "measured":
        flags.append(f"conductivity of {e['formula']} {'unknown' if np.isnan(e['log10_sigma']) else 'predicted'}")
    return _Side(
        electrolyte=e["formula"],
        electrolyte_id=e["id"],
        log10_sigma=e["log10_sigma"],
        coating="" if c is None else c["formula"],
        coating_id="" if c is None else c["id"],
        asr_ohm_cm2=resistance,
        contacts=tuple(contacts),
        electrode=metal,
        flags=tuple(flags),
    )


def _join(
    left: _Side, right: _Side, energy: Mapping[frozenset[str], float], settings: StackSettings
) -> dict[str, object] | None:
    """One stack as a row of STACK_COLUMNS without its rank, or None if its electrolytes do not tolerate each other."""
    contacts = list(left.contacts)
    thickness_cm = settings.separator_um * CM_PER_UM
    if left.electrolyte_id == right.electrolyte_id:
        electrolytes = [left]
    elif left.electrolyte == right.electrolyte:
        return None
    else:
        electrolytes = [left, right]
        inner = energy.get(frozenset((left.electrolyte, right.electrolyte)), np.nan)
        if inner < settings.min_electrolytes_ev_atom:
            return None
        contacts.append(_Contact(f"{left.electrolyte} | {right.electrolyte}", inner))
    contacts += right.contacts[::-1]
    resistance = left.asr_ohm_cm2 + right.asr_ohm_cm2
    resistance += sum(area_resistance_ohm_cm2(thickness_cm / len(electrolytes), e.log10_sigma) for e in electrolytes)
    names = [left.coating, *(e.electrolyte for e in electrolytes), right.coating]
    weakest = min(
        (c for c in contacts if not np.isnan(c.ev_atom)), key=lambda c: c.ev_atom, default=_Contact("", np.nan)
    )
    unknown = [f"{c.name} unknown" for c in contacts if np.isnan(c.ev_atom)]
    return {
        "stack": " | ".join(filter(None, [left.electrode, *names, right.electrode])),
        "score": _score(resistance, contacts, settings),
        "asr_ohm_cm2": resistance,
        "weakest_interface_ev_atom": weakest.ev_atom,
        "weakest_interface": weakest.name,
        "anode_coating": left.coating,
        "anolyte": left.electrolyte,
        "catholyte": right.electrolyte,
        "cathode_coating": right.coating,
        "anode_coating_id": left.coating_id,
        "anolyte_id": left.electrolyte_id,
        "catholyte_id": right.electrolyte_id,
        "cathode_coating_id": right.coating_id,
        "n_layers": len(list(filter(None, names))),
        "contacts": "; ".join(f"{c.name} {'unknown' if np.isnan(c.ev_atom) else f'{c.ev_atom:.3f}'}" for c in contacts),
        "flags": "; ".join(dict.fromkeys([*unknown, *left.flags, *right.flags])),
    }


def _score(resistance_ohm_cm2: float, contacts: Sequence[_Contact], settings: StackSettings) -> float:
    zero, one = np.log10(settings.resistance_ohm_cm2)
    # A side on its own may have no resistance yet.
    resistance = ramp(np.log10(np.maximum([resistance_ohm_cm2], 1e-9)), zero, one)
    interfaces = ramp(np.array([c.ev_atom for c in contacts]), *settings.interface_ev_atom)
    interfaces = np.where(
        [c.passivates for c in contacts], np.fmax(interfaces, settings.passivating_credit), interfaces
    )
    terms = [float(np.nan_to_num(term, nan=settings.unknown_credit).min()) for term in (resistance, interfaces)]
    weights = [settings.resistance_weight, settings.interface_weight]
    return float(np.average(terms, weights=weights))
