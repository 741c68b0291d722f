"""Where the W statistic cannot be trusted: few off counts in a bin, and a background that matters.

The W statistic fits a background of its own in every bin. With few off counts the best background is far from the
true one, mostly zero, and the signal takes what is missing or gives what is too much. In simulations of 30 bins with
as much background as signal the norm of the signal was off by -21 % at 0.67 off counts per bin, by -2.4 % at 3.3, and
not at all at 6.7; with three times as much signal as background by -2.9 % at 0.67. How much it is in other spectra
`gammafold.stats.wstat_bias` computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.smooth import smooth_counts
from gammafold.stats.wstat_bias import wstat_bias

__all__ = ["ENOUGH_OFF_COUNTS", "few_and_many", "few_off_counts"]

Array = NDArray[np.float64]

# Mean off counts per bin from which the bias is below a percent.
ENOUGH_OFF_COUNTS = 5.0
# Share of background in the on counts below which its bias is lost in the errors of the signal.
_SMALL = 0.1
# Neighbouring bins resemble each other: of more bins than this a selection tells the bias.
_BINS = 200


def few_off_counts(n_on: Any, n_off: Any, alpha: Any, signal: Any = None) -> str:
    """Say in a sentence why the W statistic is biased for these bins; an empty string says that it is not.

    Parameters
    ----------
    n_on, n_off : array, shape (K,)
        Counts in the on and in the off region, of the bins that enter.
    alpha : array, shape (K,)
        Ratio of the exposures to background, on over off; bins with 0 have no off measurement and do not count.
    signal : array, shape (K,), optional
        Predicted signal, for the bias. Default: the excess, smoothed.

    Returns
    -------
    sentence : str
        Off counts, background, and the bias of a norm to expect.

    Examples
    --------
    >>> few_off_counts([2] * 10, [1, 1, 0, 2, 1] * 2, [1] * 10)
    '1 off counts per bin, and 50% of the on counts are background: expect a norm about 6% too high'
    >>> few_off_counts([30, 10, 0], [1, 0, 1], [1, 1, 1])
    ''
    """
    n_on, n_off, alpha = (np.asarray(values, dtype=float) for values in (n_on, n_off, alpha))
    if not few_and_many(n_on, n_off, alpha, np.array([0]))[0]:
        return ""
    measured = alpha > 0
    mean = float(n_off[measured].mean())
    background, seen = float((alpha * n_off)[measured].sum()), float(n_on[measured].sum())
    share = "all" if background >= seen else f"{background / seen:.0%}"
    known = None if signal is None else np.asarray(signal, dtype=float)[measured]
    bias = _expected_bias(n_on[measured], n_off[measured], alpha[measured], known)
    size = f"about {abs(bias):.0%}" if abs(bias) >= 0.01 else "less than 1%"
    expected = f"expect a norm {size} too {'low' if bias < 0 else 'high'}"
    return f"{mean:.2g} off counts per bin, and {share} of the on counts are background: {expected}"


def few_and_many(n_on: Array, n_off: Array, alpha: Array, starts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Say for many spectra at once whether they have few off counts per bin, and much background.

    Parameters
    ----------
    n_on, n_off, alpha : array, shape (K,)
        As for `few_off_counts`, of one spectrum after the other.
    starts : int array, shape (n,)
        First bin of each spectrum.
    """
    measured = (alpha > 0).astype(float)
    bins, off, background, seen = (
        np.add.reduceat(values, starts) for values in (measured, n_off * measured, alpha * n_off, n_on * measured)
    )
    return (bins > 0) & (off < ENOUGH_OFF_COUNTS * bins) & (background > _SMALL * seen)


def _expected_bias(n_on: Array, n_off: Array, alpha: Array, signal: Array | None) -> float:
    """Return the relative bias of a norm; what is expected of a bin is estimated from it and its neighbours."""
    background = alpha * smooth_counts(n_off)
    if signal is None:
        signal = smooth_counts(n_on) - background
    step = max(1, n_on.size // _BINS)
    return wstat_bias(np.maximum(signal, 0.0)[::step], background[::step], alpha[::step])
