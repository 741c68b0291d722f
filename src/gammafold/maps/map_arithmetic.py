"""Arithmetic, comparisons and logic between maps, quantities, arrays and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from typing import Self

    from gammafold.maps.region_geom import RegionGeom

__all__ = ["MapOperators", "coerce_data"]


def coerce_data(data: Any, geom: RegionGeom, what: str = "data") -> np.ndarray:
    """Return an array in the shape of the geometry's data.

    Accepted are that shape (returned as it is, not copied), the same without the two sky axes or
    without any axes of length one, and what broadcasts to it.

    Raises
    ------
    InputError
        Names the shapes and the axes.
    """
    if np.ma.is_masked(data):
        raise InputError(f"{what} has {np.ma.count_masked(data)} masked values: expected numbers, as of data.filled(0)")
    array = np.asarray(data)
    shape = geom.data_shape
    if array.shape == shape:
        return array
    if array.size == np.prod(shape) and _without_ones(array.shape) == _without_ones(shape):
        return array.reshape(shape)
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        axes = ", ".join(f"{axis.name} ({axis.nbin})" for axis in reversed(list(geom.axes)))
        raise InputError(
            f"{what} has the shape {array.shape}: expected {shape} for the axes {axes or 'none'}, sky (1, 1)"
        ) from None


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


class MapOperators:
    """The operators of a map; its class provides ``geom``, ``data``, ``unit`` and ``_new``."""

    geom: RegionGeom
    data: np.ndarray
    unit: u.UnitBase

    # Makes arrays and quantities on the left leave the operation to the map.
    __array_priority__ = 100_000

    def _new(self, geom: RegionGeom, data: np.ndarray, unit: Any) -> Self:
        raise NotImplementedError

    def _operand(self, other: Any, purpose: str) -> tuple[np.ndarray, u.UnitBase, RegionGeom]:
        """Return the other operand's values, unit and the geometry of the result."""
        geom = self.geom
        if isinstance(other, MapOperators):
            if other.geom is not geom:
                geom.check_axes(other.geom, purpose, broadcast=True)
                geom = _larger(geom, other.geom)
            return other.data, other.unit, geom
        if isinstance(other, u.UnitBase):
            return np.array(1.0), other, geom
        unit = getattr(other, "unit", u.dimensionless_unscaled) or u.dimensionless_unscaled
        values = np.asarray(getattr(other, "value", other))
        if values.dtype.kind not in "biufc":
            raise InputError(f"{purpose}: {other!r} is not a number, quantity, array or map")
        # A bare (n,) array would broadcast against the sky axes: it stands for the axes instead.
        return (coerce_data(values, geom, "operand") if values.ndim else values), unit, geom

    def _combine(self, other: Any, ufunc: np.ufunc, same_unit: bool, swap: bool = False) -> Self:
        """Apply a ufunc to this map and another operand."""
        values, unit, geom = self._operand(other, f"{ufunc.__name__} of maps")
        mine = self.data
        if same_unit:
            if unit is not self.unit and unit != self.unit:
                values = values * _factor(unit, self.unit, ufunc.__name__)
            result_unit = self.unit
        else:
            result_unit = _product_unit(self.unit, unit, ufunc, swap)
        if mine.dtype == bool and ufunc in (np.add, np.subtract):
            # numpy adds booleans by "or" and refuses to subtract them.
            mine = mine.astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            data = ufunc(values, mine) if swap else ufunc(mine, values)
        return self._new(geom, data, result_unit)

    def _inplace(self, result: MapOperators) -> Self:
        self.geom = result.geom
        self.unit = result.unit
        self.data = result.data
        return self

    def _logic(self, other: Any, ufunc: Callable) -> Self:
        values, _, geom = self._operand(other, f"{ufunc.__name__} of masks")
        for label, array in (("this map", self.data), ("the other operand", values)):
            if array.dtype != bool:
                raise InputError(f"{ufunc.__name__} needs masks: {label} has the type {array.dtype}, not bool")
        return self._new(geom, ufunc(self.data, values), "")

    def _compare(self, other: Any, ufunc: np.ufunc) -> Self:
        result = self._combine(other, ufunc, same_unit=True)
        return self._new(result.geom, result.data, "")

    def __add__(self, other: Any) -> Self:
        return self._combine(other, np.add, True)

    def __radd__(self, other: Any) -> Self:
        return self._combine(other, np.add, True, swap=True)

    def __sub__(self, other: Any) -> Self:
        return self._combine(other, np.subtract, True)

    def __rsub__(self, other: Any) -> Self:
        return self._combine(other, np.subtract, True, swap=True)

    def __mul__(self, other: Any) -> Self:
        return self._combine(other, np.multiply, False)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Self:
        return self._combine(other, np.true_divide, False)

    def __rtruediv__(self, other: Any) -> Self:
        return self._combine(other, np.true_divide, False, swap=True)

    def __pow__(self, exponent: float) -> Self:
        if np.ndim(exponent) or isinstance(exponent, (MapOperators, u.Quantity)):
            raise InputError(f"the exponent is a {type(exponent).__name__}: expected a number")
        return self._new(self.geom, self.data**exponent, self.unit**exponent)

    def __neg__(self) -> Self:
        return self._new(self.geom, -self.data, self.unit)

    def __abs__(self) -> Self:
        return self._new(self.geom, np.abs(self.data), self.unit)

    def __iadd__(self, other: Any) -> Self:
        return self._inplace(self + other)

    def __isub__(self, other: Any) -> Self:
        return self._inplace(self - other)

    def __imul__(self, other: Any) -> Self:
        return self._inplace(self * other)

    def __itruediv__(self, other: Any) -> Self:
        return self._inplace(self / other)

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self._compare(other, np.equal)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return self._compare(other, np.not_equal)

    def __lt__(self, other: Any) -> Self:
        return self._compare(other, np.less)

    def __le__(self, other: Any) -> Self:
        return self._compare(other, np.less_equal)

    def __gt__(self, other: Any) -> Self:
        return self._compare(other, np.greater)

    def __ge__(self, other: Any) -> Self:
        return self._compare(other, np.greater_equal)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Any) -> Self:
        return self._logic(other, np.logical_and)

    def __or__(self, other: Any) -> Self:
        return self._logic(other, np.logical_or)

    def __xor__(self, other: Any) -> Self:
        return self._logic(other, np.logical_xor)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Self:
        return self._logic(True, np.logical_xor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype=dtype, copy=copy)


def _larger(first: RegionGeom, second: RegionGeom) -> RegionGeom:
    """Return the geometry that two, which agree up to axes of one bin, broadcast to."""
    if first.data_shape == second.data_shape:
        return first
    axes = [one if one.nbin > 1 else two for one, two in zip(first.axes, second.axes, strict=True)]
    return first.copy(axes=axes)


def _factor(unit: u.UnitBase, wanted: u.UnitBase, purpose: str) -> float:
    try:
        return unit.to(wanted)
    except u.UnitConversionError:
        raise UnitsError(
            f"{purpose}: the unit {unit.to_string()!r} cannot be converted to the map's {wanted.to_string()!r}"
        ) from None


def _product_unit(mine: u.UnitBase, other: u.UnitBase, ufunc: np.ufunc, swap: bool) -> u.UnitBase:
    # Products of units cost more than those of the data: most operands have none.
    if other == u.dimensionless_unscaled and not (swap and ufunc is np.true_divide):
        return mine
    if ufunc is np.multiply:
        return mine * other
    return other / mine if swap else mine / other
