"""Stacking: one dataset whose prediction is the sum of the masked predictions of two, for any model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.checks import same_axis
from gammafold.datasets.derive import explicit_edisp, kernel_map
from gammafold.datasets.folding import exposure_values, split_models
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset

__all__ = ["masked_sum", "stack_into", "stacked_counts"]


def stack_into(dataset: MapDataset, other: MapDataset) -> None:
    """Stack ``other`` onto ``dataset``, in place; the formulas stand at `MapDataset.stack`."""
    _require_same_axes(dataset, other)
    masks = dataset.safe_bins(), other.safe_bins()
    parts: dict[str, Any] = dict(dataset.stacked_counts(other, *masks))
    parts.update(_stacked_response(dataset, other, *masks))
    parts.update(_stacked_masks(dataset, other, *masks))
    parts["gti"] = _stacked_gti(dataset, other)
    parts["meta_table"] = _stacked_meta(dataset, other)
    if dataset.background_model is not None:
        # It has done its work on the background that was just stacked.
        dataset.models = split_models(dataset.all_models)[0]
    # Emptied first: parts are checked against each other when they are set.
    for part in parts:
        setattr(dataset, part, None)
    for part, value in parts.items():
        setattr(dataset, part, value)


def stacked_counts(dataset: MapDataset, other: MapDataset, safe: np.ndarray, other_safe: np.ndarray) -> dict[str, Any]:
    """Return the counts and the background of the stack of two datasets with a background map."""
    pairs = {
        "counts": (dataset.counts, other.counts),
        "background": (dataset.stackable_background(), other.stackable_background()),
    }
    return {part: masked_sum(dataset, other, part, pair, safe, other_safe) for part, pair in pairs.items()}


def masked_sum(
    dataset: MapDataset,
    other: MapDataset,
    part: str,
    pair: tuple[Any, Any],
    safe: np.ndarray,
    other_safe: np.ndarray,
) -> RegionNDMap | None:
    """Return the sum of two maps inside their masks; both or neither must be there."""
    one, two = pair
    _require_both(dataset, other, part, one, two)
    if one is None:
        return None
    total = one.data.reshape(-1) * safe + two.data.reshape(-1) * other_safe
    return RegionNDMap(dataset.geom, data=total.reshape(dataset.data_shape), meta=one.meta)


def _require_same_axes(dataset: MapDataset, other: MapDataset) -> None:
    if not same_axis(dataset.reco_energy_axis, other.reco_energy_axis):
        raise InputError(
            f"cannot stack {other.name!r} onto {dataset.name!r}: their axes of reconstructed energy differ"
        )
    if dataset.exposure is not None and other.exposure is not None:
        one, two = (each.exposure.geom.axes["energy_true"] for each in (dataset, other))
        if not same_axis(one, two):
            raise InputError(f"cannot stack {other.name!r} onto {dataset.name!r}: their axes of true energy differ")


def _require_both(dataset: MapDataset, other: MapDataset, part: str, one: Any, two: Any) -> None:
    if (one is None) != (two is None):
        without = dataset if one is None else other
        raise InputError(
            f"cannot stack {other.name!r} onto {dataset.name!r}: {without.name!r} has no {part}, and the sum would lack it"
        )


def _stacked_response(
    dataset: MapDataset, other: MapDataset, safe: np.ndarray, other_safe: np.ndarray
) -> dict[str, Any]:
    """Return the exposure and the kernel: the kernel is weighted with the exposures of the datasets."""
    _require_both(dataset, other, "exposure", dataset.exposure, other.exposure)
    if dataset.exposure is None:
        return {}
    weights = [exposure_values(dataset), exposure_values(other)]
    edisps = [explicit_edisp(dataset), explicit_edisp(other)]
    masks = [safe, other_safe]
    total = sum(weight * mask.any() for weight, mask in zip(weights, masks, strict=True))
    events = sum(
        edisp.edisp_map.data.reshape(weight.size, -1) * weight[:, None] * mask
        for edisp, weight, mask in zip(edisps, weights, masks, strict=True)
        if edisp is not None
    )
    values = np.divide(events, total[:, None], out=np.zeros_like(events), where=total[:, None] > 0)
    exposure = RegionNDMap(
        dataset.exposure.geom,
        data=u.Quantity(total, "cm2 s").to_value(dataset.exposure.unit).reshape(dataset.exposure.data.shape),
        unit=dataset.exposure.unit,
        meta=_stacked_livetime(dataset, other, safe, other_safe),
    )
    first = edisps[0]
    geom = first.edisp_map.geom.squash("energy")
    weight_map = RegionNDMap(geom, data=exposure.data.reshape(geom.data_shape).copy(), unit=exposure.unit)
    return {"exposure": exposure, "edisp": kernel_map(first, values, dataset.reco_energy_axis, weight_map)}


def _stacked_livetime(
    dataset: MapDataset, other: MapDataset, safe: np.ndarray, other_safe: np.ndarray
) -> dict[str, Any]:
    """Return the meta data of the exposure, with the live time of the members that have a safe bin."""
    meta = dict(dataset.exposure.meta or {})
    times = [each.exposure.meta.get("livetime") if each.exposure.meta else None for each in (dataset, other)]
    if any(time is not None for time in times):
        known = [u.Quantity(0 if time is None else time, "s") for time in times]
        meta["livetime"] = known[0] * bool(safe.any()) + known[1] * bool(other_safe.any())
    return meta


def _stacked_masks(
    dataset: MapDataset, other: MapDataset, safe: np.ndarray, other_safe: np.ndarray
) -> dict[str, RegionNDMap]:
    masks = {}
    if dataset.mask_safe is not None or other.mask_safe is not None:
        masks["mask_safe"] = _mask(dataset, safe | other_safe)
    if dataset.mask_fit is not None or other.mask_fit is not None:
        # What is fitted of the stack is what was fitted of the members, as far as it is in the stack.
        masks["mask_fit"] = _mask(dataset, dataset.selected_bins() | other.selected_bins())
    return masks


def _mask(dataset: MapDataset, bins: np.ndarray) -> RegionNDMap:
    return RegionNDMap(dataset.geom, data=bins.reshape(dataset.data_shape))


def _stacked_gti(dataset: MapDataset, other: MapDataset) -> Any:
    """Return the union of the good time intervals."""
    intervals = [each.gti for each in (dataset, other) if each.gti is not None and len(each.gti.table)]
    if len(intervals) == 2:
        return intervals[0].union(intervals[1])
    return intervals[0].copy() if intervals else dataset.gti


def _stacked_meta(dataset: MapDataset, other: MapDataset) -> Any:
    """Return the tables of observations below each other: a row for each observation."""
    from astropy.table import vstack

    tables = [each.meta_table for each in (dataset, other) if each.meta_table is not None]
    return vstack(tables, metadata_conflicts="silent").copy() if tables else None
