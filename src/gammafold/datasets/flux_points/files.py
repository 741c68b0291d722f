"""Flux points in FITS and ECSV files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.datasets.flux_points.parse import from_table
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.datasets.flux_points.tables import to_table
from gammafold.utils.errors import FileFormatError, GammafoldError, InputError
from gammafold.utils.files import atomic_path, make_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.data.gti import GTI

__all__ = ["read", "read_points_table", "write", "write_points_table"]


def write(
    points: FluxPoints,
    filename: str | os.PathLike[str],
    sed_type: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
    checksum: bool = False,
) -> None:
    """Write flux points to FITS (with their good time intervals) or to ECSV, by the file's ending.

    Parameters
    ----------
    points : FluxPoints
        The points.
    filename : path-like
        File ending in .fits, .fits.gz or .ecsv.
    sed_type, format : str, optional
        As for `gammafold.datasets.flux_points.tables.to_table`.
    overwrite : bool
        Whether an existing file is replaced. Default: False.
    checksum : bool
        Whether checksums are written to FITS headers. Default: False.
    """
    write_points_table(to_table(points, sed_type, format), points.gti, filename, overwrite, checksum)


def write_points_table(
    table: Table, gti: GTI | None, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False
) -> None:
    """Write a table of flux points, with good time intervals, to FITS or ECSV.

    Raises
    ------
    InputError
        If the file's ending is of neither, or the file exists and ``overwrite`` is False.
    """
    from astropy.io import fits

    path = make_path(filename)
    is_fits = ".fits" in path.suffixes
    if not is_fits and path.suffix != ".ecsv":
        raise InputError(f"cannot tell the format of {path.name}: expected an ending .fits, .fits.gz or .ecsv")
    with atomic_path(path, overwrite=overwrite) as temporary:
        if not is_fits:
            table.write(temporary, format="ascii.ecsv", overwrite=True)
            return
        hdus = [fits.PrimaryHDU(), fits.BinTableHDU(table, name="FLUXPOINTS")]
        if gti is not None:
            hdus.append(gti.to_table_hdu())
        fits.HDUList(hdus).writeto(temporary, overwrite=True, checksum=checksum)


def read(
    filename: str | os.PathLike[str],
    sed_type: str | None = None,
    format: str | None = None,
    reference_model: Any = None,
    checksum: bool = False,
) -> FluxPoints:
    """Read flux points from FITS or ECSV.

    Parameters
    ----------
    filename : path-like
        File; one whose name does not hold ".fits" is read as ECSV.
    sed_type, format, reference_model
        As for `gammafold.datasets.flux_points.parse.from_table`.
    checksum : bool
        Whether checksums are verified. Default: False.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or misses a column.
    """
    table, gti = read_points_table(filename, checksum)
    try:
        return from_table(table, sed_type, format, reference_model, gti)
    except GammafoldError as error:
        raise FileFormatError(f"{make_path(filename)}: {error}") from error


def read_points_table(filename: str | os.PathLike[str], checksum: bool = False) -> tuple[Table, GTI | None]:
    """Read the table of flux points of a file, and its good time intervals if there are any.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    path = make_path(filename)
    return _read_fits(path, checksum) if ".fits" in path.suffixes else (_read_ecsv(path), None)


def _read_fits(path: Path, checksum: bool) -> tuple[Table, GTI | None]:
    from astropy.io import fits
    from astropy.table import Table

    from gammafold.data.gti import GTI

    with open_fits(path, checksum=checksum) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU) and hdu.name != "GTI"]
        named = [hdu for hdu in tables if hdu.name == "FLUXPOINTS"] or tables
        if not named:
            raise FileFormatError(f"{path} has no table of flux points: it has {[hdu.name for hdu in hdus]}")
        gti = GTI.from_table_hdu(hdus["GTI"]) if "GTI" in hdus else None
        return Table.read(named[0]), gti


def _read_ecsv(path: Path) -> Table:
    from astropy.table import Table

    try:
        return Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise FileFormatError(f"cannot read flux points from {path}: {error}") from error
