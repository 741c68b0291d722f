"""Flux points against fits, brute-force profiles and closed forms."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from scipy.optimize import brentq

from gammafold.datasets import Datasets
from gammafold.estimators import FluxPointsEstimator
from gammafold.modeling import Fit
from gammafold.modeling.models import FoVBackgroundModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import GammafoldWarning, InputError, UnitsError, UnknownNameError


class BruteForce:
    """The statistic of one bin of energy as a function of the norm, through the datasets' public statistic."""

    def __init__(self, datasets, energy_min, energy_max):
        self.datasets = datasets
        self.amplitude = datasets.models["crab"].spectral_model.amplitude
        self.start = self.amplitude.value
        for dataset in datasets:
            mask = dataset.counts.geom.energy_mask(energy_min * (1 - 1e-9), energy_max * (1 + 1e-9))
            dataset.mask_fit = mask

    def __call__(self, norm):
        self.amplitude.value = norm * self.start
        return self.datasets.stat_sum()

    def limit(self, best, n_sigma, side):
        base, step = self(best), 1e-3
        while self(best + side * step) - base < n_sigma**2:
            step *= 2
        ends = sorted([best, best + side * step])
        return brentq(lambda norm: self(norm) - base - n_sigma**2, *ends, xtol=1e-12)


class TestCrab:
    def test_axis_is_that_of_the_edges(self, points, edges):
        np.testing.assert_allclose(points.energy_axis.edges.to_value("TeV"), edges.to_value("TeV"), rtol=1e-6)
        assert points.success.data.all()

    @pytest.mark.parametrize("number", [0, 3, 6, 7])
    def test_every_number_against_brute_force(self, crab, points, number):
        profile = BruteForce(crab, points.energy_min[number], points.energy_max[number])
        norm = points.norm.data[number, 0, 0]
        assert profile(norm) == pytest.approx(points.stat.data[number, 0, 0], abs=1e-9)
        # A minimum: the statistic rises on both sides.
        assert min(profile(norm + step) for step in (-1e-3, 1e-3)) > profile(norm)
        assert profile(0.0) == pytest.approx(points.stat_null.data[number, 0, 0], abs=1e-9)
        assert profile(0.0) - profile(norm) == pytest.approx(points.ts.data[number, 0, 0], abs=1e-9)
        assert profile.limit(norm, 1, -1) == pytest.approx(norm - points.norm_errn.data[number, 0, 0], rel=1e-5)
        assert profile.limit(norm, 1, +1) == pytest.approx(norm + points.norm_errp.data[number, 0, 0], rel=1e-5)
        assert profile.limit(norm, 2, +1) == pytest.approx(points.norm_ul.data[number, 0, 0], rel=1e-5)
        scan = points.stat_scan
        norms = scan.geom.axes["norm"].center.value
        for index in (5, 30, 80, 100):
            assert profile(norms[index]) == pytest.approx(scan.data[number, index, 0, 0], rel=1e-9)

    def test_error_is_that_of_a_fit(self, crab, points):
        crab.models["crab"].spectral_model.index.frozen = True
        number = 2
        BruteForce(crab, points.energy_min[number], points.energy_max[number])
        result = Fit().run(crab)
        start = 4.57948e-11
        assert result.values[0] / start == pytest.approx(points.norm.data[number, 0, 0], rel=1e-6)
        assert result.errors[0] / start == pytest.approx(points.norm_err.data[number, 0, 0], rel=1e-5)

    def test_counts_and_predictions_are_those_of_the_datasets(self, crab, points):
        number = 1
        crab.models["crab"].spectral_model.amplitude.value *= points.norm.data[number, 0, 0]
        counts = npred = signal = 0.0
        for dataset in crab:
            inside = dataset.counts.geom.energy_mask(
                points.energy_min[number] * (1 - 1e-9), points.energy_max[number] * (1 + 1e-9)
            )
            bins = inside.data & dataset.mask_safe.data
            counts += dataset.counts.data[bins].sum()
            npred += dataset.npred().data[bins].sum()
            signal += dataset.npred_signal().data[bins].sum()
        assert points.counts.data[number, 0, 0] == counts
        assert points.npred.data[number, 0, 0] == pytest.approx(npred, rel=1e-9)
        assert points.npred_excess.data[number, 0, 0] == pytest.approx(signal, rel=1e-9)

    def test_two_sigma_errors(self, crab, edges, points):
        wide = FluxPointsEstimator(energy_edges=edges, n_sigma=2, selection_optional=["errn-errp"]).run(crab)
        np.testing.assert_allclose(wide.norm_err.data, 2 * points.norm_err.data)
        np.testing.assert_allclose(wide.norm.data + wide.norm_errp.data, points.norm_ul.data, rtol=1e-5)
        assert wide.n_sigma == 2
        assert not wide.has("norm_ul")

    def test_null_value(self, crab, edges, points):
        ones = FluxPointsEstimator(energy_edges=edges, null_value=1.0).run(crab)
        assert (ones.ts.data < points.ts.data).sum() >= 7
        expected = BruteForce(crab, edges[0], edges[1])(1.0) - points.stat.data[0, 0, 0]
        assert ones.ts.data[0, 0, 0] == pytest.approx(expected, abs=1e-8)

    def test_norm_by_a_parameter_or_a_dict(self, crab, edges):
        settings = {"scan_values": np.array([0.5, 1.0, 2.0])}
        found = FluxPointsEstimator(energy_edges=edges, norm=settings, selection_optional="scan").run(crab)
        np.testing.assert_array_equal(found.stat_scan.geom.axes["norm"].center.value, [0.5, 1.0, 2.0])
        span = {"scan_min": 0.5, "scan_max": 2.0, "scan_n_values": 4}
        found = FluxPointsEstimator(energy_edges=edges, norm=span, selection_optional="scan").run(crab)
        assert found.stat_scan.geom.axes["norm"].nbin == 4

    def test_sum_over_energy_groups(self, crab, points, edges):
        summed = FluxPointsEstimator(energy_edges=edges, sum_over_energy_groups=True).run(crab)
        # One bin for each dataset and point: the shape inside is not looked at, the flux is about the same.
        pull = (summed.norm.data - points.norm.data) / points.norm_err.data
        assert np.abs(pull).max() < 0.5
        np.testing.assert_allclose(summed.counts.data, points.counts.data)
        assert not np.allclose(summed.stat.data, points.stat.data)

    def test_datasets_are_left_as_they_were(self, crab, edges):
        before = [dataset.stat_sum() for dataset in crab]
        models = [dataset.models[0] for dataset in crab]
        settings = {"energy_edges": edges, "selection_optional": "all"}
        for options in ({}, {"reoptimize": True}, {"sum_over_energy_groups": True}):
            FluxPointsEstimator(**settings, **options).run(crab)
        assert [dataset.stat_sum() for dataset in crab] == before
        assert all(dataset.models[0] is model for dataset, model in zip(crab, models, strict=True))


