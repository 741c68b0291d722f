"""One model of one dataset, to ask for its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gammafold.datasets.map_prediction import MapPrediction
    from gammafold.maps.region_map import RegionNDMap

__all__ = ["NpredEvaluator"]


class NpredEvaluator:
    """A model of the sky seen through a dataset.

    Parameters
    ----------
    model : SkyModel
        The model.
    dataset : MapDataset
        The dataset that it applies to.
    """

    __slots__ = ("dataset", "model")

    def __init__(self, model: Any, dataset: MapPrediction) -> None:
        self.model = model
        self.dataset = dataset

    def compute_npred(self) -> RegionNDMap:
        """Return the predicted counts of the model, as the dataset and the model are now."""
        return self.dataset.npred_signal(self.model)

    @property
    def contributes(self) -> bool:
        """True if the model predicts any counts."""
        return bool(self.compute_npred().data.any())

    def __repr__(self) -> str:
        return f"<NpredEvaluator of {self.model.name!r} in {self.dataset.name!r}>"
