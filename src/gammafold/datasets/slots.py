"""Attributes of datasets that are checked when they are set and may stay on disk until they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["DataSlot", "LazyPart", "drop_cache", "held_part"]


class LazyPart:
    """A part of a dataset that still lies in a file.

    Parameters
    ----------
    load : callable
        Takes no argument and returns the part.
    source : str
        Where it lies, for messages: file and extension.
    cache : bool
        Whether the part is kept after the first access. Without, each access reads it again, and changing what
        was read changes nothing in the dataset.
    """

    __slots__ = ("cache", "load", "source")

    def __init__(self, load: Callable[[], Any], source: str, cache: bool = True) -> None:
        self.load = load
        self.source = source
        self.cache = cache

    def __repr__(self) -> str:
        return f"LazyPart({self.source!r})"


class DataSlot:
    """A part of a dataset: None, an object, or a `LazyPart` that is read on first access.

    Parameters
    ----------
    check : callable
        ``check(dataset, name, value)`` returns the value to keep, or raises an error that names the dataset.
    doc : str
        What the part is.
    """

    def __init__(self, check: Callable[[Any, str, Any], Any], doc: str) -> None:
        self._check = check
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._private = f"_{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__.get(self._private)
        if isinstance(value, LazyPart):
            return self._read(instance, value)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None and not isinstance(value, LazyPart):
            value = self._check(instance, self._name, value)
        instance.__dict__.setdefault("_on_disk", {}).pop(self._name, None)
        instance.__dict__[self._private] = value

    def check_again(self, instance: Any) -> None:
        """Check the part that is in memory: it may have been changed in place since it was set."""
        held = held_part(instance, self._name)
        if held is not None:
            self._check(instance, self._name, held)

    def _read(self, instance: Any, lazy: LazyPart) -> Any:
        part = lazy.load()
        if part is not None:
            part = self._check(instance, self._name, part)
        if lazy.cache:
            instance.__dict__[self._private] = part
            instance.__dict__["_on_disk"][self._name] = (lazy, part, _digest(part))
        return part


def held_part(dataset: Any, name: str) -> Any:
    """Return the part ``name`` of a dataset if it is in memory, else None: nothing is read from file."""
    value = dataset.__dict__.get(f"_{name}")
    return None if isinstance(value, LazyPart) else value


def drop_cache(dataset: Any) -> list[str]:
    """Let go of the parts that can be read again from file as they are, and return their names.

    What has no file behind it, and what was changed since it was read, stays.
    """
    dropped = []
    on_disk = dataset.__dict__.get("_on_disk", {})
    for name, (lazy, part, digest) in list(on_disk.items()):
        if dataset.__dict__[f"_{name}"] is part and _digest(part) == digest:
            dataset.__dict__[f"_{name}"] = lazy
            del on_disk[name]
            dropped.append(name)
    return dropped


def _digest(part: Any) -> int:
    """Return a number that changes with the arrays of a part."""
    return hash(tuple(array.tobytes() for array in _arrays_of(part)))


def _arrays_of(part: Any) -> list[np.ndarray]:
    """Return the arrays of a map, or of the maps that an IRF map is made of."""
    if isinstance(getattr(part, "data", None), np.ndarray):
        return [part.data]
    maps = [value for value in vars(part).values() if hasattr(value, "geom")] if part is not None else []
    return [inner.data for inner in maps]
