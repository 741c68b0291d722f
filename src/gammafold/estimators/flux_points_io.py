"""Flux points as tables and files, in the forms of the gamma-ray data formats (GADF "flux points").

"gadf-sed": one row for each energy bin, columns ``e_ref``, ``e_min``, ``e_max`` and the quantities of one
kind of flux; kind "likelihood" holds the reference fluxes, the norms and their scans. "lightcurve": one row for each
time bin, columns ``time_min``, ``time_max`` (MJD) and vector columns over energy.

Source: https://gamma-astro-data-formats.readthedocs.io (spectra: flux points; light curves).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.estimators.flux_points import FluxPoints
from gammafold.estimators.quantities import NORM_SUFFIXES, SED_TYPES, SED_UNITS
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, GammafoldError, InputError
from gammafold.utils.files import atomic_path, make_path

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.data.gti import GTI

__all__ = ["from_table", "read", "to_table", "write"]

_FORMATS = ("gadf-sed", "lightcurve")
# Stored quantities that are written beside the fluxes, as column names.
_PLAIN = ("ts", "npred", "npred_excess", "counts", "stat", "stat_null", "success", "n_dof")


def to_table(
    points: FluxPoints, sed_type: str | None = None, format: str = "gadf-sed", formatted: bool = False
) -> Table:
    """Return a table of flux points.

    Parameters
    ----------
    points : FluxPoints
        The points.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "likelihood"}, optional
        Kind of flux; default is what the points were made with, else "likelihood".
    format : {"gadf-sed", "lightcurve"}
        Layout.
    formatted : bool
        Round floating point columns for printing.
    """
    kind = sed_type or points.meta.get("sed_type_init") or "likelihood"
    if kind not in ("likelihood", *SED_TYPES):
        raise InputError(f"no sed_type {kind!r}: there are {['likelihood', *SED_TYPES]}")
    if format == "gadf-sed":
        if points.has_time_axis:
            raise InputError("these points have a time axis: use format='lightcurve'")
        table = _sed_table(points, kind)
    elif format == "lightcurve":
        table = _light_curve_table(points, kind)
    else:
        raise InputError(f"no flux-points format {format!r}: there are {list(_FORMATS)}")
    table.meta.update(SED_TYPE=kind, UL_CONF=_confidence(points.n_sigma_ul), N_SIGMA=points.n_sigma)
    table.meta["NSIGMAUL"] = points.n_sigma_ul
    if formatted:
        for name in table.colnames:
            if table[name].dtype.kind == "f":
                table[name].format = ".3e" if table[name].unit and "s" in str(table[name].unit) else ".3f"
    return table


def _confidence(n_sigma: float) -> float:
    """One-sided confidence level of an upper limit of so many sigma."""
    from scipy.special import ndtr

    return float(round(ndtr(n_sigma), 6))


def _columns(points: FluxPoints, kind: str) -> dict[str, RegionNDMap]:
    """Quantities to be written, by column name."""
    columns = {}
    for suffix in NORM_SUFFIXES:
        if not points.has(f"norm{suffix}"):
            continue
        norm = points.quantity(f"norm{suffix}")
        if kind in ("likelihood", "norm"):
            columns[f"norm{suffix}"] = norm
        else:
            columns[f"{kind}{suffix}"] = points.scaled(kind, f"norm{suffix}")
    for name in _PLAIN:
        if points.has(name):
            columns[name] = points.quantity(name)
    if points.has("ts"):
        columns["sqrt_ts"] = points.sqrt_ts
    columns["is_ul"] = points.is_ul
    return columns


def _sed_table(points: FluxPoints, kind: str) -> Table:
    from astropy.table import Table

    table = Table({"e_ref": points.energy_ref, "e_min": points.energy_min, "e_max": points.energy_max})
    if kind == "likelihood":
        for sed in ("dnde", "flux", "eflux", "e2dnde"):
            table[f"ref_{sed}"] = points.reference(sed)
    for name, quantity in _columns(points, kind).items():
        data = quantity.data[:, 0, 0]
        table[name] = data if quantity.unit == "" else u.Quantity(data, quantity.unit, copy=False)
    if kind == "likelihood" and points.has("stat_scan"):
        scan = points.stat_scan
        table["norm_scan"] = np.tile(scan.geom.axes["norm"].center.value, (len(table), 1))
        table["stat_scan"] = scan.data[:, :, 0, 0]
    return table


def _light_curve_table(points: FluxPoints, kind: str) -> Table:
    from astropy.table import Table

    if not points.has_time_axis:
        raise InputError("these points have no time axis: use format='gadf-sed'")
    time = points.axes["time"]
    table = Table({"time_min": time.time_min.mjd * u.d, "time_max": time.time_max.mjd * u.d})
    table.meta["TIMESYS"] = time.time_min.scale
    n_times = len(table)
    for name in ("e_ref", "e_min", "e_max"):
        energies = {"e_ref": points.energy_ref, "e_min": points.energy_min, "e_max": points.energy_max}[name]
        table[name] = np.tile(energies.value, (n_times, 1)) * energies.unit
    if kind == "likelihood":
        for sed in ("dnde", "flux", "eflux", "e2dnde"):
            reference = points.reference(sed)
            table[f"ref_{sed}"] = np.tile(reference.value, (n_times, 1)) * reference.unit
    for name, quantity in _columns(points, kind).items():
        data = quantity.data[:, :, 0, 0]
        table[name] = data if quantity.unit == "" else u.Quantity(data, quantity.unit, copy=False)
    return table


def write(
    points: FluxPoints,
    filename: str | os.PathLike[str],
    sed_type: str | None = None,
    format: str = "gadf-sed",
    overwrite: bool = False,
) -> None:
    """Write flux points to FITS (with their good time intervals) or to ECSV, by the file's ending."""
    from astropy.io import fits

    path = make_path(filename)
    table = to_table(points, sed_type, format)
    with atomic_path(path, overwrite=overwrite) as temporary:
        if ".fits" in path.suffixes:
            hdus = [fits.PrimaryHDU(), fits.BinTableHDU(table, name="FLUXPOINTS")]
            if points.gti is not None:
                hdus.append(points.gti.to_table_hdu())
            fits.HDUList(hdus).writeto(temporary, overwrite=True)
        elif path.suffix == ".ecsv":
            table.write(temporary, format="ascii.ecsv", overwrite=True)
        else:
            raise InputError(f"cannot tell the format of {path.name}: expected an ending .fits, .fits.gz or .ecsv")


