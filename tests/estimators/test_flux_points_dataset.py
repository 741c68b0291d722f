"""Fits of flux points: chi2, limits, scanned likelihoods, and together with spectra."""

from __future__ import annotations

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from astropy.tests.helper import assert_quantity_allclose
from scipy.optimize import minimize

from gammafold.datasets import Datasets, FluxPointsDataset
from gammafold.estimators import FluxPoints, FluxPointsEstimator
from gammafold.modeling import Fit
from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

DNDE = u.Unit("cm-2 s-1 TeV-1")
ENERGY = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
VALUE = 1e-11 * ENERGY**-2.3 * np.array([1.1, 0.9, 1.05, 1.0, 0.8])
ERROR = 0.1 * VALUE


def make_points(**columns):
    table = Table({"e_ref": ENERGY * u.TeV, "dnde": VALUE * DNDE, "dnde_err": ERROR * DNDE, **columns})
    return FluxPoints.from_table(table, sed_type="dnde")


def power_law(**values):
    return SkyModel(
        PowerLawSpectralModel(**{"index": 2.3, "amplitude": "1e-11 cm-2 s-1 TeV-1", **values}), name="source"
    )


class TestChi2:
    def test_statistic_is_chi2(self):
        dataset = FluxPointsDataset(power_law(), make_points())
        expected = ((VALUE - 1e-11 * ENERGY**-2.3) / ERROR) ** 2
        np.testing.assert_allclose(dataset.stat_array().ravel(), expected, rtol=1e-8, atol=1e-15)
        assert dataset.stat_sum() == pytest.approx(expected.sum(), rel=1e-8)
        np.testing.assert_allclose(dataset.flux_pred().to_value(DNDE).ravel(), 1e-11 * ENERGY**-2.3, rtol=1e-9)

    def test_fit_is_weighted_least_squares(self):
        dataset = FluxPointsDataset(power_law(), make_points())
        result = Fit().run([dataset])

        def chi2(p):
            return np.sum(((VALUE - p[1] * 1e-11 * ENERGY ** -p[0]) / ERROR) ** 2)

        found = minimize(chi2, [2.3, 1.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
        np.testing.assert_allclose(result.values, found.x * [1, 1e-11], rtol=1e-6)
        assert result.total_stat == pytest.approx(found.fun, rel=1e-8)
        jacobian = np.stack([-np.log(ENERGY), 1 / np.full(5, found.x[1])]) * (
            found.x[1] * 1e-11 * ENERGY ** -found.x[0]
        )
        # The curvature beyond Gauss-Newton is small here.
        covariance = np.linalg.inv(jacobian / ERROR**2 @ jacobian.T)
        np.testing.assert_allclose(result.errors, np.sqrt(np.diagonal(covariance)) * [1, 1e-11], rtol=0.05)

    def test_models_add_up(self):
        other = SkyModel(LogParabolaSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1"), name="other")
        dataset = FluxPointsDataset([power_law(), other], make_points())
        expected = power_law().spectral_model(ENERGY * u.TeV) + other.spectral_model(ENERGY * u.TeV)
        np.testing.assert_allclose(dataset.flux_pred().ravel().value, expected.to_value(DNDE), rtol=1e-9)

    def test_upper_limits_are_left_out_and_that_is_said(self):
        points = make_points(dnde_ul=1.3 * VALUE * DNDE, is_ul=[False, False, False, False, True])
        dataset = FluxPointsDataset(power_law(), points)
        np.testing.assert_array_equal(dataset.selected_bins(), [True] * 4 + [False])
        assert np.isnan(dataset.stat_array()[-1])
        assert "1 upper limits are left out: stat_type='distrib' or 'profile' uses them" in str(dataset)

    def test_masks(self):
        mask = np.array([True, False, True, True, True])
        dataset = FluxPointsDataset(power_law(), make_points(), mask_fit=mask)
        safe = dataset.data.geom.energy_mask(energy_max=10 * u.TeV) if dataset.data.has_energy_bins else ~mask | mask
        dataset.mask_safe = np.asarray(safe)
        assert dataset.stat_sum() == pytest.approx(dataset.stat_array().ravel()[mask].sum(), rel=1e-9)

    def test_changes_in_place_are_seen(self):
        dataset = FluxPointsDataset(power_law(), make_points())
        before = dataset.stat_sum()
        dataset.data.norm.data[0] *= 1.5
        changed = dataset.stat_sum()
        assert changed != before
        dataset.mask_fit = np.array([False, True, True, True, True])
        assert dataset.stat_sum() < changed
        dataset.models[0].spectral_model.index.value = 3
        assert dataset.stat_sum() == pytest.approx(np.nansum(dataset.stat_array()[1:]), rel=1e-9)


class TestLimits:
    def test_a_limit_alone_is_a_parabola_from_zero(self):
        value, error, limit = VALUE.copy(), ERROR.copy(), np.full(5, np.nan)
        value[4], error[4], limit[4] = np.nan, np.nan, 3e-14
        table = Table(
            {"e_ref": ENERGY * u.TeV, "dnde": value * DNDE, "dnde_err": error * DNDE, "dnde_ul": limit * DNDE}
        )
        table.meta.update(NSIGMAUL=3.0)
        points = FluxPoints.from_table(table, sed_type="dnde")
        dataset = FluxPointsDataset(power_law(), points, stat_type="distrib")
        model = dataset.flux_pred().value.ravel()[4]
        assert dataset.stat_array().ravel()[4] == pytest.approx((3 * model / 3e-14) ** 2, rel=1e-9)
        # A flux that equals the limit costs nine: the limit is one of three sigma.
        dataset.models[0].spectral_model.amplitude.value *= 3e-14 / model
        assert dataset.stat_array().ravel()[4] == pytest.approx(9, rel=1e-9)

    def test_limits_pull_a_fit_down(self):
        flat = make_points(dnde_ul=[1, 1, 1, 1, 2e-15] * DNDE, is_ul=[False] * 4 + [True])
        free = Fit().run([FluxPointsDataset(power_law(), flat)])
        bound = Fit().run([FluxPointsDataset(power_law(), flat, stat_type="distrib")])
        assert bound.values[0] > free.values[0]

    def test_asymmetric_errors(self):
        points = make_points(dnde_errn=0.5 * ERROR * DNDE, dnde_errp=2 * ERROR * DNDE)
        dataset = FluxPointsDataset(power_law(), points, stat_type="distrib")
        model = dataset.flux_pred().value.ravel()
        width = np.where(model < VALUE, 0.5, 2) * ERROR
        np.testing.assert_allclose(dataset.stat_array().ravel(), ((model - VALUE) / width) ** 2, rtol=1e-8)


class TestProfiles:
    def test_a_fit_of_the_scans_is_the_fit_of_the_counts(self, crab, points):
        """The issue of flux points: do they reproduce the fit to the data that they were made of?"""
        low, high = points.energy_min[0], points.energy_max[-1]
        for dataset in crab:
            dataset.mask_fit = dataset.counts.geom.energy_mask(low * (1 - 1e-9), high * (1 + 1e-9))
        counts = Fit().run(crab)
        profile = Fit().run([FluxPointsDataset(power_law(index=2.7, amplitude="4e-11 cm-2 s-1 TeV-1"), points,
                                               stat_type="profile")])  # fmt: skip
        chi2 = Fit().run([FluxPointsDataset(power_law(index=2.7, amplitude="4e-11 cm-2 s-1 TeV-1"), points)])
        pull = (profile.values - counts.values) / counts.errors
        assert np.abs(pull).max() < 0.2
        assert np.abs(pull).max() < np.abs((chi2.values - counts.values) / counts.errors).max()
        np.testing.assert_allclose(profile.errors, counts.errors, rtol=0.1)

    def test_statistic_is_the_scan(self, points):
        reference = points.reference_model.spectral_model
        model = SkyModel(PowerLawSpectralModel(index=2.69965, amplitude=reference.amplitude.quantity), name="m")
        dataset = FluxPointsDataset(model, points, stat_type="profile")
        for norm in (0.0, 0.55, 1.0, 1.7):
            model.spectral_model.amplitude.value = norm * reference.amplitude.value
            norms = points.stat_scan.geom.axes["norm"].center.value
            expected = [np.interp(norm, norms, points.stat_scan.data[i, :, 0, 0]) for i in range(8)]
            found = dataset.stat_array().ravel() + points.stat.data.ravel()
            np.testing.assert_allclose(found, expected, rtol=5e-3)

    def test_scans_are_needed(self):
        with pytest.raises(InputError, match="stat_type 'profile' needs flux points with stat and stat_scan"):
            FluxPointsDataset(power_law(), make_points(), stat_type="profile")


def test_together_with_spectra(crab, points):
    """Points at other energies and the spectra of the same source, one model."""
    half = points.slice_by_idx({"energy": slice(0, 4)})
    dataset = FluxPointsDataset(data=half, name="points", stat_type="profile")
    for spectrum in crab:
        spectrum.mask_fit = spectrum.counts.geom.energy_mask(energy_min=points.energy_min[4] * (1 - 1e-9))
    datasets = Datasets([dataset, *crab])
    datasets.models = power_law(index=2.7, amplitude="4e-11 cm-2 s-1 TeV-1")
    result = Fit().run(datasets)
    assert result.success
    assert datasets.stat_sum() == pytest.approx(sum(one.stat_sum() for one in datasets), rel=1e-9)
    assert result.total_stat == pytest.approx(datasets.stat_sum())
    for spectrum in crab:
        spectrum.mask_fit = spectrum.counts.geom.energy_mask(energy_min=points.energy_min[0] * (1 - 1e-9))
    alone = Fit().run(crab)
    assert np.abs((result.values - alone.values) / alone.errors).max() < 0.3


class TestFiles:
    @pytest.mark.parametrize("name", ["points.fits", "points.ecsv"])
    def test_round_trip(self, points, name, tmp_path):
        mask = np.arange(8) > 1
        dataset = FluxPointsDataset(power_law(), points, mask_fit=mask, name="mine")
        dataset.write(tmp_path / name)
        found = FluxPointsDataset.read(tmp_path / name, name="again")
        np.testing.assert_array_equal(found.mask_fit.data.ravel(), mask)
        np.testing.assert_allclose(found.data.dnde.data, points.dnde.data, rtol=1e-9)
        found.models = power_law()
        assert found.stat_sum() == pytest.approx(dataset.stat_sum(), rel=1e-6)

    def test_in_a_collection(self, points, crab, tmp_path):
        dataset = FluxPointsDataset(data=points, name="points", stat_type="profile")
        datasets = Datasets([dataset, crab[0]])
        datasets.models = power_law(amplitude="4e-11 cm-2 s-1 TeV-1")
        datasets.write(tmp_path / "all.yaml", filename_models=tmp_path / "models.yaml")
        again = Datasets.read(tmp_path / "all.yaml", filename_models=tmp_path / "models.yaml")
        assert again.names == datasets.names
        assert again[0].stat_type == "profile"
        assert again.stat_sum() == pytest.approx(datasets.stat_sum(), rel=1e-6)

    def test_a_bad_table_names_its_file(self, tmp_path):
        Table({"x": [1.0]}).write(tmp_path / "points.ecsv")
        with pytest.raises(FileFormatError, match=r"points\.ecsv: no flux among the columns \['x'\]"):
            FluxPointsDataset.read(tmp_path / "points.ecsv")

    def test_copy(self, points):
        dataset = FluxPointsDataset(power_law(), points, name="mine")
        again = dataset.copy(name="other")
        assert again.name == "other"
        assert again.stat_sum() == pytest.approx(dataset.stat_sum())
        again.models[0].spectral_model.index.value = 4
        assert again.stat_sum() != pytest.approx(dataset.stat_sum())


class TestPlots:
    def test_fit(self, points):
        dataset = FluxPointsDataset(power_law(amplitude="4.6e-11 cm-2 s-1 TeV-1", index=2.7), points)
        Fit().run([dataset])
        spectrum, residuals = dataset.plot_fit(kwargs_spectrum={"kwargs_fp": {"marker": "s"}})
        assert spectrum.get_ylabel().startswith("$E^2$ dN/dE")
        assert [text.get_text() for text in spectrum.get_legend().get_texts()] == ["Flux points", "source"]
        line = residuals.containers[0][0]
        expected = dataset.residuals("diff/model").value.ravel()
        np.testing.assert_allclose(line.get_ydata(), expected)
        assert residuals.get_ylabel() == "Residuals\n(data − model) / model"
        plt.close("all")

    def test_residuals(self, points):
        dataset = FluxPointsDataset(power_law(), points)
        ax = dataset.plot_residuals(plt.figure().subplots())
        assert "cm" in ax.get_ylabel()
        np.testing.assert_array_equal(np.isnan(dataset.residuals().ravel()), points.is_ul.data.ravel())
        plt.close("all")

    def test_one_of_two_axes(self, points):
        dataset = FluxPointsDataset(power_law(), points)
        with pytest.raises(InputError, match="plot_fit got no ax_residuals"):
            dataset.plot_fit(ax_spectrum=plt.figure().subplots())
        plt.close("all")


class TestBadInput:
    def test_messages(self, light_curve):
        with pytest.raises(InputTypeError, match="data of dataset 'd' are None: expected FluxPoints"):
            FluxPointsDataset(name="d")
        with pytest.raises(InputError, match=r"dataset 'd' have the axes \['energy', 'time'\]: expected energy alone"):
            FluxPointsDataset(data=light_curve, name="d")
        with pytest.raises(InputError, match="stat_type of dataset 'd' is 'cash': expected one of"):
            FluxPointsDataset(data=make_points(), name="d", stat_type="cash")
        with pytest.raises(InputError, match=r"mask_fit of dataset 'd' has the shape \(3,\)"):
            FluxPointsDataset(data=make_points(), name="d", mask_fit=np.ones(3, bool))
        with pytest.raises(InputError, match="residuals method is 'ratio'"):
            FluxPointsDataset(power_law(), make_points()).residuals("ratio")


def test_estimated_points_without_scans(crab, edges):
    points = FluxPointsEstimator(energy_edges=edges).run(crab)
    dataset = FluxPointsDataset(power_law(amplitude="4.6e-11 cm-2 s-1 TeV-1", index=2.7), points)
    assert dataset.selected_bins().all()
    assert Fit().run([dataset]).success


class TestAmongSpectra:
    """What a collection says of all members, it says of flux points too, or that it is not for them."""

    @pytest.fixture
    def mixed(self, crab, points):
        safe = np.arange(points.energy_axis.nbin) > 1
        return Datasets([FluxPointsDataset(data=points, mask_safe=safe, name="points"), crab[0]])

    def test_info_table(self, mixed, crab, points):
        mixed.models = crab.models
        table = mixed.info_table()
        assert table["n_bins"].tolist() == [8, 80]
        measured = int((~points.is_ul.data[2:]).sum())  # the statistic leaves limits out
        assert table["n_fit_bins"].tolist() == [measured, crab[0].info_dict()["n_fit_bins"]]
        np.testing.assert_allclose(table["stat_sum"], [dataset.stat_sum() for dataset in mixed])
        assert table["livetime"].unit == "s"
        assert np.isnan(table["livetime"][0])
        assert np.isnan(table["counts"][0])
        assert table["counts"][1] == crab[0].info_dict()["counts"]
        mixed["points"].models = None
        assert np.isnan(mixed["points"].info_dict()["stat_sum"])

    def test_energy_ranges(self, mixed, edges):
        low, high = mixed.energy_ranges
        assert_quantity_allclose([low[0], high[0]], edges[[2, -1]])
        assert_quantity_allclose([low[1], high[1]], mixed[1].energy_range)
        mixed[0].mask_safe = np.zeros(8, bool)
        assert np.isnan(mixed.energy_ranges[0][0])

    def test_energies_alone(self):
        table = Table({"e_ref": [1, 3, 9] * u.TeV, "dnde": [1e-11, 1e-12, 1e-13] * u.Unit("cm-2 s-1 TeV-1")})
        found = FluxPointsDataset(data=FluxPoints.from_table(table)).energy_range
        assert_quantity_allclose(found, [1, 9] * u.TeV)

    @pytest.mark.parametrize(
        ("operation", "call"),
        [
            ("fake", lambda datasets: datasets.fake(random_state=0)),
            ("slice_by_energy", lambda datasets: datasets.slice_by_energy("1 TeV", "10 TeV")),
            ("stack_reduce", lambda datasets: datasets[:1].stack_reduce()),
            (r"info_table\(cumulative=True\)", lambda datasets: datasets.info_table(cumulative=True)),
            ("energy_axes_are_aligned", lambda datasets: datasets.energy_axes_are_aligned),
        ],
    )
    def test_what_is_for_spectra_alone_changes_nothing(self, mixed, operation, call):
        counts = mixed[1].counts.data.copy()
        with pytest.raises(InputTypeError, match=f"{operation} is for spectra.*'points': 'FluxPointsDataset'"):
            call(mixed)
        np.testing.assert_array_equal(mixed[1].counts.data, counts)


def test_an_error_band_does_not_stretch_the_axis(points):
    free = PowerLawSpectralModel(index=2.7, amplitude="4.6e-11 cm-2 s-1 TeV-1")
    dataset = FluxPointsDataset(data=points, models=SkyModel(free, name="band"))
    plain = dataset.plot_spectrum(plt.figure().gca()).get_ylim()
    free.parameters["index"].error, free.parameters["amplitude"].error = 3.0, 4e-11
    assert dataset.plot_spectrum(plt.figure().gca()).get_ylim() == plain
