import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gammafold.stats.kernels import (
    CashStatistic,
    Chi2ModelStatistic,
    Chi2Statistic,
    CStatistic,
    PGStatistic,
    WStatistic,
)
from gammafold.utils.errors import InputTypeError

RNG = np.random.default_rng(7)
ON, OFF = RNG.poisson(4, 30).astype(float), RNG.poisson(9, 30).astype(float)
ON[:3], OFF[2:5] = 0, 0
KERNELS = {
    "cash": CashStatistic(ON),
    "cstat": CStatistic(ON),
    "wstat": WStatistic(ON, OFF, np.full(30, 0.3)),
    "pgstat": PGStatistic(ON, 0.3 * OFF, 0.3 * np.sqrt(OFF + 1)),
    "chi2": Chi2Statistic(ON, np.sqrt(ON + 1)),
    "chi2modvar": Chi2ModelStatistic(ON, 0.1 * OFF),
}
MU = RNG.uniform(0.1, 12, 30)
each = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def exact_wstat(n_on, n_off, alpha, s):
    """The W statistic with the background found by mpmath, 40 digits."""
    with mpmath.workdps(40):
        n_on, n_off, alpha, s = map(mpmath.mpf, (n_on, n_off, alpha, s))

        def deviance(n, m):
            if n == 0:
                return 2 * m
            return mpmath.inf if m <= 0 else 2 * (m - n + n * mpmath.log(n / m))

        def total(b):
            return deviance(n_on, s + b) + deviance(n_off, b / alpha)

        c = alpha * (n_on + n_off) - (1 + alpha) * s
        b = (c + mpmath.sqrt(c * c + 4 * (1 + alpha) * alpha * n_off * s)) / (2 * (1 + alpha))
        # The root is the minimum: no background nearby is better.
        assert all(total(b) <= total(b * f) + mpmath.mpf(10) ** -30 for f in (mpmath.mpf("0.999"), mpmath.mpf("1.001")))
        return float(total(b))


@pytest.mark.parametrize("n_on", [0, 1, 7, 1e6])
@pytest.mark.parametrize("n_off", [0, 1, 30, 1e7])
@pytest.mark.parametrize("s", [1e-9, 0.3, 5.0, 2e5])
def test_wstat_equals_mpmath(n_on, n_off, s):
    found = WStatistic([n_on], [n_off], [0.2]).per_bin(np.array([s]))[0]
    assert found == pytest.approx(exact_wstat(n_on, n_off, 0.2, s), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("n", "mu"), [(0, 0.5), (3, 1e-12), (3, 3.0), (1e8, 1e8 + 3e4), (5, 1e9)])
def test_cash_equals_mpmath(n, mu):
    with mpmath.workdps(40):
        exact = 2 * (mpmath.mpf(mu) - (n * mpmath.log(mu) if n else 0))
        deviance = 2 * (mpmath.mpf(mu) - n + (n * mpmath.log(mpmath.mpf(n) / mpmath.mpf(mu)) if n else 0))
    kernel = CashStatistic([float(n)])
    assert kernel.per_bin(np.array([mu]))[0] == pytest.approx(float(exact), rel=1e-12)
    assert kernel.deviance(np.array([mu])) == pytest.approx(float(deviance), rel=1e-7)
    assert CStatistic([float(n)]).per_bin(np.array([mu]))[0] == pytest.approx(float(deviance), rel=1e-7)


@each
def test_derivatives_are_those_of_the_statistic(kernel):
    step = 1e-5 * MU
    slope = (kernel.per_bin(MU + step) - kernel.per_bin(MU - step)) / (2 * step)
    np.testing.assert_allclose(kernel.gradient(MU), slope, rtol=1e-6, atol=1e-7)
    second = (kernel.gradient(MU + step) - kernel.gradient(MU - step)) / (2 * step)
    np.testing.assert_allclose(kernel.curvature(MU), second, rtol=1e-5, atol=1e-7)


