"""Hull, window, uptake profile and interfaces equal pymatgen's, which builds the hull geometrically, on real phases."""

import random
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.interface_reactions import GrandPotentialInterfacialReactivity, InterfacialReactivity
from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.interface import interface_kinks, interface_table
from ionsieve.features.thermodynamics.phase_set import read_amounts
from ionsieve.features.thermodynamics.window import uptake_profile, window_table

MU_LI_EV = -3.3  # potential of the open form; no phase sits exactly there


class Reference:
    """pymatgen's diagrams of the systems asked for."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.formulas = list(table["formula"])
        self.energies = table["formation_energy_ev_atom"].to_numpy()
        self.amounts = [a or {} for a in read_amounts(self.formulas)[0]]
        self.sets = [frozenset(a) for a in self.amounts]
        self.lithium = [i for i, s in enumerate(self.sets) if "Li" in s]

    def entries(self, symbols: Iterable[str]) -> list[PDEntry]:
        wanted = frozenset(symbols)
        inside = [i for i, s in enumerate(self.sets) if s <= wanted]
        found = [PDEntry(Composition(a), self.energies[i] * sum(a.values())) for i in inside for a in [self.amounts[i]]]
        return found + [PDEntry(Composition(s), 0.0) for s in sorted(wanted)]

    def pairs(self, n: int, most_elements: int, most_phases: int, seed: int) -> list[tuple[str, str]]:
        rng = random.Random(seed)
        chosen: list[tuple[str, str]] = []
        while len(chosen) < n:
            i, j = rng.choice(self.lithium), rng.randrange(len(self.sets))
            union = self.sets[i] | self.sets[j]
            # the second shares an element, or nearly every pair would have the most elements
            fits = len(union) <= most_elements and self.sets[i] & self.sets[j] and self.sets[j] != {"Li"}
            if fits and sum(s <= union for s in self.sets) <= most_phases:
                chosen.append((self.formulas[i], self.formulas[j]))
        return chosen


@pytest.fixture(scope="module")
def reference(mp_table: pd.DataFrame) -> Reference:
    return Reference(mp_table)


def check_composition(formula: str, reference: Reference, phases: PhaseSet) -> None:
    composition = Composition(formula)
    entries = reference.entries(composition.get_el_amt_dict())
    diagram = PhaseDiagram(entries)
    entry = next(e for e in entries if e.composition.reduced_formula == composition.reduced_formula)
    row = window_table([formula], phases).iloc[0]
    assert row["e_above_hull_ev_atom"] == pytest.approx(diagram.get_e_above_hull(entry), abs=1e-6)
    # get_phase_separation_energy minimises loosely (off by 2e-5), so build the hull of all others
    others = PhaseDiagram([e for e in entries if e is not entry])
    expected = entry.energy_per_atom - others.get_hull_energy_per_atom(composition)
    assert row["decomposition_energy_ev_atom"] == pytest.approx(expected, abs=1e-6)
    # pymatgen's "evolution" is what a composition takes up, its potential the one at which the next step follows
    steps = sorted(diagram.get_element_profile(Element("Li"), composition), key=lambda step: step["evolution"])
    uptake = np.array([step["evolution"] for step in steps])
    potential = np.array([step["chempot"] for step in steps])
    ours = uptake_profile(formula, phases)
    assert len(ours) == len(steps)
    assert ours["voltage_end_v"].to_numpy() == pytest.approx(-potential, abs=1e-6)
    assert ours["ions_taken_up"].to_numpy() == pytest.approx(uptake, abs=1e-4)
    # window: the potentials on both sides of the composition's own place in the profile
    own = int(np.searchsorted(ours["ions"], composition["Li"] - 1e-6, side="left"))
    at_kink = own < len(ours) and abs(ours["ions"][own] - composition["Li"]) < 1e-6
    before = -potential[own - 1] if own else np.inf
    after = -potential[own] if at_kink else before
    assert row["reduction_limit_v"] == pytest.approx(after, abs=1e-6)
    assert row["oxidation_limit_v"] == pytest.approx(before, abs=1e-6)


def check_pair(a: str, b: str, reference: Reference, phases: PhaseSet) -> None:
    first, second = Composition(a), Composition(b)
    entries = reference.entries({*first.get_el_amt_dict(), *second.get_el_amt_dict()})
    closed = PhaseDiagram(entries)
    mutual = InterfacialReactivity(first, second, closed, norm=True, use_hull_energy=True)
    compare_kinks(mutual, interface_kinks(a, b, phases))
    opened = GrandPotentialPhaseDiagram(entries, {Element("Li"): MU_LI_EV})
    grand = GrandPotentialInterfacialReactivity(first, second, opened, closed, norm=True, use_hull_energy=True)
    compare_kinks(grand, interface_kinks(a, b, phases, -MU_LI_EV))
    pair = pd.DataFrame({"formula_a": [a, a], "formula_b": [b, b], "voltage_v": [np.nan, -MU_LI_EV]})
    table = interface_table(pair, phases)
    worst = [min(k[2] for k in form.get_kinks()) for form in (mutual, grand)]
    assert table["e_rxn_ev_atom"].tolist() == pytest.approx(worst, abs=1e-6)


def compare_kinks(form: InterfacialReactivity, ours: pd.DataFrame) -> None:
    """Every kink of pymatgen's lies on our line, and every one of ours on its."""
    kinks = sorted((k[1], k[2]) for k in form.get_kinks())
    if len(kinks) == 2:
        assert ours["e_rxn_ev_atom"].abs().max() < 1e-6
        return
    x, energy = np.array(kinks).T
    # pymatgen measures energies of the open form per atom that is not lithium, but mixing fractions with it: both agree
    # at the kinks themselves, so these are compared one by one
    for fraction, value in zip(x, energy, strict=True):
        near = np.abs(ours["fraction_a"] - fraction) < 1e-5
        if near.any():
            assert ours["e_rxn_ev_atom"][near].to_numpy() == pytest.approx(value, abs=1e-6)
    strongest = ours.loc[ours["e_rxn_ev_atom"].idxmin()]
    assert strongest["e_rxn_ev_atom"] == pytest.approx(energy.min(), abs=1e-6)
    found = [np.abs(x - fraction).min() < 1e-5 for fraction in ours["fraction_a"]]
    assert all(found)


def test_random_compositions(reference: Reference, mp_phases: PhaseSet) -> None:
    rng = random.Random(7)
    few = [i for i in reference.lithium if len(reference.sets[i]) <= 4]
    for i in rng.sample(few, 25):
        check_composition(reference.formulas[i], reference, mp_phases)


def test_random_pairs(reference: Reference, mp_phases: PhaseSet) -> None:
    for a, b in reference.pairs(8, most_elements=4, most_phases=250, seed=3):
        check_pair(a, b, reference, mp_phases)


@pytest.mark.slow
def test_three_hundred_compositions_of_up_to_eight_elements(reference: Reference, mp_phases: PhaseSet) -> None:
    rng = random.Random(11)
    many = [i for i in reference.lithium if len(reference.sets[i]) >= 6]
    usual = [i for i in reference.lithium if len(reference.sets[i]) < 6]
    for i in rng.sample(usual, 270) + rng.sample(many, 30):
        check_composition(reference.formulas[i], reference, mp_phases)


@pytest.mark.slow
def test_a_hundred_and_fifty_pairs_of_up_to_six_elements(reference: Reference, mp_phases: PhaseSet) -> None:
    for a, b in reference.pairs(150, most_elements=6, most_phases=1200, seed=5):
        check_pair(a, b, reference, mp_phases)
