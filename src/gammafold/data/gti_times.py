"""Arrays of times cut and joined without rounding: edges are picked, never computed again.

A time is the sum of two numbers (``jd1`` and ``jd2``), which keeps it to better than a nanosecond; seconds
since a reference that lies years back are exact to 0.1 microseconds only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time

__all__ = ["as_times", "interval_table", "join_times", "pick_times", "seconds_between"]


def as_times(value: Any, reference: Time, name: str) -> Time:
    """Return times, shape (n,), of times (copied) or of durations since a reference.

    Raises
    ------
    InputError
        If a time is not finite, or there is more than one dimension.
    """
    from astropy.time import Time

    if isinstance(value, Time):
        times = value.copy()
    else:
        seconds = to_quantity(value, "s", name)
        if not np.isfinite(seconds.value).all():
            raise InputError(f"{name} of good time intervals holds {seconds[~np.isfinite(seconds)].flat[0]}")
        times = reference + seconds
    times = np.atleast_1d(times)
    if times.ndim != 1:
        raise InputError(f"{name} of good time intervals has the shape {times.shape}: expected one dimension")
    return times


def interval_table(start: Time, stop: Time) -> Table:
    """Return a table with the columns START and STOP, both in the scale of ``start``."""
    from astropy.table import Table

    if stop.scale != start.scale:
        stop = getattr(stop, start.scale)
    return Table({"START": _as_mjd(start), "STOP": _as_mjd(stop)})


def join_times(times: Sequence[Time]) -> Time:
    """Return the times of several arrays one after the other, in the scale of the first."""
    same = [getattr(each, times[0].scale) for each in times]
    jd1, jd2 = (np.concatenate([getattr(each, half) for each in same]) for half in ("jd1", "jd2"))
    return _from_days(jd1, jd2, times[0].scale)


def pick_times(condition: NDArray[np.bool_], one: Time, other: Time) -> Time:
    """Return ``one`` where a condition holds, else ``other``; the three broadcast to one dimension or more."""
    other = getattr(other, one.scale)
    return _from_days(np.where(condition, one.jd1, other.jd1), np.where(condition, one.jd2, other.jd2), one.scale)


def seconds_between(times: Time, reference: Time) -> NDArray[np.float64]:
    """Return the seconds from a reference to times, shape of the times."""
    return np.asarray((times - reference).to_value("s"), dtype=float)


def _from_days(jd1: Any, jd2: Any, scale: str) -> Time:
    from astropy.time import Time

    times = Time(jd1, jd2, format="jd", scale=scale)
    times.format = "mjd"
    return times


def _as_mjd(times: Time) -> Time:
    return _from_days(np.array(times.jd1), np.array(times.jd2), times.scale)
