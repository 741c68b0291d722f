"""Smooth expected counts: against an independent fit, and in the mean against the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from gammafold.stats.smooth import local_mean, smooth_counts


def test_a_window_is_a_poisson_fit_of_an_exponential():
    # So few counts that the window of every bin is all of them.
    counts = np.array([3, 1, 0, 2, 0, 1, 0, 0])
    found = smooth_counts(counts, 100)
    expected = []
    for i in range(8):
        x = np.arange(8) - i
        best = minimize(
            lambda c, x=x: np.sum(np.exp(c[0] + c[1] * x)) - counts @ (c[0] + c[1] * x), [0, 0], options={"gtol": 1e-9}
        )
        expected.append(np.exp(best.x[0]))
    assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.parametrize("fall", [0.0, 0.1, 0.3])
def test_the_mean_of_many_is_the_truth(fall):
    truth = 8 * np.exp(-fall * np.arange(25))
    rng = np.random.default_rng(2)
    found = np.mean([smooth_counts(rng.poisson(truth), 10) for _ in range(400)], axis=0)
    error = np.sqrt(truth / 400)
    # Windows of ten counts bend where their truth does; a mean over them would be off by factors in the tail.
    assert (np.abs(found - truth) < 0.1 * truth + 4 * error).all()


@pytest.mark.parametrize("counts", [[30, 0, 12, 99], [5], [], [0, 0, 0], [0, 2], [1, 0, 0, 0, 0, 0]])
def test_sums_stay_and_many_counts_are_kept(counts):
    found = smooth_counts(counts, 10)
    assert found.shape == (len(counts),)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(sum(counts))


def test_bins_with_enough_counts_are_left_as_they_are():
    counts = np.array([30.0, 12, 99, 11])
    assert_allclose(smooth_counts(counts, 10), counts)


def test_backwards_is_the_same():
    counts = np.random.default_rng(1).poisson(0.4, 300)
    assert_allclose(smooth_counts(counts[::-1], 10), smooth_counts(counts, 10)[::-1], rtol=1e-4)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 30))
def test_local_mean_is_over_the_narrowest_window(counts, minimum):
    means = local_mean(counts, minimum)
    for i, mean in enumerate(means):
        windows = (counts[max(0, i - reach) : i + reach + 1] for reach in range(len(counts)))
        enough = next((window for window in windows if sum(window) >= minimum), counts)
        assert mean == pytest.approx(np.mean(enough))


def test_local_mean_of_nothing():
    assert local_mean([], 3).size == 0
