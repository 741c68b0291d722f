"""Minimisers of a likelihood: Minuit, scipy and batched Fisher scoring.

Each works on the *deviance*, in units of the parameters' expected errors, with the exact gradient,
and reports truthfully how it ended. `polish` then takes Newton steps with the exact Hessian, so that
every backend ends at the minimum and not merely near it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.curvature import curvature_at
from gammafold.modeling.fit_options import GRADIENT_FREE, check_fit_options, scipy_method
from gammafold.utils.errors import InputError

__all__ = ["BACKENDS", "OptimizeOutcome", "distance_to_minimum", "is_minimum", "minimise", "on_limits", "polish"]

Array = NDArray[np.float64]

# 1e-12 in the statistic is a millionth of an error in the parameters: nobody needs more.
_EDM_GOAL = 1e-12
# Over a step that gains less, 3e-5 of an error, the curvature stays what it was.
_EDM_STEADY = 1e-9
# A run that ends further from the minimum than this, in the statistic, has not converged.
_EDM_VALID = 1e-4


@dataclass(frozen=True)
class OptimizeOutcome:
    """Where a minimiser stopped, and how.

    Attributes
    ----------
    theta : array, shape (p,)
        Best parameters found.
    deviance : float
        Deviance there.
    success : bool
        Whether the minimiser converged.
    message : str
        How it ended, in words.
    backend, method : str
        What really ran.
    n_evaluations : int
        Evaluations of the deviance.
    edm : float
        Expected distance to the minimum, in the statistic.
    trace : tuple of (float, array)
        Deviance and parameters of each evaluation, where they were asked for.
    """

    theta: Array
    deviance: float
    success: bool
    message: str
    backend: str
    method: str
    n_evaluations: int
    edm: float = float("nan")
    trace: tuple[tuple[float, Array], ...] = ()


@dataclass
class _Scaled:
    """The deviance in units of the expected errors, with its last gradient kept."""

    likelihood: Likelihood
    scale: Array
    keep_trace: bool = False
    n_evaluations: int = 0
    trace: list[tuple[float, Array]] = field(default_factory=list)
    best: tuple[float, Array] | None = None
    _barrier: float = 0.0

    def value(self, scaled: Array) -> float:
        theta = np.asarray(scaled) * self.scale
        value = float(self.likelihood.deviance(theta))
        self.n_evaluations += 1
        if self.keep_trace:
            self.trace.append((value, theta))
        if np.isfinite(value):
            self._barrier = max(self._barrier, value)
            if self.best is None or value < self.best[0]:
                self.best = (value, theta)
            return value
        # An impossible model: line searches need a number, and a wall above all seen so far turns them back.
        return 10.0 * self._barrier + 1e6

    def gradient(self, scaled: Array) -> Array:
        gradient = self.likelihood.gradient(np.asarray(scaled) * self.scale) * self.scale
        return np.where(np.isfinite(gradient), gradient, 0.0)


def minimise(
    likelihood: Likelihood,
    backend: str = "minuit",
    options: Mapping[str, Any] | None = None,
    store_trace: bool = False,
) -> OptimizeOutcome:
    """Minimise the deviance from ``likelihood.x0``.

    Parameters
    ----------
    likelihood : `~gammafold.likelihood.likelihood.Likelihood`
        What to minimise.
    backend : {"minuit", "scipy", "fisher-scoring"}
        Which minimiser.
    options : dict, optional
        Options of the backend: ``strategy``, ``tol``, ``max_evaluations`` (minuit), ``method`` and
        those of `scipy.optimize.minimize` (scipy), ``max_iterations`` (fisher-scoring).
    store_trace : bool
        Keep each evaluation in the outcome.

    Raises
    ------
    InputError, InputTypeError
        If there is no such backend, or an option is not accepted.
    """
    accepted = check_fit_options(backend, options)
    run = BACKENDS[backend]
    x0 = np.asarray(likelihood.x0, dtype=float)
    scaled = _Scaled(likelihood, likelihood.expected_errors(x0), store_trace)
    # A minimiser may try parameters at which a formula overflows: what comes of it is looked at, and turned back.
    with np.errstate(all="ignore"):
        outcome = _really(scaled, run(scaled, x0 / scaled.scale, accepted))
    return replace(outcome, n_evaluations=scaled.n_evaluations, trace=tuple(scaled.trace))


def _really(scaled: _Scaled, outcome: OptimizeOutcome) -> OptimizeOutcome:
    """Put the deviance itself for the walls that the minimiser saw, and the best point for one that is impossible."""
    if scaled.best is not None and np.array_equal(outcome.theta, scaled.best[1]):
        return replace(outcome, deviance=scaled.best[0])
    deviance = float(scaled.likelihood.deviance(outcome.theta))
    if not np.isfinite(deviance) and scaled.best is not None:
        message = f"{outcome.backend}: it ended where the statistic is {deviance}; the best point seen is given"
        return replace(outcome, theta=scaled.best[1], deviance=scaled.best[0], success=False, message=message)
    return replace(outcome, deviance=deviance)


def _bounds(scaled: _Scaled) -> tuple[Array, Array]:
    return scaled.likelihood.lower / scaled.scale, scaled.likelihood.upper / scaled.scale


def _run_minuit(scaled: _Scaled, x0: Array, options: dict[str, Any]) -> OptimizeOutcome:
    from iminuit import Minuit

    minuit = Minuit(scaled.value, x0, grad=scaled.gradient)
    minuit.errordef = 1.0
    minuit.print_level = 0
    # Strategy 0: the covariance is not Minuit's affair, it comes from the exact Hessian afterwards.
    minuit.strategy = options.get("strategy", 0)
    minuit.tol = options.get("tol", 1e-3)
    minuit.errors = np.full(len(x0), 0.5)
    lower, upper = _bounds(scaled)
    minuit.limits = list(zip(lower, upper, strict=True))
    minuit.migrad(ncall=options.get("max_evaluations"))
    form = minuit.fmin
    theta = np.clip(np.asarray(minuit.values) * scaled.scale, scaled.likelihood.lower, scaled.likelihood.upper)
    message = "converged" if form.is_valid else "Minuit: " + _why_invalid(form)
    return OptimizeOutcome(
        theta, float(minuit.fval), bool(form.is_valid), message, "minuit", "migrad", 0, float(form.edm)
    )


def _why_invalid(form: Any) -> str:
    reasons = {
        "the call limit was reached": form.has_reached_call_limit,
        "the distance to the minimum is above its goal": form.is_above_max_edm,
        "no valid parameters": not form.has_valid_parameters,
    }
    return ", ".join(text for text, is_so in reasons.items() if is_so) or "not valid"


def _run_scipy(scaled: _Scaled, x0: Array, options: dict[str, Any]) -> OptimizeOutcome:
    from scipy.optimize import OptimizeWarning, minimize

    limits = _bounds(scaled)
    has_limits = bool(np.isfinite(limits).any())
    method = scipy_method(options.pop("method", "L-BFGS-B"), has_limits)
    tol = options.pop("tol", None)
    gradient = None if method in GRADIENT_FREE else scaled.gradient
    bounds = list(zip(*limits, strict=True)) if has_limits else None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Unknown solver options", category=OptimizeWarning)
            found = minimize(
                scaled.value, x0, jac=gradient, method=method, bounds=bounds, tol=tol, options=options or None
            )
    except OptimizeWarning as error:
        raise InputError(f"the method {method} of scipy: {error}") from error
    theta = np.clip(found.x * scaled.scale, scaled.likelihood.lower, scaled.likelihood.upper)
    message = "converged" if found.success else f"scipy {method}: {found.message}"
    return OptimizeOutcome(theta, float(found.fun), bool(found.success), message, "scipy", method, 0)


def _run_fisher_scoring(scaled: _Scaled, x0: Array, options: dict[str, Any]) -> OptimizeOutcome:
    from gammafold.likelihood.fisher_scoring import minimise_batch

    max_iterations = options.get("max_iterations", 100)
    found = minimise_batch(scaled.likelihood, x0[None, :] * scaled.scale, max_iterations=max_iterations)
    scaled.n_evaluations += int(found.n_iterations[0])
    converged = bool(found.converged[0])
    message = "converged" if converged else f"Fisher scoring: no convergence in {max_iterations} iterations"
    return OptimizeOutcome(
        found.theta[0], float(found.deviance[0]), converged, message, "fisher-scoring", "fisher-scoring", 0
    )


BACKENDS: Mapping[str, Callable[[_Scaled, Array, dict[str, Any]], OptimizeOutcome]] = {
    "minuit": _run_minuit,
    "scipy": _run_scipy,
    "fisher-scoring": _run_fisher_scoring,
}


def on_limits(likelihood: Likelihood, theta: Array) -> NDArray[np.bool_]:
    """Mask (p,) of the parameters that lie on one of their limits, to 1e-4 of an error."""
    lower, upper = likelihood.lower, likelihood.upper
    if not (np.isfinite(lower).any() or np.isfinite(upper).any()):
        return np.zeros(len(theta), dtype=bool)
    near = 1e-4 * likelihood.expected_errors(theta)
    return (theta - lower <= near) | (upper - theta <= near)


def polish(likelihood: Likelihood, outcome: OptimizeOutcome, max_steps: int = 8) -> tuple[OptimizeOutcome, Array]:
    """Take Newton steps to the minimum; return the outcome and the exact Hessian (p, p) there.

    Parameters on a limit that the gradient pushes against stay there. The expected distance to the
    minimum, before the last step, is g^T H^-1 g / 2, with g and H the gradient and Hessian of the deviance.
    """
    at = _onto_limits(likelihood, _Place(outcome.theta, outcome.deviance))
    # The first step is with the Fisher matrix, at the price of one evaluation: it leaves little to the Hessian.
    _, gradient, fisher = (part[0] for part in likelihood.normal_equations(at.theta[None]))
    errors = likelihood.expected_errors(at.theta, fisher)
    step, edm = _newton_step(likelihood, at.theta, gradient, fisher)
    if np.isfinite(edm) and edm > _EDM_STEADY:
        at = _stepped(likelihood, at, step) or at
    gradient, hessian = likelihood.gradient_and_hessian(at.theta, errors)
    for _ in range(max_steps):
        step, edm = _newton_step(likelihood, at.theta, gradient, hessian)
        if not np.isfinite(edm) or edm < _EDM_GOAL:
            break
        after = _stepped(likelihood, at, step)
        if after is None:
            break
        at = after
        # Errors are those of the place where the fit ends: keep the Hessian only if the step was next to nothing.
        if edm <= _EDM_STEADY:
            break
        gradient, hessian = likelihood.gradient_and_hessian(at.theta)
    method = f"{outcome.method}, then Newton" if at.moved else outcome.method
    return _judge(replace(outcome, theta=at.theta, deviance=at.deviance, edm=float(edm), method=method)), hessian


@dataclass(frozen=True)
class _Place:
    """Parameters, their deviance, and whether they are no longer where the minimiser stopped."""

    theta: Array
    deviance: float
    moved: bool = False


def _stepped(likelihood: Likelihood, at: _Place, step: Array) -> _Place | None:
    """Return the place after a step, or None if it leads up."""
    theta = np.clip(at.theta + step, likelihood.lower, likelihood.upper)
    deviance = float(likelihood.deviance(theta))
    # Rounding of the deviance is about 1e-13 of its size: a step that gains less is noise.
    return _Place(theta, deviance, True) if deviance <= at.deviance + 1e-12 * abs(at.deviance) else None


def _onto_limits(likelihood: Likelihood, at: _Place) -> _Place:
    """Move parameters that ended next to a limit onto it, where the statistic falls towards it.

    A minimiser that maps the limits to infinity, as Minuit does, comes close to them and never there.
    """
    theta = at.theta
    near = on_limits(likelihood, theta)
    if not near.any():
        return at
    gradient = likelihood.gradient(theta)
    lower_is_near = np.abs(theta - likelihood.lower) < np.abs(likelihood.upper - theta)
    snapped = np.where(near & lower_is_near & (gradient > 0), likelihood.lower, theta)
    snapped = np.where(near & ~lower_is_near & (gradient < 0), likelihood.upper, snapped)
    return at if np.array_equal(snapped, theta) else _stepped(likelihood, at, snapped - theta) or at


def distance_to_minimum(likelihood: Likelihood, theta: Array, hessian: Array) -> float:
    """Expected distance to the minimum in the statistic, from the gradient and the Hessian (p, p) at ``theta``.

    Infinite where there is no minimum near: the Hessian is not positive, or vanishes where the gradient does not.
    """
    return _newton_step(likelihood, theta, likelihood.gradient(theta), hessian)[1]


def is_minimum(edm: float) -> bool:
    """Return True if a distance to the minimum is that of a fit that has converged."""
    return bool(np.isfinite(edm) and edm < _EDM_VALID)


def _judge(outcome: OptimizeOutcome) -> OptimizeOutcome:
    """Let the exact distance to the minimum decide, not the minimiser's own opinion."""
    if is_minimum(outcome.edm) and np.isfinite(outcome.deviance):
        message = "converged" if outcome.success else f"converged by Newton steps; before, {outcome.message}"
        return replace(outcome, success=True, message=message)
    if not outcome.success:
        return outcome
    reason = f"the distance to the minimum is {outcome.edm:.2g}" if np.isfinite(outcome.edm) else "no minimum here"
    return replace(outcome, success=False, message=f"{outcome.backend}: {reason}")


