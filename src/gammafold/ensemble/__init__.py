"""Ensembles: many data sets simulated and fitted at once, here or on a cluster."""

from __future__ import annotations

from gammafold.ensemble.catalogue import CatalogueResult, fit_many
from gammafold.ensemble.joint import DistributedDatasets, DistributedLikelihood
from gammafold.ensemble.result import EnsembleResult
from gammafold.ensemble.simulate import realisation, simulate_and_fit

__all__ = [
    "CatalogueResult",
    "DistributedDatasets",
    "DistributedLikelihood",
    "EnsembleResult",
    "fit_many",
    "realisation",
    "simulate_and_fit",
]
