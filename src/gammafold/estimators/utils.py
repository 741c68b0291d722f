"""Helpers for light curves, under the name where scripts look for them: see `gammafold.estimators.variability`."""

from gammafold.estimators.variability import (
    bayesian_blocks,
    compute_lightcurve_doublingtime,
    compute_lightcurve_fpp,
    compute_lightcurve_fvar,
    constant_chi2,
)

__all__ = [
    "bayesian_blocks",
    "compute_lightcurve_doublingtime",
    "compute_lightcurve_fpp",
    "compute_lightcurve_fvar",
    "constant_chi2",
]
