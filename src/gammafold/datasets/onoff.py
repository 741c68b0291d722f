"""Datasets whose background is measured in off regions, with the W statistic.

The off regions collect background only, ``1 / alpha`` times as much as lies in the on region, with
``alpha = acceptance / acceptance_off``. Its expected number is profiled out, bin by bin (Cash 1979; the formula
stands at `gammafold.stats.kernels.WStatistic`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.checks import check_acceptance, check_counts, check_error, check_reco_map
from gammafold.datasets.files_methods import OnOffFiles
from gammafold.datasets.info import gauss_significance, info_dict, wstat_significance
from gammafold.datasets.map_dataset import MapDataset
from gammafold.datasets.onoff_combine import merged_acceptances, stacked_onoff
from gammafold.datasets.onoff_convert import from_known_background, to_known_background
from gammafold.datasets.slots import DataSlot
from gammafold.datasets.spectrum import SpectrumDataset
from gammafold.datasets.statistics import CHI2, MEASURED_BACKGROUND, StatType, kernel_of
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, InputTypeError
from gammafold.utils.random import RandomStateLike, get_random_state

if TYPE_CHECKING:
    from gammafold.maps.region_geom import RegionGeom

__all__ = ["MapDatasetOnOff", "SpectrumDatasetOnOff"]


class MapDatasetOnOff(MapDataset):
    """Counts of an on region and of off regions, with the W statistic.

    Parameters
    ----------
    models : Models, list of models or a model, optional
        Models of the signal.
    counts, counts_off : `~gammafold.maps.RegionNDMap`, optional
        Counts in the on region and in the off regions, shape ``(n, 1, 1)``.
    acceptance, acceptance_off : `~gammafold.maps.RegionNDMap` or number, optional
        Relative exposure to background of the on and the off regions.
    exposure, mask_fit, psf, edisp, name, mask_safe, gti, meta_table, counts_error
        As for `MapDataset`.
    counts_off_error : `~gammafold.maps.RegionNDMap`, optional
        Gaussian standard deviation of off counts that are not Poisson distributed.
    """

    tag = "MapDatasetOnOff"
    stat_type: Any = StatType(MEASURED_BACKGROUND)
    background_hint = ": its background is measured in off regions"
    summed_parts = ("counts", "counts_off")
    error_parts = ("counts_error", "counts_off_error")
    reco_parts = (
        "counts",
        "counts_error",
        "counts_off",
        "counts_off_error",
        "acceptance",
        "acceptance_off",
        "mask_safe",
        "mask_fit",
    )

    counts_off = DataSlot(check_counts, "Counts in the off regions, or None.")
    counts_off_error = DataSlot(check_error, "Gaussian standard deviation of the off counts; None if Poisson.")
    acceptance = DataSlot(check_acceptance, "Relative exposure to background of the on region, or None.")
    acceptance_off = DataSlot(check_acceptance, "Relative exposure to background of the off regions, or None.")

    def __init__(
        self,
        models: Any = None,
        counts: Any = None,
        counts_off: Any = None,
        acceptance: Any = None,
        acceptance_off: Any = None,
        exposure: Any = None,
        mask_fit: Any = None,
        psf: Any = None,
        edisp: Any = None,
        name: str | None = None,
        mask_safe: Any = None,
        gti: Any = None,
        meta_table: Any = None,
        counts_error: Any = None,
        counts_off_error: Any = None,
    ) -> None:
        super().__init__(
            models=models,
            counts=counts,
            counts_error=counts_error,
            exposure=exposure,
            psf=psf,
            edisp=edisp,
            mask_safe=mask_safe,
            mask_fit=mask_fit,
            gti=gti,
            meta_table=meta_table,
            name=name,
        )
        self.counts_off_error = counts_off_error
        self.counts_off = counts_off
        self.acceptance = acceptance
        self.acceptance_off = acceptance_off

    @property
    def alpha(self) -> RegionNDMap | None:
        """Ratio of the acceptances, on over off; zero where the off regions accept nothing; None if unknown."""
        on, off = self.acceptance, self.acceptance_off
        if on is None or off is None:
            return None
        ratio = np.divide(on.data, off.data, out=np.zeros_like(on.data, dtype=float), where=off.data > 0)
        return RegionNDMap(self.geom, data=ratio)

    @property
    def background(self) -> RegionNDMap | None:
        """Background in the on region as measured, ``alpha * counts_off``; None without off counts."""
        alpha = self.alpha
        if alpha is None or self.counts_off is None:
            return None
        return RegionNDMap(self.geom, data=alpha.data * self.counts_off.data)

    @background.setter
    def background(self, value: Any) -> None:
        if value is not None:
            raise InputError(
                f"the background of dataset {self.name!r} is measured: set counts_off, acceptance and acceptance_off"
            )

    def background_template(self) -> np.ndarray | None:
        """Return None: the background is profiled, not folded."""
        return None

    def statistic(self, keep: np.ndarray) -> Any:
        """Return the statistic of the bins ``keep``, or None without counts.

        Without off counts the background is taken as none: the W statistic is then that of Cash.
        """
        if self.counts is None:
            return None
        if self.counts_off is not None and self.alpha is None:
            raise InputError(
                f"dataset {self.name!r} has off counts, but lacks acceptance or acceptance_off: their scale is unknown"
            )
        return kernel_of(self, keep)

    def _bins(self, held: RegionNDMap | None, keep: np.ndarray) -> np.ndarray:
        if held is None:
            return np.zeros(int(keep.sum()))
        return np.array(held.data, dtype=float).reshape(-1)[keep]

    def npred_off(self) -> RegionNDMap:
        """Return the background in the off regions that fits counts, off counts and model best, of all bins.

        With chi squared these are the off counts themselves.
        """
        if self.alpha is None or self.counts_off is None or self.counts is None:
            raise InputError(f"dataset {self.name!r} lacks counts, off counts or acceptances: no off counts predicted")
        every = np.ones(self.reco_energy_axis.nbin, dtype=bool)
        kernel: Any = None if self.stat_type in CHI2 else self.statistic(every)
        off = self.counts_off.data.astype(float)
        if hasattr(kernel, "background"):
            fitted = kernel.background(self.npred_signal().data.reshape(-1)).reshape(self.data_shape)
            # Where alpha is zero the off counts tell nothing about the on region, and are their own best value.
            off = np.divide(fitted, self.alpha.data, out=off, where=self.alpha.data > 0)
        return RegionNDMap(self.geom, data=off)

    def npred_background(self) -> RegionNDMap | None:
        """Return the background in the on region, ``alpha * npred_off``, of all bins."""
        if self.alpha is None or self.counts_off is None:
            return None
        return RegionNDMap(self.geom, data=self.alpha.data * self.npred_off().data)

    def npred(self) -> RegionNDMap:
        """Return the predicted counts in the on region, signal and profiled background, of all bins."""
        signal, background = self.npred_signal(), self.npred_background()
        return signal if background is None else RegionNDMap(self.geom, data=signal.data + background.data)

    # The order of the arguments is that of scripts in the field.
    def fake(  # type: ignore[override]
        self, npred_background: Any = None, random_state: RandomStateLike = "random-seed"
    ) -> None:
        """Replace counts and off counts, in place, by Poisson draws, or gaussian ones where they have such errors.

        Parameters
        ----------
        npred_background : `~gammafold.maps.RegionNDMap`, optional
            Expected background in the on region. Default: ``alpha * counts_off``. Where ``alpha`` is zero, the off
            regions see none of it.
        random_state : int, "random-seed", "global-rng", RandomState or Generator
            Drawn are signal, background, and off counts, in this order.
        """
        if npred_background is not None and not isinstance(npred_background, RegionNDMap):
            raise InputTypeError(
                f"npred_background is {npred_background!r}: expected a RegionNDMap; a seed is passed as random_state"
            )
        expected = self.background
        if npred_background is not None:
            expected = check_reco_map(self, "npred_background", npred_background)
        if expected is None or self.alpha is None:
            raise InputError(f"dataset {self.name!r} lacks a background or acceptances: no off counts can be drawn")
        random = get_random_state(random_state)
        signal = self.npred_signal()
        if self.counts_error is None:
            drawn = random.poisson(self._drawable(signal).data) + random.poisson(self._drawable(expected).data)
        else:
            drawn = random.normal(signal.data + expected.data, self.counts_error.data)
        off = np.divide(expected.data, self.alpha.data, out=np.zeros(self.data_shape), where=self.alpha.data > 0)
        error = self.counts_off_error
        drawn_off = random.poisson(off) if error is None else random.normal(off, error.data)
        self.counts = RegionNDMap(self.geom, data=drawn.astype(float))
        self.counts_off = RegionNDMap(self.geom, data=drawn_off.astype(float))

    def significance(self, bins: np.ndarray) -> float:
        """Return the significance of the excess summed over ``bins``, NaN without background."""
        if self.counts is None or self.background is None:
            return np.nan
        if self.counts_error is None and self.counts_off_error is None:
            return wstat_significance(*self._on_off_alpha(bins))
        off_error = self._bins(self.alpha, bins) * self._error("counts_off", bins)
        return gauss_significance(self._bins(self.excess, bins).sum(), self._error("counts", bins), off_error)

    def _error(self, part: str, bins: np.ndarray) -> np.ndarray:
        """Return the standard deviation of counts or off counts."""
        error = getattr(self, f"{part}_error")
        return np.sqrt(self._bins(getattr(self, part), bins)) if error is None else self._bins(error, bins)

    def _on_off_alpha(self, bins: np.ndarray) -> tuple[float, float, float]:
        """Return counts, off counts and the ratio that makes the summed background of the summed off counts."""
        n_on, n_off = (self._bins(held, bins).sum() for held in (self.counts, self.counts_off))
        if n_off > 0:
            return n_on, n_off, self._bins(self.background, bins).sum() / n_off
        on, off = (self._bins(held, bins).sum() for held in (self.acceptance, self.acceptance_off))
        return n_on, n_off, on / off if off > 0 else 0.0

    def info_dict(self, in_safe_data_range: bool = True) -> dict[str, Any]:
        """Return a summary, summed over energy: that of `MapDataset.info_dict`, and what concerns the off regions.

        Added are counts_off, acceptance (summed), acceptance_off and alpha such that
        ``background = alpha * counts_off`` and ``alpha = acceptance / acceptance_off`` hold for the sums.
        """
        info = info_dict(self, in_safe_data_range)
        bins = self.safe_bins() if in_safe_data_range else np.ones(self.reco_energy_axis.nbin, dtype=bool)
        known = self.alpha is not None
        _, n_off, alpha = self._on_off_alpha(bins)
        acceptance = self._bins(self.acceptance, bins).sum() if known else np.nan
        info["counts_off"] = float(n_off) if self.counts_off is not None else np.nan
        info["acceptance"] = float(acceptance)
        info["acceptance_off"] = float(acceptance / alpha) if known and alpha > 0 else np.nan
        info["alpha"] = float(alpha) if known else np.nan
        return info

    # -- stacking and merging: the off counts add, the acceptances follow

    def stackable_background(self) -> RegionNDMap | None:
        """Return the background that this dataset adds to a stack: ``alpha * counts_off``."""
        return self.background

    def stacked_counts(self, members: Sequence[Any], masks: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return counts, off counts and acceptances of the stack of members, of which this dataset is the first.

        The acceptance is one and ``acceptance_off`` is the ratio of the off counts to the background, so that
        ``alpha * counts_off`` of the stack is the sum of the members'. A bin without off counts has the mean
        ratio of the whole spectrum. Where the off counts stand for no background, the acceptance is zero.
        """
        for other in members:
            if not isinstance(other, MapDatasetOnOff):
                raise InputError(
                    f"cannot stack {other.name!r} onto {self.name!r}: a {type(other).__name__} has no off counts"
                )
        return stacked_onoff(self, members, masks)

    def merged_acceptance(self, edges: np.ndarray, safe: np.ndarray, axis: MapAxis) -> dict[str, Any]:
        """Return the acceptances after bins were merged.

        The acceptance is the sum over the safe bins, and ``acceptance_off`` such that the background of the
        merged bins is the sum of theirs. Without off counts, it is the sum too.
        """
        return merged_acceptances(self, edges, safe, axis)

    @classmethod
    def from_geoms(
        cls,
        geom: RegionGeom,
        geom_exposure: RegionGeom | None = None,
        geom_psf: Any = None,
        geom_edisp: RegionGeom | None = None,
        reference_time: Any = "2000-01-01",
        name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Create a dataset of zeros on given geometries, acceptances included: see `MapDataset.from_geoms`."""
        for part in ("counts_off", "acceptance", "acceptance_off"):
            kwargs.setdefault(part, RegionNDMap(geom, data=np.zeros(geom.data_shape)))
        return super().from_geoms(geom, geom_exposure, geom_psf, geom_edisp, reference_time, name, **kwargs)

    @classmethod
    def from_map_dataset(
        cls,
        dataset: MapDataset,
        acceptance: Any,
        acceptance_off: Any,
        counts_off: RegionNDMap | None = None,
        name: str | None = None,
    ) -> Any:
        """Return an on-off dataset made of a dataset with a background map.

        Parameters
        ----------
        dataset : MapDataset
            Gives all other parts, which are copied, and the models, which are shared.
        acceptance, acceptance_off : number, array or RegionNDMap
            Relative exposures to background.
        counts_off : RegionNDMap, optional
            Default: what the background of ``dataset``, its background model applied, makes in the off regions.
        name : str, optional
            Default: the name of ``dataset``.

        Raises
        ------
        InputError
            If there is background in a bin where an acceptance is zero, and no ``counts_off`` is given.
        """
        return from_known_background(cls, dataset, acceptance, acceptance_off, counts_off, name)

    def to_map_dataset(self, name: str | None = None) -> MapDataset:
        """Return the dataset with ``alpha * counts_off`` as background map, and the Cash statistic.

        Parameters
        ----------
        name : str, optional
            Name of the result.
        """
        known: MapDataset = to_known_background(self, MapDataset, name)
        return known


class SpectrumDatasetOnOff(OnOffFiles, MapDatasetOnOff):
    """Counts spectrum of an on region and of off regions, with the W statistic.

    Parameters
    ----------
    models, counts, counts_off, acceptance, acceptance_off, exposure, mask_fit, psf, edisp, name, mask_safe, gti, \
    meta_table, counts_error, counts_off_error
        As for `MapDatasetOnOff`.

    Examples
    --------
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    >>> info = dataset.info_dict()
    >>> info["counts"], info["counts_off"], info["n_fit_bins"]
    (124.0, 92.0, 41)
    """

    tag = "SpectrumDatasetOnOff"

    @classmethod
    def from_spectrum_dataset(
        cls,
        dataset: MapDataset,
        acceptance: Any,
        acceptance_off: Any,
        counts_off: RegionNDMap | None = None,
        name: str | None = None,
    ) -> Any:
        """Return an on-off dataset made of a dataset with a background map: see `MapDatasetOnOff.from_map_dataset`."""
        return cls.from_map_dataset(dataset, acceptance, acceptance_off, counts_off, name)

    def to_spectrum_dataset(self, *args: Any, name: str | None = None, **kwargs: Any) -> SpectrumDataset:
        """Return the dataset with ``alpha * counts_off`` as background map, and the Cash statistic.

        Parameters
        ----------
        name : str, optional
            Name of the result.
        """
        spectrum: SpectrumDataset = to_known_background(self, SpectrumDataset, name)
        return spectrum
