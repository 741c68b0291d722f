"""Fits of a catalogue: many datasets, each with its own source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.ensemble.block import ERRORS, fit_block, parameter_errors
from gammafold.ensemble.freedom import parameter_labels
from gammafold.ensemble.stacked import stack_specs
from gammafold.ensemble.work import check_client, run_spans, spans
from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.joint_statistic import join_statistics
from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.fit import ready_likelihood
from gammafold.modeling.models.collection import Models
from gammafold.utils.errors import FitError, InputError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["CatalogueResult", "SourceFit", "fit_many"]

Array = NDArray[np.float64]

# Fewer members of a layout than this are fitted one by one.
_WORTH_STACKING = 4
# Items of one piece of work.
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class SourceFit:
    """The fit of one item of a catalogue.

    Attributes
    ----------
    name : str
        Name of the item: of its dataset, or of the first of several.
    parameters, units : tuple of str, length p
        Free parameters and their units.
    values, errors : array, shape (p,)
        Best values and errors; an error is NaN where none is known.
    stat : float
        Statistic at the minimum.
    success, stacked : bool
        Whether the minimum was found, and whether it was found together with others of the same layout.
    n_data : int
        Bins.
    message : str
        Why there is no fit, if there is none.
    """

    name: str
    parameters: tuple[str, ...]
    units: tuple[str, ...]
    values: Array
    errors: Array
    stat: float
    success: bool
    stacked: bool
    n_data: int
    message: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class CatalogueResult:
    """The fits of a catalogue, in the order of its items."""

    fits: tuple[SourceFit, ...]

    def __len__(self) -> int:
        return len(self.fits)

    def __getitem__(self, number: int) -> SourceFit:
        return self.fits[number]

    @property
    def n_success(self) -> int:
        """Number of fits that found their minimum."""
        return sum(fit.success for fit in self.fits)

    @property
    def table(self) -> Table:
        """One row for each item; the parameters that it lacks are NaN, and its units are those of the first."""
        from astropy.table import QTable
        from astropy.units import Quantity

        columns: dict[str, Any] = {
            key: [getattr(fit, key) for fit in self.fits] for key in ("name", "success", "stat", "n_data", "message")
        }
        units = {
            name: unit for fit in reversed(self.fits) for name, unit in zip(fit.parameters, fit.units, strict=True)
        }
        for name, unit in units.items():
            for ending, what in (("", "values"), ("_err", "errors")):
                numbers = [_number(fit, name, what, unit) for fit in self.fits]
                columns[name + ending] = Quantity(numbers, unit)
        return QTable(columns)

    def __repr__(self) -> str:
        failed = [fit.name for fit in self.fits if not fit.success]
        told = f"; without success: {failed[:10]}" if failed else ""
        together = sum(fit.stacked for fit in self.fits)
        return f"CatalogueResult: {len(self)} fits, {self.n_success} converged, {together} fitted in batches{told}"


def _number(fit: SourceFit, name: str, what: str, unit: str) -> float:
    from astropy.units import Quantity

    if name not in fit.parameters:
        return float("nan")
    i = fit.parameters.index(name)
    return float(Quantity(getattr(fit, what)[i], fit.units[i]).to_value(unit))


def fit_many(
    list_of_datasets: Iterable[Any],
    models: Any = None,
    client: Any = None,
    chunk_size: int | None = None,
    progress: bool = True,
    errors: str = "fisher",
) -> CatalogueResult:
    """Fit each of many datasets on its own, such as the sources of a catalogue.

    Items that have the same bins of true energy and the same kind of model (one source, steady, without priors and
    links) are fitted in batches, whatever their responses, masks, data and parameters; all others one by one. An item
    that cannot be fitted is flagged and says why: it does not stop the others. The datasets and models do not change.

    Parameters
    ----------
    list_of_datasets : list of Dataset or Datasets
        The items; several datasets in one item are fitted jointly.
    models : Models, list of models or a model, optional
        Fit each item with a copy of these. Default: with its own.
    client : `dask.distributed.Client`, optional
        Compute on its cluster. Default: in this process.
    chunk_size : int, optional
        Items per chunk of work, rounded up to whole blocks of 256.
    progress : bool
        Whether to show a progress bar on standard error. Default: True.
    errors : {"fisher", "hessian"}
        As in `simulate_and_fit`; the latter fits all items one by one.

    Returns
    -------
    result : CatalogueResult

    Raises
    ------
    InputError, InputTypeError
        If there are no items, or one is no dataset.

    Examples
    --------
    >>> from gammafold.datasets import SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> runs = [SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess")]
    >>> source = SkyModel(PowerLawSpectralModel(index=2.6, amplitude="4.5e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> fit_many(runs, source, progress=False)
    CatalogueResult: 4 fits, 4 converged, 4 fitted in batches
    """
    if errors not in ERRORS:
        raise InputError(f"errors is {errors!r}: expected one of {ERRORS}")
    check_client(client)
    items = [as_datasets(item) for item in list_of_datasets]
    if not items:
        raise InputError("no datasets: there is nothing to fit")
    if models is not None:
        items = [_with_models(item, models) for item in items]
    parts = spans(len(items), _BLOCK, chunk_size, client)
    done = run_spans(_fit_items, (items, errors), parts, client, progress, "fitting")
    fits = sorted((fit for part in done for fit in part), key=lambda pair: pair[0])
    return CatalogueResult(tuple(fit for _, fit in fits))


def _with_models(item: Datasets, models: Any) -> Datasets:
    shallow = []
    copies = Models(models).copy()
    for dataset in item:
        member = dataset.copy(name=dataset.name)
        member.models = copies
        shallow.append(member)
    return Datasets(shallow)


def _fit_items(problem: Any, first: int, last: int) -> list[tuple[int, SourceFit]]:
    items, errors = problem
    numbers = list(range(first, last))
    fits: dict[int, SourceFit] = {}
    if errors == "fisher":
        for group in _groups(items, numbers):
            with np.errstate(all="ignore"):
                fits.update(_fit_stacked(items, group))
    for number in numbers:
        if number not in fits:
            fits[number] = _fit_alone(items[number], errors)
    return list(fits.items())


# -- one by one


def _fit_alone(item: Datasets, errors: str) -> SourceFit:
    name = item.names[0] if len(item) else "?"
    nothing = np.zeros(0)
    try:
        likelihood = ready_likelihood(item)
        rows = fit_block(_batch_of_one(likelihood), np.array([0]), errors)
    except (FitError, InputError) as error:
        return SourceFit(name, (), (), nothing, nothing, float("nan"), False, False, 0, str(error))
    labels, units = _names(item)
    success = bool(rows.success[0])
    message = "" if success else "no minimum was found"
    stat = float(rows.stat[0])
    return SourceFit(
        name, labels, units, rows.values[0], rows.errors[0], stat, success, False, likelihood.n_data, message
    )


def _names(item: Datasets) -> tuple[tuple[str, ...], tuple[str, ...]]:
    free = item.parameters.unique_parameters.free_parameters
    return tuple(parameter_labels(item, free)), tuple(str(parameter.unit) for parameter in free)


def _batch_of_one(likelihood: Likelihood) -> Likelihood:
    parts = [
        (rows, kernel.with_data(**{kernel.fields[0]: getattr(kernel, kernel.fields[0])[None]}))
        for rows, kernel in likelihood.statistic.parts
    ]
    return likelihood.with_statistic(join_statistics(parts, likelihood.statistic.n_bins))


# -- together


def _groups(items: Sequence[Datasets], numbers: Sequence[int]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for number in numbers:
        layout = _layout(items[number])
        if layout is not None:
            groups.setdefault(layout, []).append(number)
    return [group for group in groups.values() if len(group) >= _WORTH_STACKING]


def _layout(item: Datasets) -> str | None:
    """Say what an item must share with others to be fitted with them; None if it must be fitted alone."""
    dataset = item[0] if len(item) == 1 else None
    models = list(getattr(dataset, "models", None) or ())
    if dataset is None or len(models) != 1 or dataset.exposure is None or dataset.counts is None:
        return None
    model = models[0]
    parameters = list(model.parameters)
    special = any(parameter.prior is not None or parameter.link is not None for parameter in parameters)
    if special or getattr(model, "spectral_model", None) is None or model.temporal_model is not None:
        return None
    if model.spatial_model is not None or not any(not parameter.frozen for parameter in parameters):
        return None
    content = model.spectral_model.to_dict()
    for entry in content.get("spectral", content).get("parameters", []):
        entry.pop("value", None)
        entry.pop("error", None)
    edges = dataset.exposure.geom.axes["energy_true"].edges.to_value("TeV").tobytes().hex()
    limits = [(parameter.frozen, parameter.min, parameter.max) for parameter in parameters]
    return json.dumps([type(dataset).__name__, content, limits, edges], default=str, sort_keys=True)


def _fit_stacked(items: Sequence[Datasets], group: Sequence[int]) -> dict[int, SourceFit]:
    """Fit items of one layout together; those that do not converge are left for a fit alone."""
    leader = items[group[0]][0].models[0]
    flux = leader.spectral_model.compile()
    if flux.parts:
        return {}
    specs = []
    for number in group:
        dataset = items[number][0]
        spec = dataset.to_spec(
            list(dataset.models), lambda wanted: tuple(range(len(list(wanted)))), lambda *_: flux, True
        )
        if spec.n_bins == 0 or len(spec.signal) != 1 or (spec.background and spec.background.function is not None):
            return {}
        specs.append(spec)
    parameters = list(leader.spectral_model.parameters)
    start = np.array([[p.value for p in items[n][0].models[0].spectral_model.parameters] for n in group])
    held = np.array([parameter.frozen for parameter in parameters])
    lower, upper = (
        np.array([_limit(getattr(p, end), unset) for p in parameters])
        for end, unset in (("min", -np.inf), ("max", np.inf))
    )
    # A frozen parameter has no limits: it stays where it is.
    lower[held], upper[held] = -np.inf, np.inf
    scale = np.maximum(np.abs(start).max(axis=0), 1e-300)
    logarithmic = np.array([parameter.interp == "log" for parameter in parameters])
    likelihood = stack_specs(specs, lower, upper, scale, logarithmic)
    inside = np.all((start >= lower) & (start <= upper), axis=1).tolist()
    found = minimise_batch(likelihood, start, held=held)
    on_limit: NDArray[np.bool_] = np.logical_or(found.theta <= lower, found.theta >= upper)
    sigma = parameter_errors(found.fisher, ~on_limit & ~held)
    stat = found.deviance + likelihood.statistic.offset
    fits = {}
    for row, number in enumerate(group):
        known = np.isfinite(sigma[row]) | on_limit[row] | held
        if not (found.converged[row] and inside[row] and known.all()):
            continue
        labels, units = _names(items[number])
        values, errors = found.theta[row][~held], sigma[row][~held]
        name, n_data = items[number].names[0], specs[row].n_bins
        fits[number] = SourceFit(name, labels, units, values, errors, float(stat[row]), True, True, n_data)
    return fits


def _limit(value: float, unset: float) -> float:
    return unset if np.isnan(value) else float(value)
