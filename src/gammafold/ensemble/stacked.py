"""Fits of many datasets of one layout at once: a batch in which each row has a response of its own.

Rows share the bins of true energy and the formula of the model. Each has its own response, background, data,
masks and parameters; where fewer bins are inside a mask, a row is filled up with bins in which nothing is expected and
nothing seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.differences import difference_steps
from gammafold.likelihood.integrals import BinIntegrals
from gammafold.likelihood.spec import DatasetSpec

__all__ = ["StackedLikelihood", "stack_specs"]

Array = NDArray[np.float64]


@dataclass(eq=False)
class StackedLikelihood:
    """The likelihoods of n datasets, as `gammafold.likelihood.fisher_scoring.minimise_batch` takes them.

    It does not change after it is made.

    Attributes
    ----------
    integrals : BinIntegrals
        The flux, over J bins of true energy.
    response : array, shape (n, K, J)
        Responses, in cm2 s.
    fixed : array, shape (n, K)
        Background counts.
    statistic : object
        Statistic of a batch of data (n, K).
    lower, upper, scale : array, shape (p,)
        Limits and typical sizes of the parameters.
    logarithmic : bool array, shape (p,)
        Which parameters move on a logarithmic scale.
    """

    integrals: BinIntegrals
    response: Array
    fixed: Array
    statistic: Any
    lower: Array
    upper: Array
    scale: Array
    logarithmic: NDArray[np.bool_]

    def at_rows(self, rows: NDArray[np.intp]) -> StackedLikelihood:
        """Return the likelihood of some of the datasets."""
        return replace(
            self, response=self.response[rows], fixed=self.fixed[rows], statistic=self.statistic.at_rows(rows)
        )

    def normal_equations(self, theta: Array, rows: NDArray[np.intp] | None = None) -> tuple[Array, Array, Array]:
        """Deviance (n,), gradient (n, p) and Fisher matrix (n, p, p) at parameters (n, p), of some or all datasets."""
        if rows is not None:
            return self.at_rows(rows).normal_equations(theta)
        every = np.arange(theta.shape[1])
        value, slopes = self.integrals.value_and_derivatives(theta, every, difference_steps(theta, self.scale))
        # (n, K, J) @ (n, J, 1 + p): one product for counts and derivatives
        both = np.concatenate([value[None], slopes]).transpose(1, 2, 0)
        folded = (self.response @ both).transpose(2, 0, 1)
        counts, jacobian = folded[0] + self.fixed, folded[1:]
        deviance, slope, weight = self.statistic.expansion(counts)
        gradient = np.einsum("pnk,nk->np", jacobian, slope)
        weighted = (jacobian * weight).transpose(1, 0, 2)
        return deviance, gradient, weighted @ jacobian.transpose(1, 2, 0)


def stack_specs(
    specs: Sequence[DatasetSpec], lower: Array, upper: Array, scale: Array, logarithmic: NDArray[np.bool_]
) -> StackedLikelihood:
    """Return the likelihood of datasets that share bins of true energy and the formula of their one source."""
    first = specs[0]
    count = max(spec.n_bins for spec in specs)
    statistic = type(first.statistic)
    # Where nothing is seen, expected and told apart, every statistic is zero; a ratio of exposures must not be.
    fields = [
        np.stack([_filled(getattr(spec.statistic, name), count, 1.0 if name == "alpha" else 0.0) for spec in specs])
        for name in statistic.fields
    ]
    factors = [float(spec.signal[0].factor) for spec in specs]  # type: ignore[arg-type]
    responses = [_filled(f * spec.response, count) for f, spec in zip(factors, specs, strict=True)]
    fixed = [np.zeros(0) if spec.background is None else spec.background.template for spec in specs]
    return StackedLikelihood(
        integrals=BinIntegrals(first.signal[0].flux, first.edges_true),
        response=np.stack(responses),
        fixed=np.stack([_filled(values, count) for values in fixed]),
        statistic=statistic(*fields),
        lower=lower,
        upper=upper,
        scale=scale,
        logarithmic=logarithmic,
    )


def _filled(values: Array, count: int, fill: float = 0.0) -> Array:
    """Return an array with ``count`` bins along its first axis."""
    filled = np.full((count, *values.shape[1:]), fill)
    filled[: len(values)] = values
    return filled
