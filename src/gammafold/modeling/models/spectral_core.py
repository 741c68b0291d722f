"""What every spectral model can do: fluxes and their errors, files, plots, and being compiled for the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models import spectral_errors
from gammafold.modeling.models.core import ModelBase
from gammafold.modeling.models.spectral_compile import DNDE, ENERGY, compile_model, is_array_native
from gammafold.modeling.models.spectral_integral import integrate
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

__all__ = ["SpectralModel"]


class SpectralModel(ModelBase):
    """Base of spectral models: a differential flux that depends on energy and parameters.

    A subclass declares its parameters, and a function ``evaluate(energy, ...)`` of these, in any order, that broadcasts
    energies ``(q,)`` against parameters ``(N, 1)``. It may be written for quantities; units are put on and taken off
    where the engine calls it. See `gammafold.modeling.models.core.ModelBase`.

    Examples
    --------
    >>> from gammafold.modeling import Parameter
    >>> class Flat(SpectralModel):
    ...     tag = "Flat"
    ...     level = Parameter("level", "1e-12 cm-2 s-1 TeV-1")
    ...
    ...     @staticmethod
    ...     def evaluate(energy, level):
    ...         return level * (energy / energy)
    >>> Flat().integral(1 * u.TeV, 3 * u.TeV)
    <Quantity 2.e-12 1 / (s cm2)>
    """

    _type = "spectral"
    tag: ClassVar[Any] = "SpectralModel"
    # True for factors without unit, which multiply another model.
    is_norm_spectral_model: ClassVar[bool] = False
    # Optional exact functions of plain arrays, see `gammafold.likelihood.flux.FluxFunction`.
    evaluate_integral: ClassVar[Callable[..., Any] | None] = None
    evaluate_derivatives: ClassVar[Callable[..., Any] | None] = None
    evaluate_integral_derivatives: ClassVar[Callable[..., Any] | None] = None
    evaluate_breaks: ClassVar[Callable[..., Any] | None] = None
    # Name of the parameter that the flux is proportional to, for models with `evaluate_derivatives`.
    proportional_to: ClassVar[str | None] = None

    evaluate: Callable[..., Any]

    def __call__(self, energy: Any) -> u.Quantity:
        """Return the differential flux at energies of any shape.

        Raises
        ------
        InputError, UnitsError
            If an energy is negative, or in a unit of something else.
        """
        energy = to_quantity(energy, "TeV", "energy")
        if (energy.value < 0).any():
            raise InputError(f"energy is {energy.min():g}: expected energies above zero")
        if is_array_native(self):
            values = [parameter.value for parameter in self.parameters]
            try:
                flux = self.compile().evaluate(energy.to_value(ENERGY), *values)
            except ZeroDivisionError as error:
                raise InputError(f"{self!r} divides by zero: it has no flux") from error
            return u.Quantity(flux, self._engine_unit).to(self._unit)
        return u.Quantity(self.evaluate(energy, *[parameter.quantity for parameter in self.parameters]))

    @property
    def _engine_unit(self) -> u.UnitBase:
        """Unit of the flux in the engine."""
        return u.dimensionless_unscaled if self.is_norm_spectral_model else DNDE

    @property
    def _unit(self) -> u.UnitBase:
        """Unit of the flux: that of the amplitude where there is one."""
        amplitude = getattr(self, "amplitude", None)
        if isinstance(amplitude, Parameter) and amplitude.unit.is_equivalent(self._engine_unit):
            return amplitude.unit
        return self._engine_unit

    @property
    def fixed_breaks(self) -> u.Quantity:
        """Energies at which the flux or its derivatives jump, whatever the parameters."""
        return u.Quantity([], ENERGY)

    def compile(self) -> FluxFunction:
        """Return the model as a function of plain arrays, as the engine takes it.

        Parameters are in the order of `parameters`, in their own units; energies are in TeV and fluxes in
        cm-2 s-1 TeV-1. What it needs of the model is taken now: a later change of a template does not reach it.

        Raises
        ------
        InputError, UnitsError
            If a user's formula fails, or gives no flux.
        """
        return compile_model(self)

    # -- fluxes

    def integral(self, energy_min: Any, energy_max: Any) -> u.Quantity:
        """Return the flux integrated between energies.

        Parameters
        ----------
        energy_min, energy_max : `~astropy.units.Quantity`
            Limits, which broadcast.

        Returns
        -------
        integral : `~astropy.units.Quantity`
            In cm-2 s-1 (in TeV for a factor without unit).
        """
        return integrate(self, energy_min, energy_max, power=0)

    def energy_flux(self, energy_min: Any, energy_max: Any) -> u.Quantity:
        """Return the energy flux, the integral of energy times flux, in TeV cm-2 s-1."""
        return integrate(self, energy_min, energy_max, power=1)

    def spectral_index(self, energy: Any, epsilon: float = 1e-5) -> np.ndarray:
        """Return the local index, ``-d ln(dN/dE) / d ln(E)``.

        Parameters
        ----------
        energy : `~astropy.units.Quantity`
            Energies.
        epsilon : float
            Half width of the difference in ln E.
        """
        energy = to_quantity(energy, "TeV", "energy")
        up, down = self(energy * np.exp(epsilon)), self(energy * np.exp(-epsilon))
        return -np.log((up / down).to_value("")) / (2.0 * epsilon)

    def reference_fluxes(self, energy_axis: Any) -> dict[str, u.Quantity]:
        """Return the fluxes of the model in the bins of an axis, as flux points need them."""
        low, high, center = energy_axis.edges[:-1], energy_axis.edges[1:], energy_axis.center
        dnde = self(center)
        return {
            "e_ref": center,
            "e_min": low,
            "e_max": high,
            "ref_dnde": dnde,
            "ref_flux": self.integral(low, high),
            "ref_eflux": self.energy_flux(low, high),
            "ref_e2dnde": dnde * center**2,
        }

    # -- errors: see spectral_errors

    def evaluate_error(self, energy: Any, n_samples: int | None = None, random_state: Any = 42) -> u.Quantity:
        """Return the flux and its error: `gammafold.modeling.models.spectral_errors.propagate`."""
        return spectral_errors.propagate(self, lambda model: model(energy), n_samples, random_state)

    def integral_error(
        self, energy_min: Any, energy_max: Any, n_samples: int | None = None, random_state: Any = 42
    ) -> u.Quantity:
        """Return the integral flux and its error."""
        return spectral_errors.propagate(
            self, lambda model: model.integral(energy_min, energy_max), n_samples, random_state
        )

    def energy_flux_error(
        self, energy_min: Any, energy_max: Any, n_samples: int | None = None, random_state: Any = 42
    ) -> u.Quantity:
        """Return the energy flux and its error."""
        return spectral_errors.propagate(
            self, lambda model: model.energy_flux(energy_min, energy_max), n_samples, random_state
        )

    def spectral_index_error(self, energy: Any, n_samples: int | None = None, random_state: Any = 42) -> u.Quantity:
        """Return the local index and its error."""
        return spectral_errors.propagate(
            self, lambda model: u.Quantity(model.spectral_index(energy)), n_samples, random_state
        )

    @property
    def pivot_energy(self) -> u.Quantity:
        """Energy at which the flux is known best, relative to itself.

        Raises
        ------
        InputError
            If no parameter has an error, or the relative error is least at no energy within a factor 1000 of the
            reference energy (of 1 TeV in models without one), as where only a norm is free.
        """
        return spectral_errors.pivot_energy(self)

    def inverse(self, value: Any, energy_min: Any = "0.1 TeV", energy_max: Any = "100 TeV") -> u.Quantity:
        """Return the energy at which the flux has a value; NaN if it has it nowhere between two energies.

        Parameters
        ----------
        value : `~astropy.units.Quantity`
            Fluxes, any shape.
        energy_min, energy_max : `~astropy.units.Quantity`
            Where to look; of several energies the lowest is given.
        """
        values = to_quantity(value, self._unit, "value")
        found = [self.inverse_all(one, energy_min, energy_max)[0] for one in np.atleast_1d(values).ravel()]
        low = u.Quantity(energy_min)
        first = [energies[0].to_value(low.unit) if len(energies) else np.nan for energies in found]
        return u.Quantity(np.reshape(first, values.shape), low.unit)

    def inverse_all(self, values: Any, energy_min: Any = "0.1 TeV", energy_max: Any = "100 TeV") -> list[u.Quantity]:
        """Return all energies at which the flux has each of some values."""
        from scipy.optimize import brentq

        low, high = (to_quantity(limit, "TeV", "energy limit") for limit in (energy_min, energy_max))
        if not 0 < low < high < np.inf:
            raise InputError(f"energy limits are {low} and {high}: expected 0 < energy_min < energy_max, finite")
        grid = np.linspace(np.log(low.value), np.log(high.to_value(low.unit)), 401)
        flux = self(u.Quantity(np.exp(grid), low.unit))
        results = []
        for value in np.atleast_1d(to_quantity(values, flux.unit, "value")).ravel():
            wanted = float(value.to_value(flux.unit))
            if not wanted > 0:
                raise InputError(f"value is {value}: expected a flux above zero")

            def offset(log_energy: float, wanted: float = wanted) -> float:
                return float(self(u.Quantity(np.exp(log_energy), low.unit)).to_value(flux.unit)) / wanted - 1.0

            signs = np.sign(flux.value / wanted - 1.0)
            exact = np.flatnonzero(signs == 0)
            roots = [grid[i] for i in exact]
            roots += [
                brentq(offset, grid[i], grid[i + 1], xtol=1e-14) for i in np.flatnonzero(signs[1:] * signs[:-1] < 0)
            ]
            results.append(u.Quantity(np.exp(np.sort(roots)), low.unit))
        return results

    # -- plots

    def plot(
        self, energy_bounds: Any, ax: Any = None, sed_type: str = "dnde", energy_power: float = 0, n_points: int = 100,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Plot the flux over energy: see `gammafold.modeling.models.spectral_plot.plot`."""
        from gammafold.modeling.models.spectral_plot import plot

        return plot(self, energy_bounds, ax, sed_type, energy_power, n_points, **kwargs)

    def plot_error(
        self, energy_bounds: Any, ax: Any = None, sed_type: str = "dnde", energy_power: float = 0, n_points: int = 100,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Plot the band of one standard deviation of the flux."""
        from gammafold.modeling.models.spectral_plot import plot_error

        return plot_error(self, energy_bounds, ax, sed_type, energy_power, n_points, **kwargs)

    # -- arithmetic

    def _combined(self, other: Any, operation: str, swapped: bool = False) -> Any:
        from gammafold.modeling.models.spectral_compound import combine

        return combine(self, other, operation, swapped)

    def __add__(self, other: Any) -> Any:
        return self._combined(other, "add")

    def __radd__(self, other: Any) -> Any:
        return self._combined(other, "add", swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._combined(other, "sub")

    def __rsub__(self, other: Any) -> Any:
        return self._combined(other, "sub", swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._combined(other, "mul")

    def __rmul__(self, other: Any) -> Any:
        return self._combined(other, "mul", swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._combined(other, "truediv")
