"""The door from the user's world to the engine's: datasets in, a `Likelihood` out.

There is one implementation of the physics. ``npred``, ``stat_sum``, ``Fit`` and every estimator compile their
datasets here; what comes out knows arrays only, is immutable and checks nothing. `PlanCache` keeps a compiled
likelihood for as long as its `Fingerprint` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.fingerprint import Fingerprint, Watch
from gammafold.datasets.model_watch import watch_model
from gammafold.likelihood.likelihood import Likelihood
from gammafold.likelihood.spec import ParameterSpec
from gammafold.modeling.models.collection import DatasetModels
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.modeling.parameter import Parameter

__all__ = ["PlanCache", "compile_likelihood", "likelihood_without_data"]


def compile_likelihood(
    datasets: Iterable[Any],
    masked: bool = True,
    models: Iterable[Any] | None = None,
    joint_models: DatasetModels | None = None,
) -> Likelihood:
    """Compile datasets into one likelihood of their free parameters.

    Parameters
    ----------
    datasets : Datasets or iterable of Dataset
        Datasets with models.
    masked : bool
        Whether only the bins inside ``mask_safe`` and ``mask_fit`` enter. Default: True.
    models : iterable of models, optional
        Fold only these of the datasets' models; the parameter vector is that of all models.
    joint_models : DatasetModels, optional
        For datasets that are a part of a larger joint fit: the parameter vector is that of these models, and priors
        are left out, which the whole counts once.

    Returns
    -------
    likelihood : `~gammafold.likelihood.likelihood.Likelihood`
        Immutable: later changes of the datasets do not reach it.

    Raises
    ------
    InputError
        If a model cannot be folded: no exposure, axes that do not match, two datasets of one name; or if there are
        no counts to compare with and ``masked`` asks for the statistic.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> dataset.models = SkyModel(PowerLawSpectralModel(), name="crab")
    >>> likelihood = compile_likelihood([dataset])
    >>> likelihood.n_free, likelihood.n_data
    (2, 41)
    """
    members = list(datasets)
    _require_unique_names(members)
    whole = unique_models(members) if joint_models is None else joint_models
    parameters = list(whole.parameters.unique_parameters)
    positions = {id(parameter): i for i, parameter in enumerate(parameters)}
    chosen = None if models is None else {id(model) for model in models}
    fluxes: dict[tuple[int, ...], Any] = {}

    def position(wanted: Iterable[Parameter]) -> tuple[int, ...]:
        return tuple(positions[id(parameter)] for parameter in wanted)

    def flux(spectral_model: Any, corrections: Sequence[Any] = ()) -> Any:
        key = (id(spectral_model), *map(id, corrections))
        if key not in fluxes:
            if corrections:
                fluxes[key] = corrections[-1].correct(flux(spectral_model, corrections[:-1]))
            else:
                fluxes[key] = spectral_model.compile()
        return fluxes[key]

    specs = []
    for dataset in members:
        used = [
            model for model in dataset.models or () if chosen is None or id(model) in chosen or model.corrects_response
        ]
        spec = dataset.to_spec(used, position, flux, masked)
        if masked and spec.statistic is None:
            raise InputError(f"dataset {dataset.name!r} has no counts: it has no statistic")
        specs.append(spec)
    priors = _priors(parameters) if joint_models is None else []
    return Likelihood(specs, _parameter_spec(parameters, whole.parameters_short_names), priors=priors)


def likelihood_without_data(models: DatasetModels) -> Likelihood:
    """Return what is left of a likelihood without datasets: the parameters of models, and their priors."""
    parameters = list(models.parameters.unique_parameters)
    return Likelihood([], _parameter_spec(parameters, models.parameters_short_names), priors=_priors(parameters))


def unique_models(datasets: Iterable[Any]) -> DatasetModels:
    """Return the models of several datasets, each once, in the order of first appearance."""
    models: dict[int, Any] = {}
    for dataset in datasets:
        for model in dataset.models or ():
            models.setdefault(id(model), model)
    return DatasetModels(list(models.values()))


def unique_parameters(datasets: Iterable[Any]) -> list[Parameter]:
    """Return the parameters of the models of several datasets, linked ones once."""
    return list(unique_models(datasets).parameters.unique_parameters)


class PlanCache:
    """The compiled likelihoods of some datasets, kept while nothing they depend on has changed.

    The cache holds one plan inside the masks (for the statistic) and one of all bins (for predictions); both
    live and die with one fingerprint. Values of parameters are no part of it: they are arguments.
    """

    __slots__ = ("_fingerprint", "_free", "_frozen", "_frozen_values", "_members", "_plans")

    def __init__(self) -> None:
        self._fingerprint: Fingerprint | None = None
        self._members: tuple[Any, ...] = ()
        self._plans: dict[bool, Likelihood] = {}
        self._free: list[Parameter] = []
        self._frozen: list[Parameter] = []
        self._frozen_values: list[float] = []

    def plan(self, datasets: Sequence[Any], masked: bool) -> Likelihood:
        """Return the compiled likelihood of ``datasets`` as they are now; its ``x0`` may be that of an earlier call."""
        self._refresh(datasets)
        # Another thread may start again with plans of its own while this one compiles.
        plans = self._plans
        plan = plans.get(masked)
        if plan is None:
            plan = plans[masked] = compile_likelihood(datasets, masked)
        return plan

    def likelihood(self, datasets: Sequence[Any]) -> Likelihood:
        """Return the compiled likelihood inside the masks, with ``x0`` where the parameters stand now."""
        plan = self.plan(datasets, masked=True)
        if not np.array_equal(self.theta(), plan.x0):
            spec = _parameter_spec(unique_parameters(datasets), plan.parameters.names)
            plan = self._plans[True] = plan.with_parameters(spec.values, spec.scale)
        return plan

    def theta(self) -> np.ndarray:
        """Return the present values of the free parameters, in the order of the last plan."""
        return np.array([parameter.value for parameter in self._free], dtype=float)

    def stat(self, datasets: Sequence[Any]) -> float:
        """Return the joint statistic inside the masks at the present parameters."""
        likelihood = self.plan(datasets, masked=True)
        return float(likelihood.stat(self.theta()))

    def _refresh(self, datasets: Sequence[Any]) -> None:
        """Drop what was compiled from datasets that are not the present ones any more."""
        fingerprint = self._fingerprint
        if (
            fingerprint is None
            or len(datasets) != len(self._members)
            or not all(map(is_, datasets, self._members))
            or not fingerprint.holds()
        ):
            self._begin(datasets)
            return
        values: list[float] = [parameter.value for parameter in self._frozen]
        if values != self._frozen_values:
            self._frozen_values = values
            full = np.array([parameter.value for parameter in unique_parameters(datasets)], dtype=float)
            self._plans = {masked: plan.with_parameters(full) for masked, plan in self._plans.items()}

    def _begin(self, datasets: Sequence[Any]) -> None:
        """Start again with a fingerprint of the datasets as they are now."""
        parameters = unique_parameters(datasets)
        self._free = [parameter for parameter in parameters if not parameter.frozen]
        self._frozen = [parameter for parameter in parameters if parameter.frozen]
        self._frozen_values = [parameter.value for parameter in self._frozen]
        self._members = tuple(datasets)
        self._plans = {}
        watches: list[Watch] = []
        models: dict[int, Any] = {}
        for dataset in datasets:
            watches += dataset.watches()
            models.update((id(model), model) for model in dataset.all_models)
        for model in models.values():
            watches += watch_model(model)
        self._fingerprint = Fingerprint(watches)


def _require_unique_names(datasets: Sequence[Any]) -> None:
    names = [dataset.name for dataset in datasets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"datasets with the same name: {twice}; give each a name of its own")


def _parameter_spec(parameters: Sequence[Parameter], names: Sequence[str]) -> ParameterSpec:
    free = [i for i, parameter in enumerate(parameters) if not parameter.frozen]
    limits = np.array([_limits(parameters[i]) for i in free], dtype=float).reshape(-1, 2)
    return ParameterSpec(
        names=tuple(names),
        values=np.array([parameter.value for parameter in parameters], dtype=float),
        free=np.array(free, dtype=int),
        lower=np.ascontiguousarray(limits[:, 0]),
        upper=np.ascontiguousarray(limits[:, 1]),
        scale=np.array([_typical_size(parameters[i]) for i in free], dtype=float),
        logarithmic=np.array([parameters[i].interp == "log" for i in free], dtype=bool),
    )


def _limits(parameter: Parameter) -> tuple[float, float]:
    """Return the limits as the engine wants them: an unset one is NaN to a user and infinite to the engine."""
    low, high = parameter.min, parameter.max
    if parameter.prior is not None:
        # Where the prior is zero nothing can be found either.
        ends = parameter.prior.compile(parameter.unit).support
        low, high = np.fmax(low, ends[0]), np.fmin(high, ends[1])
    return (-np.inf if np.isnan(low) else low), (np.inf if np.isnan(high) else high)


def _typical_size(parameter: Parameter) -> float:
    """Return a size by which a parameter is scaled for differences and steps."""
    return abs(parameter.value) or parameter.error or 1.0


def _priors(parameters: Sequence[Parameter]) -> list[tuple[int, Any]]:
    return [
        (i, parameter.prior.compile(parameter.unit))
        for i, parameter in enumerate(parameters)
        if parameter.prior is not None
    ]
