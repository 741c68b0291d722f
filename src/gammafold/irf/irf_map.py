"""What maps of instrument responses share: a map, the exposure that weights it, checks and files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError
from gammafold.utils.files import atomic_path, make_path

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
    """

    tag: ClassVar[str] = "irf_map"
    required_axes: ClassVar[tuple[str, ...]] = ()
    map_name: ClassVar[str] = "irf_map"
    hdu_name: ClassVar[str] = "IRF"

    def __init__(self, irf_map: RegionNDMap, exposure_map: RegionNDMap | None = None) -> None:
        self._map = self._checked(irf_map)
        self.exposure_map = exposure_map
        if exposure_map is None:
            return
        names = list(exposure_map.geom.axes.names)
        if names != list(self.required_axes):
            raise InputError(
                f"the exposure of a {type(self).__name__} has the axes {names}: expected {list(self.required_axes)}"
            )
        if exposure_map.geom.axes["energy_true"].nbin != irf_map.geom.axes["energy_true"].nbin:
            raise InputError(
                f"the exposure of a {type(self).__name__} has {exposure_map.geom.axes['energy_true'].nbin} bins of true "
                f"energy: expected {irf_map.geom.axes['energy_true'].nbin}"
            )

    def _checked(self, irf_map: Any) -> RegionNDMap:
        if not isinstance(irf_map, RegionNDMap):
            raise InputTypeError(f"a {type(self).__name__} is made of a RegionNDMap: got a {type(irf_map).__name__}")
        names = list(irf_map.geom.axes.names)
        if names != list(self.required_axes):
            raise InputError(f"a {type(self).__name__} has the axes {names}: expected {list(self.required_axes)}")
        return irf_map

    def _require_weights(self, other: Any) -> None:
        if not isinstance(other, type(self)):
            raise InputTypeError(f"cannot stack a {type(other).__name__} onto a {type(self).__name__}")
        if self.exposure_map is None or other.exposure_map is None:
            raise InputError(f"cannot stack a {type(self).__name__} without exposures: they are the weights")
        if not self._map.geom.axes.is_allclose(other._map.geom.axes):
            raise InputError(f"cannot stack {other._map.geom.axes!r} onto {self._map.geom.axes!r}: the axes differ")

    def _copy_of_weights(self) -> RegionNDMap | None:
        return None if self.exposure_map is None else self.exposure_map.copy()

    def copy(self) -> Self:
        """Return a copy."""
        return type(self)(self._map.copy(), self._copy_of_weights())

    def slice_by_idx(self, slices: dict[str, slice]) -> Self:
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

    # -- files

    def to_hdulist(self, format: str = "gadf") -> fits.HDUList:
        """Return the FITS extensions of the response and its exposure."""
        from astropy.io import fits

        hdus = fits.HDUList([fits.PrimaryHDU()])
        hdus.extend(self._map.to_hdulist(hdu=self.hdu_name, format=format)[1:])
        if self.exposure_map is not None:
            hdus.extend(self.exposure_map.to_hdulist(hdu=f"{self.hdu_name}_EXPOSURE", format=format)[1:])
        return hdus

    @classmethod
    def from_hdulist(cls, hdulist: fits.HDUList, hdu: str | None = None, format: str = "gadf") -> Self:
        """Read the response, and its exposure where there is one, from open FITS extensions.

        Raises
        ------
        FileFormatError
            If there is no such extension.
        """
        name = hdu or cls.hdu_name
        if name not in hdulist:
            raise FileFormatError(f"there is no extension {name!r}: there are {[one.name for one in hdulist]}")
        irf_map = RegionNDMap.from_hdulist(hdulist, hdu=name, format=format)
        weights = None
        if f"{name}_EXPOSURE" in hdulist:
            weights = RegionNDMap.from_hdulist(hdulist, hdu=f"{name}_EXPOSURE", format=format)
        return cls(irf_map, weights)

    @classmethod
    def read(cls, filename: str | os.PathLike[str], hdu: str | None = None, format: str = "gadf") -> Self:
        """Read the response from a FITS file."""
        from astropy.io import fits

        path = make_path(filename)
        try:
            with fits.open(path, memmap=False) as hdulist:
                return cls.from_hdulist(hdulist, hdu, format)
        except (OSError, FileFormatError) as error:
            raise FileFormatError(f"cannot read a {cls.__name__} from {path}: {error}") from error

    def write(
        self, filename: str | os.PathLike[str], overwrite: bool = False, format: str = "gadf", checksum: bool = False
    ) -> None:
        """Write the response to a FITS file."""
        with atomic_path(make_path(filename), overwrite=overwrite) as temporary:
            self.to_hdulist(format).writeto(temporary, overwrite=True, checksum=checksum)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.nbin} {axis.name}" for axis in self._map.geom.axes)
        return f"{type(self).__name__}: {axes}, {'with' if self.exposure_map is not None else 'without'} exposure"
