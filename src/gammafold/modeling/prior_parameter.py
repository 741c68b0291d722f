"""Numbers of priors, such as a mean or a width."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.modeling.parameter_checks import as_number, as_quantity, as_unit
from gammafold.utils.errors import InputError

__all__ = ["PriorParameter"]


class PriorParameter:
    """A number of a prior: a name, a value and a unit.

    Parameters
    ----------
    name : str
        Name.
    value : float, `~astropy.units.Quantity` or str
        Value; infinity is allowed, as for an open end of a range.
    unit : unit or str
        Unit of a plain number. Default: dimensionless.
    """

    __slots__ = ("_value", "name", "unit")

    def __init__(self, name: str, value: Any, unit: Any = "") -> None:
        self.name = name
        if isinstance(value, str | u.Quantity):
            quantity = as_quantity(value, f"prior parameter {name!r}")
            value, unit = quantity.value, quantity.unit
        self.unit: u.UnitBase = as_unit(unit, name)
        self.value = value

    @property
    def value(self) -> float:
        """Value in ``unit``."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        number = as_number(value, f"prior parameter {self.name!r}")
        if np.isnan(number):
            raise InputError(f"prior parameter {self.name!r} is NaN: expected a number")
        self._value = number

    @property
    def quantity(self) -> u.Quantity:
        """Value with unit."""
        return u.Quantity(self._value, self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Return name, value and unit."""
        return {"name": self.name, "value": self._value, "unit": self.unit.to_string()}

    def __repr__(self) -> str:
        return f"PriorParameter({self.name!r}, {self._value:g} {self.unit})"
