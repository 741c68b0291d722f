"""`FluxPoints`: a spectrum, a light curve or a profile as norms of a reference model, bin by bin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.flux_points import plot as plots
from gammafold.datasets.flux_points.names import NORM_SUFFIXES, SED_UNITS, check_sed_type
from gammafold.datasets.flux_points.quantities import FluxQuantities
from gammafold.datasets.flux_points.scans import limits_from_scans
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    import os

    from astropy.table import Table

    from gammafold.data.gti import GTI
    from gammafold.modeling.models.sky import SkyModel
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["FluxPoints"]


class FluxPoints(FluxQuantities):
    """Flux points relative to a reference model.

    Parameters
    ----------
    maps : dict of str to RegionNDMap
        Quantities by name, all on one geometry with an axis "energy" (and "time" for light curves,
        "projected-distance" for profiles):
        ``norm``, ``norm_err``, ``norm_errn``, ``norm_errp``, ``norm_ul``, ``norm_sensitivity``, ``ts``, ``sqrt_ts``,
        ``npred``, ``npred_excess``, ``counts``, ``stat``, ``stat_null``, ``stat_scan`` (with an axis "norm"),
        ``n_dof``, ``success``, ``is_ul``. NaN means: not known.
    reference_model : SkyModel or SpectralModel
        The model of norm 1.
    meta : dict, optional
        ``n_sigma`` of the errors, ``n_sigma_ul`` of the limits, ``sed_type_init``, ...
    gti : GTI, optional
        Good time intervals.
    energy_ref : `~astropy.units.Quantity`, shape (n,), optional
        Energies at which differential fluxes are given, one inside each bin. Default: the logarithmic centres.

    Raises
    ------
    InputError
        If ``norm`` is missing, a name is unknown, or the geometries differ.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.table import Table
    >>> table = Table({"e_ref": [1, 10] * u.TeV, "dnde": [2e-11, 3e-14] * u.Unit("cm-2 s-1 TeV-1")})
    >>> points = FluxPoints.from_table(table, sed_type="dnde")
    >>> points.e2dnde.quantity.ravel().to("erg cm-2 s-1").round(13)
    <Quantity [3.2e-11, 4.8e-12] erg / (s cm2)>
    """

    def __init__(
        self,
        maps: Mapping[str, RegionNDMap],
        reference_model: SkyModel | SpectralModel,
        meta: Mapping[str, Any] | None = None,
        gti: GTI | None = None,
        energy_ref: u.Quantity | None = None,
    ) -> None:
        super().__init__(maps, reference_model, energy_ref)
        self.meta: dict[str, Any] = {"n_sigma": 1.0, "n_sigma_ul": 2.0, **(meta or {})}
        self.gti = gti

    @classmethod
    def from_maps(
        cls,
        maps: Mapping[str, RegionNDMap],
        sed_type: str = "likelihood",
        reference_model: SkyModel | SpectralModel | None = None,
        gti: GTI | None = None,
        meta: Mapping[str, Any] | None = None,
        energy_ref: u.Quantity | None = None,
    ) -> FluxPoints:
        """Make points from maps of a kind of flux, such as "dnde" and "dnde_err".

        Parameters
        ----------
        maps : dict of str to RegionNDMap
            Quantities by name.
        sed_type : {"dnde", "e2dnde", "flux", "eflux", "norm", "likelihood"}
            Kind of flux of the maps; "norm" and "likelihood" are norms. Default: "likelihood".
        reference_model : SkyModel or SpectralModel, optional
            The model of norm 1. Default: a power law of index 2.
        gti, meta, energy_ref
            As for `FluxPoints`.
        """
        from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel

        kind = "norm" if sed_type == "likelihood" else check_sed_type(sed_type)
        model = PowerLawSpectralModel() if reference_model is None else reference_model
        if kind not in maps:
            raise InputError(f"there is no map {kind!r}: got {sorted(maps)}")
        reference = cls({"norm": maps[kind]}, model, energy_ref=energy_ref).reference(kind).value[:, None, None]
        norms = {}
        for name, quantity in maps.items():
            suffix = name.removeprefix(kind)
            if suffix == name or suffix not in NORM_SUFFIXES:
                norms[name] = quantity
                continue
            data = quantity.to_unit(SED_UNITS[kind]).data / reference
            norms[f"norm{suffix}"] = RegionNDMap(geom=quantity.geom, data=data)
        return cls(norms, model, {"sed_type_init": sed_type, **(meta or {})}, gti, energy_ref)

    # Significances

    @property
    def n_sigma(self) -> float:
        """Significance of the errors."""
        return float(self.meta["n_sigma"])

    @property
    def n_sigma_ul(self) -> float:
        """Significance of the upper limits."""
        return float(self.meta["n_sigma_ul"])

    @property
    def sqrt_ts_threshold_ul(self) -> float:
        """Significance below which a point is shown as an upper limit; default 2."""
        return float(self.meta.get("sqrt_ts_threshold_ul", 2.0))

    @sqrt_ts_threshold_ul.setter
    def sqrt_ts_threshold_ul(self, value: float) -> None:
        if not (self.has("ts") or self.has("sqrt_ts")):
            raise InputError("these points have no ts: no threshold can decide which are upper limits")
        self.meta["sqrt_ts_threshold_ul"] = float(value)
        self._maps.pop("is_ul", None)

    @property
    def is_ul(self) -> RegionNDMap:
        """Which points are upper limits: significance below the threshold, or no value but a limit."""
        if "is_ul" in self._maps:
            return self._maps["is_ul"]
        data = np.isnan(self.norm.data)
        if self.has("norm_ul"):
            data &= np.isfinite(self.norm_ul.data)
            if self.has("ts") or self.has("sqrt_ts"):
                with np.errstate(invalid="ignore"):
                    data |= self.sqrt_ts.data < self.sqrt_ts_threshold_ul
        return RegionNDMap(geom=self.geom, data=data, dtype=bool)

    # Derived points

    def _with(self, maps: Mapping[str, RegionNDMap], **changes: Any) -> FluxPoints:
        held = {
            "reference_model": self.reference_model,
            "meta": self.meta,
            "gti": self.gti,
            "energy_ref": self._energy_ref,
        }
        return FluxPoints(maps, **{**held, **changes})

    def copy(self, reference_model: SkyModel | SpectralModel | None = None) -> FluxPoints:
        """Copy, optionally re-expressed relative to another reference model.

        The differential fluxes at the reference energies stay; the norms change, and the fluxes in bins are those of
        the new model's shape. Scans are left out: their norms are one axis for all bins.
        """
        maps = {name: quantity.copy() for name, quantity in self._maps.items()}
        if reference_model is None:
            return self._with(maps)
        ratio = (self.reference("dnde") / self._with(maps, reference_model=reference_model).dnde_ref).to_value("")
        for suffix in NORM_SUFFIXES:
            if f"norm{suffix}" in maps:
                maps[f"norm{suffix}"].data = maps[f"norm{suffix}"].data * ratio[:, None, None]
        maps.pop("stat_scan", None)
        return self._with(maps, reference_model=reference_model)

    def slice_by_idx(self, slices: Mapping[str, slice]) -> FluxPoints:
        """Points in slices of the axes, such as ``{"energy": slice(2, 5)}``."""
        maps = {name: quantity.slice_by_idx(dict(slices)) for name, quantity in self._maps.items()}
        energy_ref = self._energy_ref
        if energy_ref is not None and "energy" in slices:
            energy_ref = energy_ref[slices["energy"]]
        return self._with(maps, energy_ref=energy_ref)

    def slice_by_energy(self, energy_min: u.Quantity | str, energy_max: u.Quantity | str) -> FluxPoints:
        """Points whose bins lie between two energies (whole bins)."""
        limits = [to_quantity(energy_min, "TeV", "energy_min"), to_quantity(energy_max, "TeV", "energy_max")]
        groups = self.energy_axis.group_table(u.Quantity(limits))
        inside = groups[groups["bin_type"] == "normal   "]
        return self.slice_by_idx({"energy": slice(int(inside["idx_min"][0]), int(inside["idx_max"][-1]) + 1)})

    def slice_by_time(self, time_min: Any, time_max: Any) -> FluxPoints:
        """Points of a light curve whose intervals lie between two times (whole intervals).

        Raises
        ------
        InputError
            If the points are no light curve, or no interval lies between the times.
        """
        if not self.has_time_axis:
            raise InputError("these points have no axis 'time': expected a light curve")
        time = self.axes["time"]
        inside = np.flatnonzero((time.time_min >= time_min) & (time.time_max <= time_max))
        if inside.size == 0:
            first, last = time.time_bounds
            raise InputError(
                f"no interval between {time_min} and {time_max}: the light curve runs from {first} to {last}"
            )
        return self.slice_by_idx({"time": slice(int(inside[0]), int(inside[-1]) + 1)})

    def iter_by_axis(self, axis_name: str) -> Iterator[FluxPoints]:
        """Go through the bins of an axis: points with one bin of it each."""
        for number in range(self.axes[axis_name].nbin):
            yield self.slice_by_idx({axis_name: slice(number, number + 1)})

    def recompute_ul(self, n_sigma_ul: float = 2.0) -> FluxPoints:
        """Upper limits of another significance, from the stored statistic scans.

        The limit is where the statistic has risen by ``n_sigma_ul**2`` above its minimum, above the best norm.

        Raises
        ------
        InputError
            If ``n_sigma_ul`` is not above zero, the points have no scans, or a scan does not reach that far (compute
            it on wider norms).
        """
        if not n_sigma_ul > 0:
            raise InputError(f"n_sigma_ul is {n_sigma_ul}: expected a number above zero")
        if not self.has("stat_scan"):
            raise InputError("flux points have no stat_scan: run the estimator with selection_optional='all'")
        data = limits_from_scans(self.stat_scan, self.norm.data, self.stat.data, n_sigma_ul)
        maps = {**self._maps, "norm_ul": RegionNDMap(geom=self.geom, data=data)}
        return self._with(maps, meta={**self.meta, "n_sigma_ul": float(n_sigma_ul)})

    # Tables, files and plots

    def to_table(self, sed_type: str | None = None, format: str | None = None, formatted: bool = False) -> Table:
        """Table of the points, see `gammafold.datasets.flux_points.tables.to_table`."""
        from gammafold.datasets.flux_points.tables import to_table

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
        """Points from a table, see `gammafold.datasets.flux_points.parse.from_table`."""
        from gammafold.datasets.flux_points.parse import from_table

        return from_table(table, sed_type, format, reference_model, gti)

    def write(
        self,
        filename: str | os.PathLike[str],
        sed_type: str | None = None,
        format: str | None = None,
        overwrite: bool = False,
        checksum: bool = False,
    ) -> None:
        """Write the points to FITS or ECSV, by the file's ending; see `gammafold.datasets.flux_points.files.write`."""
        from gammafold.datasets.flux_points.files import write

        write(self, filename, sed_type, format, overwrite, checksum)

    @classmethod
    def read(
        cls,
        filename: str | os.PathLike[str],
        sed_type: str | None = None,
        format: str | None = None,
        reference_model: SkyModel | SpectralModel | None = None,
        checksum: bool = False,
    ) -> FluxPoints:
        """Read points from FITS or ECSV; see `gammafold.datasets.flux_points.files.read`."""
        from gammafold.datasets.flux_points.files import read

        return read(filename, sed_type, format, reference_model, checksum)

    def plot(
        self,
        ax: Any = None,
        sed_type: str | None = None,
        energy_power: float = 0,
        time_format: str = "iso",
        axis_name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Plot the points over energy, time or distance, upper limits as arrows; see `plot.plot`."""
        return plots.plot(self, ax, sed_type, energy_power, time_format, axis_name, **kwargs)

    def plot_ts_profiles(
        self, ax: Any = None, sed_type: str | None = None, add_cbar: bool = True, **kwargs: Any
    ) -> Any:
        """Plot the statistic scans as an image of the rise over energy and flux; see `plot.plot_ts_profiles`."""
        return plots.plot_ts_profiles(self, ax, sed_type, add_cbar, **kwargs)

    def __repr__(self) -> str:
        shape = " x ".join(f"{axis.nbin} {axis.name}" for axis in self.axes)
        edges = self.energy_axis.edges
        return (
            f"FluxPoints: {shape} bins, {edges[0]:.3g} to {edges[-1]:.3g}\n"
            f"  reference model: {type(self.reference_spectral_model).__name__}\n"
            f"  errors {self.n_sigma:g} sigma, upper limits {self.n_sigma_ul:g} sigma\n"
            f"  quantities: {', '.join(self.available_quantities)}"
        )
