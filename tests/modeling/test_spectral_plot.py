"""What is drawn of a spectral model is what it computes."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.maps.axis import MapAxis
from gammafold.modeling import models as m
from gammafold.utils.errors import InputError

BOUNDS = [0.1, 30] * u.TeV


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def model():
    law = m.PowerLawSpectralModel(index=2.3, amplitude="3e-11 cm-2 s-1 TeV-1")
    law.covariance = np.diag([0.01, 9e-26, 0])
    return law


@pytest.mark.parametrize(
    ("sed_type", "unit", "label"),
    [
        ("dnde", "cm-2 s-1 TeV-1", "dN/dE"),
        ("e2dnde", "erg cm-2 s-1", "$E^2$ dN/dE"),
        ("flux", "cm-2 s-1", "Flux"),
        ("eflux", "erg cm-2 s-1", "Energy flux"),
    ],
)
def test_curves(model, ax, sed_type, unit, label):
    model.plot(BOUNDS, ax=ax, sed_type=sed_type, n_points=20, label="law")
    (line,) = ax.lines
    energy, drawn = line.get_data()
    assert_allclose(energy, np.geomspace(0.1, 30, 20))
    q = energy * u.TeV
    half = np.sqrt(energy[1] / energy[0])
    expected = {
        "dnde": lambda: model(q),
        "e2dnde": lambda: model(q) * q**2,
        "flux": lambda: model.integral(q / half, q * half),
        "eflux": lambda: model.energy_flux(q / half, q * half),
    }[sed_type]()
    assert_allclose(drawn, expected.to_value(unit), rtol=1e-12)
    assert ax.get_ylabel().startswith(label)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == "Energy [TeV]"
    assert line.get_label() == "law"


def test_band(model, ax):
    model.plot_error(BOUNDS, ax=ax, energy_power=2, n_points=15)
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    energy = np.geomspace(0.1, 30, 15) * u.TeV
    value, error = model.evaluate_error(energy)
    upper = ((value + error) * energy**2).to_value("erg cm-2 s-1")
    lower = ((value - error) * energy**2).to_value("erg cm-2 s-1")
    for edge in (lower, upper):
        for x, y in zip(energy.value, edge, strict=True):
            assert (np.isclose(corners, [x, y], rtol=1e-9).all(axis=1)).any()
    assert band.get_alpha() == 0.25


def test_band_of_samples(model, ax):
    model.plot_error(BOUNDS, ax=ax, n_points=5, n_samples=300, random_state=3)
    corners = ax.collections[0].get_paths()[0].vertices
    energy = np.geomspace(0.1, 30, 5) * u.TeV
    median, below, above = model.evaluate_error(energy, n_samples=300, random_state=3)
    for edge in (median - below, median + above):
        for x, y in zip(energy.value, edge.value, strict=True):
            assert (np.isclose(corners, [x, y], rtol=1e-9).all(axis=1)).any()


def test_axes_energies_and_factors(ax):
    axis = MapAxis.from_energy_bounds("100 GeV", "10 TeV", nbin=4)
    model = m.PowerLawNormSpectralModel(tilt=0.2)
    model.plot(axis, ax=ax, sed_type="norm")
    energy, drawn = ax.lines[0].get_data()
    assert_allclose(energy, axis.center.value)
    assert_allclose(drawn, model(axis.center).value)
    assert ax.get_ylabel() == "Norm"


def test_bad_arguments(model, ax):
    with pytest.raises(InputError, match="sed_type is 'counts': expected one of"):
        model.plot(BOUNDS, ax=ax, sed_type="counts")
    with pytest.raises(InputError, match="expected 0 < lowest < highest"):
        model.plot(BOUNDS[::-1], ax=ax)
