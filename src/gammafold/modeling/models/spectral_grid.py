"""Tables on a grid, interpolated between their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from gammafold.modeling.models.xp import namespace_of
from gammafold.utils.errors import InputError, InputTypeError

__all__ = ["GridTable", "PowerLawTable", "inside", "interpolation_options"]

Array = np.ndarray

# Within this part of its range beyond an end, a coordinate that is a parameter is still served: the steps of
# numerical derivatives at a limit reach there.
_SLACK = 0.01


def interpolation_options(given: Any, accepted: Mapping[str, tuple[Any, ...]], what: str) -> dict[str, Any]:
    """Return options of an interpolation as a dict of their own.

    Raises
    ------
    InputError
        If one is not known, or has another value than those ``accepted``: the table would be read otherwise than
        was asked for.
    """
    options = {} if given is None else given
    if not isinstance(options, Mapping):
        raise InputTypeError(f"interp_kwargs of {what} is {given!r}: expected a dict")
    for name, value in options.items():
        choices = accepted.get(name)
        if choices is None or not any(type(value) is type(choice) and value == choice for choice in choices):
            known = "; ".join(f"{key!r}: {' or '.join(map(repr, values))}" for key, values in accepted.items())
            raise InputError(f"interp_kwargs of {what} has {name!r}: {value!r}, expected some of {known}")
    return dict(options)


class GridTable:
    """Values on a grid of any dimension, linear between neighbours and continued beyond the ends.

    Parameters
    ----------
    nodes : sequence of arrays
        Increasing coordinates along each axis; an axis may have a single one.
    values : array
        Values, an axis for each of ``nodes``.

    Examples
    --------
    >>> table = GridTable([np.array([0.0, 1.0]), np.array([0.0, 2.0])], np.array([[0.0, 2.0], [1.0, 3.0]]))
    >>> table(0.5, np.array([1.0, 3.0]))
    array([1.5, 3.5])
    """

    def __init__(self, nodes: Any, values: Array) -> None:
        self.nodes = [np.array(axis, dtype=float) for axis in nodes]
        self._values = np.array(values, dtype=float).reshape(-1)
        shape = [len(axis) for axis in self.nodes]
        self._strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]

    def __call__(self, *coordinates: Any) -> Any:
        """Return values at coordinates, one argument for each axis; they broadcast."""
        return self._sum(coordinates, None)

    def slope(self, axis: int, *coordinates: Any) -> Any:
        """Return the derivative with respect to the coordinate of one axis."""
        return self._sum(coordinates, axis)

    def _sum(self, coordinates: tuple[Any, ...], along: int | None) -> Any:
        xp = namespace_of(*coordinates)
        values = xp.asarray(self._values)
        places = [_place(xp, nodes, x) for nodes, x in zip(self.nodes, coordinates, strict=True)]
        total: Any = 0.0
        for corner in product((0, 1), repeat=len(places)):
            weight: Any = 1.0
            position: Any = 0
            for axis, (side, (piece, fraction, width)) in enumerate(zip(corner, places, strict=True)):
                if axis == along:
                    weight = weight * ((1.0 if side else -1.0) / width)
                else:
                    weight = weight * (fraction if side else 1.0 - fraction)
                # The far side of an axis with a single node has no weight: any index will do.
                index = xp.minimum(piece + side, len(self.nodes[axis]) - 1)
                position = position + index * self._strides[axis]
            total = total + weight * values[position]
        return total


def _place(xp: Any, nodes: Array, x: Any) -> tuple[Any, Any, Any]:
    """Return between which nodes coordinates lie, how far from the lower one, and the distance of the nodes."""
    if len(nodes) == 1:
        return xp.zeros(xp.shape(x), dtype=int), xp.zeros(xp.shape(x)), 1.0
    piece = xp.clip(xp.searchsorted(xp.asarray(nodes), x, side="right") - 1, 0, len(nodes) - 2)
    width = xp.asarray(np.diff(nodes))[piece]
    return piece, (x - xp.asarray(nodes)[piece]) / width, width


def inside(xp: Any, low: float, high: float, x: Any, value: Any) -> Any:
    """Return ``value``, but NaN where a parameter ``x`` is clearly beyond its range: the table says nothing there."""
    slack = _SLACK * (high - low)
    return xp.where((x >= low - slack) & (x <= high + slack), value, np.nan)


class PowerLawTable:
    """Values at energies, with a power law between neighbours.

    Parameters
    ----------
    energy, values : array, shape (n,)
        Increasing energies, and values >= 0.
    extrapolate : bool
        Continue beyond the ends; otherwise zero.
    """

    def __init__(self, energy: Array, values: Array, extrapolate: bool = False) -> None:
        self._energy, self._values, self._extrapolate = energy, values, extrapolate
        self._log_energy = np.log(energy)
        with np.errstate(divide="ignore", invalid="ignore"):
            index = np.diff(np.log(values)) / np.diff(self._log_energy)
        # Where a neighbour is zero there is no power law: linear.
        self._is_linear = ~np.isfinite(index)
        self._index = np.where(self._is_linear, 0.0, index)
        self._slope = np.diff(values) / np.diff(energy)

    def __call__(self, energy: Any) -> Any:
        """Return values at energies."""
        xp = namespace_of(energy)
        energy = xp.asarray(energy, dtype=float)
        piece = xp.clip(xp.searchsorted(xp.asarray(self._energy), energy, side="right") - 1, 0, len(self._index) - 1)
        start, value, log_start, index, slope, is_linear = (
            xp.asarray(column)[piece]
            for column in (self._energy, self._values, self._log_energy, self._index, self._slope, self._is_linear)
        )
        power = value * xp.exp(index * (xp.log(energy) - log_start))
        linear = xp.maximum(value + slope * (energy - start), 0.0)
        result = xp.where(is_linear, linear, power)
        if self._extrapolate:
            return result
        # The nodes of the last bin may be rounded past the end.
        outside = (energy < self._energy[0] * (1 - 1e-12)) | (energy > self._energy[-1] * (1 + 1e-12))
        return xp.where(outside, 0.0, result)
