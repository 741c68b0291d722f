"""The files that belong to a spectrum: found beside it, plain or gzipped."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import make_path

__all__ = ["is_unset", "locate", "resolve", "split_row"]

_ROW = re.compile(r"(.+?)(?:\{(\d+)\}|\[(\d+)\])")


def is_unset(name: str | None) -> bool:
    """Whether a file keyword says that there is no file: blank or "none" in any case.

    Examples
    --------
    >>> is_unset("NONE"), is_unset("src.arf")
    (True, False)
    """
    return name is None or name.strip().lower() in {"", "none"}


def locate(path: str | os.PathLike[str]) -> Path:
    """Return the path of an existing file, which may have been gzipped since it was named.

    Raises
    ------
    FileFormatError
        If neither ``path`` nor ``path.gz`` exists.
    """
    source = make_path(path)
    found = _existing(source)
    if found is None:
        raise FileFormatError(f"no such file: {source} (nor {source.name}.gz)")
    return found


def resolve(name: str, beside: Path | None) -> Path | None:
    """Return the file that a keyword names, or None where it does not exist.

    It is looked for in the folder of the spectrum first, then in the working directory, then, where the keyword
    holds a path of the machine that wrote it, by its bare name in the folder of the spectrum.

    Parameters
    ----------
    name : str
        Value of ``BACKFILE``, ``RESPFILE`` or ``ANCRFILE``, with or without a row such as ``{2}``.
    beside : `~pathlib.Path` or None
        The file that holds the keyword.
    """
    base, row = split_row(name.strip())
    try:
        named = make_path(base)
    except RuntimeError:
        # "~someone" of the machine that wrote the file.
        return None
    folder = Path() if beside is None else beside.parent
    for candidate in (folder / named, named, folder / named.name):
        found = _existing(candidate)
        if found is not None:
            return found if row is None else found.with_name(f"{found.name}{{{row}}}")
    return None


def split_row(name: str | os.PathLike[str]) -> tuple[str, int | None]:
    """Return a file name and the number of the spectrum that is selected in it.

    Examples
    --------
    >>> split_row("spectra.pha{3}"), split_row("spectrum.pha")
    (('spectra.pha', 3), ('spectrum.pha', None))
    """
    text = os.fspath(name)
    match = _ROW.fullmatch(text)
    if match is None or _existing(Path(text)) is not None:
        return text, None
    return match[1], int(match[2] or match[3])


def _existing(path: Path) -> Path | None:
    """Return ``path``, or ``path.gz``, if it is a file."""
    try:
        for candidate in (path, path.with_name(f"{path.name}.gz")):
            if candidate.is_file():
                return candidate
    except (OSError, ValueError):
        # A damaged keyword can hold a name that no file system accepts.
        return None
    return None
