"""Funnels as data: several partners, groups of the roles, published counts beside ours, what is said of mistakes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.framework import framework_features
from ionsieve.models.judgement.funnel_files import Funnel, read_funnel
from ionsieve.models.judgement.funnels import fate_of_found, run_funnel, survivors

ROOT = Path(__file__).resolve().parents[3]
CORNERS = ROOT / "funnels" / "corner_sharing_oxides_2022.yaml"
PARTNERS = pd.DataFrame(
    [
        ("lco_full", "LiCoO2", "cathode_lithiated", "LiCoO2", 4.2),
        ("lco_half", "Li0.5CoO2", "cathode_delithiated", "LiCoO2", 4.2),
        ("lnmo_full", "LiNi0.5Mn1.5O4", "cathode_lithiated", "LNMO", 4.9),
        ("lnmo_half", "Ni0.5Mn1.5O4", "cathode_delithiated", "LNMO", 4.9),
        ("lithium", "Li", "anode", None, float("nan")),
        ("lps", "Li3PS4", "electrolyte", None, float("nan")),
        ("llzo", "Li7La3Zr2O12", "electrolyte", None, float("nan")),
    ],
    columns=["partner", "formula", "kind", "cathode", "voltage_max_v"],
)
SCREEN: dict[str, Any] = {
    "cathode": "LiCoO2",
    "cathode_voltage_v": 4.3,
    "electrolyte": "lps",
    "anode": "lithium",
    "roles": {
        "all": {"excluded": {"column": "excluded_elements", "at_most": 0, "unknown": "fall"}},
        "coating": {
            "includes": ["all"],
            "gap": {"column": "band_gap_ev", "at_least": 2.0},
            "oxidation": {"column": "oxidation_limit_v", "relative_to": "cathode_voltage_v", "at_least": -0.3},
            "electrolyte": {"column": "e_rxn_{electrolyte}_ev_atom", "at_least": -0.1},
        },
    },
}


def funnel_of(text: str) -> Funnel:
    return read_funnel(yaml.safe_load(text), "own.yaml", "own", SCREEN, PARTNERS)


@pytest.fixture
def judged() -> pd.DataFrame:
    """Six materials: PBE gaps (eV), windows (V) and contacts (eV/atom) of about the size known."""
    nan = float("nan")
    rows = [
        ("a", "LiF", "", 8.7, 6.4, 0.00, 0.00, 0.00),
        ("b", "Li2S", "", 3.4, 2.0, 0.00, -0.04, 0.00),
        ("c", "LiNbO3", "", 3.4, 3.8, -0.15, -0.06, -0.40),
        ("d", "Li3PO4", "", 5.8, 4.2, -0.09, 0.00, -0.35),
        ("e", "Li2PbO3", "Pb", 1.2, 3.3, -0.20, -0.05, -0.30),
        ("f", "LiPO3", "", nan, 5.0, -0.05, nan, -0.50),
    ]
    names = ["id", "formula", "excluded_elements", "band_gap_ev", "oxidation_limit_v"]
    return pd.DataFrame(rows, columns=[*names, "e_rxn_lps_ev_atom", "e_rxn_llzo_ev_atom", "e_rxn_lithium_ev_atom"])


TWO = """
partners: [lps, llzo]
start: {what: salts, published_count: 100, count_check: abstract}
filters:
  - {name: gap, column: band_gap_ev, at_least: 2.0, basis: memory, published_count: 40, count_check: memory, note: PBE}
  - {name: contact, column: "e_rxn_{electrolyte}_ev_atom", at_least: -0.05, published_count: 3, count_check: quoted}
