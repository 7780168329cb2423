"""The compiled simplex against HiGHS, on problems made to be degenerate, and what happens when it gives up."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from features import linear_programs
from features.hull import PhaseSet, hull_table
from features.interface import interface_table
from features.simplex import FAILED, OPTIMAL, UNBOUNDED, minimise
from features.window import window_table


def solve(a: np.ndarray, cost: np.ndarray, b: np.ndarray) -> tuple[int, float]:
    """Status and optimum from the identity that stands in the first columns of a."""
    m = len(b)
    basis, x = np.arange(m), np.empty(m)
    status = minimise(a, cost, a.shape[1], b, basis, np.empty((m, m)), x, np.empty(m))
    return status, float(cost[basis] @ x)


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
    pairs = pd.concat([pairs, pairs.assign(voltage_v=3.0)], ignore_index=True)

    def answers() -> list[pd.DataFrame]:
        return [
            hull_table(formulas, mp_phases), window_table(formulas, mp_phases), interface_table(pairs, mp_phases)
        ]  # fmt: skip

    compiled = answers()

    def give_up(*arguments: np.ndarray) -> None:
        arguments[-1][arguments[0]] = FAILED

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


def test_what_nothing_solves_is_unknown(mp_phases: PhaseSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*arguments: np.ndarray) -> None:
        arguments[-1][arguments[0]] = FAILED

    for kernel in ("stability_jobs", "mixture_jobs", "pair_jobs"):
        monkeypatch.setattr(linear_programs, kernel, give_up)
    monkeypatch.setattr(linear_programs.highs, "minimise", lambda *_: None)
    table = window_table(["Li3PS4"], mp_phases)
    assert table["oxidation_limit_v"].isna().all()
    assert table["e_above_hull_ev_atom"].isna().all()
    assert "did not converge" in table["note"].item()
    assert table.attrs == {"n_highs": 1, "n_unsolved": 1}
