"""The joint fit of four Crab runs: its exact minimum, its derivatives and its batches, on real data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.optimize import minimize

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import (
    ConstantSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)
from gammafold.samples import sample_files
from gammafold.stats import wstat

START = {"amplitude": "2e-11 cm-2 s-1 TeV-1", "reference": "1 TeV"}
MODELS = {
    "power law": PowerLawSpectralModel(index=2.2, **START),
    "log parabola": LogParabolaSpectralModel(alpha=2.2, beta=0.1, **START),
    "cutoff": ExpCutoffPowerLawSpectralModel(index=2.0, lambda_="0.05 TeV-1", **START),
    "constant": ConstantSpectralModel(const="1e-13 cm-2 s-1 TeV-1"),
    "sum": PowerLawSpectralModel(index=2.2, **START) + ConstantSpectralModel(const="1e-15 cm-2 s-1 TeV-1"),
}


@pytest.fixture(scope="module")
def runs():
    return Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))


@pytest.fixture
def crab(runs):
    """The four runs, with a way to set a fresh model."""

    def prepared(name):
        runs.models = SkyModel(MODELS[name].copy(), name="crab")
        return runs

    return prepared


# Minima of the statistic by Newton's method on exact gradients, as published with the reference numbers.
EXACT = {
    "power law": (156.992690, {"index": (2.699650, 0.0735), "amplitude": (4.579480e-11, 0.2752e-11)}),
    "log parabola": (152.0414, {"amplitude": (4.4743e-11, None), "alpha": (2.3530, None), "beta": (0.1918, None)}),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_exact_minimum(crab, name):
    stat, values = EXACT[name]
    runs = crab(name)
    result = Fit().run(runs)
    assert result.success
    digits = 1e-5 if name == "power law" else 1e-4
    assert_allclose(result.total_stat, stat, rtol=0, atol=digits)
    for parameter, (value, error) in values.items():
        found = runs.parameters[parameter]
        # Two ten-thousandths of an error, or the digits that are published.
        published = 0.6e-4 * 10 ** np.floor(np.log10(abs(value)))
        assert abs(found.value - value) <= max(2e-4 * found.error, published)
        if error is not None:
            assert_allclose(found.error, error, rtol=1e-3)


def test_the_minimum_by_another_way(crab):
    """Fold, compare and minimise with numpy and scipy alone."""
    runs = crab("power law")
    result = Fit().run(runs)
    members = []
    for run in runs:
        edges = run.exposure.geom.axes["energy_true"].edges.to_value("TeV")
        response = run.edisp.edisp_map.data.reshape(run.exposure.data.size, -1) * run.exposure.data.reshape(-1, 1)
        keep = run.mask_safe.data.reshape(-1)
        members.append((edges, response[:, keep], *(
            values.data.reshape(-1)[keep] for values in (run.counts, run.counts_off, run.alpha)
        )))  # fmt: skip

    def total(x):
        index, amplitude = x
        value = 0.0
        for edges, response, on, off, alpha in members:
            flux = amplitude * 1e-11 * -np.diff(edges ** (1 - index)) / (index - 1)
            value += wstat(on, off, alpha, flux @ response).sum()
        return value

    best = minimize(total, [2.5, 3.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
    assert_allclose(result.total_stat, best.fun, rtol=0, atol=1e-7)
    errors = result.errors * [1, 1e11]
    assert_allclose((result.values * [1, 1e11] - best.x) / errors, 0, atol=2e-4)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_against_central_differences(crab, name):
    likelihood = crab(name).likelihood()
    theta = likelihood.x0 * 1.03
    gradient = likelihood.gradient(theta)
    # In units of the statistic: steps of a hundred thousandth of a size, and Richardson's extrapolation.
    for i in range(likelihood.n_free):

        def slope(h, i=i):
            step = np.zeros_like(theta)
            step[i] = h * theta[i]
            return (likelihood.deviance(theta + step) - likelihood.deviance(theta - step)) / (2 * h)

        expected = (4 * slope(1e-4) - slope(2e-4)) / 3
        assert_allclose(gradient[i] * theta[i], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_is_as_many_single_calls(crab, name):
    likelihood = crab(name).likelihood()
    rng = np.random.default_rng(1)
    batch = likelihood.x0 * rng.uniform(0.9, 1.1, (1000, likelihood.n_free))
    singles = np.array([likelihood.stat(theta) for theta in batch])
    assert np.isfinite(singles).all()
    assert_allclose(likelihood.stat(batch), singles, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_of_each_run_against_quadrature(crab, name):
    for run in crab(name):
        edges = run.exposure.geom.axes["energy_true"].edges.to_value("TeV")
        flux = [
            quad(lambda x: formula(name, np.exp(x)) * np.exp(x), a, b, epsabs=0, epsrel=1e-11)[0]
            for a, b in zip(np.log(edges[:-1]), np.log(edges[1:]), strict=True)
        ]
        matrix = run.edisp.edisp_map.data.reshape(len(flux), -1)
        expected = (np.array(flux) * run.exposure.data.reshape(-1)) @ matrix
        found = run.npred_signal().data.reshape(-1)
        assert_allclose(found, expected, rtol=1e-8, atol=1e-12 * expected.max())


def formula(name, energy):
    """Return the flux of a start model in cm-2 s-1 TeV-1, written out."""
    return {
        "power law": lambda: 2e-11 * energy**-2.2,
        "log parabola": lambda: 2e-11 * energy ** -(2.2 + 0.1 * np.log(energy)),
        "cutoff": lambda: 2e-11 * energy**-2.0 * np.exp(-0.05 * energy),
        "constant": lambda: 1e-13,
        "sum": lambda: 2e-11 * energy**-2.2 + 1e-15,
    }[name]()
