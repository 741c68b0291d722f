"""Operations that give a new dataset: cut, merge, mask and copy. Each keeps all parts consistent."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.derive import derived, explicit_edisp, frozen_background, kernel_map, region_map
from gammafold.maps.axis import MapAxis
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import GammafoldWarning, InputError, InputTypeError
from gammafold.utils.names import make_name
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset
    from gammafold.datasets.map_parts import MapParts

__all__ = [
    "apply_mask_safe",
    "deep_copy",
    "downsample",
    "energy_bins",
    "merge_bins",
    "models_map",
    "resample_energy_axis",
    "residuals_map",
    "slice_by_energy",
    "slice_by_idx",
    "to_image",
    "to_masked",
]

# A limit that is moved by more than this fraction of a bin is worth a warning.
SNAP_TOLERANCE = 0.01


def residuals_map(counts: RegionNDMap, npred: RegionNDMap, method: str) -> RegionNDMap:
    """Return the residuals of counts; see `MapDataset.residuals`."""
    with np.errstate(invalid="ignore"):
        divisors = {"diff": None, "diff/model": npred.data, "diff/sqrt(model)": np.sqrt(npred.data)}
    if method not in divisors:
        raise InputError(f"residuals method is {method!r}: expected one of {list(divisors)}")
    difference = counts.data - npred.data
    divisor = divisors[method]
    if divisor is None:
        return RegionNDMap(npred.geom, data=difference)
    # Nothing predicted: no residual where nothing was seen, and no number where something was.
    empty = np.where(difference == 0, 0.0, np.nan)
    return RegionNDMap(npred.geom, data=np.divide(difference, divisor, out=empty, where=divisor != 0))


def models_map(dataset: MapParts, parts: Sequence[tuple[str, RegionNDMap]]) -> RegionNDMap:
    """Return the maps of several models in one map with an axis "models"."""
    if not parts:
        raise InputError(f"dataset {dataset.name!r} has no sky models: there is nothing to list per model")
    geom = dataset.geom.to_image().to_cube(
        [dataset.reco_energy_axis, LabelMapAxis([name for name, _ in parts], name="models")]
    )
    return RegionNDMap(geom, data=np.stack([npred.data for _, npred in parts]).reshape(geom.data_shape))


def deep_copy(dataset: MapDataset, name: str | None) -> Any:
    """Return a deep copy under a new name; see `MapDataset.copy`."""
    new = copy.deepcopy(dataset)
    new._name = make_name(name)
    for model in new.all_models:
        names = model.datasets_names
        if names is not None:
            listed = [names] if isinstance(names, str) else list(names)
            model.datasets_names = [new.name if one == dataset.name else one for one in listed]
    return new


def apply_mask_safe(dataset: MapDataset) -> None:
    """Set what is not safe to zero, in place; see `MapDataset.apply_mask_safe`."""
    if dataset.mask_safe is None:
        return
    safe = dataset.safe_bins()
    edisp = explicit_edisp(dataset)
    for part in (*dataset.error_parts, *dataset.summed_parts):
        held = getattr(dataset, part)
        if held is not None:
            setattr(dataset, part, RegionNDMap(held.geom, data=held.data * dataset.mask_safe.data, meta=held.meta))
    if edisp is not None:
        values = edisp.edisp_map.data.reshape(-1, safe.size) * safe
        dataset.edisp = kernel_map(edisp, values, dataset.reco_energy_axis)
    if dataset.exposure is not None and not safe.any():
        exposure = dataset.exposure
        zeros = np.zeros_like(exposure.data)
        dataset.exposure = RegionNDMap(exposure.geom, data=zeros, unit=exposure.unit, meta=exposure.meta)


def to_masked(dataset: MapDataset, name: str | None) -> Any:
    """Return a copy with what is not safe set to zero."""
    masked = derived(dataset, name, _background_part(dataset, name), keeps_background_model=True)
    apply_mask_safe(masked)
    return masked


def slice_by_idx(dataset: MapDataset, slices: dict[str, slice], name: str | None) -> Any:
    """Return a dataset of some bins; see `MapDataset.slice_by_idx`."""
    if not isinstance(slices, Mapping):
        raise InputTypeError(f"slices is {slices!r}: expected a dict, such as {{'energy': slice(2, 5)}}")
    name = make_name(name)
    chosen: dict[str, int | slice] = {}
    for axis_name in ("energy", "energy_true"):
        if axis_name in slices:
            chosen[axis_name] = _contiguous(dataset, axis_name, slices[axis_name])
    parts: dict[str, Any] = _background_part(dataset, name)
    if "energy" in chosen:
        for part in dataset.reco_parts:
            held = parts.get(part, getattr(dataset, part))
            if held is not None:
                parts[part] = held.slice_by_idx({"energy": chosen["energy"]}).copy()
    if "energy_true" in chosen and dataset.exposure is not None:
        parts["exposure"] = dataset.exposure.slice_by_idx({"energy_true": chosen["energy_true"]}).copy()
    edisp = explicit_edisp(dataset) if chosen else None
    if edisp is not None:
        parts["edisp"] = edisp.slice_by_idx(chosen).copy()
    return derived(dataset, name, parts, keeps_background_model=True)


def energy_bins(dataset: MapDataset, energy_min: Any, energy_max: Any, tell: bool = True) -> tuple[int, int]:
    """Return the first bin, and the one after the last, between two energies moved to the nearest edges.

    Warns
    -----
    GammafoldWarning
        If ``tell``, and a limit was moved by more than one per cent of a bin.
    """
    axis = dataset.reco_energy_axis
    edges = [0, axis.nbin]
    for i, (limit, argument) in enumerate([(energy_min, "energy_min"), (energy_max, "energy_max")]):
        if limit is not None:
            energy = to_quantity(limit, axis.unit, argument).value
            if np.size(energy) != 1:
                raise InputError(f"{argument} is {limit}: expected one energy, not {np.size(energy)}")
            edges[i] = int(_nearest_edges(axis, np.reshape(energy, 1), dataset.name, argument, tell)[0])
    return edges[0], edges[1]


def slice_by_energy(dataset: MapDataset, energy_min: Any, energy_max: Any, name: str | None) -> Any:
    """Return the dataset between two energies; see `MapDataset.slice_by_energy`."""
    low, high = energy_bins(dataset, energy_min, energy_max)
    if high <= low:
        edges = dataset.reco_energy_axis.edges
        raise InputError(
            f"no bin of dataset {dataset.name!r} between {energy_min} and {energy_max}: "
            f"its axis goes from {edges[0]:.6g} to {edges[-1]:.6g} in {edges.size - 1} bins"
        )
    return slice_by_idx(dataset, {"energy": slice(low, high)}, name)


def resample_energy_axis(dataset: MapDataset, energy_axis: MapAxis, name: str | None) -> Any:
    """Return the dataset on a coarser axis; see `MapDataset.resample_energy_axis`."""
    axis = dataset.reco_energy_axis
    if not isinstance(energy_axis, MapAxis):
        raise InputTypeError(f"energy_axis is a {type(energy_axis).__name__}: expected a MapAxis called 'energy'")
    if energy_axis.name != "energy":
        raise InputError(f"the new axis is called {energy_axis.name!r}: expected 'energy'")
    wanted = to_quantity(energy_axis.edges, axis.unit, "the new axis").value
    edges = np.unique(_nearest_edges(axis, wanted, dataset.name, "the new axis", tell=True))
    if edges.size < 2:
        raise InputError(
            f"no bin of dataset {dataset.name!r} lies on the new axis, from {energy_axis.edges[0]:.6g} "
            f"to {energy_axis.edges[-1]:.6g}: its own goes from {axis.edges[0]:.6g} to {axis.edges[-1]:.6g}"
        )
    return merge_bins(dataset, edges, name)


def downsample(dataset: MapDataset, factor: int, axis_name: str | None, name: str | None) -> Any:
    """Return the dataset with bins merged in groups; see `MapDataset.downsample`."""
    if axis_name is None:
        return derived(dataset, name, _background_part(dataset, name), keeps_background_model=True)
    if axis_name != "energy":
        raise InputError(f"axis_name is {axis_name!r}: a dataset can be downsampled along 'energy'")
    n_bins = dataset.reco_energy_axis.nbin
    if int(factor) != factor or factor < 1 or n_bins % factor:
        raise InputError(f"factor is {factor}: the {n_bins} bins of dataset {dataset.name!r} are no multiple of it")
    return merge_bins(dataset, np.arange(0, n_bins + 1, int(factor)), name)


def to_image(dataset: MapDataset, name: str | None) -> Any:
    """Return the dataset with one bin; see `MapDataset.to_image`."""
    return merge_bins(dataset, np.array([0, dataset.reco_energy_axis.nbin]), name)


def merge_bins(dataset: MapDataset, edges: np.ndarray, name: str | None) -> Any:
    """Return the dataset with the bins between the edges number ``edges`` merged, inside ``mask_safe``."""
    old, geom = dataset.reco_energy_axis, dataset.geom
    axis = MapAxis.from_energy_edges(old.edges[edges], name="energy", interp=old.interp)
    safe = dataset.safe_bins()
    parts: dict[str, Any] = {}
    for part in dataset.summed_parts:
        # A tilt at the centre of a wide bin is not the tilt of its parts: the fitted background is summed.
        held = frozen_background(dataset) if part == "background" else getattr(dataset, part)
        if held is not None:
            parts[part] = region_map(geom, axis, group_sums(held.data.reshape(-1) * safe, edges))
    for part in dataset.error_parts:
        held = getattr(dataset, part)
        if held is not None:
            parts[part] = region_map(geom, axis, np.sqrt(group_sums((held.data.reshape(-1) * safe) ** 2, edges)))
    for part in ("mask_safe", "mask_fit"):
        held = getattr(dataset, part)
        if held is not None:
            parts[part] = region_map(geom, axis, group_sums(held.data.reshape(-1).astype(int), edges) > 0)
    edisp = explicit_edisp(dataset)
    if edisp is not None:
        values = group_sums(edisp.edisp_map.data.reshape(-1, old.nbin) * safe, edges)
        parts["edisp"] = kernel_map(edisp, values, axis)
    parts.update(dataset.merged_acceptance(edges, safe, axis))
    return derived(dataset, name, parts, keeps_background_model=False)


def group_sums(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return sums of ``values`` along the last axis, from each edge to the next one.

    Examples
    --------
    >>> group_sums(np.array([1, 2, 4, 8, 16]), np.array([1, 3, 4]))
    array([6, 8])
    """
    return np.add.reduceat(values[..., : edges[-1]], edges[:-1], axis=-1)


