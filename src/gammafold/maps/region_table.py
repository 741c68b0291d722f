"""Region maps as tables: the layouts of gammapy's map files and of OGIP spectra and areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.maps.axes import MapAxes
from gammafold.utils.errors import FileFormatError, InputError, UnitsError

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.maps.region_map import RegionNDMap

__all__ = ["column_data", "map_from_table", "map_to_table"]

#: Keywords of an OGIP spectrum (OGIP/92-007) and an effective area (CAL/GEN/92-002); a map's
#: ``meta`` with the same keys wins.
_SPECTRUM = {
    "EXTNAME": "SPECTRUM", "TELESCOP": "unknown", "INSTRUME": "unknown", "FILTER": "none",
    "EXPOSURE": 1.0, "CORRFILE": "none", "CORRSCAL": 0.0, "ANCRFILE": "none", "RESPFILE": "none",
    "BACKFILE": "none", "HDUCLASS": "OGIP", "HDUCLAS1": "SPECTRUM", "HDUVERS": "1.2.1",
    "POISSERR": True, "CHANTYPE": "PHA", "QUALITY": 0, "GROUPING": 0, "BACKSCAL": 1.0, "AREASCAL": 1.0,
}  # fmt: skip
_AREA = {
    "EXTNAME": "SPECRESP", "TELESCOP": "unknown", "INSTRUME": "unknown", "FILTER": "none",
    "HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "SPECRESP", "HDUVERS": "1.1.0",
}  # fmt: skip

FORMATS = ("gadf", "ogip", "ogip-sherpa", "ogip-arf", "ogip-arf-sherpa")


def check_format(format: str) -> None:
    """Raise unless the format is one that region maps have."""
    if format not in FORMATS:
        raise InputError(f"format is {format!r}: expected one of {list(FORMATS)}")


def map_to_table(region_map: RegionNDMap, format: str = "gadf") -> Table:
    """See `RegionNDMap.to_table`."""
    check_format(format)
    if format == "gadf":
        return _gadf_table(region_map)
    if format in ("ogip", "ogip-sherpa"):
        return _spectrum_table(region_map, format)
    return _area_table(region_map, format)


def _gadf_table(region_map: RegionNDMap) -> Table:
    """One row per bin of the slowest axis, the rest of the data in it."""
    from astropy.table import Column, Table

    data = region_map.data if len(region_map.geom.axes) else region_map.data[np.newaxis]
    table = Table()
    table["CHANNEL"] = np.arange(len(data), dtype=np.int16 if len(data) < 2**15 else np.int32)
    table["DATA"] = Column(data, unit=region_map.unit)
    return table


def _only_axis(region_map: RegionNDMap, name: str, format: str) -> Any:
    names = region_map.geom.axes.names
    if names != [name]:
        raise InputError(f"format {format!r} takes maps with the one axis {name!r}: this has {names}")
    return region_map.geom.axes[name]


def _spectrum_table(region_map: RegionNDMap, format: str) -> Table:
    from astropy.table import Table

    axis = _only_axis(region_map, "energy", format)
    if region_map.unit != u.dimensionless_unscaled:
        raise UnitsError(f"format {format!r} takes counts: this map has the unit {region_map.unit.to_string()!r}")
    counts = region_map.data[:, 0, 0]
    # Counts are integers in OGIP files; anything else is kept as it is rather than cut off.
    if np.all(counts == np.rint(counts)) and np.all(np.abs(counts) < 2**31):
        counts = counts.astype(np.int32)
    table = Table()
    table["CHANNEL"] = np.arange(axis.nbin, dtype=np.int16)
    table["COUNTS"] = counts
    table.meta = _SPECTRUM | {"DETCHANS": axis.nbin} | _overrides(region_map, _SPECTRUM)
    return table


def _area_table(region_map: RegionNDMap, format: str) -> Table:
    from astropy.table import Table

    axis = _only_axis(region_map, "energy_true", format)
    area, edges = region_map.quantity[:, 0, 0], axis.edges
    if not area.unit.is_equivalent("m2"):
        raise UnitsError(f"format {format!r} takes areas: this map has the unit {area.unit.to_string()!r}")
    if format.endswith("sherpa"):
        area, edges = area.to("cm2"), edges.to("keV")
    table = Table()
    table["ENERG_LO"], table["ENERG_HI"], table["SPECRESP"] = edges[:-1], edges[1:], area
    for name in table.colnames:
        table[name] = table[name].astype(float)
    table.meta = _AREA | _overrides(region_map, _AREA)
    return table


def _overrides(region_map: RegionNDMap, keywords: dict[str, Any]) -> dict[str, Any]:
    return {key.upper(): value for key, value in region_map.meta.items() if str(key).upper() in keywords}


def column_data(values: Any, unit: Any = None) -> tuple[np.ndarray, u.UnitBase]:
    """Return values in the machine's byte order, single precision widened, and their unit."""
    data = np.asarray(values)
    dtype = float if data.dtype.kind == "f" else data.dtype.newbyteorder("=")
    return data.astype(dtype), u.Unit(unit or "")


def map_from_table(table: Table, format: str = "gadf", colname: str | None = None, axes: Any = None) -> dict[str, Any]:
    """Return the arguments of a `RegionNDMap` from a table; see `RegionNDMap.from_table`."""
    from gammafold.maps.region_geom import RegionGeom

    check_format(format)
    if axes is None:
        if not format.startswith("ogip-arf"):
            raise InputError(f"a table in the format {format!r} has no axes: pass them as axes=[...]")
        axes = MapAxes.from_table(table, format="ogip-arf")
    colname = colname or {"gadf": "DATA", "ogip": "COUNTS", "ogip-sherpa": "COUNTS"}.get(format, "SPECRESP")
    geom = RegionGeom.create(None, axes=list(axes))
    if colname not in table.colnames:
        raise FileFormatError(f"the table has no column {colname!r}: there are {table.colnames}")
    column = table[colname]
    data, unit = column_data(getattr(column, "value", column), column.unit)
    if data.size != np.prod(geom.data_shape):
        raise FileFormatError(
            f"column {colname!r} has {data.size} values: the axes {geom.axes.names} need {np.prod(geom.data_shape)}"
        )
    return {"geom": geom, "data": data.reshape(geom.data_shape), "unit": unit, "meta": dict(table.meta)}
