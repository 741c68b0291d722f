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
    """Set counts to a draw with ``off`` expected off counts, of each bin or of all."""
    signal = dataset.npred_signal().data
    expected = np.broadcast_to(np.reshape(off, (-1, 1, 1)), signal.shape)
    dataset.counts.data = rng.poisson(signal + ALPHA * expected).astype(float)
    dataset.counts_off.data = rng.poisson(expected).astype(float)


# The last one falls as real spectra do, to 0.001 in the last of 80 bins.
@pytest.mark.parametrize("off", [1, 20, 20 * np.exp(-np.arange(80) / 8)], ids=["one", "twenty", "falling"])
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
    assert drawn.n_on.shape == drawn.n_off.shape == (4000, likelihood.n_data)
    # The background is the same, and the signal twice as large.
    signal = next(iter(likelihood.npred_signal(likelihood.x0).values()))
    first, second = drawn.n_on[:2000].mean(axis=0), drawn.n_on[2000:].mean(axis=0)
    error = np.sqrt(np.maximum(first + second, 0.1) / 2000)
    assert (np.abs(second - first - signal) < 5 * error).all()
    assert (np.abs(first - signal - ALPHA * drawn.n_off.mean(axis=0)) < 5 * error).all()


def test_what_cannot_be_drawn_is_told(dataset):
    likelihood = dataset.likelihood()
    rows, _ = likelihood.statistic.parts[0]

    class Odd:
        """A statistic of another kind."""

    odd = type("Joint", (), {"n_bins": likelihood.statistic.n_bins, "parts": ((rows, Odd()),)})()
    with pytest.raises(InputError, match="data of a Odd cannot be drawn"):
        draw_statistic(likelihood.with_statistic(odd), likelihood.x0, 2, np.random.default_rng(1))
