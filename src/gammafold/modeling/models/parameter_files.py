"""Parameters as files of models hold them: what differs from the declaration of the class, or everything."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gammafold.modeling.parameter import Parameter
from gammafold.modeling.parameter_checks import as_unit
from gammafold.utils.errors import FileFormatError, GammafoldWarning

__all__ = [
    "entries_of",
    "number_in",
    "parameter_to_dict",
    "parameters_declared_by",
    "parameters_from_dict",
    "tell_unknown_keys",
]

# What a reader needs to know whatever the class declares.
_ALWAYS = ("name", "value", "unit", "link", "prior")
_OPTIONAL = ("error", "min", "max", "frozen", "interp", "scale_method", "scale_transform")
# What other writers add, and what says nothing that we need.
_OF_OTHERS = ("factor", "scale", "type")


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
    for content in entries_of(contents, owner):
        name = content["name"]
        if name not in parameters:
            raise FileFormatError(f"model {owner} has no parameter {name!r}: there are {list(parameters)}")
        if "value" not in content:
            raise FileFormatError(f"parameter {name!r} of model {owner} has no value")
        parameters[name] = _read(content, parameters[name])
    return list(parameters.values())


def entries_of(contents: Any, owner: str) -> list[Mapping[str, Any]]:
    """Return the entries of parameters in a file, each of which is a mapping with a name.

    Raises
    ------
    FileFormatError
        If they are something else, or two have one name.
    """
    if not isinstance(contents, Iterable) or isinstance(contents, str | Mapping):
        raise FileFormatError(f"the parameters of {owner} are {contents!r}: expected a list")
    entries = list(contents)
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise FileFormatError(f"a parameter of {owner} is {entry!r}: expected a mapping with a name and a value")
    names = [entry["name"] for entry in entries]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise FileFormatError(f"{owner} has the parameters {twice} more than once")
    return entries


def number_in(content: Mapping[str, Any], key: str, what: str) -> float:
    """Return a number of an entry of a file.

    Raises
    ------
    FileFormatError
        If it is not there, or is no number.
    """
    value = content.get(key)
    try:
        # YAML takes 1e-12, without a dot, for a string.
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"the {key} of {what} is {value!r}: expected a number") from error


def tell_unknown_keys(content: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Warn of entries that nobody reads: they are misspelt more often than not."""
    strange = sorted(str(key) for key in content if key not in known)
    if strange:
        warnings.warn(f"{what} has the entries {strange}, which are not read", GammafoldWarning, stacklevel=2)


def parameters_declared_by(content: Mapping[str, Any], owner: str) -> list[Parameter]:
    """Return the parameters of a model whose class declares none, as its entry in a file lists them."""
    entries = entries_of(content.get("parameters", []), owner)
    usual = [Parameter(entry["name"], 1.0, entry.get("unit", "")) for entry in entries]
    return parameters_from_dict(entries, usual, owner)


def _read(content: Mapping[str, Any], default: Parameter) -> Parameter:
    from gammafold.modeling.models.prior import Prior

    usual = default.to_dict()
    what = f"parameter {default.name!r}"
    tell_unknown_keys(content, (*_ALWAYS, *_OPTIONAL, *_OF_OTHERS), what)
    values = {name: content.get(name, usual[name]) for name in _OPTIONAL}
    for name in ("error", "min", "max"):
        if values[name] is not None:
            values[name] = number_in(values, name, what)
    if values["error"] is None or np.isnan(values["error"]):
        # Some writers leave NaN where they know no error.
        values["error"] = 0
    unit = as_unit(content.get("unit", usual["unit"]), default.name)
    if not default.unit.is_equivalent(unit):
        raise FileFormatError(
            f"{what} has the unit {unit.to_string()!r}: expected one like {default.unit.to_string()!r}"
        )
    parameter = Parameter(default.name, number_in(content, "value", what), unit, **values)
    link = content.get("link")
    if link is not None and not isinstance(link, str):
        raise FileFormatError(f"the link of {what} is {link!r}: expected a word that linked parameters share")
    parameter.link = link
    if content.get("prior") is not None:
        parameter.prior = Prior.from_dict(content["prior"])
    return parameter


def _same(value: Any, usual: Any) -> bool:
    if isinstance(value, float) and isinstance(usual, float) and np.isnan(value) and np.isnan(usual):
        return True
    return bool(value == usual)
