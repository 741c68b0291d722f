"""Sky regions: reading what users pass, centre, extent, content and solid angle.

Only the public interface of the package ``regions`` is used, and regions are handled by what
they have (``radius``, ``vertices``, …) rather than by class, so that its releases 0.10 to 0.12 and
a user's own region classes work alike.
"""

from __future__ import annotations

import operator
import os
from functools import reduce
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS
    from regions import SkyRegion

__all__ = [
    "as_region",
    "contains",
    "flatten_region",
    "is_point",
    "pixel_extent",
    "region_frame",
    "region_pivot",
    "regions_allclose",
    "solid_angle",
    "tangent_wcs",
]

#: Sample points per side when a region's solid angle has no closed form.
_SAMPLES = 1000


def as_region(region: Any) -> SkyRegion | None:
    """Return one sky region from whatever describes it.

    Parameters
    ----------
    region : `~regions.SkyRegion`, str, path, list of these, SkyCoord or None
        A string is a DS9 region such as ``"icrs;circle(83.63, 22.01, 0.11)"`` or the name of
        a region file. Of several regions the union is taken. A position is a point region.

    Raises
    ------
    InputError
        If the text describes no region, or one that has no area or position (line, text).
    InputTypeError
        If the argument, or a member of the list, is something else.

    Examples
    --------
    >>> as_region("icrs;circle(83.63, 22.01, 0.11)").radius
    <Quantity 0.11 deg>
    """
    from astropy.coordinates import SkyCoord
    from regions import PointSkyRegion, Regions, SkyRegion

    if region is None:
        return None
    if isinstance(region, (str, os.PathLike)):
        return as_region(_parse(region))
    if isinstance(region, SkyCoord):
        return PointSkyRegion(region)
    if isinstance(region, (list, tuple, Regions)):
        if len(region) == 0:
            raise InputError("an empty list of regions: pass None for a map without a region")
        return reduce(operator.or_, [as_region(item) for item in region])
    if not isinstance(region, SkyRegion):
        raise InputTypeError(
            f"region is {region!r}: expected a regions.SkyRegion, a DS9 string, a list of these, or None"
        )
    for part in flatten_region(region):
        if not (hasattr(part, "center") or hasattr(part, "vertices")):
            raise InputError(f"a {type(part).__name__} has no area: it cannot be the region of a map")
    return region


def _parse(text: str | os.PathLike[str]) -> list[SkyRegion]:
    from regions import Regions

    try:
        if isinstance(text, str) and "(" in text:
            parsed = Regions.parse(text, format="ds9")
        else:
            parsed = Regions.read(os.fspath(text))
    except (OSError, ValueError) as error:
        raise InputError(f"no region in {os.fspath(text)!r}: {error}") from error
    if len(parsed) == 0:
        raise InputError(f"no region in {os.fspath(text)!r}: expected one like 'icrs;circle(83.6, 22.0, 0.1)'")
    return list(parsed)


def flatten_region(region: SkyRegion) -> list[SkyRegion]:
    """Return the simple regions that a (compound) region is made of."""
    if hasattr(region, "region1"):
        return flatten_region(region.region1) + flatten_region(region.region2)
    return [region]


def is_point(region: SkyRegion) -> bool:
    """Whether a simple region is a point."""
    from regions import PointSkyRegion

    return isinstance(region, PointSkyRegion)


def _is_union(region: SkyRegion) -> bool:
    if not hasattr(region, "region1"):
        return True
    return region.operator is operator.or_ and _is_union(region.region1) and _is_union(region.region2)


def region_frame(region: SkyRegion) -> str:
    """Return "galactic" for a region given in galactic coordinates, else "icrs"."""
    part = flatten_region(region)[0]
    position = part.center if hasattr(part, "center") else part.vertices
    return "galactic" if position.frame.name == "galactic" else "icrs"


def region_pivot(region: SkyRegion, frame: str) -> SkyCoord:
    """Return a position amid the region: its centre, or the mean of its corners and centres."""
    from astropy.coordinates import SkyCoord

    if hasattr(region, "center"):
        return region.center.transform_to(frame)
    vectors = []
    for part in flatten_region(region):
        position = part.center if hasattr(part, "center") else part.vertices
        xyz = position.transform_to(frame).cartesian.xyz.value
        vectors.append(xyz.reshape(3, -1).mean(axis=1))
    x, y, z = np.mean(vectors, axis=0)
    if x * x + y * y + z * z < 1e-20:
        raise InputError("the parts of the region balance around the whole sky: it has no centre")
    direction = SkyCoord(x, y, z, representation_type="cartesian", frame=frame)
    spherical = direction.spherical
    return SkyCoord(spherical.lon, spherical.lat, frame=frame)


