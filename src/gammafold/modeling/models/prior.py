"""Priors of parameters: what is known about a value before the data.

A prior adds ``-2 ln p(x)`` to the statistic, the constant included, so that a statistic with priors is minus two
times the logarithm of the posterior, up to the evidence.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import lgamma, log, pi, sqrt
from typing import Any, ClassVar

import astropy.units as u
import numpy as np

from gammafold.modeling.parameter import Parameter, PriorParameter
from gammafold.modeling.parameter_checks import as_number
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError
from gammafold.utils.namespace import namespace_of

__all__ = [
    "GaussianPrior",
    "GeneralizedGaussianPrior",
    "LogUniformPrior",
    "Prior",
    "PriorKernel",
    "UniformPrior",
]


@dataclass(frozen=True, eq=False)
class PriorKernel:
    """A prior as functions of plain arrays, in the unit of the parameter; each keeps the shape of ``x``.

    Attributes
    ----------
    deviance : callable
        ``-2 ln p(x)``; infinite where the prior is zero.
    gradient, curvature : callable
        Its first and second derivative; 0 where the prior is zero.
    support : tuple of float
        The range outside which the prior is zero, which is a limit to a fit. Default: no limits.
    """

    deviance: Callable[[Any], Any]
    gradient: Callable[[Any], Any]
    curvature: Callable[[Any], Any]
    support: tuple[float, float] = (-np.inf, np.inf)


class Prior:
    """Base of all priors; a subclass declares its numbers as class attributes and makes a kernel of them.

    Parameters
    ----------
    weight : float
        What ``-2 ln p`` is multiplied by. Default: 1.
    **kwargs
        Numbers of the prior: plain ones are in the unit of the parameter.

    Examples
    --------
    >>> from gammafold.modeling.parameter import Parameter
    >>> index = Parameter("index", 2.3)
    >>> index.prior = GaussianPrior(mu=2, sigma=0.1)
    >>> print(f"{index.prior(index):.4f}")
    6.2327
    """

    _type: ClassVar[str] = "prior"
    tag: ClassVar[Any] = "Prior"
    _parameter_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "tag" not in cls.__dict__:
            cls.tag = cls.__name__
        own = tuple(name for name, value in cls.__dict__.items() if isinstance(value, PriorParameter))
        cls._parameter_names = (*(name for name in cls._parameter_names if name not in own), *own)

    def __init__(self, weight: float = 1, **kwargs: Any) -> None:
        unknown = [name for name in kwargs if name not in self._parameter_names]
        if unknown:
            raise InputTypeError(
                f"{type(self).__name__} has no parameter {unknown}: there are {list(self._parameter_names)}"
            )
        self.weight = weight
        for name in self._parameter_names:
            given = kwargs.get(name, getattr(type(self), name))
            own = given if isinstance(given, PriorParameter) else PriorParameter(name, given)
            setattr(self, name, copy.copy(own))
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._parameter_names and not isinstance(value, PriorParameter):
            raise InputTypeError(
                f"{type(self).__name__}.{name} cannot be set to {value!r}: set {name}.value, or make a new prior"
            )
        super().__setattr__(name, value)

    @property
    def weight(self) -> float:
        """What ``-2 ln p`` is multiplied by."""
        return self._weight

    @weight.setter
    def weight(self, weight: Any) -> None:
        number = as_number(weight, f"the weight of a {type(self).__name__}")
        if not 0 <= number < np.inf:
            raise InputError(f"the weight of a {type(self).__name__} is {number:g}: expected 0 or more")
        self._weight = number

    @property
    def parameters(self) -> list[PriorParameter]:
        """Numbers of the prior."""
        return [getattr(self, name) for name in self._parameter_names]

    def check(self) -> None:
        """Raise an `InputError` if the numbers make no prior."""

    # A method of the subclass: the prior of weight 1 with the given numbers, passed by name.
    kernel: Callable[..., PriorKernel]

    def compile(self, unit: Any = None) -> PriorKernel:
        """Return the prior as functions of plain values.

        Parameters
        ----------
        unit : unit, optional
            Unit of these values. Default: that of the first of the prior's numbers that has one.

        Raises
        ------
        UnitsError
            If a number of the prior is in a unit of another kind.
        """
        self.check()
        kernel = self.kernel(**self.numbers(unit))
        weight = self.weight
        if weight == 1:
            return kernel
        return PriorKernel(
            lambda x: weight * kernel.deviance(x),
            lambda x: weight * kernel.gradient(x),
            lambda x: weight * kernel.curvature(x),
            kernel.support,
        )

    def numbers(self, unit: Any = None) -> dict[str, float]:
        """Return the numbers of the prior by name, for values in a unit, as in `compile`."""
        if unit is None:
            own = [parameter.unit for parameter in self.parameters]
            unit = next((each for each in own if each != u.dimensionless_unscaled), u.dimensionless_unscaled)
        return {parameter.name: self._number(parameter, u.Unit(unit)) for parameter in self.parameters}

    def _number(self, parameter: PriorParameter, unit: u.UnitBase) -> float:
        if parameter.unit == u.dimensionless_unscaled:
            return parameter.value
        if not parameter.unit.is_equivalent(unit):
            raise UnitsError(
                f"{type(self).__name__}.{parameter.name} is in {parameter.unit}: "
                f"expected a unit like {unit.to_string()!r}"
            )
        return float(parameter.quantity.to_value(unit))

    def __call__(self, value: Any) -> float:
        """Return ``-2 ln p``, times the weight, of a parameter, a quantity or a number."""
        if isinstance(value, Parameter | u.Quantity):
            return float(self.compile(value.unit).deviance(value.value))
        return float(self.compile().deviance(value))

    def copy(self) -> Prior:
        """Return an independent copy."""
        return copy.deepcopy(self)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the prior as a dict; ``full_output`` is accepted for scripts."""
        content: dict[str, Any] = {"type": self.tag if isinstance(self.tag, str) else self.tag[0]}
        if not type(self).__module__.startswith("gammafold."):
            content["class"] = f"{type(self).__module__}:{type(self).__qualname__}"
        content["parameters"] = [parameter.to_dict() for parameter in self.parameters]
        content["weight"] = self.weight
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Prior:
        """Return a prior of any kind from `to_dict`."""
        from gammafold.modeling.models.parameter_files import entries_of, number_in
        from gammafold.modeling.models.registry import find_class

        content = data.get("prior", data) if isinstance(data, Mapping) else data
        found = find_class(content, Prior)
        numbers = {}
        for entry in entries_of(content.get("parameters", []), found.__name__):
            name = entry["name"]
            if name not in found._parameter_names:
                raise FileFormatError(f"{found.__name__} has no parameter {name!r}")
            numbers[name] = PriorParameter(
                name, number_in(entry, "value", f"{found.__name__}.{name}"), entry.get("unit", "")
            )
        return found(weight=number_in({"weight": 1, **content}, "weight", found.__name__), **numbers)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{parameter.name}={parameter.value:g}" for parameter in self.parameters)
        weight = "" if self.weight == 1 else f", weight={self.weight:g}"
        return f"{type(self).__name__}({numbers}{weight})"

    def __iter__(self) -> Iterator[PriorParameter]:
        return iter(self.parameters)


