"""Power laws with exponential cutoffs."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.xp import namespace_of, plain_energy
from gammafold.modeling.parameter import Parameter

__all__ = [
    "ExpCutoffPowerLaw3FGLSpectralModel",
    "ExpCutoffPowerLawNormSpectralModel",
    "ExpCutoffPowerLawSpectralModel",
    "SuperExpCutoffPowerLaw3FGLSpectralModel",
    "SuperExpCutoffPowerLaw4FGLDR3SpectralModel",
    "SuperExpCutoffPowerLaw4FGLSpectralModel",
]

_MEV = 1e6  # MeV in a TeV


class ExpCutoffPowerLawSpectralModel(SpectralModel):
    """Power law with an exponential cutoff, ``amplitude (E / reference)^-index exp(-(lambda_ E)^alpha)``.

    Parameters
    ----------
    index : float
        Default: 1.5.
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    lambda_ : `~astropy.units.Quantity`
        One over the energy of the cutoff. Default: 0.1 TeV-1.
    alpha : float
        Default: 1, frozen.
    """

    tag = ("ExpCutoffPowerLawSpectralModel", "ecpl")
    proportional_to = "amplitude"
    index = Parameter("index", 1.5)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    lambda_ = Parameter("lambda_", "0.1 TeV-1")
    alpha = Parameter("alpha", 1.0, frozen=True)

    @staticmethod
    def evaluate(energy: Any, index: Any, amplitude: Any, reference: Any, lambda_: Any, alpha: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, index, amplitude, reference, lambda_, alpha)
        return amplitude * (energy / reference) ** -index * xp.exp(-((lambda_ * energy) ** alpha))

    @staticmethod
    def evaluate_derivatives(
        energy: Any, index: Any, amplitude: Any, reference: Any, lambda_: Any, alpha: Any
    ) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, index, amplitude, reference, lambda_, alpha)
        ratio, depth = energy / reference, lambda_ * energy
        unit = ratio**-index * xp.exp(-(depth**alpha))
        flux = amplitude * unit
        # At depth 0, where alpha is 1, the slope in lambda is finite; ln(depth) depth^alpha is zero there.
        safe = xp.where(depth > 0, depth, 1.0)
        by_alpha = xp.where(depth > 0, -flux * depth**alpha * xp.log(safe), 0.0)
        slope = xp.where(depth == 0, xp.where(alpha == 1.0, 1.0, 0.0), alpha * safe ** (alpha - 1.0))
        slope = xp.where(depth < 0, alpha * depth ** (alpha - 1.0), slope)
        return -flux * xp.log(ratio), unit, flux * index / reference, -flux * slope * energy, by_alpha

    @property
    def e_peak(self) -> u.Quantity:
        """Energy of the peak of E^2 dN/dE; NaN if there is none."""
        index, rate, alpha = self.index.value, self.lambda_.quantity, self.alpha.value
        if index >= 2 or rate.value <= 0 or alpha <= 0:
            return np.nan * self.reference.unit
        return (((2.0 - index) / alpha) ** (1.0 / alpha) / rate).to(self.reference.unit)


class ExpCutoffPowerLawNormSpectralModel(SpectralModel):
    """Power law with an exponential cutoff without unit, to multiply another model.

    Parameters
    ----------
    index : float
        Default: 0.
    norm : float
        Default: 1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    lambda_ : `~astropy.units.Quantity`
        Default: 0.1 TeV-1.
    alpha : float
        Default: 1, frozen.
    """

    tag = ("ExpCutoffPowerLawNormSpectralModel", "ecpl-norm")
    proportional_to = "norm"
    is_norm_spectral_model = True
    index = Parameter("index", 0.0)
    norm = Parameter("norm", 1.0, interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    lambda_ = Parameter("lambda_", "0.1 TeV-1")
    alpha = Parameter("alpha", 1.0, frozen=True)

    evaluate = staticmethod(ExpCutoffPowerLawSpectralModel.evaluate)
    evaluate_derivatives = staticmethod(ExpCutoffPowerLawSpectralModel.evaluate_derivatives)


class ExpCutoffPowerLaw3FGLSpectralModel(SpectralModel):
    """Power law with an exponential cutoff as in 3FGL.

    ``amplitude (E / reference)^-index exp((reference - E) / ecut)``: Acero et al. (2015, ApJS 218, 23), section 3.3.

    Parameters
    ----------
    index : float
        Default: 1.5.
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    ecut : `~astropy.units.Quantity`
        Default: 10 TeV.
    """

    tag = ("ExpCutoffPowerLaw3FGLSpectralModel", "ecpl-3fgl")
    proportional_to = "amplitude"
    index = Parameter("index", 1.5)
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    ecut = Parameter("ecut", "10 TeV")

    @staticmethod
    def evaluate(energy: Any, index: Any, amplitude: Any, reference: Any, ecut: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, index, amplitude, reference, ecut)
        return amplitude * (energy / reference) ** -index * xp.exp((reference - energy) / ecut)

    @staticmethod
    def evaluate_derivatives(energy: Any, index: Any, amplitude: Any, reference: Any, ecut: Any) -> tuple[Any, ...]:
        """Return the derivatives."""
        xp = namespace_of(energy, index, amplitude, reference, ecut)
        ratio = energy / reference
        unit = ratio**-index * xp.exp((reference - energy) / ecut)
        flux = amplitude * unit
        by_reference = flux * (index / reference + 1.0 / ecut)
        return -flux * xp.log(ratio), unit, by_reference, flux * (energy - reference) / ecut**2


class SuperExpCutoffPowerLaw3FGLSpectralModel(SpectralModel):
    """Power law with a super-exponential cutoff as in 3FGL.

    ``amplitude (E / reference)^-index_1 exp((reference / ecut)^index_2 - (E / ecut)^index_2)``
    (Acero et al. 2015, ApJS 218, 23, section 3.3).

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    ecut : `~astropy.units.Quantity`
        Default: 10 TeV.
    index_1, index_2 : float
        Default: 1.5 and 2.
    """

    tag = ("SuperExpCutoffPowerLaw3FGLSpectralModel", "secpl-3fgl")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    ecut = Parameter("ecut", "10 TeV")
    index_1 = Parameter("index_1", 1.5)
    index_2 = Parameter("index_2", 2.0)

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, reference: Any, ecut: Any, index_1: Any, index_2: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, reference, ecut, index_1, index_2)
        depth = (energy / ecut) ** index_2 - (reference / ecut) ** index_2
        return amplitude * (energy / reference) ** -index_1 * xp.exp(-depth)


class SuperExpCutoffPowerLaw4FGLSpectralModel(SpectralModel):
    """Power law with a super-exponential cutoff as in 4FGL, DR1 and DR2.

    ``amplitude (E / reference)^-index_1 exp(expfactor (reference^index_2 - E^index_2))`` with energies in MeV
    (Abdollahi et al. 2020, ApJS 247, 33, equation 4).

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    expfactor : float
        In MeV^-index_2. Default: 1e-14.
    index_1, index_2 : float
        Default: 1.5 and 2.
    """

    tag = ("SuperExpCutoffPowerLaw4FGLSpectralModel", "secpl-4fgl")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    expfactor = Parameter("expfactor", 1e-14)
    index_1 = Parameter("index_1", 1.5)
    index_2 = Parameter("index_2", 2.0)

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, reference: Any, expfactor: Any, index_1: Any, index_2: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, reference, expfactor, index_1, index_2)
        scales = (plain_energy(energy) * _MEV) ** index_2 - (plain_energy(reference) * _MEV) ** index_2
        return amplitude * (energy / reference) ** -index_1 * xp.exp(-expfactor * scales)


class SuperExpCutoffPowerLaw4FGLDR3SpectralModel(SpectralModel):
    """Power law with a super-exponential cutoff as in 4FGL-DR3.

    With ``x = ln(E / reference)``, index ``g = index_1``, ``d = expfactor`` and ``b = index_2``:
    ``amplitude exp(-x (g - d / b) + d / b^2 (1 - exp(b x)))``; for ``b = 0`` it is ``amplitude exp(-g x - d x^2 / 2)``
    (Abdollahi et al. 2022, ApJS 260, 53, equations 2 and 3).

    Parameters
    ----------
    amplitude : `~astropy.units.Quantity`
        Default: 1e-12 cm-2 s-1 TeV-1.
    reference : `~astropy.units.Quantity`
        Default: 1 TeV, frozen.
    expfactor : float
        Curvature at the reference energy. Default: 0.01.
    index_1, index_2 : float
        Default: 1.5 and 2.
    """

    tag = ("SuperExpCutoffPowerLaw4FGLDR3SpectralModel", "secpl-4fgl-dr3")
    amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1", interp="log")
    reference = Parameter("reference", "1 TeV", frozen=True)
    expfactor = Parameter("expfactor", 0.01)
    index_1 = Parameter("index_1", 1.5)
    index_2 = Parameter("index_2", 2.0)

    @staticmethod
    def evaluate(energy: Any, amplitude: Any, reference: Any, expfactor: Any, index_1: Any, index_2: Any) -> Any:
        """Return the flux."""
        xp = namespace_of(energy, amplitude, reference, expfactor, index_1, index_2)
        x = xp.log(energy / reference)
        z = index_2 * x
        small = xp.abs(z) < 1e-2
        safe = xp.where(small, 1.0, z)
        # (exp(z) - 1 - z) / z^2, by its series near z = 0: both forms are right to 1e-14 where they meet.
        series = 0.5 + z * (1 / 6 + z * (1 / 24 + z * (1 / 120 + z * (1 / 720 + z / 5040))))
        bend = xp.where(small, series, (xp.expm1(safe) - safe) / safe**2)
        return amplitude * xp.exp(-index_1 * x - expfactor * x**2 * bend)
