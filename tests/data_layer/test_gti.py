"""Good time intervals: set operations against plain interval arithmetic, files, and what is refused."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.data.gti import GTI
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())
T0 = "2010-01-01T00:00:00"
EDGES = st.lists(st.integers(0, 60), min_size=2, max_size=12).map(
    lambda x: [(min(x[i : i + 2]), max(x[i : i + 2]) + 1) for i in range(len(x) - 1)]
)


def make(pairs, reference=T0):
    start, stop = np.array(pairs, dtype=float).reshape(-1, 2).T
    return GTI.create(start * u.s, stop * u.s, reference_time=reference)


def pairs_of(gti):
    return np.column_stack([gti.met_start.value, gti.met_stop.value])


def seconds(pairs):
    """Return the whole seconds that intervals with whole edges cover."""
    return {second for low, high in pairs for second in range(round(low), round(high))}


def interval(low, high):
    return Time(T0) + [low, high] * u.s


# -- what it holds


def test_times():
    gti = make([(0, 1800), (3000, 4200.25)])
    assert len(gti) == 2
    assert gti.time_ref.isot == "2010-01-01T00:00:00.000"
    assert list(gti.time_start.isot) == ["2010-01-01T00:00:00.000", "2010-01-01T00:50:00.000"]
    assert gti.time_stop[1].isot == "2010-01-01T01:10:00.250"
    assert_allclose(gti.time_delta.to_value("s"), [1800, 1200.25], rtol=1e-12)
    assert_allclose(gti.time_sum.to_value("h"), 3000.25 / 3600, rtol=1e-12)
    assert [time.isot for time in gti.time_intervals[0]] == [gti.time_start[0].isot, gti.time_stop[0].isot]
    assert_allclose(gti.met_stop.to_value("s"), [1800, 4200.25], rtol=1e-12)
    assert "2 intervals, 3000.250 s" in repr(gti)
    assert str(gti) == repr(gti)


def test_default_reference_is_terrestrial_time():
    gti = GTI.create(0 * u.s, 1 * u.h)
    assert gti.time_ref.scale == "tt"
    assert gti.time_ref.isot == "2000-01-01T00:00:00.000"
    assert_allclose(gti.time_sum.to_value("s"), 3600, rtol=1e-12)


def test_a_leap_second_counts():
    # 2016 ended with the second 23:59:60.
    gti = GTI.create(Time("2016-12-31T23:59:59"), Time("2017-01-01T00:00:01"))
    assert_allclose(gti.time_sum.to_value("s"), 3, rtol=1e-10)


def test_times_keep_nanoseconds_years_after_the_reference():
    start = Time("2026-03-04T05:06:07.000000001", scale="tt")
    gti = GTI.create(start, start + 1e-7 * u.s, reference_time="2000-01-01")
    for same in (
        gti,
        gti.copy(),
        GTI.from_stack([gti, gti]),
        gti.union(),
        gti.select_time(Time([start, start + 1 * u.s])),
    ):
        assert abs((same.time_start[0] - start).to_value("ns")) < 0.1
        assert_allclose(same.time_delta[0].to_value("ns"), 100, atol=0.1)


def test_arguments_are_not_changed_and_not_shared():
    start, stop = Time([T0, "2010-01-02"]), Time(["2010-01-01T01:00:00", "2010-01-02T01:00:00"])
    gti = GTI.create(start, stop)
    assert start.format == "isot"
    gti.time_start[0] = Time("2009-01-01")
    assert start[0].isot == "2010-01-01T00:00:00.000"
    copy = gti.copy()
    copy.time_start[0] = Time("2008-01-01")
    assert gti.time_start[0].iso.startswith("2009")


def test_scales_are_brought_together():
    gti = GTI.create(Time("2010-01-01T00:00:00", scale="utc"), Time("2010-01-01T00:02:06.184", scale="tt"))
    assert gti.time_stop.scale == "utc"
    assert_allclose(gti.time_sum.to_value("s"), 60, atol=1e-9)


def test_none():
    gti = GTI.create([] * u.s, [] * u.s, reference_time=T0)
    assert len(gti) == 0
    assert gti.time_sum == 0 * u.s
    assert repr(gti) == "GTI: no intervals"
    assert pairs_of(gti).shape == (0, 2)
    assert len(gti.union()) == len(gti.intersection(make([(0, 5)]))) == len(gti.select_time(interval(0, 5))) == 0
    assert len(gti.group_table([interval(0, 5)])) == 0
    gti.stack(make([(1, 2)]))
    assert_allclose(pairs_of(gti), [(1, 2)])
    assert len(GTI(Table({"START": Time([], format="mjd"), "STOP": Time([], format="mjd")}))) == 0


def test_from_time_intervals():
    gti = GTI.from_time_intervals([interval(0, 10), interval(20, 25)])
    assert_allclose(pairs_of(gti), [(0, 10), (20, 25)])
    assert gti.time_ref == Time(T0)
    assert gti == GTI.from_time_intervals(gti.time_intervals, reference_time="2009-05-05")
    assert gti != make([(0, 10), (20, 26)])
    assert gti != make([(0, 10)])
    assert gti != "other"


# -- set operations


@given(EDGES)
def test_union_covers_the_same(pairs):
    union = make(pairs).union()
    assert seconds(pairs_of(union)) == seconds(pairs)
    assert_allclose(union.time_sum.value, len(seconds(pairs)), rtol=1e-9)
    starts, stops = pairs_of(union).T
    assert (starts[1:] > stops[:-1] + 0.5).all()


@given(EDGES, EDGES)
def test_intersection_covers_what_both_cover(one, other):
    both = make(one).intersection(make(other))
    assert seconds(pairs_of(both)) == seconds(one) & seconds(other)
    assert both == make(other).intersection(make(one))


@given(EDGES, st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted))
def test_selection_and_deletion_cover_all(pairs, limits):
    gti, window = make(pairs).union(), set(range(*limits))
    inside, outside = gti.select_time(interval(*limits)), gti.delete_interval(interval(*limits))
    assert seconds(pairs_of(inside)) == seconds(pairs) & window
    assert seconds(pairs_of(outside)) == seconds(pairs) - window
    assert (np.diff(outside.met_start.value) > 0).all()


def test_selection_keeps_the_edges_bit_by_bit():
    gti = make([(0.1, 10.3), (20.7, 30.9)], reference="2001-01-01")
    chosen = gti.select_time(Time("2001-01-01") + [5.123, 1e4] * u.s)
    assert_array_equal(chosen.time_stop.jd2, gti.time_stop.jd2)
    assert chosen.time_start[1] == gti.time_start[1]
    assert chosen.time_ref == gti.time_ref


def test_touching_intervals():
    gti = make([(50, 100), (0, 50), (100 + 4e-7, 120)])
    assert_allclose(pairs_of(gti.union()), [(0, 120)], atol=1e-6)
    assert_allclose(pairs_of(gti.union(overlap_ok=False)), [(0, 120)], atol=1e-6)
    assert_allclose(pairs_of(gti.union(merge_equal=False)), [(0, 50), (50, 100), (100, 120)], atol=1e-6)
    nested = make([(0, 100), (10, 20), (30, 40)])
    assert_allclose(pairs_of(nested.union(merge_equal=False)), [(0, 100)])


def test_overlap_can_be_refused():
    with pytest.raises(InputError, match=r"overlap: the one from 2010-01-01 00:00:40.000 starts before"):
        make([(0, 50), (40, 100)]).union(overlap_ok=False)


def test_stack_appends_as_they_are():
    gti, other = make([(100, 200)]), make([(0, 50), (150, 160)], reference="2010-01-01T00:01:00")
    both = GTI.from_stack([gti, other])
    expected = [(100, 200), (60, 110), (210, 220)]
    assert_allclose(pairs_of(both), expected)
    assert both.time_ref == gti.time_ref
    assert_allclose(pairs_of(gti), [(100, 200)])
    gti.stack(other)
    assert_allclose(pairs_of(gti), expected)


@pytest.mark.parametrize(
    "case", [case for case in REFERENCE["cases"] if case["group"] == "stack"], ids=lambda c: c["id"]
)
def test_union_of_reference_stacks(case):
    members = case["inputs"].get("datasets") or case["inputs"].get("members")
    gtis = [make(REFERENCE["datasets"][name]["gti"], REFERENCE["datasets"][name]["gti_ref"]) for name in members]
    assert_allclose(pairs_of(GTI.from_stack(gtis).union()), case["outputs"]["gti_s"], atol=1e-6)


def test_groups():
    gti = make([(0, 50), (100, 180.25), (210, 230), (400, 430), (900, 960), (2000, 3000)])
    groups = gti.group_table([interval(20, 150), interval(160, 240), interval(390, 440)])
    assert list(groups["group_idx"]) == [-1, -1, 1, 2, -1, -1]
    assert list(groups["bin_type"]) == ["underflow", "overflow", "", "", "overflow", "overflow"]
    assert_allclose(groups["time_min"], gti.time_start.mjd, rtol=0, atol=1e-12)
    assert_allclose(groups["time_max"], gti.time_stop.mjd, rtol=0, atol=1e-12)
    assert list(gti.group_table([interval(0.5, 49.5)])["group_idx"]) == [-1] * 6
    assert list(gti.group_table([interval(0.5, 49.5)], atol="1 s")["group_idx"]) == [0] + [-1] * 5


# -- files


def test_files_keep_everything(tmp_path):
    gti = make([(0, 1800), (3000.125, 4200.25)], reference="2010-01-01T12:34:56.789012")
    gti.write(tmp_path / "gti.fits")
    again = GTI.read(tmp_path / "gti.fits", checksum=True)
    assert_allclose(pairs_of(again), pairs_of(gti), rtol=1e-15)
    assert abs((again.time_ref - gti.time_ref).to_value("ns")) < 1
    assert again.time_ref.scale == "utc"
    header = fits.getheader(tmp_path / "gti.fits", "GTI")
    assert header["MJDREFI"] == 55197
    assert_allclose(header["MJDREFF"], (12 * 3600 + 34 * 60 + 56.789012) / 86400, rtol=1e-14)
    with pytest.raises(InputError, match=r"file exists"):
        gti.write(tmp_path / "gti.fits")
    gti.write(tmp_path / "gti.fits", overwrite=True)


def test_an_empty_file(tmp_path):
    GTI.create([] * u.s, [] * u.s, T0).write(tmp_path / "gti.fits")
    assert len(GTI.read(tmp_path / "gti.fits")) == 0


def gti_hdu(names=("START", "STOP"), start=0.0, stop=2.0, unit="s", **header):
    columns = [
        fits.Column(name, "D", unit=unit, array=[value]) for name, value in zip(names, (start, stop), strict=True)
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="GTI")
    for key, value in header.items():
        hdu.header[key] = value
    return hdu


def test_other_forms():
    expected = GTI.create([0] * u.s, [2] * u.s, reference_time=Time(51910, 0.25, format="mjd", scale="tt"))
    reference = {"MJDREFI": 51910, "MJDREFF": 0.25, "TIMESYS": "TT"}
    assert GTI.from_table_hdu(gti_hdu(**reference)) == expected
    assert GTI.from_table_hdu(gti_hdu(("TSTART", "TSTOP"), **reference)) == expected
    assert GTI.from_table_hdu(gti_hdu(("tstart", "tstop"), unit=None, **reference)) == expected
    assert GTI.from_table_hdu(gti_hdu(stop=2 / 86400, unit=None, TIMEUNIT="d", **reference)) == expected
    assert GTI.from_table_hdu(gti_hdu(stop=2 / 86400, unit="d", **reference)) == expected
    assert GTI.from_table_hdu(gti_hdu(MJDREF=51910.25)) == expected
    assert GTI.from_table_hdu(gti_hdu(start=-5, stop=-3, TIMEZERO=5.0, **reference)) == expected


@pytest.mark.parametrize(
    ("hdu", "message"),
    [
        (gti_hdu(("START", "END"), MJDREFI=5), r"no columns START and STOP: there are \['END', 'START'\]"),
        (gti_hdu(), r"no keyword MJDREFI or MJDREF"),
        (gti_hdu(MJDREFI=51910, TIMESYS="LOCALTIME"), r"TIMESYS = 'localtime'"),
        (gti_hdu(stop=-1, MJDREFI=51910), r"'GTI': good time interval 0 ends before it starts"),
        (gti_hdu(stop=np.nan, MJDREFI=51910), r"'GTI': stop of good time intervals holds nan s"),
        (gti_hdu(unit="m", MJDREFI=51910), r"'GTI': start has the unit 'm'"),
    ],
)
def test_bad_extensions(hdu, message, tmp_path):
    with pytest.raises(FileFormatError, match=message):
        GTI.from_table_hdu(hdu)
    hdu.writeto(tmp_path / "bad.fits")
    with pytest.raises(FileFormatError, match=r"bad\.fits.*" + message):
        GTI.read(tmp_path / "bad.fits")


def test_bad_files(tmp_path):
    with pytest.raises(FileFormatError, match=r"missing\.fits"):
        GTI.read(tmp_path / "missing.fits")
    (tmp_path / "text.fits").write_text("no FITS")
    with pytest.raises(FileFormatError, match=r"text\.fits"):
        GTI.read(tmp_path / "text.fits")
    make([(0, 1)]).write(tmp_path / "gti.fits")
    with pytest.raises(FileFormatError, match=r"gti\.fits: there is no extension 'TIMES': there are .*'GTI'"):
        GTI.read(tmp_path / "gti.fits", hdu="TIMES")
    with pytest.raises(InputError, match=r"format is 'ogip': expected 'gadf'"):
        GTI.read(tmp_path / "gti.fits", format="ogip")
    with pytest.raises(InputError, match=r"format is 'ogip': expected 'gadf'"):
        make([(0, 1)]).to_table_hdu(format="ogip")


# -- what is refused


def test_bad_input():
    with pytest.raises(InputError, match=r"interval 1 ends before it starts: 2010-01-01 00:00:20.000 to"):
        make([(0, 10), (20, 15)])
    with pytest.raises(InputError, match=r"start of good time intervals holds nan s"):
        make([(np.nan, 10)])
    with pytest.raises(InputError, match=r"there are 2 starts and 1 stops"):
        GTI.create([0, 1] * u.s, [2] * u.s)
    with pytest.raises(UnitsError, match=r"stop has the unit 'm'"):
        GTI.create([0] * u.s, [2] * u.m)
    with pytest.raises(InputError, match=r"start of good time intervals has the shape \(1, 2\)"):
        GTI.create([[0, 1]] * u.s, [[2, 3]] * u.s)
    with pytest.raises(InputTypeError, match=r"needs times in a column 'START'"):
        GTI(Table({"START": [0.0] * u.s, "STOP": [1.0] * u.s}))
    with pytest.raises(InputError, match=r"masked"):
        GTI(
            Table(
                {"START": Time(np.ma.masked_invalid([np.nan, 1]), format="mjd"), "STOP": Time([5e4] * 2, format="mjd")}
            )
        )
    with pytest.raises(InputError, match=r"expected a start and a later stop"):
        make([(0, 10)]).select_time(interval(5, 4))
    with pytest.raises(InputError, match=r"expected pairs of a start and a later stop"):
        make([(0, 10)]).group_table([interval(5, 4)])
    with pytest.raises(UnitsError, match=r"atol is"):
        make([(0, 10)]).group_table([interval(4, 5)], atol="soon")
    with pytest.raises(InputError, match=r"no good time intervals to stack"):
        GTI.from_stack([])
    with pytest.raises(InputError, match=r"no time_intervals"):
        GTI.from_time_intervals([])
    with pytest.raises(InputTypeError, match=r"cannot stack list: expected GTI"):
        make([(0, 10)]).stack([])
