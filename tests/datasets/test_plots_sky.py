"""The region on the sky, coloured by its residual."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.visualization.wcsaxes import WCSAxes
from numpy.testing import assert_allclose

from gammafold.datasets import SpectrumDataset
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.utils.errors import InputError

AXIS = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)
COUNTS = np.array([40.0, 20.0, 9.0, 3.0])
BACKGROUND = np.array([30.0, 18.0, 10.0, 2.0])
SAFE = np.array([False, True, True, True])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def make_dataset(region="icrs;circle(83.63, 22.01, 0.11)"):
    dataset = SpectrumDataset.create(RegionGeom.create(region, axes=[AXIS]), name="d")
    dataset.counts.data[:, 0, 0] = COUNTS
    dataset.background.data[:, 0, 0] = BACKGROUND
    dataset.mask_safe.data[:, 0, 0] = SAFE
    return dataset


def colour_bar(ax):
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    return bar


DIFFERENCE, MODEL = (COUNTS - BACKGROUND)[SAFE].sum(), BACKGROUND[SAFE].sum()


@pytest.mark.parametrize(
    ("method", "value", "sigma"),
    [
        ("diff", DIFFERENCE, np.sqrt(MODEL)),
        ("diff/model", DIFFERENCE / MODEL, 1 / np.sqrt(MODEL)),
        ("diff/sqrt(model)", DIFFERENCE / np.sqrt(MODEL), 1.0),
    ],
)
def test_the_residual_colours_the_region(method, value, sigma):
    dataset = make_dataset()
    ax = dataset.plot_residuals_spatial(method=method)
    assert isinstance(ax, WCSAxes)
    (image,) = ax.images
    drawn = np.ma.compressed(np.ma.masked_invalid(image.get_array()))
    assert_allclose(drawn, value)
    assert_allclose(image.get_clim(), (-5 * sigma, 5 * sigma))
    assert colour_bar(ax).get_ylabel().startswith("Residual: ")
    (mark,) = [line for line in colour_bar(ax).lines if line.get_color() == "black"]
    assert_allclose(mark.get_ydata(), value)
    ax.figure.canvas.draw()


def test_colour_fills_the_circle_and_nothing_else():
    dataset = make_dataset()
    ax = dataset.plot_residuals_spatial()
    (image,) = ax.images
    filled = np.isfinite(np.asarray(image.get_array(), dtype=float))
    left, right, bottom, top = image.get_extent()
    assert_allclose(filled.mean(), np.pi / 4, rtol=0.01)
    # In pixels of 0.01 deg, the default.
    assert_allclose((right - left, top - bottom), (22, 22), rtol=0.01)
    outline = ax.patches[0].get_window_extent()
    assert outline.width > 0
    low, high = ax.get_xlim()
    assert low < left < right < high


def test_a_hole_stays_empty():
    ax = make_dataset("galactic;annulus(184, -5, 0.2, 0.5)").plot_residuals_spatial()
    filled = np.isfinite(np.asarray(ax.images[0].get_array(), dtype=float))
    middle = filled.shape[0] // 2
    assert not filled[middle, middle]
    assert_allclose(filled.mean(), np.pi / 4 * (1 - 0.4**2), rtol=0.01)
    assert ax.get_xlabel() == "Galactic longitude [deg]"


def test_a_point_is_a_coloured_marker():
    ax = make_dataset("icrs;point(83.63, 22.01)").plot_residuals_spatial(vmin=-10, vmax=10, cmap="viridis")
    assert not ax.images
    (marker,) = ax.lines
    expected = plt.get_cmap("viridis")((DIFFERENCE + 10) / 20)
    assert_allclose(marker.get_color(), expected)


def test_limits_and_colours_can_be_chosen():
    ax = make_dataset().plot_residuals_spatial(vmin=-3, vmax=7, cmap="PiYG", alpha=0.5)
    (image,) = ax.images
    assert image.get_clim() == (-3, 7)
    assert image.get_cmap().name == "PiYG"
    assert image.get_alpha() == 0.5


def test_given_axes():
    dataset = make_dataset()
    given = plt.figure().add_subplot(projection=dataset.geom.wcs)
    assert dataset.plot_residuals_spatial(given) is given
    with pytest.raises(InputError, match="needs axes with a sky projection"):
        dataset.plot_residuals_spatial(plt.figure().add_subplot())


def test_nothing_safe():
    dataset = make_dataset()
    dataset.mask_safe.data[:] = False
    ax = dataset.plot_residuals_spatial(method="diff/model")
    drawn = np.asarray(ax.images[0].get_array(), dtype=float)
    assert_allclose(drawn[np.isfinite(drawn)], 0)
    ax.figure.canvas.draw()


def test_counts_where_nothing_is_predicted():
    dataset = make_dataset()
    dataset.background.data[:] = 0
    ax = dataset.plot_residuals_spatial(method="diff/model")
    assert np.isfinite(ax.images[0].get_clim()).all()
    ax.figure.canvas.draw()


def test_what_cannot_be_drawn():
    dataset = make_dataset()
    with pytest.raises(InputError, match=r"smooth_kernel is 'tophat': expected one of \['gauss', 'box'\]"):
        dataset.plot_residuals_spatial(smooth_kernel="tophat")
    nowhere = SpectrumDataset.create(RegionGeom.create(None, axes=[AXIS]), name="nowhere")
    with pytest.raises(InputError, match="dataset 'nowhere' has no region on the sky: there is nothing to colour"):
        nowhere.plot_residuals_spatial()
    with pytest.raises(InputError, match="dataset 'nowhere' has no region on the sky: leave region out"):
        nowhere.plot_residuals_spectral(region="icrs;circle(83.63, 22.01, 0.5)")
