"""Flags, scale factors and systematic errors of the channels of a spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.fitstable import ABSURD, FitsTable
from gammafold.data.ogip.model import Floats
from gammafold.data.ogip.quantities import Remarks, Row

__all__ = ["grouping", "not_negative", "quality", "scale", "sys_error"]

_QUALITIES = (-1, 0, 1, 2, 3, 4, 5)


def not_negative(table: FitsTable, name: str, values: Floats) -> Floats:
    """Return finite values that are not negative."""
    table.require_finite(name, values)
    if np.any(values < 0):
        raise table.error(f"{name} is negative: {values.min():g}")
    return np.array(values)


def sys_error(row: Row) -> Floats:
    """Return the fractional systematic errors."""
    values = row.per_channel("SYS_ERR")
    return np.zeros(row.n_channels) if values is None else not_negative(row.table, "SYS_ERR", values)


def quality(row: Row, remarks: Remarks) -> NDArray[np.int16]:
    """Return the flags of quality: zero where nothing is said."""
    values = row.per_channel("QUALITY")
    if values is None:
        return np.zeros(row.n_channels, np.int16)
    row.table.require_finite("QUALITY", values)
    known = np.isin(values, _QUALITIES)
    if not known.all():
        remarks.assume(f"{row.table.label}: QUALITY holds flags that OGIP does not define; taken as bad")
        values = np.where(known, values, 5)
    if np.all(values != 0):
        # A run may have no good energy at all, and its file says so: a remark, but no warning.
        remarks.note(f"{row.table.label}: QUALITY flags every channel; all are masked, and nothing is left to fit")
    return values.astype(np.int16)


def grouping(row: Row, remarks: Remarks) -> NDArray[np.int16] | None:
    """Return the flags of grouping, or None where no channels are grouped."""
    values = row.column("GROUPING")
    if values is None or values.ndim == 0:
        keyword = row.scalar("GROUPING")
        if keyword:
            remarks.assume(f"{row.table.label}: keyword GROUPING = {keyword:g} has no meaning; no grouping")
        return None
    flags = row.per_channel("GROUPING")
    if flags is None or not np.isin(flags, (-1, 0, 1)).all():
        raise row.table.error("column GROUPING must hold 1, -1 and 0 only")
    if np.all(flags >= 0):
        return None
    if flags[0] == -1:
        remarks.assume(f"{row.table.label}: GROUPING starts with -1; a bin is taken to start at the first channel")
        flags = np.concatenate([[1.0], flags[1:]])
    return flags.astype(np.int16)


def scale(row: Row, name: str, remarks: Remarks) -> Floats:
    """Return a scale factor per channel; zero where there is none to divide by."""
    values = row.per_channel(name)
    if values is None:
        text = f"{row.table.label}: no {name}; 1 assumed"
        if name == "AREASCAL":
            remarks.note(text)
        else:
            remarks.assume(text)
        return np.ones(row.n_channels)
    if np.any(values < 0):
        raise row.table.error(f"{name} is negative: {np.nanmin(values):g}")
    bad = ~(values <= ABSURD)
    if bad.any():
        remarks.assume(f"{row.table.label}: {name} is not finite in {bad.sum()} channels; they are masked")
    elif np.all(values == 0):
        remarks.assume(f"{row.table.label}: {name} = 0 in every channel; all are masked, and nothing is left to fit")
    elif np.any(values == 0):
        remarks.note(f"{row.table.label}: {name} = 0 in {np.sum(values == 0)} channels; they are masked")
    return np.where(bad, 0.0, values)
