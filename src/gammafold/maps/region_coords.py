"""Coordinates and indices of the bins of a region geometry."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.maps.axes import MapAxes
from gammafold.maps.coord import MapCoord
from gammafold.maps.region_sky import RegionSky

__all__ = ["RegionCoordinates"]


class RegionCoordinates(RegionSky):
    """The part of a region geometry that relates coordinates and bins; its class provides the axes."""

    axes: MapAxes
    data_shape: tuple[int, ...]

    def get_coord(
        self, mode: str = "center", frame: str | None = None, sparse: bool = False,
        axis_name: str | None = None,
    ) -> MapCoord:  # fmt: skip
        """Return the coordinates of the bins.

        Parameters
        ----------
        mode : {"center", "edges"}
            Centres, or the edges of ``axis_name``.
        frame : str, optional
            Sky frame. Default is the geometry's own.
        sparse : bool
            Give each axis an array that broadcasts to the data, instead of one of its shape.
        axis_name : str, optional
            Axis whose edges are given.
        """
        center = self.center_skydir.transform_to(frame) if frame else self.center_skydir
        place = {name: np.full((1, 1), value) * u.deg for name, value in
                 zip(("lon", "lat"), (center.spherical.lon.deg, center.spherical.lat.deg), strict=True)}  # fmt: skip
        values = {name: self.axes_array(value, name) for name, value in self.axes.get_coord(mode, axis_name).items()}
        coords = MapCoord({**place, **values}, frame or self.frame)
        return coords if sparse else coords.broadcasted

    @property
    def center_coord(self) -> tuple:
        """Longitude and latitude of the centre, and the middle of each axis."""
        spherical = self.center_skydir.spherical
        return (spherical.lon, spherical.lat, *self.axes.center_coord)

    def _to_coords(self, coords: Any) -> MapCoord:
        """Return named coordinates; the position is left out if it was not given."""
        return MapCoord.create(coords, axis_names=self.axes.names)

    def coord_to_pix(self, coords: Any) -> tuple:
        """Return fractional indices: 0 for the sky (NaN outside the region), then one per axis."""
        coords = self._to_coords(coords)
        inside = self._inside(coords)
        sky = np.where(inside, 0.0, np.nan)
        return (sky, sky, *(axis.coord_to_pix(coords[axis.name]) for axis in self.axes))

    def coord_to_idx(self, coords: Any, clip: bool = False) -> tuple:
        """Return integer indices: 0 for the sky, then one per axis; -1 is outside.

        With ``clip``, coordinates beyond the ends of an axis get its first or last bin.
        """
        coords = self._to_coords(coords)
        sky = np.where(self._inside(coords), 0, -1)
        return (sky, sky, *(axis.coord_to_idx(coords[axis.name], clip=clip) for axis in self.axes))

    def _inside(self, coords: MapCoord) -> np.ndarray:
        """Where a position lies in the region: everywhere if no position or no region is given."""
        if self.region is None or not coords.has_position:
            return np.array(True)
        return self.contains(coords.skycoord)

    def pix_to_coord(self, pix: tuple) -> tuple:
        """Return longitude, latitude and axis coordinates at fractional indices."""
        spherical = self.center_skydir.spherical
        sky = [np.where(np.abs(pix[0]) <= 0.5, value.deg, np.nan) * u.deg for value in
               (spherical.lon, spherical.lat)]  # fmt: skip
        return (*sky, *(axis.pix_to_coord(value) for axis, value in zip(self.axes, pix[2:], strict=True)))

    def get_idx(self) -> tuple[np.ndarray, ...]:
        """Return the indices of all bins (x, y, axes fastest first), each in the data's shape."""
        return tuple(np.indices(self.data_shape)[::-1])

    def bin_volume(self) -> u.Quantity:
        """Return the product of bin widths and solid angle, in the data's shape."""
        return np.reshape(self.axes.bin_volume().T, self.data_shape) * self.solid_angle()

    def get_wcs_coord_and_weights(self, factor: int = 10) -> tuple[MapCoord, np.ndarray]:
        """Return the pixels of the projection that the region touches, and the fractions inside.

        Parameters
        ----------
        factor : int
            Each pixel is sampled at ``factor`` x ``factor`` points.

        Returns
        -------
        coords : MapCoord
            ``lon`` and ``lat`` of shape (pixels,), and the centres of the axes, broadcastable.
        weights : `~numpy.ndarray`
            Fraction of each pixel inside the region, shape (pixels,); for points, one each.
        """
        from gammafold.maps.region_sampling import sample_region

        position, weights = sample_region(*self._require_region(), factor=factor)
        coords = {axis.name: self.axes_array(axis.center, axis.name)[..., 0] for axis in self.axes}
        spherical = position.transform_to(self.frame).spherical
        return MapCoord({"lon": spherical.lon, "lat": spherical.lat, **coords}, self.frame), weights

    def axes_array(self, values: np.ndarray, axis_name: str) -> np.ndarray:
        """Return one value per bin of an axis as an array that broadcasts to the data."""
        shape = [1] * len(self.data_shape)
        shape[self.axes.index_data(axis_name)] = -1
        return np.reshape(values, shape)
