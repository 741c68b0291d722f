"""The array namespace of a model's formula, and what formulas need beyond it.

A formula is written once, for NumPy and for any namespace with its functions, such as ``jax.numpy``: it finds the
namespace by its arguments, writes into no array, and chooses by ``where`` and not by ``if``.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from gammafold.utils.namespace import namespace_of

__all__ = ["exprel", "namespace_of", "normal_cdf", "plain_energy"]

# Of the series of exprel, below |x| = 0.1: the first term left out is 1e-19.
_SERIES = tuple(1.0 / factorial(n + 1) for n in reversed(range(12)))


def exprel(x: Any) -> Any:
    """Return ``(exp(x) - 1) / x``, exact through ``x = 0``, and so are its derivatives.

    Examples
    --------
    >>> exprel(np.array([0.0, 1.0])).round(6)
    array([1.      , 1.718282])
    """
    xp = namespace_of(x)
    if xp is np:
        from scipy.special import exprel as compiled

        return compiled(x)
    small = xp.abs(x) < 0.1
    # What `where` does not choose must be finite, too: its derivative is multiplied by zero.
    near, far = xp.where(small, x, 0.0), xp.where(small, 1.0, x)
    series = 0.0
    for term in _SERIES:
        series = series * near + term
    return xp.where(small, series, xp.expm1(far) / far)


def normal_cdf(x: Any) -> Any:
    """Return the cumulative normal distribution, accurate in the lower tail.

    Examples
    --------
    >>> normal_cdf(np.array([0.0, -20.0]))
    array([5.0000000e-01, 2.7536241e-89])
    """
    if namespace_of(x) is np:
        from scipy.special import ndtr
    else:
        from jax.scipy.special import ndtr
    return ndtr(x)


def plain_energy(energy: Any) -> Any:
    """Return energies as plain numbers in TeV, for formulas with numbers in a fixed unit of energy."""
    return energy.to_value("TeV") if hasattr(energy, "to_value") else energy
