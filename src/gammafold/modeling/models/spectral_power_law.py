"""Power laws and the constant."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.parameter_files import parameters_declared_by
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.xp import exprel, namespace_of, plain_energy
from gammafold.modeling.parameter import Parameter

__all__ = [
    "BrokenPowerLawSpectralModel",
    "ConstantSpectralModel",
    "PowerLaw2SpectralModel",
    "PowerLawNormSpectralModel",
    "PowerLawSpectralModel",
    "SmoothBrokenPowerLawSpectralModel",
    "power_integral",
]

# Where the quadrature of a smooth break is split, in widths of the break.
_AROUND_A_BREAK = (-10.0, -3.0, 0.0, 3.0, 10.0)


def power_integral(low: Any, high: Any, index: Any, reference: Any) -> Any:
    """Return the integral of ``(E / reference)^-index`` over bins, exact through index 1.

    With ``b = 1 - index`` and ``L = ln(high / low)`` it is
    ``reference (low / reference)^b (exp(b L) - 1) / b``, and the last factor is ``L`` at ``b = 0``.
    """
    xp = namespace_of(low, high, index, reference)
    # Not ln(high / low), which has few digits left for a narrow bin.
    log_width = xp.log1p((high - low) / low)
    b = 1.0 - index
    return reference * (low / reference) ** b * log_width * exprel(b * log_width)


class ConstantSpectralModel(SpectralModel):
    """Constant flux, or constant factor.

    Parameters
    ----------
    const : `~astropy.units.Quantity`
        The flux, or a number. Default: 1e-12 cm-2 s-1 TeV-1.
    """

    tag = ("ConstantSpectralModel", "const")
    const = Parameter("const", "1e-12 cm-2 s-1 TeV-1")

    def __init__(self, const: Any = None) -> None:
        unit = getattr(const, "unit", None) if not isinstance(const, str) else u.Quantity(const).unit
        factor = unit == u.dimensionless_unscaled or isinstance(const, int | float)
        default = Parameter("const", 1.0) if factor else self.default_parameters["const"]
        self._declare([default], {"const": const})

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether it is a factor without unit."""
        return self.const.unit == u.dimensionless_unscaled

    @staticmethod
    def evaluate(energy: Any, const: Any) -> Any:
        """Return the flux."""
        return const * namespace_of(energy, const).ones_like(plain_energy(energy))

    @staticmethod
    def evaluate_integral(low: Any, high: Any, const: Any) -> Any:
        """Return the integral over bins."""
        return const * (high - low)

    @staticmethod
    def evaluate_derivatives(energy: Any, const: Any) -> tuple[Any, ...]:
        """Return the derivative."""
        return (namespace_of(energy, const).ones_like(energy),)

    @property
    def _unit(self) -> u.UnitBase:
        return self.const.unit

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> ConstantSpectralModel:
        """Return a model from `to_dict`."""
        # A constant without a unit is a factor, and not one in the unit of the default.
        (const,) = parameters_declared_by(data.get("spectral", data), cls.__name__)
        return cls(const)


class PowerLawSpectralModel(SpectralModel):
    r"""Power law, ``amplitude (E / reference)^-index``.

    Parameters
    ----------
    index : float
        Default: 2.
    amplitude : `~astropy.units.Quantity`
        Flux at the reference energy. Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.

    Examples
    --------
    >>> model = PowerLawSpectralModel(index=2, amplitude="1e-12 cm-2 s-1 TeV-1")
    >>> model.integral(1 * u.TeV, 10 * u.TeV)
    <Quantity 9.e-13 1 / (s cm2)>
    """

    tag = ("PowerLawSpectralModel", "pl")
    proportional_to = "amplitude"
    index = Parameter("index", 2.0)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)

    @staticmethod
    def evaluate(energy: Any, index: Any, amplitude: Any, reference: Any) -> Any:
        """Return the flux."""
        return amplitude * (energy / reference) ** -index

    @staticmethod
    def evaluate_integral(low: Any, high: Any, index: Any, amplitude: Any, reference: Any) -> Any:
        """Return the integral over bins."""
        return amplitude * power_integral(low, high, index, reference)

    @staticmethod
    def evaluate_derivatives(energy: Any, index: Any, amplitude: Any, reference: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, index, amplitude, reference)
        ratio = energy / reference
        unit = ratio**-index
        flux = amplitude * unit
        return -flux * xp.log(ratio), unit, flux * index / reference

    @property
    def pivot_energy(self) -> u.Quantity:
        """Energy at which the flux is known best: where index and amplitude do not correlate.

        ``E = reference exp(cov(index, amplitude) / (amplitude var(index)))``.
        """
        covariance = self.covariance.data
        if not covariance[0, 0] > 0 or self.amplitude.value == 0:
            return super().pivot_energy
        slope = covariance[0, 1] / (self.amplitude.value * covariance[0, 0])
        return self.reference.quantity * np.exp(slope)


