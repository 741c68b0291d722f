"""Acceptances of on-off datasets that were stacked, or whose bins were merged.

Off counts add up; the ratio of the acceptances follows, so that the background ``alpha * counts_off`` of the whole is
the sum of the backgrounds of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.derive import region_map
from gammafold.datasets.operations import group_sums
from gammafold.datasets.stack import masked_sum, stacked_errors
from gammafold.maps.region_map import RegionNDMap

if TYPE_CHECKING:
    from gammafold.datasets.onoff import MapDatasetOnOff
    from gammafold.maps.axis import MapAxis

__all__ = ["merged_acceptances", "stacked_onoff"]

Array = np.ndarray


def stacked_onoff(dataset: MapDatasetOnOff, members: Sequence[Any], masks: Sequence[Array]) -> dict[str, Any]:
    """Return counts, off counts and acceptances of the stack of members; see `MapDatasetOnOff.stacked_counts`."""
    parts: dict[str, Any] = stacked_errors(members, masks)
    for part in ("counts", "counts_off", "background"):
        parts[part] = masked_sum(members, masks, part, [getattr(member, part) for member in members])
    background = parts.pop("background")
    if background is None:
        return parts
    n_off = parts["counts_off"].data
    if n_off.sum() > 0 and background.data.sum() > 0:
        mean = n_off.sum() / background.data.sum()
    else:
        mean = _mean_ratio(members, masks)
    on, off = _balanced(np.ones(n_off.shape), np.full(n_off.shape, mean), n_off, background.data)
    parts["acceptance"] = RegionNDMap(dataset.geom, data=on)
    parts["acceptance_off"] = RegionNDMap(dataset.geom, data=off)
    return parts


def merged_acceptances(dataset: MapDatasetOnOff, edges: Array, safe: Array, axis: MapAxis) -> dict[str, Any]:
    """Return the acceptances after bins were merged; see `MapDatasetOnOff.merged_acceptance`."""
    if dataset.acceptance is None or dataset.acceptance_off is None:
        return {}
    # A group without a safe bin keeps its acceptance, so that its ratio stays a number.
    groups = np.repeat(group_sums(safe.astype(int), edges) == 0, np.diff(edges))
    weight = np.zeros(safe.size)
    weight[edges[0] : edges[-1]] = np.where(groups, 1, safe[edges[0] : edges[-1]])
    on, off = (
        group_sums(held.data.reshape(-1) * weight, edges) for held in (dataset.acceptance, dataset.acceptance_off)
    )
    if dataset.counts_off is not None and dataset.background is not None:
        n_off, background = (
            group_sums(held.data.reshape(-1) * safe, edges) for held in (dataset.counts_off, dataset.background)
        )
        on, off = _balanced(on, off, n_off, background)
    return {
        "acceptance": region_map(dataset.geom, axis, on),
        "acceptance_off": region_map(dataset.geom, axis, off),
    }


def _balanced(on: Array, off: Array, n_off: Array, background: Array) -> tuple[Array, Array]:
    """Return acceptances with ``on / off * n_off = background``; without off counts they stay as they are."""
    off = np.divide(on * n_off, background, out=off.astype(float), where=background > 0)
    # Off counts that tell nothing about the on region, since it accepts no background.
    return np.where((background == 0) & (n_off > 0), 0.0, on), off


def _mean_ratio(members: Sequence[Any], masks: Sequence[Array]) -> float:
    """Return the ratio of the acceptances, off over on, where no off counts tell."""
    pairs = list(zip(members, masks, strict=True))
    on = sum(member.acceptance.data.reshape(-1)[mask].sum() for member, mask in pairs)
    off = sum(member.acceptance_off.data.reshape(-1)[mask].sum() for member, mask in pairs)
    return float(off / on) if on > 0 else 1.0
