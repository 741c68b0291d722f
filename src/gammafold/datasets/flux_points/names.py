"""Names and units of what flux points hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gammafold.utils.errors import UnknownNameError

__all__ = ["NORM_SUFFIXES", "OTHER_QUANTITIES", "SED_TYPES", "SED_UNITS", "TABLE_SED_TYPES", "check_sed_type"]

SED_TYPES = ("dnde", "e2dnde", "flux", "eflux", "norm")
# A table of kind "likelihood" holds norms, and what a norm of one is.
TABLE_SED_TYPES = ("dnde", "e2dnde", "flux", "eflux", "likelihood")
SED_UNITS: Mapping[str, str] = {
    "dnde": "cm-2 s-1 TeV-1",
    "e2dnde": "erg cm-2 s-1",
    "flux": "cm-2 s-1",
    "eflux": "erg cm-2 s-1",
    "norm": "",
}
NORM_SUFFIXES = ("", "_err", "_errn", "_errp", "_ul", "_sensitivity")
OTHER_QUANTITIES = (
    "ts",
    "sqrt_ts",
    "npred",
    "npred_excess",
    "counts",
    "stat",
    "stat_null",
    "stat_scan",
    "n_dof",
    "success",
    "is_ul",
)


def check_sed_type(kind: Any, allowed: tuple[str, ...] = SED_TYPES) -> str:
    """Return a kind of flux after checking that it is known.

    Raises
    ------
    UnknownNameError
        If it is not among ``allowed``.

    Examples
    --------
    >>> check_sed_type("dnde")
    'dnde'
    """
    if kind not in allowed:
        raise UnknownNameError(f"no sed_type {kind!r}: there are {list(allowed)}")
    return str(kind)
