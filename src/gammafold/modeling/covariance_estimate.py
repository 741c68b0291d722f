"""The covariance at the minimum, from the exact Hessian, and what is wrong with it if anything is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood

__all__ = ["CovarianceEstimate", "estimate_covariance"]

Array = NDArray[np.float64]

# Eigenvalues of the scaled Hessian below this fraction of the largest mean a direction that the data do not see.
_SINGULAR = 1e-11


@dataclass(frozen=True)
class CovarianceEstimate:
    """Covariance (p, p) of the free parameters, or None with the reason.

    ``method`` names what it was computed from: "hessian" (observed information), "fisher" (expected
    information, where the Hessian is not positive definite) or "none".
    """

    matrix: Array | None
    method: str
    accurate: bool
    message: str = ""


def estimate_covariance(
    likelihood: Likelihood, theta: Array, hessian: Array, fixed: NDArray[np.bool_]
) -> CovarianceEstimate:
    """Invert half the Hessian of the deviance in the subspace of the parameters that are not ``fixed``.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood at its minimum.
    theta : array, shape (p,)
        The minimum.
    hessian : array, shape (p, p)
        Exact Hessian of the deviance there.
    fixed : bool array, shape (p,)
        Parameters on a limit: they get no variance.
    """
    names = [name for name, is_fixed in zip(likelihood.names, fixed, strict=True) if not is_fixed]
    if not names:
        return CovarianceEstimate(None, "none", False, "every parameter lies on a limit: no errors")
    matrix, reason = _invert(hessian, ~fixed, names)
    if matrix is not None:
        return CovarianceEstimate(matrix, "hessian", True)
    fallback, _ = _invert(likelihood.fisher(theta), ~fixed, names)
    if fallback is not None:
        return CovarianceEstimate(fallback, "fisher", False, f"{reason}: errors are from the Fisher matrix")
    return CovarianceEstimate(None, "none", False, f"{reason}: no errors")


def _invert(hessian: Array, free: NDArray[np.bool_], names: list[str]) -> tuple[Array | None, str]:
    matrix = hessian[np.ix_(free, free)]
    diagonal = np.diagonal(matrix)
    if not np.all(np.isfinite(matrix)):
        return None, "the Hessian is not finite"
    if not np.all(diagonal > 0):
        flat = [name for name, value in zip(names, diagonal, strict=True) if not value > 0]
        return None, f"the statistic does not depend on {', '.join(flat)} or curves the wrong way"
    size = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(matrix / np.outer(size, size))
    if values[0] <= _SINGULAR * values[-1]:
        involved = [n for n, v in zip(names, vectors[:, 0], strict=True) if abs(v) > 0.1]
        return None, f"the Hessian is singular: {', '.join(involved)} are degenerate"
    inverse = (vectors / values) @ vectors.T / np.outer(size, size)
    full = np.zeros_like(hessian)
    full[np.ix_(free, free)] = 2.0 * inverse
    return full, ""
