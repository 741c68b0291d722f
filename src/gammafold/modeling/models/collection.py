"""Ordered, named collections of models."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gammafold.modeling.covariance import Covariance, store_covariance
from gammafold.modeling.links import labelled
from gammafold.modeling.models.core import NamedModel
from gammafold.modeling.models.files_methods import ModelsFiles
from gammafold.modeling.parameter import Parameter, Parameters
from gammafold.utils.errors import InputError, InputTypeError, UnknownNameError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["DatasetModels", "Models"]


class DatasetModels(ModelsFiles, Sequence):
    """Models with unique names, in order.

    Parameters
    ----------
    models : model, list of models, or collection, optional
        The members: `~gammafold.modeling.models.sky.SkyModel`,
        `~gammafold.modeling.models.sky.FoVBackgroundModel`, ... Default: none.
    covariance_data : array, optional
        Covariance of the parameters, shape ``(P, P)``.

    Raises
    ------
    InputTypeError
        If a member is no model of a source or a background.
    InputError
        If two members have the same name.

    Examples
    --------
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> models = Models([SkyModel(PowerLawSpectralModel(), name=name) for name in ("crab", "nebula")])
    >>> models["nebula"].spectral_model.index = models["crab"].spectral_model.index
    >>> len(models.parameters), len(models.parameters.unique_parameters)
    (6, 5)
    """

    def __init__(self, models: Any = None, covariance_data: Any = None) -> None:
        if models is None:
            members: list[Any] = []
        elif isinstance(models, DatasetModels):
            members = list(models._models)
        elif hasattr(models, "parameters") or isinstance(models, str) or not isinstance(models, Iterable):
            members = [models]
        else:
            members = list(models)
        self._models: list[Any] = members
        for member in members:
            _require_model(member)
        names = self.names
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"several models are called {twice}: give each a name of its own")
        if covariance_data is not None:
            self.covariance = covariance_data

    # -- a sequence, addressed by index or by name

    def __len__(self) -> int:
        return len(self._models)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._models)

    def __contains__(self, item: object) -> bool:
        return any(item is model or item == model.name for model in self._models)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return type(self)(self._models[key])
        if isinstance(key, list | tuple | np.ndarray):
            chosen = np.flatnonzero(key) if np.asarray(key).dtype == bool else key
            return type(self)([self[item] for item in chosen])
        return self._models[self.index(key)]

    def index(self, key: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a model, given by itself, its name or its index.

        Raises
        ------
        UnknownNameError
            If it is not there.
        """
        if isinstance(key, int | np.integer):
            return range(len(self._models))[int(key)]
        for i, model in enumerate(self._models):
            if model is key or model.name == key:
                return i
        raise UnknownNameError(f"no model {key!r}: there are {self.names}")

    def __add__(self, other: Any) -> Self:
        if not isinstance(other, DatasetModels | list | NamedModel):
            return NotImplemented
        return type(self)([*self._models, *type(self)(other)])

    # -- what the members are

    @property
    def names(self) -> list[str]:
        """Names of the members, in order."""
        return [model.name for model in self._models]

    @property
    def parameters(self) -> Parameters:
        """Parameters of all members; a linked one appears once for each use."""
        return Parameters.from_stack(model.parameters for model in self._models)

    @property
    def parameters_unique_names(self) -> list[str]:
        """Names such as "crab.spectral.index", one for each of `parameters`."""
        return [
            f"{model.name}.{kind}.{place}" if kind else f"{model.name}.{place}"
            for model in self._models
            for kind, part in getattr(model, "parts", {"": model}).items()
            for place in part.places
        ]

    @property
    def parameters_short_names(self) -> list[str]:
        """Names of the unique parameters, as short as they can be and still tell them apart.

        "index" where only one parameter is called so, "crab.index" where there are several, and a number behind
        it where one model has several.
        """
        owners: dict[int, tuple[str, str]] = {}
        for model in self._models:
            for parameter in model.parameters:
                owners.setdefault(id(parameter), (model.name, parameter.name))
        times = Counter(name for _, name in owners.values())
        names = [name if times[name] == 1 else f"{model}.{name}" for model, name in owners.values()]
        seen: Counter[str] = Counter()
        for i, name in enumerate(names):
            seen[name] += 1
            if seen[name] > 1:
                names[i] = f"{name}-{seen[name]}"
        return names

    def parameters_called(self, name: str) -> list[Parameter]:
        """Return the parameters that go by a name, each once.

        Parameters
        ----------
        name : str
            Such as "index", "crab.index" or "crab.spectral.index".
        """
        owners = [(model.name, parameter) for model in self._models for parameter in model.parameters]
        found = {
            id(parameter): parameter
            for full, (model, parameter) in zip(self.parameters_unique_names, owners, strict=True)
            if name in (full, f"{model}.{parameter.name}", parameter.name)
        }
        return list(found.values())

    @property
    def covariance(self) -> Covariance:
        """Covariance of `parameters`; setting it, as a matrix or a Covariance, sets their errors."""
        return Covariance(self.parameters)

    @covariance.setter
    def covariance(self, covariance: Any) -> None:
        parameters = self.parameters
        store_covariance(parameters, Covariance(parameters, covariance).data)

    def set_covariance(self, free_parameters: Sequence[Parameter], matrix: Any) -> None:
        """Take over the covariance of a fit: errors of the free parameters, and 0 for the others.

        Parameters
        ----------
        free_parameters : sequence of Parameter
            The parameters of the fit.
        matrix : array, shape (p, p), or None
            Their covariance; None if it is unknown, which makes all errors 0.
        """
        checked = None if matrix is None else Covariance(free_parameters, matrix).data
        for parameter in (*self.parameters, *free_parameters):
            parameter.error = 0.0
            parameter._correlated = None
        if checked is not None:
            store_covariance(free_parameters, checked)

    @property
    def frozen(self) -> bool:
        """Whether all parameters are frozen."""
        return all(model.frozen for model in self._models)

    @property
    def background_models(self) -> dict[str, str]:
        """For each dataset with a background model, by name, the name of that model."""
        return {
            name: model.name
            for model in self._models
            if not (model.tag_is_sky or model.corrects_response)
            for name in model.datasets_names or []
        }

    # -- selections and changes

    def select(
        self,
        name_substring: str | None = None,
        datasets_names: Any = None,
        tag: Any = None,
        model_type: str | None = None,
        frozen: bool | None = None,
    ) -> Self:
        """Return the members that fulfil all conditions.

        Parameters
        ----------
        name_substring : str, optional
            A part of the name.
        datasets_names : str or list of str, optional
            The model applies to one of these datasets.
        tag : str or list of str, optional
            A tag of the model, or of its part of the kind ``model_type``.
        model_type : {"spectral", "spatial", "temporal"}, optional
            Kind of the part whose tag is meant.
        frozen : bool, optional
            Whether all parameters are frozen.
        """
        return type(self)(
            [
                model
                for model in self._models
                if (name_substring is None or name_substring in model.name)
                and (datasets_names is None or _applies_to_any(model, _as_list(datasets_names)))
                and (tag is None or _has_tag(model, _as_list(tag), model_type))
                and (frozen is None or model.frozen == frozen)
            ]
        )

    def freeze(self, model_type: str | None = None) -> None:
        """Freeze all parameters, or those of the parts of one kind ("spectral", "spatial", "temporal")."""
        for model in self._models:
            model.freeze(model_type)

    def unfreeze(self, model_type: str | None = None) -> None:
        """Make parameters frozen or free as their classes declare them, of all parts or of one kind."""
        for model in self._models:
            model.unfreeze(model_type)

    def reassign(self, dataset_name: Any, new_dataset_name: Any) -> Self:
        """Return the models with those of one dataset applying to another; see `NamedModel.reassign`.

        Models that name the dataset are copied, under their names; all others are shared.
        """
        old = _as_list(dataset_name)
        return type(self)(
            [
                model.reassign(dataset_name, new_dataset_name) if set(model.datasets_names or []) & set(old) else model
                for model in self._models
            ]
        )

    def copy(self, copy_data: bool = False) -> Self:
        """Return a deep copy under the same names; parameters that are linked stay linked among the copies.

        ``copy_data`` is accepted for scripts: data such as the arrays of a template are always copied.
        """
        return type(self)(copy.deepcopy(self._models))

    # -- tables

    def to_parameters_table(self) -> Table:
        """Return a table with a row for each parameter of each member."""
        owners = [(parameter, model.name) for model in self._models for parameter in model.parameters]
        with labelled(owners):
            table = self.parameters.to_table()
        table.add_column(np.array([name for _, name in owners], dtype=str), index=0, name="model")
        return table

    def update_parameters_from_table(self, table: Table) -> None:
        """Set values, errors, limits and frozen flags from a table as `to_parameters_table` makes it.

        Numbers are converted where the table has a column of units.

        Raises
        ------
        InputError, UnitsError, UnknownNameError
            If a parameter or a unit is not known, or an entry cannot be read.
        """
        from gammafold.modeling.models.parameter_tables import update_from_table

        update_from_table(self, table)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{model.name}: {type(model).__name__}" for model in self._models)
        return f"<{type(self).__name__} of {len(self)}: {kinds}>"

    def __str__(self) -> str:
        return "\n\n".join([type(self).__name__, *(f"{i}: {model}" for i, model in enumerate(self._models))])


