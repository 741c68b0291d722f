"""`MapAxes`: the axes of a map, in order, fastest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.axis import MapAxis
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import InputError, InputTypeError, UnknownNameError

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table

__all__ = ["MapAxes"]

Axis = Any


class MapAxes(Sequence):
    """Axes with unique names, addressed by position or name; immutable.

    The data of a map have one dimension for each axis in reverse order, and two for the sky after them.

    Parameters
    ----------
    axes : list of MapAxis, LabelMapAxis or TimeMapAxis
        Axes, fastest first.

    Examples
    --------
    >>> energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
    >>> axes = MapAxes([energy, LabelMapAxis(["a", "b"], name="models")])
    >>> axes.names, axes.shape, axes["energy"].nbin
    (['energy', 'models'], (3, 2), 3)
    """

    def __init__(self, axes: Iterable[Axis]) -> None:
        self._axes = list(axes)
        for axis in self._axes:
            if not isinstance(axis, MapAxis | LabelMapAxis | TimeMapAxis):
                raise InputTypeError(f"{axis!r} is a {type(axis).__name__}: expected a MapAxis")
        self.names: list[str] = [axis.name for axis in self._axes]
        if len(set(self.names)) != len(self.names):
            raise InputError(f"axes are called {self.names}: names must be unique")
        self.shape: tuple[int, ...] = tuple(axis.nbin for axis in self._axes)

    @classmethod
    def from_default(cls, axes: Any) -> MapAxes:
        """Make axes of a list of axes, an axis, or None."""
        if axes is None:
            return cls([])
        return cls([axes] if hasattr(axes, "nbin") else axes)

    # -- a sequence, addressed by position or name

    def __len__(self) -> int:
        return len(self._axes)

    def __iter__(self) -> Iterator[Axis]:
        return iter(self._axes)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return MapAxes(self._axes[key])
        if isinstance(key, str):
            return self._axes[self.index(key)]
        return self._axes[key]

    def __contains__(self, item: object) -> bool:
        return item in self.names if isinstance(item, str) else any(item == axis for axis in self._axes)

    def index(self, axis_name: str, start: int = 0, stop: int | None = None) -> int:
        """Return the position of an axis.

        Raises
        ------
        UnknownNameError
            If there is no axis of that name.
        """
        try:
            return self.names.index(axis_name)
        except ValueError:
            raise UnknownNameError(f"no axis {axis_name!r}: there are {self.names}") from None

    def index_data(self, axis_name: str) -> int:
        """Return the dimension of the data that belongs to an axis."""
        return len(self) - 1 - self.index(axis_name)

    def append(self, axis: Axis) -> MapAxes:
        """Return the axes with one more, the slowest."""
        return MapAxes([*self._axes, axis])

    @property
    def reverse(self) -> MapAxes:
        """The axes in the order of the data's dimensions."""
        return MapAxes(reversed(self._axes))

    @property
    def primary_axis(self) -> Axis | None:
        """The longest axis, of equal ones the first; None without axes."""
        return max(self._axes, key=len, default=None)

    @property
    def is_flat(self) -> bool:
        """Whether every axis has one bin."""
        return all(axis.nbin == 1 for axis in self._axes)

    @property
    def is_unidimensional(self) -> bool:
        """Whether no more than one axis has more than one bin."""
        return sum(axis.nbin > 1 for axis in self._axes) <= 1

    def assert_names(self, required_names: Sequence[str], allow_extra: bool = False) -> None:
        """Raise an error unless the axes have these names in this order (and no others)."""
        names = self.names[: len(required_names)] if allow_extra else self.names
        if names != list(required_names):
            raise InputError(f"axes are called {self.names}: expected {list(required_names)}")

    # -- coordinates

    def _shaped(self, values: Any, axis_name: str) -> Any:
        """Values along an axis as an array that broadcasts to `shape`."""
        shape = [1] * len(self)
        shape[self.index(axis_name)] = -1
        return np.reshape(values, shape)

    def get_coord(self, mode: str = "center", axis_name: str | None = None) -> dict[str, Any]:
        """Return the coordinates along each axis, as arrays with the dimensions of `shape` (fastest axis first).

        Parameters
        ----------
        mode : {"center", "edges"}
            Centres, or the edges of ``axis_name`` (without it, of all axes).
        axis_name : str, optional
            Axis whose edges are given.
        """
        if mode not in ("center", "edges"):
            raise InputError(f"mode is {mode!r}: expected 'center' or 'edges'")
        if axis_name is not None:
            self.index(axis_name)
        coords = {}
        for axis in self._axes:
            use_edges = mode == "edges" and axis_name in (None, axis.name)
            coords[axis.name] = self._shaped(axis.edges if use_edges else axis.center, axis.name)
        return coords

    @property
    def center_coord(self) -> tuple:
        """Coordinate in the middle of each axis."""
        return tuple(axis.pix_to_coord(0.5 * (axis.nbin - 1)) for axis in self._axes)

    def bin_volume(self) -> Any:
        """Return the product of bin widths, in the `shape` of the axes."""
        volume: Any = np.ones((1,) * len(self))
        for axis in self._axes:
            volume = volume * self._shaped(axis.bin_width, axis.name)
        return volume

    def coord_to_idx(self, coord: Any, clip: bool = True) -> tuple:
        """Return the indices of named coordinates, one array for each axis."""
        return tuple(axis.coord_to_idx(coord[axis.name], clip=clip) for axis in self._axes)

    def coord_to_pix(self, coord: Any) -> tuple:
        """Return the fractional indices of named coordinates, one array for each axis."""
        return tuple(axis.coord_to_pix(coord[axis.name]) for axis in self._axes)

    def pix_to_coord(self, pix: Any) -> tuple:
        """Return coordinates at fractional indices."""
        return tuple(axis.pix_to_coord(value) for axis, value in zip(self._axes, pix, strict=True))

    # -- other axes made of these

    def _changed(self, axis_name: str, change: Any) -> MapAxes:
        index = self.index(axis_name)
        axes = list(self._axes)
        try:
            axes[index] = change(axes[index])
        except AttributeError:
            raise InputError(f"axis {axis_name!r} is a {type(axes[index]).__name__}: it cannot be changed so") from None
        return MapAxes(axes)

    def replace(self, axis: Axis) -> MapAxes:
        """Return the axes with the one of the same name replaced."""
        return self._changed(axis.name, lambda _: axis)

    def rename_axes(self, names: Sequence[str], new_names: Sequence[str]) -> MapAxes:
        """Return the axes with some renamed."""
        axes = self
        for name, new_name in zip(names, new_names, strict=True):
            axes = axes._changed(name, lambda axis, new=new_name: axis.rename(new))
        return axes

    def squash(self, axis_name: str) -> MapAxes:
        """Return the axes with one reduced to a single bin."""
        return self._changed(axis_name, lambda axis: axis.squash())

    def drop(self, axis_name: str) -> MapAxes:
        """Return the axes without one."""
        index = self.index(axis_name)
        return MapAxes([axis for i, axis in enumerate(self._axes) if i != index])

    def resample(self, axis: MapAxis) -> MapAxes:
        """Return the axes with the one of the same name joined to coarser bins."""
        return self._changed(axis.name, lambda old: old.resample(axis))

    def downsample(self, factor: int, axis_name: str) -> MapAxes:
        """Return the axes with the bins of one joined in groups."""
        return self._changed(axis_name, lambda axis: axis.downsample(factor))

    def upsample(self, factor: int, axis_name: str) -> MapAxes:
        """Return the axes with the bins of one split."""
        return self._changed(axis_name, lambda axis: axis.upsample(factor))

    def pad(self, axis_name: str, pad_width: int | tuple[int, int]) -> MapAxes:
        """Return the axes with bins added at the ends of one."""
        return self._changed(axis_name, lambda axis: axis.pad(pad_width))

    def slice_by_idx(self, slices: Mapping[str, int | slice]) -> MapAxes:
        """Return the axes of some bins; an int drops its axis.

        Raises
        ------
        UnknownNameError
            If there is no axis of a name.
        InputError
            If an int is beyond the axis, or a slice leaves no bin.
        """
        chosen: dict[str, Any] = {axis.name: axis for axis in self._axes}
        for name, part in slices.items():
            axis = self[name]
            if isinstance(part, slice):
                chosen[name] = axis.slice(part)
            elif not -axis.nbin <= part < axis.nbin:
                raise InputError(f"index {part} is beyond axis {name!r}, which has {axis.nbin} bins")
            else:
                del chosen[name]
        return MapAxes(chosen.values())

    def copy(self) -> MapAxes:
        """Return a copy; the axes themselves are immutable and shared."""
        return MapAxes(self._axes)

    # -- comparison

    def is_allclose(self, other: Any, **kwargs: Any) -> bool:
        """Whether there are as many axes and each agrees with its counterpart; tolerances are those of the axes."""
        if not isinstance(other, MapAxes):
            raise InputTypeError(f"cannot compare MapAxes with a {type(other).__name__}")
        if len(self) != len(other):
            return False
        pairs = zip(self._axes, other._axes, strict=True)
        return all(type(mine) is type(theirs) and mine.is_allclose(theirs, **kwargs) for mine, theirs in pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MapAxes):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self._axes, other._axes, strict=True))

    __hash__ = None  # type: ignore[assignment]

    # -- files

    @classmethod
    def from_table(cls, table: Table, format: str = "gadf") -> MapAxes:
        """Read axes from a table: see `gammafold.maps.axis_io.axes_from_table`."""
        from gammafold.maps.axis_io import axes_from_table

        return axes_from_table(table, format)

    @classmethod
    def from_table_hdu(cls, hdu: fits.BinTableHDU | None, format: str = "gadf") -> MapAxes:
        """Read axes from a FITS table extension; None gives no axes."""
        if hdu is None:
            return cls([])
        from astropy.table import Table

        return cls.from_table(Table.read(hdu), format=format)

    def to_table(self, format: str = "gadf") -> Table:
        """Return the axes as a table: see `gammafold.maps.axis_io.axes_to_table`."""
        from gammafold.maps.axis_io import axes_to_table

        return axes_to_table(self, format)

    def to_table_hdu(self, format: str = "gadf", hdu_bands: str | None = None) -> fits.BinTableHDU:
        """Return the axes as a FITS table extension."""
        from astropy.io import fits

        table = self.to_table(format)
        name = hdu_bands or table.meta.pop("EXTNAME", "BANDS")
        table.meta.pop("EXTNAME", None)
        return fits.BinTableHDU(table, name=name)

    def __repr__(self) -> str:
        return "MapAxes\n" + "\n".join(f"  {axis!r}" for axis in self._axes)
