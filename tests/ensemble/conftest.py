"""Datasets to simulate: a Crab run with off counts, and a spectrum with a known background."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.irf import EDispKernelMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files


def power_law(index=2.5, amplitude=4e-11, name="source", **kwargs):
    """A power law; ``kwargs`` are limits of the amplitude."""
    spectral = PowerLawSpectralModel(index=index, amplitude=amplitude * u.Unit("cm-2 s-1 TeV-1"))
    for key, value in kwargs.items():
        setattr(spectral.amplitude, key, value)
    return SkyModel(spectral, name=name)


def crab_run(number=0, model=None, name=None):
    """One of the four H.E.S.S. runs that ship with the package."""
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[number])
    if name is not None:
        dataset = dataset.copy(name=name)
    dataset.models = power_law(2.6, 4.5e-11) if model is None else model
    return dataset


def counting(name="counting", counts=200.0, background=1.0, model=None, bins=8):
    """A spectrum of about ``counts`` counts, with a known background per bin."""
    energy = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=bins)
    true = MapAxis.from_energy_bounds("0.4 TeV", "25 TeV", nbin=2 * bins, name="energy_true")
    geom = RegionGeom.create(None, axes=[energy])
    exposure = RegionNDMap.create(None, axes=[true], unit="cm2 s")
    exposure.data += 1.0
    dataset = SpectrumDataset(
        name=name,
        counts=RegionNDMap.create(None, axes=[energy]),
        background=RegionNDMap.create(None, axes=[energy]),
        exposure=exposure,
        edisp=EDispKernelMap.from_gauss(energy, true, sigma=0.1, bias=0),
        mask_safe=RegionNDMap(geom, data=np.ones(geom.data_shape, dtype=bool)),
    )
    dataset.background.data += background
    dataset.models = power_law() if model is None else model
    dataset.exposure.data *= counts / dataset.npred_signal().data.sum()
    return dataset


@pytest.fixture
def make():
    """Functions that make datasets."""
    from types import SimpleNamespace

    return SimpleNamespace(power_law=power_law, crab_run=crab_run, counting=counting)
