"""Measures of variability against their formulas written out, and against light curves that are made variable."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.stats import bayesian_blocks as astropy_blocks
from scipy.stats import chi2

from gammafold.estimators import FluxPoints, LightCurveEstimator
from gammafold.estimators.utils import (
    bayesian_blocks,
    compute_lightcurve_doublingtime,
    compute_lightcurve_fpp,
    compute_lightcurve_fvar,
    constant_chi2,
)
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.modeling.models import PowerLawSpectralModel
from gammafold.utils.errors import InputError


def curve(norm, error, days=None):
    """A light curve of norms (times, energies)."""
    norm, error = np.asarray(norm, float), np.asarray(error, float)
    days = np.arange(len(norm)) * 1.0 if days is None else np.asarray(days)
    time = TimeMapAxis(days * u.d, (days + 0.5) * u.d, reference_time="2020-01-01")
    energy = MapAxis.from_energy_edges(np.geomspace(1, 10, norm.shape[1] + 1) * u.TeV)
    geom = RegionGeom.create(None, axes=[energy, time])
    maps = {
        "norm": RegionNDMap(geom, data=norm[..., None, None]),
        "norm_err": RegionNDMap(geom, data=error[..., None, None]),
    }
    return FluxPoints(maps, PowerLawSpectralModel())


FLUX = np.array([1.0, 1.4, 0.7, 2.1, 1.8, 0.9])
ERROR = np.array([0.1, 0.12, 0.08, 0.2, 0.15, 0.1])


@pytest.fixture
def variable():
    return curve(FLUX[:, None], ERROR[:, None])


class TestExcessVariance:
    def test_formula(self, variable):
        mean, n = FLUX.mean(), len(FLUX)
        noise = np.mean(ERROR**2)
        fvar = np.sqrt((np.sum((FLUX - mean) ** 2) / (n - 1) - noise) / mean**2)
        # Vaughan et al. 2003, equation B2.
        error = np.sqrt((np.sqrt(1 / (2 * n)) * noise / (mean**2 * fvar)) ** 2 + (np.sqrt(noise / n) / mean) ** 2)
        for quantity in ("flux", "norm", "dnde", "eflux"):
            table = compute_lightcurve_fvar(variable, quantity)
            assert table["fvar"][0] == pytest.approx(fvar, rel=1e-12)
            assert table["fvar_err"][0] == pytest.approx(error, rel=1e-12)
            assert table["significance"][0] == pytest.approx(fvar / error, rel=1e-12)

    def test_no_excess_is_no_number(self):
        table = compute_lightcurve_fvar(curve(np.ones((5, 1)), np.full((5, 1), 0.5)))
        assert np.isnan(table["fvar"][0])

    def test_missing_intervals_are_left_out(self, variable):
        with_gap = curve(np.append(FLUX, np.nan)[:, None], np.append(ERROR, np.nan)[:, None])
        assert compute_lightcurve_fvar(with_gap)["fvar"][0] == compute_lightcurve_fvar(variable)["fvar"][0]

    def test_each_energy_alone(self):
        both = curve(np.stack([FLUX, FLUX[::-1] * 3], axis=1), np.stack([ERROR, ERROR[::-1] * 3], axis=1))
        table = compute_lightcurve_fvar(both)
        assert len(table) == 2
        assert table["fvar"][1] == pytest.approx(table["fvar"][0], rel=1e-12)


def test_point_to_point(variable):
    noise = np.mean(ERROR[1:] ** 2)
    fpp = np.sqrt(np.mean(np.diff(FLUX) ** 2) / 2 - noise) / FLUX.mean()
    assert compute_lightcurve_fpp(variable)["fpp"][0] == pytest.approx(fpp, rel=1e-12)
    assert compute_lightcurve_fpp(variable)["fpp_err"][0] > 0


class TestDoubling:
    def test_an_exponential(self):
        days = np.arange(6.0)
        growth = 2.0 ** (days / 1.7)
        table = compute_lightcurve_doublingtime(curve(growth[:, None], 0.1 * growth[:, None]))
        assert u.Quantity(table["doublingtime"])[0].to_value("d") == pytest.approx(1.7, rel=1e-9)
        assert np.isnan(table["halvingtime"][0])
        # Both fluxes have ten per cent: the ratio has ten times the root of two.
        expected = 1.7 * 0.1 * np.sqrt(2) / (np.log(2) / 1.7)
        assert u.Quantity(table["doubling_err"])[0].to_value("d") == pytest.approx(expected, rel=1e-9)

    def test_the_fastest_pair(self, variable):
        table = compute_lightcurve_doublingtime(variable)
        pairs = np.log(2) / np.log(FLUX[1:] / FLUX[:-1])
        assert table["doublingtime"][0] == pytest.approx(pairs[pairs > 0].min(), rel=1e-9)
        assert table["halvingtime"][0] == pytest.approx(-pairs[pairs < 0].max(), rel=1e-9)
        # Between day 2 and day 3, each half a day long.
        middle = variable.axes["time"].reference_time.mjd + 2.75
        assert table["doubling_coord"][0] == pytest.approx(middle, abs=1e-6)


def test_chi2_of_a_constant(variable):
    table = constant_chi2(variable, "norm")
    weight = 1 / ERROR**2
    mean = np.sum(weight * FLUX) / weight.sum()
    expected = np.sum(weight * (FLUX - mean) ** 2)
    assert table["mean"][0] == pytest.approx(mean, rel=1e-12)
    assert table["mean_err"][0] == pytest.approx(weight.sum() ** -0.5, rel=1e-12)
    assert table["chi2"][0] == pytest.approx(expected, rel=1e-12)
    assert table["dof"][0] == 5
    assert table["p_value"][0] == pytest.approx(chi2.sf(expected, 5), rel=1e-9)


class TestBlocks:
    def test_a_step_is_found(self):
        rng = np.random.default_rng(5)
        flux = np.where(np.arange(40) < 17, 1.0, 3.0) + rng.normal(0, 0.2, 40)
        edges = bayesian_blocks(curve(flux[:, None], np.full((40, 1), 0.2)))
        start = curve(flux[:, None], np.full((40, 1), 0.2)).axes["time"].reference_time
        assert len(edges) == 3
        assert 16 < (edges[1] - start).to_value("d") < 18

    def test_it_is_astropys(self, variable):
        edges = bayesian_blocks(variable, p0=0.2)
        middle = np.arange(6) + 0.25
        expected = astropy_blocks(middle, FLUX, ERROR, fitness="measures", p0=0.2)
        start = variable.axes["time"].reference_time
        np.testing.assert_allclose((edges - start).to_value("d"), expected, atol=1e-8)

    def test_one_energy(self):
        with pytest.raises(InputError, match="the light curve has 2 bins of energy: Bayesian blocks take one"):
            bayesian_blocks(curve(np.ones((4, 2)), np.ones((4, 2))))


def test_the_crab_is_steady(light_curve):
    table = constant_chi2(light_curve, "flux")
    assert (table["p_value"] > 1e-3).all()
    assert compute_lightcurve_fvar(light_curve)["significance"][0] < 3 or np.isnan(
        compute_lightcurve_fvar(light_curve)["significance"][0]
    )


@pytest.mark.parametrize(
    "function", [compute_lightcurve_fvar, compute_lightcurve_fpp, compute_lightcurve_doublingtime, constant_chi2]
)
def test_no_light_curve(points, function):
    with pytest.raises(InputError, match="these points have no axis 'time': expected a light curve"):
        function(points)


def test_settings_of_the_estimator_are_kept():
    assert "time_intervals: None" in repr(LightCurveEstimator())
