"""Axes as tables, in the forms of OGIP (one energy axis) and of GADF (any axes, a "bands" table).

A bands table has one row for each bin of all axes, the first axis fastest, and for each axis its columns
``NAME_MIN``, ``NAME_MAX`` (``E_MIN``, ``E_MAX`` for "energy") and ``NAME``, the centre. ``AXCOLS<i>`` names the
columns that define axis ``i`` (edges, or centres), and ``INTERP<i>`` its scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps.axes import MapAxes
from gammafold.maps.axis import MapAxis
from gammafold.maps.axis_create import energies
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["axes_from_table", "axes_to_table", "axis_from_table", "axis_to_table", "time_axis_from_table"]

# Columns of lower and upper edges, name of the axis, and name of the extension, per format.
_OGIP = {
    "ogip": ("E_MIN", "E_MAX", "energy", "EBOUNDS"),
    "ogip-sherpa": ("E_MIN", "E_MAX", "energy", "EBOUNDS"),
    "ogip-arf": ("ENERG_LO", "ENERG_HI", "energy_true", "SPECRESP"),
    "ogip-arf-sherpa": ("ENERG_LO", "ENERG_HI", "energy_true", "SPECRESP"),
}

# Keywords of energy bounds (CAL/GEN/92-002, section 4).
_EBOUNDS = {
    "TELESCOP": "unknown", "INSTRUME": "unknown", "FILTER": "none", "CHANTYPE": "PHA",
    "HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "EBOUNDS", "HDUVERS": "1.2.0",
}  # fmt: skip


def axis_to_table(axis: MapAxis, format: str = "ogip") -> Table:
    """Return an energy axis as a table.

    Parameters
    ----------
    axis : MapAxis
        The axis.
    format : {"ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa", "gadf"}
        Columns CHANNEL, E_MIN, E_MAX, or ENERG_LO, ENERG_HI (the forms for Sherpa are in keV), or a bands table.

    Raises
    ------
    InputError
        If there is no such form, or it does not take the unit of the axis.
    """
    from astropy.table import Table

    if format == "gadf":
        return axes_to_table(MapAxes([axis]), format)
    low, high, _, extension = _columns(format)
    edges = energies(axis.edges, "keV" if format.endswith("sherpa") else None, axis.name)
    table = Table(meta={"EXTNAME": extension})
    if low == "E_MIN":
        table.meta |= _EBOUNDS | {"DETCHANS": axis.nbin}
        table["CHANNEL"] = np.arange(axis.nbin, dtype=np.int32)
    table[low], table[high] = edges[:-1], edges[1:]
    return table


def axis_from_table(table: Table, format: str = "ogip", idx: int = 0, column_prefix: str = "") -> MapAxis:
    """Read an axis from a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    format : {"ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa", "gadf", "gadf-dl3"}
        Its form.
    idx : int
        Which axis of a bands table.
    column_prefix : str
        For "gadf-dl3": the edges are the first rows of ``<prefix>_LO`` and ``<prefix>_HI``.

    Raises
    ------
    FileFormatError
        If a column is missing, or the bins do not touch.
    """
    if format == "gadf":
        axes = axes_from_table(table, format)
        if not 0 <= idx < len(axes):
            raise FileFormatError(f"the bands table has no axis number {idx}: there are {axes.names}")
        return axes[idx]
    if format == "gadf-dl3":
        low, high = (_column(table, f"{column_prefix}_{end}")[0] for end in ("LO", "HI"))
        name = {"ENERG": "energy_true", "THETA": "offset"}.get(column_prefix, column_prefix.lower())
        return _touching(low, high, name, "log" if column_prefix == "ENERG" else "lin")
    low_name, high_name, name, _ = _columns(format)
    return _touching(_column(table, low_name), _column(table, high_name), name, "log")


def axes_to_table(axes: MapAxes, format: str = "gadf") -> Table:
    """Return axes as a table: see `MapAxes.to_table`."""
    from astropy.table import Table

    if format != "gadf":
        if len(axes) != 1:
            raise InputError(f"the form {format!r} holds one energy axis: got {axes.names}")
        return axis_to_table(axes[0], format)
    table = Table(meta={"EXTNAME": "BANDS"})
    table["CHANNEL"] = np.arange(int(np.prod(axes.shape)))
    index = np.indices(axes.shape[::-1])[::-1].reshape(len(axes), -1)
    for number, (axis, rows) in enumerate(zip(axes, index, strict=True), start=1):
        _add_band(table, axis, rows, number)
    return table


def _add_band(table: Table, axis: Any, rows: np.ndarray, number: int) -> None:
    name = axis.name.upper()
    if isinstance(axis, LabelMapAxis):
        table[name] = axis.center[rows]
        table.meta[f"AXCOLS{number}"] = name
        return
    stem = "E" if axis.name == "energy" else name
    table[name] = axis.center[rows]
    table[f"{stem}_MIN"], table[f"{stem}_MAX"] = axis.edges_min[rows], axis.edges_max[rows]
    by_edges = getattr(axis, "node_type", "edges") != "center"
    table.meta[f"AXCOLS{number}"] = f"{stem}_MIN,{stem}_MAX" if by_edges else name
    table.meta[f"INTERP{number}"] = axis.interp
    if isinstance(axis, TimeMapAxis):
        # Readers take the reference for Terrestrial Time whatever its scale says, so it is.
        reference = axis.reference_time.tt
        day = np.floor(reference.mjd)
        table.meta |= {"MJDREFI": int(day), "MJDREFF": float(reference.mjd - day), "TIMESYS": reference.scale}


def axes_from_table(table: Table, format: str = "gadf") -> MapAxes:
    """Read axes from a table: see `MapAxes.from_table`.

    Raises
    ------
    FileFormatError
        If a column is missing.
    """
    if format != "gadf":
        return MapAxes([axis_from_table(table, format)])
    axes: list[Any] = []
    for number in range(1, 20):
        columns = table.meta.get(f"AXCOLS{number}")
        if columns is None:
            break
        axes.append(
            _band(table, str(columns).strip().split(","), str(table.meta.get(f"INTERP{number}", "lin")).strip())
        )
    if not axes:
        axes = _bands_without_keywords(table)
    return MapAxes(axes)


def _band(table: Table, columns: list[str], interp: str) -> Any:
    """Return the axis that some columns of a bands table define."""
    names = [column.strip() for column in columns]
    values = [_column(table, name) for name in names]
    if len(names) == 1:
        name = names[0].lower()
        if values[0].dtype.kind in "US":
            labels = [str(label).strip() for label in values[0]]
            return LabelMapAxis(list(dict.fromkeys(labels)), name=name)
        return MapAxis.from_nodes(_unique(values[0]), name=name, interp=interp)
    stem = names[0].removesuffix("_MIN")
    name = "energy" if stem == "E" else stem.lower()
    low, high = _unique(values[0]), _unique(values[1])
    if "MJDREFI" in table.meta and low.unit.is_equivalent("s"):
        return TimeMapAxis(low, high, _reference_time(table.meta), name=name)
    return _touching(low, high, name, interp)


def _bands_without_keywords(table: Table) -> list[Any]:
    """Return the energy axis of a bands table that does not say what its columns are."""
    if {"E_MIN", "E_MAX"} <= set(table.colnames):
        return [_touching(_unique(_column(table, "E_MIN")), _unique(_column(table, "E_MAX")), "energy", "log")]
    if "ENERGY" in table.colnames:
        return [MapAxis.from_nodes(_unique(_column(table, "ENERGY")), name="energy", interp="log")]
    return []


def time_axis_from_table(table: Table, format: str = "gadf") -> TimeMapAxis:
    """Read a time axis from a table: see `TimeMapAxis.from_table`."""
    if format == "gadf":
        times = [axis for axis in axes_from_table(table) if isinstance(axis, TimeMapAxis)]
        if not times:
            raise FileFormatError(f"the table has no time axis: its columns are {table.colnames}")
        return times[0]
    if format != "lightcurve":
        raise InputError(f"format is {format!r}: expected 'gadf' or 'lightcurve'")
    from astropy.time import Time

    scale = str(table.meta.get("TIMESYS", "tt")).strip().lower()
    low, high = (Time(np.array(_column(table, name), dtype=float), format="mjd", scale=scale)
                 for name in ("time_min", "time_max"))  # fmt: skip
    return TimeMapAxis.from_time_edges(low, high)


def _reference_time(meta: Any) -> Any:
    from astropy.time import Time

    try:
        whole, part = float(meta["MJDREFI"]), float(meta["MJDREFF"])
    except KeyError as error:
        raise FileFormatError(f"the bands table has a time axis and no keyword {error}") from None
    return Time(whole, part, format="mjd", scale=str(meta.get("TIMESYS", "tt")).strip().lower())


def _columns(format: str) -> tuple[str, str, str, str]:
    try:
        return _OGIP[format]
    except KeyError:
        raise InputError(f"format is {format!r}: expected one of {['gadf', *_OGIP]}") from None


def _column(table: Table, name: str) -> Any:
    """Return a column as a quantity, or as strings."""
    if name not in table.colnames:
        raise FileFormatError(f"the table has no column {name!r}: there are {table.colnames}")
    column = table[name]
    if column.dtype.kind in "US":
        return np.char.decode(column.data) if column.dtype.kind == "S" else np.asarray(column)
    values = getattr(column, "value", column)
    return u.Quantity(np.asarray(values, dtype=float), column.unit or "")


def _unique(values: u.Quantity) -> u.Quantity:
    return u.Quantity(np.unique(values.value), values.unit)


def _touching(low: u.Quantity, high: u.Quantity, name: str, interp: str) -> MapAxis:
    """Return an axis of bins that touch."""
    low, high = np.atleast_1d(low), np.atleast_1d(high)
    if len(low) != len(high):
        raise FileFormatError(f"axis {name!r} has {len(low)} lower and {len(high)} upper edges")
    gaps = ~np.isclose(low.value[1:], high.to_value(low.unit)[:-1], rtol=1e-5, atol=0)
    if gaps.any():
        first = int(np.flatnonzero(gaps)[0])
        raise FileFormatError(
            f"the bins of axis {name!r} do not touch: bin {first} ends at {high[first]:g}, the next starts at "
            f"{low[first + 1]:g}"
        )
    return MapAxis.from_edges(np.append(low, high[-1]), name=name, interp=interp)
