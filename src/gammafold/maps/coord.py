"""Coordinates on a map: a position on the sky and one value per axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["MapCoord"]


class MapCoord:
    """Named coordinate arrays that broadcast against each other.

    Parameters
    ----------
    data : dict
        Array or quantity per name: ``lon`` and ``lat`` (both or neither), then one per axis.
    frame : str, optional
        Sky frame of ``lon`` and ``lat``. Default is "icrs".

    Examples
    --------
    >>> import astropy.units as u
    >>> coords = MapCoord.create({"energy": [1, 10] * u.TeV})
    >>> coords["energy"], coords.shape
    (<Quantity [ 1., 10.] TeV>, (2,))
    """

    def __init__(self, data: dict[str, Any], frame: str | None = None) -> None:
        if ("lon" in data) != ("lat" in data):
            raise InputError(f"coordinates need both 'lon' and 'lat', or neither: got {list(data)}")
        self._data = dict(data)
        self.frame = frame or "icrs"

    @classmethod
    def create(cls, data: Any, frame: str | None = None, axis_names: Sequence[str] | None = None) -> MapCoord:
        """Make coordinates from what users pass.

        Parameters
        ----------
        data : MapCoord, dict, tuple or `~astropy.coordinates.SkyCoord`
            A dict names its arrays (``skycoord``, or ``lon`` and ``lat``, and the axes). A tuple
            gives the sky position (a SkyCoord, or lon and lat), then the axes in their order.
        frame : str, optional
            Sky frame to express the position in. Default is the position's own.
        axis_names : sequence of str, optional
            Names of the axes, for a tuple.
        """
        if isinstance(data, MapCoord):
            return data if frame in (None, data.frame) or not data.has_position else data.to_frame(str(frame))
        if isinstance(data, dict):
            values = dict(data)
            position = values.pop("skycoord", None)
        else:
            position, values = _split_tuple(data, axis_names)
        if position is None:
            return cls(values, frame)
        frame = frame or position.frame.name
        spherical = position.transform_to(frame).spherical
        return cls({"lon": spherical.lon, "lat": spherical.lat, **values}, frame)

    @property
    def has_position(self) -> bool:
        """Whether a sky position is given."""
        return "lon" in self._data

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, (int, np.integer)):
            return list(self._data.values())[key]
        if key == "skycoord":
            return self.skycoord
        try:
            return self._data[key]
        except KeyError:
            raise UnknownNameError(f"no coordinate {key!r}: there are {list(self._data)}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._data or (key == "skycoord" and self.has_position)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data.values())

    @property
    def axis_names(self) -> list[str]:
        """Names of the axes that have a coordinate, without the sky position."""
        return [name for name in self._data if name not in ("lon", "lat")]

    @property
    def lon(self) -> Any:
        """Longitude."""
        return self["lon"]

    @property
    def lat(self) -> Any:
        """Latitude."""
        return self["lat"]

    @property
    def skycoord(self) -> SkyCoord:
        """Position as `~astropy.coordinates.SkyCoord`; plain numbers are degrees."""
        from astropy.coordinates import SkyCoord

        lon, lat = (u.Quantity(self[name]) for name in ("lon", "lat"))
        lon, lat = (value if value.unit.is_equivalent("deg") else value.value * u.deg for value in (lon, lat))
        return SkyCoord(lon, lat, frame=self.frame)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all the arrays broadcast together."""
        return np.broadcast_shapes(*(np.shape(value) for value in self._data.values()))

    @property
    def ndim(self) -> int:
        """Number of coordinates, sky position included."""
        return len(self._data)

    @property
    def size(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def broadcasted(self) -> MapCoord:
        """The same coordinates, each with the full shape."""
        shape = self.shape
        data = {name: np.broadcast_to(value, shape, subok=True) for name, value in self._data.items()}
        return MapCoord(data, self.frame)

    @property
    def flat(self) -> MapCoord:
        """The same coordinates as one-dimensional arrays of equal length."""
        return MapCoord({name: value.ravel() for name, value in self.broadcasted._data.items()}, self.frame)

    def to_frame(self, frame: str) -> MapCoord:
        """Return the coordinates with the sky position in another frame."""
        position = self.skycoord.transform_to(frame).spherical
        rest = {name: self._data[name] for name in self.axis_names}
        return MapCoord({"lon": position.lon, "lat": position.lat, **rest}, frame)

    def apply_mask(self, mask: np.ndarray) -> MapCoord:
        """Return the points where ``mask`` (bool, the shape of the coordinates) is True."""
        data = {name: value[mask] for name, value in self.broadcasted._data.items()}
        return MapCoord(data, self.frame)

    def copy(self) -> MapCoord:
        """Return a copy that shares no array."""
        return MapCoord({name: value.copy() for name, value in self._data.items()}, self.frame)

    def __repr__(self) -> str:
        return f"MapCoord({', '.join(self._data)}; shape={self.shape}, frame={self.frame})"


def _split_tuple(data: Any, axis_names: Sequence[str] | None) -> tuple[Any, dict[str, Any]]:
    """Return position and named arrays of ``(skycoord, …)`` or ``(lon, lat, …)``."""
    from astropy.coordinates import SkyCoord

    values = (data,) if isinstance(data, SkyCoord) else tuple(data)
    if values and isinstance(values[0], SkyCoord):
        position, rest, named = values[0], values[1:], {}
    else:
        position, rest, named = None, values[2:], dict(zip(("lon", "lat"), values[:2], strict=False))
    names = list(axis_names) if axis_names is not None else [f"axis{i}" for i in range(len(rest))]
    if len(rest) != len(names):
        raise InputError(f"got {len(rest)} coordinates for the axes {names}: expected {len(names)}")
    return position, named | dict(zip(names, rest, strict=True))
