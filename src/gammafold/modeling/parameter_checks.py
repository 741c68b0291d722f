"""What a parameter accepts: each function returns a clean value or raises an error that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, InputTypeError, UnitsError

if TYPE_CHECKING:
    from gammafold.modeling.parameter import Parameter

__all__ = [
    "SETTINGS",
    "as_bool",
    "as_choice",
    "as_limit",
    "as_number",
    "as_quantity",
    "as_scan",
    "as_unit",
    "as_value",
    "scale_of",
    "unit_string",
]


def as_value(value: Any, name: str) -> float:
    """Return a finite float."""
    if isinstance(value, u.Quantity | str):
        raise InputTypeError(f"parameter {name!r}: the value is a plain number; set quantity to give {value!r}")
    number = as_number(value, f"parameter {name!r}")
    if not np.isfinite(number):
        raise InputError(f"parameter {name!r} cannot be {number}: expected a finite number")
    return number


def as_limit(limit: Any, unit: u.UnitBase, what: str) -> float:
    """Return a limit or an error in ``unit`` as a float; NaN and None stand for none."""
    if limit is None:
        return float("nan")
    if isinstance(limit, str | u.Quantity):
        quantity = as_quantity(limit, what)
        if not quantity.unit.is_equivalent(unit):
            raise UnitsError(f"{what} is {limit!r}: expected a unit like {unit.to_string()!r}")
        limit = quantity.to_value(unit)
    return as_number(limit, what)


def as_quantity(value: Any, what: str) -> u.Quantity:
    """Return a scalar quantity."""
    try:
        quantity = u.Quantity(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise UnitsError(f"{what} is {value!r}: expected a quantity such as '3 TeV'") from error
    if quantity.size != 1:
        raise InputTypeError(f"{what} has {quantity.size} values: expected one")
    return quantity.reshape(())


def as_unit(unit: Any, name: str) -> u.UnitBase:
    """Return a unit."""
    try:
        if isinstance(unit, bool | float | int):
            raise TypeError("a number is no unit")
        return u.Unit("" if unit is None else unit)
    except (TypeError, ValueError) as error:
        raise UnitsError(f"parameter {name!r} has the unit {unit!r}, which is not known") from error


def as_bool(value: Any, name: str) -> bool:
    """Return a bool; a string would be true whatever it says."""
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"frozen of parameter {name!r} is {value!r}: expected True or False")
    return bool(value)


def as_choice(value: Any, choices: tuple[Any, ...], what: str) -> Any:
    """Return ``value`` if it is one of ``choices``."""
    if value not in choices:
        raise InputError(f"{what} is {value!r}: expected one of {choices}")
    return value


def as_scan(values: Any, unit: u.UnitBase, name: str) -> np.ndarray:
    """Return values of a parameter in ``unit``, shape ``(n,)``: one or more finite numbers."""
    what = f"the values to scan of parameter {name!r}"
    try:
        if isinstance(values, u.Quantity):
            values = values.to_value(unit)
        numbers = np.atleast_1d(np.asarray(values, dtype=float))
    except u.UnitConversionError as error:
        raise UnitsError(f"{what} are in {values.unit}: expected a unit like {unit.to_string()!r}") from error
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{what} are {values!r}: expected numbers") from error
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise InputError(f"{what} are {numbers}: expected a list of finite numbers")
    return numbers


def _scan_end(value: Any, parameter: Parameter) -> float | None:
    if value is None:
        return None
    number = as_limit(value, parameter.unit, f"an end of the scan of parameter {parameter.name!r}")
    if not np.isfinite(number):
        raise InputError(f"an end of the scan of parameter {parameter.name!r} is {number}: expected a finite number")
    return number


def _scan_number(value: Any, parameter: Parameter) -> int:
    if not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"scan_n_values of parameter {parameter.name!r} is {value!r}: expected a whole number above 0")
    return int(value)


def _scan_sigma(value: Any, parameter: Parameter) -> float:
    number = as_number(value, f"scan_n_sigma of parameter {parameter.name!r}")
    if not 0 < number < np.inf:
        raise InputError(f"scan_n_sigma of parameter {parameter.name!r} is {number}: expected more than 0")
    return number


def _scale(value: Any, parameter: Parameter) -> float:
    number = as_number(value, f"the scale of parameter {parameter.name!r}")
    if not np.isfinite(number) or number == 0:
        raise InputError(f"the scale of parameter {parameter.name!r} is {number}: expected a finite number, not 0")
    return number


def _choice(setting: str, choices: tuple[Any, ...]) -> Callable[[Any, Parameter], Any]:
    return lambda value, parameter: as_choice(value, choices, f"{setting} of parameter {parameter.name!r}")


_INTERPOLATIONS = ("lin", "log", "sqrt")

# Plain attributes of a parameter, and what becomes of the value that one is set to.
SETTINGS: Mapping[str, Callable[[Any, Parameter], Any]] = {
    "scale": _scale,
    "scan_min": _scan_end,
    "scan_max": _scan_end,
    "scan_n_values": _scan_number,
    "scan_n_sigma": _scan_sigma,
    "interp": _choice("interp", _INTERPOLATIONS),
    "scale_method": _choice("scale_method", ("scale10", "factor1", None)),
    "scale_transform": _choice("scale_transform", _INTERPOLATIONS),
    "link": lambda value, _: value,
}


def scale_of(value: float, method: str | None, present: float) -> float:
    """Return the scale of a value: the power of ten below it, the value itself, or the present scale."""
    if value == 0 or method is None:
        return present
    if method == "factor1":
        return value
    return float(np.sign(value) * 10.0 ** np.floor(np.log10(abs(value))))


def unit_string(unit: u.UnitBase) -> str:
    """Return a unit as files of the field write it, such as ``"TeV-1 s-1 cm-2"``."""
    if unit == u.dimensionless_unscaled:
        return ""
    try:
        return unit.to_string("fits")
    except ValueError:
        # The FITS standard does not know every unit.
        return unit.to_string()


def as_number(value: Any, what: str) -> float:
    """Return a float."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{what} is {value!r}: expected a number") from error
