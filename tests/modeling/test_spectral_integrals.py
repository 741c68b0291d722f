"""Fluxes integrated over bins, against adaptive quadrature, closed forms and many digits."""

from itertools import pairwise

import astropy.units as u
import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from gammafold.likelihood.integrals import BinIntegrals
from gammafold.modeling import models as m

EDGES = np.geomspace(0.1, 100, 13)
DNDE = u.Unit("cm-2 s-1 TeV-1")


def by_quad(flux, values, low, high, breaks=(), power=0):
    """Adaptive quadrature in ln E, between breaks."""
    cuts = np.unique(np.clip([low, *breaks, high], low, high))
    pieces = [
        quad(lambda x: flux.evaluate(np.exp(x), *values) * np.exp((1 + power) * x), a, b, epsabs=0, epsrel=1e-12)[0]
        for a, b in zip(np.log(cuts[:-1]), np.log(cuts[1:]), strict=True)
    ]
    return sum(pieces)


def all_breaks(flux, values):
    own = list(flux.breaks)
    if flux.moving_breaks is not None:
        own += [float(energy) for energy in flux.moving_breaks(*values)]
    for part, positions, _ in flux.parts:
        own += all_breaks(part, [values[i] for i in positions])
    return own


@pytest.mark.parametrize("power", [0, 1], ids=["flux", "energy-flux"])
def test_every_model_per_bin(spectral_model, power):
    flux = spectral_model.compile()
    values = [parameter.value for parameter in spectral_model.parameters]
    breaks = all_breaks(flux, values)
    expected = [by_quad(flux, values, a, b, breaks, power) for a, b in zip(EDGES[:-1], EDGES[1:], strict=True)]
    integrate = spectral_model.integral if power == 0 else spectral_model.energy_flux
    found = integrate(EDGES[:-1] * u.TeV, EDGES[1:] * u.TeV)
    unit = u.Unit("" if spectral_model.is_norm_spectral_model else "cm-2 s-1 TeV-1") * u.TeV ** (1 + power)
    # A bin far behind a cutoff, with a millionth of the flux of another or less, has fewer digits.
    assert_allclose(found.to_value(unit), expected, rtol=1e-8, atol=1e-14 * np.abs(expected).max())
    # Over all bins at once, and over touching and overlapping ones alike.
    whole = integrate(EDGES[0] * u.TeV, EDGES[-1] * u.TeV).to_value(unit)
    assert_allclose(whole, sum(expected), rtol=1e-8)
    assert_allclose(integrate(EDGES[[3, 1]] * u.TeV, EDGES[[6, 4]] * u.TeV).to_value(unit)[0], sum(expected[3:6]), 1e-8)


@pytest.mark.parametrize("index", np.arange(0, 6.5, 0.5))
def test_power_laws(index):
    model = m.PowerLawSpectralModel(index=index)
    low, high, b = EDGES[:-1], EDGES[1:], 1 - mpmath.mpf(index)
    exact = [
        float(mpmath.log(mpmath.mpf(y) / x) if b == 0 else (mpmath.mpf(y) ** b - mpmath.mpf(x) ** b) / b)
        for x, y in zip(low, high, strict=True)
    ]
    assert_allclose(model.integral(low * u.TeV, high * u.TeV).value, 1e-12 * np.array(exact), rtol=1e-12)
    # The quadrature that other models get is as good.
    curved = m.LogParabolaSpectralModel(alpha=index, beta=0, reference="1 TeV")
    assert_allclose(curved.integral(low * u.TeV, high * u.TeV).value, 1e-12 * np.array(exact), rtol=1e-9)


def test_cutoff_by_the_incomplete_gamma_function():
    model = m.ExpCutoffPowerLawSpectralModel(index=1.7, lambda_="0.3 TeV-1", amplitude="1e-12 cm-2 s-1 TeV-1")
    rate, a = mpmath.mpf(0.3), 1 - mpmath.mpf(1.7)
    exact = [
        float(rate**-a * mpmath.gammainc(a, rate * mpmath.mpf(x), rate * mpmath.mpf(y)))
        for x, y in zip(EDGES[:-1], EDGES[1:], strict=True)
    ]
    found = model.integral(EDGES[:-1] * u.TeV, EDGES[1:] * u.TeV).value
    assert_allclose(found, 1e-12 * np.array(exact), rtol=1e-8)


