"""Blocks: what many datasets share is computed once for all of them.

Datasets with the same axis of true energy and the same model are stacked by rows into one block. The
flux is integrated once, and the counts of all of them are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.differences import differentiate
from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.integrals import BinIntegrals
from gammafold.likelihood.response import Response
from gammafold.likelihood.spec import BackgroundTerm, DatasetSpec, ParametricFactor, SignalTerm

__all__ = ["BackgroundBlock", "FreeParameters", "SignalBlock", "background_blocks", "signal_blocks"]

Array = NDArray[np.float64]
Rows = slice | NDArray[np.intp]
Columns = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FreeParameters:
    """Where the free parameters of the likelihood stand among the parameters of one function.

    ``columns[c]`` of the Jacobian gets the derivative with respect to the function's parameter ``which[c]``.
    """

    which: NDArray[np.intp]
    columns: NDArray[np.intp]

    @classmethod
    def among(cls, index: Iterable[int], free: NDArray[np.intp]) -> FreeParameters:
        """Find the free parameters, at positions ``free`` of the full vector, in ``index``."""
        column = {int(position): i for i, position in enumerate(free)}
        # A linked parameter may stand twice in one function: each place adds its own derivative.
        pairs = [(i, column[position]) for i, position in enumerate(index) if position in column]
        return cls(np.array([i for i, _ in pairs], dtype=int), np.array([c for _, c in pairs], dtype=int))


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
    factor : (callable, positions), optional
        A factor that depends on parameters.
    """

    def __init__(
        self,
        flux: FluxFunction,
        index: tuple[int, ...],
        edges: Array,
        matrix: Array,
        rows: Rows,
        free: NDArray[np.intp],
        factor: ParametricFactor | None = None,
    ) -> None:
        # True energies from which nothing reaches these bins need no flux.
        first, last = _used_columns(matrix)
        self.integrals = BinIntegrals(flux, edges[first : last + 1])
        self.response = Response(matrix[:, first:last])
        self.rows = rows
        self.index = np.array(index, dtype=int)
        self.factor = factor
        self.factor_index = np.array(factor[1] if factor else (), dtype=int)
        self.own = FreeParameters.among(self.index, free)
        self.factor_own = FreeParameters.among(self.factor_index, free)

    def counts(self, full: Sequence[Any]) -> Array:
        """Counts (..., K_b), for the full parameter vector as scalars or columns (N, 1)."""
        counts = self.response.fold(self.integrals.value(*[full[i] for i in self.index]))
        if self.factor is None:
            return counts
        return counts * self.factor[0](*[full[i] for i in self.factor_index])

    def jacobian(self, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Derivatives (p_b, N, K_b) of the counts for vectors (N, P), and their columns among the free ones.

        ``steps`` (N, P) are for differences.
        """
        own = self.own
        columns = full.T[..., None]
        scale = 1.0 if self.factor is None else self.factor[0](*columns[self.factor_index])
        parts = []
        if len(own.which):
            values, local = full[:, self.index], steps[:, self.index]
            by_bin = self.integrals.derivatives(values, own.which, local[:, own.which])
            parts.append((self.response.fold(by_bin) * scale, own.columns))
        if self.factor is not None:
            parts.append(self._factor_jacobian(full, steps))
        if not parts:
            return np.zeros((0, len(full), self.response.n_bins)), np.zeros(0, dtype=int)
        return np.concatenate([part for part, _ in parts]), np.concatenate([where for _, where in parts])

    def counts_and_jacobian(self, full: Array, steps: Array) -> tuple[Array, Array, Columns]:
        """Counts (N, K_b), and what `jacobian` returns, from one evaluation of the flux."""
        own = self.own
        if self.factor is not None or not len(own.which):
            return self.counts(list(full.T[..., None])), *self.jacobian(full, steps)
        values, local = full[:, self.index], steps[:, self.index]
        integrals, by_bin = self.integrals.value_and_derivatives(values, own.which, local[:, own.which])
        return self.response.fold(integrals), self.response.fold(by_bin), own.columns

    def _factor_jacobian(self, full: Array, steps: Array) -> tuple[Array, Columns]:
        own = self.factor_own
        if self.factor is None or not len(own.which):
            return np.zeros((0, len(full), self.response.n_bins)), own.columns
        values, local = full[:, self.factor_index], steps[:, self.factor_index]
        slope = differentiate(self.factor[0], values, own.which, local[:, own.which])
        steady = self.response.fold(self.integrals.value(*full.T[..., None][self.index]))
        return slope * steady, own.columns

    def pull_back(self, weights: Array, full: Array, steps: Array) -> tuple[Array, Columns]:
        """Sum weights (N, K_b) times the Jacobian over the bins: (p_b, N), and the columns.

        The adjoint of the fold: one product for all parameters.
        """
        if self.factor is not None:
            jacobian, columns = self.jacobian(full, steps)
            return _contract(jacobian, weights), columns
        own = self.own
        if not len(own.which):
            return np.zeros((0, len(full))), own.columns
        values, local = full[:, self.index], steps[:, self.index]
        by_bin = self.integrals.derivatives(values, own.which, local[:, own.which])
        return _contract(by_bin, self.response.unfold(weights)), own.columns


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
    for number, (dataset, rows) in enumerate(zip(datasets, slices, strict=True)):
        edges_key = dataset.edges_true.tobytes()
        for term in _single_fluxes(dataset.signal):
            # A factor with parameters belongs to its dataset alone.
            alone = None if isinstance(term.factor, float | int) else number
            key: tuple[Any, ...] = (id(term.flux), term.index, edges_key, alone)
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
    dataset, term, rows = members[0]
    if isinstance(term.factor, tuple):
        return SignalBlock(term.flux, term.index, dataset.edges_true, dataset.response, rows, free, term.factor)
    matrix = np.concatenate([float(t.factor) * d.response for d, t, _ in members])  # type: ignore[arg-type]
    return SignalBlock(term.flux, term.index, dataset.edges_true, matrix, _merge_rows([r for *_, r in members]), free)


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
