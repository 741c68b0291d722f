import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from gammafold.stats import cash, chi2, cstat, get_wstat_gof_terms, get_wstat_mu_bkg, sigma_to_ts, ts_to_sigma, wstat
from gammafold.utils.errors import InputError

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())


def cases(group):
    return [pytest.param(case, id=case["id"]) for case in REFERENCE["cases"] if case["group"] == group]


def numbers(values):
    return np.array(values, dtype=float)


def test_cash_is_minus_twice_the_log_likelihood():
    n, mu = np.arange(6), np.array([0.1, 0.9, 2.5, 3.0, 9.0, 1.0])
    difference = cash(n, mu) + 2 * poisson.logpmf(n, mu)
    # They differ by ln n!, which knows no mu.
    np.testing.assert_allclose(difference, cash(n, mu[::-1]) + 2 * poisson.logpmf(n, mu[::-1]), rtol=1e-12)


def test_wstat_with_a_given_background():
    background = get_wstat_mu_bkg(3, 7, 0.4, 1.5)
    assert wstat(3, 7, 0.4, 1.5, mu_bkg=background) == pytest.approx(wstat(3, 7, 0.4, 1.5), rel=1e-12)
    assert wstat(3, 7, 0.4, 1.5, mu_bkg=2 * background) > wstat(3, 7, 0.4, 1.5)


def test_extra_terms_depend_on_data_alone():
    on, off = np.array([3, 0, 5]), np.array([2, 4, 0])
    difference = wstat(on, off, 0.3, 2.0) - wstat(on, off, 0.3, 2.0, extra_terms=False)
    np.testing.assert_allclose(difference, get_wstat_gof_terms(on, off), rtol=1e-12)


@pytest.mark.parametrize("df", [1, 2, 5])
def test_sigma_and_ts_are_inverse(df):
    np.testing.assert_allclose(ts_to_sigma(sigma_to_ts([1.0, 3.0, 5.0], df), df), [1.0, 3.0, 5.0], rtol=1e-6)


def test_chi2():
    assert chi2(3.0, 1.0, 0.5) == 16.0
    with pytest.raises(InputError, match=r"sigma holds 0.0: expected errors above zero"):
        chi2(3.0, 1.0, 0.0)


@pytest.mark.parametrize("function", [cash, cstat])
def test_negative_counts_are_refused(function):
    with pytest.raises(InputError, match="n_on holds -1.0"):
        function([1, -1], 1.0)


@pytest.mark.parametrize("case", cases("cash"))
def test_cash_reference(case):
    n, mu = numbers(case["inputs"]["rows"]).T
    expected = np.where(mu < 0, np.inf, numbers(case["truth"]["cash"]))  # less than none is impossible, always
    np.testing.assert_allclose(cash(n, mu), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("case", cases("wstat"))
def test_wstat_reference(case):
    on, off, alpha, signal = numbers(case["inputs"]["rows"]).T
    for name, expected in case["truth"].items():
        found = {
            "wstat": lambda: wstat(on, off, alpha, signal),
            "mu_bkg": lambda: get_wstat_mu_bkg(on, off, alpha, signal),
        }[name]()
        np.testing.assert_allclose(found, numbers(expected), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cash(3, np.nan), "mu_on holds nan: expected finite numbers"),
        (lambda: cash(np.inf, 3), "n_on holds inf: expected finite numbers"),
        (lambda: cash("many", 3), "n_on is 'many': expected numbers"),
        (lambda: wstat(3, 1, 0.1, np.nan), "mu_sig holds nan"),
        (lambda: wstat(3, 1, -0.1, 1.0), "alpha holds -0.1: expected numbers of zero or more"),
        (lambda: wstat(3, 1, 0.1, 1.0, mu_bkg=np.nan), "mu_bkg holds nan"),
        (lambda: wstat([3, 3], 1, 0.1, 1.0, mu_bkg=[1.0, 2.0, 3.0]), "do not broadcast"),
        (lambda: get_wstat_mu_bkg(3, 1, 0.1, np.inf), "mu_sig holds inf"),
        (lambda: chi2(np.nan, 1.0, 1.0), "values holds nan"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
