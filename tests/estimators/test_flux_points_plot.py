"""Plots of flux points: what is drawn lies where the numbers are."""

from __future__ import annotations

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Table
from matplotlib.container import ErrorbarContainer

from gammafold.estimators import FluxPoints, FluxPointsEstimator
from gammafold.utils.errors import InputError, UnknownNameError


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def series(ax, number=0):
    bars = [held for held in ax.containers if isinstance(held, ErrorbarContainer)]
    return bars[number]


class TestSpectrum:
    def test_points_limits_and_errors(self, points, ax):
        assert points.plot(ax, sed_type="e2dnde") is ax
        line, caps, bars = series(ax)
        is_ul = points.is_ul.data.ravel()
        assert is_ul.any()
        assert not is_ul.all()
        expected = np.where(is_ul, points.e2dnde_ul.data.ravel(), points.e2dnde.data.ravel())
        np.testing.assert_allclose(line.get_ydata(), expected)
        np.testing.assert_allclose(line.get_xdata(), points.energy_ref.value)
        # One bar over the bin, one over the errors, the last one an arrow down.
        low, high = np.array([path[:, 1] for path in bars[1].get_segments()]).T
        np.testing.assert_allclose((high - expected)[~is_ul], points.e2dnde_errp.data.ravel()[~is_ul], rtol=1e-6)
        np.testing.assert_allclose((expected - low)[~is_ul], points.e2dnde_errn.data.ravel()[~is_ul], rtol=1e-6)
        np.testing.assert_allclose(high[is_ul], expected[is_ul])
        np.testing.assert_allclose(low[is_ul], 0.65 * expected[is_ul])
        assert caps[0].get_ydata().size == is_ul.sum()
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert ax.get_xlabel() == "Energy [TeV]"
        assert ax.get_ylabel() == "$E^2$ dN/dE [erg s⁻¹ cm⁻²]"

    def test_power_of_energy_and_style(self, points, ax):
        points.plot(ax, sed_type="dnde", energy_power=2, color="red", marker="s", label="mine")
        line = series(ax)[0]
        assert line.get_color() == "red"
        assert line.get_marker() == "s"
        is_ul = points.is_ul.data.ravel()
        expected = (points.dnde.quantity.ravel() * points.energy_ref**2).to_value("cm-2 s-1 TeV")
        np.testing.assert_allclose(line.get_ydata()[~is_ul], expected[~is_ul])
        assert ax.get_ylabel().startswith("$E^{2}$ dN/dE [TeV")

    def test_symmetric_errors_and_energies_alone(self, ax):
        table = Table({"e_ref": [1.0, 3.0] * u.TeV, "dnde": [2e-11, 1e-12] * u.Unit("cm-2 s-1 TeV-1")})
        table["dnde_err"] = [1e-12, np.nan] * u.Unit("cm-2 s-1 TeV-1")
        FluxPoints.from_table(table).plot(ax)
        _, _, bars = series(ax)
        assert len(bars) == 1
        low, high = np.array([path[:, 1] for path in bars[0].get_segments()]).T
        np.testing.assert_allclose(high - low, [2e-12, 0], rtol=1e-6)

    def test_negative_points_are_seen_on_a_linear_axis(self, ax):
        table = Table({"e_ref": [1.0, 3.0] * u.TeV, "dnde": [2e-11, -1e-12] * u.Unit("cm-2 s-1 TeV-1")})
        FluxPoints.from_table(table).plot(ax)
        assert ax.get_yscale() == "linear"

    def test_norms_have_no_unit(self, points, ax):
        points.plot(ax, sed_type="norm")
        assert ax.get_ylabel() == "Norm"

    def test_bad_input(self, points, ax):
        with pytest.raises(UnknownNameError, match="no sed_type 'counts'"):
            points.plot(ax, sed_type="counts")
        with pytest.raises(InputError, match="time_format is 'unix'"):
            points.plot(ax, time_format="unix")


