"""FluxPoints: a spectrum (or a light curve) as norms of a reference model, bin by bin.

Everything is stored relative to a reference model: a norm of 1 is the model's flux. Differential
flux, integral flux, energy flux and E^2 dN/dE are then the same numbers in other units, and a point is converted
between them by the reference model alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.estimators.quantities import NORM_SUFFIXES, OTHER_QUANTITIES, SED_TYPES, SED_UNITS
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import os

    from astropy.table import Table

    from gammafold.data.gti import GTI
    from gammafold.maps.axes import MapAxes
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_geom import RegionGeom
    from gammafold.modeling.models.sky import SkyModel
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["FluxPoints"]


class _Scaled:
    """A quantity that is a norm times the reference model's flux."""

    def __init__(self, sed_type: str, suffix: str) -> None:
        self.sed_type, self.suffix = sed_type, suffix
        self.__doc__ = f"{sed_type}{suffix} as a map, with its unit: norm{suffix} times the reference {sed_type}."

    def __get__(self, points: FluxPoints | None, owner: type) -> Any:
        if points is None:
            return self
        return points.scaled(self.sed_type, f"norm{self.suffix}")


class _Stored:
    """A quantity that is stored as it is."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.__doc__ = text

    def __get__(self, points: FluxPoints | None, owner: type) -> Any:
        return self if points is None else points.quantity(self.name)


class FluxPoints:
    """Flux points relative to a reference model.

    Parameters
    ----------
    maps : dict of str to RegionNDMap
        Quantities by name, all on one geometry with an axis "energy" (and "time" for light curves):
        ``norm``, ``norm_err``, ``norm_errn``, ``norm_errp``, ``norm_ul``, ``ts``, ``sqrt_ts``, ``npred``,
        ``npred_excess``, ``counts``, ``stat``, ``stat_null``, ``stat_scan`` (with an axis "norm"), ``success``.
        NaN means: not known.
    reference_model : SkyModel or SpectralModel
        The model of norm 1.
    meta : dict, optional
        ``n_sigma`` of the errors, ``n_sigma_ul`` of the limits, ``sed_type_init``, ...
    gti : GTI, optional
        Good time intervals.

    Raises
    ------
    InputError
        If ``norm`` is missing, a name is unknown, or the geometries differ.
    """

    def __init__(
        self,
        maps: Mapping[str, RegionNDMap],
        reference_model: SkyModel | SpectralModel,
        meta: Mapping[str, Any] | None = None,
        gti: GTI | None = None,
    ) -> None:
        if "norm" not in maps:
            raise InputError(f"flux points need a map 'norm': got {sorted(maps)}")
        known = {f"norm{suffix}" for suffix in NORM_SUFFIXES} | set(OTHER_QUANTITIES)
        unknown = sorted(set(maps) - known)
        if unknown:
            raise InputError(f"unknown quantities {unknown} in flux points: expected some of {sorted(known)}")
        self._maps = dict(maps)
        self._check_geometries()
        self._reference_model = reference_model
        self.meta: dict[str, Any] = {"n_sigma": 1.0, "n_sigma_ul": 2.0, **(meta or {})}
        self.gti = gti

    def _check_geometries(self) -> None:
        shape = self._maps["norm"].data.shape
        for name, quantity in self._maps.items():
            if name != "stat_scan" and quantity.data.shape != shape:
                raise InputError(f"flux points: map {name!r} has the shape {quantity.data.shape}, norm has {shape}")

    # What the points lie on

    @property
    def geom(self) -> RegionGeom:
        """Region and axes of the points."""
        return self._maps["norm"].geom

    @property
    def axes(self) -> MapAxes:
        """Axes of the points."""
        return self.geom.axes

    @property
    def energy_axis(self) -> MapAxis:
        """Energy axis of the points."""
        return self.axes["energy"]

    @property
    def energy_ref(self) -> u.Quantity:
        """Reference energies, shape (n,): the logarithmic centres of the bins."""
        return self.energy_axis.center

    @property
    def energy_min(self) -> u.Quantity:
        """Lower edges, shape (n,)."""
        return self.energy_axis.edges[:-1]

    @property
    def energy_max(self) -> u.Quantity:
        """Upper edges, shape (n,)."""
        return self.energy_axis.edges[1:]

    @property
    def has_time_axis(self) -> bool:
        """Whether the points are a light curve."""
        return "time" in self.axes.names

    # Reference

    @property
    def reference_model(self) -> SkyModel | SpectralModel:
        """The model of norm 1."""
        return self._reference_model

    @property
    def reference_spectral_model(self) -> SpectralModel:
        """The spectral part of the model of norm 1."""
        spectral: Any = getattr(self._reference_model, "spectral_model", self._reference_model)
        return spectral

    def reference(self, sed_type: str) -> u.Quantity:
        """Value (n,) of the reference model in each energy bin.

        Parameters
        ----------
        sed_type : {"dnde", "e2dnde", "flux", "eflux"}
            Which kind of flux.
        """
        model, energy = self.reference_spectral_model, self.energy_ref
        if sed_type == "dnde":
            value = model(energy)
        elif sed_type == "e2dnde":
            value = model(energy) * energy**2
        elif sed_type == "flux":
            value = model.integral(self.energy_min, self.energy_max)
        elif sed_type == "eflux":
            value = model.energy_flux(self.energy_min, self.energy_max)
        else:
            raise UnknownNameError(f"no sed_type {sed_type!r}: there are {list(SED_TYPES)}")
        return value.to(SED_UNITS[sed_type])

    @property
    def dnde_ref(self) -> u.Quantity:
        """Reference differential flux, shape (n,)."""
        return self.reference("dnde")

    @property
    def e2dnde_ref(self) -> u.Quantity:
        """Reference E^2 dN/dE, shape (n,)."""
        return self.reference("e2dnde")

    @property
    def flux_ref(self) -> u.Quantity:
        """Reference flux integrated over each bin, shape (n,)."""
        return self.reference("flux")

    @property
    def eflux_ref(self) -> u.Quantity:
        """Reference energy flux integrated over each bin, shape (n,)."""
        return self.reference("eflux")

    # Quantities

    @property
    def available_quantities(self) -> list[str]:
        """Names of the stored quantities."""
        return list(self._maps)

    def has(self, name: str) -> bool:
        """Whether a quantity is stored."""
        return name in self._maps

    def quantity(self, name: str) -> RegionNDMap:
        """A stored quantity as a map.

        Raises
        ------
        UnknownNameError
            If it is not stored.
        """
        try:
            return self._maps[name]
        except KeyError:
            raise UnknownNameError(
                f"flux points have no {name!r}: there are {self.available_quantities}; "
                "an estimator computes more with selection_optional='all'"
            ) from None

    def scaled(self, sed_type: str, name: str) -> RegionNDMap:
        """A norm quantity in units of a kind of flux."""
        norm = self.quantity(name)
        reference = self.reference(sed_type)
        return RegionNDMap(geom=norm.geom, data=norm.data * reference.value[:, None, None], unit=reference.unit)

    dnde, dnde_err, dnde_ul = _Scaled("dnde", ""), _Scaled("dnde", "_err"), _Scaled("dnde", "_ul")
    dnde_errn, dnde_errp = _Scaled("dnde", "_errn"), _Scaled("dnde", "_errp")
    e2dnde, e2dnde_err, e2dnde_ul = _Scaled("e2dnde", ""), _Scaled("e2dnde", "_err"), _Scaled("e2dnde", "_ul")
    e2dnde_errn, e2dnde_errp = _Scaled("e2dnde", "_errn"), _Scaled("e2dnde", "_errp")
    flux, flux_err, flux_ul = _Scaled("flux", ""), _Scaled("flux", "_err"), _Scaled("flux", "_ul")
    flux_errn, flux_errp = _Scaled("flux", "_errn"), _Scaled("flux", "_errp")
    eflux, eflux_err, eflux_ul = _Scaled("eflux", ""), _Scaled("eflux", "_err"), _Scaled("eflux", "_ul")
    eflux_errn, eflux_errp = _Scaled("eflux", "_errn"), _Scaled("eflux", "_errp")

    norm = _Stored("norm", "Norm relative to the reference model.")
    norm_err = _Stored("norm_err", "Symmetric error of the norm.")
    norm_errn = _Stored("norm_errn", "Distance to the lower end of the confidence interval, >= 0.")
    norm_errp = _Stored("norm_errp", "Distance to the upper end of the confidence interval, >= 0.")
    norm_ul = _Stored("norm_ul", "Upper limit of the norm.")
    ts = _Stored("ts", "Test statistic: statistic without the source minus statistic with it.")
    npred = _Stored("npred", "Predicted counts, background included.")
    npred_excess = _Stored("npred_excess", "Predicted excess counts.")
    counts = _Stored("counts", "Counts seen.")
    stat = _Stored("stat", "Statistic at the best norm.")
    stat_null = _Stored("stat_null", "Statistic without the source.")
    stat_scan = _Stored("stat_scan", "Statistic over norms, with an axis 'norm'.")
    success = _Stored("success", "Whether the norm was found.")

    @property
    def sqrt_ts(self) -> RegionNDMap:
        """Square root of TS with the sign of the norm: the significance in standard deviations."""
        if "sqrt_ts" in self._maps:
            return self._maps["sqrt_ts"]
        with np.errstate(invalid="ignore"):
            data = np.sign(self.norm.data) * np.sqrt(np.maximum(self.ts.data, 0.0))
        return RegionNDMap(geom=self.geom, data=data)

    @property
    def sqrt_ts_threshold_ul(self) -> float:
        """Significance below which a point is shown as an upper limit; default 2."""
        return float(self.meta.get("sqrt_ts_threshold_ul", 2.0))

    @sqrt_ts_threshold_ul.setter
    def sqrt_ts_threshold_ul(self, value: float) -> None:
        self.meta["sqrt_ts_threshold_ul"] = float(value)

    @property
    def n_sigma(self) -> float:
        """Significance of the errors."""
        return float(self.meta["n_sigma"])

    @property
    def n_sigma_ul(self) -> float:
        """Significance of the upper limits."""
        return float(self.meta["n_sigma_ul"])

    @property
    def is_ul(self) -> RegionNDMap:
        """Which points are upper limits: TS below the threshold, or no value but a limit."""
        if "is_ul" in self._maps:
            return self._maps["is_ul"]
        data: NDArray[np.bool_]
        if "ts" in self._maps and "norm_ul" in self._maps:
            with np.errstate(invalid="ignore"):
                data = ~(self.sqrt_ts.data >= self.sqrt_ts_threshold_ul)
        elif "norm_ul" in self._maps:
            data = np.isfinite(self.norm_ul.data) & np.isnan(self.norm.data)
        else:
            data = np.isnan(self.norm.data)
        return RegionNDMap(geom=self.geom, data=data, dtype=bool)

    # Derived points

    def copy(self, reference_model: SkyModel | SpectralModel | None = None) -> FluxPoints:
        """Copy, optionally re-expressed relative to another reference model (fluxes stay the same)."""
        maps = {name: quantity.copy() for name, quantity in self._maps.items()}
        if reference_model is None:
            return FluxPoints(maps, self.reference_model, self.meta, self.gti)
        other = FluxPoints(maps, reference_model, self.meta, self.gti)
        ratio = (self.reference("dnde") / other.reference("dnde")).to_value("")
        for suffix in NORM_SUFFIXES:
            if f"norm{suffix}" in maps:
                maps[f"norm{suffix}"].data = maps[f"norm{suffix}"].data * ratio[:, None, None]
        maps.pop("stat_scan", None)
        return FluxPoints(maps, reference_model, self.meta, self.gti)

    def slice_by_idx(self, slices: Mapping[str, slice]) -> FluxPoints:
        """Points in slices of the axes, such as ``{"energy": slice(2, 5)}``."""
        maps = {name: quantity.slice_by_idx(dict(slices)) for name, quantity in self._maps.items()}
        return FluxPoints(maps, self.reference_model, self.meta, self.gti)

    def slice_by_energy(self, energy_min: u.Quantity | str, energy_max: u.Quantity | str) -> FluxPoints:
        """Points whose bins lie between two energies (whole bins)."""
        edges = self.energy_axis.group_table(u.Quantity([u.Quantity(energy_min), u.Quantity(energy_max)]))
        inside = edges[edges["bin_type"] == "normal   "]
        return self.slice_by_idx({"energy": slice(int(inside["idx_min"][0]), int(inside["idx_max"][-1]) + 1)})

    def recompute_ul(self, n_sigma_ul: float = 2.0) -> FluxPoints:
        """Upper limits of another significance, from the stored statistic scans.

        The limit is where the statistic has risen by ``n_sigma_ul**2`` above its minimum, above the best norm.

        Raises
        ------
        InputError
            If the points have no scans, or a scan does not reach that far (compute it on wider norms).
        """
        from gammafold.estimators.scans import limits_from_scans

        if "stat_scan" not in self._maps:
            raise InputError("flux points have no stat_scan: run the estimator with selection_optional='all'")
        maps = dict(self._maps)
        data = limits_from_scans(self.stat_scan, self.norm.data, self.stat.data, n_sigma_ul)
        maps["norm_ul"] = RegionNDMap(geom=self.geom, data=data)
        return FluxPoints(maps, self.reference_model, {**self.meta, "n_sigma_ul": n_sigma_ul}, self.gti)

    # Tables, files and plots

    def to_table(self, sed_type: str | None = None, format: str = "gadf-sed", formatted: bool = False) -> Table:
        """Table of the points, see `gammafold.estimators.flux_points_io.to_table`."""
        from gammafold.estimators.flux_points_io import to_table

        return to_table(self, sed_type, format, formatted)

    @classmethod
    def from_table(
        cls,
        table: Table,
        sed_type: str | None = None,
        format: str | None = None,
        reference_model: SkyModel | SpectralModel | None = None,
        gti: GTI | None = None,
    ) -> FluxPoints:
        """Points from a table, see `gammafold.estimators.flux_points_io.from_table`."""
        from gammafold.estimators.flux_points_io import from_table

        return from_table(table, sed_type, format, reference_model, gti)

    def write(
        self,
        filename: str | os.PathLike[str],
        sed_type: str | None = None,
        format: str = "gadf-sed",
        overwrite: bool = False,
    ) -> None:
        """Write the points to FITS or ECSV, by the file's ending."""
        from gammafold.estimators.flux_points_io import write

        write(self, filename, sed_type, format, overwrite)

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        sed_type: str | None = None,
        format: str | None = None,
        reference_model: SkyModel | SpectralModel | None = None,
    ) -> FluxPoints:
        """Read points from FITS or ECSV."""
        from gammafold.estimators.flux_points_io import read

        return read(filename, sed_type, format, reference_model)

    def plot(self, ax: Any = None, sed_type: str | None = None, energy_power: float = 0, **kwargs: Any) -> Any:
        """Plot the points over energy (or over time), upper limits as arrows."""
        from gammafold.estimators.flux_points_plot import plot

        return plot(self, ax, sed_type, energy_power, **kwargs)

    def plot_ts_profiles(self, ax: Any = None, sed_type: str | None = None, **kwargs: Any) -> Any:
        """Plot the statistic scans as an image of the rise over energy and flux."""
        from gammafold.estimators.flux_points_plot import plot_ts_profiles

        return plot_ts_profiles(self, ax, sed_type, **kwargs)

    def __repr__(self) -> str:
        shape = " x ".join(f"{axis.nbin} {axis.name}" for axis in self.axes)
        edges = self.energy_axis.edges
        return (
            f"FluxPoints: {shape} bins, {edges[0]:.3g} to {edges[-1]:.3g}\n"
            f"  reference model: {type(self.reference_spectral_model).__name__}\n"
            f"  errors {self.n_sigma:g} sigma, upper limits {self.n_sigma_ul:g} sigma\n"
            f"  quantities: {', '.join(self.available_quantities)}"
        )
