"""Statistics of flux points: two-sided errors and scanned curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from gammafold.stats.kernels import AsymmetricChi2Statistic, ProfileStatistic


def poisson_curve(count, n_knots=25):
    """Knots and signed roots of the rise of -2 ln L for a count."""
    mu = np.append(np.geomspace(count / 8, count * 6, n_knots), count)
    mu.sort()
    rise = 2 * (poisson.logpmf(count, count) - poisson.logpmf(count, mu))
    return mu, np.sign(mu - count) * np.sqrt(np.maximum(rise, 0))


KERNELS = {
    "asymmetric": AsymmetricChi2Statistic([1.0, 5.0, 9.0], [0.5, 0.7, 2.0], [1.5, 0.6, 1.0]),
    "profile": ProfileStatistic(*(np.stack(part, axis=1) for part in zip(*map(poisson_curve, (2, 5, 9)), strict=True))),
}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
class TestDerivatives:
    mu = np.array([[1.3, 4.0, 12.0], [0.05, 50.0, 2.0], [2.2, 5.4, 9.1]])

    def test_gradient_and_curvature(self, kernel):
        step = 1e-6 * self.mu
        slope = (kernel.per_bin(self.mu + step) - kernel.per_bin(self.mu - step)) / (2 * step)
        np.testing.assert_allclose(kernel.gradient(self.mu), slope, rtol=1e-6, atol=1e-8)
        bend = (kernel.gradient(self.mu + step) - kernel.gradient(self.mu - step)) / (2 * step)
        np.testing.assert_allclose(kernel.curvature(self.mu), bend, rtol=1e-5, atol=1e-7)
        assert (kernel.fisher(self.mu) > 0).all()

    def test_sums(self, kernel):
        np.testing.assert_allclose(kernel.deviance(self.mu), kernel.per_bin(self.mu).sum(axis=-1))
        value, gradient = kernel.deviance_and_gradient(self.mu)
        np.testing.assert_allclose(value, kernel.deviance(self.mu))
        np.testing.assert_allclose(gradient, kernel.gradient(self.mu))

    def test_selected_and_joined(self, kernel):
        parts = [kernel.select([0, 2]), kernel.select([1])]
        joined = type(kernel).join(parts)
        np.testing.assert_allclose(joined.per_bin(self.mu[:, [0, 2, 1]]), kernel.per_bin(self.mu)[:, [0, 2, 1]])
        assert joined.n_bins == 3
        assert joined.batch_shape == ()


class TestProfile:
    @pytest.mark.parametrize("count", [1, 4, 30])
    def test_between_the_knots_it_is_the_curve(self, count):
        knots, roots = poisson_curve(count)
        kernel = ProfileStatistic(knots[:, None], roots[:, None])
        mu = np.geomspace(count / 7, count * 5, 200)
        truth = 2 * (poisson.logpmf(count, count) - poisson.logpmf(count, mu))
        np.testing.assert_allclose(kernel.per_bin(mu[:, None])[:, 0], truth, rtol=5e-3, atol=5e-3)

    def test_beyond_the_knots_the_root_goes_on_straight(self):
        knots, roots = poisson_curve(4)
        kernel = ProfileStatistic(knots[:, None], roots[:, None])
        for ends, sign in (([knots[-1] + 1, knots[-1] + 2, knots[-1] + 3], 1), ([-3.0, -2.0, -1.0], -1)):
            root = sign * np.sqrt(kernel.per_bin(np.array(ends)[:, None])[:, 0])
            assert np.diff(root, 2) == pytest.approx(0, abs=1e-9)
            assert (np.diff(root) > 0).all()

    def test_curves_of_different_lengths_are_joined(self):
        parts = [ProfileStatistic(k[:, None], r[:, None]) for k, r in (poisson_curve(3, 10), poisson_curve(8, 30))]
        joined = ProfileStatistic.join(parts)
        mu = np.array([[1.0, 7.0], [3.0, 8.0], [90.0, 300.0], [-2.0, 0.1]])
        expected = np.stack([part.per_bin(mu[:, [i]])[:, 0] for i, part in enumerate(parts)], axis=1)
        np.testing.assert_allclose(joined.per_bin(mu), expected, rtol=1e-9)
