"""Maps of instrument responses in FITS files: the response, and beside it the exposure that weights it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.axes import MapAxes
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_io import map_from_hdulist
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.files import atomic_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.io import fits

    from gammafold.irf.irf_map import IRFMap

__all__ = ["irf_from_hdulist", "irf_to_hdulist", "read_irf", "write_irf"]


def irf_to_hdulist(irf: IRFMap, format: str) -> fits.HDUList:
    """Return the extensions of a response: NAME, NAME_BANDS, NAME_REGION and the same of NAME_EXPOSURE."""
    from astropy.io import fits

    _require_format(format)
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus.extend(irf.irf_map.to_hdulist(hdu=irf.hdu_name, format=format)[1:])
    if irf.exposure_map is not None:
        hdus.extend(irf.exposure_map.to_hdulist(hdu=f"{irf.hdu_name}_EXPOSURE", format=format)[1:])
    return hdus


def irf_from_hdulist(
    cls: Any,
    hdulist: fits.HDUList,
    hdu: str | None,
    hdu_bands: str | None,
    exposure_hdu: str | None,
    exposure_hdu_bands: str | None,
    format: str,
) -> Any:
    """Read a response of the class ``cls``; see `IRFMap.from_hdulist`."""
    _require_format(format)
    name = hdu or cls.hdu_name
    if name not in hdulist:
        raise FileFormatError(f"there is no extension {name!r}: there are {[one.name for one in hdulist]}")
    irf_map = _read_map(hdulist, name, hdu_bands)
    weights = None
    beside = exposure_hdu or f"{name}_EXPOSURE"
    if beside in hdulist:
        weights = _read_map(hdulist, beside, exposure_hdu_bands)
    elif exposure_hdu is not None:
        raise FileFormatError(f"there is no extension {beside!r}: there are {[one.name for one in hdulist]}")
    try:
        return cls(irf_map, weights)
    except InputError as error:
        raise FileFormatError(f"extension {name!r}: {error}") from error


def _read_map(hdulist: fits.HDUList, name: str, bands: str | None) -> RegionNDMap:
    if hdulist[name].is_image:
        return _read_image(hdulist, name, bands)
    return RegionNDMap(**map_from_hdulist(hdulist, format="gadf", hdu=name, hdu_bands=bands))


def _read_image(hdulist: fits.HDUList, name: str, bands: str | None) -> RegionNDMap:
    """Read a map on the sky that is the same everywhere: the form that responses made without a region have."""
    bands = bands or str(hdulist[name].header.get("BANDSHDU", f"{name}_BANDS"))
    if bands not in hdulist:
        raise FileFormatError(f"there is no extension {bands!r}: there are {[one.name for one in hdulist]}")
    axes = MapAxes.from_table_hdu(hdulist[bands], format="gadf")
    data = np.asarray(hdulist[name].data, dtype=float)
    if data.shape[:-2] != axes.shape[::-1]:
        raise FileFormatError(f"extension {name!r} has the shape {data.shape}: its axes need {axes.shape[::-1]}")
    one = data[..., :1, :1]
    if not np.array_equal(np.broadcast_to(one, data.shape), data, equal_nan=True):
        raise FileFormatError(
            f"extension {name!r} differs from place to place on the sky: expected a map of one region"
        )
    unit = str(hdulist[name].header.get("BUNIT", ""))
    return RegionNDMap(RegionGeom.create(None, axes=list(axes)), data=np.array(one), unit=unit)


def read_irf(cls: Any, filename: str | os.PathLike[str], format: str, hdu: str | None, checksum: bool) -> Any:
    """Read a response of the class ``cls`` from a file.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or has no such extension; the message names the file.
    """
    with open_fits(filename, checksum) as hdulist:
        return cls.from_hdulist(hdulist, hdu=hdu, format=format)


def write_irf(irf: IRFMap, filename: str | os.PathLike[str], overwrite: bool, format: str, checksum: bool) -> None:
    """Write a response to a file."""
    hdus = irf_to_hdulist(irf, format)
    with atomic_path(filename, overwrite=overwrite) as temporary:
        hdus.writeto(temporary, overwrite=True, checksum=checksum)


def _require_format(format: str) -> None:
    if format != "gadf":
        raise InputError(f"format is {format!r}: expected 'gadf'")
