"""Simulated counts: seeds, generators, moments, and what cannot be drawn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import InputError, InputTypeError, UnitsError


@pytest.fixture
def dataset(make):
    dataset = make(seed=2)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-12 cm-2 s-1 TeV-1"), name="source")
    return dataset


def drawn(dataset, random_state):
    dataset.fake(random_state=random_state)
    return dataset.counts.data.copy()


def test_a_seed_is_the_legacy_generator(dataset):
    expected = np.random.RandomState(7).poisson(dataset.npred().data)
    for random_state in (7, np.int64(7), np.random.RandomState(7)):
        assert_array_equal(drawn(dataset, random_state), expected)
    assert dataset.counts.data.dtype == float


def test_a_generator_is_used_as_it_is(dataset):
    expected = np.random.default_rng(7).poisson(dataset.npred().data)
    assert_array_equal(drawn(dataset, np.random.default_rng(7)), expected)
    generator = np.random.RandomState(1)
    assert (drawn(dataset, generator) != drawn(dataset, generator)).any()


def test_the_global_generator_goes_on(dataset):
    state = np.random.get_state()
    try:
        np.random.seed(3)
        first, second = drawn(dataset, "global-rng"), drawn(dataset, "global-rng")
        np.random.seed(3)
        assert_array_equal(drawn(dataset, "global-rng"), first)
    finally:
        np.random.set_state(state)
    assert (first != second).any()


def test_random_seeds_differ(dataset):
    assert (drawn(dataset, "random-seed") != drawn(dataset, "random-seed")).any()
    dataset.fake()


@pytest.mark.parametrize("random_state", [None, "seed", 1.5, -1, True])
def test_other_seeds_are_refused(dataset, random_state):
    with pytest.raises(InputError, match="random_state is"):
        dataset.fake(random_state=random_state)


def test_all_bins_are_drawn_and_the_rest_stays(dataset):
    masks = dataset.mask_safe.data.copy(), dataset.mask_fit.data.copy()
    models = list(dataset.models)
    dataset.exposure.data *= 1e3
    dataset.fake(random_state=0)
    assert (dataset.counts.data > 0).all()
    assert_array_equal(dataset.mask_safe.data, masks[0])
    assert_array_equal(dataset.mask_fit.data, masks[1])
    assert list(dataset.models) == models


def test_mean_and_variance_are_those_of_poisson(dataset):
    rng = np.random.default_rng(0)
    npred = dataset.npred().data
    draws = np.array([drawn(dataset, rng) for _ in range(3000)])
    error = np.sqrt(npred / len(draws))
    assert_allclose((draws.mean(axis=0) - npred) / error, 0, atol=5)
    assert_allclose(draws.var(axis=0) / npred, 1, atol=0.2)


def test_negative_predictions_cannot_be_drawn(dataset):
    dataset.models[0].spectral_model.amplitude.value = -1e-9
    with pytest.raises(InputError, match=r"(?s)dataset 'd' predicts negative or infinite counts: .* no Poisson number"):
        dataset.fake(random_state=0)


# -- with off regions


@pytest.fixture
def measured(make):
    dataset = make(seed=4, kind=SpectrumDatasetOnOff)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-12 cm-2 s-1 TeV-1"), name="source")
    return dataset


def test_on_off_draws_signal_background_and_off_in_this_order(measured):
    background = RegionNDMap(measured.geom, data=np.linspace(1, 9, 6))
    alpha, signal = measured.alpha.data, measured.npred_signal().data
    random = np.random.RandomState(11)
    expected = random.poisson(signal) + random.poisson(background.data)
    off = random.poisson(background.data / alpha)
    measured.fake(background, random_state=11)
    assert_array_equal(measured.counts.data, expected)
    assert_array_equal(measured.counts_off.data, off)
    assert_array_equal(measured.alpha.data, alpha)


def test_on_off_default_background_is_the_measured_one(measured):
    other = measured.copy()
    measured.fake(measured.background, random_state=2)
    other.fake(random_state=2)
    assert_array_equal(measured.counts.data, other.counts.data)
    assert_array_equal(measured.counts_off.data, other.counts_off.data)


def test_on_off_without_alpha_sees_no_background_in_the_off_regions(measured):
    measured.acceptance.data[2] = 0
    measured.fake(RegionNDMap(measured.geom, data=np.full(6, 1e4)), random_state=0)
    assert measured.counts_off.data[2] == 0
    assert measured.counts.data[2] > 5000


def test_on_off_from_nothing_but_a_response(measured):
    dataset = SpectrumDatasetOnOff.create(measured.geom, energy_axis_true=measured.exposure.geom.axes["energy_true"])
    dataset.exposure, dataset.edisp = measured.exposure, measured.edisp
    dataset.acceptance, dataset.acceptance_off = 1, 5
    dataset.models = measured.models
    dataset.counts = dataset.counts_off = None
    dataset.fake(RegionNDMap(measured.geom, data=np.full(6, 3.0)), random_state=0)
    assert dataset.counts.data.sum() > 0
    assert_allclose(dataset.alpha.data, 0.2)


def test_on_off_bad_background(measured):
    with pytest.raises(InputTypeError, match="npred_background is 3: expected a RegionNDMap; a seed is passed as"):
        measured.fake(3)
    with pytest.raises(InputError, match="npred_background of dataset 'd' has 5 bins of energy"):
        measured.fake(SpectrumDataset.create(measured.slice_by_idx({"energy": slice(0, 5)}).geom).counts)
    with pytest.raises(UnitsError, match="npred_background of dataset 'd' has the unit 's'"):
        measured.fake(RegionNDMap(measured.geom, data=np.ones(6), unit="s"))
    with pytest.raises(InputError, match="predicts negative or infinite counts"):
        measured.fake(RegionNDMap(measured.geom, data=-np.ones(6)))
    measured.acceptance_off = None
    with pytest.raises(InputError, match="dataset 'd' lacks a background or acceptances: no off counts can be drawn"):
        measured.fake()