found: [NbLiO3, LiPO3, LiF, KCl]
"""


def test_every_named_partner_has_to_be_passed(judged):
    funnel = funnel_of(TWO)
    assert [f.name for f in funnel.filters] == ["gap", "contact_lps", "contact_llzo"]
    assert [f.column for f in funnel.filters[1:]] == ["e_rxn_lps_ev_atom", "e_rxn_llzo_ev_atom"]
    verdicts, steps = run_funnel(judged, funnel)
    # By hand: the gap drops Li2PbO3 (1.2 eV); Li3PS4 drops LiNbO3 (-0.15) and Li3PO4 (-0.09), spares LiPO3 (-0.05);
    # the garnet drops none of those left: Li2S is at -0.04, LiPO3 unknown, as is its gap.
    assert list(steps["filter"]) == ["start", "gap", "contact_lps", "contact_llzo", "end"]
    assert list(steps["n_out"]) == [6, 5, 3, 3, 3]
    assert list(steps["n_dropped"].dropna()) == [1, 2, 0]
    assert dict(zip(verdicts["formula"], verdicts["list"], strict=True)) == {
        "LiF": "ready",
        "Li2S": "ready",
        "LiNbO3": "fell",
        "Li3PO4": "fell",
        "Li2PbO3": "fell",
        "LiPO3": "explore",
    }


def test_published_counts_stand_beside_ours_with_where_they_were_read(judged):
    _, steps = run_funnel(judged, funnel_of(TWO))
    rows = steps.set_index("filter")
    assert rows["published_count"].dropna().to_dict() == {"start": 100, "gap": 40, "contact_llzo": 3}
    assert rows.loc["gap", ["count_check", "basis", "note"]].tolist() == ["memory", "memory", "PBE"]
    assert rows.loc["start", "condition"] == "salts"


def test_survivors_are_ready_before_explore_and_carry_what_was_read(judged):
    funnel = funnel_of(TWO)
    left = survivors(judged, run_funnel(judged, funnel)[0], funnel)
    assert list(left["formula"]) == ["Li2S", "LiF", "LiPO3"]
    assert list(left["unknown_filters"]) == ["", "", "gap, contact_llzo"]
    assert left["e_rxn_lps_ev_atom"].tolist() == [0.0, 0.0, -0.05]


def test_what_a_publication_found_survives_or_is_explained(judged):
    funnel = funnel_of(TWO)
    fates = fate_of_found(run_funnel(judged, funnel)[0], funnel)
    assert fates == {
        "NbLiO3": "fell at contact_lps (-0.15 against -0.05)",
        "LiPO3": "explore (gap, contact_llzo unknown)",
        "LiF": "ready",
        "KCl": "not among the candidates",
    }


def test_groups_of_the_roles_are_built_on_changed_and_taken_from(judged):
    text = "{includes: [coating], without: [oxidation], partners: [llzo], filters: [%s]}"
    funnel = funnel_of(text % "{name: gap, column: band_gap_ev, at_least: 5}")
    assert [f.text for f in funnel.filters] == [
        "excluded_elements ≤ 0",
        "band_gap_ev ≥ 5",
        "e_rxn_llzo_ev_atom ≥ -0.1",
    ]
    assert list(run_funnel(judged, funnel)[1]["n_out"]) == [6, 5, 3, 3, 3]


@pytest.mark.parametrize(
    ("partners", "volts", "columns"),
    [
        ("[]", 4.3, ["e_rxn_lps_ev_atom"]),  # the cell of the parameters
        ("[Li7La3Zr2O12]", 4.3, ["e_rxn_llzo_ev_atom"]),  # by its formula
        ("[LNMO]", 4.9, ["e_rxn_lps_ev_atom"]),
        ("[lps, llzo, LNMO, LiCoO2]", 4.9, ["e_rxn_lps_ev_atom", "e_rxn_llzo_ev_atom"]),
    ],
)
def test_the_cell_is_that_of_the_parameters_where_the_funnel_names_none(partners, volts, columns):
    filters = funnel_of(f"{{includes: [coating], partners: {partners}}}").filters
    assert next(f.threshold for f in filters if f.name == "oxidation") == pytest.approx(volts - 0.3)
    assert [f.column for f in filters if f.name.startswith("electrolyte")] == columns


def test_a_cathode_counts_charged_and_discharged():
    text = 'filters: [{name: c, column: "e_rxn_{partner}_ev_atom", at_least: 0}]\npartners: [LiCoO2, lithium]'
    assert [f.name for f in funnel_of(text).filters] == ["c_lco_full", "c_lco_half", "c_lithium"]


GAP = "{name: gap, column: band_gap_ev, at_least: 2"
MISTAKES = [
    ("[1]", "own.yaml: a funnel is a mapping"),
    ("", "own.yaml: a funnel is a mapping with `filters` or `includes`, not nothing."),
    ("filter: []", "own.yaml: unknown key 'filter'; the nearest are filters."),
    ("partners: [lps]", "own.yaml: the funnel has no filter"),
    ("filters: {gap: 1}", "own.yaml: filters is a list of filters"),
    ("filters: [gap]", "own.yaml, filter 1: name, column and at_least or at_most are expected, not 'gap'."),
    ("filters: [{column: a, at_least: 1}]", "own.yaml, filter 1: it has no name."),
    (f"filters: [{GAP}, atleast: 2}}]", "own.yaml, filter gap: unknown key 'atleast'; the nearest are at_least"),
    (f"filters: [{GAP}}}, {GAP}}}]", "own.yaml: two filters are called 'gap'."),
    (f"filters: [{GAP}, at_most: 3}}]", "own.yaml, filter gap: needs a column and exactly one of"),
    ("filters: [{name: gap, column: band_gap_ev, at_least: high}]", "filter gap: at_least 'high' is no number."),
    ("filters: [{name: gap, column: band_gap_ev, at_least: yes}]", "filter gap: at_least True is no number."),
    ("filters: [{name: gap, column: band_gap_ev, at_least: .nan}]", "filter gap: at_least nan is no number."),
    ("filters: [{name: gap, column: 7, at_least: 2}]", "own.yaml, filter gap: column 7 is no text."),
    (f"filters: [{GAP}, unknown: maybe}}]", "own.yaml, filter gap: unknown must be one of"),
    (f"filters: [{GAP}, published_count: many}}]", "own.yaml, filter gap: published_count 'many' is no count."),
    (f"filters: [{GAP}, relative_to: moon}}]", "own.yaml, filter gap: relative_to 'moon' is none of"),
    (f"{{name: ../../x, filters: [{GAP}}}]}}", "own.yaml: name '../../x' is not made of letters"),
    ("partners: lps", "own.yaml: partners is a list of texts, not 'lps'."),
    ("partners: [lpz]", "own.yaml, partners: 'lpz' is neither a partner nor a cathode; the nearest are lps."),
    ("includes: [none]", "own.yaml, includes: screen.roles has no 'none'; it has all, coating."),
    ("{includes: [coating], without: [hull]}", "own.yaml, without: no included filter is called 'hull'"),
    ('filters: [{name: c, column: "e_{salt}", at_least: 0}]', "own.yaml, filter c: {salt} is none of {partner}"),
    ('filters: [{name: c, column: "e_{partner}", at_least: 0}]', "filter c: partners names nothing for {partner}."),
    ('filters: [{name: c, column: "e_{electrolyte", at_least: 0}]', "own.yaml, filter c: a brace is not closed"),
    (f"filters: [{GAP}}}]\nfound: [Xx9]", "own.yaml, found: "),
    (f"filters: [{GAP}}}]\nstart: 5", "own.yaml: start has `what` and `published_count`, and is not 5."),
    (f"filters: [{GAP}}}]\ntitle: 5", "own.yaml: title 5 is no text."),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_is_one_sentence_with_file_and_filter(text, said):
    with pytest.raises(ValueError, match=r"^own\.yaml") as caught:
        funnel_of(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "…"))


def test_a_column_that_no_candidate_has_names_the_filter_and_the_nearest(judged):
    funnel = funnel_of("filters: [{name: gap, column: band_gap_eV, at_least: 2}]")
    with pytest.raises(
        ValueError, match=r"own\.yaml, filter gap: no candidate has a column 'band_gap_eV'; the nearest are"
    ):
        run_funnel(judged, funnel)


def test_of_a_text_entries_are_counted_and_nothing_else(judged):
    verdicts, _ = run_funnel(judged, funnel_of("filters: [{name: e, column: excluded_elements, at_most: 0}]"))
    assert list(verdicts.loc[verdicts["list"] == "fell", "formula"]) == ["Li2PbO3"]
    for column, threshold in (("formula", 0.5), ("formula", 1), ("excluded_elements", -1)):
        funnel = funnel_of(f"filters: [{{name: e, column: {column}, at_least: {threshold}}}]")
        with pytest.raises(ValueError, match=rf"own.yaml, filter e: column '{column}' holds text"):
            run_funnel(judged, funnel)


def test_an_excuse_is_a_yes_or_no_and_a_threshold_is_finite(judged):
    funnel = funnel_of("filters: [{name: g, column: band_gap_ev, at_least: 2, unless: band_gap_ev}]")
    with pytest.raises(ValueError, match=r"filter g: unless names 'band_gap_ev', which is no column of yes and no"):
        run_funnel(judged, funnel)
    for threshold in (".inf", "-.inf"):
        with pytest.raises(ValueError, match=r"filter g: at_least -?inf is no finite number"):
            funnel_of(f"filters: [{{name: g, column: band_gap_ev, at_least: {threshold}}}]")


def test_corner_sharing_oxides_keep_a_framework_and_drop_edges_and_islands():
    # LiGa(SeO3)2: GaO6 octahedra and SeO3 pyramids share corners alone, in three dimensions (Lee and Ok, "New
    # Alkali-Metal Gallium Selenites, AGa(SeO3)2"); LiCoO2 shares edges, the tetrahedra of Li3PO4 nothing.
    funnel = read_funnel(yaml.safe_load(CORNERS.read_text()), CORNERS.name, CORNERS.stem, SCREEN, PARTNERS)
    table = pd.DataFrame(
        {
            "id": ["selenite", "of unknown crystal", "layers", "islands"],
            "formula": ["LiGa(SeO3)2", "LiGa(SeO3)2", "LiCoO2", "Li3PO4"],
            "lithium_fraction": [0.1, 0.1, 0.25, 3 / 8],
            "polyhedra_isolated_fraction": [0.0, float("nan"), 0.0, 1.0],
            "polyhedra_corner_sharing_only": [True, None, False, False],
            "band_gap_ev": [4.2, 4.2, 2.7, 5.8],
            "mixed_conduction_ions": ["", "", "Co3+", ""],
            "excluded_elements": ["", "", "", ""],
            "e_above_hull_ev_atom": [0.0, 0.0, 0.0, 0.0],
        }
    )
    verdicts, _ = run_funnel(table, funnel)
    assert list(verdicts["list"]) == ["ready", "explore", "fell", "fell"]
    assert list(verdicts["first_failed_filter"]) == ["", "", "corner_sharing", "framework"]
    assert verdicts["unknown_filters"][1] == "framework, corner_sharing"
    assert fate_of_found(verdicts, funnel) == {"LiGa(SeO3)2": "ready"}


def test_corner_sharing_oxides_judge_crystals_by_their_polyhedra():
    # LiTi2(PO4)3, PBE gap 2.6 eV: octahedra and tetrahedra share corners; LiCoO2 shares edges, Li3PO4 nothing. All are
    # on the hull of the Materials Project or within 0.01 eV/atom of it.
    funnel = read_funnel(yaml.safe_load(CORNERS.read_text()), CORNERS.name, CORNERS.stem, SCREEN, PARTNERS)
    rows = []
    for name, gap in (("LiTi2P3O12", 2.6), ("LiCoO2", 2.7), ("Li3PO4_beta", 5.8)):
        crystal = Structure.from_file(ROOT / "data/reference/crystals" / f"{name}.cif")
        framework = framework_features(assign_oxidation_states(crystal)[0])
        formula = crystal.composition.reduced_formula
        rows.append({"id": name, "formula": formula, "band_gap_ev": gap, "e_above_hull_ev_atom": 0.0, **framework})
    table = pd.DataFrame(rows).assign(lithium_fraction=0.1, mixed_conduction_ions="", excluded_elements="")
    verdicts, _ = run_funnel(table, funnel)
    assert list(verdicts["list"]) == ["ready", "fell", "fell"]
    assert list(verdicts["first_failed_filter"]) == ["", "corner_sharing", "framework"]
