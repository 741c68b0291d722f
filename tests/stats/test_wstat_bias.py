"""The bias of a norm with few off counts: against sums over all counts, and against simulated fits."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import poisson

from gammafold.stats.kernels import WStatistic
from gammafold.stats.wstat_bias import wstat_bias
from gammafold.utils.errors import InputError

EDGES = np.logspace(-1, 1, 31)


def falling(index, total):
    """Return ``total`` counts in 30 bins of a power law."""
    counts = np.abs(np.diff(EDGES ** (1 - index)))
    return total * counts / counts.sum()


def slow_bias(signal, background, alpha):
    """Sum over every pair of counts of every bin, one bin after the other."""
    bins = []
    for s, b in zip(signal, background, strict=True):
        n, m = (np.arange(int(mean + 12 * np.sqrt(mean) + 12)) for mean in (s + b, b / alpha))
        chance = np.outer(poisson.pmf(n, s + b), poisson.pmf(m, b / alpha)).ravel()
        n, m = (grid.ravel() for grid in np.meshgrid(n, m, indexing="ij"))
        bins.append((s, chance, WStatistic(n, m, np.full(n.size, alpha))))

    def slope(k):
        return sum(s * (p * kernel.gradient(np.full(p.size, k * s))).sum() for s, p, kernel in bins)

    return brentq(slope, 1e-6, 10) - 1


SPECTRA = [(2, 3), (2.5, 3), (2, 2)]


@pytest.mark.parametrize(("index_signal", "index_background"), SPECTRA)
@pytest.mark.parametrize(("signal", "alpha"), [(20, 1.0), (20, 0.2), (60, 1.0)])
def test_bias_is_that_of_the_sum_over_all_counts(index_signal, index_background, signal, alpha):
    s, b = falling(index_signal, signal), falling(index_background, 20)
    expected = slow_bias(s, b, alpha)
    assert abs(expected) > 2e-3
    # A bias below 0.3 % is told by one step of Newton's method.
    assert wstat_bias(s, b, alpha) == pytest.approx(expected, rel=0.01, abs=5e-4)


def test_bias_is_that_of_simulated_fits():
    rng = np.random.default_rng(1)
    s, b = falling(2, 20), falling(3, 20)
    norms = []
    for _ in range(600):
        kernel = WStatistic(rng.poisson(s + b), rng.poisson(b), np.ones(s.size))
        norms.append(minimize_scalar(lambda k, w=kernel: float(w.deviance(k * s)), bounds=(0, 8), method="bounded").x)
    error = np.std(norms) / np.sqrt(len(norms))
    # A third of all counts are lost to a background that was not seen.
    assert wstat_bias(s, b, 1.0) == pytest.approx(np.mean(norms) - 1, abs=4 * error)
    assert np.mean(norms) - 1 < -0.2


def test_excess_counts_pass_for_background_even_if_there_is_none():
    s = falling(2, 50)
    assert wstat_bias(s, np.zeros(30), 0.5) == pytest.approx(slow_bias(s, np.zeros(30), 0.5), rel=0.01)


def test_no_bias_with_many_off_counts_or_without_background():
    s = falling(2, 50)
    assert wstat_bias(s, np.full(30, 10.0), 0.1) == 0.0
    assert wstat_bias(np.zeros(30), s, 0.5) == 0.0
    assert wstat_bias(s, s, 0.0) == 0.0


def test_bins_with_many_off_counts_hold_the_norm():
    s, b = falling(2, 20), falling(3, 20)
    alone = wstat_bias(s, b, 1.0)
    held = wstat_bias(np.append(s, 200.0), np.append(b, 200.0), 1.0)
    assert 0.5 * alone < held < 0


def test_a_signal_that_is_lost_entirely():
    assert wstat_bias([0.01] * 5, [0.5] * 5, 3.0) == -1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-1.0], [1.0], 1.0), "signal holds -1.0: finite numbers"),
        (([1.0], [np.nan], 1.0), "background holds nan"),
        (([1.0], [1.0], [-0.5]), "alpha holds -0.5"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        wstat_bias(*arguments)
