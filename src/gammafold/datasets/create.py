"""Datasets of zeros on given geometries, to be filled or stacked onto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.gti import GTI
from gammafold.datasets.folding import overlap_fractions
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.psf_map import PSFMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.units import to_time

if TYPE_CHECKING:
    from gammafold.datasets.map_dataset import MapDataset

__all__ = ["one_of", "reco_geom", "region_dataset", "true_geoms"]


def region_dataset(
    kind: type[MapDataset],
    geom: RegionGeom,
    geom_exposure: RegionGeom | None,
    geom_psf: RegionGeom | None,
    geom_edisp: RegionGeom | None,
    reference_time: Any,
    name: str | None = None,
    **kwargs: Any,
) -> Any:
    """Return a dataset of zeros: no bin is safe, true bins spread over the bins that they overlap."""
    for part in ("counts", "background"):
        if part in kind.reco_parts:
            kwargs.setdefault(part, RegionNDMap(geom, data=np.zeros(geom.data_shape)))
    kwargs.setdefault("mask_safe", RegionNDMap(geom, data=np.zeros(geom.data_shape, dtype=bool)))
    if geom_exposure is not None and "exposure" not in kwargs:
        kwargs["exposure"] = RegionNDMap(
            geom_exposure,
            data=np.zeros(geom_exposure.data_shape),
            unit="cm2 s",
            meta={"livetime": u.Quantity(0, "s")},
        )
    if geom_edisp is not None and "edisp" not in kwargs:
        kwargs["edisp"] = _empty_edisp(geom_edisp)
    if geom_psf is not None:
        kwargs.setdefault("psf", PSFMap.from_geom(geom_psf))
    kwargs.setdefault("gti", GTI.create([] * u.s, [] * u.s, reference_time=to_time(reference_time, "reference_time")))
    return kind(name=name, **kwargs)


def one_of(**spellings: Any) -> Any:
    """Return the argument that was given under one of its spellings, or None.

    Raises
    ------
    InputError
        If it was given twice.
    """
    given = {name: value for name, value in spellings.items() if value is not None}
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} were both given: they are two spellings of one argument")
    return next(iter(given.values()), None)


def reco_geom(e_reco: Any, region: Any) -> RegionGeom:
    """Return the geometry of counts on an axis "energy"; a geometry is taken as it is.

    Without a region: a circle of one degree at the origin of ICRS.
    """
    if isinstance(e_reco, RegionGeom):
        return e_reco
    if not isinstance(e_reco, MapAxis):
        raise InputTypeError(f"e_reco is a {type(e_reco).__name__}: expected a MapAxis or a RegionGeom")
    if e_reco.name != "energy":
        raise InputError(f"the axis of reconstructed energy is called {e_reco.name!r}: expected 'energy'")
    return RegionGeom.create("icrs;circle(0, 0, 1)" if region is None else region, axes=[e_reco])


def true_geoms(
    geom: RegionGeom, e_true: MapAxis | None, migra_axis: MapAxis | None = None
) -> tuple[RegionGeom, RegionGeom]:
    """Return the geometries of exposure and energy dispersion; the default true energies are those of ``geom``."""
    axis = geom.axes["energy"]
    true = axis.copy(name="energy_true") if e_true is None else e_true
    if true.name not in ("energy_true", "energy-true"):
        raise InputError(f"the axis of true energy is called {true.name!r}: expected 'energy_true'")
    if true.name == "energy-true":
        true = true.copy(name="energy_true")
    image = geom.to_image()
    return image.to_cube([true]), image.to_cube([axis if migra_axis is None else migra_axis, true])


def _empty_edisp(geom: RegionGeom) -> EDispKernelMap | EDispMap:
    """Return a map of zeros on an axis "migra"; else the overlap of the bins, which is a unit matrix if they agree."""
    if "migra" in geom.axes.names:
        return EDispMap.from_geom(geom)
    edges = [geom.axes[axis].edges.to_value("TeV") for axis in ("energy_true", "energy")]
    weights = geom.squash("energy")
    return EDispKernelMap(
        RegionNDMap(geom, data=overlap_fractions(*edges).reshape(geom.data_shape)),
        RegionNDMap(weights, data=np.zeros(weights.data_shape), unit="cm2 s"),
    )
