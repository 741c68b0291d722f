"""Goodness of fit by simulation, against known distributions."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, kstest

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.likelihood.likelihood import Likelihood
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.goodness import GoodnessOfFit, goodness_of_fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import FitError, InputError


def make(counts=200.0, n_bins=20, seed=1, on_off=False):
    """Return a dataset of about so many counts in each bin."""
    edges = np.geomspace(1, 20, n_bins + 1) * u.TeV
    axis = MapAxis.from_energy_edges(edges)
    cls = SpectrumDatasetOnOff if on_off else SpectrumDataset
    dataset = cls.create(axis, axis.copy(name="energy_true"), name="toy")
    width = (edges[1:] / edges[:-1]).value[0] - 1
    energy = edges[:-1].value
    # An exposure like the inverse of the flux: all bins see the same.
    exposure = counts / (5e-11 * energy**-2.0 * energy * width / (1 + width))
    dataset.exposure.quantity = exposure.reshape(dataset.exposure.data.shape) * u.Unit("cm2 s")
    dataset.edisp = None
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.models = SkyModel(PowerLawSpectralModel(index=2, amplitude="5e-11 cm-2 s-1 TeV-1"), name="source")
    if on_off:
        dataset.acceptance, dataset.acceptance_off = 1.0, 2.0
        background = RegionNDMap(dataset.geom, data=np.full(dataset.data_shape, counts))
        dataset.fake(background, random_state=seed)
    else:
        dataset.background.data[...] = 0
        dataset.fake(random_state=seed)
    return dataset


@pytest.mark.parametrize("on_off", [False, True])
def test_many_counts_follow_chi2(on_off):
    dataset = make(on_off=on_off)
    Fit().run(dataset)
    goodness = goodness_of_fit(dataset, n_simulations=2000, random_state=3)
    assert goodness.n_failed == 0
    assert goodness.simulated.shape == (2000,)
    # Twenty bins and two parameters: the deviance follows a chi2 with 18 degrees of freedom.
    assert kstest(goodness.simulated, chi2(18).cdf).pvalue > 1e-3
    expected = chi2.sf(goodness.deviance, 18)
    assert_allclose(goodness.p_value, expected, atol=5 * goodness.p_value_error + 0.01)


def test_few_counts_do_not():
    dataset = make(counts=0.1, n_bins=40)
    Fit().run(dataset)
    goodness = goodness_of_fit(dataset, n_simulations=1000, random_state=3)
    # A chi2 with 38 degrees of freedom would make every such fit look too good.
    assert goodness.simulated.mean() < 25
    assert 0.01 < goodness.p_value < 0.99


def test_a_bad_model_is_found():
    dataset = make()
    dataset.counts.data[10] *= 2
    Fit().run(dataset)
    goodness = goodness_of_fit(dataset, n_simulations=500, random_state=0)
    assert goodness.p_value == 1 / 501
    assert goodness.deviance > 2 * goodness.simulated.mean()


@pytest.mark.parametrize("on_off", [False, True])
def test_p_values_are_uniform_for_true_models(on_off):
    values = []
    for seed in range(60):
        dataset = make(counts=2.0, seed=seed, on_off=on_off)
        Fit(on_failure="report").run(dataset)
        values.append(goodness_of_fit(dataset, n_simulations=100, random_state=seed).p_value)
    assert kstest(values, "uniform").pvalue > 1e-3


def test_the_fit_is_left_alone_and_repeated(monkeypatch):
    dataset = make()
    before = [parameter.value for parameter in dataset.models.parameters]
    rows = []
    normal_equations = Likelihood.normal_equations

    def counting(self, theta, *some):
        rows.append(len(theta))
        return normal_equations(self, theta, *some)

    monkeypatch.setattr(Likelihood, "normal_equations", counting)
    first = goodness_of_fit(Datasets([dataset]), n_simulations=300, random_state=5)
    assert max(rows) == 300
    assert len(rows) < 40
    second = goodness_of_fit(dataset, n_simulations=300, random_state=5)
    assert_allclose(first.simulated, second.simulated, rtol=1e-12)
    assert [parameter.value for parameter in dataset.models.parameters] == before
    frozen = goodness_of_fit(dataset, n_simulations=300, random_state=5, reoptimize=False)
    # Twenty bins and no parameter.
    assert frozen.simulated.mean() > first.simulated.mean() + 1
    assert_allclose(frozen.simulated.mean(), 20, atol=1.5)


def test_plot():
    ax = GoodnessOfFit(3.0, np.arange(10.0)).plot()
    assert sorted(ax.get_legend_handles_labels()[1]) == ["data, p = 0.73", "simulated"]
    assert sum(patch.get_height() for patch in ax.patches) == 10
    plt.close("all")


def test_what_cannot_be_simulated():
    dataset = make()
    with pytest.raises(InputError, match="n_simulations is 0: expected 1 or more"):
        goodness_of_fit(dataset, n_simulations=0)
    dataset.models[0].freeze()
    with pytest.raises(FitError, match="no free parameter"):
        goodness_of_fit(dataset)
