"""A region of the sky with its projection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps import region_shapes
from gammafold.maps.coord import MapCoord
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS
    from regions import SkyRegion

__all__ = ["RegionSky"]


class RegionSky:
    """The sky part of a geometry: region, projection, centre, extent and solid angle.

    The parameters are those of `RegionGeom` without its axes.
    """

    def __init__(self, region: Any, wcs: WCS | None = None, binsz_wcs: u.Quantity | str = "0.01 deg") -> None:
        self.region: SkyRegion | None = region_shapes.as_region(region)
        self.binsz_wcs = to_quantity(binsz_wcs, "deg", "binsz_wcs")
        if not self.binsz_wcs.value > 0:
            raise InputError(f"binsz_wcs is {self.binsz_wcs}: expected a positive angle")
        self._given_wcs = wcs

    @property
    def frame(self) -> str:
        """Sky frame: "galactic" or "icrs"."""
        if self._given_wcs is not None:
            return "galactic" if "GLON" in self._given_wcs.wcs.ctype[0].upper() else "icrs"
        return "icrs" if self.region is None else region_shapes.region_frame(self.region)

    @cached_property
    def _layout(self) -> tuple[SkyCoord, u.Quantity]:
        """Centre of the region and widths of the box around it."""
        region = self.region
        if region is None:
            raise InputError("a geometry without a region has no width")
        binsz = self.binsz_wcs.value
        pivot = region_shapes.tangent_wcs(region_shapes.region_pivot(region, self.frame), (1, 1), binsz)
        x0, x1, y0, y1 = region_shapes.pixel_extent(region, pivot)
        if hasattr(region, "center"):
            center = region.center.transform_to(self.frame)
        else:
            center = type(region_shapes.region_pivot(region, self.frame)).from_pixel(
                (x0 + x1) / 2, (y0 + y1) / 2, pivot
            )
        sizes = [x1 - x0, y1 - y0]
        return center, np.maximum(sizes, 1.0) * binsz * u.deg

    @cached_property
    def center_skydir(self) -> SkyCoord:
        """Centre: the region's own, else that of the box around it; NaN without a region."""
        if self.region is not None:
            return self._layout[0]
        from astropy.coordinates import SkyCoord

        return SkyCoord(np.nan, np.nan, unit="deg", frame=self.frame)

    @property
    def width(self) -> u.Quantity:
        """Widths of the box around the region, along longitude and latitude; at least one pixel."""
        return self._layout[1]

    @cached_property
    def wcs(self) -> WCS | None:
        """Projection: the one given, or a tangent projection centred on the region."""
        if self._given_wcs is not None or self.region is None:
            return self._given_wcs
        center, width = self._layout
        shape = np.ceil(width / self.binsz_wcs).value[::-1].astype(int)
        # A border of one pixel keeps the outline inside the picture.
        shape = shape + 2 if np.any(shape > 1) else shape
        return region_shapes.tangent_wcs(center, (int(shape[0]), int(shape[1])), self.binsz_wcs.value)

    def _require_region(self) -> tuple[SkyRegion, WCS]:
        if self.region is None or self.wcs is None:
            raise InputError("this geometry has no region: make it with RegionGeom.create(region, ...)")
        return self.region, self.wcs

    @property
    def is_all_point_sky_regions(self) -> bool:
        """Whether the region is a point or consists of points."""
        if self.region is None:
            return False
        return all(region_shapes.is_point(part) for part in region_shapes.flatten_region(self.region))

    @cached_property
    def _solid_angle(self) -> u.Quantity:
        return region_shapes.solid_angle(*self._require_region())

    def solid_angle(self) -> u.Quantity:
        """Return the solid angle of the region in sr.

        Exact for circles, annuli and parts of these that do not touch; 0 for points; else
        summed over a fine grid (right to about 1e-4).

        Raises
        ------
        InputError
            If there is no region.
        """
        return self._solid_angle.copy()

    def contains(self, coords: Any) -> np.ndarray:
        """Return where positions lie in the region.

        Parameters
        ----------
        coords : `~astropy.coordinates.SkyCoord`, MapCoord, dict or tuple
            Positions; coordinates of axes are not looked at.

        Returns
        -------
        inside : `~numpy.ndarray` of bool
            In the shape of the positions.
        """
        from astropy.coordinates import SkyCoord

        region, wcs = self._require_region()
        position = coords if isinstance(coords, SkyCoord) else MapCoord.create(coords)["skycoord"]
        return np.asarray(region_shapes.contains(region, position, wcs))

    def separation(self, position: SkyCoord) -> u.Quantity:
        """Return the angle between positions and the centre of the region."""
        return self.center_skydir.separation(position)

    def plot_region(
        self, ax: Any = None, kwargs_point: dict | None = None, path_effect: Any = None, **kwargs: Any
    ) -> Any:
        """Draw the outline of the region on a sky plot.

        Parameters
        ----------
        ax : `~astropy.visualization.wcsaxes.WCSAxes`, optional
            Default is the current axes if they have a projection, else new ones.
        kwargs_point : dict, optional
            Style of points, as for `~matplotlib.lines.Line2D`.
        path_effect : `~matplotlib.patheffects.AbstractPathEffect`, optional
            Effect on all lines.
        **kwargs
            Style of the outlines, as for `~matplotlib.patches.Patch`.
        """
        from gammafold.maps.region_plot import plot_region

        return plot_region(self, ax, kwargs_point, path_effect, **kwargs)
