"""Energy dispersion as maps on a region: with reconstructed energies, or with the ratio to the true energy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.irf.edisp_kernel import EDispKernel, gauss_matrix, gauss_parameters
from gammafold.irf.irf_map import IRFMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

__all__ = ["EDispKernelMap", "EDispMap"]

Array = NDArray[np.float64]


def _image(geom: RegionGeom | None) -> RegionGeom:
    """Return the region of a geometry; none for None."""
    return RegionGeom.create(None) if geom is None else geom.to_image()


class EDispKernelMap(IRFMap):
    """Energy dispersion of a region on axes of reconstructed and true energy.

    Parameters
    ----------
    edisp_kernel_map : RegionNDMap
        Axes "energy" and "energy_true", data (t, n, 1, 1): the chance that a photon of true bin t lands in bin n.
    exposure_map : RegionNDMap, optional
        Exposure on the same true energies, data (t, 1, 1, 1): the weight when dispersions are stacked.

    Examples
    --------
    >>> energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
    >>> true = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3, name="energy_true")
    >>> EDispKernelMap.from_diagonal_response(energy, true).edisp_map.data[:, :, 0, 0]
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    tag = "edisp_kernel_map"
    required_axes = ("energy", "energy_true")
    hdu_name = "EDISP"

    def __init__(self, edisp_kernel_map: RegionNDMap, exposure_map: RegionNDMap | None = None) -> None:
        super().__init__(edisp_kernel_map, exposure_map)

    # -- construction

    @classmethod
    def from_gauss(
        cls,
        energy_axis: MapAxis,
        energy_axis_true: MapAxis,
        sigma: Any,
        bias: Any,
        pdf_threshold: float = 0.0,
        geom: RegionGeom | None = None,
    ) -> EDispKernelMap:
        """Make a gaussian energy dispersion; the arguments are those of `EDispKernel.from_gauss`, and a region."""
        kernel = EDispKernel.from_gauss(energy_axis_true, energy_axis, sigma, bias, pdf_threshold)
        return cls.from_edisp_kernel(kernel, geom)

    @classmethod
    def from_diagonal_response(
        cls, energy_axis: MapAxis, energy_axis_true: MapAxis, geom: RegionGeom | None = None
    ) -> EDispKernelMap:
        """Make the energy dispersion of perfect energies: see `EDispKernel.from_diagonal_response`."""
        return cls.from_edisp_kernel(EDispKernel.from_diagonal_response(energy_axis_true, energy_axis), geom)

    @classmethod
    def from_edisp_kernel(cls, edisp: EDispKernel, geom: RegionGeom | None = None) -> EDispKernelMap:
        """Make a map of a kernel, with equal weights."""
        return cls._with_equal_weights(edisp.data, _image(geom).to_cube([edisp.energy_axis, edisp.energy_axis_true]))

    # -- values

    @property
    def edisp_map(self) -> RegionNDMap:
        """The map of chances, data (t, n, 1, 1)."""
        return self.irf_map

    @edisp_map.setter
    def edisp_map(self, value: RegionNDMap) -> None:
        self.irf_map = value

    def matrix(self) -> Array:
        """Return the chances (t, n), not a copy."""
        return self._map.data.reshape(self._map.data.shape[0], -1)

    def get_edisp_kernel(self, position: Any = None, energy_axis: MapAxis | None = None) -> EDispKernel:
        """Return the kernel of the region; a position is accepted and not needed.

        Raises
        ------
        InputError
            If an axis is asked for that is not the map's own.
        """
        axes = self._map.geom.axes
        if energy_axis is not None and not energy_axis.is_allclose(axes["energy"]):
            raise InputError(f"the kernel map has {axes['energy']!r}: it cannot give {energy_axis!r}; resample it")
        return EDispKernel([axes["energy_true"], axes["energy"]], self.matrix())

    def _on_map(self, weights: RegionNDMap | None) -> RegionNDMap | None:
        """Return weights with the axis of true energy, which a mask of a spectrum does not have."""
        if weights is None or weights.geom.axes.names != ["energy"]:
            return weights
        geom = weights.geom.to_image().to_cube(
            [weights.geom.axes["energy"], self._map.geom.axes["energy_true"].squash()]
        )
        return RegionNDMap(geom, data=weights.data[np.newaxis])

    def resample_energy_axis(self, energy_axis: MapAxis, weights: RegionNDMap | None = None) -> EDispKernelMap:
        """Return the energy dispersion with reconstructed bins summed.

        Parameters
        ----------
        energy_axis : MapAxis
            Coarser bins; edges move to the nearest of the map.
        weights : RegionNDMap, optional
            Weights of the old bins, such as a safe mask: on the geometry of the map, or on the axis "energy".
        """
        resampled = self._map.resample_axis(axis=energy_axis, weights=self._on_map(weights))
        return type(self)(resampled, self._copy_of_weights())

    def downsample(
        self, factor: int, axis_name: str | None = None, weights: RegionNDMap | None = None
    ) -> EDispKernelMap:
        """Return the energy dispersion with each ``factor`` reconstructed bins summed.

        Parameters
        ----------
        factor : int
            How many bins become one.
        axis_name : {"energy", None}
            Axis; None stands for the sky, where a region has nothing to sum.
        weights : RegionNDMap, optional
            Weights of the old bins, such as a safe mask: on the geometry of the map, or on the axis "energy".

        Raises
        ------
        InputError
            If the axis is another: chances of several true energies do not add.
        """
        if axis_name is None:
            return self.copy()
        if axis_name != "energy":
            raise InputError(f"cannot downsample EDispKernelMap along {axis_name!r}: expected 'energy' or None")
        downsampled = self._map.downsample(factor, axis_name=axis_name, weights=self._on_map(weights))
        return type(self)(downsampled, self._copy_of_weights())

    def to_image(self, weights: RegionNDMap | None = None) -> EDispKernelMap:
        """Return the energy dispersion with one reconstructed bin."""
        return self.resample_energy_axis(self._map.geom.axes["energy"].squash(), weights)

    def peek(self, figsize: tuple[float, float] = (12, 4)) -> Any:
        """Plot bias, resolution and matrix side by side."""
        return self.get_edisp_kernel().peek(figsize)


