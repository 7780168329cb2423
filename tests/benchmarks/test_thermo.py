"""Times of hull, window and interfaces on the shared table, side by side with pymatgen and with scipy's HiGHS.

Run by `make bench`; each group is one workload, the factor in brackets is the ratio to its fastest.
"""

import random
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element
from pytest_benchmark.fixture import BenchmarkFixture

from ionsieve.features.thermodynamics.hull import PhaseSet, hull_table, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.phase_set import read_amounts
from ionsieve.features.thermodynamics.programs import linear_programs
from ionsieve.features.thermodynamics.programs.bundles import Answers, Jobs, Table
from ionsieve.features.thermodynamics.programs.simplex import FAILED
from ionsieve.features.thermodynamics.uncertainty import EnergyError, stability_uncertainty
from ionsieve.features.thermodynamics.window import window_table

PARTNERS = ["LiCoO2", "CoO2", "LiFePO4", "FePO4", "LiMn2O4", "Li3PS4", "Li10GeP2S12", "Li7La3Zr2O12", "Li6PS5Cl", "Li"]
VOLTAGES_V = [0.5, 2.0, 3.0, 4.0, 5.0]
CROWDED = ("Li", "Na", "Mn", "Fe", "Co", "P", "O", "V", "Si", "F")
COLD_FORMULAS = 40  # lithium compounds of two to four elements that pymatgen can do in a benchmark
COLD_PAIRS = 6  # pairs of five or six elements, likewise


@pytest.fixture(scope="module")
def table(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "mp_formation_energies.csv.gz", keep_default_na=False)


@pytest.fixture(scope="module")
def phases(table: pd.DataFrame) -> PhaseSet:
    """Prepared, and the kernels compiled."""
    prepared = phase_set(table)
    window_table(["LiF"], prepared)
    interface_table(pd.DataFrame({"formula_a": ["LiF"], "formula_b": ["Li3PS4"]}), prepared)
    return prepared


@pytest.fixture(scope="module")
def lithium(table: pd.DataFrame) -> list[str]:
    return [
        f for f, a in zip(table["formula"], read_amounts(list(table["formula"]))[0], strict=True) if a and "Li" in a
    ]


@pytest.fixture(scope="module")
def stable(lithium: list[str], phases: PhaseSet) -> list[str]:
    return [f for f, e in hull_table(lithium, phases)[["formula", "e_above_hull_ev_atom"]].to_numpy() if e < 1e-9]


@pytest.fixture(scope="module")
def some(lithium: list[str]) -> list[str]:
    few = [f for f in lithium if len(Composition(f)) <= 4]
    return random.Random(1).sample(few, COLD_FORMULAS)


@pytest.fixture(scope="module")
def some_pairs(stable: list[str]) -> pd.DataFrame:
    rng, pairs = random.Random(2), []
    while len(pairs) < COLD_PAIRS:
        a, b = rng.choice(stable), rng.choice(["Li3PS4", "Li7La3Zr2O12"])
        if len({*Composition(a), *Composition(b)}) in (5, 6):
            pairs.append((a, b))
    return pd.DataFrame(pairs, columns=["formula_a", "formula_b"])


def entries_of(symbols: set[str], table: pd.DataFrame) -> list[PDEntry]:
    amounts = read_amounts(list(table["formula"]))[0]
    inside = [i for i, a in enumerate(amounts) if a and set(a) <= symbols]
    energies = table["formation_energy_ev_atom"].to_numpy()
    found = [PDEntry(Composition(amounts[i]), energies[i] * sum((amounts[i] or {}).values())) for i in inside]
    return found + [PDEntry(Composition(s), 0.0) for s in sorted(symbols)]


@pytest.mark.benchmark(group="hull and window, 40 lithium compounds of up to 4 elements")
def test_some_windows_with_ionsieve(benchmark: BenchmarkFixture, some: list[str], phases: PhaseSet) -> None:
    benchmark.pedantic(window_table, (some, phases), rounds=20, warmup_rounds=1)


@pytest.mark.benchmark(group="hull and window, 40 lithium compounds of up to 4 elements")
def test_some_windows_with_pymatgen(benchmark: BenchmarkFixture, some: list[str], table: pd.DataFrame) -> None:
    # the entries of each system are found beforehand: only pymatgen's own work is timed
    prepared = [(Composition(f), entries_of(set(Composition(f).get_el_amt_dict()), table)) for f in some]

    def windows() -> None:
        for composition, entries in prepared:
            diagram = PhaseDiagram(entries)
            diagram.get_hull_energy(composition)
            diagram.get_element_profile(Element("Li"), composition)

    benchmark.pedantic(windows, rounds=1)


@pytest.mark.benchmark(group="interface, 6 pairs of 5 or 6 elements")
def test_some_pairs_with_ionsieve(benchmark: BenchmarkFixture, some_pairs: pd.DataFrame, phases: PhaseSet) -> None:
    benchmark.pedantic(interface_table, (some_pairs, phases), rounds=20, warmup_rounds=1)


