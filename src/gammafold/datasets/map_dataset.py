"""Counts, exposure, background, energy dispersion and masks on one geometry: the dataset of forward folding."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.datasets import operations
from gammafold.datasets.checks import (
    check_counts,
    check_edisp,
    check_exposure,
    check_gti,
    check_mask,
    check_meta_table,
    check_psf,
    check_reco_map,
)
from gammafold.datasets.core import Dataset
from gammafold.datasets.create import region_dataset
from gammafold.datasets.door import compile_likelihood
from gammafold.datasets.evaluator import NpredEvaluator
from gammafold.datasets.fingerprint import Watch
from gammafold.datasets.folding import region_spec, split_models
from gammafold.datasets.info import cash_significance, info_dict, summary
from gammafold.datasets.plot import DatasetPlots
from gammafold.datasets.slots import DataSlot, drop_cache, held_part
from gammafold.datasets.stack import stack_into, stacked_counts
from gammafold.datasets.watches import region_watches
from gammafold.maps.region_map import RegionNDMap
from gammafold.stats.kernels import CashStatistic
from gammafold.utils.errors import InputError, UnknownNameError
from gammafold.utils.random import RandomStateLike, get_random_state

if TYPE_CHECKING:
    from gammafold.likelihood.likelihood import Likelihood
    from gammafold.likelihood.spec import DatasetSpec
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_geom import RegionGeom
    from gammafold.modeling.parameter import Parameter

__all__ = ["MapDataset"]


class MapDataset(DatasetPlots, Dataset):
    """Counts with everything that is needed to predict them, and the Cash statistic.

    The parts are maps on one region (the geometry of images and cubes would be one more geometry, not one
    more class). They are checked when they are set; they may be changed in place at any time, and the next
    call sees the change.

    Parameters
    ----------
    models : Models, list of models or a model, optional
        Models to fold; those that name no datasets or this one apply.
    counts : `~gammafold.maps.RegionNDMap`, optional
        Counts on the axis "energy", shape ``(n, 1, 1)``; finite and not negative.
    exposure : `~gammafold.maps.RegionNDMap`, optional
        Effective area times live time on the axis "energy_true", shape ``(t, 1, 1)``, in any such unit;
        ``exposure.meta["livetime"]`` carries the live time.
    background : `~gammafold.maps.RegionNDMap`, optional
        Expected background counts on the axis "energy", before any background model.
    psf : PSF map, optional
        Carried along; a spectrum does not use it.
    edisp : EDispKernelMap, EDispMap or EDispKernel, optional
        Energy dispersion. Without one the axes of true and reconstructed energy should have the same bins.
    mask_safe, mask_fit : `~gammafold.maps.RegionNDMap` of bool, optional
        Bins where the instrument is understood, and bins to fit. Unset means every bin.
    gti : `~gammafold.data.GTI`, optional
        Good time intervals.
    meta_table : `~astropy.table.Table`, optional
        Observations behind the dataset, one a row.
    name : str, optional
        Default: a random string of eight characters.

    Raises
    ------
    InputTypeError, InputError, UnitsError
        If a part is of the wrong kind, has the wrong axes, shape or unit, or is not finite. The message names
        the dataset and the part.
    """

    tag = "MapDataset"
    stat_type = "cash"
    background_hint = ""
    # Maps per bin of reconstructed energy whose bins add up when bins are merged or datasets stacked.
    summed_parts: tuple[str, ...] = ("counts", "background")
    # All maps per bin of reconstructed energy.
    reco_parts: tuple[str, ...] = ("counts", "background", "mask_safe", "mask_fit")

    counts = DataSlot(check_counts, "Counts per bin of reconstructed energy, or None.")
    exposure = DataSlot(check_exposure, "Effective area times live time per bin of true energy, or None.")
    background = DataSlot(check_reco_map, "Expected background counts before any background model, or None.")
    psf = DataSlot(check_psf, "Point spread function, carried along, or None.")
    edisp = DataSlot(check_edisp, "Energy dispersion, or None.")
    mask_safe = DataSlot(check_mask, "Bins where the instrument is understood; None means all.")
    mask_fit = DataSlot(check_mask, "Bins to fit; None means all.")
    gti = DataSlot(check_gti, "Good time intervals, or None.")
    meta_table = DataSlot(check_meta_table, "Observations behind the dataset, or None.")

    def __init__(
        self,
        models: Any = None,
        counts: Any = None,
        exposure: Any = None,
        background: Any = None,
        psf: Any = None,
        edisp: Any = None,
        mask_safe: Any = None,
        mask_fit: Any = None,
        gti: Any = None,
        meta_table: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, models=models)
        self.counts = counts
        self.background = background
        self.mask_safe = mask_safe
        self.mask_fit = mask_fit
        self.exposure = exposure
        self.edisp = edisp
        self.psf = psf
        self.gti = gti
        self.meta_table = meta_table

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

        The booleans are those of ``mask_safe``, never interpolated. None without mask or energy dispersion.
        """
        if self.mask_safe is None or self.edisp is None:
            return None
        geom = self.edisp.edisp_map.geom.squash("energy_true")
        if "energy" not in geom.axes.names:
            return self.mask_safe
        return RegionNDMap(geom, data=self.mask_safe.data[np.newaxis].copy())

    @property
    def mask_safe_psf(self) -> RegionNDMap | None:
        """``mask_safe_image`` for the point spread function; None without mask or point spread function."""
        return None if self.psf is None else self.mask_safe_image

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

    # -- the door

    @property
    def all_models(self) -> Sequence[Any]:
        """Models that were set, those that apply to other datasets included."""
        return () if self._models is None else self._models

    def to_spec(
        self,
        models: Sequence[Any],
        position: Callable[[Iterable[Parameter]], tuple[int, ...]],
        flux: Callable[[Any], Any],
        masked: bool,
    ) -> DatasetSpec:
        """Return the arrays of this dataset as the engine takes them: see `Dataset.to_spec`."""
        return region_spec(self, models, position, flux, masked)

    def watches(self) -> list[Watch]:
        """Return what `to_spec` reads of this dataset, models excluded."""
        return region_watches(self)

    def statistic(self, keep: np.ndarray) -> Any:
        """Return the statistic of the bins ``keep``, or None without counts."""
        return None if self.counts is None else CashStatistic(_flat(self.counts, keep))

    def background_template(self) -> np.ndarray | None:
        """Return the expected background before any model, shape ``(n,)``, or None."""
        return None if self.background is None else _flat(self.background)

    def _predict(self, plan: Likelihood) -> RegionNDMap:
        npred = plan.npred(self._cache.theta())[self.name]
        return RegionNDMap(self.geom, data=np.array(npred, dtype=float).reshape(self.data_shape))

    # -- what differs where the background is measured (on-off)

    def stackable_background(self) -> RegionNDMap | None:
        """Return the background that this dataset adds to a stack: the fitted one, or None."""
        return self.npred_background()

    def significance(self, bins: np.ndarray) -> float:
        """Return the significance of the excess summed over ``bins``, NaN without background."""
        if self.counts is None or self.background is None:
            return np.nan
        return cash_significance(_flat(self.counts, bins).sum(), _flat(self.background, bins).sum())

    def stacked_counts(self, members: Sequence[Any], masks: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return the counts and the background of the stack of members, of which this dataset is the first."""
        return stacked_counts(members, masks)

    def merged_acceptance(self, edges: np.ndarray, safe: np.ndarray, axis: MapAxis) -> dict[str, Any]:
        """Return further maps per bin of reconstructed energy after bins were merged: none."""
        return {}

    # -- predictions and statistic

    @property
    def background_model(self) -> Any:
        """The background model that applies to this dataset, or None."""
        background = split_models(self.models or ())[1]
        return background[0] if background else None

    @property
    def evaluators(self) -> dict[str, NpredEvaluator]:
        """For each model of the sky, by name, an object with `compute_npred`."""
        sky, _ = split_models(self.models or ())
        return {model.name: NpredEvaluator(model, self) for model in sky}

    @property
    def excess(self) -> RegionNDMap:
        """Counts minus background, all bins.

        Raises
        ------
        InputError
            If there are no counts, or no background.
        """
        if self.counts is None or self.background is None:
            missing = "counts" if self.counts is None else "background"
            raise InputError(f"dataset {self.name!r} has no {missing}: its excess is unknown")
        return RegionNDMap(self.geom, data=self.counts.data - self.background.data)

    def npred(self) -> RegionNDMap:
        """Return the predicted counts, signal and background, of all bins."""
        return self._predict(self._cache.plan([self], masked=False))

    def npred_signal(self, model: Any = None, model_names: Any = None, stack: bool = True) -> Any:
        """Return the predicted counts of the sky models, of all bins.

        Parameters
        ----------
        model : SkyModel, optional
            One of the models of the dataset: only its counts. Default: the sum over all models.
        model_names : str or list of str, optional
            The same by name.
        stack : bool
            Whether to sum over the models. If False, the result has an axis "models" more.

        Returns
        -------
        npred : `~gammafold.maps.RegionNDMap`
            Shape ``(n, 1, 1)``, or ``(models, n, 1, 1)``.

        Raises
        ------
        UnknownNameError
            If the dataset has no such model.
        """
        sky = self._chosen(model, model_names)
        if not stack:
            return operations.models_map(self, [(one.name, self._npred_of([one])) for one in sky])
        return self._npred_of(sky)

    def _npred_of(self, models: Sequence[Any]) -> RegionNDMap:
        if not models:
            return RegionNDMap(self.geom, data=np.zeros(self.data_shape))
        self._cache.plan([self], masked=False)
        plan = compile_likelihood([self], masked=False, models=models)
        signal = plan.npred_signal(self._cache.theta())[self.name]
        return RegionNDMap(self.geom, data=np.array(signal, dtype=float).reshape(self.data_shape))

    def _chosen(self, model: Any, names: Any) -> list[Any]:
        sky, _ = split_models(self.models or ())
        if model is None and names is None:
            return sky
        known = {one.name: one for one in sky}
        if model is not None and not isinstance(model, str):
            if not any(model is one for one in sky):
                raise UnknownNameError(f"dataset {self.name!r} has no such model: {model!r}; it has {list(known)}")
            return [model]
        wanted = [model] if model is not None else [names] if isinstance(names, str) else list(names)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise UnknownNameError(f"dataset {self.name!r} has no model {unknown}: it has {list(known)}")
        return [known[name] for name in wanted]

    def npred_background(self) -> RegionNDMap | None:
        """Return the predicted background counts of all bins, the background model applied; None without any."""
        if self.background is None:
            return None
        background_models = split_models(self.models or ())[1]
        if not background_models:
            return self.background.copy()
        self._cache.plan([self], masked=False)
        return self._predict(compile_likelihood([self], masked=False, models=background_models))

    def stat_array(self) -> np.ndarray:
        """Return the statistic per bin at the current parameters, shape ``(n, 1, 1)``, masks ignored."""
        keep = np.ones(self.reco_energy_axis.nbin, dtype=bool)
        statistic = self.statistic(keep)
        if statistic is None:
            raise InputError(f"dataset {self.name!r} has no counts: it has no statistic")
        npred = self._cache.plan([self], masked=False).npred(self._cache.theta())[self.name]
        return np.asarray(statistic.per_bin(npred)).reshape(self.data_shape)

    def residuals(self, method: str = "diff") -> RegionNDMap:
        """Return the difference of counts and prediction, of all bins.

        Parameters
        ----------
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            Counts minus prediction, or that divided by the prediction, or by its square root. Where both are
            zero the result is zero; where only the prediction is, NaN. Default: "diff".
        """
        if self.counts is None:
            raise InputError(f"dataset {self.name!r} has no counts: it has no residuals")
        return operations.residuals_map(self.counts, self.npred(), method)

    def fake(self, random_state: RandomStateLike = "random-seed") -> None:
        """Replace the counts, in place, by a Poisson draw from the prediction of all bins.

        Parameters
        ----------
        random_state : int, "random-seed", "global-rng", RandomState or Generator
            A seed gives the same counts as it does in other packages.

        Raises
        ------
        InputError
            If a bin is predicted negative or infinite.
        """
        npred = self._drawable(self.npred())
        draw = get_random_state(random_state).poisson(npred.data)
        self.counts = RegionNDMap(npred.geom, data=draw.astype(float))

    def _drawable(self, npred: RegionNDMap) -> RegionNDMap:
        if not (np.isfinite(npred.data) & (npred.data >= 0)).all():
            raise InputError(
                f"dataset {self.name!r} predicts negative or infinite counts: "
                f"{npred.data.reshape(-1)}; no Poisson number can be drawn"
            )
        return npred

    def info_dict(self, in_safe_data_range: bool = True) -> dict[str, Any]:
        """Return a summary, summed over energy.

        Parameters
        ----------
        in_safe_data_range : bool
            Whether to sum the safe bins only. Default: True. ``stat_sum`` and ``n_fit_bins`` always obey both
            masks.

        Returns
        -------
        info : dict
            name, counts, background, excess, sqrt_ts, npred, npred_background, npred_signal, exposure_min,
            exposure_max, livetime, ontime, counts_rate, background_rate, excess_rate, n_bins, n_fit_bins,
            stat_type, stat_sum. What is unknown is NaN, with its unit.
        """
        return info_dict(self, in_safe_data_range)

    # -- operations

    def copy(self, name: str | None = None) -> MapDataset:
        """Return a deep copy, models included, under a new name.

        Models that name this dataset name the copy instead.
        """
        return operations.deep_copy(self, name)

    def apply_mask_safe(self) -> None:
        """Set everything outside ``mask_safe`` to zero, in place: counts, background, kernel columns.

        The exposure becomes zero if no bin is safe.
        """
        operations.apply_mask_safe(self)

    def to_masked(self, name: str | None = None, nan_to_num: bool = True) -> MapDataset:
        """Return a copy to which `apply_mask_safe` was applied; models are shared, not copied."""
        return operations.to_masked(self, name)

    def stack(self, other: MapDataset, nan_to_num: bool = True) -> None:
        """Stack another dataset onto this one, in place.

        With the safe masks ``e1``, ``e2`` as zero or one, bins ``k``, exposures ``Y`` and kernels ``K``:

            counts_k = counts_1k e_1k + counts_2k e_2k    (background likewise)
            Y = Y_1 any(e_1) + Y_2 any(e_2)
            K_k = (e_1k K_1k Y_1 + e_2k K_2k Y_2) / Y
            mask_safe_k = e_1k or e_2k

        so that the prediction of the stack is the sum of the masked predictions, for any model. An on-off
        ``other`` adds its ``alpha * counts_off`` as background. A background model is applied once, to
        the background, and does not apply to the stack any more; other models stay.

        Parameters
        ----------
        other : MapDataset
            Stays as it is.
        nan_to_num : bool
            Accepted for scripts; datasets hold no NaN.

        Raises
        ------
        InputError
            If the energy axes differ, or only one of the two has a background, an exposure, ...
        """
        stack_into(self, other)

    def slice_by_idx(self, slices: dict[str, slice], name: str | None = None) -> MapDataset:
        """Return a dataset of some bins.

        Parameters
        ----------
        slices : dict of str and slice
            For "energy", "energy_true" or both, a slice of contiguous bins. Other axes are not looked at.
        name : str, optional
            Name of the result.
        """
        return operations.slice_by_idx(self, slices, name)

    def slice_by_energy(self, energy_min: Any = None, energy_max: Any = None, name: str | None = None) -> MapDataset:
        """Return the dataset between two reconstructed energies.

        Parameters
        ----------
        energy_min, energy_max : `~astropy.units.Quantity` or str, optional
            Limits; they move to the nearest edge (in the logarithm of energy), and say so if that is more than
            one per cent of a bin away. Default: the end of the axis.
        name : str, optional
            Name of the result.

        Raises
        ------
        InputError
            If no bin is left.
        """
        return operations.slice_by_energy(self, energy_min, energy_max, name)

    def has_energy_bins(self, energy_min: Any = None, energy_max: Any = None) -> bool:
        """Return True if `slice_by_energy` would leave a bin."""
        low, high = operations.energy_bins(self, energy_min, energy_max, tell=False)
        return high > low

    def resample_energy_axis(self, energy_axis: MapAxis, name: str | None = None) -> MapDataset:
        """Return the dataset on a coarser axis of reconstructed energy.

        The new edges move to the nearest old ones. Inside ``mask_safe`` counts, background and kernel columns
        are summed; a new bin is safe if any of its bins is.

        Parameters
        ----------
        energy_axis : `~gammafold.maps.MapAxis`
            New axis, called "energy".
        name : str, optional
            Name of the result.
        """
        return operations.resample_energy_axis(self, energy_axis, name)

    def downsample(self, factor: int, axis_name: str | None = None, name: str | None = None) -> MapDataset:
        """Return the dataset with bins merged in groups of ``factor``.

        Parameters
        ----------
        factor : int
            Bins per group; the number of bins must be a multiple of it.
        axis_name : {"energy", None}
            None merges spatial bins: on a region, a renamed copy.
        name : str, optional
            Name of the result.
        """
        return operations.downsample(self, factor, axis_name, name)

    def to_image(self, name: str | None = None) -> MapDataset:
        """Return the dataset with one bin from the first to the last edge."""
        return operations.to_image(self, name)

    def cutout(self, *args: Any, **kwargs: Any) -> MapDataset:
        """Return this dataset: a region has nothing to cut."""
        return self

    def pad(self, *args: Any, **kwargs: Any) -> MapDataset:
        """Return this dataset: a region has nothing to pad."""
        return self

    def to_spectrum_dataset(self, *args: Any, **kwargs: Any) -> MapDataset:
        """Return this dataset: on a region it is a spectrum."""
        return self

    def reset_data_cache(self) -> None:
        """Let go of what can be read again from file as it is; what is only in memory stays."""
        drop_cache(self)

    # -- construction

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
        """Create a dataset of zeros on given geometries.

        Parameters
        ----------
        geom : RegionGeom
            Geometry of counts, background and masks.
        geom_exposure, geom_edisp : RegionGeom, optional
            Geometries of exposure and energy dispersion; parts without a geometry are left out.
        geom_psf : geometry, optional
            Accepted; a spectrum does not use a point spread function.
        reference_time : `~astropy.time.Time` or str
            Reference of the (empty) good time intervals.
        name : str, optional
            Name of the dataset.
        **kwargs
            Further parts, as for the constructor.
        """
        return region_dataset(cls, geom, geom_exposure, geom_edisp, reference_time, name=name, **kwargs)

    def __str__(self) -> str:
        return summary(self)

    def __repr__(self) -> str:
        held = held_part(self, "counts")
        counts = "no counts" if held is None else f"{held.data.sum():g} counts in {held.data.size} bins"
        return f"<{type(self).__name__} {self.name!r}: {counts}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        duplicate = object.__new__(type(self))
        memo[id(self)] = duplicate
        duplicate.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return duplicate


def _flat(region_map: RegionNDMap, keep: np.ndarray | None = None) -> np.ndarray:
    values = np.array(region_map.data, dtype=float).reshape(-1)
    return values if keep is None else values[keep]
