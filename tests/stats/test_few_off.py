"""Where a fit with the W statistic is said to be biased, and by how much."""

import numpy as np
import pytest

from gammafold.stats.few_off import few_off_counts
from gammafold.stats.wstat_bias import wstat_bias


def percent(text):
    """Return the bias that a sentence tells, in per cent."""
    *_, size, _, side = text.split()
    return float(size.rstrip("%")) * (-1 if side == "low" else 1)


@pytest.fixture
def falling():
    """Signal and background expected in 30 bins."""
    signal, background = (np.geomspace(1, 10**-slope, 30) for slope in (2, 4))
    return 20 * signal / signal.sum(), 20 * background / background.sum()


def test_bias_of_a_known_signal(falling):
    signal, background = falling
    rng = np.random.default_rng(2)
    found = []
    for _ in range(20):
        on, off = rng.poisson(signal + background), rng.poisson(background)
        found.append(percent(few_off_counts(on, off, np.ones(30), signal)))
    # The off counts of one spectrum tell the background roughly.
    assert 0.7 < np.mean(found) / (100 * wstat_bias(signal, background, 1.0)) < 1.1


def test_bias_without_a_model_has_the_same_sign_and_size(falling):
    signal, background = falling
    rng = np.random.default_rng(3)
    found = [
        percent(few_off_counts(rng.poisson(signal + background), rng.poisson(background), np.ones(30)))
        for _ in range(20)
    ]
    assert 0.3 < np.mean(found) / (100 * wstat_bias(signal, background, 1.0)) < 2


def test_small_bias_and_bins_without_off_measurement():
    text = few_off_counts(np.full(400, 9), np.full(400, 4), np.r_[np.zeros(200), np.full(200, 0.5)])
    assert text.startswith(
        "4 off counts per bin, and 22% of the on counts are background: expect a norm less than 1% too "
    )
    assert few_off_counts([3, 4], [1, 1], [0, 0]) == ""
    assert few_off_counts([3, 4], [9, 9], [1, 1]) == ""
    assert few_off_counts([30, 40], [1, 1], [1, 1]) == ""


def test_nothing_but_background():
    assert "all of the on counts are background" in few_off_counts([1, 0, 0], [2, 1, 1], [1, 1, 1])
