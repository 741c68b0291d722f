"""What flux points say of a flux: gaussian errors, errors and limits on two sides, or the scanned likelihood.

``"chi2"``
    Values with symmetric errors; upper limits are left out.
``"distrib"``
    Values with asymmetric errors, and upper limits: a limit of ``n`` sigma stands for the parabola around the best
    value (zero where only the limit is known) that has risen by ``n^2`` at the limit.
``"profile"``
    The scans of the statistic, for limits too: nothing is lost of what the data say, as long as points are independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.kernels import AsymmetricChi2Statistic, Chi2Statistic, ProfileStatistic
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.datasets.flux_points.points import FluxPoints

__all__ = ["STAT_TYPES", "points_statistic", "valid_points"]

Array = NDArray[np.float64]

STAT_TYPES = ("chi2", "distrib", "profile")


def valid_points(points: FluxPoints, stat_type: str) -> NDArray[np.bool_]:
    """Return which points (n,) a statistic can use."""
    if stat_type == "profile":
        if not (points.has("stat_scan") and points.has("stat")):
            raise InputError(
                "stat_type 'profile' needs flux points with stat and stat_scan: estimate them with "
                "selection_optional='all', or choose 'chi2' or 'distrib'"
            )
        scans = points.stat_scan.data[..., 0, 0]
        # Where a prediction is impossible the scan is infinite: two norms around the best one are enough.
        return (np.isfinite(scans).sum(axis=-1) >= 2) & np.isfinite(_flat(points, "norm"))
    value, (low, high) = _flat(points, "norm"), _errors(points)
    measured = np.isfinite(value) & (low > 0) & (high > 0) & np.isfinite(low + high)
    is_ul = points.is_ul.data[:, 0, 0]
    if stat_type == "chi2":
        return measured & ~is_ul
    return measured | (is_ul & (_limit_error(points) > 0))


def points_statistic(points: FluxPoints, stat_type: str, keep: NDArray[np.bool_]) -> Any:
    """Return the statistic of some valid points as a function of their differential flux in cm-2 s-1 TeV-1."""
    reference = points.dnde_ref.to_value("cm-2 s-1 TeV-1")[keep]
    norm = _flat(points, "norm")
    if stat_type == "profile":
        return _profile(points, keep, reference)
    low, high = _errors(points)
    if stat_type == "chi2":
        return Chi2Statistic(norm[keep] * reference, 0.5 * (low + high)[keep] * reference)
    is_ul = points.is_ul.data[:, 0, 0]
    limit = _limit_error(points)
    is_limit = is_ul & (limit > 0)
    best = np.where(np.isnan(norm), 0.0, norm)
    high = np.where(is_limit, limit, high)
    # Below the best value of a limit there is hardly a flux; what is not known is taken from the side above.
    low = np.where(is_limit & ~(low > 0), limit, low)
    return AsymmetricChi2Statistic(*(part[keep] * reference for part in (best, low, high)))


def _flat(points: FluxPoints, name: str) -> Array:
    if not points.has(name):
        return np.full(points.energy_axis.nbin, np.nan)
    return np.asarray(points.quantity(name).data[:, 0, 0], dtype=float)


def _errors(points: FluxPoints) -> tuple[Array, Array]:
    """Errors (n,) of the norm below and above it; the symmetric one where a side is not known."""
    error = _flat(points, "norm_err")
    below, above = _flat(points, "norm_errn"), _flat(points, "norm_errp")
    return np.where(below > 0, below, error), np.where(above > 0, above, error)


def _limit_error(points: FluxPoints) -> Array:
    """Error (n,) above the best norm with which the statistic has risen by its significance squared at the limit."""
    best = _flat(points, "norm")
    error: Array = (_flat(points, "norm_ul") - np.where(np.isnan(best), 0.0, best)) / points.n_sigma_ul
    return error


def _profile(points: FluxPoints, keep: NDArray[np.bool_], reference: Array) -> ProfileStatistic:
    norms = points.stat_scan.geom.axes["norm"].center.value
    scans, best, least = points.stat_scan.data[..., 0, 0], _flat(points, "norm"), _flat(points, "stat")
    parts = []
    for number, unit in zip(np.flatnonzero(keep), reference, strict=True):
        rise = scans[number] - least[number]
        # Beside the best norm the root loses its digits, and beyond what is possible there is none.
        usable = np.isfinite(rise) & (np.abs(norms - best[number]) > 1e-6 * np.ptp(norms))
        known = norms[usable]
        root = np.sign(known - best[number]) * np.sqrt(np.maximum(rise[usable], 0.0))
        order = np.argsort(np.append(known, best[number]))
        knots, roots = np.append(known, best[number])[order], np.append(root, 0.0)[order]
        parts.append(ProfileStatistic(knots[:, None] * unit, roots[:, None]))
    if not parts:
        return ProfileStatistic(np.zeros((2, 0)), np.zeros((2, 0)))
    return ProfileStatistic.join(parts)
