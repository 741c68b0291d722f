"""Binary tables of a FITS file as plain arrays: only what OGIP files need, and quick.

A general FITS reader builds objects for every card and column, which costs more than all the numbers of a typical
spectrum. Here a file is read once, headers become dicts, and a column is a view on its bytes until someone asks
for it. Whatever is wrong with a file ends in one `FileFormatError` that names the file, the extension and the
keyword or column. The layout is that of the FITS standard 4.0 (Pence et al. 2010, A&A 524, A42), section 7.3.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.fitsheader import BLOCK, extensions, layout_integer, read_bytes
from gammafold.data.ogip.model import RawTable
from gammafold.utils.errors import FileFormatError, GammafoldWarning

__all__ = ["ABSURD", "FitsTable", "Ragged", "read_tables"]

# No energy in keV, area in cm2, time in s or number of counts is larger than this.
ABSURD = 1e30
_FORM = re.compile(r"\s*(\d*)\s*([PQ]?)([LXBIJKAEDCM])(.*)")
_DTYPES = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "A": "S1", "E": ">f4", "D": ">f8"}
_WIDTHS = {"C": 8, "M": 16}
_LAYOUT = re.compile(
    r"XTENSION|SIMPLE|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|EXTEND|END|CHECKSUM|DATASUM|CONTINUE|COMMENT|HISTORY|"
    r"(TTYPE|TFORM|TUNIT|TNULL|TSCAL|TZERO|TDIM|TDISP|TLMIN|TLMAX|TDMIN|TDMAX)\d+"
)


@dataclass(frozen=True, eq=False, slots=True)
class Ragged:
    """Rows of different lengths: row ``i`` is ``values[start[i] : start[i] + length[i]]``."""

    values: NDArray[Any]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the numbers of a column lie in a row, and how they are written."""

    number: int
    name: str
    offset: int
    repeat: int
    code: str
    pointer: str


