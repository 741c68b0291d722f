"""Parameters: named numbers with units, limits and errors.

A `Parameter` is shared, never copied, when it is used twice: ``second.index = first.index`` makes both models
use one object, and that is all a link is. `Parameters` is an ordered view of the parameters of one or more
models, in which a linked parameter appears once per model; `Parameters.unique_parameters` lists it once.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.modeling.parameter_checks import (
    SETTINGS,
    as_bool,
    as_limit,
    as_quantity,
    as_scan,
    as_unit,
    as_value,
    scale_of,
    unit_string,
)
from gammafold.modeling.parameters import Parameters
from gammafold.modeling.prior_parameter import PriorParameter
from gammafold.utils.errors import InputError, InputTypeError, UnitsError

if TYPE_CHECKING:
    from gammafold.modeling.covariance import Correlations
    from gammafold.modeling.models.prior import Prior

__all__ = ["Parameter", "Parameters", "PriorParameter"]


class Parameter:
    """A number of a model, with all that a fit needs to know about it.

    Parameters
    ----------
    name : str
        Name; the attribute of the model that holds it.
    value : float, `~astropy.units.Quantity` or str
        Value. A quantity, or a string such as ``"3 TeV"``, brings its unit along.
    unit : unit or str
        Unit of a plain number. Default: dimensionless.
    scale : float
        Value over factor, see `factor`. Default: 1.
    min, max : float, `~astropy.units.Quantity` or str
        Limits that a fit respects; NaN where there is none. Default: NaN.
    frozen : bool
        Whether a fit leaves it alone. Default: False.
    error : float, `~astropy.units.Quantity` or str
        One-sigma error; 0 where none is known. Default: 0.
    scan_min, scan_max : float, `~astropy.units.Quantity` or str, optional
        Ends of the values to scan. Default: ``scan_n_sigma`` errors from the value.
    scan_n_values : int
        Number of values to scan. Default: 11.
    scan_n_sigma : float
        Default: 2.
    scan_values : array, optional
        The values to scan, instead of all that.
    scale_method : {"scale10", "factor1", None}
        How `autoscale` chooses the scale: the power of ten below the value, the value, or not at all.
    interp : {"lin", "log", "sqrt"}
        Spacing of the values to scan.
    prior : Prior, optional
        Prior of the value, added to the statistic.
    scale_transform : {"lin", "log", "sqrt"}
        Kept for files; our minimisers choose the steps by themselves.

    Raises
    ------
    InputError
        If a number is not finite, or the minimum is above the maximum.
    InputTypeError
        If the name is no string, a number no number, or ``frozen`` no bool.
    UnitsError
        If a string is no quantity, or a limit has another kind of unit.

    Examples
    --------
    >>> cutoff = Parameter("cutoff", "300 GeV", min="0.1 TeV")
    >>> cutoff.value, cutoff.unit, cutoff.min
    (300.0, Unit("GeV"), 100.0)
    >>> cutoff.quantity = "0.5 TeV"
    >>> cutoff.value, cutoff.min
    (0.5, 0.1)
    """

    def __init__(
        self,
        name: str,
        value: Any,
        unit: Any = "",
        scale: float = 1,
        min: Any = np.nan,
        max: Any = np.nan,
        frozen: bool = False,
        error: Any = 0,
        scan_min: Any = None,
        scan_max: Any = None,
        scan_n_values: int = 11,
        scan_n_sigma: float = 2,
        scan_values: Any = None,
        scale_method: str | None = "scale10",
        interp: str = "lin",
        prior: Prior | None = None,
        scale_transform: str = "lin",
    ) -> None:
        if not isinstance(name, str):
            raise InputTypeError(f"the name of a parameter is {name!r}: expected a string")
        self._name = name
        # What a compiled likelihood depends on, values aside, carries a new stamp after each change.
        self._stamp = object()
        if isinstance(value, str | u.Quantity):
            quantity = as_quantity(value, f"parameter {name!r}")
            if unit not in ("", None) and not quantity.unit.is_equivalent(as_unit(unit, name)):
                raise UnitsError(f"parameter {name!r} is {value!r}: expected a unit like {unit}")
            value, unit = quantity.value, quantity.unit
        self._unit: u.UnitBase = as_unit(unit, name)
        self._value = as_value(value, name)
        self._type = ""
        self.scale = scale
        self._min = as_limit(min, self._unit, f"the minimum of parameter {name!r}")
        self._max = as_limit(max, self._unit, f"the maximum of parameter {name!r}")
        if self._min > self._max:
            raise InputError(f"parameter {name!r} has the minimum {self._min:g} above its maximum {self._max:g}")
        self._frozen = as_bool(frozen, name)
        self.error = error
        self.scan_min = scan_min
        self.scan_max = scan_max
        self.scan_n_values = scan_n_values
        self.scan_n_sigma = scan_n_sigma
        self.interp = interp
        self.scale_method = scale_method
        self.scale_transform = scale_transform
        self.scan_values = scan_values
        self._prior: Prior | None = None
        self.prior = prior
        # A label for files (see `gammafold.modeling.links`); in memory a link is the shared object itself.
        self.link: str | None = None
        # Where the correlation with other parameters is kept, see `gammafold.modeling.covariance`.
        self._correlated: tuple[Correlations, int] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTINGS:
            value = SETTINGS[name](value, self)
        elif not name.startswith("_") and not hasattr(type(self), name):
            raise InputTypeError(f"parameter {self._name!r} has no attribute {name!r} that could be set to {value!r}")
        super().__setattr__(name, value)

    # -- the value

    @property
    def type(self) -> str:
        """Kind of the model that declares the parameter, such as "spectral"; empty where there is none."""
        return self._type

    @property
    def name(self) -> str:
        """Name of the parameter; it cannot be changed, since models find it by its name."""
        return self._name

    @property
    def value(self) -> float:
        """Value in `unit`."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        # The type that a fit hands over needs no more than this one comparison.
        self._value = value if type(value) is float and abs(value) < np.inf else as_value(value, self._name)

    @property
    def unit(self) -> u.UnitBase:
        """Unit of the value, the error and the limits.

        Setting it says in which unit these numbers are; it does not convert them. To convert, set `quantity`.
        """
        return self._unit

    @unit.setter
    def unit(self, unit: Any) -> None:
        unit = as_unit(unit, self._name)
        if not unit.is_equivalent(self._unit):
            raise UnitsError(f"parameter {self._name!r} has the unit {self._unit.to_string()!r}: cannot make it {unit}")
        if unit != self._unit:
            self._unit = unit
            self._stamp = object()

    @property
    def quantity(self) -> u.Quantity:
        """Value with unit.

        Setting it in another unit makes that the unit of the parameter; error, limits and the range of scans are
        converted. A prior of plain numbers, which are in the unit of the parameter, stands against it.
        """
        return u.Quantity(self._value, self._unit)

    @quantity.setter
    def quantity(self, quantity: Any) -> None:
        quantity = as_quantity(quantity, f"parameter {self._name!r}")
        if not quantity.unit.is_equivalent(self._unit):
            given = quantity.unit.to_string() or "none"
            raise UnitsError(
                f"parameter {self._name!r} cannot have the unit {given!r}: expected one like {self._unit.to_string()!r}"
            )
        value = as_value(quantity.value, self._name)
        if quantity.unit != self._unit:
            self._require_prior_with_unit(quantity.unit)
            ratio = float(self._unit.to(quantity.unit))
            self._min, self._max = self._min * ratio, self._max * ratio
            self._error *= ratio
            self._convert_scan(ratio)
            self._unit = quantity.unit
            self._stamp = object()
        self._value = value

    @property
    def error(self) -> float:
        """One-sigma error in `unit`; 0 where none is known."""
        return self._error

    @error.setter
    def error(self, error: Any) -> None:
        number = as_limit(error, self._unit, f"the error of parameter {self._name!r}")
        if not 0 <= number < np.inf:
            raise InputError(f"the error of parameter {self._name!r} is {number:g}: expected 0 or more")
        self._error = number

    # -- what a fit may do with it

    @property
    def min(self) -> float:
        """Lower limit in `unit`; NaN if there is none."""
        return self._min

    @min.setter
    def min(self, limit: Any) -> None:
        self._min = self._restamped(self._min, as_limit(limit, self._unit, f"the minimum of parameter {self._name!r}"))

    @property
    def max(self) -> float:
        """Upper limit in `unit`; NaN if there is none."""
        return self._max

    @max.setter
    def max(self, limit: Any) -> None:
        self._max = self._restamped(self._max, as_limit(limit, self._unit, f"the maximum of parameter {self._name!r}"))

    @property
    def frozen(self) -> bool:
        """Whether a fit leaves the parameter alone."""
        return self._frozen

    @frozen.setter
    def frozen(self, frozen: bool) -> None:
        self._frozen = self._restamped(self._frozen, as_bool(frozen, self._name))

    @property
    def prior(self) -> Prior | None:
        """Prior of the value, or None."""
        return self._prior

    @prior.setter
    def prior(self, prior: Prior | None) -> None:
        if prior is not None and (isinstance(prior, type) or not hasattr(prior, "compile")):
            raise InputTypeError(f"the prior of parameter {self._name!r} is {prior!r}: expected a Prior or None")
        if prior is not None:
            # Numbers that make no prior, or have another kind of unit, are found here.
            try:
                prior.compile(self._unit)
            except UnitsError as error:
                raise UnitsError(f"the prior of parameter {self._name!r}: {error}") from error
        if prior is not self._prior:
            self._prior = prior
            self._stamp = object()

    def _require_prior_with_unit(self, unit: u.UnitBase) -> None:
        """Raise an error where the numbers of the prior would be taken for ones in another unit."""
        prior = self._prior
        if prior is not None and all(number.unit == u.dimensionless_unscaled for number in prior.parameters):
            raise UnitsError(
                f"parameter {self._name!r} cannot be given in {unit.to_string()!r}: its prior {prior!r} is in plain "
                f"numbers, which are in {self._unit.to_string()!r}; give the value in this unit, or the prior units"
            )

    def _restamped(self, old: Any, new: Any) -> Any:
        if new != old and not (new != new and old != old):  # two NaN are the same: no limit
            self._stamp = object()
        return new

    # -- scaling, as minimisers want it

    @property
    def factor(self) -> float:
        """Value over `scale`."""
        return self._value / self.scale

    @factor.setter
    def factor(self, factor: float) -> None:
        self.value = float(factor) * self.scale

    @property
    def factor_min(self) -> float:
        """Lower limit over `scale`."""
        return self._min / self.scale

    @property
    def factor_max(self) -> float:
        """Upper limit over `scale`."""
        return self._max / self.scale

    def autoscale(self) -> None:
        """Choose `scale` by the ``scale_method``; the value stays."""
        self.scale = scale_of(self._value, self.scale_method, self.scale)

    # -- values to scan

    @property
    def scan_values(self) -> np.ndarray | None:
        """Values to scan, shape ``(n,)``; None if none were given and there is no range or error to choose from."""
        if self._scan_values is not None:
            return self._scan_values
        reach = self.scan_n_sigma * self._error
        if reach == 0 and (self.scan_min is None or self.scan_max is None):
            return None
        low = self.scan_min if self.scan_min is not None else np.fmax(self._value - reach, self._min)
        high = self.scan_max if self.scan_max is not None else np.fmin(self._value + reach, self._max)
        if self.interp == "log" and low > 0:
            return np.geomspace(low, high, self.scan_n_values)
        if self.interp == "sqrt" and low >= 0:
            return np.linspace(np.sqrt(low), np.sqrt(high), self.scan_n_values) ** 2
        return np.linspace(low, high, self.scan_n_values)

    @scan_values.setter
    def scan_values(self, values: Any) -> None:
        self._scan_values = None if values is None else as_scan(values, self._unit, self._name)

    def _convert_scan(self, ratio: float) -> None:
        """Multiply what is in the unit of the parameter."""
        self.scan_min = None if self.scan_min is None else self.scan_min * ratio
        self.scan_max = None if self.scan_max is None else self.scan_max * ratio
        self._scan_values = None if self._scan_values is None else self._scan_values * ratio

    # -- copies and files

    def copy(self) -> Parameter:
        """Return an independent copy."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        # Every model copies its default parameters when it is made: the general way is ten times slower.
        new = Parameter.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(self.__dict__)
        new._stamp = object()
        if self._prior is not None:
            new._prior = copy.deepcopy(self._prior, memo)
        if self._correlated is not None:
            # Copies made together stay correlated with each other, but not with the originals.
            new._correlated = (copy.deepcopy(self._correlated[0], memo), self._correlated[1])
        return new

    def check_limits(self) -> None:
        """Raise an `InputError` if the value lies outside the limits."""
        if self._value < self._min or self._value > self._max:
            raise InputError(
                f"parameter {self._name!r} is {self._value:g} {self._unit}, "
                f"outside its limits [{self._min:g}, {self._max:g}]"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all that describes the parameter, as plain strings, numbers and dicts."""
        content: dict[str, Any] = {
            "name": self._name,
            "value": self._value,
            "unit": unit_string(self._unit),
            "error": self._error,
            "min": self._min,
            "max": self._max,
            "frozen": self._frozen,
            "interp": self.interp,
            "scale_method": self.scale_method,
            "scale_transform": self.scale_transform,
        }
        if self.link is not None:
            content["link"] = self.link
        if self._prior is not None:
            content["prior"] = self._prior.to_dict()
        return content

    def __repr__(self) -> str:
        state = ", frozen" if self._frozen else ""
        limits = "" if np.isnan([self._min, self._max]).all() else f", limits=[{self._min:g}, {self._max:g}]"
        unit = f" {self._unit}" if self._unit != u.dimensionless_unscaled else ""
        return f"Parameter({self._name!r}, {self._value:.6g} +/- {self._error:.3g}{unit}{limits}{state})"
