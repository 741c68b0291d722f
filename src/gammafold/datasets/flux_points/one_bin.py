"""The reference model of flux points in one broad bin, as in a light curve, from the fluxes that a table holds."""

from __future__ import annotations

import warnings
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_curved import LogParabolaSpectralModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel
from gammafold.utils.errors import GammafoldWarning

__all__ = ["curve_of_one_bin"]

# Largest relative difference of a flux from that of the table.
_EXACT = 1e-6


def curve_of_one_bin(
    edges: u.Quantity,
    energy: u.Quantity,
    dnde: u.Quantity,
    flux: u.Quantity | None = None,
    eflux: u.Quantity | None = None,
) -> Any:
    """Return a model with a differential flux at an energy, and a flux and an energy flux between two edges.

    One flux inside a bin says nothing of those in the bin, which differ by a factor of a few between indices.

    Parameters
    ----------
    edges : `~astropy.units.Quantity`
        Edges of the bin, shape (2,).
    energy, dnde : `~astropy.units.Quantity`
        Where the differential flux is known, and what it is.
    flux, eflux : `~astropy.units.Quantity`, optional
        Flux and energy flux in the bin.

    Returns
    -------
    model : SpectralModel
        A log parabola; a power law of index 2 where the fluxes are not known.
    """
    from scipy.optimize import root

    if flux is None or eflux is None:
        return PowerLawSpectralModel(index=2, amplitude=dnde, reference=energy)
    model = LogParabolaSpectralModel(amplitude=dnde, reference=energy, alpha=2, beta=0)

    def difference(shape: Any) -> list[float]:
        model.parameters["alpha"].value, model.parameters["beta"].value = shape
        ratios = model.integral(*edges) / flux, model.energy_flux(*edges) / eflux
        return [float(np.log(ratio.to_value(""))) for ratio in ratios]

    with np.errstate(all="ignore"):
        found = root(difference, [2.0, 0.0], tol=1e-12)
        left = np.abs(difference(found.x))
    if not (left < _EXACT).all():
        warnings.warn(
            f"no log parabola has the fluxes ref_dnde {dnde:.4g}, ref_flux {flux:.4g} and ref_eflux {eflux:.4g}: "
            "a power law of index 2 is taken for the reference; pass reference_model for another",
            GammafoldWarning,
            stacklevel=2,
        )
        return PowerLawSpectralModel(index=2, amplitude=dnde, reference=energy)
    return model