@dataclass(frozen=True, eq=False, slots=True)
class FitsTable:
    """A binary table of a file.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file, for messages.
    number : int
        Position of the extension in the file.
    name : str
        ``EXTNAME`` in capitals; empty where there is none.
    header : dict
        All keywords, strings without trailing blanks.
    """

    path: Path
    number: int
    name: str
    header: dict[str, Any]
    n_rows: int
    _width: int
    _rows: NDArray[np.uint8] = field(repr=False)
    _heap: NDArray[np.uint8] = field(repr=False)
    _columns: dict[str, _Column] = field(repr=False)

    @property
    def label(self) -> str:
        """The file and extension, as messages name them."""
        return f"{self.path}[{self.name or self.number}]"

    def error(self, what: str) -> FileFormatError:
        """Return the error to raise about this extension."""
        return FileFormatError(f"{self.label}: {what}")

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in capitals."""
        return list(self._columns)

    def has(self, name: str) -> bool:
        """Whether there is a column ``name``."""
        return name in self._columns

    def column_keyword(self, prefix: str, name: str) -> Any:
        """Return a keyword such as ``TLMIN`` of the column ``name``, or None."""
        column = self._columns.get(name)
        return None if column is None else self.header.get(f"{prefix}{column.number}")

    def column_number(self, name: str) -> int:
        """Return the number that the keywords of the column ``name`` end in."""
        return self._columns[name].number

    def is_short_integer(self, name: str) -> bool:
        """Whether the column ``name`` holds integers of 16 bits."""
        return self._columns[name].code == "I"

    def unit(self, name: str) -> str:
        """Return the unit of the column ``name``; empty where there is none."""
        return str(self.column_keyword("TUNIT", name) or "").strip()

    def number_of(self, keyword: str, default: float | None = None) -> float | None:
        """Return a keyword that must hold a finite number; ``default`` where it is missing or blank."""
        value = self.header.get(keyword)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(f"keyword {keyword} = {value!r} is not a finite number")
        return value

    def text_of(self, keyword: str) -> str:
        """Return a keyword as text without surrounding blanks; empty where it is missing."""
        value = self.header.get(keyword)
        return "" if value is None else str(value).strip()

    def raw(self, name: str, allow_null: bool = False) -> NDArray[Any] | Ragged:
        """Return a column as the file has it, scaled by ``TSCAL`` and ``TZERO``.

        Undefined integers (``TNULL``) are refused unless ``allow_null``.

        Returns
        -------
        values : `~numpy.ndarray` or Ragged
            Shape (n_rows,), or (n_rows, repeat); `Ragged` for columns of variable length.
        """
        column = self._columns.get(name)
        if column is None:
            raise self.error(f"no column {name}; there are {self.column_names}")
        if column.pointer:
            return self._ragged(column)
        if column.code not in _DTYPES:
            raise self.error(f"column {name} has format {column.code}, which is not a number")
        size = np.dtype(_DTYPES[column.code]).itemsize * column.repeat
        cells = np.ascontiguousarray(self._rows[:, column.offset : column.offset + size])
        if column.code == "A":
            text = cells.tobytes()
            parts = [text[i * size : (i + 1) * size] for i in range(self.n_rows)]
            return np.array([part.split(b"\0")[0].decode("latin-1").rstrip() for part in parts], dtype=str)
        values = self._scaled(column, cells.view(_DTYPES[column.code]).reshape(-1), allow_null)
        return values if column.repeat == 1 else values.reshape(self.n_rows, column.repeat)

    def _scaled(self, column: _Column, values: NDArray[Any], allow_null: bool) -> NDArray[Any]:
        """Return the numbers in native byte order, ``TSCAL`` and ``TZERO`` applied."""
        if column.code == "L":
            return values == b"T"
        values = values.astype(values.dtype.newbyteorder("="))
        null = self.number_of(f"TNULL{column.number}")
        if null is not None and not allow_null and values.dtype.kind in "iu" and np.any(values == null):
            raise self.error(f"column {column.name} has undefined values (TNULL = {null:g})")
        scale = self.number_of(f"TSCAL{column.number}", 1)
        zero = self.number_of(f"TZERO{column.number}", 0)
        if scale == 1 and zero == 0:
            return values
        if scale == 1 and zero == int(zero or 0) and values.dtype.kind in "iu" and abs(zero or 0) < 2**62:
            return values.astype(np.int64) + int(zero or 0)
        return values * float(scale or 0) + float(zero or 0)

    def _ragged(self, column: _Column) -> Ragged:
        """Return a column of variable length."""
        width = 16 if column.pointer == "Q" else 8
        kind = ">i8" if column.pointer == "Q" else ">i4"
        cells = np.ascontiguousarray(self._rows[:, column.offset : column.offset + width])
        length, start = cells.view(kind).astype(np.int64).reshape(-1, 2).T
        if column.code not in _DTYPES or column.code == "A":
            raise self.error(f"column {column.name} has format {column.pointer}{column.code}, which is not a number")
        size = np.dtype(_DTYPES[column.code]).itemsize
        beyond = (length < 0) | ((length > 0) & ((start < 0) | (start > self._heap.size - length * size)))
        beyond |= length > self._heap.size
        if np.any(beyond):
            row = int(np.flatnonzero(beyond)[0])
            raise self.error(
                f"column {column.name}, row {row + 1}: {length[row]} values at byte {start[row]} do not lie in the "
                f"heap of {self._heap.size} bytes (truncated or damaged file)"
            )
        used = np.flatnonzero(length)
        if used.size and np.all(start[used] % size == start[used[0]] % size):
            shift = int(start[used[0]] % size)
            heap = self._heap[shift : shift + (self._heap.size - shift) // size * size]
            values, first = heap.view(_DTYPES[column.code]), (start - shift) // size
        else:
            # Some writers pack columns of different widths without aligning them.
            pieces = [self._heap[start[i] : start[i] + length[i] * size] for i in used]
            values = np.concatenate([*pieces, np.empty(0, np.uint8)]).view(_DTYPES[column.code])
            first = np.cumsum(length) - length
        first = np.where(length > 0, first, 0)
        return Ragged(self._scaled(column, values, allow_null=False), first, length)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of one number a row as float64, shape (n_rows,); NaN and infinity are refused."""
        values = self.raw(name)
        if isinstance(values, Ragged) or values.ndim != 1 or values.dtype.kind in "SU":
            raise self.error(f"column {name} must hold one number per row")
        result = values.astype(np.float64)
        self.require_finite(name, result)
        return result

    def require_finite(self, name: str, values: NDArray[np.float64]) -> None:
        """Raise `FileFormatError` where a column holds NaN, infinity or numbers whose products would overflow."""
        wrong = ~(np.abs(values) <= ABSURD)
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            kind = "absurdly large" if np.isfinite(values[row]).all() else "not finite"
            raise self.error(f"column {name} is {kind}: {values[row]} in row {row + 1}")

    def passenger_header(self) -> dict[str, Any]:
        """Return the keywords that are not about the layout of the table."""
        return {key: value for key, value in self.header.items() if not _LAYOUT.fullmatch(key)}

    def carried(self) -> RawTable:
        """Return the table as it is, columns of variable length left out."""
        names = [name for name, one in self._columns.items() if not one.pointer and one.code in _DTYPES]
        units = {name: self.unit(name) for name in names if self.unit(name)}
        columns = {name: value for name in names if isinstance(value := self.raw(name, True), np.ndarray)}
        return RawTable(self.name, columns, units, self.passenger_header())


