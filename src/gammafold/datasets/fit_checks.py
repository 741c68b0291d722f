"""Is a fit of these datasets to be trusted? What makes it impossible, and what makes it biased.

A fit asks here before it starts (`Datasets.require_exposure`), and `MapDataset.explain` does. What a fit says about few
off counts when it has ended is `gammafold.stats.few_off.few_off_counts` too: there is one criterion.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gammafold.datasets.folding import kernel_values, split_models
from gammafold.stats.few_off import ENOUGH_OFF_COUNTS, few_off_counts
from gammafold.utils.errors import FitError, GammafoldWarning

__all__ = ["low_off_counts", "missing_exposure", "require_exposure", "tell_of_strangers"]


def tell_of_strangers(models: Sequence[Any], datasets: Sequence[str]) -> None:
    """Warn of models that name datasets which are not there: nothing would be predicted by them."""
    strangers = {m.name: m.datasets_names for m in models if m.datasets_names and not {*m.datasets_names} & {*datasets}}
    if strangers:
        name, wanted = next(iter(strangers.items()))
        others = f" ({len(strangers) - 1} more like it)" if len(strangers) > 1 else ""
        shown = f"{list(datasets[:4])}{' and others' if len(datasets) > 4 else ''}"
        text = f"model {name!r} is for the datasets {wanted[:4]}{others}, none of which is here: there are {shown}"
        warnings.warn(text, GammafoldWarning, stacklevel=3)


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


def low_off_counts(dataset: Any, signal: np.ndarray | None = None) -> str | None:
    """Return a warning about a dataset with too few off counts for the W statistic, or None.

    Parameters
    ----------
    dataset : Dataset
        One with another statistic needs no warning.
    signal : array, optional
        Predicted signal in the bins that are fitted. Default: what the counts suggest.

    Returns
    -------
    text : str or None
        What was found, the bias to expect, and the remedy.
    """
    if dataset.stat_type != "wstat" or dataset.counts_off is None or dataset.acceptance is None:
        return None
    bins = dataset.selected_bins()
    on, off, alpha = (held.data.reshape(-1)[bins] for held in (dataset.counts, dataset.counts_off, dataset.alpha))
    found = few_off_counts(on, off, alpha, signal)
    if not found:
        return None
    return (
        f"the W statistic is biased with few off counts: {found}; group the bins by off counts, "
        f"dataset.group('counts_off', {ENOUGH_OFF_COUNTS:g}), or model the background"
    )
