"""Every formula: batches, units, derivatives, and the same numbers on JAX."""

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gammafold.likelihood.differences import differentiate
from gammafold.maps import MapAxis
from gammafold.modeling import models as m
from gammafold.modeling.models.xp import exprel, normal_cdf
from gammafold.utils.errors import InputError

ENERGY = np.array([0.13, 0.4, 0.9, 1.9, 2.1, 2.6, 5.3, 11.0, 37.0])


def values_of(model):
    return np.array([parameter.value for parameter in model.parameters])


def derivatives_by_difference(flux, values):
    """Central differences, of steps that suit the parameters."""
    steps = np.maximum(1e-3 * np.abs(values), 1e-4)[None, :]
    which = np.arange(len(values))
    return differentiate(lambda *columns: flux.evaluate(ENERGY, *columns), values[None, :], which, steps)[:, 0]


@pytest.fixture
def jnp():
    """JAX's NumPy with doubles, for the time of a test."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield jax.numpy


def test_a_batch_is_a_loop(spectral_model):
    flux, values = spectral_model.compile(), values_of(spectral_model)
    batch = values * np.linspace(0.97, 1.03, 7)[:, None]
    together = np.broadcast_to(flux.evaluate(ENERGY, *batch.T[..., None]), (7, len(ENERGY)))
    alone = np.array([np.broadcast_to(flux.evaluate(ENERGY, *row), ENERGY.shape) for row in batch])
    assert_allclose(together, alone, rtol=1e-13)
    if flux.integral is not None:
        low, high = ENERGY[:-1], ENERGY[1:]
        together = flux.integral(low, high, *batch.T[..., None])
        assert_allclose(together, [flux.integral(low, high, *row) for row in batch], rtol=1e-13)


def test_quantities_and_numbers_agree(spectral_model):
    energy = ENERGY * u.TeV
    called = spectral_model(energy.to("GeV"))
    plain = spectral_model.compile().evaluate(ENERGY, *values_of(spectral_model))
    unit = u.Unit("") if spectral_model.is_norm_spectral_model else u.Unit("cm-2 s-1 TeV-1")
    assert_allclose(called.to_value(unit), plain, rtol=1e-12)
    assert spectral_model(2 * u.TeV).shape == ()
    assert spectral_model(energy.reshape(3, 3)).shape == (3, 3)


def test_formulas_take_quantities(spectral_model):
    if isinstance(spectral_model, m.CompoundSpectralModel | m.FunctionSpectralModel):
        pytest.skip("made of other formulas")
    energy = ENERGY * u.TeV
    value = spectral_model.evaluate(energy, *[parameter.quantity for parameter in spectral_model.parameters])
    called = spectral_model(energy)
    assert_allclose(u.Quantity(value).to_value(called.unit), called.value, rtol=1e-12)


def test_derivatives(spectral_model):
    flux, values = spectral_model.compile(), values_of(spectral_model)
    if flux.derivatives is None or not len(values):
        pytest.skip("by differences in the engine")
    analytic = flux.derivatives(ENERGY, *values)
    numeric = derivatives_by_difference(flux, values)
    assert len(analytic) == len(values)
    for slope, expected in zip(analytic, numeric, strict=True):
        assert_allclose(np.broadcast_to(slope, ENERGY.shape), expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


def test_the_same_on_jax(spectral_model, jnp):
    import jax

    flux, values = spectral_model.compile(), values_of(spectral_model)
    batch = values * np.linspace(0.97, 1.03, 3)[:, None]
    energy, low, high = jnp.asarray(ENERGY), jnp.asarray(ENERGY[:-1]), jnp.asarray(ENERGY[1:])

    def one(row):
        bins = flux.integral(low, high, *row) if flux.integral is not None else jnp.zeros(0)
        return flux.evaluate(energy, *row), bins

    def together(rows):
        return *jax.vmap(one)(rows), jax.jacfwd(lambda row: flux.evaluate(energy, *row))(rows[1])

    # One compilation is faster than one for each operation.
    found, bins, slopes = jax.jit(together)(jnp.asarray(batch))
    expected = [np.broadcast_to(flux.evaluate(ENERGY, *row), ENERGY.shape) for row in batch]
    assert_allclose(found, expected, rtol=1e-12)
    if flux.integral is not None:
        assert_allclose(bins, [flux.integral(ENERGY[:-1], ENERGY[1:], *row) for row in batch], rtol=1e-12)
    if not len(values):
        return
    for slope, number in zip(slopes.T, derivatives_by_difference(flux, values), strict=True):
        assert_allclose(slope, number, rtol=1e-7, atol=1e-9 * np.abs(number).max())
    if flux.derivatives is not None:
        for slope, number in zip(slopes.T, flux.derivatives(ENERGY, *values), strict=True):
            analytic = np.broadcast_to(number, ENERGY.shape)
            assert_allclose(slope, analytic, rtol=1e-11, atol=1e-14 * np.abs(analytic).max())


@given(
    energy_unit=st.sampled_from(["MeV", "GeV", "erg", "keV"]),
    area=st.sampled_from(["m", "cm", "km"]),
    time=st.sampled_from(["s", "min", "yr"]),
)
def test_units_of_parameters_do_not_matter(energy_unit, area, time):
    units = {"TeV": energy_unit, "cm": area, "s": time}
    for make in (
        lambda: m.PowerLaw2SpectralModel(index=2.3),
        lambda: m.ExpCutoffPowerLawSpectralModel(index=1.8, lambda_="0.15 TeV-1"),
        lambda: m.SmoothBrokenPowerLawSpectralModel(index2=3, ebreak="2 TeV"),
        lambda: m.SuperExpCutoffPowerLaw4FGLSpectralModel(expfactor=3e-3, index_2=0.35),
        lambda: m.GaussianSpectralModel(sigma="0.5 TeV"),
    ):
        model, other = make(), make()
        for parameter in other.parameters:
            bases = [base.to_string() for base in parameter.unit.bases]
            powers = zip(bases, parameter.unit.powers, strict=True)
            wanted = u.Unit("")
            for base, power in powers:
                wanted = wanted * u.Unit(units[base]) ** power
            parameter.quantity = parameter.quantity.to(wanted)
        energy = ENERGY * u.TeV
        assert_allclose(other(energy).to_value("cm-2 s-1 TeV-1"), model(energy).value, rtol=1e-12)
        low, high = energy[:-1].to(energy_unit), energy[1:].to(energy_unit)
        expected = model.integral(energy[:-1], energy[1:]).to_value("cm-2 s-1")
        assert_allclose(other.integral(low, high).to_value("cm-2 s-1"), expected, rtol=1e-11)


def test_the_special_functions(jnp):
    import jax
    import mpmath

    points = np.array([0.0, 1e-300, 1e-12, 1e-6, 1e-3, 0.0999, 0.1001, 0.9, 5, 50])
    points = np.concatenate([points, -points])
    truth = [float(mpmath.expm1(mpmath.mpf(x)) / mpmath.mpf(x)) if x else 1.0 for x in points]
    assert_allclose(exprel(points), truth, rtol=1e-15)
    assert_allclose(jax.jit(exprel)(jnp.asarray(points)), truth, rtol=1e-15)

    def slope(x):
        x = mpmath.mpf(x)
        with mpmath.workdps(60):
            return float((x * mpmath.exp(x) - mpmath.expm1(x)) / x**2) if abs(x) > 1e-20 else 0.5

    found = jax.jit(jax.vmap(jax.grad(exprel)))(jnp.asarray(points))
    assert_allclose(found, [slope(x) for x in points], rtol=1e-13)
    deep = np.array([-30.0, -8.0, -1.0, 0.0, 2.0])
    assert_allclose(normal_cdf(jnp.asarray(deep)), [float(mpmath.ncdf(x)) for x in deep], rtol=1e-12)


def test_negative_energies_have_no_flux():
    with pytest.raises(InputError, match="energy is -2 TeV: expected energies above zero"):
        m.LogParabolaSpectralModel()([1, -2] * u.TeV)


def test_reference_fluxes_agree_with_the_power_law_integrated_by_hand():
    axis = MapAxis.from_energy_edges([1, 2, 8] * u.TeV)
    found = m.PowerLawSpectralModel(index=3, amplitude="2e-12 cm-2 s-1 TeV-1").reference_fluxes(axis)
    low, high, center = np.array([1, 2]), np.array([2, 8]), np.array([np.sqrt(2), 4])
    assert_allclose(found["e_ref"].to_value("TeV"), center)
    assert_allclose(u.Quantity([found["e_min"], found["e_max"]]).to_value("TeV"), [low, high])
    assert_allclose(found["ref_dnde"].to_value("cm-2 s-1 TeV-1"), 2e-12 * center**-3.0)
    assert_allclose(found["ref_flux"].to_value("cm-2 s-1"), 1e-12 * (low**-2.0 - high**-2.0))
    assert_allclose(found["ref_eflux"].to_value("TeV cm-2 s-1"), 2e-12 * (1 / low - 1 / high))
    assert_allclose(found["ref_e2dnde"].to_value("TeV cm-2 s-1"), 2e-12 / center)
