"""Following the statistic of datasets away from its minimum: what `Fit.confidence` and its kin do.

The answers are dicts with the keys that scripts of the field expect.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.optimize import distance_to_minimum
from gammafold.modeling.parameter_checks import as_scan
from gammafold.modeling.scan import confidence_intervals, contour, scan, scan_values
from gammafold.utils.errors import FitError, GammafoldWarning, UnknownNameError

if TYPE_CHECKING:
    from gammafold.modeling.parameter import Parameter

__all__ = ["Surroundings"]

Array = NDArray[np.float64]

# How far from the minimum, in the statistic, errors may start: it moves their ends by half a percent.
_NEAR = 0.01


class Surroundings:
    """The likelihood of fitted datasets around their present parameters.

    Parameters
    ----------
    collection : Datasets
        Fitted datasets.
    likelihood : Likelihood
        Their likelihood.
    """

    def __init__(self, collection: Any, likelihood: Likelihood) -> None:
        self.likelihood = likelihood
        self.models = collection.models
        self.free: list[Parameter] = list(self.models.parameters.unique_parameters.free_parameters)
        self.best = np.asarray(likelihood.x0, dtype=float)
        self.errors = _usable_errors(likelihood, self.best)

    def position(self, parameter: Any) -> int:
        """Return the position of a parameter, given by itself or its name, among the free ones.

        Raises
        ------
        UnknownNameError
            If it is not among them, or a name stands for several.
        """
        if not isinstance(parameter, str):
            found = [i for i, own in enumerate(self.free) if own is parameter]
            if not found:
                raise UnknownNameError(f"{parameter!r} is not a free parameter of these datasets")
            return found[0]
        # The likelihood's names are unique, "crab.index"; a parameter's own is enough where no other has it.
        names = list(self.likelihood.names)
        if parameter in names:
            return names.index(parameter)
        called = {id(own) for own in self.models.parameters_called(parameter)}
        found = [i for i, own in enumerate(self.free) if id(own) in called]
        if len(found) != 1:
            kind = "several free parameters are called" if found else "no free parameter"
            raise UnknownNameError(f"{kind} {parameter!r}: there are {names}")
        return found[0]

    def confidence(self, parameter: Any, sigma: float, reoptimize: bool) -> dict[str, Any]:
        """Asymmetric errors of one parameter."""
        position = self.position(parameter)
        self._require_minimum("interval")
        with np.errstate(all="ignore"):
            # Far away a formula may overflow: an end that cannot be found says so.
            found = confidence_intervals(self.likelihood, self.best, self.errors, [position], sigma, reoptimize)[0]
        if not found.success:
            warnings.warn(
                f"the {sigma:g} sigma interval of {found.name!r} is incomplete: lower end {found.status[0]}, "
                f"upper end {found.status[1]}",
                GammafoldWarning,
                stacklevel=4,
            )
        return {
            "errn": found.errn,
            "errp": found.errp,
            "success": found.success,
            "status": found.status,
            "sigma": sigma,
            "stat": float(self.likelihood.stat(self.best)),
        }

    def scan_values(self, position: int) -> Array:
        """Values at which a parameter is scanned."""
        return scan_values(self.free[position], float(self.best[position]), float(self.errors[position]))

    def profile(self, parameter: Any, values: Any, reoptimize: bool) -> dict[str, Any]:
        """Statistic along one parameter."""
        position = self.position(parameter)
        own = self.free[position]
        points = self.scan_values(position) if values is None else as_scan(values, own.unit, own.name)
        with np.errstate(all="ignore"):
            stat, theta, converged = scan(self.likelihood, self.best, [position], points[:, None], reoptimize)
        return {
            f"{self.free[position].name}_scan": points,
            "stat_scan": stat,
            "success": converged,
            "parameters": theta,
        }

    def surface(self, x: Any, y: Any, reoptimize: bool) -> dict[str, Any]:
        """Statistic on a grid of two parameters; rows are values of ``x``."""
        pair = self._pair(x, y)
        first, second = (self.scan_values(position) for position in pair)
        points = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
        with np.errstate(all="ignore"):
            stat, _, converged = scan(self.likelihood, self.best, pair, points, reoptimize)
        shape = (len(first), len(second))
        names = self._names(pair)
        return {
            f"{names[0]}_scan": first,
            f"{names[1]}_scan": second,
            "stat_scan": stat.reshape(shape),
            "success": converged.reshape(shape),
        }

    def contour(self, x: Any, y: Any, numpoints: int, sigma: float) -> dict[str, Any]:
        """Points where the profile of two parameters has risen by sigma squared."""
        pair = self._pair(x, y)
        hessian = self._require_minimum("contour")
        covariance = 2.0 * np.linalg.inv(hessian)
        if not np.all(np.linalg.eigvalsh(covariance / np.outer(self.errors, self.errors)) > 0):
            raise FitError("no contour: the statistic is not curved upwards in all parameters")
        with np.errstate(all="ignore"):
            found = contour(
                self.likelihood, self.best, np.asarray(covariance, float), pair[0], pair[1], numpoints, sigma
            )
        names = self._names(pair)
        return {names[0]: found.x, names[1]: found.y, "success": found.success, "status": found.status}

    def _require_minimum(self, what: str) -> Array:
        """Return the Hessian (p, p); raise a `FitError` where the statistic is not at its minimum.

        Away from it the statistic rises from somewhere on a slope, which says nothing about errors.
        """
        hessian: Array = self.likelihood.hessian(self.best)
        edm = distance_to_minimum(self.likelihood, self.best, hessian)
        if not edm < _NEAR:
            raise FitError(
                f"no {what}: the parameters are not at a minimum; run the fit first (the distance in the statistic "
                f"is {edm:.2g})"
            )
        return hessian

    def _pair(self, x: Any, y: Any) -> list[int]:
        pair = [self.position(x), self.position(y)]
        if pair[0] == pair[1]:
            raise UnknownNameError(f"{self.free[pair[0]].name!r} is given twice: expected two parameters")
        return pair

    def _names(self, pair: list[int]) -> list[str]:
        """Names of two parameters; two of one name are told apart by a number."""
        names = [self.free[position].name for position in pair]
        return names if names[0] != names[1] else [f"{names[0]}_1", f"{names[1]}_2"]


def _usable_errors(likelihood: Likelihood, theta: Array) -> Array:
    """Errors from the Fisher matrix, as a first guess of every distance."""
    information = np.diagonal(likelihood.fisher(theta))
    usable = np.isfinite(information) & (information > 0)
    if not usable.all():
        flat = [name for name, is_usable in zip(likelihood.names, usable, strict=True) if not is_usable]
        raise FitError(f"the statistic does not depend on {', '.join(flat)}: freeze what the data cannot tell")
    with np.errstate(all="ignore"):
        full = np.diagonal(np.linalg.pinv(likelihood.fisher(theta) / np.sqrt(np.outer(information, information))))
    return np.sqrt(2.0 * np.clip(full, 1.0, 1e6) / information)