def read_tables(path: Path) -> list[FitsTable]:
    """Read a FITS file and return its binary tables, in order.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file, plain or gzipped (found by content, not by name).

    Raises
    ------
    FileFormatError
        If the file is missing, is not FITS or is truncated.
    """
    data = read_bytes(path)
    if data[:10] != b"SIMPLE  = ":
        raise FileFormatError(f"{path} is not a FITS file: it starts with {data[:10]!r} instead of 'SIMPLE  ='")
    tables = []
    for number, (header, start, stop) in enumerate(extensions(path, data)):
        if header.get("XTENSION") == "BINTABLE":
            tables.append(_table(path, number, header, data, start, stop))
    return tables


def _table(path: Path, number: int, header: dict[str, Any], data: bytes, start: int, stop: int) -> FitsTable:
    """Return a binary table whose data are ``data[start:stop]``."""
    name = str(header.get("EXTNAME", "")).strip().upper()
    where = f"{path}[{name or number}]"
    if header.get("NAXIS") != 2 or header.get("BITPIX") != 8 or header.get("GCOUNT", 1) != 1:
        raise FileFormatError(f"{where}: a table must have NAXIS = 2, BITPIX = 8 and GCOUNT = 1")
    width = layout_integer(where, header, "NAXIS1")
    n_rows = layout_integer(where, header, "NAXIS2")
    columns = _columns(where, header, width)
    theap = layout_integer(where, header, "THEAP", width * n_rows)
    bytes_ = np.frombuffer(data, np.uint8, stop - start, start)
    rows = bytes_[: width * n_rows].reshape(n_rows, width)
    if width == 0 and n_rows > 0:
        raise FileFormatError(f"{where}: keyword NAXIS1 = 0 with NAXIS2 = {n_rows} rows")
    _check_sums(where, header, data, start, stop)
    return FitsTable(path, number, name, header, n_rows, width, rows, bytes_[theap:], columns)


def _columns(where: str, header: dict[str, Any], width: int) -> dict[str, _Column]:
    """Return the columns that the header describes, by name in capitals."""
    n_fields = layout_integer(where, header, "TFIELDS")
    if n_fields > 999:
        raise FileFormatError(f"{where}: keyword TFIELDS = {n_fields} is more than 999")
    columns: dict[str, _Column] = {}
    offset = 0
    for number in range(1, n_fields + 1):
        form = header.get(f"TFORM{number}")
        match = _FORM.fullmatch(form) if isinstance(form, str) else None
        if match is None:
            raise FileFormatError(f"{where}: keyword TFORM{number} = {form!r} is no format of a binary table")
        repeat, pointer, code = int(match[1] or 1), match[2], match[3]
        name = str(header.get(f"TTYPE{number}", f"COL{number}")).strip().upper()
        if name in columns:
            raise FileFormatError(f"{where}: two columns are named {name} (TTYPE{columns[name].number}, TTYPE{number})")
        columns[name] = _Column(number, name, offset, repeat, code, pointer)
        offset += _cell_bytes(repeat, pointer, code)
    if offset != width:
        raise FileFormatError(f"{where}: the TFORMn add up to {offset} bytes a row, NAXIS1 says {width}")
    return columns


def _cell_bytes(repeat: int, pointer: str, code: str) -> int:
    """Return the number of bytes of one cell."""
    if pointer:
        return repeat * (16 if pointer == "Q" else 8)
    if code == "X":
        return -(-repeat // 8)
    return repeat * (_WIDTHS[code] if code in _WIDTHS else np.dtype(_DTYPES[code]).itemsize)


def _check_sums(where: str, header: dict[str, Any], data: bytes, start: int, stop: int) -> None:
    """Warn where ``DATASUM`` is given and does not fit (FITS standard 4.0, section 4.4.2.7)."""
    stored = str(header.get("DATASUM", "")).strip()
    if not stored.isdigit():
        return
    block = data[start : start + -(-(stop - start) // BLOCK) * BLOCK]
    words = np.frombuffer(block, ">u4", len(block) // 4)
    total = int(words.sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    if total != int(stored):
        warnings.warn(
            f"{where}: the data do not fit the keyword DATASUM: damaged, or changed without updating it",
            GammafoldWarning,
            stacklevel=6,
        )
