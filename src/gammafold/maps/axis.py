"""`MapAxis`: bins of a quantity such as energy, given by their edges or by their centres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps import axis_create, axis_rebin
from gammafold.maps.axis_coord import AxisCoordinates
from gammafold.maps.scale import scale_functions
from gammafold.utils.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.table import Table

__all__ = ["MapAxis"]

_NODE_TYPES = ("edges", "center")


class MapAxis(AxisCoordinates):
    """An axis of a map; immutable.

    Parameters
    ----------
    nodes : `~astropy.units.Quantity` or array, shape (n + 1,) or (n,)
        Edges of the bins, or their centres, strictly increasing.
    interp : {"lin", "log", "sqrt"}
        Scale in which centres lie midway between edges, and fractional indices are linear.
    name : str
        Name of the axis, such as "energy" or "energy_true".
    node_type : {"edges", "center"}
        What ``nodes`` are.
    unit : str or Unit
        Unit of the axis: that of plain numbers; a quantity is converted to it. Default: that of the quantity.

    Raises
    ------
    InputError
        If the nodes are not finite, not strictly increasing, or not positive on a logarithmic scale.
    UnitsError
        If they cannot be converted to the unit.

    Examples
    --------
    >>> axis = MapAxis.from_energy_bounds("1 TeV", "100 TeV", nbin=2)
    >>> axis.edges
    <Quantity [  1.,  10., 100.] TeV>
    >>> axis.center.round(3)
    <Quantity [ 3.162, 31.623] TeV>
    >>> axis.coord_to_idx([2, 50, 500] * u.TeV)
    array([ 0,  1, -1])
    """

    def __init__(
        self,
        nodes: Any,
        interp: str = "lin",
        name: str = "",
        node_type: str = "edges",
        unit: Any = "",
    ) -> None:
        if not isinstance(name, str):
            raise InputTypeError(f"axis name is {name!r}: expected a string")
        if node_type not in _NODE_TYPES:
            raise InputError(f"node_type of axis {name!r} is {node_type!r}: expected one of {list(_NODE_TYPES)}")
        self.name = name
        self.interp = interp
        self.node_type = node_type
        quantity = axis_create.nodes_in_unit(nodes, unit, f"nodes of axis {name!r}")
        self.unit: u.UnitBase = quantity.unit
        self._nodes = np.array(quantity.value, dtype=float)
        self._nodes.setflags(write=False)
        self._scale, self._unscale = scale_functions(interp)
        self._check()
        self.nbin = len(self._nodes) - (node_type == "edges")

    def _check(self) -> None:
        nodes, label = self._nodes, f"axis {self.name!r}"
        least = 2 if self.node_type == "edges" else 1
        if nodes.ndim != 1 or len(nodes) < least:
            raise InputError(f"{label} has nodes of shape {nodes.shape}: expected at least {least} in a row")
        if not np.isfinite(nodes).all():
            raise InputError(f"{label} has nodes that are not finite: {nodes}")
        step = np.diff(nodes)
        if not (step > 0).all():
            first = int(np.argmin(step > 0))
            raise InputError(
                f"{label}: nodes must increase strictly, and number {first + 1} ({nodes[first + 1]:g}) "
                f"does not exceed number {first} ({nodes[first]:g})"
            )
        if self.interp == "log" and nodes[0] <= 0:
            raise InputError(f"{label} has the node {nodes[0]:g} {self.unit}: a logarithmic scale needs positive ones")
        if self.interp == "sqrt" and nodes[0] < 0:
            raise InputError(f"{label} has the node {nodes[0]:g} {self.unit}: a square root needs none below zero")

    # -- construction

    @classmethod
    def from_edges(cls, edges: Any, **kwargs: Any) -> MapAxis:
        """Make an axis from the edges of its bins; further arguments are those of the class."""
        return cls(edges, node_type="edges", **kwargs)

    @classmethod
    def from_nodes(cls, nodes: Any, **kwargs: Any) -> MapAxis:
        """Make an axis from the centres of its bins; further arguments are those of the class."""
        return cls(nodes, node_type="center", **kwargs)

    @classmethod
    def from_bounds(cls, lo_bnd: Any, hi_bnd: Any, nbin: int, **kwargs: Any) -> MapAxis:
        """Make an axis of ``nbin`` bins (or centres) between two bounds, equally wide in the scale ``interp``."""
        return cls(axis_create.nodes_between(lo_bnd, hi_bnd, nbin, **kwargs), **kwargs)

    @classmethod
    def from_energy_edges(
        cls, energy_edges: Any, unit: Any = None, name: str | None = None, interp: str = "log"
    ) -> MapAxis:
        """Make an energy axis from edges.

        Parameters
        ----------
        energy_edges : `~astropy.units.Quantity` or list of str
            Edges.
        unit : str or Unit, optional
            Unit of the axis. Default: that of the edges.
        name : str, optional
            Default: "energy".
        interp : str
            Default: "log".
        """
        edges = axis_create.energies(energy_edges, unit, name or "energy")
        return cls(edges, interp=interp, name=name or "energy")

    @classmethod
    def from_energy_bounds(
        cls,
        energy_min: Any,
        energy_max: Any,
        nbin: int,
        unit: Any = None,
        per_decade: bool = False,
        name: str | None = None,
        node_type: str = "edges",
        strict_bounds: bool = True,
    ) -> MapAxis:
        """Make a logarithmic energy axis between two energies.

        Parameters
        ----------
        energy_min, energy_max : `~astropy.units.Quantity` or str
            Bounds.
        nbin : int
            Number of bins, in all or per decade.
        unit : str or Unit, optional
            Unit of the axis. Default: that of ``energy_max``.
        per_decade : bool
            Whether ``nbin`` is per decade. Default: False.
        name : str, optional
            Default: "energy".
        node_type : {"edges", "center"}
            What the bounds are ends of.
        strict_bounds : bool
            With ``per_decade``: end at ``energy_max``, rounding the number of bins up; otherwise keep the width
            of the bins and end at the last edge below. Default: True.
        """
        nodes = axis_create.energy_nodes(energy_min, energy_max, nbin, unit, per_decade, node_type, strict_bounds)
        return cls(nodes, interp="log", name=name or "energy", node_type=node_type)

    @classmethod
    def from_stack(cls, axes: Sequence[MapAxis]) -> MapAxis:
        """Make an axis of several that touch, in order."""
        if not axes:
            raise InputError("an axis of several needs at least one: got none")
        stacked = axes[0]
        for axis in axes[1:]:
            stacked = stacked.concatenate(axis)
        return stacked

    @classmethod
    def from_table(cls, table: Table, format: str = "ogip", idx: int = 0, column_prefix: str = "") -> MapAxis:
        """Read an axis from a table: see `gammafold.maps.axis_io.axis_from_table`."""
        from gammafold.maps.axis_io import axis_from_table

        return axis_from_table(table, format, idx, column_prefix)

    @classmethod
    def from_table_hdu(cls, hdu: fits.BinTableHDU, format: str = "ogip", idx: int = 0) -> MapAxis:
        """Read an axis from a FITS table extension."""
        from astropy.table import Table

        return cls.from_table(Table.read(hdu), format=format, idx=idx)

    def to_table(self, format: str = "ogip") -> Table:
        """Return the axis as a table: see `gammafold.maps.axis_io.axis_to_table`."""
        from gammafold.maps.axis_io import axis_to_table

        return axis_to_table(self, format)

    def to_table_hdu(self, format: str = "ogip") -> fits.BinTableHDU:
        """Return the axis as a FITS table extension."""
        from astropy.io import fits

        table = self.to_table(format)
        return fits.BinTableHDU(table, name=table.meta["EXTNAME"])

    # -- the bins

    @cached_property
    def edges(self) -> u.Quantity:
        """Edges of the bins, shape (n + 1,); read-only."""
        values = self._nodes if self.node_type == "edges" else self._unscale(self._edges_of_centers())
        return _read_only(values, self.unit)

    def _edges_of_centers(self) -> np.ndarray:
        """Edges in the scale: midway between centres; half a step (one for a lone centre) beyond the ends."""
        centers = self._scale(self._nodes)
        if len(centers) == 1:
            return np.array([centers[0] - 0.5, centers[0] + 0.5])
        middle = 0.5 * (centers[1:] + centers[:-1])
        return np.concatenate([[2 * centers[0] - middle[0]], middle, [2 * centers[-1] - middle[-1]]])

    @cached_property
    def center(self) -> u.Quantity:
        """Centres of the bins in the scale of the axis, shape (n,); read-only."""
        if self.node_type == "center":
            return _read_only(self._nodes, self.unit)
        scaled = self._scale(self._nodes)
        return _read_only(self._unscale(0.5 * (scaled[1:] + scaled[:-1])), self.unit)

    @property
    def edges_min(self) -> u.Quantity:
        """Lower edges, shape (n,)."""
        return self.edges[:-1]

    @property
    def edges_max(self) -> u.Quantity:
        """Upper edges, shape (n,)."""
        return self.edges[1:]

    @property
    def bin_width(self) -> u.Quantity:
        """Widths of the bins, shape (n,)."""
        return np.diff(self.edges)

    @property
    def bounds(self) -> u.Quantity:
        """First and last edge."""
        return self.edges[[0, -1]]

    @property
    def iter_by_edges(self) -> Iterator[tuple[u.Quantity, u.Quantity]]:
        """Pairs of lower and upper edge, bin by bin."""
        yield from zip(self.edges[:-1], self.edges[1:], strict=True)

    @property
    def nbin_per_decade(self) -> float:
        """Mean number of bins per factor of ten."""
        low, high = self.edges.value[[0, -1]]
        return float(self.nbin / np.log10(high / low))

    @property
    def is_energy_axis(self) -> bool:
        """Whether the axis is called "energy" or "energy_true"."""
        return self.name in ("energy", "energy_true")

    def assert_name(self, required_name: str) -> None:
        """Raise an error unless the axis has this name."""
        if self.name != required_name:
            raise InputError(f"the axis is called {self.name!r}: expected {required_name!r}")

    # -- other axes made of this one

    def copy(self, **kwargs: Any) -> MapAxis:
        """Return a copy with some arguments of the class replaced; nodes may bring their unit, a new unit converts."""
        current = {
            "nodes": u.Quantity(self._nodes, self.unit), "interp": self.interp,
            "name": self.name, "node_type": self.node_type,
        }  # fmt: skip
        if not hasattr(kwargs.get("nodes", self.edges), "unit"):
            # Plain numbers are in the unit of the axis, unless another is given.
            kwargs.setdefault("unit", self.unit)
        return MapAxis(**{**current, **kwargs})

    def rename(self, new_name: str) -> MapAxis:
        """Return the axis under another name."""
        return self.copy(name=new_name)

    def to_node_type(self, node_type: str) -> MapAxis:
        """Return the same bins given by their edges, or by their centres."""
        if node_type == self.node_type:
            return self
        nodes = self.edges if node_type == "edges" else self.center
        return MapAxis(nodes, interp=self.interp, name=self.name, node_type=node_type)

    def _with_nodes(self, nodes: Any) -> MapAxis:
        return MapAxis(nodes, interp=self.interp, name=self.name, node_type=self.node_type)

    def slice(self, idx: slice) -> MapAxis:
        """Return the bins of a slice, which must leave at least one and have no step."""
        return self._with_nodes(axis_rebin.sliced_nodes(self, idx))

    def squash(self) -> MapAxis:
        """Return one bin from the first to the last edge."""
        return MapAxis(self.edges[[0, -1]], interp=self.interp, name=self.name)

    def pad(self, pad_width: int | tuple[int, int]) -> MapAxis:
        """Return the axis with bins added at its ends, as wide as the outermost ones in its scale."""
        return self._with_nodes(axis_rebin.padded_nodes(self, pad_width))

    def concatenate(self, axis: MapAxis) -> MapAxis:
        """Return this axis followed by another; edges must touch."""
        return self._with_nodes(axis_rebin.joined_nodes(self, axis))

    def downsample(self, factor: int, strict: bool = True) -> MapAxis:
        """Return the axis with each ``factor`` bins joined (or each ``factor``-th centre kept).

        Raises
        ------
        InputError
            If ``strict`` and the number of bins is no multiple of the factor; otherwise the rest makes the last bin.
        """
        return self._with_nodes(axis_rebin.downsampled_nodes(self, factor, strict))

    def upsample(self, factor: int) -> MapAxis:
        """Return the axis with each bin split in ``factor``, equally wide in its scale."""
        return self._with_nodes(axis_rebin.upsampled_nodes(self, factor))

    def group_table(self, edges: Any) -> Table:
        """Return which bins lie between the given edges: see `gammafold.maps.axis_rebin.group_table`."""
        return axis_rebin.group_table(self, edges)

    def resample(self, axis: MapAxis) -> MapAxis:
        """Return the bins of this axis joined into those of a coarser one, whose edges move to the nearest here."""
        return axis_rebin.resample(self, axis)

    # -- comparison

    def is_allclose(self, other: Any, rtol: float = 1e-6, atol: float = 1e-6) -> bool:
        """Whether name, scale, kind of nodes and number of bins agree, and the edges within a tolerance.

        ``atol`` is a fraction of a bin.
        """
        if not isinstance(other, MapAxis):
            raise InputTypeError(f"cannot compare a MapAxis with a {type(other).__name__}")
        if self.nbin != other.nbin or self.name.upper() != other.name.upper():
            return False
        if self.interp != other.interp or not self.unit.is_equivalent(other.unit):
            return False
        edges, theirs = self.edges.value, other.edges.to_value(self.unit)
        if np.allclose(edges, theirs, rtol=rtol, atol=0):
            return True
        return bool(np.allclose(self.coord_to_pix(other.edges), self.coord_to_pix(self.edges), rtol=0, atol=atol))

    def is_aligned(self, other: MapAxis, atol: float = 2e-2) -> bool:
        """Whether the edges of the other axis lie on edges of this one, within ``atol`` of a bin."""
        pix = self.to_node_type("edges").coord_to_pix(other.edges) + 0.5
        return bool(np.allclose(pix, np.rint(pix), rtol=0, atol=atol))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MapAxis):
            return NotImplemented
        return self is other or (self.node_type == other.node_type and self.is_allclose(other))

    # Nodes that are equal within rounding would hash apart: axes are no keys.
    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return self.nbin

    def __repr__(self) -> str:
        edges = self.edges
        return (
            f"MapAxis {self.name!r}: {self.nbin} bins from {edges[0]:.6g} to {edges[-1]:.6g} "
            f"({self.interp}, by {self.node_type})"
        )


def _read_only(values: Any, unit: u.UnitBase) -> u.Quantity:
    quantity = u.Quantity(np.array(values, dtype=float), unit, copy=False)
    quantity.flags.writeable = False
    return quantity
