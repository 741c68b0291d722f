"""Counts, exposure, background, energy dispersion and masks on one geometry: the dataset of forward folding."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets import operations
from gammafold.datasets.create import one_of, reco_geom, region_dataset, true_geoms
from gammafold.datasets.explain import Explanation, explain
from gammafold.datasets.files_methods import DatasetFiles
from gammafold.datasets.grouping import group_bins
from gammafold.datasets.info import summary
from gammafold.datasets.map_prediction import MapPrediction
from gammafold.datasets.plot import DatasetPlots
from gammafold.datasets.slots import held_part, is_on_disk
from gammafold.datasets.stack import stack_into, stacked_counts
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputTypeError

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_geom import RegionGeom

__all__ = ["MapDataset"]


class MapDataset(DatasetPlots, DatasetFiles, MapPrediction):
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
    counts_error : `~gammafold.maps.RegionNDMap`, optional
        Gaussian standard deviation of counts that are not Poisson distributed, and may then be negative.

    Raises
    ------
    InputTypeError, InputError, UnitsError
        If a part is of the wrong kind, has the wrong axes, shape or unit, or is not finite. The message names
        the dataset and the part.
    """

    tag = "MapDataset"

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
        counts_error: Any = None,
    ) -> None:
        super().__init__(name=name, models=models)
        # Before the counts, which may be negative if they have errors.
        self.counts_error = counts_error
        self.counts = counts
        self.background = background
        self.mask_safe = mask_safe
        self.mask_fit = mask_fit
        self.exposure = exposure
        self.edisp = edisp
        self.psf = psf
        self.gti = gti
        self.meta_table = meta_table

    # -- what differs where the background is measured (on-off)

    def stackable_background(self) -> RegionNDMap | None:
        """Return the background that this dataset adds to a stack: the fitted one, or None."""
        return self.npred_background()

    def stacked_counts(self, members: Sequence[Any], masks: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return the counts and the background of the stack of members, of which this dataset is the first."""
        return stacked_counts(members, masks)

    def merged_acceptance(self, edges: np.ndarray, safe: np.ndarray, axis: MapAxis) -> dict[str, Any]:
        """Return further maps per bin of reconstructed energy after bins were merged: none."""
        return {}

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

        so that the prediction of the stack is the sum of the masked predictions, for any steady model. An on-off
        ``other`` adds its ``alpha * counts_off`` as background. A background model is applied once, to
        the background, and does not apply to the stack any more; other models stay. What is to be fitted of the
        stack (``mask_fit``) is what is to be fitted of a member, and safe there. Good time intervals are merged;
        live times add, but for members without a safe bin; each keeps its rows in ``meta_table``.

        Parameters
        ----------
        other : MapDataset
            Stays as it is.
        nan_to_num : bool
            Accepted for scripts; datasets hold no NaN.

        Raises
        ------
        InputError, InputTypeError
            If the energy axes differ, only one of the two has a background, an exposure, ..., or ``other`` is no
            such dataset.

        Warns
        -----
        GammafoldWarning
            If a model corrects the response of one of the two: the stack has the responses as they were measured.
        """
        if not isinstance(other, MapDataset):
            raise InputTypeError(f"cannot stack {other!r} onto {self.name!r}: expected a dataset with a response")
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

    def group(self, by: str, minimum: float | None = None, name: str | None = None) -> MapDataset:
        """Return the dataset with neighbouring bins put together until each holds enough.

        Bins inside the masks are grouped from low to high energy and never across the edge of a mask; those outside
        stay as they are. Counts left over at the end of a range join the bin before them; what is left over without
        such a bin, or without the signal to noise that is asked for, is put together and not safe.

        Parameters
        ----------
        by : {"counts", "counts_off", "signal_to_noise", "optimal"}
            What a bin needs: counts, off counts (what the W statistic wants), excess over its error, or none of it but
            the width that loses no information (Kaastra & Bleeker 2016, A&A 587, A151), from counts and resolution.
        minimum : float, optional
            Least sum, or ratio, of a bin; not for "optimal".
        name : str, optional
            Name of the result.

        Raises
        ------
        InputError
            If ``by`` is unknown, ``minimum`` is missing or not above zero, or the dataset lacks what is summed.

        Examples
        --------
        >>> from gammafold.datasets import SpectrumDatasetOnOff
        >>> from gammafold.samples import sample_files
        >>> dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
        >>> grouped = dataset.group("counts_off", 5)
        >>> int(dataset.mask.data.sum()), int(grouped.mask.data.sum()), float(grouped.counts_off.data.sum())
        (41, 12, 92.0)
        """
        return group_bins(self, by, minimum, name)

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

    # -- construction

    @classmethod
    def create(
        cls,
        e_reco: MapAxis | RegionGeom | None = None,
        e_true: MapAxis | None = None,
        region: Any = None,
        reference_time: Any = "2000-01-01",
        name: str | None = None,
        meta_table: Any = None,
        geom: RegionGeom | None = None,
        energy_axis_true: MapAxis | None = None,
        migra_axis: MapAxis | None = None,
        **kwargs: Any,
    ) -> Any:
        """Create a dataset of zeros in which no bin is safe, to stack others onto.

        Parameters
        ----------
        e_reco : `~gammafold.maps.MapAxis` or `~gammafold.maps.RegionGeom`
            Axis of reconstructed energy, called "energy"; or the geometry of the counts (then ``region``
            is not used). ``geom`` is another spelling.
        e_true : `~gammafold.maps.MapAxis`, optional
            Axis of true energy, called "energy_true". Default: the bins of ``e_reco``.
            ``energy_axis_true`` is another spelling.
        region : region or str, optional
            Default: a circle of one degree at the origin of ICRS.
        reference_time : `~astropy.time.Time` or str
            Reference of the (empty) good time intervals. Default: 2000-01-01.
        name : str, optional
            Default: a random string of eight characters.
        meta_table : `~astropy.table.Table`, optional
            Observations behind the dataset.
        migra_axis : `~gammafold.maps.MapAxis`, optional
            Axis of the ratio of the energies, for an energy dispersion that is a map of it.
        **kwargs
            Further parts, as for the constructor.

        Raises
        ------
        InputTypeError, InputError
            If the axes are not axes or have other names, both spellings of an argument are given, or
            ``reference_time`` is no time.

        Examples
        --------
        >>> from gammafold.maps import MapAxis
        >>> axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
        >>> MapDataset.create(axis).mask_safe.data.any()
        np.False_
        """
        reco = reco_geom(one_of(e_reco=e_reco, geom=geom), region)
        exposure, edisp = true_geoms(reco, one_of(e_true=e_true, energy_axis_true=energy_axis_true), migra_axis)
        return cls.from_geoms(reco, exposure, None, edisp, reference_time, name=name, meta_table=meta_table, **kwargs)

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
        geom_exposure, geom_psf, geom_edisp : RegionGeom, optional
            Geometries of exposure, point spread function and energy dispersion; parts without a geometry are left
            out. With an axis "migra", the energy dispersion is a map of the ratio of the energies, of zeros; else
            true bins spread over the reconstructed ones that they overlap.
        reference_time : `~astropy.time.Time` or str
            Reference of the (empty) good time intervals.
        name : str, optional
            Name of the dataset.
        **kwargs
            Further parts, as for the constructor.
        """
        return region_dataset(cls, geom, geom_exposure, geom_psf, geom_edisp, reference_time, name=name, **kwargs)

    def explain(self) -> Explanation:
        """Return what is in the dataset, and what is suspicious about it, in words and a table.

        Returns
        -------
        explanation : `~gammafold.datasets.explain.Explanation`
            Print it; ``facts``, ``suspicious``, ``notes``, ``bins`` and ``to_dict()`` give its parts.

        Examples
        --------
        >>> from gammafold.datasets import SpectrumDatasetOnOff
        >>> from gammafold.samples import sample_files
        >>> explanation = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0]).explain()
        >>> print(explanation.facts["Off counts"])
        92 in the bins to fit, 229 in all; 20 of 41 bins to fit are empty, the mean is 2.24
        >>> print(explanation.facts["Statistic"])
        wstat: counts and off counts are Poisson distributed
        """
        return explain(self)

    def __str__(self) -> str:
        return summary(self)

    def __repr__(self) -> str:
        held = held_part(self, "counts")
        unknown = "counts not read yet" if is_on_disk(self, "counts") else "no counts"
        counts = unknown if held is None else f"{held.data.sum():g} counts in {held.data.size} bins"
        return f"<{type(self).__name__} {self.name!r}: {counts}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        duplicate = object.__new__(type(self))
        memo[id(self)] = duplicate
        duplicate.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return duplicate
