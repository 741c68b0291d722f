"""Coordinates along an axis and the indices of its bins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps.axis_plot import AxisPlot
from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis

__all__ = ["AxisCoordinates"]


class AxisCoordinates(AxisPlot):
    """The part of an axis that finds bins; its class provides nodes, edges and the scale."""

    node_type: str
    nbin: int
    _nodes: np.ndarray
    _scale: Callable[[Any], Any]
    _unscale: Callable[[Any], Any]

    def to_node_type(self, node_type: str) -> MapAxis:
        """Return the same bins given by their edges, or by their centres."""
        raise NotImplementedError

    def _values(self, coord: Any) -> np.ndarray:
        try:
            quantity = coord if isinstance(coord, u.Quantity) else u.Quantity(coord, dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(f"coordinates of axis {self.name!r} are {coord!r}: expected numbers ({error})") from None
        if quantity.unit == u.dimensionless_unscaled and not isinstance(coord, u.Quantity | str):
            return quantity.value
        try:
            return quantity.to_value(self.unit)
        except u.UnitConversionError:
            raise UnitsError(
                f"coordinates of axis {self.name!r} are in {quantity.unit.to_string()!r}: "
                f"expected a unit like {self.unit.to_string()!r}"
            ) from None

    def coord_to_pix(self, coord: Any) -> np.ndarray:
        """Return fractional indices: whole numbers at the centres of bins; beyond the ends extrapolated."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self._scale(self._values(coord))
        nodes = self._scale(self._nodes)
        shift = 0.5 if self.node_type == "edges" else 0.0
        if len(nodes) == 1:
            return np.asarray(values - nodes[0])
        lower = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
        return lower + (values - nodes[lower]) / (nodes[lower + 1] - nodes[lower]) - shift

    def pix_to_coord(self, pix: Any) -> u.Quantity:
        """Return coordinates at fractional indices; the inverse of `coord_to_pix`."""
        shift = 0.5 if self.node_type == "edges" else 0.0
        position = np.asarray(pix, dtype=float) + shift
        nodes = self._scale(self._nodes)
        if len(nodes) == 1:
            return u.Quantity(self._unscale(nodes[0] + position), self.unit)
        with np.errstate(invalid="ignore"):
            lower = np.clip(np.nan_to_num(np.floor(position)), 0, len(nodes) - 2).astype(int)
        values = nodes[lower] + (position - lower) * (nodes[lower + 1] - nodes[lower])
        return u.Quantity(self._unscale(values), self.unit)

    def coord_to_idx(self, coord: Any, clip: bool = False) -> np.ndarray:
        """Return the index of the bin that holds each coordinate.

        A bin holds its lower edge, the last one its upper edge too. Indices are found on the edges themselves.

        Parameters
        ----------
        coord : `~astropy.units.Quantity` or array
            Coordinates, any shape.
        clip : bool
            Whether coordinates beyond the ends get the first and last index; otherwise -1. Default: False.

        Returns
        -------
        idx : `~numpy.ndarray` of int
            In the shape of the coordinates; -1 for NaN, clipped or not.
        """
        values = self._values(coord)
        edges = self.edges.value
        idx = np.searchsorted(edges, values, side="right") - 1
        idx = np.where(values == edges[-1], self.nbin - 1, idx)
        if clip:
            idx = np.clip(idx, 0, self.nbin - 1)
        return np.where((idx < 0) | (idx >= self.nbin) | np.isnan(values), -1, idx)

    def pix_to_idx(self, pix: Any, clip: bool = False) -> np.ndarray:
        """Return integer indices for fractional ones; -1 beyond the ends, or clipped."""
        position = np.asarray(pix, dtype=float)
        if clip:
            return np.clip(np.rint(position), 0, self.nbin - 1).astype(int)
        inside = (position >= -0.5) & (position < self.nbin - 0.5)
        return np.where(inside, np.rint(np.where(inside, position, 0)), -1).astype(int)

    def wrap_coord(self, coord: Any) -> Any:
        """Return the coordinates as they are: this axis has no period."""
        return coord

    def round(self, coord: Any, clip: bool = False) -> u.Quantity:
        """Return the edge nearest to each coordinate, in the scale of the axis.

        Beyond the ends, bins as wide as the outermost go on; with ``clip`` the ends themselves are taken.
        """
        index = np.rint(self.to_node_type("edges").coord_to_pix(coord) + 0.5)
        nearest = self.edges[np.clip(index, 0, self.nbin).astype(int)]
        if clip:
            return nearest
        beyond = (index < 0) | (index > self.nbin)
        return u.Quantity(np.where(beyond, self.pix_to_coord(index - 0.5).value, nearest.value), self.unit)
