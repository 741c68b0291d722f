"""`FluxPointsEstimator`: the flux of a source in bins of energy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.collection import Datasets, as_datasets
from gammafold.datasets.flux_points.points import FluxPoints
from gammafold.estimators.base import FluxEstimator, common_axis, estimate_maps
from gammafold.estimators.norm_estimates import estimate_norms, scan_norms
from gammafold.estimators.norm_fit import build_problem, energy_groups, find_source
from gammafold.estimators.reoptimize import reoptimized_estimates
from gammafold.estimators.sensitivity_norms import sensitivity_norms
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import GammafoldWarning, InputError

__all__ = ["FluxPointsEstimator", "estimate_groups"]

Array = NDArray[np.float64]


class FluxPointsEstimator(FluxEstimator):
    """Estimate flux points: the norm of a source's model in each bin of energy.

    The shape of the spectrum inside a bin is that of the model; its norm is the one free parameter. All bins are
    one batch of one-parameter fits, with limits and asymmetric errors from their profile likelihoods.

    Parameters
    ----------
    energy_edges : `~astropy.units.Quantity`
        Edges of the energy bins; they move to the nearest edges of the data.
    sum_over_energy_groups : bool
        Whether the bins of the data inside a bin of energy are summed before the norm is fitted. Default: False.
    allow_multiple_telescopes : bool
        Accepted for scripts: datasets of any instruments may be estimated together.
    **kwargs
        Settings of `~gammafold.estimators.base.FluxEstimator`: source, n_sigma, n_sigma_ul, n_sigma_sensitivity,
        selection_optional, reoptimize, fit, norm, norm_values, null_value.

    Examples
    --------
    >>> import astropy.units as u
    >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
    >>> from gammafold.modeling import Fit
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> from gammafold.samples import sample_files
    >>> datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    >>> datasets.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    >>> result = Fit().run(datasets)
    >>> edges = datasets[0].reco_energy_axis.edges[[40, 50, 60]]
    >>> points = FluxPointsEstimator(energy_edges=edges, selection_optional=["ul"]).run(datasets)
    >>> points.norm.data.ravel().round(2)
    array([1.03, 1.  ])
    """

    tag = "FluxPointsEstimator"

    def __init__(
        self,
        energy_edges: Any = None,
        sum_over_energy_groups: bool = False,
        allow_multiple_telescopes: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(energy_edges=energy_edges, **kwargs)
        self.sum_over_energy_groups = bool(sum_over_energy_groups)

    def run(self, datasets: Any) -> FluxPoints:
        """Estimate the flux points of fitted datasets.

        Parameters
        ----------
        datasets : Datasets, Dataset or list of Dataset
            With models at their best parameters; the other sources and the background stay as they are, unless
            ``reoptimize`` is set.

        Returns
        -------
        points : FluxPoints

        Raises
        ------
        InputError
            If no bin of the data lies between the edges, or there is no source.
        """
        datasets = as_datasets(datasets)
        source = find_source(datasets, self.source)
        axis = common_axis(datasets, self.energy_edges)
        if self.sum_over_energy_groups:
            datasets = _summed(datasets, axis)
        groups = [energy_groups(dataset.reco_energy_axis, axis) for dataset in datasets]
        estimates, scan = estimate_groups(self, datasets, source, groups, axis.nbin)
        geom = datasets[0].geom.to_image().to_cube([axis])
        maps = estimate_maps(geom, estimates, scan, self.norm_values)
        return FluxPoints(maps, source.copy(name=source.name), self.meta, datasets.gti)


def _summed(datasets: Datasets, axis: MapAxis) -> Datasets:
    """Return the datasets with one bin for each bin of an axis; what is outside their masks is left out."""
    members = []
    for dataset in datasets:
        masked = dataset.copy(name=dataset.name)
        masked.models = dataset.all_models
        masked.mask_safe = masked.mask
        members.append(masked.resample_energy_axis(axis, name=dataset.name))
    return Datasets(members)


def estimate_groups(
    estimator: FluxEstimator, datasets: Datasets, source: Any, groups: list[NDArray[np.intp]], n_groups: int
) -> tuple[dict[str, Array], Array | None]:
    """Estimate the norms of groups of bins.

    Parameters
    ----------
    estimator : FluxEstimator
        Settings.
    datasets : Datasets
        The data.
    source : SkyModel
        The source.
    groups : list of int array
        For each dataset the group of each of its bins, -1 for none.
    n_groups : int
        G.

    Returns
    -------
    estimates : dict of str to array (G,)
        Estimates.
    scan : array (S, G) or None
        Statistic at the norms of the estimator, where it was selected.
    """
    selection = estimator.selection_optional
    problem, table = build_problem(datasets, source, groups, n_groups)
    if not len(table.group):
        raise InputError(f"datasets {list(datasets.names)} have no bin inside their masks between the energy edges")
    if estimator.reoptimize:
        estimates, scan = reoptimized_estimates(estimator, datasets, source, groups, problem.empty)
    else:
        estimates, solution = estimate_norms(
            problem, table, selection, estimator.n_sigma, estimator.n_sigma_ul, estimator.null_value
        )
        scan = scan_norms(problem, solution, estimator.norm_values) if "scan" in selection else None
    if "sensitivity" in selection:
        estimates["norm_sensitivity"] = sensitivity_norms(problem, table, estimator.n_sigma_sensitivity)
    failed = ~np.asarray(estimates["success"], dtype=bool) & ~problem.empty
    if failed.any():
        warnings.warn(
            f"{int(failed.sum())} of {n_groups} norms were not found: see 'success'", GammafoldWarning, stacklevel=4
        )
    return estimates, scan
