"""A point spread function that a spectrum carries along."""

from __future__ import annotations

from gammafold.irf.irf_map import IRFMap
from gammafold.maps.region_map import RegionNDMap

__all__ = ["PSFMap"]


class PSFMap(IRFMap):
    """Point spread function of a region: kept, cut and written with a dataset; a spectrum does not use it.

    Parameters
    ----------
    psf_map : RegionNDMap
        Axes "rad" and "energy_true", data (t, r, 1, 1), per solid angle.
    exposure_map : RegionNDMap, optional
        Exposure on the same true energies, data (t, 1, 1, 1).
    """

    tag = "psf_map"
    required_axes = ("rad", "energy_true")
    hdu_name = "PSF"

    def __init__(self, psf_map: RegionNDMap, exposure_map: RegionNDMap | None = None) -> None:
        super().__init__(psf_map, exposure_map)

    @property
    def psf_map(self) -> RegionNDMap:
        """The map of densities, data (t, r, 1, 1)."""
        return self.irf_map

    @psf_map.setter
    def psf_map(self, value: RegionNDMap) -> None:
        self.irf_map = value
