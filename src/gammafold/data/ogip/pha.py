"""Spectra: ``SPECTRUM`` tables of type I and II (OGIP memo OGIP/92-007).

Every quantity but the counts may be a keyword or a column. What may be missing has a default that is said aloud.
"""

from __future__ import annotations

import os

import numpy as np

from gammafold.data.ogip.companions import is_unset, locate, split_row
from gammafold.data.ogip.fitstable import ABSURD, FitsTable, Ragged, read_tables
from gammafold.data.ogip.flags import grouping, not_negative, quality, scale, sys_error
from gammafold.data.ogip.model import EnergyBounds, Floats, Integers, RawTable, Spectrum
from gammafold.data.ogip.quantities import Remarks, Row, find_tables, labels, read_ebounds

__all__ = ["read_background", "read_pha"]

_KINDS = ("TOTAL", "NET", "BKG")


def read_pha(path: str | os.PathLike[str], spectrum_number: int | None = None, poisson: bool | None = None) -> Spectrum:
    """Read a spectrum.

    Parameters
    ----------
    path : str or path-like
        The file; ``path.gz`` is taken where only that exists. ``path{3}`` and ``path[3]`` select spectrum 3.
    spectrum_number : int, optional
        Which spectrum of a file of several (type II): its ``SPEC_NUM``, else its row counted from 1.
    poisson : bool, optional
        Whether counts are Poisson distributed. Default is what ``POISSERR`` says; where the keyword is missing, it
        is assumed from the data, with a warning.

    Returns
    -------
    spectrum : Spectrum
        Counts per channel, exposure in s.

    Raises
    ------
    FileFormatError
        If the file cannot be read; the message names file, extension and keyword or column.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> spectrum = read_pha(sample_files("crab-hess")[0])
    >>> spectrum.counts.sum(), spectrum.poisson, spectrum.background_files
    (np.float64(189.0), True, ('bkg_obs23523.fits',))
    """
    name, row = split_row(path)
    return _read(name, row if spectrum_number is None else spectrum_number, poisson, strict=True)


def read_background(path: str | os.PathLike[str], spectrum_number: int | None, poisson: bool | None) -> Spectrum:
    """Read the background of a spectrum.

    ``spectrum_number`` is that of the source; it counts only if the background, too, is a file of several spectra.
    """
    name, row = split_row(path)
    return _read(name, spectrum_number if row is None else row, poisson, strict=row is not None)


def _read(name: str, number: int | None, poisson: bool | None, strict: bool) -> Spectrum:
    """Read a spectrum; unless ``strict``, a number is ignored where the file holds one spectrum only."""
    source = locate(name)
    tables = read_tables(source)
    remarks = Remarks()
    found = find_tables(source, tables, ["SPECTRUM"], "SPECTRUM")
    if len(found) > 1:
        remarks.assume(f"{source}: {len(found)} SPECTRUM extensions; the first is read")
    table = found[0]
    with np.errstate(all="ignore"):
        chosen = _choose(table, number, strict)
        extras = _extras(tables, chosen.n_channels, remarks)
        return _spectrum(chosen, extras, poisson, remarks)


def _choose(table: FitsTable, number: int | None, strict: bool) -> Row:
    """Return the spectrum of a table that is asked for."""
    name = _counts_column(table)
    values = table.raw(name)
    if table.n_rows == 0:
        raise table.error(f"column {name} is empty: there are no channels")
    if not isinstance(values, Ragged) and values.ndim == 1:
        if strict and number not in {None, 1}:
            raise table.error(f"holds one spectrum (type I); there is no spectrum {number}")
        return Row(table, table.n_rows)
    numbers = table.numbers("SPEC_NUM") if table.has("SPEC_NUM") else np.arange(1.0, table.n_rows + 1)
    if number is None and table.n_rows > 1:
        listed = ", ".join(f"{one:g}" for one in numbers)
        raise table.error(f"holds {table.n_rows} spectra (type II); choose one with spectrum_number: {listed}")
    index = 0 if number is None else -1
    if number is not None:
        matches = np.flatnonzero(numbers == number)
        if matches.size != 1:
            listed = ", ".join(f"{one:g}" for one in numbers)
            raise table.error(f"has {matches.size} spectra of number {number}; there are {listed}")
        index = int(matches[0])
    n_channels = int(values.length[index]) if isinstance(values, Ragged) else values.shape[1]
    if n_channels == 0:
        raise table.error(f"column {name} is empty in row {index + 1}: there are no channels")
    return Row(table, n_channels, index)


