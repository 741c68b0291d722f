"""Parameters of models from tables, as a user has changed them, or as a text file gave them back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.modeling.parameter import Parameter
from gammafold.modeling.parameter_checks import as_number, as_unit
from gammafold.utils.errors import InputError, InputTypeError, UnitsError, UnknownNameError

if TYPE_CHECKING:
    from astropy.table import Row, Table

    from gammafold.modeling.models.collection import DatasetModels

__all__ = ["update_from_table"]

_NUMBERS = ("value", "error", "min", "max")


def update_from_table(models: DatasetModels, table: Table) -> None:
    """Set values, errors, limits and frozen flags from a table with a row for each parameter.

    Raises
    ------
    InputError, UnitsError, UnknownNameError
        If the table lacks a column, names what is not there, or an entry cannot be read. Nothing is changed then
        but what earlier rows have changed.
    """
    names = getattr(table, "colnames", None)
    if names is None or not {"model", "name"} <= set(names):
        raise InputError(f"the parameters are to be read from {names or table!r}: expected a table with model and name")
    rows = [(str(row["model"]), str(row["name"])) for row in table]
    times = Counter(rows)
    seen: Counter[tuple[str, str]] = Counter()
    for row, key in zip(table, rows, strict=True):
        _update(_parameter(models, key, times[key], seen[key]), row, f"parameter {key[1]!r} of model {key[0]!r}")
        seen[key] += 1


def _parameter(models: DatasetModels, key: tuple[str, str], times: int, position: int) -> Parameter:
    """Return the parameter of a row; several of one name in one model come in their order."""
    own = [parameter for parameter in models[key[0]].parameters if parameter.name == key[1]]
    if not own:
        raise UnknownNameError(
            f"model {key[0]!r} has no parameter {key[1]!r}: there are {models[key[0]].parameters.names}"
        )
    if times != len(own):
        raise InputError(
            f"the table has {times} rows for {key[1]!r} of model {key[0]!r}, which has {len(own)}: expected as many"
        )
    return own[position]


def _update(parameter: Parameter, row: Row, what: str) -> None:
    ratio = 1.0
    if "unit" in row.colnames:
        unit = as_unit("" if row["unit"] is np.ma.masked else str(row["unit"]), parameter.name)
        if not unit.is_equivalent(parameter.unit):
            raise UnitsError(f"{what} is in {unit.to_string()!r}: expected a unit like {parameter.unit.to_string()!r}")
        ratio = float(unit.to(parameter.unit)) if unit != u.dimensionless_unscaled else 1.0
    for column in _NUMBERS:
        if column in row.colnames and row[column] is not np.ma.masked:
            setattr(parameter, column, as_number(row[column], f"{column} of {what}") * ratio)
    if "frozen" in row.colnames:
        parameter.frozen = _flag(row["frozen"], what)


def _flag(value: Any, what: str) -> bool:
    """Return a flag that a text file may have turned into a word."""
    words = {"True": True, "False": False}
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if str(value) not in words:
        raise InputTypeError(f"frozen of {what} is {value!r}: expected True or False")
    return words[str(value)]
