"""What samplers need of datasets: the posterior, for a batch of parameter vectors.

``-2 ln L`` of a likelihood is its statistic, and each parameter with a prior adds ``-2 ln p``. So the logarithm of the
posterior is half of the statistic with priors, with the opposite sign, up to the evidence. A parameter without a prior
has a constant density between its limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.fit import as_collection, ready_likelihood
from gammafold.sampling.densities import Density, density_of
from gammafold.utils.errors import InputError

__all__ = ["Posterior"]

Array = NDArray[np.float64]


class Posterior:
    """The posterior of the free parameters of datasets, as they are now.

    Parameters
    ----------
    datasets : Datasets, Dataset or list of Dataset
        With models and data.

    Attributes
    ----------
    likelihood : Likelihood
        Statistic and priors.
    labels : tuple of str, length p
        Names of the parameters, each once: "index", or "crab.spectral.index" where several are called so.
    n_invalid : int
        Parameter vectors inside the limits at which the statistic was not a number; they count as impossible.

    Raises
    ------
    FitError
        If there is nothing to sample: no model, no free parameter, no data; or a start outside the limits.
    """

    def __init__(self, datasets: Any) -> None:
        self.collection = as_collection(datasets)
        self.likelihood: Likelihood = ready_likelihood(self.collection)
        self.parameters = list(self.collection.parameters.unique_parameters.free_parameters)
        self.labels = _labels(self.collection, self.parameters)
        self.units = tuple(parameter.unit.to_string() for parameter in self.parameters)
        self.n_invalid = 0

    @property
    def n_parameters(self) -> int:
        """p, the number of free parameters."""
        return self.likelihood.n_free

    def log_prob(self, theta: Array) -> Array:
        """Logarithm (N,) of likelihood times priors, up to a constant, for vectors (N, p)."""
        likelihood = self.likelihood
        inside = ((theta >= likelihood.lower) & (theta <= likelihood.upper)).all(axis=-1)
        result = np.full(len(theta), -np.inf)
        if inside.any():
            deviance = likelihood.deviance(theta[inside])
            invalid = np.isnan(deviance)
            self.n_invalid += int(invalid.sum())
            result[inside] = np.where(invalid, -np.inf, -0.5 * deviance)
        return result

    def start(self) -> tuple[Array, Array]:
        """Return the mode (p,) that is nearest to the present values, and the expected covariance (p, p) there.

        Raises
        ------
        InputError
            If the data and the priors do not tell the parameters apart.
        """
        likelihood = self.likelihood
        found = minimise_batch(likelihood, np.asarray(likelihood.x0, dtype=float)[None])
        mode = found.theta[0] if found.converged[0] else np.asarray(likelihood.x0, dtype=float)
        fisher = likelihood.fisher(mode)
        size = np.sqrt(np.diagonal(fisher))
        if not (np.isfinite(size) & (size > 0)).all():
            blind = [label for label, one in zip(self.labels, size, strict=True) if not (np.isfinite(one) and one > 0)]
            raise InputError(f"the statistic does not depend on {blind}: freeze these parameters, or give them a prior")
        scaled = fisher / np.outer(size, size)
        if np.linalg.eigvalsh(scaled)[0] < 1e-12:
            raise InputError(f"the data cannot tell {list(self.labels)} apart: freeze one of them, or give one a prior")
        return mode, 2.0 * np.linalg.inv(scaled) / np.outer(size, size)

    # -- for nested sampling: prior and likelihood apart

    def densities(self) -> list[Density]:
        """Return the prior of each parameter as a proper density between its limits.

        Raises
        ------
        InputError
            If a parameter has neither a prior nor two limits, or its prior is no density.
        """
        return [density_of(parameter, label) for parameter, label in zip(self.parameters, self.labels, strict=True)]

    def log_likelihood(self, theta: Array) -> Array:
        """Half of the statistic without priors, negative, (N,): the field's constants are in it."""
        priors = np.zeros(len(theta))
        for column, parameter in enumerate(self.parameters):
            if parameter.prior is not None:
                priors += parameter.prior.compile(parameter.unit).deviance(theta[:, column])
        log_prob = self.log_prob(theta) + 0.5 * priors - 0.5 * self.likelihood.statistic.offset
        # Nested sampling needs numbers that can be ordered: less likely than anything else.
        return np.where(np.isfinite(log_prob), log_prob, -1e300)


def _labels(collection: Any, parameters: Sequence[Any]) -> tuple[str, ...]:
    models = collection.models
    full: dict[int, str] = {}
    for name, parameter in zip(models.parameters_unique_names, models.parameters, strict=True):
        full.setdefault(id(parameter), name)
    names = [parameter.name for parameter in parameters]
    return tuple(
        name if names.count(name) == 1 else full[id(parameter)]
        for name, parameter in zip(names, parameters, strict=True)
    )
