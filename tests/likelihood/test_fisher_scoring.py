from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.joint_statistic import join_statistics
from gammafold.likelihood.likelihood import Likelihood


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


def low_counts(make, n=400, **kwargs):
    """Simulated spectra of about thirty counts, each to be fitted from the truth."""
    likelihood = Likelihood([make.wstat_spec("low", exposure=3e11)], make.parameters(**kwargs))
    rows, kernel = likelihood.statistic.parts[0]
    rng = np.random.default_rng(3)
    mu = next(iter(likelihood.npred(likelihood.x0).values()))
    drawn = kernel.with_data(n_on=rng.poisson(mu + 1.0, (n, kernel.n_bins)), n_off=rng.poisson(5.0, (n, kernel.n_bins)))
    return likelihood.with_statistic(join_statistics([(rows, drawn)], kernel.n_bins))


@pytest.mark.parametrize("patience", [0, 3, 12])
def test_fits_with_few_counts_converge_with_and_without_exact_hessians(make, monkeypatch, patience):
    many = low_counts(make)
    start = np.tile(many.x0, (400, 1))
    expected = minimise_batch(many, start)
    monkeypatch.setattr("gammafold.likelihood.fisher_scoring._PATIENCE", patience)
    found = minimise_batch(many, start)
    assert found.converged.all()
    np.testing.assert_allclose(found.deviance, expected.deviance, rtol=1e-9)
    errors = np.sqrt(2.0 / np.diagonal(found.fisher, axis1=1, axis2=2))
    assert np.abs(found.gradient * errors).max() < 1e-3


def test_the_last_step_needs_no_look_at_where_it_leads(make):
    many = low_counts(make)
    start = np.tile(many.x0, (400, 1))
    found = minimise_batch(many, start)
    deviance, gradient, fisher = many.normal_equations(found.theta)
    np.testing.assert_allclose(found.deviance, deviance, rtol=0, atol=1e-8)
    errors = np.sqrt(2.0 / np.diagonal(fisher, axis1=1, axis2=2))
    assert np.abs((found.gradient - gradient) * errors).max() < 1e-4
    # What is left to gain, and so the distance in errors.
    left = 0.5 * np.einsum("ni,nij,nj->n", gradient, np.linalg.inv(fisher), gradient)
    assert np.sqrt(left).max() < 2e-4
    assert np.sqrt(np.mean(left)) < 2e-5


def test_amplitudes_move_on_a_logarithmic_scale(make):
    # An amplitude far from the energies that are seen follows the index over powers of ten.
    flux = FluxFunction(2, lambda energy, index, amplitude: amplitude * (energy / 300.0) ** -index)
    spec = make.parameters(values=(2.5, 2.6e-17))
    plain, walking = (
        Likelihood([make.cash_spec(exposure=2e12, flux=flux)], replace(spec, logarithmic=np.array([False, walks])))
        for walks in (False, True)
    )
    rows, kernel = plain.statistic.parts[0]
    mu = next(iter(plain.npred(plain.x0).values()))
    drawn = kernel.with_data(counts=np.random.default_rng(0).poisson(mu, (200, kernel.n_bins)))
    found = [
        minimise_batch(one.with_statistic(join_statistics([(rows, drawn)], kernel.n_bins)), np.tile(one.x0, (200, 1)))
        for one in (plain, walking)
    ]
    assert found[1].converged.all()
    assert found[1].n_iterations.mean() < 0.8 * found[0].n_iterations.mean()
    both = found[0].converged
    np.testing.assert_allclose(found[1].deviance[both], found[0].deviance[both], rtol=1e-8)


@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_a_start_from_afar_is_as_quick_as_a_straight_step(make, factor):
    start = np.array([[2.5, 4e-11 * factor]])
    plain, walking = (
        minimise_batch(Likelihood([make.cash_spec()], replace(make.parameters(), logarithmic=which)), start)
        for which in (None, np.array([False, True]))
    )
    assert walking.converged[0]
    assert walking.n_iterations[0] <= plain.n_iterations[0] + 2


def test_an_amplitude_passes_zero_where_the_excess_is_negative(make):
    likelihood = Likelihood([make.wstat_spec()], replace(make.parameters(), logarithmic=np.array([False, True])))
    rows, kernel = likelihood.statistic.parts[0]
    few = kernel.with_data(n_on=np.full(kernel.n_bins, 1.0), n_off=np.full(kernel.n_bins, 20.0))
    fixed = replace(likelihood.parameters, free=np.array([1]), lower=[-np.inf], upper=[np.inf], scale=[4e-11])
    fixed = replace(fixed, logarithmic=np.array([True]), lower=np.array([-np.inf]), upper=np.array([np.inf]))
    one = Likelihood([make.wstat_spec()], fixed).with_statistic(join_statistics([(rows, few)], kernel.n_bins))
    found = minimise_batch(one, np.array([[4e-11]]))
    assert found.converged[0]
    assert found.theta[0, 0] < 0
