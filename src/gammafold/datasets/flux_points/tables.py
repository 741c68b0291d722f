"""Flux points as tables, in the forms of the gamma-ray data formats (GADF "flux points").

"gadf-sed": one row for each energy bin, columns ``e_ref``, ``e_min``, ``e_max`` and the quantities of one
kind of flux; kind "likelihood" holds the reference fluxes and the norms. "lightcurve" and "profile": one row for
each interval of time or distance, and vector columns over energy. Scans are ``norm_scan`` and ``stat_scan``; kind
"likelihood" has them in the form of the format too: ``dloglike_scan = (stat - stat_scan) / 2``, the logarithm of the
likelihood less that at the best norm.

Source: https://gamma-astro-data-formats.readthedocs.io (spectra: flux points; light curves). Names and layouts that
the format leaves open are those of gammapy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.flux_points.names import (
    NORM_SUFFIXES,
    TABLE_SED_TYPES,
    check_sed_type,
)
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.datasets.flux_points.points import FluxPoints
    from gammafold.maps.region_map import RegionNDMap

__all__ = ["FORMATS", "PER_DATASET", "PLAIN_COLUMNS", "to_table"]

# Format, and the axis beside energy that it has.
FORMATS = {"gadf-sed": None, "lightcurve": "time", "profile": "projected-distance"}
# Stored quantities that are written beside the fluxes, as column names.
PLAIN_COLUMNS = ("ts", "npred", "npred_excess", "counts", "stat", "stat_null", "success", "n_dof")

# Columns that hold a vector over datasets.
PER_DATASET = frozenset({"npred", "npred_excess", "counts"})


def to_table(
    points: FluxPoints, sed_type: str | None = None, format: str | None = None, formatted: bool = False
) -> Table:
    """Return a table of flux points.

    Parameters
    ----------
    points : FluxPoints
        The points.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "likelihood"}, optional
        Kind of flux; default is what the points were made with, else "likelihood".
    format : {"gadf-sed", "lightcurve", "profile"}, optional
        Layout. Default: that of the points' axes.
    formatted : bool
        Round floating point columns for printing.

    Raises
    ------
    UnknownNameError
        If there is no such kind of flux.
    InputError
        If there is no such format, or the points have other axes than it.

    Examples
    --------
    >>> from gammafold.datasets.flux_points import FluxPoints
    >>> from astropy.table import Table
    >>> table = Table({"e_ref": [1, 10] * u.TeV, "dnde": [2e-11, 3e-14] * u.Unit("cm-2 s-1 TeV-1")})
    >>> to_table(FluxPoints.from_table(table, sed_type="dnde"), sed_type="e2dnde").colnames
    ['e_ref', 'e2dnde']
    """
    kind = check_sed_type(sed_type or points.meta.get("sed_type_init") or "likelihood", TABLE_SED_TYPES)
    axis_name = FORMATS[_format_of(points, format)]
    if axis_name is None:
        table = _energy_table(points, kind)
    else:
        table = _stacked_table(points, kind, axis_name)
    table.meta["SED_TYPE"] = kind
    table.meta["N_SIGMA"] = points.n_sigma
    if points.has("norm_ul"):
        table.meta["UL_CONF"] = _confidence(points.n_sigma_ul)
        table.meta["NSIGMAUL"] = points.n_sigma_ul
    if formatted:
        _format_columns(table)
    return table


def _format_of(points: FluxPoints, format: str | None) -> str:
    others = [name for name in points.axes.names if name != "energy"]
    own = next((name for name, axis in FORMATS.items() if others == ([] if axis is None else [axis])), None)
    if format is None and own is not None:
        return own
    if format is not None and format not in FORMATS:
        raise InputError(f"no flux-points format {format!r}: there are {list(FORMATS)}")
    if own is None or format != own:
        raise InputError(
            f"flux points with the axes {list(points.axes.names)} have no table in the format {format or 'of any kind'}"
            + (f": expected format={own!r}" if own else f": expected the axes of one of {list(FORMATS)}")
        )
    return own


def _confidence(n_sigma: float) -> float:
    """Confidence level of a limit of so many sigma, as the field writes it: two-sided, so that 2 sigma are 0.9545."""
    from scipy.special import ndtr

    return float(round(1.0 - 2.0 * ndtr(-n_sigma), 7))


def _energy_table(points: FluxPoints, kind: str) -> Table:
    from astropy.table import Table

    table = Table({name: values[0] for name, values in _rows(points, kind)})
    if not PER_DATASET.isdisjoint(table.colnames):
        # A vector of one number comes back from a file as a number: this tells readers that there is one dataset.
        table["datasets"] = ["all"] * len(table)
    return table


def _stacked_table(points: FluxPoints, kind: str, axis_name: str) -> Table:
    """One row for each bin of an axis, vectors over energy."""
    from astropy.table import Table

    axis = points.axes[axis_name]
    if axis_name == "time":
        # Days since MJD 0, as readers of the field expect.
        table = Table({"time_min": axis.time_min.mjd, "time_max": axis.time_max.mjd})
        table.meta.update(MJDREFI=0, MJDREFF=0.0, TIMESYS=axis.reference_time.scale, TIMEUNIT="d")
    else:
        low, high = axis.edges[:-1], axis.edges[1:]
        table = Table({"x_min": low, "x_max": high, "x_ref": 0.5 * (low + high)})
    for name, values in _rows(points, kind):
        table[name] = np.broadcast_to(values, (axis.nbin, *values.shape[1:]), subok=True)
    return table


def _rows(points: FluxPoints, kind: str) -> Iterator[tuple[str, Any]]:
    """Columns by name: arrays with one row for each bin of the other axis, or one row where all are alike."""
    yield "e_ref", points.energy_ref[None]
    if points.has_energy_bins:
        yield "e_min", points.energy_min[None]
        yield "e_max", points.energy_max[None]
    if kind == "likelihood":
        for sed in ("dnde", "flux", "eflux", "e2dnde") if points.has_energy_bins else ("dnde", "e2dnde"):
            yield f"ref_{sed}", points.reference(sed)[None]
    for name, held in _quantities(points, kind):
        data = held.data[..., 0, 0].reshape(-1, points.energy_axis.nbin)
        if name in PER_DATASET:
            # Readers of the field expect one number for each dataset: here it is one, their sum.
            data = data[..., None]
        yield name, data if held.unit == "" else u.Quantity(data, held.unit)
    if points.has("stat_scan"):
        scan = points.stat_scan
        norms = scan.geom.axes["norm"].center.value
        curves = scan.data[..., 0, 0].reshape(-1, points.energy_axis.nbin, len(norms))
        yield "norm_scan", np.broadcast_to(norms, curves.shape)
        yield "stat_scan", curves
        if kind == "likelihood" and points.has("stat"):
            best = points.stat.data[..., 0, 0].reshape(-1, points.energy_axis.nbin)
            yield "dloglike_scan", 0.5 * (best[..., None] - curves)


def _quantities(points: FluxPoints, kind: str) -> Iterator[tuple[str, RegionNDMap]]:
    scaled = "norm" if kind == "likelihood" else kind
    for suffix in NORM_SUFFIXES:
        if points.has(f"norm{suffix}"):
            yield f"{scaled}{suffix}", points.scaled(scaled, f"norm{suffix}")
    for name in PLAIN_COLUMNS:
        if points.has(name):
            yield name, points.quantity(name)
    if points.has("ts") or points.has("sqrt_ts"):
        yield "sqrt_ts", points.sqrt_ts
    if points.has("norm_ul") or points.has("is_ul"):
        yield "is_ul", points.is_ul


def _format_columns(table: Table) -> None:
    fluxes = ("dnde", "eflux", "flux", "e2dnde", "ref_")
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].format = ".3e" if name.startswith(fluxes) else ".3f"
