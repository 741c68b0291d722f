"""The container: what it holds, converts, slices and says."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from scipy.integrate import quad

from gammafold.estimators import FluxPoints, FluxPointsEstimator
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel
from gammafold.utils.errors import InputError, UnitsError, UnknownNameError

DNDE = u.Unit("cm-2 s-1 TeV-1")


def dnde_table(**columns):
    table = Table({"e_ref": [1.0, 3.0, 9.0] * u.TeV, "dnde": [1e-11, 1e-12, np.nan] * DNDE, **columns})
    table.meta["SED_TYPE"] = "dnde"
    return table


def flat(points, name):
    return getattr(points, name).data.ravel()


class TestConversion:
    @pytest.mark.parametrize("number", [0, 5])
    def test_fluxes_are_integrals_of_the_model_times_the_norm(self, points, number):
        low, high = (e.to_value("TeV") for e in (points.energy_min[number], points.energy_max[number]))
        center = points.energy_ref[number].to_value("TeV")

        def model(energy):
            return 4.57948e-11 * energy**-2.69965

        norm, limit = flat(points, "norm")[number], flat(points, "norm_ul")[number]
        erg = u.TeV.to("erg")
        flux, eflux = quad(model, low, high)[0], quad(lambda e: e * model(e), low, high)[0] * erg
        assert flat(points, "dnde")[number] == pytest.approx(norm * model(center), rel=1e-9)
        assert flat(points, "e2dnde")[number] == pytest.approx(norm * center**2 * model(center) * erg, rel=1e-9)
        assert flat(points, "flux")[number] == pytest.approx(norm * flux, rel=1e-8)
        assert flat(points, "eflux")[number] == pytest.approx(norm * eflux, rel=1e-8)
        assert flat(points, "eflux_ul")[number] == pytest.approx(limit * eflux, rel=1e-8)
        assert points.eflux_errp.unit == u.Unit("erg cm-2 s-1")

    def test_another_reference_model_keeps_the_differential_flux(self, points):
        other = points.copy(reference_model=LogParabolaSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1"))
        for name in ("dnde", "dnde_err", "dnde_ul", "dnde_errn", "e2dnde"):
            np.testing.assert_allclose(flat(other, name), flat(points, name), rtol=1e-12)
        assert not np.allclose(flat(other, "norm"), flat(points, "norm"))
        assert not other.has("stat_scan")
        # Back again: nothing is lost.
        back = other.copy(reference_model=points.reference_model)
        np.testing.assert_allclose(flat(back, "norm_ul"), flat(points, "norm_ul"), rtol=1e-12)

    def test_reference_energies_that_are_no_centres(self):
        table = dnde_table(e_min=[0.8, 2, 5] * u.TeV, e_max=[2, 5, 20] * u.TeV)
        points = FluxPoints.from_table(table, reference_model=PowerLawSpectralModel(index=2.5))
        np.testing.assert_array_equal(points.energy_ref.value, [1, 3, 9])
        np.testing.assert_allclose(flat(points, "dnde")[:2], [1e-11, 1e-12], rtol=1e-12)
        # The flux of a power law through the point at 1 TeV.
        assert flat(points, "flux")[0] == pytest.approx(quad(lambda e: 1e-11 * e**-2.5, 0.8, 2)[0], rel=1e-8)
        sliced = points.slice_by_energy("2 TeV", "20 TeV")
        np.testing.assert_array_equal(sliced.energy_ref.value, [3, 9])
        np.testing.assert_allclose(sliced.to_table()["e_ref"].value, [3, 9])

    def test_energies_without_bins_have_no_integrals(self):
        points = FluxPoints.from_table(dnde_table())
        assert not points.has_energy_bins
        with pytest.raises(InputError, match="these points have energies and no bins: their flux is unknown"):
            points.flux  # noqa: B018
        assert points.to_table(sed_type="likelihood").colnames == ["e_ref", "ref_dnde", "ref_e2dnde", "norm"]

    def test_unknown_kind(self, points):
        with pytest.raises(UnknownNameError, match="no sed_type 'dnds': there are"):
            points.reference("dnds")


class TestUpperLimits:
    def test_less_significant_than_the_threshold(self, points):
        np.testing.assert_array_equal(flat(points, "is_ul"), flat(points, "sqrt_ts") < 2)
        copy = points.copy()
        copy.sqrt_ts_threshold_ul = 7
        np.testing.assert_array_equal(flat(copy, "is_ul"), flat(points, "sqrt_ts") < 7)
        assert copy.sqrt_ts_threshold_ul == 7

    def test_a_new_threshold_replaces_what_a_file_said(self):
        table = dnde_table(dnde_ul=[2e-11, 2e-12, 1e-13] * DNDE, sqrt_ts=[9.0, 3.0, 1.0], is_ul=[False, True, True])
        points = FluxPoints.from_table(table)
        np.testing.assert_array_equal(flat(points, "is_ul"), [False, True, True])
        points.sqrt_ts_threshold_ul = 2
        np.testing.assert_array_equal(flat(points, "is_ul"), [False, False, True])

    def test_without_significance_a_limit_alone_is_one(self):
        points = FluxPoints.from_table(dnde_table(dnde_ul=[2e-11, 2e-12, 1e-13] * DNDE))
        np.testing.assert_array_equal(flat(points, "is_ul"), [False, False, True])
        with pytest.raises(InputError, match="these points have no ts"):
            points.sqrt_ts_threshold_ul = 3

    @pytest.mark.parametrize("n_sigma", [1.0, 2.0, 3.0])
    def test_recomputed_from_scans(self, crab, edges, points, n_sigma):
        exact = FluxPointsEstimator(energy_edges=edges, n_sigma_ul=n_sigma, selection_optional="ul").run(crab)
        found = points.recompute_ul(n_sigma_ul=n_sigma)
        np.testing.assert_allclose(flat(found, "norm_ul"), flat(exact, "norm_ul"), rtol=5e-3)
        assert found.n_sigma_ul == n_sigma
        assert points.n_sigma_ul == 2

    def test_what_cannot_be_recomputed(self, crab, edges, points):
        with pytest.raises(InputError, match="n_sigma_ul is -1: expected a number above zero"):
            points.recompute_ul(-1)
        with pytest.raises(InputError, match="flux points have no stat_scan"):
            FluxPointsEstimator(energy_edges=edges).run(crab).recompute_ul()
        narrow = FluxPointsEstimator(energy_edges=edges, norm_values=[0.9, 1.0, 1.1], selection_optional="scan")
        with pytest.raises(InputError, match="the statistic scan ends at a norm of 1.1"):
            narrow.run(crab).recompute_ul(5)


class TestSlices:
    def test_by_index_and_energy(self, points):
        by_index = points.slice_by_idx({"energy": slice(2, 5)})
        by_energy = points.slice_by_energy(points.energy_min[2], points.energy_max[4])
        for part in (by_index, by_energy):
            np.testing.assert_array_equal(flat(part, "norm_ul"), flat(points, "norm_ul")[2:5])
            np.testing.assert_array_equal(part.stat_scan.data, points.stat_scan.data[2:5])
            assert part.meta == points.meta

    def test_by_time(self, light_curve):
        time = light_curve.axes["time"]
        part = light_curve.slice_by_time(time.time_min[1], time.time_max[2])
        np.testing.assert_array_equal(part.norm.data, light_curve.norm.data[1:3])
        with pytest.raises(InputError, match="no interval between"):
            light_curve.slice_by_time(time.time_max[3], time.time_max[3] + 1 * u.d)

    def test_by_time_without_time(self, points):
        with pytest.raises(InputError, match="these points have no axis 'time'"):
            points.slice_by_time(0, 1)

    def test_one_by_one(self, light_curve):
        parts = list(light_curve.iter_by_axis("time"))
        assert len(parts) == 4
        np.testing.assert_array_equal(parts[2].norm.data[0], light_curve.norm.data[2])

    def test_a_copy_shares_nothing(self, points):
        copy = points.copy()
        copy.norm.data[0] = 7
        assert points.norm.data[0, 0, 0] != 7


class TestBadMaps:
    def geom(self, name="energy", nbin=2):
        return RegionGeom.create(None, axes=[MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=nbin, name=name)])

    def test_messages(self):
        norm = RegionNDMap(self.geom())
        with pytest.raises(InputError, match=r"flux points need a map 'norm': got \['ts'\]"):
            FluxPoints({"ts": norm}, PowerLawSpectralModel())
        with pytest.raises(InputError, match=r"unknown quantities \['flux'\] in flux points"):
            FluxPoints({"norm": norm, "flux": norm}, PowerLawSpectralModel())
        with pytest.raises(InputError, match=r"map 'ts' has the shape \(3, 1, 1\), norm has \(2, 1, 1\)"):
            FluxPoints({"norm": norm, "ts": RegionNDMap(self.geom(nbin=3))}, PowerLawSpectralModel())
        with pytest.raises(
            InputError, match=r"flux points need an axis 'energy': the map 'norm' has \['energy_true'\]"
        ):
            FluxPoints({"norm": RegionNDMap(self.geom("energy_true"))}, PowerLawSpectralModel())
        with pytest.raises(InputError, match="energy_ref is .* expected one energy inside each bin"):
            FluxPoints({"norm": norm}, PowerLawSpectralModel(), energy_ref=[2, 3] * u.TeV)
        with pytest.raises(InputError, match="there is no map 'dnde'"):
            FluxPoints.from_maps({"flux": norm}, "dnde")
        with pytest.raises(UnitsError, match="cannot be converted to"):
            FluxPoints.from_maps({"dnde": norm}, "dnde")

    def test_a_quantity_that_is_not_there(self, crab, edges):
        points = FluxPointsEstimator(energy_edges=edges).run(crab)
        with pytest.raises(
            UnknownNameError, match="flux points have no 'norm_ul': there are .* selection_optional='all'"
        ):
            points.flux_ul  # noqa: B018


def test_maps_of_a_kind_of_flux(points):
    maps = {"flux": points.flux, "flux_err": points.flux_err, "ts": points.ts}
    again = FluxPoints.from_maps(maps, "flux", points.reference_model)
    np.testing.assert_allclose(flat(again, "norm_err"), flat(points, "norm_err"))
    np.testing.assert_array_equal(flat(again, "ts"), flat(points, "ts"))
    assert again.meta["sed_type_init"] == "flux"


def test_repr(points, light_curve):
    assert repr(points).startswith("FluxPoints: 8 energy bins, 0.708 TeV to 31.6 TeV")
    assert "errors 1 sigma, upper limits 2 sigma" in repr(points)
    assert repr(light_curve).startswith("FluxPoints: 2 energy x 4 time bins")


def test_signed_significance():
    table = dnde_table(ts=[9.0, -1e-9, np.nan])
    table["dnde"] = [-1e-11, 1e-12, np.nan] * DNDE
    np.testing.assert_allclose(flat(FluxPoints.from_table(table), "sqrt_ts"), [-3, 0, np.nan])


def test_wrong_units_in_a_table():
    table = dnde_table()
    table["dnde"].unit = "cm-2 s-1"
    with pytest.raises(UnitsError, match="column 'dnde' has the unit"):
        FluxPoints.from_table(table)
