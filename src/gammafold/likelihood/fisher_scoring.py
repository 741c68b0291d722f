"""Batched Fisher scoring: many fits at once.

Every row of a batch is a fit of its own: Newton steps with the expected Hessian (Fisher scoring), Levenberg
damping where a step does not lower the deviance, and limits by projection. All rows advance together, and
rows that are done drop out of the batch.

With few counts the observed Hessian differs from the expected one, and Fisher scoring alone creeps. What is
missing is learnt from the gradients on the way, as in the structured secant methods for least squares (Dennis, Gay
& Welsch 1981, ACM Trans. Math. Softw. 7, 348): the Fisher matrix plus a correction of symmetric rank one per step.
Parameters that are powers of ten by nature, such as amplitudes, move on a logarithmic scale while they are clearly
positive: the statistic is much closer to a parabola there. The few rows that creep even so get the exact Hessian at
every further step, its negative curvatures turned round (Dauphin et al. 2014, arXiv:1406.2572).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BatchMinimum", "minimise_batch"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A row is done when the next step would lower the deviance by less than this: 1e-5 of an error.
GOAL = 1e-10
# Where rounding stops the descent, this is still good enough: 1e-3 of an error.
CLOSE_ENOUGH = 1e-6
# The correction may only decide that a row is done where the Fisher matrix puts it this close to the minimum too.
_CLOSE = 1e-7
# Corrections are learnt on steps with less to gain than this: on longer ones the Hessian itself changes.
NEAR = 1e-2
# A correction whose denominator is this much smaller than its factors is noise.
_NO_NEWS = 1e-6
# Rows that are not done after so many steps are worth an exact Hessian.
_PATIENCE = 12
# Step of its differences in expected errors, as in `Likelihood.hessian`, and the least curvature that it may have,
# both in units of the Fisher matrix.
_HESSIAN_STEP = 1e-3
# A positive parameter is clearly so if it is twice its error, the others held: this often the root of the curvature.
CLEARLY = 3.0
_LEAST_CURVATURE = 1e-6
# Steps with more to gain than this, more than three errors, come from afar: a straight step is then as good a guess,
# and may be as long as it likes. Others are at most this long in the logarithm.
AFAR = 10.0
LONGEST = 2.0
FIRST_DAMPING = 1e-2
# Eased below this it is given up; dropped at once, it would be wanted again at the next step.
LEAST_DAMPING = 1e-3
LAST_DAMPING = 1e9


class BatchLikelihood(Protocol):
    """What is minimised: see `gammafold.likelihood.likelihood.Likelihood`."""

    lower: Array
    upper: Array
    logarithmic: Mask

    def normal_equations(self, theta: Array, rows: NDArray[np.intp] | None = None) -> tuple[Array, Array, Array]:
        """Deviance (N,), gradient (N, p) and Fisher matrix (N, p, p) of some rows of the batch, by default of all."""
        ...


@dataclass(frozen=True)
class BatchMinimum:
    """Where N fits ended.

    Attributes
    ----------
    theta : array, shape (N, p)
        Parameters.
    deviance : array, shape (N,)
        Deviance there.
    gradient : array, shape (N, p)
        Gradient there.
    fisher : array, shape (N, p, p)
        Fisher matrix there.
    converged : bool array, shape (N,)
        Whether each ended at a minimum, which may lie on a limit.
    n_iterations : int array, shape (N,)
        Steps that were tried.
    """

    theta: Array
    deviance: Array
    gradient: Array
    fisher: Array
    converged: Mask
    n_iterations: NDArray[np.intp]

    def with_rows(self, rows: NDArray[np.intp], found: BatchMinimum) -> BatchMinimum:
        """Return these fits with those of some rows replaced by others."""
        parts = [np.array(getattr(self, field.name)) for field in fields(self)]
        for part, field in zip(parts, fields(self), strict=True):
            part[rows] = getattr(found, field.name)
        return BatchMinimum(*parts)


def minimise_batch(
    likelihood: BatchLikelihood, theta: Array, held: Mask | None = None, max_iterations: int = 100
) -> BatchMinimum:
    """Minimise the deviance of every row.

    Parameters
    ----------
    likelihood : Likelihood
        With p free parameters.
    theta : array, shape (N, p)
        Where each row starts.
    held : bool array, shape (p,) or (N, p), optional
        Parameters that stay where they start.
    max_iterations : int
        Steps after which a row counts as not converged.

    Returns
    -------
    minimum : BatchMinimum
    """
    start = np.clip(np.array(theta, dtype=float), likelihood.lower, likelihood.upper)
    fixed = np.zeros(start.shape, dtype=bool) if held is None else np.broadcast_to(held, start.shape)
    start = np.where(fixed, theta, start)
    # A search may come by places where formulas overflow: what is not finite is not taken.
    with np.errstate(all="ignore"):
        search = _Search(likelihood, start, fixed)
        for iteration in range(max_iterations):
            rows = np.flatnonzero(search.active)
            if rows.size == 0:
                break
            search.step(rows, exact=iteration >= _PATIENCE)
    return search.result()


class _Search:
    """The state of all rows."""

    def __init__(self, likelihood: BatchLikelihood, theta: Array, held: Mask) -> None:
        self.likelihood, self.theta, self.held = likelihood, theta, held
        self.deviance, self.gradient, self.fisher = likelihood.normal_equations(theta)
        # What the Fisher matrix lacks of the Hessian, as far as it is known.
        self.secant = np.zeros_like(self.fisher)
        self.damping = np.zeros(len(theta))
        # What the last step was expected to gain.
        self.gain = np.zeros(len(theta))
        self.n_iterations = np.zeros(len(theta), dtype=int)
        # Nowhere to start from: a row with an infinite deviance has no gradient.
        self.active = self._usable(np.arange(len(theta)))
        self.converged = np.zeros(len(theta), dtype=bool)

    def _usable(self, rows: NDArray[np.intp]) -> Mask:
        return (
            np.isfinite(self.deviance[rows])
            & np.isfinite(self.gradient[rows]).all(axis=-1)
            & np.isfinite(self.fisher[rows]).all(axis=(-2, -1))
        )

    def _movable(self, rows: NDArray[np.intp]) -> Mask:
        theta, gradient = self.theta[rows], self.gradient[rows]
        at_lower = (theta <= self.likelihood.lower) & (gradient > 0)
        at_upper = (theta >= self.likelihood.upper) & (gradient < 0)
        return ~(at_lower | at_upper | self.held[rows])

    def step(self, rows: NDArray[np.intp], exact: bool = False) -> None:
        """Try one step of each of these rows, with their exact Hessians or with what is known of them."""
        gain, shift = self._newton_proposal(rows) if exact else self._proposal(rows)
        trial = self._moved(rows, shift, gain)
        last = self._is_last(rows, shift, gain, trial)
        self._take_last(rows[last], trial[last], gain[last])
        done = last | (gain < GOAL)
        self.converged[rows[done]] = True
        self.active[rows[done]] = False
        rows, gain, trial = rows[~done], gain[~done], trial[~done]
        if rows.size == 0:
            return
        # Selecting all rows, as at first, would only copy the data.
        some = None if rows.size == len(self.theta) else rows
        deviance, gradient, fisher = self.likelihood.normal_equations(trial, some)
        self.n_iterations[rows] += 1
        old = self.deviance[rows]
        better = (deviance <= old + 1e-13 * np.abs(old)) & np.isfinite(gradient).all(axis=-1)
        better &= np.isfinite(fisher).all(axis=(-2, -1))
        taken = rows[better]
        near = (gain[better] < NEAR) & (not exact)
        self._learn(taken[near], *(array[better][near] for array in (trial, gradient, fisher)))
        # After a step that led nowhere, start again from the Fisher matrix.
        self.secant[rows[~better]] = 0.0
        self.theta[taken], self.deviance[taken] = trial[better], deviance[better]
        self.gradient[taken], self.fisher[taken] = gradient[better], fisher[better]
        self.gain[rows] = np.where(better, gain, 0.0)
        damping = self.damping[rows]
        eased = np.where(damping > LEAST_DAMPING, 0.1 * damping, 0.0)
        self.damping[rows] = np.where(better, eased, np.maximum(10.0 * damping, FIRST_DAMPING))
        self._give_up(rows, gain)

    def _is_last(self, rows: NDArray[np.intp], shift: Array, gain: Array, trial: Array) -> Mask:
        """Return whether the next step of each row leads so close to the minimum that there is no need to look.

        Close to a minimum what there is to gain falls by about the same factor at each step.
        """
        remaining = gain**2 < GOAL * self.gain[rows]
        inside = ((trial > self.likelihood.lower) & (trial < self.likelihood.upper) | (shift == 0)).all(axis=-1)
        last: Mask = (gain >= GOAL) & (gain < _CLOSE) & remaining & inside & (self.damping[rows] == 0)
        return last

    def _take_last(self, rows: NDArray[np.intp], theta: Array, gain: Array) -> None:
        """Move rows to their minima, where the statistic is as good as its parabola."""
        moved = theta - self.theta[rows]
        self.theta[rows] = theta
        self.deviance[rows] -= gain
        self.gradient[rows] += np.einsum("nij,nj->ni", self.fisher[rows] + self.secant[rows], moved)

    def _walks_in_logarithm(self, rows: NDArray[np.intp]) -> Mask:
        """Return which parameters (n, p) of these rows move on a logarithmic scale."""
        diagonal = np.diagonal(self.fisher[rows], axis1=-2, axis2=-1)
        clearly: Mask = self.theta[rows] * np.sqrt(np.maximum(diagonal, 0.0)) > CLEARLY
        return clearly & self.likelihood.logarithmic

    def _moved(self, rows: NDArray[np.intp], shift: Array, gain: Array) -> Array:
        """Return the parameters of these rows after a step."""
        theta = self.theta[rows]
        trial = theta + shift
        inside: Mask = self._walks_in_logarithm(rows) & (gain[:, None] < AFAR)
        trial[inside] = theta[inside] * np.exp(np.clip(shift[inside] / theta[inside], -LONGEST, LONGEST))
        trial = np.clip(trial, self.likelihood.lower, self.likelihood.upper)
        return np.where(self.held[rows], theta, trial)

    def _proposal(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return the gain that is expected of a full step of each row (n,), and the step (n, p)."""
        gradient, fisher, movable = self.gradient[rows], self.fisher[rows], self._movable(rows)
        gain, shift = _scoring_step(gradient, fisher, movable, self.damping[rows])
        corrected = np.flatnonzero((self.damping[rows] == 0) & self.secant[rows].any(axis=(-2, -1)))
        if corrected.size == 0:
            return gain, shift
        which = rows[corrected]
        matrix = fisher[corrected] + self.secant[which]
        new_gain, new_shift = _scoring_step(gradient[corrected], matrix, movable[corrected], self.damping[which])
        # Steps that are uphill, or much longer than the Fisher matrix allows, come from an indefinite matrix.
        sane = (new_gain > 0) & (new_gain < 100.0 * gain[corrected])
        # A parameter without curvature would not be moved at all.
        sane &= ((np.diagonal(matrix, axis1=-2, axis2=-1) > 0) | ~movable[corrected]).all(axis=-1)
        close = gain[corrected] < _CLOSE
        use = corrected[sane]
        shift[use] = new_shift[sane]
        gain[use] = np.where(close[sane], new_gain[sane], np.maximum(new_gain[sane], gain[use]))
        return gain, shift

    def _newton_proposal(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """As `_proposal`, from the exact Hessians of the parameters that can move."""
        movable = self._movable(rows)
        diagonal = np.diagonal(self.fisher[rows], axis1=-2, axis2=-1)
        usable = movable & (diagonal > 0)
        size = np.sqrt(np.where(usable, diagonal, 1.0))
        hessian = _hessians(self.likelihood, rows, self.theta[rows], 1.0 / size)
        # The second derivative with respect to ln(x), over x^2, is f'' + f' / x.
        each = np.arange(size.shape[1])
        slope = np.divide(
            self.gradient[rows], self.theta[rows], out=np.zeros_like(size), where=self._walks_in_logarithm(rows)
        )
        hessian[:, each, each] += slope
        scaled = hessian / (size[:, :, None] * size[:, None, :])
        scaled = np.where(usable[:, :, None] & usable[:, None, :], scaled, np.eye(size.shape[1]))
        known = np.asarray(np.isfinite(scaled).all(axis=(-2, -1)))
        values, vectors = np.linalg.eigh(np.where(known[:, None, None], scaled, np.eye(size.shape[1])))
        downhill = np.where(usable, -self.gradient[rows] / size, 0.0)
        along = np.einsum("nji,nj->ni", vectors, downhill)
        curvature = np.maximum(np.abs(values), _LEAST_CURVATURE)
        gain = 0.5 * np.sum(along**2 / curvature, axis=-1)
        # Where the statistic curves downwards there is no minimum, however flat it is.
        gain = np.where(known & (values[:, 0] > 0), gain, np.maximum(gain, NEAR))
        shift = np.einsum("nij,nj->ni", vectors, along / (curvature + self.damping[rows, None])) / size
        return gain, np.where(usable, shift, 0.0)

    def _learn(self, rows: NDArray[np.intp], theta: Array, gradient: Array, fisher: Array) -> None:
        """Correct the Hessian of rows that move to ``theta``, by what their gradients changed (symmetric rank one)."""
        size = np.sqrt(np.maximum(np.diagonal(fisher, axis1=-2, axis2=-1), 1e-300))
        moved = (theta - self.theta[rows]) * size
        matrix = (fisher + self.secant[rows]) / (size[:, :, None] * size[:, None, :])
        missed = (gradient - self.gradient[rows]) / size - np.einsum("nij,nj->ni", matrix, moved)
        product = np.sum(missed * moved, axis=-1)
        lengths = np.sqrt(np.sum(missed**2, axis=-1) * np.sum(moved**2, axis=-1))
        news = np.abs(product) > _NO_NEWS * lengths
        back = missed[news] * size[news]
        self.secant[rows[news]] += back[:, :, None] * back[:, None, :] / product[news, None, None]

    def _give_up(self, rows: NDArray[np.intp], gain: Array) -> None:
        """Stop rows that no damping helps; near the minimum that is rounding, and they are done."""
        stuck = self.damping[rows] > LAST_DAMPING
        self.active[rows[stuck]] = False
        self.converged[rows[stuck]] = gain[stuck] < CLOSE_ENOUGH

    def result(self) -> BatchMinimum:
        return BatchMinimum(self.theta, self.deviance, self.gradient, self.fisher, self.converged, self.n_iterations)


def _scoring_step(gradient: Array, fisher: Array, movable: Mask, damping: Array) -> tuple[Array, Array]:
    """Return the expected gain (n,) of a full step, and the damped step (n, p).

    The matrix is scaled to a unit diagonal, so that parameters of any size are solved for together.
    """
    diagonal = np.diagonal(fisher, axis1=-2, axis2=-1)
    usable = movable & (diagonal > 0)
    size = np.sqrt(np.where(usable, diagonal, 1.0))
    scaled = np.where(usable[:, :, None] & usable[:, None, :], fisher / (size[:, :, None] * size[:, None, :]), 0.0)
    downhill = np.where(usable, -gradient / size, 0.0)
    unit = np.eye(gradient.shape[-1])
    # A ridge far below any real curvature keeps degenerate directions solvable.
    ridge = np.where(usable, 1e-12, 1.0)[:, :, None] * unit
    full = np.linalg.solve(scaled + ridge, downhill[..., None])[..., 0]
    gain = 0.5 * np.sum(full * downhill, axis=-1)
    if not damping.any():
        return gain, full / size
    damped = np.linalg.solve(scaled + ridge + damping[:, None, None] * unit, downhill[..., None])[..., 0]
    return gain, damped / size


def _hessians(likelihood: BatchLikelihood, rows: NDArray[np.intp], theta: Array, errors: Array) -> Array:
    """Return the Hessians (n, p, p) of some rows at ``theta`` (n, p), by differences of their gradients.

    The steps are parts of the ``errors`` (n, p), and shorter where a limit is near.
    """
    count, p = theta.shape
    moved = np.tile(theta, (2 * p, 1, 1))
    for i in range(p):
        moved[i, :, i] += _HESSIAN_STEP * errors[:, i]
        moved[p + i, :, i] -= _HESSIAN_STEP * errors[:, i]
    moved = np.clip(moved, likelihood.lower, likelihood.upper)
    gradients = likelihood.normal_equations(moved.reshape(-1, p), np.tile(rows, 2 * p))[1]
    up, down = np.split(gradients.reshape(2 * p, count, p), 2)
    distance = np.stack([moved[i, :, i] - moved[p + i, :, i] for i in range(p)])
    with np.errstate(divide="ignore", invalid="ignore"):
        hessian = ((up - down) / distance[:, :, None]).transpose(1, 0, 2)
    return 0.5 * (hessian + hessian.transpose(0, 2, 1))
