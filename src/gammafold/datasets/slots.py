"""Attributes of datasets that are checked when they are set and may stay on disk until they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from typing import Any

import numpy as np

from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError

__all__ = ["DataSlot", "LazyPart", "drop_cache", "held_part", "is_on_disk"]


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
    available : callable, optional
        Takes no argument and returns whether ``load`` would give the same again. Default: always.
    """

    __slots__ = ("available", "cache", "load", "source")

    def __init__(
        self,
        load: Callable[[], Any],
        source: str,
        cache: bool = True,
        available: Callable[[], bool] | None = None,
    ) -> None:
        self.load = load
        self.source = source
        self.cache = cache
        self.available = available

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
        if held is None:
            return
        seen = instance.__dict__.setdefault("_as_checked", {})
        form = _form(held)
        before = seen.get(self._name)
        # Of a map that is the one that was checked, only the numbers can have changed.
        if before is not None and all(map(is_, form, before)) and _are_plain_numbers(held.data):
            return
        self._check(instance, self._name, held)
        if form:
            seen[self._name] = form

    def _read(self, instance: Any, lazy: LazyPart) -> Any:
        part = lazy.load()
        if part is not None:
            try:
                part = self._check(instance, self._name, part)
            except (InputError, InputTypeError, UnitsError) as error:
                raise FileFormatError(f"{lazy.source}: {error}") from error
        if lazy.cache:
            instance.__dict__[self._private] = part
            instance.__dict__["_on_disk"][self._name] = (lazy, part, _digest(part))
        return part


def _form(part: Any) -> tuple[Any, ...]:
    """Return what a map is besides its numbers; nothing for parts of other kinds."""
    return (part, part.data, part.geom, part.unit) if isinstance(part, RegionNDMap) else ()


def _are_plain_numbers(data: np.ndarray) -> bool:
    """Return True if numbers are finite and not negative, which every part may be."""
    return data.dtype.kind == "b" or bool(data.dtype.kind in "fiu" and np.isfinite(data.sum()) and data.min() >= 0)


def held_part(dataset: Any, name: str) -> Any:
    """Return the part ``name`` of a dataset if it is in memory, else None: nothing is read from file."""
    value = dataset.__dict__.get(f"_{name}")
    return None if isinstance(value, LazyPart) else value


def is_on_disk(dataset: Any, name: str) -> bool:
    """Return True if the part ``name`` of a dataset was not read from its file yet: whether it is there is unknown."""
    return isinstance(dataset.__dict__.get(f"_{name}"), LazyPart)


def drop_cache(dataset: Any) -> list[str]:
    """Let go of the parts that can be read again from file as they are, and return their names.

    What has no file behind it, what was changed since it was read, and what the file does not hold any more, stays.
    """
    dropped = []
    on_disk = dataset.__dict__.get("_on_disk", {})
    for name, (lazy, part, digest) in list(on_disk.items()):
        readable = lazy.available is None or lazy.available()
        if readable and dataset.__dict__[f"_{name}"] is part and _digest(part) == digest:
            dataset.__dict__[f"_{name}"] = lazy
            del on_disk[name]
            dropped.append(name)
    return dropped


def _digest(part: Any) -> bytes:
    """Return bytes that change with the content of a part, and are the same in another process."""
    digest = hashlib.blake2b(digest_size=16)
    for item in _content(part):
        digest.update(item if isinstance(item, bytes) else str(item).encode())
        digest.update(b"\0")
    return digest.digest()


def _content(part: Any) -> Iterator[Any]:
    """Give what a map, a response made of maps, good time intervals or a table hold, as bytes and strings."""
    if part is None:
        return
    if hasattr(part, "geom"):
        yield from (part.unit, part.data.dtype, part.data.shape, part.data.tobytes())
        yield from (axis.edges.value.tobytes() for axis in part.geom.axes)
        yield from _plain(part.meta)
    elif hasattr(part, "met_start"):
        yield from (part.time_ref.isot, part.met_start.value.tobytes(), part.met_stop.value.tobytes())
    elif hasattr(part, "colnames"):
        yield from part.colnames
        yield from (repr(list(part[name])) for name in part.colnames)
        yield from _plain(part.meta)
    else:
        for inner in vars(part).values():
            if hasattr(inner, "geom"):
                yield from _content(inner)


def _plain(meta: Mapping[Any, Any]) -> Iterator[Any]:
    """Give the entries of meta data; numbers and quantities to the last bit."""
    for key, value in meta.items():
        number = getattr(value, "value", value)
        exact = np.asarray(number).tobytes() if isinstance(number, np.ndarray | np.generic | float) else b""
        yield from (key, repr(value), exact)
