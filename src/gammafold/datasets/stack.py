"""Stacking: one dataset whose prediction is the sum of the masked predictions of its members, for any model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.gti import GTI
from gammafold.datasets.checks import same_axis
from gammafold.datasets.derive import explicit_edisp, kernel_map
from gammafold.datasets.folding import exposure_values, without_background
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import GammafoldWarning, InputError

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset

__all__ = ["masked_sum", "stack_into", "stacked_counts", "stacked_errors"]

Members = Sequence[Any]
Masks = Sequence[np.ndarray]


def stack_into(dataset: MapDataset, *others: MapDataset) -> None:
    """Stack others onto ``dataset``, in place; the formulas stand at `MapDataset.stack`, and sums are over all."""
    members = [dataset, *others]
    for other in others:
        _require_same_axes(dataset, other)
    _tell_of_corrections(members)
    masks = [member.safe_bins() for member in members]
    parts: dict[str, Any] = dict(dataset.stacked_counts(members, masks))
    parts.update(_stacked_response(members, masks))
    parts.update(_stacked_masks(members, masks))
    parts["gti"] = _stacked_gti(members)
    parts["meta_table"] = _stacked_meta(members)
    if dataset.background_model is not None:
        # It has done its work on the background that was just stacked.
        dataset.models = without_background(dataset.all_models)
    # Emptied first: parts are checked against each other when they are set.
    for part in parts:
        setattr(dataset, part, None)
    for part, value in parts.items():
        setattr(dataset, part, value)


def stacked_counts(members: Members, masks: Masks) -> dict[str, Any]:
    """Return the counts and the background of the stack of datasets with a background map."""
    return {
        **stacked_errors(members, masks),
        "counts": masked_sum(members, masks, "counts", [member.counts for member in members]),
        "background": masked_sum(members, masks, "background", [member.stackable_background() for member in members]),
    }


def stacked_errors(members: Members, masks: Masks) -> dict[str, Any]:
    """Return the errors of the stacked counts; Poisson counts beside gaussian ones have the root of their number."""
    parts: dict[str, Any] = {}
    for name in members[0].error_parts:
        if all(getattr(member, name) is None for member in members):
            continue
        variance = np.zeros(members[0].data_shape[0])
        for member, mask in zip(members, masks, strict=True):
            error, counts = getattr(member, name), getattr(member, name.removesuffix("_error"))
            if error is not None or counts is not None:
                variance += mask * (counts.data if error is None else error.data**2).reshape(-1)
        root = np.sqrt(variance).reshape(members[0].data_shape)
        parts[name] = RegionNDMap(members[0].geom, data=root)
    return parts


def masked_sum(members: Members, masks: Masks, part: str, maps: Sequence[Any]) -> RegionNDMap | None:
    """Return the sum of maps inside the masks; all or none must be there."""
    if not _all_or_none(members, part, maps):
        return None
    total = np.sum([one.data.reshape(-1) * mask for one, mask in zip(maps, masks, strict=True)], axis=0)
    dataset = members[0]
    return RegionNDMap(dataset.geom, data=total.reshape(dataset.data_shape), meta=maps[0].meta)


def _tell_of_corrections(members: Members) -> None:
    """Warn that a stack has the response as measured, not as a fit corrected it for one member."""
    names = sorted({model.name for member in members for model in member.models or () if model.corrects_response})
    if names:
        warnings.warn(
            f"the stack onto {members[0].name!r} has responses without the corrections {names} of its members",
            GammafoldWarning,
            stacklevel=4,
        )


def _require_same_axes(dataset: MapDataset, other: MapDataset) -> None:
    if not same_axis(dataset.reco_energy_axis, other.reco_energy_axis):
        raise InputError(
            f"cannot stack {other.name!r} onto {dataset.name!r}: their axes of reconstructed energy differ"
        )
    if dataset.exposure is not None and other.exposure is not None:
        one, two = (each.exposure.geom.axes["energy_true"] for each in (dataset, other))
        if not same_axis(one, two):
            raise InputError(f"cannot stack {other.name!r} onto {dataset.name!r}: their axes of true energy differ")


def _all_or_none(members: Members, part: str, held: Sequence[Any]) -> bool:
    """Return whether the members have a part.

    Raises
    ------
    InputError
        If some have it and some have not.
    """
    missing = [member for member, one in zip(members, held, strict=True) if one is None]
    if missing and len(missing) < len(members):
        other = next(member for member in members[1:] if (member in missing) != (members[0] in missing))
        raise InputError(
            f"cannot stack {other.name!r} onto {members[0].name!r}: {missing[0].name!r} has no {part}, "
            "and the sum would lack it"
        )
    return not missing


def _stacked_response(members: Members, masks: Masks) -> dict[str, Any]:
    """Return the exposure and the kernel: the kernel is weighted with the exposures of the datasets."""
    dataset = members[0]
    if not _all_or_none(members, "exposure", [member.exposure for member in members]):
        blurred = [member for member in members if member.edisp is not None]
        if blurred:
            raise InputError(
                f"cannot stack onto {dataset.name!r}: the energy dispersion of {blurred[0].name!r} has no exposure "
                "to be weighted with"
            )
        return {}
    first = explicit_edisp(dataset)
    if first is None:
        return {}
    shape = first.edisp_map.data.shape[:2]
    total, events = np.zeros(shape[0]), np.zeros(shape)
    for member, mask in zip(members, masks, strict=True):
        if not mask.any():
            continue
        weight = exposure_values(member)
        total += weight
        edisp = explicit_edisp(member)
        if edisp is not None:
            events += edisp.edisp_map.data.reshape(shape) * weight[:, None] * mask
    values = np.divide(events, total[:, None], out=np.zeros_like(events), where=total[:, None] > 0)
    exposure = RegionNDMap(
        dataset.exposure.geom,
        data=u.Quantity(total, "cm2 s").to_value(dataset.exposure.unit).reshape(dataset.exposure.data.shape),
        unit=dataset.exposure.unit,
        meta=_stacked_livetime(members, masks),
    )
    geom = first.edisp_map.geom.squash("energy")
    weight_map = RegionNDMap(geom, data=exposure.data.reshape(geom.data_shape).copy(), unit=exposure.unit)
    return {"exposure": exposure, "edisp": kernel_map(first, values, dataset.reco_energy_axis, weight_map)}


def _stacked_livetime(members: Members, masks: Masks) -> dict[str, Any]:
    """Return the meta data of the exposure, with the live time of the members that have a safe bin."""
    meta = dict(members[0].exposure.meta or {})
    times = [(member.exposure.meta or {}).get("livetime") for member in members]
    if any(time is not None for time in times):
        seconds = [0.0 if time is None else u.Quantity(time, "s").to_value("s") for time in times]
        meta["livetime"] = u.Quantity(sum(time for time, mask in zip(seconds, masks, strict=True) if mask.any()), "s")
    return meta


def _stacked_masks(members: Members, masks: Masks) -> dict[str, RegionNDMap]:
    dataset, found = members[0], {}
    if any(member.mask_safe is not None for member in members):
        found["mask_safe"] = _mask(dataset, np.logical_or.reduce(masks))
    if any(member.mask_fit is not None for member in members):
        # What is fitted of the stack is what was fitted of the members, as far as it is in the stack.
        found["mask_fit"] = _mask(dataset, np.logical_or.reduce([member.selected_bins() for member in members]))
    return found


def _mask(dataset: MapDataset, bins: np.ndarray) -> RegionNDMap:
    return RegionNDMap(dataset.geom, data=bins.reshape(dataset.data_shape))


def _stacked_gti(members: Members) -> Any:
    """Return the union of the good time intervals."""
    intervals = [member.gti for member in members if member.gti is not None and len(member.gti.table)]
    if not intervals:
        return members[0].gti
    reference = next(member.gti for member in members if member.gti is not None).time_ref
    merged = GTI.from_stack(intervals).union() if len(intervals) > 1 else intervals[0].copy()
    return GTI(merged.table, reference.copy())


def _stacked_meta(members: Members) -> Any:
    """Return the tables of observations below each other: a row for each observation."""
    from astropy.table import Table, vstack

    tables = [member.meta_table for member in members if member.meta_table is not None]
    if not tables:
        return None
    names = tables[0].colnames
    if all(_is_plain(table) and table.colnames == names for table in tables):
        units = [tables[0][name].unit for name in names]
        if all([table[name].unit for name in names] == units for table in tables):
            # Tables of one form, such as those of a survey's runs: joining the columns is all there is to do.
            joined = Table({name: np.concatenate([np.asarray(table[name]) for table in tables]) for name in names})
            for name, unit in zip(names, units, strict=True):
                joined[name].unit = unit
            joined.meta.update(tables[0].meta)
            return joined
    return vstack(tables, metadata_conflicts="silent").copy()


def _is_plain(table: Any) -> bool:
    """Return whether a table holds nothing but arrays: no times, no missing values."""
    from astropy.table import Table

    return type(table) is Table and not table.has_mixin_columns and not table.has_masked_columns
