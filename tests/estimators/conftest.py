"""Fitted datasets on the Crab nebula, and small ones made by hand."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from gammafold.data.gti import GTI
from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.estimators import FluxPointsEstimator, LightCurveEstimator
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files

REGION = "icrs;circle(83.63, 22.01, 0.11)"


def read_crab():
    """Four runs at the best parameters of their power law."""
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    model = PowerLawSpectralModel(index=2.69965, amplitude="4.57948e-11 cm-2 s-1 TeV-1")
    datasets.models = SkyModel(model, name="crab")
    for night, dataset in enumerate(datasets):
        start = 86400 * night * u.s
        dataset.gti = GTI.create([start], [start + 1687 * u.s], reference_time="2004-12-04T22:00:00")
    return datasets


@pytest.fixture
def crab():
    return read_crab()


@pytest.fixture(scope="session")
def edges():
    """Eight bins whose edges are edges of the data."""
    return 10.0 ** np.array([-0.15, 0.05, 0.25, 0.45, 0.65, 0.85, 1.05, 1.25, 1.5]) * u.TeV


@pytest.fixture(scope="session")
def points(edges):
    """Flux points of the Crab nebula, with everything that can be estimated."""
    return FluxPointsEstimator(energy_edges=edges, source="crab", selection_optional="all").run(read_crab())


@pytest.fixture(scope="session")
def light_curve():
    """Light curve of four nights in two bins of energy."""
    estimator = LightCurveEstimator(energy_edges=[1, 10, 10**1.5] * u.TeV, selection_optional="all")
    return estimator.run(read_crab())


def region_map(axis, values, unit="", region=REGION):
    geom = RegionGeom.create(region, axes=[axis])
    return RegionNDMap(geom, data=np.broadcast_to(np.asarray(values), axis.nbin).reshape(-1, 1, 1), unit=unit)


def make_dataset(counts, background=None, exposure=1e13, n_off=None, alpha=0.2, name="d", region=REGION, energies=None):
    """A dataset without energy dispersion: `exposure` in cm2 s in each bin."""
    energies = np.geomspace(1, 100, len(counts) + 1) if energies is None else energies
    axis = MapAxis.from_energy_edges(energies * u.TeV)
    parts = {
        "counts": region_map(axis, np.asarray(counts, dtype=float), region=region),
        "exposure": region_map(axis.rename("energy_true"), exposure, "cm2 s", region=region),
    }
    if n_off is None:
        if background is not None:
            parts["background"] = region_map(axis, np.asarray(background, dtype=float), region=region)
        return SpectrumDataset(name=name, **parts)
    parts["counts_off"] = region_map(axis, np.asarray(n_off, dtype=float), region=region)
    parts["acceptance"] = region_map(axis, 1.0, region=region)
    parts["acceptance_off"] = region_map(axis, 1.0 / alpha, region=region)
    return SpectrumDatasetOnOff(name=name, **parts)


@pytest.fixture(scope="session")
def make():
    """The function that makes small datasets."""
    return make_dataset
