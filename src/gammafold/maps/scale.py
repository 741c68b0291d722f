"""Interpolation scales of axes: linear, logarithmic and square root."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gammafold.utils.errors import InputError

__all__ = ["SCALES", "scale_functions"]

Function = Callable[[Any], Any]

#: Scale and its inverse, by name.
SCALES: dict[str, tuple[Function, Function]] = {
    "lin": (np.asarray, np.asarray),
    "log": (np.log, np.exp),
    "sqrt": (np.sqrt, np.square),
}


def scale_functions(name: str) -> tuple[Function, Function]:
    """Return a scale and its inverse.

    Raises
    ------
    InputError
        If there is no such scale.
    """
    try:
        return SCALES[name]
    except KeyError:
        raise InputError(f"interp is {name!r}: expected one of {sorted(SCALES)}") from None
