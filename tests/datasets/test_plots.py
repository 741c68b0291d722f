"""Plots of spectra: what is drawn are the numbers of the dataset, with their errors, labels and masked ranges."""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDataset
from gammafold.datasets.plot_spectrum import residual_error
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.stats.fit_statistics import get_wstat_mu_bkg
from gammafold.utils.errors import InputError, InputTypeError

KINDS = ["plain", "hole", "nothing safe", "no masks", "no background", "on-off", "on-off hole", "no off counts"]
METHODS = ["diff", "diff/model", "diff/sqrt(model)"]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def make(toy):
    """Make a dataset of one of `KINDS`, with a power law if asked for."""

    def make_kind(kind, *models, name="d"):
        dataset = toy("O1" if "off" in kind else "A", *models, dataset_name=name)
        if kind == "no off counts":
            dataset.counts_off = dataset.acceptance = dataset.acceptance_off = None
        if kind == "no background":
            dataset.background = None
        if kind == "no masks":
            dataset.mask_safe = dataset.mask_fit = None
        if kind.endswith("hole"):
            mask = np.ones(dataset.data_shape, dtype=bool)
            mask[[0, 2]] = False
            dataset.mask_safe = RegionNDMap(dataset.geom, data=mask)
            dataset.mask_fit = dataset.counts.geom.energy_mask(energy_max=dataset.reco_energy_axis.edges[-2])
        if kind == "nothing safe":
            dataset.mask_safe = RegionNDMap(dataset.geom, data=np.zeros(dataset.data_shape, dtype=bool))
        return dataset

    return make_kind


def flat(region_map):
    return np.asarray(region_map.data, dtype=float).reshape(-1)


def histogram(ax, label):
    """Return the heights and the edges of a step histogram, read off its outline."""
    (patch,) = [patch for patch in ax.patches if patch.get_label() == label]
    x, y = patch.get_xy()[1:-1:2].T[0], patch.get_xy()[1:-1:2].T[1]
    return y, np.append(x, patch.get_xy()[-1, 0])


def points(ax, index=0):
    """Return values, and lower and upper ends of the bars along y, of what `errorbar` drew."""
    container = [item for item in ax.containers if isinstance(item, ErrorbarContainer)][index]
    line, _, bars = container.lines
    ends = np.array([segment[:, 1] if len(segment) else [np.nan, np.nan] for segment in bars[-1].get_segments()])
    return line, ends


def spans(ax, label):
    """Return the ranges shaded in the style of the first range of that label."""
    first = [patch for patch in ax.patches if patch.get_label() == label]
    if not first:
        return []
    color, hatch = first[0].get_facecolor(), first[0].get_hatch()
    same = [p for p in ax.patches if p.get_facecolor() == color and p.get_hatch() == hatch and hasattr(p, "get_width")]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in same]


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def runs_outside(mask, edges):
    """Return the ranges where a mask is False, found bin by bin."""
    ranges = []
    for low, high, inside in zip(edges[:-1], edges[1:], mask, strict=True):
        if inside:
            continue
        if ranges and ranges[-1][1] == low:
            ranges[-1] = (ranges[-1][0], high)
        else:
            ranges.append((low, high))
    return ranges


# -- counts


@pytest.mark.parametrize("kind", ["plain", "hole", "on-off"])
def test_counts_and_background(make, kind):
    dataset = make(kind)
    _, ax = plt.subplots()
    assert dataset.plot_counts(ax) is ax
    edges = dataset.reco_energy_axis.edges.value
    counts, drawn_edges = histogram(ax, "Counts")
    assert_allclose(counts, flat(dataset.counts))
    assert_allclose(drawn_edges, edges)
    background, _ = histogram(ax, "Background")
    assert_allclose(background, flat(dataset.background))
    _, ends = points(ax)
    assert_allclose(ends.T, [counts - np.sqrt(counts), counts + np.sqrt(counts)])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlabel() == "Energy [TeV]"
    assert ax.get_ylabel() == "Counts per bin"
    assert texts(ax)[:2] == ["Counts", "Background"]


def test_counts_without_background(make):
    ax = make("no background").plot_counts()
    assert ax is plt.gca()
    assert "Background" not in texts(ax)