def _counts_column(table: FitsTable) -> str:
    """Return the name of the column that holds the spectrum."""
    for name in ("COUNTS", "RATE"):
        if table.has(name):
            return name
    raise table.error(f"neither column COUNTS nor RATE; there are {table.column_names}")


def _extras(
    tables: list[FitsTable], n_channels: int, remarks: Remarks
) -> tuple[EnergyBounds | None, RawTable | None, RawTable | None]:
    """Return energies of the channels, good time intervals and region of a PHA file, where it has them."""
    bounds = next((table for table in tables if table.name == "EBOUNDS"), None)
    ebounds = None
    if bounds is not None:
        ebounds = read_ebounds(bounds, remarks)
        if ebounds.channel.size != n_channels:
            raise bounds.error(f"has {ebounds.channel.size} channels, the spectrum has {n_channels}")
    intervals = [
        table
        for table in tables
        if table.name in {"GTI", "STDGTI"} or table.text_of("HDUCLAS1").upper() == "GTI" or table.name.startswith("GTI")
    ]
    if len(intervals) > 1:
        remarks.note(f"{intervals[0].path}: {len(intervals)} GTI extensions; the first is kept")
    gti = intervals[0].carried() if intervals else None
    region = next((table.carried() for table in tables if table.name == "REGION"), None)
    return ebounds, gti, region


def _spectrum(
    row: Row,
    extras: tuple[EnergyBounds | None, RawTable | None, RawTable | None],
    poisson: bool | None,
    remarks: Remarks,
) -> Spectrum:
    """Return the spectrum of a table."""
    table = row.table
    exposure = _exposure(row, remarks)
    name = _counts_column(table)
    is_rate = name == "RATE"
    counts = _counts(row, name, exposure, is_rate)
    is_poisson, error = _errors(row, counts, exposure if is_rate else 1.0, is_rate, poisson, remarks)
    kind = _kind(table, remarks)
    if is_poisson and kind != "NET":
        _refuse_negative(table, name, counts)
    _note_content(table, is_rate, exposure, remarks)
    _note_unit(table, name, remarks)
    ebounds, gti, region = extras
    mask_fit = row.per_channel("MASK_FIT")
    background = _file(row, "BACKFILE")
    return Spectrum(
        channel=_channels(row, remarks),
        counts=counts,
        exposure=exposure,
        poisson=is_poisson,
        counts_error=error,
        sys_error=sys_error(row),
        quality=quality(row, remarks),
        grouping=grouping(row, remarks),
        backscal=scale(row, "BACKSCAL", remarks),
        areascal=scale(row, "AREASCAL", remarks),
        mask_fit=None if mask_fit is None else mask_fit != 0,
        ebounds=ebounds,
        gti=gti,
        region=region,
        background_files=() if background is None else (background,),
        response_file=_file(row, "RESPFILE"),
        ancillary_file=_file(row, "ANCRFILE"),
        kind=kind,
        is_rate=is_rate,
        detchans=_detchans(row, remarks),
        embedded_backgrounds=_embedded(row, exposure, is_poisson, remarks),
        path=table.path,
        extension=table.name,
        header=table.passenger_header(),
        notes=remarks(),
    )


def _refuse_negative(table: FitsTable, name: str, counts: Floats) -> None:
    """Raise `FileFormatError` where Poisson counts are negative."""
    if np.any(counts < 0):
        channel = int(np.flatnonzero(counts < 0)[0])
        raise table.error(
            f"column {name} is negative ({counts[channel]:g}) in channel row {channel + 1}, with Poisson counts"
        )


