import datetime
from types import SimpleNamespace

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.axes import MapAxes
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import FileFormatError, InputError, UnitsError


@pytest.fixture
def nights():
    """Two nights with one between."""
    return TimeMapAxis([0, 2] * u.d, [1, 3] * u.d, reference_time="2020-01-01")


def test_intervals(nights):
    assert len(nights) == nights.nbin == 2
    assert not nights.is_contiguous
    assert_allclose(nights.center.value, [0.5, 2.5])
    assert_allclose(nights.bin_width.to_value("h"), [24, 24])
    assert nights.time_min[1].iso.startswith("2020-01-03")
    assert nights.time_bounds[1].iso.startswith("2020-01-04")
    assert_allclose(nights.time_delta.to_value("d"), [1, 1])
    assert [low.value for low, _ in nights.iter_by_edges] == [0, 2]
    assert [high.iso[:10] for _, high in nights.iter_by_time_edges] == ["2020-01-02", "2020-01-04"]


def test_times_are_found_in_their_interval(nights):
    times = [-1, 0, 0.5, 1, 1.5, 2, 3, 4] * u.d
    assert_array_equal(nights.coord_to_idx(times), [-1, 0, 0, -1, -1, 1, 1, -1])
    assert_array_equal(nights.coord_to_idx(times, clip=True), [0, 0, 0, -1, -1, 1, 1, 1])
    assert_array_equal(nights.coord_to_idx(Time(["2020-01-01T06:00", "2020-01-03T06:00"])), [0, 1])
    assert_allclose(nights.coord_to_pix([0.5, 1.5, 2.75] * u.d), [0, np.nan, 1.25])
    assert_allclose(nights.pix_to_coord([0, 1.25, 9]).value, [0.5, 2.75, np.nan])
    assert_array_equal(nights.pix_to_idx([0, 0.6, np.nan, 7]), [0, 1, -1, -1])
    assert_array_equal(nights.pix_to_idx([-3, 7], clip=True), [0, 1])


def test_reference_that_is_no_time():
    with pytest.raises(InputError, match="reference_time is 'soon': expected a Time"):
        TimeMapAxis([0] * u.d, [1] * u.d, "soon")


def test_gaps_become_intervals(nights):
    full = nights.to_contiguous()
    assert full.is_contiguous
    assert_allclose(full.edges.value, [0, 1, 2, 3])
    assert full.to_contiguous() is full


def test_ways_to_make_one(nights):
    low, high = Time("2020-01-01"), Time("2020-01-04")
    nightly = TimeMapAxis.from_time_bounds(low, high, nbin=3)
    assert_allclose(nightly.edges.value, [0, 1, 2, 3])
    assert_allclose((nightly.time_edges - low).to_value("d"), [0, 1, 2, 3], atol=1e-9)
    assert TimeMapAxis.from_time_edges(nights.time_min, nights.time_max) == nights
    gti = SimpleNamespace(time_start=nights.time_min, time_stop=nights.time_max, time_ref=Time("2001-01-01"))
    assert TimeMapAxis.from_gti(gti) == nights
    assert nights.slice(slice(1, 2)).time_min[0] == nights.time_min[1]
    assert nights.squash().bin_width[0] == 72 * u.h
    assert nights.rename("night").name == "night"


def test_groups(nights):
    table = nights.group_table(Time(["2019-12-01", "2020-01-02", "2020-01-02T12:00", "2020-02-01"]))
    assert table["idx_min"].tolist() == table["idx_max"].tolist() == [0, 1]
    assert_allclose(table["time_min"], [58849, 58851])
    assert len(nights.group_table(Time(["2021-01-01", "2021-02-01"]))) == 0


def test_comparison(nights):
    utc_elsewhere = TimeMapAxis([-24, 24] * u.h, [0, 48] * u.h, reference_time="2020-01-02")
    assert nights == utc_elsewhere
    assert nights != TimeMapAxis([0, 2] * u.d, [1, 3.1] * u.d, reference_time="2020-01-01")
    assert nights != nights.rename("b")
    assert nights != "time"


@pytest.mark.parametrize(
    ("low", "high", "error", "match"),
    [
        ([0, 2] * u.d, [1] * u.d, InputError, "has 2 starts and 1 stops"),
        ([0] * u.d, [0] * u.d, InputError, "intervals that end before they start"),
        ([0, 1] * u.d, [2, 3] * u.d, InputError, "intervals that overlap or are not in order"),
        ([2, 0] * u.d, [3, 1] * u.d, InputError, "intervals that overlap or are not in order"),
        ([np.nan] * u.d, [1] * u.d, InputError, "times that are not finite"),
        ([0] * u.m, [1] * u.d, UnitsError, "edges_min of axis 'time' has the unit 'm'"),
    ],
)
def test_bad_intervals(low, high, error, match):
    with pytest.raises(error, match=match):
        TimeMapAxis(low, high, reference_time="2020-01-01")


def test_other_errors(nights):
    with pytest.raises(InputError, match="interp of axis 'time' is 'log'"):
        TimeMapAxis([1] * u.d, [2] * u.d, reference_time="2020-01-01", interp="log")
    with pytest.raises(InputError, match="axis 'time' has gaps between its intervals"):
        _ = nights.edges
    with pytest.raises(UnitsError, match="coordinates of axis 'time' are in 'm': expected times"):
        nights.coord_to_idx(3 * u.m)
    with pytest.raises(InputError, match="the axis is called 'time'"):
        nights.assert_name("energy")


def test_table_round_trips(nights):
    axes = MapAxes([nights])
    assert MapAxes.from_table(axes.to_table())[0] == nights
    assert TimeMapAxis.from_table(axes.to_table()) == nights
    assert_allclose(nights.to_table()["STOP"], [58850, 58852])
    curve = Table({"time_min": nights.time_min.mjd, "time_max": nights.time_max.mjd}, meta={"TIMESYS": "utc"})
    assert TimeMapAxis.from_table(curve, format="lightcurve") == nights


def test_bad_tables(nights, energy):
    table = MapAxes([nights]).to_table()
    with pytest.raises(InputError, match="format is 'csv'"):
        TimeMapAxis.from_table(table, format="csv")
    with pytest.raises(FileFormatError, match="the table has no time axis"):
        TimeMapAxis.from_table(MapAxes([energy]).to_table())
    del table.meta["MJDREFF"]
    with pytest.raises(FileFormatError, match="a time axis and no keyword 'MJDREFF'"):
        MapAxes.from_table(table)


def test_plots(nights):
    ax = plt.figure().add_subplot()
    nights.format_plot_xaxis(ax)
    assert ax.get_xlabel() == "Time [UTC]"
    assert nights.as_plot_center[0] == datetime.datetime(2020, 1, 1, 12)
    assert nights.as_plot_xerr[0][0] == datetime.timedelta(hours=12)
    assert nights.as_plot_labels[0].startswith("2020-01-01 00:00:00")
    assert nights.to_contiguous().as_plot_edges[3] == datetime.datetime(2020, 1, 4)
    plt.close(ax.figure)
