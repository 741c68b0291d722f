"""The response of many datasets as one matrix, dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Response"]

Array = NDArray[np.float64]

# Below this density, and above this size, a sparse product is faster than a dense one (measured with
# matrices of energy dispersion of 80 x 80 to 1000 x 1000 bins on one core).
_SPARSE_DENSITY = 0.1
_SPARSE_SIZE = 200_000


class Response:
    """Counts in K bins of reconstructed energy for integrals of a flux over J bins of true energy.

    Parameters
    ----------
    matrix : array, shape (K, J)
        Energy dispersion times exposure, in cm2 s.

    Examples
    --------
    >>> response = Response(np.array([[1.0, 0.0], [0.5, 2.0]]))
    >>> response.fold(np.array([10.0, 1.0]))
    array([10.,  7.])
    >>> response.unfold(np.array([1.0, 1.0]))
    array([1.5, 2. ])
    """

    def __init__(self, matrix: Array) -> None:
        self.n_bins, self.n_true = matrix.shape
        self._sparse: Any = None
        density = np.count_nonzero(matrix) / max(matrix.size, 1)
        if matrix.size > _SPARSE_SIZE and density < _SPARSE_DENSITY:
            from scipy.sparse import csr_array

            self._sparse = csr_array(matrix)
            self._sparse_transposed = csr_array(matrix.T)
        else:
            self._matrix = np.ascontiguousarray(matrix)

    @property
    def is_sparse(self) -> bool:
        """Whether only the elements that are not zero are kept."""
        return self._sparse is not None

    @property
    def matrix(self) -> Any:
        """The matrix (K, J): an array, or a sparse array."""
        return self._matrix if self._sparse is None else self._sparse

    def fold(self, integrals: Array) -> Array:
        """Counts (..., K) for integrals (..., J)."""
        if self._sparse is None:
            return integrals @ self._matrix.T
        return _sparse_product(self._sparse, integrals)

    def unfold(self, weights: Array) -> Array:
        """The adjoint of `fold`: (..., J) for weights (..., K)."""
        if self._sparse is None:
            return weights @ self._matrix
        return _sparse_product(self._sparse_transposed, weights)


def _sparse_product(matrix: Any, values: Array) -> Array:
    """``values @ matrix.T`` for a sparse matrix."""
    if values.ndim == 1:
        return matrix @ values
    flat = values.reshape(-1, values.shape[-1])
    return np.ascontiguousarray((matrix @ flat.T).T).reshape(*values.shape[:-1], -1)
