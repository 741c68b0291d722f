"""``gammafold light-curve``: what is printed and written is what the estimator finds."""

import json
import re

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_allclose

from gammafold.data.gti import GTI
from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.estimators import LightCurveEstimator
from gammafold.maps.axis import MapAxis
from gammafold.modeling import Fit
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.report.light_curve import group_by_time
from gammafold.report.observation_times import read_observation_times, set_observation_times
from gammafold.samples import sample_files

pytestmark = pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")
LINE = "light-curve pha_obs*.fits --times observations.ecsv"


def test_fluxes_are_those_of_the_estimator(crab_folder, run):
    result = run(f"{LINE} --energy-edges '1 3 10 TeV' -o out")
    assert result.exit_code == 0, result.output
    datasets = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess"))
    datasets.models = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    set_observation_times(datasets, read_observation_times("observations.ecsv"))
    Fit().run(datasets)
    expected = LightCurveEstimator(energy_edges=[1, 3, 10] * u.TeV, selection_optional=["ul"]).run(datasets)
    table = expected.to_table(sed_type="flux", format="lightcurve")
    written = Table.read("out/light-curve.ecsv", format="ascii.ecsv")
    rows = json.loads((crab_folder / "out" / "light-curve.json").read_text())
    for name in ("time_min", "time_max", "flux", "flux_err", "flux_ul", "sqrt_ts"):
        assert_allclose(written[name], table[name], rtol=2e-3)
        assert_allclose([row[name] for row in rows["rows"]], written[name])
    assert rows["time_scale"] == "utc"
    binary = Table.read("out/light-curve.fits", hdu=1)
    assert_allclose(binary["norm"] * binary["ref_flux"], written["flux"])
    # The mean and its chi2, computed here.
    flux, error = np.array(written["flux"]), np.array(written["flux_err"])
    mean = np.average(flux, weights=error**-2, axis=0)
    chi2 = np.sum(((flux - mean) / error) ** 2, axis=0)
    assert_allclose([row["chi2"] for row in rows["variability"]["rows"]], chi2)
    assert all(f"{value:.1f} / 3" in result.stdout for value in chi2)
    assert "2004-12-04 22:10:00" in result.stdout
    assert plt.imread(crab_folder / "out" / "light-curve.png").shape[0] > 500


def test_spectra_of_one_night_share_an_interval(crab_folder, run):
    result = run(f"{LINE} --every '12 h'")
    assert result.exit_code == 0, result.output
    table = Table.read("gammafold-light-curve/light-curve.ecsv", format="ascii.ecsv")
    assert len(table) == 3
    times = read_observation_times("observations.ecsv")
    assert_allclose(table["time_min"][0], times["23523"].time_start.mjd[0], rtol=0, atol=1e-8)
    assert_allclose(table["time_max"][0], times["23526"].time_stop.mjd[0], rtol=0, atol=1e-8)


def test_one_interval_has_no_test_of_constancy(crab_folder, run):
    result = run(f"{LINE} --every '1 yr'")
    assert result.exit_code == 0, result.output
    assert "constant" not in result.stdout


def test_groups_of_times_hold_every_dataset():
    random = np.random.default_rng(5)
    axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=2)
    datasets = Datasets()
    for i, hours in enumerate(random.uniform(0, 100, 30)):
        gti = GTI.create([hours] * u.h, [hours + random.uniform(0.1, 2)] * u.h, reference_time="2020-01-01")
        datasets.append(SpectrumDataset.create(axis, name=f"d{i}", gti=gti))
    intervals = group_by_time(datasets, 5 * u.h)
    assert 2 < len(intervals) < 30
    assert all(isinstance(interval, Time) for interval in intervals)
    for dataset in datasets:
        start, stop = dataset.gti.time_start.min(), dataset.gti.time_stop.max()
        assert sum(bool(low <= start and stop <= high and start - low < 5 * u.h) for low, high in intervals) >= 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("light-curve pha_obs23523.fits", r"spectra \['23523'\] tell no times: give a table"),
        (f"{LINE} --every 12", "--every has the unit ''"),
        (f"{LINE} --every '-1 d'", "--every is '-1 d': expected one positive time such as '1 d'"),
        ("light-curve pha_obs23523.fits --times nothing.ecsv", "no such file: nothing.ecsv"),
        ("light-curve pha_obs23523.fits --times LICENSE", "LICENSE: this is no table that astropy reads"),
        ("light-curve pha_obs23523.fits --times pha_obs23523.fits", "no column OBS_ID in the table of times"),
    ],
)
def test_bad_input_is_one_line(crab_folder, fails, line, message):
    assert re.search(message, fails(line))
