"""Cutting, joining and splitting the bins of an axis."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import GammafoldWarning, InputError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.maps.axis import MapAxis

__all__ = [
    "downsampled_nodes",
    "group_table",
    "joined_nodes",
    "padded_nodes",
    "resample",
    "sliced_nodes",
    "upsampled_nodes",
]

# An edge that moves by more than this fraction of a bin is worth a warning.
_SNAP_TOLERANCE = 0.01

# Kinds of groups, written as gammapy's scripts compare them.
UNDERFLOW, NORMAL, OVERFLOW = "underflow", "normal   ", "overflow"


def _nodes(axis: MapAxis) -> u.Quantity:
    return axis.edges if axis.node_type == "edges" else axis.center


def sliced_nodes(axis: MapAxis, idx: slice) -> u.Quantity:
    """Return the nodes of the bins in a slice."""
    if not isinstance(idx, slice):
        raise InputError(f"axis {axis.name!r} is sliced by {idx!r}: expected a slice")
    start, stop, step = idx.indices(axis.nbin)
    if step != 1:
        raise InputError(f"axis {axis.name!r} is sliced with the step {step}: bins must stay contiguous")
    if stop <= start:
        raise InputError(f"the slice {idx.start}:{idx.stop} leaves none of the {axis.nbin} bins of axis {axis.name!r}")
    return _nodes(axis)[start : stop + (axis.node_type == "edges")]


def padded_nodes(axis: MapAxis, pad_width: int | tuple[int, int]) -> u.Quantity:
    """Return nodes with more bins at the ends."""
    before, after = pad_width if isinstance(pad_width, tuple) else (pad_width, pad_width)
    if any(not isinstance(width, int | np.integer) or width < 0 for width in (before, after)):
        raise InputError(f"pad_width of axis {axis.name!r} is {pad_width!r}: expected whole numbers, none below zero")
    pix = np.arange(-before, axis.nbin + after + (axis.node_type == "edges")) - 0.5 * (axis.node_type == "edges")
    nodes = axis.pix_to_coord(pix)
    # The old nodes as they were, to the last bit.
    nodes[before : before + len(_nodes(axis))] = _nodes(axis)
    return nodes


def joined_nodes(axis: MapAxis, other: MapAxis) -> u.Quantity:
    """Return the nodes of two axes, one after the other."""
    if axis.node_type != other.node_type or axis.interp != other.interp or axis.name != other.name:
        raise InputError(f"cannot join {axis!r} and {other!r}: name, scale and kind of nodes must agree")
    if axis.node_type == "center":
        return np.concatenate([axis.center, other.center.to(axis.unit)])
    gap = (other.edges[0] - axis.edges[-1]) / axis.bin_width[-1]
    if abs(gap) > 1e-6:
        raise InputError(f"cannot join {axis!r} and {other!r}: the second must start where the first ends")
    return np.concatenate([axis.edges, other.edges[1:].to(axis.unit)])


def downsampled_nodes(axis: MapAxis, factor: int, strict: bool) -> u.Quantity:
    """Return the nodes left when bins are joined in groups."""
    _require_factor(axis, factor)
    if axis.node_type == "edges":
        if strict and axis.nbin % factor:
            raise InputError(f"cannot join the {axis.nbin} bins of axis {axis.name!r} in groups of {factor}")
        edges = axis.edges[::factor]
        return edges if axis.nbin % factor == 0 else np.append(edges, axis.edges[-1])
    if strict and (axis.nbin - 1) % factor:
        raise InputError(f"cannot keep every {factor}-th of the {axis.nbin} nodes of axis {axis.name!r}")
    return axis.center[::factor]


def upsampled_nodes(axis: MapAxis, factor: int) -> u.Quantity:
    """Return the nodes when every bin is split."""
    _require_factor(axis, factor)
    old = _nodes(axis)
    count = (len(old) - 1) * factor + 1
    shift = 0.5 if axis.node_type == "edges" else 0.0
    nodes = axis.pix_to_coord(np.arange(count) / factor - shift)
    nodes[::factor] = old
    return nodes


def _require_factor(axis: MapAxis, factor: Any) -> None:
    if not isinstance(factor, int | np.integer) or isinstance(factor, bool) or factor < 1:
        raise InputError(f"factor is {factor!r}: axis {axis.name!r} takes a whole number above zero")


def nearest_edges(axis: MapAxis, edges: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the edge nearest to each coordinate in the scale of the axis, and by how many bins it moved.

    Halfway between two edges the even one is taken.
    """
    pix = axis.to_node_type("edges").coord_to_pix(edges) + 0.5
    if np.isnan(pix).any():
        raise InputError(f"edges {edges} do not lie on the {axis.interp} scale of axis {axis.name!r}")
    # Beyond 1e-9 of a bin from the half, rounding decides; at the half the rule does, whatever the last bit says.
    pix = np.where(np.abs(pix - np.floor(pix) - 0.5) < 1e-9, np.floor(pix) + 0.5, pix)
    nearest = np.rint(pix).astype(int)
    return nearest, np.abs(pix - nearest)


