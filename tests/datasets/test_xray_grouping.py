"""Bins grouped in a dataset: they hold enough, and everything else is the sum over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDatasetOnOff
from gammafold.maps import RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import InputError

MODEL = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1", index=2.7), name="crab")


@pytest.fixture
def crab():
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    dataset.models = MODEL
    return dataset


def members(dataset, grouped):
    """Return the number of the group that each bin is in."""
    edges = grouped.reco_energy_axis.edges.to_value("TeV")
    return np.searchsorted(edges, dataset.reco_energy_axis.center.to_value("TeV")) - 1


def sums(values, member, n):
    return np.bincount(member, weights=values, minlength=n)


WAYS = st.sampled_from(["counts", "counts_off", "signal_to_noise", "optimal"])


@given(st.integers(0, 2**32), WAYS, st.integers(1, 9))
def test_prediction_of_groups_is_the_sum_of_predictions(seed, by, minimum):
    rng = np.random.default_rng(seed)
    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[seed % 4])
    dataset.models = MODEL
    n = dataset.reco_energy_axis.nbin
    dataset.mask_safe = (rng.uniform(size=n) > 0.1).reshape(n, 1, 1)
    dataset.mask_fit = (rng.uniform(size=n) > 0.1).reshape(n, 1, 1)
    dataset.acceptance_off = rng.uniform(5, 20, n)
    grouped = dataset.group(by, None if by == "optimal" else minimum)
    member, safe = members(dataset, grouped), dataset.safe_bins()
    n_groups = grouped.reco_energy_axis.nbin
    assert member.max() == n_groups - 1
    # No group reaches across the edge of a mask.
    for mask in (dataset.mask_safe, dataset.mask_fit):
        inside = mask.data.ravel()
        assert all(inside[member == i].all() or not inside[member == i].any() for i in range(n_groups))
    for part in ("counts", "counts_off", "background"):
        expected = sums(getattr(dataset, part).data.ravel() * safe, member, n_groups)
        assert_allclose(getattr(grouped, part).data.ravel(), expected, rtol=1e-12, err_msg=part)
    expected = sums(dataset.npred_signal().data.ravel() * safe, member, n_groups)
    assert_allclose(grouped.npred_signal().data.ravel(), expected, rtol=1e-12)
    kept = sums(dataset.selected_bins(), member, n_groups) > 0
    assert (grouped.selected_bins() <= kept).all()
    if by in ("counts", "counts_off"):
        held = getattr(grouped, by).data.ravel()
        assert (held[grouped.selected_bins()] >= minimum).all()
        assert (held[kept & ~grouped.selected_bins()] < minimum).all()


def test_signal_to_noise_is_reached(crab):
    grouped = crab.group("signal_to_noise", 3)
    bins = grouped.selected_bins()
    on, off, alpha = (held.data.ravel()[bins] for held in (grouped.counts, grouped.counts_off, grouped.alpha))
    assert ((on - alpha * off) / np.sqrt(on + alpha**2 * off) >= 3 - 1e-9).all()
    known = crab.to_spectrum_dataset(name="known")
    grouped = known.group("signal_to_noise", 3)
    bins = grouped.selected_bins()
    excess, counts = grouped.excess.data.ravel()[bins], grouped.counts.data.ravel()[bins]
    assert (excess >= 3 * np.sqrt(counts) - 1e-9).all()


def test_signal_to_noise_with_gaussian_errors(crab):
    crab.counts_error = RegionNDMap(crab.geom, data=np.full(crab.data_shape, 2.0))
    grouped = crab.group("signal_to_noise", 3)
    bins = grouped.selected_bins()
    excess, error = (held.data.ravel()[bins] for held in (grouped.excess, grouped.counts_error))
    off = (grouped.alpha.data**2 * grouped.counts_off.data).ravel()[bins]
    assert (excess >= 3 * np.sqrt(error**2 + off) - 1e-9).all()


def test_left_over_joins_the_last_group(crab):
    grouped = crab.group("counts", 20)
    assert grouped.counts.data[grouped.mask.data].sum() == 124
    assert grouped.energy_range[1] == crab.energy_range[1]


def test_bins_that_never_suffice_are_not_safe(crab):
    grouped = crab.group("counts", 1000)
    assert not grouped.selected_bins().any()
    assert grouped.counts.data.sum() == 124


def test_enough_off_counts_end_the_bias():
    from gammafold.datasets.fit_checks import low_off_counts

    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    dataset.acceptance_off = 1.0
    assert low_off_counts(dataset) is not None
    assert low_off_counts(dataset.group("counts_off", 5)) is None


def test_models_name_and_statistic_stay(crab):
    crab.stat_type = "chi2gehrels"
    grouped = crab.group("counts", 5, name="grouped")
    assert (grouped.name, grouped.stat_type, grouped.models.names) == ("grouped", "chi2gehrels", ["crab"])
    assert_array_equal(crab.data_shape, (80, 1, 1))


@pytest.mark.parametrize(
    ("by", "minimum", "message"),
    [
        ("width", 3, "by is 'width': expected one of .'counts', 'counts_off'"),
        ("counts", None, "minimum is None: bins grouped by 'counts' need one"),
        ("optimal", 3, "minimum is 3: bins grouped by 'optimal' have none"),
        ("counts", 0, "minimum = 0.0: a number above zero is needed"),
        ("counts", np.nan, "minimum = nan: a number above zero is needed"),
    ],
)
def test_arguments(crab, by, minimum, message):
    with pytest.raises(InputError, match=message):
        crab.group(by, minimum)


def test_what_is_summed_must_be_there(crab):
    known = crab.to_spectrum_dataset(name="known")
    with pytest.raises(InputError, match="'known' has no counts_off: its bins cannot be grouped by 'counts_off'"):
        known.group("counts_off", 3)
    known.edisp = None
    with pytest.raises(InputError, match="'known' has no edisp: its resolution"):
        known.group("optimal")
