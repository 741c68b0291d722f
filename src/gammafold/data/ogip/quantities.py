"""What all OGIP tables share: quantities that are a keyword or a column, units, channels, remarks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.fitstable import FitsTable, Ragged
from gammafold.data.ogip.model import EnergyBounds, Floats, Integers
from gammafold.utils.errors import FileFormatError, GammafoldWarning

__all__ = ["Remarks", "Row", "energies", "find_tables", "read_ebounds", "scale_to"]

# The spellings that occur in nearly all files, so that no unit has to be parsed for them.
_SCALES = {
    ("keV", "keV"): 1.0,
    ("keV", "kev"): 1.0,
    ("keV", "KEV"): 1.0,
    ("keV", "TeV"): 1e9,
    ("keV", "MeV"): 1e3,
    ("cm2", "cm**2"): 1.0,
    ("cm2", "cm2"): 1.0,
    ("cm2", "cm^2"): 1.0,
    ("cm2", "m2"): 1e4,
}
# XSPEC and Sherpa cannot take a bin that starts at zero either; Sherpa's replacement keeps results comparable.
_TINY_ENERGY = 1e-10


class Remarks:
    """Collects what a reader decides; what it assumes it also warns about."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def note(self, text: str) -> None:
        """Keep a remark that needs no attention."""
        self._texts.append(text)

    def assume(self, text: str) -> None:
        """Keep a remark and warn about it."""
        self._texts.append(text)
        warnings.warn(text, GammafoldWarning, stacklevel=4)

    def extend(self, texts: Iterable[str]) -> None:
        """Keep the remarks of another reader that has warned already."""
        self._texts.extend(text for text in texts if text not in self._texts)

    def __call__(self) -> tuple[str, ...]:
        """Return all remarks so far."""
        return tuple(self._texts)


def find_tables(
    path: Path, tables: list[FitsTable], names: Iterable[str], hduclas1: str, hduclas2: Iterable[str] = ()
) -> list[FitsTable]:
    """Return the tables with one of the names, else those of the class and, where given, subclass.

    Raises
    ------
    FileFormatError
        If there is none.
    """
    wanted = tuple(names)
    found = [table for table in tables if table.name in wanted]
    kinds = tuple(hduclas2)
    found = found or [
        table
        for table in tables
        if table.text_of("HDUCLAS1").upper() == hduclas1
        and (not kinds or table.text_of("HDUCLAS2").upper() in kinds)
        and table.name != "EBOUNDS"
    ]
    if not found:
        present = [table.name or str(table.number) for table in tables]
        kind = f"HDUCLAS1 = {hduclas1}" + (f", HDUCLAS2 in {list(kinds)}" if kinds else "")
        raise FileFormatError(f"{path}: no extension {' or '.join(wanted)}, nor one with {kind}; there are {present}")
    return found


def scale_to(unit: str, table: FitsTable, column: str, remarks: Remarks) -> float:
    """Return the factor that brings a column to ``unit``; a column without unit is taken to be in it."""
    text = table.unit(column)
    if not text:
        remarks.assume(f"{table.label}: column {column} has no unit (TUNIT); {unit} assumed")
        return 1.0
    factor = _SCALES.get((unit, text))
    if factor is not None:
        return factor
    # "m^2", "cm**2" and "photon cm2" all occur; astropy knows the first two as "m2" and "cm2".
    plain = re.sub(r"\bcounts?\b|\bphotons?\b|\bct\b|/", " ", re.sub(r"\^|\*\*", "", text)).strip()
    for spelling in (text, plain):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", u.UnitsWarning)
                return float(u.Unit(spelling).to(unit))
        except (ValueError, TypeError, ArithmeticError, u.UnitConversionError):
            continue
    raise table.error(f"column {column} has unit (TUNIT) {text!r}, which cannot be converted to {unit}")


