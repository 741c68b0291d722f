"""Values of maps by coordinate or index: get, set, fill, interpolate."""

from __future__ import annotations

import itertools
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.maps.core import Map
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import InputError, UnitsError, UnknownNameError

__all__ = ["CoordinateAccess"]


class CoordinateAccess(Map):
    """The part of a region map that looks values up by coordinate or index."""

    def interp_by_coord(
        self, coords: Any, method: str = "linear", fill_value: float | None = None, values_scale: str = "lin"
    ) -> np.ndarray:
        """Return values interpolated between the centres of the bins.

        Parameters
        ----------
        coords : dict, tuple or MapCoord
            Coordinates of the axes, which broadcast; the sky position may be left out.
        method : {"linear", "nearest"}
            Linear in the scale of each axis (ln E on a logarithmic one), or the nearest centre.
        fill_value : float, optional
            Value outside the axes. Default is None: extrapolate.
        values_scale : {"lin", "log", "sqrt"}
            Scale in which the values are interpolated.

        Returns
        -------
        values : `~numpy.ndarray`
            In the unit of the map and the shape of the coordinates.
        """
        if method not in ("linear", "nearest"):
            raise InputError(f"method is {method!r}: expected 'linear' or 'nearest'")
        geom = self.geom
        named = geom._to_coords(coords)
        forward, backward = _scale(values_scale)
        floor = np.finfo(float).tiny if values_scale == "log" else -np.inf
        values = forward(np.maximum(self.data.astype(float), floor)).reshape(geom.data_shape[:-2])
        # One (lower index, fraction) per axis, slowest first like the data.
        positions = [_position(axis, named[axis.name], method) for axis in reversed(list(geom.axes))]
        shape = np.broadcast_shapes(named.shape, *(np.shape(lower) for lower, _ in positions))
        result = np.zeros(shape)
        for corner in itertools.product((0, 1), repeat=len(positions)):
            weight: Any = 1.0
            index = []
            for step, (lower, fraction), nbin in zip(corner, positions, values.shape, strict=True):
                weight = weight * (fraction if step else 1 - fraction)
                index.append(np.minimum(lower + step, nbin - 1))
            result = result + weight * values[tuple(index)]
        result = backward(result)
        if fill_value is None:
            return result
        outside = [_is_outside(axis, named[axis.name]) for axis in geom.axes]
        return np.where(np.any(np.broadcast_arrays(False, *outside), axis=0), fill_value, result)

    def interp_by_pix(self, pix: tuple, **kwargs: Any) -> np.ndarray:
        """Return values interpolated at fractional indices (x, y, then the axes); as `interp_by_coord`."""
        axes = self.geom.axes
        coords = {axis.name: axis.pix_to_coord(value) for axis, value in zip(axes, pix[2:], strict=True)}
        return self.interp_by_coord(coords, **kwargs)

    def get_by_coord(self, coords: Any, fill_value: float = np.nan) -> np.ndarray:
        """Return the values of the bins that hold the coordinates; ``fill_value`` outside."""
        return _take(self, self.geom.coord_to_idx(coords), fill_value)

    def get_by_pix(self, pix: tuple, fill_value: float = np.nan) -> np.ndarray:
        """Return the values at fractional indices; ``fill_value`` outside."""
        return _take(self, pix_to_idx(self, pix), fill_value)

    def get_by_idx(self, idxs: tuple) -> np.ndarray:
        """Return the values at indices (x, y, then the axes, fastest first)."""
        return self._data.T[idxs]

    def set_by_coord(self, coords: Any, vals: Any) -> None:
        """Set the bins that hold the coordinates, in place; what is outside is ignored."""
        _set(self, self.geom.coord_to_idx(coords), vals)

    def set_by_pix(self, pix: tuple, vals: Any) -> None:
        """Set the values at fractional indices, in place; what is outside is ignored."""
        _set(self, pix_to_idx(self, pix), vals)

    def set_by_idx(self, idx: tuple, value: Any) -> None:
        """Set the values at indices (x, y, then the axes, fastest first), in place."""
        self._data.T[idx] = values_in_unit(self, value)

    def fill_by_coord(self, coords: Any, weights: Any = None) -> None:
        """Add ``weights`` (default 1) to the bins that hold the coordinates, in place.

        Coordinates outside the axes or the region are not counted.
        """
        _fill(self, self.geom.coord_to_idx(coords), weights)

    def fill_by_pix(self, pix: tuple, weights: Any = None) -> None:
        """Add ``weights`` to the bins at fractional indices, in place."""
        _fill(self, pix_to_idx(self, pix), weights)

    def fill_by_idx(self, idx: tuple, weights: Any = None) -> None:
        """Add ``weights`` to the bins at indices (x, y, then the axes), in place; -1 is outside."""
        _fill(self, idx, weights)

    def fill_events(self, events: Any, weights: Any = None) -> None:
        """Count events, in place.

        Parameters
        ----------
        events : object
            Anything with ``radec`` (a SkyCoord) and an attribute, or a column of its ``table``,
            for each axis (``energy``, …).
        weights : array_like, optional
            Weight of each event.
        """
        coords: dict[str, Any] = {}
        if self.geom.region is not None:
            coords["skycoord"] = events.radec
        for axis in self.geom.axes:
            values = getattr(events, axis.name, None)
            if values is None:
                table = getattr(events, "table", None)
                if table is None or axis.name.upper() not in table.colnames:
                    raise UnknownNameError(
                        f"the events have no {axis.name!r}, as attribute or column {axis.name.upper()}"
                    )
                values = table[axis.name.upper()].quantity
            coords[axis.name] = values
        self.fill_by_coord(coords, weights=weights)


