"""From a dataset with a known background to one with off regions, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError
from gammafold.utils.names import make_name

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset
    from gammafold.datasets.onoff import MapDatasetOnOff

__all__ = ["from_known_background", "to_known_background"]

_SHARED = ("counts", "counts_error", "exposure", "edisp", "psf", "mask_safe", "mask_fit", "gti", "meta_table")


def from_known_background(
    cls: type[MapDatasetOnOff],
    dataset: MapDataset,
    acceptance: Any,
    acceptance_off: Any,
    counts_off: RegionNDMap | None,
    name: str | None,
) -> Any:
    """Return an on-off dataset; see `MapDatasetOnOff.from_map_dataset`."""
    new = cls(name=dataset.name if name is None else name, **_copies(dataset, _SHARED))
    new.acceptance = acceptance
    new.acceptance_off = acceptance_off
    background = dataset.npred_background()
    if counts_off is not None:
        new.counts_off = counts_off
    elif background is not None:
        new.counts_off = _expected_off(new, background)
    if dataset.models is not None:
        new.models = [model for model in dataset.all_models if model is not dataset.background_model]
    return new


def to_known_background(dataset: MapDatasetOnOff, cls: type[MapDataset], name: str | None) -> Any:
    """Return a dataset with the measured background as a map; see `MapDatasetOnOff.to_map_dataset`."""
    new = cls(name=make_name(name), **_copies(dataset, (*_SHARED, "background")))
    if dataset.models is not None:
        new.models = dataset.all_models
    return new


def _copies(dataset: MapDataset, parts: tuple[str, ...]) -> dict[str, Any]:
    return {part: held.copy() for part in parts for held in [getattr(dataset, part)] if held is not None}


def _expected_off(new: MapDatasetOnOff, background: RegionNDMap) -> RegionNDMap:
    """Return the off counts that make the background."""
    alpha = new.alpha
    if alpha is None:
        raise InputError(f"dataset {new.name!r} needs both acceptances to turn its background into off counts")
    lost = (alpha.data == 0) & (background.data != 0)
    if lost.any():
        raise InputError(
            f"dataset {new.name!r} has background in {int(lost.sum())} bins without acceptance: no off counts "
            "can stand for it"
        )
    off = np.divide(background.data, alpha.data, out=np.zeros(alpha.data.shape), where=alpha.data > 0)
    return RegionNDMap(new.geom, data=off)
