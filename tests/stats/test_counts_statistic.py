import numpy as np
import pytest
from scipy.optimize import brentq

from gammafold.stats import CashCountsStatistic, WStatCountsStatistic, cash, wstat
from gammafold.utils.errors import InputError

ON, OFF, ALPHA = np.array([13.0, 2, 0, 400]), np.array([11.0, 30, 4, 500]), np.array([0.5, 0.1, 0.2, 0.7])
BKG = np.array([5.0, 3.0, 2.0, 300.0])


def li_ma(n_on, n_off, alpha):
    """Li & Ma (1983), equation 17."""
    total = n_on + n_off
    first = n_on * np.log((1 + alpha) / alpha * n_on / total)
    return np.sqrt(2 * (first + n_off * np.log((1 + alpha) * n_off / total)))


def test_significance_is_that_of_li_and_ma():
    found = WStatCountsStatistic(ON[[0, 3]], OFF[[0, 3]], ALPHA[[0, 3]])
    np.testing.assert_allclose(found.sqrt_ts, li_ma(ON[[0, 3]], OFF[[0, 3]], ALPHA[[0, 3]]), rtol=1e-12)


def test_significance_of_a_deficit_is_negative():
    assert WStatCountsStatistic(2, 30, 0.1).sqrt_ts < 0
    assert CashCountsStatistic(1, 3.0).sqrt_ts < 0


def brute_rise(stat, best, rise, side, start=1e-9):
    far = start
    while stat(best + side * far) - stat(best) < rise:
        far *= 2
    return brentq(lambda d: stat(best + side * d) - stat(best) - rise, 0, far, xtol=1e-13)


@pytest.mark.parametrize("i", range(4))
def test_wstat_intervals_equal_brute_force(i):
    statistic = WStatCountsStatistic(ON, OFF, ALPHA)
    excess = statistic.n_sig[i]

    def stat(s):
        return float(wstat(ON[i], OFF[i], ALPHA[i], s))

    assert statistic.compute_errp()[i] == pytest.approx(brute_rise(stat, excess, 1.0, +1), rel=1e-8)
    assert statistic.compute_errn(2)[i] == pytest.approx(brute_rise(stat, excess, 4.0, -1), rel=1e-8)
    limit = statistic.compute_upper_limit(3)[i]
    assert limit == pytest.approx(excess + brute_rise(stat, excess, 9.0, +1), rel=1e-8)


@pytest.mark.parametrize("i", [0, 1, 3])
def test_cash_intervals_equal_brute_force(i):
    statistic = CashCountsStatistic(ON, BKG)
    excess = statistic.n_sig[i]

    def stat(s):
        return float(cash(ON[i], BKG[i] + s))

    assert statistic.compute_errp()[i] == pytest.approx(brute_rise(stat, excess, 1.0, +1), rel=1e-8)
    assert statistic.compute_errn()[i] == pytest.approx(brentq(lambda d: stat(excess - d) - stat(excess) - 1, 0, ON[i]))


def test_no_counts_have_no_lower_error():
    assert CashCountsStatistic(0, 2.0).compute_errn() == 0
    # 2 mu = 1 at the upper end
    assert CashCountsStatistic(0, 2.0).compute_errp() == pytest.approx(0.5)


@pytest.mark.parametrize("sigma", [3.0, 5.0])
def test_excess_of_a_given_significance(sigma):
    excess = WStatCountsStatistic(ON, OFF, ALPHA).n_sig_matching_significance(sigma)
    again = WStatCountsStatistic(ALPHA * OFF + excess, OFF, ALPHA)
    np.testing.assert_allclose(again.sqrt_ts, sigma, rtol=1e-9)
    excess = CashCountsStatistic(ON, BKG).n_sig_matching_significance(sigma)
    np.testing.assert_allclose(CashCountsStatistic(BKG + excess, BKG).sqrt_ts, sigma, rtol=1e-9)


def test_a_known_signal_is_no_excess():
    with_signal = WStatCountsStatistic(13, 10, 0.5, mu_sig=8.0)
    assert with_signal.n_sig == 0
    assert with_signal.ts == pytest.approx(0, abs=1e-12)


def test_sums_keep_the_background():
    statistic = WStatCountsStatistic(ON, OFF, ALPHA).sum()
    assert statistic.n_bkg == pytest.approx((ALPHA * OFF).sum())
    assert statistic.n_on == ON.sum()
    assert CashCountsStatistic(ON, BKG).sum().n_bkg == BKG.sum()


def test_p_value_is_one_sided():
    assert CashCountsStatistic(8, 8.0).p_value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_on": -1, "n_off": 3, "alpha": 0.1}, "n_on holds -1.0: expected numbers of zero or more"),
        ({"n_on": 1, "n_off": np.nan, "alpha": 0.1}, "n_off holds nan"),
        ({"n_on": 1, "n_off": 3, "alpha": 0}, "alpha holds 0.0: expected numbers above zero"),
        ({"n_on": [1, 2], "n_off": [3, 4, 5], "alpha": 1}, "do not broadcast"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        WStatCountsStatistic(**arguments)


def test_the_number_of_sigma_must_be_positive():
    with pytest.raises(InputError, match="standard deviations is 0"):
        CashCountsStatistic(1, 1).compute_errp(0)


def test_str_tells_the_numbers():
    assert "significance" in str(WStatCountsStatistic(ON, OFF, ALPHA))
