"""A model's differential flux, as the engine sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["FluxFunction"]


@dataclass(frozen=True, eq=False)
class FluxFunction:
    """A differential flux as functions of plain arrays.

    Energies are in TeV, fluxes in cm-2 s-1 TeV-1, and each parameter in its own unit. Parameters are
    scalars for one evaluation, or columns ``(N, 1)`` for a batch; every function broadcasts energies
    ``(q,)`` or ``(N, q)`` against them.

    Attributes
    ----------
    n_parameters : int
        Number of parameters.
    evaluate : callable
        ``evaluate(energy, *parameters)``: the flux.
    integral : callable, optional
        ``integral(low, high, *parameters)``: the flux integrated over bins, exact. Without one the engine
        integrates numerically.
    derivatives : callable, optional
        ``derivatives(energy, *parameters)``: a tuple of the derivatives of the flux, one per parameter. Only
        for fluxes that are smooth between their fixed ``breaks``; without it the engine takes differences.
    integral_derivatives : callable, optional
        ``integral_derivatives(low, high, *parameters)``: a tuple of the derivatives of ``integral``, exact; for fluxes
        like a narrow line, which no quadrature follows.
    proportional : int, optional
        Which parameter the flux is proportional to: its derivative times the parameter is then the flux, and need
        not be evaluated again.
    breaks : tuple of float
        Energies at which the flux or one of its derivatives jumps, whatever the parameters.
    moving_breaks : callable, optional
        ``moving_breaks(*parameters)``: a tuple of further such energies, each a scalar or a column ``(N, 1)``.
    parts : tuple of (FluxFunction, positions, factor)
        For a sum of fluxes: each summand, which of the parameters are its own, and its sign or factor.
        The engine folds the parts one by one, each integrated in its own best way.
    """

    n_parameters: int
    evaluate: Callable[..., Any]
    integral: Callable[..., Any] | None = None
    derivatives: Callable[..., Any] | None = None
    integral_derivatives: Callable[..., Any] | None = None
    proportional: int | None = None
    breaks: tuple[float, ...] = ()
    moving_breaks: Callable[..., tuple[Any, ...]] | None = None
    parts: tuple[tuple[FluxFunction, tuple[int, ...], float], ...] = ()
