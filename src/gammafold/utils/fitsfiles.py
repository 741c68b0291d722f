"""Opening FITS files: whatever is wrong with one, the error names it."""

from __future__ import annotations

import gzip
import io
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import make_path

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["is_fits", "one_line", "open_fits"]

# How gzipped files start.
_GZIP = b"\x1f\x8b"


def is_fits(filename: str | os.PathLike[str]) -> bool:
    """Return True if a file, gzipped or not, starts as FITS files do.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    path = make_path(filename)
    try:
        with path.open("rb") as stream:
            start = stream.read(6)
        if start[:2] == _GZIP:
            with gzip.open(path) as unzipped:
                start = unzipped.read(6)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"cannot read {path}: {error}") from error
    return start == b"SIMPLE"


@contextmanager
def open_fits(filename: str | os.PathLike[str], checksum: bool = False) -> Iterator[fits.HDUList]:
    """Give the extensions of a FITS file, and turn what goes wrong with them into one error.

    Parameters
    ----------
    filename : path-like
        File, compressed or not.
    checksum : bool
        Verify the checksums in the headers. Default: False.

    Raises
    ------
    FileFormatError
        If the file is missing, truncated or damaged, or if the code that reads the extensions says so; the message
        names the file.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    path = make_path(filename)
    try:
        with warnings.catch_warnings():
            # A header that astropy cannot read would end the file for it: what follows must not be lost in silence.
            flaws = ".*(truncated|verification failed|Error validating header)"
            warnings.filterwarnings("error", message=flaws, category=AstropyUserWarning)
            # The stream is closed whatever happens: astropy leaves its own open when opening fails half-way.
            with _stream(path) as stream, fits.open(stream, memmap=False, checksum=checksum) as hdulist:
                # Extensions are found one after the other: this reaches the end of the file.
                len(hdulist)
                yield hdulist
    except FileFormatError as error:
        if str(path) in str(error):
            raise
        raise FileFormatError(f"cannot read {path}: {error}") from error
    except (OSError, EOFError, zlib.error, TypeError, KeyError, fits.VerifyError, AstropyUserWarning) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise FileFormatError(f"cannot read {path}: {reason}") from error


def one_line(error: Exception) -> str:
    """Return what an error says without line breaks."""
    return " ".join(str(error).split())


class _Unpacked(io.BytesIO):
    """The content of a compressed file, under its name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def _stream(path: Path) -> BinaryIO:
    """Return a file opened for reading; a gzipped one is unpacked: astropy does not notice where its end is missing."""
    stream = path.open("rb")
    magic = stream.read(2)
    stream.seek(0)
    if magic != _GZIP:
        return stream
    with stream:
        return _Unpacked(gzip.decompress(stream.read()), str(path))
