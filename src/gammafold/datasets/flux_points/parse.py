"""Flux points from tables: see `gammafold.datasets.flux_points.tables` for their forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.data.gti_io import reference_time
from gammafold.datasets.flux_points.names import NORM_SUFFIXES, SED_UNITS, TABLE_SED_TYPES, check_sed_type
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.datasets.flux_points.reference_curve import reference_curve
from gammafold.datasets.flux_points.scans import scan_map, statistic_of_likelihood
from gammafold.datasets.flux_points.tables import FORMATS, PER_DATASET, PLAIN_COLUMNS
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.data.gti import GTI

__all__ = ["from_table"]

_FLAGS = ("success", "is_ul")


def from_table(
    table: Table,
    sed_type: str | None = None,
    format: str | None = None,
    reference_model: Any = None,
    gti: GTI | None = None,
) -> FluxPoints:
    """Build flux points from a table.

    Parameters
    ----------
    table : Table
        Flux points in one of the forms of `gammafold.datasets.flux_points.tables.to_table`; names of columns in any
        case. Masked and missing values are NaN.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "likelihood"}, optional
        Kind of flux. Default: the table's SED_TYPE, else that of its columns.
    format : {"gadf-sed", "lightcurve", "profile"}, optional
        Layout. Default: known by the columns of time or distance.
    reference_model : SpectralModel or SkyModel, optional
        The model of norm 1. Default: a power law of index 2; for "likelihood" tables one through ref_dnde, with
        the ref_flux and ref_eflux of each bin where they are known.
    gti : GTI, optional
        Good time intervals.

    Raises
    ------
    UnknownNameError
        If there is no such kind of flux.
    InputError
        If a column is missing, or the bins of energy do not touch.
    UnitsError
        If the flux has no unit, or one of another kind.
    """
    reader = _Columns(table)
    kind = check_sed_type(sed_type or reader.meta.get("SED_TYPE") or reader.kind(), TABLE_SED_TYPES)
    layout = format or reader.layout()
    if layout not in FORMATS:
        raise InputError(f"no flux-points format {layout!r}: there are {list(FORMATS)}")
    energy_axis, energy_ref = reader.energies(layout)
    axes = [energy_axis, *reader.other_axes(layout)]
    model = reference_model if reference_model is not None else reader.reference_model(energy_axis, energy_ref, kind)
    geom = RegionGeom.create(None, axes=axes)
    return FluxPoints.from_maps(
        reader.maps(geom, "norm" if kind == "likelihood" else kind),
        sed_type=kind,
        reference_model=model,
        gti=gti,
        meta=reader.significances(),
        energy_ref=energy_ref,
    )


class _Columns:
    """The columns of a table by their names in lower case."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = {name.lower(): name for name in table.colnames}
        self.meta = {key.upper(): value for key, value in table.meta.items()}

    def values(self, name: str) -> NDArray[np.float64]:
        """Numbers of a column, NaN where masked."""
        column = self.table[self.names[name]]
        if hasattr(column, "mask"):
            mask = np.asarray(column.mask)
            return np.where(mask, np.nan, np.ma.getdata(getattr(column, "unmasked", column)).astype(float))
        return np.asarray(getattr(column, "value", column), dtype=float)

    def quantity(self, name: str) -> u.Quantity:
        """A column with its unit."""
        return u.Quantity(self.values(name), self.table[self.names[name]].unit or "")

    def kind(self) -> str:
        """Kind of flux, known by the columns."""
        for kind in ("dnde", "e2dnde", "flux", "eflux"):
            if kind in self.names:
                return kind
        if "norm" in self.names:
            return "likelihood"
        raise InputError(f"no flux among the columns {sorted(self.names)}: expected one of {list(SED_UNITS)}")

    def layout(self) -> str:
        """Layout, known by the columns."""
        if "time_min" in self.names:
            return "lightcurve"
        return "profile" if "x_min" in self.names else "gadf-sed"

    def significances(self) -> dict[str, float]:
        """What the table says of its errors and limits, see `FluxPoints`."""
        from scipy.special import ndtri

        known = {}
        if "N_SIGMA" in self.meta:
            known["n_sigma"] = float(self.meta["N_SIGMA"])
        if "NSIGMAUL" in self.meta:
            known["n_sigma_ul"] = float(self.meta["NSIGMAUL"])
        elif "UL_CONF" in self.meta:
            known["n_sigma_ul"] = round(float(-ndtri(0.5 * (1.0 - float(self.meta["UL_CONF"])))), 4)
        return known

    def energies(self, layout: str) -> tuple[MapAxis, u.Quantity | None]:
        """Axis of energy, and the reference energies where they are not the centres of its bins."""

        def column(name: str) -> u.Quantity:
            values = self.quantity(name)
            if not values.unit.is_equivalent("eV"):
                raise UnitsError(f"column {name!r} has the unit {values.unit.to_string()!r}: expected one like TeV")
            return np.atleast_1d(values if layout == "gadf-sed" else values[0])

        if "e_min" in self.names and "e_max" in self.names:
            low, high = column("e_min"), column("e_max")
            # Float32 columns make neighbours' edges differ in the last digit.
            if not np.allclose(low[1:].to_value("TeV"), high[:-1].to_value("TeV"), rtol=1e-5):
                raise InputError("e_min and e_max leave gaps or overlap: the bins must be contiguous")
            axis = MapAxis.from_energy_edges(np.append(low, high[-1:]))
            if "e_ref" not in self.names:
                return axis, None
            energy_ref = column("e_ref").to(axis.unit)
            is_center = np.allclose(energy_ref.value, axis.center.value, rtol=1e-6)
            return axis, None if is_center else energy_ref
        if "e_ref" in self.names:
            return MapAxis.from_nodes(column("e_ref"), name="energy", interp="log"), None
        raise InputError(f"no energies among the columns {sorted(self.names)}: expected e_min and e_max, or e_ref")

    def other_axes(self, layout: str) -> list[Any]:
        """Axes beside energy."""
        first = {"lightcurve": "time", "profile": "x"}.get(layout)
        if first is None:
            return []
        missing = [name for name in (f"{first}_min", f"{first}_max") if name not in self.names]
        if missing:
            raise InputError(f"no columns {missing} among {sorted(self.names)}: a table of format {layout!r} has them")
        if layout == "lightcurve":
            return [self._time_axis()]
        edges = np.append(self.quantity("x_min"), self.quantity("x_max")[-1:])
        return [MapAxis.from_edges(edges, name="projected-distance")]

    def _time_axis(self) -> TimeMapAxis:
        from astropy.time import Time

        edges = []
        for name in ("time_min", "time_max"):
            unit = u.Unit(self.table[self.names[name]].unit or self.meta.get("TIMEUNIT", "d"))
            if self.meta.get("MJDREFI", 0) == 0 and "MJDREF" not in self.meta:
                # Days since MJD 0 are dates. A time in 1858 as reference would be far from all leap seconds.
                days = (self.values(name) * unit).to_value("d") + float(self.meta.get("MJDREFF", 0.0))
                edges.append(Time(days, format="mjd", scale=str(self.meta.get("TIMESYS", "utc")).lower()))
            else:
                edges.append(reference_time(self.meta, "of the light curve") + self.values(name) * unit)
        return TimeMapAxis.from_time_edges(*edges)

    def reference_model(self, axis: MapAxis, energy_ref: u.Quantity | None, kind: str) -> Any:
        """The model of norm 1: one that has the fluxes "ref_" of the table, else a power law of index 2."""
        from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel

        if kind == "likelihood" and "ref_dnde" in self.names:
            values = self.quantity("ref_dnde")
            values = np.atleast_1d(values[0] if values.ndim > 1 else values)
            energy = axis.center if energy_ref is None else energy_ref
            held = [name for name in ("ref_flux", "ref_eflux") if name in self.names]
            fluxes = [np.ravel(self.quantity(name))[: axis.nbin] for name in held]
            return reference_curve(axis.edges, energy, values, *fluxes)
        return PowerLawSpectralModel()

    def maps(self, geom: RegionGeom, prefix: str) -> dict[str, RegionNDMap]:
        """All known columns as maps."""
        if prefix not in self.names:
            raise InputError(f"no column {prefix!r} among {sorted(self.names)}: a table of this kind has it")
        maps = {}
        for suffix in NORM_SUFFIXES:
            name = f"{prefix}{suffix}"
            if name in self.names:
                maps[name] = self._flux_map(name, geom, SED_UNITS[prefix])
        for name in (*PLAIN_COLUMNS, "sqrt_ts", "is_ul"):
            if name in self.names:
                maps[name] = self._plain_map(name, geom)
        if "norm_scan" in self.names and "stat_scan" in self.names:
            maps["stat_scan"] = scan_map(self.values("norm_scan"), self.values("stat_scan"), geom)
        elif "norm_scan" in self.names and "dloglike_scan" in self.names:
            rise = statistic_of_likelihood(self.values("dloglike_scan"))
            # Without the statistic at the best norm, that is where it is counted from.
            best = maps.setdefault("stat", RegionNDMap(geom=geom, data=np.zeros(geom.data_shape)))
            curves = rise + best.data.reshape(*rise.shape[:-1], 1)
            maps["stat_scan"] = scan_map(self.values("norm_scan"), curves, geom)
        return maps

    def _flux_map(self, name: str, geom: RegionGeom, unit: str) -> RegionNDMap:
        values = self.quantity(name)
        if not values.unit.is_equivalent(unit):
            raise UnitsError(f"column {name!r} has the unit {values.unit.to_string()!r}: expected one like {unit!r}")
        return RegionNDMap(geom=geom, data=values.value.reshape(geom.data_shape), unit=values.unit)

    def _plain_map(self, name: str, geom: RegionGeom) -> RegionNDMap:
        if name in _FLAGS:
            flags = np.asarray(self.table[self.names[name]], dtype=bool).reshape(geom.data_shape)
            return RegionNDMap(geom=geom, data=flags, dtype=bool)
        values = self.values(name)
        n_points = int(np.prod(geom.data_shape))
        if name in PER_DATASET and values.size > n_points:
            # One number for each dataset: here it is their sum.
            by_dataset = values.reshape(n_points, -1)
            missing = np.isnan(by_dataset).all(axis=1)
            values = np.where(missing, np.nan, np.nansum(by_dataset, axis=1))
        return RegionNDMap(geom=geom, data=values.reshape(geom.data_shape))
