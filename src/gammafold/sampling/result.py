"""What a sampler found: samples of the posterior, how good they are, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.modeling.models.collection import Models
    from gammafold.sampling.predictive import PredictiveCheck

__all__ = ["Draws", "SamplingResult"]

Array = NDArray[np.float64]

# The chance inside one standard deviation of a normal law.
_ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True, eq=False)
class Draws:
    """Samples as a backend gives them.

    Attributes
    ----------
    samples : array, shape (n, p)
        Parameters, of equal weight.
    log_prob : array, shape (n,)
        Logarithm of the posterior at each, up to a constant.
    diagnostics : dict
        What the backend knows of its own quality.
    warnings : list of str
        What makes the samples doubtful.
    evidence : tuple of float, optional
        Logarithm of the evidence and its error.
    """

    samples: Array
    log_prob: Array
    diagnostics: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    evidence: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SamplingResult:
    """Samples of a posterior.

    Attributes
    ----------
    draws : Draws
        The samples.
    names, units : tuple of str, length p
        Parameters, each name once, and their units.
    backend : str
        What ran.
    seed : int
        What all random numbers followed from.
    models : Models
        A copy of the models, as they were, with their priors.
    versions : dict
        Versions of what computed this.
    """

    draws: Draws
    names: tuple[str, ...]
    units: tuple[str, ...]
    backend: str
    seed: int
    models: Models
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def samples(self) -> Array:
        """Parameters (n, p), of equal weight."""
        return self.draws.samples

    @property
    def log_prob(self) -> Array:
        """Logarithm (n,) of the posterior at the samples, up to a constant."""
        return self.draws.log_prob

    @property
    def diagnostics(self) -> dict[str, Any]:
        """What the backend knows of its own quality."""
        return self.draws.diagnostics

    @property
    def success(self) -> bool:
        """Whether nothing makes the samples doubtful; ``draws.warnings`` says what does."""
        return not self.draws.warnings

    @property
    def logz(self) -> float:
        """Logarithm of the evidence, for the likelihood ``exp(-stat / 2)``; NaN if the backend gives none."""
        return np.nan if self.draws.evidence is None else self.draws.evidence[0]

    @property
    def logz_err(self) -> float:
        """Error of `logz`; NaN if the backend gives none."""
        return np.nan if self.draws.evidence is None else self.draws.evidence[1]

    # -- numbers

    def _column(self, name: str) -> Array:
        if name not in self.names:
            raise UnknownNameError(f"no parameter {name!r} was sampled: there are {list(self.names)}")
        return self.samples[:, self.names.index(name)]

    @property
    def median(self) -> Array:
        """Medians (p,)."""
        return np.median(self.samples, axis=0)

    @property
    def mean(self) -> Array:
        """Means (p,)."""
        return self.samples.mean(axis=0)

    @property
    def std(self) -> Array:
        """Standard deviations (p,)."""
        return self.samples.std(axis=0, ddof=1)

    @property
    def covariance(self) -> Array:
        """Covariance (p, p)."""
        return np.atleast_2d(np.cov(self.samples, rowvar=False))

    @property
    def best(self) -> Array:
        """The sample (p,) with the largest posterior."""
        return self.samples[int(np.argmax(self.log_prob))]

    def interval(self, name: str, level: float = _ONE_SIGMA, kind: str = "equal-tailed") -> tuple[float, float]:
        """Return a credible interval of a parameter.

        Parameters
        ----------
        name : str
            One of `names`.
        level : float
            Chance inside. Default: that of one standard deviation, 68.27 %.
        kind : {"equal-tailed", "shortest"}
            With as much chance below as above, or the shortest one.

        Raises
        ------
        InputError
            If ``level`` is not between 0 and 1, or there is no such kind.
        """
        _check_level(level)
        values = np.sort(self._column(name))
        if kind == "equal-tailed":
            low, high = np.quantile(values, [0.5 * (1 - level), 0.5 * (1 + level)])
            return float(low), float(high)
        if kind != "shortest":
            raise InputError(f"kind is {kind!r}: expected 'equal-tailed' or 'shortest'")
        inside = min(max(1, round(level * len(values))), len(values) - 1)
        start = int(np.argmin(values[inside:] - values[:-inside]))
        return float(values[start]), float(values[start + inside])

    def upper_limit(self, name: str, level: float = 0.95) -> float:
        """Return the value below which a parameter lies with a chance ``level``."""
        _check_level(level)
        return float(np.quantile(self._column(name), level))

    # -- what follows

    def update(self, datasets: Any) -> None:
        """Set values, errors and covariance of the models of datasets to medians and covariance, in place.

        Raises
        ------
        InputError
            If their free parameters are not those that were sampled.
        """
        from gammafold.modeling.fit import as_collection

        collection = as_collection(datasets)
        free = collection.parameters.unique_parameters.free_parameters
        if [parameter.name for parameter in free] != [name.rsplit(".", 1)[-1] for name in self.names]:
            raise InputError(f"the free parameters are {free.names}, not those that were sampled: {list(self.names)}")
        for parameter, value in zip(free, self.median, strict=True):
            parameter.value = float(value)
        collection.models.set_covariance(free, self.covariance)

    def posterior_predictive(self, datasets: Any, n_draws: int = 1000, random_state: Any = None) -> PredictiveCheck:
        """Draw data from the posterior and compare their statistic with that of the data.

        For on-off data the background that fits best is drawn from, smoothed over neighbouring bins that have ten off
        counts together.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            Those that were sampled.
        n_draws : int
            Data sets to draw, each at another sample. Default: 1000.
        random_state : int or `numpy.random.Generator`, optional
            Seed. Default: the seed of the samples.

        Returns
        -------
        check : PredictiveCheck
            With a p-value, and a plot of counts.
        """
        from gammafold.sampling.predictive import check_predictive

        return check_predictive(self, datasets, n_draws, self.seed if random_state is None else random_state)

    def summary(self) -> Table:
        """Return a table with a row per parameter: median, mean, deviation, 68 % and 95 % intervals."""
        from astropy.table import Table

        table = Table()
        table["name"], table["unit"] = list(self.names), list(self.units)
        table["median"], table["mean"], table["std"] = self.median, self.mean, self.std
        for label, level in (("68", _ONE_SIGMA), ("95", 0.95)):
            ends = np.array([self.interval(name, level) for name in self.names])
            table[f"low_{label}"], table[f"high_{label}"] = ends[:, 0], ends[:, 1]
        for name in ("n_eff", "r_hat"):
            if isinstance(self.diagnostics.get(name), list):
                table[name] = self.diagnostics[name]
        for name in table.colnames[2:]:
            table[name].info.format = ".4g"
        return table

    def plot_corner(self, fig: Any = None, truths: Sequence[float] | None = None, **kwargs: Any) -> Any:
        """Plot all pairs of parameters, and each alone, with medians and 68 % intervals.

        Parameters
        ----------
        fig : `~matplotlib.figure.Figure`, optional
            Figure to draw on.
        truths : sequence of float, optional
            Values to mark.
        **kwargs
            For `corner.corner`.

        Returns
        -------
        fig : `~matplotlib.figure.Figure`
        """
        from gammafold.sampling.plot import plot_corner

        return plot_corner(self, fig, truths, **kwargs)

    def to_table(self) -> Table:
        """Return the samples as a table: a column per parameter, with its unit, and "log_prob"."""
        from gammafold.sampling.result_io import to_table

        return to_table(self)

    def write(self, filename: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write samples, diagnostics, models and priors to one FITS file; see `read`."""
        from gammafold.sampling.result_io import write_result

        write_result(self, filename, overwrite)

    @classmethod
    def read(cls, filename: str | os.PathLike[str]) -> SamplingResult:
        """Read what `write` wrote.

        Raises
        ------
        FileFormatError
            If the file holds no samples.
        """
        from gammafold.sampling.result_io import read_result

        return read_result(filename)

    def __repr__(self) -> str:
        return f"<SamplingResult by {self.backend}: {len(self.samples)} samples of {', '.join(self.names)}>"

    def __str__(self) -> str:
        lines = [f"Posterior by {self.backend}: {len(self.samples)} samples, seed {self.seed}", ""]
        lines += self.summary().pformat(show_unit=False, max_lines=-1, max_width=-1)
        if self.draws.evidence is not None:
            lines += ["", f"log evidence: {self.logz:.3f} ± {self.logz_err:.3f}"]
        lines += ["", *(f"doubtful: {warning}" for warning in self.draws.warnings)]
        return "\n".join(lines).rstrip()


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level is {level}: expected a chance between 0 and 1")
