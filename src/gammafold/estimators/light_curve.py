"""`LightCurveEstimator`: the flux of a source in bins of time (and energy)."""

from __future__ import annotations

import warnings
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.data.gti_times import join_times, seconds_between
from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.estimators.base import FluxEstimator, common_axis, estimate_maps
from gammafold.estimators.flux_points_estimator import estimate_groups
from gammafold.estimators.norm_fit import energy_groups, find_source
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import GammafoldWarning, InputError
from gammafold.utils.units import to_quantity

__all__ = ["LightCurveEstimator"]

Array = NDArray[np.float64]

_DAY = 86400.0


class LightCurveEstimator(FluxEstimator):
    """Estimate a light curve: the norm of a source in each interval of time and bin of energy.

    A dataset belongs to the interval that holds all of its good time; datasets of one interval are fitted
    together. All intervals and all energies are one batch.

    Parameters
    ----------
    time_intervals : list of `~astropy.time.Time`, optional
        Pairs of start and stop. Default: the good time of each dataset.
    atol : `~astropy.units.Quantity`
        By how much good times may stick out of an interval. Default: 1e-6 s.
    stack_over_time_interval : bool
        Whether the datasets of an interval are stacked before the fit; their good times and bins must allow that.
        Default: False.
    **kwargs
        Settings of `~gammafold.estimators.base.FluxEstimator`.

    Examples
    --------
    >>> import astropy.units as u
    >>> from gammafold.data import GTI
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> for night, dataset in enumerate(datasets):
    ...     dataset.gti = GTI.create([24 * night] * u.h, [24 * night + 0.5] * u.h, "2004-12-04T22:00:00")
    >>> datasets.models = SkyModel(PowerLawSpectralModel(index=2.7, amplitude="4.6e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> light_curve = LightCurveEstimator(energy_edges=[1, 10] * u.TeV).run(datasets)
    >>> light_curve.norm.data.ravel().round(2)
    array([0.99, 0.86, 1.11, 1.23])
    """

    tag = "LightCurveEstimator"

    def __init__(
        self, time_intervals: Any = None, atol: Any = "1e-6 s", stack_over_time_interval: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.stack_over_time_interval = bool(stack_over_time_interval)
        self.time_intervals = time_intervals
        self.atol = to_quantity(atol, "s", "atol")

    def run(self, datasets: Any) -> FluxPoints:
        """Estimate the light curve of datasets with good time intervals.

        Parameters
        ----------
        datasets : Datasets or list of Dataset
            With models at their best parameters.

        Returns
        -------
        light_curve : FluxPoints
            With the axes "energy" and "time". Intervals without data are left out.

        Raises
        ------
        InputError
            If a dataset has no good time intervals, or no dataset lies in an interval.
        """
        datasets = as_datasets(datasets)
        source = find_source(datasets, self.source)
        reference, starts, stops = good_times(datasets)
        axis = common_axis(datasets, self.energy_edges)
        low, high = self._intervals(reference, starts, stops)
        used, interval = self._assign(datasets, (low, high), starts, stops)
        if self.stack_over_time_interval:
            datasets, interval = _stacked(datasets, interval)
        time_axis = TimeMapAxis(low[used] / _DAY * u.d, high[used] / _DAY * u.d, reference)
        groups = []
        for dataset, number in zip(datasets, interval, strict=True):
            by_energy = energy_groups(dataset.reco_energy_axis, axis)
            groups.append(np.where((by_energy >= 0) & (number >= 0), number * axis.nbin + by_energy, -1))
        estimates, scan = estimate_groups(self, datasets, source, groups, axis.nbin * time_axis.nbin)
        geom = datasets[0].geom.to_image().to_cube([axis, time_axis])
        maps = estimate_maps(geom, estimates, scan, self.norm_values)
        return FluxPoints(maps, source.copy(name=source.name), self.meta, datasets.gti)

    def _intervals(self, reference: Any, starts: Array, stops: Array) -> tuple[Array, Array]:
        """Return starts and stops of the intervals in seconds, in order."""
        from astropy.time import Time

        if self.time_intervals is None:
            return runs(starts, stops)
        pairs = [Time(pair) for pair in self.time_intervals]
        for pair in pairs:
            if pair.shape != (2,) or not pair[1] > pair[0]:
                raise InputError(f"time_intervals has {pair}: expected pairs of a start and a later stop")
        if not pairs:
            raise InputError("time_intervals is empty: expected at least one pair of a start and a stop")
        edges = seconds_between(join_times(pairs), reference).reshape(-1, 2)
        low, high = edges[np.argsort(edges[:, 0])].T
        if (high[:-1] > low[1:] + self.atol.to_value("s")).any():
            raise InputError("time_intervals overlap: a dataset would belong to two of them")
        return low, high

    def _assign(
        self, datasets: Datasets, intervals: tuple[Array, Array], starts: Array, stops: Array
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which intervals hold data, and among these the one of each dataset (-1: none)."""
        low, high = intervals
        slack = self.atol.to_value("s")
        number = np.searchsorted(low - slack, starts, side="right") - 1
        inside = (number >= 0) & (stops <= high[number] + slack)
        if not inside.any():
            raise InputError(f"none of the datasets {list(datasets.names)} lies within a time interval")
        if not inside.all():
            left_out = [name for name, is_in in zip(datasets.names, inside, strict=True) if not is_in]
            warnings.warn(
                f"{len(left_out)} datasets lie in no time interval as a whole and are left out: "
                f"{', '.join(left_out[:5])}{', ...' if len(left_out) > 5 else ''}",
                GammafoldWarning,
                stacklevel=3,
            )
        used = np.unique(number[inside])
        return used, np.where(inside, np.searchsorted(used, number), -1)


def _stacked(datasets: Datasets, interval: NDArray[np.intp]) -> tuple[Datasets, NDArray[np.intp]]:
    """Return the datasets of each interval stacked, and the interval of each stack."""
    numbers = np.unique(interval[interval >= 0])
    stacks = []
    for number in numbers:
        members = [dataset for dataset, own in zip(datasets, interval, strict=True) if own == number]
        stacks.append(Datasets(members).stack_reduce(name=f"interval-{number}"))
    stacked = Datasets(stacks)
    stacked.models = datasets.models
    return stacked, numbers


def runs(starts: Array, stops: Array) -> tuple[Array, Array]:
    """Return starts and stops of the intervals in which observations were taken, in order.

    Observations at the same time are one interval: the next begins where the time so far has ended.

    Examples
    --------
    >>> runs(np.array([0.0, 50.0, 60.0]), np.array([40.0, 90.0, 80.0]))
    (array([ 0., 50.]), array([40., 90.]))
    """
    order = np.argsort(starts)
    low, high = starts[order], stops[order]
    ends = np.maximum.accumulate(high)
    first = np.flatnonzero(np.append(True, low[1:] >= ends[:-1] - 1e-6))
    return low[first], np.maximum.reduceat(high, first)


def good_times(datasets: Datasets) -> tuple[Any, Array, Array]:
    """Return a reference time, and in seconds since then the first start and last stop of each dataset's good time.

    Raises
    ------
    InputError
        If a dataset has no good time intervals.
    """
    for dataset in datasets:
        if dataset.gti is None or len(dataset.gti.table) == 0:
            raise InputError(
                f"dataset {dataset.name!r} has no good time intervals: it cannot be put into a light curve"
            )
    # All times at once: differences of times are slow one by one.
    reference = datasets[0].gti.time_start[0]
    firsts = np.cumsum([0, *(len(dataset.gti.table) for dataset in datasets)])[:-1]
    starts = seconds_between(join_times([dataset.gti.time_start for dataset in datasets]), reference)
    stops = seconds_between(join_times([dataset.gti.time_stop for dataset in datasets]), reference)
    return reference, np.minimum.reduceat(starts, firsts), np.maximum.reduceat(stops, firsts)