class EDispMap(IRFMap):
    """Energy dispersion of a region as a density of the ratio of reconstructed to true energy ("migra").

    Parameters
    ----------
    edisp_map : RegionNDMap
        Axes "migra" and "energy_true", data (t, m, 1, 1): density per unit of the ratio.
    exposure_map : RegionNDMap, optional
        Exposure on the same true energies, data (t, 1, 1, 1).
    """

    tag = "edisp_map"
    required_axes = ("migra", "energy_true")
    hdu_name = "EDISP"

    def __init__(self, edisp_map: RegionNDMap, exposure_map: RegionNDMap | None = None) -> None:
        super().__init__(edisp_map, exposure_map)

    @classmethod
    def from_diagonal_response(
        cls, energy_axis_true: MapAxis, migra_axis: MapAxis | None = None, geom: RegionGeom | None = None
    ) -> EDispMap:
        """Make the energy dispersion of perfect energies: all in the bin of the ratio 1.

        Parameters
        ----------
        energy_axis_true : MapAxis
            True energies.
        migra_axis : MapAxis, optional
            Bins of the ratio. Default: three narrow ones around 1.
        geom : RegionGeom, optional
            Gives the region.
        """
        if migra_axis is None:
            migra_axis = MapAxis.from_edges([0.995, 0.9999, 1.0001, 1.005], name="migra")
        column = int(migra_axis.coord_to_idx(1.0))
        if column < 0:
            raise InputError(f"{migra_axis!r} does not hold the ratio 1")
        data = np.zeros((energy_axis_true.nbin, migra_axis.nbin))
        data[:, column] = 1.0 / migra_axis.bin_width.value[column]
        return cls._with_equal_weights(data, _image(geom).to_cube([migra_axis, energy_axis_true]))

    @classmethod
    def from_gauss(
        cls, energy_axis_true: MapAxis, migra_axis: MapAxis, sigma: Any, bias: Any, geom: RegionGeom | None = None
    ) -> EDispMap:
        """Make a gaussian energy dispersion with the mean ``1 + bias`` and the deviation ``sigma`` of the ratio."""
        resolution, shift = gauss_parameters(sigma, bias, energy_axis_true)
        chance = gauss_matrix(np.ones(energy_axis_true.nbin), migra_axis.edges.value, resolution, shift)
        geom = _image(geom).to_cube([migra_axis, energy_axis_true])
        return cls._with_equal_weights(chance / migra_axis.bin_width.value, geom)

    @property
    def edisp_map(self) -> RegionNDMap:
        """The map of densities, data (t, m, 1, 1)."""
        return self.irf_map

    @edisp_map.setter
    def edisp_map(self, value: RegionNDMap) -> None:
        self.irf_map = value

    def normalize(self) -> None:
        """Scale the density, in place, so that its integral over the ratio is one; rows of zeros stay."""
        width = self._map.geom.axes["migra"].bin_width.value[:, None, None]
        total = (self._map.data * width).sum(axis=1, keepdims=True)
        data = np.divide(self._map.data, total, out=self._map.data.copy(), where=total > 0)
        self._map = RegionNDMap(self._map.geom, data=data, unit=self._map.unit)

    def to_edisp_kernel_map(self, energy_axis: MapAxis, threshold: float = 0.0) -> EDispKernelMap:
        """Return the energy dispersion on an axis of reconstructed energy.

        The density is constant in each bin of the ratio, and taken at the true energy in the centre of each bin.

        Parameters
        ----------
        energy_axis : MapAxis
            Reconstructed energies.
        threshold : float
            Chances below this are set to zero. Default: 0, none.
        """
        axes = self._map.geom.axes
        true, migra = axes["energy_true"], axes["migra"]
        density = self._map.data.reshape(true.nbin, migra.nbin)
        edges = energy_axis.edges.to_value(true.unit)
        cumulative = np.concatenate(
            [np.zeros((true.nbin, 1)), np.cumsum(density * migra.bin_width.value, axis=1)], axis=1
        )
        ratio = edges / true.center.value[:, None]
        rows = [np.interp(row, migra.edges.value, total) for row, total in zip(ratio, cumulative, strict=True)]
        cube = self._map.geom.to_image().to_cube([energy_axis, true])
        matrix = np.diff(np.array(rows), axis=1).reshape(cube.data_shape)
        matrix[matrix < threshold] = 0.0
        weights = None
        if self.exposure_map is not None:
            squashed = cube.squash("energy")
            exposure = self.exposure_map.data.reshape(squashed.data_shape).copy()
            weights = RegionNDMap(squashed, data=exposure, unit=self.exposure_map.unit)
        return EDispKernelMap(RegionNDMap(cube, data=matrix), weights)

    def get_edisp_kernel(self, energy_axis: MapAxis, position: Any = None) -> EDispKernel:
        """Return the kernel on an axis of reconstructed energy; a position is accepted and not needed."""
        return self.to_edisp_kernel_map(energy_axis).get_edisp_kernel()

    def peek(self, figsize: tuple[float, float] = (12, 4)) -> Any:
        """Plot bias, resolution and matrix on reconstructed energies like the true ones."""
        axis = self._map.geom.axes["energy_true"].copy(name="energy")
        return self.get_edisp_kernel(axis).peek(figsize)
