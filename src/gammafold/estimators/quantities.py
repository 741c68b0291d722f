"""Names and units of what flux points hold."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["NORM_SUFFIXES", "OTHER_QUANTITIES", "SED_TYPES", "SED_UNITS"]

SED_TYPES = ("dnde", "e2dnde", "flux", "eflux", "norm")
SED_UNITS: Mapping[str, str] = {
    "dnde": "cm-2 s-1 TeV-1",
    "e2dnde": "erg cm-2 s-1",
    "flux": "cm-2 s-1",
    "eflux": "erg cm-2 s-1",
    "norm": "",
}
NORM_SUFFIXES = ("", "_err", "_errn", "_errp", "_ul")
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
