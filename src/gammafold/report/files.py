"""Numbers, tables and figures written to files, each complete or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.utils.files import atomic_path

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.figure import Figure

__all__ = ["plain", "plain_rows", "write_figure", "write_json", "write_table"]


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numbers that are not finite become None, quantities lose their unit.

    Examples
    --------
    >>> plain({"counts": np.int64(3), "limit": float("nan"), "bins": np.arange(2)})
    {'counts': 3, 'limit': None, 'bins': [0, 1]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "unit"):
        return plain(value.value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain_rows(table: Table) -> dict[str, Any]:
    """Return a table as plain "rows", one dict each, and the "units" of its columns."""
    units = {name: table[name].unit.to_string() for name in table.colnames if table[name].unit}
    rows = [{name: plain(table[name][i]) for name in table.colnames} for i in range(len(table))]
    return {"units": units, "rows": rows}


def write_json(content: Any, path: Path) -> Path:
    """Write plain values to a JSON file, replacing it, and return its path."""
    with atomic_path(path, overwrite=True) as temporary:
        text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def write_table(table: Table, path: Path) -> Path:
    """Write a table to an ECSV file, replacing it, and return its path."""
    with atomic_path(path, overwrite=True) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    return path


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to a PNG file, replacing it, close the figure, and return the path."""
    import matplotlib.pyplot as plt

    with atomic_path(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=150, bbox_inches="tight", format="png")
    plt.close(figure)
    return path
