"""A gaussian line, in energy or in its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.xp import namespace_of, normal_cdf
from gammafold.modeling.parameter import Parameter

__all__ = ["GaussianSpectralModel", "LogGaussianSpectralModel"]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))


class GaussianSpectralModel(SpectralModel):
    """Gaussian in energy; it may be far narrower than a bin, and still counts what it holds.

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Integral flux. Default: 1e-12 cm-2 s-1.
    mean : `~astropy.units.Quantity`
        Default: 1 TeV.
    sigma : `~astropy.units.Quantity`
        Standard deviation. Default: 2 TeV.
    """

    tag = ("GaussianSpectralModel", "gauss")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1", interp="log")
    mean = Parameter("mean", "1 TeV")
    sigma = Parameter("sigma", "2 TeV")

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, mean: Any, sigma: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, mean, sigma)
        return amplitude / (sigma * _ROOT_2PI) * xp.exp(-0.5 * ((energy - mean) / sigma) ** 2)

    @staticmethod
    def evaluate_integral(low: Any, high: Any, amplitude: Any, mean: Any, sigma: Any) -> Any:
        """Return the integral over bins."""
        xp = namespace_of(low, high, amplitude, mean, sigma)
        return amplitude * _between(xp, (low - mean) / sigma, (high - mean) / sigma)

    @staticmethod
    def evaluate_integral_derivatives(low: Any, high: Any, amplitude: Any, mean: Any, sigma: Any) -> tuple[Any, ...]:
        """Return the derivatives of the integral over bins."""
        xp = namespace_of(low, high, amplitude, mean, sigma)
        a, b = (low - mean) / sigma, (high - mean) / sigma
        pdf_a, pdf_b = (xp.exp(-0.5 * x**2) / (_ROOT_2PI * sigma) for x in (a, b))
        share = GaussianSpectralModel.evaluate_integral(low, high, 1.0, mean, sigma)
        return share, amplitude * (pdf_a - pdf_b), amplitude * (a * pdf_a - b * pdf_b)

    @staticmethod
    def evaluate_breaks(amplitude: Any, mean: Any, sigma: Any) -> tuple[Any, ...]:
        """Return energies that a quadrature must not step over."""
        least = namespace_of(amplitude, mean, sigma)
        return tuple(least.maximum(mean + number * sigma, 1e-300) for number in (-9, -6, -3, -1, 1, 3, 6, 9))


class LogGaussianSpectralModel(SpectralModel):
    """Gaussian in the logarithm of energy, ``L / (E w sqrt(2 pi)) exp(-ln(E / Ep)^2 / (2 w^2))``.

    Parameters
    ----------
    L : `~astropy.units.Quantity`
        Integral flux. Default: 1e-12 cm-2 s-1.
    Ep : `~astropy.units.Quantity`
        Energy of the median. Default: 0.107 TeV.
    w : float
        Standard deviation in ln E. Default: 0.776.
    """

    tag = ("LogGaussianSpectralModel", "log-gauss")
    L = Parameter("L", "1e-12 cm-2 s-1", interp="log")
    Ep = Parameter("Ep", "0.107 TeV")
    w = Parameter("w", 0.776)

    @staticmethod
    def evaluate(energy: Any, L: Any, Ep: Any, w: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, L, Ep, w)
        return L / (energy * w * _ROOT_2PI) * xp.exp(-0.5 * (xp.log(energy / Ep) / w) ** 2)

    @staticmethod
    def evaluate_integral(low: Any, high: Any, L: Any, Ep: Any, w: Any) -> Any:
        """Return the integral over bins."""
        xp = namespace_of(low, high, L, Ep, w)
        return L * _between(xp, xp.log(low / Ep) / w, xp.log(high / Ep) / w)


def _between(xp: Any, low: Any, high: Any) -> Any:
    """Return the share of a normal distribution between two numbers of standard deviations."""
    # Above the mean from the upper tail: the difference of two numbers near one has no digits left.
    upper, lower = normal_cdf(-low) - normal_cdf(-high), normal_cdf(high) - normal_cdf(low)
    return xp.where(low > 0, upper, lower)
