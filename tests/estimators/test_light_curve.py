"""Light curves: every interval is what it is alone; intervals, gaps and what is left out."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from gammafold.data.gti import GTI
from gammafold.datasets import Datasets
from gammafold.datasets.flux_points.reference_curve import curve_of_one_bin
from gammafold.estimators import FluxPoints, FluxPointsEstimator, LightCurveEstimator
from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import GammafoldWarning, InputError

EDGES = [1, 10, 10**1.5] * u.TeV


def test_each_interval_is_what_it_is_alone(crab, light_curve):
    assert light_curve.axes.names == ["energy", "time"]
    for number, dataset in enumerate(crab):
        alone = FluxPointsEstimator(energy_edges=EDGES, selection_optional="all").run(dataset)
        for name in light_curve.available_quantities:
            np.testing.assert_allclose(
                light_curve.quantity(name).data[number], alone.quantity(name).data, rtol=1e-8, err_msg=name, atol=1e-9
            )
    time = light_curve.axes["time"]
    for number, dataset in enumerate(crab):
        assert abs((time.time_min[number] - dataset.gti.time_start[0]).to_value("s")) < 1e-5
        assert abs((time.time_max[number] - dataset.gti.time_stop[-1]).to_value("s")) < 1e-5


def test_datasets_of_one_interval_are_fitted_together(crab):
    start = Time("2004-12-04T12:00:00")
    intervals = [[start + 2 * u.d, start + 4 * u.d], [start, start + 2 * u.d]]
    found = LightCurveEstimator(time_intervals=[Time(pair) for pair in intervals], energy_edges=EDGES).run(crab)
    assert found.axes["time"].nbin == 2
    for number, members in enumerate(([0, 1], [2, 3])):
        alone = FluxPointsEstimator(energy_edges=EDGES).run(Datasets([crab[i] for i in members]))
        np.testing.assert_allclose(found.norm.data[number], alone.norm.data, rtol=1e-8)
        np.testing.assert_allclose(found.stat.data[number], alone.stat.data, rtol=1e-9)


def test_stacked_over_intervals(crab):
    start = Time("2004-12-04T12:00:00")
    intervals = [Time([start, start + 2 * u.d]), Time([start + 2 * u.d, start + 4 * u.d])]
    settings = {"time_intervals": intervals, "energy_edges": EDGES}
    joint = LightCurveEstimator(**settings).run(crab)
    stacked = LightCurveEstimator(**settings, stack_over_time_interval=True).run(crab)
    assert stacked.axes["time"].nbin == 2
    pull = (stacked.norm.data - joint.norm.data) / joint.norm_err.data
    assert np.abs(pull).max() < 0.5
    np.testing.assert_array_equal(stacked.counts.data, joint.counts.data)


def test_runs_at_the_same_time_are_one_interval(crab):
    crab[1].gti = GTI.create([100] * u.s, [1500] * u.s, reference_time="2004-12-04T22:00:00")
    found = LightCurveEstimator(energy_edges=EDGES).run(crab)
    assert found.axes["time"].nbin == 3
    together = FluxPointsEstimator(energy_edges=EDGES).run(Datasets([crab[0], crab[1]]))
    np.testing.assert_allclose(found.norm.data[0], together.norm.data, rtol=1e-8)


def test_order_of_datasets_does_not_matter(crab, light_curve):
    shuffled = Datasets([crab[i] for i in (2, 0, 3, 1)])
    found = LightCurveEstimator(energy_edges=EDGES).run(shuffled)
    np.testing.assert_allclose(found.norm.data, light_curve.norm.data, rtol=1e-8)


def test_what_lies_in_no_interval_is_said(crab):
    start = Time("2004-12-04T12:00:00")
    estimator = LightCurveEstimator(time_intervals=[Time([start, start + 2 * u.d])], energy_edges=EDGES)
    with pytest.warns(GammafoldWarning, match="2 datasets lie in no time interval as a whole .* 23559, 23592"):
        found = estimator.run(crab)
    assert found.axes["time"].nbin == 1


def test_tolerance_of_the_intervals(crab):
    start, stop = crab[0].gti.time_start[0], crab[0].gti.time_stop[0]
    late = [Time([start + 0.5 * u.s, stop])]
    with pytest.raises(InputError, match="none of the datasets .* lies within a time interval"):
        LightCurveEstimator(time_intervals=late, energy_edges=EDGES).run(Datasets([crab[0]]))
    found = LightCurveEstimator(time_intervals=late, atol=1 * u.s, energy_edges=EDGES).run(Datasets([crab[0]]))
    assert found.axes["time"].nbin == 1


def test_an_interval_without_counts(make):
    datasets = Datasets([make([5, 3], n_off=[4, 2], name="a"), make([0, 0], n_off=[3, 3], name="b")])
    for number, dataset in enumerate(datasets):
        dataset.gti = GTI.create([number * 100] * u.s, [number * 100 + 50] * u.s)
    datasets.models = SkyModel(PowerLawSpectralModel(amplitude="5e-13 cm-2 s-1 TeV-1"), name="crab")
    found = LightCurveEstimator(energy_edges=[1, 100] * u.TeV, selection_optional="all").run(datasets)
    assert found.success.data.all()
    np.testing.assert_array_equal(found.is_ul.data.ravel(), [False, True])
    assert np.isfinite(found.norm_ul.data).all()


class TestBadInput:
    def test_no_good_times(self, crab):
        crab[2].gti = None
        with pytest.raises(InputError, match="dataset '23559' has no good time intervals"):
            LightCurveEstimator(energy_edges=EDGES).run(crab)

    @pytest.mark.parametrize("pair", [["2020-01-02", "2020-01-01"], ["2020-01-01"]])
    def test_pairs(self, crab, pair):
        with pytest.raises(InputError, match="expected pairs of a start and a later stop"):
            LightCurveEstimator(time_intervals=[Time(pair)], energy_edges=EDGES).run(crab)

    def test_none_or_overlapping(self, crab):
        with pytest.raises(InputError, match="time_intervals is empty"):
            LightCurveEstimator(time_intervals=[], energy_edges=EDGES).run(crab)
        pairs = [Time(["2004-12-04", "2004-12-06"]), Time(["2004-12-05", "2004-12-07"])]
        with pytest.raises(InputError, match="time_intervals overlap"):
            LightCurveEstimator(time_intervals=pairs, energy_edges=EDGES).run(crab)


@pytest.mark.parametrize("kind", ["power law", "curved"])
@pytest.mark.parametrize("ending", ["fits", "ecsv"])
def test_a_light_curve_of_one_broad_bin_is_read_with_its_fluxes(crab, tmp_path, kind, ending):
    if kind == "curved":
        curved = LogParabolaSpectralModel(amplitude="4.5e-11 cm-2 s-1 TeV-1", alpha=2.35, beta=0.19)
        crab.models = SkyModel(curved, name="crab")
    made = LightCurveEstimator(energy_edges=[0.7079457, 100] * u.TeV, source="crab").run(crab)
    path = tmp_path / f"curve.{ending}"
    made.write(path, sed_type="likelihood", format="lightcurve")
    again = FluxPoints.read(path)
    for name in ("dnde", "flux", "eflux", "e2dnde", "flux_err"):
        written, read = getattr(made, name).quantity, getattr(again, name).quantity
        np.testing.assert_allclose(read.to_value(written.unit), written.value, rtol=1e-5)


def test_fluxes_that_no_curve_has_are_told():
    low, high = [1, 10] * u.TeV
    flux, eflux = 1e-11 * u.Unit("cm-2 s-1"), 1e-9 * u.Unit("TeV cm-2 s-1")
    with pytest.warns(GammafoldWarning, match="no log parabola has the fluxes ref_dnde 1e-12"):
        model = curve_of_one_bin(u.Quantity([low, high]), 3 * u.TeV, 1e-12 * u.Unit("cm-2 s-1 TeV-1"), flux, eflux)
    assert model.parameters["index"].value == 2
    unknown = curve_of_one_bin(
        u.Quantity([low, high]), 3 * u.TeV, 1e-12 * u.Unit("cm-2 s-1 TeV-1"), flux * np.nan, eflux
    )
    assert unknown.parameters["index"].value == 2