def test_styles_of_counts(make):
    ax = make("plain").plot_counts(kwargs_counts={"color": "red", "label": "N"}, kwargs_background={"ec": "blue"}, lw=3)
    by_label = {patch.get_label(): patch for patch in ax.patches}
    assert by_label["N"].get_edgecolor() == to_rgba("red")
    assert by_label["Background"].get_edgecolor() == to_rgba("blue")
    assert by_label["N"].get_linewidth() == by_label["Background"].get_linewidth() == 3
    (bars,) = [item.lines[2][0] for item in ax.containers if isinstance(item, ErrorbarContainer)]
    assert [tuple(color) for color in bars.get_color()] == [to_rgba("red")]


# -- excess


def test_excess_of_a_known_background(make):
    dataset = make("plain", "pl")
    ax = dataset.plot_excess()
    line, ends = points(ax)
    counts, excess = flat(dataset.counts), flat(dataset.excess)
    assert_allclose(line.get_xdata(), dataset.reco_energy_axis.center.value)
    assert_allclose(line.get_ydata(), excess)
    assert_allclose(ends.T, [excess - np.sqrt(counts), excess + np.sqrt(counts)])
    assert_allclose(histogram(ax, "Predicted signal")[0], flat(dataset.npred_signal()))
    assert texts(ax)[:2] == ["Excess", "Predicted signal"]


def test_excess_of_a_measured_background(make):
    dataset = make("on-off", "pl")
    line, ends = points(dataset.plot_excess())
    counts, off, alpha = (flat(part) for part in (dataset.counts, dataset.counts_off, dataset.alpha))
    assert_allclose(line.get_ydata(), counts - alpha * off)
    error = np.sqrt(counts + alpha**2 * off)
    assert_allclose(0.5 * (ends[:, 1] - ends[:, 0]), error)


def test_excess_without_background_is_the_counts(make):
    dataset = make("no background")
    ax = dataset.plot_excess()
    assert_allclose(points(ax)[0].get_ydata(), flat(dataset.counts))
    assert texts(ax)[0] == "Counts"
    assert "Predicted signal" not in texts(ax)


def test_bars_across_span_the_bins(make):
    dataset = make("plain")
    bars = dataset.plot_excess().containers[0].lines[2][0]
    edges = dataset.reco_energy_axis.edges.value
    assert_allclose([segment[:, 0] for segment in bars.get_segments()], np.stack([edges[:-1], edges[1:]], axis=1))


def test_styles_of_excess(make):
    ax = make("plain", "pl").plot_excess(
        kwargs_excess={"fmt": "s", "c": "green"}, kwargs_npred_signal={"color": "red", "linewidth": 4}, alpha=0.5
    )
    line, _ = points(ax)
    assert line.get_marker() == "s"
    assert to_rgba(line.get_color()) == to_rgba("green")
    (signal,) = [patch for patch in ax.patches if patch.get_label() == "Predicted signal"]
    assert signal.get_edgecolor() == to_rgba("red", 0.5)
    assert line.get_alpha() == 0.5
    assert signal.get_linewidth() == 4


# -- residuals


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_residuals(make, kind, method):
    dataset = make(kind, "pl")
    ax = dataset.plot_residuals(method=method)
    line, _ = points(ax)
    assert_allclose(line.get_ydata(), flat(dataset.residuals(method)))
    assert ax.get_yscale() == "linear"
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel().startswith("Residuals\n")
    assert ("model" in ax.get_ylabel().split("model", 1)[1]) == (method != "diff")
    low, high = ax.get_ylim()
    assert low == -high


@pytest.mark.parametrize(("method", "power"), [("diff", 0), ("diff/model", 1), ("diff/sqrt(model)", 0.5)])
def test_errors_of_residuals_of_a_known_background(make, method, power):
    dataset = make("plain", "pl")
    _, ends = points(dataset.plot_residuals(method=method))
    npred = flat(dataset.npred())
    assert_allclose(0.5 * (ends[:, 1] - ends[:, 0]), np.sqrt(npred) / npred**power)


def test_errors_of_residuals_are_the_scatter_of_simulated_residuals():
    """Residuals of simulated counts, their background profiled, scatter as the error says, to first order."""
    random = np.random.default_rng(3)
    signal, background, alpha = 400.0, 900.0, 0.5
    n_on = random.poisson(signal + background, 20000).astype(float)
    n_off = random.poisson(background / alpha, 20000).astype(float)
    fitted = alpha * get_wstat_mu_bkg(n_on, n_off, alpha, signal)
    scatter = np.std(n_on - signal - fitted)
    expected = residual_error(np.array([signal + background]), alpha * background)[0]
    assert_allclose(scatter, expected, rtol=0.02)


