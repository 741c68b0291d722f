"""Profiles of flux points drawn: the colours lie at the fluxes at which the statistic was computed."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.estimators.flux_points_estimator import FluxPointsEstimator
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files


def test_cells_hold_their_norms():
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    spectral = PowerLawSpectralModel(index=2.7, amplitude="4.58e-11 cm-2 s-1 TeV-1")
    datasets.models = SkyModel(spectral, name="crab")
    edges = np.geomspace(1, 10, 3) * u.TeV
    points = FluxPointsEstimator(source="crab", energy_edges=edges, selection_optional=["scan"]).run(datasets)
    _, ax = plt.subplots()
    points.plot_ts_profiles(ax, sed_type="dnde")
    norms = points.stat_scan.geom.axes["norm"].center.value
    norms = norms[norms > 0]
    dnde = points.dnde.quantity[:, 0, 0]
    for column, mesh in enumerate(ax.collections[:2]):
        corners = mesh.get_coordinates()
        low, high = corners[:-1, 0, 1], corners[1:, 0, 1]
        flux = norms * points.reference("dnde").value[column]
        assert np.all((low < flux) & (flux < high))
        assert_allclose(low[1:], high[:-1])
        colour = np.ravel(mesh.get_array())
        best = int(np.argmin(colour))
        assert low[best - 1] < dnde[column].to_value(points.reference("dnde").unit) < high[best + 1]
    assert ax.get_ylabel() == "dN/dE [TeV⁻¹ s⁻¹ cm⁻²]"
    plt.close("all")
