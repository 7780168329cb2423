import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.cell import (
    cathode_voltage_v,
    interface_column,
    open_column,
    partner_ids,
    pivot_interfaces,
)

PARTNERS = pd.DataFrame(
    [
        ("lco_full", "LiCoO2", "cathode_lithiated", "LiCoO2"),
        ("lco_half", "Li0.5CoO2", "cathode_delithiated", "LiCoO2"),
        ("lfp_full", "LiFePO4", "cathode_lithiated", "LiFePO4"),
        ("lps", "Li3PS4", "electrolyte", None),
        ("lithium", "Li", "anode", None),
    ],
    columns=["partner", "formula", "kind", "cathode"],
)
IDS = {
    "cathode_lithiated": "lco_full",
    "cathode_delithiated": "lco_half",
    "electrolyte": "lps",
    "anode": "lithium",
}


def test_partners_are_found_by_the_part_they_play():
    assert partner_ids(PARTNERS, cathode="LiCoO2", electrolyte="lps", anode="lithium") == IDS


def test_cathode_without_its_delithiated_half_is_refused():
    with pytest.raises(ValueError, match=r"cathode_delithiated \(0 rows\)"):
        partner_ids(PARTNERS, cathode="LiFePO4", electrolyte="lps", anode="lithium")


def test_interfaces_become_one_row_per_id_and_a_missing_pair_stays_unknown():
    long = pd.DataFrame(
        {"id": ["a", "a", "b"], "partner": ["lps", "lithium", "lps"], "e_rxn_ev_atom": [-0.1, 0.0, -0.2]}
    )
    wide = pivot_interfaces(long).set_index("id")
    assert wide.loc["a"].dropna().to_dict() == {"e_rxn_lithium_ev_atom": 0.0, "e_rxn_lps_ev_atom": -0.1}
    assert np.isnan(wide.loc["b", interface_column("lithium")])
    with pytest.raises(ValueError, match="1 pairs stand more than once: b with lps"):
        pivot_interfaces(pd.concat([long, long.tail(1)]))


def test_open_contacts_come_along_and_texts_nowhere_filled_are_left_out():
    long = pd.DataFrame(
        {
            "id": ["a", "a"],
            "partner": ["lco", "lithium"],
            "e_rxn_ev_atom": [-0.1, np.nan],
            "e_open_ev_non_li": [-0.3, np.nan],
            "e_open_products": ["Co3O4", None],
        }
    )
    wide = pivot_interfaces(long)
    assert wide.loc[0, [open_column("lco"), "e_open_lco_products"]].tolist() == [-0.3, "Co3O4"]
    assert interface_column("lithium") in wide  # asked for, not known
    assert np.isnan(wide.loc[0, open_column("lithium")])  # lithium metal has no open form
    assert "e_open_lithium_products" not in wide


def test_one_of_several_anodes_is_the_one_asked_for():
    several = pd.concat([PARTNERS, PARTNERS.tail(1).assign(partner="indium", formula="InLi")], ignore_index=True)
    assert partner_ids(several, "LiCoO2", "lps", "lithium") == IDS
    assert partner_ids(several, "LiCoO2", "lps", "indium") == IDS | {"anode": "indium"}


def test_the_top_of_charge_follows_the_cathode_unless_it_is_set():
    partners = pd.DataFrame(
        {"cathode": ["LiFePO4", "LiFePO4", "LiCoO2", "odd"], "voltage_max_v": ["3.65", "3.65", "4.3", ""]}
    )
    assert cathode_voltage_v({"cathode": "LiFePO4", "cathode_voltage_v": None}, partners) == 3.65
    assert cathode_voltage_v({"cathode": "LiFePO4", "cathode_voltage_v": 3.8}, partners) == 3.8
    assert cathode_voltage_v({"cathode": "LiCoO2"}, partners) == 4.3
    with pytest.raises(ValueError, match="'odd' has no voltage_max_v"):
        cathode_voltage_v({"cathode": "odd"}, partners)
