"""Regions and axes as FITS extensions."""

from __future__ import annotations

import operator
import warnings
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.axes import MapAxes
from gammafold.maps.region_shapes import flatten_region
from gammafold.utils.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.wcs import WCS
    from regions import SkyRegion

    from gammafold.maps.region_geom import RegionGeom

__all__ = ["geom_to_hdulist", "get_hdu", "read_geom", "read_region", "region_to_hdu"]

#: Extension with the axes and the one with the region, per format; {} is the data's name.
_NAMES = {
    "gadf": ("{}_BANDS", "{}_REGION"),
    "ogip": ("EBOUNDS", "REGION"),
    "ogip-sherpa": ("EBOUNDS", "REGION"),
    "ogip-arf": ("SPECRESP", "REGION"),
    "ogip-arf-sherpa": ("SPECRESP", "REGION"),
}


def hdu_names(format: str, hdu: str | None) -> tuple[str, str]:
    """Return the names of the extensions with the axes and with the region."""
    try:
        bands, region = _NAMES[format]
    except KeyError:
        raise InputError(f"format is {format!r}: expected one of {sorted(_NAMES)}") from None
    name = hdu or "SKYMAP"
    return bands.format(name), region.format(name)


def get_hdu(hdulist: fits.HDUList, name: str) -> fits.BinTableHDU:
    """Return an extension, or say what the file has."""
    try:
        return hdulist[name]
    except KeyError:
        names = [hdu.name for hdu in hdulist]
        raise FileFormatError(f"{file_of(hdulist)} has no extension {name!r}: there are {names}") from None


def file_of(hdulist: fits.HDUList) -> str:
    """Return the name of the file behind open extensions, for messages."""
    return hdulist.filename() or "the HDU list"


def geom_to_hdulist(
    geom: RegionGeom, format: str = "ogip", hdu_bands: str | None = None, hdu_region: str | None = None
) -> fits.HDUList:
    """Return a geometry as FITS extensions: the axes, then the region."""
    from astropy.io import fits

    bands, region = hdu_names(format, None)
    hdulist = fits.HDUList()
    if len(geom.axes):
        hdulist.append(geom.to_bands_hdu(hdu_bands=hdu_bands or bands, format=format))
    if geom.region is not None:
        hdulist.append(region_to_hdu(geom, hdu_region or region))
    return hdulist


def region_to_hdu(geom: RegionGeom, name: str) -> fits.BinTableHDU:
    """Return the region as an extension in the FITS region form, with the projection in the header.

    Raises
    ------
    InputError
        If the form has no word for the region: it knows simple shapes and their union.
    """
    from astropy.io import fits
    from regions import Regions

    region, wcs = geom._require_region()
    shapes = [part.to_pixel(wcs) for part in flatten_region(region)]
    with warnings.catch_warnings():
        # What cannot be written is skipped with a warning there; the count tells it here.
        warnings.simplefilter("ignore")
        table = Regions(shapes).serialize(format="fits") if _is_union(region) else []
    if len(table) != len(shapes):
        kinds = ", ".join(type(shape).__name__ for shape in shapes)
        raise InputError(f"the region cannot be written to FITS: it takes simple shapes and their unions, not {kinds}")
    hdu = fits.BinTableHDU(table, name=name)
    hdu.header.update(wcs.to_header())
    ny, nx = wcs.array_shape or (1, 1)
    hdu.header["WCSSHAPE"] = f"({nx},{ny})"
    return hdu


def _is_union(region: SkyRegion) -> bool:
    if not hasattr(region, "region1"):
        return True
    return region.operator is operator.or_ and _is_union(region.region1) and _is_union(region.region2)


def read_region(hdu: fits.BinTableHDU) -> tuple[SkyRegion, WCS]:
    """Return the region (the union of all rows) and the projection of a region extension.

    Raises
    ------
    FileFormatError
        If the shapes or the projection cannot be read.
    """
    from astropy.io import fits
    from astropy.table import QTable, Table
    from astropy.wcs import WCS
    from regions import Regions

    keywords = fits.Header()
    for card in hdu.header.cards:
        # The table's own keywords (NAXIS1, TTYPE1 …) are no part of the projection.
        if not card.keyword.startswith(("NAXIS", "BITPIX", "XTENSION", "TTYPE", "TFORM", "TUNIT", "TDIM")):
            keywords.append(card)
    try:
        wcs = WCS(keywords, naxis=2)
        table = Table.read(hdu)
        if "ROTANG" in table.colnames and table["ROTANG"].unit is None:
            table["ROTANG"].unit = "deg"
        # Angles are taken with their unit only, which rows of a plain table do not have.
        shapes = Regions.parse(QTable(table), format="fits")
        region = reduce(operator.or_, [shape.to_sky(wcs) for shape in shapes])
    except Exception as error:  # the errors of the parser have no public class
        raise FileFormatError(f"extension {hdu.name!r}: no region can be read: {error}") from error
    text = str(hdu.header.get("WCSSHAPE", "")).strip("() ")
    if text:
        nx, ny = (int(float(item)) for item in text.split(",")[:2])
        wcs.array_shape = (ny, nx)
    return region, wcs


def read_geom(
    hdulist: fits.HDUList,
    format: str = "ogip",
    hdu: str | None = None,
    hdu_bands: str | None = None,
    hdu_region: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of a `RegionGeom` from open FITS extensions."""
    bands, region_name = hdu_names(format, hdu)
    bands, region_name = hdu_bands or bands, hdu_region or region_name
    axes = MapAxes([])
    if format != "gadf" or bands in hdulist:
        axes = MapAxes.from_table_hdu(get_hdu(hdulist, bands), format=format)
    if region_name not in hdulist:
        return {"region": None, "axes": axes}
    region, wcs = read_region(hdulist[region_name])
    return {"region": region, "axes": axes, "wcs": wcs, "binsz_wcs": f"{np.abs(wcs.wcs.cdelt[1])} deg"}
