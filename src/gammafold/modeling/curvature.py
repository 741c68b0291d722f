"""The curvature of the statistic at a point, and the directions in which the data see nothing.

A Hessian from differences is right to about 1e-6, so that it cannot tell a direction in which the statistic is
constant from one in which it hardly rises. The Fisher matrix can: it is the square of the Jacobian, which vanishes
along degenerate parameters to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood

__all__ = ["Curvature", "curvature_at"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Smallest eigenvalue of the scaled Hessian, relative to the largest, above which nothing is degenerate.
_SUSPICIOUS = 1e-4
# Eigenvalues of the scaled Fisher matrix that are zero within rounding.
_BLIND = 1e-11
# A slope along a blind direction that is not rounding, in units of the statistic and of an error.
_LEVEL = 1e-3


@dataclass(frozen=True, eq=False)
class Curvature:
    """Hessian of the free parameters, in units that make its diagonal one, by its eigenvectors.

    Attributes
    ----------
    free : bool array, shape (p,)
        Parameters that were looked at; the f others stay where they are.
    size : array, shape (f,)
        Inverse of the unit of each of them.
    values, vectors : array, shape (r,) and (f, r)
        Eigenvalues and eigenvectors.
    blind : array, shape (f, f - r)
        Directions along which the statistic does not change.
    """

    free: Mask
    size: Array
    values: Array
    vectors: Array
    blind: Array

    @property
    def is_positive(self) -> bool:
        """Whether the statistic rises in every direction that it depends on."""
        return bool(np.isfinite(self.values).all() and (self.values > 0).all())

    def newton_step(self, gradient: Array) -> tuple[Array, float]:
        """Step (p,) to the minimum, and the expected gain; the gain is inf where there is no minimum near.

        Blind directions are not moved along; where the gradient does not vanish along them there is no minimum.
        """
        step = np.zeros_like(gradient)
        scaled = gradient[self.free] / self.size
        if not (self.is_positive and np.isfinite(scaled).all()) or (np.abs(scaled @ self.blind) > _LEVEL).any():
            return step, np.inf
        along = -(scaled @ self.vectors) / self.values
        step[self.free] = self.vectors @ along / self.size
        return step, float(0.5 * np.sum(along**2 * self.values))

    def covariance(self) -> Array:
        """Twice the inverse of the Hessian, shape (p, p); zero for the parameters that stay where they are."""
        inverse = (self.vectors / self.values) @ self.vectors.T / np.outer(self.size, self.size)
        full = np.zeros((len(self.free), len(self.free)))
        full[np.ix_(self.free, self.free)] = 2.0 * inverse
        return full

    def blind_to(self, names: Sequence[str]) -> list[str]:
        """Names of the parameters, among those of all p, that the blind directions involve."""
        own = [name for name, is_free in zip(names, self.free, strict=True) if is_free]
        return [name for name, row in zip(own, self.blind, strict=True) if np.linalg.norm(row) > 1e-3]


def curvature_at(likelihood: Likelihood, theta: Array, hessian: Array, free: Mask) -> Curvature:
    """Return the curvature of the deviance in the subspace of the ``free`` parameters.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood.
    theta : array, shape (p,)
        Where.
    hessian : array, shape (p, p)
        Hessian, or Fisher matrix, there.
    free : bool array, shape (p,)
        Which parameters.
    """
    matrix = hessian[np.ix_(free, free)]
    size = np.sqrt(np.abs(np.diagonal(matrix)))
    size = np.where(size > 0, size, 1.0)
    scaled = matrix / np.outer(size, size)
    blind = np.zeros((len(size), 0))
    if not np.isfinite(scaled).all():
        return Curvature(free, size, np.full(len(size), np.nan), np.eye(len(size)), blind)
    values, vectors = np.linalg.eigh(scaled)
    if len(values) and values[0] <= _SUSPICIOUS * values[-1]:
        blind = _blind_directions(likelihood.fisher(theta)[np.ix_(free, free)], size)
        if blind.shape[1]:
            rest = np.linalg.qr(blind, mode="complete")[0][:, blind.shape[1] :]
            values, inner = np.linalg.eigh(rest.T @ scaled @ rest)
            vectors = rest @ inner
    return Curvature(free, size, values, vectors, blind)


def _blind_directions(fisher: Array, size: Array) -> Array:
    """Return an orthonormal basis of what the Fisher matrix does not see, in the units ``size``."""
    if not np.isfinite(fisher).all():
        return np.zeros((len(size), 0))
    own = np.sqrt(np.diagonal(fisher))
    own = np.where(own > 0, own, 1.0)
    values, vectors = np.linalg.eigh(fisher / np.outer(own, own))
    null = vectors[:, values <= _BLIND * max(values[-1], 1.0)] / own[:, None] * size[:, None]
    return np.linalg.qr(null)[0] if null.shape[1] else null
