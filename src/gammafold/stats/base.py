"""What statistics have in common: data arrays that are joined, selected and replaced together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["BinnedStatistic"]

Array = NDArray[np.float64]


class BinnedStatistic:
    """A statistic of K bins, or of a batch of N times K bins.

    Subclasses name their data arrays in ``fields`` (the order of the constructor) and prepare what depends on
    the data alone in ``_prepare``.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    offset: Any

    def __init__(self, *arrays: Any) -> None:
        for name, array in zip(self.fields, arrays, strict=True):
            setattr(self, name, np.asarray(array, dtype=float))
        self._prepare()

    def _prepare(self) -> None:
        """Compute what depends on the data alone."""

    @property
    def _arrays(self) -> list[Array]:
        return [getattr(self, name) for name in self.fields]

    @property
    def n_bins(self) -> int:
        """K, the number of bins."""
        return int(self._arrays[0].shape[-1])

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return one statistic of the bins of several, in order."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part._arrays for part in parts), strict=True)
        return cls(*(np.concatenate(column, axis=-1) for column in columns))

    def select(self, bins: Any) -> Self:
        """Return the statistic of some bins: a mask, a slice, or indices in any order."""
        return type(self)(*(array[..., bins] for array in self._arrays))

    def at_rows(self, rows: Any) -> Self:
        """Return the statistic of some rows of a batch; data that all rows share stay."""
        return type(self)(*(array[rows] if array.ndim > 1 else array for array in self._arrays))

    def with_data(self, **arrays: Any) -> Self:
        """Return the statistic with some of its data replaced, (K,) or (N, K)."""
        current = dict(zip(self.fields, self._arrays, strict=True))
        return type(self)(*{**current, **arrays}.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.n_bins} bins"
