"""Norms with the other free parameters fitted again in every group of bins."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import Datasets
from gammafold.likelihood.likelihood import Likelihood
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.models.collection import Models
from gammafold.modeling.models.sky import SkyModel
from gammafold.modeling.models.spectral_compound import ScaleSpectralModel
from gammafold.modeling.scan import confidence_intervals, scan
from gammafold.utils.errors import FitError, GammafoldWarning

if TYPE_CHECKING:
    from gammafold.estimators.base import FluxEstimator

__all__ = ["reoptimized_estimates"]

Array = NDArray[np.float64]


def reoptimized_estimates(
    estimator: FluxEstimator, datasets: Datasets, source: Any, groups: list[NDArray[np.intp]], empty: NDArray[np.bool_]
) -> tuple[dict[str, Array], Array | None]:
    """Fit the norm of the source and all other free parameters to each group of bins alone.

    The parameters of the source's own spectrum stay at their values: the norm stands for them. Arguments and
    result are those of `gammafold.estimators.flux_points_estimator.estimate_groups`, with groups marked that
    have no bin or no signal: these are not fitted.
    """
    rows = [
        {"success": False} if empty[number] else _one_group(estimator, datasets, source, [g == number for g in groups])
        for number in range(len(empty))
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    estimates = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names if name != "stat_scan"}
    estimates["success"] = np.array([bool(row.get("success", False)) for row in rows])
    if "scan" not in estimator.selection_optional:
        return estimates, None
    unknown = np.full(len(estimator.norm_values), np.nan)
    return estimates, np.stack([row.get("stat_scan", unknown) for row in rows], axis=1)


def _one_group(
    estimator: FluxEstimator, datasets: Datasets, source: Any, keep: list[NDArray[np.bool_]]
) -> dict[str, Any]:
    selected = _masked(datasets, keep)
    models, norm = _scaled_models(selected, source)
    selected.models = models
    with warnings.catch_warnings():
        # The flag of the point says it; one warning for all of them follows.
        warnings.simplefilter("ignore", GammafoldWarning)
        try:
            result = estimator.fit.run(selected)
        except FitError:
            return {"success": False}
    likelihood = selected.likelihood()
    position = [parameter is norm for parameter in selected.parameters.unique_parameters.free_parameters].index(True)
    # The likelihood was compiled before the fit: its own values are those of the start.
    best, error = result.values, norm.error
    row: dict[str, Any] = {
        "norm": norm.value,
        "norm_err": estimator.n_sigma * error if error > 0 else np.nan,
        "stat": result.total_stat,
        "n_dof": 1.0,
        "success": result.success,
        **_counts(selected, source),
    }
    row["stat_null"] = _null(estimator, selected, norm)
    row["ts"] = row["stat_null"] - row["stat"]
    if result.success and error > 0 and result.covariance is not None:
        row |= _options(estimator, likelihood, best, np.sqrt(np.diagonal(result.covariance)), position)
    return row


def _masked(datasets: Datasets, keep: list[NDArray[np.bool_]]) -> Datasets:
    """Return the datasets with only some of their bins to fit, without those that have none."""
    chosen = [dataset.selected_bins() & bins for dataset, bins in zip(datasets, keep, strict=True)]
    # Copied together, so that datasets which share a model share its copy.
    members = Datasets([dataset for dataset, bins in zip(datasets, chosen, strict=True) if bins.any()]).copy()
    for member, bins in zip(members, [bins for bins in chosen if bins.any()], strict=True):
        member.mask_fit = RegionNDMap(member.geom, data=bins.reshape(member.data_shape))
    return members


def _scaled_models(datasets: Datasets, source: Any) -> tuple[Models, Any]:
    """Return the models with the source's spectrum scaled by a free norm, and that norm."""
    own = next(model for model in datasets.models if model.name == source.name)
    scaled = ScaleSpectralModel(own.spectral_model.copy())
    scaled.norm.min, scaled.norm.max = np.nan, np.nan
    scaled.norm.frozen = False
    replacement = SkyModel(
        spectral_model=scaled,
        spatial_model=own.spatial_model,
        temporal_model=own.temporal_model,
        name=own.name,
        datasets_names=own.datasets_names,
    )
    for part in (own.spatial_model, own.temporal_model):
        if part is not None:
            part.freeze()
    return Models([replacement if model is own else model for model in datasets.models]), scaled.norm


def _counts(datasets: Datasets, source: Any) -> dict[str, float]:
    """Counts seen, predicted, and predicted of the source, inside the masks."""
    total = {"counts": 0.0, "npred": 0.0, "npred_excess": 0.0}
    for dataset in datasets:
        bins = dataset.selected_bins()
        model = next(one for one in dataset.models if one.name == source.name)
        total["counts"] += float(dataset.counts.data.reshape(-1)[bins].sum())
        total["npred"] += float(dataset.npred().data.reshape(-1)[bins].sum())
        total["npred_excess"] += float(dataset.npred_signal(model).data.reshape(-1)[bins].sum())
    return total


def _null(estimator: FluxEstimator, datasets: Datasets, norm: Any) -> float:
    """Statistic at the null hypothesis, with the other parameters fitted to that; everything is put back."""
    parameters = datasets.parameters.unique_parameters
    values, errors = [p.value for p in parameters], [p.error for p in parameters]
    norm.value, norm.frozen = estimator.null_value, True
    try:
        if len(parameters.free_parameters) == 0:
            return float(datasets.stat_sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GammafoldWarning)
            return estimator.fit.optimize(datasets).total_stat
    finally:
        norm.frozen = False
        for parameter, value, error in zip(parameters, values, errors, strict=True):
            parameter.value, parameter.error = value, error


def _options(
    estimator: FluxEstimator, likelihood: Likelihood, best: Array, errors: Array, position: int
) -> dict[str, Any]:
    """Asymmetric errors, limit and scan, as selected."""
    selection = estimator.selection_optional
    row: dict[str, Any] = {}
    if "errn-errp" in selection:
        found = confidence_intervals(likelihood, best, errors, [position], estimator.n_sigma)[0]
        row["norm_errn"], row["norm_errp"] = found.errn, found.errp
    if "ul" in selection:
        found = confidence_intervals(likelihood, best, errors, [position], estimator.n_sigma_ul)[0]
        row["norm_ul"] = best[position] + found.errp
    if "scan" in selection:
        row["stat_scan"] = scan(likelihood, best, [position], estimator.norm_values[:, None], reoptimize=True)[0]
    return row
