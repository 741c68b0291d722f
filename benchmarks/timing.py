"""Time a function, and serve timings to another process. Uses the standard library alone: every package's
environment runs it."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping


def measure(function: Callable[[], object], at_least: float = 0.3, most: int = 10_000) -> float:
    """Median seconds of one call, over as many calls as fit into ``at_least`` seconds (three at least).

    The first call warms up, and is not counted, unless it takes so long that once is enough.
    """
    start = time.perf_counter()
    function()
    first = time.perf_counter() - start
    if first > 30 * at_least:
        return first
    gc.collect()
    times: list[float] = []
    end = time.perf_counter() + at_least
    while len(times) < 3 or (time.perf_counter() < end and len(times) < most):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def serve(
    works: Mapping[str, Callable[[], Callable[[], object]]],
    prepare_once: bool = True,
    per: Mapping[str, int] | None = None,
) -> None:
    """Answer each line on stdin, a work's name, with a line of JSON: its median seconds.

    A work is a function that prepares the data and returns the function to be timed. It is prepared once, or
    every time for a package that has one global session. The seconds of a work in ``per`` are divided by its number,
    where packages do a different amount of the same.
    """
    ready: dict[str, Callable[[], object]] = {}
    print(json.dumps(sorted(works)), flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in ready or not prepare_once:
            ready[name] = works[name]()
        print(json.dumps(measure(ready[name]) / (per or {}).get(name, 1)), flush=True)
