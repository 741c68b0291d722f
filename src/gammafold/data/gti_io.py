"""Good time intervals in FITS files, in the form of GADF and OGIP: seconds since a reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.gti import GTI
from gammafold.utils.errors import FileFormatError, InputError, UnitsError
from gammafold.utils.files import atomic_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.time import Time

__all__ = ["gti_from_hdu", "gti_to_hdu", "read_gti", "write_gti"]

_COLUMNS = (("START", "STOP"), ("TSTART", "TSTOP"))


def gti_from_hdu(hdu: fits.BinTableHDU, format: str = "gadf") -> GTI:
    """Read good time intervals from a FITS extension.

    Parameters
    ----------
    hdu : `~astropy.io.fits.BinTableHDU`
        Columns START and STOP, or TSTART and TSTOP, in seconds or their own unit; keywords ``MJDREFI`` and
        ``MJDREFF`` (or ``MJDREF``), and optionally ``TIMESYS`` (TT where it is missing), ``TIMEZERO``, ``TIMEUNIT``.
    format : {"gadf"}
        Form.

    Raises
    ------
    FileFormatError
        If a column or a keyword is missing, or an interval ends before it starts.
    """
    _require_format(format)
    names = {name.upper(): name for name in hdu.columns.names}
    pair = next((pair for pair in _COLUMNS if set(pair) <= set(names)), None)
    if pair is None:
        raise FileFormatError(f"extension {hdu.name!r} has no columns START and STOP: there are {sorted(names)}")
    reference = reference_time(hdu.header, hdu.name)
    # OGIP: what is added to the times of the table, in its unit.
    zero = float(hdu.header.get("TIMEZERO", 0.0))
    edges = []
    for column in pair:
        unit = hdu.columns[names[column]].unit or hdu.header.get("TIMEUNIT", "s")
        edges.append(u.Quantity(np.array(hdu.data[names[column]], dtype=float) + zero, unit))
    try:
        return GTI.create(edges[0], edges[1], reference_time=reference)
    except (InputError, UnitsError) as error:
        raise FileFormatError(f"extension {hdu.name!r}: {error}") from error


def reference_time(header: Any, name: str) -> Time:
    """Return the reference time that the keywords of an extension give.

    Raises
    ------
    FileFormatError
        If there are none.
    """
    from astropy.time import ScaleValueError, Time

    scale = str(header.get("TIMESYS", "tt")).strip().lower()
    if "MJDREFI" in header:
        day, part = float(header["MJDREFI"]), float(header.get("MJDREFF", 0.0))
    elif "MJDREF" in header:
        day, part = float(header["MJDREF"]), 0.0
    else:
        raise FileFormatError(f"extension {name!r} has no keyword MJDREFI or MJDREF: its times have no reference")
    try:
        return Time(day, part, format="mjd", scale=scale)
    except (ValueError, ScaleValueError) as error:
        raise FileFormatError(f"extension {name!r} has TIMESYS = {scale!r}: {error}") from error


def gti_to_hdu(gti: GTI, format: str = "gadf") -> fits.BinTableHDU:
    """Return good time intervals as a FITS extension."""
    from astropy.io import fits
    from astropy.table import Table

    _require_format(format)
    hdu = fits.BinTableHDU(Table({"START": gti.met_start, "STOP": gti.met_stop}), name="GTI")
    day = np.floor(gti.time_ref.mjd)
    # The fraction from the two halves of the date: a difference of dates would lose microseconds.
    part = (gti.time_ref.jd1 - 2400000.5 - day) + gti.time_ref.jd2
    hdu.header["MJDREFI"] = int(day)
    hdu.header["MJDREFF"] = float(part)
    hdu.header["TIMESYS"] = gti.time_ref.scale
    hdu.header["TIMEUNIT"] = "s"
    return hdu


def read_gti(filename: str | os.PathLike[str], hdu: str = "GTI", format: str = "gadf", checksum: bool = False) -> GTI:
    """Read good time intervals from a FITS file.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or has no such extension.
    """
    _require_format(format)
    with open_fits(filename, checksum) as hdulist:
        if hdu not in hdulist:
            raise FileFormatError(f"there is no extension {hdu!r}: there are {[one.name for one in hdulist]}")
        return gti_from_hdu(hdulist[hdu], format)


def write_gti(
    gti: GTI, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False, format: str = "gadf"
) -> None:
    """Write good time intervals to a FITS file."""
    from astropy.io import fits

    with atomic_path(filename, overwrite=overwrite) as temporary:
        hdus = fits.HDUList([fits.PrimaryHDU(), gti_to_hdu(gti, format)])
        hdus.writeto(temporary, overwrite=True, checksum=checksum)


def _require_format(format: str) -> None:
    if format != "gadf":
        raise InputError(f"format is {format!r}: expected 'gadf'")
