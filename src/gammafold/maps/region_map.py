"""Maps on one region of the sky: spectra, exposures, masks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_rebin import AxisOperations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import astropy.units as u
    from astropy.io import fits
    from astropy.table import Table

    from gammafold.maps.axis import MapAxis

__all__ = ["RegionNDMap"]


class RegionNDMap(AxisOperations):
    """Values on a region of the sky, along any number of axes.

    Parameters
    ----------
    geom : RegionGeom
        Region and axes.
    data : array_like, optional
        Values in ``geom.data_shape``, or ``(n,)`` on one axis, or a number. Default is zeros.
    dtype : str or type
        Type of the zeros; an array that is given keeps its own.
    meta : dict, optional
        Anything to keep with the map.
    unit : unit or str
        Unit of the data.

    Examples
    --------
    >>> from gammafold.maps.axis import MapAxis
    >>> axis = MapAxis.from_energy_bounds("1 TeV", "100 TeV", nbin=2)
    >>> counts = RegionNDMap.create("icrs;circle(83.63, 22.01, 0.11)", axes=[axis], data=[12, 3])
    >>> float(counts.sum_over_axes().data.item())
    15.0
    >>> (counts > 5).data.ravel()
    array([ True, False])
    """

    map_type = "region"
    geom_name = "RegionGeom"
    tag = "map"

    geom: RegionGeom

    @classmethod
    def create(  # type: ignore[override]
        cls,
        region: Any = None,
        axes: list[MapAxis] | None = None,
        dtype: Any = "float64",
        meta: dict | None = None,
        unit: Any = "",
        wcs: Any = None,
        binsz_wcs: u.Quantity | str = "0.01 deg",
        data: Any = None,
    ) -> RegionNDMap:
        """Make a map; the arguments are those of `RegionGeom` and of this class."""
        geom = RegionGeom.create(region, axes=axes, wcs=wcs, binsz_wcs=binsz_wcs)
        return cls(geom, data=data, dtype=dtype, meta=meta, unit=unit)

    # -- files -------------------------------------------------------------------------------

    @classmethod
    def read(  # type: ignore[override]
        cls,
        filename: str | os.PathLike[str],
        format: str = "gadf",
        ogip_column: str | None = None,
        hdu: str | None = None,
        checksum: bool = False,
    ) -> RegionNDMap:
        """Read a map from a FITS file.

        Parameters
        ----------
        filename : str or path
            File, compressed or not.
        format : {"gadf", "ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa"}
            Layout. Units come from the file, so the two OGIP dialects read alike.
        ogip_column : str, optional
            Column of an OGIP spectrum: "COUNTS" (default), "QUALITY", "BACKSCAL", …
        hdu : str, optional
            Extension with the data. Default is the one of the format.
        checksum : bool
            Verify the checksums in the headers.

        Raises
        ------
        FileFormatError
            If the file, the extension, a column or a checksum is missing or wrong.
        """
        from gammafold.maps.region_io import read_map

        return cls(**read_map(filename, format=format, ogip_column=ogip_column, hdu=hdu, checksum=checksum))

    @classmethod
    def from_hdulist(  # type: ignore[override]
        cls,
        hdulist: fits.HDUList,
        format: str = "gadf",
        ogip_column: str | None = None,
        hdu: str | None = None,
    ) -> RegionNDMap:
        """Read a map from open FITS extensions; the arguments are those of `read`."""
        from gammafold.maps.region_io import map_from_hdulist

        return cls(**map_from_hdulist(hdulist, format=format, ogip_column=ogip_column, hdu=hdu))

    @classmethod
    def from_table(
        cls, table: Table, format: str = "gadf", colname: str | None = None, axes: Sequence[MapAxis] | None = None
    ) -> RegionNDMap:
        """Make a map without a region from a table.

        Parameters
        ----------
        table : `~astropy.table.Table`
            Table as from `to_table`.
        format : {"gadf", "ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa"}
            Layout. Only effective areas ("ogip-arf") tell their energies; the others need ``axes``.
        colname : str, optional
            Column with the values. Default is the one of the format.
        axes : list of `MapAxis`, optional
            Axes of the values, fastest first.

        Raises
        ------
        InputError
            If there are no axes.
        FileFormatError
            If the column is missing, or has another size than the axes.
        """
        from gammafold.maps.region_table import map_from_table

        return cls(**map_from_table(table, format=format, colname=colname, axes=axes))

    def to_table(self, format: str = "gadf") -> Table:
        """Return the data as a table in one of the layouts of `write`."""
        from gammafold.maps.region_table import map_to_table

        return map_to_table(self, format=format)

    def to_hdulist(
        self,
        format: str = "gadf",
        hdu: str = "SKYMAP",
        hdu_bands: str | None = None,
        hdu_region: str | None = None,
    ) -> fits.HDUList:
        """Return the map as FITS extensions.

        Parameters
        ----------
        format : {"gadf", "ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa"}
            Layout: "gadf" keeps everything; "ogip" is a counts spectrum (energies in the unit of
            the axis), "ogip-sherpa" the same in keV; "ogip-arf" is an effective area on true
            energy, "ogip-arf-sherpa" the same in keV and cm2.
        hdu : str
            Name of the extension with the data ("gadf").
        hdu_bands, hdu_region : str, optional
            Names of those with the axes and the region. Default is ``<hdu>_BANDS`` and ``<hdu>_REGION``.
        """
        from gammafold.maps.region_io import map_to_hdulist

        return map_to_hdulist(self, format=format, hdu=hdu, hdu_bands=hdu_bands, hdu_region=hdu_region)

    def write(
        self,
        filename: str | os.PathLike[str],
        overwrite: bool = False,
        format: str = "gadf",
        hdu: str = "SKYMAP",
        checksum: bool = False,
    ) -> None:
        """Write the map to a FITS file, under a temporary name that is renamed at the end.

        Parameters
        ----------
        filename : str or path
            File; the suffix ``.gz`` compresses.
        overwrite : bool
            Replace an existing file.
        format, hdu : str
            As for `to_hdulist`.
        checksum : bool
            Write checksums into the headers.
        """
        from gammafold.maps.region_io import write_hdulist

        write_hdulist(self.to_hdulist(format=format, hdu=hdu), filename, overwrite=overwrite, checksum=checksum)

    def cutout(self, *args: Any, **kwargs: Any) -> Self:
        """Return the map itself: a region has no smaller part."""
        return self

    def crop(self) -> Self:
        """Return the map itself: a region has no border."""
        return self

    def to_region_nd_map(self, *args: Any, **kwargs: Any) -> Self:
        """Return the map itself."""
        return self

    def get_spectrum(self, *args: Any, **kwargs: Any) -> Self:
        """Return the map itself."""
        return self

    # -- plots -------------------------------------------------------------------------------

    def plot(self, ax: Any = None, axis_name: str | None = None, **kwargs: Any) -> Any:
        """Draw the values along an axis, with a bar over each bin.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Default is the current axes.
        axis_name : str, optional
            Axis to draw along; the others give one line per bin. Needed if there are several.
        **kwargs
            As for `~matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        from gammafold.maps.region_plot import plot_map

        return plot_map(self, ax, axis_name, **kwargs)

    def plot_hist(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw the values as a histogram along the map's one axis.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Default is the current axes.
        **kwargs
            As for `~matplotlib.axes.Axes.hist`.
        """
        from gammafold.maps.region_plot import plot_hist

        return plot_hist(self, ax, **kwargs)

    def plot_mask(self, ax: Any = None, **kwargs: Any) -> Any:
        """Shade the ranges of a mask that are False; ranges that touch are one patch.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Default is the current axes.
        **kwargs
            As for `~matplotlib.axes.Axes.axvspan`.
        """
        from gammafold.maps.region_plot import plot_mask

        return plot_mask(self, ax, **kwargs)

    def plot_region(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw the outline of the region; see `RegionGeom.plot_region`."""
        return self.geom.plot_region(ax, **kwargs)