def _scale(name: str) -> tuple[Any, Any]:
    """Return a scale's function and its inverse."""
    if name == "log":
        return np.log, np.exp
    if name == "sqrt":
        return np.sqrt, np.square
    if name in ("lin", "linear"):
        return np.asarray, np.asarray
    raise InputError(f"values_scale is {name!r}: expected 'lin', 'log' or 'sqrt'")


def values_in_unit(region_map: Map, values: Any) -> np.ndarray:
    """Return values as plain numbers in the unit of the map."""
    if not isinstance(values, u.Quantity):
        return np.asarray(values)
    try:
        return values.to_value(region_map.unit)
    except u.UnitConversionError:
        raise UnitsError(
            f"values in {values.unit.to_string()!r} cannot be converted to the map's unit "
            f"{region_map.unit.to_string()!r}"
        ) from None


def _take(region_map: Map, idx: tuple, fill_value: float) -> np.ndarray:
    """Return the values at indices, with ``fill_value`` where one is negative."""
    arrays = np.broadcast_arrays(*(np.asarray(i) for i in idx))
    inside = np.all([array >= 0 for array in arrays], axis=0)
    values = region_map.data.T[tuple(np.where(inside, array, 0) for array in arrays)]
    if np.all(inside):
        return values
    dtype = np.result_type(values, np.asarray(fill_value))
    return np.where(inside, values, fill_value).astype(dtype)


def pix_to_idx(region_map: Map, pix: tuple) -> tuple[np.ndarray, ...]:
    """Return the indices of the bins at fractional indices; -1 is outside."""
    shape = (1, 1, *region_map.geom.axes.shape)
    if len(pix) != len(shape):
        raise InputError(f"got {len(pix)} indices: expected {len(shape)}, for {region_map.geom.axes_names}")
    result = []
    for value, nbin in zip(pix, shape, strict=True):
        value = np.asarray(value, dtype=float)
        outside = ~((value >= -0.5) & (value < nbin - 0.5))
        result.append(np.where(outside, -1, np.rint(np.where(outside, 0, value))).astype(int))
    return tuple(result)


def _set(region_map: Map, idx: tuple, values: Any) -> None:
    """Set values at indices, where none is negative."""
    plain = values_in_unit(region_map, values)
    *arrays, plain = np.broadcast_arrays(*(np.asarray(i) for i in idx), plain)
    inside = np.all([array >= 0 for array in arrays], axis=0)
    region_map.data.T[tuple(array[inside] for array in arrays)] = plain[inside]


def _fill(region_map: Map, idx: tuple, weights: Any) -> None:
    """Add weights at indices, where none is negative."""
    if region_map.is_mask:
        raise InputError("cannot fill a mask: make a map of numbers")
    plain = np.array(1.0) if weights is None else values_in_unit(region_map, weights)
    try:
        *arrays, plain = np.broadcast_arrays(*(np.asarray(i) for i in idx), plain)
    except ValueError:
        shapes = [np.shape(i) for i in idx]
        raise InputError(f"weights have the shape {plain.shape}: the coordinates have {shapes}") from None
    inside = np.all([array >= 0 for array in arrays], axis=0)
    if plain.dtype.kind == "f" and region_map.data.dtype.kind in "iu":
        if np.any(plain != np.rint(plain)):
            raise InputError(f"fractional weights cannot be added to a map of the type {region_map.data.dtype}")
        plain = plain.astype(region_map.data.dtype)
    np.add.at(region_map.data.T, tuple(array[inside] for array in arrays), plain[inside])


def _axis_values(axis: Any, coord: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return centres of the bins and coordinates, both in the scale of the axis."""
    forward, _ = _scale(axis.interp)
    coord = u.Quantity(coord)
    try:
        plain = coord.to_value(axis.unit)
    except u.UnitConversionError:
        raise UnitsError(f"{axis.name} in {coord.unit.to_string()!r}: expected a unit like {axis.unit}") from None
    with np.errstate(divide="ignore", invalid="ignore"):
        return forward(axis.center.value), forward(plain)


def _position(axis: Any, coord: Any, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the centre below and the fraction of the way to the next one."""
    if axis.nbin == 1 or isinstance(axis, (LabelMapAxis, TimeMapAxis)):
        index = np.asarray(axis.coord_to_idx(coord)) if axis.nbin > 1 else np.zeros(np.shape(coord), dtype=int)
        return index, np.zeros(index.shape)
    centers, values = _axis_values(axis, coord)
    lower = np.clip(np.searchsorted(centers, values, side="right") - 1, 0, centers.size - 2)
    fraction = (values - centers[lower]) / (centers[lower + 1] - centers[lower])
    if method == "nearest":
        fraction = np.clip(np.rint(fraction), 0, 1)
    return lower, fraction


def _is_outside(axis: Any, coord: Any) -> np.ndarray:
    return np.asarray(axis.coord_to_idx(coord, clip=False)) < 0