@pytest.mark.benchmark(group="interface, 6 pairs of 5 or 6 elements")
def test_some_pairs_with_highs(
    benchmark: BenchmarkFixture, some_pairs: pd.DataFrame, phases: PhaseSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(numbers: np.ndarray, jobs: Jobs, table: Table, asked: tuple, answers: Answers) -> None:
        answers.status[numbers] = FAILED

    for kernel in ("mixture_jobs", "pair_jobs"):
        monkeypatch.setattr(linear_programs, kernel, give_up)
    benchmark.pedantic(interface_table, (some_pairs, phases), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="interface, 6 pairs of 5 or 6 elements")
def test_some_pairs_with_pymatgen(benchmark: BenchmarkFixture, some_pairs: pd.DataFrame, table: pd.DataFrame) -> None:
    prepared = []
    for a, b in some_pairs.itertuples(index=False):
        first, second = Composition(a), Composition(b)
        prepared.append((first, second, entries_of({*first.get_el_amt_dict(), *second.get_el_amt_dict()}, table)))

    def reactions() -> None:
        for first, second, entries in prepared:
            diagram = PhaseDiagram(entries)
            InterfacialReactivity(first, second, diagram, norm=True, use_hull_energy=True).get_kinks()

    benchmark.pedantic(reactions, rounds=1)


@pytest.mark.benchmark(group="whole table")
def test_prepare_85014_phases(benchmark: BenchmarkFixture, table: pd.DataFrame) -> None:
    benchmark.pedantic(phase_set, (table,), rounds=3)


@pytest.mark.benchmark(group="whole table")
def test_8656_hulls_and_windows(benchmark: BenchmarkFixture, lithium: list[str], table: pd.DataFrame) -> None:
    # a fresh set each time, so that finding the phases of each system counts
    found = benchmark.pedantic(
        lambda fresh: window_table(lithium, fresh), setup=lambda: ((phase_set(table),), {}), rounds=3
    )
    benchmark.extra_info["left to HiGHS"] = found.attrs["n_highs"]
    benchmark.extra_info["peak memory, GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


@pytest.mark.benchmark(group="whole table")
def test_stable_ones_against_ten_partners(benchmark: BenchmarkFixture, stable: list[str], table: pd.DataFrame) -> None:
    pairs = pd.DataFrame([(a, b) for a in stable for b in PARTNERS], columns=["formula_a", "formula_b"])
    found = benchmark.pedantic(
        lambda fresh: interface_table(pairs, fresh), setup=lambda: ((phase_set(table),), {}), rounds=3
    )
    benchmark.extra_info["left to HiGHS"] = found.attrs["n_highs"]


@pytest.mark.benchmark(group="whole table")
def test_the_same_at_five_voltages(benchmark: BenchmarkFixture, stable: list[str], phases: PhaseSet) -> None:
    pairs = pd.DataFrame([(a, b) for a in stable for b in PARTNERS], columns=["formula_a", "formula_b"])
    open_pairs = pd.concat([pairs.assign(voltage_v=v) for v in VOLTAGES_V], ignore_index=True)
    found = benchmark.pedantic(interface_table, (open_pairs, phases), rounds=1)
    benchmark.extra_info["left to HiGHS"] = found.attrs["n_highs"]
    benchmark.extra_info["peak memory, GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


@pytest.mark.slow
@pytest.mark.benchmark(group="whole table")
def test_a_hundred_draws_of_8656_windows(benchmark: BenchmarkFixture, lithium: list[str], phases: PhaseSet) -> None:
    benchmark.pedantic(stability_uncertainty, (lithium, phases, EnergyError()), rounds=1)


@pytest.mark.parametrize("size", [100, 300, 1000, 3000])
@pytest.mark.benchmark(group="100 windows in one system of 10 elements, by number of phases known in it")
def test_windows_by_number_of_phases(benchmark: BenchmarkFixture, size: int, table: pd.DataFrame) -> None:
    amounts = [a or {} for a in read_amounts(list(table["formula"]))[0]]
    inside = [i for i, a in enumerate(amounts) if set(a) <= set(CROWDED)]
    rng = random.Random(4)
    kept = rng.sample(inside, min(size, len(inside)))
    thinned = phase_set(table.iloc[sorted(kept)])
    asked = [{s: rng.randint(1, 9) for s in CROWDED} for _ in range(100)]
    prepared = linear_programs.prepare(asked, thinned, "Li")
    benchmark.extra_info["phases"] = len(thinned)
    own = np.full(len(asked), np.nan)
    arguments = (prepared, thinned, thinned.energies, own, 0.005)
    benchmark.pedantic(linear_programs.solve_prepared, arguments, rounds=10, warmup_rounds=1)
