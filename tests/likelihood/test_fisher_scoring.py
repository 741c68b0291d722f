import numpy as np
import pytest
from scipy.optimize import minimize

from gammafold.likelihood.fisher_scoring import minimise_batch


def best(likelihood):
    """The minimum by an independent minimiser."""
    scale = likelihood.x0
    found = minimize(
        lambda x: likelihood.deviance(x * scale),
        np.ones(len(scale)),
        jac=lambda x: likelihood.gradient(x * scale) * scale,
        method="BFGS",
        options={"gtol": 1e-9},
    )
    return found.x * scale


def test_many_starts_end_at_the_same_minimum(make):
    likelihood = make.joint()
    goal = best(likelihood)
    errors = np.sqrt(np.diagonal(2 * np.linalg.inv(likelihood.fisher(goal))))
    starts = goal * np.array([[1.0, 1.0], [0.7, 2.0], [1.3, 0.3], [1.1, 5.0], [0.6, 0.5]])
    found = minimise_batch(likelihood, starts)
    assert found.converged.all()
    assert np.abs((found.theta - goal) / errors).max() < 1e-4
    np.testing.assert_allclose(found.deviance, likelihood.deviance(goal), rtol=1e-10)


def test_batch_equals_loop(make):
    likelihood = make.joint()
    starts = likelihood.x0 * np.random.default_rng(0).uniform(0.7, 1.4, (8, 2))
    together = minimise_batch(likelihood, starts)
    alone = [minimise_batch(likelihood, start[None]) for start in starts]
    np.testing.assert_allclose(together.theta, [one.theta[0] for one in alone], rtol=1e-9)


def test_a_minimum_beyond_a_limit_ends_on_it(make):
    likelihood = make.joint(lower=[2.8, 0.0], upper=[4.0, 1.0])
    found = minimise_batch(likelihood, np.array([[3.0, 4e-11]]))
    assert found.converged[0]
    assert found.theta[0, 0] == 2.8
    free = make.joint(values=(2.8, 4e-11), free=[1])
    expected = minimise_batch(free, np.array([[4e-11]]))
    assert found.theta[0, 1] == pytest.approx(expected.theta[0, 0], rel=1e-6)


def test_held_parameters_stay(make):
    likelihood = make.joint()
    held = np.array([[True, False], [False, True], [True, True]])
    start = np.tile([2.3, 3e-11], (3, 1))
    found = minimise_batch(likelihood, start, held)
    assert found.converged.all()
    np.testing.assert_array_equal(found.theta[held], start[held])
    for row, position in ((0, 1), (1, 0)):
        assert abs(found.gradient[row, position]) * abs(start[row, position]) < 1e-3


def test_an_impossible_start_does_not_converge(make):
    likelihood = make.joint()
    found = minimise_batch(likelihood, np.array([[2.5, -1e-11], [2.5, 4e-11]]))
    np.testing.assert_array_equal(found.converged, [False, True])


def test_too_few_iterations_are_reported(make):
    found = minimise_batch(make.joint(), np.array([[1.0, 1e-12]]), max_iterations=1)
    assert not found.converged[0]
