"""The array namespace of a formula: NumPy, unless an argument belongs to another one such as JAX."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["namespace_of"]

_NUMPY = (float, int, np.ndarray, np.generic)


def namespace_of(*arrays: Any) -> Any:
    """Return the namespace that the arguments of a formula share; quantities are NumPy arrays.

    Examples
    --------
    >>> namespace_of(np.ones(2), 1.0).__name__
    'numpy'
    """
    for array in arrays:
        if not isinstance(array, _NUMPY):
            return array.__array_namespace__()
    return np
