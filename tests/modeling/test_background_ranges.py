"""A norm of the background for each range of energies."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.datasets import SpectrumDataset
from gammafold.maps import MapAxis
from gammafold.modeling import Fit
from gammafold.modeling.models import (
    FoVBackgroundModel,
    GaussianPrior,
    Models,
    PiecewiseNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
    StepNormSpectralModel,
)
from gammafold.utils.errors import InputError

EDGES = np.geomspace(1, 64, 13) * u.TeV
RANGES = [1, 4, 16, 64] * u.TeV


@pytest.fixture
def dataset():
    """A background in twelve bins, four for each of three ranges, and a faint source."""
    axis = MapAxis.from_energy_edges(EDGES)
    dataset = SpectrumDataset.create(axis, axis.copy(name="energy_true"), name="run")
    dataset.exposure.quantity = np.full(dataset.exposure.data.shape, 1e13) * u.Unit("cm2 s")
    dataset.edisp = None
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.background.data[...] = np.linspace(300, 80, 12).reshape(dataset.data_shape)
    rng = np.random.default_rng(4)
    factors = np.repeat([1.1, 0.9, 1.3], 4).reshape(dataset.data_shape)
    dataset.counts.data[...] = rng.poisson(factors * dataset.background.data)
    return dataset


def test_norms_are_ratios_of_counts(dataset):
    dataset.models = [FoVBackgroundModel("run", spectral_model=StepNormSpectralModel(RANGES))]
    result = Fit().run(dataset)
    counts, background = (one.data.reshape(3, 4).sum(axis=1) for one in (dataset.counts, dataset.background))
    assert result.names == ("norm_0", "norm_1", "norm_2")
    assert_allclose(result.values, counts / background, rtol=1e-6)
    assert_allclose(result.errors, np.sqrt(counts) / background, rtol=1e-5)
    # The ranges share no bin.
    assert_allclose(result.correlation, np.eye(3), atol=1e-6)


def test_priors_pull(dataset):
    steps = StepNormSpectralModel(RANGES)
    for norm in steps.parameters:
        norm.prior = GaussianPrior(mu=1, sigma=0.02)
    dataset.models = [FoVBackgroundModel("run", spectral_model=steps)]
    result = Fit().run(dataset)
    counts, background = (one.data.reshape(3, 4).sum(axis=1) for one in (dataset.counts, dataset.background))
    # Minimum of 2 (x b - n ln x b) + ((x - 1) / s)^2: a quadratic equation.
    a, b, c = 1 / 0.02**2, background - 1 / 0.02**2, -counts
    assert_allclose(result.values, (-b + np.sqrt(b**2 - 4 * a * c)) / (2 * a), rtol=1e-6)


def test_outside_the_ranges_nothing_changes(dataset):
    dataset.models = [FoVBackgroundModel("run", spectral_model=StepNormSpectralModel([4, 16] * u.TeV, norms=[2]))]
    ratio = (dataset.npred_background().data / dataset.background.data).ravel()
    assert_allclose(ratio, np.repeat([1, 2, 1], 4))


def test_with_a_source_and_a_continuous_norm(dataset):
    norm = PiecewiseNormSpectralModel([1, 8, 64] * u.TeV)
    source = SkyModel(PowerLawSpectralModel(index=2, amplitude="1e-11 cm-2 s-1 TeV-1"), name="source")
    source.spectral_model.index.frozen = True
    dataset.models = [source, FoVBackgroundModel("run", spectral_model=norm)]
    fits = [Fit(backend, on_failure="report").run(dataset) for backend in ("minuit", "scipy", "fisher-scoring")]
    for result in fits:
        assert result.success
        assert result.names == ("amplitude", "norm_0", "norm_1", "norm_2")
        assert_allclose((result.values - fits[0].values) / fits[0].errors, 0, atol=1e-4)


def test_files(dataset, tmp_path):
    steps = StepNormSpectralModel(RANGES, norms=[1.1, 0.9, 1.3])
    steps.norm_1.frozen = True
    models = Models([FoVBackgroundModel("run", spectral_model=steps)])
    models.write(tmp_path / "models.yaml")
    read = Models.read(tmp_path / "models.yaml")
    assert read.to_yaml() == models.to_yaml()
    own = read[0].spectral_model
    assert_allclose(own.edges.to_value("TeV"), RANGES.value)
    assert [p.value for p in own.parameters] == [1.1, 0.9, 1.3]
    assert own.norm_1.frozen


def test_bad_ranges():
    with pytest.raises(InputError, match="edges of the norms are .*: expected two or more, positive and increasing"):
        StepNormSpectralModel([4, 1] * u.TeV)
    with pytest.raises(InputError, match="there are 1 norms for 2 ranges: expected as many"):
        StepNormSpectralModel([1, 4, 8] * u.TeV, norms=[1])
