"""The parts of a dataset as FITS extensions: maps, responses, good time intervals and a table of observations.

A map ``NAME`` is three extensions: its values, its axes (``NAME_BANDS``) and its region (``NAME_REGION``). The maps of
one dataset repeat the same few axes and regions; a `PartReader` reads each of them once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.gti import GTI
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.psf_map import PSFMap
from gammafold.maps.axes import MapAxes
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_geom_io import get_hdu, read_geom
from gammafold.maps.region_io import map_from_hdulist
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.fitsfiles import one_line

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table

__all__ = ["PARTS", "PartReader", "extension", "part_to_hdus"]

#: Parts in the order of their extensions; an extension has the name of its part in capitals.
PARTS = (
    "counts", "exposure", "background", "edisp", "psf", "mask_safe", "mask_fit", "gti", "meta_table",
    "counts_off", "acceptance", "acceptance_off", "counts_error", "counts_off_error",
)  # fmt: skip

_MASKS = ("mask_safe", "mask_fit")
_RESPONSES = ("edisp", "psf")
# The live time in seconds, in the header of the exposure.
_LIVETIME = "LIVETIME"
# Keywords in which extensions of equal content differ.
_NO_CONTENT = (b"EXTNAME", b"EXTVER", b"CHECKSUM", b"DATASUM", b"CREATED", b"CREATOR", b"ORIGIN")


@contextmanager
def extension(where: str, name: str) -> Iterator[None]:
    """Turn what goes wrong with an extension into an error that names file and extension."""
    try:
        yield
    except FileFormatError as error:
        place = "" if where in str(error) else f"{where}, "
        label = "" if name in str(error) else f"extension {name!r}: "
        raise FileFormatError(f"{place}{label}{one_line(error)}") from error
    except Exception as error:
        # What a damaged table makes astropy raise is of any class.
        raise FileFormatError(f"{where}, extension {name!r}: {one_line(error)}") from error


# -- writing


def part_to_hdus(part: str, value: Any) -> list[fits.BinTableHDU]:
    """Return the extensions of one part of a dataset.

    Parameters
    ----------
    part : str
        One of `PARTS`.
    value : RegionNDMap, IRFMap, GTI or Table
        The part.

    Raises
    ------
    InputError
        If a column of a table cannot be written.
    """
    name = part.upper()
    if part == "gti":
        return [value.to_table_hdu()]
    if part == "meta_table":
        return [_table_hdu(value)]
    if part in _RESPONSES:
        return list(value.to_hdulist()[1:])
    hdus = list(value.to_hdulist(hdu=name)[1:])
    livetime = value.meta.get("livetime") if part == "exposure" else None
    if livetime is not None and np.isfinite(livetime):
        hdus[0].header[_LIVETIME] = (u.Quantity(livetime).to_value("s"), "[s] live time")
    return hdus


def _table_hdu(table: Table) -> fits.BinTableHDU:
    from astropy.io import fits

    for name in table.colnames:
        if getattr(table[name], "dtype", np.dtype(float)).kind == "O":
            raise InputError(
                f"column {name!r} of the meta_table holds objects: expected numbers, strings, quantities or times"
            )
    try:
        return fits.BinTableHDU(table, name="META_TABLE")
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the meta_table cannot be written to FITS: {error}") from error


# -- reading


class PartReader:
    """Reads parts of one dataset, and keeps the axes and the regions that its maps share.

    Parameters
    ----------
    where : str
        The file, for messages.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._axes: dict[bytes, MapAxes] = {}
        self._images: dict[bytes, RegionGeom] = {}
        self._geoms: dict[tuple[bytes, bytes], RegionGeom] = {}

    def read(self, hdulist: fits.HDUList, part: str) -> Any:
        """Return a part of a dataset, or None where the file has no extension for it.

        Raises
        ------
        FileFormatError
            If it cannot be read; the message names file and extension.
        """
        name = part.upper()
        if name not in hdulist:
            return None
        with extension(self.where, name):
            if part == "gti":
                return GTI.from_table_hdu(hdulist[name])
            if part == "meta_table":
                return _read_table(hdulist[name])
            if part in _RESPONSES:
                return self._response(hdulist, name)
            held = self._map(hdulist, name)
            if part in _MASKS:
                return _as_mask(held)
            if part == "exposure" and _LIVETIME in hdulist[name].header:
                held.meta["livetime"] = u.Quantity(float(hdulist[name].header[_LIVETIME]), "s")
            return held

    def axes(self, hdulist: fits.HDUList, name: str) -> MapAxes:
        """Return the axes of the map in the extension ``name``."""
        bands = f"{name}_BANDS"
        with extension(self.where, bands):
            hdu = get_hdu(hdulist, bands)
            key = _content(hdu)
            if key not in self._axes:
                self._axes[key] = MapAxes.from_table_hdu(hdu, format="gadf")
            return self._axes[key]

    def _geom(self, hdulist: fits.HDUList, name: str) -> RegionGeom:
        axes = self.axes(hdulist, name)
        region = f"{name}_REGION"
        place = _content(hdulist[region]) if region in hdulist else b""
        key = (_content(hdulist[f"{name}_BANDS"]), place)
        if key not in self._geoms:
            if place not in self._images:
                with extension(self.where, region):
                    self._images[place] = RegionGeom(**read_geom(hdulist, "gadf", hdu=name)).to_image()
            self._geoms[key] = self._images[place].to_cube(list(axes))
        return self._geoms[key]

    def _map(self, hdulist: fits.HDUList, name: str) -> RegionNDMap:
        if hdulist[name].is_image:
            raise FileFormatError(
                f"extension {name!r} is an image: expected a table, the map of one region "
                "(a spectrum is extracted from images with a region)"
            )
        return RegionNDMap(**map_from_hdulist(hdulist, hdu=name, geom=self._geom(hdulist, name)))

    def _response(self, hdulist: fits.HDUList, name: str) -> EDispKernelMap | EDispMap | PSFMap:
        kind = PSFMap if name == "PSF" else EDispMap if "migra" in self.axes(hdulist, name).names else EDispKernelMap
        if hdulist[name].is_image:
            return kind.from_hdulist(hdulist)
        weights = f"{name}_EXPOSURE"
        return kind(self._map(hdulist, name), self._map(hdulist, weights) if weights in hdulist else None)


def _read_table(hdu: fits.BinTableHDU) -> Table:
    from astropy.table import Table

    # Empty strings and NaN are values, not gaps.
    table = Table.read(hdu, mask_invalid=False)
    table.convert_bytestring_to_unicode()
    for keyword in ("EXTNAME", "CHECKSUM", "DATASUM", "CREATOR", "CREATED"):
        table.meta.pop(keyword, None)
    return table


def _as_mask(held: RegionNDMap) -> RegionNDMap:
    """Return a mask of booleans, or of the zeros and ones that writers without booleans use."""
    if held.data.dtype == bool:
        return held
    strange = ~np.isin(held.data, (0, 1))
    if strange.any():
        raise FileFormatError(f"a mask holds {held.data[strange][0]}: expected booleans, or zeros and ones")
    return RegionNDMap(held.geom, data=held.data.astype(bool))


def _content(hdu: Any) -> bytes:
    """Return the bytes of an extension, without what only names it."""
    header = hdu.header.tostring().encode("latin-1")
    cards = [header[i : i + 80] for i in range(0, len(header), 80)]
    kept = b"".join(card for card in cards if not card.startswith(_NO_CONTENT))
    return kept + np.asarray(hdu.data).tobytes()
