"""Values with errors are rounded to two digits of the error, and say no more and no less than is known."""

import io
import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.console import Console

from gammafold.report.text import make_table, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.69965, 0.0735, "2.700 ± 0.073"),
        (4.57948e-11, 2.752e-12, "(4.58 ± 0.28)e-11"),
        (-1.5e7, 4e5, "(-1.500 ± 0.040)e+07"),
        (0.0, 0.5, "0.00 ± 0.50"),
        (1e-3, 5.0, "0.0 ± 5.0"),
        (1.0, 0.0999, "1.00 ± 0.10"),
        (12345.6, 234.0, "12346 ± 230"),
        (2.5, 0.0, "2.5 ± ?"),
        (2.5, math.nan, "2.5 ± ?"),
        (math.nan, 1.0, "nan ± ?"),
    ],
)
def test_rounding(value, error, text):
    assert with_error(value, error) == text


@given(
    st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30),
    st.floats(1e-30, 1e30),
)
def test_what_is_read_back_is_what_was_meant(value, error):
    assume(error > 1e-12 * abs(value))  # beyond, double precision ends
    text = with_error(value, error)
    number = r"(-?[\d.]+)"
    found = re.fullmatch(rf"\(?{number} ± {number}\)?(?:e([+-]\d+))?", text)
    assert found, text
    scale = 10.0 ** int(found[3] or 0)
    assert math.isclose(float(found[2]) * scale, error, rel_tol=0.051)
    assert abs(float(found[1]) * scale - value) <= 0.51 * error


def test_narrow_tables_lose_nothing():
    table = make_table("title", {"name": "left", "number": "right"})
    table.add_row("a-very-long-name-of-something", "123456789.123456")
    console = Console(width=20, file=io.StringIO(), color_system=None)
    console.print(table)
    rows = [line.split("│")[1:3] for line in console.file.getvalue().splitlines() if line.startswith("│")]
    names, numbers = ("".join(cell.strip() for cell in column) for column in zip(*rows, strict=True))
    assert names == "a-very-long-name-of-something"
    assert numbers == "123456789.123456"