def energies(table: FitsTable, low: str, high: str, remarks: Remarks) -> tuple[Floats, Floats]:
    """Return the bounds of energy bins in keV, checked.

    Raises
    ------
    FileFormatError
        If a bin is empty, entirely negative or the bins are neither ascending nor descending.
    """
    with np.errstate(all="ignore"):
        bottom = table.numbers(low) * scale_to("keV", table, low, remarks)
        top = table.numbers(high) * scale_to("keV", table, high, remarks)
    table.require_finite(low, bottom)
    table.require_finite(high, top)
    if bottom.size == 0:
        raise table.error(f"column {low} is empty: there are no energy bins")
    if np.all(bottom >= top) and np.any(bottom > top):
        remarks.note(f"{table.label}: {low} lies above {high}; swapped")
        bottom, top = top, bottom
    below = (bottom < 0) & (top > 0)
    if below.any():
        remarks.assume(f"{table.label}: {low} is negative in {below.sum()} rows; taken as 0")
        bottom = np.where(below, 0.0, bottom)
    wrong = (bottom < 0) | (top <= bottom)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise table.error(f"columns {low}, {high}, row {row + 1}: {bottom[row]:g} to {top[row]:g} keV is no energy bin")
    step = np.diff(bottom)
    if not (np.all(step > 0) or np.all(step < 0)):
        row = int(np.flatnonzero(step * (step[0] or 1) <= 0)[0])
        raise table.error(f"column {low} is neither ascending nor descending at row {row + 2}")
    zero = bottom == 0
    if zero.any():
        tiny = min(_TINY_ENERGY, float(top[zero].min()) / 2)
        remarks.note(f"{table.label}: {low} = 0 replaced by {tiny:g} keV")
        bottom = np.where(zero, tiny, bottom)
    return bottom, top


def labels(table: FitsTable, name: str, values: NDArray[np.float64]) -> Integers:
    """Return channel labels as integers."""
    table.require_finite(name, values)
    if np.any(values != np.rint(values)) or np.any(np.abs(values) > 2**53):
        raise table.error(f"column {name} must hold integers")
    return values.astype(np.int64)


def read_ebounds(table: FitsTable, remarks: Remarks) -> EnergyBounds:
    """Return the energies of the channels; labels as in the file (all zero where there is no such column)."""
    low, high = energies(table, "E_MIN", "E_MAX", remarks)
    channel = labels(table, "CHANNEL", table.numbers("CHANNEL")) if table.has("CHANNEL") else np.zeros(low.size, int)
    return EnergyBounds(channel.astype(np.int64), low, high)


class Row:
    """One spectrum of a table: the whole table (type I), or one row of it (type II)."""

    def __init__(self, table: FitsTable, n_channels: int, index: int | None = None) -> None:
        self.table, self.n_channels, self.index = table, n_channels, index

    def column(self, name: str) -> NDArray[Any] | None:
        """Return a column (of one row, in type II), shape (n_channels,) or (), or None where there is none."""
        if not self.table.has(name):
            return None
        values = self.table.raw(name)
        if self.index is None:
            if isinstance(values, Ragged) or values.ndim != 1:
                raise self.table.error(f"column {name} must hold one number per row")
            return values
        if isinstance(values, Ragged):
            start = values.start[self.index]
            values_of_row = values.values[start : start + values.length[self.index]]
        else:
            values_of_row = np.asarray(values[self.index])
        if values_of_row.ndim and values_of_row.size != self.n_channels:
            raise self.table.error(
                f"column {name} has {values_of_row.size} values, there are {self.n_channels} channels"
            )
        return values_of_row

    def per_channel(self, name: str) -> Floats | None:
        """Return a quantity per channel, from the column, else from the keyword, else None."""
        values = self.column(name)
        if values is not None:
            if values.dtype.kind in "SU":
                raise self.table.error(f"column {name} must hold numbers")
            return np.broadcast_to(values.astype(np.float64), self.n_channels)
        value = self.table.number_of(name)
        return None if value is None else np.full(self.n_channels, float(value))

    def scalar(self, name: str) -> float | None:
        """Return a quantity of the whole spectrum, from the keyword or the column, else None."""
        values = self.column(name)
        if values is None:
            return self.table.number_of(name)
        if values.dtype.kind in "SU" or values.size == 0:
            raise self.table.error(f"column {name} must hold numbers")
        numbers = np.atleast_1d(values.astype(np.float64))
        self.table.require_finite(name, numbers)
        if np.any(numbers != numbers[0]):
            raise self.table.error(f"column {name} differs between channels; one value is needed")
        return float(numbers[0])

    def text(self, name: str) -> str:
        """Return a text of the spectrum, from the column (type II) or the keyword; empty where there is none."""
        if self.index is None or not self.table.has(name):
            return self.table.text_of(name)
        return str(self.table.raw(name)[self.index]).strip()  # type: ignore[index]
