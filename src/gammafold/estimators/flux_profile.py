"""`FluxProfileEstimator`: the flux of a source in regions along a line or around a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.estimators.base import FluxEstimator, common_axis, estimate_maps
from gammafold.estimators.flux_points_estimator import estimate_groups
from gammafold.estimators.norm_fit import energy_groups, find_source
from gammafold.estimators.profile_regions import distance_axis, region_of_datasets
from gammafold.modeling.models.sky import SkyModel
from gammafold.modeling.models.spectral_power_law import PowerLawSpectralModel

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis

__all__ = ["FluxProfileEstimator"]


class FluxProfileEstimator(FluxEstimator):
    """Estimate the flux in each of several regions and bins of energy.

    Each dataset is the spectrum of one of the regions; datasets of one region are fitted together. All regions and all
    energies are one batch. The position of a region is its distance from the first one along the sky, or, for
    regions around one centre, its distance from that.

    Parameters
    ----------
    regions : list of SkyRegion
        Boxes or circles side by side, or annuli around one centre, from the inside out.
    spectral_model : SpectralModel, optional
        Shape of the spectrum in all regions. Default: a power law of index 2.
    **kwargs
        Settings of `~gammafold.estimators.base.FluxEstimator`; the source is the one made of the spectral model.

    Raises
    ------
    InputError
        If there are fewer than two regions, or they are neither around one centre nor apart from each other.
    """

    tag = "FluxProfileEstimator"

    def __init__(self, regions: Sequence[Any], spectral_model: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.regions = list(regions)
        self.spectral_model = PowerLawSpectralModel() if spectral_model is None else spectral_model
        self.projected_distance_axis: MapAxis = distance_axis(self.regions)

    def run(self, datasets: Any) -> FluxPoints:
        """Estimate the profile.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            Spectra, each of one of the regions. Models that are set stay, as they are, and the profile is what comes
            on top of them.

        Returns
        -------
        profile : FluxPoints
            With the axes "energy" and "projected-distance"; NaN for regions without data.

        Raises
        ------
        InputError
            If a dataset has no region, or one that is not among the regions of the profile.
        """
        given = as_datasets(datasets)
        region = region_of_datasets(given, self.regions)
        source = SkyModel(self.spectral_model.copy(), name="profile")
        # The datasets themselves keep their models: the profile's source is set on shallow stand-ins.
        members = Datasets([_with_source(dataset, source) for dataset in given])
        axis = common_axis(members, self.energy_edges)
        groups: list[NDArray[np.intp]] = []
        for dataset, number in zip(members, region, strict=True):
            by_energy = energy_groups(dataset.reco_energy_axis, axis)
            groups.append(np.where(by_energy >= 0, number * axis.nbin + by_energy, -1))
        n_groups = axis.nbin * len(self.regions)
        estimates, scan = estimate_groups(self, members, find_source(members, source.name), groups, n_groups)
        geom = members[0].geom.to_image().to_cube([axis, self.projected_distance_axis])
        maps = estimate_maps(geom, estimates, scan, self.norm_values)
        return FluxPoints(maps, source, self.meta, members.gti)


def _with_source(dataset: Any, source: SkyModel) -> Any:
    member = dataset.copy(name=dataset.name)
    member.models = [*dataset.all_models, source]
    return member
