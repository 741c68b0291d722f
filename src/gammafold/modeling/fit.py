"""Fit: find the parameters that describe the data best, their errors, and how sure that is.

A fit has three steps, each of which can be asked for alone: `Fit.optimize` finds the minimum of the
statistic, `Fit.covariance` gives symmetric errors from the exact Hessian there, and `Fit.confidence`,
`Fit.stat_profile`, `Fit.stat_surface` and `Fit.stat_contour` follow the statistic away from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.covariance_estimate import CovarianceEstimate, estimate_covariance
from gammafold.modeling.doubts import what_is_doubtful
from gammafold.modeling.fit_options import check_fit_options
from gammafold.modeling.fit_result import FitResult, software_versions
from gammafold.modeling.follow import Surroundings
from gammafold.modeling.optimize import (
    OptimizeOutcome,
    distance_to_minimum,
    is_minimum,
    minimise,
    on_limits,
    polish,
)
from gammafold.utils.errors import FitError, GammafoldWarning, InputTypeError

if TYPE_CHECKING:
    from gammafold.modeling.parameter import Parameter

__all__ = ["Fit"]


class Fit:
    """Fit the models of datasets to their data.

    Parameters
    ----------
    backend : {"minuit", "scipy", "fisher-scoring"}
        Minimiser. All end at the same minimum, since the last steps are Newton's with the exact Hessian.
    optimize_opts : dict, optional
        Options of the minimiser, see `~gammafold.modeling.optimize.minimise`.
    on_failure : {"warn", "raise", "report"}
        What to do when a fit does not converge: the result says so in any case. What is doubtful about a fit
        that has converged, such as a biased statistic, is a warning too, unless this is "report".
    store_trace : bool
        Keep every evaluation of the statistic in the result.
    covariance_opts, confidence_opts : dict, optional
        Taken for scripts written for gammapy, and not used: errors are from the exact Hessian, and intervals from
        the profile likelihood, whatever the minimiser.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.samples import sample_files
    >>> from gammafold.modeling import Fit
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = Fit().run(datasets)
    >>> result.success
    True
    >>> print(f"{result.total_stat:.4f}")
    156.9927
    """

    def __init__(
        self,
        backend: str = "minuit",
        optimize_opts: Mapping[str, Any] | None = None,
        on_failure: str = "warn",
        store_trace: bool = False,
        covariance_opts: Mapping[str, Any] | None = None,
        confidence_opts: Mapping[str, Any] | None = None,
    ) -> None:
        choices = ("warn", "raise", "report")
        if on_failure not in choices:
            raise InputTypeError(f"on_failure is {on_failure!r}: expected one of {choices}")
        self.backend = backend
        self.optimize_opts = check_fit_options(backend, optimize_opts)
        self.on_failure = on_failure
        self.store_trace = store_trace
        self.covariance_opts, self.confidence_opts = dict(covariance_opts or {}), dict(confidence_opts or {})

    def __repr__(self) -> str:
        return f"Fit(backend={self.backend!r}, optimize_opts={self.optimize_opts}, on_failure={self.on_failure!r})"

    def run(self, datasets: Any) -> FitResult:
        """Find the minimum and the covariance, and set values and errors on the models.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            What to fit, with models.

        Returns
        -------
        result : FitResult

        Raises
        ------
        FitError
            If there is nothing to fit (no model, no free parameter, no data in range), a parameter
            starts outside its limits, or the statistic is not finite at the start.
        """
        collection = as_collection(datasets)
        likelihood = ready_likelihood(collection)
        outcome = minimise(likelihood, self.backend, self.optimize_opts, self.store_trace)
        outcome, hessian = polish(likelihood, outcome)
        if outcome.success:
            estimate = estimate_covariance(likelihood, outcome.theta, hessian, on_limits(likelihood, outcome.theta))
        else:
            # Errors at a place that is no minimum would be taken for errors of the result.
            estimate = CovarianceEstimate(None, "none", False, "no errors away from the minimum")
        return self._finish(collection, likelihood, outcome, estimate)

    def optimize(self, datasets: Any) -> FitResult:
        """Find the minimum alone: values are set on the models, errors are left as they are."""
        collection = as_collection(datasets)
        likelihood = ready_likelihood(collection)
        outcome = minimise(likelihood, self.backend, self.optimize_opts, self.store_trace)
        outcome, _ = polish(likelihood, outcome)
        return self._finish(collection, likelihood, outcome, None)

    def covariance(self, datasets: Any) -> FitResult:
        """Compute the covariance where the parameters stand now, without moving them.

        Away from a minimum the curvature of the statistic is no covariance of estimates: the result then says
        so, with ``success`` and ``covariance_accurate`` False.
        """
        collection = as_collection(datasets)
        likelihood = ready_likelihood(collection)
        theta = np.asarray(likelihood.x0, dtype=float)
        hessian = likelihood.hessian(theta)
        edm = distance_to_minimum(likelihood, theta, hessian)
        at_minimum = is_minimum(edm)
        message = "parameters as they were" if at_minimum else f"not at a minimum: the distance to it is {edm:.2g}"
        outcome = OptimizeOutcome(
            theta, float(likelihood.deviance(theta)), at_minimum, message, self.backend, "none", 0, edm
        )
        estimate = estimate_covariance(likelihood, theta, hessian, on_limits(likelihood, theta))
        return self._finish(
            collection, likelihood, outcome, replace(estimate, accurate=estimate.accurate and at_minimum)
        )

    def confidence(self, datasets: Any, parameter: Any, sigma: float = 1.0, reoptimize: bool = True) -> dict[str, Any]:
        """Find the asymmetric errors of one parameter from its profile likelihood.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            What was fitted; the parameters must stand at the minimum.
        parameter : Parameter or str
            A free parameter, or its name.
        sigma : float
            The interval ends where the statistic has risen by sigma squared. Default: 1.
        reoptimize : bool
            Whether the other parameters are fitted again at every step. Default: True.

        Returns
        -------
        result : dict
            ``errn`` and ``errp``, distances >= 0 in the parameter's unit; ``success``, and ``status`` with
            a word for each end: "converged", "at limit", "open" or "failed".

        Raises
        ------
        FitError
            If the parameters do not stand at the minimum.
        """
        return _surroundings(datasets).confidence(parameter, sigma, reoptimize)

    def stat_profile(
        self, datasets: Any, parameter: Any, reoptimize: bool = False, values: Any = None
    ) -> dict[str, Any]:
        """Compute the statistic along one parameter.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            What was fitted.
        parameter : Parameter or str
            A free parameter, or its name.
        reoptimize : bool
            Whether the other parameters are fitted again at every value. Default: False.
        values : array, optional
            The values; ``parameter.scan_values`` if they are set, else 11 within two errors.

        Returns
        -------
        result : dict
            ``<name>_scan`` (n,), ``stat_scan`` (n,), ``success`` (n,), and ``parameters`` (n, p).
        """
        return _surroundings(datasets).profile(parameter, values, reoptimize)

    def stat_surface(self, datasets: Any, x: Any, y: Any, reoptimize: bool = False) -> dict[str, Any]:
        """Compute the statistic on a grid of two parameters, given as in `stat_profile`.

        Returns
        -------
        result : dict
            ``<x>_scan`` (n,), ``<y>_scan`` (m,), ``stat_scan`` (n, m) and ``success`` (n, m).
        """
        return _surroundings(datasets).surface(x, y, reoptimize)

    def stat_contour(self, datasets: Any, x: Any, y: Any, numpoints: int = 10, sigma: float = 1.0) -> dict[str, Any]:
        """Find points of the contour of two parameters on which the statistic has risen by sigma squared.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            What was fitted; the parameters must stand at the minimum.
        x, y : Parameter or str
            Two free parameters.
        numpoints : int
            Number of points, at least 4.
        sigma : float
            Root of the rise: 1 gives 39.3 % joint coverage, 1.52 gives 68.3 %.

        Returns
        -------
        result : dict
            ``<x>`` and ``<y>``, the points in order, ``success``, and ``status`` with a word for each point.

        Raises
        ------
        FitError
            If the parameters do not stand at the minimum.
        """
        return _surroundings(datasets).contour(x, y, numpoints, sigma)

    def _finish(
        self,
        collection: Any,
        likelihood: Likelihood,
        outcome: OptimizeOutcome,
        asked: CovarianceEstimate | None,
    ) -> FitResult:
        """Set what was found on the models, and say it; ``asked`` is None where no covariance was asked for."""
        models = collection.models
        free = models.parameters.unique_parameters.free_parameters
        estimate = CovarianceEstimate(None, "none", False) if asked is None else asked
        errors = np.zeros(len(free))
        if estimate.matrix is not None:
            errors = np.sqrt(np.diagonal(estimate.matrix))
        if outcome.method != "none":
            for parameter, value in zip(free, outcome.theta, strict=True):
                parameter.value = float(value)
        if asked is not None:
            # Errors of an earlier fit are not those of this one, whether it has any or not.
            models.set_covariance(free, estimate.matrix)
        on_limit = on_limits(likelihood, outcome.theta)
        doubts = what_is_doubtful(likelihood, outcome.theta)
        if asked is not None and outcome.success and estimate.matrix is None and not on_limit.all():
            doubts.append(f"all errors are set to zero: {estimate.message}")
        result = FitResult(
            names=tuple(likelihood.names),
            values=outcome.theta,
            errors=errors,
            covariance=estimate.matrix,
            covariance_method=estimate.method,
            covariance_accurate=estimate.accurate,
            total_stat=float(likelihood.stat(outcome.theta)),
            success=outcome.success,
            message="; ".join(text for text in (outcome.message, estimate.message) if text),
            backend=outcome.backend,
            method=outcome.method,
            nfev=outcome.n_evaluations,
            edm=outcome.edm,
            at_limit=tuple(n for n, is_on in zip(likelihood.names, on_limit, strict=True) if is_on),
            n_data=likelihood.n_data,
            warnings=tuple(doubts),
            models=models.copy(),
            trace=outcome.trace,
            versions=software_versions(),
        )
        self._speak_up(result)
        return result

    def _speak_up(self, result: FitResult) -> None:
        if self.on_failure == "report":
            return
        for text in result.warnings:
            warnings.warn(text, GammafoldWarning, stacklevel=4)
        if result.success:
            return
        text = f"the fit did not converge: {result.message}"
        if self.on_failure == "raise":
            raise FitError(text)
        warnings.warn(text, GammafoldWarning, stacklevel=4)


def as_collection(datasets: Any) -> Any:
    """Return datasets as a collection that knows its joint likelihood."""
    if hasattr(datasets, "likelihood") and hasattr(datasets, "__len__"):
        return datasets
    if hasattr(datasets, "collection"):
        return datasets.collection([datasets])
    members = list(datasets) if isinstance(datasets, list | tuple) else []
    if not members or not hasattr(members[0], "collection"):
        raise InputTypeError(f"cannot fit {datasets!r}: expected Datasets, a Dataset or a list of Dataset")
    return members[0].collection(members)


def ready_likelihood(collection: Any) -> Likelihood:
    """Return the likelihood of a collection after checking that a fit can start."""
    models = collection.models
    if not models:
        raise FitError(f"cannot fit {list(collection.names)}: no models are set, or none that applies to them")
    parameters = models.parameters.unique_parameters
    free = parameters.free_parameters
    if len(free) == 0:
        names = [parameter.name for parameter in parameters]
        raise FitError(f"cannot fit {list(collection.names)}: no free parameter, all of {names} are frozen")
    _check_bounds(free, models)
    likelihood: Likelihood = collection.likelihood()
    if likelihood.n_data == 0:
        raise FitError(f"cannot fit {list(collection.names)}: no bin lies inside the safe and fit masks")
    if not all(counts.any() for counts in likelihood.npred_signal(likelihood.x0).values()):
        collection.require_exposure()
    deviance = float(likelihood.deviance(np.asarray(likelihood.x0, dtype=float)))
    if not np.isfinite(deviance):
        raise FitError(f"the statistic is {deviance} at the start: {likelihood.diagnose(likelihood.x0)}")
    return likelihood


def _surroundings(datasets: Any) -> Surroundings:
    collection = as_collection(datasets)
    return Surroundings(collection, ready_likelihood(collection))


def _check_bounds(free: Any, models: Any) -> None:
    for parameter in free:
        low, high = parameter.min, parameter.max
        if parameter.value < low or parameter.value > high:
            raise FitError(
                f"parameter {parameter.name!r} of model {_owner(parameter, models)!r} starts at "
                f"{parameter.value:g} {parameter.unit}, outside its limits [{low:g}, {high:g}]"
            )


def _owner(parameter: Parameter, models: Any) -> str:
    for model in models:
        if any(parameter is own for own in model.parameters):
            return str(model.name)
    return "?"