def _note_content(table: FitsTable, is_rate: bool, exposure: float, remarks: Remarks) -> None:
    """Say what else a table holds."""
    if not is_unset(table.text_of("CORRFILE")):
        remarks.assume(f"{table.label}: CORRFILE = {table.text_of('CORRFILE')} is not applied")
    if is_rate:
        remarks.note(f"{table.label}: rates, multiplied by the exposure of {exposure:g} s")


def _exposure(row: Row, remarks: Remarks) -> float:
    """Return the exposure in s."""
    for name in ("EXPOSURE", "LIVETIME", "ONTIME"):
        value = row.scalar(name)
        if value is None:
            continue
        if value < 0:
            raise row.table.error(f"keyword {name} = {value:g} s is negative")
        if value > ABSURD:
            raise row.table.error(f"keyword {name} = {value:g} s is absurdly large")
        if name != "EXPOSURE":
            remarks.assume(f"{row.table.label}: no EXPOSURE; {name} = {value:g} s taken instead")
        elif value == 0:
            remarks.note(f"{row.table.label}: EXPOSURE = 0")
        return float(value)
    remarks.assume(f"{row.table.label}: no EXPOSURE, LIVETIME or ONTIME; the exposure is set to 0 s, so no model fits")
    return 0.0


def _counts(row: Row, name: str, exposure: float, is_rate: bool) -> Floats:
    """Return the counts per channel."""
    values = row.per_channel(name)
    if values is None:
        raise row.table.error(f"no column {name}")
    row.table.require_finite(name, values)
    if not is_rate:
        return np.array(values)
    if exposure <= 0:
        raise row.table.error(f"holds rates (column RATE), which need an EXPOSURE above zero; it is {exposure:g} s")
    counts = values * exposure
    row.table.require_finite(name, counts)
    return counts


def _errors(
    row: Row, counts: Floats, scale: float, is_rate: bool, poisson: bool | None, remarks: Remarks
) -> tuple[bool, Floats | None]:
    """Return whether the counts are Poisson distributed, and their errors if they are not."""
    table = row.table
    values = row.per_channel("STAT_ERR")
    error = None if values is None else not_negative(table, "STAT_ERR", values) * scale
    has_error = error is not None and bool(np.any(error > 0))
    integral = is_rate or bool(np.all(counts == np.rint(counts)))
    ours = _logical(table, "GFPOISS")
    said = _logical(table, "POISSERR") if ours is None else ours
    if poisson is not None:
        result = poisson
    elif said is None:
        result = not has_error and integral and not is_rate
        kind = "Poisson distributed" if result else "Gaussian"
        remarks.assume(f"{table.label}: no keyword POISSERR; counts taken to be {kind} (pass poisson= to decide)")
    elif not said and not has_error and integral and not is_rate:
        result = True
        remarks.assume(f"{table.label}: POISSERR = F without STAT_ERR; whole counts taken to be Poisson distributed")
    elif not said and ours is None and integral and not is_rate and _is_poisson_error(error, counts):
        result = True
        remarks.assume(
            f"{table.label}: POISSERR = F, but STAT_ERR is the one of Poisson counts; taken to be Poisson distributed "
            "(pass poisson=False to use it)"
        )
    else:
        result = said
    if result:
        if not integral and table.header.get("GFPOISS") is not True:
            remarks.assume(f"{table.label}: Poisson counts that are not whole numbers (column COUNTS)")
        return True, None
    if not has_error:
        remarks.assume(f"{table.label}: counts are not Poisson distributed, and there is no STAT_ERR; no errors known")
        return False, None
    return False, error


def _is_poisson_error(error: Floats | None, counts: Floats) -> bool:
    """Whether errors are those that Poisson counts are given: their root, or the upper limit of Gehrels (1986)."""
    seen = counts > 0
    if error is None or not seen.any() or np.any(counts < 0):
        return False
    usual = (np.sqrt(counts), 1.0 + np.sqrt(counts + 0.75))
    return any(np.allclose(error[seen], one[seen], rtol=1e-3) for one in usual)