@each
def test_deviance_and_offset_make_the_sum(kernel):
    assert kernel.deviance(MU) + kernel.offset == pytest.approx(kernel.per_bin(MU).sum(), rel=1e-12)
    value, gradient = kernel.deviance_and_gradient(MU)
    assert value == kernel.deviance(MU)
    np.testing.assert_array_equal(gradient, kernel.gradient(MU))
    value, gradient, weight = kernel.expansion(MU)
    assert value == kernel.deviance(MU)
    np.testing.assert_array_equal(gradient, kernel.gradient(MU))
    np.testing.assert_array_equal(weight, kernel.fisher(MU))


@each
def test_the_deviance_is_zero_at_the_best_model(kernel):
    best = ON - 0.3 * OFF if isinstance(kernel, WStatistic | PGStatistic) else ON
    assert kernel.deviance(best) == pytest.approx(0, abs=1e-12)


@each
def test_a_batch_of_predictions_is_row_by_row(kernel):
    batch = MU * np.array([[1.0], [1.5], [0.3]])
    assert kernel.deviance(batch).shape == (3,)
    for method in ("deviance", "per_bin", "gradient", "curvature", "fisher"):
        rows = getattr(kernel, method)(batch)
        np.testing.assert_allclose(rows[1], getattr(kernel, method)(batch[1]), rtol=1e-14)


@each
def test_join_select_and_rows(kernel):
    left, right = kernel.select(slice(0, 12)), kernel.select(np.arange(30) >= 12)
    joined = type(kernel).join([left, right])
    assert joined.n_bins == 30
    np.testing.assert_array_equal(joined.per_bin(MU), kernel.per_bin(MU))
    order = RNG.permutation(30)
    np.testing.assert_array_equal(kernel.select(order).per_bin(MU[order]), kernel.per_bin(MU)[order])
    field = kernel.fields[0]
    data = getattr(kernel, field) + np.array([[0.0], [1.0], [2.0]])
    many = kernel.with_data(**{field: data})
    assert np.shape(many.deviance(MU)) == (3,)
    assert np.shape(many.offset) == (3,)
    np.testing.assert_allclose(many.deviance(MU)[0], kernel.deviance(MU), rtol=1e-13)
    np.testing.assert_allclose(many.at_rows([2]).deviance(MU)[0], many.deviance(MU)[2], rtol=1e-14)
    # Rows that are selected are those of a statistic made of them.
    chosen, made = many.at_rows(slice(1, 3)), kernel.with_data(**{field: data[1:3]})
    np.testing.assert_array_equal(chosen.offset, made.offset)
    for method in ("deviance", "per_bin", "gradient", "curvature", "fisher"):
        np.testing.assert_array_equal(getattr(chosen, method)(MU), getattr(made, method)(MU))
    assert kernel.at_rows([0]) is kernel


@pytest.mark.parametrize("kind", ["cash", "wstat"])
def test_fisher_is_the_mean_curvature(kind):
    rng = np.random.default_rng(1)
    s, b, alpha, size = 50.0, 30.0, 0.5, 200_000
    if kind == "cash":
        kernel = CashStatistic(rng.poisson(s, size).astype(float))
    else:
        kernel = WStatistic(rng.poisson(s + b, size).astype(float), rng.poisson(b / alpha, size).astype(float), [alpha])
    signal = np.full(size, s)
    assert kernel.fisher(signal).mean() == pytest.approx(kernel.curvature(signal).mean(), rel=2e-2)
    # The variance of the score of the deviance is twice its expected curvature.
    assert kernel.gradient(signal).var() == pytest.approx(2 * kernel.fisher(signal).mean(), rel=2e-2)


def test_impossible_predictions_are_infinite():
    cash = CashStatistic([3.0, 0.0, 0.0])
    np.testing.assert_array_equal(cash.per_bin(np.array([0.0, 0.0, -1.0])), [np.inf, 0.0, np.inf])
    assert cash.deviance(np.array([-1.0, 1.0, 1.0])) == np.inf
    no_off = WStatistic([3.0, 0.0], [0.0, 0.0], [0.0, 0.0])
    np.testing.assert_array_equal(no_off.per_bin(np.array([0.0, -1.0])), [np.inf, np.inf])
    np.testing.assert_allclose(
        no_off.per_bin(np.array([2.0, 1.0])), CStatistic([3.0, 0.0]).per_bin(np.array([2.0, 1.0]))
    )


