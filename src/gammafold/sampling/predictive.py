"""Posterior predictive checks: would the model, with its uncertainty, make data like these?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.draws import draw_statistic
from gammafold.modeling.fit import as_collection, ready_likelihood
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.sampling.result import SamplingResult

__all__ = ["PredictiveCheck", "check_predictive"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """Data drawn from a posterior, beside those that were seen (Gelman, Meng & Stern 1996, Stat. Sin. 6, 733).

    Attributes
    ----------
    stat_seen, stat_drawn : array, shape (n,)
        Statistic of the data seen, and of the data drawn, both at the same sample.
    counts : dict of array, shape (n, K)
        Counts drawn, by dataset.
    seen : dict of array, shape (K,)
        Counts seen, by dataset.
    """

    stat_seen: Array
    stat_drawn: Array
    counts: dict[str, Array]
    seen: dict[str, Array]

    @property
    def p_value(self) -> float:
        """Share of the drawn data that fit worse than those seen; near 0 or 1 the model is in doubt."""
        return float(np.mean(self.stat_drawn >= self.stat_seen))

    def plot(self, ax: Any = None) -> Any:
        """Plot the counts seen, bin by bin of all datasets, over the 68 % and 95 % bands of those drawn."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        drawn = np.concatenate(list(self.counts.values()), axis=-1)
        seen = np.concatenate(list(self.seen.values()))
        bins = np.arange(len(seen))
        low, one, middle, two, high = np.quantile(drawn, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
        ax.fill_between(bins, low, high, step="mid", color="C0", alpha=0.2, linewidth=0, label="drawn, 95 %")
        ax.fill_between(bins, one, two, step="mid", color="C0", alpha=0.4, linewidth=0, label="drawn, 68 %")
        ax.step(bins, middle, where="mid", color="C0", label="drawn, median")
        ax.plot(bins, seen, "k.", label="seen")
        start = 0
        for name, values in self.seen.items():
            ax.axvline(start - 0.5, color="0.7", linewidth=0.8)
            ax.text(start, 0.98, name, transform=ax.get_xaxis_transform(), va="top", fontsize=8)
            start += len(values)
        ax.set(xlabel="Bin inside the masks", ylabel="Counts", title=f"posterior predictive p = {self.p_value:.2f}")
        ax.legend(loc="center right")
        return ax

    def __repr__(self) -> str:
        return f"<PredictiveCheck of {len(self.stat_seen)} drawn data sets: p = {self.p_value:.3f}>"


def check_predictive(result: SamplingResult, datasets: Any, n_draws: int, random_state: Any) -> PredictiveCheck:
    """Draw data from a posterior; see `SamplingResult.posterior_predictive`."""
    if n_draws < 1:
        raise InputError(f"n_draws is {n_draws}: expected 1 or more")
    likelihood = ready_likelihood(as_collection(datasets))
    if likelihood.n_free != len(result.names):
        raise InputError(f"the datasets have {likelihood.n_free} free parameters, the samples {len(result.names)}")
    random = np.random.default_rng(random_state)
    theta = result.samples[random.integers(len(result.samples), size=n_draws)]
    drawn = likelihood.with_statistic(draw_statistic(likelihood, theta, n_draws, random))
    return PredictiveCheck(
        np.asarray(likelihood.stat(theta)),
        np.asarray(drawn.stat(theta)),
        _counts(drawn),
        _counts(likelihood),
    )


def _counts(likelihood: Likelihood) -> dict[str, Array]:
    """Return the counts (K,) or (N, K) of each dataset: the first of the data of its statistic."""
    found = {}
    for name, own in likelihood.slices.items():
        for rows, kernel in likelihood.statistic.parts:
            if rows.start <= own.start < rows.stop:
                data = getattr(kernel, kernel.fields[0])
                found[name] = data[..., own.start - rows.start : own.stop - rows.start]
    return found
