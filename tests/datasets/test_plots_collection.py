"""All members of a collection on the same axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, SpectrumDataset
from gammafold.utils.errors import InputError


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def datasets(toy):
    return Datasets([toy("O1", "pl", dataset_name="one"), toy("O2", "pl", dataset_name="two")])


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def heights(patch):
    return patch.get_xy()[1:-1:2, 1]


def test_counts(datasets):
    _, ax = plt.subplots()
    assert datasets.plot_counts(ax) is ax
    patches = {patch.get_label(): patch for patch in ax.patches}
    for number, dataset in enumerate(datasets):
        assert_allclose(heights(patches[dataset.name]), dataset.counts.data.ravel())
        assert patches[dataset.name].get_edgecolor() == to_rgba(f"C{number}")
    assert texts(ax)[:2] == ["one", "two"]
    assert len(texts(ax)) == len(set(texts(ax)))
    low, high = ax.get_ylim()
    assert low < min(dataset.background.data[dataset.background.data > 0].min() for dataset in datasets)
    assert high > max(dataset.counts.data.max() for dataset in datasets)


@pytest.mark.parametrize("plot", ["plot_excess", "plot_residuals"])
def test_points(datasets, plot):
    ax = getattr(datasets, plot)()
    assert ax is plt.gca()
    drawn = [item.lines[0] for item in ax.containers if isinstance(item, ErrorbarContainer)]
    for number, (line, dataset) in enumerate(zip(drawn, datasets, strict=True)):
        expected = dataset.excess if plot == "plot_excess" else dataset.residuals()
        assert_allclose(line.get_ydata(), expected.data.ravel())
        assert to_rgba(line.get_color()) == to_rgba(f"C{number}")
    assert texts(ax)[:2] == ["one", "two"]


def test_method_and_style(datasets):
    ax = datasets.plot_residuals(method="diff/sqrt(model)", marker="s")
    line = ax.containers[0].lines[0]
    assert line.get_marker() == "s"
    assert_allclose(line.get_ydata(), datasets[0].residuals("diff/sqrt(model)").data.ravel())


def test_many_members_share_the_colours_of_the_cycle(toy):
    many = Datasets([toy("A", dataset_name=f"d{i}") for i in range(12)])
    ax = many.plot_counts()
    colors = {patch.get_label(): patch.get_edgecolor() for patch in ax.patches}
    assert colors["d0"] == colors["d10"] != colors["d1"]
    assert np.isfinite(ax.get_xlim()).all()


def test_nothing_to_plot(toy):
    with pytest.raises(InputError, match="no datasets: there is nothing to plot"):
        Datasets().plot_counts()
    with pytest.raises(InputError, match="dataset 'empty' has no counts"):
        Datasets([SpectrumDataset(name="empty")]).plot_counts()
    other = toy("A", dataset_name="other")
    datasets = Datasets([other])
    datasets[0] = type("Odd", (), {"name": "odd", "stat_sum": None})()
    with pytest.raises(InputError, match="dataset 'odd' is a Odd: it has no plot_excess"):
        datasets.plot_excess()
