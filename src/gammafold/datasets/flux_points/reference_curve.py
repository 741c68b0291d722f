"""The reference model of flux points from the fluxes that a table holds: in broad bins one flux is not enough."""

from __future__ import annotations

import warnings
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.models.spectral_curved import LogParabolaSpectralModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel
from gammafold.modeling.models.spectral_template import TemplateSpectralModel
from gammafold.utils.errors import GammafoldWarning

__all__ = ["curve_of_one_bin", "reference_curve"]

# Largest relative difference of a flux in a bin from that of the table.
_CLOSE = 1e-2
# Up to this difference of its fluxes a curve through the points will do.
_NEARLY = 1e-4
# Energies in each bin where a curve is not straight.
_NODES = 65


def reference_curve(
    edges: u.Quantity,
    energy: u.Quantity,
    dnde: u.Quantity,
    flux: u.Quantity | None = None,
    eflux: u.Quantity | None = None,
) -> Any:
    """Return a model with the fluxes of a table, for ``n`` bins: those at an energy, and those between the edges.

    Parameters
    ----------
    edges : `~astropy.units.Quantity`
        Edges of the bins, shape (n + 1,).
    energy, dnde : `~astropy.units.Quantity`
        Where the differential fluxes are known, and what they are, shape (n,).
    flux, eflux : `~astropy.units.Quantity`, optional
        Fluxes and energy fluxes in the bins, shape (n,).
    """
    if len(energy) == 1:
        return curve_of_one_bin(edges, energy[0], dnde[0], *(one[0] for one in (flux, eflux) if one is not None))
    # Bins reach beyond the centres of the first and the last.
    plain = TemplateSpectralModel(energy=energy, values=dnde, interp_kwargs={"extrapolate": True})
    if flux is None or eflux is None:
        return plain
    if not all(np.isfinite(one.value).all() and (one.value > 0).all() for one in (dnde, flux, eflux)):
        return plain
    found = plain.integral(edges[:-1], edges[1:]) / flux, plain.energy_flux(edges[:-1], edges[1:]) / eflux
    if all(np.abs(ratio.to_value("") - 1).max() < _NEARLY for ratio in found):
        return plain
    nodes, values = [], []
    for i, here in enumerate(energy):
        curve = curve_of_one_bin(edges[i : i + 2], here, dnde[i], flux[i], eflux[i])
        low, high = edges[i : i + 2].to_value(energy.unit)
        inside = np.geomspace(low * (1 + 1e-9), high * (1 - 1e-9), _NODES)
        at = np.unique(np.append(inside, here.value)) * energy.unit
        nodes.append(at)
        values.append(curve(at).to(dnde.unit))
    return TemplateSpectralModel(
        energy=np.concatenate(nodes), values=np.concatenate(values), interp_kwargs={"extrapolate": True}
    )


def curve_of_one_bin(
    edges: u.Quantity,
    energy: u.Quantity,
    dnde: u.Quantity,
    flux: u.Quantity | None = None,
    eflux: u.Quantity | None = None,
) -> Any:
    """Return a model with a differential flux at an energy, and near to a flux and an energy flux between two edges.

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
    if flux is None or eflux is None or not all(0 < one.value < np.inf for one in (dnde, flux, eflux)):
        return PowerLawSpectralModel(index=2, amplitude=dnde, reference=energy)
    found = _shape(edges, energy, dnde, flux, eflux)
    if found is None:
        warnings.warn(
            f"no log parabola has the fluxes ref_dnde {dnde:.4g}, ref_flux {flux:.4g} and ref_eflux {eflux:.4g}: "
            "a power law of index 2 is taken for the reference; pass reference_model for another",
            GammafoldWarning,
            stacklevel=2,
        )
        return PowerLawSpectralModel(index=2, amplitude=dnde, reference=energy)
    return LogParabolaSpectralModel(amplitude=dnde, reference=energy, alpha=found[0], beta=found[1])


def _shape(
    edges: u.Quantity, energy: u.Quantity, dnde: u.Quantity, flux: u.Quantity, eflux: u.Quantity
) -> np.ndarray | None:
    """Return ``alpha`` and ``beta`` of the log parabola that comes closest to three fluxes; None if none is close."""
    from scipy import optimize, special

    nodes, weights = special.roots_legendre(64)
    low, high = np.log((edges / energy).to_value(""))
    x = 0.5 * (high - low) * nodes + 0.5 * (high + low)
    weights = 0.5 * (high - low) * weights
    wanted = np.log([(flux / (dnde * energy)).to_value(""), (eflux / (dnde * energy**2)).to_value("")])

    def difference(shape: Any) -> np.ndarray:
        curve = np.exp(-(shape[0] + shape[1] * x) * x)
        return np.log([np.sum(weights * np.exp(x) * curve), np.sum(weights * np.exp(2 * x) * curve)]) - wanted

    with np.errstate(all="ignore"):
        found = optimize.least_squares(difference, (2.0, 0.0), xtol=1e-14, ftol=1e-14, gtol=1e-14).x
        return found if np.abs(difference(found)).max() < _CLOSE else None