class PowerLaw2SpectralModel(SpectralModel):
    """Power law with its integral between two energies as amplitude.

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Integral flux. Default: 1e-12 cm-2 s-1.
    index : float
        Default: 2.
    emin, emax : `~astropy.units.Quantity`
        Limits of the integral. Default: 0.1 and 100 TeV, frozen.
    """

    tag = ("PowerLaw2SpectralModel", "pl-2")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1", interp="log")
    index = Parameter("index", 2.0)
    emin = Parameter("emin", "0.1 TeV", frozen=True)
    emax = Parameter("emax", "100 TeV", frozen=True)

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, index: Any, emin: Any, emax: Any) -> Any:
        """Return the flux."""
        return amplitude * (energy / emin) ** -index / power_integral(emin, emax, index, emin)

    @staticmethod
    def evaluate_integral(low: Any, high: Any, amplitude: Any, index: Any, emin: Any, emax: Any) -> Any:
        """Return the integral over bins."""
        return amplitude * power_integral(low, high, index, emin) / power_integral(emin, emax, index, emin)


class PowerLawNormSpectralModel(SpectralModel):
    """Power law without unit, ``norm (E / reference)^-tilt``, to multiply another model or a background.

    Parameters
    ----------
    tilt : float
        Default: 0, frozen.
    norm : float
        Default: 1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    """

    tag = ("PowerLawNormSpectralModel", "pl-norm")
    proportional_to = "norm"
    is_norm_spectral_model = True
    tilt = Parameter("tilt", 0.0, frozen=True)
    norm = Parameter("norm", 1.0, interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)

    @staticmethod
    def evaluate(energy: Any, tilt: Any, norm: Any, reference: Any) -> Any:
        """Return the factor."""
        return norm * (energy / reference) ** -tilt

    @staticmethod
    def evaluate_integral(low: Any, high: Any, tilt: Any, norm: Any, reference: Any) -> Any:
        """Return the integral over bins."""
        return norm * power_integral(low, high, tilt, reference)

    @staticmethod
    def evaluate_derivatives(energy: Any, tilt: Any, norm: Any, reference: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, tilt, norm, reference)
        ratio = energy / reference
        unit = ratio**-tilt
        return -norm * unit * xp.log(ratio), unit, norm * unit * tilt / reference


class BrokenPowerLawSpectralModel(SpectralModel):
    """Two power laws that meet at a break: ``amplitude (E / ebreak)^-index1`` below, with ``index2`` above.

    Parameters
    ----------
    index1, index2 : float
        Indices below and above the break. Default: 2.
    amplitude : `~astropy.units.Quantity`
        Flux at the break. Default: 1e-12 cm-2 s-1 TeV-1.
    ebreak : `~astropy.units.Quantity`
        Energy of the break. Default: 1 TeV.
    """

    tag = ("BrokenPowerLawSpectralModel", "bpl")
    index1 = Parameter("index1", 2.0)
    index2 = Parameter("index2", 2.0)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    ebreak = Parameter("ebreak", "1 TeV")

    @staticmethod
    def evaluate(energy: Any, index1: Any, index2: Any, amplitude: Any, ebreak: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, index1, index2, amplitude, ebreak)
        return amplitude * (energy / ebreak) ** -xp.where(energy < ebreak, index1, index2)

    @staticmethod
    def evaluate_integral(low: Any, high: Any, index1: Any, index2: Any, amplitude: Any, ebreak: Any) -> Any:
        """Return the integral over bins, which are split at the break."""
        xp = namespace_of(low, high, index1, index2, amplitude, ebreak)
        middle = xp.clip(ebreak, low, high)
        below = power_integral(low, middle, index1, ebreak)
        return amplitude * (below + power_integral(middle, high, index2, ebreak))

    @staticmethod
    def evaluate_breaks(index1: Any, index2: Any, amplitude: Any, ebreak: Any) -> tuple[Any, ...]:
        """Return the energy of the break."""
        return (ebreak,)


class SmoothBrokenPowerLawSpectralModel(SpectralModel):
    """Two power laws that go over into each other around a break.

    ``amplitude (E / reference)^-index1 (1 + (E / ebreak)^((index2 - index1) / beta))^-beta``.

    Parameters
    ----------
    index1, index2 : float
        Indices far below and far above the break. Default: 2.
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    ebreak : `~astropy.units.Quantity`
        Energy of the break. Default: 1 TeV.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    beta : float
        Smoothness, > 0. Default: 1, frozen.
    """

    tag = ("SmoothBrokenPowerLawSpectralModel", "sbpl")
    index1 = Parameter("index1", 2.0)
    index2 = Parameter("index2", 2.0)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    ebreak = Parameter("ebreak", "1 TeV")
    reference = Parameter("reference", "1 TeV", frozen=True)
    beta = Parameter("beta", 1.0, frozen=True)

    @staticmethod
    def evaluate(energy: Any, index1: Any, index2: Any, amplitude: Any, ebreak: Any, reference: Any, beta: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, index1, index2, amplitude, ebreak, reference, beta)
        # ln(1 + e^x) without overflow, for a sharp break far away.
        bend = xp.logaddexp(0.0, (index2 - index1) / beta * xp.log(energy / ebreak))
        return amplitude * (energy / reference) ** -index1 * xp.exp(-beta * bend)

    @staticmethod
    def evaluate_breaks(
        index1: Any, index2: Any, amplitude: Any, ebreak: Any, reference: Any, beta: Any
    ) -> tuple[Any, ...]:
        """Return energies around the break that a quadrature must not step over: a small ``beta`` makes it sharp."""
        xp = namespace_of(index1, index2, amplitude, ebreak, reference, beta)
        # Width of the break in ln E, at most 5: there is none between equal indices.
        width = beta / xp.maximum(abs(index2 - index1), abs(beta) / 5.0)
        return tuple(ebreak * xp.exp(number * width) for number in _AROUND_A_BREAK)
