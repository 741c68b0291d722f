"""Energy dispersion as an OGIP redistribution matrix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.data.ogip.model import EnergyBounds, RedistributionMatrix
from gammafold.data.ogip.rmf import read_rmf
from gammafold.data.ogip.write import rmf_hdus, write_rmf
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import FileFormatError

if TYPE_CHECKING:
    from astropy.io import fits

    from gammafold.irf.edisp_kernel import EDispKernel

__all__ = ["kernel_hdus", "kernel_to_rmf", "read_kernel", "write_kernel"]


def read_kernel(cls: Any, filename: str | os.PathLike[str]) -> EDispKernel:
    """Read an energy dispersion; a matrix that contains the effective area is divided by it.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or its bins do not touch.
    """
    rmf = read_rmf(filename)
    if rmf.contains_area:
        _, rmf = rmf.split_area()
    bounds = rmf.ebounds
    matrix = rmf.matrix
    low, high = bounds.energy_min, bounds.energy_max
    if bounds.is_descending:
        low, high, matrix = low[::-1], high[::-1], matrix[:, ::-1]
    return cls(
        [_axis(rmf.energy_lo, rmf.energy_hi, "energy_true", filename), _axis(low, high, "energy", filename)], matrix
    )


def _axis(low: np.ndarray, high: np.ndarray, name: str, filename: Any) -> MapAxis:
    if not np.allclose(low[1:], high[:-1], rtol=1e-5):
        raise FileFormatError(f"{filename}: the bins of {name} do not touch")
    edges = np.append(low, high[-1])
    unit, factor = ("TeV", 1e9) if edges[-1] > 1e7 else ("keV", 1.0)
    if edges[0] <= 0:
        edges[0] = 1e-3 * edges[1]
    return MapAxis.from_energy_edges(u.Quantity(edges / factor, unit), name=name)


def kernel_to_rmf(kernel: EDispKernel) -> RedistributionMatrix:
    """Return an energy dispersion as the file layer takes it, with channels from 0."""
    true, reco = (axis.edges.to_value("keV") for axis in (kernel.energy_axis_true, kernel.energy_axis))
    bounds = EnergyBounds(np.arange(len(reco) - 1, dtype=np.int64), reco[:-1], reco[1:])
    return RedistributionMatrix(true[:-1], true[1:], kernel.data, bounds, first_channel=0)


def kernel_hdus(kernel: EDispKernel) -> fits.HDUList:
    """Return the FITS extensions of an energy dispersion."""
    from astropy.io import fits

    return fits.HDUList([fits.PrimaryHDU(), *rmf_hdus(kernel_to_rmf(kernel))])


def write_kernel(kernel: EDispKernel, filename: str | os.PathLike[str], overwrite: bool, checksum: bool) -> None:
    """Write an energy dispersion."""
    write_rmf(kernel_to_rmf(kernel), filename, overwrite=overwrite, checksum=checksum)
