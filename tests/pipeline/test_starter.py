"""`make starter` on a potential that needs no PyTorch (ASE's EMT), and its tables on made-up rows."""

import json

import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.crystals.prototypes import Prototype, aflow_prototypes, decorations
from ionsieve.models.quantities.potential import potential
from ionsieve.pipeline.reference import starter
from ionsieve.pipeline.reference.starter_jobs import (
    Job,
    affordable,
    candidate_jobs,
    element_guess,
    known_formulas,
    known_jobs,
)
from ionsieve.pipeline.reference.starter_tables import collect, odd_surroundings, without_twins
from ionsieve.pipeline.resume import PartialResults

METALS = {"Li": -1.9, "Na": -1.3, "Mg": -1.6, "Al": -3.7, "Ga": -3.0, "In": -2.7}
OXYGEN = -4.8
# NIST-JANAF, eV/atom, rounded
MEASURED = {"Li2O": -2.07, "MgO": -3.12, "Al2O3": -3.47, "Na2O": -1.44, "In2O3": -1.92}


def rock_salt(cation: str, anion: str, a: float) -> Structure:
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return cell.get_primitive_structure()


def layered(metal: str) -> Structure:
    return Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.9, 14.3), ["Li", metal, "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    ).get_primitive_structure()


@pytest.fixture(scope="module")
def emt():
    return potential("ase.calculators.emt:EMT")


def test_the_lowest_type_of_an_alloy_is_found(emt):
    # Cu3Au, L1_2 below 663 K: EMT was made to give fcc ordered alloys of these metals
    types = aflow_prototypes(4)
    job = Job("known Cu3Au", "Cu3Au", lambda: affordable(decorations(Composition("Cu3Au"), types, 20)))
    row = starter.lowest_energy(job, emt)
    assert row["reason"] == ""
    assert "AB3_cP4_221_a_c" in row["prototype"]


def test_a_guess_that_cannot_be_says_so(emt):
    crushed = decorations(Composition("Cu3Au"), [Prototype("crushed", rock_salt("Cu", "Au", 1.0))], 1)
    assert crushed == []  # another composition
    assert starter.lowest_energy(Job("x", "Cu3Au", list), emt)["reason"] == "no crystal type of this composition"


def test_a_second_run_computes_nothing_again(emt, tmp_path, monkeypatch):
    monkeypatch.setattr(starter, "PARTIAL", tmp_path / "partial")
    monkeypatch.setattr(starter, "CRYSTALS", tmp_path / "none")
    jobs = [Job("element Cu", "Cu", lambda: element_guess("Cu")), Job("element Al", "Al", lambda: element_guess("Al"))]
    for shard in range(2):
        partial = PartialResults(tmp_path / "partial" / f"{shard}-of-2")
        starter.run(starter._mine(jobs, shard, 2), partial, emt)
    assert set(starter.all_rows()) == {"element Cu", "element Al"}
    assert starter._mine(jobs, 0, 2) == starter._mine(jobs, 1, 2) == {}


def test_guesses_stay_within_what_one_compound_may_cost():
    kept = affordable(decorations(Composition("LiAlO2"), aflow_prototypes(24), 40))
    assert 1 < len(kept) <= 8
    assert sum(len(g.structure) for g in kept) <= 44


def test_known_compounds_are_named_once_and_computed_in_some_type(tmp_path):
    (tmp_path / "formation_enthalpies.csv").write_text("formula\nLi2O\nO2\nLiAlO2\n")
    (tmp_path / "missing_phases.csv").write_text("formula\nLiO0.5\nLi2AlFeO4\nLi0.5CoO2\n")
    formulas = known_formulas(tmp_path)
    # one spelling of Li2O, no element, nothing with shared sites; iron is further from the core than aluminium
    assert formulas == ["Li2O", "LiAlO2", "Li2AlFeO4"]
    keys = [job.key for job in known_jobs(["Li2O", "LiAlO2"], {})]
    assert keys == ["common Li2O", "common LiAlO2", "known Li2O", "known LiAlO2"]
    assert [job.key for job in known_jobs(["Li7La3Zr2O12"], {})] == []  # no type of that composition


def test_candidates_are_new_lithium_compounds():
    taken = {composition_key(parse_formula(f)) for f in ("LiAlO2", "LiGaO2")}
    jobs = list(candidate_jobs({"LiAlO2 (layered)": layered("Al")}, taken))
    made = {job.formula for job in jobs}
    assert "LiScO2" in made
    assert not made & {"LiAlO2", "LiGaO2"}
    guess = jobs[0].guesses()[0]
    assert guess.structure.composition.reduced_formula == jobs[0].formula


@pytest.fixture
def rows() -> dict[str, dict]:
    def total(formula: str, formation: float) -> float:
        fractions = parse_formula(formula).fractional_composition.get_el_amt_dict()
        return formation + sum(x * {**METALS, "O": OXYGEN}[s] for s, x in fractions.items())

    def row(formula: str, energy: float, structure: Structure) -> dict:
        common = {"reason": "", "prototype": "a type", "mapping": {"A": "B"}, "structure": structure.as_dict()}
        return {"formula": formula, "energy_ev_atom": energy, **common}

    shape = rock_salt("Mg", "O", 4.2)
    done = {f"element {s}": row(s, e, shape) for s, e in METALS.items()}
    done |= {f"known {f}": row(f, total(f, e), shape) for f, e in MEASURED.items()}
    done["known LiAlO2"] = row("LiAlO2", total("LiAlO2", -3.0), layered("Al"))
    done["new LiInO2 in LiAlO2 (a type)"] = row("LiInO2", total("LiInO2", -2.3), layered("In"))
    done["known MgAl2O4"] = row("MgAl2O4", total("MgAl2O4", -2.0), shape)  # measured -3.40: never in this shape
    done["new LiInGaO3 in x"] = row("LiInGaO3", total("LiInGaO3", -0.5), shape)  # far above In2O3 + Li2O + Ga
    done["known LiGaO2"] = {"formula": "LiGaO2", "reason": "not converged in 80 steps", "tried": 3}
    return done


def test_tables_hold_what_was_computed_and_name_what_was_not(rows, tmp_path):
    table = pd.DataFrame({"formula": list(MEASURED), "formation_energy_ev_atom": list(MEASURED.values())})
    table.assign(phase="cr").to_csv(tmp_path / "formation_enthalpies.csv", index=False)
    collect(rows, ["Li2O", "LiAlO2", "LiGaO2", "Li3PO4", "MgAl2O4"], tmp_path)
    out = tmp_path / "starter"
    phases = pd.read_csv(out / "phases.csv").set_index("formula")
    assert phases["formation_energy_ev_atom"]["MgO"] == pytest.approx(MEASURED["MgO"], abs=1e-4)
    assert phases["formation_energy_ev_atom"]["LiAlO2"] == pytest.approx(-3.0, abs=1e-4)
    assert "LiInO2" not in phases.index  # a hypothetical compound bounds no hull
    missing = pd.read_csv(out / "missing_phases.csv").set_index("formula")["reason"]
    assert missing["LiGaO2"] == "not converged in 80 steps"
    assert missing["MgAl2O4"].startswith("its type was not found: ")
    assert set(missing.index) == {"LiGaO2", "Li3PO4", "MgAl2O4"}
    candidates = pd.read_parquet(out / "candidates.parquet").set_index("formula")
    assert "LiInGaO3" not in candidates.index
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
