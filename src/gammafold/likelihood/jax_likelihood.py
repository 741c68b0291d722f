"""The same likelihood in JAX: compiled, differentiated to any order, vectorised, on a CPU or a GPU.

The formulas of models and statistics are those of `gammafold.likelihood.likelihood`, traced. Numbers have 64 bits
always, without a change of JAX's global settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.likelihood import jax_statistic
from gammafold.likelihood.block import BackgroundBlock, SignalBlock
from gammafold.likelihood.fisher_scoring import BatchMinimum
from gammafold.likelihood.jax_scoring import Found, Limits, Point, search
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.likelihood.likelihood import Likelihood

__all__ = ["Fold", "JaxLikelihood"]

Array = NDArray[np.float64]

# All fits of a batch take as many steps as the slowest of them: after the first few, those that are left go on in
# smaller batches, each such a part of the first.
_FIRST_STEPS, _MOST_STEPS = 6, 30
_PART = 8
# Smaller batches are not worth the time to compile for two sizes.
_SMALL = 64


@dataclass(frozen=True, eq=False)
class Fold:
    """What takes parameters to counts, as the NumPy likelihood holds it.

    Attributes
    ----------
    fixed : array, shape (K,)
        Background that depends on no parameter.
    signal, background : sequence of blocks
        What depends on parameters.
    priors : sequence of (int, object)
        Positions of parameters with a prior, and the priors.
    """

    fixed: Array
    signal: Sequence[SignalBlock]
    background: Sequence[BackgroundBlock]
    priors: Sequence[tuple[int, Any]]


class JaxLikelihood:
    """A likelihood as JAX functions; made by `Likelihood.to_jax`.

    Methods take NumPy arrays ``theta`` (p,) or (N, p), and return NumPy arrays: they are compiled at the first call
    for each shape. `function` is the traceable function behind them, for `jax.grad`, `jax.vmap` and samplers.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood.
    fold : Fold
        What it is made of.

    Attributes
    ----------
    names, x0, lower, upper, scale, n_free, n_data
        As for `Likelihood`.

    Raises
    ------
    InputError
        If a model's formula takes no JAX arrays.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(), name="crab")
    >>> likelihood = datasets.likelihood().to_jax()
    >>> likelihood.stat(np.array([[2.6, 4.5e-11], [2.7, 4.6e-11]])).round(4)
    array([159.3423, 157.0002])
    """

    def __init__(self, likelihood: Likelihood, fold: Fold) -> None:
        self.names, self.n_free, self.n_data = likelihood.names, likelihood.n_free, likelihood.n_data
        self.x0, self.lower, self.upper = likelihood.x0, likelihood.lower, likelihood.upper
        self.logarithmic = likelihood.logarithmic
        self.scale, self.slices = likelihood.scale, likelihood.slices
        with jax.enable_x64(True):
            limits = Limits(likelihood.lower, likelihood.upper, likelihood.logarithmic)
            self._program = _Program(fold, likelihood.full(likelihood.x0), likelihood.parameters.free, limits)
            self._set_statistic(likelihood.statistic)
            self._try()

    def _set_statistic(self, statistic: Any) -> None:
        self.statistic = statistic
        parts = [(rows, *jax_statistic.take_apart(kernel)) for rows, kernel in statistic.parts]
        self._skeleton = tuple((rows.start, rows.stop, skeleton) for rows, _, skeleton in parts)
        self._axes = tuple(tuple(jax_statistic.batch_axes(arrays)) for _, arrays, _ in parts)
        self._data = tuple(tuple(jnp.asarray(array) for array in arrays) for _, arrays, _ in parts)

    def _try(self) -> None:
        """Trace the model once, so that a formula that JAX cannot follow is named here."""
        try:
            jax.eval_shape(self._program.counts, jnp.asarray(self.x0), self._program.matrices)
        except Exception as error:
            raise InputError(
                f"a formula of the models takes no JAX arrays ({type(error).__name__}: {str(error).splitlines()[0]}); "
                "write it with the functions of energy.__array_namespace__(), or use the NumPy likelihood"
            ) from error

    def with_statistic(self, statistic: Any) -> JaxLikelihood:
        """Return the same likelihood with other data of the same bins; data of the same shapes compile nothing."""
        other = object.__new__(JaxLikelihood)
        other.__dict__.update(self.__dict__)
        with jax.enable_x64(True):
            other._set_statistic(statistic)
        return other

    # -- for JAX

    def function(self, theta: Any) -> Any:
        """Return the deviance () of one vector (p,): a function for `jax.grad`, `jax.jit`, `jax.vmap` and samplers.

        ``exp(-deviance / 2)`` is the likelihood times the priors. Call it inside ``jax.enable_x64(True)``.

        Raises
        ------
        InputError
            If JAX works in 32 bits.

        Examples
        --------
        >>> import jax
        >>> from gammafold.datasets import SpectrumDatasetOnOff
        >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
        >>> from gammafold.samples import sample_files
        >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
        >>> dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
        >>> likelihood = dataset.likelihood().to_jax()
        >>> with jax.enable_x64(True):
        ...     curvature = jax.hessian(likelihood.function)(likelihood.x0)
        >>> bool(np.allclose(curvature, dataset.likelihood().hessian(likelihood.x0), rtol=1e-5))
        True
        """
        theta = jnp.asarray(theta)
        if theta.dtype != jnp.float64:
            raise InputError(
                f"the likelihood needs 64 bits and JAX gives {theta.dtype}: call it inside jax.enable_x64(True)"
            )
        if self.statistic.is_batch:
            raise InputError("the data are a batch: take one row with at_rows, or call deviance with one theta a row")
        return self._program.deviance(theta, self._program.matrices, self._data, self._skeleton)

    # -- for NumPy

    def deviance(self, theta: ArrayLike) -> Any:
        """Statistic without the terms of the data alone, () or (N,); see `Likelihood.deviance`."""
        return self._call("deviance", theta)

    def stat(self, theta: ArrayLike) -> Any:
        """Statistic with the field's constants, priors included, () or (N,)."""
        return self.deviance(theta) + self.statistic.offset

    def gradient(self, theta: ArrayLike) -> Array:
        """Gradient (p,) or (N, p) of the statistic."""
        return self.deviance_and_gradient(theta)[1]

    def deviance_and_gradient(self, theta: ArrayLike) -> tuple[Any, Array]:
        """Deviance () or (N,), and its gradient (p,) or (N, p)."""
        return self._call("deviance_and_gradient", theta)

    def hessian(self, theta: ArrayLike) -> Array:
        """Exact Hessian (p, p) or (N, p, p) of the statistic."""
        return self._call("hessian", theta)

    def normal_equations(self, theta: ArrayLike) -> tuple[Any, Array, Array]:
        """Deviance, gradient and Fisher matrix () (p,) (p, p), or with (N, ...)."""
        return self._call("normal_equations", theta)

    def fisher(self, theta: ArrayLike) -> Array:
        """Expected Hessian (p, p) or (N, p, p) of the statistic."""
        return self.normal_equations(theta)[2]

    def minimise(self, theta: ArrayLike) -> BatchMinimum:
        """Minimise the deviance of every row, all of them in one vectorised program.

        Parameters
        ----------
        theta : array, shape (N, p)
            Where each row starts.

        Returns
        -------
        minimum : BatchMinimum
            As of `gammafold.likelihood.fisher_scoring.minimise_batch`.
        """
        theta = np.atleast_2d(np.asarray(theta, dtype=float))
        if len(theta) < _SMALL:
            return _as_minimum(self._call("minimise", theta))
        found = begun = _as_minimum(self._call("begin", theta))
        rows = np.flatnonzero(~begun.converged)
        size = -(-len(theta) // _PART)
        for start in range(0, len(rows), size):
            piece = rows[start : start + size]
            # Always as many rows, so that nothing is compiled again.
            padded = np.resize(piece, size)
            again = _as_minimum(self.at_rows(padded)._call("minimise", begun.theta[padded]))
            found = found.with_rows(
                padded, replace(again, n_iterations=begun.n_iterations[padded] + again.n_iterations)
            )
        return found

    def npred(self, theta: ArrayLike) -> dict[str, Array]:
        """Predicted counts, background included: for each dataset its bins (K,) or (N, K)."""
        counts = self._call("npred", theta)
        return {name: counts[..., rows] for name, rows in self.slices.items()}

    def at_rows(self, rows: NDArray[np.intp]) -> JaxLikelihood:
        """Return the likelihood of some rows of a batch of data; itself where all rows share the same data."""
        return self.with_statistic(self.statistic.at_rows(rows)) if self.statistic.is_batch else self

    def _call(self, name: str, theta: ArrayLike) -> Any:
        with jax.enable_x64(True):
            theta = np.asarray(theta, dtype=float)
            single = theta.ndim == 1 and not self.statistic.is_batch
            batch = np.atleast_2d(theta)
            compiled = self._program.compiled(name)
            found = compiled(batch, self._program.matrices, self._data, self._skeleton, self._axes)
            return jax.tree.map(lambda part: np.asarray(part)[0] if single else np.asarray(part), found)


def _as_minimum(found: Found) -> BatchMinimum:
    point = found.point
    return BatchMinimum(point.theta, point.deviance, point.gradient, point.fisher, found.converged, found.n_iterations)


class _Program:
    """The functions of one row, and their compiled batches. Matrices and data are arguments, not constants."""

    def __init__(self, fold: Fold, values: Array, free: NDArray[np.intp], limits: Limits) -> None:
        self._limits = limits
        self.fold, self._values, self._free = fold, jnp.asarray(values), np.asarray(free)
        self.matrices = tuple(_device_matrix(block.response.matrix) for block in fold.signal)
        self._compiled: dict[str, Callable[..., Any]] = {}

    def compiled(self, name: str) -> Callable[..., Any]:
        """Return the batched, compiled form of one of the functions below."""
        if name not in self._compiled:
            row = getattr(self, name)

            @partial(jax.jit, static_argnums=(3, 4))
            def batched(theta: Any, matrices: Any, data: Any, skeleton: Any, axes: Any) -> Any:
                def one(vector: Any, arrays: Any) -> Any:
                    return row(vector, matrices, arrays, skeleton)

                return jax.vmap(one, in_axes=(0, axes))(theta, data)

            self._compiled[name] = batched
        return self._compiled[name]

    def _full(self, theta: Any) -> Any:
        return self._values.at[self._free].set(theta)

    def counts(self, theta: Any, matrices: Any) -> Any:
        """Predicted counts (K,) of one vector (p,)."""
        full = self._full(theta)
        counts = jnp.asarray(self.fold.fixed)
        for block, matrix in zip(self.fold.signal, matrices, strict=True):
            own = block.integrals.value(*[full[i] for i in block.index]) @ matrix
            for factor in block.factors:
                own = own.at[factor.rows].multiply(factor.value(full))
            counts = counts.at[block.rows].add(own)
        for extra in self.fold.background:
            counts = counts.at[extra.rows].add(extra.counts(full))
        return counts

    def npred(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        return self.counts(theta, matrices)

    def _prior(self, method: str, theta: Any) -> Any:
        full = self._full(theta)
        result = jnp.zeros_like(full)
        for position, prior in self.fold.priors:
            result = result.at[position].add(getattr(prior, method)(full[position]))
        return result

    def deviance(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        counts = self.counts(theta, matrices)
        parts = zip(skeleton, data, strict=True)
        total = sum(
            jax_statistic.deviance(kernel, counts[start:stop], list(arrays)) for (start, stop, kernel), arrays in parts
        )
        return total + self._prior("deviance", theta).sum()

    def deviance_and_gradient(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        return jax.value_and_grad(self.deviance)(theta, matrices, data, skeleton)

    def hessian(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        return jax.hessian(self.deviance)(theta, matrices, data, skeleton)

    def normal_equations(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        # The compiler leaves out the Hessian, which nobody asks for.
        return self.point(theta, matrices, data, skeleton)[1:4]

    def _by_bin(self, counts: Any, data: Any, skeleton: Any) -> Any:
        """Deviance (), and slopes, Fisher weights and curvatures of the statistic (K,) in the predicted counts."""
        deviance, rows = 0.0, jnp.zeros((3, len(counts)))
        for (start, stop, kernel_skeleton), arrays in zip(skeleton, data, strict=True):
            kernel = jax_statistic.put_together(kernel_skeleton, list(arrays))
            mu = counts[start:stop]
            total, slope, weight = kernel.expansion(mu)
            deviance += total
            rows = rows.at[:, start:stop].set(jnp.stack([slope, weight, kernel.curvature(mu)]))
        return deviance, *rows

    def point(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Point:
        """Deviance, gradient, and expected and exact Hessian, with one Jacobian for all."""
        jacobian = jax.jacfwd(self.counts)(theta, matrices)
        deviance, slope, weight, curvature = self._by_bin(self.counts(theta, matrices), data, skeleton)
        # The counts themselves bend with the parameters.
        bend = jax.jacfwd(jax.jacfwd(lambda vector: slope @ self.counts(vector, matrices)))(theta)

        def prior(vector: Any) -> Any:
            return self._prior("deviance", vector).sum()

        return Point(
            theta,
            deviance + prior(theta),
            slope @ jacobian + jax.grad(prior)(theta),
            (jacobian.T * weight) @ jacobian + jnp.diag(self._prior("curvature", theta)[self._free]),
            (jacobian.T * curvature) @ jacobian + bend + jax.hessian(prior)(theta),
        )

    def minimise(self, theta: Any, matrices: Any, data: Any, skeleton: Any, most: int = _MOST_STEPS) -> Any:
        return search(lambda vector: self.point(vector, matrices, data, skeleton), theta, self._limits, most)

    def begin(self, theta: Any, matrices: Any, data: Any, skeleton: Any) -> Any:
        """The first steps of `minimise`."""
        return self.minimise(theta, matrices, data, skeleton, _FIRST_STEPS)


def _device_matrix(matrix: Any) -> Any:
    """Return a response (K, J), dense or sparse, on the device as (J, K), so that ``integrals @ matrix`` folds."""
    if isinstance(matrix, np.ndarray):
        return jnp.asarray(matrix.T)
    from jax.experimental.sparse import BCOO

    return BCOO.from_scipy_sparse(matrix.T.tocoo())
