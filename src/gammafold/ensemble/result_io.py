"""Ensembles on disk: a FITS file with two tables, or a parquet file."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold import __version__
from gammafold.ensemble.block import FitRows
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.files import atomic_path, make_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.table import Table

    from gammafold.ensemble.result import EnsembleResult

__all__ = ["read_result", "write_result"]

_NEEDS_PYARROW = "a parquet file needs pyarrow and pandas (pip install pyarrow pandas); a .fits file does not"
_MATRICES = ("values", "errors", "rises", "errn", "errp")
_SCALARS = ("n_sim", "n_data", "errors_from")


def _format(path: str | os.PathLike[str]) -> str:
    name = make_path(path).name
    if name.endswith((".fits", ".fits.gz")):
        return "fits"
    if name.endswith(".parquet"):
        return "parquet"
    raise InputError(f"cannot tell the format of {name!r}: expected a name that ends in .fits, .fits.gz or .parquet")


def _tables(result: EnsembleResult) -> tuple[Table, Table]:
    """Return the realisations and the parameters, with all that is not a column in the meta data of the latter."""
    from astropy.table import Table

    parameters = Table({"name": list(result.names), "unit": list(result.units), "truth": result.truth})
    # Seeds may have more digits than a number in a file.
    parameters.meta |= {"seed": str(result.seed), "creator": f"gammafold {__version__}"}
    parameters.meta |= {name: getattr(result, name) for name in _SCALARS}
    rows = Table({field.name: getattr(result.rows, field.name) for field in fields(FitRows)})
    return rows, parameters


def write_result(result: EnsembleResult, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a result: see `EnsembleResult.write`.

    Raises
    ------
    InputError
        If the name has no known ending, the file exists, or pyarrow or pandas is missing.
    """
    kind = _format(path)
    rows, parameters = _tables(result)
    with atomic_path(path, overwrite=overwrite) as temporary:
        if kind == "fits":
            _write_fits(rows, parameters, temporary)
        else:
            _write_parquet(rows, parameters, temporary)


def _write_fits(rows: Table, parameters: Table, path: Any) -> None:
    from astropy.io import fits

    first = fits.table_to_hdu(rows)
    first.header["EXTNAME"] = "REALISATIONS"
    meta = dict(parameters.meta)
    parameters.meta.clear()
    second = fits.table_to_hdu(parameters)
    second.header["EXTNAME"] = "PARAMETERS"
    for name, value in meta.items():
        second.header[_keyword(name)] = value
    fits.HDUList([fits.PrimaryHDU(), first, second]).writeto(path, overwrite=True, checksum=True)


def _keyword(name: str) -> str:
    return name.replace("_", "").upper()[:8]


def _write_parquet(rows: Table, parameters: Table, path: Any) -> None:
    # Parquet columns are plain: a matrix is a column for each parameter, named by its place.
    flat = _flatten(rows, len(parameters))
    flat.meta = {"parameters": {name: parameters[name].tolist() for name in parameters.colnames}, **parameters.meta}
    try:
        flat.write(path, format="parquet", overwrite=True)
    except ImportError as error:
        raise InputError(_NEEDS_PYARROW) from error


def _flatten(rows: Table, count: int) -> Table:
    flat = rows.copy()
    for name in _MATRICES:
        for i in range(count):
            flat[f"{name}_{i}"] = rows[name][:, i]
        del flat[name]
    return flat


def read_result(path: str | os.PathLike[str]) -> EnsembleResult:
    """Read a result: see `EnsembleResult.read`."""
    source = make_path(path)
    if _format(path) == "fits":
        return _read_fits(source)
    return _read_parquet(source)


def _read_fits(path: Any) -> EnsembleResult:
    from astropy.table import Table

    with open_fits(path, checksum=True) as hdulist:
        names = [hdu.name for hdu in hdulist]
        for name in ("REALISATIONS", "PARAMETERS"):
            if name not in names:
                raise FileFormatError(f"{path}: no extension {name}: not an ensemble that gammafold wrote")
        rows = Table.read(hdulist["REALISATIONS"])
        parameters = Table.read(hdulist["PARAMETERS"])
        header = hdulist["PARAMETERS"].header
        meta = {name: header.get(_keyword(name)) for name in ("seed", *_SCALARS)}
    return _rebuild(rows, parameters, meta, path)


def _read_parquet(path: Any) -> EnsembleResult:
    from astropy.table import Table

    if not path.is_file():
        raise FileFormatError(f"cannot read {path}: no such file")
    try:
        flat = Table.read(path, format="parquet")
    except ImportError as error:
        raise InputError(_NEEDS_PYARROW) from error
    except Exception as error:
        # pyarrow has exceptions of its own, which cannot be named where it is not installed.
        raise FileFormatError(f"cannot read {path}: {error}") from error
    if "parameters" not in flat.meta:
        raise FileFormatError(f"{path}: not an ensemble that gammafold wrote")
    parameters = Table(flat.meta["parameters"])
    for name in _MATRICES:
        flat[name] = np.stack([flat[f"{name}_{i}"] for i in range(len(parameters))], axis=1)
    return _rebuild(flat, parameters, flat.meta, path)


def _rebuild(rows: Table, parameters: Table, meta: Any, path: Any) -> EnsembleResult:
    from gammafold.ensemble.result import EnsembleResult

    try:
        columns = [np.array(rows[field.name]) for field in fields(FitRows)]
        return EnsembleResult(
            names=tuple(str(name) for name in parameters["name"]),
            units=tuple(_text(unit) for unit in parameters["unit"]),
            truth=np.array(parameters["truth"], dtype=float),
            rows=FitRows(*(column.astype(column.dtype.newbyteorder("=")) for column in columns)),
            seed=int(meta["seed"]),
            **{name: meta[name] for name in _SCALARS},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: not an ensemble that gammafold wrote: {error}") from error


def _text(value: Any) -> str:
    # FITS does not tell an empty string from none.
    return "" if np.ma.is_masked(value) else str(value)
