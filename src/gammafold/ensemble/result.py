"""What an ensemble of fits says: each of them, and how values, errors and intervals behave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from gammafold.ensemble.block import FitRows
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import os

    from astropy.table import QTable, Table

    from gammafold.ensemble.problem import EnsembleProblem

__all__ = ["EnsembleResult", "binomial_error"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Half widths, in errors, of the intervals that are asked for most: nominal coverage 68.27 and 95.45 %.
_SIGMAS = (1.0, 2.0)


def binomial_error(k: Any, n: Any) -> Any:
    """Return the error of the fraction ``k / n``, which is not zero where none or all are counted.

    The standard deviation of the posterior with Jeffreys' prior, Beta(k + 1/2, n - k + 1/2).

    Examples
    --------
    >>> round(float(binomial_error(50, 100)), 4), round(float(binomial_error(100, 100)), 4)
    (0.0495, 0.007)
    """
    a, b = np.asarray(k) + 0.5, np.asarray(n) - np.asarray(k) + 0.5
    return np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1.0)))


@dataclass(frozen=True, eq=False, repr=False)
class EnsembleResult:
    """The fits of n realisations of one truth, with p free parameters; immutable.

    Attributes
    ----------
    names, units : tuple of str, length p
        Free parameters and their units.
    truth : array, shape (p,)
        The values that data were drawn from.
    rows : FitRows
        The fits: ``number``, ``values`` (n, p), ``errors`` (n, p), ``stat``, ``success``, ``retried``, ``counts``.
    n_sim : int
        Realisations that were asked for; ``len(result)`` of them are here, all unless the work was interrupted.
    n_data : int
        Bins of each.
    seed : int
        What all random numbers follow from.
    errors_from : {"fisher", "hessian"}
        What errors were computed from.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.ensemble import simulate_and_fit
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> dataset.models = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = simulate_and_fit(dataset, 400, random_state=1, progress=False)
    >>> len(result), result.table.colnames[:3]
    (400, ['realisation', 'index', 'index_err'])
    >>> bool(abs(result.coverage()["coverage"][0] - 0.683) < 0.1)
    True
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    truth: Array
    rows: FitRows
    n_sim: int
    n_data: int
    seed: int
    errors_from: str

    @classmethod
    def from_rows(cls, problem: EnsembleProblem, rows: FitRows, n_sim: int) -> EnsembleResult:
        """Return the result of an ensemble from the fits that were done."""
        likelihood = problem.likelihood
        truth = np.array(likelihood.x0, dtype=float)
        return cls(
            problem.labels, problem.units, truth, rows, n_sim, likelihood.n_data, problem.entropy, problem.errors
        )

    # -- the fits

    def __len__(self) -> int:
        return len(self.rows.number)

    @property
    def values(self) -> Array:
        """Best values (n, p)."""
        return self.rows.values

    @property
    def errors(self) -> Array:
        """Their errors (n, p), NaN where none is known."""
        return self.rows.errors

    @property
    def stat(self) -> Array:
        """Statistic (n,) at each minimum, with the constants that the field uses."""
        return self.rows.stat

    @property
    def success(self) -> Mask:
        """Whether each fit (n,) found its minimum."""
        return self.rows.success

    @property
    def n_success(self) -> int:
        """Number of fits that found their minimum."""
        return int(self.success.sum())

    @property
    def is_complete(self) -> bool:
        """Whether all realisations that were asked for are here."""
        return len(self) == self.n_sim

    @property
    def table(self) -> QTable:
        """One row for each realisation: values and errors with units, "stat", "success", "retried" and "counts"."""
        import astropy.units as u
        from astropy.table import QTable

        rows = self.rows
        columns: dict[str, Any] = {"realisation": rows.number}
        for i, (name, unit) in enumerate(zip(self.names, self.units, strict=True)):
            columns[name] = u.Quantity(rows.values[:, i], unit)
            columns[f"{name}_err"] = u.Quantity(rows.errors[:, i], unit)
            if np.isfinite(rows.errn[:, i]).any():
                columns[f"{name}_errn"] = u.Quantity(rows.errn[:, i], unit)
                columns[f"{name}_errp"] = u.Quantity(rows.errp[:, i], unit)
        rest = {name: getattr(rows, name) for name in ("stat", "success", "retried", "counts")}
        meta = {"seed": self.seed, "n_sim": self.n_sim, "errors_from": self.errors_from}
        return QTable(columns | rest, meta=meta)

    def index(self, name: str) -> int:
        """Return the position of a free parameter.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if name not in self.names:
            raise UnknownNameError(f"no free parameter {name!r}: there are {list(self.names)}")
        return self.names.index(name)

    # -- how they behave

    @property
    def pulls(self) -> Array:
        """Deviations from the truth in errors (n, p); NaN without success or error."""
        return (self.values - self.truth) / self.errors

    def coverage(self, sigma: Any = _SIGMAS, intervals: str = "errors") -> Table:
        """Count how often the interval of ``sigma`` errors around the best value holds the truth.

        Fits without success or error are left out: "n" says how many entered.

        Parameters
        ----------
        sigma : float or sequence of float
            Half widths of the intervals in errors. Default: 1 and 2, which should cover 68.27 and 95.45 %.
        intervals : {"errors", "profile"}
            Symmetric intervals from the errors, or those in which the profile likelihood has risen by at most
            ``sigma`` squared (for an ensemble that was made with ``profile``). Default: "errors".

        Returns
        -------
        table : `~astropy.table.Table`
            Columns "parameter", "sigma", "nominal", "coverage", "error" (binomial) and "n".

        Raises
        ------
        InputError
            If a half width is not positive, there is no such kind of interval, or no profile was followed.
        """
        widths = np.atleast_1d(np.asarray(sigma, dtype=float))
        if not (widths > 0).all():
            raise InputError(f"sigma is {sigma!r}: expected half widths above 0")
        distance = self._distance(intervals)
        return coverage_table(self.names, widths, [distance <= width for width in widths], np.isfinite(distance))

    def _distance(self, intervals: str) -> Array:
        """Distance (n, p) of the truth from the best values, in errors or as the root of the rise of the profile."""
        if intervals == "errors":
            return np.abs(self.pulls)
        if intervals != "profile":
            raise InputError(f"intervals is {intervals!r}: expected 'errors' or 'profile'")
        if not np.isfinite(self.rows.rises).any():
            raise InputError("no profile was followed: simulate and fit with profile='truth'")
        return np.sqrt(self.rows.rises)

    def summary(self) -> Table:
        """One row for each parameter.

        Returns
        -------
        table : `~astropy.table.Table`
            Columns "parameter", "unit", "truth"; "mean", "bias" (mean minus truth) and its error "bias_err";
            "scatter" (standard deviation of the values) and "error" (root mean square of the errors); "pull_mean"
            and "pull_width"; "coverage_68", "coverage_95" and their binomial errors; "n", the fits that entered.
            NaN where fewer than two did.
        """
        from astropy.table import Table

        rows = [self._summary_row(i) for i in range(len(self.names))]
        return Table(rows, names=list(rows[0]))

    def _summary_row(self, i: int) -> dict[str, Any]:
        use = self.success & np.isfinite(self.errors[:, i])
        n, nan = int(use.sum()), float("nan")
        values, errors, pulls = self.values[use, i], self.errors[use, i], self.pulls[use, i]
        enough = n > 1
        mean, scatter = (float(values.mean()), float(values.std(ddof=1))) if enough else (nan, nan)
        row = {
            "parameter": self.names[i],
            "unit": self.units[i],
            "truth": float(self.truth[i]),
            "mean": mean,
            "bias": mean - float(self.truth[i]),
            "bias_err": scatter / n**0.5 if enough else nan,
            "scatter": scatter,
            "error": float(np.sqrt(np.mean(errors**2))) if enough else nan,
            "pull_mean": float(pulls.mean()) if enough else nan,
            "pull_width": float(pulls.std(ddof=1)) if enough else nan,
        }
        for percent, sigma in zip((68, 95), _SIGMAS, strict=True):
            held = int((np.abs(pulls) <= sigma).sum())
            row[f"coverage_{percent}"] = held / n if enough else nan
            row[f"coverage_{percent}_err"] = float(binomial_error(held, n)) if enough else nan
        return {**row, "n": n}

    @property
    def correlation(self) -> Array:
        """Correlation (p, p) of the best values among the fits that succeeded; NaN with fewer than three."""
        values = self.values[self.success]
        if len(values) < 3:
            return np.full((len(self.names),) * 2, np.nan)
        with np.errstate(all="ignore"):
            return np.atleast_2d(np.corrcoef(values, rowvar=False))

    # -- plots and files

    def plot_pulls(self, axes: Any = None) -> Any:
        """Plot histograms of the pulls with a normal distribution, one panel for each parameter; return the axes."""
        from gammafold.ensemble.result_plot import plot_pulls

        return plot_pulls(self, axes)

    def plot_values(self, axes: Any = None) -> Any:
        """Plot histograms of the best values, with the truth and the mean; return the axes."""
        from gammafold.ensemble.result_plot import plot_values

        return plot_values(self, axes)

    def peek(self) -> Any:
        """Plot values, pulls and the statistic in one figure, and return the figure."""
        from gammafold.ensemble.result_plot import peek

        return peek(self)

    def write(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the result to a FITS file (``.fits``, ``.fits.gz``) or, with pyarrow and pandas, ``.parquet``."""
        from gammafold.ensemble.result_io import write_result

        write_result(self, path, overwrite)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> EnsembleResult:
        """Read a result that `write` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged or no such result.
        """
        from gammafold.ensemble.result_io import read_result

        return read_result(path)

    def __repr__(self) -> str:
        missing = "" if self.is_complete else f" of {self.n_sim} that were asked for (interrupted)"
        retried = int((self.success & self.rows.retried).sum())
        lines = [
            f"EnsembleResult: {len(self)} realisations{missing}, {self.n_success} converged"
            + (f" ({retried} by Minuit)" if retried else ""),
            f"  {self.n_data} bins, {len(self.names)} free parameters, errors from: {self.errors_from}, "
            f"seed {self.seed}",
        ]
        width = max(len(name) for name in self.names)
        lines.append(f"  {'':<{width}} {'truth':>10} {'mean':>10} {'bias/err':>9} {'width':>7}  68 %            95 %")
        for row in self.summary():
            cover = "  ".join(f"{row[f'coverage_{c}']:.4f} ± {row[f'coverage_{c}_err']:.4f}" for c in (68, 95))
            ratio = row["bias"] / row["scatter"]
            lines.append(
                f"  {row['parameter']:<{width}} {row['truth']:>10.4g} {row['mean']:>10.4g} {ratio:>9.4f} "
                f"{row['pull_width']:>7.4f}  {cover}"
            )
        return "\n".join(lines)


def coverage_table(names: tuple[str, ...], widths: Array, held: list[Mask], known: Mask) -> Table:
    """Return a table of coverages.

    Parameters
    ----------
    names : tuple of str, length p
        Parameters.
    widths : array, shape (w,)
        Half widths in errors.
    held : list of bool array, shape (n, p), length w
        Whether each interval holds the truth.
    known : bool array, shape (n, p)
        Which intervals there are.
    """
    from astropy.table import Table

    rows = []
    for i, name in enumerate(names):
        n = int(known[:, i].sum())
        for width, inside in zip(widths, held, strict=True):
            k = int((inside & known)[:, i].sum())
            nominal = float(2.0 * ndtr(width) - 1.0)
            fraction, error = (k / n, float(binomial_error(k, n))) if n else (np.nan, np.nan)
            rows.append((name, float(width), nominal, fraction, error, n))
    return Table(rows=rows, names=("parameter", "sigma", "nominal", "coverage", "error", "n"))