def group_cuts(axis: MapAxis, edges: Any) -> np.ndarray:
    """Return the edges of an axis, by number, that are nearest to the given ones; each once, and none beyond the axis.

    Warnings and errors are those of `group_table`.
    """
    wanted: u.Quantity = np.atleast_1d(u.Quantity(edges, dtype=float))
    if not (np.diff(wanted.value) > 0).all():
        raise InputError(f"edges of groups of axis {axis.name!r} are {wanted}: expected increasing ones")
    nearest, moved = nearest_edges(axis, wanted)
    inner = np.clip(nearest, 0, axis.nbin)
    moved = moved + np.abs(nearest - inner)
    # An edge beyond the axis moves only if its group reaches into the axis.
    steps = np.diff(inner) > 0
    kept = (inner == nearest) | np.append(steps, False) | np.insert(steps, 0, False)
    if (moved[kept] > _SNAP_TOLERANCE).any():
        moves = ", ".join(
            f"{wanted[i]:.6g} to {axis.edges[inner[i]]:.6g}" for i in np.flatnonzero(kept & (moved > _SNAP_TOLERANCE))
        )
        warnings.warn(f"edges moved to the nearest of axis {axis.name!r}: {moves}", GammafoldWarning, stacklevel=3)
    cuts = np.unique(inner)
    if len(cuts) < 2:
        raise InputError(
            f"no bin of axis {axis.name!r}, from {axis.edges[0]:.6g} to {axis.edges[-1]:.6g}, "
            f"lies between the edges {wanted[0]:.6g} and {wanted[-1]:.6g}"
        )
    return cuts


def group_table(axis: MapAxis, edges: Any) -> Table:
    """Return which bins of an axis lie between the given edges, moved to the nearest of its own.

    Parameters
    ----------
    axis : MapAxis
        The axis.
    edges : `~astropy.units.Quantity`
        Edges of the groups, increasing; what lies beyond the axis makes no group.

    Returns
    -------
    groups : `~astropy.table.Table`
        One row for each group in order: "group_idx", ``<name>_min``, ``<name>_max``, "idx_min" and "idx_max"
        (first and last bin), "bin_type" ("underflow", "normal   ", "overflow").

    Warns
    -----
    GammafoldWarning
        If an edge moves by more than one per cent of a bin.

    Raises
    ------
    InputError
        If the edges do not increase, or no bin lies between them.
    """
    from astropy.table import Table

    cuts = group_cuts(axis, edges)
    first = [0] if cuts[0] > 0 else []
    last = [axis.nbin] if cuts[-1] < axis.nbin else []
    ends = np.concatenate([first, cuts, last]).astype(int)
    kinds = [UNDERFLOW] * len(first) + [NORMAL] * (len(cuts) - 1) + [OVERFLOW] * len(last)
    return Table(
        {
            "group_idx": np.arange(len(ends) - 1),
            f"{axis.name}_min": axis.edges[ends[:-1]],
            f"{axis.name}_max": axis.edges[ends[1:]],
            "idx_min": ends[:-1],
            "idx_max": ends[1:] - 1,
            "bin_type": kinds,
        }
    )


def resample(axis: MapAxis, other: MapAxis) -> MapAxis:
    """Return the bins of an axis joined into those of a coarser one."""
    if axis.name != other.name:
        raise InputError(f"cannot resample axis {axis.name!r} to an axis {other.name!r}")
    return axis.to_node_type("edges").copy(nodes=axis.edges[group_cuts(axis, other.edges)])