@pytest.mark.parametrize("sigma", [1e-6, 1e-3, 0.05, 2.0])
def test_a_line_narrower_than_its_bin(sigma):
    model = m.GaussianSpectralModel(mean="3 TeV", sigma=sigma * u.TeV)
    found = model.integral(EDGES[:-1] * u.TeV, EDGES[1:] * u.TeV).to_value("cm-2 s-1")
    with mpmath.workdps(200):
        exact = [
            float(mpmath.ncdf((mpmath.mpf(y) - 3) / sigma) - mpmath.ncdf((mpmath.mpf(x) - 3) / sigma))
            for x, y in zip(EDGES[:-1], EDGES[1:], strict=True)
        ]
    assert_allclose(found, 1e-12 * np.array(exact), rtol=1e-10, atol=1e-30)
    # Of energy times flux there is no closed form in use: the quadrature must find the line.
    energy_flux = model.energy_flux(0.1 * u.TeV, 100 * u.TeV).to_value("TeV cm-2 s-1")
    if sigma < 0.1:
        assert_allclose(energy_flux, 3e-12, rtol=1e-8)
    absorbed = (model * m.PowerLawNormSpectralModel(tilt=1, reference="3 TeV")).integral(0.1 * u.TeV, 100 * u.TeV)
    if sigma < 0.01:
        # The mean of 1 / E over the line.
        assert_allclose(absorbed.to_value("cm-2 s-1"), 1e-12 * (1 + (sigma / 3) ** 2), rtol=1e-8)


@pytest.mark.parametrize("n_bins", [7, 15, 60])
@pytest.mark.parametrize("beta", [1.0, 0.1, 0.01, 1e-4])
def test_a_smooth_break_narrower_than_its_bin(beta, n_bins):
    edges = np.geomspace(0.1, 100, n_bins + 1)

    def flux(x):
        bend = np.logaddexp(0, (4 - 1.2) / beta * (x - np.log(3.3)))
        return 1e-12 * np.exp(x * (1 - 1.2) - beta * bend)

    cuts = np.log(3.3) + beta * np.array([-12, -6, -3, -1.5, -0.5, 0, 0.5, 1.5, 3, 6, 12])
    expected = [
        sum(
            quad(flux, a, b, epsabs=0, epsrel=1e-12)[0]
            for a, b in pairwise(np.unique(np.clip([low, *cuts, high], low, high)))
        )
        for low, high in pairwise(np.log(edges))
    ]
    model = m.SmoothBrokenPowerLawSpectralModel(index1=1.2, index2=4, ebreak="3.3 TeV", beta=beta)
    assert_allclose(model.integral(edges[:-1] * u.TeV, edges[1:] * u.TeV).value, expected, rtol=1e-8)
    # Equal indices leave no break, whatever its smoothness.
    straight = m.SmoothBrokenPowerLawSpectralModel(index1=2, index2=2, beta=beta)
    whole = straight.integral(edges[0] * u.TeV, edges[-1] * u.TeV).value
    assert_allclose(whole, 1e-12 * 0.5**beta * (10 - 0.01), rtol=1e-9)


def test_compounds_are_integrated_like_their_parts():
    line, law = m.GaussianSpectralModel(mean="3 TeV", sigma="1e-4 TeV"), m.PowerLawSpectralModel(index=2.2)
    low, high = EDGES[:-1] * u.TeV, EDGES[1:] * u.TeV
    parts = line.integral(low, high) + law.integral(low, high)
    assert_allclose((line + law).integral(low, high).value, parts.to_value("cm-2 s-1"), rtol=1e-13)
    nested = (line + law) - law
    assert_allclose(nested.integral(low, high).sum().value, 1e-12, rtol=1e-9)
    doubled = m.ScaleSpectralModel(line + law, norm=2)
    assert_allclose(doubled.integral(low, high).value, 2 * parts.to_value("cm-2 s-1"), rtol=1e-13)


def test_batches_and_derivatives_of_integrals(spectral_model):
    flux = spectral_model.compile()
    if flux.parts:
        pytest.skip("the engine takes sums apart")
    values = np.array([parameter.value for parameter in spectral_model.parameters])
    if not len(values):
        pytest.skip("no parameters")
    integrals = BinIntegrals(flux, EDGES)
    batch = values * np.linspace(0.98, 1.02, 3)[:, None]
    looped = np.array([integrals.value(*row) for row in batch])
    assert_allclose(integrals.value(*batch.T[..., None]), looped, rtol=1e-12)
    which = np.arange(len(values))
    steps = np.maximum(1e-3 * np.abs(batch), 1e-4)
    slopes = integrals.derivatives(batch, which, steps)
    for i in which:
        moved = np.array([-1.0, 1.0])[:, None, None] * 0.1 * steps[:, i][:, None] * np.eye(len(values))[i] + batch
        ends = [integrals.value(*rows.T[..., None]) for rows in moved]
        numeric = (ends[1] - ends[0]) / (0.2 * steps[:, i][:, None])
        assert_allclose(slopes[i], numeric, rtol=1e-5, atol=1e-6 * np.abs(numeric).max())


def test_limits_of_an_integral():
    model = m.PowerLawSpectralModel()
    assert model.integral(1 * u.TeV, 1 * u.TeV) == 0
    assert model.integral([1, 2] * u.TeV, [[3], [4]] * u.TeV).shape == (2, 2)
    with pytest.raises(ValueError, match=r"energy limits are .*expected 0 < energy_min <= energy_max"):
        model.integral(2 * u.TeV, 1 * u.TeV)
    with pytest.raises(ValueError, match=r"energy_min has the unit 's'"):
        model.integral(2 * u.s, 1 * u.TeV)