def test_counts_with_errors_of_their_own(make):
    dataset = make("on-off", "pl")
    error = RegionNDMap(dataset.geom, data=1.0 + np.arange(dataset.counts.data.size, dtype=float).reshape(-1, 1, 1))
    dataset.counts_error = dataset.counts_off_error = error
    assert dataset.stat_type == "chi2"
    sigma = np.hypot(flat(error), flat(dataset.alpha) * flat(error))
    for plot, expected in (("plot_counts", flat(error)), ("plot_excess", sigma), ("plot_residuals", sigma)):
        plt.figure()
        _, ends = points(getattr(dataset, plot)())
        assert_allclose(0.5 * (ends[:, 1] - ends[:, 0]), expected)


def test_off_counts_with_errors_of_their_own(make):
    """The errors of the off counts take the place of their Poisson errors."""
    dataset = make("on-off", "pl")
    dataset.counts_off_error = RegionNDMap(dataset.geom, data=np.full(dataset.data_shape, 3.0))
    assert dataset.stat_type == "pgstat"
    _, ends = points(dataset.plot_residuals())
    npred = flat(dataset.npred())
    expected = npred / np.sqrt(npred + (3 * flat(dataset.alpha)) ** 2)
    assert_allclose(0.5 * (ends[:, 1] - ends[:, 0]), expected)


def test_error_where_nothing_is_predicted(make):
    dataset = make("no background")
    ax = dataset.plot_residuals(method="diff/model")
    assert ax.get_ylim() == (-1.0, 1.0) or np.isfinite(ax.get_ylim()).all()
    ax.figure.canvas.draw()


def test_spectral_residuals_are_those_inside_the_masks(make):
    dataset = make("hole", "pl")
    keep = dataset.selected_bins()
    assert keep.any()
    assert not keep.all()
    line, _ = points(dataset.plot_residuals_spectral(method="diff/sqrt(model)"))
    drawn = np.asarray(line.get_ydata())
    assert_allclose(drawn[keep], flat(dataset.residuals("diff/sqrt(model)"))[keep])
    assert np.isnan(drawn[~keep]).all()


def test_region_of_spectral_residuals(make):
    dataset = make("plain", "pl")
    ax = dataset.plot_residuals_spectral(region="icrs;circle(83.63, 22.01, 0.5)")
    assert_allclose(points(ax)[0].get_ydata(), np.where(dataset.selected_bins(), flat(dataset.residuals()), np.nan))
    with pytest.raises(InputError, match=r"does not hold the region of dataset 'd' at 83\.63 22\.01"):
        dataset.plot_residuals_spectral(region="icrs;circle(10, 22.01, 0.5)")


def test_unknown_method(make):
    with pytest.raises(InputError, match="'sigma'"):
        make("plain", "pl").plot_residuals(method="sigma")


# -- masks


@pytest.mark.parametrize("kind", KINDS)
def test_masked_ranges(make, kind):
    dataset = make(kind)
    edges = dataset.reco_energy_axis.edges.value
    ax = dataset.plot_masks()
    assert ax is plt.gca()
    for part, label in (("mask_safe", "not safe"), ("mask_fit", "not fitted")):
        mask = getattr(dataset, part)
        expected = [] if mask is None else runs_outside(mask.data.reshape(-1), edges)
        assert_allclose(np.reshape(spans(ax, label), (-1, 2)), np.reshape(expected, (-1, 2)))


def test_masks_on_their_own_are_shown_against_the_whole_axis(make):
    dataset = make("hole")
    ax = dataset.plot_masks()
    edges = dataset.reco_energy_axis.edges.value
    assert ax.get_xlim() == (edges[0], edges[-1])
    assert ax.get_xscale() == "log"
    assert texts(ax) == ["not safe", "not fitted"]


def test_styles_of_masks(make):
    dataset = make("hole")
    ax = dataset.plot_masks(kwargs_fit={"color": "red"}, kwargs_safe={"fc": "blue", "label": "bad"})
    by_label = {patch.get_label(): patch for patch in ax.patches}
    assert by_label["bad"].get_facecolor()[:3] == to_rgba("blue")[:3]
    assert by_label["not fitted"].get_facecolor()[:3] == to_rgba("red")[:3]


