"""Fit statistics as functions of counts and predictions, bin by bin.

The same formulas as in `gammafold.stats.kernels`, for single use: every argument broadcasts, and is checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.stats.cash_kernel import CashStatistic, CStatistic
from gammafold.stats.wstat_kernel import WStatistic
from gammafold.utils.errors import InputError

__all__ = ["cash", "chi2", "cstat", "get_wstat_gof_terms", "get_wstat_mu_bkg", "sigma_to_ts", "ts_to_sigma", "wstat"]

Array = NDArray[np.float64]


def cash(n_on: ArrayLike, mu_on: ArrayLike) -> Array:
    """Return the statistic of Cash, ``2 (mu - n ln mu)`` (Cash 1979, ApJ 228, 939).

    Parameters
    ----------
    n_on : array_like
        Counts, >= 0.
    mu_on : array_like
        Predicted counts.

    Returns
    -------
    stat : array
        Zero for ``n = mu = 0``; inf where the prediction is impossible: negative, or zero where counts were seen.

    Raises
    ------
    InputError
        If counts are negative, or anything is not a finite number.

    Examples
    --------
    >>> cash([3, 0], [2.0, 0.0]).round(6)
    array([-0.158883,  0.      ])
    """
    n, mu = _arrays(n_on=n_on, mu_on=mu_on)
    _require_counts(n_on=n)
    return CashStatistic(n).per_bin(mu)


def cstat(n_on: ArrayLike, mu_on: ArrayLike) -> Array:
    """Return ``2 (mu - n + n ln(n / mu))``: the statistic of Cash with a constant that makes it zero at ``mu = n``.

    The parameters, the result and the errors are those of `cash`.

    Examples
    --------
    >>> cstat([3, 3], [3.0, 2.0]).round(6)
    array([0.      , 0.432791])
    """
    n, mu = _arrays(n_on=n_on, mu_on=mu_on)
    _require_counts(n_on=n)
    return CStatistic(n).per_bin(mu)


def wstat(
    n_on: ArrayLike,
    n_off: ArrayLike,
    alpha: ArrayLike,
    mu_sig: ArrayLike,
    mu_bkg: ArrayLike | None = None,
    extra_terms: bool = True,
) -> Array:
    """Return the W statistic: Poisson counts with a background measured in off regions.

    See `gammafold.stats.wstat_kernel` for the formula (XSPEC manual, appendix B).

    Parameters
    ----------
    n_on, n_off : array_like
        Counts in the on and in the off regions, >= 0.
    alpha : array_like
        Ratio of the exposures to background, on over off.
    mu_sig : array_like
        Predicted signal counts in the on region.
    mu_bkg : array_like, optional
        Predicted background counts in the off region. Default: those that fit best.
    extra_terms : bool
        Whether the terms of the data are included that make the statistic zero for the best model. Default: True.

    Raises
    ------
    InputError
        If counts or alpha are negative, or anything is not a finite number.

    Examples
    --------
    >>> wstat([3, 3], 4, 0.5, [1.0, 2.0]).round(6)
    array([0.      , 0.224456])
    """
    on, off, ratio, signal, background = _arrays(
        n_on=n_on, n_off=n_off, alpha=alpha, mu_sig=mu_sig, mu_bkg=0.0 if mu_bkg is None else mu_bkg
    )
    _require_counts(n_on=on, n_off=off, alpha=ratio)
    if mu_bkg is None:
        value = WStatistic(on, off, ratio).per_bin(signal)
    else:
        value = CStatistic(on).per_bin(signal + ratio * background) + CStatistic(off).per_bin(background)
    return value if extra_terms else value - get_wstat_gof_terms(on, off)


def get_wstat_mu_bkg(n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike, mu_sig: ArrayLike) -> Array:
    """Return the background counts in the off region that fit best for a given signal.

    The parameters and the errors are those of `wstat`.

    Examples
    --------
    >>> get_wstat_mu_bkg([3, 4], 4, 0.5, 1.0).round(6)
    array([4.      , 4.514668])
    """
    on, off, ratio, signal = _arrays(n_on=n_on, n_off=n_off, alpha=alpha, mu_sig=mu_sig)
    _require_counts(n_on=on, n_off=off, alpha=ratio)
    background = WStatistic(on, off, ratio).background(signal)
    # Where there is no off exposure, the off counts tell nothing about the on region, and are their own best value.
    return np.divide(background, ratio, out=np.array(np.broadcast_to(off, background.shape)), where=ratio > 0)


def get_wstat_gof_terms(n_on: ArrayLike, n_off: ArrayLike) -> Array:
    """Return the terms of the W statistic that depend on the data alone, ``-2 (n - n ln n)`` of on and off counts.

    Examples
    --------
    >>> get_wstat_gof_terms([3, 0], [2, 0]).round(6) + 0.0
    array([-0.635738,  0.      ])
    """
    on, off = _arrays(n_on=n_on, n_off=n_off)
    _require_counts(n_on=on, n_off=off)
    with np.errstate(divide="ignore", invalid="ignore"):
        return sum((-2.0 * np.where(n > 0, n - n * np.log(n), 0.0) for n in (on, off)), np.zeros(()))


def chi2(values: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> Array:
    """Return ``((value - mu) / sigma)^2``.

    Raises
    ------
    InputError
        If an error is not above zero, or anything is not a finite number.
    """
    value, prediction, error = _arrays(values=values, mu=mu, sigma=sigma)
    if not (error > 0).all():
        raise InputError(f"sigma holds {error[~(error > 0)].flat[0]}: expected errors above zero")
    return ((value - prediction) / error) ** 2


def sigma_to_ts(n_sigma: ArrayLike, df: int = 1) -> Array:
    """Return the test statistic that is as unlikely as ``n_sigma`` standard deviations, for ``df`` degrees of freedom.

    Examples
    --------
    >>> float(sigma_to_ts(3.0)), float(sigma_to_ts(1.0, df=2).round(4))
    (9.0, 2.2957)
    """
    from scipy.stats import chi2 as distribution
    from scipy.stats import norm

    sigma = np.asarray(n_sigma, dtype=float)
    return sigma**2 if df == 1 else distribution.isf(2.0 * norm.sf(sigma), df)


def ts_to_sigma(ts: ArrayLike, df: int = 1) -> Array:
    """Return the standard deviations that are as unlikely as a test statistic; the inverse of `sigma_to_ts`.

    Examples
    --------
    >>> float(ts_to_sigma(9.0)), float(ts_to_sigma(2.2957, df=2).round(4))
    (3.0, 1.0)
    """
    from scipy.stats import chi2 as distribution
    from scipy.stats import norm

    value = np.asarray(ts, dtype=float)
    return np.sqrt(np.maximum(value, 0.0)) if df == 1 else norm.isf(0.5 * distribution.sf(value, df))


def _arrays(**values: Any) -> tuple[Array, ...]:
    """Return arguments as arrays of one shape."""
    arrays = {name: _numbers(name, value) for name, value in values.items()}
    try:
        return tuple(np.array(array) for array in np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = {name: array.shape for name, array in arrays.items()}
        raise InputError(f"shapes {shapes} do not broadcast") from None


def _numbers(name: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}: expected numbers") from None
    bad = ~np.isfinite(array)
    if bad.any():
        raise InputError(f"{name} holds {array[bad].flat[0]}: expected finite numbers")
    return array


def _require_counts(**values: Array) -> None:
    for name, array in values.items():
        bad = array < 0
        if bad.any():
            raise InputError(f"{name} holds {array[bad].flat[0]}: expected numbers of zero or more")
