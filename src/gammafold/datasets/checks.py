"""What a dataset accepts: each check returns the part to keep, or says what is wrong with it, and where.

Every check has the signature ``check(dataset, name, value)``; ``dataset`` names itself in the message and gives
the parts that the new one must fit to.
"""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.data.gti import GTI
from gammafold.datasets.slots import held_part
from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.core import Map
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, InputTypeError, UnitsError

__all__ = [
    "check_acceptance",
    "check_counts",
    "check_edisp",
    "check_error",
    "check_exposure",
    "check_gti",
    "check_mask",
    "check_meta_table",
    "check_psf",
    "check_reco_map",
    "same_axis",
]

EXPOSURE_UNIT = u.Unit("cm2 s")
RECO_PARTS = (
    "counts",
    "counts_error",
    "background",
    "mask_safe",
    "mask_fit",
    "counts_off",
    "counts_off_error",
    "acceptance",
    "acceptance_off",
)


def check_counts(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check counts: a map on the axis "energy", finite, without unit, not negative unless they have gaussian errors."""
    counts = check_reco_map(dataset, name, value)
    # Errors that still lie in a file are errors too.
    if dataset.__dict__.get(f"_{name}_error") is None:
        _require_non_negative(dataset, name, counts)
    return counts


def check_error(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check standard deviations of counts: a map on the axis "energy", finite, not negative, without unit."""
    error = check_reco_map(dataset, name, value)
    _require_non_negative(dataset, name, error)
    return error


def check_reco_map(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check a map of numbers per bin of reconstructed energy: finite, without unit, on the dataset's axis."""
    region_map = _require_map(dataset, name, value)
    if region_map.unit != u.ct:
        _require_no_unit(dataset, name, region_map, "counts")
    _require_numbers(dataset, name, region_map)
    _require_reco_axis(dataset, name, region_map)
    return region_map


def check_acceptance(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check a relative acceptance: a map, or one number for all bins; finite and not negative."""
    if not isinstance(value, Map):
        values = _numbers(dataset, name, value)
        geom = _held_geom(dataset, name)
        if values.ndim and values.size not in (1, geom.axes["energy"].nbin):
            raise InputError(
                f"{_where(dataset, name)} has {values.size} values: expected one, or {geom.axes['energy'].nbin}"
            )
        value = RegionNDMap(geom, data=np.broadcast_to(values.reshape(-1, 1, 1), geom.data_shape).copy())
    return check_counts(dataset, name, value)


def check_exposure(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check an exposure: a map on the axis "energy_true" in a unit of area times time."""
    exposure = _require_map(dataset, name, value)
    _require_axis(dataset, name, exposure, "energy_true")
    if not exposure.unit.is_equivalent(EXPOSURE_UNIT):
        raise UnitsError(
            f"{_where(dataset, name)} has the unit {exposure.unit.to_string()!r}: "
            "expected an area times a time, like 'cm2 s'"
        )
    _require_numbers(dataset, name, exposure)
    _require_non_negative(dataset, name, exposure)
    edisp = held_part(dataset, "edisp")
    if edisp is not None:
        _require_same_axis(dataset, name, exposure.geom.axes["energy_true"], "edisp", true_axis(edisp))
    return exposure


def check_edisp(dataset: Any, name: str, value: Any) -> EDispKernelMap | EDispMap:
    """Check an energy dispersion; a bare kernel becomes a kernel map."""
    if isinstance(value, EDispKernel):
        value = EDispKernelMap.from_edisp_kernel(value)
    if not isinstance(value, EDispKernelMap | EDispMap):
        raise InputTypeError(
            f"{_where(dataset, name)} is a {type(value).__name__}: expected EDispKernelMap, EDispMap or EDispKernel"
        )
    _require_no_unit(dataset, name, value.edisp_map, "probabilities")
    _require_numbers(dataset, name, value.edisp_map)
    exposure = held_part(dataset, "exposure")
    if exposure is not None:
        _require_same_axis(dataset, name, true_axis(value), "exposure", exposure.geom.axes["energy_true"])
    if isinstance(value, EDispKernelMap):
        _require_reco_axis(dataset, name, value.edisp_map, compare_shape=False)
    return value


def check_psf(dataset: Any, name: str, value: Any) -> Any:
    """Check a point spread function: spectra carry it, and do not use it."""
    if not hasattr(value, "psf_map"):
        raise InputTypeError(f"{_where(dataset, name)} is a {type(value).__name__}: expected a PSF map")
    return value


def check_mask(dataset: Any, name: str, value: Any) -> RegionNDMap:
    """Check a mask: booleans on the dataset's axis; an array is put on the dataset's geometry."""
    if isinstance(value, np.ndarray):
        value = _mask_from_array(dataset, name, value)
    mask = _require_map(dataset, name, value)
    if mask.data.dtype != bool:
        raise InputError(
            f"{_where(dataset, name)} holds {mask.data.dtype} values: expected booleans (True keeps a bin)"
        )
    _require_reco_axis(dataset, name, mask)
    return mask


def check_gti(dataset: Any, name: str, value: Any) -> GTI:
    """Check good time intervals."""
    if not isinstance(value, GTI):
        raise InputTypeError(f"{_where(dataset, name)} is a {type(value).__name__}: expected GTI")
    return value


def check_meta_table(dataset: Any, name: str, value: Any) -> Any:
    """Check a table of the observations behind a dataset."""
    if not hasattr(value, "colnames"):
        raise InputTypeError(f"{_where(dataset, name)} is a {type(value).__name__}: expected an astropy Table")
    return value


def same_axis(one: MapAxis, other: MapAxis) -> bool:
    """Return True if two energy axes have the same bins."""
    return one is other or (one.nbin == other.nbin and bool(one.is_allclose(other)))


def true_axis(edisp: EDispKernelMap | EDispMap) -> MapAxis:
    """Return the axis of true energy of an energy dispersion."""
    return edisp.edisp_map.geom.axes["energy_true"]


def reco_axis(dataset: Any, skip: str = "") -> tuple[str, MapAxis, tuple[int, ...] | None] | None:
    """Return the part that fixes the reconstructed energies: its name, its axis and its shape, or None."""
    for part in RECO_PARTS:
        held = held_part(dataset, part) if part != skip else None
        if held is not None:
            return part, held.geom.axes["energy"], held.data.shape
    edisp = held_part(dataset, "edisp") if skip != "edisp" else None
    if isinstance(edisp, EDispKernelMap):
        return "edisp", edisp.edisp_map.geom.axes["energy"], None
    return None


def _where(dataset: Any, name: str) -> str:
    return f"{name} of dataset {dataset.name!r}"


def _require_map(dataset: Any, name: str, value: Any) -> RegionNDMap:
    if isinstance(value, RegionNDMap):
        return value
    if isinstance(value, Map):
        raise InputTypeError(
            f"{_where(dataset, name)} is a {type(value).__name__}: expected a RegionNDMap "
            "(spectra are extracted from images and cubes with a region)"
        )
    raise InputTypeError(f"{_where(dataset, name)} is a {type(value).__name__}: expected a RegionNDMap")


def _require_axis(dataset: Any, name: str, region_map: RegionNDMap, axis_name: str) -> MapAxis:
    names = list(region_map.geom.axes.names)
    if axis_name not in names:
        raise InputError(f"{_where(dataset, name)} has the axes {names}: expected the axis {axis_name!r}")
    return region_map.geom.axes[axis_name]


def _require_no_unit(dataset: Any, name: str, region_map: RegionNDMap, what: str) -> None:
    # A scale without dimension, such as per cent, would be lost as well: numbers are taken as they are.
    if region_map.unit != u.dimensionless_unscaled:
        raise UnitsError(
            f"{_where(dataset, name)} has the unit {region_map.unit.to_string()!r}: expected {what}, without unit"
        )


def _require_numbers(dataset: Any, name: str, region_map: RegionNDMap) -> None:
    data = region_map.data
    if data.dtype.kind not in "fiu":
        raise InputError(f"{_where(dataset, name)} holds {data.dtype} values: expected numbers")
    finite = np.isfinite(data)
    if not finite.all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise InputError(
            f"{_where(dataset, name)} is not finite in {int((~finite).sum())} of {data.size} bins "
            f"(first at index {first}: {data[first]}): expected finite numbers"
        )


def _require_non_negative(dataset: Any, name: str, region_map: RegionNDMap) -> None:
    data = region_map.data
    if (data < 0).any():
        first = tuple(int(i) for i in np.argwhere(data < 0)[0])
        raise InputError(
            f"{_where(dataset, name)} is negative in {int((data < 0).sum())} of {data.size} bins "
            f"(first at index {first}: {data[first]:g}): expected zero or more"
        )


def _require_reco_axis(dataset: Any, name: str, region_map: RegionNDMap, compare_shape: bool = True) -> None:
    axis = _require_axis(dataset, name, region_map, "energy")
    known = reco_axis(dataset, skip=name)
    if known is None:
        return
    part, expected, shape = known
    _require_same_axis(dataset, name, axis, part, expected)
    if compare_shape and shape is not None and region_map.data.shape != shape:
        raise InputError(
            f"{_where(dataset, name)} has the shape {region_map.data.shape}: expected {shape}, as for {part}"
        )


def _require_same_axis(dataset: Any, name: str, axis: MapAxis, part: str, expected: MapAxis) -> None:
    if not same_axis(axis, expected):
        raise InputError(
            f"{_where(dataset, name)} has {_describe(axis)}: expected {_describe(expected)}, as for {part}"
        )


def _describe(axis: MapAxis) -> str:
    edges = axis.edges
    return f"{axis.nbin} bins of {axis.name} from {edges[0]:.6g} to {edges[-1]:.6g}"


def _numbers(dataset: Any, name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputTypeError(f"{_where(dataset, name)} is {value!r}: expected a RegionNDMap or numbers") from None


def _mask_from_array(dataset: Any, name: str, value: np.ndarray) -> RegionNDMap:
    geom = _held_geom(dataset, name)
    shape = tuple(geom.data_shape)
    if value.shape not in (shape, (shape[0],)):
        raise InputError(f"{_where(dataset, name)} has the shape {value.shape}: expected {shape}")
    return RegionNDMap(geom, data=value.reshape(shape))


def _held_geom(dataset: Any, name: str) -> Any:
    """Return the geometry of the parts that are there, for a part that comes without one."""
    for part in RECO_PARTS:
        held = held_part(dataset, part) if part != name else None
        if held is not None:
            return held.geom
    raise InputError(f"{_where(dataset, name)} is no map: without counts it has no axis; pass a RegionNDMap")
