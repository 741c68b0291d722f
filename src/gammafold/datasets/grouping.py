"""Bins of a dataset put together until each holds enough, by the algorithms of `gammafold.data.ogip.grouping`."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammafold.data.ogip.grouping import GroupFlags, group_by_counts, group_by_signal_to_noise, group_optimal
from gammafold.data.ogip.model import EnergyBounds, RedistributionMatrix
from gammafold.datasets.folding import kernel_values
from gammafold.datasets.operations import merge_bins
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

__all__ = ["group_bins"]

Array = np.ndarray

_WAYS = ("counts", "counts_off", "signal_to_noise", "optimal")
# Channels that did not suffice for a bin (OGIP: dubious).
_LEFT_OVER = 2


def group_bins(dataset: Any, by: str, minimum: float | None, name: str | None) -> Any:
    """Return a dataset in wider bins; see `MapDataset.group`."""
    if by not in _WAYS:
        raise InputError(f"by is {by!r}: expected one of {list(_WAYS)}")
    if (minimum is None) != (by == "optimal"):
        raise InputError(f"minimum is {minimum}: bins grouped by {by!r} " + ("have none" if minimum else "need one"))
    inside = dataset.selected_bins()
    flags = _flags(dataset, by, minimum, inside)
    starts, is_short = flags.grouping != -1, inside & (flags.quality == _LEFT_OVER)
    if by != "signal_to_noise":
        # More counts never hurt, but noise can take a bin below its ratio again.
        _join_left_over(starts, is_short, inside)
    edges = np.append(np.flatnonzero(starts), inside.size)
    grouped = merge_bins(dataset, edges, name)
    too_few = is_short[edges[:-1]]
    if too_few.any():
        grouped.mask_safe = RegionNDMap(grouped.geom, data=(grouped.safe_bins() & ~too_few).reshape(grouped.data_shape))
    return grouped


def _flags(dataset: Any, by: str, minimum: float | None, inside: Array) -> GroupFlags:
    """Return which bins start a group, and which did not suffice for one."""
    if by == "optimal":
        return group_optimal(_values(dataset, "counts", by), _matrix(dataset), inside)
    least = float(minimum or 0.0)
    if by != "signal_to_noise":
        return group_by_counts(_values(dataset, by, by), least, inside)
    counts = _values(dataset, "counts", by)
    error = None if dataset.counts_error is None else _values(dataset, "counts_error", by)
    if getattr(dataset, "counts_off", None) is not None:
        off, alpha = (_values(dataset, part, by) for part in ("counts_off", "alpha"))
        return group_by_signal_to_noise(counts, least, off, alpha, error, inside)
    background = dataset.npred_background()
    excess = counts if background is None else counts - background.data.reshape(-1)
    noise = np.sqrt(counts) if error is None else error
    return group_by_signal_to_noise(excess, least, counts_error=noise, is_good=inside)


def _values(dataset: Any, part: str, by: str) -> Array:
    held = getattr(dataset, part, None)
    if held is None:
        raise InputError(f"dataset {dataset.name!r} has no {part}: its bins cannot be grouped by {by!r}")
    return np.array(held.data, dtype=float).reshape(-1)


def _matrix(dataset: Any) -> RedistributionMatrix:
    """Return the energy dispersion as the resolution is read from it."""
    if dataset.edisp is None:
        raise InputError(f"dataset {dataset.name!r} has no edisp: its resolution, and so the optimal bins, are unknown")
    edges = dataset.reco_energy_axis.edges.to_value("keV")
    true = dataset.edisp.edisp_map.geom.axes["energy_true"].edges.to_value("keV")
    bounds = EnergyBounds(np.arange(edges.size - 1, dtype=np.int64), edges[:-1], edges[1:])
    return RedistributionMatrix(true[:-1], true[1:], kernel_values(dataset), bounds, 0)


def _join_left_over(starts: Array, is_short: Array, inside: Array) -> None:
    """Let what is left over at the end of a range join the group before it, if there is one; in place."""
    for first in np.flatnonzero(starts & is_short):
        if first > 0 and inside[first - 1]:
            starts[first] = False
            last = first
            while last < inside.size and is_short[last]:
                is_short[last] = False
                last += 1