class TestLightCurve:
    def test_one_series_for_each_energy(self, light_curve, ax):
        light_curve.plot(ax, sed_type="flux", time_format="mjd")
        for column in range(2):
            line = series(ax, column)[0]
            is_ul = light_curve.is_ul.data[:, column].ravel()
            value, limit = (q.data[:, column].ravel() for q in (light_curve.flux, light_curve.flux_ul))
            np.testing.assert_allclose(line.get_ydata(), np.where(is_ul, limit, value))
            np.testing.assert_allclose(line.get_xdata(), light_curve.axes["time"].time_mid.mjd)
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1 – 10 TeV", "10 – 31.6 TeV"]
        assert ax.get_xlabel() == "Time [MJD, UTC]"

    def test_dates(self, light_curve, ax):
        light_curve.plot(ax, sed_type="flux")
        ax.figure.canvas.draw()
        assert any("Dec" in label.get_text() for label in ax.get_xticklabels())

    def test_over_energy_it_is_one_spectrum_for_each_interval(self, light_curve, ax):
        light_curve.plot(ax, sed_type="flux", axis_name="energy")
        times = light_curve.axes["time"].time_min
        for row in range(len(times)):
            line = series(ax, row)[0]
            is_ul = light_curve.is_ul.data[row].ravel()
            value, limit = (q.data[row].ravel() for q in (light_curve.flux, light_curve.flux_ul))
            np.testing.assert_allclose(line.get_ydata(), np.where(is_ul, limit, value))
            np.testing.assert_allclose(line.get_xdata(), light_curve.energy_ref.value)
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == [f"{time.strftime('%Y-%m-%d %H:%M')} UTC" for time in times]
        assert ax.get_xlabel() == "Energy [TeV]"

    def test_the_axis_may_be_named(self, light_curve, points, ax):
        light_curve.plot(ax, sed_type="flux", axis_name="time")
        assert ax.get_xlabel() == "Time [UTC]"
        with pytest.raises(UnknownNameError, match=r"axis_name is 'time': the points have \['energy'\]"):
            points.plot(ax, axis_name="time")

    def test_the_legend_covers_no_point(self, light_curve, ax):
        light_curve.plot(ax, sed_type="flux")
        ax.figure.canvas.draw()
        legend = ax.get_legend().get_window_extent()
        for container in ax.containers:
            for bars in container[2]:
                for path in bars.get_segments():
                    x, y = ax.transData.transform(path).T
                    beside = x.max() < legend.x0 or x.min() > legend.x1
                    assert beside or y.max() < legend.y0 or y.min() > legend.y1


class TestProfiles:
    def test_colours_are_the_rise_at_their_fluxes(self, points, ax):
        points.plot_ts_profiles(ax, sed_type="dnde")
        meshes = ax.collections[:8]
        norms = points.stat_scan.geom.axes["norm"].center.value
        for column, mesh in enumerate(meshes):
            corners = mesh.get_coordinates()
            low, high = corners[:-1, 0, 1], corners[1:, 0, 1]
            np.testing.assert_allclose(corners[0, :, 0], points.energy_axis.edges.value[column : column + 2])
            rise = np.ma.ravel(mesh.get_array())
            best = points.dnde.data[column, 0, 0]
            assert low[rise.argmin() - 1] < best < high[rise.argmin() + 1]
            # At the norms of the scan the colour is the scan.
            scan = points.stat_scan.data[column, :, 0, 0] - points.stat.data[column, 0, 0]
            flux = norms * points.dnde_ref.value[column]
            for value, expected in zip(flux, scan, strict=True):
                cell = np.searchsorted(low, value) - 1
                if 1 < expected < 15 and 0 < cell < len(low) - 1:
                    near = rise[cell - 1 : cell + 2]
                    assert near.min() <= expected <= near.max()
        assert ax.get_ylabel() == "dN/dE [TeV⁻¹ s⁻¹ cm⁻²]"
        assert len(ax.figure.axes) == 2

    def test_without_colour_bar(self, points, ax):
        points.plot_ts_profiles(ax, add_cbar=False)
        assert len(ax.figure.axes) == 1

    def test_bad_input(self, crab, edges, points, light_curve, ax):
        with pytest.raises(InputError, match="profiles are drawn of points on the axis 'energy' alone"):
            light_curve.plot_ts_profiles(ax)
        with pytest.raises(UnknownNameError, match="flux points have no 'stat_scan'"):
            FluxPointsEstimator(energy_edges=edges).run(crab).plot_ts_profiles(ax)
        below = FluxPointsEstimator(energy_edges=edges, norm_values=[-1, -0.5], selection_optional="scan").run(crab)
        with pytest.raises(InputError, match="the statistic scans have no norms above zero near the minimum"):
            below.plot_ts_profiles(ax)
