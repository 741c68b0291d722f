"""Published spectra of cosmic rays at the Earth, integrated over the whole sky."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_line import LogGaussianSpectralModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel
from gammafold.utils.errors import UnknownNameError

__all__ = ["create_cosmic_ray_spectral_model"]

# Flux at 1 TeV in m-2 s-1 sr-1 TeV-1, and index (Bernloehr et al. 2013, Astropart. Phys. 43, 171, table 3).
_POWER_LAWS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "proton": (0.096, 2.70),
        "He": (0.0719, 2.64),
        "N": (0.0321, 2.67),
        "Si": (0.0284, 2.66),
        "Fe": (0.0134, 2.63),
        "electron": (6.85e-5, 3.21),
    }
)
# The shoulder of the electrons, ibid.: flux in m-2 s-1 sr-1, energy in TeV, width in ln E.
_SHOULDER = (3.19e-3, 0.107, 0.776)


def create_cosmic_ray_spectral_model(particle: str = "proton") -> SpectralModel:
    """Return the spectrum of a particle; divided by 4 pi it is the flux per solid angle.

    Power laws, and for electrons a log-normal shoulder besides (Bernloehr et al. 2013, Astropart. Phys. 43, 171,
    table 3).

    Parameters
    ----------
    particle : {"proton", "He", "N", "Si", "Fe", "electron"}
        Default: "proton".

    Raises
    ------
    UnknownNameError
        If there is no such particle.

    Examples
    --------
    >>> (create_cosmic_ray_spectral_model()(1 * u.TeV) / (4 * np.pi * u.sr)).to("m-2 s-1 sr-1 TeV-1")
    <Quantity 0.096 1 / (TeV s sr m2)>
    """
    if particle not in _POWER_LAWS:
        raise UnknownNameError(f"no spectrum of the particle {particle!r}: there are {list(_POWER_LAWS)}")
    flux, index = _POWER_LAWS[particle]
    sky = 4.0 * np.pi
    model: SpectralModel = PowerLawSpectralModel(index=index, amplitude=sky * flux * u.Unit("m-2 s-1 TeV-1"))
    if particle == "electron":
        flux, energy, width = _SHOULDER
        model = model + LogGaussianSpectralModel(L=sky * flux * u.Unit("m-2 s-1"), Ep=energy * u.TeV, w=width)
    return model
