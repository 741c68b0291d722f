"""Points that stand for a region, to integrate a spatial model over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gammafold.maps.region_shapes import contains, flatten_region, is_point, pixel_extent

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS
    from regions import SkyRegion

__all__ = ["sample_region"]


def sample_region(region: SkyRegion, wcs: WCS, factor: int = 10) -> tuple[SkyCoord, np.ndarray]:
    """Return the pixels that a region touches, and which fraction of each is inside.

    Parameters
    ----------
    region : `~regions.SkyRegion`
        Region; of points, each is returned with the weight one.
    wcs : `~astropy.wcs.WCS`
        Projection with the pixels.
    factor : int
        Each pixel is sampled at ``factor`` x ``factor`` points.

    Returns
    -------
    position : `~astropy.coordinates.SkyCoord`
        Centres of the pixels, shape (pixels,).
    weights : `~numpy.ndarray`
        Fractions in (0, 1], shape (pixels,).
    """
    from astropy.coordinates import SkyCoord

    parts = flatten_region(region)
    if all(is_point(part) for part in parts):
        frame = parts[0].center.frame.name
        centers = [part.center.transform_to(frame).spherical for part in parts]
        lon, lat = ([getattr(center, name).deg for center in centers] for name in ("lon", "lat"))
        return SkyCoord(lon, lat, unit="deg", frame=frame), np.ones(len(parts))
    x0, x1, y0, y1 = pixel_extent(region, wcs)
    x = np.arange(np.floor(x0 + 0.5), np.ceil(x1 + 0.5))
    y = np.arange(np.floor(y0 + 0.5), np.ceil(y1 + 0.5))
    steps = (np.arange(factor) + 0.5) / factor - 0.5
    fine_x, fine_y = ((centers[:, np.newaxis] + steps).ravel() for centers in (x, y))
    inside = contains(region, SkyCoord.from_pixel(*np.meshgrid(fine_x, fine_y), wcs), wcs)
    fractions = inside.reshape(len(y), factor, len(x), factor).mean(axis=(1, 3))
    rows, columns = np.nonzero(fractions)
    return SkyCoord.from_pixel(x[columns], y[rows], wcs), fractions[rows, columns]
