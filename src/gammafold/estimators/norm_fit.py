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
    from gammafold.maps.axis import MapAxis

__all__ = ["BinTable", "build_problem", "energy_groups", "find_source"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BinTable:
    """The bins of all datasets that enter, with the prediction at norm 1 and what does not depend on it.

    ``group`` is the group of each bin, ``dataset`` the number of its dataset; bins are in the order of
    the groups. ``background`` is what is counted as background for the excess: alpha times the off counts, or the
    predicted background.
    """

    signal: Array
    fixed: Array
    counts: Array
    background: Array
    group: NDArray[np.intp]
    dataset: NDArray[np.intp]


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
    signal, fixed = _predictions(datasets, source)
    kernels, columns = [], []
    for number, (dataset, group) in enumerate(zip(datasets, groups, strict=True)):
        keep = dataset.selected_bins() & (group >= 0)
        kernels.append(dataset.statistic(keep))
        background = dataset.background.data.reshape(-1) if dataset.background is not None else np.zeros(len(group))
        columns.append(
            (
                signal[dataset.name][keep],
                fixed[dataset.name][keep],
                dataset.counts.data.reshape(-1)[keep].astype(float),
                background[keep],
                group[keep],
                np.full(int(keep.sum()), number),
            )
        )
    arrays = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.argsort(arrays[4], kind="stable")
    table = BinTable(*(array[order] for array in arrays))
    statistic = _join(kernels).select(order)
    return NormProblem(table.signal, table.fixed, statistic, table.group, n_groups), table


def _predictions(datasets: Datasets, source: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    """Counts of the source, and of everything else, by dataset, in all bins."""
    others = [model for model in datasets.models if model is not source]
    alone = compile_likelihood(datasets, masked=False, models=[source])
    rest = compile_likelihood(datasets, masked=False, models=others)
    return alone.npred_signal(alone.x0), rest.npred(rest.x0)


def _join(kernels: Sequence[Any]) -> Any:
    kinds = {type(kernel) for kernel in kernels}
    if len(kinds) == 1:
        return kinds.pop().join(list(kernels))
    return MixedStatistic(list(kernels))


class MixedStatistic:
    """Statistics of different kinds side by side, with the bins in any order."""

    def __init__(
        self, kernels: list[Any], sizes: list[int] | None = None, order: NDArray[np.intp] | None = None
    ) -> None:
        self.kernels = kernels
        self.sizes = sizes if sizes is not None else [kernel.n_bins for kernel in kernels]
        self.order = np.arange(sum(self.sizes)) if order is None else order

    def select(self, order: NDArray[np.intp]) -> MixedStatistic:
        """The same bins in another order."""
        return MixedStatistic(self.kernels, self.sizes, self.order[order])

    def _apply(self, method: str, mu: Array) -> Array:
        natural = np.empty_like(mu)
        natural[..., self.order] = mu
        parts = np.split(natural, np.cumsum(self.sizes)[:-1], axis=-1)
        values = [getattr(kernel, method)(part) for kernel, part in zip(self.kernels, parts, strict=True)]
        return np.concatenate(values, axis=-1)[..., self.order]

    def per_bin(self, mu: Array) -> Array:
        """Statistic of each bin."""
        return self._apply("per_bin", mu)

    def gradient(self, mu: Array) -> Array:
        """Derivative with respect to mu."""
        return self._apply("gradient", mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative."""
        return self._apply("curvature", mu)
