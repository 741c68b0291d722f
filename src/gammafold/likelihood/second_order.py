"""Curvatures and errors at one parameter vector, from gradients and Fisher matrices of batches."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SecondOrder"]

Array = NDArray[np.float64]

# Step of the Hessian, in expected errors: truncation of 1e-6 and rounding of 1e-9 of the curvature.
_HESSIAN_STEP = 1e-3
# Information on a parameter, in units of its size, that is rounding.
_NOTHING = 1e-18


class SecondOrder(ABC):
    """What a likelihood with batched gradients and Fisher matrices tells about its neighbourhood."""

    scale: Array

    @abstractmethod
    def gradient(self, theta: ArrayLike) -> Array:
        """Gradient (p,) or (N, p) of the statistic."""

    @abstractmethod
    def fisher(self, theta: ArrayLike) -> Array:
        """Expected Hessian (p, p) or (N, p, p) of the statistic."""

    def hessian(self, theta: ArrayLike, errors: Array | None = None) -> Array:
        """Hessian (p, p) of the statistic at one vector (p,), by central differences of the exact gradient.

        Twice its inverse is the covariance from the observed information. ``errors`` (p,) are those of
        `expected_errors` near by, if they are known.
        """
        return self.gradient_and_hessian(theta, errors)[1]

    def gradient_and_hessian(self, theta: ArrayLike, errors: Array | None = None) -> tuple[Array, Array]:
        """Gradient (p,) and Hessian (p, p) of the statistic at one vector (p,), from one batch; see `hessian`."""
        theta = np.asarray(theta, dtype=float)
        steps = _HESSIAN_STEP * (self.expected_errors(theta) if errors is None else errors)
        moves = np.diag(steps)
        gradients = self.gradient(theta + np.concatenate([np.zeros((1, len(steps))), moves, -moves]))
        up, down = np.split(gradients[1:], 2)
        slope = (up - down) / (2.0 * steps[:, None])
        return gradients[0], 0.5 * (slope + slope.T)

    def expected_errors(self, theta: ArrayLike, fisher: Array | None = None) -> Array:
        """Expected error (p,) of each parameter alone at one vector (p,), from the Fisher matrix.

        Where the data say nothing, the size of the parameter. ``fisher`` is the matrix there, if it is known.
        """
        information = np.diagonal(self.fisher(theta) if fisher is None else fisher)
        size = np.maximum(np.abs(theta), self.scale)
        usable = np.isfinite(information) & (information * size**2 > _NOTHING)
        return np.where(usable, np.sqrt(2.0 / np.where(usable, information, 1.0)), size)