class TestNoExcess:
    """Where a scan stops at a boundary, the limit is that of the profile likelihood."""

    @pytest.mark.parametrize("n_off", [0, 3, 40])
    def test_no_counts(self, make, n_off):
        dataset = make([0, 0, 5], n_off=[n_off, n_off, 5])
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="1e-13 cm-2 s-1 TeV-1"), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges[[0, 2, 3]]
        found = FluxPointsEstimator(energy_edges=edges, selection_optional="all").run(dataset)
        assert found.success.data.all()
        profile = BruteForce(Datasets([dataset]), edges[0], edges[1])
        norm = found.norm.data[0, 0, 0]
        values = np.linspace(norm - 2, norm + 2, 2001)
        assert profile(norm) <= min(profile(value) for value in values) + 1e-9
        assert found.norm_ul.data[0, 0, 0] == pytest.approx(profile.limit(norm, 2, 1), rel=1e-5)
        assert found.is_ul.data[0, 0, 0]
        assert found.ts.data[0, 0, 0] >= 0

    def test_fewer_counts_than_background(self, make):
        dataset = make([1, 2], background=[6.0, 4.0])
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="1e-13 cm-2 s-1 TeV-1"), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges[[0, 2]]
        found = FluxPointsEstimator(energy_edges=edges, selection_optional="all").run(dataset)
        norm = found.norm.data[0, 0, 0]
        assert norm < 0
        assert found.sqrt_ts.data[0, 0, 0] == pytest.approx(-np.sqrt(found.ts.data[0, 0, 0]))
        profile = BruteForce(Datasets([dataset]), edges[0], edges[1])
        assert found.norm_ul.data[0, 0, 0] == pytest.approx(profile.limit(norm, 2, 1), rel=1e-5)

    def test_no_data_in_a_bin(self, make, recwarn):
        dataset = make([3, 4, 5, 6], background=[1.0, 1.0, 1.0, 1.0])
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="1e-13 cm-2 s-1 TeV-1"), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges
        dataset.mask_safe = dataset.counts.geom.energy_mask(energy_min=edges[2])
        for options in ({}, {"reoptimize": True}):
            found = FluxPointsEstimator(energy_edges=edges[[0, 2, 4]], selection_optional="all", **options).run(dataset)
            np.testing.assert_array_equal(found.success.data.ravel(), [False, True])
            for name in found.available_quantities:
                if name != "success":
                    first = found.quantity(name).data[0]
                    assert np.isnan(first).all(), name
            assert not found.is_ul.data[0, 0, 0]
            assert np.isfinite(found.norm_ul.data[1, 0, 0])

    def test_no_exposure_in_a_bin(self, make):
        dataset = make([3, 4], background=[1.0, 1.0], exposure=np.array([0.0, 1e13]))
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="1e-13 cm-2 s-1 TeV-1"), name="crab")
        found = FluxPointsEstimator(energy_edges=dataset.counts.geom.axes["energy"].edges).run(dataset)
        np.testing.assert_array_equal(found.success.data.ravel(), [False, True])
        assert np.isnan(found.norm.data[0, 0, 0])


