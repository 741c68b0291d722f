"""The geometry of a spectrum: one region of the sky times any number of axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps import region_shapes
from gammafold.maps.axes import MapAxes
from gammafold.maps.core import Map
from gammafold.maps.region_coords import RegionCoordinates
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.wcs import WCS

    from gammafold.maps.axis import MapAxis
    from gammafold.maps.label_axis import LabelMapAxis
    from gammafold.maps.time_axis import TimeMapAxis

__all__ = ["RegionGeom"]

#: A limit closer to an edge than this fraction of a bin is that edge (rounding of units and files).
_EDGE_TOLERANCE = 1e-6


class RegionGeom(RegionCoordinates):
    """One region of the sky times any number of axes.

    Geometries are not changed once made: methods return new ones. Two geometries compare equal
    if their axes do; the region is not compared, because spectra of different regions are
    summed and subtracted.

    Parameters
    ----------
    region : `~regions.SkyRegion`, str, list or None
        The region, a DS9 string such as ``"icrs;circle(83.63, 22.01, 0.11)"``, or a list of
        regions, of which the union is taken. None means a spectrum without a place.
    axes : list of `MapAxis` or `MapAxes`, optional
        Axes, fastest first.
    wcs : `~astropy.wcs.WCS`, optional
        Projection for shapes that are defined in the plane, for files and for plots. Default is a
        tangent projection on the region's centre.
    binsz_wcs : `~astropy.units.Quantity` or str
        Pixel size of that projection.

    Attributes
    ----------
    region, axes : as above
    data_shape : tuple of int
        Shape of the data: the axes, slowest first, then 1 and 1 for the sky.

    Examples
    --------
    >>> from gammafold.maps.axis import MapAxis
    >>> axis = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=3)
    >>> geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.11)", axes=[axis])
    >>> geom.data_shape
    (3, 1, 1)
    >>> geom.solid_angle()
    <Quantity 1.15795e-05 sr>
    """

    is_region = True
    is_hpx = False
    is_allsky = False
    projection = "TAN"

    def __init__(
        self,
        region: Any,
        axes: Iterable[MapAxis] | MapAxes | None = None,
        wcs: WCS | None = None,
        binsz_wcs: u.Quantity | str = "0.01 deg",
    ) -> None:
        super().__init__(region, wcs=wcs, binsz_wcs=binsz_wcs)
        self.axes = axes if isinstance(axes, MapAxes) else MapAxes(list(axes or []))
        self.data_shape: tuple[int, ...] = (*reversed(self.axes.shape), 1, 1)

    @classmethod
    def create(cls, region: Any, **kwargs: Any) -> RegionGeom:
        """Make a geometry; the arguments are those of the class."""
        return cls(region, **kwargs)

    @classmethod
    def from_regions(cls, regions: Any, **kwargs: Any) -> RegionGeom:
        """Make a geometry from the union of regions (a list, a DS9 string, a region file)."""
        return cls(regions, **kwargs)

    @classmethod
    def from_hdulist(cls, hdulist: fits.HDUList, format: str = "ogip", hdu: str | None = None) -> RegionGeom:
        """Read a geometry from open FITS extensions (formats "ogip", "ogip-arf" and "gadf")."""
        from gammafold.maps.region_geom_io import read_geom

        return cls(**read_geom(hdulist, format=format, hdu=hdu))

    def to_hdulist(
        self, format: str = "ogip", hdu_bands: str | None = None, hdu_region: str | None = None
    ) -> fits.HDUList:
        """Return the extensions with the axes and the region."""
        from gammafold.maps.region_geom_io import geom_to_hdulist

        return geom_to_hdulist(self, format=format, hdu_bands=hdu_bands, hdu_region=hdu_region)

    def to_bands_hdu(self, hdu_bands: str | None = None, format: str = "gadf") -> fits.BinTableHDU:
        """Return the extension with the axes."""
        return self.axes.to_table_hdu(format=format, hdu_bands=hdu_bands)

    def union(self, other: RegionGeom) -> RegionGeom:
        """Return the geometry whose region covers both (axes of this one).

        Raises
        ------
        InputError
            If the axes differ, or one has no region.
        """
        self.check_axes(other, "union")
        return RegionGeom([self._require_region()[0], other._require_region()[0]], axes=self.axes,
                          binsz_wcs=self.binsz_wcs)  # fmt: skip

    # -- axes --------------------------------------------------------------------------------

    @property
    def axes_names(self) -> list[str]:
        """Names of all axes, the sky's included."""
        return ["lon", "lat", *self.axes.names]

    @property
    def data_shape_axes(self) -> tuple[int, ...]:
        """Shape of the data for these axes: the same as `data_shape` for a region."""
        return self.data_shape

    @property
    def is_image(self) -> bool:
        """Whether there is no axis."""
        return len(self.axes) == 0

    @property
    def has_energy_axis(self) -> bool:
        """Whether there is exactly one axis named "energy" or "energy_true"."""
        return ("energy" in self.axes.names) ^ ("energy_true" in self.axes.names)

    @property
    def npix(self) -> tuple[list[int], list[int]]:
        """Number of sky pixels: one."""
        return ([1], [1])

    def _with_axes(self, axes: Any) -> RegionGeom:
        """Return the same region with other axes, sharing what was worked out about the region."""
        geom = RegionGeom.__new__(RegionGeom)
        geom.__dict__.update(self.__dict__)
        geom.axes = axes if isinstance(axes, MapAxes) else MapAxes(list(axes))
        geom.data_shape = (*reversed(geom.axes.shape), 1, 1)
        return geom

    def copy(self, **kwargs: Any) -> RegionGeom:
        """Return a copy, with the given arguments of the class replaced."""
        if set(kwargs) == {"axes"}:
            return self._with_axes(kwargs["axes"])
        current = {
            "region": self.region, "axes": self.axes, "wcs": self._given_wcs, "binsz_wcs": self.binsz_wcs
        }  # fmt: skip
        return RegionGeom(**(current | kwargs))

    def to_image(self) -> RegionGeom:
        """Return the region without axes."""
        return self._with_axes([])

    def to_cube(self, axes: Sequence[MapAxis | LabelMapAxis | TimeMapAxis]) -> RegionGeom:
        """Return the geometry with more axes, appended as the slowest ones."""
        return self._with_axes([*self.axes, *axes])

    def to_binsz_wcs(self, binsz: u.Quantity | str) -> RegionGeom:
        """Return the geometry with another pixel size of its projection."""
        return self.copy(wcs=None, binsz_wcs=binsz)

    @property
    def as_energy_true(self) -> RegionGeom:
        """The geometry with its axis "energy" named "energy_true"."""
        return self.rename_axes("energy", "energy_true")

    def squash(self, axis_name: str) -> RegionGeom:
        """Return the geometry with an axis reduced to one bin."""
        return self._with_axes(self.axes.squash(axis_name))

    def drop(self, axis_name: str) -> RegionGeom:
        """Return the geometry without an axis."""
        return self._with_axes(self.axes.drop(axis_name))

    def replace_axis(self, axis: MapAxis) -> RegionGeom:
        """Return the geometry with the axis of the same name replaced."""
        return self._with_axes(self.axes.replace(axis))

    def rename_axes(self, names: str | list[str], new_names: str | list[str]) -> RegionGeom:
        """Return the geometry with axes renamed."""
        names, new_names = ([n] if isinstance(n, str) else n for n in (names, new_names))
        return self._with_axes(self.axes.rename_axes(names, new_names))

    def resample_axis(self, axis: MapAxis) -> RegionGeom:
        """Return the geometry with an axis grouped to the edges of ``axis`` (same name)."""
        return self._with_axes(self.axes.resample(axis))

    def downsample(self, factor: int, axis_name: str | None = None) -> RegionGeom:
        """Return the geometry with each ``factor`` bins of an axis joined."""
        return self if axis_name is None else self._with_axes(self.axes.downsample(factor, axis_name))

    def upsample(self, factor: int, axis_name: str | None = None) -> RegionGeom:
        """Return the geometry with each bin of an axis split in ``factor``."""
        return self if axis_name is None else self._with_axes(self.axes.upsample(factor, axis_name))

    def pad(self, pad_width: int | tuple[int, int], axis_name: str | None = None) -> RegionGeom:
        """Return the geometry with bins added at the ends of an axis."""
        if axis_name is None:
            return self
        return self._with_axes(self.axes.pad(axis_name=axis_name, pad_width=pad_width))

    def slice_by_idx(self, slices: Mapping[str, int | slice]) -> RegionGeom:
        """Return the geometry of part of the bins; an int drops its axis."""
        return self._with_axes(self.axes.slice_by_idx(slices))

    def crop(self) -> RegionGeom:
        """Return the geometry itself: a region has no border to crop."""
        return self

    # -- masks -------------------------------------------------------------------------------

    def energy_mask(self, energy_min: Any = None, energy_max: Any = None, round_to_edge: bool = False) -> Map:
        """Return a mask of the energy bins that lie wholly between two limits.

        Parameters
        ----------
        energy_min, energy_max : `~astropy.units.Quantity` or str, optional
            Limits; None is no limit.
        round_to_edge : bool
            Move the limits to the nearest edges (in ln E) first.
        """
        name = "energy" if "energy" in self.axes.names else "energy_true"
        return self.create_mask(name, energy_min, energy_max, round_to_edge)

    def create_mask(
        self, axis_name: str, edge_min: Any = None, edge_max: Any = None, round_to_edge: bool = False
    ) -> Map:
        """Return a mask of the bins of an axis that lie wholly between two limits."""
        axis = self.axes[axis_name]
        scale = np.log if axis.interp == "log" else (np.sqrt if axis.interp == "sqrt" else np.asarray)
        edges = scale(axis.edges.value)
        slack = _EDGE_TOLERANCE * np.diff(edges)
        selected = np.ones(axis.nbin, dtype=bool)
        for value, label in ((edge_min, "min"), (edge_max, "max")):
            if value is None:
                continue
            limits = np.squeeze(to_quantity(value, axis.unit, f"{axis_name}_{label}").value)
            if limits.ndim:
                raise InputError(f"{axis_name}_{label} is {value}: expected one value")
            with np.errstate(divide="ignore", invalid="ignore"):
                limit = scale(limits)
            if np.isnan(limit):
                raise InputError(f"{axis_name}_{label} is {value}: not on an axis with {axis.interp} scale")
            if round_to_edge:
                limit = edges[np.argmin(np.abs(edges - limit))]
            selected &= edges[:-1] >= limit - slack if label == "min" else edges[1:] <= limit + slack
        data = np.zeros(self.data_shape, dtype=bool)
        data |= self.axes_array(selected, axis_name)
        return Map.from_geom(self, data=data)

    # -- comparison --------------------------------------------------------------------------

    def is_allclose(self, other: Any, rtol_axes: float = 1e-6, atol_axes: float = 1e-6) -> bool:
        """Whether the axes agree within a tolerance; the region is not compared."""
        if not isinstance(other, RegionGeom):
            raise TypeError(f"cannot compare a RegionGeom with a {type(other).__name__}")
        return self.data_shape == other.data_shape and self.axes.is_allclose(other.axes, rtol=rtol_axes, atol=atol_axes)

    def has_same_region(self, other: RegionGeom, rtol: float = 1e-6) -> bool:
        """Whether the regions agree in kind, place and size (or both are None)."""
        return region_shapes.regions_allclose(self.region, other.region, rtol)

    def check_axes(self, other: RegionGeom, purpose: str, broadcast: bool = False) -> None:
        """Raise unless the axes agree.

        Parameters
        ----------
        other : RegionGeom
            The other geometry.
        purpose : str
            What is being done, for the message.
        broadcast : bool
            Accept axes of one bin that stand for a whole axis.

        Raises
        ------
        InputError
            Names the first axis that differs, and how.
        """
        # The common case first: datasets share their axes as objects.
        if self.axes is other.axes:
            return
        if self.axes.names != other.axes.names:
            raise InputError(f"{purpose}: the axes differ: {self.axes.names} and {other.axes.names}")
        for one, two in zip(self.axes, other.axes, strict=True):
            if one is two or (broadcast and 1 in (one.nbin, two.nbin) and one.nbin != two.nbin):
                continue
            if one.nbin != two.nbin:
                raise InputError(f"{purpose}: axis {one.name!r} has {one.nbin} bins and {two.nbin} bins")
            if not one.is_allclose(two, rtol=1e-6, atol=1e-6):
                raise InputError(f"{purpose}: axis {one.name!r} has different edges: {one!r} and {two!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RegionGeom) and self.is_allclose(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        center = self.center_skydir.spherical
        lines = [
            type(self).__name__, "",
            f"  region : {type(self.region).__name__ if self.region is not None else None}",
            f"  axes   : {self.axes_names}",
            f"  shape  : {self.data_shape[::-1]}",
            f"  frame  : {self.frame}",
            f"  center : {center.lon.deg:.1f} deg, {center.lat.deg:.1f} deg",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"
