"""`GTI`: good time intervals, in which an instrument took usable data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.gti_groups import group_intervals
from gammafold.data.gti_times import as_times, interval_table, join_times, pick_times, seconds_between
from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.units import to_time

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table
    from astropy.time import Time

__all__ = ["GTI"]

# Seconds. Times in files are rounded to about this: closer edges are the same.
_SAME = 1e-6


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
        self.time_ref = to_time(reference_time, "reference_time")
        self._check()

    def _check(self) -> None:
        if np.any(self.time_start.mask) or np.any(self.time_stop.mask):
            raise InputError("good time intervals hold masked times")
        length = self.time_delta.value
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
            Default: 2000-01-01 in TT.

        Raises
        ------
        InputError
            If the numbers of starts and stops differ, an interval ends before it starts, or a time is not finite.
        """
        given, form = (reference_time, {}) if reference_time is not None else ("2000-01-01T00:00:00", {"scale": "tt"})
        reference = to_time(given, "reference_time", **form)
        edges = [as_times(value, reference, name) for value, name in ((start, "start"), (stop, "stop"))]
        if edges[0].shape != edges[1].shape:
            raise InputError(f"there are {edges[0].size} starts and {edges[1].size} stops: expected as many")
        return cls(interval_table(*edges), reference)

    @classmethod
    def from_time_intervals(cls, time_intervals: Iterable[Any], reference_time: Time | str | None = None) -> GTI:
        """Make good time intervals from pairs of times."""
        from astropy.time import Time

        pairs = [Time(pair) for pair in time_intervals]
        if not pairs:
            raise InputError("there are no time_intervals: expected pairs of times")
        reference = pairs[0][0] if reference_time is None else reference_time
        return cls.create(Time([pair[0] for pair in pairs]), Time([pair[1] for pair in pairs]), reference)

    @classmethod
    def from_stack(cls, gtis: Sequence[GTI]) -> GTI:
        """Return the intervals of several sets one after the other; the reference time is that of the first."""
        if not gtis:
            raise InputError("there are no good time intervals to stack")
        for gti in gtis:
            if not isinstance(gti, GTI):
                raise InputTypeError(f"cannot stack {type(gti).__name__}: expected GTI")
        start, stop = (join_times([gti.table[name] for gti in gtis]) for name in ("START", "STOP"))
        return cls(interval_table(start, stop), gtis[0].time_ref.copy())

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

    def select_time(self, time_interval: Any, inverted: bool = False) -> GTI:
        """Return what lies inside an interval, cut to it.

        Parameters
        ----------
        time_interval : `~astropy.time.Time`, shape (2,)
            Start and stop.
        inverted : bool
            Keep what lies outside instead. Default: False.

        Raises
        ------
        InputError
            If there are not two times, or the second is earlier.
        """
        from astropy.time import Time

        interval = Time(time_interval)
        if interval.shape != (2,) or interval[1] < interval[0]:
            raise InputError(f"time_interval is {time_interval}: expected a start and a later stop")
        low, high = interval[0], interval[1]
        start, stop = self.time_start, self.time_stop
        if not inverted:
            return self._kept(pick_times(start > low, start, low), pick_times(stop < high, stop, high))
        before = pick_times(stop < low, stop, low)
        after = pick_times(start > high, start, high)
        return self._kept(join_times([start, after]), join_times([before, stop]), ordered=True)

    def delete_interval(self, time_interval: Any) -> GTI:
        """Return what lies outside an interval."""
        return self.select_time(time_interval, inverted=True)

    def _kept(self, start: Time, stop: Time, ordered: bool = False) -> GTI:
        """Return the intervals that have a length."""
        keep = np.flatnonzero(stop > start)
        if ordered:
            keep = keep[np.argsort(start[keep].mjd, kind="stable")]
        return GTI(interval_table(start[keep], stop[keep]), self.time_ref)

    def union(self, overlap_ok: bool = True, merge_equal: bool = True) -> GTI:
        """Return the time that is covered by any of the intervals, in order.

        Parameters
        ----------
        overlap_ok : bool
            Whether intervals may overlap. Default: True.
        merge_equal : bool
            Whether intervals that touch, to a microsecond, become one. Default: True.

        Raises
        ------
        InputError
            If intervals overlap and must not.

        Examples
        --------
        >>> gti = GTI.create([0, 50, 300] * u.s, [100, 200, 400] * u.s)
        >>> gti.union().time_delta
        <Quantity [200., 100.] s>
        """
        if len(self) == 0:
            return self.copy()
        order = np.argsort(seconds_between(self.time_start, self.time_start[0]), kind="stable")
        times = self.time_start[order], self.time_stop[order]
        start, stop = (seconds_between(each, times[0][0]) for each in times)
        covered = np.maximum.accumulate(stop)
        gap = start[1:] - covered[:-1]
        if not overlap_ok and (gap < -_SAME).any():
            later = int(np.argmax(gap < -_SAME)) + 1
            raise InputError(
                f"good time intervals overlap: the one from {times[0][later].iso} starts before the one before it ends"
            )
        apart = gap > _SAME if merge_equal else gap >= -_SAME
        first = np.flatnonzero(np.append(True, apart))
        last = np.append(first[1:] - 1, len(start) - 1)
        # Where the stop is that is the latest so far.
        latest = np.maximum.accumulate(np.where(stop >= covered, np.arange(len(stop)), 0))
        return GTI(interval_table(times[0][first], times[1][latest[last]]), self.time_ref)

    def intersection(self, other: GTI) -> GTI:
        """Return the time that is covered by these intervals and by another set.

        Examples
        --------
        >>> gti = GTI.create([0, 300] * u.s, [100, 400] * u.s)
        >>> gti.intersection(GTI.create(50 * u.s, 350 * u.s)).time_delta
        <Quantity [50., 50.] s>
        """
        mine, theirs = self.union(), other.union()
        row, column = (index.reshape(-1) for index in np.indices((len(mine), len(theirs))))
        start, low = mine.time_start[row], theirs.time_start[column]
        stop, high = mine.time_stop[row], theirs.time_stop[column]
        return self._kept(pick_times(start > low, start, low), pick_times(stop < high, stop, high))

    def stack(self, other: GTI) -> None:
        """Append the intervals of another set, in place, as they are; the reference time stays."""
        self.table = GTI.from_stack([self, other]).table

    def group_table(self, time_intervals: Sequence[Any], atol: Any = "1e-6 s") -> Table:
        """Return in which of the given intervals each interval of this set lies.

        Parameters
        ----------
        time_intervals : list of `~astropy.time.Time`
            Pairs of start and stop.
        atol : `~astropy.units.Quantity`
            By how much an interval may stick out. Default: a microsecond.

        Returns
        -------
        groups : `~astropy.table.Table`
            A row for each interval: "group_idx" (-1 for none), "time_min" and "time_max" (MJD) and "bin_type":
            empty, "underflow" where it starts before all given intervals, else "overflow".
        """
        return group_intervals(self, time_intervals, atol)

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GTI):
            return NotImplemented
        if len(self) != len(other):
            return False
        pairs = (self.time_start, other.time_start), (self.time_stop, other.time_stop)
        return all(bool(np.all(np.abs(seconds_between(mine, theirs)) <= _SAME)) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if len(self) == 0:
            return "GTI: no intervals"
        return (
            f"GTI: {len(self)} intervals, {self.time_sum.to_value('s'):.3f} s in all, from "
            f"{self.time_start.min().iso} to {self.time_stop.max().iso} ({self.time_ref.scale})"
        )
