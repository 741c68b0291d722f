"""What a dataset on a region is made of: maps, masks and what they say about geometry and energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets.checks import (
    check_counts,
    check_edisp,
    check_error,
    check_exposure,
    check_gti,
    check_mask,
    check_meta_table,
    check_psf,
    check_reco_map,
)
from gammafold.datasets.core import Dataset
from gammafold.datasets.fingerprint import Watch
from gammafold.datasets.slots import DataSlot, drop_cache
from gammafold.datasets.watches import region_watches
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_geom import RegionGeom

__all__ = ["MapParts"]


class MapParts(Dataset):
    """The parts of a dataset on a region, checked when they are set: the first base of `MapDataset`."""

    # Maps per bin of reconstructed energy whose bins add up when bins are merged or datasets stacked.
    summed_parts: tuple[str, ...] = ("counts", "background")
    # Standard deviations, which add up in quadrature.
    error_parts: tuple[str, ...] = ("counts_error",)
    # All maps per bin of reconstructed energy.
    reco_parts: tuple[str, ...] = ("counts", "counts_error", "background", "mask_safe", "mask_fit")
    # What was decided when the dataset was read from file, in words.
    notes: tuple[str, ...] = ()
    # The statistic as it was set; None leaves the choice to the data.
    chosen_stat_type: str | None = None

    counts = DataSlot(check_counts, "Counts per bin of reconstructed energy, or None.")
    counts_error = DataSlot(check_error, "Gaussian standard deviation of the counts; None for Poisson counts.")
    exposure = DataSlot(check_exposure, "Effective area times live time per bin of true energy, or None.")
    background = DataSlot(check_reco_map, "Expected background counts before any background model, or None.")
    psf = DataSlot(check_psf, "Point spread function, carried along, or None.")
    edisp = DataSlot(check_edisp, "Energy dispersion, or None.")
    mask_safe = DataSlot(check_mask, "Bins where the instrument is understood; None means all.")
    mask_fit = DataSlot(check_mask, "Bins to fit; None means all.")
    gti = DataSlot(check_gti, "Good time intervals, or None.")
    meta_table = DataSlot(check_meta_table, "Observations behind the dataset, or None.")

    # -- geometry

    @property
    def geom(self) -> RegionGeom:
        """Geometry of counts, background and masks.

        Raises
        ------
        InputError
            If the dataset has none of them.
        """
        for name in self.reco_parts:
            part = getattr(self, name)
            if part is not None:
                return part.geom
        raise InputError(f"dataset {self.name!r} has no counts, background or mask: its geometry is unknown")

    @property
    def geoms(self) -> dict[str, Any]:
        """Geometries of the parts that are there: "geom", "geom_exposure", "geom_psf", "geom_edisp"."""
        geoms: dict[str, Any] = {}
        if any(getattr(self, name) is not None for name in self.reco_parts):
            geoms["geom"] = self.geom
        if self.exposure is not None:
            geoms["geom_exposure"] = self.exposure.geom
        if self.psf is not None:
            geoms["geom_psf"] = self.psf.psf_map.geom
        if self.edisp is not None:
            geoms["geom_edisp"] = self.edisp.edisp_map.geom
        return geoms

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of the counts, ``(n, 1, 1)`` on a region."""
        return tuple(self.geom.data_shape)

    @property
    def reco_energy_axis(self) -> MapAxis:
        """Axis of reconstructed energy."""
        return self.geom.axes["energy"]

    # -- masks

    @property
    def mask(self) -> RegionNDMap | None:
        """``mask_safe`` and ``mask_fit`` combined, a new map; None if neither is set."""
        masks = [mask for mask in (self.mask_safe, self.mask_fit) if mask is not None]
        if not masks:
            return None
        return RegionNDMap(masks[0].geom, data=np.logical_and.reduce([mask.data for mask in masks]))

    @property
    def mask_safe_image(self) -> RegionNDMap | None:
        """True where any energy is safe, shape ``(1, 1)``; None if ``mask_safe`` is not set."""
        return None if self.mask_safe is None else self.mask_safe.reduce_over_axes(func=np.logical_or)

    @property
    def mask_safe_edisp(self) -> RegionNDMap | None:
        """``mask_safe`` on the geometry of the energy dispersion, shape ``(1, n, 1, 1)``.

        The booleans are those of ``mask_safe``, never interpolated; for an energy dispersion on an axis "migra" they
        stay on their own geometry. None without mask or energy dispersion.
        """
        if self.mask_safe is None or self.edisp is None:
            return None
        geom = self.edisp.edisp_map.geom.squash("energy_true")
        if "energy" not in geom.axes.names:
            return self.mask_safe.copy()
        return RegionNDMap(geom, data=self.mask_safe.data[np.newaxis].copy())

    @property
    def mask_safe_psf(self) -> RegionNDMap | None:
        """``mask_safe_image`` on the geometry of the point spread function, shape ``(1, 1, 1, 1)``; None without."""
        if self.mask_safe is None or self.psf is None:
            return None
        geom = self.psf.psf_map.geom.squash("energy_true").squash("rad")
        return RegionNDMap(geom, data=np.full(geom.data_shape, bool(self.safe_bins().any())))

    def selected_bins(self) -> np.ndarray:
        """Return which bins enter the statistic, booleans of shape ``(n,)``."""
        mask = self.mask
        return np.ones(self.reco_energy_axis.nbin, dtype=bool) if mask is None else mask.data.reshape(-1)

    def safe_bins(self) -> np.ndarray:
        """Return which bins are safe, booleans of shape ``(n,)``."""
        safe = self.mask_safe
        return np.ones(self.reco_energy_axis.nbin, dtype=bool) if safe is None else safe.data.reshape(-1)

    @property
    def energy_range(self) -> u.Quantity:
        """Lowest and highest energy of the safe bins, shape ``(2,)``; holes are not looked at, NaN if none is."""
        return self._range(self.safe_bins())

    @property
    def energy_range_safe(self) -> u.Quantity:
        """The same as `energy_range`."""
        return self.energy_range

    @property
    def energy_range_fit(self) -> u.Quantity:
        """Lowest and highest energy inside ``mask_fit``, shape ``(2,)``."""
        fit = self.mask_fit
        return self._range(np.ones(self.reco_energy_axis.nbin, bool) if fit is None else fit.data.reshape(-1))

    @property
    def energy_range_total(self) -> u.Quantity:
        """Lowest and highest energy inside both masks, shape ``(2,)``."""
        return self._range(self.selected_bins())

    def _range(self, bins: np.ndarray) -> u.Quantity:
        edges = self.reco_energy_axis.edges
        if not bins.any():
            return u.Quantity([np.nan, np.nan], edges.unit)
        inside = np.flatnonzero(bins)
        return u.Quantity([edges[inside[0]], edges[inside[-1] + 1]])

    # -- what depends on the parts

    @property
    def all_models(self) -> Sequence[Any]:
        """Models that were set, those that apply to other datasets included."""
        return () if self._models is None else self._models

    def check_parts(self) -> None:
        """Check once more the parts that a prediction reads, since they may have been changed in place.

        Raises
        ------
        InputTypeError, InputError, UnitsError
            As when a part is set.
        """
        for name in (*self.reco_parts, "exposure", "edisp"):
            getattr(type(self), name).check_again(self)

    def watches(self) -> list[Watch]:
        """Return what `to_spec` reads of this dataset, models excluded."""
        return region_watches(self)

    def reset_data_cache(self) -> None:
        """Let go of what can be read again from file as it is; what is only in memory stays."""
        drop_cache(self)
