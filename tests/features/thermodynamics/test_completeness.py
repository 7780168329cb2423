"""Systems that a set of phases describes well enough, and what it lacks where it does not."""

import pandas as pd
import pytest

from ionsieve.features.chemistry.binaries import PARTNERS, forms_binary
from ionsieve.features.thermodynamics.completeness import hull_complete, hull_incomplete_reason
from ionsieve.features.thermodynamics.hull import PhaseSet, phase_set
from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, system_mask


def phases_of(*formulas: str) -> PhaseSet:
    return phase_set(pd.DataFrame({"formula": formulas, "formation_energy_ev_atom": -1.0}))


BINARIES = ("Li2S", "P2S5", "LiCl", "Li3P", "PCl5")


def test_a_system_is_known_by_its_compounds() -> None:
    phases = phases_of(*BINARIES, "Li3PS4")
    # Li-P-S-Cl has Li3PS4 with three of its four elements; Li-P-Cl has LiCl with two of three
    formulas = ["Li2S", "PCl5", "Li4PS4Cl", "Li7PS6", "LiPCl6"]
    assert hull_complete(formulas, phases, []).all()
    # Li6PS5Cl is missing: only Li-P-S-Cl is short of it; Li3PS4 is listed but there
    assert hull_complete(formulas, phases, ["Li6PS5Cl", "Li3PS4"]).tolist() == [True, True, False, True, True]
    # lithium is added to the system for a window, so a missing LiP matters to it
    assert hull_incomplete_reason(["P2S5"], phases, ["LiP"]) == ["the phases lack LiP"]


def test_a_pair_without_its_binary_is_named() -> None:
    without = phases_of("Li2S", "LiScS2", "Li3ScS3")
    assert hull_incomplete_reason(["LiScS2", "Li2S"], without, []) == ["the phases hold no compound of S-Sc", ""]
    assert hull_complete(["LiScS2"], phases_of("Li2S", "LiScS2", "Sc2S3"), []).all()


def test_pairs_that_form_nothing_are_not_asked_for() -> None:
    # neither lithium and sodium nor lithium and lanthanum form compounds, nor chlorine and oxygen stable ones
    phases = phases_of("Li2O", "La2O3", "LaCl3", "LiCl", "NaCl", "Na2O", "LiLaO2", "LaOCl", "NaLaO2", "LiNaO")
    assert hull_complete(["LiLaO2", "LaOCl", "LiNaO"], phases, []).all()


def test_formulas_without_an_answer_are_incomplete(li_o_phases: PhaseSet) -> None:
    reasons = hull_incomplete_reason(["LiF", "nonsense"], li_o_phases, [])
    assert "no compound of F" in reasons[0]
    assert "nonsense" in reasons[1]


def test_a_system_known_by_one_compound_alone_is_unexplored() -> None:
    assert "no other phase" in hull_incomplete_reason(["LiNaS2O8"], phases_of("LiF", "NaF", "SO2", "Li2O"), [])[0]


@pytest.mark.parametrize(
    ("pair", "answer"),
    [
        *((pair, True) for pair in ("Sc-S", "Er-Br", "P-S", "Li-Al", "C-O", "Ta-N", "Ag-I")),
        *((pair, False) for pair in ("Cl-O", "N-O", "Na-N", "Li-La", "Fe-Ni", "He-O", "S-N")),
    ],
)
def test_pairs_known_to_form_binaries_or_none(pair: str, answer: bool) -> None:
    first, second = pair.split("-")
    assert forms_binary(first, second) is forms_binary(second, first) is answer


def test_the_rules_agree_with_a_large_table(mp_phases: PhaseSet) -> None:
    pairs = {frozenset((a, b)) for a in PARTNERS for b in PARTNERS[a]}
    held = [system_mask(ELEMENT_INDEX[s] for s in pair) in mp_phases.system_of for pair in pairs]
    assert len(pairs) > 550
    assert sum(held) >= 0.99 * len(pairs)
