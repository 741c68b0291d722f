"""`LabelMapAxis`: bins that have names instead of values, such as models or datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError, UnknownNameError

__all__ = ["LabelMapAxis"]


class LabelMapAxis:
    """An axis of labels.

    Parameters
    ----------
    labels : list of str
        Labels, each once.
    name : str
        Name of the axis.

    Examples
    --------
    >>> axis = LabelMapAxis(["crab", "halo"], name="models")
    >>> axis.coord_to_idx(["halo"])
    array([1])
    """

    node_type = "label"
    interp = "lin"
    unit = u.dimensionless_unscaled

    def __init__(self, labels: Iterable[str], name: str = "") -> None:
        if isinstance(labels, str):
            raise InputError(f"labels of axis {name!r} are {labels!r}: expected a list of strings")
        self._labels = np.array([str(label) for label in labels], dtype=str)
        self._labels.setflags(write=False)
        if len(self._labels) == 0:
            raise InputError(f"axis {name!r} has no labels: expected at least one")
        if len(set(self._labels)) != len(self._labels):
            twice = sorted({str(label) for label in self._labels if list(self._labels).count(label) > 1})
            raise InputError(f"axis {name!r} has labels that appear twice: {twice}")
        self.name = name
        self.nbin = len(self._labels)

    @classmethod
    def from_stack(cls, axes: Sequence[LabelMapAxis]) -> LabelMapAxis:
        """Make an axis of the labels of several, in order."""
        return cls([str(label) for axis in axes for label in axis.center], name=axes[0].name)

    def concatenate(self, axis: LabelMapAxis) -> LabelMapAxis:
        """Return this axis followed by another of the same name."""
        if axis.name != self.name:
            raise InputError(f"cannot join axis {self.name!r} and axis {axis.name!r}")
        return LabelMapAxis.from_stack([self, axis])

    @property
    def center(self) -> np.ndarray:
        """Labels, shape (n,)."""
        return self._labels

    @property
    def edges(self) -> np.ndarray:
        """Labels have no edges.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"axis {self.name!r} has labels and no edges")

    @property
    def bin_width(self) -> np.ndarray:
        """One for each label."""
        return np.ones(self.nbin)

    def assert_name(self, required_name: str) -> None:
        """Raise an error unless the axis has this name."""
        if self.name != required_name:
            raise InputError(f"the axis is called {self.name!r}: expected {required_name!r}")

    def coord_to_idx(self, coord: Any, clip: bool = False) -> np.ndarray:
        """Return the index of each label.

        Raises
        ------
        UnknownNameError
            If there is no such label.
        """
        labels = np.asarray(coord, dtype=str)
        found = np.array([np.flatnonzero(self._labels == label) for label in labels.reshape(-1)], dtype=object)
        for label, index in zip(labels.reshape(-1), found, strict=True):
            if len(index) == 0:
                raise UnknownNameError(
                    f"axis {self.name!r} has no label {str(label)!r}: there are {self._labels.tolist()}"
                )
        return np.array([int(index[0]) for index in found], dtype=int).reshape(labels.shape)

    def coord_to_pix(self, coord: Any) -> np.ndarray:
        """Return the index of each label as a float."""
        return self.coord_to_idx(coord).astype(float)

    def pix_to_coord(self, pix: Any) -> np.ndarray:
        """Return the label at each index."""
        return self._labels[self.pix_to_idx(pix, clip=True)]

    def pix_to_idx(self, pix: Any, clip: bool = False) -> np.ndarray:
        """Return integer indices for fractional ones; -1 beyond the ends, or clipped."""
        index = np.rint(np.asarray(pix, dtype=float)).astype(int)
        if clip:
            return np.clip(index, 0, self.nbin - 1)
        return np.where((index >= 0) & (index < self.nbin), index, -1)

    def slice(self, idx: slice) -> LabelMapAxis:
        """Return the labels of a slice."""
        return LabelMapAxis(self._labels[idx], name=self.name)

    def squash(self) -> LabelMapAxis:
        """Return one label from the first to the last."""
        return LabelMapAxis([f"{self._labels[0]}...{self._labels[-1]}"], name=self.name)

    def copy(self, name: str | None = None) -> LabelMapAxis:
        """Return a copy, under another name if one is given."""
        return LabelMapAxis(self._labels, name=self.name if name is None else name)

    def rename(self, new_name: str) -> LabelMapAxis:
        """Return the axis under another name."""
        return self.copy(name=new_name)

    def is_allclose(self, other: Any, **kwargs: Any) -> bool:
        """Whether name and labels are the same."""
        return self == other

    @property
    def as_plot_labels(self) -> list[str]:
        """Labels of ticks."""
        return list(self._labels)

    @property
    def as_plot_center(self) -> np.ndarray:
        """Positions of points: 0, 1, ..."""
        return np.arange(self.nbin)

    @property
    def as_plot_edges(self) -> np.ndarray:
        """Positions of bins: halfway between points."""
        return np.arange(self.nbin + 1) - 0.5

    @property
    def as_plot_xerr(self) -> tuple[np.ndarray, np.ndarray]:
        """Half a bin to both sides."""
        half = np.full(self.nbin, 0.5)
        return half, half

    def format_plot_xaxis(self, ax: Any) -> Any:
        """Set ticks and label of the horizontal axis of a plot, and return the plot."""
        ax.set_xticks(self.as_plot_center, self.as_plot_labels, rotation=30, ha="right")
        ax.set_xlabel(self.name.replace("_", " ").capitalize())
        return ax

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelMapAxis):
            return NotImplemented
        return self.name == other.name and np.array_equal(self._labels, other._labels)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return self.nbin

    def __repr__(self) -> str:
        return f"LabelMapAxis {self.name!r}: {', '.join(self._labels)}"
