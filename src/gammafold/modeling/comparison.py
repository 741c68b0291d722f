"""Which of two models do the data want? Nested ones by the test statistic, any by information criteria.

The test statistic ``TS = stat(null) - stat(alternative)`` of nested models follows a chi2 distribution with as many
degrees of freedom as the alternative has free parameters more (Wilks 1938), unless the null lies on a limit of the
alternative, or leaves one of its parameters without meaning (Protassov et al. 2002, ApJ 571, 545).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.modeling.fit import Fit, as_collection
from gammafold.modeling.models.core import walk
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FitError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gammafold.modeling.fit_result import FitResult

__all__ = ["ModelComparison", "TestStatisticNested", "compare_nested", "select_nested_models", "ts_to_sigma"]

# A statistic can be this much above its minimum after a fit that has converged.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class ModelComparison:
    """How much better one model fits than another that is nested in it.

    Attributes
    ----------
    ts : float
        Test statistic, >= 0.
    dof : int
        Free parameters that the alternative has more.
    delta_aic, delta_bic : float
        Information criteria of the alternative minus those of the null: negative where the alternative is preferred.
    caveat : str
        Why the p-value may not be what it seems; empty if nothing is known against it.
    """

    ts: float
    dof: int
    delta_aic: float
    delta_bic: float
    caveat: str = ""

    @property
    def p_value(self) -> float:
        """Chance of a test statistic as large as this, if the null is true."""
        from scipy.special import gammaincc

        return float(gammaincc(0.5 * self.dof, 0.5 * self.ts))

    @property
    def sigma(self) -> float:
        """Significance: the two-sided gaussian one of the same p-value, ``sqrt(ts)`` for one degree of freedom."""
        return ts_to_sigma(self.ts, self.dof)


def ts_to_sigma(ts: float, dof: int = 1) -> float:
    """Convert a test statistic to a two-sided gaussian significance.

    Parameters
    ----------
    ts : float
        Test statistic, >= 0.
    dof : int
        Degrees of freedom, >= 1.

    Examples
    --------
    >>> print(f"{ts_to_sigma(9.0):.3f} {ts_to_sigma(9.0, 2):.3f} {ts_to_sigma(1e4, 2):.3f}")
    3.000 2.539 99.952
    """
    from scipy.special import gammaincc, gammaln, ndtri_exp

    if not ts >= 0 or dof < 1:
        raise InputError(f"ts is {ts} with {dof} degrees of freedom: expected zero or more, and at least one")
    if dof == 1:
        return float(np.sqrt(ts))
    # The chi2 distribution beyond ts is an incomplete gamma function.
    a, x = 0.5 * dof, 0.5 * ts
    p = gammaincc(a, x)
    # Where it underflows, the first terms of its asymptotic series (Abramowitz & Stegun 6.5.32).
    log_p = np.log(p) if p > 1e-290 else (a - 1.0) * np.log(x) - x - gammaln(a) + np.log1p((a - 1.0) / x)
    return max(0.0, -float(ndtri_exp(log_p - np.log(2.0))))


def compare_nested(null: FitResult, alternative: FitResult) -> ModelComparison:
    """Compare the fits of two nested models to the same data.

    Parameters
    ----------
    null : FitResult
        Fit of the simpler model, such as a power law.
    alternative : FitResult
        Fit of a model that contains it, such as a log parabola.

    Raises
    ------
    FitError
        If one of the fits did not converge.
    InputError
        If the fits are of different data, or the models cannot be nested.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> amplitude = "4e-11 cm-2 s-1 TeV-1"
    >>> results = []
    >>> for spectrum in (
    ...     PowerLawSpectralModel(amplitude=amplitude),
    ...     LogParabolaSpectralModel(amplitude=amplitude, reference="1 TeV", alpha=2.5, beta=0.1),
    ... ):
    ...     datasets.models = SkyModel(spectrum, name="crab")
    ...     results.append(Fit().run(datasets))
    >>> comparison = compare_nested(*results)
    >>> print(f"TS {comparison.ts:.3f}, {comparison.sigma:.2f} sigma")
    TS 4.951, 2.23 sigma
    """
    for name, result in (("null", null), ("alternative", alternative)):
        if not result.success:
            raise FitError(f"the fit of the {name} did not converge ({result.message}): there is nothing to compare")
    if null.n_data != alternative.n_data:
        raise InputError(f"the fits are of {null.n_data} and {alternative.n_data} bins: expected the same data")
    dof = alternative.n_free - null.n_free
    if dof < 1:
        raise InputError(
            f"the alternative has {alternative.n_free} free parameters and the null {null.n_free}: a model that "
            "contains another has more"
        )
    ts = null.total_stat - alternative.total_stat
    if ts < -_ROUNDING:
        raise InputError(f"the alternative fits worse than the null, by {-ts:.4g}: the models are not nested")
    limits = ", ".join(alternative.at_limit)
    return ModelComparison(
        ts=max(ts, 0.0),
        dof=dof,
        delta_aic=alternative.aic - null.aic,
        delta_bic=alternative.bic - null.bic,
        caveat=f"{limits} of the alternative on a limit: the test statistic follows no chi2" if limits else "",
    )


class TestStatisticNested:
    """Test whether some parameters of a model are needed, by fits with and without them.

    Parameters
    ----------
    parameters : sequence of Parameter
        Parameters of the alternative.
    null_values : sequence of float or Parameter
        Their values under the null, or the parameters that they are linked to there.
    n_sigma : float
        Significance from which the alternative is taken. Default: 2.
    n_free_parameters : int, optional
        Degrees of freedom. Default: the number of ``parameters`` that are free.
    fit : Fit, optional
        Default: ``Fit()``.
    """

    # Not a class of tests, whatever its name makes of it.
    __test__ = False

    def __init__(
        self,
        parameters: Sequence[Parameter],
        null_values: Sequence[float | Parameter],
        n_sigma: float = 2,
        n_free_parameters: int | None = None,
        fit: Fit | None = None,
    ) -> None:
        self.parameters, self.null_values = list(parameters), list(null_values)
        if len(self.parameters) != len(self.null_values):
            raise InputError(f"{len(self.parameters)} parameters and {len(self.null_values)} null values: give as many")
        self.n_sigma = n_sigma
        free = [parameter for parameter in self.parameters if not parameter.frozen]
        self.n_free_parameters = len(free) if n_free_parameters is None else n_free_parameters
        if self.n_free_parameters < 1:
            raise InputError("none of the parameters is free: null and alternative are the same model")
        self.fit = Fit() if fit is None else fit

    @property
    def ts_threshold(self) -> float:
        """Test statistic from which the alternative is taken."""
        from scipy.special import gammainccinv, ndtr

        return float(2.0 * gammainccinv(0.5 * self.n_free_parameters, 2.0 * ndtr(-self.n_sigma)))

    def ts(self, datasets: Any) -> float:
        """Return the test statistic, and leave the models as they are."""
        return float(self.run(datasets, apply_selection=False)["ts"])

    def run(self, datasets: Any, apply_selection: bool = True) -> dict[str, Any]:
        """Fit null and alternative.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            With models.
        apply_selection : bool
            Leave the models as the null if the alternative is not significantly better: with the parameters frozen
            at, or linked to, their null values. Default: True; False leaves values and links as they were.

        Returns
        -------
        result : dict
            ``ts``, ``fit_results`` of the alternative, and ``fit_results_null``.

        Raises
        ------
        FitError
            If one of the fits did not converge.
        """
        collection = as_collection(datasets)
        places = {id(p): _places(collection.models, p) for p in self.parameters}
        free = collection.parameters.unique_parameters.free_parameters
        before = [(parameter, parameter.value, parameter.error) for parameter in free]
        fits = {"fit_results": self.fit.run(collection)}
        found = [(parameter, parameter.value, parameter.error) for parameter in free]
        frozen = [parameter.frozen for parameter in self.parameters]
        self._take_null(places)
        fits["fit_results_null"] = self.fit.run(collection)
        for name, result in fits.items():
            if not result.success:
                raise FitError(f"{name}: the fit did not converge ({result.message}): there is no test statistic")
        ts = fits["fit_results_null"].total_stat - fits["fit_results"].total_stat
        if not apply_selection or ts >= self.ts_threshold:
            for parameter, was in zip(self.parameters, frozen, strict=True):
                _put(places[id(parameter)], parameter)
                parameter.frozen = was
            for parameter, value, error in found if apply_selection else before:
                parameter.value, parameter.error = value, error
            if apply_selection:
                collection.models.set_covariance(free, fits["fit_results"].covariance)
        return {"ts": ts, **fits}

    def _take_null(self, places: dict[int, list[tuple[Any, str]]]) -> None:
        for parameter, value in zip(self.parameters, self.null_values, strict=True):
            if isinstance(value, Parameter):
                _put(places[id(parameter)], value)
            else:
                parameter.value = value
                parameter.frozen = True


def select_nested_models(
    datasets: Any,
    parameters: Sequence[Parameter],
    null_values: Sequence[float | Parameter],
    n_sigma: float = 2,
    n_free_parameters: int | None = None,
    fit: Fit | None = None,
) -> dict[str, Any]:
    """Keep some parameters free if the data want them, else leave the models as the null: see `TestStatisticNested`.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import LogParabolaSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> spectrum = LogParabolaSpectralModel(
    ...     amplitude="4e-11 cm-2 s-1 TeV-1", reference="1 TeV", alpha=2.5, beta=0.1
    ... )
    >>> datasets.models = SkyModel(spectrum, name="crab")
    >>> result = select_nested_models(datasets, [spectrum.beta], [0], n_sigma=3)
    >>> print(f"{result['ts']:.3f}")
    4.951
    >>> spectrum.beta.value, spectrum.beta.frozen
    (0.0, True)
    """
    return TestStatisticNested(parameters, null_values, n_sigma, n_free_parameters, fit).run(datasets)


def _places(models: Any, parameter: Parameter) -> list[tuple[Any, str]]:
    """Return the models, and the names in them, that hold a parameter."""
    found = [
        (part, name)
        for model in models
        for part in walk(model)
        for name in part._parameter_names
        if getattr(part, name) is parameter
    ]
    if not found:
        raise InputError(f"parameter {parameter.name!r} is none of the models of these datasets")
    return found


def _put(places: list[tuple[Any, str]], parameter: Parameter) -> None:
    for model, name in places:
        if getattr(model, name) is not parameter:
            setattr(model, name, parameter)
