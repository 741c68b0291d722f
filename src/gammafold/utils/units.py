"""Units are checked once, on the way in."""

from __future__ import annotations

from typing import Any

import astropy.units as u

from gammafold.utils.errors import UnitsError

__all__ = ["to_quantity"]


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
