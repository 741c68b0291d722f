"""Errors of fluxes, indices, inverses and pivot energies."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.modeling import models as m
from gammafold.modeling.models.spectral_errors import sample_parameters
from gammafold.utils.errors import InputError

ENERGY = np.array([0.3, 1, 5, 20]) * u.TeV


@pytest.fixture
def law():
    model = m.PowerLawSpectralModel(index=2.2, amplitude="3e-12 cm-2 s-1 TeV-1", reference="1 TeV")
    model.covariance = np.array([[0.01, 5e-15, 0], [5e-15, 9e-26, 0], [0, 0, 0]])
    return model


def test_error_of_the_flux_on_paper(law):
    value, error = law.evaluate_error(ENERGY)
    flux, x = law(ENERGY), np.log(ENERGY.value)
    assert_allclose(value.value, flux.value)
    # (df / f)^2 = (dA / A)^2 + (x dg)^2 - 2 x cov(g, A) / A
    relative = 9e-26 / 9e-24 + x**2 * 0.01 - 2 * x * 5e-15 / 3e-12
    assert_allclose((error / flux).value, np.sqrt(relative), rtol=1e-6)


def test_errors_of_integrals_on_paper(law):
    low, high = 1 * u.TeV, 10 * u.TeV
    for compute, found in (
        (law.integral, law.integral_error(low, high)),
        (law.energy_flux, law.energy_flux_error(low, high)),
    ):
        value, error = found
        assert value == compute(low, high)
        steps = []
        for parameter, step in ((law.index, 1e-4), (law.amplitude, 1e-16)):
            ends = []
            for side in (1, -1):
                parameter.value += side * step
                ends.append(compute(low, high).value)
                parameter.value -= side * step
            steps.append((ends[0] - ends[1]) / (2 * step))
        jacobian = np.array(steps)
        expected = np.sqrt(jacobian @ law.covariance.data[:2, :2] @ jacobian)
        assert_allclose(error.value, expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["evaluate_error", "spectral_index_error"])
def test_samples_agree_with_linear_propagation_where_errors_are_small(law, method):
    law.covariance = law.covariance.data * 1e-4
    value, error = getattr(law, method)(ENERGY)
    median, below, above = getattr(law, method)(ENERGY, n_samples=4000, random_state=1)
    assert_allclose(median.value, value.value, rtol=1e-3)
    assert_allclose(below.value, error.value, rtol=0.05)
    assert_allclose(above.value, error.value, rtol=0.05)


def test_samples_of_integrals_are_lopsided_where_errors_are_large(law):
    law.covariance = np.diag([0.5**2, 0, 0])
    median, below, above = law.integral_error(10 * u.TeV, 100 * u.TeV, n_samples=2000, random_state=1)
    assert above > 1.3 * below
    # The quantiles of a monotonic function of the index are those of the index.
    ends = []
    for shift in (0, 0.5, -0.5):
        moved = law.copy()
        moved.index.value += shift
        ends.append(moved.integral(10 * u.TeV, 100 * u.TeV).value)
    # The error of a quantile of 2000 draws is 3 % of a sigma, which is worth 0.5 * 3 in the logarithm.
    assert_allclose([median.value, (median - below).value, (median + above).value], ends, rtol=0.15)
    again = law.energy_flux_error(10 * u.TeV, 100 * u.TeV, n_samples=50, random_state=1)
    assert (again == law.energy_flux_error(10 * u.TeV, 100 * u.TeV, n_samples=50, random_state=1)).all()


def test_samples_have_the_covariance(law):
    draws = sample_parameters(law, 20000, random_state=3)
    assert_allclose(draws.mean(axis=0), [2.2, 3e-12, 1], rtol=2e-3)
    # Of 20000 draws, a correlation has an error of 0.007.
    scale = np.outer([0.1, 3e-13], [0.1, 3e-13])
    assert_allclose(np.cov(draws[:, :2].T) / scale, law.covariance.data[:2, :2] / scale, atol=0.03)
    assert (draws[:, 2] == 1).all()
    with pytest.raises(InputError, match="n_samples is 0: expected a whole number above zero"):
        sample_parameters(law, 0)


def test_samples_beyond_a_table_do_not_count():
    model = m.EBLAbsorptionNormSpectralModel([1, 10] * u.TeV, [0.1, 0.2], np.exp([[-1, -4], [-2, -8]]), redshift=0.05)
    model.redshift.error = 0.05
    found = model.evaluate_error([1, 10] * u.TeV, n_samples=500, random_state=1)
    assert np.isfinite(found.value).all()
    model.redshift.error = 1e6
    with pytest.raises(InputError, match="has no flux at any of the 3 sampled parameters"):
        model.evaluate_error([1, 10] * u.TeV, n_samples=3, random_state=1)


def test_without_errors():
    model = m.LogParabolaSpectralModel()
    assert (model.evaluate_error(ENERGY)[1] == 0).all()
    with pytest.raises(InputError, match="parameters of LogParabolaSpectralModel have no errors: the pivot energy is"):
        _ = model.pivot_energy


def test_errors_of_compounds_add(law):
    other = law.copy()
    other.covariance = law.covariance.data
    total = law + other
    assert_allclose(total.evaluate_error(ENERGY)[1].value, np.sqrt(2) * law.evaluate_error(ENERGY)[1].value, rtol=1e-6)
    # A parameter used twice counts once, with both of its slopes.
    linked = m.PowerLawSpectralModel()
    for name in ("index", "amplitude", "reference"):
        setattr(linked, name, getattr(law, name))
    assert_allclose((law + linked).evaluate_error(ENERGY)[1].value, 2 * law.evaluate_error(ENERGY)[1].value, rtol=1e-6)


# -- local index


def test_index_of_each_model_is_the_slope(spectral_model):
    if isinstance(spectral_model, m.TemplateSpectralModel | m.TemplateNDSpectralModel):
        pytest.skip("the slope jumps")
    energy = np.array([0.35, 0.8, 3.1, 7.7]) * u.TeV
    found = spectral_model.spectral_index(energy)
    h = 1e-4
    flux = [spectral_model(energy * np.exp(step * h)).value for step in (-2, -1, 1, 2)]
    slope = (flux[0] - 8 * flux[1] + 8 * flux[2] - flux[3]) / (12 * h)
    assert_allclose(found, -slope / spectral_model(energy).value, rtol=1e-6, atol=1e-8)


def test_index_of_a_power_law_with_its_error(law):
    assert_allclose(law.spectral_index(ENERGY), 2.2, rtol=1e-9)
    value, error = law.spectral_index_error(ENERGY)
    assert_allclose(value.value, 2.2, rtol=1e-9)
    assert_allclose(error.value, 0.1, rtol=1e-6)
    parabola = m.LogParabolaSpectralModel(alpha=2, beta=0.1, reference="1 TeV")
    assert_allclose(parabola.spectral_index(ENERGY), 2 + 0.2 * np.log(ENERGY.value), rtol=1e-8)


# -- inverse


def test_inverse(law):
    assert_allclose(law.inverse(law(ENERGY)).to_value("TeV"), ENERGY.value, rtol=1e-10)
    assert law.inverse(law(2 * u.TeV)).shape == ()
    assert np.isnan(law.inverse(law(2000 * u.TeV)))
    assert_allclose(law.inverse(law(2000 * u.TeV), energy_max="1e4 TeV").to_value("TeV"), 2000, rtol=1e-10)
    with pytest.raises(InputError, match="expected a flux above zero"):
        law.inverse(-1 * law(1 * u.TeV))


def test_all_inverses_of_a_line():
    line = m.GaussianSpectralModel(mean="3 TeV", sigma="0.5 TeV")
    (found,) = line.inverse_all(line(2.5 * u.TeV))
    assert_allclose(found.to_value("TeV"), [2.5, 3.5], rtol=1e-10)
    assert_allclose(line.inverse(line(3.5 * u.TeV)).to_value("TeV"), 2.5, rtol=1e-10)


# -- pivot


def test_pivot_of_a_power_law(law):
    # The relative error on paper, least at x = cov / (A var(g)).
    assert_allclose(law.pivot_energy.to_value("TeV"), np.exp(5e-15 / (3e-12 * 0.01)), rtol=1e-9)


def test_pivot_of_other_models_is_where_the_relative_error_is_least():
    model = m.LogParabolaSpectralModel(alpha=2.2, beta=0.1, reference="1 TeV")
    covariance = np.diag([9e-26, 0, 0.01, 0.001])
    covariance[0, 2] = covariance[2, 0] = 1e-14
    model.covariance = covariance
    pivot = model.pivot_energy

    def relative(energy):
        value, error = model.evaluate_error(energy)
        return (error / value).value

    assert relative(pivot) < relative(pivot * 1.05)
    assert relative(pivot) < relative(pivot / 1.05)


@pytest.mark.parametrize("width", [0.5, 0.05, 1e-3])
def test_pivot_of_a_line(width):
    # The flux falls to zero far from the line; with an error of the amplitude alone, no energy is known best.
    line = m.GaussianSpectralModel(amplitude="1e-12 cm-2 s-1", mean="2 TeV", sigma=f"{width} TeV")
    line.covariance = np.diag([1e-26, (0.1 * width) ** 2, 0])
    assert_allclose(line.pivot_energy.to_value("TeV"), 2, rtol=1e-6)


def test_no_pivot_where_every_energy_is_known_as_well():
    model = m.LogParabolaSpectralModel(alpha=2.2, beta=0.1, reference="1 TeV")
    model.covariance = np.diag([9e-26, 0, 0, 0])
    with pytest.raises(
        InputError, match=r"LogParabolaSpectralModel has no minimum between 0\.0.* TeV: there is no pivot"
    ):
        _ = model.pivot_energy


def test_pivot_of_a_power_law_with_a_fixed_amplitude(law):
    law.covariance = np.diag([0.01, 0, 0])
    assert_allclose(law.pivot_energy.to_value("TeV"), 1, rtol=1e-9)


def test_peaks():
    parabola = m.LogParabolaSpectralModel(alpha=1.6, beta=0.2, reference="2 TeV")
    cutoff = m.ExpCutoffPowerLawSpectralModel(index=1.6, lambda_="0.1 TeV-1", alpha=1.5)
    for model in (parabola, cutoff):
        energy = np.geomspace(0.5, 2, 2001) * model.e_peak
        assert abs(np.argmax(model(energy) * energy**2) - 1000) <= 1
        assert_allclose(model.spectral_index(model.e_peak), 2, rtol=1e-8)
    for parameter, value in ((parabola.beta, 0), (parabola.beta, -0.1), (cutoff.lambda_, 0), (cutoff.index, 2.1)):
        parameter.value = value
    assert np.isnan(parabola.e_peak)
    assert np.isnan(cutoff.e_peak)
