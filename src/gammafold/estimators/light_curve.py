"""`LightCurveEstimator`: the flux of a source in bins of time (and energy)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.estimators.base import FluxEstimator, common_axis, estimate_maps
from gammafold.estimators.flux_points import FluxPoints
from gammafold.estimators.flux_points_estimator import estimate_groups
from gammafold.estimators.norm_fit import energy_groups, find_source
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

__all__ = ["LightCurveEstimator"]


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
    **kwargs
        Settings of `FluxEstimator`.
    """

    tag = "LightCurveEstimator"

    def __init__(self, time_intervals: Any = None, atol: Any = "1e-6 s", **kwargs: Any) -> None:
        super().__init__(**kwargs)
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
        starts, stops = _good_times(datasets)
        axis = common_axis(datasets, self.energy_edges)
        time_axis, interval = self._assign(datasets, starts, stops)
        groups = []
        for dataset, number in zip(datasets, interval, strict=True):
            by_energy = energy_groups(dataset.reco_energy_axis, axis)
            groups.append(np.where((by_energy >= 0) & (number >= 0), number * axis.nbin + by_energy, -1))
        estimates, scan = estimate_groups(self, datasets, source, groups, axis.nbin * time_axis.nbin)
        geom = datasets[0].geom.to_image().to_cube([axis, time_axis])
        maps = estimate_maps(geom, estimates, scan, self.norm_values)
        return FluxPoints(maps, source.copy(name=source.name), self.meta, datasets.gti)

    def _assign(self, datasets: Datasets, starts: Any, stops: Any) -> tuple[TimeMapAxis, NDArray[np.intp]]:
        """Return the intervals that hold data, and the interval of each dataset (-1: none)."""
        low, high = self._intervals(starts, stops)
        slack = self.atol.to_value("s")
        begin = np.array([[(start - edge).to_value("s") for edge in low] for start in starts])
        end = np.array([[(edge - stop).to_value("s") for edge in high] for stop in stops])
        inside = (begin >= -slack) & (end >= -slack)
        used = np.flatnonzero(inside.any(axis=0))
        if used.size == 0:
            raise InputError(f"none of the datasets {list(datasets.names)} lies within a time interval")
        position = np.where(inside[:, used].any(axis=1), inside[:, used].argmax(axis=1), -1)
        return TimeMapAxis.from_time_edges(low[used], high[used]), position

    def _intervals(self, starts: Any, stops: Any) -> tuple[Any, Any]:
        from astropy.time import Time

        if self.time_intervals is None:
            order = np.argsort(starts.mjd)
            low, high = starts[order], stops[order]
            overlap = (low[1:] - high[:-1]).to_value("s") < -1e-6
            # Runs taken at the same time are one interval: start anew where the time so far has ended.
            ends = np.maximum.accumulate(high.mjd)
            first = np.append(True, low.mjd[1:] >= ends[:-1] - 1e-11) if overlap.any() else np.ones(len(low), bool)
            last = np.append(np.flatnonzero(first)[1:] - 1, len(low) - 1)
            stop = Time([high[i : j + 1].max() for i, j in zip(np.flatnonzero(first), last, strict=True)])
            return low[first], stop
        pairs = [Time(pair) for pair in self.time_intervals]
        for pair in pairs:
            if pair.shape != (2,) or not pair[1] > pair[0]:
                raise InputError(f"time_intervals has {pair}: expected pairs of a start and a later stop")
        pairs.sort(key=lambda pair: pair[0].mjd)
        return Time([pair[0] for pair in pairs]), Time([pair[1] for pair in pairs])


def _good_times(datasets: Datasets) -> tuple[Any, Any]:
    """Return the first start and the last stop of the good time of each dataset."""
    from astropy.time import Time

    starts, stops = [], []
    for dataset in datasets:
        if dataset.gti is None or len(dataset.gti.table) == 0:
            raise InputError(
                f"dataset {dataset.name!r} has no good time intervals: it cannot be put into a light curve"
            )
        starts.append(dataset.gti.time_start.min())
        stops.append(dataset.gti.time_stop.max())
    return Time(starts), Time(stops)
