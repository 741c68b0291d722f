"""What is doubtful about a fit that may have converged all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.stats.few_off import ENOUGH_OFF_COUNTS, few_and_many, few_off_counts
from gammafold.stats.kernels import WStatistic

__all__ = ["what_is_doubtful"]

Array = NDArray[np.float64]


def what_is_doubtful(likelihood: Likelihood, theta: Array) -> list[str]:
    """Return a sentence for each doubt.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood that was minimised.
    theta : array, shape (p,)
        Where the fit ended.
    """
    if hasattr(likelihood, "doubts"):
        # Its data are elsewhere, and so are their doubts.
        return list(likelihood.doubts(theta))
    signal = likelihood.npred_signal(theta)
    return [text for text in (_few_off(likelihood, signal), _negative(signal)) if text]


def _few_off(likelihood: Likelihood, signal: Mapping[str, Array]) -> str:
    """Say which datasets have so few off counts that the W statistic is biased."""
    found: dict[str, str] = {}
    slices = [(bins.start, bins.stop, name) for name, bins in likelihood.slices.items() if bins.stop > bins.start]
    for rows, kernel in likelihood.statistic.parts:
        if not isinstance(kernel, WStatistic) or kernel.batch_shape:
            continue
        members = sorted(bins for bins in slices if rows.start <= bins[0] < rows.stop)
        starts = np.array([start - rows.start for start, _, _ in members])
        suspects: Any = few_and_many(kernel.n_on, kernel.n_off, kernel.alpha, starts) if members else []
        for (start, stop, name), is_suspect in zip(members, suspects, strict=True):
            own = slice(start - rows.start, stop - rows.start)
            arrays = (kernel.n_on[own], kernel.n_off[own], kernel.alpha[own])
            text = few_off_counts(*arrays, signal[name]) if is_suspect else ""
            if text:
                found[name] = text
    few = list(found)
    if not few:
        return ""
    others = f" ({len(few) - 1} more like it)" if len(few) > 1 else ""
    return (
        f"the W statistic is biased with few off counts: dataset {few[0]!r} has {found[few[0]]}{others}; stack the "
        f"datasets, group the bins by off counts, dataset.group('counts_off', {ENOUGH_OFF_COUNTS:g}), or model the "
        "background"
    )


def _negative(signal: Mapping[str, Array]) -> str:
    """Say where a source is predicted to take counts away."""
    words = []
    for name, counts in signal.items():
        if counts.size and counts.min() < 0:
            words.append(f"{int((counts < 0).sum())} bins of dataset {name!r}")
    return f"the models predict negative counts in {', '.join(words[:3])}" if words else ""
