"""A progress bar on standard error for work whose length is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["steps"]

T = TypeVar("T")


def steps(items: Iterable[T], total: int, title: str, show: bool) -> Iterator[T]:
    """Go through items, and show how many are done."""
    from rich.console import Console
    from rich.progress import track

    yield from track(items, title, total=total, console=Console(stderr=True), transient=True, disable=not show)
