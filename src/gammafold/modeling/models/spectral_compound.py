"""Sums, differences, products and ratios of spectral models, and models scaled by a norm."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.modeling.models.registry import find_class
from gammafold.modeling.models.spectral_compile import DNDE
from gammafold.modeling.models.spectral_core import SpectralModel
from gammafold.modeling.models.spectral_power_law import ConstantSpectralModel, PowerLawNormSpectralModel
from gammafold.modeling.parameter import Parameter, Parameters
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

__all__ = ["CompoundSpectralModel", "ScaleSpectralModel", "combine"]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "pow": operator.pow,
}
_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**"}


class CompoundSpectralModel(SpectralModel):
    """Two spectral models combined by an operator.

    Parameters
    ----------
    model1, model2 : SpectralModel
        Models, which are shared and not copied.
    operator : {"add", "sub", "mul", "truediv", "pow"} or callable
        How they are combined; a function of two arrays. Of a product one is a factor without unit.

    Examples
    --------
    >>> from gammafold.modeling.models import PowerLawSpectralModel
    >>> total = PowerLawSpectralModel(index=2) + PowerLawSpectralModel(index=3)
    >>> total(1 * u.TeV)
    <Quantity 2.e-12 1 / (TeV s cm2)>
    """

    tag = ("CompoundSpectralModel", "compound")

    def __init__(self, model1: SpectralModel, model2: SpectralModel, operator: Any) -> None:
        for model in (model1, model2):
            if not isinstance(model, SpectralModel):
                raise InputTypeError(f"cannot combine a spectral model with {model!r}: expected a spectral model")
        name = operator if isinstance(operator, str) else getattr(operator, "__name__", "")
        if operator not in _OPERATORS if isinstance(operator, str) else not callable(operator):
            raise InputError(f"operator is {operator!r}: expected one of {list(_OPERATORS)} or a function")
        super().__init__()
        self.model1, self.model2 = model1, model2
        self.operator_name = name
        self.operator = _OPERATORS.get(name, operator)
        if name in ("add", "sub") and model1.is_norm_spectral_model != model2.is_norm_spectral_model:
            raise InputError(f"cannot {name} a flux and a factor without unit: {model1!r}, {model2!r}")

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether the result is a factor without unit."""
        return self.model1.is_norm_spectral_model and self.model2.is_norm_spectral_model

    @property
    def parameters(self) -> Parameters:
        """Parameters of the first model, then of the second."""
        return self.model1.parameters + self.model2.parameters

    @property
    def places(self) -> list[str]:
        """Names such as "model1.index", in the order of `parameters`."""
        return [f"{key}.{place}" for key in ("model1", "model2") for place in getattr(self, key).places]

    @property
    def fixed_breaks(self) -> u.Quantity:
        """Energies at which one of the models is not smooth."""
        return u.Quantity(np.concatenate([m.fixed_breaks.to_value("TeV") for m in (self.model1, self.model2)]), "TeV")

    def evaluate(self, energy: Any, *values: Any) -> Any:
        """Return the flux for parameters in the order of `parameters`."""
        count = len(self.model1.parameters)
        return self.operator(
            self.model1.evaluate(energy, *values[:count]), self.model2.evaluate(energy, *values[count:])
        )

    def __call__(self, energy: Any) -> u.Quantity:
        """Return the flux at energies of any shape."""
        return self.operator(self.model1(energy), self.model2(energy))

    def compile(self) -> FluxFunction:
        """Return the model as the engine takes it: sums are folded part by part."""
        first, second = self.model1.compile(), self.model2.compile()
        count, total = first.n_parameters, first.n_parameters + second.n_parameters
        combined = self.operator

        def evaluate(energy: Any, *values: Any) -> Any:
            return combined(first.evaluate(energy, *values[:count]), second.evaluate(energy, *values[count:]))

        if self.operator_name in ("add", "sub"):
            sign = 1.0 if self.operator_name == "add" else -1.0
            parts = ((first, tuple(range(count)), 1.0), (second, tuple(range(count, total)), sign))
            return FluxFunction(total, evaluate, parts=parts)
        return FluxFunction(
            n_parameters=total,
            evaluate=evaluate,
            integral=_scaled_integral(self, first, second),
            derivatives=_product_rule(first, second) if self.operator_name == "mul" else None,
            breaks=(*first.breaks, *second.breaks),
            moving_breaks=_joined_breaks(first, second),
        )

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts.

        Raises
        ------
        InputError
            If the operator is a function that files do not know.
        """
        if self.operator_name not in _OPERATORS:
            raise InputError(
                f"the operator {self.operator_name!r} cannot be written: expected one of {list(_OPERATORS)}"
            )
        parts = [model.to_dict(full_output)["spectral"] for model in (self.model1, self.model2)]
        return {
            "spectral": {
                "type": self.tag[0], "model1": parts[0], "model2": parts[1], "operator": self.operator_name
            }
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> CompoundSpectralModel:
        """Return a model from `to_dict`."""
        content = data.get("spectral", data)
        first, second = (_part_from_dict(content, key) for key in ("model1", "model2"))
        return cls(first, second, content.get("operator", ""))

    def __repr__(self) -> str:
        return f"({self.model1!r} {_SYMBOLS.get(self.operator_name, self.operator_name)} {self.model2!r})"


class ScaleSpectralModel(SpectralModel):
    """Another model times a norm; the other model's parameters are not its own and stay at their values.

    Parameters
    ----------
    model : SpectralModel
        The model.
    norm : float
        Default: 1.
    """

    tag = ("ScaleSpectralModel", "scale")
    norm = Parameter("norm", 1.0, interp="log")
    _file_keys = ("model",)

    def __init__(self, model: SpectralModel, norm: Any = 1.0) -> None:
        if not isinstance(model, SpectralModel):
            raise InputTypeError(f"the model to be scaled is {model!r}: expected a spectral model")
        super().__init__(norm=norm)
        self.model = model

    @property
    def is_norm_spectral_model(self) -> bool:  # type: ignore[override]
        """Whether the scaled model is a factor without unit."""
        return self.model.is_norm_spectral_model

    @property
    def fixed_breaks(self) -> u.Quantity:
        """Energies at which the scaled model is not smooth."""
        return self.model.fixed_breaks

    def evaluate(self, energy: Any, norm: Any) -> Any:
        """Return the flux."""
        return norm * self.model.evaluate(energy, *[parameter.quantity for parameter in self.model.parameters])

    def __call__(self, energy: Any) -> u.Quantity:
        """Return the flux at energies of any shape."""
        return self.norm.value * self.model(energy)

    def compile(self) -> FluxFunction:
        """Return the model as the engine takes it, with the scaled model as it is now."""
        flux = self.model.compile()
        values = [parameter.value for parameter in self.model.parameters]
        return _with_norm(flux, values)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as plain dicts."""
        content = super().to_dict(full_output)
        content["spectral"]["model"] = self.model.to_dict(full_output)["spectral"]
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> ScaleSpectralModel:
        """Return a model from `to_dict`."""
        return super().from_dict(data, model=_part_from_dict(data.get("spectral", data), "model"), **kwargs)


