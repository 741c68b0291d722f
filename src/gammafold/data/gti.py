"""`GTI`: good time intervals, in which an instrument took usable data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table
    from astropy.time import Time

__all__ = ["GTI"]

# Times in files are rounded to about this: closer edges are the same.
_SAME = 1e-6 * u.s


class GTI:
    """Good time intervals.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Columns START and STOP of `~astropy.time.Time`, one interval a row.
    reference_time : `~astropy.time.Time` or str, optional
        Reference of the times in files. Default: the first start.

    Raises
    ------
    InputError
        If an interval ends before it starts, or a time is not finite.

    Examples
    --------
    >>> gti = GTI.create([0, 3600] * u.s, [1800, 5400] * u.s, reference_time="2020-01-01")
    >>> gti.time_sum.to("h")
    <Quantity 1. h>
    """

    def __init__(self, table: Table, reference_time: Time | str | None = None) -> None:
        from astropy.time import Time

        for name in ("START", "STOP"):
            if name not in table.colnames or not isinstance(table[name], Time):
                raise InputTypeError(f"the table of good time intervals needs times in a column {name!r}")
        self.table = table
        if reference_time is None:
            reference_time = table["START"][0] if len(table) else "2000-01-01"
        self.time_ref = Time(reference_time)
        self._check()

    def _check(self) -> None:
        length = self.time_delta.value
        if not np.isfinite(length).all():
            raise InputError("good time intervals hold times that are not finite")
        if (length < 0).any():
            first = int(np.argmax(length < 0))
            raise InputError(
                f"good time interval {first} ends before it starts: {self.time_start[first].iso} to "
                f"{self.time_stop[first].iso}"
            )

    # -- construction

    @classmethod
    def create(cls, start: Any, stop: Any, reference_time: Time | str | None = None) -> GTI:
        """Make good time intervals.

        Parameters
        ----------
        start, stop : `~astropy.time.Time` or `~astropy.units.Quantity`
            Starts and stops: times, or durations since ``reference_time``.
        reference_time : `~astropy.time.Time` or str, optional
            Default: 2000-01-01 in TT for durations, else the first start.
        """
        from astropy.time import Time

        given = reference_time if reference_time is not None else "2000-01-01T00:00:00"
        reference = Time(given) if reference_time is not None else Time(given, scale="tt")
        edges = [_times(value, reference, name) for value, name in ((start, "start"), (stop, "stop"))]
        if edges[0].shape != edges[1].shape:
            raise InputError(f"there are {edges[0].size} starts and {edges[1].size} stops: expected as many")
        return cls(_table(*edges), reference)

    @classmethod
    def from_time_intervals(cls, time_intervals: Iterable[Any], reference_time: Time | str | None = None) -> GTI:
        """Make good time intervals from pairs of times."""
        from astropy.time import Time

        pairs = [Time(pair) for pair in time_intervals]
        return cls.create(Time([p[0] for p in pairs]), Time([p[1] for p in pairs]), reference_time or pairs[0][0])

    @classmethod
    def from_stack(cls, gtis: Sequence[GTI], **kwargs: Any) -> GTI:
        """Return the intervals of several one after the other."""
        if not gtis:
            raise InputError("there are no good time intervals to stack")
        stacked = gtis[0].copy()
        for other in gtis[1:]:
            stacked.stack(other)
        return stacked

    @classmethod
    def from_table_hdu(cls, table_hdu: fits.BinTableHDU, format: str = "gadf") -> GTI:
        """Read from a FITS extension: see `gammafold.data.gti_io.gti_from_hdu`."""
        from gammafold.data.gti_io import gti_from_hdu

        return gti_from_hdu(table_hdu, format)

    @classmethod
    def read(
        cls, filename: str | os.PathLike[str], hdu: str = "GTI", format: str = "gadf", checksum: bool = False
    ) -> GTI:
        """Read from a FITS file: see `gammafold.data.gti_io.read_gti`."""
        from gammafold.data.gti_io import read_gti

        return read_gti(filename, hdu, format, checksum)

    def to_table_hdu(self, format: str = "gadf") -> fits.BinTableHDU:
        """Return a FITS extension with seconds since the reference time."""
        from gammafold.data.gti_io import gti_to_hdu

        return gti_to_hdu(self, format)

    def write(
        self, filename: str | os.PathLike[str], overwrite: bool = False, checksum: bool = False, format: str = "gadf"
    ) -> None:
        """Write to a FITS file."""
        from gammafold.data.gti_io import write_gti

        write_gti(self, filename, overwrite, checksum, format)

    def copy(self) -> GTI:
        """Return a copy."""
        return GTI(self.table.copy(), self.time_ref.copy())

    # -- times

    @property
    def time_start(self) -> Time:
        """Starts, shape (n,)."""
        return self.table["START"]

    @property
    def time_stop(self) -> Time:
        """Stops, shape (n,)."""
        return self.table["STOP"]

    @property
    def time_delta(self) -> u.Quantity:
        """Lengths in seconds, shape (n,)."""
        return (self.time_stop - self.time_start).to("s")

    @property
    def time_sum(self) -> u.Quantity:
        """Total length in seconds."""
        return self.time_delta.sum() if len(self.table) else 0.0 * u.s

    @property
    def time_intervals(self) -> list[tuple[Time, Time]]:
        """Pairs of start and stop."""
        return list(zip(self.time_start, self.time_stop, strict=True))

    @property
    def met_start(self) -> u.Quantity:
        """Starts in seconds since the reference time."""
        return (self.time_start - self.time_ref).to("s")

    @property
    def met_stop(self) -> u.Quantity:
        """Stops in seconds since the reference time."""
        return (self.time_stop - self.time_ref).to("s")

    # -- set operations

    def _from_seconds(self, start: np.ndarray, stop: np.ndarray) -> GTI:
        """Intervals from seconds since the reference time."""
        return GTI(_table(self.time_ref + start * u.s, self.time_ref + stop * u.s), self.time_ref)

    def _seconds(self, reference: Time) -> tuple[np.ndarray, np.ndarray]:
        start = (self.time_start - reference).to_value("s")
        stop = (self.time_stop - reference).to_value("s")
        return np.atleast_1d(start), np.atleast_1d(stop)

    def select_time(self, time_interval: Any, inverted: bool = False) -> GTI:
        """Return what lies inside an interval, cut to it.

        Parameters
        ----------
        time_interval : `~astropy.time.Time`, shape (2,)
            Start and stop.
        inverted : bool
            Keep what lies outside instead. Default: False.
        """
        from astropy.time import Time

        interval = Time(time_interval)
        if interval.shape != (2,) or interval[1] < interval[0]:
            raise InputError(f"time_interval is {time_interval}: expected a start and a later stop")
        low, high = (float((edge - self.time_ref).to_value("s")) for edge in interval)
        start, stop = self._seconds(self.time_ref)
        if not inverted:
            return self._kept(np.maximum(start, low), np.minimum(stop, high))
        before = start, np.minimum(stop, low)
        after = np.maximum(start, high), stop
        joined = [np.concatenate(pair) for pair in zip(before, after, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        return self._kept(joined[0][order], joined[1][order])

    def delete_interval(self, time_interval: Any) -> GTI:
        """Return what lies outside an interval."""
        return self.select_time(time_interval, inverted=True)

    def _kept(self, start: np.ndarray, stop: np.ndarray) -> GTI:
        keep = stop - start > 0
        return self._from_seconds(start[keep], stop[keep])

    def union(self, other: GTI | None = None, overlap_ok: bool = True, merge_equal: bool = True) -> GTI:
        """Return the time that is covered by any interval, of these or of another set, in order.

        Parameters
        ----------
        other : GTI, optional
            Further intervals.
        overlap_ok : bool
            Whether intervals may overlap. Default: True.
        merge_equal : bool
            Whether intervals that touch become one. Default: True.

        Raises
        ------
        InputError
            If intervals overlap and must not.
        """
        start, stop = self._seconds(self.time_ref)
        if other is not None:
            start, stop = (np.concatenate(p) for p in zip((start, stop), other._seconds(self.time_ref), strict=True))
        order = np.argsort(start, kind="stable")
        start, stop = start[order], stop[order]
        if len(start) == 0:
            return self.copy()
        covered = np.maximum.accumulate(stop)
        gap = start[1:] - covered[:-1]
        slack = _SAME.value
        if not overlap_ok and (gap < -slack).any():
            first = int(np.argmax(gap < -slack))
            raise InputError(
                f"good time intervals overlap: {self.time_ref + start[first + 1] * u.s} lies in the one before"
            )
        apart = gap > slack if merge_equal else gap >= -slack
        first = np.append(True, apart)
        last = np.append(np.flatnonzero(first)[1:] - 1, len(start) - 1)
        return self._from_seconds(start[first], covered[last])

    def intersection(self, other: GTI) -> GTI:
        """Return the time that is covered by these intervals and by another set."""
        mine, theirs = self.union(), other.union()
        start, stop = mine._seconds(self.time_ref)
        low, high = theirs._seconds(self.time_ref)
        begin = np.maximum(start[:, None], low).reshape(-1)
        end = np.minimum(stop[:, None], high).reshape(-1)
        return self._kept(begin, end)

    def stack(self, other: GTI) -> None:
        """Append the intervals of another set, in place, as they are; the reference time stays."""
        start, stop = self._seconds(self.time_ref)
        more_start, more_stop = other._seconds(self.time_ref)
        joined = self._from_seconds(np.concatenate([start, more_start]), np.concatenate([stop, more_stop]))
        self.table = joined.table

    def group_table(self, time_intervals: Sequence[Any], atol: Any = "1e-6 s") -> Table:
        """Return which intervals of this set lie in each of the given ones.

        Parameters
        ----------
        time_intervals : list of `~astropy.time.Time`
            Pairs of start and stop.
        atol : `~astropy.units.Quantity`
            By how much an interval may stick out.

        Returns
        -------
        groups : `~astropy.table.Table`
            "group_idx", "bin_type", "time_min" and "time_max" in MJD, for each interval of this set
            that lies in one of the given.
        """
        from astropy.table import Table
        from astropy.time import Time

        slack = to_quantity(atol, "s", "atol").value
        start, stop = self._seconds(self.time_ref)
        rows: list[tuple[int, str, float, float]] = []
        for group, pair in enumerate(time_intervals):
            low, high = ((edge - self.time_ref).to_value("s") for edge in Time(pair))
            inside = (start >= low - slack) & (stop <= high + slack)
            rows += [
                (group, "normal   ", float(self.time_start[i].mjd), float(self.time_stop[i].mjd))
                for i in np.flatnonzero(inside)
            ]
        names = ["group_idx", "bin_type", "time_min", "time_max"]
        return Table(rows=rows, names=names) if rows else Table(names=names, dtype=[int, "U9", float, float])

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GTI):
            return NotImplemented
        if len(self) != len(other):
            return False
        pairs = zip(self._seconds(self.time_ref), other._seconds(self.time_ref), strict=True)
        return all(bool(np.all(np.abs(mine - theirs) <= _SAME.value)) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if len(self) == 0:
            return "GTI: no intervals"
        return (
            f"GTI: {len(self)} intervals, {self.time_sum.to_value('s'):.3f} s in all, from "
            f"{self.time_start.min().iso} to {self.time_stop.max().iso} ({self.time_ref.scale})"
        )


def _times(value: Any, reference: Time, name: str) -> Any:
    """Return times, of times or of durations since a reference."""
    from astropy.time import Time

    if isinstance(value, Time):
        return np.atleast_1d(value)
    return reference + np.atleast_1d(to_quantity(value, "s", name))


def _table(start: Any, stop: Any) -> Table:
    from astropy.table import Table
    from astropy.time import Time

    for edge in (start, stop):
        edge.format = "mjd"
    if len(start) == 0:
        empty = Time(np.zeros(0), np.zeros(0), format="mjd", scale=start.scale)
        return Table({"START": empty, "STOP": empty.copy()})
    return Table({"START": start, "STOP": stop})