class TestMixedStatistics:
    def test_on_off_and_known_background_together(self, make):
        energies = np.geomspace(1, 100, 4)
        parts = [
            make([9, 4, 3], n_off=[5, 2, 1], name="a", energies=energies),
            make([12, 6, 2], background=[2.0, 1.0, 0.5], name="b", energies=energies),
        ]
        datasets = Datasets(parts)
        datasets.models = SkyModel(PowerLawSpectralModel(amplitude="5e-13 cm-2 s-1 TeV-1"), name="crab")
        found = FluxPointsEstimator(energy_edges=energies[[0, 1, 3]] * u.TeV, selection_optional="all").run(datasets)
        assert found.success.data.all()
        for number in range(2):
            datasets.models["crab"].spectral_model.amplitude.value = 5e-13
            profile = BruteForce(datasets, found.energy_min[number], found.energy_max[number])
            norm = found.norm.data[number, 0, 0]
            assert profile(norm) == pytest.approx(found.stat.data[number, 0, 0], abs=1e-9)
            assert profile.limit(norm, 2, 1) == pytest.approx(found.norm_ul.data[number, 0, 0], rel=1e-5)
            assert profile.limit(norm, 1, -1) == pytest.approx(norm - found.norm_errn.data[number, 0, 0], rel=1e-5)
        assert np.isfinite(found.norm_sensitivity.data).all()

    def test_other_sources_stay_as_they_are(self, make):
        dataset = make([12, 6], background=[2.0, 1.0])
        other = SkyModel(PowerLawSpectralModel(amplitude="2e-13 cm-2 s-1 TeV-1"), name="other")
        own = SkyModel(PowerLawSpectralModel(amplitude="5e-13 cm-2 s-1 TeV-1"), name="crab")
        dataset.models = [other, own]
        found = FluxPointsEstimator(energy_edges=dataset.counts.geom.axes["energy"].edges, source="crab").run(dataset)
        # One bin each: the excess over background and the other source.
        excess = dataset.counts.data - dataset.background.data - dataset.npred_signal("other").data
        np.testing.assert_allclose(found.norm.data, excess / dataset.npred_signal("crab").data, rtol=1e-9)


