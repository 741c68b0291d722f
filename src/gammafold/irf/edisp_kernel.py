"""`EDispKernel`: the chance that a photon of some true energy is reconstructed in some bin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.maps.axes import MapAxes
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table

__all__ = ["EDispKernel", "gauss_matrix", "gauss_parameters", "overlap_matrix"]

Array = NDArray[np.float64]


def gauss_matrix(energy_true: Array, edges: Array, sigma: Array, bias: Array) -> Array:
    """Return the matrix (t, n) of a gaussian in the ratio of reconstructed to true energy.

    The ratio has the mean ``1 + bias`` and the standard deviation ``sigma``; each bin gets the whole integral
    of the gaussian over it, at the true energy of the row.

    Parameters
    ----------
    energy_true : array, shape (t,)
        True energies.
    edges : array, shape (n + 1,)
        Edges of reconstructed energy, in the same unit.
    sigma, bias : array, shape (t,)
        Resolution > 0 and bias.
    """
    from scipy.special import ndtr

    position = (edges / energy_true[:, None] - 1.0 - bias[:, None]) / sigma[:, None]
    # Far above the mean the difference of two numbers near one would be rounded: take the other tail there.
    upper, lower = np.diff(-ndtr(-position), axis=1), np.diff(ndtr(position), axis=1)
    return np.where(position[:, :-1] > 0, upper, lower)


def gauss_parameters(sigma: Any, bias: Any, energy_axis_true: MapAxis) -> tuple[Array, Array]:
    """Return resolution and bias as arrays (t,), checked.

    Raises
    ------
    InputError
        If they are neither numbers nor arrays over the axis, not finite, or the resolution is not above zero.
    """
    values = []
    for name, value in (("sigma", sigma), ("bias", bias)):
        array = np.asarray(to_quantity(value, "", name).value, dtype=float)
        if array.shape not in ((), (energy_axis_true.nbin,)):
            raise InputError(f"{name} has the shape {array.shape}: expected a number or ({energy_axis_true.nbin},)")
        if not np.isfinite(array).all():
            raise InputError(f"{name} is {value}: expected finite numbers")
        values.append(np.broadcast_to(array, (energy_axis_true.nbin,)))
    if not (values[0] > 0).all():
        raise InputError(f"sigma is {sigma}: expected numbers above zero")
    return values[0], values[1]


def overlap_matrix(edges_true: Array, edges: Array) -> Array:
    """Return the fraction (t, n) of each bin of true energy, linear in energy, that lies in each reconstructed one."""
    high = np.minimum(edges_true[1:, None], edges[None, 1:])
    low = np.maximum(edges_true[:-1, None], edges[None, :-1])
    return np.clip(high - low, 0, None) / np.diff(edges_true)[:, None]


class EDispKernel:
    """Energy dispersion of one observation: a matrix on an axis of true and one of reconstructed energy.

    Parameters
    ----------
    axes : list of MapAxis
        "energy_true" and "energy".
    data : array, shape (t, n)
        Chances, >= 0. Default: zero.
    unit : str
        Unit of the data, without dimension. Default: none.
    meta : dict, optional
        Anything.

    Raises
    ------
    InputError
        If the axes have other names, or the data another shape or values below zero.

    Examples
    --------
    >>> energy = MapAxis.from_energy_bounds("0.5 TeV", "50 TeV", nbin=20)
    >>> true = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=60, name="energy_true")
    >>> kernel = EDispKernel.from_gauss(true, energy, sigma=0.1, bias=0.02)
    >>> kernel.get_bias(5 * u.TeV).round(2)
    array([0.02])
    """

    tag = "edisp_kernel"

    def __init__(self, axes: Any, data: Any = 0.0, unit: str = "", meta: dict[str, Any] | None = None) -> None:
        self.axes = axes if isinstance(axes, MapAxes) else MapAxes(axes)
        if self.axes.names != ["energy_true", "energy"]:
            raise InputError(f"an energy dispersion has the axes {self.axes.names}: expected ['energy_true', 'energy']")
        values = np.asarray(to_quantity(u.Quantity(data, unit), "", "the energy dispersion").value, dtype=float)
        if values.shape not in ((), self.axes.shape):
            raise InputError(f"the energy dispersion has the shape {values.shape}: its axes need {self.axes.shape}")
        self.data: Array = np.array(np.broadcast_to(values, self.axes.shape))
        if not (self.data >= 0).all():
            bad = self.data[~(self.data >= 0)][0]
            raise InputError(f"the energy dispersion holds {bad}: expected numbers of zero or more")
        self.meta = dict(meta or {})

    # -- construction

    @classmethod
    def from_gauss(
        cls, energy_axis_true: MapAxis, energy_axis: MapAxis, sigma: Any, bias: Any, pdf_threshold: float = 0.0
    ) -> EDispKernel:
        """Make a gaussian energy dispersion: see `gauss_matrix`.

        Parameters
        ----------
        energy_axis_true, energy_axis : MapAxis
            Axes.
        sigma, bias : float or array (t,)
            Resolution (> 0) and bias, relative to the true energy.
        pdf_threshold : float
            Chances below this are set to zero. Default: 0, none.
        """
        resolution, shift = gauss_parameters(sigma, bias, energy_axis_true)
        center = energy_axis_true.center.value
        edges = energy_axis.edges.to_value(energy_axis_true.unit)
        data = gauss_matrix(center, edges, resolution, shift)
        return cls([energy_axis_true, energy_axis], np.where(data < pdf_threshold, 0.0, data))

    @classmethod
    def from_diagonal_response(cls, energy_axis_true: MapAxis, energy_axis: MapAxis | None = None) -> EDispKernel:
        """Make the energy dispersion of perfect energies: bins share what overlaps, linearly in energy.

        Parameters
        ----------
        energy_axis_true : MapAxis
            True energies.
        energy_axis : MapAxis, optional
            Reconstructed energies. Default: the same bins.
        """
        energy_axis = energy_axis_true.copy(name="energy") if energy_axis is None else energy_axis
        edges = energy_axis.edges.to_value(energy_axis_true.unit)
        return cls([energy_axis_true, energy_axis], overlap_matrix(energy_axis_true.edges.value, edges))

    @classmethod
    def from_matrix(cls, energy_axis_true: MapAxis, energy_axis: MapAxis, matrix: Any) -> EDispKernel:
        """Make an energy dispersion of a matrix (t, n)."""
        return cls([energy_axis_true, energy_axis], matrix)

    # -- values

    @property
    def energy_axis_true(self) -> MapAxis:
        """Axis of true energy."""
        return self.axes["energy_true"]

    @property
    def energy_axis(self) -> MapAxis:
        """Axis of reconstructed energy."""
        return self.axes["energy"]

    @property
    def quantity(self) -> u.Quantity:
        """The matrix as a quantity without unit."""
        return u.Quantity(self.data, "", copy=False)

    @property
    def pdf_matrix(self) -> Array:
        """The matrix (t, n)."""
        return self.data

    def evaluate(self, energy_true: Any) -> Array:
        """Return the rows (m, n) of the matrix for true energies (m,).

        Raises
        ------
        InputError
            If an energy lies outside the axis.
        """
        energies = np.atleast_1d(u.Quantity(energy_true))
        index = self.energy_axis_true.coord_to_idx(energies)
        if (index < 0).any():
            raise InputError(
                f"energy_true is {energies[index < 0][0]}: expected energies on the axis, "
                f"{self.energy_axis_true.edges[0]:.6g} to {self.energy_axis_true.edges[-1]:.6g}"
            )
        return self.data[index]

    def pdf_in_safe_range(self, lo_threshold: Any = None, hi_threshold: Any = None) -> Array:
        """Return the matrix with zeros in the reconstructed bins that lie below and above two energies."""
        data = self.data.copy()
        edges = self.energy_axis.edges
        if lo_threshold is not None:
            data[:, edges[:-1] < u.Quantity(lo_threshold)] = 0.0
        if hi_threshold is not None:
            data[:, edges[1:] > u.Quantity(hi_threshold)] = 0.0
        return data

    def to_image(self, lo_threshold: Any = None, hi_threshold: Any = None) -> EDispKernel:
        """Return the energy dispersion with one reconstructed bin, of the bins between two energies."""
        data = self.pdf_in_safe_range(lo_threshold, hi_threshold).sum(axis=1, keepdims=True)
        return EDispKernel([self.energy_axis_true, self.energy_axis.squash()], data)

    def get_mean(self, energy_true: Any) -> u.Quantity:
        """Return the mean reconstructed energy, for true energies of any shape (at least 1d); NaN for empty rows."""
        rows = self.evaluate(energy_true)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = rows @ self.energy_axis.center.value / rows.sum(axis=1)
        return u.Quantity(mean, self.energy_axis.unit)

    def _true_of(self, energy_true: Any) -> u.Quantity:
        """Energy at which the rows of true energies stand: the centres of their bins."""
        index = self.energy_axis_true.coord_to_idx(np.atleast_1d(u.Quantity(energy_true)))
        return self.energy_axis_true.center[index]

    def get_bias(self, energy_true: Any) -> Array:
        """Return the mean of (reconstructed - true) / true energy."""
        true = self._true_of(energy_true)
        return ((self.get_mean(energy_true) - true) / true).to_value("")

    def get_resolution(self, energy_true: Any) -> Array:
        """Return the standard deviation of the reconstructed over the true energy."""
        rows = self.evaluate(energy_true)
        distance = (self.energy_axis.center[None, :] - self.get_mean(energy_true)[:, None]).value
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.sum(rows * distance**2, axis=1) / rows.sum(axis=1)
        return (u.Quantity(np.sqrt(variance), self.energy_axis.unit) / self._true_of(energy_true)).to_value("")

    def get_bias_energy(self, bias: float, energy_min: Any = None, energy_max: Any = None) -> u.Quantity:
        """Return the true energies at which the bias crosses a value, of which analysis thresholds are made.

        Parameters
        ----------
        bias : float
            The value.
        energy_min, energy_max : `~astropy.units.Quantity`, optional
            Where to look. Default: the whole axis.

        Raises
        ------
        InputError
            If it is crossed nowhere there.
        """
        center = self.energy_axis_true.center
        inside = np.ones(center.shape, dtype=bool)
        if energy_min is not None:
            inside &= center >= u.Quantity(energy_min)
        if energy_max is not None:
            inside &= center <= u.Quantity(energy_max)
        energy = np.log(center.value[inside])
        offset = self.get_bias(center[inside]) - bias
        crossing = np.flatnonzero(np.sign(offset[1:]) * np.sign(offset[:-1]) < 0)
        if crossing.size == 0:
            raise InputError(f"the bias is {bias} nowhere between {center[inside][0]:.4g} and {center[inside][-1]:.4g}")
        fraction = offset[crossing] / (offset[crossing] - offset[crossing + 1])
        return u.Quantity(np.exp(energy[crossing] + fraction * np.diff(energy)[crossing]), center.unit)

    # -- files

    @classmethod
    def read(
        cls, filename: str | os.PathLike[str], hdu1: str | None = None, hdu2: str | None = None, checksum: bool = False
    ) -> EDispKernel:
        """Read an OGIP redistribution matrix; a matrix that contains the effective area is divided by it.

        Parameters
        ----------
        filename : path-like
            File.
        hdu1, hdu2 : str, optional
            Extensions of the matrix and of the energies of the channels. Default: found by name and keywords.
        checksum : bool
            Verify the checksums in the headers.

        Raises
        ------
        FileFormatError
            If the file cannot be read, or its bins do not touch.
        """
        from gammafold.irf.edisp_io import read_kernel

        return read_kernel(cls, filename, hdu1, hdu2, checksum)

    @classmethod
    def from_hdulist(cls, hdulist: fits.HDUList, hdu1: str = "MATRIX", hdu2: str = "EBOUNDS") -> EDispKernel:
        """Read an OGIP redistribution matrix from open FITS extensions, of the names ``hdu1`` and ``hdu2``."""
        from gammafold.irf.edisp_io import kernel_from_hdus

        return kernel_from_hdus(cls, hdulist, hdu1, hdu2)

    def write(
        self, filename: str | os.PathLike[str], overwrite: bool = False, format: str = "ogip", checksum: bool = True
    ) -> None:
        """Write an OGIP redistribution matrix (in keV)."""
        from gammafold.irf.edisp_io import write_kernel

        write_kernel(self, filename, overwrite, format, checksum)

    def to_hdulist(self, format: str = "ogip") -> fits.HDUList:
        """Return the FITS extensions MATRIX and EBOUNDS of an OGIP redistribution matrix (in keV)."""
        from gammafold.irf.edisp_io import kernel_hdus

        return kernel_hdus(self, format)

    def to_table(self) -> Table:
        """Return a table with a row for each bin of true energy: ENERG_LO, ENERG_HI and the MATRIX row."""
        from astropy.table import Table

        edges = self.energy_axis_true.edges
        return Table({"ENERG_LO": edges[:-1], "ENERG_HI": edges[1:], "MATRIX": self.data})

    # -- plots

    def plot_matrix(self, ax: Any = None, add_cbar: bool = False, **kwargs: Any) -> Any:
        """Plot the matrix over true and reconstructed energy; see `gammafold.irf.edisp_plot.plot_matrix`."""
        from gammafold.irf.edisp_plot import plot_matrix

        return plot_matrix(self, ax, add_cbar, **kwargs)

    def plot_bias(self, ax: Any = None, **kwargs: Any) -> Any:
        """Plot the bias over true energy."""
        from gammafold.irf.edisp_plot import plot_bias

        return plot_bias(self, ax, **kwargs)

    def peek(self, figsize: tuple[float, float] = (12, 4)) -> Any:
        """Plot bias, resolution and matrix side by side, and return the three axes."""
        from gammafold.irf.edisp_plot import peek

        return peek(self, figsize)

    def is_allclose(self, other: Any, rtol: float = 1e-6, atol: float = 1e-12) -> bool:
        """Whether the axes agree, and the matrices within a tolerance."""
        if not isinstance(other, EDispKernel):
            raise InputTypeError(f"cannot compare an EDispKernel with a {type(other).__name__}")
        return self.axes.is_allclose(other.axes) and bool(np.allclose(self.data, other.data, rtol=rtol, atol=atol))

    def __repr__(self) -> str:
        true, reco = self.energy_axis_true, self.energy_axis
        return (
            f"EDispKernel: {true.nbin} x {reco.nbin} bins, true energy {true.edges[0]:.4g} to {true.edges[-1]:.4g}, "
            f"reconstructed {reco.edges[0]:.4g} to {reco.edges[-1]:.4g}"
        )
