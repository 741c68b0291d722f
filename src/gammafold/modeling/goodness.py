"""Goodness of fit by simulation: how often would the fitted model give data that agree less with it?

The minimum of a Poisson likelihood follows no known distribution where counts are few. So data are drawn from the
fitted model, each set is fitted again as the real data were, and the deviance of the real data is compared with
theirs. All fits run together as batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.modeling.draws import draw_statistic
from gammafold.modeling.fit import as_collection, ready_likelihood
from gammafold.utils.errors import FitError, InputError
from gammafold.utils.random import RandomStateLike, get_random_state

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GoodnessOfFit", "goodness_of_fit"]

Array = NDArray[np.float64]

# Numbers in the largest array of a block of simulations: 32 MB.
_BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class GoodnessOfFit:
    """The deviance of data, and of data that were simulated from their fitted model.

    Attributes
    ----------
    deviance : float
        Minimum for the real data: the statistic without what depends on the data alone, priors included.
    simulated : array, shape (n,)
        Minima for the simulated data, of the fits that converged.
    n_failed : int
        Fits that did not converge, and are left out.
    """

    deviance: float
    simulated: Array = field(repr=False)
    n_failed: int = 0

    @property
    def p_value(self) -> float:
        """Chance of a deviance as large as that of the data, ``(k + 1) / (n + 1)`` (Davison & Hinkley 1997, 4.2.5)."""
        worse = int((self.simulated >= self.deviance).sum())
        return (worse + 1) / (len(self.simulated) + 1)

    @property
    def p_value_error(self) -> float:
        """Standard error of the p-value from the finite number of simulations."""
        return float(np.sqrt(self.p_value * (1.0 - self.p_value) / len(self.simulated)))

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Plot the simulated deviances as a histogram, and that of the data as a line; ``kwargs`` are of ``hist``."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        style: dict[str, Any] = {"bins": 40, "alpha": 0.6, "label": "simulated"} | kwargs
        ax.hist(self.simulated, **style)
        ax.axvline(self.deviance, color="C3", label=f"data, p = {self.p_value:.2g}")
        ax.set_xlabel("Deviance at the minimum")
        ax.set_ylabel("Simulations")
        ax.legend()
        return ax


def goodness_of_fit(
    datasets: Any, n_simulations: int = 1000, random_state: RandomStateLike = "random-seed", reoptimize: bool = True
) -> GoodnessOfFit:
    """Compare the deviance of fitted datasets with those of data simulated from their models.

    The datasets and their models are left as they are. For off counts, the expected background is the one that fits
    best, smoothed over neighbouring bins that have ten off counts together: that of a single bin is often none.

    Parameters
    ----------
    datasets : Datasets, Dataset or list of Dataset
        Fitted datasets: the minimum is looked for again where the parameters stand.
    n_simulations : int
        Number of simulated data sets.
    random_state : int, str, `numpy.random.RandomState` or `numpy.random.Generator`
        A seed makes the result reproducible. Default: "random-seed".
    reoptimize : bool
        Whether the free parameters are fitted to each set of data again, as they were to the real ones. Default: True.

    Returns
    -------
    goodness : GoodnessOfFit

    Raises
    ------
    InputError
        If the number is not positive, or data of such a statistic cannot be simulated.
    FitError
        If there is nothing to fit, no minimum is found, or all fits to simulated data fail.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling import Fit
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = Fit().run(datasets)
    >>> goodness = goodness_of_fit(datasets, n_simulations=200, random_state=0)
    >>> bool(goodness.p_value > 0.01)
    True
    """
    if n_simulations < 1:
        raise InputError(f"n_simulations is {n_simulations}: expected 1 or more")
    likelihood = ready_likelihood(as_collection(datasets))
    rng = get_random_state(random_state)
    theta = np.asarray(likelihood.x0, dtype=float)
    held = np.full(len(theta), not reoptimize)
    observed = minimise_batch(likelihood, theta[None], held=held)
    if not observed.converged[0]:
        raise FitError("no goodness of fit: there is no minimum near the parameters; run the fit first")
    best = observed.theta[0]
    size = max(1, _BLOCK // (likelihood.n_data * (likelihood.n_free + 2)))
    minima, converged = [], []
    for start in range(0, n_simulations, size):
        count = min(size, n_simulations - start)
        simulated = draw_statistic(likelihood, best, count, rng)
        found = minimise_batch(likelihood.with_statistic(simulated), np.tile(best, (count, 1)), held=held)
        minima.append(found.deviance)
        converged.append(found.converged)
    is_minimum = np.concatenate(converged)
    if not is_minimum.any():
        raise FitError(f"none of the fits to {n_simulations} simulated data sets converged")
    return GoodnessOfFit(float(observed.deviance[0]), np.concatenate(minima)[is_minimum], int((~is_minimum).sum()))
