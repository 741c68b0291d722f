"""The likelihood: a function of a batch of parameter vectors.

    theta (N, p)  ->  flux integrals (N, J)  ->  npred (N, K)  ->  statistic (N,)

One evaluation is N = 1; a Hessian, a profile, an error band and an ensemble are larger N.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.likelihood.block import BackgroundBlock, SignalBlock, background_blocks, signal_blocks
from gammafold.likelihood.differences import difference_steps
from gammafold.likelihood.joint_statistic import JointStatistic, join_statistics
from gammafold.likelihood.second_order import SecondOrder
from gammafold.likelihood.spec import DatasetSpec, ParameterSpec
from gammafold.utils.optional import require_package

if TYPE_CHECKING:
    from gammafold.likelihood.jax_likelihood import JaxLikelihood

__all__ = ["Likelihood"]

Array = NDArray[np.float64]

# Numbers held at once in an intermediate array of a batch: 32 MB.
_CHUNK = 4_000_000
# Batches are faster in pieces that a processor's cache holds, if a piece still has this many rows.
_CACHED = 200_000
_ROWS = 64


class Likelihood(SecondOrder):
    """The compiled likelihood of datasets, as a function of their free parameters.

    Immutable; made by `gammafold.datasets.Datasets.likelihood`. ``theta`` is a vector (p,) or a batch
    (N, p) of the free parameters, in the order of `names` and in the parameters' own units; results have the
    matching leading shape. Nothing is checked here: an impossible model gives ``inf``.

    Parameters
    ----------
    datasets : sequence of DatasetSpec
        Data and responses.
    parameters : ParameterSpec
        All parameters.
    priors : sequence of (int, object)
        Positions of parameters with a prior, and the priors: each has ``deviance``, ``gradient`` and ``curvature``.

    Attributes
    ----------
    names : tuple of str, length p
        Names of the free parameters.
    x0, lower, upper, scale : array, shape (p,)
        Their values when this was compiled, their limits (infinite if unset) and typical sizes.
    logarithmic : bool array, shape (p,)
        Which of them minimisers move on a logarithmic scale while they are positive.
    n_free, n_data : int
        Number of free parameters, and of bins that enter the statistic.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(), name="crab")
    >>> likelihood = datasets.likelihood()
    >>> likelihood.names
    ('index', 'amplitude')
    >>> batch = np.array([[2.6, 4.5e-11], [2.7, 4.6e-11]])
    >>> likelihood.stat(batch).round(4)
    array([159.3423, 157.0002])
    """

    def __init__(
        self,
        datasets: Sequence[DatasetSpec],
        parameters: ParameterSpec,
        priors: Sequence[tuple[int, Any]] = (),
    ) -> None:
        self._order_bins(datasets)
        ordered = [dataset for _, dataset in self._members]
        slices = [self._slices[dataset.name] for dataset in ordered]
        free = np.asarray(parameters.free, dtype=int)
        self._fixed, backgrounds = background_blocks(ordered, slices, self._n_bins, free)
        self._signal = signal_blocks(ordered, slices, free)
        self._background: list[BackgroundBlock] = backgrounds
        self._has_fixed = bool(self._fixed.any())
        alone = len(self._signal) == 1 and self._signal[0].rows == slice(0, self._n_bins)
        self._one_block = self._signal[0] if alone else None
        self._priors = tuple(priors)
        self._set_parameters(parameters)

    # -- what it is made of

    def _order_bins(self, datasets: Sequence[DatasetSpec]) -> None:
        """Lay out the bins so that each kind of statistic has one run of them."""
        kinds: dict[type, list[DatasetSpec]] = {}
        for dataset in datasets:
            kinds.setdefault(type(dataset.statistic), []).append(dataset)
        kinds = dict(sorted(kinds.items(), key=lambda item: item[0] is type(None)))
        self._slices: dict[str, slice] = {}
        self._members = [(kind, dataset) for kind, members in kinds.items() for dataset in members]
        start, parts = 0, []
        for kind, members in kinds.items():
            first = start
            for dataset in members:
                self._slices[dataset.name] = slice(start, start + dataset.n_bins)
                start += dataset.n_bins
            if kind is not type(None):
                joined = members[0].statistic.join([dataset.statistic for dataset in members])
                parts.append((slice(first, start), joined))
        self._n_bins = start
        self._names_in_order = [dataset.name for dataset in datasets]
        self.statistic: JointStatistic = join_statistics(parts, start)
        self.n_data = self.statistic.n_data

    def _set_parameters(self, parameters: ParameterSpec) -> None:
        self.parameters = parameters
        self._free = np.asarray(parameters.free, dtype=int)
        self._places: list[int] = self._free.tolist()
        self._values = np.asarray(parameters.values, dtype=float)
        self.x0 = self._values[self._free]
        self.lower, self.upper, self.scale = parameters.lower, parameters.upper, parameters.scale
        self.names = tuple(parameters.names[i] for i in self._free)
        self.n_free = len(self._free)
        none = np.zeros(self.n_free, dtype=bool)
        self.logarithmic = none if parameters.logarithmic is None else parameters.logarithmic
        self._full_scale = np.where(self._values != 0, np.abs(self._values), 1.0)
        self._full_scale[self._free] = self.scale

    def with_parameters(self, values: Array, scale: Array | None = None) -> Likelihood:
        """Return the same likelihood with other values (P,) of all parameters, frozen ones too.

        Parameters
        ----------
        values : array, shape (P,)
            Values.
        scale : array, shape (p,), optional
            Typical sizes of the free ones. Default: as they were.
        """
        other = object.__new__(Likelihood)
        other.__dict__.update(self.__dict__)
        spec = self.parameters
        other._set_parameters(
            replace(spec, values=np.asarray(values, dtype=float), scale=spec.scale if scale is None else scale)
        )
        return other

    def with_statistic(self, statistic: Any) -> Likelihood:
        """Return the same likelihood with other data, such as simulated ones of shape (N, K).

        Parameters
        ----------
        statistic : JointStatistic
            Statistic of the same bins in the same order.
        """
        other = object.__new__(Likelihood)
        other.__dict__.update(self.__dict__)
        other.statistic = statistic
        return other

    def at_rows(self, rows: NDArray[np.intp] | slice) -> Likelihood:
        """Return the likelihood of some rows of a batch; itself where all rows share the same data."""
        if not self.statistic.is_batch:
            return self
        return self.with_statistic(self.statistic.at_rows(rows))

    @property
    def slices(self) -> dict[str, slice]:
        """Where the bins of each dataset stand in the joint vector of bins, by name."""
        return {name: self._slices[name] for name in self._names_in_order}

    def to_jax(self) -> JaxLikelihood:
        """Return the same likelihood in JAX: compiled, exactly differentiated, on a CPU or a GPU, in 64 bits.

        Raises
        ------
        MissingPackageError
            If JAX is not installed.
        InputError
            If a model's formula takes no JAX arrays.
        """
        require_package("jax", "jax")
        from gammafold.likelihood.jax_likelihood import Fold, JaxLikelihood

        return JaxLikelihood(self, Fold(self._fixed, self._signal, self._background, self._priors))

    # -- from parameters to counts

    def full(self, theta: ArrayLike) -> Array:
        """Return all parameters (P,) or (N, P) for free ones (p,) or (N, p)."""
        theta = np.asarray(theta, dtype=float)
        full = np.empty((*theta.shape[:-1], len(self._values)))
        full[...] = self._values
        full[..., self._free] = theta
        return full

    def _scalars(self, theta: Array) -> list[float]:
        """All parameters (P,) as numbers, for free ones (p,)."""
        scalars: list[float] = self._values.tolist()
        for position, value in zip(self._places, theta.tolist(), strict=True):
            scalars[position] = value
        return scalars

    def _columns(self, full: Array) -> list[Array]:
        """Columns (N, 1) of the free parameters, and (1, 1) of the frozen ones: what depends on these is done once."""
        columns = [column[:1, None] for column in full.T]
        for position in self._free:
            columns[position] = full[:, position, None]
        return columns

    def _counts(self, theta: Array, background: bool = True) -> Array:
        """Predicted counts (..., K) in the joint vector of bins."""
        columns = self._scalars(theta) if theta.ndim == 1 else self._columns(self.full(theta))
        if theta.ndim == 1 and self._one_block is not None:
            # The commonest case, and the fastest: one model of all bins.
            counts = self._one_block.counts(columns)
            if background and self._has_fixed:
                counts = counts + self._fixed
        else:
            counts = np.empty((*theta.shape[:-1], self._n_bins))
            counts[...] = self._fixed if background else 0.0
            for block in self._signal:
                counts[..., block.rows] += block.counts(columns)
        for extra in self._background if background else ():
            counts[..., extra.rows] += extra.counts(columns)
        return counts

    def npred(self, theta: ArrayLike) -> dict[str, Array]:
        """Predicted counts, background included: for each dataset its bins (K,) or (N, K)."""
        return self._by_dataset(self._chunked(Likelihood._counts, theta, dense=False))

    def npred_signal(self, theta: ArrayLike) -> dict[str, Array]:
        """Predicted counts of the sources alone, as `npred`."""
        return self._by_dataset(
            self._chunked(lambda one, part: one._counts(part, background=False), theta, dense=False)
        )

    def _by_dataset(self, counts: Array) -> dict[str, Array]:
        return {name: counts[..., self._slices[name]] for name in self._names_in_order}

    # -- the statistic

    def deviance(self, theta: ArrayLike) -> Any:
        """Statistic without the terms that depend on the data alone, priors included.

        Zero for a model that agrees with every bin; use this to minimise, since no digits are lost.
        """
        return self._chunked(Likelihood._deviance, theta, with_data=True, dense=False)

    def _deviance(self, theta: Array) -> Any:
        value = self.statistic.deviance(self._counts(theta))
        return value + self._prior("deviance", self.full(theta)).sum(axis=-1) if self._priors else value

    def stat(self, theta: ArrayLike) -> Any:
        """Statistic with the constants that the field uses, priors included: what ``stat_sum`` returns."""
        return self.deviance(theta) + self.statistic.offset

    def stat_per_dataset(self, theta: ArrayLike) -> dict[str, Any]:
        """Statistic of each dataset, without priors."""
        per_bin = self.statistic.per_bin(self._chunked(Likelihood._counts, theta, dense=False))
        return {name: values.sum(axis=-1) for name, values in self._by_dataset(per_bin).items()}

    def _prior(self, method: str, full: Array) -> Array:
        """Deviance, gradient or curvature (..., P) of the priors on all parameters."""
        result = np.zeros_like(full)
        for position, prior in self._priors:
            result[..., position] += getattr(prior, method)(full[..., position])
        return result

    # -- derivatives

    def _blocks(self) -> list[SignalBlock | BackgroundBlock]:
        return [*self._signal, *self._background]

    def jacobian(self, theta: ArrayLike) -> Array:
        """Derivatives (p, K) or (N, p, K) of the predicted counts in the joint vector of bins."""
        return self._chunked(lambda one, part: _batched(one._jacobian, part), theta)

    def _jacobian(self, theta: Array) -> Array:
        return self._counts_and_jacobian(theta)[1].transpose(1, 0, 2)

    def _counts_and_jacobian(self, theta: Array) -> tuple[Array, Array]:
        """Counts (N, K) and their derivatives (p, N, K)."""
        full = self.full(theta)
        steps = difference_steps(full, self._full_scale)
        counts = np.empty((len(theta), self._n_bins))
        counts[:] = self._fixed
        jacobian = np.zeros((self.n_free, len(theta), self._n_bins))
        for block in self._blocks():
            own, parts, columns = block.counts_and_jacobian(full, steps)
            counts[:, block.rows] += own
            for part, column in zip(parts, columns, strict=True):
                jacobian[column][:, block.rows] += part
        return counts, jacobian

    def deviance_and_gradient(self, theta: ArrayLike) -> tuple[Any, Array]:
        """Deviance () or (N,), and its gradient (p,) or (N, p)."""
        theta = np.asarray(theta, dtype=float)
        single = theta.ndim == 1
        # Chunks return one array: the deviance is its first column.
        batch = theta[None] if single else theta
        joined = self._chunked(Likelihood._deviance_and_gradient, batch, with_data=True, dense=False)
        return (joined[0, 0], joined[0, 1:]) if single else (joined[:, 0], joined[:, 1:])

    def _deviance_and_gradient(self, theta: Array) -> Array:
        full = self.full(theta)
        steps = difference_steps(full, self._full_scale)
        result = np.zeros((len(theta), 1 + self.n_free))
        result[:, 0], weights = self.statistic.deviance_and_gradient(self._counts(theta))
        for block in self._blocks():
            parts, columns = block.pull_back(weights[:, block.rows], full, steps)
            for part, column in zip(parts, columns, strict=True):
                result[:, 1 + column] += part
        if self._priors:
            result[:, 0] += self._prior("deviance", full).sum(axis=-1)
            result[:, 1:] += self._prior("gradient", full)[:, self._free]
        return result

    def gradient(self, theta: ArrayLike) -> Array:
        """Gradient (p,) or (N, p) of the statistic."""
        return self.deviance_and_gradient(theta)[1]

    def fisher(self, theta: ArrayLike) -> Array:
        """Expected Hessian (p, p) or (N, p, p) of the statistic, J^T W J with the Fisher weights W.

        Twice its inverse is the expected covariance.
        """
        return self._chunked(lambda one, part: _batched(one._fisher, part), theta, with_data=True)

    def _fisher(self, theta: Array) -> Array:
        counts, jacobian = self._counts_and_jacobian(theta)
        return self._normal_matrix(theta, self.statistic.fisher(counts), jacobian)

    def _normal_matrix(self, theta: Array, weight: Array, jacobian: Array) -> Array:
        # (N, p, K) @ (N, K, p)
        weighted = (jacobian * weight).transpose(1, 0, 2)
        matrix: Array = weighted @ jacobian.transpose(1, 2, 0)
        if self._priors:
            diagonal = np.arange(self.n_free)
            matrix[:, diagonal, diagonal] += self._prior("curvature", self.full(theta))[:, self._free]
        return matrix

    def normal_equations(self, theta: Array, rows: NDArray[np.intp] | None = None) -> tuple[Array, Array, Array]:
        """Deviance (N,), gradient (N, p) and Fisher matrix (N, p, p) from one evaluation of a batch (N, p).

        ``rows`` (N,) says which rows of a batch of data these are. Default: all, in order.
        """
        p = self.n_free
        # Chunks return one array: what is asked for stands side by side in it.
        joined = self._chunked(Likelihood._normal_equations, theta, with_data=True, rows=rows)
        return joined[:, 0], joined[:, 1 : 1 + p], joined[:, 1 + p :].reshape(-1, p, p)

    def _normal_equations(self, theta: Array) -> Array:
        # Many data at one place, such as the start of an ensemble, need one prediction.
        at_one_place = len(theta) > 1 and bool((theta == theta[0]).all())
        counts, jacobian = self._counts_and_jacobian(theta[:1] if at_one_place else theta)
        if at_one_place:
            counts = np.broadcast_to(counts, (len(theta), self._n_bins))
            jacobian = np.broadcast_to(jacobian, (self.n_free, len(theta), self._n_bins))
        p = self.n_free
        result = np.empty((len(theta), 1 + p + p * p))
        result[:, 0], slope, weight = self.statistic.expansion(counts)
        result[:, 1 : 1 + p] = np.einsum("pnk,nk->np", jacobian, slope)
        if self._priors:
            full = self.full(theta)
            result[:, 0] += self._prior("deviance", full).sum(axis=-1)
            result[:, 1 : 1 + p] += self._prior("gradient", full)[:, self._free]
        result[:, 1 + p :] = self._normal_matrix(theta, weight, jacobian).reshape(len(theta), -1)
        return result

    # -- helpers

    def diagnose(self, theta: ArrayLike) -> str:
        """Say in words which datasets make the statistic infinite or undefined."""
        theta = np.asarray(theta, dtype=float)
        counts = self._counts(theta)
        per_bin = self.statistic.per_bin(counts)
        words = []
        for name, rows in self.slices.items():
            broken = int((~np.isfinite(counts[rows])).sum())
            impossible = int((~np.isfinite(per_bin[rows])).sum()) - broken
            if broken:
                words.append(f"the model predicts no finite counts in {broken} bins of dataset {name!r}")
            elif impossible > 0:
                words.append(
                    f"dataset {name!r} has counts in {impossible} bins where the model predicts none, or less than none"
                )
        full = self.full(theta)
        prior = self._prior("deviance", full)
        words += [
            f"parameter {self.parameters.names[i]!r} = {full[i]:g} lies outside its prior"
            for i in np.flatnonzero(~np.isfinite(prior))
        ]
        return "; ".join(words) or "every bin is finite"

    def _chunked(
        self,
        function: Callable[[Likelihood, Array], Any],
        theta: ArrayLike,
        with_data: bool = False,
        dense: bool = True,
        rows: NDArray[np.intp] | None = None,
    ) -> Any:
        """Apply a method to a large batch in pieces that fit into memory.

        A method that needs data gets those of its rows, where each row of the batch has its own: one after the other,
        or those in ``rows``. ``dense`` says whether it holds the derivatives of all counts with respect to all
        parameters, or those of a block at a time.
        """
        theta = np.asarray(theta, dtype=float)
        if theta.ndim == 1 or len(theta) == 1 or len(theta) <= (size := self._rows_at_once(dense)):
            return function(self if rows is None else self.at_rows(rows), theta)
        pieces = [slice(start, start + size) for start in range(0, len(theta), size)]
        results = []
        for piece in pieces:
            # Rows are selected piece by piece: a copy of all of them would not stay in the cache.
            own = self.at_rows(piece if rows is None else rows[piece]) if with_data else self
            results.append(function(own, theta[piece]))
        return np.concatenate(results)

    def _rows_at_once(self, dense: bool) -> int:
        nodes = max((block.integrals.n_nodes for block in self._signal), default=1)
        width = self.n_free if dense else max((len(block.own.which) for block in self._blocks()), default=1)
        per_row = (nodes + self._n_bins) * max(1, width)
        return max(1, min(_CHUNK // per_row, max(_ROWS, _CACHED // per_row)))


def _batched(function: Callable[[Array], Array], theta: Array) -> Array:
    """Apply a function of batches to a batch or to one vector."""
    return function(theta) if theta.ndim == 2 else function(theta[None])[0]