@pytest.mark.parametrize("plot", ["plot_counts", "plot_excess", "plot_residuals", "plot_residuals_spectral"])
def test_every_plot_shows_the_masked_ranges(make, plot):
    dataset = make("hole", "pl")
    ax = getattr(dataset, plot)()
    edges = dataset.reco_energy_axis.edges.value
    assert_allclose(spans(ax, "not safe"), runs_outside(dataset.safe_bins(), edges))
    assert_allclose(spans(ax, "not fitted"), runs_outside(flat(dataset.mask_fit).astype(bool), edges))
    assert {"not safe", "not fitted"} <= set(texts(ax))


# -- limits


def test_limits_show_the_safe_range():
    axis = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=30)
    dataset = SpectrumDataset.create(axis)
    dataset.counts.data[:, 0, 0] = 5
    dataset.mask_safe = dataset.counts.geom.energy_mask("1 TeV", "10 TeV")
    low, high = dataset.plot_counts().get_xlim()
    assert 0.5 < low < 1
    assert 10 < high < 20
    dataset.mask_safe.data[:] = False
    plt.figure()
    assert_allclose(dataset.plot_counts().get_xlim(), (0.1, 100))
    plt.figure()
    low, high = dataset.plot_counts().get_ylim()
    assert low < 5 < high


def test_several_datasets_on_the_same_axes(make):
    small, large = make("hole", name="small"), make("hole", name="large")
    large.counts.data *= 100
    ax = small.plot_counts()
    bottom, _ = ax.get_ylim()
    large.plot_counts(ax)
    assert ax.get_ylim()[0] == bottom
    assert ax.get_ylim()[1] > large.counts.data.max()
    assert texts(ax).count("not safe") == 1


def test_the_legend_has_points_then_curves_then_ranges(make):
    one, two = make("hole", "pl", name="one"), make("hole", "pl", name="two")
    ax = one.plot_excess(label="first")
    two.plot_excess(ax, label="second")
    assert texts(ax) == ["first", "second", "first", "second", "not safe", "not fitted"]


def test_nothing_positive_stays_linear(make):
    dataset = make("no background")
    dataset.counts.data[:] = 0
    ax = dataset.plot_counts()
    assert ax.get_yscale() == "linear"
    ax.figure.canvas.draw()


def test_energies_in_the_unit_of_the_axis():
    axis = MapAxis.from_energy_bounds("0.5 keV", "7 keV", nbin=20)
    dataset = SpectrumDataset.create(axis)
    dataset.counts.data[:, 0, 0] = 7
    ax = dataset.plot_counts()
    assert ax.get_xlabel() == "Energy [keV]"
    assert_allclose(histogram(ax, "Counts")[1], axis.edges.to_value(u.keV))


# -- two panels


@pytest.mark.parametrize("kind", KINDS)
def test_fit(make, kind):
    dataset = make(kind, "pl")
    spectrum, residuals = dataset.plot_fit()
    assert spectrum.figure is residuals.figure
    assert spectrum.get_shared_x_axes().joined(spectrum, residuals)
    heights = [ax.get_position().height for ax in (spectrum, residuals)]
    assert_allclose(heights[0] / heights[1], 2.5)
    assert_allclose(points(residuals)[0].get_ydata(), flat(dataset.residuals()))
    assert_allclose(histogram(spectrum, "Predicted signal")[0], flat(dataset.npred_signal()))
    assert spectrum.get_xlabel() == ""
    assert residuals.get_xlabel() == "Energy [TeV]"
    assert residuals.get_legend() is None  # that of the upper panel serves both
    spectrum.figure.canvas.draw()


def test_fit_on_given_axes(make):
    figure = plt.figure()
    given = figure.add_subplot(2, 1, 1), figure.add_subplot(2, 1, 2)
    found = make("plain", "pl").plot_fit(
        *given,
        kwargs_spectrum={"kwargs_excess": {"color": "red"}},
        kwargs_residuals={"method": "diff/sqrt(model)", "color": "blue"},
    )
    assert found == given
    assert to_rgba(points(given[0])[0].get_color()) == to_rgba("red")
    assert to_rgba(points(given[1])[0].get_color()) == to_rgba("blue")
    assert "sqrt" in given[1].get_ylabel()
    assert given[0].get_xlabel() == "Energy [TeV]"  # not shared: each keeps its own
    assert given[0].get_xlim() == given[1].get_xlim()


def test_fit_needs_both_axes_or_none(make):
    _, ax = plt.subplots()
    dataset = make("plain", "pl")
    with pytest.raises(InputError, match="plot_fit got no ax_residuals"):
        dataset.plot_fit(ax)
    with pytest.raises(InputError, match="plot_fit got no ax_spectrum"):
        dataset.plot_fit(ax_residuals=ax)