class TestReoptimize:
    def test_background_norms_are_fitted_in_every_bin(self, make):
        energies = np.geomspace(1, 100, 7)
        counts = [[30, 14, 9, 6, 4, 1], [25, 17, 8, 3, 2, 2]]
        datasets = Datasets([
            make(c, background=[20.0, 10.0, 5.0, 2.5, 1.2, 0.6], name=f"d{i}", energies=energies, exposure=exposure)
            for i, (c, exposure) in enumerate(zip(counts, ([9e13, 1e13, 9e13, 1e13, 9e13, 1e13], 2e13), strict=True))
        ])  # fmt: skip
        own = SkyModel(PowerLawSpectralModel(amplitude="3e-13 cm-2 s-1 TeV-1"), name="crab")
        datasets.models = [own, *(FoVBackgroundModel(dataset_name=dataset.name) for dataset in datasets)]
        edges = energies[[0, 3, 6]] * u.TeV
        settings = {"energy_edges": edges, "source": "crab", "selection_optional": ["errn-errp", "ul"]}
        found = FluxPointsEstimator(**settings, reoptimize=True).run(datasets)
        fixed = FluxPointsEstimator(**settings).run(datasets)
        assert found.success.data.all()
        # The same by hand: the first bin alone, with norm and backgrounds free.
        own.spectral_model.index.frozen = True
        for dataset in datasets:
            dataset.mask_fit = dataset.counts.geom.energy_mask(energy_max=edges[1])
        result = Fit().run(datasets)
        amplitude = result.values[0] / 3e-13
        assert found.norm.data[0, 0, 0] == pytest.approx(amplitude, rel=1e-5)
        assert found.norm_err.data[0, 0, 0] == pytest.approx(result.errors[0] / 3e-13, rel=1e-4)
        assert found.stat.data[0, 0, 0] == pytest.approx(result.total_stat, abs=1e-6)
        ends = Fit().confidence(datasets, own.spectral_model.amplitude)
        assert found.norm_errp.data[0, 0, 0] == pytest.approx(ends["errp"] / 3e-13, rel=1e-4)
        limit = Fit().confidence(datasets, own.spectral_model.amplitude, sigma=2)
        assert found.norm_ul.data[0, 0, 0] == pytest.approx(amplitude + limit["errp"] / 3e-13, rel=1e-4)
        own.spectral_model.amplitude.value, own.spectral_model.amplitude.frozen = 0.0, True
        null = Fit().optimize(datasets)
        assert found.stat_null.data[0, 0, 0] == pytest.approx(null.total_stat, abs=1e-6)
        # Free backgrounds know less.
        assert (found.norm_err.data > fixed.norm_err.data).all()

    def test_nothing_else_free_is_the_same_as_not(self, crab, edges, points):
        found = FluxPointsEstimator(
            energy_edges=edges, source="crab", reoptimize=True, selection_optional=["errn-errp", "ul", "scan"]
        ).run(crab)
        for name in ("norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "stat_scan"):
            np.testing.assert_allclose(found.quantity(name).data, points.quantity(name).data, rtol=2e-4, err_msg=name)


class TestSensitivity:
    def test_counts_at_the_norm_have_that_significance(self, make):
        dataset = make([12, 6, 4], background=[4.0, 2.0, 1.0])
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="5e-13 cm-2 s-1 TeV-1"), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges[[0, 3]]
        found = FluxPointsEstimator(energy_edges=edges, selection_optional="sensitivity").run(dataset)
        norm = found.norm_sensitivity.data[0, 0, 0]
        expected = dataset.npred_signal().data * norm + dataset.background.data
        dataset.counts = dataset.counts.copy(data=expected)
        again = FluxPointsEstimator(energy_edges=edges).run(dataset)
        assert again.sqrt_ts.data[0, 0, 0] == pytest.approx(5.0, rel=1e-5)
        assert again.norm.data[0, 0, 0] == pytest.approx(norm, rel=1e-6)

    def test_off_counts(self, make):
        dataset = make([12, 6, 4], n_off=[20, 9, 4])
        dataset.models = SkyModel(PowerLawSpectralModel(amplitude="5e-13 cm-2 s-1 TeV-1"), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges[[0, 3]]
        estimator = FluxPointsEstimator(energy_edges=edges, selection_optional="sensitivity", n_sigma_sensitivity=3)
        norm = estimator.run(dataset).norm_sensitivity.data[0, 0, 0]
        dataset.counts = dataset.counts.copy(data=dataset.npred_signal().data * norm + dataset.background.data)
        again = FluxPointsEstimator(energy_edges=edges).run(dataset)
        assert again.sqrt_ts.data[0, 0, 0] == pytest.approx(3.0, rel=1e-5)

    def test_without_background_it_is_not_known(self, make):
        dataset = make([1, 2], background=[0.0, 0.0])
        dataset.models = SkyModel(PowerLawSpectralModel(), name="crab")
        edges = dataset.counts.geom.axes["energy"].edges
        found = FluxPointsEstimator(energy_edges=edges, selection_optional="sensitivity").run(dataset)
        assert np.isnan(found.norm_sensitivity.data).all()


class TestBadInput:
    def test_no_source_of_that_name(self, crab, edges):
        with pytest.raises(UnknownNameError, match=r"no source 'vela': there are \['crab'\]"):
            FluxPointsEstimator(energy_edges=edges, source="vela").run(crab)
        with pytest.raises(UnknownNameError, match="no source number 3"):
            FluxPointsEstimator(energy_edges=edges, source=3).run(crab)

    def test_no_models(self, crab, edges):
        crab.models = None
        with pytest.raises(InputError, match=r"datasets \['23523', .*\] have no source model"):
            FluxPointsEstimator(energy_edges=edges).run(crab)

    def test_edges_outside_the_data(self, crab):
        with pytest.raises(InputError, match="no bin of axis 'energy', from 0.01 TeV to 100 TeV, lies between"):
            FluxPointsEstimator(energy_edges=[200, 300] * u.TeV).run(crab)

    def test_some_edges_outside_the_data(self, crab):
        outside = np.array([1, 10, 100, 500]) * u.TeV
        with pytest.warns(GammafoldWarning, match="1 of 3 energy bins lie beyond the data"):
            found = FluxPointsEstimator(energy_edges=outside).run(crab)
        assert found.energy_axis.nbin == 2

    def test_edges_between_those_of_the_data(self, crab):
        with pytest.warns(GammafoldWarning, match="edges moved to the nearest of axis 'energy'"):
            FluxPointsEstimator(energy_edges=[1.05, 10] * u.TeV).run(crab)

    def test_nothing_selected_between_the_edges(self, crab):
        with pytest.raises(InputError, match="have no bin inside their masks between the energy edges"):
            FluxPointsEstimator(energy_edges=[0.01, 0.1] * u.TeV).run(crab)

    @pytest.mark.parametrize("edges", [[10, 1], [1, 1], [1], [-1, 1], [[1, 2], [3, 4]], [1, np.nan]])
    def test_edges_not_increasing(self, edges):
        with pytest.raises(InputError, match=r"(?s)energy_edges are .* expected at least two increasing energies"):
            FluxPointsEstimator(energy_edges=u.Quantity(edges, "TeV"))

    def test_edges_are_no_energies(self):
        with pytest.raises(UnitsError, match="energy_edges are in 'm'"):
            FluxPointsEstimator(energy_edges=[1, 10] * u.m)

    @pytest.mark.parametrize("name", ["n_sigma", "n_sigma_ul", "n_sigma_sensitivity"])
    @pytest.mark.parametrize("value", [-1, 0, np.nan, np.inf])
    def test_n_sigma(self, name, value):
        with pytest.raises(InputError, match=rf"{name} is {value}: expected a number above zero"):
            FluxPointsEstimator(**{name: value})

    def test_selection(self):
        with pytest.raises(InputError, match=r"selection_optional has \['errors'\]"):
            FluxPointsEstimator(selection_optional=["errors"])

    def test_norms_of_the_scan(self):
        with pytest.raises(InputError, match="expected at least two finite numbers"):
            FluxPointsEstimator(norm_values=[1.0])
        with pytest.raises(InputError, match="norm has no values to scan"):
            FluxPointsEstimator(norm={"value": 1})


def test_settings_are_shown_and_copied():
    estimator = FluxPointsEstimator(n_sigma_ul=3, source="crab")
    assert "n_sigma_ul: 3" in repr(estimator)
    assert "source: crab" in repr(estimator)
    assert estimator.copy().config_parameters == estimator.config_parameters
