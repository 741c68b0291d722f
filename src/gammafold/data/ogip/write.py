"""OGIP files written: what Sherpa, XSPEC and gammapy read to the same numbers.

Files are written under a temporary name and renamed, with ``CHECKSUM`` and ``DATASUM`` unless told otherwise.
Energies are in keV and areas in cm2; counts are 32-bit integers only where they are whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.model import (
    AncillaryResponse,
    EnergyBounds,
    Floats,
    Integers,
    RawTable,
    RedistributionMatrix,
    Spectrum,
)
from gammafold.utils.errors import InputError
from gammafold.utils.files import atomic_path

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["write_arf", "write_background", "write_pha", "write_rmf"]

PathLike = str | os.PathLike[str]
_INT32 = 2**31 - 1
# Keywords that the writers set themselves, or that a column replaces.
_OWN = {
    "EXTNAME", "NAME", "HDUCLASS", "HDUCLAS1", "HDUCLAS2", "HDUCLAS3", "HDUCLAS4", "HDUVERS", "DETCHANS", "POISSERR",
    "GFPOISS", "EXPOSURE", "BACKFILE", "RESPFILE", "ANCRFILE", "BACKSCAL", "AREASCAL", "QUALITY", "GROUPING", "SYS_ERR",
    "STAT_ERR", "NUMGRP", "NUMELT", "CHANNEL", "COUNTS", "RATE", "CORRFILE", "CORRSCAL", "CHANTYPE", "TELESCOP",
    "INSTRUME", "FILTER",
}  # fmt: skip


def write_pha(
    spectrum: Spectrum,
    path: PathLike,
    overwrite: bool = False,
    background_file: str | None = None,
    response_file: str | None = None,
    ancillary_file: str | None = None,
    checksum: bool = True,
) -> None:
    """Write a spectrum (PHA file), with its energies, good time intervals and region where it has them.

    Counts that are not whole, such as those expected of a model, are written as floats with ``POISSERR = F`` and
    their errors, as OGIP wants; ``GFPOISS = T`` then tells this package's reader that they are Poisson means.

    Parameters
    ----------
    spectrum : Spectrum
        What to write.
    path : path-like
        The file.
    overwrite : bool
        Whether to replace an existing file. Default is False.
    background_file, response_file, ancillary_file : str, optional
        Names of the companions. Default is those of the spectrum, or "none".
    checksum : bool
        Whether to write ``CHECKSUM`` and ``DATASUM``. Default is True.

    Raises
    ------
    InputError
        If ``path`` exists and ``overwrite`` is False, or the spectrum holds numbers that are not finite.
    """
    named = spectrum.background_files[0] if spectrum.background_files else None
    files = {
        "BACKFILE": background_file or named or "none",
        "RESPFILE": response_file or spectrum.response_file or "none",
        "ANCRFILE": ancillary_file or spectrum.ancillary_file or "none",
    }
    hdus = [_spectrum_hdu(spectrum, files)]
    if spectrum.ebounds is not None:
        hdus.append(_ebounds_hdu(spectrum.ebounds, spectrum.header))
    hdus.extend(_raw_hdu(table) for table in (spectrum.gti, spectrum.region) if table is not None)
    _write(hdus, path, overwrite, checksum)


def write_background(spectrum: Spectrum, path: PathLike, overwrite: bool = False, checksum: bool = True) -> None:
    """Write a background spectrum: as `write_pha`, with ``HDUCLAS2 = BKG`` and no companions.

    Parameters
    ----------
    spectrum : Spectrum
        Off counts; ``backscal`` is their acceptance.
    path : path-like
        The file.
    overwrite, checksum : bool
        As for `write_pha`.
    """
    files = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"}
    hdus = [_spectrum_hdu(spectrum, files, kind="BKG")]
    if spectrum.ebounds is not None:
        hdus.append(_ebounds_hdu(spectrum.ebounds, spectrum.header))
    hdus.extend(_raw_hdu(table) for table in (spectrum.gti, spectrum.region) if table is not None)
    _write(hdus, path, overwrite, checksum)


def write_arf(arf: AncillaryResponse, path: PathLike, overwrite: bool = False, checksum: bool = True) -> None:
    """Write an effective area.

    Parameters
    ----------
    arf : AncillaryResponse
        What to write; ``LO_THRES`` and ``HI_THRES`` in its header are kept.
    path : path-like
        The file.
    overwrite, checksum : bool
        As for `write_pha`.
    """
    hdu = _table(
        "SPECRESP",
        [
            ("ENERG_LO", "D", "keV", arf.energy_lo),
            ("ENERG_HI", "D", "keV", arf.energy_hi),
            ("SPECRESP", "D", "cm2", arf.area),
        ],
        arf.header,
        {"HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "SPECRESP", "HDUVERS": "1.1.0"},
    )
    _write([hdu], path, overwrite, checksum)


def write_rmf(rmf: RedistributionMatrix, path: PathLike, overwrite: bool = False, checksum: bool = True) -> None:
    """Write a redistribution matrix: runs of channels that are not zero, in columns of variable length.

    Parameters
    ----------
    rmf : RedistributionMatrix
        What to write. A ``first_channel`` of 0 is read right even by readers that do not look for it.
    path : path-like
        The file.
    overwrite, checksum : bool
        As for `write_pha`.
    """
    _write(rmf_hdus(rmf), path, overwrite, checksum)


def rmf_hdus(rmf: RedistributionMatrix) -> list[fits.BinTableHDU]:
    """Return the extensions of a redistribution matrix: the matrix, and the energies of the channels."""
    _require_finite("matrix", rmf.matrix)
    row, first, length = _groups(rmf.matrix)
    n_rows, n_channels = rmf.matrix.shape
    n_groups = np.bincount(row, minlength=n_rows)
    values = rmf.matrix[rmf.matrix != 0]
    elements = np.bincount(row, weights=length, minlength=n_rows).astype(np.int64)
    name = "SPECRESP MATRIX" if rmf.contains_area else "MATRIX"
    hdu = _table(
        name,
        [
            ("ENERG_LO", "D", "keV", rmf.energy_lo),
            ("ENERG_HI", "D", "keV", rmf.energy_hi),
            ("N_GRP", "I" if n_groups.max(initial=0) < 2**15 else "J", "", n_groups),
            ("F_CHAN", "PJ()", "", _ragged((first + rmf.first_channel).astype(np.int32), n_groups)),
            ("N_CHAN", "PJ()", "", _ragged(length.astype(np.int32), n_groups)),
            ("MATRIX", "PD()", "cm2" if rmf.contains_area else "", _ragged(values, elements)),
        ],
        rmf.header,
        {
            "HDUCLASS": "OGIP",
            "HDUCLAS1": "RESPONSE",
            "HDUCLAS2": "RSP_MATRIX",
            "HDUCLAS3": "FULL" if rmf.contains_area else "REDIST",
            "HDUVERS": "1.3.0",
            "CHANTYPE": rmf.header.get("CHANTYPE") or "PHA",
            "DETCHANS": n_channels,
            "NUMGRP": int(n_groups.sum()),
            "NUMELT": values.size,
            "TLMIN4": rmf.first_channel,
            "TLMAX4": rmf.first_channel + n_channels - 1,
        },
    )
    return [hdu, _ebounds_hdu(rmf.ebounds, rmf.header)]


def _spectrum_hdu(spectrum: Spectrum, files: Mapping[str, str], kind: str | None = None) -> fits.BinTableHDU:
    """Return the SPECTRUM table."""
    # Expected counts are not Poisson deviates, and OGIP then asks for their errors.
    expected = spectrum.poisson and not spectrum.is_integral
    error = np.sqrt(np.abs(spectrum.counts)) if expected else spectrum.counts_error
    first = int(spectrum.channel[0]) if spectrum.channel.size else 1
    detchans = spectrum.detchans or spectrum.channel.size
    keywords: dict[str, Any] = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "SPECTRUM",
        "HDUCLAS2": kind or spectrum.kind,
        "HDUCLAS3": "COUNT",
        "HDUCLAS4": "TYPE:I",
        "HDUVERS": "1.2.1",
        "CHANTYPE": spectrum.header.get("CHANTYPE") or "PHA",
        "DETCHANS": detchans,
        "TLMIN1": first,
        "TLMAX1": first + detchans - 1,
        "EXPOSURE": spectrum.exposure,
        "POISSERR": spectrum.poisson and not expected,
        **files,
        "CORRFILE": "none",
        "CORRSCAL": 1.0,
        **({} if spectrum.sys_error.any() else {"SYS_ERR": 0.0}),
        **({} if spectrum.grouping is not None else {"GROUPING": 0}),
        # Says what is meant where readers, this package's included, would have to guess.
        **({"GFPOISS": spectrum.poisson} if expected or not spectrum.poisson else {}),
        **_origin(spectrum.header),
    }
    return _table("SPECTRUM", _spectrum_columns(spectrum, error), spectrum.header, keywords)


def _spectrum_columns(spectrum: Spectrum, error: Floats | None) -> list[tuple[str, str, str, NDArray[Any]]]:
    """Return name, format, unit and values of the columns of a SPECTRUM table."""
    whole = spectrum.is_integral and np.abs(spectrum.counts).max(initial=0) <= _INT32
    columns: list[tuple[str, str, str, NDArray[Any]]] = [
        ("CHANNEL", "I" if np.abs(spectrum.channel).max(initial=0) < 2**15 else "J", "", spectrum.channel),
        ("COUNTS", "J" if whole else "D", "count", spectrum.counts),
    ]
    if error is not None:
        columns.append(("STAT_ERR", "D", "count", error))
    if spectrum.sys_error.any():
        columns.append(("SYS_ERR", "D", "", spectrum.sys_error))
    columns.append(("QUALITY", "I", "", spectrum.quality))
    if spectrum.grouping is not None:
        columns.append(("GROUPING", "I", "", spectrum.grouping))
    columns += [("BACKSCAL", "D", "", spectrum.backscal), ("AREASCAL", "D", "", spectrum.areascal)]
    if spectrum.mask_fit is not None:
        columns.append(("MASK_FIT", "L", "", spectrum.mask_fit))
    return columns


def _origin(header: Mapping[str, Any]) -> dict[str, str]:
    """Return the keywords that OGIP demands about the instrument."""
    return {key: str(header.get(key) or default) for key, default in _INSTRUMENT.items()}


_INSTRUMENT = {"TELESCOP": "UNKNOWN", "INSTRUME": "UNKNOWN", "FILTER": "none"}


def _ebounds_hdu(ebounds: EnergyBounds, header: Mapping[str, Any]) -> fits.BinTableHDU:
    """Return the EBOUNDS table."""
    first = int(ebounds.channel[0]) if ebounds.channel.size else 1
    keywords = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "RESPONSE",
        "HDUCLAS2": "EBOUNDS",
        "HDUVERS": "1.2.0",
        "CHANTYPE": header.get("CHANTYPE") or "PHA",
        "DETCHANS": ebounds.channel.size,
        "TLMIN1": first,
        "TLMAX1": first + ebounds.channel.size - 1,
        **_origin(header),
    }
    columns = [
        ("CHANNEL", "I" if np.abs(ebounds.channel).max(initial=0) < 2**15 else "J", "", ebounds.channel),
        ("E_MIN", "D", "keV", ebounds.energy_min),
        ("E_MAX", "D", "keV", ebounds.energy_max),
    ]
    return _table("EBOUNDS", columns, {}, keywords)


def _raw_hdu(table: RawTable) -> fits.BinTableHDU:
    """Return a table that was carried along."""
    from astropy.io import fits

    columns = [
        fits.Column(name, _format(values), unit=table.units.get(name), array=values)
        for name, values in table.columns.items()
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name=table.name)
    _keywords(hdu, table.header, {"EXTNAME"})
    return hdu


def _format(values: NDArray[Any]) -> str:
    """Return the format of a FITS column that holds an array."""
    width = values.shape[1] if values.ndim == 2 else 1
    if values.dtype.kind == "U":
        return f"{max(values.dtype.itemsize // 4, 1)}A"
    letters = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
    return f"{width}{letters[values.dtype.str[1:]]}"


def _table(
    name: str,
    columns: list[tuple[str, str, str, NDArray[Any]]],
    header: Mapping[str, Any],
    keywords: Mapping[str, Any],
) -> fits.BinTableHDU:
    """Return a table with the keywords of ``header`` that the writer does not set itself."""
    from astropy.io import fits

    made = []
    for label, form, unit, values in columns:
        if values.dtype.kind == "f":
            _require_finite(label, values)
        made.append(fits.Column(label, form, unit=unit or None, array=values))
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    for key, value in keywords.items():
        hdu.header[key] = value
    _keywords(hdu, header, _OWN | set(keywords))
    return hdu


def _keywords(hdu: fits.BinTableHDU, header: Mapping[str, Any], skip: set[str]) -> None:
    """Copy the keywords that a FITS header can hold."""
    for key, value in header.items():
        if key in skip or key in hdu.header or not isinstance(value, (bool, int, float, str)):
            continue
        if isinstance(value, float) and not np.isfinite(value):
            continue
        name = key if len(key) <= 8 and key.replace("-", "").replace("_", "").isalnum() else f"HIERARCH {key}"
        hdu.header[name] = "".join(c for c in value if " " <= c <= "~") if isinstance(value, str) else value


def _require_finite(name: str, values: Floats) -> None:
    """Raise `InputError` where numbers to be written are not finite."""
    if not np.isfinite(values).all():
        raise InputError(f"{name}: cannot write {values[~np.isfinite(values)].flat[0]}")


def _groups(matrix: Floats) -> tuple[Integers, Integers, Integers]:
    """Return row, first channel and number of channels of each run of elements that are not zero."""
    n_rows, n_channels = matrix.shape
    filled = np.zeros((n_rows, n_channels + 2), np.int8)
    filled[:, 1:-1] = matrix != 0
    step = np.diff(filled, axis=1)
    row, first = np.nonzero(step == 1)
    return row, first, np.nonzero(step == -1)[1] - first


def _ragged(values: NDArray[Any], length: Integers) -> NDArray[np.object_]:
    """Return rows of different lengths as astropy wants them."""
    rows = np.empty(length.size, dtype=object)
    for i, part in enumerate(np.split(values, np.cumsum(length)[:-1])):
        rows[i] = part
    return rows


def _write(hdus: list[fits.BinTableHDU], path: PathLike, overwrite: bool, checksum: bool) -> None:
    """Write a file under a temporary name and rename it."""
    from astropy.io import fits

    with atomic_path(path, overwrite) as temporary:
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(temporary, overwrite=True, checksum=checksum)
