"""Times of observations from tables: an index of observations, dates, and what is wrong with a table."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDatasetOnOff
from gammafold.report.observation_times import read_observation_times, set_observation_times
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, InputError

CRAB = sample_files("crab-hess")[0].parent / "observations.ecsv"


def test_the_times_of_the_sample_agree_with_its_live_times():
    times = read_observation_times(CRAB)
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    set_observation_times(datasets, times)
    for dataset in datasets:
        livetime = dataset.exposure.meta["livetime"].to_value("s")
        # A telescope is blind for a few per cent of its time on target, and the times are rounded.
        assert 0.8 * dataset.gti.time_sum.to_value("s") < livetime < dataset.gti.time_sum.to_value("s")
    assert datasets["23523"].gti.time_start.utc[0].iso.startswith("2004-12-04 22:10:00")


@pytest.mark.shared
def test_the_times_of_the_sample_are_those_of_an_index_to_ten_minutes(shared_data):
    published = read_observation_times(shared_data / "hess-dl3-dr1" / "obs-index.fits.gz")
    for name, gti in read_observation_times(CRAB).items():
        assert_allclose((gti.time_start - published[name].time_start).to_value("s"), 0, atol=600)
        assert_allclose((gti.time_stop - published[name].time_stop).to_value("s"), 0, atol=600)


def test_dates(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text(
        "obs_id,tstart,tstop\none,2020-01-01T00:00:00,2020-01-01T01:00:00\n"
        "two,2020-01-02 00:00:00,2020-01-02 01:00:00\none,2020-01-01T02:00:00,2020-01-01T02:30:00\n"
    )
    times = read_observation_times(path)
    assert list(times) == ["one", "two"]
    assert_allclose(times["one"].time_delta.to_value("s"), [3600, 1800])
    assert times["one"].time_start.scale == "utc"


def test_columns_of_times(tmp_path):
    start = Time(["2020-01-01", "2021-01-01"], scale="tdb")
    path = tmp_path / "times.ecsv"
    Table({"OBS_ID": ["a", "b"], "TSTART": start, "TSTOP": start + 1 * u.h}).write(path)
    times = read_observation_times(path)
    assert_allclose((times["b"].time_start - start[1]).to_value("s"), 0, atol=1e-6)
    assert_allclose(times["b"].time_sum.to_value("h"), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("OBS_ID,TSTART\n1,2020-01-01\n", "no column TSTOP in the table of times: there are"),
        ("OBS_ID,TSTART,TSTOP\n1,5,6\n", "column TSTART holds numbers, and there is no keyword MJDREFI"),
        ("OBS_ID,TSTART,TSTOP\n1,noon,later\n", "times.csv: Input values did not match"),
        ("", r"no column OBS_ID in the table of times: there are \[\]"),
    ],
)
def test_tables_that_do_not_tell(tmp_path, text, message):
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_observation_times(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match="no such file"):
        read_observation_times(tmp_path / "nothing.ecsv")


def test_a_spectrum_without_times():
    datasets = Datasets([SpectrumDatasetOnOff.read(sample_files("crab-hess")[0], name="other")])
    datasets[0].meta_table = None
    with pytest.raises(InputError, match=r"observations\.ecsv has no times for 'other': there are \['23523'"):
        set_observation_times(datasets, read_observation_times(CRAB), "observations.ecsv")
    assert np.all(datasets[0].counts.data >= 0)
