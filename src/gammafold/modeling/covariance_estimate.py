"""The covariance at the minimum, from the exact Hessian, and what is wrong with it if anything is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.curvature import Curvature, curvature_at

__all__ = ["CovarianceEstimate", "estimate_covariance"]

Array = NDArray[np.float64]

# An error that is so many times the size of its parameter is none.
_ENDLESS = 1e9


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
    if fixed.all():
        return CovarianceEstimate(None, "none", False, "every parameter lies on a limit: no errors")
    exact = curvature_at(likelihood, theta, hessian, ~fixed)
    reason = _what_is_wrong(exact, likelihood)
    if not reason:
        return CovarianceEstimate(exact.covariance(), "hessian", True)
    expected = curvature_at(likelihood, theta, likelihood.fisher(theta), ~fixed)
    if not _what_is_wrong(expected, likelihood) and _is_information(expected, likelihood, theta):
        return CovarianceEstimate(
            expected.covariance(), "fisher", False, f"{reason}: errors are from the Fisher matrix"
        )
    return CovarianceEstimate(None, "none", False, f"{reason}: no errors")


def _what_is_wrong(curvature: Curvature, likelihood: Likelihood) -> str:
    blind = curvature.blind_to(likelihood.names)
    if len(blind) == 1:
        return f"the statistic does not depend on {blind[0]}"
    if blind:
        return f"the data cannot tell {', '.join(blind)} apart"
    if not np.isfinite(curvature.values).all():
        return "the Hessian is not finite"
    return "" if curvature.is_positive else "the Hessian is not positive definite"


def _is_information(curvature: Curvature, likelihood: Likelihood, theta: Array) -> bool:
    """Return False if errors are so large, compared with the parameters, that they come from rounding."""
    errors = np.sqrt(np.diagonal(curvature.covariance()))
    return bool((errors < _ENDLESS * np.maximum(np.abs(theta), likelihood.scale)).all())
