"""Datasets: counts with all that is needed to predict them, alone and together."""

from gammafold.datasets.collection import Datasets
from gammafold.datasets.core import Dataset
from gammafold.datasets.flux_points.dataset import FluxPointsDataset
from gammafold.datasets.map_dataset import MapDataset
from gammafold.datasets.onoff import MapDatasetOnOff, SpectrumDatasetOnOff
from gammafold.datasets.spectrum import SpectrumDataset

__all__ = [
    "Dataset",
    "Datasets",
    "FluxPointsDataset",
    "MapDataset",
    "MapDatasetOnOff",
    "SpectrumDataset",
    "SpectrumDatasetOnOff",
]
