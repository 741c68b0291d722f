"""What every model is: parameters declared as attributes of its class, and one way to copy and to write it.

A model declares its parameters as attributes of its class, by the names that its ``evaluate`` gives them. They are kept
in the order in which ``evaluate`` takes them, or as declared where it does not name them all::

    class Line(SpectralModel):
        tag = ["Line", "line"]
        amplitude = Parameter("amplitude", "1e-12 cm-2 s-1 TeV-1")
        slope = Parameter("slope", "0 cm-2 s-1 TeV-2")

Each instance gets copies of them. ``second.slope = first.slope`` links two models: both hold one parameter.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import astropy.units as u
import numpy as np

from gammafold.modeling.covariance import Covariance, store_covariance
from gammafold.modeling.links import labelled
from gammafold.modeling.models.parameter_files import parameter_to_dict, parameters_from_dict, tell_unknown_keys
from gammafold.modeling.parameter import Parameter, Parameters
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError
from gammafold.utils.names import make_name

__all__ = ["ModelBase", "NamedModel", "import_path", "listed_names", "main_tag", "relink", "walk"]


def _in_order_of(evaluate: Any, declared: dict[str, Parameter]) -> dict[str, Parameter]:
    """Return parameters in the order of the arguments of a function that names them all, else as they are.

    The engine hands values over by position: a formula with its arguments in another order would get them mixed up.
    """
    if evaluate is None:
        return declared
    named = [name for name in inspect.signature(evaluate).parameters if name in declared]
    return {name: declared[name] for name in named} if len(named) == len(declared) else declared


class ModelBase:
    """Base of all models.

    Parameters
    ----------
    **kwargs
        Values of parameters: a quantity, a string such as ``"1 TeV"``, a number where the parameter has no
        unit, or a `~gammafold.modeling.parameter.Parameter`, which is then shared. Default: as the class
        declares them.

    Raises
    ------
    InputTypeError
        If there is no parameter of a given name.
    UnitsError
        If a value has another kind of unit than the parameter.
    """

    # The kind of the model: "spectral", "spatial" or "temporal"; the key under which files hold it.
    _type: ClassVar[str] = ""
    # Names by which files may call the class, the first one when written.
    tag: ClassVar[Any] = "ModelBase"
    default_parameters: ClassVar[Parameters] = Parameters()
    _parameter_names: tuple[str, ...] = ()
    # Entries of its own in files, besides the type and the parameters.
    _file_keys: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "tag" not in cls.__dict__:
            cls.tag = cls.__name__
        declared = {name: value for name, value in cls.__dict__.items() if isinstance(value, Parameter)}
        for name, parameter in declared.items():
            if parameter.name != name:
                raise InputError(f"{cls.__name__}.{name} is a parameter called {parameter.name!r}: give it one name")
        inherited = {parameter.name: parameter for parameter in cls.default_parameters}
        # Whoever declares all parameters again gives them a new order.
        merged = declared if inherited.keys() <= declared.keys() else {**inherited, **declared}
        merged = _in_order_of(getattr(cls, "evaluate", None), merged)
        cls.default_parameters = Parameters(merged.values())
        cls._parameter_names = tuple(merged)

    def __init__(self, **kwargs: Any) -> None:
        self._declare(self.default_parameters, kwargs)

    def _declare(self, parameters: Iterable[Parameter], values: dict[str, Any] | None = None) -> None:
        """Give the model copies of ``parameters``, set to ``values``.

        Classes whose number of parameters depends on the instance call this instead of ``super().__init__``.
        """
        declared = {parameter.name: parameter for parameter in parameters}
        values = values or {}
        unknown = [name for name in values if name not in declared]
        if unknown:
            raise InputTypeError(f"{type(self).__name__} has no parameter {unknown}: there are {list(declared)}")
        self.__dict__["_parameter_names"] = tuple(declared)
        self.__dict__["_stamp"] = object()
        for name, default in declared.items():
            given = values.get(name)
            if isinstance(given, Parameter):
                parameter = self._fitting(default, given)
            else:
                parameter = default.copy()
                if given is not None:
                    self._assign(parameter, given)
            parameter._type = parameter._type or self._type
            self.__dict__[name] = parameter

    def _assign(self, parameter: Parameter, value: Any) -> None:
        """Set a parameter to a value as a user gives it."""
        if not isinstance(value, str | u.Quantity):
            if parameter.unit != u.dimensionless_unscaled:
                raise UnitsError(
                    f"parameter {parameter.name!r} of {type(self).__name__} is {value!r} without a unit: "
                    f"expected a quantity like '{parameter.value:g} {parameter.unit.to_string()}'"
                )
            parameter.value = value
            return
        parameter.quantity = value

    def _fitting(self, own: Parameter, given: Parameter) -> Parameter:
        """Return a parameter that is to stand for another one, if its unit fits."""
        if not given.unit.is_equivalent(own.unit):
            raise UnitsError(
                f"parameter {own.name!r} of {type(self).__name__} cannot be one in {given.unit.to_string()!r}: "
                f"expected a unit like {own.unit.to_string()!r}"
            )
        return given

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._parameter_names:
            if not isinstance(value, Parameter):
                raise InputTypeError(
                    f"{type(self).__name__}.{name} is a parameter and cannot be set to {value!r}: "
                    f"set {name}.value or {name}.quantity, or link it to another parameter"
                )
            value = self._fitting(self.__dict__.get(name, self.default_parameters[name]), value)
        elif isinstance(value, Parameter) and not hasattr(self, name):
            raise InputTypeError(f"{type(self).__name__} has no parameter {name!r}: there are {self.places}")
        if isinstance(value, ModelBase) and any(part is self for part in walk(value)):
            raise InputError(f"{type(self).__name__}.{name} cannot be {value!r}: a model would be a part of itself")
        super().__setattr__(name, value)
        if name in self.__dict__:
            # Whoever compiled the model sees by the new stamp that an attribute was set.
            self.__dict__["_stamp"] = object()

    # -- what it is

    @property
    def type(self) -> str:
        """Kind of the model, such as "spectral"."""
        return self._type

    @property
    def parameters(self) -> Parameters:
        """Parameters, in the order of ``evaluate``."""
        own = self.__dict__
        return Parameters([own[name] for name in self._parameter_names])

    @property
    def places(self) -> list[str]:
        """Names under which the model holds its parameters, in their order."""
        own = self._parameter_names
        parameters = self.parameters
        return list(own) if len(own) == len(parameters) else parameters.names

    @property
    def parameters_unique_names(self) -> list[str]:
        """The same as `places`, by the field's name."""
        return self.places

    @property
    def frozen(self) -> bool:
        """Whether all parameters are frozen."""
        return all(parameter.frozen for parameter in self.parameters)

    @property
    def covariance(self) -> Covariance:
        """Covariance of the parameters; setting it, as a matrix or a Covariance, sets their errors."""
        return Covariance(self.parameters)

    @covariance.setter
    def covariance(self, covariance: Any) -> None:
        parameters = self.parameters
        store_covariance(parameters, Covariance(parameters, covariance).data)

    def freeze(self) -> None:
        """Freeze all parameters."""
        self.parameters.freeze_all()

    def unfreeze(self) -> None:
        """Make each parameter frozen or free as its class declares it."""
        for part in walk(self):
            defaults = {parameter.name: parameter.frozen for parameter in part.default_parameters}
            for name in part._parameter_names:
                getattr(part, name).frozen = defaults.get(name, False)

    # -- copies and files

    def copy(self, copy_data: bool = False, **kwargs: Any) -> Self:
        """Return a deep copy, with some parameters set to other values.

        Parameters
        ----------
        copy_data : bool
            Accepted for scripts: data such as the arrays of a template are always copied.
        **kwargs
            Values of parameters, as for the constructor.
        """
        new = copy.deepcopy(self)
        unknown = [name for name in kwargs if name not in new._parameter_names]
        if unknown:
            raise InputTypeError(f"{type(self).__name__} has no parameter {unknown}: there are {self.parameters.names}")
        for name, value in kwargs.items():
            if isinstance(value, Parameter):
                setattr(new, name, value)
            else:
                new._assign(getattr(new, name), value)
        return new

    @classmethod
    def from_parameters(cls, parameters: Iterable[Parameter], **kwargs: Any) -> Self:
        """Return a model with the given parameters, found by their names; they are shared."""
        return cls(**{parameter.name: parameter for parameter in parameters}, **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts, lists, strings and numbers.

        Parameters
        ----------
        full_output : bool
            Whether to write what is as the class declares it, too. Default: False.
        """
        defaults = {parameter.name: parameter for parameter in self.default_parameters}
        parameters = self.parameters

        def usual(name: str, parameter: Parameter) -> Parameter:
            # What an instance declares for itself is written where it is not as any parameter.
            return defaults.get(name) or Parameter(name, 1.0, parameter.unit)

        with labelled((parameter, "") for parameter in parameters):
            written = [
                # A linked parameter may have another name elsewhere: here it goes by that of its place.
                parameter_to_dict(parameter, None if full_output else usual(name, parameter)) | {"name": name}
                for name, parameter in zip(self.places, parameters, strict=True)
            ]
        content: dict[str, Any] = {"type": main_tag(type(self))}
        path = import_path(type(self))
        if path is not None:
            content["class"] = path
        content["parameters"] = written
        return {self._type: content} if self._type else content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from `to_dict`."""
        content = data.get(cls._type, data) if cls._type else data
        if import_path(cls) is None:
            # What a class of a user reads is its own affair.
            tell_unknown_keys(content, ("type", "parameters", *cls._file_keys), main_tag(cls))
        parameters = parameters_from_dict(content.get("parameters", []), cls.default_parameters, main_tag(cls))
        return cls.from_parameters(parameters, **kwargs)

    def __repr__(self) -> str:
        values = ", ".join(f"{parameter.name}={_short(parameter)}" for parameter in self.parameters)
        return f"{type(self).__name__}({values})"

    def __str__(self) -> str:
        lines = [type(self).__name__]
        if len(self.parameters):
            lines += ["", *self.parameters.to_table().pformat(max_lines=-1, max_width=-1)]
        return "\n".join(lines)


class NamedModel(ModelBase):
    """A model as a member of `~gammafold.modeling.models.collection.Models`: with a name, for some datasets.

    Parameters
    ----------
    name : str, optional
        Unique among the models of a fit. Default: a random string of eight characters.
    datasets_names : str or list of str, optional
        Datasets that the model applies to. Default: all.
    """

    # Whether the model is folded with the response, or predicts counts of the background.
    tag_is_sky: ClassVar[bool] = False
    # Whether the model predicts no counts itself, but changes how datasets see the sky models.
    corrects_response: ClassVar[bool] = False

    def __init__(self, name: str | None = None, datasets_names: Any = None) -> None:
        super().__init__()
        self._name = make_name(name)
        self.datasets_names = datasets_names

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def datasets_names(self) -> list[str] | None:
        """Names of the datasets that the model applies to; None for all."""
        return self._datasets_names

    @datasets_names.setter
    def datasets_names(self, names: Any) -> None:
        self._datasets_names: list[str] | None = listed_names(names, self._name)

    @property
    def datasets_key(self) -> tuple[str, ...] | None:
        """``datasets_names`` as a value, which shows a change of the list in place."""
        return None if self._datasets_names is None else tuple(self._datasets_names)

    @classmethod
    def from_content(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from a dict; linked parameters still carry their labels, see `relink`."""
        raise NotImplementedError(f"{cls.__name__} cannot be read")

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from `to_dict`.

        Raises
        ------
        FileFormatError
            If a part is of an unknown type, or has parameters that its type does not know.
        """
        model = cls.from_content(data, **kwargs)
        relink([model])
        return model

    def reassign(self, datasets_names: Any, new_datasets_names: Any) -> Self:
        """Return a copy of the same name that applies to other datasets.

        Parameters
        ----------
        datasets_names : str or list of str
            Datasets that are replaced, where the model names them.
        new_datasets_names : str or list of str
            What each of them is replaced by.
        """
        old = [datasets_names] if isinstance(datasets_names, str) else list(datasets_names)
        new = [new_datasets_names] if isinstance(new_datasets_names, str) else list(new_datasets_names)
        if len(old) != len(new):
            raise InputError(f"cannot reassign {old} to {new}: expected as many names")
        renamed = copy.deepcopy(self)
        if self.datasets_names is not None:
            table = dict(zip(old, new, strict=True))
            renamed.datasets_names = [table.get(name, name) for name in self.datasets_names]
        return renamed


def walk(model: ModelBase) -> Iterator[ModelBase]:
    """Go through a model and the models that it is made of, each once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [value for value in vars(part).values() if isinstance(value, ModelBase)]


def relink(models: Iterable[ModelBase]) -> None:
    """Make one parameter of those that were read with the same link label.

    Raises
    ------
    FileFormatError
        If they do not have one value.
    """
    shared: dict[str, Parameter] = {}
    for model in models:
        for part in walk(model):
            for name in part._parameter_names:
                parameter = getattr(part, name)
                if parameter.link is not None:
                    first = shared.setdefault(parameter.link, parameter)
                    _require_equal(first, parameter)
                    setattr(part, name, first)
    for parameter in shared.values():
        parameter.link = None


def _require_equal(first: Parameter, other: Parameter) -> None:
    """Raise an error if two parameters that are to be one differ: a file was changed in one place only."""
    same = first.unit.is_equivalent(other.unit)
    if not same or not np.isclose(first.quantity.to_value(other.unit), other.value, rtol=1e-9, atol=0):
        raise FileFormatError(
            f"the parameters linked as {first.link!r} are {first.name} = {first.quantity:g} and "
            f"{other.name} = {other.quantity:g}: expected one value"
        )


def listed_names(names: Any, model: str) -> list[str] | None:
    """Return names of datasets, given as one, as several or as None, as a list or None.

    Raises
    ------
    InputTypeError
        If they are something else; the message names the model.
    """
    if names is None:
        return None
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if not all(isinstance(name, str) for name in listed):
        raise InputTypeError(f"datasets_names of model {model!r} are {names!r}: expected strings or None")
    return listed


def main_tag(cls: type[ModelBase]) -> str:
    """Return the name under which a class is written."""
    return str(cls.tag if isinstance(cls.tag, str) else cls.tag[0])


def import_path(cls: type) -> str | None:
    """Return ``"module:Class"`` for a class of a user, from which a file can be read; None for our own."""
    return None if cls.__module__.startswith("gammafold.") else f"{cls.__module__}:{cls.__qualname__}"


def _short(parameter: Parameter) -> str:
    unit = parameter.unit.to_string()
    return f"{parameter.value:.6g} {unit}".rstrip()
