"""Numbers with errors, units and tables as people read them on a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["fixed", "make_table", "unit_text", "with_error"]

# Powers of ten outside of which a number is written with an exponent.
PLAIN = range(-3, 5)


def with_error(value: float, error: float) -> str:
    """Return a value and its error, rounded to two digits of the error, with one common exponent.

    Parameters
    ----------
    value, error : float
        An error that is not positive and finite counts as unknown.

    Examples
    --------
    >>> with_error(4.57948e-11, 2.752e-12), with_error(2.69965, 0.0735), with_error(1234.5, 56.7)
    ('(4.58 ± 0.28)e-11', '2.700 ± 0.073', '1234 ± 57')
    >>> with_error(2.69965, 0.0)
    '2.69965 ± ?'
    """
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{value:.6g} ± ?"
    error = float(f"{error:.1e}")
    power = math.floor(math.log10(max(abs(value), error)))
    power = 0 if power in PLAIN else power
    scale = 10.0**power
    digits = max(0, 1 - math.floor(math.log10(error / scale) + 1e-9))
    text = f"{value / scale:.{digits}f} ± {error / scale:.{digits}f}"
    return text if power == 0 else f"({text})e{power:+03d}"


def fixed(value: float, digits: int) -> str:
    """Return a number with so many decimals, a dash if it is unknown, and zero without a sign.

    Examples
    --------
    >>> fixed(18.94, 1), fixed(-1e-9, 1), fixed(float("nan"), 1)
    ('18.9', '0.0', '–')
    """
    return f"{round(float(value), digits) + 0.0:.{digits}f}" if math.isfinite(value) else "–"


def unit_text(unit: Any) -> str:
    """Return a unit as it is printed, the empty string for none.

    Examples
    --------
    >>> import astropy.units as u
    >>> unit_text(u.Unit("cm-2 s-1 TeV-1")), unit_text(u.Unit(""))
    ('TeV⁻¹ s⁻¹ cm⁻²', '')
    """
    return str(unit.to_string("unicode"))


def make_table(title: str, columns: Mapping[str, str]) -> Table:
    """Return an empty table.

    Parameters
    ----------
    title : str
        Shown above the table.
    columns : dict of str to str
        Names, and "left" or "right". On a narrow terminal a cell breaks into lines; nothing is cut off.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name, side in columns.items():
        table.add_column(name, justify="right" if side == "right" else "left", overflow="fold")
    return table
