"""Building a dataset from another: which parts there are, and what happens to the models.

The parts of a new dataset are its own: it shares no array, no table and no good time interval with the old
one, so that changing one in place leaves the other alone. Models are shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.folding import kernel_values, without_background
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.names import make_name

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset

__all__ = ["derived", "explicit_edisp", "kernel_map", "region_map"]


def derived(dataset: MapDataset, name: str | None, parts: dict[str, Any], keeps_background_model: bool) -> Any:
    """Return a dataset of the same class made of ``parts``, with copies of the parts that are not given.

    A background model stays only where it still means the same (``keeps_background_model``) and still
    applies by name; otherwise the background is the fitted one (`frozen_background`), and the model is left
    out. Other models stay, and apply as their ``datasets_names`` say.
    """
    name = make_name(name)
    copies = {
        part: getattr(dataset, part).copy()
        for part in (*dataset.reco_parts, "exposure", "edisp", "psf", "gti", "meta_table")
        if part not in parts and getattr(dataset, part) is not None
    }
    new = type(dataset)(name=name, **copies, **parts)
    new.chosen_stat_type, new.notes = dataset.chosen_stat_type, dataset.notes
    if dataset.models is not None:
        keeps = keeps_background_model and (name == dataset.name or dataset.background_model is None)
        new.models = dataset.all_models if keeps else without_background(dataset.all_models)
    return new


def frozen_background(dataset: MapDataset, name: str | None = None) -> RegionNDMap | None:
    """Return the background to hand on: the template if a dataset called ``name`` keeps the background model."""
    background: RegionNDMap | None = dataset.background
    if background is None or dataset.background_model is None or name == dataset.name:
        return background
    return dataset.npred_background()


def region_map(geom: RegionGeom, axis: MapAxis, values: np.ndarray) -> RegionNDMap:
    """Return a map of one value per bin of ``axis`` on the region of ``geom``."""
    new = geom.to_image().to_cube([axis])
    return RegionNDMap(new, data=np.array(values).reshape(new.data_shape))


def kernel_map(
    edisp: EDispKernelMap, values: np.ndarray, axis: MapAxis, exposure: RegionNDMap | None = None
) -> EDispKernelMap:
    """Return a kernel map with other values, shape ``(t, n)``, and another axis of reconstructed energy."""
    geom = edisp.edisp_map.geom
    new = geom.to_image().to_cube([axis, geom.axes["energy_true"]])
    weights = edisp.exposure_map if exposure is None else exposure
    return EDispKernelMap(
        RegionNDMap(new, data=np.array(values, dtype=float).reshape(new.data_shape)),
        None if weights is None else weights.copy(),
    )


def explicit_edisp(dataset: MapDataset) -> EDispKernelMap | None:
    """Return the energy dispersion as a kernel map, also where the dataset has none because axes are equal.

    None if the dataset has no axis of true energy at all.
    """
    if isinstance(dataset.edisp, EDispKernelMap):
        return dataset.edisp
    if dataset.exposure is None and dataset.edisp is None:
        return None
    source = dataset.exposure.geom if dataset.exposure is not None else dataset.edisp.edisp_map.geom
    true = source.axes["energy_true"]
    geom = dataset.geom.to_image().to_cube([dataset.reco_energy_axis, true])
    values = RegionNDMap(geom, data=kernel_values(dataset).reshape(geom.data_shape).copy())
    return EDispKernelMap(values, exposure_weights(dataset, geom))


def exposure_weights(dataset: MapDataset, geom: RegionGeom) -> RegionNDMap | None:
    """Return the exposure on the geometry of a kernel, shape ``(t, 1, 1, 1)``: the weight when kernels stack."""
    exposure = dataset.exposure
    if exposure is None:
        return None
    squashed = geom.squash("energy")
    return RegionNDMap(squashed, data=exposure.data.reshape(squashed.data_shape).copy(), unit=exposure.unit)
