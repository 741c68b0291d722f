"""Plots of energy dispersion: what is drawn is the matrix, the bias and the resolution."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.edisp_plot import plot_resolution
from gammafold.maps.axis import MapAxis

RECO = MapAxis.from_energy_bounds("0.5 TeV", "50 TeV", nbin=12)
TRUE = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=20, name="energy_true")
KERNEL = EDispKernel.from_gauss(TRUE, RECO, 0.2, 0.05)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_matrix():
    _, ax = plt.subplots()
    assert KERNEL.plot_matrix(ax, add_cbar=True) is ax
    (mesh,) = ax.collections
    assert_allclose(np.ravel(mesh.get_array()), KERNEL.data.T.ravel())
    corners = mesh.get_coordinates()
    assert_allclose(corners[0, :, 0], TRUE.edges.value)
    assert_allclose(corners[:, 0, 1], RECO.edges.value)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert "True energy" in ax.get_xlabel() or "TeV" in ax.get_xlabel()
    assert ax.get_ylabel() == "Reconstructed energy [TeV]"
    assert ax.figure.axes[1].get_ylabel() == "Probability"
    assert KERNEL.plot_matrix(cmap="viridis").collections[-1].get_cmap().name == "viridis"


@pytest.mark.parametrize(
    ("plot", "value", "label"),
    [
        (lambda **kwargs: KERNEL.plot_bias(**kwargs), KERNEL.get_bias, "Bias"),
        (lambda **kwargs: plot_resolution(KERNEL, **kwargs), KERNEL.get_resolution, "Resolution"),
    ],
)
def test_moments(plot, value, label):
    ax = plot(color="red")
    (line,) = ax.lines
    inside = KERNEL.data.sum(axis=1) > 0.5
    assert inside.any()
    assert not inside.all()
    assert_allclose(line.get_xdata(), TRUE.center.value)
    assert_allclose(line.get_ydata()[inside], value(TRUE.center)[inside])
    assert np.isnan(line.get_ydata()[~inside]).all()
    assert line.get_color() == "red"
    assert ax.get_ylabel().startswith(label)


def test_empty_rows_are_left_out():
    data = KERNEL.data.copy()
    data[5] = 0
    ax = EDispKernel(KERNEL.axes, data).plot_bias()
    assert np.isnan(ax.lines[0].get_ydata()[5])


@pytest.mark.parametrize(
    "response", [KERNEL, EDispKernelMap.from_edisp_kernel(KERNEL), EDispMap.from_diagonal_response(TRUE)]
)
def test_peek(response):
    axes = response.peek(figsize=(9, 3))
    assert len(axes) == 3
    assert tuple(axes[0].figure.get_size_inches()) == (9, 3)
    assert [len(ax.lines) for ax in axes] == [1, 1, 0]
    assert len(axes[2].collections) == 1
    axes[0].figure.canvas.draw()


def test_units_of_the_axes():
    reco = MapAxis.from_energy_edges(RECO.edges.to("GeV"))
    ax = EDispKernel([TRUE, reco], KERNEL.data).plot_matrix()
    assert ax.get_ylabel() == "Reconstructed energy [GeV]"
    assert_allclose(ax.collections[0].get_coordinates()[:, 0, 1], (RECO.edges / u.GeV).to_value(""))
