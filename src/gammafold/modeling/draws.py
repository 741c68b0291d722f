"""Data drawn from a model: what goodness of fit and posterior predictive checks compare the real data with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.joint_statistic import JointStatistic, join_statistics
from gammafold.likelihood.likelihood import Likelihood
from gammafold.stats.kernels import CashStatistic, Chi2Statistic, PGStatistic, WStatistic
from gammafold.stats.smooth import smooth_counts
from gammafold.utils.errors import InputError

__all__ = ["draw_statistic", "smooth_off_counts"]

Array = NDArray[np.float64]


def draw_statistic(likelihood: Likelihood, theta: Array, n: int, random: Any) -> JointStatistic:
    """Return the joint statistic of ``n`` data sets that are drawn from the model.

    For off counts, the expected background is the one that fits best to the mean prediction, smoothed over neighbouring
    bins that have ten off counts together (`gammafold.stats.smooth`): that of a single bin is often none.

    Parameters
    ----------
    likelihood : Likelihood
        With the real data.
    theta : array, shape (p,) or (n, p)
        Where all data sets, or each, are drawn.
    n : int
        How many.
    random : `numpy.random.Generator` or `numpy.random.RandomState`
        Where numbers come from.

    Raises
    ------
    InputError
        If data of such a statistic cannot be drawn.
    """
    statistic = likelihood.statistic
    predicted = np.zeros((*theta.shape[:-1], statistic.n_bins))
    for name, counts in likelihood.npred(theta).items():
        predicted[..., likelihood.slices[name]] = counts
    parts = []
    for rows, kernel in statistic.parts:
        mu = predicted[..., rows]
        if isinstance(kernel, WStatistic):
            off = smooth_off_counts(likelihood, rows, kernel, np.mean(np.atleast_2d(mu), axis=0))
            parts.append((rows, _drawn(kernel, mu, n, random, off)))
        else:
            parts.append((rows, _drawn(kernel, mu, n, random)))
    return join_statistics(parts, statistic.n_bins)


def smooth_off_counts(likelihood: Likelihood, rows: slice, kernel: WStatistic, mu: Array) -> Array:
    """Return the off counts (K,) that are expected for a prediction (K,), smoothed inside each dataset.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood, for where its datasets are.
    rows : slice
        Bins of a part of its statistic.
    kernel : WStatistic
        That part.
    mu : array, shape (K,)
        Predicted signal in these bins.
    """
    measured = kernel.alpha > 0
    off = np.divide(kernel.background(mu), kernel.alpha, out=np.zeros_like(mu), where=measured)
    for bins in likelihood.slices.values():
        if rows.start <= bins.start and bins.stop <= rows.stop:
            own = np.arange(bins.start - rows.start, bins.stop - rows.start)
            own = own[measured[own]]
            off[own] = smooth_counts(off[own])
    return off


def _drawn(kernel: Any, mu: Array, n: int, random: Any, off: Any = None) -> Any:
    """Return a statistic with data (n, K) drawn at predictions (K,) or (n, K)."""
    shape = (n, mu.shape[-1])
    if isinstance(kernel, WStatistic):
        on = np.maximum(mu + kernel.alpha * off, 0.0)
        return kernel.with_data(n_on=random.poisson(on, size=shape), n_off=random.poisson(off, size=shape))
    if isinstance(kernel, CashStatistic):
        return kernel.with_data(counts=random.poisson(np.maximum(mu, 0.0), size=shape))
    if isinstance(kernel, PGStatistic):
        background = kernel.background(mu)
        on = np.maximum(mu + background, 0.0)
        return kernel.with_data(
            counts=random.poisson(on, size=shape),
            background_counts=random.normal(background, kernel.sigma, size=shape),
        )
    if isinstance(kernel, Chi2Statistic):
        return kernel.with_data(values=random.normal(mu, kernel.sigma, size=shape))
    raise InputError(f"data of a {type(kernel).__name__} cannot be drawn: expected counts, or gaussian values")