# -- quick look


@pytest.mark.parametrize("kind", KINDS)
def test_peek(make, kind):
    dataset = make(kind)
    axes = dataset.peek()
    assert len(axes) == 3
    counts, exposure, edisp = axes
    assert [ax.get_title() for ax in axes] == ["Counts", "Exposure", "Energy dispersion"]
    assert_allclose(histogram(counts, "Counts")[0], flat(dataset.counts))
    assert exposure.get_ylabel() == "Exposure [cm² s]"
    assert exposure.get_xlabel() == "True energy [TeV]"
    assert_allclose(exposure.patches[0].get_xy()[1:-1:2, 1], flat(dataset.exposure))
    kernel = dataset.edisp.get_edisp_kernel().data
    assert_allclose(np.ravel(edisp.collections[0].get_array()), kernel.T.ravel())
    counts.figure.canvas.draw()


def test_peek_without_energy_dispersion():
    """What is drawn is what folding uses: events keep their energy."""
    dataset = SpectrumDataset.create(MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=5), name="d")
    dataset.edisp = None
    _, _, edisp = dataset.peek()
    assert_allclose(np.reshape(edisp.collections[0].get_array(), (5, 5)), np.eye(5))
    dataset.exposure = None
    _, exposure, edisp = dataset.peek()
    assert [ax.texts[0].get_text() for ax in (exposure, edisp)] == ["no exposure", "no energy dispersion"]


def test_peek_of_an_empty_dataset():
    axes = SpectrumDataset(name="nothing").peek()
    said = [ax.texts[0].get_text() for ax in axes]
    assert said == ["no counts", "no exposure", "no energy dispersion"]


def test_peek_on_a_figure_or_of_a_size(make):
    dataset = make("plain")
    figure = plt.figure(figsize=(3, 2))
    other = plt.figure()
    axes = dataset.peek(figure)
    assert all(ax.figure is figure for ax in axes)
    assert not other.axes
    for call in (lambda: dataset.peek(figsize=(9, 3)), lambda: dataset.peek((9, 3))):
        assert tuple(call()[0].figure.get_size_inches()) == (9, 3)
        plt.close(plt.gcf())
    with pytest.raises(InputError, match="peek got fig and figsize"):
        dataset.peek(figure, figsize=(9, 3))
    with pytest.raises(InputTypeError, match="expected a matplotlib figure"):
        dataset.peek("wide")


@pytest.mark.parametrize("plot", ["peek", "plot_fit", "plot_residuals_spatial"])
def test_open_figures_stay_as_they_are(make, plot):
    dataset = make("plain", "pl")
    figure, ax = plt.subplots()
    ax.plot([1, 2], [3, 4])
    getattr(dataset, plot)()
    assert figure.axes == [ax]
    assert len(ax.lines) == 1
    assert plt.gcf() is not figure


def test_an_empty_figure_is_used(make):
    figure = plt.figure()
    assert make("plain", "pl").plot_fit()[0].figure is figure


# -- what cannot be drawn


@pytest.mark.parametrize("plot", ["plot_counts", "plot_excess", "plot_fit"])
def test_no_counts(plot):
    dataset = SpectrumDataset(name="nothing")
    with pytest.raises(InputError, match="dataset 'nothing' has no counts: there is nothing to plot"):
        getattr(dataset, plot)()
    with pytest.raises(InputError, match="dataset 'nothing' has no counts: it has no residuals"):
        dataset.plot_residuals()


def test_a_stack_is_drawn(make):
    stack = Datasets([make("on-off", name="one"), make("on-off hole", name="two")]).stack_reduce(name="stack")
    assert_allclose(histogram(stack.plot_counts(), "Background")[0], flat(stack.background))


def test_a_fit_is_shown_where_it_was_made(make):
    dataset = make("no masks", "pl")
    edges = dataset.reco_energy_axis.edges
    first, last = len(edges) // 2, len(edges) // 2 + 1
    dataset.mask_fit = dataset.counts.geom.energy_mask(edges[first], edges[last])
    assert dataset.mask_fit.data.sum() == 1
    for ax in dataset.plot_fit():
        low, high = ax.get_xlim()
        assert_allclose(
            [low, high], [max(edges[first].value / 1.4, edges[0].value), edges[last].value * 1.4], rtol=1e-9
        )
