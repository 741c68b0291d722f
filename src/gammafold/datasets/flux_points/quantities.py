"""Norms of a reference model, bin by bin, and the fluxes that they are.

Everything is stored relative to a reference model: a norm of 1 is the model's flux. Differential
flux, integral flux, energy flux and E^2 dN/dE are then the same numbers in other units, and a point is converted
between them by the reference model alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.flux_points.names import NORM_SUFFIXES, OTHER_QUANTITIES, SED_UNITS, check_sed_type
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from gammafold.maps.axes import MapAxes
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_geom import RegionGeom
    from gammafold.modeling.models.sky import SkyModel
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["FluxQuantities"]


class _Scaled:
    """A quantity that is a norm times the reference model's flux."""

    def __init__(self, sed_type: str, suffix: str) -> None:
        self.sed_type, self.suffix = sed_type, suffix
        self.__doc__ = f"{sed_type}{suffix} as a map, with its unit: norm{suffix} times the reference {sed_type}."

    def __get__(self, points: FluxQuantities | None, owner: type) -> Any:
        if points is None:
            return self
        return points.scaled(self.sed_type, f"norm{self.suffix}")


class _Stored:
    """A quantity that is stored as it is."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.__doc__ = text

    def __get__(self, points: FluxQuantities | None, owner: type) -> Any:
        return self if points is None else points.quantity(self.name)


class FluxQuantities:
    """Maps of norms with their reference model, and every quantity that follows from them.

    Parameters
    ----------
    maps : dict of str to RegionNDMap
        Quantities by name, all on one geometry with an axis "energy".
    reference_model : SkyModel or SpectralModel
        The model of norm 1.
    energy_ref : `~astropy.units.Quantity`, shape (n,), optional
        Energies at which differential fluxes are given. Default: the logarithmic centres of the bins.

    Raises
    ------
    InputError
        If ``norm`` is missing, a name is unknown, the geometries differ, or a reference energy is outside its bin.
    """

    def __init__(
        self,
        maps: Mapping[str, RegionNDMap],
        reference_model: SkyModel | SpectralModel,
        energy_ref: u.Quantity | None = None,
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
        self._energy_ref = None if energy_ref is None else self._checked_energies(energy_ref)

    def _check_geometries(self) -> None:
        norm = self._maps["norm"]
        if "energy" not in norm.geom.axes.names:
            raise InputError(f"flux points need an axis 'energy': the map 'norm' has {list(norm.geom.axes.names)}")
        for name, quantity in self._maps.items():
            if name != "stat_scan" and quantity.data.shape != norm.data.shape:
                raise InputError(
                    f"flux points: map {name!r} has the shape {quantity.data.shape}, norm has {norm.data.shape}"
                )

    def _checked_energies(self, energy_ref: u.Quantity) -> u.Quantity:
        energy = u.Quantity(energy_ref, dtype=float).to(self.energy_axis.unit)
        low, high = self.energy_min, self.energy_max
        if energy.shape != low.shape or not ((low <= energy) & (energy <= high)).all():
            raise InputError(f"energy_ref is {energy}: expected one energy inside each bin of {self.energy_axis.edges}")
        return energy

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
        """Energies of differential fluxes, shape (n,): by default the logarithmic centres of the bins."""
        return self.energy_axis.center if self._energy_ref is None else self._energy_ref

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

    @property
    def has_energy_bins(self) -> bool:
        """Whether the points have bins of energy, and not energies alone."""
        return self.energy_axis.node_type == "edges"

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
        sed_type : {"dnde", "e2dnde", "flux", "eflux", "norm"}
            Which kind of flux.

        Raises
        ------
        UnknownNameError
            If there is no such kind.
        InputError
            If a flux in bins is asked of points that have energies alone.
        """
        check_sed_type(sed_type)
        model, energy = self.reference_spectral_model, self.energy_ref
        if sed_type == "norm":
            return u.Quantity(np.ones(len(energy)))
        if sed_type in ("flux", "eflux") and not self.has_energy_bins:
            raise InputError(f"these points have energies and no bins: their {sed_type} is unknown, their dnde is not")
        if sed_type == "dnde":
            value = model(energy)
        elif sed_type == "e2dnde":
            value = model(energy) * energy**2
        elif sed_type == "flux":
            value = model.integral(self.energy_min, self.energy_max)
        else:
            value = model.energy_flux(self.energy_min, self.energy_max)
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
        """A norm quantity, such as "norm_ul", in units of a kind of flux."""
        norm = self.quantity(name)
        if sed_type == "norm":
            return norm
        reference = self.reference(sed_type)
        return RegionNDMap(geom=norm.geom, data=norm.data * reference.value[:, None, None], unit=reference.unit)

    dnde, dnde_err, dnde_ul = _Scaled("dnde", ""), _Scaled("dnde", "_err"), _Scaled("dnde", "_ul")
    dnde_errn, dnde_errp = _Scaled("dnde", "_errn"), _Scaled("dnde", "_errp")
    dnde_sensitivity = _Scaled("dnde", "_sensitivity")
    e2dnde, e2dnde_err, e2dnde_ul = _Scaled("e2dnde", ""), _Scaled("e2dnde", "_err"), _Scaled("e2dnde", "_ul")
    e2dnde_errn, e2dnde_errp = _Scaled("e2dnde", "_errn"), _Scaled("e2dnde", "_errp")
    e2dnde_sensitivity = _Scaled("e2dnde", "_sensitivity")
    flux, flux_err, flux_ul = _Scaled("flux", ""), _Scaled("flux", "_err"), _Scaled("flux", "_ul")
    flux_errn, flux_errp = _Scaled("flux", "_errn"), _Scaled("flux", "_errp")
    flux_sensitivity = _Scaled("flux", "_sensitivity")
    eflux, eflux_err, eflux_ul = _Scaled("eflux", ""), _Scaled("eflux", "_err"), _Scaled("eflux", "_ul")
    eflux_errn, eflux_errp = _Scaled("eflux", "_errn"), _Scaled("eflux", "_errp")
    eflux_sensitivity = _Scaled("eflux", "_sensitivity")

    norm = _Stored("norm", "Norm relative to the reference model.")
    norm_err = _Stored("norm_err", "Symmetric error of the norm; NaN where the statistic has no curvature.")
    norm_errn = _Stored("norm_errn", "Distance to the lower end of the confidence interval, >= 0.")
    norm_errp = _Stored("norm_errp", "Distance to the upper end of the confidence interval, >= 0.")
    norm_ul = _Stored("norm_ul", "Upper limit of the norm.")
    norm_sensitivity = _Stored("norm_sensitivity", "Norm of a source that would just be significant.")
    ts = _Stored("ts", "Test statistic: statistic without the source minus statistic with it.")
    npred = _Stored("npred", "Predicted counts, background included, summed over the datasets.")
    npred_excess = _Stored("npred_excess", "Predicted excess counts, summed over the datasets.")
    counts = _Stored("counts", "Counts seen, summed over the datasets.")
    stat = _Stored("stat", "Statistic at the best norm.")
    stat_null = _Stored("stat_null", "Statistic without the source.")
    stat_scan = _Stored("stat_scan", "Statistic over norms, with an axis 'norm'.")
    n_dof = _Stored("n_dof", "Degrees of freedom of the test statistic.")
    success = _Stored("success", "Whether the norm was found.")

    @property
    def sqrt_ts(self) -> RegionNDMap:
        """Square root of TS with the sign of the norm: the significance in standard deviations."""
        if "sqrt_ts" in self._maps:
            return self._maps["sqrt_ts"]
        ts, norm = self.ts.data, self.norm.data
        with np.errstate(invalid="ignore"):
            # TS is zero, and not less, up to rounding.
            data = np.where(norm < 0, -1.0, 1.0) * np.sqrt(np.maximum(ts, 0.0))
        return RegionNDMap(geom=self.geom, data=data)
