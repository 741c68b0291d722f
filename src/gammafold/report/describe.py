"""What is in a file, in words, tables and a quick plot.

Each kind of file has a function that describes it; `describe` finds the kind and calls that function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import make_path
from gammafold.utils.fitsfiles import is_fits

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["Description", "describe"]


_TEXT = (".yaml", ".yml", ".ecsv")


@dataclass(frozen=True)
class Description:
    """A file described.

    Attributes
    ----------
    kind : str
        What it is, in a few words.
    parts : tuple of str and Table
        Lines and tables.
    plot : callable or None
        Draws a new figure; None where there is nothing to draw.
    """

    kind: str
    parts: tuple[str | Table, ...]
    plot: Callable[[], Figure] | None = None


def describe(filename: str | Path) -> Description:
    """Return what is in a FITS, YAML or ECSV file.

    Raises
    ------
    FileFormatError
        If the file is missing or damaged, or of none of these forms.

    Examples
    --------
    >>> from gammafold.samples import sample_files
    >>> describe(sample_files("crab-hess")[0]).kind
    'OGIP spectrum (PHA) with background, exposure and energy dispersion'
    """
    from gammafold.report import describe_fits, describe_text

    path = make_path(filename)
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder: expected a file")
    if not path.is_file():
        raise FileFormatError(f"no such file: {path}")
    if not (path.suffix in _TEXT or is_fits(path)):
        raise FileFormatError(f"{path} is neither FITS nor YAML nor ECSV: gammafold reads nothing else")
    endings: dict[str, Callable[[Path], Any]] = {
        ".yaml": describe_text.yaml_file,
        ".yml": describe_text.yaml_file,
        ".ecsv": describe_text.ecsv_file,
    }
    description: Description = endings.get(path.suffix, describe_fits.fits_file)(path)
    return description
