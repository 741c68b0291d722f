"""What a dataset on a region gives to the engine, listed for the fingerprint of a compiled likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.fingerprint import Watch
from gammafold.datasets.slots import LazyPart

if TYPE_CHECKING:
    from gammafold.datasets.map_parts import MapParts

__all__ = ["region_watches"]


def region_watches(dataset: MapParts) -> list[Watch]:
    """Return watches on the maps, the masks, the kernel, the good time intervals and the models of a dataset."""
    identities: list[str] = ["_models", "_gti"]
    arrays: list[np.ndarray] = []
    for part in (*dataset.reco_parts, "exposure"):
        # Reading the attribute first brings a part that still lies in a file into memory.
        held = getattr(dataset, part)
        identities.append(f"_{part}")
        if held is not None and not _is_lazy(dataset, part):
            _add_map(held, f"_{part}", identities, arrays)
    edisp = dataset.edisp
    identities.append("_edisp")
    if edisp is not None and not _is_lazy(dataset, "edisp"):
        identities.append("_edisp._map")
        _add_map(edisp.edisp_map, "_edisp._map", identities, arrays)
    watches = [Watch(dataset, identities, ["_name", "chosen_stat_type"], arrays)]

    if dataset.gti is not None and any(getattr(model, "temporal_model", None) for model in dataset.all_models):
        watches.append(_watch_times(dataset.gti))
    return watches


def _is_lazy(dataset: MapParts, part: str) -> bool:
    return isinstance(dataset.__dict__[f"_{part}"], LazyPart)


def _add_map(held: Any, path: str, identities: list[str], arrays: list[np.ndarray]) -> None:
    # The attributes behind the properties: the comparison itself takes less time than a property.
    identities += [f"{path}._data", f"{path}._unit", f"{path}.geom"]
    arrays.append(held.data)


def _watch_times(gti: Any) -> Watch:
    """Watch columns and the numbers in them: times are only read to average a temporal model."""
    times = gti.time_start, gti.time_stop
    days = [part for time in times for part in (time.jd1, time.jd2)]
    return Watch(gti, ["table", "time_start", "time_stop"], [], days)
