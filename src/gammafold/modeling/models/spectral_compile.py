"""From a spectral model, with units, to a flux function of plain arrays.

The engine's units are TeV, cm and s. What a parameter's own unit is in these is a factor, found once. Our own
formulas take plain arrays as they are; those of users may need units, which are put on and taken off here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.utils.errors import InputError, UnitsError

if TYPE_CHECKING:
    from gammafold.modeling.models.spectral_core import SpectralModel
    from gammafold.modeling.parameter import Parameter

__all__ = [
    "DNDE",
    "ENERGY",
    "compile_model",
    "compile_with_units",
    "engine_factor",
    "is_array_native",
    "row_by_row",
]

ENERGY = u.TeV
DNDE = u.Unit("cm-2 s-1 TeV-1")
# Kinds of units that parameters of formulas have, in the engine's units.
_ENGINE_UNITS = tuple(
    u.Unit(text) for text in ("", "TeV", "TeV-1", "cm-2 s-1 TeV-1", "cm-2 s-1", "cm-2 s-1 TeV", "rad", "cm", "s")
)


def engine_factor(unit: u.UnitBase) -> float:
    """Return what one of a unit is in the engine's units.

    Examples
    --------
    >>> engine_factor(u.Unit("GeV")), engine_factor(u.Unit("m-2 s-1"))
    (0.001, 0.0001)
    """
    for known in _ENGINE_UNITS:
        if unit == known:
            return 1.0
        if unit.is_equivalent(known):
            return float(unit.to(known))
    return float(unit.decompose(bases=[u.TeV, u.cm, u.s]).scale)


def is_array_native(model: SpectralModel) -> bool:
    """Return True if a model's formula is one of ours, which take plain arrays."""
    return type(model).evaluate.__module__.startswith("gammafold.")


def compile_model(
    model: SpectralModel, evaluate: Callable[..., Any] | None = None, derivatives: Callable[..., Any] | None = None
) -> FluxFunction:
    """Return a model as the engine takes it: see `SpectralModel.compile`.

    Parameters
    ----------
    model : SpectralModel
        The model.
    evaluate, derivatives : callable, optional
        Formulas of plain arrays, where they rest on tables that are made once. Default: those of the model.
    """
    parameters = list(model.parameters)
    if not is_array_native(model):
        name = f"formula of {type(model).__name__}"
        return compile_with_units(name, model.evaluate, parameters, model._engine_unit)
    factors = [engine_factor(parameter.unit) for parameter in parameters]
    evaluate, derivatives = evaluate or model.evaluate, derivatives or model.evaluate_derivatives
    integral, integral_derivatives = model.evaluate_integral, model.evaluate_integral_derivatives
    breaks = model.evaluate_breaks
    if any(factor != 1.0 for factor in factors):
        evaluate = _scaled(evaluate, factors, 1)
        integral = None if integral is None else _scaled(integral, factors, 2)
        derivatives = None if derivatives is None else _scaled_derivatives(derivatives, factors, 1)
        if integral_derivatives is not None:
            integral_derivatives = _scaled_derivatives(integral_derivatives, factors, 2)
        breaks = None if breaks is None else _scaled(breaks, factors, 0)
    return FluxFunction(
        n_parameters=len(parameters),
        evaluate=evaluate,
        integral=integral,
        derivatives=derivatives,
        integral_derivatives=integral_derivatives,
        proportional=None if model.proportional_to is None else model.parameters.names.index(model.proportional_to),
        breaks=tuple(float(energy) for energy in model.fixed_breaks.to_value(ENERGY)),
        moving_breaks=breaks,
    )


def _scaled(function: Callable[..., Any], factors: list[float], n_energies: int) -> Callable[..., Any]:
    """Return a function of parameters in their own units."""

    def scaled(*arguments: Any) -> Any:
        energies, values = arguments[:n_energies], arguments[n_energies:]
        return function(*energies, *(value * factor for value, factor in zip(values, factors, strict=True)))

    return scaled


def _scaled_derivatives(function: Callable[..., Any], factors: list[float], n_energies: int) -> Callable[..., Any]:
    scaled = _scaled(function, factors, n_energies)

    def derivatives(*arguments: Any) -> tuple[Any, ...]:
        return tuple(slope * factor for slope, factor in zip(scaled(*arguments), factors, strict=True))

    return derivatives


def compile_with_units(
    name: str, formula: Callable[..., Any], parameters: Iterable[Parameter], unit: u.UnitBase = DNDE
) -> FluxFunction:
    """Return a formula of quantities as the engine takes it, after trying it once.

    Parameters
    ----------
    name : str
        What it is, for errors.
    formula : callable
        ``formula(energy, *parameters)`` of quantities.
    parameters : iterable of Parameter
        Its parameters.
    unit : unit
        Unit of the flux in the engine, or dimensionless for a factor.

    Raises
    ------
    InputError
        If the formula raises an error, or gives another shape than that of the energies.
    UnitsError
        If the result has another kind of unit.
    """
    parameters = list(parameters)
    units = [parameter.unit for parameter in parameters]

    def once(energy: Any, *values: Any) -> np.ndarray:
        quantities = [u.Quantity(value, own) for value, own in zip(values, units, strict=True)]
        try:
            result = u.Quantity(formula(u.Quantity(energy, ENERGY), *quantities))
        except Exception as error:
            raise InputError(f"the {name} raises {type(error).__name__}: {error}") from error
        return result.to_value(unit)

    trial = np.geomspace(0.5, 5.0, 4)
    values = [parameter.value for parameter in parameters]
    single = _try(name, once, trial, values, unit)
    if single.shape != trial.shape:
        raise InputError(
            f"the {name} gives the shape {single.shape} for energies of shape {trial.shape}: expected the same"
        )
    return FluxFunction(len(parameters), once if _broadcasts(once, trial, values, single) else row_by_row(once))


def row_by_row(once: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that takes columns of parameters by calling ``once`` for each row."""

    def looped(energy: Any, *columns: Any) -> np.ndarray:
        shape = np.broadcast_shapes(*(np.shape(column) for column in columns), (1,))
        if len(shape) == 1:
            return once(energy, *(float(np.squeeze(column)) for column in columns))
        rows = [np.broadcast_to(np.asarray(column), (shape[0], 1))[:, 0] for column in columns]
        energies = np.broadcast_to(energy, (shape[0], np.shape(energy)[-1]))
        return np.stack([once(energies[i], *(row[i] for row in rows)) for i in range(shape[0])])

    return looped


def _try(name: str, once: Callable[..., Any], energy: np.ndarray, values: list[float], unit: u.UnitBase) -> np.ndarray:
    try:
        return np.asarray(once(energy, *values), dtype=float)
    except u.UnitConversionError as error:
        wanted = "a factor without unit" if unit == u.dimensionless_unscaled else f"a flux in {unit.to_string()!r}"
        raise UnitsError(
            f"the {name} does not give {wanted}: {error}; is_norm_spectral_model says whether it is a factor"
        ) from error


def _broadcasts(once: Callable[..., Any], energy: np.ndarray, values: list[float], single: np.ndarray) -> bool:
    """Return True if a formula takes parameters as columns."""
    try:
        batch = np.asarray(once(energy, *(np.full((2, 1), value) for value in values)), dtype=float)
    except Exception:
        # Whatever it cannot do with columns, it can do row by row.
        return False
    return batch.shape == (2, len(energy)) and np.allclose(batch, single, rtol=1e-12, atol=0, equal_nan=True)