def _movable(likelihood: Likelihood, theta: Array, gradient: Array) -> NDArray[np.bool_]:
    at_lower = (theta <= likelihood.lower) & (gradient > 0)
    at_upper = (theta >= likelihood.upper) & (gradient < 0)
    return ~(at_lower | at_upper)


def _newton_step(likelihood: Likelihood, theta: Array, gradient: Array, hessian: Array) -> tuple[Array, float]:
    """Newton step inside the limits, and the expected gain; the gain is inf where there is no minimum near.

    A parameter that the step takes across a limit goes onto it, and the others follow its shorter step.
    """
    free = _movable(likelihood, theta, gradient)
    if not (np.isfinite(likelihood.lower).any() or np.isfinite(likelihood.upper).any()):
        return curvature_at(likelihood, theta, hessian, free).newton_step(gradient)
    step = np.zeros_like(theta)
    while free.any():
        held = ~free & (step != 0)
        slope = gradient + hessian[:, held] @ step[held]
        part, gain = curvature_at(likelihood, theta, hessian, free).newton_step(slope)
        if not np.isfinite(gain):
            return np.zeros_like(theta), gain
        wanted = theta + np.where(free, part, step)
        inside = np.clip(wanted, likelihood.lower, likelihood.upper)
        step = inside - theta
        crossing = free & (inside != wanted)
        if not crossing.any():
            break
        free = free & ~crossing
    moved = step != 0
    curved = step[moved] @ hessian[np.ix_(moved, moved)] @ step[moved]
    return step, -float(gradient[moved] @ step[moved] + 0.5 * curved)
