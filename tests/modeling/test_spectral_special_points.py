"""Values, integrals and derivatives near index 1 and 2, cutoff 0 and curvature 0, against many digits."""

import astropy.units as u
import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.modeling import models as m
from gammafold.modeling.models.spectral_power_law import power_integral

DISTANCES = [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3]
SIGNED = sorted({sign * distance for distance in DISTANCES for sign in (-1, 1)})
LOW, HIGH = 0.3, 7.0


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(50):
        yield


def exact_power_integral(low, high, index):
    low, high, b = mpmath.mpf(low), mpmath.mpf(high), 1 - mpmath.mpf(index)
    return mpmath.log(high / low) if b == 0 else (high**b - low**b) / b


@pytest.mark.parametrize("point", [1.0, 2.0])
@pytest.mark.parametrize("distance", SIGNED)
@pytest.mark.parametrize("high", [HIGH, LOW * (1 + 1e-9)], ids=["wide", "narrow"])
def test_power_law_integral(point, distance, high):
    index = point + distance
    expected = exact_power_integral(LOW, high, index)
    assert_allclose(power_integral(LOW, high, index, 1.0), float(expected), rtol=1e-14)


@pytest.mark.parametrize("point", [1.0, 2.0])
@pytest.mark.parametrize("distance", SIGNED)
def test_energy_flux_of_a_power_law(point, distance):
    model = m.PowerLawSpectralModel(index=point + distance)
    expected = 1e-12 * float(exact_power_integral(LOW, HIGH, mpmath.mpf(point + distance) - 1))
    assert_allclose(model.energy_flux(LOW * u.TeV, HIGH * u.TeV).to_value("TeV cm-2 s-1"), expected, rtol=1e-9)


@pytest.mark.parametrize("point", [1.0, 2.0])
@pytest.mark.parametrize("distance", SIGNED)
def test_slope_of_the_integral_in_the_index(point, distance):
    jax = pytest.importorskip("jax")
    index = point + distance
    expected = mpmath.diff(lambda x: exact_power_integral(LOW, HIGH, x), mpmath.mpf(index), h=mpmath.mpf("1e-15"))
    with jax.enable_x64(True):
        slope = jax.grad(lambda x: power_integral(LOW, HIGH, x, 1.0))(index)
    assert_allclose(float(slope), float(expected), rtol=1e-11)
    # The engine's own derivative is the quadrature of the analytic one.
    model = m.PowerLawSpectralModel(index=index, amplitude="1 cm-2 s-1 TeV-1")
    assert_allclose(engine_derivative(model, 0), float(expected), rtol=1e-9)


def engine_derivative(model, position):
    from gammafold.likelihood.integrals import BinIntegrals

    flux = model.compile()
    values = np.array([[parameter.value for parameter in model.parameters]])
    steps = np.full((1, 1), 1e-3)
    return BinIntegrals(flux, np.array([LOW, HIGH])).derivatives(values, np.array([position]), steps)[0, 0, 0]


@pytest.mark.parametrize("distance", DISTANCES)
def test_power_law_2(distance):
    model = m.PowerLaw2SpectralModel(index=1 + distance, amplitude="1e-12 cm-2 s-1", emin="1 TeV", emax="10 TeV")
    index = mpmath.mpf(1 + distance)
    expected = mpmath.mpf(1e-12) * mpmath.mpf(3) ** -index / exact_power_integral(1, 10, index)
    assert_allclose(model(3 * u.TeV).value, float(expected), rtol=1e-14)
    assert_allclose(model.integral(1 * u.TeV, 10 * u.TeV).value, 1e-12, rtol=1e-14)


@pytest.mark.parametrize("index2", [1.0, 2.0])
@pytest.mark.parametrize("distance", SIGNED)
def test_broken_power_law(index2, distance):
    model = m.BrokenPowerLawSpectralModel(index1=index2 + distance, index2=index2 - distance, ebreak="2 TeV")
    below = mpmath.mpf(2) ** mpmath.mpf(index2 + distance) * exact_power_integral(LOW, 2, index2 + distance)
    above = mpmath.mpf(2) ** mpmath.mpf(index2 - distance) * exact_power_integral(2, HIGH, index2 - distance)
    found = model.integral(LOW * u.TeV, HIGH * u.TeV).to_value("cm-2 s-1")
    assert_allclose(found, 1e-12 * float(below + above), rtol=1e-13)


