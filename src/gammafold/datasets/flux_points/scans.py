"""Statistic scans over norms: from columns of tables, and limits from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

__all__ = ["limits_from_scans", "scan_map", "statistic_of_likelihood"]

Array = NDArray[np.float64]


def scan_map(norms: Array, curves: Array, geom: RegionGeom) -> RegionNDMap:
    """Return scans as a map with an axis "norm".

    Bins may have been scanned at norms of their own: the axis then has the norms of all of them, and a bin is NaN at
    those that it does not have.

    Parameters
    ----------
    norms, curves : array, shape (..., n)
        Norms, and the statistic there, for each point of the geometry.
    geom : RegionGeom
        Geometry of the points.

    Raises
    ------
    InputError
        If the shapes differ, a norm is not finite, or a bin has a norm twice.
    """
    if norms.shape != curves.shape or norms.ndim < 2:
        raise InputError(f"norm_scan has the shape {norms.shape}, the scan over it {curves.shape}: expected the same")
    rows, values = norms.reshape(-1, norms.shape[-1]), curves.reshape(-1, norms.shape[-1])
    if not np.isfinite(rows).all() or any(len(np.unique(row)) < len(row) for row in rows):
        raise InputError("norm_scan has a norm that is not finite, or one twice in a bin: expected different numbers")
    if np.allclose(rows, rows[0], rtol=1e-6):
        # Single precision makes equal norms differ in the last digit.
        rows = np.broadcast_to(rows[0], rows.shape)
    known = np.unique(rows)
    data = np.full((len(rows), len(known)), np.nan)
    np.put_along_axis(data, np.searchsorted(known, rows), values, axis=1)
    cube = geom.to_image().to_cube([MapAxis.from_nodes(known, name="norm", interp="lin"), *geom.axes])
    return RegionNDMap(geom=cube, data=data.reshape(cube.data_shape))


def statistic_of_likelihood(scans: Array) -> Array:
    """Return the rise of the statistic, ``-2 ln L``, in scans of ``ln L`` less its greatest value, shape (..., n).

    Raises
    ------
    InputError
        If there are positive values: then they are not counted from the best norm, or are of ``-ln L``.
    """
    if (scans > 1e-3).any():
        raise InputError(
            f"dloglike_scan reaches {np.nanmax(scans):g}: expected the logarithm of the likelihood less that at the "
            "best norm, which is nowhere above zero"
        )
    return -2.0 * scans


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
    above = (values > best) & ~np.isnan(curve)
    x, y = np.append(best, values[above]), np.append(0.0, root[above])
    beyond = np.flatnonzero(y >= n_sigma)
    if beyond.size == 0:
        raise InputError(
            f"the statistic scan ends at a norm of {values[-1]:g}, {y[-1]:.2g} sigma above the best one: "
            f"no limit of {n_sigma:g} sigma can be read from it; scan wider norms"
        )
    last = beyond[0]
    return float(np.interp(n_sigma, y[last - 1 : last + 1], x[last - 1 : last + 1]))
