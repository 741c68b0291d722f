"""Flux points: a spectrum, a light curve or a profile as norms of a reference model, and how they are fitted.

The container lives here and not beside the estimators that fill it, since a `FluxPointsDataset` is a dataset, and
datasets know nothing of estimators. `gammafold.estimators` gives the same names.
"""

from gammafold.datasets.flux_points.points import FluxPoints

__all__ = ["FluxPoints"]
