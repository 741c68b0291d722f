"""Estimators: fluxes, limits and sensitivities bin by bin, from fitted datasets."""

from gammafold.datasets.flux_points import FluxPoints
from gammafold.estimators.excess_profile import ExcessProfileEstimator
from gammafold.estimators.flux_points_estimator import FluxPointsEstimator
from gammafold.estimators.flux_profile import FluxProfileEstimator
from gammafold.estimators.light_curve import LightCurveEstimator
from gammafold.estimators.sensitivity import SensitivityEstimator

__all__ = [
    "ExcessProfileEstimator",
    "FluxPoints",
    "FluxPointsEstimator",
    "FluxProfileEstimator",
    "LightCurveEstimator",
    "SensitivityEstimator",
]
