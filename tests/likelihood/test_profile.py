import numpy as np
import pytest
from scipy.optimize import brentq

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.profile import crossings, profile


@pytest.fixture
def fitted(make):
    likelihood = make.joint()
    return likelihood, minimise_batch(likelihood, likelihood.x0[None]).theta[0]


def profile_by_hand(make, index):
    """Minimum over the amplitude for a frozen index."""
    likelihood = make.joint(values=(index, 4e-11), free=[1])
    return float(minimise_batch(likelihood, np.array([[4e-11]])).deviance[0])


def test_a_profile_equals_fits_with_a_frozen_parameter(make, fitted):
    likelihood, best = fitted
    theta = np.tile(best, (5, 1))
    theta[:, 0] += np.linspace(-0.3, 0.3, 5)
    found = profile(likelihood, theta, np.array([True, False]))
    assert found.converged.all()
    expected = [profile_by_hand(make, index) for index in theta[:, 0]]
    np.testing.assert_allclose(found.deviance, expected, rtol=1e-9)


def test_crossings_are_where_the_profile_has_risen(make, fitted):
    likelihood, best = fitted
    base = likelihood.deviance(best)
    direction = np.array([[-0.1, 0.0], [0.1, 0.0]])
    rises, _ = crossings(likelihood, best, direction, direction != 0, rise=4.0)
    assert rises.status == ("converged", "converged")
    for distance, sign in zip(rises.distance, (-1, 1), strict=True):
        expected = brentq(lambda d, s=sign: profile_by_hand(make, best[0] + s * d) - base - 4.0, 1e-3, 3.0)
        assert 0.1 * distance == pytest.approx(expected, rel=1e-4)


def test_a_limit_ends_a_ray(make):
    likelihood = make.joint(lower=[-np.inf, -np.inf], upper=[2.55, np.inf])
    best = minimise_batch(likelihood, np.array([[2.5, 4e-11]])).theta[0]
    direction = np.array([[0.1, 0.0]])
    rises, theta = crossings(likelihood, best, direction, direction != 0, rise=100.0)
    assert rises.status == ("at limit",)
    assert theta[0, 0] <= 2.55 + 1e-12
