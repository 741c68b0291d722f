"""Models that rest on tables, in the likelihood of JAX."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.modeling import models as m
from gammafold.samples import sample_files


def test_absorption_and_norms_at_energies():
    pytest.importorskip("jax")
    depth = np.outer([0.01, 0.03], [0.1, 0.8, 3, 20]) * 30
    ebl = m.EBLAbsorptionNormSpectralModel([0.1, 1, 5, 50] * u.TeV, [0.01, 0.03], np.exp(-depth), redshift=0.015)
    ebl.redshift.frozen = ebl.alpha_norm.frozen = False
    law = m.PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1")
    datasets = Datasets([SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])])
    datasets.models = m.SkyModel(law * ebl * m.PiecewiseNormSpectralModel([1, 10] * u.TeV), name="crab")
    likelihood = datasets.likelihood()
    theta = np.array([parameter.value for parameter in datasets.models.parameters.free_parameters])
    on_jax = likelihood.to_jax()
    assert_allclose(on_jax.stat(theta), likelihood.stat(theta), rtol=1e-12)
    slope = likelihood.gradient(theta)
    assert_allclose(on_jax.gradient(theta), slope, rtol=1e-8, atol=1e-9 * np.abs(slope[0]))
