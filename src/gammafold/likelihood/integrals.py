"""A flux integrated over bins of true energy, with its derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.differences import differentiate
from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.quadrature import BinQuadrature, MovingQuadrature

__all__ = ["BinIntegrals"]

Array = NDArray[np.float64]


class BinIntegrals:
    """The integrals of one flux over J bins.

    Parameters
    ----------
    flux : FluxFunction
        The flux.
    edges : array, shape (J + 1,)
        Edges of the bins in TeV.
    """

    def __init__(self, flux: FluxFunction, edges: Array) -> None:
        self.flux = flux
        self.n_bins = len(edges) - 1
        self._low, self._high = edges[:-1], edges[1:]
        self._quadrature = BinQuadrature(edges, flux.breaks)
        self._moving = MovingQuadrature(edges, flux.breaks) if flux.moving_breaks is not None else None

    @property
    def n_nodes(self) -> int:
        """Energies at which the flux is evaluated."""
        return len(self._quadrature.energy)

    def value(self, *parameters: Any) -> Array:
        """Integrals (J,) for scalars, (N, J) for columns (N, 1) of parameters."""
        flux = self.flux
        if flux.integral is not None:
            return flux.integral(self._low, self._high, *parameters)
        if self._moving is not None and flux.moving_breaks is not None:
            return self._moving.integrate(flux.evaluate, flux.moving_breaks(*parameters), parameters)
        return self._quadrature.integrate(flux.evaluate(self._quadrature.energy, *parameters))

    def derivatives(self, values: Array, which: NDArray[np.intp], steps: Array) -> Array:
        """Derivatives of the integrals, (p, N, J).

        Parameters
        ----------
        values : array, shape (N, n)
            Parameters of the flux; only those in ``which`` may differ from row to row.
        which : int array, shape (p,)
            The parameters with respect to which.
        steps : array, shape (N, p)
            Steps for differences, where the flux has no derivatives.
        """
        flux = self.flux
        columns = _columns(values, which)
        derivatives = np.empty((len(which), len(values), self.n_bins))
        if flux.integral_derivatives is not None:
            by_bin = flux.integral_derivatives(self._low, self._high, *columns)
            for row, i in enumerate(which):
                derivatives[row] = by_bin[i]
        elif flux.derivatives is not None:
            by_node = flux.derivatives(self._quadrature.energy, *columns)
            shape = (len(values), self.n_nodes)
            for row, i in enumerate(which):
                derivatives[row] = self._quadrature.integrate(np.broadcast_to(by_node[i], shape))
        else:
            return differentiate(self.value, values, which, steps)
        return derivatives

    def value_and_derivatives(self, values: Array, which: NDArray[np.intp], steps: Array) -> tuple[Array, Array]:
        """Integrals (N, J), and their derivatives (p, N, J), with arguments as in `derivatives`."""
        derivatives = self.derivatives(values, which, steps)
        columns = _columns(values, which)
        for row, i in enumerate(which):
            if i == self.flux.proportional:
                return columns[i] * derivatives[row], derivatives
        return np.broadcast_to(self.value(*columns), derivatives.shape[1:]), derivatives


def _columns(values: Array, which: NDArray[np.intp]) -> list[Array]:
    """Columns (N, 1) of the parameters in ``which``, and (1, 1) of the others: what depends on these is done once."""
    columns = [column[:1, None] for column in values.T]
    for i in which:
        columns[i] = values[:, i, None]
    return columns
