"""The compiled simplex against HiGHS, on problems made to be degenerate, and what happens when it gives up."""

import random

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from ionsieve.features.thermodynamics.hull import PhaseSet, hull_table, phase_set
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.programs import linear_programs
from ionsieve.features.thermodynamics.programs.bundles import Answers, Jobs, Program, Table
from ionsieve.features.thermodynamics.programs.simplex import FAILED, OPTIMAL, UNBOUNDED, basis_of, minimise
from ionsieve.features.thermodynamics.window import window_table


def solve(a: np.ndarray, cost: np.ndarray, b: np.ndarray) -> tuple[int, float]:
    """Status and optimum from the identity that stands in the first columns of a."""
    m = len(b)
    basis = basis_of(np.arange(m))
    status = minimise(Program(a, cost, np.arange(a.shape[1]), a.shape[1]), b, basis)
    return status, float(cost[basis.columns] @ basis.amounts)


@pytest.mark.parametrize("seed", range(40))
def test_degenerate_problems_equal_highs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(2, 13)), int(rng.integers(20, 400))
    counts = rng.integers(0, 4, (m, n)) * (rng.random((m, n)) < 0.5)
    counts[:, counts.sum(axis=0) == 0] = 1
    a = np.column_stack([np.eye(m), counts / counts.sum(axis=0)])
    # energies that are multiples of 0.1 tie all the time; the target is one of the phases, so most amounts are zero
    cost = np.concatenate([np.zeros(m), -np.round(rng.random(n), 1)])
    b = a[:, m + int(rng.integers(n))]
    status, value = solve(a, cost, b)
    assert status == OPTIMAL
    assert value == pytest.approx(linprog(cost, A_eq=a, b_eq=b, method="highs").fun, abs=1e-9)


def test_beale_cycles_under_the_textbook_rule() -> None:
    # E. M. L. Beale's example (Naval Res. Logist. Q. 2 (1955) 269): steepest descent alone returns to its first basis.
    a = np.array(
        [[1, 0, 0, 0.25, -60, -1 / 25, 9], [0, 1, 0, 0.5, -90, -1 / 50, 3], [0, 0, 1, 0, 0, 1, 0]], dtype=float
    )
    cost = np.array([0, 0, 0, -0.75, 150, -0.02, 6])
    assert solve(a, cost, np.array([0.0, 0.0, 1.0])) == (OPTIMAL, pytest.approx(-0.05))


def test_unbounded_and_singular_problems_are_told_apart() -> None:
    a = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    assert solve(a, np.array([0.0, 0.0, -1.0]), np.ones(2))[0] == UNBOUNDED
    singular = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    assert solve(singular, np.zeros(3), np.ones(2))[0] == FAILED


def test_an_infinite_cost_leaves_a_column_out() -> None:
    a = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    assert solve(a, np.array([0.0, 0.0, np.inf]), np.array([0.5, 0.5])) == (OPTIMAL, 0.0)


def test_highs_answers_what_the_kernel_gives_up_on(mp_phases: PhaseSet, monkeypatch: pytest.MonkeyPatch) -> None:
    formulas = ["Li3PS4", "Li6PS5Cl", "LiF", "Al2O3", "Li3YCl6", "LiLaTi2O6", "Li"]
    pairs = pd.DataFrame({"formula_a": formulas, "formula_b": ["LiCoO2"] * len(formulas)})
    # LiCoO2 and CoO2 are the same once lithium is open
    same = pd.DataFrame({"formula_a": ["LiCoO2"], "formula_b": ["CoO2"]})
    pairs = pd.concat([pairs, pairs.assign(voltage_v=3.0), same.assign(voltage_v=3.0)], ignore_index=True)

    def answers() -> list[pd.DataFrame]:
        return [
            hull_table(formulas, mp_phases), window_table(formulas, mp_phases), interface_table(pairs, mp_phases)
        ]  # fmt: skip

    compiled = answers()

    def give_up(numbers: np.ndarray, jobs: Jobs, table: Table, asked: tuple, answers: Answers) -> None:
        answers.status[numbers] = FAILED

    for kernel in ("stability_jobs", "mixture_jobs", "pair_jobs"):
        monkeypatch.setattr(linear_programs, kernel, give_up)
    for ours, highs in zip(compiled, answers(), strict=True):
        assert ours.attrs["n_highs"] == 0
        assert highs.attrs["n_highs"] > 0
        assert highs.attrs["n_unsolved"] == 0
        numbers = ours.select_dtypes("number").columns
        assert highs[numbers].to_numpy() == pytest.approx(ours[numbers].to_numpy(), abs=1e-6, nan_ok=True)
        for column in ("decomposition_products", "reduction_products", "oxidation_products", "products_at_0v"):
            if column in ours:
                assert highs[column].tolist() == ours[column].tolist()


