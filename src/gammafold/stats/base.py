"""What statistics have in common: data arrays that are joined, selected and replaced together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputTypeError

__all__ = ["BinnedStatistic"]

Array = NDArray[np.float64]


class BinnedStatistic(ABC):
    """A statistic of K bins, or of a batch of N times K bins. It never changes: its data are read-only copies.

    Subclasses name their data arrays in ``fields`` (the order of the constructor) and prepare what depends on
    the data alone in ``_prepare``.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    offset: Any

    def __init__(self, *arrays: Any) -> None:
        for name, array in zip(self.fields, arrays, strict=True):
            setattr(self, name, _frozen(array))
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Compute what depends on the data alone."""

    @property
    def _arrays(self) -> list[Array]:
        return [getattr(self, name) for name in self.fields]

    @property
    def n_bins(self) -> int:
        """K, the number of bins."""
        return int(self._arrays[0].shape[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """(N,) if any of the data are a batch, else ()."""
        return np.broadcast_shapes(*(array.shape[:-1] for array in self._arrays))

    def background(self, mu: Array) -> Array:
        """Best background (..., K) beside a prediction ``mu``: none, where the prediction holds it."""
        return np.zeros_like(mu)

    @abstractmethod
    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""

    @abstractmethod
    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K)."""

    def expansion(self, mu: Array) -> tuple[Any, Array, Array]:
        """Deviance (...), gradient (..., K) and Fisher weight (..., K) together."""
        return *self.deviance_and_gradient(mu), self.fisher(mu)

    @property
    def observed_counts(self) -> Array:
        """What was seen in each bin (K,): the first of the data arrays."""
        return self._arrays[0]

    def with_counts(self, counts: Array) -> Self:
        """Return the statistic with something else seen in each bin, (K,) or (N, K)."""
        return self.with_data(**{self.fields[0]: counts})

    @property
    def measured_background(self) -> Array:
        """Background (K,) that is measured with the counts, in counts: none, where the prediction holds it."""
        return np.zeros_like(self._arrays[0])

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return one statistic of the bins of several, in order; all of this kind, batches of the same length.

        Raises
        ------
        InputTypeError
            If a part is of another kind.
        """
        others = sorted({type(part).__name__ for part in parts if type(part) is not cls})
        if others:
            raise InputTypeError(f"{', '.join(others)} cannot be joined: expected {cls.__name__} alone")
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part._arrays for part in parts), strict=True)
        return cls(*(_side_by_side(column) for column in columns))

    def select(self, bins: Any) -> Self:
        """Return the statistic of some bins: a mask, a slice, or indices in any order."""
        return type(self)(*(array[..., bins] for array in self._arrays))

    def at_rows(self, rows: Any) -> Self:
        """Return the statistic of some rows of a batch; data that all rows share stay."""
        if np.ndim(self.offset) == 0:
            return self
        other = object.__new__(type(self))
        # What was prepared from the data is selected with them, not computed again.
        for name, value in vars(self).items():
            setattr(other, name, _select_rows(value, rows, name == "offset"))
        return other

    def with_data(self, **arrays: Any) -> Self:
        """Return the statistic with some of its data replaced, (K,) or (N, K)."""
        current = dict(zip(self.fields, self._arrays, strict=True))
        return type(self)(*{**current, **arrays}.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.n_bins} bins"


def _frozen(array: Any) -> Array:
    """Return a read-only array that nobody else can change: the given one if it is such, else a copy."""
    if isinstance(array, np.ndarray) and array.dtype == float and array.flags.owndata and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=float)
    copy.flags.writeable = False
    return copy


def _select_rows(value: Any, rows: Any, is_per_row: bool) -> Any:
    if isinstance(value, np.ndarray):
        return value[rows] if is_per_row or value.ndim > 1 else value
    return value.at_rows(rows) if hasattr(value, "at_rows") else value


def _side_by_side(arrays: Sequence[Array]) -> Array:
    """Concatenate bins; data that all rows share are repeated where others are a batch."""
    rows = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
    return np.concatenate([np.broadcast_to(array, (*rows, array.shape[-1])) for array in arrays], axis=-1)
