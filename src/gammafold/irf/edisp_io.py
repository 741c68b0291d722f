"""Energy dispersion as an OGIP redistribution matrix."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.data.ogip.model import EnergyBounds, RedistributionMatrix
from gammafold.data.ogip.rmf import read_rmf
from gammafold.data.ogip.write import rmf_hdus, write_rmf
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.io import fits

    from gammafold.irf.edisp_kernel import EDispKernel

__all__ = [
    "energy_unit",
    "kernel_from_hdus",
    "kernel_hdus",
    "kernel_to_rmf",
    "read_kernel",
    "response_axis",
    "write_kernel",
]

Array = NDArray[np.float64]
# Energies above this, 10 GeV in keV, are told in TeV.
_GAMMA_RAYS = 1e7


def read_kernel(
    cls: Any, filename: str | os.PathLike[str], hdu1: str | None, hdu2: str | None, checksum: bool
) -> EDispKernel:
    """Read an energy dispersion; a matrix that contains the effective area is divided by it.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or its bins do not touch.
    """
    if hdu1 is None and hdu2 is None and not checksum:
        return _kernel_of(cls, read_rmf(filename), str(filename))
    with open_fits(filename, checksum) as hdulist:
        return kernel_from_hdus(cls, hdulist, hdu1 or "MATRIX", hdu2 or "EBOUNDS")


def _kernel_of(cls: Any, rmf: RedistributionMatrix, source: str) -> EDispKernel:
    if rmf.contains_area:
        _, rmf = rmf.split_area()
    bounds = rmf.ebounds
    matrix = rmf.matrix
    low, high = bounds.energy_min, bounds.energy_max
    if bounds.is_descending:
        low, high, matrix = low[::-1], high[::-1], matrix[:, ::-1]
    true = response_axis(rmf.energy_lo, rmf.energy_hi, "energy_true", source)
    try:
        return cls([true, response_axis(low, high, "energy", source)], matrix)
    except InputError as error:
        raise FileFormatError(f"{source}: {error}") from error


def kernel_from_hdus(cls: Any, hdulist: fits.HDUList, hdu1: str, hdu2: str) -> EDispKernel:
    """Read an energy dispersion from open FITS extensions.

    Raises
    ------
    FileFormatError
        If there are no such extensions, or they cannot be read.
    """
    from astropy.io import fits

    for name in (hdu1, hdu2):
        if name not in hdulist:
            raise FileFormatError(f"there is no extension {name!r}: there are {[one.name for one in hdulist]}")
    # The file layer reads bytes on disk, in its own way: what is open is put there.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "extensions.fits"
        fits.HDUList([fits.PrimaryHDU(), hdulist[hdu1], hdulist[hdu2]]).writeto(path, output_verify="ignore")
        return _kernel_of(cls, read_rmf(path), f"extension {hdu1!r}")


def energy_unit(highest: float) -> tuple[str, float]:
    """Return the unit for energies up to ``highest`` keV, and what one of it is in keV."""
    return ("TeV", 1e9) if highest > _GAMMA_RAYS else ("keV", 1.0)


def response_axis(low: Array, high: Array, name: str, source: str) -> MapAxis:
    """Return the energy axis of bins in keV, in keV or TeV.

    Raises
    ------
    FileFormatError
        If the bins do not touch; the message names ``source``.
    """
    gaps = ~np.isclose(low[1:], high[:-1], rtol=1e-5, atol=0)
    if gaps.any():
        first = int(np.flatnonzero(gaps)[0])
        raise FileFormatError(
            f"{source}: the bins of {name} do not touch: bin {first} ends at {high[first]:g} keV and bin {first + 1} "
            f"starts at {low[first + 1]:g} keV"
        )
    unit, factor = energy_unit(float(high[-1]))
    return MapAxis.from_energy_edges(u.Quantity(np.append(low, high[-1]) / factor, unit), name=name)


def kernel_to_rmf(kernel: EDispKernel) -> RedistributionMatrix:
    """Return an energy dispersion as the file layer takes it, with channels from 0."""
    true, reco = (axis.edges.to_value("keV") for axis in (kernel.energy_axis_true, kernel.energy_axis))
    bounds = EnergyBounds(np.arange(len(reco) - 1, dtype=np.int64), reco[:-1], reco[1:])
    return RedistributionMatrix(true[:-1], true[1:], kernel.data, bounds, first_channel=0)


def kernel_hdus(kernel: EDispKernel, format: str) -> fits.HDUList:
    """Return the FITS extensions of an energy dispersion."""
    from astropy.io import fits

    _require_format(format)
    return fits.HDUList([fits.PrimaryHDU(), *rmf_hdus(kernel_to_rmf(kernel))])


def write_kernel(
    kernel: EDispKernel, filename: str | os.PathLike[str], overwrite: bool, format: str, checksum: bool
) -> None:
    """Write an energy dispersion."""
    _require_format(format)
    write_rmf(kernel_to_rmf(kernel), filename, overwrite=overwrite, checksum=checksum)


def _require_format(format: str) -> None:
    if format not in ("ogip", "ogip-sherpa"):
        raise InputError(f"format is {format!r}: expected 'ogip' or 'ogip-sherpa'")
