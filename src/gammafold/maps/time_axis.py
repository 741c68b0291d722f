"""`TimeMapAxis`: intervals of time, which may have gaps between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, UnitsError
from gammafold.utils.units import to_quantity, to_time

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time, TimeDelta

__all__ = ["TimeMapAxis"]


class TimeMapAxis:
    """An axis of time intervals in order, none of which overlap.

    Parameters
    ----------
    edges_min, edges_max : `~astropy.units.Quantity`, shape (n,)
        Start and stop of each interval, since ``reference_time``.
    reference_time : `~astropy.time.Time` or str
        Reference.
    name : str
        Default: "time".
    interp : {"lin"}
        Scale.

    Raises
    ------
    InputError
        If an interval ends before it starts, or before the one before it has ended.

    Examples
    --------
    >>> axis = TimeMapAxis([0, 2] * u.d, [1, 3] * u.d, reference_time="2020-01-01")
    >>> axis.nbin, axis.is_contiguous
    (2, False)
    >>> print(axis.time_mid.iso[0])
    2020-01-01 12:00:00.000
    """

    node_type = "intervals"

    def __init__(
        self, edges_min: Any, edges_max: Any, reference_time: Time | str, name: str = "time", interp: str = "lin"
    ) -> None:
        if interp != "lin":
            raise InputError(f"interp of axis {name!r} is {interp!r}: times take 'lin'")
        low: u.Quantity = np.atleast_1d(to_quantity(edges_min, "d", f"edges_min of axis {name!r}"))
        self.unit = u.Unit(getattr(edges_min, "unit", "d"))
        high: u.Quantity = np.atleast_1d(to_quantity(edges_max, self.unit, f"edges_max of axis {name!r}"))
        low = low.to(self.unit)
        if low.shape != high.shape or low.ndim != 1 or low.size == 0:
            raise InputError(
                f"axis {name!r} has {low.size} starts and {high.size} stops: expected as many, at least one"
            )
        if not (np.isfinite(low.value).all() and np.isfinite(high.value).all()):
            raise InputError(f"axis {name!r} has times that are not finite")
        if not (high > low).all():
            raise InputError(f"axis {name!r} has intervals that end before they start")
        # Neighbours that touch may overlap by rounding of seconds in days.
        if not (low[1:] - high[:-1] > -1e-6 * u.s).all():
            raise InputError(f"axis {name!r} has intervals that overlap or are not in order")
        self.name, self.interp = name, interp
        self.edges_min, self.edges_max = low, high
        self.reference_time = to_time(reference_time, "reference_time")
        self.nbin = len(low)

    # -- construction

    @classmethod
    def from_time_edges(
        cls, time_min: Time, time_max: Time, unit: str = "d", interp: str = "lin", name: str = "time"
    ) -> TimeMapAxis:
        """Make an axis from starts and stops in absolute time."""
        low, high = np.atleast_1d(time_min), np.atleast_1d(time_max)
        reference = low[0]
        return cls((low - reference).to(unit), (high - reference).to(unit), reference, name=name, interp=interp)

    @classmethod
    def from_time_bounds(
        cls, time_min: Time, time_max: Time, nbin: int, unit: str = "d", name: str = "time"
    ) -> TimeMapAxis:
        """Make ``nbin`` equally long intervals between two times."""
        edges = np.linspace(0, (time_max - time_min).to_value(unit), nbin + 1) * u.Unit(unit)
        return cls(edges[:-1], edges[1:], time_min, name=name)

    @classmethod
    def from_gti(cls, gti: Any, name: str = "time") -> TimeMapAxis:
        """Make an axis of good time intervals."""
        start = (gti.time_start - gti.time_ref).to("s")
        stop = (gti.time_stop - gti.time_ref).to("s")
        return cls(start, stop, gti.time_ref, name=name)

    @classmethod
    def from_table(cls, table: Table, format: str = "gadf") -> TimeMapAxis:
        """Read an axis from a table in the form "gadf" (bands) or "lightcurve" (``time_min``, ``time_max`` in MJD)."""
        from gammafold.maps.axis_io import time_axis_from_table

        return time_axis_from_table(table, format)

    # -- the intervals

    @property
    def edges(self) -> u.Quantity:
        """Starts and the last stop of intervals that touch, shape (n + 1,).

        Raises
        ------
        InputError
            If there are gaps between the intervals.
        """
        if not self.is_contiguous:
            raise InputError(f"axis {self.name!r} has gaps between its intervals: use edges_min and edges_max")
        return np.append(self.edges_min, self.edges_max[-1])

    @property
    def center(self) -> u.Quantity:
        """Middle of each interval since the reference, shape (n,)."""
        return 0.5 * (self.edges_min + self.edges_max)

    @property
    def bin_width(self) -> u.Quantity:
        """Length of each interval in hours, shape (n,)."""
        return (self.edges_max - self.edges_min).to("h")

    @property
    def bounds(self) -> tuple[u.Quantity, u.Quantity]:
        """First start and last stop since the reference."""
        return self.edges_min[0], self.edges_max[-1]

    @property
    def time_min(self) -> Time:
        """Starts in absolute time."""
        return self.reference_time + self.edges_min

    @property
    def time_max(self) -> Time:
        """Stops in absolute time."""
        return self.reference_time + self.edges_max

    @property
    def time_mid(self) -> Time:
        """Middles in absolute time."""
        return self.reference_time + self.center

    @property
    def time_edges(self) -> Time:
        """`edges` in absolute time."""
        return self.reference_time + self.edges

    @property
    def time_delta(self) -> TimeDelta:
        """Length of each interval."""
        return self.time_max - self.time_min

    @property
    def time_bounds(self) -> tuple[Time, Time]:
        """First start and last stop in absolute time."""
        return self.time_min[0], self.time_max[-1]

    @property
    def is_contiguous(self) -> bool:
        """Whether every interval starts where the one before ends."""
        return bool(np.all(np.abs((self.edges_min[1:] - self.edges_max[:-1]).to_value("s")) < 1e-6))

    @property
    def iter_by_edges(self) -> Iterator[tuple[u.Quantity, u.Quantity]]:
        """Pairs of start and stop, interval by interval."""
        yield from zip(self.edges_min, self.edges_max, strict=True)

    @property
    def iter_by_time_edges(self) -> Iterator[tuple[Time, Time]]:
        """Pairs of start and stop in absolute time, interval by interval."""
        yield from zip(self.time_min, self.time_max, strict=True)

    def to_contiguous(self) -> TimeMapAxis:
        """Return the axis with the gaps between intervals as intervals of their own."""
        if self.is_contiguous:
            return self
        edges = np.unique(np.concatenate([self.edges_min, self.edges_max]))
        return TimeMapAxis(edges[:-1], edges[1:], self.reference_time, name=self.name)

    def to_table(self) -> Table:
        """Return starts and stops in MJD, as columns START and STOP."""
        from astropy.table import Table

        return Table({"START": self.time_min.mjd, "STOP": self.time_max.mjd})

    def assert_name(self, required_name: str) -> None:
        """Raise an error unless the axis has this name."""
        if self.name != required_name:
            raise InputError(f"the axis is called {self.name!r}: expected {required_name!r}")

    # -- coordinates and indices

    def _since_reference(self, coord: Any) -> np.ndarray:
        if hasattr(coord, "tai"):
            coord = coord - self.reference_time
        if not hasattr(coord, "to_value"):
            return np.asarray(coord, dtype=float)
        try:
            return np.asarray(coord.to_value(self.unit), dtype=float)
        except u.UnitConversionError:
            raise UnitsError(
                f"coordinates of axis {self.name!r} are in {coord.unit.to_string()!r}: "
                f"expected times, or a unit like {self.unit.to_string()!r}"
            ) from None

    def coord_to_idx(self, coord: Any, clip: bool = False) -> np.ndarray:
        """Return the index of the interval that holds each time; -1 where none does.

        Parameters
        ----------
        coord : `~astropy.time.Time`, or `~astropy.units.Quantity` since the reference
            Times, any shape.
        clip : bool
            Whether times before the first and after the last interval get the first and last index.
        """
        values = self._since_reference(coord)
        low, high = self.edges_min.value, self.edges_max.value
        idx = np.searchsorted(low, values, side="right") - 1
        if clip:
            idx = np.where(values < low[0], 0, np.where(values >= high[-1], self.nbin - 1, idx))
        last = high[np.clip(idx, 0, self.nbin - 1)]
        inside = (idx >= 0) & ((values < last) | ((idx == self.nbin - 1) & (values <= last)))
        return np.where(inside | (clip & ((values < low[0]) | (values > high[-1]))), idx, -1)

    def coord_to_pix(self, coord: Any) -> np.ndarray:
        """Return fractional indices; NaN between the intervals."""
        values = self._since_reference(coord)
        idx = self.coord_to_idx(coord)
        low, high = self.edges_min.value[idx], self.edges_max.value[idx]
        return np.where(idx >= 0, idx + (values - low) / (high - low) - 0.5, np.nan)

    def pix_to_coord(self, pix: Any) -> u.Quantity:
        """Return times since the reference at fractional indices; NaN beyond the ends."""
        position = np.asarray(pix, dtype=float) + 0.5
        inside = (position >= 0) & (position <= self.nbin)
        idx = np.clip(np.floor(np.where(inside, position, 0)), 0, self.nbin - 1).astype(int)
        value = self.edges_min[idx] + (position - idx) * (self.edges_max[idx] - self.edges_min[idx])
        return np.where(inside, value, np.nan * value)

    def pix_to_idx(self, pix: Any, clip: bool = False) -> np.ndarray:
        """Return integer indices for fractional ones; -1 beyond the ends, or clipped."""
        index = np.floor(np.nan_to_num(np.asarray(pix, dtype=float), nan=-1.0) + 0.5).astype(int)
        if clip:
            return np.clip(index, 0, self.nbin - 1)
        return np.where((index >= 0) & (index < self.nbin), index, -1)

    def group_table(self, interval_edges: Time) -> Table:
        """Return which intervals lie wholly between successive times.

        Parameters
        ----------
        interval_edges : `~astropy.time.Time`, shape (n + 1,)
            Edges of the groups.

        Returns
        -------
        groups : `~astropy.table.Table`
            One row for each group that holds intervals: "idx_min", "idx_max", "time_min" and "time_max" (MJD),
            "bin_type".
        """
        from astropy.table import Table

        edges = np.atleast_1d(interval_edges)
        low, high = self.time_min, self.time_max
        rows = []
        for start, stop in pairwise(edges):
            # A microsecond of room, as for intervals that touch.
            inside = ((low - start).to_value("s") >= -1e-6) & ((high - stop).to_value("s") <= 1e-6)
            if inside.any():
                first, last = np.flatnonzero(inside)[[0, -1]]
                rows.append((first, last, low[first].mjd, high[last].mjd, "normal   "))
        names = ["idx_min", "idx_max", "time_min", "time_max", "bin_type"]
        return Table(rows=rows or None, names=names, dtype=[int, int, float, float, "U9"])

    def slice(self, idx: slice) -> TimeMapAxis:
        """Return the intervals of a slice."""
        return TimeMapAxis(self.edges_min[idx], self.edges_max[idx], self.reference_time, name=self.name)

    def squash(self) -> TimeMapAxis:
        """Return one interval from the first start to the last stop."""
        return TimeMapAxis(self.edges_min[:1], self.edges_max[-1:], self.reference_time, name=self.name)

    def copy(self, **kwargs: Any) -> TimeMapAxis:
        """Return a copy with some arguments of the class replaced."""
        current = {"edges_min": self.edges_min, "edges_max": self.edges_max,
                   "reference_time": self.reference_time, "name": self.name}  # fmt: skip
        return TimeMapAxis(**{**current, **kwargs})

    def rename(self, new_name: str) -> TimeMapAxis:
        """Return the axis under another name."""
        return self.copy(name=new_name)

    def is_allclose(self, other: Any, rtol: float = 1e-6, atol: float = 1e-6) -> bool:
        """Whether name and number agree, and all times within ``atol`` seconds."""
        if not isinstance(other, TimeMapAxis) or self.nbin != other.nbin or self.name != other.name:
            return False
        return all(
            bool(np.all(np.abs((mine - theirs).to_value("s")) <= max(atol, 1e-6)))
            for mine, theirs in ((self.time_min, other.time_min), (self.time_max, other.time_max))
        )

    # -- plots

    @property
    def as_plot_labels(self) -> list[str]:
        """One label for each interval: its start and stop."""
        return [f"{low.iso} - {high.iso}" for low, high in zip(self.time_min, self.time_max, strict=True)]

    @property
    def as_plot_center(self) -> Any:
        """Middles as datetimes."""
        return self.time_mid.utc.datetime

    @property
    def as_plot_edges(self) -> Any:
        """Edges as datetimes, for intervals that touch."""
        return self.time_edges.utc.datetime

    @property
    def as_plot_xerr(self) -> tuple[Any, Any]:
        """Half of each interval as timedeltas, to both sides."""
        half = (0.5 * self.time_delta).to_datetime()
        return half, half

    def format_plot_xaxis(self, ax: Any) -> Any:
        """Set label and ticks of the horizontal axis of a plot, and return the plot."""
        import matplotlib.dates as dates

        locator = dates.AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        ax.set_xlabel("Time [UTC]")
        return ax

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimeMapAxis):
            return NotImplemented
        return self.is_allclose(other)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return self.nbin

    def __repr__(self) -> str:
        first, last = self.time_bounds
        return f"TimeMapAxis {self.name!r}: {self.nbin} intervals from {first.iso} to {last.iso} ({first.scale})"
