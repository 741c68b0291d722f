"""What is drawn and fitted, again and again: a likelihood at its truth, and the counts expected there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.ensemble.streams import draw_poisson
from gammafold.likelihood.fisher_scoring import BatchMinimum, minimise_batch
from gammafold.likelihood.joint_statistic import JointStatistic, join_statistics
from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.draws import smooth_off_counts
from gammafold.stats.kernels import CashStatistic, WStatistic
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.likelihood.jax_likelihood import JaxLikelihood

__all__ = ["BACKGROUNDS", "ENGINES", "EnsembleProblem", "make_problem"]

Array = NDArray[np.float64]

BACKGROUNDS = ("profiled", "smoothed", "measured")
ENGINES = ("numpy", "jax")
# Realisations that are computed together, where memory allows: enough to make the time between arrays small.
_BLOCK = 4000
# Numbers in the largest array of a block: 64 MB.
_BLOCK_NUMBERS = 8_000_000


@dataclass(frozen=True, eq=False)
class EnsembleProblem:
    """A likelihood whose data are drawn from its own prediction. Immutable, and can be sent to another process.

    Attributes
    ----------
    likelihood : Likelihood
        With the truth as its ``x0``.
    expected : array, shape (M,)
        What is drawn: for each part of the statistic its data (`drawn_fields`), one after the other.
    entropy : int
        Seed of all numbers.
    errors : {"fisher", "hessian"}
        What errors are computed from.
    labels, units : tuple of str, length p
        Unique names and the units of the free parameters.
    profile : {"none", "truth", "intervals"}
        How far profile likelihoods are followed.
    block_size : int
        Realisations in a block. What is added up in one array operation depends on the array's size in the last
        bits, so this depends on the problem alone: never on how the work is shared out.
    engine : {"numpy", "jax"}
        What minimises.
    """

    likelihood: Likelihood
    expected: Array
    entropy: int
    errors: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    profile: str
    block_size: int
    engine: str = "numpy"

    @cached_property
    def _traced(self) -> JaxLikelihood:
        return self.likelihood.to_jax()

    def __getstate__(self) -> dict[str, Any]:
        # Another process compiles for its own device.
        return {name: value for name, value in self.__dict__.items() if name != "_traced"}

    def minimise(self, likelihood: Likelihood, theta: Array) -> BatchMinimum:
        """Minimise the deviance of each row of a batch of data, from ``theta`` (n, p)."""
        if self.engine == "numpy":
            return minimise_batch(likelihood, theta)
        found = self._traced.with_statistic(likelihood.statistic).minimise(theta)
        left = np.flatnonzero(~found.converged)
        if left.size == 0:
            return found
        # The few rows that need more care than a traced program can take.
        return found.with_rows(left, minimise_batch(likelihood.at_rows(left), theta[left]))

    def draw(self, first: int, last: int) -> JointStatistic:
        """Return the statistic with the data of the realisations ``first`` to ``last`` (exclusive) of one block."""
        block, skipped = divmod(first, self.block_size)
        drawn = draw_poisson(self.expected, self.entropy, block, skipped + last - first)[skipped:]
        parts, start = [], 0
        for rows, kernel in self.likelihood.statistic.parts:
            data = {}
            for field in drawn_fields(kernel):
                data[field] = drawn[:, start : start + kernel.n_bins]
                start += kernel.n_bins
            parts.append((rows, kernel.with_data(**data)))
        return join_statistics(parts, self.likelihood.statistic.n_bins)


def drawn_fields(kernel: Any) -> tuple[str, ...]:
    """Return which data of a statistic are Poisson numbers."""
    if isinstance(kernel, WStatistic):
        return ("n_on", "n_off")
    if isinstance(kernel, CashStatistic):
        return ("counts",)
    raise InputError(f"data of a {type(kernel).__name__} cannot be drawn: expected counts, or on and off counts")


def make_problem(
    likelihood: Likelihood,
    entropy: int,
    background: str = "profiled",
    errors: str = "fisher",
    labels: Sequence[str] = (),
    units: Sequence[str] = (),
    profile: str = "none",
    engine: str = "numpy",
) -> EnsembleProblem:
    """Return the ensemble of a likelihood at its ``x0``.

    Parameters
    ----------
    likelihood : Likelihood
        Compiled from datasets with their data.
    entropy : int
        Seed.
    background : {"profiled", "smoothed", "measured"}
        Expected background of on-off data in a bin: the one that fits the data and the model best, the same smoothed
        over neighbouring bins (`gammafold.modeling.draws.smooth_off_counts`), or ``alpha n_off``.
    errors : {"fisher", "hessian"}
        What errors are computed from.
    labels, units : sequence of str, length p, optional
        Names and units of the free parameters. Default: the likelihood's names, and no units.
    profile : {"none", "truth", "intervals"}
        How far profile likelihoods are followed.
    engine : {"numpy", "jax"}
        What minimises.

    Raises
    ------
    InputError
        If the model predicts negative or infinite counts.
    """
    theta = np.asarray(likelihood.x0, dtype=float)
    predicted = np.zeros(likelihood.statistic.n_bins)
    for name, counts in likelihood.npred(theta).items():
        predicted[likelihood.slices[name]] = counts
        _require_finite(name, counts)
    expected: list[Array] = []
    for rows, kernel in likelihood.statistic.parts:
        expected += _expected(likelihood, rows, kernel, predicted[rows], background)
    joined = np.concatenate(expected)
    if not (joined >= 0).all():
        _name_negative(likelihood, predicted)
    return EnsembleProblem(
        likelihood=likelihood,
        expected=joined,
        entropy=entropy,
        errors=errors,
        labels=tuple(labels) or likelihood.names,
        units=tuple(units) or ("",) * likelihood.n_free,
        profile=profile,
        block_size=int(np.clip(_BLOCK_NUMBERS // (likelihood.n_data * (likelihood.n_free + 2)), 1, _BLOCK)),
        engine=engine,
    )


def _expected(likelihood: Likelihood, rows: slice, kernel: Any, mu: Array, background: str) -> Sequence[Array]:
    """Return the expected data of a part of the statistic, in the order of `drawn_fields`."""
    if drawn_fields(kernel) == ("counts",):
        return [mu]
    if background == "smoothed":
        off = smooth_off_counts(likelihood, rows, kernel, mu)
        return [mu + kernel.alpha * off, off]
    b = kernel.background(mu) if background == "profiled" else kernel.measured_background
    return [mu + b, np.divide(b, kernel.alpha, out=np.zeros_like(b), where=kernel.alpha > 0)]


def _require_finite(name: str, counts: Array) -> None:
    if not np.isfinite(counts).all():
        raise InputError(
            f"dataset {name!r} predicts {counts[~np.isfinite(counts)][0]} counts in "
            f"{int((~np.isfinite(counts)).sum())} bins: no Poisson number can be drawn"
        )


def _name_negative(likelihood: Likelihood, predicted: Array) -> None:
    names = [name for name, rows in likelihood.slices.items() if (predicted[rows] < 0).any()]
    raise InputError(f"the model predicts negative counts in datasets {names}: no Poisson number can be drawn")
