"""Stacked spectra: what went in, and the files of the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from gammafold.datasets.ogip_write import write_onoff
from gammafold.report.files import plain, plain_rows, write_figure, write_json, write_table
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.datasets import Datasets

__all__ = ["require_file_name", "stack_table", "write_stack"]

# What a table of observations tells, of all that `info_dict` knows.
COLUMNS = ("counts", "counts_off", "alpha", "background", "excess", "sqrt_ts", "livetime", "ontime")


def require_file_name(name: str) -> None:
    """Raise an error unless a name can be a part of the name of a file.

    Raises
    ------
    InputError
        If it is empty, or has a separator of folders.
    """
    if not name.strip() or Path(name).name != name:
        raise InputError(f"the name {name!r} cannot be a part of a file name: leave out separators")


def stack_table(datasets: Datasets) -> Table:
    """Return a row for each dataset: its name, and what the stack of all up to it holds.

    How excess and significance grow with time shows whether a source is steady.
    """
    table = datasets.info_table(cumulative=True)[list(COLUMNS)]
    table.add_column(list(datasets.names), name="added", index=0)
    return table


def write_stack(stacked: Any, members: Table, folder: Path) -> list[Path]:
    """Write a stack as OGIP files, its members as ECSV and JSON, and a figure as PNG; return the paths."""
    written = write_onoff(stacked, folder / f"pha_{stacked.name}.fits", overwrite=True)
    info = {key: plain(value) for key, value in stacked.info_dict().items() if key != "name"}
    content = {"name": stacked.name, "stack": info, "observations": plain_rows(members)}
    written += [
        write_table(members, folder / f"{stacked.name}.ecsv"),
        write_json(content, folder / f"{stacked.name}.json"),
    ]
    figure = plt.figure(figsize=(15, 4.2))
    stacked.peek(figure)
    figure.suptitle(f"{stacked.name}: {len(members)} spectra")
    return [*written, write_figure(figure, folder / f"{stacked.name}.png")]