def _background_part(dataset: MapDataset, name: str | None) -> dict[str, Any]:
    """Return the fitted background as a part, where the background model will not follow."""
    if "background" not in dataset.reco_parts or dataset.background is None:
        return {}
    background = frozen_background(dataset, name)
    return {} if background is None else {"background": background.copy()}


def _contiguous(dataset: MapDataset, axis_name: str, chosen: Any) -> slice:
    """Return a slice of bins that is not empty and has no step."""
    ends = (chosen.start, chosen.stop, chosen.step) if isinstance(chosen, slice) else (chosen,)
    if not isinstance(chosen, slice) or not all(end is None or hasattr(end, "__index__") for end in ends):
        raise InputError(f"the slice of {axis_name!r} is {chosen!r}: expected a slice, such as slice(2, 5)")
    if axis_name == "energy":
        n_bins = dataset.reco_energy_axis.nbin
    else:
        source = dataset.exposure.geom if dataset.exposure is not None else dataset.geoms.get("geom_edisp")
        if source is None:
            return chosen
        n_bins = source.axes[axis_name].nbin
    start, stop, step = chosen.indices(n_bins)
    if step != 1:
        raise InputError(f"the slice of {axis_name!r} has the step {step}: bins must stay contiguous")
    if stop <= start:
        raise InputError(f"the slice {start}:{stop} of {axis_name!r} leaves none of {n_bins} bins of {dataset.name!r}")
    return slice(start, stop)


def _nearest_edges(axis: MapAxis, energies: np.ndarray, name: str, argument: str, tell: bool) -> np.ndarray:
    """Return the numbers of the edges next to ``energies`` in ln E; those outside the axis go to its ends."""
    edges = axis.edges.value
    with np.errstate(divide="ignore", invalid="ignore"):
        position = np.interp(np.log(energies), np.log(edges), np.arange(edges.size))
    if np.isnan(position).any():
        raise InputError(f"{argument} is {u.Quantity(energies, axis.unit)}: expected positive energies")
    nearest = np.round(position).astype(int)
    moved = np.abs(position - nearest) > SNAP_TOLERANCE
    if tell and moved.any():
        steps = ", ".join(
            f"{u.Quantity(energies[i], axis.unit):.6g} to {u.Quantity(edges[nearest[i]], axis.unit):.6g}"
            for i in np.flatnonzero(moved)
        )
        warnings.warn(
            f"{argument} of dataset {name!r} moved to the nearest edge: {steps}", GammafoldWarning, stacklevel=4
        )
    return nearest
