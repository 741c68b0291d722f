"""Which good time intervals lie in which of other intervals, such as the bins of a light curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.data.gti_times import seconds_between
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.data.gti import GTI

__all__ = ["group_intervals"]


def group_intervals(gti: GTI, time_intervals: Sequence[Any], atol: Any) -> Table:
    """Return for each good time interval in which of ``time_intervals`` it lies; see `GTI.group_table`."""
    from astropy.table import Table
    from astropy.time import Time

    slack = to_quantity(atol, "s", "atol").value
    pairs = [Time(pair) for pair in time_intervals]
    for pair in pairs:
        if pair.shape != (2,) or pair[1] < pair[0]:
            raise InputError(f"time_intervals holds {pair}: expected pairs of a start and a later stop")
    group, kind = np.full(len(gti), -1), np.full(len(gti), "underflow", dtype="U9")
    if len(gti) and pairs:
        origin = gti.time_start[0]
        start, stop = seconds_between(gti.time_start, origin), seconds_between(gti.time_stop, origin)
        low, high = np.array([seconds_between(pair, origin) for pair in pairs]).T
        inside = (start[:, None] >= low - slack) & (stop[:, None] <= high + slack)
        found = inside.any(axis=1)
        group[found] = np.argmax(inside, axis=1)[found]
        kind[start >= low.min() - slack] = "overflow"
        kind[found] = ""
    return Table(
        [group, gti.time_start.mjd, gti.time_stop.mjd, kind],
        names=["group_idx", "time_min", "time_max", "bin_type"],
    )
