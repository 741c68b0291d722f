"""Covariances: one truth for errors and correlations, whichever list of parameters asks."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from gammafold.modeling.covariance import Covariance
from gammafold.modeling.parameter import Parameter, Parameters
from gammafold.utils.errors import InputError, UnknownNameError

MATRIX = np.array([[4.0, 1.0, 0.2], [1.0, 9.0, -0.3], [0.2, -0.3, 0.25]])


@pytest.fixture
def parameters() -> Parameters:
    """Three parameters."""
    return Parameters([Parameter(name, 1) for name in "abc"])


def test_setting_data_sets_errors_everywhere(parameters):
    Covariance(parameters).data = MATRIX
    assert [parameter.error for parameter in parameters] == [2, 3, 0.5]
    np.testing.assert_allclose(Covariance(parameters).data, MATRIX, rtol=1e-15)
    np.testing.assert_allclose(
        Covariance([parameters["c"], parameters["a"]]).data, [[0.25, 0.2], [0.2, 4.0]], rtol=1e-15
    )


def test_the_constructor_changes_nothing(parameters):
    covariance = Covariance(parameters, MATRIX)
    np.testing.assert_array_equal(covariance.data, MATRIX)
    assert all(parameter.error == 0 for parameter in parameters)


def test_an_error_set_by_hand_keeps_the_correlations(parameters):
    Covariance(parameters).data = MATRIX
    before = Covariance(parameters).correlation
    parameters["a"].error = 10
    now = Covariance(parameters)
    assert now.data[0, 0] == pytest.approx(100)
    np.testing.assert_allclose(now.correlation, before, atol=1e-15)
    assert np.all(np.linalg.eigvalsh(now.data) > 0)


def test_different_fits_are_uncorrelated(parameters):
    Covariance(parameters[:2]).data = MATRIX[:2, :2]
    parameters["c"].error = 0.5
    expected = MATRIX.copy()
    expected[2, :2] = expected[:2, 2] = 0
    np.testing.assert_allclose(Covariance(parameters).data, expected, rtol=1e-15)


def test_a_linked_parameter_is_correlated_with_itself(parameters):
    a, b, _ = parameters
    a.error, b.error = 2, 3
    np.testing.assert_allclose(Covariance([a, b, a]).data, [[4, 0, 4], [0, 9, 0], [4, 0, 4]])
    Covariance([a, b, a]).data = [[4, 1, 4], [1, 9, 1], [4, 1, 4]]
    np.testing.assert_allclose(Covariance([a, b, a]).data, [[4, 1, 4], [1, 9, 1], [4, 1, 4]], rtol=1e-15)


def test_copies_are_correlated_among_themselves_only(parameters):
    Covariance(parameters).data = MATRIX
    copied = copy.deepcopy(parameters)
    np.testing.assert_allclose(Covariance(copied).data, MATRIX, rtol=1e-15)
    assert Covariance([parameters["a"], copied["b"]]).data[0, 1] == 0
    Covariance(copied).data = np.eye(3)
    np.testing.assert_allclose(Covariance(parameters).data, MATRIX, rtol=1e-15)


def test_a_change_of_unit_is_followed():
    cutoff, index = Parameter("cutoff", "1 TeV"), Parameter("index", 2)
    Covariance([cutoff, index]).data = [[0.04, 0.01], [0.01, 0.09]]
    cutoff.quantity = "1000 GeV"
    np.testing.assert_allclose(Covariance([cutoff, index]).data, [[4e4, 10], [10, 0.09]], rtol=1e-14)


def test_subcovariances(parameters):
    covariance = Covariance(parameters, MATRIX)
    part = covariance.get_subcovariance([parameters["c"], parameters["b"]])
    np.testing.assert_array_equal(part.data, [[0.25, -0.3], [-0.3, 9.0]])
    covariance.set_subcovariance(Covariance([parameters["b"]], [[16.0]]))
    assert parameters["b"].error == 4
    assert parameters["a"].error == 2
    np.testing.assert_allclose(Covariance(parameters).data[0], MATRIX[0], rtol=1e-15)
    with pytest.raises(UnknownNameError, match=r"no covariance of \['d'\]: there are \['a', 'b', 'c'\]"):
        covariance.get_subcovariance([Parameter("d", 1)])


def test_from_stack(parameters):
    stacked = Covariance.from_stack([Covariance(parameters[:2], MATRIX[:2, :2]), Covariance(parameters[2:], [[0.25]])])
    np.testing.assert_array_equal(stacked.data, [[4, 1, 0], [1, 9, 0], [0, 0, 0.25]])
    assert stacked.shape == (3, 3)


def test_correlation_of_what_has_no_error(parameters):
    covariance = Covariance(parameters, [[4.0, 0, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(covariance.correlation, np.eye(3))


def test_data_cannot_be_changed_in_place(parameters):
    with pytest.raises(ValueError, match="read-only"):
        Covariance(parameters).data[0, 0] = 1


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (np.eye(2), r"shape \(2, 2\) for 3 parameters: expected \(3, 3\)"),
        (np.diag([1, np.nan, 1]), r"covariance of \['b'\] is not finite"),
        (np.diag([1, 1, -1]), r"variance of \['c'\] is negative"),
        ([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]], "not symmetric"),
    ],
)
def test_what_is_no_covariance(parameters, data, match):
    with pytest.raises(InputError, match=match):
        Covariance(parameters, data)


def test_normal_distribution(parameters):
    normal = Covariance(parameters, MATRIX).scipy_mvn
    np.testing.assert_allclose(normal.mean, [1, 1, 1])
    expected = -0.5 * (3 * np.log(2 * np.pi) + np.log(np.linalg.det(MATRIX)))
    assert normal.logpdf([1, 1, 1]) == pytest.approx(expected, rel=1e-12)


def test_plot_shows_the_parameters_with_errors(parameters):
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = Covariance(parameters, [[4.0, 0, 1], [0, 0, 0], [1, 0, 1]]).plot_correlation()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "c"]
    assert {text.get_text() for text in ax.texts} == {"1.00", "0.50"}
    plt.close(ax.figure)


def test_text(parameters):
    assert "b  1.000e+00  9.000e+00 -3.000e-01" in str(Covariance(parameters, MATRIX))
    assert repr(Covariance(parameters)) == "<Covariance of a, b, c>"


def test_no_name_is_cut_in_the_plot_of_correlations():
    plt = pytest.importorskip("matplotlib.pyplot")
    parameters = Parameters([Parameter("amplitude", 1, error=1), Parameter("alpha", 2, error=1)])
    ax = Covariance(parameters).plot_correlation()
    ax.figure.draw_without_rendering()
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
    plt.close(ax.figure)
