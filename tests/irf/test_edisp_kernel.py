"""Energy dispersion kernels against error functions in high precision, hand arithmetic and reference numbers."""

import json
from pathlib import Path

import astropy.units as u
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.maps.axis import MapAxis
from gammafold.utils.errors import InputError, InputTypeError, UnitsError

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())


def axis(edges, name="energy"):
    return MapAxis.from_energy_edges(u.Quantity(edges, "TeV"), name=name)


def true_axis(edges):
    return axis(edges, "energy_true")


def two_by_three():
    """A kernel to calculate by hand: geometric centres 2 and 8 TeV, and 1, 4 and 16 TeV."""
    return EDispKernel([true_axis([1, 4, 16]), axis([0.5, 2, 8, 32])], [[0.25, 0.5, 0.0], [0.0, 0.2, 0.6]])


# -- gaussian


@pytest.mark.parametrize(("sigma", "bias"), [(0.1, 0.0), (0.02, 0.03), (0.3, -0.1), (1.5, 0.5)])
def test_gauss_against_error_functions(sigma, bias):
    true, reco = np.geomspace(0.5, 20, 6), np.geomspace(0.2, 60, 12)
    kernel = EDispKernel.from_gauss(true_axis(true), axis(reco), sigma, bias)
    with mpmath.workdps(350):
        law = [
            [mpmath.ncdf((mpmath.mpf(float(e)) / float(center) - 1 - bias) / sigma) for e in reco]
            for center in kernel.energy_axis_true.center.value
        ]
        expected = [[float(high - low) for low, high in zip(row[:-1], row[1:], strict=True)] for row in law]
    # Far tails too, down to where numbers end: no chance is cut away, none is lost to rounding.
    assert_allclose(kernel.pdf_matrix, expected, rtol=1e-9, atol=1e-290)


@given(st.floats(0.01, 0.4), st.floats(-0.2, 0.2))
def test_gauss_moments(sigma, bias):
    true = true_axis(np.geomspace(0.9, 1.1, 4))
    reco = MapAxis.from_energy_edges(np.linspace(0.001, 4, 2001) * u.TeV)
    kernel = EDispKernel.from_gauss(true, reco, sigma, bias)
    # The part of the gaussian below zero energy is lost.
    lost = float(mpmath.ncdf(-(1 + bias) / sigma))
    assert_allclose(kernel.pdf_matrix.sum(axis=1), 1 - lost, atol=1e-4 + lost)
    if lost < 1e-8:
        assert_allclose(kernel.get_bias(1 * u.TeV), bias, atol=2e-3)
        assert_allclose(kernel.get_resolution(1 * u.TeV), sigma, rtol=1e-2)


def test_gauss_that_changes_with_energy():
    true, reco = true_axis([1, 2, 4]), axis(np.geomspace(0.1, 40, 30))
    both = EDispKernel.from_gauss(true, reco, [0.1, 0.2], [0.05, -0.05])
    for row, (sigma, bias) in enumerate([(0.1, 0.05), (0.2, -0.05)]):
        assert_array_equal(both.data[row], EDispKernel.from_gauss(true, reco, sigma, bias).data[row])


def test_gauss_in_other_units():
    true = true_axis([1, 2, 4])
    expected = EDispKernel.from_gauss(true, axis([0.5, 1, 8]), 0.1, 0.02)
    gev = MapAxis.from_energy_edges([500, 1000, 8000] * u.GeV)
    assert_allclose(EDispKernel.from_gauss(true, gev, 10 * u.percent, 2 * u.percent).data, expected.data, rtol=1e-12)


def test_gauss_threshold():
    arguments = true_axis([1, 2, 4]), axis(np.geomspace(0.1, 40, 30)), 0.1, 0.0
    full, cut = EDispKernel.from_gauss(*arguments), EDispKernel.from_gauss(*arguments, pdf_threshold=1e-3)
    assert ((full.data > 0) & (full.data < 1e-3)).any()
    assert_array_equal(cut.data, np.where(full.data < 1e-3, 0, full.data))