class Models(DatasetModels, MutableSequence):
    """Models with unique names, in order, to which models can be added; else as `DatasetModels`.

    Examples
    --------
    >>> from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    >>> models = Models()
    >>> models.append(SkyModel(PowerLawSpectralModel(), name="crab"))
    >>> models.names
    ['crab']
    """

    def __setitem__(self, key: Any, model: Any) -> None:
        index = self.index(key)
        self._require_new(model, [name for i, name in enumerate(self.names) if i != index])
        self._models[index] = model

    def __delitem__(self, key: Any) -> None:
        del self._models[key if isinstance(key, slice) else self.index(key)]

    def insert(self, index: int, model: Any) -> None:
        """Insert a model before ``index``."""
        self._require_new(model, self.names)
        self._models.insert(index, model)

    def pop(self, key: Any = -1) -> Any:
        """Remove a model, given by index or name, and return it."""
        return self._models.pop(self.index(key))

    def remove(self, key: Any) -> None:
        """Remove a model, given by itself or its name."""
        del self._models[self.index(key)]

    def _require_new(self, model: Any, names: Sequence[str]) -> None:
        _require_model(model)
        if model.name in names:
            raise InputError(f"a model {model.name!r} is already there: names must be unique")


def _require_model(model: Any) -> None:
    if not isinstance(model, NamedModel):
        hint = ": put it into a SkyModel" if getattr(model, "type", "") == "spectral" else ""
        raise InputTypeError(f"{model!r} is no model of a source or a background{hint}")


def _as_list(names: Any) -> list[Any]:
    return [names] if isinstance(names, str) else list(names)


def _applies_to_any(model: Any, names: Sequence[str]) -> bool:
    return model.datasets_names is None or bool(set(model.datasets_names) & set(names))


def _has_tag(model: Any, tags: Sequence[str], kind: str | None) -> bool:
    part = model if kind is None else getattr(model, "parts", {}).get(kind)
    if part is None:
        return False
    own = [part.tag] if isinstance(part.tag, str) else part.tag
    return bool(set(own) & set(tags))
