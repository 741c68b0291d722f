"""Region maps as FITS files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_geom_io import file_of, get_hdu, hdu_names, read_geom, region_to_hdu
from gammafold.maps.region_table import check_format, column_data, map_to_table
from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import atomic_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.io import fits

    from gammafold.maps.region_map import RegionNDMap

__all__ = ["map_from_hdulist", "map_to_hdulist", "read_map", "write_hdulist"]


def map_to_hdulist(
    region_map: RegionNDMap,
    format: str = "gadf",
    hdu: str = "SKYMAP",
    hdu_bands: str | None = None,
    hdu_region: str | None = None,
) -> fits.HDUList:
    """See `RegionNDMap.to_hdulist`."""
    from astropy.io import fits

    table = map_to_table(region_map, format=format)
    geom = region_map.geom
    bands_name, region_name = hdu_names(format, hdu)
    name = hdu.upper() if format == "gadf" else table.meta.pop("EXTNAME")
    data_hdu = fits.table_to_hdu(table)
    data_hdu.name = name
    hdulist = fits.HDUList([fits.PrimaryHDU(), data_hdu])
    # An effective area has its energies beside the values.
    if len(geom.axes) and not format.startswith("ogip-arf"):
        bands = geom.to_bands_hdu(hdu_bands=hdu_bands or bands_name, format=format)
        if format == "gadf":
            _copy_axis_keywords(bands.header, data_hdu.header)
        hdulist.append(bands)
    if geom.region is not None:
        hdulist.append(region_to_hdu(geom, hdu_region or region_name))
    return hdulist


def _copy_axis_keywords(source: fits.Header, target: fits.Header) -> None:
    """Repeat what describes the axes in the header of the data, as readers of the layout expect."""
    for card in source.cards:
        if card.keyword.startswith(("AXCOLS", "INTERP", "MJDREF", "TIMESYS")):
            target[card.keyword] = card.value


def write_hdulist(
    hdulist: fits.HDUList, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False
) -> None:
    """Write FITS extensions to a file in one step: the old file or the new one is there, never a part."""
    with atomic_path(filename, overwrite=overwrite) as temporary:
        hdulist.writeto(temporary, overwrite=True, checksum=checksum)


def read_map(
    filename: str | os.PathLike[str],
    format: str = "gadf",
    ogip_column: str | None = None,
    hdu: str | None = None,
    checksum: bool = False,
) -> dict[str, Any]:
    """Return the arguments of a `RegionNDMap` from a file; see `RegionNDMap.read`."""
    with open_fits(filename, checksum) as hdulist:
        return map_from_hdulist(hdulist, format=format, ogip_column=ogip_column, hdu=hdu)


def map_from_hdulist(
    hdulist: fits.HDUList,
    format: str = "gadf",
    ogip_column: str | None = None,
    hdu: str | None = None,
    hdu_bands: str | None = None,
    hdu_region: str | None = None,
    geom: RegionGeom | None = None,
) -> dict[str, Any]:
    """Return the arguments of a `RegionNDMap` from open FITS extensions; a geometry that is known is not read."""
    check_format(format)
    if format == "gadf":
        hdu, column = hdu or _find_gadf_hdu(hdulist), "DATA"
    elif format.startswith("ogip-arf"):
        hdu, column = hdu or "SPECRESP", "SPECRESP"
    else:
        hdu, column = hdu or "SPECTRUM", (ogip_column or "COUNTS").upper()
    table_hdu = get_hdu(hdulist, hdu)
    if geom is None:
        geom = RegionGeom(**read_geom(hdulist, format=format, hdu=hdu, hdu_bands=hdu_bands, hdu_region=hdu_region))
    data, unit = _read_column(hdulist, table_hdu, column)
    size = int(np.prod(geom.data_shape))
    if data.ndim == 0:
        data = np.full(geom.data_shape, data)
    if data.size != size:
        raise FileFormatError(
            f"{file_of(hdulist)}, extension {hdu!r}, column {column!r} has {data.size} values: "
            f"the axes {geom.axes.names} need {size}"
        )
    return {"geom": geom, "data": data.reshape(geom.data_shape), "unit": unit}


def _find_gadf_hdu(hdulist: fits.HDUList) -> str:
    """Return "SKYMAP", or the first extension with a column of map data."""
    if "SKYMAP" in hdulist:
        return "SKYMAP"
    for hdu in hdulist[1:]:
        if hasattr(hdu, "columns") and "DATA" in hdu.columns.names:
            return hdu.name
    names = [hdu.name for hdu in hdulist]
    raise FileFormatError(f"{file_of(hdulist)} has no extension with a column 'DATA': there are {names}")


def _read_column(hdulist: fits.HDUList, hdu: fits.BinTableHDU, name: str) -> tuple[np.ndarray, Any]:
    """Return the values and the unit of a column, or of the keyword that stands for a constant one."""
    names = {column.upper(): column for column in hdu.columns.names}
    if name.upper() in names:
        column = hdu.columns[names[name.upper()]]
        return column_data(hdu.data[column.name], column.unit)
    if name in ("QUALITY", "BACKSCAL", "AREASCAL", "GROUPING") and name in hdu.header:
        return column_data(hdu.header[name])
    raise FileFormatError(
        f"{file_of(hdulist)}, extension {hdu.name!r} has no column {name!r}: there are {hdu.columns.names}"
    )
