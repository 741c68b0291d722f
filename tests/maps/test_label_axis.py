import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gammafold.maps.label_axis import LabelMapAxis
from gammafold.utils.errors import InputError, UnknownNameError


@pytest.fixture
def axis():
    return LabelMapAxis(["crab", "halo", "disk"], name="models")


def test_labels_and_indices(axis):
    assert len(axis) == axis.nbin == 3
    assert_array_equal(axis.coord_to_idx([["disk"], ["crab"]]), [[2], [0]])
    assert axis.coord_to_idx("halo") == 1
    assert_array_equal(axis.coord_to_pix(["halo"]), [1.0])
    assert_array_equal(axis.pix_to_coord([0, 2]), ["crab", "disk"])
    assert_array_equal(axis.pix_to_idx([0.4, 3, -1]), [0, -1, -1])
    assert_array_equal(axis.bin_width, np.ones(3))


def test_other_axes(axis):
    assert axis.slice(slice(1, 3)) == LabelMapAxis(["halo", "disk"], name="models")
    assert axis.squash().center.tolist() == ["crab...disk"]
    assert axis.rename("sources").name == "sources"
    assert axis.concatenate(LabelMapAxis(["arc"], name="models")).center.tolist() == ["crab", "halo", "disk", "arc"]
    assert axis.is_allclose(axis.copy())
    assert axis != LabelMapAxis(["crab"], name="models")
    assert axis != "models"


def test_labels_are_read_only(axis):
    with pytest.raises(ValueError, match="read-only"):
        axis.center[0] = "x"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda axis: LabelMapAxis([], name="a"), "axis 'a' has no labels"),
        (lambda axis: LabelMapAxis(["x", "y", "x"], name="a"), r"labels that appear twice: \['x'\]"),
        (lambda axis: LabelMapAxis("crab", name="a"), "labels of axis 'a' are 'crab': expected a list"),
        (lambda axis: axis.edges, "axis 'models' has labels and no edges"),
        (lambda axis: axis.assert_name("b"), "the axis is called 'models': expected 'b'"),
        (lambda axis: axis.concatenate(LabelMapAxis(["x"], name="b")), "cannot join axis 'models' and axis 'b'"),
    ],
)
def test_bad_labels(axis, make, match):
    with pytest.raises(InputError, match=match):
        make(axis)


def test_unknown_label(axis):
    with pytest.raises(UnknownNameError, match="axis 'models' has no label 'ring': there are \\['"):
        axis.coord_to_idx(["crab", "ring"])


def test_ticks(axis):
    ax = plt.figure().add_subplot()
    axis.format_plot_xaxis(ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == axis.as_plot_labels == ["crab", "halo", "disk"]
    assert ax.get_xlabel() == "Models"
    low, high = axis.as_plot_xerr
    assert_array_equal(axis.as_plot_center - low, axis.as_plot_edges[:-1])
    assert_array_equal(axis.as_plot_center + high, axis.as_plot_edges[1:])
    plt.close(ax.figure)
