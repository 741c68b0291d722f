"""A temporal model from a light curve."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
import numpy as np

from gammafold.modeling.models.temporal import TemporalModel
from gammafold.modeling.parameter import Parameter
from gammafold.utils.errors import FileFormatError, InputError
from gammafold.utils.files import atomic_path, make_path
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["LightCurveTemplateTemporalModel"]


class LightCurveTemplateTemporalModel(TemporalModel):
    """A light curve, joined by straight lines; zero before its first and after its last time.

    Parameters
    ----------
    times : quantity, shape (n,)
        Times after ``t_ref``, increasing, at least two.
    values : array, shape (n,)
        Factors, 0 or more.
    t_ref : quantity
        Reference time, as a modified Julian date. Default: 51544 d.
    filename : path, optional
        File of the light curve. Files of models name it; without it they hold the light curve themselves.
    scale : str
        Time scale of ``t_ref``. Default: "utc".

    Examples
    --------
    >>> from astropy.time import Time
    >>> curve = LightCurveTemplateTemporalModel([0, 1, 2] * u.h, [0, 1, 0], t_ref="55555 d")
    >>> curve(Time(55555, format="mjd") + 0.5 * u.h).round(6)
    np.float64(0.5)
    """

    tag = ("LightCurveTemplateTemporalModel", "template")
    t_ref = Parameter("t_ref", "51544 d", frozen=True)
    _file_keys = ("scale", "filename", "format", "unit", "times", "values")

    def __init__(
        self,
        times: u.Quantity,
        values: Any,
        t_ref: Any = None,
        filename: str | os.PathLike[str] | None = None,
        scale: str = "utc",
    ) -> None:
        super().__init__(scale=scale, t_ref=t_ref)
        self.times = to_quantity(times, "d", "times of a light curve").value
        self.values = np.array(u.Quantity(values).to_value(""), dtype=float)
        self.filename = None if filename is None else str(filename)
        _check_curve(self.times, self.values)

    def evaluate(self, time: Any, t_ref: Any) -> Any:
        """Return the factor."""
        elapsed = time - t_ref
        days = elapsed.to_value("d") if isinstance(elapsed, u.Quantity) else elapsed
        return np.interp(days, self.times, self.values, left=0.0, right=0.0)

    def between(self, start: Any, stop: Any, t_ref: Any) -> Any:
        """Return the integral over intervals, exact for the straight lines."""
        return self._area(stop - t_ref) - self._area(start - t_ref)

    def _area(self, day: Any) -> Any:
        """Return the integral from the first time to ``day``."""
        steps = 0.5 * np.diff(self.times) * (self.values[1:] + self.values[:-1])
        below = np.concatenate([[0.0], np.cumsum(steps)])
        day = np.clip(day, self.times[0], self.times[-1])
        i = np.clip(np.searchsorted(self.times, day, side="right") - 1, 0, len(self.times) - 2)
        part = day - self.times[i]
        slope = (self.values[i + 1] - self.values[i]) / (self.times[i + 1] - self.times[i])
        return below[i] + part * (self.values[i] + 0.5 * slope * part)

    # -- tables and files

    @classmethod
    def from_table(cls, table: Table, filename: str | os.PathLike[str] | None = None) -> Self:
        """Return a model from a table with the columns TIME and NORM.

        The reference time is in the table's metadata: MJDREFI and MJDREFF; TIMEUNIT, where the column has no
        unit; TIMESYS, "utc" if absent.

        Raises
        ------
        FileFormatError
            If a column or a keyword is missing.
        """
        source = filename or "a light curve"
        for name in ("TIME", "NORM"):
            if name not in table.colnames:
                raise FileFormatError(f"{source}: no column {name!r}; there are {table.colnames}")
        for name in ("MJDREFI", "MJDREFF"):
            if name not in table.meta:
                raise FileFormatError(f"{source}: the keyword {name!r} is missing")
        unit = u.Unit(table["TIME"].unit or str(table.meta.get("TIMEUNIT", "s")).strip())
        return cls(
            times=np.asarray(table["TIME"], dtype=float) * unit,
            values=np.asarray(table["NORM"], dtype=float),
            t_ref=(float(table.meta["MJDREFI"]) + float(table.meta["MJDREFF"])) * u.d,
            filename=filename,
            scale=str(table.meta.get("TIMESYS", "utc")).strip().lower(),
        )

    def to_table(self) -> Table:
        """Return the light curve as `from_table` reads it."""
        from astropy.table import Table

        days = self.t_ref.quantity.to_value("d")
        meta = {"MJDREFI": int(np.floor(days)), "MJDREFF": float(days % 1), "TIMESYS": self.scale}
        return Table({"TIME": self.times * u.d, "NORM": self.values}, meta=meta)

    @classmethod
    def read(cls, filename: str | os.PathLike[str]) -> Self:
        """Read a light curve from a file with a table, such as FITS."""
        from astropy.table import Table

        path = make_path(filename)
        try:
            table = Table.read(path)
        except Exception as error:
            raise FileFormatError(f"cannot read a table from {path}: {error}") from error
        return cls.from_table(table, filename=path)

    def write(self, filename: str | os.PathLike[str] | None = None, overwrite: bool = False) -> None:
        """Write the light curve as FITS, by default to the model's own file."""
        path = filename or self.filename
        if path is None:
            raise InputError("the light curve has no file name: pass one")
        with atomic_path(path, overwrite) as temporary:
            self.to_table().write(temporary, format="fits", overwrite=True)

    def to_dict(self, full_output: bool = False) -> dict[str, Any]:
        """Return the model as a dict, with its file or its numbers."""
        content = super().to_dict(full_output)
        if self.filename is not None:
            content[self._type] |= {"filename": self.filename, "format": "table", "unit": ""}
        else:
            content[self._type] |= {"times": self.times.tolist(), "values": self.values.tolist()}
        return content

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return a model from `to_dict`; its file is read."""
        content = data.get(cls._type, data)
        if "filename" in content:
            read = cls.read(content["filename"])
            values: dict[str, Any] = {"times": read.times * u.d, "values": read.values, "filename": read.filename}
        elif "times" in content and "values" in content:
            values = {"times": np.asarray(content["times"], dtype=float) * u.d, "values": content["values"]}
        else:
            raise FileFormatError("a light curve template without filename, and without times and values")
        return super().from_dict(data, **values, **kwargs)


def _check_curve(times: np.ndarray, values: np.ndarray) -> None:
    if times.ndim != 1 or len(times) < 2 or times.shape != values.shape:
        raise InputError(f"a light curve has times {times.shape} and values {values.shape}: expected two or more each")
    if not np.all(np.diff(times) > 0):
        raise InputError("the times of a light curve do not increase")
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise InputError("the values of a light curve are negative or not finite")
