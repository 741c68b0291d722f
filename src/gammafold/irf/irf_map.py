"""What maps of instrument responses share: a map, the exposure that weights it, checks and stacking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from gammafold.irf.irf_io import irf_from_hdulist, irf_to_hdulist, read_irf, write_irf
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["IRFMap"]


class IRFMap:
    """A response on a region, with the exposure as weight.

    Parameters
    ----------
    irf_map : RegionNDMap
        The response; its axes are ``required_axes``, in this order.
    exposure_map : RegionNDMap, optional
        Exposure on the same true energies, with one bin on the other axis.

    Raises
    ------
    InputError
        If the axes are others, or the two maps have different true energies.
    """

    tag: ClassVar[str] = "irf_map"
    required_axes: ClassVar[tuple[str, ...]] = ()
    hdu_name: ClassVar[str] = "IRF"

    def __init__(self, irf_map: RegionNDMap, exposure_map: RegionNDMap | None = None) -> None:
        self._map = self._checked(irf_map)
        self._exposure_map = self._checked_weights(exposure_map)

    @property
    def irf_map(self) -> RegionNDMap:
        """The response."""
        return self._map

    @irf_map.setter
    def irf_map(self, value: RegionNDMap) -> None:
        self._map = self._checked(value)

    @property
    def exposure_map(self) -> RegionNDMap | None:
        """Exposure per true energy, data (t, 1, 1, 1), or None: the weight when responses are stacked."""
        return self._exposure_map

    @exposure_map.setter
    def exposure_map(self, value: RegionNDMap | None) -> None:
        self._exposure_map = self._checked_weights(value)

    def _checked(self, irf_map: Any) -> RegionNDMap:
        if not isinstance(irf_map, RegionNDMap):
            raise InputTypeError(f"{type(self).__name__} is made of a RegionNDMap: got {type(irf_map).__name__}")
        names = list(irf_map.geom.axes.names)
        if names != list(self.required_axes):
            raise InputError(f"{type(self).__name__} has the axes {names}: expected {list(self.required_axes)}")
        return irf_map

    def _checked_weights(self, weights: Any) -> RegionNDMap | None:
        if weights is None:
            return None
        what = f"the exposure of {type(self).__name__}"
        if not isinstance(weights, RegionNDMap):
            raise InputTypeError(f"{what} is {type(weights).__name__}: expected RegionNDMap")
        shape = tuple(axis.nbin for axis in weights.geom.axes)
        names, expected = list(weights.geom.axes.names), (1, self._map.geom.axes["energy_true"].nbin)
        if names != list(self.required_axes) or shape != expected:
            raise InputError(
                f"{what} has the axes {names} with {shape} bins: expected {list(self.required_axes)} with {expected}"
            )
        return weights

    @classmethod
    def from_geom(cls, geom: RegionGeom) -> Self:
        """Make a response of zeros, and of zero exposure, on a geometry with the axes ``required_axes``."""
        weights = geom.squash(cls.required_axes[0])
        return cls(
            RegionNDMap(geom, data=np.zeros(geom.data_shape)),
            RegionNDMap(weights, data=np.zeros(weights.data_shape), unit="m2 s"),
        )

    @classmethod
    def _with_equal_weights(cls, data: np.ndarray, geom: RegionGeom) -> Self:
        weights = geom.squash(cls.required_axes[0])
        return cls(
            RegionNDMap(geom, data=np.array(data, dtype=float).reshape(geom.data_shape)),
            RegionNDMap(weights, data=np.ones(weights.data_shape), unit="m2 s"),
        )

    def _copy_of_weights(self) -> RegionNDMap | None:
        return None if self.exposure_map is None else self.exposure_map.copy()

    def copy(self) -> Self:
        """Return a copy."""
        return type(self)(self._map.copy(), self._copy_of_weights())

    def slice_by_idx(self, slices: Mapping[str, int | slice]) -> Self:
        """Return the response of some bins; the exposure follows along the true energy."""
        weights = self.exposure_map
        if weights is not None:
            weights = weights.slice_by_idx({name: part for name, part in slices.items() if name == "energy_true"})
        return type(self)(self._map.slice_by_idx(slices), weights)

    def cutout(self, *args: Any, **kwargs: Any) -> Self:
        """Return this response: a region has nothing to cut."""
        return self

    def to_region_nd_map(self, region: Any = None) -> Self:
        """Return this response: it is on a region already."""
        return self

    @property
    def mask_safe_image(self) -> RegionNDMap | None:
        """Whether any exposure is there, shape (1, 1); None without an exposure."""
        if self.exposure_map is None:
            return None
        geom = self.exposure_map.geom.to_image()
        return RegionNDMap(geom, data=np.full(geom.data_shape, bool((self.exposure_map.data > 0).any())))

    def stack(self, other: Self, weights: RegionNDMap | None = None, nan_to_num: bool = True) -> None:
        """Stack another response onto this one, in place: the mean, weighted by the exposures.

        With a mask e of the other's bins, ``R = (R1 Y1 + e R2 Y2) / (Y1 + any(e) Y2)``, and the exposure is
        ``Y1 + any(e) Y2``: folded with it, the response gives the sum of what the two predict. Zero where there is
        no exposure.

        Parameters
        ----------
        other : IRFMap
            Of the same class, on the same axes.
        weights : RegionNDMap of bool, optional
            Bins of the other that count: a mask that broadcasts to its data. Default: all.
        nan_to_num : bool
            Accepted for scripts; NaN does not get into a sum with an exposure of zero either way.

        Raises
        ------
        InputError
            If an exposure is missing, or the axes differ.
        """
        mine, theirs = self._weights_to_stack(other)
        mask, used = np.ones((1, 1, 1, 1)), 1.0
        if weights is not None:
            mask, used = weights.data.astype(float), float(np.any(weights.data))
        total = mine + theirs * used
        summed = _product(self._map.data, mine) + _product(other._map.data * mask, theirs)
        data = np.divide(summed, total, out=np.zeros_like(summed), where=np.broadcast_to(total > 0, summed.shape))
        self._map = RegionNDMap(self._map.geom, data=data, unit=self._map.unit)
        exposure = self._exposure_map
        if exposure is not None:
            self._exposure_map = RegionNDMap(exposure.geom, data=total, unit=exposure.unit)

    def _weights_to_stack(self, other: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the exposures of two responses in the unit of the first, and check that they can be stacked."""
        if not isinstance(other, type(self)):
            raise InputTypeError(f"cannot stack {type(other).__name__} onto {type(self).__name__}")
        mine, theirs = self.exposure_map, other.exposure_map
        if mine is None or theirs is None:
            raise InputError(f"cannot stack {type(self).__name__} without exposures: they are the weights")
        if not self._map.geom.axes.is_allclose(other._map.geom.axes):
            raise InputError(f"cannot stack {other._map.geom.axes!r} onto {self._map.geom.axes!r}: the axes differ")
        return mine.data, theirs.data * theirs.unit.to(mine.unit)

    # -- files

    def to_hdulist(self, format: str = "gadf") -> fits.HDUList:
        """Return the FITS extensions of the response and its exposure."""
        return irf_to_hdulist(self, format)

    @classmethod
    def from_hdulist(
        cls,
        hdulist: fits.HDUList,
        hdu: str | None = None,
        hdu_bands: str | None = None,
        exposure_hdu: str | None = None,
        exposure_hdu_bands: str | None = None,
        format: str = "gadf",
    ) -> Self:
        """Read the response, and its exposure where there is one, from open FITS extensions.

        Parameters
        ----------
        hdulist : `~astropy.io.fits.HDUList`
            Extensions.
        hdu, hdu_bands, exposure_hdu, exposure_hdu_bands : str, optional
            Names of extensions. Default: ``hdu_name`` of the class, with "_BANDS", "_EXPOSURE" and both.
        format : {"gadf"}
            Form. A map on the sky is accepted if it is the same everywhere.

        Raises
        ------
        FileFormatError
            If there is no such extension, or its axes are others.
        """
        return irf_from_hdulist(cls, hdulist, hdu, hdu_bands, exposure_hdu, exposure_hdu_bands, format)

    @classmethod
    def read(
        cls, filename: str | os.PathLike[str], format: str = "gadf", hdu: str | None = None, checksum: bool = False
    ) -> Self:
        """Read the response from a FITS file: see `from_hdulist`."""
        return read_irf(cls, filename, format, hdu, checksum)

    def write(
        self, filename: str | os.PathLike[str], overwrite: bool = False, format: str = "gadf", checksum: bool = False
    ) -> None:
        """Write the response to a FITS file."""
        write_irf(self, filename, overwrite, format, checksum)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.nbin} {axis.name}" for axis in self._map.geom.axes)
        return f"{type(self).__name__}: {axes}, {'with' if self.exposure_map is not None else 'without'} exposure"


def _product(response: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Return a response times its exposure; zero where there is none, whatever the response is there."""
    exposure = np.broadcast_to(exposure, response.shape)
    return np.multiply(response, exposure, out=np.zeros(response.shape), where=exposure > 0)
