"""From datasets to one-parameter problems: every flux point of every group is a norm of one source.

The groups may be energy bins of a spectrum, time bins of a light curve, or both: all are solved in
one batch by `gammafold.likelihood.norm_problem.NormProblem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.door import compile_likelihood
from gammafold.likelihood.norm_problem import NormProblem
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from gammafold.datasets.collection import Datasets
    from gammafold.likelihood.joint_statistic import JointStatistic
    from gammafold.maps.axis import MapAxis

__all__ = ["BinTable", "build_problem", "energy_groups", "find_source"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BinTable:
    """The bins of all datasets that enter, in the order of their groups.

    ``counts`` are those seen, ``background`` is what is measured or expected beside the source and the other
    sources: alpha times the off counts, or nothing where the prediction holds it. ``group`` is the group of each bin.
    """

    counts: Array
    background: Array
    group: NDArray[np.intp]


def find_source(datasets: Datasets, source: str | int) -> Any:
    """Return the sky model of a source by its name or number.

    Raises
    ------
    InputError
        If the datasets have no models.
    UnknownNameError
        If there is no such source.
    """
    models = [model for model in (datasets.models or ()) if hasattr(model, "spectral_model") and model.tag_is_sky]
    if not models:
        raise InputError(f"datasets {list(datasets.names)} have no source model: set one, fit it, and estimate then")
    if isinstance(source, int | np.integer):
        if not -len(models) <= source < len(models):
            raise UnknownNameError(f"no source number {source}: there are {[model.name for model in models]}")
        return models[source]
    for model in models:
        if model.name == source:
            return model
    raise UnknownNameError(f"no source {source!r}: there are {[model.name for model in models]}")


def energy_groups(axis: MapAxis, energy_axis: MapAxis) -> NDArray[np.intp]:
    """Group (n,) of each bin of a reconstructed-energy axis in the bins of another; -1 outside.

    A bin belongs to the group that holds its logarithmic centre.
    """
    edges = energy_axis.edges.to_value(axis.unit)
    center = np.sqrt(axis.edges.value[:-1] * axis.edges.value[1:])
    group = np.searchsorted(edges, center, side="right") - 1
    return np.where((group >= 0) & (group < len(edges) - 1), group, -1)


def build_problem(
    datasets: Datasets, source: Any, groups: Sequence[NDArray[np.intp]], n_groups: int
) -> tuple[NormProblem, BinTable]:
    """Build the one-parameter problems of all groups.

    Parameters
    ----------
    datasets : Datasets
        Datasets with models, at their best parameters.
    source : SkyModel
        The source whose norm is wanted.
    groups : sequence of int array
        For each dataset the group of each of its reconstructed-energy bins, -1 for none.
    n_groups : int
        Number of groups.
    """
    plan = compile_likelihood(datasets, models=[source])
    group_of = np.full(plan.statistic.n_bins, -1)
    signal, fixed = np.zeros(len(group_of)), np.zeros(len(group_of))
    predicted, rest, slices = plan.npred_signal(plan.x0), _rest(datasets, source), plan.slices
    for dataset, group in zip(datasets, groups, strict=True):
        rows, bins = slices[dataset.name], dataset.selected_bins()
        signal[rows], group_of[rows] = predicted[dataset.name], group[bins]
        if dataset.name in rest:
            fixed[rows] = rest[dataset.name]
    inside = np.flatnonzero(group_of >= 0)
    order = inside[np.argsort(group_of[inside], kind="stable")]
    statistic = _chosen(plan.statistic, order)
    problem = NormProblem(signal[order], fixed[order], statistic, group_of[order], n_groups)
    return problem, BinTable(statistic.observed_counts, statistic.measured_background, group_of[order])


def _rest(datasets: Datasets, source: Any) -> dict[str, Array]:
    """Counts of everything but the source inside the masks, by dataset; none where nothing else is predicted."""
    others = [model for model in datasets.models if model is not source]
    if others:
        plan = compile_likelihood(datasets, models=others)
        return plan.npred(plan.x0)
    templates = {dataset.name: (dataset, dataset.background_template()) for dataset in datasets}
    return {
        name: template[dataset.selected_bins()]
        for name, (dataset, template) in templates.items()
        if template is not None
    }


def _chosen(joint: JointStatistic, order: NDArray[np.intp]) -> Any:
    """Return the statistic of some bins in an order."""
    if len(joint.parts) == 1:
        return joint.parts[0][1].select(order)
    parts = []
    for rows, kernel in joint.parts:
        where = np.flatnonzero((order >= rows.start) & (order < rows.stop))
        parts.append((where, kernel.select(order[where] - rows.start)))
    return MixedStatistic(parts, len(order))


class MixedStatistic:
    """Statistics of different kinds side by side, with the bins in any order.

    Parameters
    ----------
    parts : sequence of (int array, statistic)
        Positions of the bins of each statistic (`gammafold.stats.kernels`), and the statistic.
    n_bins : int
        K, the number of all bins.
    """

    def __init__(self, parts: Sequence[tuple[NDArray[np.intp], Any]], n_bins: int) -> None:
        self.parts, self.n_bins = tuple(parts), n_bins

    def _apply(self, method: str, mu: Array) -> Array:
        values = np.zeros_like(mu)
        for where, kernel in self.parts:
            values[..., where] = getattr(kernel, method)(mu[..., where])
        return values

    def _collect(self, name: str) -> Array:
        values = np.zeros(self.n_bins)
        for where, kernel in self.parts:
            values[where] = getattr(kernel, name)
        return values

    def per_bin(self, mu: Array) -> Array:
        """Statistic of each bin."""
        return self._apply("per_bin", mu)

    def gradient(self, mu: Array) -> Array:
        """Derivative with respect to mu."""
        return self._apply("gradient", mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative."""
        return self._apply("curvature", mu)

    def background(self, mu: Array) -> Array:
        """Best background beside the prediction."""
        return self._apply("background", mu)

    @property
    def measured_background(self) -> Array:
        """Background that is measured with the counts."""
        return self._collect("measured_background")

    @property
    def observed_counts(self) -> Array:
        """Counts seen."""
        return self._collect("observed_counts")

    def with_counts(self, counts: Array) -> MixedStatistic:
        """The same statistics of other counts."""
        return MixedStatistic([(where, kernel.with_counts(counts[where])) for where, kernel in self.parts], self.n_bins)
