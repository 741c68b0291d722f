"""Parameters as files of models hold them: what differs from the declaration of the class, or everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError

__all__ = ["parameter_to_dict", "parameters_declared_by", "parameters_from_dict"]

# What a reader needs to know whatever the class declares.
_ALWAYS = ("name", "value", "unit", "link", "prior")
_OPTIONAL = ("error", "min", "max", "frozen", "interp", "scale_method", "scale_transform")


def parameter_to_dict(parameter: Parameter, default: Parameter | None) -> dict[str, Any]:
    """Return a parameter as a dict, without what is as in ``default``; None keeps everything."""
    content = parameter.to_dict()
    if default is None:
        return content
    usual = default.to_dict()
    kept = {name: value for name, value in content.items() if name in _ALWAYS or not _same(value, usual[name])}
    if kept["unit"] == "":
        del kept["unit"]
    return kept


def parameters_from_dict(
    contents: Iterable[Mapping[str, Any]], defaults: Iterable[Parameter], owner: str
) -> list[Parameter]:
    """Return the parameters of a model, in the order of ``defaults``, from what a file says of some of them.

    Parameters
    ----------
    contents : iterable of dict
        One for each parameter, from `parameter_to_dict` or a file.
    defaults : iterable of Parameter
        The parameters as declared.
    owner : str
        The model, for errors.

    Raises
    ------
    FileFormatError
        If a parameter has no name or value, or the model has none of that name.
    """
    parameters = {parameter.name: parameter.copy() for parameter in defaults}
    for content in contents:
        name = content.get("name")
        if name not in parameters:
            raise FileFormatError(f"model {owner} has no parameter {name!r}: there are {list(parameters)}")
        if "value" not in content:
            raise FileFormatError(f"parameter {name!r} of model {owner} has no value")
        parameters[name] = _read(content, parameters[name])
    return list(parameters.values())


def parameters_declared_by(content: Mapping[str, Any], owner: str) -> list[Parameter]:
    """Return the parameters of a model whose class declares none, as its entry in a file lists them."""
    entries = content.get("parameters", [])
    usual = [Parameter(entry.get("name"), 1.0, entry.get("unit", "")) for entry in entries]
    return parameters_from_dict(entries, usual, owner)


def _read(content: Mapping[str, Any], default: Parameter) -> Parameter:
    from gammafold.modeling.models.prior import Prior

    usual = default.to_dict()
    values = {name: content.get(name, usual[name]) for name in _OPTIONAL}
    if not values["error"] >= 0:
        # Some writers leave NaN where they know no error.
        values["error"] = 0
    unit = content.get("unit", usual["unit"])
    if "unit" in content and not default.unit.is_equivalent(unit):
        raise FileFormatError(
            f"parameter {default.name!r} has the unit {unit!r}: expected one like {default.unit.to_string()!r}"
        )
    parameter = Parameter(default.name, float(content["value"]), unit, **values)
    parameter.link = content.get("link")
    if content.get("prior") is not None:
        parameter.prior = Prior.from_dict(content["prior"])
    return parameter


def _same(value: Any, usual: Any) -> bool:
    if isinstance(value, float) and isinstance(usual, float) and np.isnan(value) and np.isnan(usual):
        return True
    return bool(value == usual)
