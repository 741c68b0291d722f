"""Fisher scoring of one fit as a traced program, to be vectorised over many by `jax.vmap`.

The same search as `gammafold.likelihood.fisher_scoring`: Newton steps with the expected Hessian, Levenberg damping
where a step does not lower the deviance, limits by projection, amplitudes on a logarithmic scale. Near the minimum the
exact Hessian, which JAX gives, takes the place of the expected one wherever it is positive definite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gammafold.likelihood.fisher_scoring import (
    AFAR,
    CLEARLY,
    CLOSE_ENOUGH,
    FIRST_DAMPING,
    GOAL,
    LAST_DAMPING,
    LEAST_DAMPING,
    LONGEST,
    NEAR,
)

__all__ = ["Found", "Limits", "Point", "search"]


class Limits(NamedTuple):
    """Where parameters (p,) may go, and which of them move on a logarithmic scale while they are positive."""

    lower: Any
    upper: Any
    logarithmic: Any


class Point(NamedTuple):
    """A parameter vector (p,), and the deviance and its derivatives there."""

    theta: Any
    deviance: Any
    gradient: Any
    fisher: Any
    hessian: Any


class Found(NamedTuple):
    """The state of a search, and what it ends with."""

    point: Point
    damping: Any
    active: Any
    converged: Any
    n_iterations: Any


def search(evaluate: Callable[[Any], Point], theta: Any, limits: Limits, most: int) -> Found:
    """Minimise the deviance of one fit.

    Parameters
    ----------
    evaluate : callable
        Gives the `Point` at a parameter vector (p,).
    theta : array, shape (p,)
        Start.
    limits : Limits
        Of the parameters.
    most : int
        Steps after which a fit counts as not converged. All fits of a batch take as many as the slowest of them.
    """
    first = evaluate(jnp.clip(theta, limits.lower, limits.upper))
    start = Found(first, jnp.zeros(()), _usable(first), jnp.asarray(False), jnp.asarray(0))

    def unfinished(state: Found) -> Any:
        return state.active & (state.n_iterations < most)

    return jax.lax.while_loop(unfinished, lambda state: _step(evaluate, state, limits), start)


def _usable(point: Point) -> Any:
    parts = (point.deviance, point.gradient, point.fisher)
    return jnp.all(jnp.stack([jnp.isfinite(part).all() for part in parts]))


def _step(evaluate: Callable[[Any], Point], state: Found, limits: Limits) -> Found:
    point = state.point
    stops_low = (point.theta <= limits.lower) & (point.gradient > 0)
    stops_high = (point.theta >= limits.upper) & (point.gradient < 0)
    movable = ~(stops_low | stops_high)
    walks = limits.logarithmic & (point.theta * jnp.sqrt(jnp.maximum(jnp.diagonal(point.fisher), 0.0)) > CLEARLY)
    gain, shift = _proposal(point, movable, walks, state.damping)
    done = gain < GOAL
    trial = evaluate(jnp.clip(_moved(point.theta, shift, walks & (gain < AFAR)), limits.lower, limits.upper))
    better = (trial.deviance <= point.deviance + 1e-13 * jnp.abs(point.deviance)) & _usable(trial)
    taken = better & ~done
    moved = jax.tree.map(lambda new, old: jnp.where(taken, new, old), trial, point)
    eased = jnp.where(state.damping > LEAST_DAMPING, 0.1 * state.damping, 0.0)
    damping = jnp.where(better, eased, jnp.maximum(10.0 * state.damping, FIRST_DAMPING))
    # No damping helps any more: near the minimum that is rounding, and the fit is done.
    stuck = damping > LAST_DAMPING
    return Found(
        moved,
        damping,
        ~(done | stuck),
        done | (stuck & (gain < CLOSE_ENOUGH)),
        state.n_iterations + jnp.where(done, 0, 1),
    )


def _moved(theta: Any, shift: Any, walks: Any) -> Any:
    """Return the parameters (p,) after a step, some of them moved by factors."""
    relative = shift / jnp.where(walks, theta, 1.0)
    return jnp.where(walks, theta * jnp.exp(jnp.clip(relative, -LONGEST, LONGEST)), theta + shift)


def _proposal(point: Point, movable: Any, walks: Any, damping: Any) -> tuple[Any, Any]:
    """Return the gain () that is expected of a full step, and the step (p,)."""
    gain, shift = _solve(point.gradient, point.fisher, movable, damping)
    # The second derivative with respect to ln(x), over x^2, is f'' + f' / x.
    hessian = point.hessian + jnp.diag(jnp.where(walks, point.gradient / jnp.where(walks, point.theta, 1.0), 0.0))
    diagonal = jnp.diagonal(hessian)
    usable = movable & (diagonal > 0)
    scaled = _scaled(hessian, usable, jnp.sqrt(jnp.where(usable, diagonal, 1.0)))
    unit = jnp.eye(len(movable))
    lowest = jnp.linalg.eigvalsh(jnp.where(jnp.isfinite(scaled).all(), scaled + jnp.diag(~usable * 1.0), -unit))[0]
    exact_gain, exact_shift = _solve(point.gradient, hessian, movable, damping)
    use = (gain < NEAR) & (lowest > 1e-6) & (usable == movable).all() & jnp.isfinite(exact_shift).all()
    return jnp.where(use, exact_gain, gain), jnp.where(use, exact_shift, shift)


def _scaled(matrix: Any, usable: Any, size: Any) -> Any:
    both = usable[:, None] & usable[None, :]
    return jnp.where(both, matrix / (size[:, None] * size[None, :]), 0.0)


def _solve(gradient: Any, matrix: Any, movable: Any, damping: Any) -> tuple[Any, Any]:
    """Return the gain of a full step, and the damped step, for a matrix that is scaled to a unit diagonal."""
    diagonal = jnp.diagonal(matrix)
    usable = movable & (diagonal > 0)
    size = jnp.sqrt(jnp.where(usable, diagonal, 1.0))
    downhill = jnp.where(usable, -gradient / size, 0.0)
    # A ridge far below any real curvature keeps degenerate directions solvable.
    ridged = _scaled(matrix, usable, size) + jnp.diag(jnp.where(usable, 1e-12, 1.0))
    full = jnp.linalg.solve(ridged, downhill)
    damped = jnp.linalg.solve(ridged + damping * np.eye(len(size)), downhill)
    return 0.5 * jnp.sum(full * downhill), damped / size