def _logical(table: FitsTable, keyword: str) -> bool | None:
    """Return a keyword that is true or false, or None where it is missing."""
    value = table.header.get(keyword)
    if value is None or value == "":
        return None
    known = {"T": True, "TRUE": True, "1": True, "F": False, "FALSE": False, "0": False}
    result = known.get(str(value).strip().upper())
    if result is None:
        raise table.error(f"keyword {keyword} = {value!r} must be T or F")
    return result


def _channels(row: Row, remarks: Remarks) -> Integers:
    """Return the labels of the channels."""
    values = row.column("CHANNEL")
    if values is None:
        remarks.assume(f"{row.table.label}: no column CHANNEL; channels are counted from 1")
        return np.arange(1, row.n_channels + 1, dtype=np.int64)
    if values.dtype.kind in "SU" or values.shape != (row.n_channels,):
        raise row.table.error(f"column CHANNEL must hold {row.n_channels} numbers")
    channel = labels(row.table, "CHANNEL", values.astype(np.float64))
    if np.any(np.diff(channel) <= 0):
        at = int(np.flatnonzero(np.diff(channel) <= 0)[0])
        raise row.table.error(f"column CHANNEL must ascend, but {channel[at + 1]} follows {channel[at]}")
    return channel


def _kind(table: FitsTable, remarks: Remarks) -> str:
    """Return what the counts are: of source and background, of one of them, or unknown."""
    text = table.text_of("HDUCLAS2").upper()
    kind = "TOTAL" if text in {"", "UNKNOWN"} else text
    if kind == "NET":
        remarks.assume(f"{table.label}: HDUCLAS2 = NET, the background is already subtracted")
    elif kind not in _KINDS:
        remarks.note(f"{table.label}: HDUCLAS2 = {text}; taken as TOTAL")
        kind = "TOTAL"
    return kind


def _note_unit(table: FitsTable, column: str, remarks: Remarks) -> None:
    """Note a header that speaks of rates above a column of counts, or the reverse; the column's name decides."""
    other = {"COUNTS": "RATE", "RATE": "COUNT"}[column]
    # Some missions swap the two keywords.
    for keyword in ("HDUCLAS3", "HDUCLAS4"):
        if table.text_of(keyword).upper() == other:
            remarks.note(f"{table.label}: {keyword} = {other}, but the column is {column}, which is believed")


def _file(row: Row, keyword: str) -> str | None:
    """Return the name of a companion file, or None."""
    text = row.text(keyword)
    return None if is_unset(text) else text


def _detchans(row: Row, remarks: Remarks) -> int:
    """Return the number of channels of the detector."""
    value = row.table.number_of("DETCHANS")
    if value is None:
        return row.n_channels
    if value != int(value) or not 0 < value < 2**31:
        raise row.table.error(f"keyword DETCHANS = {value!r} must be a number of channels")
    if value < row.n_channels:
        remarks.assume(
            f"{row.table.label}: DETCHANS = {value:g}, but there are {row.n_channels} channels, which are used"
        )
        return row.n_channels
    return int(value)


def _embedded(row: Row, exposure: float, is_poisson: bool, remarks: Remarks) -> tuple[Spectrum, ...]:
    """Return the backgrounds of gratings, which lie beside the counts on either side of the dispersed light."""
    result = []
    for column, keyword in (("BACKGROUND_UP", "BACKSCUP"), ("BACKGROUND_DOWN", "BACKSCDN")):
        counts = row.per_channel(column) if row.table.has(column) else None
        if counts is None:
            continue
        n = row.n_channels
        result.append(
            Spectrum(
                channel=_channels(row, Remarks()),
                counts=not_negative(row.table, column, counts),
                exposure=exposure,
                poisson=is_poisson,
                counts_error=None,
                sys_error=np.zeros(n),
                quality=np.zeros(n, np.int16),
                grouping=None,
                backscal=scale(row, keyword, remarks),
                areascal=scale(row, "AREASCAL", Remarks()),
                kind="BKG",
                detchans=n,
                path=row.table.path,
                extension=row.table.name,
            )
        )
    return tuple(result)