@pytest.mark.parametrize("seed", range(8))
def test_made_up_systems_full_of_ties_equal_highs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    elements = ["Li", *rng.sample(["P", "O", "S", "Cl", "Ti", "La"], rng.randint(2, 5))]

    def formula(symbols: list[str], most: int) -> str:
        return "".join(f"{e}{rng.randint(1, most)}" for e in sorted(symbols))

    some = [formula(rng.sample(elements, rng.randint(2, len(elements))), 3) for _ in range(rng.randint(8, 60))]
    # whole and tenths of eV/atom tie all the time; the last makes sure that every element is known
    energies = [-round(3 * rng.random(), seed % 2) for _ in some]
    table = pd.DataFrame({"formula": [*some, formula(elements, 9)], "formation_energy_ev_atom": [*energies, 0.5]})
    phases = phase_set(table)
    asked = [*some[:10], "Li", formula(elements, 9)]
    pairs = pd.DataFrame({"formula_a": asked, "formula_b": asked[::-1]})
    pairs["voltage_v"] = [rng.choice([np.nan, 0.5, 2.0, 3.0]) for _ in asked]
    compiled = window_table(asked, phases), interface_table(pairs, phases)

    def give_up(numbers: np.ndarray, jobs: Jobs, table: Table, asked: tuple, answers: Answers) -> None:
        answers.status[numbers] = FAILED

    for kernel in ("stability_jobs", "mixture_jobs", "pair_jobs"):
        monkeypatch.setattr(linear_programs, kernel, give_up)
    for ours, highs in zip(compiled, (window_table(asked, phases), interface_table(pairs, phases)), strict=True):
        unique = [c for c in ours.select_dtypes("number") if c.startswith(("e_", "decomp", "reduction", "oxidation"))]
        unique = [c for c in unique if "all_atoms" not in c]  # several mixtures may be equally bad per other atom
        assert highs[unique].to_numpy() == pytest.approx(ours[unique].to_numpy(), abs=1e-6, nan_ok=True)
        assert (ours.attrs["n_highs"], highs.attrs["n_unsolved"]) == (0, 0)


def test_what_nothing_solves_is_unknown(mp_phases: PhaseSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(numbers: np.ndarray, jobs: Jobs, table: Table, asked: tuple, answers: Answers) -> None:
        answers.status[numbers] = FAILED

    for kernel in ("stability_jobs", "mixture_jobs", "pair_jobs"):
        monkeypatch.setattr(linear_programs, kernel, give_up)
    monkeypatch.setattr(linear_programs.highs, "minimise", lambda *_: None)
    table = window_table(["Li3PS4"], mp_phases)
    assert table["oxidation_limit_v"].isna().all()
    assert table["e_above_hull_ev_atom"].isna().all()
    assert "did not converge" in table["note"].item()
    assert table.attrs == {"n_highs": 1, "n_unsolved": 1}


def test_highs_leaves_no_phase_out_of_an_elements_window(
    li_o_phases: PhaseSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(numbers: np.ndarray, jobs: Jobs, table: Table, asked: tuple, answers: Answers) -> None:
        answers.status[numbers] = FAILED

    monkeypatch.setattr(linear_programs, "stability_jobs", give_up)
    # O2 + 2 Li -> Li2O2 frees 6.4 eV: oxygen takes up lithium below 3.2 V (with Li2O alone it would below 3.0 V)
    row = window_table(["O2"], li_o_phases).iloc[0]
    assert row["reduction_limit_v"] == pytest.approx(3.2)
