"""`make starter` on a potential that needs no PyTorch (ASE's EMT), and its tables on made-up rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.prototypes import aflow_prototypes, decorations
from ionsieve.features.thermodynamics.hull import phase_set
from ionsieve.models.quantities.formation import correction_ev_atom, formation_energy_ev_atom
from ionsieve.models.quantities.potential import potential
from ionsieve.pipeline.reference import starter
from ionsieve.pipeline.reference.crystal_tables import Start
from ionsieve.pipeline.reference.starter_candidates import family, new_compounds
from ionsieve.pipeline.reference.starter_jobs import (
    Job,
    element_starts,
    known_jobs,
    mine,
    priority,
    rattled,
    relaxed_before,
    with_bond,
    without_repeats,
)
from ionsieve.pipeline.reference.starter_tables import collect, odd_surroundings, without_twins
from ionsieve.pipeline.resume import PartialResults

METALS = {"Li": -1.9, "Na": -1.3, "Mg": -1.6, "Al": -3.7, "Ga": -3.0, "In": -2.7, "O": -4.9}
# NIST-JANAF, eV/atom, rounded
MEASURED = {"Li2O": -2.07, "MgO": -3.12, "Al2O3": -3.47, "Na2O": -1.44, "In2O3": -1.92}


def rock_salt(cation: str, anion: str, a: float) -> Structure:
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return cell.get_primitive_structure()


def layered(metal: str, anion: str = "O") -> Structure:
    return Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.9, 14.3), ["Li", metal, anion], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    ).get_primitive_structure()


def job(kind: str, name: str, structure: Structure, prototype: str = "a type") -> Job:
    return Job(kind, Start(name, structure.composition.reduced_formula, prototype, {}, structure))


@pytest.fixture(scope="module")
def emt():
    return potential("ase.calculators.emt:EMT")


def test_the_lowest_type_of_an_alloy_is_found(emt):
    # Cu3Au, L1_2 below 663 K: EMT was made to give fcc ordered alloys of these metals
    guesses = decorations(Composition("Cu3Au"), aflow_prototypes(4), 20)
    rows = [starter.relaxed_row(job("type", g.prototype, g.structure, g.prototype), emt, np.nan) for g in guesses]
    energies = {row["prototype"].rpartition("(")[2]: row["energy_ev_atom"] for row in rows if not row["reason"]}
    # D0_22 stacks the same layers otherwise, and lies within millielectronvolts
    assert energies["AB3_cP4_221_a_c)"] - min(energies.values()) < 0.005
    assert max(energies.values()) - min(energies.values()) > 0.05


def test_a_start_far_above_another_crystal_is_left_early(emt, monkeypatch):
    monkeypatch.setattr(starter, "SCREEN_STEPS", 1)
    row = starter.relaxed_row(job("type", "x", rock_salt("Cu", "Au", 5.9)), emt, -100.0)
    assert row["reason"].startswith("far above")
    assert row["n_steps"] == 1


def test_a_second_run_computes_nothing_again(emt, tmp_path, monkeypatch):
    monkeypatch.setattr(starter, "PARTIAL", tmp_path / "partial")
    monkeypatch.setattr(starter, "ARCHIVE", tmp_path / "archive.jsonl.gz")
    jobs = {j.key: j for j in (Job("element", start) for start in element_starts({"Cu", "Al"}))}
    parts = [mine(jobs, shard, 2) for shard in range(2)]
    assert not set(parts[0]) & set(parts[1])
    assert set(parts[0]) | set(parts[1]) == set(jobs)
    for shard, part in enumerate(parts):
        for key, one in part.items():
            PartialResults(tmp_path / "partial" / f"{shard}-of-2").append(key, starter.relaxed_row(one, emt, np.nan))
    rows = starter.all_rows()
    assert set(rows) == set(jobs)
    copper = {r["prototype"]: r["energy_ev_atom"] for r in rows.values() if r["formula"] == "Cu"}
    assert copper["Copper (A_cF4_225_a)"] - min(copper.values()) < 0.005
    assert copper["diamond (A_cF8_227_a)"] - min(copper.values()) > 0.1


def test_known_compounds_come_from_crystals_cells_and_types(tmp_path: Path):
    for part in ("cells", "types"):
        (tmp_path / "crystals" / part).mkdir(parents=True)
    (tmp_path / "crystals/cells/a.csv").write_text(
        "id,formula,space_group,a_angstrom,b_angstrom,c_angstrom,alpha_deg,beta_deg,gamma_deg,sites,source,remark\n"
        "MgO_p,MgO,Fm-3m,4.2,4.2,4.2,90,90,90,Mg 0 0 0; O 0.5 0.5 0.5,,\n"
    )
    (tmp_path / "crystals/types/a.csv").write_text(
        "formula,prototype,mapping,source,remark\nCaO,crystal:MgO_p,Mg:Ca O:O,,\nCaO,no_label,Mg:Ca O:O,,\n"
    )
    jobs, problems = known_jobs(tmp_path)
    assert [(j.kind, j.start.formula) for j in jobs] == [("cell", "MgO"), ("type", "CaO")]
    assert len(problems) == 1


def test_what_was_found_before_is_not_relaxed_twice():
    crystal = layered("Al")
    jobs = [
        job("crystal", "LiAlO2_a", crystal),
        job("relaxed", "LiAlO2", crystal, "LiAlO2_a"),
        job("relaxed", "LiGaO2", layered("Ga"), "Rock (x) with Fe by Ga"),
        job("type", "LiGaO2 as Rock (x)", layered("Ga"), "Rock (x)"),
        job("type", "LiGaO2 as other", layered("Ga"), "other"),
    ]
    kept = [(j.kind, j.start.name) for j in without_repeats(jobs)]
    assert kept == [("crystal", "LiAlO2_a"), ("relaxed", "LiGaO2"), ("type", "LiGaO2 as other")]


def test_elements_come_first_then_what_is_wanted():
    wanted = {composition_key(parse_formula("MgO")): 0}
    element, oxide, other = (
        job("element", "Cu as x", Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])),
        job("type", "MgO", rock_salt("Mg", "O", 4.2)),
        job("type", "LiF", rock_salt("Li", "F", 4.0)),
    )
    assert sorted([other, oxide, element], key=lambda j: priority(j, wanted)) == [element, oxide, other]


def test_a_corrected_crystal_has_another_key():
    assert job("cell", "x", rock_salt("Mg", "O", 4.2)).key == job("cell", "x", rock_salt("Mg", "O", 4.2)).key
    assert job("cell", "x", rock_salt("Mg", "O", 4.2)).key != job("cell", "x", rock_salt("Mg", "O", 4.3)).key


def test_every_atom_moves_by_the_distance():
    cell = layered("Al")
    moves = np.linalg.norm(rattled(cell, 0.05).cart_coords - cell.cart_coords, axis=1)
    assert moves == pytest.approx(0.05)


def test_molecules_get_their_bond():
    pair = Structure(Lattice.cubic(6.0), ["O", "O"], [[0.4, 0.5, 0.5], [0.6, 0.5, 0.5]])
    assert with_bond(pair, 1.21).get_distance(0, 1) == pytest.approx(1.21)


def test_a_new_compound_above_the_limit_is_left():
    # A hull of Li2O and Al2O3 alone: LiAlO2 may cost their energies a fifth of an electronvolt above, no more.
    table = pd.DataFrame({"formula": ["Li2O", "Al2O3"], "formation_energy_ev_atom": [-2.07, -3.47]})
    limit = starter.screening_energy(layered("Al"), phase_set(table), METALS)
    # the hull at LiAlO2: 3/8 of the atoms from Li2O, 5/8 from Al2O3
    hull = (3 * -2.07 + 5 * -3.47) / 8
    assert formation_energy_ev_atom(limit, layered("Al"), METALS) == pytest.approx(hull + 0.2, abs=1e-6)


def test_candidates_are_new_lithium_compounds():
    taken = {composition_key(parse_formula(f)) for f in ("LiAlO2", "LiGaO2")}
    groups = new_compounds("LiAlO2 (layered)", layered("Al"), taken)
    made = {group[0].structure.composition.element_composition.reduced_formula for group in groups}
    assert "LiScO2" in made
    assert not made & {"LiAlO2", "LiGaO2"}
    assert all("Li" in Composition(f) for f in made)


@pytest.mark.parametrize(
    ("symbols", "name"),
    [
        ("Li Y Cl", "halide"),
        ("Li Y Cl Br", "mixed anion"),
        ("Li P S", "sulfide"),
        ("Li P O", "oxide"),
        ("Li Al", "other"),
    ],
)
def test_families_by_anion(symbols, name):
    assert family(set(symbols.split())) == name


@pytest.fixture
def rows() -> dict[str, dict]:
    types = aflow_prototypes(24)

    def row(kind: str, formula: str, formation: float, structure: Structure | None = None, name: str = "") -> dict:
        guess = structure or decorations(Composition(formula), types, 1)[0].structure
        fractions = parse_formula(formula).fractional_composition.get_el_amt_dict()
        correction = correction_ev_atom(guess) if len(fractions) > 1 else 0.0
        energy = formation - correction + sum(x * METALS[s] for s, x in fractions.items())
        common = {"reason": "", "prototype": "a type", "mapping": {"A": "B"}, "structure": guess.as_dict()}
        return {"kind": kind, "name": name or formula, "formula": formula, "energy_ev_atom": energy, **common}

    metal = {s: Structure(Lattice.cubic(4), [s], [[0, 0, 0]]) for s in METALS}
    done = {f"element {s}": row("element", s, 0.0, metal[s]) for s in METALS}
    done |= {f"known {f}": row("type", f, e) for f, e in MEASURED.items()}
    done["1"] = row("crystal", "LiAlO2", -3.0, layered("Al"))
    done["2"] = row("new", "LiInO2", -2.3, layered("In"), "LiInO2 in LiAlO2 (a type)")
    done["3"] = row("type", "MgAl2O4", -2.0)  # measured -3.40: never in this shape
    done["4"] = row("new", "LiGaO2", -0.5, layered("Ga"), "x")  # far above Li2O and Ga
    done["5"] = {"kind": "type", "name": "y", "formula": "NaAlO2", "reason": "not converged in 80 steps"}
    return done


def test_tables_hold_what_was_computed_and_name_what_was_not(rows, tmp_path):
    table = pd.DataFrame({"formula": list(MEASURED), "formation_energy_ev_atom": list(MEASURED.values())})
    table.assign(phase="cr").to_csv(tmp_path / "formation_enthalpies.csv", index=False)
    pd.DataFrame({"formula": ["NaAlO2", "Li3PO4", "MgAl2O4"]}).to_csv(tmp_path / "missing_phases.csv", index=False)
    collect(rows, tmp_path)
    out = tmp_path / "starter"
    phases = pd.read_csv(out / "phases.csv").set_index("formula")
    assert phases["formation_energy_ev_atom"]["MgO"] == pytest.approx(MEASURED["MgO"], abs=1e-4)
    assert phases["formation_energy_ev_atom"]["LiAlO2"] == pytest.approx(-3.0, abs=1e-4)
    assert phases["obtained"]["LiAlO2"] == "relaxed, crystal"
    assert "LiInO2" not in phases.index  # a hypothetical compound bounds no hull
    missing = pd.read_csv(out / "missing_phases.csv").set_index("formula")["reason"]
    assert missing["NaAlO2"] == "not converged in 80 steps"
    assert missing["MgAl2O4"].startswith("its type was not found: ")
    assert set(missing.index) == {"NaAlO2", "Li3PO4", "MgAl2O4"}
    candidates = pd.read_parquet(out / "candidates.parquet").set_index("formula")
    assert "LiGaO2" not in candidates.index
    assert candidates["origin"]["LiInO2"].startswith("new")
    assert candidates["formation_energy_ev_atom"]["LiInO2"] == pytest.approx(-2.3, abs=1e-4)
    structure = Structure.from_dict(json.loads(candidates["structure_json"]["LiInO2"]))
    assert composition_key(structure.composition) == composition_key(parse_formula("LiInO2"))
    assert candidates["space_group_number"]["LiInO2"] == 166


def test_silicon_in_quartz_is_as_it_should_be_and_in_stishovite_is_not():
    types = {p.name: p for p in aflow_prototypes(12)}
    quartz = types["quartz (alpha) (A2B_hP9_152_c_a)"].structure
    assert odd_surroundings(quartz) == ""
    stishovite = decorations(Composition("SiO2"), [types["Rutile (A2B_tP6_136_f_a)"]], 1)[0].structure
    assert odd_surroundings(stishovite).startswith("Si has 6 anions around it")


def test_a_crystal_found_twice_stands_once():
    rows = [
        ("a", "LiGaO2", 166.0, -2.3000),
        ("b", "LiGaO2", 166.0, -2.3005),
        ("c", "LiGaO2", 122.0, -2.3),
        ("d", "GaLiO2", 166.0, -2.2),
    ]
    table = pd.DataFrame(rows, columns=["id", "formula", "space_group_number", "formation_energy_ev_atom"])
    assert list(without_twins(table)["id"]) == ["a", "c", "d"]


def test_what_did_not_converge_goes_on_where_it_stopped_and_what_did_is_left_alone(tmp_path):
    row = {"kind": "type", "name": "salt", "prototype": "salt", "mapping": {}}
    row |= {"structure": rock_salt("Mg", "O", 4.3).as_dict()}
    unfinished, ended = row | {"formula": "MgO", "reason": "not converged in 40 steps"}, row | {"reason": ""}
    (job,) = relaxed_before(tmp_path / "none.parquet", {"a": unfinished})
    assert job.start.structure == rock_salt("Mg", "O", 4.3)
    assert not relaxed_before(tmp_path / "none.parquet", {"a": unfinished, "b": ended | {"formula": "Mg2O2"}})
    assert not relaxed_before(tmp_path / "none.parquet", {"a": unfinished | {"reason": "atoms too close"}})