class UniformPrior(Prior):
    """A constant density between two ends: ``-2 ln p = 2 ln(max - min)`` inside, infinite outside.

    Parameters
    ----------
    min, max : float
        The ends, finite. Defaults: 0 and 1.
    weight : float
        Default: 1.
    """

    tag = ("UniformPrior",)
    min = PriorParameter("min", 0)
    max = PriorParameter("max", 1)

    def check(self) -> None:
        """Raise an `InputError` unless the ends are finite and in order."""
        _check_range(self, self.min, self.max)

    def kernel(self, min: float, max: float) -> PriorKernel:
        """Return the kernel of the uniform density."""
        constant = 2.0 * log(max - min)
        return PriorKernel(
            lambda x: namespace_of(x).where((x >= min) & (x <= max), constant, np.inf),
            lambda x: namespace_of(x).zeros_like(x, dtype=float),
            lambda x: namespace_of(x).zeros_like(x, dtype=float),
            (min, max),
        )


class LogUniformPrior(Prior):
    """A constant density of the logarithm between two ends: ``p = 1 / (x ln(max / min))``.

    Parameters
    ----------
    min, max : float
        The ends, positive. Defaults: 1e-14 and 1e-10.
    weight : float
        Default: 1.
    """

    tag = ("LogUniformPrior",)
    min = PriorParameter("min", 1e-14)
    max = PriorParameter("max", 1e-10)

    def check(self) -> None:
        """Raise an `InputError` unless the ends are positive, finite and in order."""
        if self.min.value <= 0:
            raise InputError(f"LogUniformPrior.min is {self.min.value:g}: expected more than 0")
        _check_range(self, self.min, self.max)

    def kernel(self, min: float, max: float) -> PriorKernel:
        """Return the kernel of the log-uniform density."""
        constant = 2.0 * log(log(max / min))

        def inside(x: Any) -> Any:
            return (x >= min) & (x <= max)

        def safe(x: Any) -> Any:
            return namespace_of(x).where(inside(x), x, max)

        return PriorKernel(
            lambda x: namespace_of(x).where(inside(x), constant + 2.0 * namespace_of(x).log(safe(x)), np.inf),
            lambda x: namespace_of(x).where(inside(x), 2.0 / safe(x), 0.0),
            lambda x: namespace_of(x).where(inside(x), -2.0 / safe(x) ** 2, 0.0),
            (min, max),
        )


