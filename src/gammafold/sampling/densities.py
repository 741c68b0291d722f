"""Priors as densities that can be drawn from, for nested sampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.modeling.models.prior import (
    GaussianPrior,
    GeneralizedGaussianPrior,
    LogUniformPrior,
    UniformPrior,
)
from gammafold.utils.errors import InputError

__all__ = ["Density", "density_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Density:
    """A density between two limits.

    Attributes
    ----------
    distribution : frozen distribution of `scipy.stats`
        Without the limits.
    low, high : float
        Its cumulative chance at the limits.
    """

    distribution: Any
    low: float
    high: float

    def quantile(self, chance: Array) -> Array:
        """Return the values (N,) below which the density has the chances (N,), inside the limits."""
        found: Array = self.distribution.ppf(self.low + (self.high - self.low) * chance)
        return found


def density_of(parameter: Any, label: str) -> Density:
    """Return the prior of a parameter between its limits; without a prior a constant.

    Raises
    ------
    InputError
        If there is neither a prior nor two limits, the prior is no density, or it has none between the limits.

    Examples
    --------
    >>> from gammafold.modeling.parameter import Parameter
    >>> density_of(Parameter("index", 2.0, min=1, max=5), "index").quantile(np.array([0.0, 0.5, 1.0]))
    array([1., 3., 5.])
    """
    from scipy import stats

    lower = -np.inf if np.isnan(parameter.min) else parameter.min
    upper = np.inf if np.isnan(parameter.max) else parameter.max
    if parameter.prior is None:
        if not np.isfinite([lower, upper]).all():
            raise InputError(
                f"parameter {label!r} has no prior and the limits [{parameter.min:g}, {parameter.max:g}]: nested "
                "sampling needs a prior, or two limits"
            )
        return Density(stats.uniform(lower, upper - lower), 0.0, 1.0)
    distribution = _distribution(parameter.prior, parameter.unit, label)
    density = Density(distribution, float(distribution.cdf(lower)), float(distribution.cdf(upper)))
    if not density.high > density.low:
        raise InputError(f"the prior of {label!r}, {parameter.prior!r}, is zero between the limits of the parameter")
    return density


def _distribution(prior: Any, unit: Any, label: str) -> Any:
    from scipy import stats

    if prior.weight != 1:
        raise InputError(f"the prior of {label!r} has the weight {prior.weight:g}: a density has the weight 1")
    numbers = prior.numbers(unit)
    if isinstance(prior, UniformPrior):
        return stats.uniform(numbers["min"], numbers["max"] - numbers["min"])
    if isinstance(prior, LogUniformPrior):
        return stats.loguniform(numbers["min"], numbers["max"])
    if isinstance(prior, GaussianPrior):
        return stats.norm(numbers["mu"], numbers["sigma"])
    if isinstance(prior, GeneralizedGaussianPrior):
        return stats.gennorm(1.0 / numbers["eta"], numbers["mu"], sqrt(2.0) * numbers["sigma"])
    raise InputError(
        f"the prior of {label!r} is a {type(prior).__name__}, which cannot be drawn from: expected a uniform, "
        "log-uniform, gaussian or generalised gaussian one"
    )