def tangent_wcs(center: SkyCoord, shape: tuple[int, int], binsz: float) -> WCS:
    """Return a gnomonic (TAN) projection of ``shape`` (ny, nx) pixels of ``binsz`` deg on ``center``."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    galactic = center.frame.name == "galactic"
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"] if galactic else ["RA---TAN", "DEC--TAN"]
    if not galactic:
        wcs.wcs.radesys = "ICRS"
    wcs.wcs.crval = [center.spherical.lon.deg, center.spherical.lat.deg]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.cdelt = [-binsz, binsz]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.array_shape = shape
    wcs.wcs.set()
    return wcs


def pixel_extent(region: SkyRegion, wcs: WCS) -> tuple[float, float, float, float]:
    """Return xmin, xmax, ymin, ymax of the region in pixels (of all parts of a compound one)."""
    boxes = np.array([_simple_extent(part.to_pixel(wcs)) for part in flatten_region(region)])
    if not np.all(np.isfinite(boxes)):
        raise InputError("the region reaches over more than half the sky: it cannot be projected")
    return boxes[:, 0].min(), boxes[:, 1].max(), boxes[:, 2].min(), boxes[:, 3].max()


def _simple_extent(shape: Any) -> tuple[float, float, float, float]:
    """Extent of a simple pixel region."""
    if hasattr(shape, "vertices"):
        x, y = shape.vertices.x, shape.vertices.y
        return np.min(x), np.max(x), np.min(y), np.max(y)
    x, y = float(shape.center.x), float(shape.center.y)
    radius = getattr(shape, "outer_radius", getattr(shape, "radius", None))
    width = getattr(shape, "outer_width", getattr(shape, "width", None))
    if radius is not None:
        half_x = half_y = float(radius)
    elif width is not None:
        height: Any = getattr(shape, "outer_height", getattr(shape, "height", None))
        cos, sin = abs(np.cos(shape.angle)).value, abs(np.sin(shape.angle)).value
        a, b = width / 2, height / 2
        if "Ellipse" in type(shape).__name__:
            half_x, half_y = np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)
        else:
            half_x, half_y = a * cos + b * sin, a * sin + b * cos
    else:
        half_x = half_y = 0.0
    return x - half_x, x + half_x, y - half_y, y + half_y


def contains(region: SkyRegion, position: SkyCoord, wcs: WCS) -> np.ndarray:
    """Return where positions lie in the region.

    Circles and annuli are tested on the sphere, the others in the projection ``wcs``. A point
    holds what falls within half a pixel of it.
    """
    from regions import PixCoord

    if hasattr(region, "region1"):
        parts = (contains(part, position, wcs) for part in (region.region1, region.region2))
        return region.operator(*parts)
    if _is_circular(region):
        # asarray first: comparing an empty or scalar Angle array must give plain bools.
        separation = np.asarray(region.center.separation(position).rad)
        inner, outer = _radii(region)
        return (separation <= outer) & ((separation > inner) | (inner == 0))
    x, y = position.to_pixel(wcs)
    if is_point(region):
        x0, y0 = region.center.to_pixel(wcs)
        return (np.abs(x - x0) <= 0.5) & (np.abs(y - y0) <= 0.5)
    seen = np.isfinite(x) & np.isfinite(y)
    pixels = PixCoord(np.where(seen, x, -1e9), np.where(seen, y, -1e9))
    # A polygon gives shape (1,) for a single position.
    return np.reshape(region.to_pixel(wcs).contains(pixels), seen.shape) & seen


def _is_circular(region: SkyRegion) -> bool:
    return hasattr(region, "radius") or hasattr(region, "outer_radius")


def _radii(region: SkyRegion) -> tuple[float, float]:
    """Inner and outer radius in rad."""
    if hasattr(region, "radius"):
        return 0.0, region.radius.to_value(u.rad)
    return region.inner_radius.to_value(u.rad), region.outer_radius.to_value(u.rad)


def solid_angle(region: SkyRegion, wcs: WCS) -> u.Quantity:
    """Return the solid angle of a region.

    A cap of opening angle R has 4 pi sin^2(R / 2), an annulus the difference of two caps, a point
    none; of parts that do not touch, the sum is taken. Anything else is summed over a grid of a
    million points in the tangent plane, where dOmega = dx dy cos^3(theta) (Calabretta & Greisen
    2002, A&A 395, 1077, sec. 5.1.3, from x = tan(theta) cos(phi)): right to about 1e-4.
    """
    parts = flatten_region(region)
    if all(is_point(part) for part in parts):
        return 0.0 * u.sr
    if _is_union(region):
        areas = [part for part in parts if not is_point(part)]
        if len(areas) > 1 and _are_disjoint(areas, wcs):
            return sum((solid_angle(part, wcs) for part in areas[1:]), solid_angle(areas[0], wcs))
        if len(areas) == 1 and _is_circular(areas[0]):
            inner, outer = _radii(areas[0])
            return 4 * np.pi * (np.sin(outer / 2) ** 2 - np.sin(inner / 2) ** 2) * u.sr
    return _sampled_solid_angle(region, wcs) * u.sr


def _are_disjoint(parts: list[SkyRegion], wcs: WCS) -> bool:
    """Whether the circles around the parts are apart from each other."""
    from astropy.coordinates import SkyCoord

    scale = np.deg2rad(abs(wcs.wcs.cdelt[1]))
    radii, x, y = [], [], []
    for part in parts:
        x0, x1, y0, y1 = pixel_extent(part, wcs)
        x.append((x0 + x1) / 2)
        y.append((y0 + y1) / 2)
        radii.append(_radii(part)[1] if _is_circular(part) else np.hypot(x1 - x0, y1 - y0) / 2 * scale)
    centers = SkyCoord.from_pixel(np.array(x), np.array(y), wcs)
    first, second = np.triu_indices(len(parts), k=1)
    reach = np.array(radii)
    return bool(np.all(centers[first].separation(centers[second]).rad >= reach[first] + reach[second]))


def _sampled_solid_angle(region: SkyRegion, wcs: WCS) -> float:
    from regions import PixCoord

    x0, x1, y0, y1 = pixel_extent(region, wcs)
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x, y = np.meshgrid(x0 + (x1 - x0) * steps, y0 + (y1 - y0) * steps)
    inside = region.to_pixel(wcs).contains(PixCoord(x, y))
    scale = np.deg2rad(abs(wcs.wcs.cdelt[1]))
    # Distances from the tangent point (CRPIX counts from one), in units of the sphere's radius.
    rho2 = ((x - wcs.wcs.crpix[0] + 1) ** 2 + (y - wcs.wcs.crpix[1] + 1) ** 2) * scale**2
    cell = (x1 - x0) * (y1 - y0) / _SAMPLES**2 * scale**2
    return float(np.sum(np.where(inside, (1 + rho2) ** -1.5, 0.0)) * cell)


def regions_allclose(first: SkyRegion | None, second: SkyRegion | None, rtol: float = 1e-6) -> bool:
    """Whether two regions are of the same kind, at the same place and of the same size."""
    if first is None or second is None:
        return first is second
    one, two = flatten_region(first), flatten_region(second)
    if [type(part) for part in one] != [type(part) for part in two]:
        return False
    return all(_simple_allclose(a, b, rtol) for a, b in zip(one, two, strict=True))


_SIZES = ("radius", "width", "height")


def _simple_allclose(first: SkyRegion, second: SkyRegion, rtol: float) -> bool:
    names = [prefix + size for size in _SIZES for prefix in ("", "inner_", "outer_")]
    sizes = [
        np.array([getattr(part, name).to_value("deg") for name in names if hasattr(part, name)])
        for part in (first, second)
    ]
    if not np.allclose(sizes[0], sizes[1], rtol=rtol):
        return False
    angles = [getattr(part, "angle", 0 * u.deg).to_value("deg") for part in (first, second)]
    # An angle near 0 and one near 360 deg are the same direction.
    if abs((angles[0] - angles[1] + 180) % 360 - 180) > 360 * rtol:
        return False
    places = [part.center if hasattr(part, "center") else part.vertices for part in (first, second)]
    if np.shape(places[0]) != np.shape(places[1]):
        return False
    reach = max(float(np.max(sizes[0], initial=0.0)), 0.01)
    return bool(np.all(places[0].separation(places[1]).deg <= rtol * reach))
