"""A progress bar on standard error for work whose length is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["steps"]

T = TypeVar("T")


def steps(items: Iterable[T], total: int, title: str, show: bool) -> Iterator[T]:
    """Go through items, and show how many are done, where someone can see it: not in a log file."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if show and (console.is_interactive or console.is_jupyter):
        items = track(items, title, total=total, console=console, transient=True)
    yield from items
