import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from gammafold.stats.kernels import CStatistic, PGStatistic


def brute_pgstat(n, background, sigma, s):
    """The least of both measurements over all backgrounds that leave something expected, without the formula."""

    def total(expected):
        poisson = 2 * (expected - n + (n * np.log(n / expected) if n else 0.0))
        return poisson + ((expected - s - background) / sigma) ** 2

    high = n + abs(s + background) + 10 * sigma + 10
    return minimize_scalar(total, bounds=(1e-12, high), method="bounded", options={"xatol": 1e-11}).fun


@pytest.mark.parametrize("n", [0, 1, 40])
@pytest.mark.parametrize("sigma", [0.3, 2.0, 9.0])
@pytest.mark.parametrize("s", [-6.0, 0.0, 0.5, 30.0])
def test_the_background_is_the_best(n, sigma, s):
    found = PGStatistic([n], [5.0], [sigma]).per_bin(np.array([s]))[0]
    assert found == pytest.approx(brute_pgstat(n, 5.0, sigma, s), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("s", [-1e8, -1e4, 1e8])
def test_no_sign_or_size_of_the_signal_loses_digits(s):
    n, background, sigma = 3, 5.0, 2.0
    with mpmath.workdps(60):
        q = mpmath.mpf(s) + background - sigma**2
        m = (q + mpmath.sqrt(q * q + 4 * n * sigma**2)) / 2
        slope = float(2 * (1 - n / m))
    assert PGStatistic([n], [background], [sigma]).gradient(np.array([s]))[0] == pytest.approx(slope, rel=1e-12)


def test_without_counts_it_is_that_of_xspec():
    # XSPEC manual, appendix B: 2 (s + B) - sigma^2, as long as s + B is above sigma^2.
    found = PGStatistic([0.0], [5.0], [2.0]).per_bin(np.array([1.5]))
    np.testing.assert_allclose(found, 2 * 6.5 - 4.0, rtol=1e-14)


def test_no_error_is_a_known_background():
    n, s, background = np.array([0.0, 3.0, 8.0]), np.array([0.5, 2.0, 9.0]), np.array([1.0, 2.0, 0.0])
    found, known = PGStatistic(n, background, np.zeros(3)), CStatistic(n)
    np.testing.assert_allclose(found.per_bin(s), known.per_bin(s + background), rtol=1e-13)
    np.testing.assert_allclose(found.gradient(s), known.gradient(s + background), rtol=1e-13)
    np.testing.assert_allclose(found.curvature(s), known.curvature(s + background), rtol=1e-13)
    np.testing.assert_array_equal(found.background(s), background)


def test_without_error_too_little_is_impossible():
    kernel = PGStatistic([0.0, 3.0, 3.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(kernel.per_bin(np.array([-2.0, -1.0, -2.0])), [np.inf] * 3)
    np.testing.assert_array_equal(kernel.per_bin(np.array([-1.0, 2.0, 2.0])), [0.0, 0.0, 0.0])


@pytest.mark.parametrize("s", [-8.0, -3.0, 0.2])
@pytest.mark.parametrize("n", [0.0, 4.0])
def test_derivatives_at_any_signal(s, n):
    kernel, at, h = PGStatistic([n], [2.0], [1.5]), np.array([s]), 1e-6
    slope = (kernel.per_bin(at + h) - kernel.per_bin(at - h)) / (2 * h)
    np.testing.assert_allclose(kernel.gradient(at), slope, rtol=1e-6, atol=1e-7)
    second = (kernel.gradient(at + h) - kernel.gradient(at - h)) / (2 * h)
    np.testing.assert_allclose(kernel.curvature(at), second, rtol=1e-6, atol=1e-8)


def test_fisher_is_the_information_of_counts_less_background():
    rng = np.random.default_rng(3)
    s, background, sigma, size = 50.0, 30.0, 4.0, 200_000
    kernel = PGStatistic(rng.poisson(s + background, size), rng.normal(background, sigma, size), [sigma])
    at = np.full(size, s)
    assert kernel.fisher(at).mean() == pytest.approx(2 / (s + background + sigma**2), rel=1e-2)
    assert kernel.gradient(at).var() == pytest.approx(2 * kernel.fisher(at).mean(), rel=2e-2)


@given(st.integers(0, 1000), st.floats(0, 100), st.floats(0.01, 50), st.floats(-200, 1e4))
def test_it_is_never_negative_and_falls_towards_the_excess(n, background, sigma, s):
    kernel = PGStatistic([float(n)], [background], [sigma])
    value, closer = kernel.per_bin(np.array([s])), kernel.per_bin(np.array([0.9 * s + 0.1 * (n - background)]))
    assert np.isfinite(value).all()
    assert (value >= -1e-9).all()
    assert (closer <= value + 1e-9 * (1 + value)).all()