def test_wstat_without_off_counts():
    # Below alpha n_on / (1 + alpha) the signal needs no background: XSPEC manual, appendix B.
    alpha, n_on = 0.25, 8.0
    s = np.array([1.0, 1.55, 1.65, 9.0])
    found = WStatistic(np.full(4, n_on), np.zeros(4), np.full(4, alpha)).per_bin(s)
    limit = alpha * n_on / (1 + alpha)
    expected = np.where(
        s < limit, 2 * (-s / alpha + n_on * np.log((1 + alpha) / alpha)), 2 * (s - n_on + n_on * np.log(n_on / s))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_wstat_without_on_counts_is_linear():
    alpha, n_off = 0.25, 8.0
    s = np.array([0.0, 0.1, 10.0])
    found = WStatistic(np.zeros(3), np.full(3, n_off), np.full(3, alpha)).per_bin(s)
    np.testing.assert_allclose(found, 2 * (s + n_off * np.log(1 + alpha)), rtol=1e-12)


@given(
    arrays(float, 5, elements=st.integers(0, 1000).map(float)),
    arrays(float, 5, elements=st.integers(0, 1000).map(float)),
    arrays(float, 5, elements=st.floats(1e-3, 10)),
    arrays(float, 5, elements=st.floats(-50, 1e4)),
)
def test_wstat_is_finite_not_negative_and_falls_towards_the_excess(n_on, n_off, alpha, s):
    kernel = WStatistic(n_on, n_off, alpha)
    value = kernel.per_bin(s)
    assert np.isfinite(value).all()
    assert (value >= -1e-9).all()
    closer = 0.9 * s + 0.1 * (n_on - alpha * n_off)
    assert (kernel.per_bin(closer) <= value + 1e-9 * (1 + value)).all()


@pytest.mark.parametrize("s", [-0.5, -3.0, -10.0])
@pytest.mark.parametrize("n_on", [0.0, 4.0])
def test_derivatives_at_negative_signals(s, n_on):
    kernel = WStatistic([n_on], [6.0], [0.5])
    h = 1e-6
    at = np.array([s])
    slope = (kernel.per_bin(at + h) - kernel.per_bin(at - h)) / (2 * h)
    np.testing.assert_allclose(kernel.gradient(at), slope, rtol=1e-6, atol=1e-7)
    second = (kernel.gradient(at + h) - kernel.gradient(at - h)) / (2 * h)
    np.testing.assert_allclose(kernel.curvature(at), second, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("s", [-1e8, -1e4, -3.0, 1e-6, 50.0, 1e8])
@pytest.mark.parametrize("n_off", [1, 1e5])
def test_no_sign_or_size_of_the_signal_loses_digits(s, n_off):
    n_on, alpha = 7, 0.1
    with mpmath.workdps(60):
        a, signal = mpmath.mpf(alpha), mpmath.mpf(s)
        c = a * (n_on + n_off) - (1 + a) * signal
        b = (c + mpmath.sqrt(c * c + 4 * (1 + a) * a * n_off * signal)) / (2 * (1 + a))
        m = signal + b
        slope = float(2 * (1 - n_on / m))
        curvature = float(2 * n_on * n_off / (n_on * b**2 + n_off * m**2))
    kernel, at = WStatistic([n_on], [n_off], [alpha]), np.array([s])
    assert kernel.gradient(at)[0] == pytest.approx(slope, rel=1e-11)
    assert kernel.curvature(at)[0] == pytest.approx(curvature, rel=1e-11)
    assert kernel.background(at)[0] == pytest.approx(float(b), rel=1e-13)


def test_a_signal_beyond_all_bounds_warns_of_nothing():
    # Warnings are errors here: the squares overflow.
    assert WStatistic([3.0], [4.0], [0.1]).deviance(np.array([1e200])) == np.inf


def test_nothing_seen_and_nothing_predicted_costs_nothing():
    kernel = WStatistic([0.0, 0.0], [0.0, 5.0], [0.2, 0.0])
    np.testing.assert_array_equal(kernel.per_bin(np.zeros(2)), [0.0, 0.0])
    np.testing.assert_array_equal(kernel.background(np.zeros(2)), [0.0, 0.0])


@each
def test_no_bins_have_no_statistic(kernel):
    none = kernel.select(slice(0, 0))
    assert none.n_bins == 0
    assert none.deviance(np.zeros(0)) == 0


@each
def test_data_cannot_be_changed_from_outside(kernel):
    given_arrays = [array.copy() for array in kernel._arrays]
    other = type(kernel)(*given_arrays)
    for array in given_arrays:
        array += 1.0
    np.testing.assert_array_equal(other.per_bin(MU), kernel.per_bin(MU))
    with pytest.raises(ValueError, match="read-only"):
        getattr(other, other.fields[0])[0] = 1.0


@each
def test_shared_data_are_repeated_where_others_are_a_batch(kernel):
    batch = kernel.with_data(**{kernel.fields[0]: getattr(kernel, kernel.fields[0]) + np.array([[0.0], [2.0]])})
    joined = type(kernel).join([batch, kernel])
    assert joined.n_bins == 60
    expected = np.concatenate([batch.per_bin(MU), np.tile(kernel.per_bin(MU), (2, 1))], axis=-1)
    np.testing.assert_array_equal(joined.per_bin(np.concatenate([MU, MU])), expected)


def test_kinds_are_not_joined():
    with pytest.raises(InputTypeError, match="CStatistic cannot be joined: expected CashStatistic alone"):
        CashStatistic.join([CashStatistic([1.0]), CStatistic([1.0])])


def test_errors_alone_can_be_a_batch():
    assert np.shape(Chi2Statistic(np.ones(2), np.ones((3, 2))).offset) == (3,)


MAKERS = {
    "cash": lambda n, x: CashStatistic(n),
    "cstat": lambda n, x: CStatistic(n),
    "wstat": lambda n, x: WStatistic(n, np.round(9 * x), 0.1 + x),
    "pgstat": lambda n, x: PGStatistic(n, 2 * x, 0.5 + x),
    "chi2": lambda n, x: Chi2Statistic(n, 0.5 + x),
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@given(
    n=arrays(float, (3, 6), elements=st.integers(0, 500).map(float)),
    x=arrays(float, 6, elements=st.floats(0, 3)),
    mu=arrays(float, (3, 6), elements=st.floats(0.01, 1e3)),
    cut=st.integers(1, 5),
)
@settings(max_examples=30)
def test_any_data_batched_joined_and_summed(maker, n, x, mu, cut):
    kernel = maker(n, np.tile(x, (3, 1)))
    rows = [maker(counts, x) for counts in n]
    for method in ("per_bin", "gradient", "curvature", "fisher"):
        one_by_one = [getattr(row, method)(m) for row, m in zip(rows, mu, strict=True)]
        np.testing.assert_allclose(getattr(kernel, method)(mu), one_by_one, rtol=1e-12, atol=1e-12)
    parts = [maker(n[:, :cut], np.tile(x[:cut], (3, 1))), maker(n[:, cut:], np.tile(x[cut:], (3, 1)))]
    np.testing.assert_array_equal(type(kernel).join(parts).per_bin(mu), kernel.per_bin(mu))
    np.testing.assert_array_equal(kernel.select(slice(cut, None)).per_bin(mu[:, cut:]), kernel.per_bin(mu)[:, cut:])
    total = kernel.per_bin(mu).sum(axis=-1)
    np.testing.assert_allclose(kernel.deviance(mu) + kernel.offset, total, rtol=1e-11, atol=1e-9)


def test_model_variance_where_none_is_predicted():
    kernel = Chi2ModelStatistic([0.0, 2.0, 0.0], [0.0, 0.0, 1.0])
    mu = np.array([0.0, 0.0, -2.0])
    np.testing.assert_array_equal(kernel.per_bin(mu), [0.0, np.inf, np.inf])
    assert kernel.gradient(mu)[0] == 1.0
    np.testing.assert_array_equal(kernel.fisher(mu), 0.0)
    np.testing.assert_array_equal(kernel.curvature(mu), 0.0)
