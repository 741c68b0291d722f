"""Published spectra of the Crab nebula, against which fluxes and sensitivities are quoted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_curved import LogParabolaSpectralModel
from gammafold.modeling.models.spectral_cutoff import ExpCutoffPowerLawSpectralModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel
from gammafold.modeling.models.xp import namespace_of, plain_energy
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import UnknownNameError

__all__ = ["CRAB_REFERENCES", "MeyerCrabSpectralModel", "create_crab_spectral_model"]

# log10 of E^2 dN/dE in erg cm-2 s-1 as a polynomial of log10(E / TeV), highest power first (Meyer et al. 2010, A&A
# 523, A2, appendix D).
_POLYNOMIAL = (-0.00449161, 0.0, 0.0473174, -0.179475, -0.53616, -10.2708)
_DNDE = u.Unit("cm-2 s-1 TeV-1")
_TEV_PER_ERG = float(u.erg.to("TeV"))


class MeyerCrabSpectralModel(SpectralModel):
    """Spectrum of the Crab nebula from 1 GeV to 100 TeV, times a norm.

    The polynomial of Meyer, Horns & Zechlin (2010, A&A 523, A2, appendix D) for the inverse-Compton part.

    Parameters
    ----------
    norm : float
        Default: 1, frozen.
    """

    tag = ("MeyerCrabSpectralModel", "meyer-crab")
    norm = Parameter("norm", 1.0, frozen=True)

    @staticmethod
    def evaluate(energy: Any, norm: Any) -> Any:
        """Return the flux, in TeV-1 cm-2 s-1 for plain energies in TeV."""
        plain = plain_energy(energy)
        x = namespace_of(plain, norm).log10(plain)
        log_sed: Any = 0.0
        for coefficient in _POLYNOMIAL:
            log_sed = log_sed * x + coefficient
        flux = norm * 10.0**log_sed * _TEV_PER_ERG / plain**2
        return flux * _DNDE if isinstance(energy, u.Quantity) else flux

    @staticmethod
    def evaluate_derivatives(energy: Any, norm: Any) -> tuple[Any, ...]:
        """Return the derivative."""
        return (MeyerCrabSpectralModel.evaluate(energy, namespace_of(energy, norm).ones_like(norm)),)


_HEGRA = (2.62, 2.83e-11)  # Aharonian et al. (2000, ApJ 539, 317)
_HESS_PL = (2.63, 3.45e-11)  # Aharonian et al. (2006, A&A 457, 899)
_HESS_ECPL = (2.39, 3.76e-11, 14.3)  # Aharonian et al. (2006, A&A 457, 899); cutoff in TeV
_MAGIC_LP = (3.23e-11, 2.47, 0.24)  # Aleksic et al. (2015, JHEAp 5, 30); beta per decimal logarithm
_MAGIC_ECPL = (2.21, 3.80e-11, 6.0)  # Aleksic et al. (2015, JHEAp 5, 30); cutoff in TeV


def _power_law(index: float, amplitude: float) -> SpectralModel:
    return PowerLawSpectralModel(index=index, amplitude=amplitude * _DNDE)


def _cutoff(index: float, amplitude: float, energy: float) -> SpectralModel:
    return ExpCutoffPowerLawSpectralModel(index=index, amplitude=amplitude * _DNDE, lambda_=1 / (energy * u.TeV))


def _parabola(amplitude: float, alpha: float, beta: float) -> SpectralModel:
    return LogParabolaSpectralModel(
        amplitude=amplitude * _DNDE, reference=1 * u.TeV, alpha=alpha, beta=beta / np.log(10)
    )


CRAB_REFERENCES: Mapping[str, Any] = MappingProxyType(
    {
        "meyer": MeyerCrabSpectralModel,
        "hegra": lambda: _power_law(*_HEGRA),
        "hess_pl": lambda: _power_law(*_HESS_PL),
        "hess_ecpl": lambda: _cutoff(*_HESS_ECPL),
        "magic_lp": lambda: _parabola(*_MAGIC_LP),
        "magic_ecpl": lambda: _cutoff(*_MAGIC_ECPL),
    }
)


def create_crab_spectral_model(reference: str = "meyer") -> SpectralModel:
    """Return a published spectrum of the Crab nebula.

    Parameters
    ----------
    reference : {"meyer", "hegra", "hess_pl", "hess_ecpl", "magic_lp", "magic_ecpl"}
        Meyer et al. (2010, A&A 523, A2, appendix D), HEGRA (Aharonian et al. 2000, ApJ 539, 317), H.E.S.S. with a
        power law or a cutoff (Aharonian et al. 2006, A&A 457, 899), MAGIC with a log parabola or a cutoff (Aleksic
        et al. 2015, JHEAp 5, 30). Default: "meyer".

    Raises
    ------
    UnknownNameError
        If there is no such spectrum.

    Examples
    --------
    >>> create_crab_spectral_model("hess_pl").integral(1 * u.TeV, 10 * u.TeV)
    <Quantity 2.0669e-11 1 / (s cm2)>
    """
    if reference not in CRAB_REFERENCES:
        raise UnknownNameError(f"no spectrum of the Crab nebula {reference!r}: there are {list(CRAB_REFERENCES)}")
    model: SpectralModel = CRAB_REFERENCES[reference]()
    return model
