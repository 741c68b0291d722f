"""Makers of small OGIP files, written by astropy so that the reader is tested against another writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

Columns = dict[str, tuple[str, Any] | tuple[str, Any, str]]


def table(name: str, columns: Columns, keywords: dict[str, Any]) -> fits.BinTableHDU:
    made = [
        fits.Column(key, spec[0], array=spec[1], unit=spec[2] if len(spec) > 2 else None)
        for key, spec in columns.items()
    ]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    for key, value in keywords.items():
        hdu.header[key] = value
    return hdu


def write(path: Path, *hdus: fits.BinTableHDU) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


def without(mapping: dict[str, Any], drop: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in drop}


def rows(lists: list[list[float]], dtype: str) -> np.ndarray:
    result = np.empty(len(lists), dtype=object)
    for i, one in enumerate(lists):
        result[i] = np.array(one, dtype=dtype)
    return result


PHA_KEYWORDS = {
    "HDUCLASS": "OGIP",
    "HDUCLAS1": "SPECTRUM",
    "HDUCLAS2": "TOTAL",
    "POISSERR": True,
    "EXPOSURE": 100.0,
    "BACKSCAL": 0.5,
    "AREASCAL": 1.0,
    "QUALITY": 0,
    "GROUPING": 0,
    "DETCHANS": 6,
    "BACKFILE": "none",
    "RESPFILE": "NONE",
    "ANCRFILE": "",
}
COUNTS = np.array([3, 0, 5, 2, 7, 1])


@pytest.fixture
def make_pha(tmp_path: Path) -> Callable[..., Path]:
    """Write a spectrum of six channels; columns and keywords can be replaced, added and dropped."""

    def make(
        columns: Columns | None = None,
        keywords: dict[str, Any] | None = None,
        drop: tuple[str, ...] = (),
        name: str = "src.pha",
        extname: str = "SPECTRUM",
        extra: tuple[fits.BinTableHDU, ...] = (),
    ) -> Path:
        base: Columns = {"CHANNEL": ("I", np.arange(1, 7)), "COUNTS": ("J", COUNTS)}
        merged = without(base | (columns or {}), drop)
        return write(tmp_path / name, table(extname, merged, without(PHA_KEYWORDS | (keywords or {}), drop)), *extra)

    return make


# Six channels, four energies; the second row has two groups, the last none.
GROUPS_FIRST = [[1], [1, 4], [3], []]
GROUPS_LENGTH = [[2], [2, 3], [4], []]
GROUPS_VALUES = [[0.25, 0.75], [0.1, 0.2, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], []]
MATRIX = np.array(
    [
        [0.25, 0.75, 0.0, 0.0, 0.0, 0.0],
        [0.1, 0.2, 0.0, 0.3, 0.2, 0.1],
        [0.0, 0.0, 0.4, 0.3, 0.2, 0.1],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
ENERGY = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
E_BOUNDS = np.array([0.4, 0.8, 1.2, 2.0, 3.0, 5.0, 9.0])


def padded(lists: list[list[float]], width: int) -> np.ndarray:
    return np.array([list(one) + [0] * (width - len(one)) for one in lists])


@pytest.fixture
def make_rmf(tmp_path: Path) -> Callable[..., Path]:
    """Write a matrix of four energies and six channels, its labels counted from ``base``."""

    def make(
        base: int = 1,
        tlmin: int | None = 1,
        ebounds_tlmin: int | None = None,
        labels: Any = None,
        layout: str = "variable",
        columns: Columns | None = None,
        keywords: dict[str, Any] | None = None,
        ebounds: Columns | None = None,
        drop: tuple[str, ...] = (),
        name: str = "src.rmf",
        extname: str = "MATRIX",
        extra: tuple[fits.BinTableHDU, ...] = (),
        first: tuple[fits.BinTableHDU, ...] = (),
    ) -> Path:
        f_chan = [[f - 1 + base for f in one] for one in GROUPS_FIRST]
        base_columns: Columns = {
            "ENERG_LO": ("E", ENERGY[:-1], "keV"),
            "ENERG_HI": ("E", ENERGY[1:], "keV"),
            "N_GRP": ("I", np.array([1, 2, 1, 0])),
        }
        if layout == "variable":
            base_columns |= {
                "F_CHAN": ("PI()", rows(f_chan, "i2")),
                "N_CHAN": ("PI()", rows(GROUPS_LENGTH, "i2")),
                "MATRIX": ("PE()", rows(GROUPS_VALUES, "f4")),
            }
        else:
            base_columns |= {
                "F_CHAN": ("3J", padded(f_chan, 3)),
                "N_CHAN": ("3I", padded(GROUPS_LENGTH, 3)),
                "MATRIX": ("7D", padded(GROUPS_VALUES, 7)),
            }
        header = {"HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "RSP_MATRIX", "DETCHANS": 6}
        if tlmin is not None:
            header["TLMIN4"] = tlmin
        matrix = table(extname, without(base_columns | (columns or {}), drop), header | (keywords or {}))
        bounds: Columns = {
            "CHANNEL": ("I", np.arange(base, base + 6) if labels is None else np.asarray(labels)),
            "E_MIN": ("E", E_BOUNDS[:-1], "keV"),
            "E_MAX": ("E", E_BOUNDS[1:], "keV"),
        }
        more = {"HDUCLAS1": "RESPONSE", "HDUCLAS2": "EBOUNDS"}
        if ebounds_tlmin is not None:
            more["TLMIN1"] = ebounds_tlmin
        return write(
            tmp_path / name, *first, matrix, *extra, table("EBOUNDS", without(bounds | (ebounds or {}), drop), more)
        )

    return make


@pytest.fixture
def make_arf(tmp_path: Path) -> Callable[..., Path]:
    """Write an effective area on the energies of ``make_rmf``."""

    def make(columns: Columns | None = None, drop: tuple[str, ...] = (), name: str = "src.arf") -> Path:
        base: Columns = {
            "ENERG_LO": ("E", ENERGY[:-1], "keV"),
            "ENERG_HI": ("E", ENERGY[1:], "keV"),
            "SPECRESP": ("E", np.array([10.0, 20.0, 30.0, 40.0]), "cm**2"),
        }
        keywords = {"HDUCLASS": "OGIP", "HDUCLAS1": "RESPONSE", "HDUCLAS2": "SPECRESP"}
        return write(tmp_path / name, table("SPECRESP", without(base | (columns or {}), drop), keywords))

    return make


@pytest.fixture
def make_table() -> Callable[..., fits.BinTableHDU]:
    """Make a table extension."""
    return table


@pytest.fixture
def expected_matrix() -> np.ndarray:
    """The matrix that ``make_rmf`` writes."""
    return MATRIX