def read(
    filename: str | os.PathLike[str],
    sed_type: str | None = None,
    format: str | None = None,
    reference_model: Any = None,
) -> FluxPoints:
    """Read flux points from FITS or ECSV.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or misses a column.
    """
    from astropy.io import fits
    from astropy.table import Table

    from gammafold.data.gti import GTI

    path = make_path(filename)
    gti = None
    try:
        if ".fits" in path.suffixes:
            with fits.open(path, memmap=False) as hdus:
                table = Table.read(hdus["FLUXPOINTS"] if "FLUXPOINTS" in hdus else hdus[1])
                if "GTI" in hdus:
                    gti = GTI.from_table_hdu(hdus["GTI"])
        else:
            table = Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise FileFormatError(f"cannot read flux points from {path}: {error}") from error
    try:
        return from_table(table, sed_type, format, reference_model, gti)
    except GammafoldError as error:
        raise FileFormatError(f"{path}: {error}") from error


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
        Flux points in one of the forms of `to_table`.
    sed_type : str, optional
        Kind of flux; default is the table's SED_TYPE, else guessed from its columns.
    format : {"gadf-sed", "lightcurve"}, optional
        Layout; a light curve is known by its time columns.
    reference_model : SpectralModel or SkyModel, optional
        The model of norm 1; default is a power law of index 2 (for "likelihood" tables: a table model
        through ref_dnde).
    gti : GTI, optional
        Good time intervals.
    """
    columns = {name.lower(): name for name in table.colnames}
    meta = {key.upper(): value for key, value in table.meta.items()}
    is_light_curve = format == "lightcurve" or (format is None and "time_min" in columns)
    kind = sed_type or meta.get("SED_TYPE") or _guess_kind(columns)
    energy_axis = _energy_axis(table, columns, is_light_curve)
    model = reference_model if reference_model is not None else _default_model(table, columns, energy_axis, kind)
    axes = [energy_axis]
    if is_light_curve:
        axes.append(_time_axis(table, columns))
    geom = RegionGeom.create(None, axes=axes)
    points_meta = {
        "sed_type_init": kind,
        "n_sigma": float(meta.get("N_SIGMA", 1.0)),
        "n_sigma_ul": _limit_sigma(meta),
    }
    maps = _maps(table, columns, geom, kind, model)
    return FluxPoints(maps, model, points_meta, gti)


def _guess_kind(columns: dict[str, str]) -> str:
    for kind in ("dnde", "e2dnde", "flux", "eflux"):
        if kind in columns or f"{kind}_ul" in columns:
            return kind
    if "norm" in columns:
        return "likelihood"
    raise InputError(f"no flux column among {sorted(columns)}: expected one of {list(SED_TYPES)}")


def _limit_sigma(meta: dict[str, Any]) -> float:
    from scipy.special import ndtri

    if "NSIGMAUL" in meta:
        return float(meta["NSIGMAUL"])
    return float(ndtri(meta["UL_CONF"])) if "UL_CONF" in meta else 2.0


def _energy_axis(table: Table, columns: dict[str, str], is_light_curve: bool) -> MapAxis:
    def column(name: str) -> u.Quantity:
        quantity: u.Quantity = u.Quantity(table[columns[name]])
        return quantity[0] if is_light_curve else quantity

    if "e_min" in columns and "e_max" in columns:
        low: u.Quantity = np.atleast_1d(column("e_min"))
        high: u.Quantity = np.atleast_1d(column("e_max"))
        # Float32 columns make neighbours' edges differ in the last digit.
        if not np.allclose(low[1:].to_value("TeV"), high[:-1].to_value("TeV"), rtol=1e-5):
            raise InputError("e_min and e_max leave gaps or overlap: the bins must be contiguous")
        return MapAxis.from_energy_edges(np.append(low.value, high[-1].to_value(low.unit)) * low.unit)
    if "e_ref" in columns:
        return MapAxis.from_nodes(np.atleast_1d(column("e_ref")), name="energy", interp="log")
    raise InputError(f"no energies among the columns {sorted(columns)}: expected e_min and e_max, or e_ref")


def _time_axis(table: Table, columns: dict[str, str]) -> Any:
    from astropy.time import Time

    from gammafold.maps.time_axis import TimeMapAxis

    scale = str(table.meta.get("TIMESYS", "utc")).lower()
    low, high = (
        Time(u.Quantity(table[columns[c]]).to_value("d"), format="mjd", scale=scale) for c in ("time_min", "time_max")
    )
    start = low[0]
    return TimeMapAxis((low - start).to("d"), (high - start).to("d"), reference_time=start)


def _default_model(table: Table, columns: dict[str, str], axis: MapAxis, kind: str) -> Any:
    from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel
    from gammafold.modeling.models.spectral_template import TemplateSpectralModel

    if kind == "likelihood" and "ref_dnde" in columns and axis.nbin > 1:
        values = u.Quantity(table[columns["ref_dnde"]])
        return TemplateSpectralModel(energy=axis.center, values=values[0] if values.ndim > 1 else values)
    return PowerLawSpectralModel()


def _maps(table: Table, columns: dict[str, str], geom: RegionGeom, kind: str, model: Any) -> dict[str, RegionNDMap]:
    probe = FluxPoints({"norm": RegionNDMap(geom=geom)}, model)
    prefix = "norm" if kind in ("likelihood", "norm") else kind
    reference = None if prefix == "norm" else probe.reference(kind)
    maps = {}
    for suffix in NORM_SUFFIXES:
        if f"{prefix}{suffix}" not in columns:
            continue
        column = u.Quantity(table[columns[f"{prefix}{suffix}"]])
        data = column.value if reference is None else column.to_value(SED_UNITS[kind]) / reference.value
        maps[f"norm{suffix}"] = RegionNDMap(geom=geom, data=_shaped(data, geom))
    for name in (*_PLAIN, "sqrt_ts", "is_ul"):
        if name in columns:
            dtype = bool if name in ("success", "is_ul") else float
            data = np.asarray(table[columns[name]], dtype=dtype)
            maps[name] = RegionNDMap(geom=geom, data=_shaped(data, geom), dtype=dtype)
    if "stat_scan" in columns and "norm_scan" in columns:
        maps["stat_scan"] = _scan_map(table, columns, geom)
    return maps


def _shaped(data: np.ndarray, geom: RegionGeom) -> np.ndarray:
    return np.asarray(data).reshape(geom.data_shape)


def _scan_map(table: Table, columns: dict[str, str], geom: RegionGeom) -> RegionNDMap:
    norms = np.asarray(table[columns["norm_scan"]])
    axis = MapAxis.from_nodes(norms[0], name="norm", interp="lin")
    scan_geom = RegionGeom.create(None, axes=[axis, *geom.axes])
    return RegionNDMap(geom=scan_geom, data=np.asarray(table[columns["stat_scan"]])[..., None, None])
