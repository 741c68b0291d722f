"""Blocks: what many datasets share is computed once for all of them.

Datasets with the same axis of true energy and the same model are stacked by rows into one block. The
flux is integrated once, and the counts of all of them are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.differences import differentiate
from gammafold.likelihood.factors import FreeParameters, RowFactor
from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.integrals import BinIntegrals
from gammafold.likelihood.response import Response
from gammafold.likelihood.spec import BackgroundTerm, DatasetSpec, ParametricFactor, SignalTerm

__all__ = ["BackgroundBlock", "SignalBlock", "background_blocks", "signal_blocks"]

Array = NDArray[np.float64]
Rows = slice | NDArray[np.intp]
Columns = NDArray[np.intp]


class SignalBlock:
    """One flux in some datasets with the same bins of true energy.

    Parameters
    ----------
    flux : FluxFunction
        The flux.
    index : tuple of int
        Positions of its parameters in the full vector.
    edges : array, shape (J + 1,)
        Edges of the bins of true energy, in TeV.
    matrix : array, shape (K_b, J)
        Response of all datasets, with constant factors.
    rows : slice or int array (K_b,)
        Where the bins stand in the joint vector of bins.
    free : int array, shape (p,)
        Positions of the free parameters in the full vector.
    factors : sequence of RowFactor
        Factors on the counts of some of the datasets that depend on parameters.
    """

    def __init__(
        self,
        flux: FluxFunction,
        index: tuple[int, ...],
        edges: Array,
        matrix: Array,
        rows: Rows,
        free: NDArray[np.intp],
        factors: Sequence[RowFactor] = (),
    ) -> None:
        # True energies from which nothing reaches these bins need no flux.
        first, last = _used_columns(matrix)
        self.integrals = BinIntegrals(flux, edges[first : last + 1])
        self.response = Response(matrix[:, first:last])
        self.rows = rows
        self.index = np.array(index, dtype=int)
        self.factors = tuple(factors)
        self.own = FreeParameters.among(self.index, free)

    def counts(self, full: Sequence[Any]) -> Array:
        """Counts (..., K_b), for the full parameter vector as scalars or columns (N, 1)."""
        counts = self.response.fold(self.integrals.value(*[full[i] for i in self.index]))
        return counts * self._scale(full) if self.factors else counts

    def _scale(self, full: Any) -> Array:
        """All factors (..., K_b) on the counts, where there are any."""
        values = [factor.value(full) for factor in self.factors]
        batch = np.broadcast_shapes(*(np.shape(value) for value in values))[:-1]
        scale = np.ones((*batch, self.response.n_bins))
        for factor, value in zip(self.factors, values, strict=True):
            scale[..., factor.rows] = value
        return scale

    def jacobian(self, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Derivatives (p_b, N, K_b) of the counts for vectors (N, P), and their columns among the free ones.

        ``steps`` (N, P) are for differences.
        """
        own = self.own
        if not self.factors and len(own.which):
            return self.response.fold(self._slopes_by_bin(full, steps)), own.columns
        columns = full.T[..., None]
        parts, where = [np.zeros((0, len(full), self.response.n_bins))], [np.zeros(0, dtype=int)]
        if len(own.which):
            parts.append(self.response.fold(self._slopes_by_bin(full, steps)) * self._scale(columns))
            where.append(own.columns)
        if any(len(factor.own.which) for factor in self.factors):
            steady = self.response.fold(self.integrals.value(*columns[self.index]))
            for factor in self.factors:
                part = np.zeros((len(factor.own.which), len(full), self.response.n_bins))
                part[..., factor.rows] = factor.slopes(full, steps) * steady[..., factor.rows]
                parts.append(part)
                where.append(factor.own.columns)
        return np.concatenate(parts), np.concatenate(where)

    def _slopes_by_bin(self, full: Array, steps: Array) -> Array:
        """Derivatives (p, N, J) of the integrals with respect to the flux's own free parameters."""
        own = self.own
        return self.integrals.derivatives(full[:, self.index], own.which, steps[:, self.index][:, own.which])

    def counts_and_jacobian(self, full: Array, steps: Array) -> tuple[Array, Array, Columns]:
        """Counts (N, K_b), and what `jacobian` returns, from one evaluation of the flux."""
        own = self.own
        if self.factors or not len(own.which):
            return self.counts(list(full.T[..., None])), *self.jacobian(full, steps)
        values, local = full[:, self.index], steps[:, self.index]
        integrals, by_bin = self.integrals.value_and_derivatives(values, own.which, local[:, own.which])
        return self.response.fold(integrals), self.response.fold(by_bin), own.columns

    def pull_back(self, weights: Array, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Sum weights (N, K_b) times the Jacobian over the bins: (p_b, N), and the columns.

        The adjoint of the fold: one product for all parameters.
        """
        own = self.own
        if not self.factors and len(own.which):
            return _contract(self._slopes_by_bin(full, steps), self.response.unfold(weights)), own.columns
        columns = full.T[..., None]
        pulled, where = [np.zeros((0, len(full)))], [np.zeros(0, dtype=int)]
        if len(own.which):
            scaled = self.response.unfold(weights * self._scale(columns))
            pulled.append(_contract(self._slopes_by_bin(full, steps), scaled))
            where.append(own.columns)
        if any(len(factor.own.which) for factor in self.factors):
            steady = weights * self.response.fold(self.integrals.value(*columns[self.index]))
            for factor in self.factors:
                pulled.append(factor.slopes(full, steps)[..., 0] * steady[:, factor.rows].sum(axis=-1))
                where.append(factor.own.columns)
        return np.concatenate(pulled), np.concatenate(where)


class BackgroundBlock:
    """A background of one dataset that depends on parameters."""

    def __init__(self, term: BackgroundTerm, function: Callable[..., Any], rows: slice, free: NDArray[np.intp]) -> None:
        self.term, self.function, self.rows = term, function, rows
        self.index = np.array(term.index, dtype=int)
        self.own = FreeParameters.among(self.index, free)

    def counts(self, full: Sequence[Any]) -> Array:
        """Counts (..., K_b), for the full parameter vector as scalars or columns (N, 1)."""
        return self._counts(*[full[i] for i in self.index])

    def _counts(self, *parameters: Any) -> Array:
        return self.term.template * self.function(self.term.energy, *parameters)

    def jacobian(self, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Derivatives (p_b, N, K_b) for vectors (N, P), and their columns among the free parameters."""
        own = self.own
        if not len(own.which):
            return np.zeros((0, len(full), len(self.term.template))), own.columns
        values, local = full[:, self.index], steps[:, self.index]
        return differentiate(self._counts, values, own.which, local[:, own.which]), own.columns

    def counts_and_jacobian(self, full: Array, steps: Array) -> tuple[Array, Array, Columns]:
        """Counts (N, K_b), and what `jacobian` returns."""
        return self.counts(list(full.T[..., None])), *self.jacobian(full, steps)

    def pull_back(self, weights: Array, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Sum weights (N, K_b) times the Jacobian over the bins: (p_b, N), and the columns."""
        jacobian, columns = self.jacobian(full, steps)
        return _contract(jacobian, weights), columns


def _contract(jacobian: Array, weights: Array) -> Array:
    """Sum (p, N, K) times (N, K) over the bins: (p, N)."""
    summed: Array = np.einsum("pnk,nk->pn", jacobian, weights)
    return summed


def signal_blocks(
    datasets: Sequence[DatasetSpec], slices: Sequence[slice], free: NDArray[np.intp]
) -> list[SignalBlock]:
    """Stack the signal terms of datasets into as few blocks as possible."""
    groups: dict[tuple[Any, ...], list[tuple[DatasetSpec, SignalTerm, slice]]] = {}
    for dataset, rows in zip(datasets, slices, strict=True):
        edges_key = dataset.edges_true.tobytes()
        for term in _single_fluxes(dataset.signal):
            key: tuple[Any, ...] = (id(term.flux), term.index, edges_key)
            while groups.get(key) and groups[key][-1][0] is dataset:
                # The same flux again in one dataset: a bin stands at most once in a block.
                key = (*key, "again")
            groups.setdefault(key, []).append((dataset, term, rows))
    return [_stack(members, free) for members in groups.values()]


def _single_fluxes(terms: Sequence[SignalTerm]) -> list[SignalTerm]:
    """Take sums of fluxes apart."""
    singles: list[SignalTerm] = []
    for term in terms:
        if not term.flux.parts:
            singles.append(term)
            continue
        for flux, positions, sign in term.flux.parts:
            index = tuple(term.index[i] for i in positions)
            singles += _single_fluxes([SignalTerm(flux, index, _times(term.factor, sign))])
    return singles


def _times(factor: float | ParametricFactor, sign: float) -> float | ParametricFactor:
    if isinstance(factor, tuple):
        function, index = factor
        return (lambda *parameters: sign * function(*parameters)), index
    return factor * sign


def _stack(members: list[tuple[DatasetSpec, SignalTerm, slice]], free: NDArray[np.intp]) -> SignalBlock:
    dataset, term, _ = members[0]
    matrices, factors, start = [], [], 0
    for member, own, _ in members:
        rows = slice(start, start + member.n_bins)
        start = rows.stop
        if isinstance(own.factor, tuple):
            function, index = own.factor
            factors.append(RowFactor(rows, function, index, FreeParameters.among(index, free)))
            matrices.append(member.response)
        else:
            matrices.append(float(own.factor) * member.response)
    merged = _merge_rows([rows for *_, rows in members])
    return SignalBlock(term.flux, term.index, dataset.edges_true, np.concatenate(matrices), merged, free, factors)


def _merge_rows(slices: list[slice]) -> Rows:
    if all(left.stop == right.start for left, right in pairwise(slices)):
        return slice(slices[0].start, slices[-1].stop)
    return np.concatenate([np.arange(rows.start, rows.stop) for rows in slices])


def _used_columns(matrix: Array) -> tuple[int, int]:
    used = np.flatnonzero(matrix.any(axis=0))
    return (int(used[0]), int(used[-1]) + 1) if used.size else (0, min(1, matrix.shape[1]))


def background_blocks(
    datasets: Sequence[DatasetSpec], slices: Sequence[slice], n_bins: int, free: NDArray[np.intp]
) -> tuple[Array, list[BackgroundBlock]]:
    """Return the background (K,) that depends on nothing, and the blocks of those that depend on parameters."""
    fixed = np.zeros(n_bins)
    blocks = []
    for dataset, rows in zip(datasets, slices, strict=True):
        term = dataset.background
        if term is None:
            continue
        if term.function is None:
            fixed[rows] += term.template
        else:
            blocks.append(BackgroundBlock(term, term.function, rows, free))
    return fixed, blocks
