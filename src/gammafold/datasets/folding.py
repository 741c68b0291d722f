"""A dataset on a region as the engine takes it: a response matrix, signal terms and a background term.

For bins ``k`` of reconstructed and ``j`` of true energy, the predicted counts of a model with the flux
``phi`` are

    npred[k] = sum_j  kernel[j, k] * exposure[j] * integral of phi over bin j  * factor,

where ``factor`` is one for a steady model, and the average of a temporal model over the good time intervals
otherwise. What does not depend on parameters, ``R[k, j] = kernel[j, k] * exposure[j]``, is computed here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.checks import same_axis
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.likelihood.spec import BackgroundTerm, DatasetSpec, ParametricFactor, SignalTerm
from gammafold.modeling.models.sky import FoVBackgroundModel
from gammafold.utils.errors import GammafoldWarning, InputError

if TYPE_CHECKING:
    from gammafold.datasets.map_prediction import MapPrediction
    from gammafold.likelihood.flux import FluxFunction

__all__ = [
    "exposure_values",
    "kernel_values",
    "overlap_fractions",
    "region_spec",
    "split_models",
    "time_factor",
    "without_background",
]

Position = Callable[[Iterable[Any]], tuple[int, ...]]
# Parsed once: a light curve asks for the exposure of thousands of datasets.
_EXPOSURE_UNIT = u.Unit("cm2 s")


def region_spec(
    dataset: MapPrediction, models: Sequence[Any], position: Position, flux: Callable[..., Any], masked: bool
) -> DatasetSpec:
    """Return a dataset on a region as the engine takes it; the arguments are those of `Dataset.to_spec`."""
    dataset.check_parts()
    axis = dataset.reco_energy_axis
    keep = dataset.selected_bins() if masked else np.ones(axis.nbin, dtype=bool)
    sky_models, background_models = split_models(models)
    corrections = [model for model in models if model.corrects_response]
    terms = _signal_terms(dataset, sky_models, corrections, position, flux)
    if terms:
        edges, response = _response(dataset, terms_of=[model.name for model in sky_models])
        response = response[keep]
    else:
        edges, response = axis.edges.to_value("TeV"), np.zeros((int(keep.sum()), axis.nbin))
    return DatasetSpec(
        name=dataset.name,
        edges_true=edges,
        response=response,
        statistic=dataset.statistic(keep),
        signal=tuple(terms),
        background=_background_term(dataset, background_models, position, keep),
    )


def split_models(models: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return the models of the sky and those of the background; corrections of the response are neither."""
    sky: list[Any] = []
    background: list[Any] = []
    for model in models:
        if not model.corrects_response:
            (background if isinstance(model, FoVBackgroundModel) else sky).append(model)
    return sky, background


def without_background(models: Iterable[Any]) -> list[Any]:
    """Return the models that are not of the background."""
    return [model for model in models if not isinstance(model, FoVBackgroundModel)]


def exposure_values(dataset: MapPrediction) -> np.ndarray:
    """Return the exposure per bin of true energy in cm2 s, shape ``(t,)``."""
    exposure = dataset.exposure
    return exposure.data.reshape(-1) * float(exposure.unit.to(_EXPOSURE_UNIT))


def kernel_values(dataset: MapPrediction) -> np.ndarray:
    """Return the energy dispersion, shape ``(t, n)``: the chance that true bin ``j`` lands in bin ``k``.

    Without an energy dispersion each true bin spreads over the reconstructed bins that it overlaps.

    Warns
    -----
    GammafoldWarning
        If there is no energy dispersion and the two axes have different bins.
    """
    reco = dataset.reco_energy_axis
    edisp = dataset.edisp
    if isinstance(edisp, EDispKernelMap):
        return edisp.edisp_map.data.reshape(-1, reco.nbin)
    if edisp is not None:
        return edisp.to_edisp_kernel_map(reco).edisp_map.data.reshape(-1, reco.nbin)
    true = dataset.exposure.geom.axes["energy_true"]
    if same_axis(reco, true.copy(name=reco.name)):
        return np.eye(reco.nbin)
    warnings.warn(
        f"dataset {dataset.name!r} has no energy dispersion, and its axes of true and reconstructed energy differ: "
        "events are shared out by the overlap of the bins, linearly in energy",
        GammafoldWarning,
        stacklevel=2,
    )
    return overlap_fractions(true.edges.to_value("TeV"), reco.edges.to_value("TeV"))