CASES = [case for case in REFERENCE["cases"] if case["group"] == "edisp_gauss"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_gauss_of_the_reference(case):
    toy = REFERENCE["datasets"][case["inputs"]["dataset"]]
    axes = true_axis(toy["energy_true_edges"]), axis(toy["energy_edges"])
    kernel = EDispKernel.from_gauss(*axes, case["inputs"]["sigma"], case["inputs"]["bias"])
    assert_allclose(kernel.data, case["truth"]["edisp"], rtol=1e-9, atol=1e-15)
    # What the reference code gives is off by as much as the reference says.
    largest = np.abs(kernel.data - case["outputs"]["edisp"]).max()
    assert_allclose(largest, case["deviation"]["b"]["edisp_abs"], rtol=0.01)


# -- diagonal


def test_diagonal_of_equal_axes():
    kernel = EDispKernel.from_diagonal_response(true_axis([1, 2, 4, 9]))
    assert_array_equal(kernel.data, np.eye(3))
    assert kernel.energy_axis.name == "energy"


def test_diagonal_of_the_reference():
    case = next(case for case in REFERENCE["cases"] if case["group"] == "edisp_diagonal")
    toy = REFERENCE["datasets"][case["inputs"]["dataset"]]
    kernel = EDispKernel.from_diagonal_response(true_axis(toy["energy_true_edges"]), axis(toy["energy_edges"]))
    assert_allclose(kernel.data, case["truth"]["edisp"], rtol=1e-14)


def test_diagonal_by_hand():
    kernel = EDispKernel.from_diagonal_response(true_axis([1, 3, 7]), axis([2, 4, 6, 20]))
    assert_allclose(kernel.data, [[0.5, 0, 0], [0.25, 0.5, 0.25]], rtol=1e-15)


@given(st.lists(st.floats(0.1, 50), min_size=3, max_size=8, unique_by=lambda x: round(x, 2)).map(sorted))
def test_diagonal_keeps_a_flat_spectrum(edges):
    """Photons spread evenly over energy are as many in each bin as the bin is wide."""
    true = true_axis(np.linspace(0.05, 60, 38))
    kernel = EDispKernel.from_diagonal_response(true, axis(edges))
    assert_allclose(true.bin_width.value @ kernel.data, np.diff(edges), rtol=1e-9)


# -- moments, by hand


def test_moments():
    kernel = two_by_three()
    assert_allclose(kernel.get_mean([2, 8] * u.TeV).to_value("TeV"), [3, (0.2 * 4 + 0.6 * 16) / 0.8], rtol=1e-12)
    assert_allclose(kernel.get_bias([3, 15] * u.TeV), [0.5, 13 / 8 - 1], rtol=1e-12)
    variance = np.array([(1 / 3) * 4 + (2 / 3) * 1, 0.25 * 81 + 0.75 * 9])
    assert_allclose(kernel.get_resolution([3, 15] * u.TeV), np.sqrt(variance) / [2, 8], rtol=1e-12)
    assert_allclose(kernel.get_mean("3000 GeV").to_value("TeV"), [3], rtol=1e-12)
    empty = EDispKernel(kernel.axes)
    assert np.isnan(empty.get_mean(3 * u.TeV)).all()


def test_rows():
    kernel = two_by_three()
    assert_array_equal(kernel.evaluate([15, 2] * u.TeV), kernel.data[[1, 0]])
    with pytest.raises(InputError, match=r"energy_true is 20.0 TeV: expected energies on the axis, 1 TeV to 16 TeV"):
        kernel.evaluate([2, 20] * u.TeV)


def test_bias_energy():
    true = true_axis(np.geomspace(0.1, 100, 61))
    bias = 0.3 - 0.1 * np.log(true.center.value)
    kernel = EDispKernel.from_gauss(true, axis(np.geomspace(0.001, 1e4, 2000)), 0.05, bias)
    assert_allclose(kernel.get_bias_energy(0.1).to_value("TeV"), [np.e**2], rtol=2e-3)
    assert_allclose(kernel.get_bias_energy(0.4, energy_max=1 * u.TeV).to_value("TeV"), [np.exp(-1)], rtol=2e-3)
    with pytest.raises(InputError, match=r"the bias is 0.4 nowhere between 1.059 TeV and"):
        kernel.get_bias_energy(0.4, energy_min="1 TeV")


def test_ranges():
    kernel = two_by_three()
    assert_array_equal(kernel.pdf_in_safe_range(2 * u.TeV, None), [[0, 0.5, 0], [0, 0.2, 0.6]])
    assert_array_equal(kernel.pdf_in_safe_range(None, "8 TeV"), [[0.25, 0.5, 0], [0, 0.2, 0]])
    image = kernel.to_image(2 * u.TeV, 8 * u.TeV)
    assert_allclose(image.data, [[0.5], [0.2]])
    assert_allclose(image.energy_axis.edges.value, [0.5, 32])
    assert_allclose(kernel.to_image().data, [[0.75], [0.8]])


# -- the object


def test_attributes():
    kernel = two_by_three()
    assert kernel.axes.names == ["energy_true", "energy"]
    assert_array_equal(kernel.pdf_matrix, kernel.data)
    assert kernel.quantity.unit == ""
    assert repr(kernel).startswith("EDispKernel: 2 x 3 bins, true energy 1 TeV to 16 TeV, reconstructed 0.5 TeV to")
    assert kernel.is_allclose(EDispKernel.from_matrix(*kernel.axes, kernel.data + 1e-14))
    assert not kernel.is_allclose(EDispKernel.from_matrix(*kernel.axes, kernel.data + 1e-4))
    assert EDispKernel(kernel.axes, meta={"obs": 1}).meta == {"obs": 1}
    assert EDispKernel(kernel.axes, kernel.data * 100, unit="percent").is_allclose(kernel)


def test_data_are_not_shared():
    data = np.full((2, 3), 0.1)
    kernel = EDispKernel(two_by_three().axes, data)
    data[:] = 7
    assert_array_equal(kernel.data, np.full((2, 3), 0.1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0}, r"sigma is 0: expected numbers above zero"),
        ({"sigma": [0.1, -0.1]}, r"sigma is \[0.1, -0.1\]: expected numbers above zero"),
        ({"sigma": np.nan}, r"sigma is nan: expected finite numbers"),
        ({"bias": np.inf}, r"bias is inf: expected finite numbers"),
        ({"bias": [0, 0, 0]}, r"bias has the shape \(3,\): expected a number or \(2,\)"),
        ({"sigma": 1 * u.TeV}, r"sigma has the unit 'TeV'"),
    ],
)
def test_bad_gauss(arguments, message):
    with pytest.raises((InputError, UnitsError), match=message):
        EDispKernel.from_gauss(true_axis([1, 2, 4]), axis([1, 2]), **{"sigma": 0.1, "bias": 0, **arguments})


def test_bad_kernels():
    axes = two_by_three().axes
    with pytest.raises(
        InputError, match=r"has the axes \['energy', 'energy_true'\]: expected \['energy_true', 'energy'\]"
    ):
        EDispKernel([axes["energy"], axes["energy_true"]])
    with pytest.raises(InputError, match=r"has the shape \(3, 2\): its axes need \(2, 3\)"):
        EDispKernel(axes, np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"holds -0.5: expected numbers of zero or more"):
        EDispKernel(axes, [[0, 0, 1], [0.5, -0.5, 0]])
    with pytest.raises(InputError, match=r"holds nan"):
        EDispKernel(axes, np.full((2, 3), np.nan))
    with pytest.raises(UnitsError, match=r"the energy dispersion has the unit 'm'"):
        EDispKernel(axes, np.zeros((2, 3)), unit="m")
    with pytest.raises(InputTypeError, match=r"cannot compare an EDispKernel with a list"):
        two_by_three().is_allclose([])
