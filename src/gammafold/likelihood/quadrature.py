"""Gauss-Legendre quadrature in the logarithm of energy, for all bins at once.

Every bin has the same number of nodes, so that the nodes of all bins are one array and the sum over them is one
contraction. Bins are split at the energies where a flux is not smooth, and where they are much wider than
the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.namespace import namespace_of

__all__ = ["BinQuadrature", "MovingQuadrature", "nodes_needed", "split_edges"]

Array = NDArray[np.float64]

# The local index of E * dN/dE that must be integrated to `_ACCURACY`: a power law of index 6 has 5, and the
# steep end of a log parabola or a cutoff a few more.
_STEEPEST = 8.0
_ACCURACY = 1e-10
_MAX_NODES = 24
# Widest piece of a bin, in ln E: a factor of 2 in energy.
_WIDEST = float(np.log(2.0))


@cache
def _legendre(n: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(n)


def nodes_needed(width: float) -> int:
    """Return the number of nodes for bins of a width in ln E.

    The error of n nodes for exp(c x) over a width w, relative to the value at the centre, is
    ``(c w)^(2n) (n!)^4 / ((2n + 1) ((2n)!)^3)`` (Abramowitz & Stegun 1964, 25.4.30).

    Examples
    --------
    >>> nodes_needed(0.06), nodes_needed(0.23)
    (4, 6)
    """
    error = 1.0
    for n in range(1, _MAX_NODES + 1):
        # Ratio of the error of n nodes to that of n - 1.
        ratio = n**4 / ((2 * n + 1) / (2 * n - 1) * (2 * n * (2 * n - 1)) ** 3)
        error *= (_STEEPEST * width) ** 2 * ratio
        if error < _ACCURACY:
            return n
    return _MAX_NODES


def split_edges(edges: Array, breaks: tuple[float, ...]) -> tuple[Array, NDArray[np.intp] | None]:
    """Split bins at breaks, and wide bins into pieces.

    Returns
    -------
    pieces : array, shape (Q + 1,)
        Edges of the pieces.
    starts : int array, shape (J,), or None
        First piece of each bin; None where pieces and bins are the same.
    """
    inside = [energy for energy in breaks if edges[0] < energy < edges[-1]]
    pieces = np.union1d(edges, inside)
    count = np.ceil(np.diff(np.log(pieces)) / _WIDEST).astype(int)
    if count.max() > 1:
        parts = [
            np.geomspace(low, high, n + 1)[1:-1] for low, high, n in zip(pieces[:-1], pieces[1:], count, strict=True)
        ]
        pieces = np.union1d(pieces, np.concatenate(parts))
    if len(pieces) == len(edges):
        return edges, None
    return pieces, np.searchsorted(pieces, edges[:-1])


def _join_pieces(pieces: Any, starts: NDArray[np.intp] | None) -> Any:
    """Sum the pieces (..., Q) of each bin: (..., J)."""
    if starts is None:
        return pieces
    if namespace_of(pieces) is np:
        return np.add.reduceat(pieces, starts, axis=-1)
    # Only NumPy sums by starts; a product with zeros and ones does the same.
    ends = np.append(starts[1:], pieces.shape[-1])
    number = np.arange(pieces.shape[-1])[:, None]
    return pieces @ ((number >= starts) & (number < ends)).astype(float)


class BinQuadrature:
    """Nodes and weights for the integrals over J bins of energy.

    Parameters
    ----------
    edges : array, shape (J + 1,)
        Edges of the bins, > 0 and increasing.
    breaks : tuple of float
        Energies at which the integrand is not smooth.

    Attributes
    ----------
    energy : array, shape (q,)
        Nodes, in no particular order.

    Examples
    --------
    The integral of E^-2 from 1 to 2 and from 2 to 4:

    >>> quadrature = BinQuadrature(np.array([1.0, 2.0, 4.0]))
    >>> quadrature.integrate(quadrature.energy**-2.0).round(9)
    array([0.5 , 0.25])
    """

    def __init__(self, edges: Array, breaks: tuple[float, ...] = ()) -> None:
        pieces, self._starts = split_edges(np.asarray(edges, dtype=float), breaks)
        log_edges = np.log(pieces)
        half = 0.5 * np.diff(log_edges)
        x, weight = _legendre(nodes_needed(float(2 * half.max())))
        nodes = np.exp(log_edges[:-1] + half + half * x[:, None])
        # Integrals over E, on nodes in ln E: the Jacobian is E.
        self._weight = weight[:, None] * half * nodes
        self.energy = nodes.reshape(-1)

    def integrate(self, values: Array) -> Array:
        """Integrate the values (..., q) at the nodes over each bin: (..., J)."""
        weight = self._weight
        by_node = values.reshape(*values.shape[:-1], *weight.shape)
        pieces = namespace_of(values).einsum("...mj,mj->...j", by_node, weight)
        return _join_pieces(pieces, self._starts)


class MovingQuadrature:
    """Quadrature over J bins that are split at energies which depend on the parameters.

    Each bin gets as many pieces as there are breaks, plus one, for every parameter vector; a piece
    that lies outside its bin has no width.

    Parameters
    ----------
    edges : array, shape (J + 1,)
        Edges of the bins.
    breaks : tuple of float
        Fixed energies at which the integrand is not smooth either.
    """

    def __init__(self, edges: Array, breaks: tuple[float, ...] = ()) -> None:
        pieces, self._starts = split_edges(np.asarray(edges, dtype=float), breaks)
        self._log_edges = np.log(pieces)
        self._x, self._weight = _legendre(nodes_needed(float(np.diff(self._log_edges).max())))

    def integrate(self, evaluate: Callable[..., Any], moving: tuple[Any, ...], parameters: tuple[Any, ...]) -> Array:
        """Integrate ``evaluate(energy, *parameters)`` over each bin: (J,) or (N, J).

        Parameters
        ----------
        evaluate : callable
            The integrand; energies are (N, q), or (q,) where the parameters are scalars.
        moving : tuple of float or array (N, 1)
            The moving breaks.
        parameters : tuple of float or array (N, 1)
            Parameters.
        """
        shape = np.broadcast_shapes(*(np.shape(value) for value in (*moving, *parameters)))
        batch = shape[:-1]
        low, high = self._log_edges[:-1], self._log_edges[1:]
        xp = namespace_of(*moving, *parameters)
        cuts = xp.stack([xp.broadcast_to(xp.log(value), (*batch, 1)) for value in moving])
        inner = xp.clip(xp.sort(cuts, axis=0), low, high)
        ends = [xp.broadcast_to(low, (*batch, len(low))), *inner, xp.broadcast_to(high, (*batch, len(high)))]
        total = xp.zeros((*batch, len(low)))
        for left, right in pairwise(ends):
            if xp is not np:
                total = total + self._between(left, right, evaluate, parameters)
                continue
            # Few bins hold a break: the others have no width here.
            some = np.flatnonzero((right > left).reshape(-1, len(low)).any(axis=0))
            if some.size:
                total[..., some] += self._between(left[..., some], right[..., some], evaluate, parameters)
        return _join_pieces(total, self._starts)

    def _between(self, left: Any, right: Any, evaluate: Callable[..., Any], parameters: tuple[Any, ...]) -> Any:
        """Integrate over the ranges of ln E from ``left`` to ``right``, (J,) or (N, J)."""
        xp = namespace_of(left, right, *parameters)
        half = 0.5 * (right - left)
        # (..., m, J), node-major as in BinQuadrature
        energy = xp.exp((left + half)[..., None, :] + half[..., None, :] * self._x[:, None])
        values = evaluate(energy.reshape(*half.shape[:-1], -1), *parameters).reshape(energy.shape) * energy
        return xp.einsum("...mj,m->...j", values, self._weight) * half
