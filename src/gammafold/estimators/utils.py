"""Helpers for flux points and light curves, under the name where scripts look for them.

See `gammafold.estimators.energy_edges` and `gammafold.estimators.variability`.
"""

from gammafold.estimators.energy_edges import resample_energy_edges
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
    "resample_energy_edges",
]
