"""A spectral model made of any function: a radiative code, or a formula of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.parameter_files import parameters_declared_by
from gammafold.modeling.models.spectral_compile import compile_model, compile_with_units
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

__all__ = ["FunctionSpectralModel"]


class FunctionSpectralModel(SpectralModel):
    """A function of energy and parameters as a model.

    Files of models name the function by its import path; it is imported when they are read.

    Parameters
    ----------
    function : callable or str
        ``function(energy, **parameters)``, or its import path ``"module:name"``. It takes quantities, and gives a
        differential flux, or a factor without unit. One that does not broadcast energies (q,) against parameters
        (N, 1) is called for one parameter vector after the other.
    parameters : dict or iterable of Parameter
        The parameters by their names: a quantity, a string such as "1 TeV", a number or a Parameter each.
    plain : bool
        The function takes and gives plain numbers, in TeV, cm and s; written with the array namespace of its
        arguments it runs on JAX, too. Default: False.
    norm : bool
        The function is a factor without unit. Default: False.

    Raises
    ------
    InputError, UnitsError
        If the function cannot be imported; and when it is first used, if it raises an error, or gives no flux.

    Examples
    --------
    >>> import astropy.units as u
    >>> def flux(energy, level, slope):
    ...     return level * (energy / u.TeV) ** -slope
    >>> model = FunctionSpectralModel(flux, {"level": "1e-12 cm-2 s-1 TeV-1", "slope": 2})
    >>> model.slope.value = 3
    >>> model(2 * u.TeV)
    <Quantity 1.25e-13 1 / (TeV s cm2)>
    """

    tag = ("FunctionSpectralModel", "function")

    def __init__(
        self,
        function: Callable[..., Any] | str,
        parameters: Mapping[str, Any] | Iterable[Parameter] = (),
        plain: bool = False,
        norm: bool = False,
    ) -> None:
        if isinstance(parameters, Mapping):
            given = dict(parameters)
        else:
            given = _by_name(parameters)
        self._declare([_declaration(name, value) for name, value in given.items()], given)
        self.function: Callable[..., Any] = _imported(function) if isinstance(function, str) else function
        if not callable(self.function):
            raise InputTypeError(f"function is {function!r}: expected a callable or its import path 'module:name'")
        self.plain = bool(plain)
        self.norm_only = bool(norm)

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether the function is a factor without unit."""
        return self.norm_only

    def evaluate(self, energy: Any, *values: Any) -> Any:
        """Return what the function gives."""
        return self.function(energy, **dict(zip(self._parameter_names, values, strict=True)))

    def compile(self) -> FluxFunction:
        """Return the function as the engine takes it.

        Raises
        ------
        InputError, UnitsError
            If it raises an error, or gives no flux of the shape of the energies.
        """
        if self.plain:
            return compile_model(self)
        name = getattr(self.function, "__name__", repr(self.function))
        return compile_with_units(f"function {name!r}", self.evaluate, self.parameters, self._engine_unit)

    @classmethod
    def from_parameters(cls, parameters: Iterable[Parameter], **kwargs: Any) -> FunctionSpectralModel:
        """Return a model with the given parameters, which are shared, and the other arguments of the class."""
        return cls(parameters=parameters, **kwargs)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts.

        Raises
        ------
        InputError
            If the function cannot be found again by an import path.
        """
        content = super().to_dict(full_output)
        content["spectral"]["function"] = _path_of(self.function)
        content["spectral"] |= {key: True for key in ("plain", "norm_only") if getattr(self, key)}
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> FunctionSpectralModel:
        """Return a model from `to_dict`; its function is imported."""
        content = data.get("spectral", data)
        if "function" not in content:
            raise FileFormatError(f"{cls.__name__}: no entry 'function'")
        return cls(
            content["function"],
            parameters_declared_by(content, cls.__name__),
            plain=content.get("plain", False),
            norm=content.get("norm_only", False),
        )


def _by_name(parameters: Any) -> dict[str, Parameter]:
    if not isinstance(parameters, Iterable) or not all(isinstance(each, Parameter) for each in parameters):
        raise InputTypeError(f"parameters are {parameters!r}: expected a dict of values by name, or Parameters")
    return {parameter.name: parameter for parameter in parameters}


def _declaration(name: str, value: Any) -> Parameter:
    if isinstance(value, Parameter):
        return value
    return Parameter(name, value)


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"the function {path!r} cannot be imported: expected 'module:name' of an importable module"
        ) from error
    return found


def _path_of(function: Callable[..., Any]) -> str:
    path = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '<object>')}"
    if "<" in path:
        raise InputError(
            f"the function {path!r} cannot be written: define it by a name at the top of an importable module"
        )
    return path
