"""Norms of groups of bins: closed forms, brute force, corners, and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from gammafold.likelihood.norm_problem import NormProblem
from gammafold.stats.kernels import CashStatistic, Chi2Statistic, WStatistic


def cash(counts, signal, fixed, group=None):
    counts = np.asarray(counts, dtype=float)
    group = np.zeros(len(counts), int) if group is None else np.asarray(group)
    return NormProblem(np.array(signal, float), np.array(fixed, float), CashStatistic(counts), group, group.max() + 1)


def wstat(n_on, n_off, alpha, signal, group=None, fixed=None):
    n_on = np.asarray(n_on, dtype=float)
    group = np.zeros(len(n_on), int) if group is None else np.asarray(group)
    fixed = np.zeros(len(n_on)) if fixed is None else np.array(fixed, float)
    kernel = WStatistic(n_on, np.asarray(n_off, float), np.full(len(n_on), alpha))
    return NormProblem(np.array(signal, float), fixed, kernel, group, group.max() + 1)


def rise(problem, solution, norm, group=0):
    norms = np.where(problem.empty, 0.0, solution.norm)
    norms[group] = norm
    return problem.stat(norms)[group] - solution.stat[group]


class TestClosedForms:
    def test_one_bin_over_a_background(self):
        solution = cash([12], [4.0], [2.0]).solve()
        assert solution.norm[0] == pytest.approx((12 - 2) / 4, rel=1e-10)
        assert solution.error[0] == pytest.approx(np.sqrt(12) / 4, rel=1e-9)

    def test_one_bin_with_off_counts(self):
        solution = wstat([20], [30], 0.2, [7.0]).solve()
        assert solution.norm[0] == pytest.approx((20 - 6) / 7, rel=1e-10)
        # The variance of n_on - alpha n_off.
        assert solution.error[0] == pytest.approx(np.sqrt(20 + 0.2**2 * 30) / 7, rel=1e-9)

    def test_no_on_counts_give_minus_the_background(self):
        solution = wstat([0], [8], 0.25, [3.0]).solve()
        assert solution.norm[0] == pytest.approx(-2 / 3, rel=1e-9)
        assert solution.converged[0]
        assert not solution.at_limit[0]

    def test_gaussian_values(self):
        values, sigma, signal = np.array([1.0, 2.5]), np.array([0.5, 1.0]), np.array([1.0, 2.0])
        problem = NormProblem(signal, np.zeros(2), Chi2Statistic(values, sigma), np.zeros(2, int), 1)
        solution = problem.solve()
        weight = np.sum((signal / sigma) ** 2)
        assert solution.norm[0] == pytest.approx(np.sum(values * signal / sigma**2) / weight, rel=1e-12)
        assert solution.error[0] == pytest.approx(weight**-0.5, rel=1e-12)

    @pytest.mark.parametrize("n_sigma", [1.0, 2.0, 3.0])
    def test_limit_without_any_counts(self, n_sigma):
        # No counts where s are predicted: the statistic is 2 s.
        for problem in (cash([0], [5.0], [0.0]), wstat([0], [0], 0.2, [5.0])):
            solution = problem.solve()
            assert solution.norm[0] == 0
            assert solution.converged[0]
            assert solution.at_limit[0]
            assert np.isnan(solution.error[0])
            up = problem.crossings(solution, n_sigma**2, +1)
            assert up.distance[0] == pytest.approx(n_sigma**2 / 2 / 5, rel=1e-5)

    def test_background_that_no_count_supports(self):
        # Cash falls until nothing is predicted at all.
        problem = cash([0, 0], [1.0, 2.0], [3.0, 8.0])
        solution = problem.solve()
        assert solution.norm[0] == pytest.approx(-3.0, rel=1e-9)
        assert solution.at_limit[0]
        assert problem.crossings(solution, 1.0, -1).distance[0] == 0


class TestGroups:
    def test_a_group_without_bins_or_signal_has_no_norm(self):
        problem = NormProblem(
            np.array([1.0, 0.0]), np.array([1.0, 1.0]), CashStatistic(np.array([2.0, 3.0])), np.array([0, 2]), 3
        )
        solution = problem.solve()
        np.testing.assert_array_equal(solution.empty, [False, True, True])
        np.testing.assert_array_equal(np.isnan(solution.norm), [False, True, True])
        np.testing.assert_array_equal(solution.converged, [True, False, False])
        assert np.isnan(solution.error[1:]).all()

    def test_together_is_the_same_as_alone(self):
        rng = np.random.default_rng(3)
        group = np.repeat(np.arange(40), 5)
        signal = rng.uniform(0.01, 5, 200) * 10.0 ** rng.integers(-6, 7, 40)[group]
        n_on, n_off = rng.poisson(rng.choice([0.0, 0.2, 3.0, 200.0], 40)[group]), rng.poisson(1.0, 200)
        together = wstat(n_on, n_off, 0.3, signal, group).solve()
        assert together.converged.all()
        for number in range(40):
            own = group == number
            alone = wstat(n_on[own], n_off[own], 0.3, signal[own]).solve()
            assert together.norm[number] == pytest.approx(alone.norm[0], rel=1e-9, abs=1e-12 / signal[own].sum())

    def test_start_does_not_matter(self):
        problem = wstat([3, 0, 1], [2, 5, 0], 0.1, [1.0, 2.0, 0.5])
        norms = [problem.solve(start=np.array([start])).norm[0] for start in (-5.0, 1e-6, 1.0, 1e7)]
        np.testing.assert_allclose(norms, norms[0], rtol=1e-8)

    def test_too_few_steps_are_no_success(self):
        solution = wstat([300], [20], 0.2, [1e-4]).solve(max_iterations=1)
        assert not solution.converged[0]


@given(
    bins=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0.01, 20.0)), min_size=1, max_size=6),
    alpha=st.floats(0.02, 1.0),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_off_counts_against_brute_force(bins, alpha, scale):
    n_on, n_off, signal = (np.array(column, dtype=float) for column in zip(*bins, strict=True))
    problem = wstat(n_on, n_off, alpha, signal * scale)
    solution = problem.solve()
    assert solution.converged[0]
    reach = (n_on.sum() + n_off.sum() + 1) / signal.sum() / scale * 50
    found = minimize_scalar(lambda x: problem.stat(np.array([x]))[0], bounds=(-reach, reach), method="bounded",
                            options={"xatol": 1e-12 * reach})  # fmt: skip
    assert solution.stat[0] <= found.fun + 1e-7
    for side in (-1, 1):
        end = problem.crossings(solution, 4.0, side)
        assert end.status[0] == "converged"
        assert rise(problem, solution, solution.norm[0] + side * end.distance[0]) == pytest.approx(4.0, rel=1e-5)


@given(
    bins=st.lists(st.tuples(st.integers(0, 30), st.floats(0.001, 30.0), st.floats(0.01, 20.0)), min_size=1, max_size=6)
)
def test_known_background_against_the_root_of_the_slope(bins):
    counts, fixed, signal = (np.array(column, dtype=float) for column in zip(*bins, strict=True))
    problem = cash(counts, signal, fixed)
    solution = problem.solve()
    assert solution.converged[0]
    lower = np.max(-fixed / signal)

    def slope(norm):
        return np.sum(2 * signal * (1 - counts / (norm * signal + fixed)))

    just_above = lower + 1e-9 / signal.sum()
    if slope(just_above) >= 0:
        assert solution.norm[0] == pytest.approx(lower, rel=1e-6, abs=2e-9 / signal.sum())
        return
    root = brentq(slope, just_above, (counts.sum() + fixed.sum() + 1) / signal.min(), xtol=1e-14, rtol=1e-14)
    assert solution.norm[0] == pytest.approx(root, rel=1e-7, abs=1e-7 / signal.sum())
    assert solution.error[0] == pytest.approx(
        np.sum(counts * (signal / (root * signal + fixed)) ** 2) ** -0.5, rel=1e-5
    )


def test_minimum_at_a_corner_beside_zero():
    # Other sources predict counts where nothing was seen: the corner lies where they are balanced.
    problem = wstat([0, 0], [0, 0], 0.2, [1.0, 1.0], fixed=[3.0, 5.0])
    solution = problem.solve()
    assert solution.converged[0]
    assert solution.at_limit[0]
    # Slopes: -2 / alpha below a bin's corner, 2 above it; two bins sum to zero slope nowhere but at -3.
    assert solution.norm[0] == pytest.approx(-3.0, rel=1e-9)
    values = np.linspace(-8, 2, 1001)
    assert solution.stat[0] <= min(problem.stat(np.array([value]))[0] for value in values) + 1e-9


def test_the_edge_is_possible_whatever_is_rounded():
    """No counts anywhere: the minimum is at the edge, and the statistic there is finite."""
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(200), 2)
    problem = cash(np.zeros(400), rng.uniform(0.1, 3, 400), rng.uniform(0.1, 3, 400), group)
    solution = problem.solve()
    assert solution.converged.all()
    assert solution.at_limit.all()
    edges = np.max((-problem.fixed / problem.signal).reshape(200, 2), axis=1)
    np.testing.assert_allclose(solution.norm, edges, rtol=1e-12)
