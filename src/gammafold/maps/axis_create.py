"""Nodes of new axes from bounds and energies."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from gammafold.maps.scale import scale_functions
from gammafold.utils.errors import InputError, UnitsError
from gammafold.utils.units import to_quantity

__all__ = ["energies", "energy_nodes", "nodes_between", "nodes_in_unit"]


def nodes_in_unit(nodes: Any, unit: Any, label: str) -> u.Quantity:
    """Return nodes as a quantity: plain numbers are in ``unit``, a quantity is converted to it unless it is ""."""
    if isinstance(nodes, u.Quantity):
        return nodes if not unit else to_quantity(nodes, unit, label)
    try:
        quantity = u.Quantity(nodes, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{label}: got {nodes!r}, expected numbers or a quantity ({error})") from None
    if quantity.unit == u.dimensionless_unscaled:
        return u.Quantity(quantity.value, unit or "")
    return quantity if not unit else to_quantity(quantity, unit, label)


def nodes_between(
    lo_bnd: Any, hi_bnd: Any, nbin: int, interp: str = "lin", node_type: str = "edges", unit: Any = "", **_: Any
) -> u.Quantity:
    """Return nodes for ``nbin`` bins between two bounds, equally spaced in a scale."""
    _require_count(nbin, "nbin")
    scale, unscale = scale_functions(interp)
    low = nodes_in_unit(lo_bnd, unit, "lo_bnd")
    high = to_quantity(nodes_in_unit(hi_bnd, unit or low.unit, "hi_bnd"), low.unit, "hi_bnd")
    ends = [float(low.value), float(high.value)]
    if not ends[1] > ends[0]:
        raise InputError(f"bounds are {low} and {high}: expected the second above the first")
    if interp == "log" and ends[0] <= 0:
        raise InputError(f"the lower bound is {low}: a logarithmic scale needs a positive one")
    count = nbin + 1 if node_type == "edges" else nbin
    if interp == "log":
        # Powers of ten fall on edges exactly where the bounds and the number of bins allow.
        values = np.geomspace(ends[0], ends[1], count)
    else:
        first, last = scale(np.array(ends))
        values = unscale(np.linspace(first, last, count))
    # The bounds themselves, not what the scale and its inverse make of them.
    values[0] = ends[0]
    if count > 1:
        values[-1] = ends[1]
    return u.Quantity(values, low.unit)


def energies(values: Any, unit: Any, name: str) -> u.Quantity:
    """Return energies as a quantity in one unit.

    Raises
    ------
    UnitsError
        If they are no energies.
    """
    try:
        # Strings are taken one by one: astropy reads no lists of them.
        single = isinstance(values, u.Quantity | str) or np.ndim(values) == 0
        energy = u.Quantity(values if single else [u.Quantity(value) for value in values], dtype=float)
    except (TypeError, u.UnitConversionError) as error:
        raise UnitsError(f"energies of axis {name!r} are {values!r}: expected a quantity ({error})") from None
    if not energy.unit.is_equivalent("eV"):
        raise UnitsError(f"energies of axis {name!r} are in {energy.unit.to_string()!r}: expected a unit like 'TeV'")
    return energy if unit is None else to_quantity(energy, unit, f"unit of axis {name!r}")


def energy_nodes(
    energy_min: Any,
    energy_max: Any,
    nbin: int,
    unit: Any,
    per_decade: bool,
    node_type: str,
    strict_bounds: bool,
) -> u.Quantity:
    """Return logarithmic nodes between two energies; the arguments are those of `MapAxis.from_energy_bounds`."""
    _require_count(nbin, "nbin")
    high = energies(energy_max, unit, "energy")
    low = energies(energy_min, high.unit, "energy")
    if not 0 < low < high:
        raise InputError(f"energy bounds are {low} and {high}: expected 0 < energy_min < energy_max")
    if per_decade:
        decades = float(np.log10((high / low).to_value("")))
        # A whole number of decades must not get one bin more by rounding.
        exact = decades * nbin
        nbin_total = int(np.ceil(exact - 1e-9)) if strict_bounds else int(np.floor(exact + 1e-9))
        if nbin_total < 1:
            raise InputError(f"no bin fits between {low} and {high} with {nbin} per decade and strict_bounds=False")
        if not strict_bounds:
            high = low * 10 ** (nbin_total / nbin)
        nbin = nbin_total
    return nodes_between(low, high, nbin, interp="log", node_type=node_type)


def _require_count(value: Any, name: str) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number above zero")
