"""Is a fit of these datasets to be trusted? What makes it impossible, and what makes it biased.

`Datasets.require_exposure` and `Datasets.fit_warnings` ask here before and after a fit, and so does
`MapDataset.explain`: there is one criterion and one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.folding import kernel_values, split_models
from gammafold.stats.wstat_bias import FEW_OFF_COUNTS, local_mean, wstat_bias
from gammafold.utils.errors import FitError

if TYPE_CHECKING:
    from gammafold.likelihood.likelihood import Likelihood

__all__ = ["FitWarnings", "few_off_counts", "missing_exposure", "off_counts_bias", "require_exposure"]

# A bias below one per cent of a norm is not worth a warning.
_TOLERABLE = 0.01
# Bins that are neighbours, and observations of one joint fit, resemble each other: so many bins tell the bias, at a
# glance, and where that is worth a closer look.
_GLANCE, _LOOK = 40, 600
_SIMULATED = (
    "in simulations with as much signal as background, norms came out about 20 % low with less than one off count per "
    "bin, and 2 to 3 % low with three"
)


def missing_exposure(dataset: Any) -> str | None:
    """Return why no model can predict counts in the bins of a dataset that are fitted, or None if one can."""
    exposure = dataset.exposure
    if exposure is None:
        return f"dataset {dataset.name!r} has no exposure: no model predicts counts"
    if not exposure.data.any():
        return (
            f"dataset {dataset.name!r} has zero exposure at every energy: no model predicts counts (livetime or "
            "effective area is zero)"
        )
    bins = dataset.selected_bins()
    if dataset.edisp is not None and bins.any():
        response = exposure.data.reshape(-1) @ kernel_values(dataset)
        if not response[bins].any():
            return (
                f"dataset {dataset.name!r} has an energy dispersion that leads no event into the {int(bins.sum())} "
                "bins that are fitted: no model predicts counts there"
            )
    return None


def require_exposure(datasets: Sequence[Any]) -> None:
    """Raise `FitError` if a dataset with models of the sky, and bins to fit, has no exposure."""
    for dataset in datasets:
        if not hasattr(dataset, "exposure") or not split_models(dataset.models or ())[0]:
            continue
        problem = missing_exposure(dataset) if dataset.selected_bins().any() else None
        if problem is not None:
            raise FitError(problem)


class FitWarnings:
    """What makes a fit of some datasets biased, kept while data and parameters stay about what they were."""

    __slots__ = ("_likelihood", "_texts", "_theta")

    # A bias changes little while parameters change by less than this fraction.
    _NEAR = 0.1

    def __init__(self) -> None:
        self._likelihood: Likelihood | None = None
        self._theta: np.ndarray = np.zeros(0)
        self._texts: list[str] = []

    def __call__(self, datasets: Sequence[Any], likelihood: Likelihood, theta: np.ndarray) -> list[str]:
        """Return the warnings about datasets, of which this is the present likelihood, at parameters ``theta``."""
        known = self._likelihood is likelihood and np.allclose(theta, self._theta, rtol=self._NEAR, atol=0)
        if not known:
            found = few_off_counts(datasets, likelihood.npred_signal(theta))
            self._likelihood, self._theta = likelihood, theta
            self._texts = [] if found is None else [found]
        return list(self._texts)


def off_counts_bias(datasets: Sequence[Any], signals: Mapping[str, np.ndarray], n_bins: int = _LOOK) -> float:
    """Return the relative bias of a joint norm of datasets with off counts, see `wstat_bias`.

    Parameters
    ----------
    datasets : sequence of MapDatasetOnOff
        Datasets with the W statistic.
    signals : mapping of str to array
        Predicted signal in the bins that are fitted, by name of dataset.
    n_bins : int
        About so many bins are looked at, evenly chosen. Default is 600.
    """
    every = max(1, 10 * len(datasets) // n_bins)
    total = sum(signals[dataset.name].size for dataset in datasets[::every])
    step = max(1, total // n_bins)
    parts: list[list[np.ndarray]] = []
    for dataset in datasets[::every]:
        bins = dataset.selected_bins()
        # Single bins without off counts do not say that no background is to be expected there.
        off = local_mean(dataset.counts_off.data.reshape(-1)[bins], FEW_OFF_COUNTS)[::step]
        on, below = (held.data.reshape(-1)[bins][::step] for held in (dataset.acceptance, dataset.acceptance_off))
        alpha = np.divide(on, below, out=np.zeros(on.size), where=below > 0)
        parts.append([np.maximum(signals[dataset.name][::step], 0.0), alpha * off, alpha])
    signal, background, alpha = (np.concatenate(one) for one in zip(*parts, strict=True))
    return wstat_bias(signal, background, alpha)


def few_off_counts(
    datasets: Sequence[Any], signals: Mapping[str, np.ndarray] | None = None, tolerable: float = _TOLERABLE
) -> str | None:
    """Return a warning about bins with too few off counts for the W statistic, or None.

    Parameters
    ----------
    datasets : sequence of Dataset
        Datasets that are fitted together; only those with the W statistic are looked at.
    signals : mapping of str to array, optional
        Predicted signal in the bins that are fitted, by name. With it the bias is computed (see
        `gammafold.stats.wstat_bias.wstat_bias`), without it the text says what simulations found.
    tolerable : float
        A computed bias below this is not spoken of. Default is 0.01.

    Returns
    -------
    text : str or None
        What was found, the bias to expect, and the remedy.
    """
    affected, n_bins, n_few, n_off = [], 0, 0, 0.0
    for dataset in datasets:
        if dataset.stat_type != "wstat" or dataset.counts_off is None or dataset.acceptance is None:
            continue
        off = dataset.counts_off.data.reshape(-1)[dataset.selected_bins()]
        few = int((off < FEW_OFF_COUNTS).sum())
        if few:
            affected.append(dataset)
            n_bins, n_few, n_off = n_bins + off.size, n_few + few, n_off + float(off.sum())
    if not affected:
        return None
    bias = None
    if signals is not None:
        if abs(off_counts_bias(affected, signals, _GLANCE)) < tolerable / 2:
            return None
        bias = off_counts_bias(affected, signals)
        if abs(bias) < tolerable:
            return None
    names = ", ".join(repr(dataset.name) for dataset in affected[:3]) + (", ..." if len(affected) > 3 else "")
    expected = _SIMULATED
    if bias is not None:
        expected = f"expect a norm about {abs(bias):.1%} too {'low' if bias < 0 else 'high'}"
    return (
        f"{n_few} of {n_bins} bins of {names} have fewer than {FEW_OFF_COUNTS:g} off counts ({n_off / n_bins:.2g} on "
        f"average), where the W statistic is biased: {expected}. Group the bins by off counts, "
        f"dataset.group('counts_off', {FEW_OFF_COUNTS:g}), or model the background"
    )
