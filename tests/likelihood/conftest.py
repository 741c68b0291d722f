"""Small likelihoods made of arrays, for tests of the engine."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr

from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.likelihood import Likelihood
from gammafold.likelihood.spec import DatasetSpec, ParameterSpec, SignalTerm
from gammafold.stats.kernels import CashStatistic, WStatistic


def power_law(with_derivatives=True):
    """amplitude * E^-index, with energies in TeV."""

    def derivatives(energy, index, amplitude):
        unit = energy**-index
        return -amplitude * unit * np.log(energy), unit * np.ones_like(amplitude)

    return FluxFunction(
        n_parameters=2,
        evaluate=lambda energy, index, amplitude: amplitude * energy**-index,
        derivatives=derivatives if with_derivatives else None,
    )


def response(n_true=30, n_reco=12, exposure=1e13):
    """A smooth response of about 15 % resolution, on axes of 0.3 to 30 TeV."""
    edges = np.geomspace(0.3, 30, n_true + 1)
    reco = np.geomspace(0.3, 30, n_reco + 1)
    center = np.sqrt(edges[1:] * edges[:-1])
    cumulative = ndtr((reco[:, None] / center - 1) / 0.15)
    return edges, np.diff(cumulative, axis=0) * exposure * center**0.5


def parameters(names=("index", "amplitude"), values=(2.5, 4e-11), free=None, lower=None, upper=None):
    values = np.array(values, dtype=float)
    free = np.arange(len(values)) if free is None else np.array(free)
    return ParameterSpec(
        names=tuple(names),
        values=values,
        free=free,
        lower=np.full(len(free), -np.inf) if lower is None else np.array(lower, dtype=float),
        upper=np.full(len(free), np.inf) if upper is None else np.array(upper, dtype=float),
        scale=np.abs(values[free]),
    )


def cash_spec(name="cash", seed=0, flux=None, exposure=1e13, factor=1.0):
    edges, matrix = response(exposure=exposure)
    flux = power_law() if flux is None else flux
    truth = _npred(edges, matrix)
    counts = np.random.default_rng(seed).poisson(truth)
    return DatasetSpec(name, edges, matrix, CashStatistic(counts.astype(float)), (SignalTerm(flux, (0, 1), factor),))


def wstat_spec(name="wstat", seed=1, flux=None, exposure=1e13):
    edges, matrix = response(exposure=exposure)
    flux = power_law() if flux is None else flux
    rng = np.random.default_rng(seed)
    alpha = np.full(len(matrix), 0.2)
    n_on = rng.poisson(_npred(edges, matrix) + 3.0).astype(float)
    n_off = rng.poisson(np.full(len(matrix), 15.0)).astype(float)
    return DatasetSpec(name, edges, matrix, WStatistic(n_on, n_off, alpha), (SignalTerm(flux, (0, 1)),))


def _npred(edges, matrix, index=2.5, amplitude=4e-11):
    integral = amplitude * (edges[:-1] ** (1 - index) - edges[1:] ** (1 - index)) / (index - 1)
    return matrix @ integral


def joint(flux=None, **kwargs):
    flux = power_law() if flux is None else flux
    specs = [cash_spec("a", 0, flux), wstat_spec("b", 1, flux), cash_spec("c", 2, flux, exposure=3e13)]
    return Likelihood(specs, parameters(**kwargs))


@pytest.fixture(scope="session")
def make():
    """Functions that make small likelihoods."""
    return SimpleNamespace(
        power_law=power_law,
        response=response,
        parameters=parameters,
        cash_spec=cash_spec,
        wstat_spec=wstat_spec,
        joint=joint,
    )
