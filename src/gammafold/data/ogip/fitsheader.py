"""Bytes and headers of a FITS file (standard 4.0, Pence et al. 2010, A&A 524, A42, sections 3 and 4)."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gammafold.utils.errors import FileFormatError, GammafoldWarning

__all__ = ["BLOCK", "extensions", "layout_integer", "read_bytes"]

BLOCK = 2880
_CARD = 80


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, gunzipped."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is truncated or damaged: {error}") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error


def extensions(path: Path, data: bytes) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Give header, first and last byte of the data of each HDU."""
    position, number = 0, 0
    while position < len(data):
        if number and data[position : position + 8] != b"XTENSION":
            if data[position:].strip(b"\0 "):
                warnings.warn(
                    f"{path}: {len(data) - position} bytes after extension {number - 1} are no FITS extension; ignored",
                    GammafoldWarning,
                    stacklevel=4,
                )
            return
        header, position = _read_header(path, number, data, position)
        size = _data_size(path, number, header)
        if position + size > len(data):
            name = header.get("EXTNAME", number)
            raise FileFormatError(
                f"{path}[{name}] is truncated: its header announces {size} bytes of data, the file holds "
                f"{max(len(data) - position, 0)}"
            )
        yield header, position, position + size
        position += -(-size // BLOCK) * BLOCK
        number += 1


def _read_header(path: Path, number: int, data: bytes, position: int) -> tuple[dict[str, Any], int]:
    """Return the keywords of the header at ``position``, and where its data start."""
    header: dict[str, Any] = {}
    last = ""
    for start in range(position, len(data) - _CARD + 1, _CARD):
        card = data[start : start + _CARD].decode("latin-1")
        key = card[:8].rstrip()
        if key == "END":
            used = start + _CARD - position
            return header, position + -(-used // BLOCK) * BLOCK
        if card[8:10] == "= ":
            header[key] = _value(card[10:])
            last = key
        elif key == "CONTINUE" and isinstance(header.get(last), str) and header[last].endswith("&"):
            header[last] = header[last][:-1] + str(_value(card[10:]))
        elif key == "HIERARCH" and "=" in card:
            name, _, text = card[8:].partition("=")
            header[name.strip()] = _value(text)
    raise FileFormatError(f"{path}: the header of extension {number} has no END (truncated or damaged file)")


def _value(text: str) -> Any:
    """Return the value of a card: bool, int, float or str (the raw text where it is none of them)."""
    text = text.strip()
    if text[:1] == "'":
        stop = 1
        while (stop := text.find("'", stop)) >= 0 and text[stop : stop + 2] == "''":
            stop += 2
        return text[1 : stop if stop >= 0 else None].replace("''", "'").rstrip()
    text = text.partition("/")[0].rstrip()
    if text in {"T", "F"}:
        return text == "T"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace("D", "E").replace("d", "e"))
    except ValueError:
        return text


def layout_integer(where: str, header: dict[str, Any], keyword: str, default: int | None = None) -> int:
    """Return a keyword that describes the layout and must be a natural number."""
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FileFormatError(f"{where}: keyword {keyword} = {value!r} must be a natural number")
    return value


def _data_size(path: Path, number: int, header: dict[str, Any]) -> int:
    """Return the number of bytes of data of an HDU, without padding."""
    where = f"{path}[{header.get('EXTNAME', number)}]"
    n_axes = layout_integer(where, header, "NAXIS")
    if n_axes == 0:
        return 0
    if n_axes > 999:
        raise FileFormatError(f"{where}: keyword NAXIS = {n_axes} is more than 999")
    bits = header.get("BITPIX")
    if bits not in {8, 16, 32, 64, -32, -64} or isinstance(bits, float):
        raise FileFormatError(f"{where}: keyword BITPIX = {bits!r} must be 8, 16, 32, 64, -32 or -64")
    size = 1
    for axis in range(1, n_axes + 1):
        size *= layout_integer(where, header, f"NAXIS{axis}")
    extra = layout_integer(where, header, "PCOUNT", 0)
    groups = layout_integer(where, header, "GCOUNT", 1)
    return abs(bits) // 8 * groups * (extra + size)