class GaussianPrior(Prior):
    """The normal density: ``-2 ln p = ((x - mu) / sigma)^2 + ln(2 pi sigma^2)``.

    Parameters
    ----------
    mu, sigma : float
        Mean and standard deviation. Defaults: 0 and 1.
    weight : float
        Default: 1.
    """

    tag = ("GaussianPrior",)
    mu = PriorParameter("mu", 0)
    sigma = PriorParameter("sigma", 1)

    def check(self) -> None:
        """Raise an `InputError` unless sigma is positive."""
        _check_positive(self, self.sigma)
        _check_kinds(self, self.mu, self.sigma)

    def kernel(self, mu: float, sigma: float) -> PriorKernel:
        """Return the kernel of the normal density."""
        # The logarithm of a product would underflow for the small numbers that fluxes are.
        constant = log(2.0 * pi) + 2.0 * log(sigma)
        return PriorKernel(
            lambda x: ((x - mu) / sigma) ** 2 + constant,
            lambda x: 2.0 * ((x - mu) / sigma) / sigma,
            lambda x: namespace_of(x).full_like(x, 2.0 / sigma / sigma, dtype=float),
        )


class GeneralizedGaussianPrior(Prior):
    """The generalised normal density, with heavier or lighter wings.

    ``p = b / (2 s Gamma(1 / b)) exp(-(abs(x - mu) / s)^b)`` with ``b = 1 / eta`` and ``s = sqrt(2) sigma``:
    normal for ``eta`` = 0.5, and Laplace's for ``eta`` = 1 (Nadarajah 2005, J. Appl. Stat. 32, 685).

    Parameters
    ----------
    mu, sigma, eta : float
        Centre, width and shape. Defaults: 0, 1 and 0.5.
    weight : float
        Default: 1.
    """

    tag = ("GeneralizedGaussianPrior",)
    mu = PriorParameter("mu", 0)
    sigma = PriorParameter("sigma", 1)
    eta = PriorParameter("eta", 0.5)

    def check(self) -> None:
        """Raise an `InputError` unless sigma and eta are positive."""
        _check_positive(self, self.sigma)
        _check_positive(self, self.eta)
        _check_kinds(self, self.mu, self.sigma)

    def kernel(self, mu: float, sigma: float, eta: float) -> PriorKernel:
        """Return the kernel of the generalised normal density."""
        power, width = 1.0 / eta, sqrt(2.0) * sigma
        constant = 2.0 * (log(2.0 * width) + lgamma(eta) - log(power))

        def distance(x: Any) -> Any:
            # At the centre of a peaked density the derivatives are infinite; a fit needs finite ones.
            return namespace_of(x).maximum(abs((x - mu) / width), 1e-9)

        def gradient(x: Any) -> Any:
            return 2.0 * power / width * namespace_of(x).sign(x - mu) * distance(x) ** (power - 1.0)

        def curvature(x: Any) -> Any:
            return 2.0 * power * (power - 1.0) / width**2 * distance(x) ** (power - 2.0)

        return PriorKernel(lambda x: 2.0 * abs((x - mu) / width) ** power + constant, gradient, curvature)


def _check_range(prior: Prior, low: PriorParameter, high: PriorParameter) -> None:
    _check_kinds(prior, low, high)
    values = prior.numbers()
    if not -np.inf < values["min"] < values["max"] < np.inf:
        raise InputError(
            f"{type(prior).__name__} has the range [{low.value:g}, {high.value:g}]: expected finite ends, min < max"
        )


def _check_kinds(prior: Prior, *numbers: PriorParameter) -> None:
    """Raise an error unless all numbers, zeros aside, have units of one kind, or none has a unit."""
    first, *others = [number for number in numbers if number.value or number.unit != u.dimensionless_unscaled]
    for other in others:
        if not first.unit.is_equivalent(other.unit):
            units = [number.unit.to_string() for number in (first, other)]
            names = f"{type(prior).__name__}.{first.name} and {other.name}"
            raise UnitsError(f"{names} have the units {units}: expected units of one kind, or none")


def _check_positive(prior: Prior, parameter: PriorParameter) -> None:
    if not 0 < parameter.value < np.inf:
        raise InputError(f"{type(prior).__name__}.{parameter.name} is {parameter.value:g}: expected more than 0")
