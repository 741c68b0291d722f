"""Table models in the format of XSPEC: spectra on a grid of parameters, in FITS.

The layout is that of Arnaud (1992), OGIP memo 92-009: the extension PARAMETERS lists the parameters and their grid,
ENERGIES the bins of energy, and SPECTRA one spectrum for each point of the grid. An additive table holds fluxes
per bin, a multiplicative one factors.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.fitsfiles import open_fits

__all__ = ["XspecTable", "read_xspec_table"]

_COLUMNS = {"PARAMETERS": ("NAME", "VALUE"), "ENERGIES": ("ENERG_LO", "ENERG_HI"), "SPECTRA": ("PARAMVAL", "INTPSPEC")}


@dataclass(frozen=True, eq=False)
class XspecTable:
    """A table model.

    Attributes
    ----------
    names : tuple of str, length p
        Names of the parameters.
    grid : tuple of p arrays
        Values of each parameter, increasing.
    logarithmic : tuple of p bools
        Whether to interpolate in the logarithm of a parameter.
    energy : `~astropy.units.Quantity`, shape (n,)
        Centres of the bins, in the logarithm.
    values : `~astropy.units.Quantity`, shape (..., n)
        An axis for each parameter and then that of energy: differential fluxes, or factors without unit.
    """

    names: tuple[str, ...]
    grid: tuple[np.ndarray, ...]
    logarithmic: tuple[bool, ...]
    energy: u.Quantity
    values: u.Quantity

    def at(self, param: float) -> u.Quantity:
        """Return the spectrum at a value of the only parameter, interpolated as the file says.

        Raises
        ------
        InputError
            If the table has more parameters, or does not reach there.
        """
        if len(self.grid) != 1:
            raise InputError(f"the table has the parameters {list(self.names)}: expected one")
        nodes = self.grid[0]
        if not nodes[0] <= param <= nodes[-1]:
            raise InputError(f"{self.names[0]} is {param}: the table has {nodes[0]:g} to {nodes[-1]:g}")
        scale = np.log if self.logarithmic[0] else np.asarray
        columns = self.values.value.T
        found = [np.interp(scale(param), scale(nodes), column) for column in columns]
        return u.Quantity(found, self.values.unit)


def read_xspec_table(filename: str | os.PathLike[str]) -> XspecTable:
    """Read a table model.

    Parameters
    ----------
    filename : path-like
        File. Energies without a unit are in keV.

    Raises
    ------
    FileFormatError
        If an extension or a column is missing, a unit is none of an energy, or the spectra do not fill the grid.
    """
    with open_fits(filename) as hdulist:
        additive = bool(hdulist[0].header.get("ADDMODEL", False))
        parameters, energies, spectra = (_extension(hdulist, name) for name in _COLUMNS)
        low, high = (_energy(energies, name) for name in _COLUMNS["ENERGIES"])
        names, grid, logarithmic = _grid(parameters.data)
        points = np.asarray(spectra.data["PARAMVAL"], dtype=float).reshape(len(spectra.data), -1)
        rows = np.asarray(spectra.data["INTPSPEC"], dtype=float).reshape(len(points), -1)
        if points.shape[1] != len(names):
            raise FileFormatError(f"SPECTRA is for {points.shape[1]} parameters, PARAMETERS lists {list(names)}")
        if rows.shape[1] != len(low):
            raise FileFormatError(f"SPECTRA holds {rows.shape[1]} bins of energy and ENERGIES {len(low)}")
        values = u.Quantity(_fill(names, grid, points, rows), "")
    if additive:
        values = values * u.Unit("cm-2 s-1") / (high - low)
    return XspecTable(names, grid, logarithmic, np.sqrt(low * high), values)


def _extension(hdulist: Any, name: str) -> Any:
    if name not in hdulist:
        raise FileFormatError(f"no extension {name!r}: expected those of a table model, {list(_COLUMNS)}")
    hdu = hdulist[name]
    there = [column.upper() for column in hdu.columns.names]
    for column in _COLUMNS[name]:
        if column not in there:
            raise FileFormatError(f"no column {column!r} in the extension {name!r}: there are {there}")
    return hdu


def _energy(hdu: Any, name: str) -> u.Quantity:
    unit = hdu.columns[name].unit or "keV"
    try:
        return u.Quantity(np.asarray(hdu.data[name], dtype=float), unit).to("TeV")
    except (u.UnitConversionError, ValueError, TypeError) as error:
        raise FileFormatError(f"column {name!r} is in {unit!r}: expected a unit of energy") from error


def _grid(rows: Any) -> tuple[tuple[str, ...], tuple[np.ndarray, ...], tuple[bool, ...]]:
    """Return names, grids and scales of the parameters."""
    there = [name.upper() for name in rows.dtype.names]
    names, grid, logarithmic = [], [], []
    for row in rows:
        values = np.atleast_1d(np.asarray(row["VALUE"], dtype=float))
        # A column as wide as the longest grid holds the others with something behind.
        count = int(row["NUMBVALS"]) if "NUMBVALS" in there else len(values)
        names.append(str(row["NAME"]).strip())
        grid.append(np.unique(values[:count]))
        logarithmic.append(bool(row["METHOD"]) if "METHOD" in there else False)
    return tuple(names), tuple(grid), tuple(logarithmic)


def _fill(names: tuple[str, ...], grid: tuple[np.ndarray, ...], points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Put each spectrum in its place on the grid."""
    values = np.full((*(len(axis) for axis in grid), rows.shape[1]), np.nan)
    for point, row in zip(points, rows, strict=True):
        values[tuple(int(np.argmin(np.abs(axis - x))) for axis, x in zip(grid, point, strict=True))] = row
    if not np.isfinite(values).all():
        raise FileFormatError(f"SPECTRA has no finite spectrum at some values of {list(names)}")
    return values
