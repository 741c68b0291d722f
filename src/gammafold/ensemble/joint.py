"""Joint fits of datasets that one machine does not hold: each worker has some of them, and sends sums.

Every worker of a cluster reads its datasets and compiles their likelihood once. For an evaluation it gets the
parameters and gives back the statistic, the gradient and the Fisher matrix of its part: a message of some hundred bytes
for each part, whatever the number of datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.datasets.collection import Datasets
from gammafold.datasets.door import compile_likelihood, likelihood_without_data
from gammafold.ensemble.work import check_client, positive
from gammafold.likelihood.likelihood import Likelihood
from gammafold.likelihood.second_order import SecondOrder
from gammafold.modeling.doubts import what_is_doubtful
from gammafold.modeling.models.collection import DatasetModels
from gammafold.utils.errors import FitError, InputError

__all__ = ["DistributedDatasets", "DistributedLikelihood"]

Array = NDArray[np.float64]


class DistributedDatasets:
    """Datasets on the workers of a cluster, which `gammafold.modeling.Fit` takes like others.

    Parameters
    ----------
    client : `dask.distributed.Client`
        The cluster.
    load : callable
        ``load(source)`` returns a dataset; it is called on a worker, once for each source (again if that worker dies).
        What it returned stays there as long as this object lives, so that a fit with another model reads nothing again.
    sources : sequence
        What the datasets are made from, such as names of files that every worker can read.
    models : Models, list of models or a model
        Models of all datasets, with at least one free parameter; a fit changes their values here.
    n_parts : int, optional
        Parts to distribute. Default: one for each thread of the cluster.

    Raises
    ------
    InputTypeError
        If ``client`` is no client of a cluster.
    InputError
        If there are no sources.
    """

    def __init__(
        self,
        client: Any,
        load: Callable[[Any], Any],
        sources: Sequence[Any],
        models: Any,
        n_parts: int | None = None,
    ) -> None:
        check_client(client)
        if client is None or not len(sources):
            raise InputError("no sources: expected a client of a cluster and at least one dataset to load")
        self._client, self._load, self._sources = client, load, list(sources)
        self.models = models
        wanted = sum(client.nthreads().values()) if n_parts is None else positive("n_parts", n_parts)
        self._n_parts = max(1, min(wanted, len(self._sources)))
        self._loaded: list[Any] = []

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def names(self) -> list[str]:
        """What the datasets are made from."""
        return [str(source) for source in self._sources]

    @property
    def models(self) -> DatasetModels:
        """Models of all datasets; assign a model or a list of them to fit others."""
        return self._models

    @models.setter
    def models(self, models: Any) -> None:
        self._models = DatasetModels(models)

    @property
    def parameters(self) -> Any:
        """Parameters of the models."""
        return self.models.parameters

    def likelihood(self) -> DistributedLikelihood:
        """Compile on the workers, after they have read what they have not yet, and return the joint likelihood.

        Raises
        ------
        FitError
            If a part cannot be read or compiled; the message is that of the worker.
        """
        if not self._loaded or any(part.status in ("error", "cancelled", "lost") for part in self._loaded):
            self._loaded = self._read()
        return DistributedLikelihood(self._client, self._loaded, self.models)

    def _read(self) -> list[Any]:
        """Let the workers read the datasets, and return the futures of all parts."""
        from cloudpickle import dumps

        load = dumps(self._load)
        return [self._client.submit(_load_part, load, dumps(piece), pure=False) for piece in self._pieces()]

    def _pieces(self) -> list[list[Any]]:
        edges = np.linspace(0, len(self._sources), self._n_parts + 1).astype(int)
        return [self._sources[low:high] for low, high in pairwise(edges.tolist())]


class DistributedLikelihood(SecondOrder):
    """The joint likelihood of datasets on a cluster, as a function of their free parameters.

    It has what minimisers need of a `~gammafold.likelihood.likelihood.Likelihood`, with the same meaning, and is made
    by `DistributedDatasets`. Priors are counted once, here.

    Attributes
    ----------
    names, x0, lower, upper, scale, logarithmic, n_free
        As there.
    n_data : int
        Bins of all datasets.
    """

    def __init__(self, client: Any, loaded: Sequence[Any], models: Any) -> None:
        from cloudpickle import dumps

        self._client = client
        task = dumps(models)
        self._parts = [client.submit(_compile_part, part, task, pure=False) for part in loaded]
        heads = self._gather([client.submit(_describe, part, pure=False) for part in self._parts])
        own = self._own = likelihood_without_data(models)
        self.names, self.n_free, self.x0, self.scale = own.names, own.n_free, own.x0, own.scale
        self.lower, self.upper, self.logarithmic = own.lower, own.upper, own.logarithmic
        self.n_data = sum(head[0] for head in heads)
        self._offset = sum(head[1] for head in heads)

    def _gather(self, futures: list[Any]) -> list[Any]:
        try:
            gathered: list[Any] = self._client.gather(futures)
        except Exception as error:
            # A worker may raise anything that reading a file can.
            raise FitError(f"a part of the datasets cannot be evaluated: {error}") from error
        return gathered

    def _sum(self, theta: Array) -> tuple[Array, Array, Array]:
        futures = [self._client.submit(_evaluate, part, theta, pure=False) for part in self._parts]
        sums = [sum(column) for column in zip(*self._gather(futures), strict=True)]
        own = self._own.normal_equations(theta)
        return tuple(total + mine for total, mine in zip(sums, own, strict=True))

    def normal_equations(self, theta: ArrayLike, rows: Any = None) -> tuple[Array, Array, Array]:
        """Deviance (N,), gradient (N, p) and Fisher matrix (N, p, p) of a batch (N, p); all ``rows`` share the data."""
        return self._sum(np.asarray(theta, dtype=float))

    def _at(self, theta: ArrayLike, which: int) -> Any:
        theta = np.asarray(theta, dtype=float)
        found = self._sum(np.atleast_2d(theta))[which]
        return found if theta.ndim == 2 else found[0]

    def deviance(self, theta: ArrayLike) -> Any:
        """Statistic without the terms that depend on the data alone, priors included."""
        return self._at(theta, 0)

    def stat(self, theta: ArrayLike) -> Any:
        """Statistic with the constants that the field uses."""
        return self.deviance(theta) + self._offset

    def gradient(self, theta: ArrayLike) -> Array:
        """Gradient (p,) or (N, p)."""
        gradient: Array = self._at(theta, 1)
        return gradient

    def deviance_and_gradient(self, theta: ArrayLike) -> tuple[Any, Array]:
        """Deviance () or (N,), and its gradient (p,) or (N, p)."""
        theta = np.asarray(theta, dtype=float)
        deviance, gradient, _ = self._sum(np.atleast_2d(theta))
        return (deviance, gradient) if theta.ndim == 2 else (deviance[0], gradient[0])

    def fisher(self, theta: ArrayLike) -> Array:
        """Expected Hessian (p, p) or (N, p, p)."""
        fisher: Array = self._at(theta, 2)
        return fisher

    def npred_signal(self, theta: ArrayLike) -> dict[str, Array]:
        """Predicted counts of the sources in each part, summed over its bins and datasets."""
        futures = [self._client.submit(_total_signal, part, np.asarray(theta), pure=False) for part in self._parts]
        return {f"part {number}": total for number, total in enumerate(self._gather(futures))}

    def doubts(self, theta: ArrayLike) -> list[str]:
        """Say what is doubtful in each part, such as too few off counts."""
        futures = [self._client.submit(what_is_doubtful, part, np.asarray(theta), pure=False) for part in self._parts]
        return list(dict.fromkeys(text for found in self._gather(futures) for text in found))

    def diagnose(self, theta: ArrayLike) -> str:
        """Say in words which datasets make the statistic infinite or undefined."""
        futures = [self._client.submit(_diagnose, part, np.asarray(theta), pure=False) for part in self._parts]
        words = [text for text in self._gather(futures) if text != "every bin is finite"]
        return "; ".join(words) or "every bin is finite"


# -- on the workers


def _load_part(load: bytes, piece: bytes) -> Datasets:
    from pickle import loads

    read = loads(load)
    return Datasets([read(source) for source in loads(piece)])


def _compile_part(datasets: Datasets, task: bytes) -> Likelihood:
    from pickle import loads

    models = loads(task)
    for dataset in datasets:
        dataset.models = models
    return compile_likelihood(datasets, joint_models=models)


def _describe(part: Likelihood) -> tuple[int, float]:
    return part.n_data, float(part.statistic.offset)


def _evaluate(part: Likelihood, theta: Array) -> tuple[Array, Array, Array]:
    return part.normal_equations(theta)


def _total_signal(part: Likelihood, theta: Array) -> Array:
    return np.sum([counts.sum(axis=-1) for counts in part.npred_signal(theta).values()], axis=0)


def _diagnose(part: Likelihood, theta: Array) -> str:
    return part.diagnose(theta)
