"""Is a source variable? Measures for light curves.

Where a light curve has several bins of energy, each is treated alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.datasets.flux_points.points import FluxPoints

__all__ = [
    "bayesian_blocks",
    "compute_lightcurve_doublingtime",
    "compute_lightcurve_fpp",
    "compute_lightcurve_fvar",
    "constant_chi2",
]

Array = NDArray[np.float64]


def _fluxes(light_curve: FluxPoints, flux_quantity: str) -> tuple[u.Quantity, u.Quantity]:
    """Fluxes and errors (time, energy) of a light curve.

    Raises
    ------
    InputError
        If the points have no time axis.
    """
    if not light_curve.has_time_axis:
        raise InputError("these points have no axis 'time': expected a light curve")
    values, errors = (
        light_curve.quantity(f"norm{end}")
        if flux_quantity == "norm"
        else light_curve.scaled(flux_quantity, f"norm{end}")
        for end in ("", "_err")
    )
    return tuple(u.Quantity(part.data[..., 0, 0], part.unit) for part in (values, errors))


def _table(light_curve: FluxPoints, columns: dict[str, Any]) -> Table:
    from astropy.table import Table

    return Table({"min_energy": light_curve.energy_min, "max_energy": light_curve.energy_max, **columns})


def compute_lightcurve_fvar(light_curve: FluxPoints, flux_quantity: str = "flux") -> Table:
    """Compute the fractional excess variance: the scatter beyond the errors, over the mean flux.

    Vaughan et al. (2003, MNRAS 345, 1271), equations 10 and B2.

    Parameters
    ----------
    light_curve : FluxPoints
        With an axis "time" and ``norm_err``.
    flux_quantity : str
        "flux", "dnde", "eflux", "e2dnde" or "norm".

    Returns
    -------
    table : `~astropy.table.Table`
        For each bin of energy "fvar", its error "fvar_err", and "significance". NaN where the scatter is less
        than the errors explain.
    """
    flux, error = _fluxes(light_curve, flux_quantity)
    good = np.isfinite(flux.value) & np.isfinite(error.value)
    rows = [_excess_variance(flux.value[use, i], error.value[use, i]) for i, use in enumerate(good.T)]
    fvar, fvar_err = np.array(rows).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return _table(light_curve, {"fvar": fvar, "fvar_err": fvar_err, "significance": fvar / fvar_err})


def _excess_variance(flux: Array, error: Array) -> tuple[float, float]:
    if len(flux) < 2:
        return np.nan, np.nan
    mean, noise = flux.mean(), np.mean(error**2)
    excess = np.var(flux, ddof=1) - noise
    if not excess > 0 or not mean > 0:
        return np.nan, np.nan
    fvar = np.sqrt(excess) / mean
    count = len(flux)
    relative = noise / mean**2
    spread = np.sqrt((np.sqrt(1.0 / (2.0 * count)) * relative / fvar) ** 2 + relative / count)
    return float(fvar), float(spread)


def compute_lightcurve_fpp(light_curve: FluxPoints, flux_quantity: str = "flux") -> Table:
    """Compute the point-to-point fractional variance: the scatter between neighbours beyond the errors.

    Edelson et al. (2002, ApJ 568, 610), equation 3.

    Returns
    -------
    table : `~astropy.table.Table`
        For each bin of energy "fpp", its error "fpp_err", and "significance".
    """
    flux, error = _fluxes(light_curve, flux_quantity)
    good = np.isfinite(flux.value) & np.isfinite(error.value)
    rows = [_point_to_point(flux.value[use, i], error.value[use, i]) for i, use in enumerate(good.T)]
    fpp, fpp_err = np.array(rows).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return _table(light_curve, {"fpp": fpp, "fpp_err": fpp_err, "significance": fpp / fpp_err})


def _point_to_point(flux: Array, error: Array) -> tuple[float, float]:
    if len(flux) < 3:
        return np.nan, np.nan
    mean, noise = flux.mean(), np.mean(error[1:] ** 2)
    excess = np.mean(np.diff(flux) ** 2) / 2.0 - noise
    if not excess > 0 or not mean > 0:
        return np.nan, np.nan
    fpp = np.sqrt(excess) / mean
    count, relative = len(flux) - 1, noise / mean**2
    return float(fpp), float(np.sqrt((np.sqrt(1.0 / (2.0 * count)) * relative / fpp) ** 2 + relative / count))


def compute_lightcurve_doublingtime(light_curve: FluxPoints, flux_quantity: str = "flux") -> Table:
    """Compute the shortest times in which the flux doubles and halves between neighbouring intervals.

    An exponential through two neighbours doubles in ``dt ln 2 / ln(F2 / F1)`` (Brown 2013, MNRAS 431, 824).

    Returns
    -------
    table : `~astropy.table.Table`
        For each bin of energy "doublingtime", "doubling_err", "doubling_coord" (the time in the middle), and
        the same with "halving".
    """
    flux, error = _fluxes(light_curve, flux_quantity)
    axis = light_curve.axes["time"]
    middle = axis.center.to_value("d")
    rows = [_doubling(flux.value[:, i], error.value[:, i], middle) for i in range(flux.shape[1])]
    doubling, halving = (np.array([row[k] for row in rows]) for k in (0, 1))
    columns: dict[str, Any] = {}
    for name, values in (("doubling", doubling), ("halving", halving)):
        columns[f"{name}time"] = values[:, 0] * u.d
        columns[f"{name}_err"] = values[:, 1] * u.d
        # Days are added to the date: there is no time that is not a number.
        columns[f"{name}_coord"] = (axis.reference_time.mjd + values[:, 2]) * u.d
    return _table(light_curve, columns)


def _doubling(flux: Array, error: Array, time: Array) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Shortest time, its error and where, for rising and for falling pairs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.log(flux[1:] / flux[:-1])
        scale = np.diff(time) * np.log(2.0) / growth
        spread = np.hypot(error[1:] / flux[1:], error[:-1] / flux[:-1])
        scale_err = np.abs(scale / growth) * spread
    middle = 0.5 * (time[1:] + time[:-1])
    found = []
    for pairs in (growth > 0, growth < 0):
        usable = np.flatnonzero(pairs & np.isfinite(scale))
        if usable.size == 0:
            found.append((np.nan, np.nan, np.nan))
            continue
        best = usable[np.argmin(np.abs(scale[usable]))]
        found.append((float(abs(scale[best])), float(scale_err[best]), float(middle[best])))
    return found[0], found[1]


def constant_chi2(light_curve: FluxPoints, flux_quantity: str = "flux") -> Table:
    """Test for a constant flux with chi2 of gaussian errors.

    Returns
    -------
    table : `~astropy.table.Table`
        For each bin of energy the weighted "mean", "mean_err", "chi2", "dof" and "p_value".
    """
    from scipy.stats import chi2

    flux, error = _fluxes(light_curve, flux_quantity)
    good = np.isfinite(flux.value) & (error.value > 0)
    with np.errstate(divide="ignore"):
        weight = np.where(good, 1.0 / error.value**2, 0.0)
    total = weight.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.sum(weight * np.where(good, flux.value, 0.0), axis=0) / total
        mean_err = 1.0 / np.sqrt(total)
    value = np.sum(weight * np.where(good, flux.value - mean, 0.0) ** 2, axis=0)
    dof = good.sum(axis=0) - 1
    p_value = np.where(dof > 0, chi2.sf(value, np.maximum(dof, 1)), np.nan)
    return _table(
        light_curve,
        {"mean": mean * flux.unit, "mean_err": mean_err * flux.unit, "chi2": value, "dof": dof, "p_value": p_value},
    )


def bayesian_blocks(light_curve: FluxPoints, p0: float = 0.05, flux_quantity: str = "flux") -> Any:
    """Find the times between which the flux is constant (Scargle et al. 2013, ApJ 764, 167; by astropy).

    Parameters
    ----------
    light_curve : FluxPoints
        With one bin of energy.
    p0 : float
        Chance of a false change.
    flux_quantity : str
        Which flux.

    Returns
    -------
    edges : `~astropy.time.Time`
        Edges of the blocks.
    """
    from astropy.stats import bayesian_blocks as astropy_blocks

    flux, error = _fluxes(light_curve, flux_quantity)
    if flux.shape[1] != 1:
        raise InputError(f"the light curve has {flux.shape[1]} bins of energy: Bayesian blocks take one")
    axis = light_curve.axes["time"]
    good = np.isfinite(flux.value[:, 0]) & (error.value[:, 0] > 0)
    # In units of the mean flux: the algorithm squares what it is given.
    scale = float(np.mean(np.abs(flux.value[good, 0])))
    middle = axis.center.to_value("d")[good]
    edges = astropy_blocks(middle, flux.value[good, 0] / scale, error.value[good, 0] / scale, fitness="measures", p0=p0)
    return axis.reference_time + edges * u.d
