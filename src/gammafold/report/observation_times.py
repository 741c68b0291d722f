"""Times of observations from a table, for spectra whose files tell none."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.data.gti import GTI
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.files import make_path

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time

    from gammafold.datasets import Datasets

__all__ = ["read_observation_times", "set_observation_times"]


def read_observation_times(filename: str | os.PathLike[str]) -> dict[str, GTI]:
    """Read the times of observations.

    Parameters
    ----------
    filename : path
        A table that astropy reads (ECSV, CSV, FITS), with the columns OBS_ID, TSTART and TSTOP: dates (UTC, unless
        the keyword TIMESYS names a scale), or seconds since MJDREFI + MJDREFF, as an index of observations has them.

    Returns
    -------
    times : dict of str to GTI
        Good time intervals by the name of the observation; rows of one name are intervals of one observation.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or a column is missing.
    """
    path = make_path(filename)
    table = _read_table(path)
    columns = {name.upper(): name for name in table.colnames}
    missing = [name for name in ("OBS_ID", "TSTART", "TSTOP") if name not in columns]
    if missing:
        raise FileFormatError(f"{path}: no column {missing[0]} in the table of times: there are {table.colnames}")
    try:
        starts, stops = (_times(table, columns[name]) for name in ("TSTART", "TSTOP"))
    except ValueError as error:
        raise FileFormatError(f"{path}: {str(error).splitlines()[0]}") from error
    names = np.array([str(value).strip() for value in table[columns["OBS_ID"]]])
    return {name: GTI.create(starts[names == name], stops[names == name]) for name in dict.fromkeys(names.tolist())}


def _read_table(path: Path) -> Table:
    from astropy.table import Table
    from astropy.utils.exceptions import AstropyWarning

    if not path.is_file():
        raise FileFormatError(f"no such file: {path}")
    with warnings.catch_warnings():
        # Of several tables in a file the first is read: if it is the wrong one, its columns will tell.
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return Table.read(path, format="ascii.csv" if path.suffix == ".csv" else None)
        except Exception as error:  # readers of all formats, each with errors of its own
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise FileFormatError(f"{path}: this is no table that astropy reads ({first})") from error


def _times(table: Table, column: str) -> Time:
    from astropy.time import Time

    values: Any = table[column]
    if isinstance(values, Time):
        return values
    scale = str(table.meta.get("TIMESYS", "utc")).strip().lower()
    if values.dtype.kind in "US":
        return Time([str(value).strip().replace("T", " ") for value in values], format="iso", scale=scale)
    if "MJDREFI" not in table.meta:
        raise ValueError(f"column {column} holds numbers, and there is no keyword MJDREFI: their reference is unknown")
    day, part = float(table.meta["MJDREFI"]), float(table.meta.get("MJDREFF", 0.0))
    return Time(day, part + np.asarray(values, dtype=float) / 86400.0, format="mjd", scale=scale)


def set_observation_times(datasets: Datasets, times: dict[str, GTI], source: str = "the table") -> None:
    """Give each dataset the good time intervals of the observation of its name, or else of its OBS_ID, in place.

    Raises
    ------
    InputError
        If there is none for a dataset.
    """
    for dataset in datasets:
        meta = dataset.meta_table
        known = [] if meta is None or "OBS_ID" not in meta.colnames else [str(meta["OBS_ID"][0]).strip()]
        found = [name for name in (dataset.name, *known) if name in times]
        if not found:
            raise InputError(f"{source} has no times for {dataset.name!r}: there are {list(times)}")
        dataset.gti = times[found[0]]
