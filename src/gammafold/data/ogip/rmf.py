"""Redistribution matrices: ``MATRIX`` and ``EBOUNDS`` tables (OGIP memo CAL/GEN/92-002, section 3)."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.companions import locate
from gammafold.data.ogip.fitstable import ABSURD, FitsTable, Ragged, read_tables
from gammafold.data.ogip.model import EnergyBounds, Floats, Integers, RedistributionMatrix
from gammafold.data.ogip.quantities import Remarks, energies, find_tables, read_ebounds, scale_to
from gammafold.utils.errors import FileFormatError

__all__ = ["add_matrices", "read_rmf"]

# Names that missions have shipped; the last is a misspelling.
_NAMES = ("MATRIX", "SPECRESP MATRIX", "AXAF_RMF", "RSP_MATRIX", "SPECTRESP MATRIX")
# Largest matrix, in bytes.
_LARGEST = 2**32


def read_rmf(path: str | os.PathLike[str], extension: int | None = None) -> RedistributionMatrix:
    """Read a redistribution matrix.

    The label of the first channel is ``TLMIN`` of ``F_CHAN``, else ``TLMIN`` of the ``CHANNEL`` column of
    ``EBOUNDS``, else the first label there, else 1 with a warning; ``base_source`` says which.

    Parameters
    ----------
    path : str or path-like
        The file; ``path.gz`` is taken where only that exists.
    extension : int, optional
        Which matrix, counted from 1, of a file that holds several. Default is their sum, which is what they mean
        where they share their energies.

    Returns
    -------
    rmf : RedistributionMatrix
        Dense, shape (n_energy, n_channel).

    Raises
    ------
    FileFormatError
        If the file cannot be read; the message names file, extension and column.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> folder = sample_files("crab-hess")[0].parent
    >>> rmf = read_rmf(folder / "rmf_obs23523.fits")
    >>> rmf.matrix.shape, rmf.first_channel, rmf.base_source
    ((80, 80), 0, 'TLMIN4 of F_CHAN')
    """
    source = locate(path)
    tables = read_tables(source)
    matrices = find_tables(source, tables, _NAMES, "RESPONSE", ["RSP_MATRIX"])
    bounds = [table for table in tables if table.name == "EBOUNDS"] or [
        table for table in tables if table.text_of("HDUCLAS2").upper() == "EBOUNDS"
    ]
    if not bounds:
        raise FileFormatError(f"{source}: no extension EBOUNDS; there are {[table.name for table in tables]}")
    if extension is not None:
        if not 1 <= extension <= len(matrices):
            raise FileFormatError(f"{source}: no matrix {extension}; there are {len(matrices)}")
        matrices = matrices[extension - 1 : extension]
    with np.errstate(all="ignore"):
        parts = [_read_matrix(table, _bounds_of(table, bounds)) for table in matrices]
    result = parts[0]
    for part in parts[1:]:
        result = add_matrices(result, part)
    return result


def _bounds_of(table: FitsTable, bounds: list[FitsTable]) -> FitsTable:
    """Return the channels of a matrix: the table after it, where there are several."""
    return next((one for one in bounds if one.number > table.number), bounds[-1]) if len(bounds) > 1 else bounds[0]


def _read_matrix(table: FitsTable, bounds: FitsTable) -> RedistributionMatrix:
    """Return the matrix of one extension."""
    remarks = Remarks()
    low, high = energies(table, "ENERG_LO", "ENERG_HI", remarks)
    ebounds = read_ebounds(bounds, remarks)
    base, base_source = _channel_base(table, bounds, ebounds, remarks)
    ebounds = _labelled(bounds, ebounds, base, remarks)
    n_channels = ebounds.channel.size
    detchans = table.number_of("DETCHANS")
    if detchans is not None and detchans != n_channels:
        remarks.assume(f"{table.label}: DETCHANS = {detchans:g}, but EBOUNDS has {n_channels} channels, which are used")
    if low.size * n_channels * 8 > _LARGEST:
        raise table.error(f"a matrix of {low.size} energies and {n_channels} channels is too large to hold in memory")
    matrix = _decode(table, base, n_channels, remarks)
    contains_area, area_source = _area(table, matrix, remarks)
    if contains_area and table.unit("MATRIX"):
        matrix *= scale_to("cm2", table, "MATRIX", remarks)
    header, name = table.passenger_header(), table.name
    return RedistributionMatrix(
        low, high, matrix, ebounds, base, base_source, contains_area, area_source, table.path, name, header, remarks()
    )


def _channel_base(table: FitsTable, bounds: FitsTable, ebounds: EnergyBounds, remarks: Remarks) -> tuple[int, str]:
    """Return the label of the first channel, and how it was found."""
    for where, name in ((table, "F_CHAN"), (bounds, "CHANNEL")):
        if not where.has(name):
            continue
        keyword = f"TLMIN{where.column_number(name)}"
        value = where.number_of(keyword)
        if value is None:
            continue
        if value != int(value) or abs(value) > 2**31:
            raise where.error(f"keyword {keyword} = {value!r} must be the number of the first channel")
        return int(value), f"{keyword} of {name}" + ("" if where is table else f" in {bounds.name}")
    if bounds.has("CHANNEL"):
        return int(ebounds.channel[0]), f"first CHANNEL of {bounds.name} (no TLMIN)"
    remarks.assume(f"{table.label}: neither TLMIN nor channel labels; the first channel is taken to be 1")
    return 1, "assumed, because there is neither TLMIN nor a CHANNEL column"


def _labelled(bounds: FitsTable, ebounds: EnergyBounds, base: int, remarks: Remarks) -> EnergyBounds:
    """Return the bounds with labels that count up from ``base``."""
    expected = np.arange(base, base + ebounds.channel.size, dtype=np.int64)
    if np.array_equal(ebounds.channel, expected):
        return ebounds
    if bounds.has("CHANNEL"):
        remarks.assume(
            f"{bounds.label}: CHANNEL holds {ebounds.channel[0]} to {ebounds.channel[-1]}, which contradicts the first "
            f"channel {base}; rows are taken in order, as channels {base} to {expected[-1]}"
        )
    return replace(ebounds, channel=expected)


def _decode(table: FitsTable, base: int, n_channels: int, remarks: Remarks) -> Floats:
    """Return the dense matrix of a table of groups of adjacent channels, shape (n_rows, n_channels)."""
    n_rows = table.n_rows
    n_groups = _integers(table, "N_GRP", table.numbers("N_GRP"))
    if np.any(n_groups < 0):
        raise table.error(f"column N_GRP is negative in row {int(np.flatnonzero(n_groups < 0)[0]) + 1}")
    first = _integers(table, "F_CHAN", _leading(table, "F_CHAN", n_groups))
    length = _integers(table, "N_CHAN", _leading(table, "N_CHAN", n_groups))
    row_of_group = np.repeat(np.arange(n_rows), n_groups)
    if first.size and table.is_short_integer("F_CHAN") and first.min() < 0:
        # 16 bits are too few for the channels of high resolution instruments.
        remarks.note(f"{table.label}: F_CHAN overflows its 16 bits; unwrapped")
        first = np.where(first < 0, first + 2**16, first)
    column = first - base
    wrong = (length < 0) | ((length > 0) & ((column < 0) | (column + length > n_channels)))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise table.error(
            f"columns F_CHAN, N_CHAN, row {row_of_group[i] + 1}: {length[i]} channels from {first[i]} do not lie in "
            f"the {n_channels} channels from {base} on"
        )
    per_row = np.bincount(row_of_group, weights=length, minlength=n_rows).astype(np.int64)
    values = _leading(table, "MATRIX", per_row)
    if not np.all(np.abs(values) <= ABSURD):
        raise table.error("column MATRIX holds values that are not finite, or absurdly large")
    if values.size and values.min() < 0:
        remarks.assume(f"{table.label}: column MATRIX holds negative values, down to {values.min():g}")
    total = int(length.sum())
    offset = np.arange(total) - np.repeat(np.cumsum(length) - length, length)
    flat = np.repeat(row_of_group * n_channels + column, length) + offset
    # Groups that overlap add up.
    dense: Floats = np.bincount(flat, weights=values, minlength=n_rows * n_channels).astype(np.float64, copy=False)
    return dense.reshape((n_rows, n_channels))


def _integers(table: FitsTable, name: str, values: NDArray[np.float64]) -> Integers:
    """Return the values of a column of integers."""
    if not np.isfinite(values).all() or np.any(np.abs(values) > 2**40) or np.any(values != np.rint(values)):
        raise table.error(f"column {name} must hold integers")
    return values.astype(np.int64)


def _leading(table: FitsTable, name: str, wanted: Integers) -> Floats:
    """Return the first ``wanted[i]`` numbers of each row ``i`` of a column, one after the other.

    Columns come as one number a row, as vectors padded to the longest row, or with variable length.
    """
    values = table.raw(name)
    if isinstance(values, Ragged):
        flat, start, length = values.values, values.start, values.length
    else:
        if values.dtype.kind in "SU":
            raise table.error(f"column {name} must hold numbers")
        width = values.size // max(table.n_rows, 1)
        flat, start = values.reshape(-1), np.arange(table.n_rows) * width
        length = np.full(table.n_rows, width)
    short = wanted > length
    if short.any():
        row = int(np.flatnonzero(short)[0])
        raise table.error(f"column {name}, row {row + 1}: {wanted[row]} values are announced, {length[row]} are there")
    total = int(wanted.sum())
    within = np.arange(total) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    return flat[np.repeat(start, wanted) + within].astype(np.float64)


def _area(table: FitsTable, matrix: Floats, remarks: Remarks) -> tuple[bool, str]:
    """Return whether the matrix contains the effective area, and how that was found."""
    hduclas3 = table.text_of("HDUCLAS3").upper()
    largest = float(matrix.sum(axis=1).max(initial=0.0))
    area_like = largest > 1.5
    if hduclas3 == "FULL":
        if not area_like:
            remarks.note(f"{table.label}: HDUCLAS3 = FULL although no row adds up to more than {largest:.3g}")
        return True, "HDUCLAS3 = FULL"
    if hduclas3 in {"REDIST", "DETECTOR"} and not area_like:
        return False, f"HDUCLAS3 = {hduclas3}"
    named = "SPECRESP" in table.name or "SPECTRESP" in table.name
    if area_like and (named or not hduclas3):
        return True, f"rows add up to as much as {largest:.3g}"
    if area_like:
        remarks.assume(
            f"{table.label}: HDUCLAS3 = {hduclas3}, but rows add up to as much as {largest:.3g}; it is taken to be "
            "free of effective area, as the keyword says"
        )
        return False, f"HDUCLAS3 = {hduclas3}, against row sums up to {largest:.3g}"
    return False, f"rows add up to at most {largest:.3g}"


def add_matrices(one: RedistributionMatrix, other: RedistributionMatrix) -> RedistributionMatrix:
    """Return the sum of two matrices with the same channels.

    Energy bins of the second may be wider, if those of the first fit into them.

    Raises
    ------
    FileFormatError
        If the matrices do not fit together.
    """
    if one.matrix.shape[1] != other.matrix.shape[1]:
        raise FileFormatError(
            f"{one.path}: matrices with different channels; read them one by one with extension=1, 2, ..."
        )
    if one.contains_area != other.contains_area:
        raise FileFormatError(f"{one.path}: of several matrices only some contain the area; pass extension=1 or more")
    spread = _nested_rows(one, other)
    note = f"{one.path}: matrices {one.extension} and {other.extension} added"
    return replace(one, matrix=one.matrix + other.matrix[spread], notes=(*one.notes, *other.notes, note))


def _nested_rows(one: RedistributionMatrix, other: RedistributionMatrix) -> Integers:
    """Return the row of ``other`` that contains each energy bin of ``one``."""
    low, high = other.energy_lo, other.energy_hi
    order = np.argsort(low)
    row = order[np.clip(np.searchsorted(low[order], (one.energy_lo + one.energy_hi) / 2) - 1, 0, low.size - 1)]
    slack = 1e-4 * one.energy_hi
    inside = (low[row] <= one.energy_lo + slack) & (high[row] >= one.energy_hi - slack)
    if not inside.all():
        raise FileFormatError(
            f"{one.path}: the matrices {one.extension} have energy bins that do not fit into each other; read them one "
            "by one with extension=1, 2, ..."
        )
    return row