def _part_from_dict(content: dict[str, Any], key: str) -> SpectralModel:
    """Return a part of a model that is made of others."""
    if key not in content:
        raise FileFormatError(f"{content.get('type')}: the part {key!r} is not there")
    part = content[key]
    if isinstance(part, Mapping):
        part = part.get("spectral", part)
    return find_class(part, SpectralModel).from_dict({"spectral": part})


def _with_norm(flux: FluxFunction, values: list[float]) -> FluxFunction:
    """Return a flux with fixed parameters as a function of a norm."""
    integral: Any = flux.integral
    moving = flux.moving_breaks

    def scaled_integral(low: Any, high: Any, norm: Any) -> Any:
        return norm * integral(low, high, *values)

    return FluxFunction(
        n_parameters=1,
        evaluate=lambda energy, norm: norm * flux.evaluate(energy, *values),
        integral=None if integral is None else scaled_integral,
        derivatives=None if integral is not None else lambda energy, _: (flux.evaluate(energy, *values),),
        integral_derivatives=None if integral is None else lambda low, high, _: (integral(low, high, *values),),
        breaks=flux.breaks + (() if moving is None else tuple(float(energy) for energy in moving(*values))),
        parts=tuple(
            (_with_norm(part, [values[i] for i in positions]), (0,), sign) for part, positions, sign in flux.parts
        ),
    )


def _scaled_integral(compound: CompoundSpectralModel, first: FluxFunction, second: FluxFunction) -> Any:
    """Return the exact integral where one factor is a constant without energy dependence; else None."""
    if compound.operator_name != "mul":
        return None
    count = first.n_parameters
    if _is_constant(compound.model2) and first.integral is not None:
        return lambda low, high, *values: first.integral(low, high, *values[:count]) * values[count]
    if _is_constant(compound.model1) and second.integral is not None:
        return lambda low, high, *values: second.integral(low, high, *values[count:]) * values[0]
    return None


def _is_constant(model: SpectralModel) -> bool:
    return type(model) is ConstantSpectralModel and model.const.unit == u.dimensionless_unscaled


def _product_rule(first: FluxFunction, second: FluxFunction) -> Any:
    if first.derivatives is None or second.derivatives is None:
        return None
    slopes, more_slopes, count = first.derivatives, second.derivatives, first.n_parameters

    def derivatives(energy: Any, *values: Any) -> tuple[Any, ...]:
        mine, theirs = values[:count], values[count:]
        left, right = first.evaluate(energy, *mine), second.evaluate(energy, *theirs)
        return (
            *(slope * right for slope in slopes(energy, *mine)),
            *(left * slope for slope in more_slopes(energy, *theirs)),
        )

    return derivatives


def _joined_breaks(first: FluxFunction, second: FluxFunction) -> Any:
    one, two, count = first.moving_breaks, second.moving_breaks, first.n_parameters
    if one is None and two is None:
        return None

    def moving(*values: Any) -> tuple[Any, ...]:
        left = () if one is None else tuple(one(*values[:count]))
        return left + (() if two is None else tuple(two(*values[count:])))

    return moving


def _as_factor(other: Any, operation: str) -> u.Quantity:
    try:
        quantity = u.Quantity(np.nan if other is None else other, dtype=float)
    except (TypeError, ValueError):
        quantity = u.Quantity([])
    if quantity.size != 1 or not np.isfinite(quantity):
        raise InputTypeError(
            f"cannot {operation} a spectral model and {other!r}: expected a spectral model, a number or a quantity"
        )
    return quantity.reshape(())


def combine(model: SpectralModel, other: Any, operation: str, swapped: bool) -> CompoundSpectralModel:
    """Return two models, or a model and a number or quantity, combined by an operator."""
    if not isinstance(other, SpectralModel):
        quantity = _as_factor(other, operation)
        if operation in ("mul", "truediv") and quantity.unit == u.dimensionless_unscaled:
            other = PowerLawNormSpectralModel(norm=float(quantity.value))
            other.norm.frozen = True
        elif quantity.unit.is_equivalent(DNDE):
            other = ConstantSpectralModel(const=quantity)
        else:
            raise InputError(f"cannot {operation} a spectral model and {quantity}: the units do not fit")
    pair = (other, model) if swapped else (model, other)
    return CompoundSpectralModel(pair[0], pair[1], operation)
