"""Tables and files: nothing is lost on the way, and what is missing is named."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from gammafold.datasets import FluxPointsDataset
from gammafold.estimators import FluxPoints, FluxPointsEstimator
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import ExpCutoffPowerLawSpectralModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import FileFormatError, InputError, UnitsError, UnknownNameError

KINDS = ["dnde", "flux", "eflux", "e2dnde", "likelihood"]


def assert_same(first, second, rtol=1e-12):
    assert sorted(second.available_quantities) == sorted({*first.available_quantities, "sqrt_ts", "is_ul"})
    assert second.energy_axis.is_allclose(first.energy_axis)
    for name in first.available_quantities:
        np.testing.assert_allclose(second.quantity(name).data, first.quantity(name).data, rtol=rtol, err_msg=name)
    np.testing.assert_array_equal(second.is_ul.data, first.is_ul.data)
    assert (second.n_sigma, second.n_sigma_ul) == (first.n_sigma, first.n_sigma_ul)


@pytest.mark.parametrize("kind", KINDS)
class TestRoundTrip:
    def test_table(self, points, kind):
        table = points.to_table(sed_type=kind)
        assert table.colnames[:3] == ["e_ref", "e_min", "e_max"]
        assert table.meta["SED_TYPE"] == kind
        assert_same(points, FluxPoints.from_table(table, reference_model=points.reference_model))

    @pytest.mark.parametrize("ending", ["fits", "fits.gz", "ecsv"])
    def test_file(self, points, kind, ending, tmp_path):
        path = tmp_path / f"points.{ending}"
        points.write(path, sed_type=kind)
        found = FluxPoints.read(path, reference_model=points.reference_model)
        assert_same(points, found)
        if ending != "ecsv":
            assert len(found.gti.table) == 4

    def test_light_curve(self, light_curve, kind, tmp_path):
        for ending in ("fits", "ecsv"):
            path = tmp_path / f"lc.{ending}"
            light_curve.write(path, sed_type=kind)
            found = FluxPoints.read(path, reference_model=light_curve.reference_model)
            assert_same(light_curve, found)
            time, expected = found.axes["time"], light_curve.axes["time"]
            assert time.reference_time.scale == expected.reference_time.scale
            np.testing.assert_allclose((time.time_min - expected.time_min).to_value("s"), 0, atol=1e-5)
            np.testing.assert_allclose((time.time_max - expected.time_max).to_value("s"), 0, atol=1e-5)


class TestColumns:
    def test_units_of_the_formats(self, points):
        units = {"dnde": "cm-2 s-1 TeV-1", "flux": "cm-2 s-1", "eflux": "erg cm-2 s-1", "e2dnde": "erg cm-2 s-1"}
        for kind, unit in units.items():
            table = points.to_table(sed_type=kind)
            for suffix in ("", "_err", "_errn", "_errp", "_ul", "_sensitivity"):
                assert table[f"{kind}{suffix}"].unit == u.Unit(unit)
        table = points.to_table(sed_type="likelihood")
        assert {"norm", "norm_scan", "stat_scan", "ref_dnde", "ref_flux", "ref_eflux"} <= set(table.colnames)
        assert table["stat_scan"].shape == (8, 101)

    def test_confidence_of_the_limits(self, points):
        assert points.to_table().meta["UL_CONF"] == pytest.approx(0.9544997, abs=1e-7)
        table = points.to_table()
        del table.meta["NSIGMAUL"]
        assert FluxPoints.from_table(table).n_sigma_ul == pytest.approx(2.0, abs=1e-4)

    def test_without_limits_none_is_written(self, crab, edges):
        table = FluxPointsEstimator(energy_edges=edges).run(crab).to_table(sed_type="flux")
        assert "is_ul" not in table.colnames
        assert "UL_CONF" not in table.meta

    def test_formatted(self, points):
        table = points.to_table(sed_type="dnde", formatted=True)
        assert table["dnde"].format == ".3e"
        assert table["ts"].format == ".3f"

    def test_default_is_what_the_points_were_made_with(self, points):
        assert points.to_table().meta["SED_TYPE"] == "likelihood"
        again = FluxPoints.from_table(points.to_table(sed_type="eflux"))
        assert again.to_table().meta["SED_TYPE"] == "eflux"

    def test_reference_columns_make_the_model(self, points):
        # A power law, so that the power laws between the points are the model itself.
        again = FluxPoints.from_table(points.to_table(sed_type="likelihood"))
        for name in ("dnde", "flux", "eflux_ul"):
            np.testing.assert_allclose(getattr(again, name).data, getattr(points, name).data, rtol=1e-6)

    def test_one_point(self, points):
        one = points.slice_by_idx({"energy": slice(3, 4)})
        again = FluxPoints.from_table(one.to_table(sed_type="likelihood"))
        np.testing.assert_allclose(again.dnde.data, one.dnde.data)


class TestLikelihoodScans:
    """Scans as the format has them: the logarithm of the likelihood less that at the best norm."""

    @staticmethod
    def table(points):
        table = points.to_table(sed_type="likelihood")
        table.remove_column("stat_scan")
        return table

    def test_what_is_written(self, points, light_curve):
        for one in (points, light_curve):
            table = one.to_table(sed_type="likelihood")
            rise = np.asarray(table["stat_scan"]) - np.asarray(table["stat"])[..., None]
            np.testing.assert_allclose(table["dloglike_scan"], -rise / 2)
        assert "dloglike_scan" not in points.to_table(sed_type="dnde").colnames

    @pytest.mark.parametrize("ending", ["fits", "ecsv"])
    def test_there_and_back(self, points, tmp_path, ending):
        path = tmp_path / f"points.{ending}"
        self.table(points).write(path, format=None if ending == "fits" else "ascii.ecsv")
        assert_same(points, FluxPoints.read(path, reference_model=points.reference_model), rtol=1e-9)

    def test_light_curve(self, light_curve):
        again = FluxPoints.from_table(self.table(light_curve), reference_model=light_curve.reference_model)
        assert_same(light_curve, again, rtol=1e-9)

    def test_norms_of_their_own_without_statistic(self):
        # As Fermi-LAT tables are: each bin has its norms, and nothing but differences of the likelihood.
        best, error = np.array([1.0, 0.4]), np.array([0.2, 0.5])
        norms = best[:, None] + error[:, None] * np.linspace(-2.1, 4.3, 30)
        unit = u.Unit("cm-2 s-1 MeV-1")
        table = Table({"e_min": [1e3, 3e3] * u.MeV, "e_max": [3e3, 9e3] * u.MeV, "e_ref": [2e3, 5e3] * u.MeV})
        table["ref_dnde"], table["norm"], table["norm_err"] = [1e-13, 1e-14] * unit, best, error
        table["norm_scan"], table["dloglike_scan"] = norms, -0.5 * ((norms - best[:, None]) / error[:, None]) ** 2
        table.meta["SED_TYPE"] = "likelihood"
        found = FluxPoints.from_table(table)
        np.testing.assert_allclose(found.dnde.quantity.to_value(unit).ravel(), best * [1e-13, 1e-14])
        for n_sigma in (1, 2, 3):
            limits = found.recompute_ul(n_sigma_ul=n_sigma).norm_ul.data.ravel()
            np.testing.assert_allclose(limits, best + n_sigma * error, rtol=1e-6)
        # A parabola's fit is the weighted mean, by the scans as by values and errors.
        profile, chi2 = (FluxPointsDataset(data=found, stat_type=kind) for kind in ("profile", "chi2"))
        for dataset in (profile, chi2):
            dataset.models = SkyModel(PowerLawSpectralModel(amplitude="1e-13 cm-2 s-1 MeV-1", reference="2 GeV"))
        np.testing.assert_allclose(profile.stat_array(), chi2.stat_array(), rtol=1e-3)
        again = FluxPoints.from_table(found.to_table(sed_type="likelihood"))
        np.testing.assert_array_equal(again.stat_scan.data, found.stat_scan.data)


class TestForeignTables:
    def test_names_in_capitals_masks_and_counts_of_datasets(self):
        table = Table(
            {
                "E_REF": [1.0, 4.0] * u.TeV,
                "DNDE": MaskedColumn([1e-11, 5.0], mask=[False, True], unit="cm-2 s-1 TeV-1"),
                "counts": [[1.0, 2.0], [np.nan, np.nan]],
                "npred": [[1.0, np.nan], [0.5, 0.25]],
            }
        )
        points = FluxPoints.from_table(table)
        np.testing.assert_allclose(points.dnde.data.ravel(), [1e-11, np.nan])
        np.testing.assert_allclose(points.counts.data.ravel(), [3.0, np.nan])
        np.testing.assert_allclose(points.npred.data.ravel(), [1.0, 0.75])

    def test_times_since_a_reference(self):
        table = Table(
            {"time_min": [10.0, 20.0], "time_max": [15.0, 25.0], "flux": [[1e-11], [2e-11]] * u.Unit("cm-2 s-1")}
        )
        table["e_min"], table["e_max"] = [[1.0], [1.0]] * u.TeV, [[10.0], [10.0]] * u.TeV
        table.meta.update(SED_TYPE="flux", MJDREFI=55000, MJDREFF=0.5, TIMESYS="tt", TIMEUNIT="s")
        time = FluxPoints.from_table(table).axes["time"]
        np.testing.assert_allclose((time.time_min.mjd - 55000.5) * 86400, [10, 20], atol=1e-5)
        assert time.reference_time.scale == "tt"


class TestBadTables:
    def table(self, **meta):
        table = Table({"e_ref": [1.0, 4.0] * u.TeV, "dnde": [1e-11, 1e-12] * u.Unit("cm-2 s-1 TeV-1")})
        table.meta.update(meta)
        return table

    def test_no_columns(self):
        with pytest.raises(InputError, match=r"no flux among the columns \[\]"):
            FluxPoints.from_table(Table())

    def test_no_energies(self):
        table = self.table()
        table.remove_column("e_ref")
        with pytest.raises(InputError, match="no energies among the columns .* expected e_min and e_max, or e_ref"):
            FluxPoints.from_table(table)

    def test_kind_without_its_column(self):
        with pytest.raises(InputError, match=r"no column 'flux' among \['dnde', 'e_ref'\]"):
            FluxPoints.from_table(self.table(SED_TYPE="flux"))

    def test_unknown_kind(self, points):
        with pytest.raises(UnknownNameError, match="no sed_type 'counts': there are"):
            FluxPoints.from_table(self.table(SED_TYPE="counts"))
        with pytest.raises(UnknownNameError, match="no sed_type 'flx'"):
            points.to_table(sed_type="flx")

    def test_unknown_format(self, points, light_curve):
        with pytest.raises(InputError, match="no flux-points format 'sed'"):
            FluxPoints.from_table(self.table(), format="sed")
        with pytest.raises(InputError, match="no flux-points format 'sed'"):
            points.to_table(format="sed")
        with pytest.raises(InputError, match="have no table in the format lightcurve: expected format='gadf-sed'"):
            points.to_table(format="lightcurve")
        with pytest.raises(InputError, match="have no table in the format gadf-sed: expected format='lightcurve'"):
            light_curve.to_table(format="gadf-sed")

    def test_light_curve_without_times(self):
        with pytest.raises(InputError, match=r"no columns \['time_min', 'time_max'\]"):
            FluxPoints.from_table(self.table(), format="lightcurve")

    def test_gaps(self):
        table = self.table()
        table["e_min"], table["e_max"] = [1, 5] * u.TeV, [2, 9] * u.TeV
        with pytest.raises(InputError, match="e_min and e_max leave gaps or overlap"):
            FluxPoints.from_table(table)

    def test_energies_in_metres(self):
        table = self.table()
        table["e_ref"].unit = "m"
        with pytest.raises(UnitsError, match="column 'e_ref' has the unit 'm'"):
            FluxPoints.from_table(table)

    def test_scans(self, points):
        table = points.to_table(sed_type="likelihood")
        table["norm_scan"][3, 1] = table["norm_scan"][3, 0]
        with pytest.raises(InputError, match="one twice in a bin"):
            FluxPoints.from_table(table)
        table["norm_scan"] = table["norm_scan"][:, :5]
        with pytest.raises(InputError, match=r"norm_scan has the shape \(8, 5\), the scan over it \(8, 101\)"):
            FluxPoints.from_table(table)

    def test_a_likelihood_counted_from_elsewhere(self, points):
        table = points.to_table(sed_type="likelihood")
        table.remove_column("stat_scan")
        table["dloglike_scan"] *= -1
        with pytest.raises(InputError, match=r"dloglike_scan reaches .* nowhere above zero"):
            FluxPoints.from_table(table)


class TestBadFiles:
    def test_ending(self, points, tmp_path):
        with pytest.raises(InputError, match=r"cannot tell the format of points\.txt"):
            points.write(tmp_path / "points.txt")

    def test_there_already(self, points, tmp_path):
        points.write(tmp_path / "points.fits")
        with pytest.raises(InputError, match="file exists"):
            points.write(tmp_path / "points.fits")
        points.write(tmp_path / "points.fits", overwrite=True, checksum=True)
        assert "CHECKSUM" in fits.getheader(tmp_path / "points.fits", "FLUXPOINTS")

    @pytest.mark.parametrize("name", ["points.fits", "points.ecsv"])
    def test_missing_or_broken(self, name, tmp_path):
        with pytest.raises(FileFormatError, match=f"cannot read .*{name}"):
            FluxPoints.read(tmp_path / name)
        (tmp_path / name).write_bytes(b"nothing that one could read")
        with pytest.raises(FileFormatError, match=f"cannot read .*{name}"):
            FluxPoints.read(tmp_path / name)

    def test_no_table(self, tmp_path):
        fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
        with pytest.raises(FileFormatError, match=r"empty\.fits has no table of flux points"):
            FluxPoints.read(tmp_path / "empty.fits")

    def test_a_message_of_the_table_names_the_file(self, points, tmp_path):
        table = points.to_table(sed_type="dnde")
        table.remove_column("dnde")
        table.write(tmp_path / "points.fits")
        with pytest.raises(FileFormatError, match=r"points\.fits: no column 'dnde' among"):
            FluxPoints.read(tmp_path / "points.fits")


@pytest.mark.parametrize("n_bins", [2, 8])
@pytest.mark.parametrize("index", [2.35, 1.2])
def test_broad_bins_of_a_curved_model_are_read_with_their_fluxes(tmp_path, n_bins, index):
    curved = ExpCutoffPowerLawSpectralModel(index=index, amplitude="5e-11 cm-2 s-1 TeV-1", lambda_="0.1 TeV-1")
    axis = MapAxis.from_energy_bounds(0.7 * u.TeV, 50 * u.TeV, nbin=n_bins)
    geom = RegionGeom.create(None, axes=[axis])
    norm = RegionNDMap(geom, data=np.linspace(0.5, 1.5, n_bins).reshape(-1, 1, 1))
    made = FluxPoints.from_maps({"norm": norm}, sed_type="likelihood", reference_model=curved)
    made.write(tmp_path / "points.fits", sed_type="likelihood")
    again = FluxPoints.read(tmp_path / "points.fits")
    for name in ("dnde", "flux", "eflux"):
        written, read = getattr(made, name).quantity, getattr(again, name).quantity
        # In a bin that is nearly a decade wide, no log parabola is a cutoff at its lower end; elsewhere one is near.
        np.testing.assert_allclose(read.to_value(written.unit), written.value, rtol=5e-3 if n_bins == 2 else 1e-4)
