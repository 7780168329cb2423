"""Layers a stack can be built of: the best materials of every role with what each conducts as a layer.

A coating is a film of some nanometres and conducts as films do: measured films come first, then the measured crystal,
then a prediction near measured materials. Where nothing is known an amorphous film is taken at a floor, which is
flagged and never counts as much as something measured.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.models.judgement.cell import Cell

ELECTROLYTE_ROLES = ("electrolyte", "anolyte", "catholyte")
COATING_ROLES = ("anode_coating", "cathode_coating")
READY, EXPLORE = "ready", "explore"
LAYER_COLUMNS = (
    "role", "list", "id", "formula", "score", "log10_sigma", "sigma_origin", "near", "film_log10_sigma", "film_source",
    "passivating", "anode_ev_atom", "cathode_ev_atom", "cathode_open_ev_non_li",
)  # fmt: skip
FILM_ORIGINS = {"measured": "its crystal", "upper bound": "the upper bound of its crystal"}
EVERY_ROW = ("anolyte", "catholyte")  # pairs of these are tried over all materials that are ready


def film_conductivities(coatings: pd.DataFrame) -> pd.DataFrame:
    """Measured conductivity of films by composition: the median over reports.

    Args:
        coatings: Columns formula, film_sigma_s_cm (S/cm, NaN where not measured), film_source.

    Returns:
        composition (as `composition_key`), film_log10_sigma, film_source ("; "-joined).
    """
    known = coatings.assign(film_sigma_s_cm=pd.to_numeric(coatings["film_sigma_s_cm"], errors="coerce"))
    known = known.dropna(subset="film_sigma_s_cm")
    known = known.assign(
        composition=[composition_key(parse_formula(formula)) for formula in known["formula"]],
        film_log10_sigma=np.log10(known["film_sigma_s_cm"].astype(float)),
    )
    grouped = known.groupby("composition", sort=True)
    sources = grouped["film_source"].agg(lambda texts: "; ".join(sorted({str(t) for t in texts if str(t)})))
    return pd.DataFrame(
        {"film_log10_sigma": grouped["film_log10_sigma"].median(), "film_source": sources}
    ).reset_index()


def stack_layers(
    lists: Mapping[str, pd.DataFrame], cell: Cell, per_role: int, films: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The best materials of every role, one row per role and composition.

    Args:
        lists: Role -> its list as from `lists.role_list`, best first: list (ready or explore), id, formula, score,
            log10_sigma, sigma_origin, near, passivating and the contacts with the cell's electrodes; a contact column
            that is absent is unknown throughout.
        cell: Names the partners.
        per_role: Ready compositions kept of the coatings and of the electrolyte role, and explore ones kept of every
            role. Of anolytes and catholytes every ready one is kept.
        films: As from `film_conductivities`; None where nothing is known of films.

    Returns:
        LAYER_COLUMNS: score is the role's; log10_sigma the total conductivity where one was measured, NaN where it is
        predicted far from the data; anode_ev_atom and cathode_ev_atom (worse of lithiated and delithiated) are closed
        mutual energies, cathode_open_ev_non_li the worst over the cathode's voltages with lithium open, per atom that
        is not lithium; NaN where unknown.
    """
    parts = []
    for role in (*ELECTROLYTE_ROLES, *COATING_ROLES):
        rows = lists.get(role)
        if rows is None or rows.empty:
            continue
        rows = rows.assign(role=role, composition=[composition_key(parse_formula(f)) for f in rows["formula"]])
        rows = rows.drop_duplicates("composition")
        ready, explore = rows[rows["list"] == READY], rows[rows["list"] == EXPLORE]
        parts += [ready if role in EVERY_ROW else ready.head(per_role), explore.head(per_role)]
    parts = [part for part in parts if not part.empty]
    if not parts:
        return pd.DataFrame(columns=list(LAYER_COLUMNS))
    layers = pd.concat(parts, ignore_index=True)
    # One spelling per composition, so that a material is never put beside itself.
    layers["formula"] = layers.groupby("composition")["formula"].transform("first")
    near = layers["near"].astype("boolean").fillna(value=False) | (layers["sigma_origin"] == "measured")
    layers["log10_sigma"] = layers["log10_sigma"].astype(float).where(near)
    if "log10_sigma_total" in layers:  # what a pellet conducts, grain boundaries and all
        layers["log10_sigma"] = layers["log10_sigma_total"].astype(float).fillna(layers["log10_sigma"])
    cathodes = [cell.partners[f"cathode_{state}"] for state in ("lithiated", "delithiated")]
    layers["anode_ev_atom"] = _contact(layers, f"e_rxn_{cell.partners['anode']}_ev_atom")
    layers["cathode_ev_atom"] = np.minimum(*(_contact(layers, f"e_rxn_{p}_ev_atom") for p in cathodes))
    layers["cathode_open_ev_non_li"] = np.minimum(*(_contact(layers, f"e_open_{p}_ev_non_li") for p in cathodes))
    if films is None:
        layers = layers.assign(film_log10_sigma=np.nan, film_source="")
    else:
        layers = layers.drop(columns=["film_log10_sigma", "film_source"], errors="ignore")
        layers = layers.merge(films, on="composition", how="left").fillna({"film_source": ""})
    return layers[list(LAYER_COLUMNS)]


def _contact(layers: pd.DataFrame, column: str) -> np.ndarray:
    return layers[column].to_numpy(dtype=float) if column in layers else np.full(len(layers), np.nan)


def film_log10_sigma(layer: Mapping[Hashable, Any], floor_log10_sigma: float) -> tuple[float, str]:
    """What a coating conducts as a film, log10(S/cm), and on what that rests: "" where a film was measured."""
    film, bulk = layer["film_log10_sigma"], layer["log10_sigma"]
    if not np.isnan(film):
        return film, ""
    if np.isnan(bulk):
        return floor_log10_sigma, f"film of {layer['formula']} taken at {10**floor_log10_sigma:g} S/cm"
    origin = FILM_ORIGINS.get(str(layer["sigma_origin"]), "a prediction for its crystal")
    return bulk, f"film of {layer['formula']} taken as {origin}"
