"""Edges of energy bins that each hold enough of something: counts, excess, significance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError

__all__ = ["resample_energy_edges"]

_QUANTITIES = ("counts", "background", "excess", "sqrt_ts", "npred", "npred_background", "npred_signal")


def resample_energy_edges(dataset: Any, conditions: Mapping[str, float] | None = None) -> u.Quantity:
    """Return edges of energy, among those of a dataset, between which conditions hold.

    Bins grow from the highest energy that is safe and to be fitted, where counts are few, downwards; what is left over
    at the lowest energies belongs to the last bin.

    Parameters
    ----------
    dataset : SpectrumDataset or SpectrumDatasetOnOff
        The data.
    conditions : dict
        The least value in each bin of "counts_min", "background_min", "excess_min", "sqrt_ts_min", "npred_min",
        "npred_background_min" and "npred_signal_min", as in ``dataset.info_dict()``. All given ones must hold.

    Returns
    -------
    edges : `~astropy.units.Quantity`
        Increasing energies, as flux points take them.

    Raises
    ------
    InputError
        If a condition is not known, or cannot be met by all bins together.

    Examples
    --------
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.samples import sample_files
    >>> stacked = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess")).stack_reduce()
    >>> resample_energy_edges(stacked, {"sqrt_ts_min": 5, "counts_min": 50}).round(2)
    <Quantity [  0.71,   0.89,   1.12,   1.41,   1.78,   2.51,   3.98, 100.  ] TeV>
    """
    conditions = dict(conditions or {})
    known = [f"{name}_min" for name in _QUANTITIES]
    unknown = [name for name in conditions if name not in known]
    if unknown:
        raise InputError(f"no condition {unknown}: there are {known}")
    axis = dataset.reco_energy_axis
    inside = np.flatnonzero(dataset.selected_bins())
    if inside.size == 0:
        raise InputError(f"no bin of dataset {dataset.name!r} is safe and to be fitted")
    first, top = int(inside[0]), int(inside[-1]) + 1
    found = [top]
    for low in range(top - 1, first - 1, -1):
        if _holds(dataset, axis.edges[[low, found[-1]]], conditions):
            found.append(low)
    if len(found) == 1:
        raise InputError(f"dataset {dataset.name!r} as a whole does not meet {conditions}")
    found[-1] = first
    return axis.edges[found[::-1]]


def _holds(dataset: Any, edges: u.Quantity, conditions: Mapping[str, float]) -> bool:
    info = dataset.slice_by_energy(*edges).info_dict()
    return all(float(info[name.removesuffix("_min")]) >= least for name, least in conditions.items())
