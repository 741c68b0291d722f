"""What a parameter accepts: each function returns a clean value or raises an error that says what is wrong."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, InputTypeError, UnitsError

__all__ = ["as_bool", "as_choice", "as_limit", "as_quantity", "as_unit", "as_value", "scale_of", "unit_string"]


def as_value(value: Any, name: str) -> float:
    """Return a finite float."""
    if isinstance(value, u.Quantity | str):
        raise InputTypeError(f"parameter {name!r}: the value is a plain number; set quantity to give {value!r}")
    number = _as_float(value, f"parameter {name!r}")
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
    return _as_float(limit, what)


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


def _as_float(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{what} is {value!r}: expected a number") from error
