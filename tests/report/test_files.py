"""Values become plain JSON; files are replaced whole."""

import json
import math

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table

from gammafold.report.files import plain, plain_rows, write_figure, write_json


def test_values_become_plain(tmp_path):
    content = {
        "array": np.array([[1.5, math.nan], [math.inf, 0.0]]),
        "quantity": 3 * u.TeV,
        "flag": np.bool_(True),
        "nested": [(np.int64(2), "text", None)],
    }
    expected = {"array": [[1.5, None], [None, 0.0]], "quantity": 3.0, "flag": True, "nested": [[2, "text", None]]}
    assert plain(content) == expected
    path = tmp_path / "numbers.json"
    path.write_text("old")
    assert write_json(content, path) == path
    assert json.loads(path.read_text()) == expected
    assert list(tmp_path.iterdir()) == [path]


def test_rows_of_a_table():
    table = Table({"energy": [1.0, 2.0] * u.TeV, "flux": [[1.0, 2.0], [3.0, math.nan]], "is_ul": [False, True]})
    assert plain_rows(table) == {
        "units": {"energy": "TeV"},
        "rows": [
            {"energy": 1.0, "flux": [1.0, 2.0], "is_ul": False},
            {"energy": 2.0, "flux": [3.0, None], "is_ul": True},
        ],
    }


def test_a_figure_is_written_and_closed(tmp_path):
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    path = write_figure(figure, tmp_path / "plot.png")
    assert plt.imread(path).ndim == 3
    assert not plt.fignum_exists(figure.number)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "numbers.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_json({"what": object()}, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
