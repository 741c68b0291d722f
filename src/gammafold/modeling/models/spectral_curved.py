"""Log parabolas."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.xp import namespace_of
from gammafold.modeling.parameter import Parameter

__all__ = ["LogParabola2SpectralModel", "LogParabolaNormSpectralModel", "LogParabolaSpectralModel"]


class LogParabolaSpectralModel(SpectralModel):
    """Log parabola, ``amplitude (E / reference)^-(alpha + beta ln(E / reference))``.

    The logarithm is the natural one; `from_log10` takes the convention with the decimal logarithm.

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Flux at the reference energy. Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 10 TeV, frozen.
    alpha : float
        Index at the reference energy. Default: 2.
    beta : float
        Curvature. Default: 1.
    """

    tag = ("LogParabolaSpectralModel", "lp")
    proportional_to = "amplitude"
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "10 TeV", frozen=True)
    alpha = Parameter("alpha", 2.0)
    beta = Parameter("beta", 1.0)

    @classmethod
    def from_log10(cls, amplitude: Any, reference: Any, alpha: Any, beta: Any) -> LogParabolaSpectralModel:
        """Return the model for a ``beta`` per decimal logarithm."""
        return cls(amplitude=amplitude, reference=reference, alpha=alpha, beta=beta / np.log(10))

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, reference: Any, alpha: Any, beta: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, reference, alpha, beta)
        x = xp.log(energy / reference)
        return amplitude * xp.exp(-x * (alpha + beta * x))

    @staticmethod
    def evaluate_derivatives(energy: Any, amplitude: Any, reference: Any, alpha: Any, beta: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, amplitude, reference, alpha, beta)
        x = xp.log(energy / reference)
        unit = xp.exp(-x * (alpha + beta * x))
        flux = amplitude * unit
        slope = -x * flux
        return unit, (alpha * flux - (2.0 * beta) * slope) / reference, slope, x * slope

    @property
    def e_peak(self) -> u.Quantity:
        """Energy of the peak of E^2 dN/dE, ``reference exp((2 - alpha) / (2 beta))``; NaN if there is none."""
        if self.beta.value <= 0:
            return np.nan * self.reference.unit
        return self.reference.quantity * np.exp((2.0 - self.alpha.value) / (2.0 * self.beta.value))


class LogParabola2SpectralModel(SpectralModel):
    """Log parabola whose index is ``alpha`` at another energy: ``alpha + beta ln(E / escale)`` in the exponent.

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Flux at the reference energy. Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 10 TeV, frozen.
    alpha, beta : float
        Default: 2 and 1.
    escale : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    """

    tag = ("LogParabola2SpectralModel", "lp2")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "10 TeV", frozen=True)
    alpha = Parameter("alpha", 2.0)
    beta = Parameter("beta", 1.0)
    escale = Parameter("escale", "1 TeV", frozen=True)

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, reference: Any, alpha: Any, beta: Any, escale: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, reference, alpha, beta, escale)
        exponent = alpha + beta * xp.log(energy / escale)
        return amplitude * xp.exp(-exponent * xp.log(energy / reference))


class LogParabolaNormSpectralModel(SpectralModel):
    """Log parabola without unit, to multiply another model.

    Parameters
    ----------
    norm : float
        Default: 1.
    reference : `~astropy.units.Quantity`
        Default: 10 TeV, frozen.
    alpha, beta : float
        Default: 0.
    """

    tag = ("LogParabolaNormSpectralModel", "lp-norm")
    is_norm_spectral_model = True
    proportional_to = "norm"
    norm = Parameter("norm", 1.0, interp="log")
    reference = Parameter("reference", "10 TeV", frozen=True)
    alpha = Parameter("alpha", 0.0)
    beta = Parameter("beta", 0.0)

    evaluate = staticmethod(LogParabolaSpectralModel.evaluate)
    evaluate_derivatives = staticmethod(LogParabolaSpectralModel.evaluate_derivatives)
