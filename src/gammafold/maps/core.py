"""The base of all maps: values on a geometry, with a unit."""

from __future__ import annotations

import copy as copy_module
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps.map_arithmetic import MapOperators, coerce_data
from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from typing import Self

    from astropy.io import fits

__all__ = ["Map"]


class Map(MapOperators):
    """Values on a geometry, with a unit.

    The class methods `create`, `from_geom`, `read`, `from_hdulist`, `from_stack` and
    `from_images` return the kind of map that belongs to the geometry.

    Parameters
    ----------
    geom : geometry
        Where the values are.
    data : array_like, optional
        Values in ``geom.data_shape``, or a shape that stands for it: ``(n,)`` on one axis, a
        number. Default is zeros. The array is used as it is, not copied, if shape and type allow.
    dtype : str or type
        Type of the zeros; an array that is given keeps its own.
    meta : dict, optional
        Anything to keep with the map.
    unit : unit or str
        Unit of the data.
    """

    map_type = ""
    geom_name = ""

    def __init__(
        self, geom: Any, data: Any = None, dtype: Any = "float64", meta: dict | None = None, unit: Any = ""
    ) -> None:
        self.geom = geom
        self.meta = {} if meta is None else meta
        self.unit = as_unit(unit)
        if data is None:
            self._data = np.zeros(geom.data_shape, dtype=dtype)
        else:
            self.data = data

    @staticmethod
    def create(*args: Any, map_type: str = "region", **kwargs: Any) -> Map:
        """Make a map; see `RegionNDMap.create` for the arguments of the type "region".

        Raises
        ------
        InputError
            If there are no maps of that type.
        """
        return _class_for("map_type", map_type).create(*args, **kwargs)

    @staticmethod
    def from_geom(geom: Any, meta: dict | None = None, data: Any = None, unit: Any = "", dtype: Any = "float64") -> Map:
        """Make a map on a geometry; the arguments are those of the class."""
        cls = _class_for("geom_name", type(geom).__name__)
        return cls(geom, data=data, dtype=dtype, meta=meta, unit=unit)

    @staticmethod
    def read(filename: str | os.PathLike[str], map_type: str = "region", **kwargs: Any) -> Map:
        """Read a map from a FITS file; see `RegionNDMap.read`."""
        return _class_for("map_type", map_type).read(filename, **kwargs)

    @staticmethod
    def from_hdulist(hdulist: fits.HDUList, map_type: str = "region", **kwargs: Any) -> Map:
        """Read a map from open FITS extensions; see `RegionNDMap.from_hdulist`."""
        return _class_for("map_type", map_type).from_hdulist(hdulist, **kwargs)

    @staticmethod
    def from_stack(maps: list[Map], axis: Any = None, axis_name: str | None = None) -> Map:
        """Join maps along a new axis, or along one that they have.

        Parameters
        ----------
        maps : list of Map
            Maps with equal axes (but for ``axis_name``) and units that convert to the first's.
        axis : `MapAxis`, optional
            The new axis, with one bin per map; it becomes the slowest.
        axis_name : str, optional
            The axis to join: the bins of each map follow those of the one before.

        Raises
        ------
        InputError
            If not exactly one of the two is given, or the maps do not fit.
        """
        if (axis is None) == (axis_name is None) or not maps:
            raise InputError("from_stack needs maps, and either the new axis or the name of one they have")
        first = maps[0]
        if axis_name is None:
            if axis.nbin != len(maps):
                raise InputError(f"axis {axis.name!r} has {axis.nbin} bins for {len(maps)} maps")
            for other in maps[1:]:
                first.geom.check_axes(other.geom, "from_stack")
            return first._new(first.geom.to_cube([axis]), np.stack(_in_unit(maps)), first.unit)
        for other in maps[1:]:
            first.geom.drop(axis_name).check_axes(other.geom.drop(axis_name), "from_stack")
        axis = type(first.geom.axes[axis_name]).from_stack([m.geom.axes[axis_name] for m in maps])
        data = np.concatenate(_in_unit(maps), axis=first.geom.axes.index_data(axis_name))
        return first._new(first.geom.replace_axis(axis), data, first.unit)

    @staticmethod
    def from_images(images: list[Map], axis: Any) -> Map:
        """Join maps without axes along a new axis."""
        return Map.from_stack(images, axis=axis)

    # -- values ------------------------------------------------------------------------------

    @property
    def unit(self) -> u.UnitBase:
        """Unit of the data. Setting it says in which unit they are, and does not convert them: see `to_unit`."""
        return self._unit

    @unit.setter
    def unit(self, unit: Any) -> None:
        self._unit = as_unit(unit)

    @property
    def data(self) -> np.ndarray:
        """Values, in the shape ``geom.data_shape``. Can be changed in place."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, u.Quantity):
            try:
                value = value.to_value(self.unit)
            except u.UnitConversionError:
                raise UnitsError(
                    f"data in {value.unit.to_string()!r} cannot be converted to the map's unit "
                    f"{self.unit.to_string()!r}: set map.quantity to change the unit"
                ) from None
        data = coerce_data(value, self.geom)
        if data.dtype.kind not in "biufc":
            raise InputError(f"data of the type {data.dtype}: expected numbers or booleans")
        self._data = data

    @property
    def quantity(self) -> u.Quantity:
        """Values with their unit (sharing memory with the data); setting it sets both."""
        return u.Quantity(self._data, self.unit, copy=False, dtype=None if self.is_mask else self._data.dtype)

    @quantity.setter
    def quantity(self, value: Any) -> None:
        quantity = value if isinstance(value, u.Quantity) else u.Quantity(value)
        data = coerce_data(quantity.value, self.geom)
        self.unit = quantity.unit
        self._data = data

    @property
    def is_mask(self) -> bool:
        """Whether the data are booleans."""
        return self._data.dtype == bool

    def _new(self, geom: Any, data: np.ndarray, unit: Any) -> Self:
        """Return a map of this kind with a copy of the meta data."""
        return type(self)(geom, data=data, unit=unit, meta=dict(self.meta))

    def copy(self, **kwargs: Any) -> Self:
        """Return a copy that shares nothing but the geometry.

        Parameters
        ----------
        **kwargs
            Arguments of the class to replace: ``geom``, ``data``, ``unit``, ``meta``, ``dtype``.
        """
        current = {"geom": self.geom, "unit": self.unit, "meta": copy_module.deepcopy(self.meta)}
        if "data" not in kwargs:
            current["data"] = self._data.astype(kwargs.pop("dtype", self._data.dtype))
        return type(self)(**(current | kwargs))

    def to_unit(self, unit: Any) -> Self:
        """Return the map in another unit.

        Raises
        ------
        UnitsError
            If the unit cannot be converted.
        """
        wanted = as_unit(unit)
        try:
            factor = self.unit.to(wanted)
        except u.UnitConversionError:
            raise UnitsError(
                f"the map's unit {self.unit.to_string()!r} cannot be converted to {wanted.to_string()!r}"
            ) from None
        return self._new(self.geom, self._data * factor, wanted)

    def is_allclose(self, other: Any, rtol_axes: float = 1e-3, atol_axes: float = 1e-6, **kwargs: Any) -> bool:
        """Whether another map has the same axes and the same values within a tolerance.

        Parameters
        ----------
        other : Map
            Map in any unit that converts.
        rtol_axes, atol_axes : float
            Tolerances for the axes.
        **kwargs
            Tolerances for the data, as for `numpy.allclose`.
        """
        if not isinstance(other, Map):
            raise TypeError(f"cannot compare a {type(self).__name__} with a {type(other).__name__}")
        if self._data.shape != other.data.shape or not self.unit.is_equivalent(other.unit):
            return False
        if not self.geom.is_allclose(other.geom, rtol_axes=rtol_axes, atol_axes=atol_axes):
            return False
        return bool(np.allclose(self._data, other.data * other.unit.to(self.unit), **kwargs))

    def __repr__(self) -> str:
        indented = repr(self.geom).strip().replace("\n", "\n    ")
        return (
            f"{type(self).__name__}\n\n  geom  : {indented}\n"
            f"  unit  : {self.unit.to_string()!r}\n  dtype : {self._data.dtype}\n"
        )


def as_unit(unit: Any) -> u.UnitBase:
    """Return a unit, or say what is wrong with it."""
    try:
        return u.Unit(unit)
    except (TypeError, ValueError) as error:
        raise UnitsError(f"unit is {unit!r}: expected a unit or its name ({error})") from None


def _class_for(attribute: str, value: str) -> type[Map]:
    """Return the kind of map for a map type or a geometry."""
    kinds = {getattr(cls, attribute): cls for cls in _subclasses(Map) if getattr(cls, attribute)}
    if value not in kinds:
        raise InputError(f"no maps for {attribute} {value!r}: there are {sorted(kinds)}")
    return kinds[value]


def _subclasses(cls: type[Map]) -> Iterator[type[Map]]:
    """Give the kinds of maps, the general ones last: a user's own subclass does not take over."""
    for sub in cls.__subclasses__():
        yield from _subclasses(sub)
        yield sub


def _in_unit(maps: list[Map]) -> list[np.ndarray]:
    return [maps[0].data, *(other.to_unit(maps[0].unit).data for other in maps[1:])]
