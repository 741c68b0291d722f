"""`ExcessProfileEstimator`: counts and excess in regions along a line or around a point, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import as_datasets
from gammafold.estimators.base import check_edges, common_axis
from gammafold.estimators.norm_fit import energy_groups
from gammafold.estimators.profile_regions import distance_axis, region_of_datasets
from gammafold.stats.counts_statistic import CashCountsStatistic, WStatCountsStatistic
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.maps.axis import MapAxis

__all__ = ["ExcessProfileEstimator"]

Array = NDArray[np.float64]

_OPTIONS = ("errn-errp", "ul")


class ExcessProfileEstimator:
    """Summarise the counts in each of several regions and bins of energy.

    Each dataset is the spectrum of one of the regions; the counts of datasets of one region, and of the bins inside a
    bin of energy, are summed. Bins outside the masks are left out.

    Parameters
    ----------
    regions : list of SkyRegion
        As for `~gammafold.estimators.FluxProfileEstimator`.
    energy_edges : `~astropy.units.Quantity`, optional
        Edges of the energy bins. Default: one bin of all energies.
    n_sigma : float
        Significance of asymmetric errors. Default: 1.
    n_sigma_ul : float
        Significance of upper limits. Default: 3.
    selection_optional : list of str, "all" or None
        "errn-errp" and "ul". Default: "all".

    Raises
    ------
    InputError
        If a setting cannot be used; the message names it.
    """

    tag = "ExcessProfileEstimator"

    def __init__(
        self,
        regions: Sequence[Any],
        energy_edges: Any = None,
        n_sigma: float = 1.0,
        n_sigma_ul: float = 3.0,
        selection_optional: Any = "all",
    ) -> None:
        self.regions = list(regions)
        self.projected_distance_axis: MapAxis = distance_axis(self.regions)
        self.energy_edges = None if energy_edges is None else check_edges(energy_edges)
        for name, value in (("n_sigma", n_sigma), ("n_sigma_ul", n_sigma_ul)):
            if not 0 < value < np.inf:
                raise InputError(f"{name} is {value}: expected a number above zero")
        self.n_sigma, self.n_sigma_ul = n_sigma, n_sigma_ul
        chosen = _OPTIONS if selection_optional == "all" else tuple(selection_optional or ())
        unknown = [name for name in chosen if name not in _OPTIONS]
        if unknown:
            raise InputError(f"selection_optional has {unknown}: expected 'all' or some of {list(_OPTIONS)}")
        self.selection_optional = chosen

    def run(self, datasets: Any) -> Table:
        """Make the table.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            Spectra with a background, all with or all without off counts, each of one of the regions.

        Returns
        -------
        table : `~astropy.table.Table`
            One row for each region: "x_min", "x_max", "x_ref", "solid_angle", and vectors over energy: "e_min",
            "e_max", "counts", "background", "excess", "err", "ts", "sqrt_ts", and where selected "errn", "errp", "ul".

        Raises
        ------
        InputError
            If a dataset has no background or another kind of it than the first, or is of none of the regions.
        """
        from astropy.table import Table

        from gammafold.maps.region_geom import RegionGeom

        members = as_datasets(datasets)
        region = region_of_datasets(members, self.regions)
        first = members[0].reco_energy_axis
        axis = common_axis(members, first.edges[[0, -1]] if self.energy_edges is None else self.energy_edges)
        statistic = self._statistic(members, region, axis)
        distance = self.projected_distance_axis
        low, high = distance.edges[:-1], distance.edges[1:]
        table = Table({"x_min": low, "x_max": high, "x_ref": distance.center})
        table["solid_angle"] = u.Quantity([RegionGeom(one).solid_angle() for one in self.regions])
        shape = (len(self.regions), axis.nbin)
        table["e_min"] = np.broadcast_to(axis.edges[:-1], shape, subok=True)
        table["e_max"] = np.broadcast_to(axis.edges[1:], shape, subok=True)
        columns = {
            "counts": statistic.n_on,
            "background": statistic.n_bkg,
            "excess": statistic.n_sig,
            "err": self.n_sigma * statistic.error,
            "ts": statistic.ts,
            "sqrt_ts": statistic.sqrt_ts,
        }
        if "errn-errp" in self.selection_optional:
            columns["errn"] = statistic.compute_errn(self.n_sigma)
            columns["errp"] = statistic.compute_errp(self.n_sigma)
        if "ul" in self.selection_optional:
            columns["ul"] = statistic.compute_upper_limit(self.n_sigma_ul)
        for name, values in columns.items():
            table[name] = np.asarray(values, dtype=float).reshape(shape)
        return table

    def _statistic(self, members: Any, region: NDArray[np.intp], axis: MapAxis) -> Any:
        """Return the counts statistic of all regions and energies, flat."""
        is_measured = [getattr(dataset, "counts_off", None) is not None for dataset in members]
        sums = np.zeros((3, len(self.regions) * axis.nbin))
        for dataset, number, measured in zip(members, region, is_measured, strict=True):
            if dataset.counts is None or dataset.background is None:
                raise InputError(f"dataset {dataset.name!r} has no counts or no background: its excess is unknown")
            if measured != is_measured[0]:
                raise InputError(
                    f"dataset {dataset.name!r} has {'' if measured else 'no '}off counts, unlike {members[0].name!r}: "
                    "they make no common profile"
                )
            group = energy_groups(dataset.reco_energy_axis, axis)
            keep = dataset.selected_bins() & (group >= 0)
            parts = [dataset.counts, dataset.background, *([dataset.counts_off] if measured else [])]
            for total, part in zip(sums, parts, strict=False):
                np.add.at(total, number * axis.nbin + group[keep], part.data.reshape(-1)[keep])
        counts, background, off = sums
        if not is_measured[0]:
            return CashCountsStatistic(n_on=counts, mu_bkg=background)
        # The ratio that makes the summed background of the summed off counts; without any, that of the acceptances.
        alpha = np.divide(background, off, out=np.full_like(off, _mean_alpha(members)), where=off > 0)
        return WStatCountsStatistic(n_on=counts, n_off=off, alpha=alpha)


def _mean_alpha(members: Any) -> float:
    ratios = np.concatenate([dataset.alpha.data.reshape(-1)[dataset.selected_bins()] for dataset in members])
    return float(ratios[ratios > 0].mean()) if (ratios > 0).any() else 0.0
