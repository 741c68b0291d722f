"""Regions of a profile: their distances, and which dataset belongs to which of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.utils.errors import InputError

__all__ = ["distance_axis", "region_of_datasets"]


def distance_axis(regions: Sequence[Any]) -> MapAxis:
    """Return the axis "projected-distance" of regions.

    Regions around one centre, given from the inside out, have the edges of their radii. Others have bins around
    the distances of their centres from the first.

    Parameters
    ----------
    regions : sequence of SkyRegion
        At least two.

    Raises
    ------
    InputError
        If there are fewer than two regions, annuli that do not touch, or regions that are not in order.
    """
    if len(regions) < 2:
        raise InputError(f"a profile needs at least two regions: got {len(regions)}")
    centers = [region.center for region in regions]
    distance = u.Quantity([centers[0].separation(center) for center in centers]).to("deg")
    if (distance < 1e-6 * u.deg).all():
        return _radial_axis(regions)
    if not (np.diff(distance.value) > 0).all():
        raise InputError(f"the regions of a profile lie at {distance} from the first: expected increasing distances")
    return MapAxis.from_nodes(distance, name="projected-distance", interp="lin").to_node_type("edges")


def _radial_axis(regions: Sequence[Any]) -> MapAxis:
    inner = u.Quantity([getattr(region, "inner_radius", 0 * u.deg) for region in regions]).to("deg")
    outer = u.Quantity([_outer_radius(region) for region in regions]).to("deg")
    if not np.allclose(inner[1:].value, outer[:-1].value, rtol=1e-6):
        raise InputError(
            f"the regions of a profile around one centre have inner radii {inner} and outer radii {outer}: expected "
            "each to begin where the one before ends"
        )
    return MapAxis.from_edges(np.append(inner, outer[-1:]), name="projected-distance", interp="lin")


def _outer_radius(region: Any) -> u.Quantity:
    for name in ("outer_radius", "radius"):
        if hasattr(region, name):
            return getattr(region, name)
    raise InputError(f"a region around the centre of a profile is {region}: expected circles and annuli")


def region_of_datasets(datasets: Iterable[Any], regions: Sequence[Any]) -> NDArray[np.intp]:
    """Return the number of the region that each dataset is the spectrum of.

    Raises
    ------
    InputError
        If a dataset has no region, or one that is not among ``regions``.
    """
    known = [RegionGeom(region) for region in regions]
    numbers = []
    for dataset in datasets:
        matches = [i for i, geom in enumerate(known) if geom.has_same_region(dataset.geom)]
        if not matches:
            raise InputError(
                f"dataset {dataset.name!r} is the spectrum of {dataset.geom.region}, which is none of the "
                f"{len(known)} regions of the profile"
            )
        numbers.append(matches[0])
    return np.array(numbers)
