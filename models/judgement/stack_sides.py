"""One side of a stack: an electrolyte with what stands between it and an electrode, and how its contacts are judged."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.models.judgement.ranking import ramp
from ionsieve.models.judgement.stack_layers import ELECTROLYTE_ROLES, READY, film_log10_sigma

CM_PER_UM = 1e-4
CM_PER_NM = 1e-7
NO_REACTION_EV_ATOM = -1e-3  # milder than this needs no interphase to stop it
SIDE_COLUMNS = (
    "electrolyte", "id", "log10_sigma", "own_score", "coating", "coating_id", "coating_score", "film_ohm_cm2",
    "assumed", "worst", "total", "n_contacts", "n_unknown", "ready", "outer_ev_atom", "outer_open", "inner_ev_atom",
    "flags",
)  # fmt: skip


@dataclass(frozen=True)
class StackSettings:
    """Thicknesses, tolerances and limits of the search.

    separator_um is the thickness of the electrolyte in all, halved between anolyte and catholyte where they differ.
    film_floor_s_cm is what a film of which nothing is known is taken to conduct; a resistance that rests on it earns
    nothing. A contact is tolerated from its min_ energy on. half_resistance_ohm_cm2 is worth 0.5; interface_ev_atom and
    interface_open_ev_non_li are (worth 0, worth 1); a passivating contact earns at least passivating_credit. weights:
    of the terms resistance, worst_contact, contacts (mean of all) and layers (mean of the roles' scores). Listed are
    `rows` ranked stacks, then rows_apart unranked ones.
    """

    separator_um: float
    coating_nm: float
    film_floor_s_cm: float
    min_electrolytes_ev_atom: float
    min_anode_coating_ev_atom: float
    min_cathode_coating_ev_atom: float
    min_cathode_ev_atom: float
    min_cathode_open_ev_non_li: float
    per_role: int
    sides_per_electrolyte: int
    per_electrolyte_pair: int
    rows: int
    rows_apart: int
    half_resistance_ohm_cm2: float
    interface_ev_atom: tuple[float, float]
    interface_open_ev_non_li: tuple[float, float]
    weights: Mapping[str, float]
    passivating_credit: float


def area_resistance_ohm_cm2(thickness_cm: float, log10_sigma: float) -> float:
    """Resistance of 1 cm² of a layer, ohm cm²: thickness over conductivity; NaN without a conductivity."""
    return thickness_cm / 10.0**log10_sigma


def resistance_term(resistance_ohm_cm2: np.ndarray, assumed: np.ndarray, settings: StackSettings) -> np.ndarray:
    """(n,) credit of a resistance R, 1 / (1 + R / half): a sigmoid in log R that no resistance saturates, the part of
    the whole that a cell with `half` besides would have. What rests on a film taken at the floor earns nothing."""
    return np.where(assumed, 0.0, 1.0 / (1.0 + resistance_ohm_cm2 / settings.half_resistance_ohm_cm2))


def weighted_terms(terms: Mapping[str, np.ndarray], settings: StackSettings) -> np.ndarray:
    """(n,) weighted mean of TERMS; a term that is not known earns nothing."""
    weights = settings.weights
    total = sum(weights[name] * np.nan_to_num(terms[name]) for name in terms)
    return np.asarray(total / sum(weights[name] for name in terms))


def protected_sides(
    layers: pd.DataFrame, electrode: str, energy: Mapping[frozenset[str], float], settings: StackSettings
) -> pd.DataFrame:
    """Ways to protect every electrolyte on one side, the best few each; SIDE_COLUMNS.

    A coating is put between only where the worst contact becomes better than that of the bare electrolyte.
    """
    at_anode = electrode == "anode"
    bare_role, coating_role = ("anolyte", "anode_coating") if at_anode else ("catholyte", "cathode_coating")
    tolerance = settings.min_anode_coating_ev_atom if at_anode else settings.min_cathode_coating_ev_atom
    bare = {row["formula"]: row for row in layers[layers["role"] == bare_role].to_dict("records")}
    coatings = layers[layers["role"] == coating_role].to_dict("records")
    electrolytes = layers[layers["role"].isin(ELECTROLYTE_ROLES)]
    electrolytes = electrolytes.assign(last=electrolytes["list"] != READY).sort_values("last", kind="stable")
    sides = []
    for e in electrolytes.drop_duplicates("formula").to_dict("records"):
        options = []
        alone = _side(e, None, np.nan, at_anode, settings)
        if e["formula"] in bare and _tolerated(bare[e["formula"]], at_anode, settings):
            options.append(_side(bare[e["formula"]], None, np.nan, at_anode, settings))
        for c in coatings:
            inner = energy.get(frozenset((c["formula"], e["formula"])), np.nan)
            if c["formula"] != e["formula"] and not inner < tolerance and _tolerated(c, at_anode, settings):
                side = _side(e, c, inner, at_anode, settings)
                if alone["n_unknown"] or side["worst"] > alone["worst"]:  # a layer has to pay
                    options.append(side)
        # Without a coating is always tried: the fewer layers the better.
        options.sort(key=lambda side: (side["coating"] != "", -round(_merit(side, settings), 12), side["coating"]))
        sides += options[: settings.sides_per_electrolyte]
    table = pd.DataFrame(sides, columns=list(SIDE_COLUMNS))
    return table.astype({"assumed": bool, "ready": bool, "n_unknown": int}).assign(coated=table["coating"] != "")


def _tolerated(layer: Mapping[Hashable, Any], at_anode: bool, settings: StackSettings) -> bool:
    """Whether nothing known speaks against the layer on the cathode; the anode's contact is the roles' business."""
    closed, opened = layer["cathode_ev_atom"], layer["cathode_open_ev_non_li"]
    return at_anode or not (closed < settings.min_cathode_ev_atom or opened < settings.min_cathode_open_ev_non_li)


def _side(
    e: Mapping[Hashable, Any],
    c: Mapping[Hashable, Any] | None,
    inner_ev_atom: float,
    at_anode: bool,
    settings: StackSettings,
) -> dict[str, Any]:
    outer = e if c is None else c
    closed = outer["anode_ev_atom" if at_anode else "cathode_ev_atom"]
    opened = np.nan if at_anode else outer["cathode_open_ev_non_li"]
    passivates = at_anode and not closed >= NO_REACTION_EV_ATOM and outer["passivating"] is not pd.NA
    passivates = passivates and outer["passivating"] == 1
    terms = [float(ramp(np.array([closed]), *settings.interface_ev_atom)[0])]
    if at_anode:
        terms = [float(np.fmax(terms[0], settings.passivating_credit))] if passivates else terms
    else:
        terms = [min(terms[0], float(ramp(np.array([opened]), *settings.interface_open_ev_non_li)[0]))]
    flags = [f"{outer['formula']} passivates on the anode"] if passivates else []
    if e["sigma_origin"] != "measured":
        flags.append(f"conductivity of {e['formula']} {'unknown' if np.isnan(e['log10_sigma']) else 'predicted'}")
    film, assumed = 0.0, False
    n_unknown = int(np.isnan(closed) or (not at_anode and np.isnan(opened)))
    if c is not None:
        terms.append(float(ramp(np.array([inner_ev_atom]), *settings.interface_ev_atom)[0]))
        sigma, why = film_log10_sigma(c, float(np.log10(settings.film_floor_s_cm)))
        film = area_resistance_ohm_cm2(settings.coating_nm * CM_PER_NM, sigma)
        assumed, n_unknown = "taken at" in why, n_unknown + int(np.isnan(inner_ev_atom))
        flags += [why] if why else []
    terms_known = np.nan_to_num(terms)
    return {
        "electrolyte": e["formula"], "id": e["id"], "log10_sigma": e["log10_sigma"],
        "own_score": e["score"], "coating": "" if c is None else c["formula"],
        "coating_id": "" if c is None else c["id"], "coating_score": 0.0 if c is None else c["score"],
        "film_ohm_cm2": film, "assumed": assumed, "worst": terms_known.min(), "total": terms_known.sum(),
        "n_contacts": len(terms), "n_unknown": n_unknown, "outer_ev_atom": closed, "outer_open": opened,
        "ready": all(layer["list"] == READY for layer in (e, c) if layer is not None), "inner_ev_atom": inner_ev_atom,
        "flags": "; ".join(flags),
    }  # fmt: skip


def _merit(side: Mapping[str, Any], settings: StackSettings) -> float:
    """What one side adds to the score of a stack."""
    film = resistance_term(np.array([side["film_ohm_cm2"]]), np.array([side["assumed"]]), settings)
    terms = {
        "resistance": film,
        "worst_contact": np.array([side["worst"]]),
        "contacts": np.array([side["total"] / side["n_contacts"]]),
        "layers": np.array([side["coating_score"]]),
    }
    return float(weighted_terms(terms, settings)[0])