@pytest.mark.parametrize("distance", SIGNED)
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_cutoff_near_zero(distance, alpha):
    model = m.ExpCutoffPowerLawSpectralModel(index=2, lambda_=distance / u.TeV, alpha=alpha)
    energy = np.array([0.2, 1.0, 30.0])
    if distance < 0 and alpha == 2.0:
        pytest.skip("no cutoff")

    def exact(e, lambda_):
        return mpmath.mpf(1e-12) * mpmath.mpf(e) ** -2 * mpmath.exp(-((lambda_ * mpmath.mpf(e)) ** int(alpha)))

    rate = mpmath.mpf(distance)
    assert_allclose(model(energy * u.TeV).value, [float(exact(e, rate)) for e in energy], rtol=1e-13)
    values = [parameter.value for parameter in model.parameters]
    slope = np.broadcast_to(model.evaluate_derivatives(energy, *values)[3], energy.shape)
    expected = [
        float(-int(alpha) * mpmath.mpf(e) ** int(alpha) * rate ** (int(alpha) - 1) * exact(e, rate)) for e in energy
    ]
    assert_allclose(slope, expected, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("distance", DISTANCES)
def test_cutoff_near_zero_on_jax(distance):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        slope = jax.grad(lambda x: m.ExpCutoffPowerLawSpectralModel.evaluate(3.0, 2.0, 1.0, 1.0, x, 1.0))(distance)
    assert_allclose(float(slope), float(-mpmath.exp(-3 * mpmath.mpf(distance)) / 3), rtol=1e-13)


@pytest.mark.parametrize("distance", SIGNED)
def test_log_parabola_near_no_curvature(distance):
    model = m.LogParabolaSpectralModel(alpha=2, beta=distance, reference="1 TeV")
    energy = np.array([0.2, 1.0, 30.0])
    logs = [mpmath.log(mpmath.mpf(e)) for e in energy]
    exact = [mpmath.mpf(1e-12) * mpmath.exp(-x * (2 + mpmath.mpf(distance) * x)) for x in logs]
    assert_allclose(model(energy * u.TeV).value, [float(f) for f in exact], rtol=1e-13)
    slope = model.evaluate_derivatives(energy, *[parameter.value for parameter in model.parameters])[3]
    assert_allclose(slope, [float(-(x**2) * f) for x, f in zip(logs, exact, strict=True)], rtol=1e-13)


@pytest.mark.parametrize("distance", SIGNED)
def test_fourth_catalogue_near_index_zero(distance):
    model = m.SuperExpCutoffPowerLaw4FGLDR3SpectralModel(expfactor=0.4, index_2=distance)
    energy = np.array([0.01, 0.2, 1.0, 30.0])

    def exact(e):
        x, d, b = mpmath.log(mpmath.mpf(e)), mpmath.mpf(0.4), mpmath.mpf(distance)
        index = mpmath.mpf(1.5)
        if b == 0:
            return mpmath.mpf(1e-12) * mpmath.exp(-index * x - d * x**2 / 2)
        return mpmath.mpf(1e-12) * mpmath.exp(-x * (index - d / b) + d / b**2 * (1 - mpmath.exp(b * x)))

    assert_allclose(model(energy * u.TeV).value, [float(exact(e)) for e in energy], rtol=1e-13)


@pytest.mark.parametrize("distance", DISTANCES)
def test_redshift_near_zero(distance):
    model = m.EBLAbsorptionNormSpectralModel([1, 10] * u.TeV, [0.1, 0.2], np.exp([[-1.0, -4.0], [-2.0, -8.0]]))
    model.redshift.value = distance
    exact = [float(mpmath.exp(-10 * mpmath.mpf(distance) * depth)) for depth in (1, 4)]
    assert_allclose(model([1, 10] * u.TeV).value, exact, rtol=1e-13)
    by_redshift, by_norm = model.compile().derivatives(np.array([1.0, 10.0]), distance, 1.0)
    assert_allclose(by_redshift, -10 * np.array([1, 4]) * exact, rtol=1e-12)
    assert_allclose(by_norm, -10 * distance * np.array([1, 4]) * exact, rtol=1e-12)
