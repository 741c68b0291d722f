import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from gammafold.stats.rises import find_rises


def poisson_rise(n):
    """Rise of the Cash statistic of one bin with n counts above its minimum, at mu = n + x."""

    def evaluate(rows, x):
        mu = n[rows] + x
        return 2 * (x - n[rows] * np.log(mu / n[rows])), 2 * (1 - n[rows] / mu)

    return evaluate


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=20), st.floats(0.01, 100.0))
def test_poisson_rises_equal_brentq(counts, rise):
    n = np.array(counts)
    found = find_rises(poisson_rise(n), np.full(len(n), rise), np.sqrt(n), np.full(len(n), np.inf))
    assert found.converged.all()
    for mu, distance in zip(n, found.distance, strict=True):
        expected = brentq(
            lambda x, mu=mu: 2 * (x - mu * np.log1p(x / mu)) - rise, 1e-9 * mu, 1e3 * (mu + rise), xtol=1e-12
        )
        np.testing.assert_allclose(distance, expected, rtol=1e-5)


def test_a_ray_that_ends_is_at_its_limit():
    found = find_rises(lambda rows, x: (x**2, 2 * x), np.array([4.0]), np.array([1.0]), np.array([1.5]))
    assert found.status == ("at limit",)
    np.testing.assert_array_equal(found.distance, [1.5])


def test_a_ray_without_length_is_at_its_limit():
    found = find_rises(lambda rows, x: (x**2, 2 * x), np.array([4.0]), np.array([1.0]), np.array([0.0]))
    assert found.status == ("at limit",)
    np.testing.assert_array_equal(found.distance, [0.0])


def test_a_statistic_that_saturates_is_open():
    found = find_rises(
        lambda rows, x: (1 - np.exp(-x), np.exp(-x)), np.array([4.0]), np.array([1.0]), np.array([np.inf])
    )
    assert found.status == ("open",)
    assert np.isinf(found.distance[0])


def test_a_statistic_that_cannot_be_evaluated_fails():
    found = find_rises(
        lambda rows, x: (np.full_like(x, np.nan), np.zeros_like(x)), np.array([1.0]), np.array([1.0]), np.array([9.0])
    )
    assert found.status == ("failed",)
    assert np.isnan(found.distance[0])


def test_a_wall_beyond_the_goal_is_bracketed():
    def evaluate(rows, x):
        return np.where(x < 1.0, x**2, np.inf), 2 * x

    found = find_rises(evaluate, np.array([0.81]), np.array([5.0]), np.array([np.inf]))
    np.testing.assert_allclose(found.distance, [0.9], rtol=1e-5)
