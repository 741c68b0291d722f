"""Which statistic a dataset is compared with, and why.

Unless `stat_type` is set, the data choose: Poisson counts have the Cash statistic, with off counts the W statistic,
with a background of gaussian errors the PG statistic; counts with errors of their own have chi squared. Further names
give the variance of chi squared, where counts have no errors of their own:

========================  =============================================================================================
``"chi2"``                the square of ``counts_error`` and ``counts_off_error``
``"chi2datavar"``         the counts; bins without any must be masked or grouped
``"chi2xspecvar"``        the counts, and one where there are none in the on region
``"chi2gehrels"``         (1 + sqrt(n + 3/4))^2 (Gehrels 1986, ApJ 303, 336, equation 7)
``"chi2churazov"``        the mean of the counts nearby (Churazov et al. 1996, ApJ 471, 673)
``"chi2modvar"``          the counts that the model predicts, as in the last step of an iteration of the variance
========================  =============================================================================================

A measured background is subtracted, ``n - alpha m``, and the variances add: ``var(n) + alpha^2 var(m)``. The names
are Sherpa's, and so are the numbers, but for "chi2modvar": the counts that the model predicts in the on region include
the background there, which Sherpa leaves out of their variance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gammafold.stats.kernels import (
    CashStatistic,
    Chi2ModelStatistic,
    Chi2Statistic,
    CStatistic,
    PGStatistic,
    WStatistic,
)
from gammafold.stats.smooth import local_mean
from gammafold.utils.errors import InputError

__all__ = ["CHI2", "KNOWN_BACKGROUND", "MEASURED_BACKGROUND", "StatType", "chosen", "kernel_of"]

Array = np.ndarray

# Counts over which the mean of a neighbourhood is taken for its variance.
_NEARBY = 25.0
_VARIANCES: dict[str, Callable[[Array], Array]] = {
    "chi2datavar": lambda n: n,
    "chi2xspecvar": lambda n: n,
    "chi2gehrels": lambda n: (1.0 + np.sqrt(n + 0.75)) ** 2,
    "chi2churazov": lambda n: local_mean(n, _NEARBY),
}
CHI2 = ("chi2", *_VARIANCES, "chi2modvar")
#: Statistics of datasets whose background is known, or absent.
KNOWN_BACKGROUND = ("cash", "cstat", *CHI2)
#: Statistics of datasets whose background is measured in off regions.
MEASURED_BACKGROUND = ("wstat", "pgstat", *CHI2)


class StatType:
    """Name of the statistic: chosen from the data until it is set; None leaves the choice to the data again.

    Parameters
    ----------
    names : tuple of str
        Statistics that can be set; the first is that of counts alone, and what the class itself shows.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.__doc__ = (
            f"Name of the statistic, one of {', '.join(names)}: see `gammafold.datasets.statistics`. Chosen from the "
            "data until it is set; None leaves the choice to the data again."
        )

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.names[0] if instance is None else chosen(instance)[0]

    def __set__(self, instance: Any, value: str | None) -> None:
        if value is not None and value not in self.names:
            raise InputError(f"stat_type of dataset {instance.name!r} is {value!r}: expected one of {list(self.names)}")
        instance.chosen_stat_type = value


def chosen(dataset: Any) -> tuple[str, str]:
    """Return the name of the statistic of a dataset, and why it is this one, in words."""
    if dataset.chosen_stat_type is not None:
        return dataset.chosen_stat_type, "as it was set"
    is_measured = "counts_off" in dataset.reco_parts
    if dataset.counts_error is not None:
        return "chi2", "the counts have gaussian errors (counts_error)"
    if not is_measured:
        return "cash", "the counts are Poisson distributed, and no background is measured in off regions"
    if dataset.counts_off_error is not None:
        return "pgstat", "the counts are Poisson distributed, the background has gaussian errors (counts_off_error)"
    if dataset.counts_off is None:
        return "wstat", "the counts are Poisson distributed; without off counts it is the statistic of Cash"
    return "wstat", "counts and off counts are Poisson distributed"


def kernel_of(dataset: Any, keep: Array) -> Any:
    """Return the statistic of the bins ``keep`` of a dataset with counts.

    Raises
    ------
    InputError
        If errors are missing, or zero in a bin.
    """
    name, _ = chosen(dataset)
    counts = _bins(dataset, "counts", keep)
    if name in {"cash", "cstat"}:
        return (CashStatistic if name == "cash" else CStatistic)(counts)
    alpha, off = _bins(dataset, "alpha", keep), _bins(dataset, "counts_off", keep)
    if name == "wstat":
        return WStatistic(counts, off, alpha)
    if name == "pgstat":
        error = _bins(dataset, "counts_off_error", keep) if dataset.counts_off_error is not None else np.sqrt(off)
        return PGStatistic(counts, alpha * off, alpha * error)
    if name == "chi2modvar":
        # The counts that are expected are those of the model and of the background, alpha m.
        return Chi2ModelStatistic(counts - alpha * off, alpha * off + alpha**2 * off)
    variance = _variance(dataset, name, "counts", keep) + alpha**2 * _variance(dataset, name, "counts_off", keep)
    _require_positive(dataset, name, variance)
    return Chi2Statistic(counts - alpha * off, np.sqrt(variance))


def _bins(dataset: Any, part: str, keep: Array) -> Array:
    """Return a part of a dataset in some bins, zero where it has none."""
    held = getattr(dataset, part, None)
    if held is None:
        return np.zeros(int(keep.sum()))
    return np.array(held.data, dtype=float).reshape(-1)[keep]


def _variance(dataset: Any, name: str, part: str, keep: Array) -> Array:
    """Return the variance of counts or off counts; errors of their own are taken where they have them."""
    if getattr(dataset, part, None) is None:
        return np.zeros(int(keep.sum()))
    if getattr(dataset, f"{part}_error") is not None:
        return _bins(dataset, f"{part}_error", keep) ** 2
    counts = _bins(dataset, part, keep)
    if name == "chi2xspecvar" and part == "counts":
        return np.maximum(counts, 1.0)
    if name in _VARIANCES:
        return _VARIANCES[name](counts)
    if part == "counts_off":
        # Poisson counts beside those with errors of their own.
        return counts
    raise InputError(
        f"dataset {dataset.name!r} has no counts_error, which the statistic 'chi2' needs: set it, or set stat_type to "
        f"one of {[*_VARIANCES, 'chi2modvar']}"
    )


def _require_positive(dataset: Any, name: str, variance: Array) -> None:
    wrong = int((variance <= 0).sum())
    if wrong:
        raise InputError(
            f"dataset {dataset.name!r} has {wrong} bins to fit whose error is zero, which {name!r} cannot divide by: "
            "mask or group them, or set stat_type to 'chi2gehrels'"
        )
