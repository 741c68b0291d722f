"""Limits from statistic scans over norms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

__all__ = ["limits_from_scans"]

Array = NDArray[np.float64]


def limits_from_scans(scan: RegionNDMap, norm: Array, stat: Array, n_sigma: float) -> Array:
    """Upper limits from scans of the statistic.

    The root of the rise is close to a straight line in the norm, so it is what is interpolated.

    Parameters
    ----------
    scan : RegionNDMap
        Statistic with the axes "norm" (first) and those of the points.
    norm, stat : array, shape (..., 1, 1)
        Best norms and the statistic there.
    n_sigma : float
        Significance of the limit.
    """
    values = scan.geom.axes["norm"].center.value
    curves = np.moveaxis(scan.data, -3, -1).reshape(-1, len(values))
    best, minimum = norm.reshape(-1), stat.reshape(-1)
    limits = np.array([_limit(values, *row, n_sigma) for row in zip(curves, best, minimum, strict=True)])
    return limits.reshape(norm.shape)


def _limit(values: Array, curve: Array, best: float, minimum: float, n_sigma: float) -> float:
    if not np.isfinite(best):
        return float("nan")
    root = np.sqrt(np.maximum(curve - minimum, 0.0))
    above = values > best
    x, y = np.append(best, values[above]), np.append(0.0, root[above])
    beyond = np.flatnonzero(y >= n_sigma)
    if beyond.size == 0:
        raise InputError(
            f"the statistic scan ends at a norm of {values[-1]:g}, {y[-1]:.2g} sigma above the best one: "
            f"no limit of {n_sigma:g} sigma can be read from it; scan wider norms"
        )
    last = beyond[0]
    return float(np.interp(n_sigma, y[last - 1 : last + 1], x[last - 1 : last + 1]))
