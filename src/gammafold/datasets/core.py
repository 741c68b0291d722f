"""What every dataset is: data with a statistic, under masks, with models, in a joint likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.collection import Datasets
from gammafold.datasets.door import PlanCache
from gammafold.datasets.fingerprint import Watch
from gammafold.modeling.models.collection import DatasetModels
from gammafold.utils.errors import InputTypeError
from gammafold.utils.names import make_name

if TYPE_CHECKING:
    from gammafold.likelihood.likelihood import Likelihood
    from gammafold.likelihood.spec import DatasetSpec
    from gammafold.modeling.parameter import Parameter

__all__ = ["Dataset"]


class Dataset(ABC):
    """Data that models are fitted to.

    A subclass says what its statistic is, which bins count, and hands its arrays to the engine
    (`to_spec`) together with a list of what these arrays were made from (`watches`).

    Parameters
    ----------
    name : str, optional
        Unique among the datasets of a fit. Default: a random string of eight characters.
    models : Models, list of models or a model, optional
        Models; those apply that name no datasets or this one.
    """

    tag = "Dataset"
    stat_type: str

    def __init__(self, name: str | None = None, models: Any = None) -> None:
        self._name = make_name(name)
        self._cache = PlanCache()
        self._models: DatasetModels | None = None
        self.models = models

    @property
    def name(self) -> str:
        """Name of the dataset; models that name the dataset do not follow when it is set."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise InputTypeError(
                f"the name of dataset {self._name!r} cannot become {name!r}: expected a string that is not empty"
            )
        self._name = name

    @property
    def models(self) -> DatasetModels | None:
        """Models that apply to this dataset; None if none were set.

        The collection is new at each access; the models in it are the very objects that were set, so that
        changing a parameter changes every prediction that uses it.
        """
        if self._models is None:
            return None
        return DatasetModels([model for model in self._models if applies(model, self._name)])

    @models.setter
    def models(self, models: Any) -> None:
        self._models = None if models is None else DatasetModels(models)

    @property
    @abstractmethod
    def mask(self) -> Any:
        """Bins that enter the statistic, or None for all."""

    @abstractmethod
    def to_spec(
        self,
        models: Sequence[Any],
        position: Callable[[Iterable[Parameter]], tuple[int, ...]],
        flux: Callable[..., Any],
        masked: bool,
    ) -> DatasetSpec:
        """Return the arrays of this dataset as the engine takes them.

        Parameters
        ----------
        models : sequence of models
            The models to fold, in their order.
        position : callable
            Gives the positions of parameters in the full parameter vector.
        flux : callable
            ``flux(spectral_model, corrections=())`` gives the compiled flux function of a spectral model, seen
            through corrections of the response, whose parameters follow those of the model: one object for each
            combination, so that datasets which share it share its evaluation.
        masked : bool
            Whether only the bins inside the mask are kept.
        """

    @abstractmethod
    def watches(self) -> list[Watch]:
        """Return what `to_spec` reads of this dataset, models excluded."""

    @abstractmethod
    def stat_array(self) -> np.ndarray:
        """Return the statistic per bin, masks ignored."""

    def likelihood(self) -> Likelihood:
        """Return the compiled likelihood of this dataset, inside its masks.

        It is a function of the free parameters alone and does not change any more: hand it to an optimiser or
        a sampler of your own. Changing the dataset later does not change it; ask again.

        Returns
        -------
        likelihood : `~gammafold.likelihood.likelihood.Likelihood`
            ``likelihood.stat(theta)`` for ``theta`` of shape ``(p,)`` or a batch ``(N, p)``.
        """
        return self._cache.likelihood([self])

    def stat_sum(self) -> float:
        """Return the total statistic inside the masks at the current parameters, priors included.

        Returns
        -------
        stat_sum : float
            Infinite if the model is impossible: no counts predicted where some were seen.
        """
        return self._cache.stat([self])

    @staticmethod
    def collection(members: Iterable[Any]) -> Datasets:
        """Return the collection that a list of datasets is fitted as."""
        return Datasets(members)

    def __getstate__(self) -> dict[str, Any]:
        # A compiled plan is cheap to make again; functions in it may not be picklable.
        return {**self.__dict__, "_cache": PlanCache()}


def applies(model: Any, name: str) -> bool:
    """Return True if a model applies to the dataset called ``name``."""
    names = model.datasets_names
    return names is None or name in ([names] if isinstance(names, str) else names)
