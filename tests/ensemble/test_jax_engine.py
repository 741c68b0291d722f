"""Ensembles on JAX: the same draws, the same minima."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from gammafold.ensemble import simulate_and_fit
from gammafold.ensemble.simulate import ensemble_problem
from gammafold.utils.errors import InputError

pytest.importorskip("jax")


def test_same_draws_and_minima(make):
    dataset = make.crab_run()
    ours, traced = (
        simulate_and_fit(dataset, 300, random_state=1, progress=False, engine=engine) for engine in ("numpy", "jax")
    )
    np.testing.assert_array_equal(ours.rows.counts, traced.rows.counts)
    assert (ours.success == traced.success).all()
    distance = np.abs(traced.values - ours.values) / ours.errors
    assert np.quantile(distance.max(axis=1), 0.99) < 1e-3
    np.testing.assert_allclose(traced.stat, ours.stat, rtol=1e-7)
    np.testing.assert_allclose(traced.errors, ours.errors, rtol=1e-2)


def test_what_does_not_converge_in_jax_is_fitted_in_numpy(make, monkeypatch):
    from gammafold.likelihood.jax_likelihood import JaxLikelihood

    def lost(likelihood, theta, minimise=JaxLikelihood.minimise):
        found = minimise(likelihood, theta)
        converged, moved = np.array(found.converged), np.array(found.theta)
        converged[::3], moved[::3] = False, np.nan
        return replace(found, converged=converged, theta=moved)

    dataset = make.crab_run()
    expected = simulate_and_fit(dataset, 30, random_state=1, progress=False)
    monkeypatch.setattr(JaxLikelihood, "minimise", lost)
    found = simulate_and_fit(dataset, 30, random_state=1, progress=False, engine="jax")
    assert found.success.all()
    assert not found.rows.retried.any()
    np.testing.assert_allclose((found.values - expected.values) / expected.errors, 0, atol=1e-3)
    np.testing.assert_allclose(found.stat, expected.stat, rtol=1e-7)


def test_a_problem_is_sent_without_what_was_compiled(make):
    problem = ensemble_problem(make.crab_run(), 1, None, engine="jax")
    theta = problem.likelihood.x0[None]
    batch = problem.likelihood.with_statistic(problem.draw(0, 1))
    found = problem.minimise(batch, theta)
    assert "_traced" not in problem.__getstate__()
    assert found.converged.all()
    del problem.__dict__["_traced"]
    assert isinstance(pickle.dumps(problem.expected), bytes)


def test_an_unknown_engine(make):
    with pytest.raises(InputError, match=r"engine is 'abacus': expected one of \('numpy', 'jax'\)"):
        simulate_and_fit(make.crab_run(), 10, random_state=1, progress=False, engine="abacus")
