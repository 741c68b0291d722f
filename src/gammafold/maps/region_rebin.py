"""Sums, groups, slices and pads of region maps along their axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps.axis import MapAxis
from gammafold.maps.core import Map
from gammafold.maps.region_lookup import CoordinateAccess
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AxisOperations"]


class AxisOperations(CoordinateAccess):
    """The part of a region map that works along its axes."""

    def sum_over_axes(
        self, axes_names: list[str] | str | None = None, keepdims: bool = True, weights: Map | None = None
    ) -> Self:
        """Return the sum over axes.

        Parameters
        ----------
        axes_names : list of str, optional
            Axes to sum over. Default is all.
        keepdims : bool
            Keep summed axes with one bin.
        weights : Map, optional
            Factors (a mask, for example) to apply first; broadcast over axes of one bin.
        """
        return self.reduce_over_axes(np.add, keepdims=keepdims, axes_names=axes_names, weights=weights)

    def reduce_over_axes(
        self,
        func: np.ufunc = np.add,
        keepdims: bool = False,
        axes_names: list[str] | str | None = None,
        weights: Map | None = None,
    ) -> Self:
        """Return the map reduced over axes by a ufunc with ``reduce``, such as `numpy.logical_or`."""
        geom = self.geom
        names = [axes_names] if isinstance(axes_names, str) else axes_names
        names = geom.axes.names if names is None else names
        positions = tuple(geom.axes.index_data(name) for name in names)
        values = weighted(self, weights, "the sum")
        values = np.broadcast_to(values, np.broadcast_shapes(values.shape, geom.data_shape))
        data = func.reduce(values, axis=positions, keepdims=keepdims)
        for name in names:
            geom = geom.squash(name) if keepdims else geom.drop(name)
        return self._new(geom, data, self.unit)

    def reduce(
        self, axis_name: str, func: np.ufunc = np.add, keepdims: bool = False, weights: Map | None = None
    ) -> Self:
        """Return the map reduced over one axis."""
        return self.reduce_over_axes(func, keepdims, [axis_name], weights)

    def cumsum(self, axis_name: str) -> Self:
        """Return the running integral along an axis: values times bin widths, summed up to each edge.

        The axis of the result has its nodes at the edges, so it has one bin more.
        """
        geom = self.geom
        axis = geom.axes[axis_name]
        widths = geom.axes_array(axis.bin_width.value, axis_name)
        position = geom.axes.index_data(axis_name)
        sums = np.cumsum(self.data * widths, axis=position)
        pads = [(1, 0) if i == position else (0, 0) for i in range(sums.ndim)]
        nodes = MapAxis.from_nodes(axis.edges, name=axis.name, interp=axis.interp)
        return self._new(geom.replace_axis(nodes), np.pad(sums, pads), self.unit * axis.unit)

    def integral(self, axis_name: str, coords: Any, **kwargs: Any) -> u.Quantity:
        """Return the integral along an axis up to given coordinates; beyond the ends nothing is added.

        Parameters
        ----------
        axis_name : str
            Axis to integrate along.
        coords : dict, tuple or MapCoord
            Upper ends of the integral along that axis, and coordinates of the others.
        **kwargs
            As for `interp_by_coord`, which interpolates the running integral of `cumsum`.
        """
        running = self.cumsum(axis_name)
        named = self.geom._to_coords(coords)
        coords = {name: named[name] for name in self.geom.axes.names}
        coords[axis_name] = np.clip(u.Quantity(coords[axis_name]), *self.geom.axes[axis_name].bounds)
        return u.Quantity(running.interp_by_coord(coords, **kwargs), running.unit)

    def normalize(self, axis_name: str | None = None) -> None:
        """Divide the data by their integral (values times bin widths) along an axis, in place; the unit changes.

        Parameters
        ----------
        axis_name : str, optional
            Axis along which the integral becomes one. Default: all axes.

        Raises
        ------
        InputError
            If an integral is zero or not finite.
        """
        axes = self.geom.axes
        names = axes.names if axis_name is None else [axis_name]
        widths = u.Quantity(1.0)
        for name in names:
            widths = widths * self.geom.axes_array(axes[name].bin_width, name)
        positions = tuple(axes.index_data(name) for name in names)
        total = np.sum(self.data * widths.value, axis=positions, keepdims=True)
        if not np.all(np.isfinite(total)) or np.any(total == 0):
            raise InputError(f"cannot normalize: the integral over {names} is zero or not finite")
        self.quantity = u.Quantity(self.data / total, u.dimensionless_unscaled / widths.unit)

    def stack(self, other: Map, weights: Map | None = None, nan_to_num: bool = False) -> None:
        """Add another map to this one, in place; masks are joined by "or".

        Parameters
        ----------
        other : RegionNDMap
            Map with the same axes, in a unit that converts.
        weights : Map, optional
            Factors (a mask, for example) for ``other``; broadcast over axes of one bin.
        nan_to_num : bool
            Take values of ``other`` that are not finite as zero.

        Raises
        ------
        InputError
            If the axes of ``other`` or ``weights`` differ.
        UnitsError
            If the unit does not convert.
        """
        self.geom.check_axes(other.geom, "stack")
        values = weighted(other, weights, "stack")
        if self.is_mask:
            if values.dtype != bool:
                raise InputError(f"stack: a mask takes masks, not data of the type {values.dtype}")
            self.data = self.data | values
            return
        if other.unit != self.unit:
            other.to_unit(self.unit)  # raises with both units named
            values = values * other.unit.to(self.unit)
        if nan_to_num:
            values = np.where(np.isfinite(values), values, 0)
        if np.can_cast(values.dtype, self.data.dtype, "same_kind"):
            self.data += values
        else:
            self.data = self.data + values

    def coadd(self, map_in: Map, weights: Map | None = None) -> None:
        """Add the values of another map where its bins have their centres, in place."""
        values = map_in if weights is None else map_in * weights
        self.fill_by_coord(map_in.geom.get_coord(), weights=values.to_unit(self.unit).data)

    def slice_by_idx(self, slices: Mapping[str, int | slice]) -> Self:
        """Return part of the bins.

        Parameters
        ----------
        slices : dict
            Slice or int per axis name; an int drops the axis.
        """
        geom = self.geom.slice_by_idx(slices)
        index: list[Any] = [slice(None)] * self.data.ndim
        for name, item in slices.items():
            index[self.geom.axes.index_data(name)] = item
        return self._new(geom, self.data[tuple(index)].copy(), self.unit)

    def resample_axis(self, axis: MapAxis, weights: Map | None = None, ufunc: np.ufunc = np.add) -> Self:
        """Return the map with the bins of an axis grouped.

        Parameters
        ----------
        axis : `MapAxis`
            Axis of the same name whose edges are edges of the map's; bins beyond it are dropped.
        weights : Map, optional
            Factors (a mask, for example) to apply first.
        ufunc : `numpy.ufunc`
            How to join bins: `numpy.add`, `numpy.logical_or`, …
        """
        geom = self.geom.resample_axis(axis)
        old, new = (g.axes[axis.name].edges.value for g in (self.geom, geom))
        # The axis has snapped its edges to the map's: each is found by index, and none twice.
        starts = np.argmin(np.abs(old[:, np.newaxis] - new), axis=0)
        position = geom.axes.index_data(axis.name)
        values = weighted(self, weights, "resample_axis")
        values = np.take(values, np.arange(starts[0], starts[-1]), axis=position)
        if values.dtype == bool and ufunc is np.add:
            ufunc = np.logical_or
        data = ufunc.reduceat(values, starts[:-1] - starts[0], axis=position)
        return self._new(geom, data, self.unit)

    def downsample(
        self,
        factor: int,
        preserve_counts: bool = True,
        axis_name: str | None = None,
        weights: Map | None = None,
    ) -> Self:
        """Return the map with each ``factor`` bins of an axis joined.

        Parameters
        ----------
        factor : int
            Number of bins to join; has to divide the number of bins.
        preserve_counts : bool
            Sum the values (else average them). Masks are joined by "or" in either case.
        axis_name : str, optional
            Axis. Default is the sky: a copy, for a region.
        weights : Map, optional
            Factors (a mask, for example) to apply first.
        """
        values = weighted(self, weights, "downsample")
        if axis_name is None:
            return self._new(self.geom, values.copy(), self.unit)
        nbin = self.geom.axes[axis_name].nbin
        if factor < 1 or nbin % factor:
            raise InputError(f"axis {axis_name!r} has {nbin} bins: factor {factor} does not divide it")
        geom = self.geom.downsample(factor, axis_name)
        position = geom.axes.index_data(axis_name)
        shape = list(values.shape)
        shape[position : position + 1] = [nbin // factor, factor]
        blocks = values.reshape(shape)
        func = np.any if values.dtype == bool else (np.sum if preserve_counts else np.mean)
        return self._new(geom, func(blocks, axis=position + 1), self.unit)

    def upsample(self, factor: int, order: int = 0, preserve_counts: bool = True, axis_name: str | None = None) -> Self:
        """Return the map with each bin of an axis split in ``factor``.

        Parameters
        ----------
        factor : int
            Number of bins to make of each.
        order : {0, 1}
            Repeat the values, or interpolate them.
        preserve_counts : bool
            Divide by ``factor``, so that sums are kept (not for masks).
        axis_name : str, optional
            Axis. Default is the sky: a copy, for a region.
        """
        if order not in (0, 1):
            raise InputError(f"order is {order!r}: expected 0 (repeat) or 1 (interpolate)")
        if axis_name is None:
            return self.copy()
        geom = self.geom.upsample(factor, axis_name)
        if order == 0 or self.is_mask:
            data = np.repeat(self.data, factor, axis=geom.axes.index_data(axis_name))
        else:
            data = self.interp_by_coord({axis.name: geom.axes_array(axis.center, axis.name) for axis in geom.axes})
        if preserve_counts and not self.is_mask:
            data = data / factor
        return self._new(geom, data, self.unit)

    def pad(
        self,
        pad_width: int | tuple[int, int],
        axis_name: str | None = None,
        mode: str = "constant",
        cval: float = 0,
    ) -> Self:
        """Return the map with bins added at the ends of an axis.

        Parameters
        ----------
        pad_width : int or tuple of int
            Number of bins to add at both ends, or at each.
        axis_name : str, optional
            Axis. Default is the sky: a copy, for a region.
        mode : {"constant", "edge", "reflect"}
            What to put there: ``cval``, the last value, or the mirrored values.
        cval : float
            Value for the mode "constant".
        """
        if mode not in ("constant", "edge", "reflect"):
            raise InputError(f"mode is {mode!r}: expected 'constant', 'edge' or 'reflect'")
        if axis_name is None:
            return self.copy()
        geom = self.geom.pad(pad_width, axis_name)
        widths = pad_width if isinstance(pad_width, tuple) else (pad_width, pad_width)
        pads = [(0, 0)] * self.data.ndim
        pads[geom.axes.index_data(axis_name)] = widths
        options = {"constant_values": cval} if mode == "constant" else {}
        data = np.pad(self.data, pads, mode=mode, **options)  # type: ignore[call-overload]
        return self._new(geom, data, self.unit)

    def rename_axes(self, names: str | list[str], new_names: str | list[str]) -> Self:
        """Return the map with axes renamed."""
        return self._new(self.geom.rename_axes(names, new_names), self._data.copy(), self.unit)

    def reorder_axes(self, axes_names: list[str]) -> Self:
        """Return the map with its axes in another order, fastest first."""
        axes = self.geom.axes
        if sorted(axes_names) != sorted(axes.names):
            raise InputError(f"axes_names is {axes_names}: expected a permutation of {axes.names}")
        order = [axes.index_data(name) for name in reversed(axes_names)]
        data = self.data.transpose([*order, self.data.ndim - 2, self.data.ndim - 1]).copy()
        geom = self.geom.copy(axes=[axes[name] for name in axes_names])
        return self._new(geom, data, self.unit)

    def to_cube(self, axes: list[MapAxis]) -> Self:
        """Return the map with more axes of one bin each, appended as the slowest.

        Raises
        ------
        InputError
            If one of them has more than one bin.
        """
        for axis in axes:
            if axis.nbin != 1:
                raise InputError(f"axis {axis.name!r} has {axis.nbin} bins: to_cube needs axes of one bin")
        geom = self.geom.to_cube(axes)
        return self._new(geom, self._data.reshape(geom.data_shape).copy(), self.unit)

    def split_by_axis(self, axis_name: str) -> list[Self]:
        """Return one map per bin of an axis, without the axis."""
        return list(self.iter_by_axis(axis_name))

    def iter_by_axis(self, axis_name: str, keepdims: bool = False) -> Iterator[Self]:
        """Go through the bins of an axis, with the axis kept as one bin or dropped."""
        for idx in range(self.geom.axes[axis_name].nbin):
            yield self.slice_by_idx({axis_name: slice(idx, idx + 1) if keepdims else idx})

    def iter_by_image(self, keepdims: bool = False) -> Iterator[Self]:
        """Go through all bins of all axes, the fastest axis first."""
        names = self.geom.axes.names
        for idx in self.iter_by_image_index():
            yield self.slice_by_idx(
                {name: slice(i, i + 1) if keepdims else int(i) for name, i in zip(names, reversed(idx), strict=True)}
            )

    def iter_by_image_data(self) -> Iterator[tuple[np.ndarray, tuple[int, ...]]]:
        """Go through all bins as views of shape (1, 1) on the data, and their indices."""
        for idx in self.iter_by_image_index():
            yield self._data[idx], idx

    def iter_by_image_index(self) -> Iterator[tuple[int, ...]]:
        """Go through the indices of all bins, as for the data (slowest axis first)."""
        yield from np.ndindex(self._data.shape[:-2])


def weighted(region_map: Map, weights: Map | None, purpose: str) -> np.ndarray:
    """Return the data times weights that broadcast to them; a masked mask stays a mask."""
    data = region_map.data
    if weights is None:
        return data
    region_map.geom.check_axes(weights.geom, f"weights of {purpose}", broadcast=True)
    if data.dtype == bool and weights.data.dtype == bool:
        return data & weights.data
    if weights.data.dtype == bool:
        # Zero, and not NaN, where a masked value is not finite.
        return np.where(weights.data, data, np.zeros((), dtype=data.dtype))
    return data * weights.data