def overlap_fractions(edges_true: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the fraction of each true bin that lies in each reconstructed bin, shape ``(t, n)``.

    Examples
    --------
    >>> overlap_fractions(np.array([0.5, 1.5, 3.0]), np.array([1.0, 2.0, 4.0]))
    array([[0.5       , 0.        ],
           [0.33333333, 0.66666667]])
    """
    high = np.minimum(edges_true[1:, None], edges[None, 1:])
    low = np.maximum(edges_true[:-1, None], edges[None, :-1])
    return np.clip(high - low, 0, None) / np.diff(edges_true)[:, None]


def _response(dataset: MapPrediction, terms_of: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of true energy in TeV, shape ``(t + 1,)``, and the response in cm2 s, shape ``(n, t)``."""
    if dataset.exposure is None:
        raise InputError(f"dataset {dataset.name!r} has no exposure: the counts of {list(terms_of)} are unknown")
    edges = dataset.exposure.geom.axes["energy_true"].edges.to_value("TeV")
    response = (kernel_values(dataset) * exposure_values(dataset)[:, None]).T
    return edges, np.ascontiguousarray(response)


def _signal_terms(
    dataset: MapPrediction,
    models: Sequence[Any],
    corrections: Sequence[Any],
    position: Position,
    flux: Callable[..., Any],
) -> list[SignalTerm]:
    # What is the same at all energies is no part of the flux, so that datasets still share its evaluation.
    factors = [one for one in corrections if one.evaluate_factor is not None]
    shapes = [one for one in corrections if one.evaluate_factor is None]
    terms = []
    for model in models:
        if not _touches(dataset, model):
            continue
        _require_flux(dataset, model, flux(model.spectral_model))
        factor = time_factor(dataset, model, position)
        for one in factors:
            factor = _product(factor, one.evaluate_factor, position(one.parameters))
        terms.append(
            SignalTerm(
                flux=flux(model.spectral_model, shapes),
                index=position(p for part in (model.spectral_model, *shapes) for p in part.parameters),
                factor=factor,
            )
        )
    return terms


def _product(
    factor: float | ParametricFactor, function: Callable[..., Any], index: tuple[int, ...]
) -> ParametricFactor:
    """Return a factor times a function of the parameters at ``index``."""
    if not isinstance(factor, tuple):
        return (lambda *values: factor * function(*values)), index
    other, first = factor
    count = len(first)
    return (lambda *values: other(*values[:count]) * function(*values[count:])), (*first, *index)


def _require_flux(dataset: MapPrediction, model: Any, flux: FluxFunction) -> None:
    """Raise an `InputError` if a model gives no finite flux with the values that its parameters have now."""
    spectral = model.spectral_model
    if spectral.is_norm_spectral_model:
        raise InputError(
            f"model {model.name!r} of dataset {dataset.name!r} is a factor without unit, {spectral!r}: "
            "expected a flux; multiply it by one"
        )
    if dataset.exposure is None:
        return
    energy = dataset.exposure.geom.axes["energy_true"].center.to_value("TeV")
    with np.errstate(all="ignore"):
        # As numbers of numpy, which give NaN where Python's raise an error.
        values = flux.evaluate(energy, *[np.float64(parameter.value) for parameter in spectral.parameters])
    bad = energy[~np.isfinite(np.broadcast_to(values, energy.shape))]
    if bad.size:
        raise InputError(
            f"model {model.name!r} of dataset {dataset.name!r} gives no finite flux at {bad[0]:.4g} TeV "
            f"({bad.size} of {energy.size} energies) for {spectral!r}"
        )


def _touches(dataset: MapPrediction, model: Any) -> bool:
    """Return True if the support of a model's spatial part touches the region of the dataset."""
    if getattr(model, "spatial_model", None) is None:
        return True
    geom = dataset.geom
    return geom.region is None or bool(model.spatial_model.touches(geom))


def time_factor(dataset: Any, model: Any, position: Position) -> Any:
    """Return the average of a model's temporal part over the good time intervals."""
    temporal = getattr(model, "temporal_model", None)
    if temporal is None:
        return 1.0
    if dataset.gti is None or len(dataset.gti.table) == 0:
        raise InputError(
            f"dataset {dataset.name!r} has no good time intervals: the temporal model of {model.name!r} "
            "cannot be averaged over them"
        )
    factor = temporal.compile(dataset.gti)
    return factor if isinstance(factor, float) else (factor, position(temporal.parameters))


def _background_term(
    dataset: MapPrediction, models: Sequence[Any], position: Position, keep: np.ndarray
) -> BackgroundTerm | None:
    template = dataset.background_template()
    if len(models) > 1:
        raise InputError(
            f"dataset {dataset.name!r} has {len(models)} background models "
            f"({', '.join(repr(model.name) for model in models)}): expected one"
        )
    if template is None:
        if models:
            raise InputError(
                f"dataset {dataset.name!r} has no background map that the background model {models[0].name!r} "
                "could scale" + dataset.background_hint
            )
        return None
    energy = dataset.reco_energy_axis.center.to_value("TeV")[keep]
    template = template[keep]
    if not models:
        return BackgroundTerm(template=template, function=None, energy=energy, index=())
    return BackgroundTerm(
        template=template,
        function=models[0].compile(),
        energy=energy,
        index=position(models[0].parameters),
    )
