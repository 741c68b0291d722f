"""Which minimisers there are, and which options each takes: checked where a user gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gammafold.utils.errors import InputError, InputTypeError

__all__ = ["GRADIENT_FREE", "check_fit_options", "scipy_method"]

# Methods of scipy.optimize.minimize that keep to limits, those that know none, and those that want no gradient.
_LIMITED = ("L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell", "COBYLA", "COBYQA")
_UNLIMITED = ("BFGS", "CG", "Newton-CG")
GRADIENT_FREE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")

_Check = Callable[[Any], bool]


def _is_positive(value: Any) -> bool:
    return bool(isinstance(value, int | float | np.number) and not isinstance(value, bool) and 0 < value < math.inf)


def _is_count(value: Any) -> bool:
    return bool(isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1)


_POSITIVE = (_is_positive, "a number above 0")
_COUNT = (_is_count, "a whole number above 0")
_STRATEGY = (lambda value: not isinstance(value, bool) and value in (0, 1, 2), "0, 1 or 2")
_METHOD = (lambda value: _canonical(value) is not None, f"one of {[*_LIMITED, *_UNLIMITED]}")

# The options of each minimiser; None stands for the default of any. Those that scipy takes are its own affair.
_OPTIONS: Mapping[str, Mapping[str, tuple[_Check, str]]] = {
    "fisher-scoring": {"max_iterations": _COUNT},
    "minuit": {"strategy": _STRATEGY, "tol": _POSITIVE, "max_evaluations": _COUNT},
    "scipy": {"method": _METHOD, "tol": _POSITIVE},
}


def check_fit_options(backend: Any, options: Any) -> dict[str, Any]:
    """Return the options of a minimiser that are not None, as a dict of their own.

    Raises
    ------
    InputError, InputTypeError
        If there is no such minimiser, it has no such option, or does not take the value.
    """
    if not isinstance(backend, str) or backend not in _OPTIONS:
        raise InputError(f"no fit backend {backend!r}: there are {sorted(_OPTIONS)}")
    if options is not None and not isinstance(options, Mapping):
        raise InputTypeError(f"the options of {backend} are {options!r}: expected a dict")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    known = _OPTIONS[backend]
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown and backend != "scipy":
        raise InputError(f"{backend} has no option {unknown}: there are {list(known)}")
    for name in known.keys() & given.keys():
        accepts, expected = known[name]
        if not accepts(given[name]):
            raise InputError(f"the option {name!r} of {backend} is {given[name]!r}: expected {expected}")
    return given


def scipy_method(name: str, has_limits: bool) -> str:
    """Return the name of a method as scipy writes it.

    Raises
    ------
    InputError
        If parameters have limits, and the method knows none.
    """
    method = _canonical(name) or name
    if has_limits and method in _UNLIMITED:
        raise InputError(f"the method {method} of scipy knows no limits, and there are some: use one of {_LIMITED}")
    return method


def _canonical(name: Any) -> str | None:
    known = {method.lower(): method for method in (*_LIMITED, *_UNLIMITED)}
    return known.get(name.lower()) if isinstance(name, str) else None
