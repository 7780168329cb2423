"""A cell, and one material as filters and ranking see it, from which tests make others by a change."""

import numpy as np

from ionsieve.models.judgement.cell import Cell

CELL = Cell(
    partners={"cathode_lithiated": "full", "cathode_delithiated": "half", "electrolyte": "lps", "anode": "lithium"},
    formulas={
        "cathode_lithiated": "LiCoO2",
        "cathode_delithiated": "Li0.5CoO2",
        "electrolyte": "Li3PS4",
        "anode": "Li",
    },
    cathode_voltage_v=4.3,
    bare_ev_atom={"cathode_lithiated": -0.40, "cathode_delithiated": -0.50, "anode": -0.70},
    bare_open_ev_non_li=-0.80,
)
SCALES = {
    "conductivity": (-6, -2),
    "film_conductivity": (-12, -6),
    "oxidation": (-2.5, 0.2),
    "reduction": (2.5, 0.0),
    "hull": (0.10, 0.05),
    "certainty": (6, 2),
    "barrier": (0.8, 0.2),
    "air": (-0.2, 0.0),
    "air_co2": (-0.2, 0.0),
}
CREDITS = {"passivating": 0.7, "lithium_free_oxidation": 0.5, "hygroscopic": 0.3}
BASE = {
    "formula": "Li3InCl6",
    "log10_sigma": -3.0,
    "log10_sigma_decides": -3.0,
    "log10_sigma_low": -5.0,
    "log10_sigma_high": -1.0,
    "log10_sigma_total": np.nan,
    "sigma_origin": "predicted",
    "probability_sigma_ge_1e_4": 0.75,
    "near": True,
    "band_gap_ev": 3.9,
    "band_gap_origin": "computed",
    "e_above_hull_ev_atom": 0.06,
    "hull_complete": True,
    "reduction_limit_tol_v": 2.0,
    "oxidation_limit_tol_v": 3.15,
    "passivating": False,
    "lasts_on_lithium": False,
    "products_at_0v": "Li13In3 + LiCl",
    "migration_barrier_2d_ev": 0.3,
    "space_group_number": 12.0,
    "used_in_cells": True,
    "film_log10_sigma": np.nan,
    "measured_crystalline": False,
    "hygroscopic": False,
    "hypothetical": False,
    "conductor_rate": 0.3,
    "e_rxn_h2o_ev_atom": -0.04,
    "e_rxn_co2_ev_atom": -0.1,
    "warnings": "",
    "element_credit": 0.6,
    "e_rxn_full_ev_atom": -0.10,
    "e_rxn_half_ev_atom": -0.25,
    "e_rxn_lps_ev_atom": -0.10,
    "e_rxn_lithium_ev_atom": -0.35,
    "e_open_full_ev_non_li": -0.20,
}
