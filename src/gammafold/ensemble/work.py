"""Sharing work out: in this process, or as futures of a dask cluster."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from gammafold.utils.errors import GammafoldWarning, InputError, InputTypeError

__all__ = ["Span", "check_client", "positive", "run_spans", "spans"]

Span = tuple[int, int]

# A task that took so many workers with it is probably what kills them.
_MOST_DEATHS = 3
_TASKS_PER_WORKER = 8


def spans(n: int, block: int, chunk_size: int | None, client: Any = None) -> list[Span]:
    """Split ``0 .. n`` into chunks of whole blocks.

    Parameters
    ----------
    n : int
        How many.
    block : int
        Length of a block.
    chunk_size : int, optional
        Length of a chunk, rounded up to whole blocks. Default: one block in this process, and some chunks for
        each worker of a cluster.

    Examples
    --------
    >>> spans(25, 10, None), spans(25, 10, 15)
    ([(0, 10), (10, 20), (20, 25)], [(0, 20), (20, 25)])
    """
    if chunk_size is None:
        wanted = 0 if client is None else n // (_TASKS_PER_WORKER * max(1, len(client.scheduler_info()["workers"])))
    else:
        wanted = positive("chunk_size", chunk_size)
    size = max(1, -(-wanted // block)) * block
    return [(start, min(start + size, n)) for start in range(0, n, size)]


def positive(name: str, value: Any) -> int:
    """Return an integer of one or more.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise InputError(f"{name} is {value!r}: expected an integer of 1 or more")
    return int(value)


def check_client(client: Any) -> None:
    """Refuse what is no client of a dask cluster.

    Raises
    ------
    InputTypeError
        If ``client`` is neither None nor a `dask.distributed.Client`.
    """
    if client is None or (hasattr(client, "submit") and hasattr(client, "scheduler_info")):
        return
    raise InputTypeError(f"client is {client!r}: expected a dask.distributed.Client (pip install 'gammafold[dask]')")


def run_spans(
    function: Callable[[Any, int, int], Any],
    problem: Any,
    parts: Sequence[Span],
    client: Any = None,
    progress: bool = True,
    title: str = "fitting",
) -> list[Any]:
    """Compute ``function(problem, first, last)`` for all chunks.

    Parameters
    ----------
    function : callable
        A function of a module, so that other processes can import it.
    problem : object
        Its first argument; a cluster gets it once.
    parts : list of (first, last)
        The chunks.
    client : `dask.distributed.Client`, optional
        Compute on its cluster. Default: in this process.
    progress : bool
        Whether to show a progress bar on standard error.
    title : str
        What it says.

    Returns
    -------
    results : list
        In the order in which chunks were finished; not all, after an interrupt or when the cluster was lost.

    Warns
    -----
    GammafoldWarning
        If not all chunks were computed.
    """
    results: list[Any] = []
    finished = 0
    with _bar(progress, title, parts[-1][1] - parts[0][0]) as advance:
        stream = _here(function, problem, parts) if client is None else _on_cluster(function, problem, parts, client)
        try:
            # Whatever ends the loop, what a cluster still computes is called off.
            with closing(stream):
                for span, result in stream:
                    results.append(result)
                    finished += span[1] - span[0]
                    advance(span[1] - span[0])
        except KeyboardInterrupt:
            _tell("interrupted", finished, parts)
        except _LostError as error:
            _tell(str(error), finished, parts)
    return results


class _LostError(Exception):
    """The cluster is gone, or cannot compute some chunks."""


def _tell(reason: str, finished: int, parts: Sequence[Span]) -> None:
    total = parts[-1][1] - parts[0][0]
    warnings.warn(f"{reason}: {finished} of {total} are done and kept", GammafoldWarning, stacklevel=4)


def _here(function: Callable[..., Any], problem: Any, parts: Sequence[Span]) -> Generator[tuple[Span, Any], None, None]:
    for first, last in parts:
        yield (first, last), function(problem, first, last)


def _on_cluster(
    function: Callable[..., Any], problem: Any, parts: Sequence[Span], client: Any
) -> Generator[tuple[Span, Any], None, None]:
    """Compute chunks as futures, and yield them as they come.

    The scheduler gives the chunks of a worker that died to another one.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    # A task, and not scattered data: if the worker that holds the problem dies, it can be made again.
    shared = client.submit(_hand_on, _Packed((function, problem)), pure=False)

    def submit(span: Span) -> Any:
        return client.submit(_compute, shared, *span, pure=False)

    pending = {submit(span): span for span in parts}
    deaths = dict.fromkeys(parts, 0)
    try:
        queue = as_completed(list(pending))
        for future in queue:
            span = pending.pop(future)
            if future.status == "finished":
                yield span, future.result()
                continue
            if future.status != "error":
                raise _LostError(f"the cluster was lost ({future.status})")
            error = future.exception()
            deaths[span] += 1
            if not isinstance(error, KilledWorker) or deaths[span] > _MOST_DEATHS:
                raise error
            again = submit(span)
            pending[again] = span
            queue.add(again)
    finally:
        _cancel(client, list(pending))


def _cancel(client: Any, futures: list[Any]) -> None:
    """Call off what is not done; a cluster that is gone has nothing to call off."""
    if futures and client.status == "running":
        client.cancel(futures)


class _Packed:
    """A function and its problem as bytes: formulas may be closures, which plain pickle does not take."""

    def __init__(self, content: Any) -> None:
        from cloudpickle import dumps

        self.content = dumps(content)

    def unpack(self) -> Any:
        from pickle import loads

        return loads(self.content)


def _hand_on(packed: _Packed) -> _Packed:
    return packed


def _compute(packed: _Packed, first: int, last: int) -> Any:
    function, problem = packed.unpack()
    return function(problem, first, last)


@contextmanager
def _bar(progress: bool, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error while the context lasts, where someone can see it: not in a log file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not progress or not (console.is_interactive or console.is_jupyter):
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda n: bar.advance(task, n)
