"""Masks, the statistic inside them, energy ranges and residuals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import InputError


@pytest.fixture(params=[SpectrumDataset, SpectrumDatasetOnOff])
def dataset(request, make):
    dataset = make(seed=5, kind=request.param, safe=None, fit=None)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-12 cm-2 s-1 TeV-1"), name="source")
    return dataset


MASKS = [None, [0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]


@pytest.mark.parametrize("safe", MASKS)
@pytest.mark.parametrize("fit", MASKS)
def test_only_bins_inside_both_masks_are_fitted(dataset, safe, fit):
    every = dataset.stat_array().reshape(-1), dataset.npred().data, dataset.residuals().data
    dataset.mask_safe = None if safe is None else np.array(safe, bool)
    dataset.mask_fit = None if fit is None else np.array(fit, bool)
    keep = np.ones(6, bool) if safe is None else np.array(safe, bool)
    keep = keep if fit is None else keep & np.array(fit, bool)
    assert_array_equal(dataset.selected_bins(), keep)
    if safe is None and fit is None:
        assert dataset.mask is None
    else:
        assert_array_equal(dataset.mask.data.reshape(-1), keep)
    assert_allclose(dataset.stat_sum(), every[0][keep].sum(), rtol=1e-12)
    assert dataset.likelihood().n_data == keep.sum()
    # All else is of all bins.
    assert_array_equal(dataset.stat_array().reshape(-1), every[0])
    assert_array_equal(dataset.npred().data, every[1])
    assert_array_equal(dataset.residuals().data, every[2])


RANGES = [
    (None, (0, 6)),
    ([1, 1, 1, 1, 1, 1], (0, 6)),
    ([0, 1, 1, 1, 0, 0], (1, 4)),
    ([0, 1, 0, 0, 1, 0], (1, 5)),  # holes are not looked at
    ([0, 0, 0, 0, 0, 1], (5, 6)),
]


@pytest.mark.parametrize(("bins", "expected"), RANGES)
@pytest.mark.parametrize("which", ["safe", "fit", "total"])
def test_energy_range(dataset, which, bins, expected):
    setattr(dataset, "mask_fit" if which == "fit" else "mask_safe", None if bins is None else np.array(bins, bool))
    edges = dataset.reco_energy_axis.edges
    found = getattr(dataset, f"energy_range_{which}")
    assert_array_equal(found.value, edges[list(expected)].value)
    assert found.unit == "TeV"
    if which == "safe":
        assert_array_equal(dataset.energy_range.value, found.value)


def test_energy_range_where_nothing_is_safe(dataset):
    dataset.mask_safe = np.zeros(6, bool)
    assert np.isnan(dataset.energy_range).all()
    assert dataset.energy_range.unit == "TeV"
    assert np.isnan(dataset.energy_range_total).all()
    assert not np.isnan(dataset.energy_range_fit).any()


def test_energy_range_is_of_the_safe_mask_alone(dataset):
    dataset.mask_safe = np.array([1, 1, 1, 1, 1, 0], bool)
    dataset.mask_fit = np.array([0, 0, 1, 1, 1, 1], bool)
    edges = dataset.reco_energy_axis.edges.value
    assert_array_equal(dataset.energy_range.value, edges[[0, 5]])
    assert_array_equal(dataset.energy_range_total.value, edges[[2, 5]])


def test_a_mask_given_as_an_array_is_on_the_geometry_of_the_dataset(dataset):
    dataset.mask_fit = np.array([1, 0, 1, 0, 1, 0], bool)
    assert dataset.mask_fit.geom == dataset.counts.geom
    dataset.mask_fit = np.ones((6, 1, 1), bool)
    assert dataset.mask_fit.data.all()


def test_a_mask_alone_is_a_geometry(make):
    dataset = SpectrumDataset(mask_safe=make(safe="all").mask_safe)
    assert dataset.data_shape == (6, 1, 1)
    with pytest.raises(InputError, match="has no counts, background or mask: its geometry is unknown"):
        SpectrumDataset(name="bare").data_shape  # noqa: B018


def test_residuals_where_nothing_is_predicted(dataset):
    dataset.exposure.data[...] = 0
    if isinstance(dataset, SpectrumDatasetOnOff):
        dataset.counts_off.data[...] = 0
        dataset.counts.data[...] = 0
    else:
        dataset.background.data[...] = 0
        dataset.counts.data[:3] = 0
        dataset.counts.data[3:] = 5
    for method in ("diff", "diff/model", "diff/sqrt(model)"):
        found = dataset.residuals(method).data.reshape(-1)
        assert_array_equal(found[:3], 0)
        seen = dataset.counts.data.reshape(-1)[3:]
        expected = np.where(seen > 0, seen if method == "diff" else np.nan, 0)
        assert_array_equal(found[3:], expected)


def test_unknown_residuals(dataset):
    with pytest.raises(InputError, match="residuals method is 'ratio': expected one of"):
        dataset.residuals("ratio")
    dataset.counts = None
    with pytest.raises(InputError, match="dataset 'd' has no counts: it has no residuals"):
        dataset.residuals()


def test_what_needs_counts_says_so(dataset):
    dataset.counts = None
    for call in (dataset.stat_array, dataset.stat_sum):
        with pytest.raises(InputError, match="dataset 'd' has no counts: it has no statistic"):
            call()
    with pytest.raises(InputError, match="dataset 'd' has no counts: its excess is unknown"):
        dataset.excess  # noqa: B018
