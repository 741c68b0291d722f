"""Statistics inside JAX: their data as arguments of a traced function, and their own derivatives.

A kernel (`gammafold.stats.kernels`) computes in any array namespace. Here it is taken apart into arrays, which may be
rows of a batch, and a skeleton of what is fixed when a function is compiled; and JAX is told the first and second
derivative that the kernel has, exact at every corner where a formula differentiated step by step would be NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

__all__ = ["Skeleton", "batch_axes", "deviance", "gradient", "put_together", "take_apart"]

Array = NDArray[np.float64]
# A class, and its attributes by name: an array's place (None), a constant, or the skeleton of an object.
Skeleton = tuple[type, tuple[tuple[str, Any], ...]]


def take_apart(kernel: Any) -> tuple[list[Array], Skeleton]:
    """Return the arrays of a kernel, and what is left: hashable, and equal for data that compile to the same.

    Examples
    --------
    >>> from gammafold.stats.kernels import CashStatistic
    >>> arrays, skeleton = take_apart(CashStatistic([3.0, 1.0]))
    >>> put_together(skeleton, arrays).counts
    array([3., 1.])
    """
    arrays: list[Array] = []
    rest: list[tuple[str, Any]] = []
    for name in _attributes(kernel):
        value = getattr(kernel, name)
        if name == "offset":
            # A sum over the bins, which no derivative needs.
            continue
        if isinstance(value, np.ndarray):
            arrays.append(value)
            rest.append((name, None))
        elif type(value).__module__.startswith("gammafold."):
            inner, skeleton = take_apart(value)
            arrays += inner
            rest.append((name, skeleton))
        else:
            rest.append((name, value))
    return arrays, (type(kernel), tuple(rest))


def _attributes(thing: Any) -> list[str]:
    return list(vars(thing)) if hasattr(thing, "__dict__") else list(thing.__slots__)


def put_together(skeleton: Skeleton, arrays: list[Any]) -> Any:
    """Return a kernel of arrays of any namespace."""
    return _put_together(skeleton, iter(arrays))


def _put_together(skeleton: Skeleton, arrays: Iterator[Any]) -> Any:
    cls, attributes = skeleton
    thing: Any = object.__new__(cls)
    for name, value in attributes:
        if value is None:
            value = next(arrays)
        elif isinstance(value, tuple) and isinstance(value[0], type):
            value = _put_together(value, arrays)
        setattr(thing, name, value)
    return thing


def batch_axes(arrays: list[Array]) -> list[int | None]:
    """Return for each array of a kernel whether it is a batch (N, K), axis 0, or shared by all rows, None."""
    return [0 if array.ndim > 1 else None for array in arrays]


# The data are arguments, so that other data of the same shapes compile nothing; nobody differentiates by them.
@partial(jax.custom_jvp, nondiff_argnums=(0,))
def deviance(skeleton: Skeleton, mu: Any, arrays: list[Any]) -> Any:
    """Return the deviance () of one row of predictions (K,)."""
    return put_together(skeleton, arrays).deviance(mu)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def gradient(skeleton: Skeleton, mu: Any, arrays: list[Any]) -> Any:
    """Return the derivative (K,) of the deviance with respect to the predictions."""
    return put_together(skeleton, arrays).gradient(mu)


@deviance.defjvp
def _deviance_rule(skeleton: Skeleton, primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    mu, arrays = primals
    return deviance(skeleton, mu, arrays), (gradient(skeleton, mu, arrays) * tangents[0]).sum(axis=-1)


@gradient.defjvp
def _gradient_rule(skeleton: Skeleton, primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    mu, arrays = primals
    curvature = put_together(skeleton, arrays).curvature(mu)
    return gradient(skeleton, mu, arrays), curvature * tangents[0]
