"""Data drawn from models: their means, and how the real data rank among them."""

import numpy as np
import pytest

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.modeling.draws import draw_statistic
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

ALPHA = 1.0


@pytest.fixture
def dataset():
    read = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    read.acceptance.data[...], read.acceptance_off.data[...] = ALPHA, 1.0
    read.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    return read


def observe(dataset, off, rng):
    """Set counts to a draw with ``off`` expected off counts in each bin."""
    signal = dataset.npred_signal().data
    dataset.counts.data = rng.poisson(signal + ALPHA * off).astype(float)
    dataset.counts_off.data = rng.poisson(np.full(signal.shape, off)).astype(float)


@pytest.mark.parametrize("off", [1, 20])
def test_real_data_rank_like_drawn_ones_however_few_off_counts_there_are(dataset, off):
    rng = np.random.default_rng(5)
    ranks = []
    for _ in range(300):
        observe(dataset, off, rng)
        likelihood = dataset.likelihood()
        drawn = likelihood.with_statistic(draw_statistic(likelihood, likelihood.x0, 100, rng))
        ranks.append(np.mean(drawn.deviance(np.tile(likelihood.x0, (100, 1))) >= likelihood.deviance(likelihood.x0)))
    # Uniform ranks have a mean of a half, and the mean of 300 an error of 0.017.
    assert np.mean(ranks) == pytest.approx(0.5, abs=0.06)


def test_each_data_set_may_have_parameters_of_its_own(dataset):
    observe(dataset, 20, np.random.default_rng(1))
    likelihood = dataset.likelihood()
    theta = np.repeat([likelihood.x0, likelihood.x0 * [1, 2]], 2000, axis=0)
    drawn = draw_statistic(likelihood, theta, 4000, np.random.default_rng(2)).parts[0][1]
    for rows, one in ((slice(0, 2000), theta[0]), (slice(2000, 4000), theta[-1])):
        again = draw_statistic(likelihood, one, 2000, np.random.default_rng(3)).parts[0][1]
        for mine, other in ((drawn.n_on[rows], again.n_on), (drawn.n_off[rows], again.n_off)):
            assert mine.shape == other.shape
            error = np.sqrt(2 * np.maximum(other.mean(axis=0), 0.1) / 2000)
            assert (np.abs(mine.mean(axis=0) - other.mean(axis=0)) < 5 * error).all()


def test_what_cannot_be_drawn_is_told(dataset):
    likelihood = dataset.likelihood()
    rows, _ = likelihood.statistic.parts[0]

    class Odd:
        """A statistic of another kind."""

    odd = type("Joint", (), {"n_bins": likelihood.statistic.n_bins, "parts": ((rows, Odd()),)})()
    with pytest.raises(InputError, match="data of a Odd cannot be drawn"):
        draw_statistic(likelihood.with_statistic(odd), likelihood.x0, 2, np.random.default_rng(1))
