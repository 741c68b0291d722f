"""Units and times are checked once, on the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u

from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from astropy.time import Time

__all__ = ["to_quantity", "to_time"]


def to_quantity(value: Any, unit: u.UnitBase | str, name: str) -> u.Quantity:
    """Return ``value`` as a quantity in ``unit``.

    Parameters
    ----------
    value : `~astropy.units.Quantity`, str or array_like
        A string such as ``"3 TeV"`` is parsed; a plain number is accepted only where ``unit`` is
        dimensionless.
    unit : unit
        The unit wanted.
    name : str
        What the value is; the error names it.

    Raises
    ------
    UnitsError
        If the unit cannot be converted, or the string is no quantity.

    Examples
    --------
    >>> to_quantity("300 GeV", "TeV", "energy_min")
    <Quantity 0.3 TeV>
    """
    try:
        quantity = u.Quantity(value, dtype=float)
        return quantity.to(unit)
    except u.UnitConversionError as error:
        raise UnitsError(f"{name} has the unit {quantity.unit.to_string()!r}: expected one like {unit}") from error
    except TypeError as error:
        raise UnitsError(f"{name} is {value!r}: expected a quantity in a unit like {unit}") from error


def to_time(value: Any, name: str, **form: Any) -> Time:
    """Return a time of a time or its text; ``form`` is passed on to `~astropy.time.Time`.

    Raises
    ------
    InputError
        If it is no time.

    Examples
    --------
    >>> to_time("2000-01-01", "reference_time").isot
    '2000-01-01T00:00:00.000'
    """
    from astropy.time import Time

    try:
        return Time(value, **form)
    except (ValueError, TypeError):
        raise InputError(f"{name} is {value!r}: expected a Time or its text, like '2000-01-01'") from None
