"""Datasets with off regions: the measured background, its corners, stacking, merging and conversions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from gammafold.datasets import Datasets, MapDataset, MapDatasetOnOff, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import RegionNDMap
from gammafold.modeling.models import FoVBackgroundModel, PowerLawSpectralModel, SkyModel
from gammafold.stats import cash, wstat
from gammafold.utils.errors import InputError

KINDS = [SpectrumDatasetOnOff, MapDatasetOnOff]


def source():
    return SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name="source")


@pytest.fixture(params=KINDS)
def dataset(request, make):
    dataset = make(seed=5, kind=request.param)
    dataset.models = source()
    return dataset


def same_parts(one, other, parts):
    for part in parts:
        assert_array_equal(getattr(one, part).data, getattr(other, part).data, err_msg=part)
        assert not np.shares_memory(getattr(one, part).data, getattr(other, part).data)


SHARED = ("counts", "exposure", "mask_safe", "mask_fit")


# -- what is measured


def test_alpha_background_and_excess(dataset):
    alpha = dataset.acceptance.data / dataset.acceptance_off.data
    assert_allclose(dataset.alpha.data, alpha, rtol=1e-14)
    assert_allclose(dataset.background.data, alpha * dataset.counts_off.data, rtol=1e-14)
    assert_allclose(dataset.excess.data, dataset.counts.data - alpha * dataset.counts_off.data, rtol=1e-12)
    assert (dataset.stat_type, dataset.tag) == ("wstat", type(dataset).__name__)


def test_statistic_is_wstat(dataset):
    arrays = (dataset.counts, dataset.counts_off, dataset.alpha, dataset.npred_signal())
    expected = wstat(*(values.data for values in arrays))
    assert_allclose(dataset.stat_array(), expected, rtol=1e-10)
    assert_allclose(dataset.stat_sum(), expected[dataset.mask.data].sum(), rtol=1e-10)


def test_the_background_is_profiled_out(dataset):
    """Minimise the sum of the two Poisson statistics over the off counts that are expected, bin by bin."""
    signal, alpha = (values.data.reshape(-1) for values in (dataset.npred_signal(), dataset.alpha))
    on, off = (values.data.reshape(-1) for values in (dataset.counts, dataset.counts_off))
    for k, found in enumerate(dataset.npred_off().data.reshape(-1)):

        def total(b, k=k):
            return cash(on[k], signal[k] + alpha[k] * b) + cash(off[k], b)

        best = minimize_scalar(total, bounds=(1e-9, 300), method="bounded", options={"xatol": 1e-9})
        assert_allclose(found, best.x, rtol=1e-5)
    assert_allclose(dataset.npred_background().data, dataset.alpha.data * dataset.npred_off().data, rtol=1e-12)
    assert_allclose(dataset.npred().data, (dataset.npred_signal().data + dataset.npred_background().data), rtol=1e-12)


def test_gradient_is_that_of_the_statistic(dataset):
    likelihood = dataset.likelihood()
    for i, step in enumerate(likelihood.x0 * 1e-5):
        shift = np.eye(2)[i] * step
        slope = (likelihood.stat(likelihood.x0 + shift) - likelihood.stat(likelihood.x0 - shift)) / (2 * step)
        assert_allclose(likelihood.gradient(likelihood.x0)[i], slope, rtol=1e-6)


@given(st.lists(st.tuples(*[st.sampled_from([0, 1, 5, 40])] * 2, *[st.sampled_from([0.0, 0.5, 3.0])] * 2), min_size=6,
                max_size=6))  # fmt: skip
def test_corners_are_finite_and_right(make, rows):
    """Nothing in the on region, nothing in the off regions, and regions that accept nothing."""
    dataset = make(seed=5, kind=SpectrumDatasetOnOff, safe=None, fit=None)
    dataset.models = source()
    on, off, acceptance, acceptance_off = np.array(rows, dtype=float).T.reshape(4, 6, 1, 1)
    dataset.counts.data, dataset.counts_off.data = on, off
    dataset.acceptance.data, dataset.acceptance_off.data = acceptance, acceptance_off
    alpha = np.array([a / b if b > 0 else 0 for a, b in zip(acceptance.flat, acceptance_off.flat, strict=True)])
    assert_allclose(dataset.alpha.data.reshape(-1), alpha)
    signal = dataset.npred_signal().data
    assert_allclose(dataset.stat_array(), wstat(on, off, alpha.reshape(on.shape), signal), rtol=1e-9, atol=1e-9)
    assert np.isfinite(dataset.stat_sum())
    assert np.isfinite(dataset.npred().data).all()
    # Where on and off have nothing to do with each other, the background is not there.
    assert_array_equal(dataset.npred_background().data[dataset.alpha.data == 0], 0)
    info = dataset.info_dict()
    assert_allclose(info["background"], dataset.background.data.sum(), rtol=1e-12)
    # Counts where no background is possible are infinitely significant.
    assert not np.isnan(info["sqrt_ts"])


def test_without_off_counts_the_statistic_is_that_of_cash(dataset):
    dataset.counts_off = None
    assert dataset.background is None
    assert dataset.npred_background() is None
    n, mu = dataset.counts.data, dataset.npred_signal().data
    saturated = np.where(n > 0, n - n * np.log(np.where(n > 0, n, 1)), 0)
    assert_allclose(dataset.stat_array(), cash(n, mu) - 2 * saturated, rtol=1e-9)
    assert_allclose(dataset.npred().data, mu)


def test_off_counts_without_scale_are_refused(dataset):
    dataset.acceptance_off = None
    assert dataset.alpha is None
    with pytest.raises(InputError, match="dataset 'd' has off counts, but lacks acceptance or acceptance_off"):
        dataset.stat_sum()
    with pytest.raises(InputError, match="dataset 'd' lacks counts, off counts or acceptances"):
        dataset.npred_off()


def test_the_background_cannot_be_set(dataset):
    with pytest.raises(InputError, match="the background of dataset 'd' is measured: set counts_off, acceptance"):
        dataset.background = dataset.counts
    dataset.background = None


def test_acceptances_may_be_numbers_and_arrays(dataset):
    dataset.acceptance, dataset.acceptance_off = 2, np.arange(1.0, 7.0)
    assert_allclose(dataset.alpha.data.reshape(-1), 2 / np.arange(1.0, 7.0))
    with pytest.raises(InputError, match="acceptance of dataset 'd' has 3 values: expected one, or 6"):
        dataset.acceptance = [1, 2, 3]
    with pytest.raises(InputError, match="acceptance_off of dataset 'd' is negative in 6 of 6 bins"):
        dataset.acceptance_off = -1
    with pytest.raises(InputError, match="acceptance of dataset 'bare' is no map: without counts it has no axis"):
        SpectrumDatasetOnOff(acceptance=1, name="bare")


def test_a_background_model_has_no_background_to_scale(dataset):
    dataset.models = FoVBackgroundModel(dataset_name="d")
    with pytest.raises(InputError, match="has no background map .*: its background is measured in off regions"):
        dataset.npred()


# -- construction and conversion


@pytest.mark.parametrize("kind", KINDS)
def test_create(kind, make):
    dataset = kind.create(make().geom, name="e")
    assert type(dataset) is kind
    for part in ("counts", "counts_off", "acceptance", "acceptance_off"):
        assert not getattr(dataset, part).data.any()
    assert not dataset.mask_safe.data.any()
    assert dataset.stat_sum() == 0
    assert_array_equal(dataset.alpha.data, 0)


def test_from_a_known_background_and_back(make):
    known = make(seed=2)
    model = FoVBackgroundModel(dataset_name="d")
    model.parameters["norm"].value = 1.5
    known.models = [source(), model]
    fitted = known.npred_background().data
    measured = SpectrumDatasetOnOff.from_spectrum_dataset(known, acceptance=1, acceptance_off=8)
    assert measured.name == "d"
    assert type(measured) is SpectrumDatasetOnOff
    assert_allclose(measured.alpha.data, 1 / 8)
    assert_allclose(measured.counts_off.data, 8 * fitted, rtol=1e-12)
    assert_allclose(measured.background.data, fitted, rtol=1e-12)
    assert measured.models.names == ["source"]
    assert measured.models[0] is known.models[0]
    assert_allclose(measured.npred_signal().data, known.npred_signal().data, rtol=1e-12)
    same_parts(measured, known, SHARED)
    back = measured.to_spectrum_dataset(name="back")
    assert type(back) is SpectrumDataset
    assert back.name == "back"
    assert_allclose(back.background.data, fitted, rtol=1e-12)
    same_parts(back, measured, SHARED)
    assert back.gti == known.gti
    assert back.exposure.meta["livetime"] == known.exposure.meta["livetime"]
    assert_allclose(back.npred_signal().data, known.npred_signal().data, rtol=1e-12)


def test_maps_convert_too(make):
    known = make(seed=2, kind=MapDataset)
    measured = MapDatasetOnOff.from_map_dataset(known, acceptance=1, acceptance_off=8, name="off")
    assert (type(measured), measured.name) == (MapDatasetOnOff, "off")
    back = measured.to_map_dataset()
    assert type(back) is MapDataset
    assert_allclose(back.background.data, known.background.data, rtol=1e-12)


def test_off_counts_may_be_given(make):
    known = make(seed=2)
    off = RegionNDMap(known.geom, data=np.arange(6.0))
    measured = SpectrumDatasetOnOff.from_spectrum_dataset(known, 1, 4, counts_off=off)
    assert_array_equal(measured.counts_off.data, off.data)
    known.background = None
    assert SpectrumDatasetOnOff.from_spectrum_dataset(known, 1, 4).counts_off is None


def test_background_without_acceptance_has_no_off_counts(make):
    known = make(seed=2)
    acceptance = np.array([0, 1, 1, 1, 1, 1.0])
    with pytest.raises(InputError, match="dataset 'd' has background in 1 bins without acceptance"):
        SpectrumDatasetOnOff.from_spectrum_dataset(known, acceptance, 4)
    known.background.data[0] = 0
    measured = SpectrumDatasetOnOff.from_spectrum_dataset(known, acceptance, 4)
    assert measured.counts_off.data[0] == 0
    with pytest.raises(InputError, match="dataset 'd' needs both acceptances"):
        SpectrumDatasetOnOff.from_spectrum_dataset(known, None, 4)


# -- stacking and merging


def sparse(make, seed, name="d", **kwargs):
    """Return a dataset with few off counts, and with bins where a region accepts nothing."""
    rng = np.random.default_rng(seed)
    dataset = make(seed=seed, kind=SpectrumDatasetOnOff, name=name, **kwargs)
    dataset.counts_off.data = rng.poisson(0.7, dataset.data_shape).astype(float)
    dataset.acceptance.data = rng.choice([0.0, 0.5, 2.0], dataset.data_shape)
    dataset.acceptance_off.data = rng.choice([0.0, 4.0, 9.0], dataset.data_shape)
    return dataset


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_counts_and_backgrounds_of_a_stack_are_sums(make, seeds):
    members = [sparse(make, seed, name=f"m{i}") for i, seed in enumerate(seeds)]
    expected = {
        part: sum(getattr(member, part).data * member.mask_safe.data for member in members)
        for part in ("counts", "counts_off", "background")
    }
    Datasets(members).models = source()
    stacked = Datasets(members).stack_reduce()
    if len(members) == 1:
        stacked.stack(SpectrumDatasetOnOff.create(stacked.geom, energy_axis_true=members[0].exposure.geom.axes[0]))
    for part, values in expected.items():
        assert_allclose(getattr(stacked, part).data, values, rtol=1e-12, atol=1e-12, err_msg=part)
    assert np.isfinite(stacked.acceptance_off.data).all()
    assert (stacked.acceptance_off.data > 0).all()
    assert np.isfinite(stacked.stat_sum())


def test_a_bin_without_off_counts_has_the_mean_ratio(make):
    members = [make(seed=seed, kind=SpectrumDatasetOnOff, name=f"m{seed}", safe="all") for seed in (1, 2)]
    for member in members:
        member.counts_off.data[2] = 0
    background = sum(member.background.data.sum() for member in members)
    off = sum(member.counts_off.data.sum() for member in members)
    stacked = Datasets(members).stack_reduce()
    assert_allclose(stacked.alpha.data[2], background / off)


def test_without_any_off_counts_the_ratio_is_that_of_the_acceptances(make):
    members = [make(seed=seed, kind=SpectrumDatasetOnOff, name=f"m{seed}", safe="all") for seed in (1, 2)]
    for member in members:
        member.counts_off.data[...] = 0
    on = sum(member.acceptance.data.sum() for member in members)
    off = sum(member.acceptance_off.data.sum() for member in members)
    assert_allclose(Datasets(members).stack_reduce().alpha.data, on / off)


@given(st.integers(0, 10**6), st.sets(st.integers(0, 6), min_size=2))
def test_backgrounds_of_merged_bins_are_sums(make, seed, chosen):
    dataset = sparse(make, seed)
    dataset.models = source()
    edges = np.array(sorted(chosen))
    axis = type(dataset.reco_energy_axis).from_energy_edges(dataset.reco_energy_axis.edges[edges], name="energy")
    merged = dataset.resample_energy_axis(axis)
    for part in ("counts", "counts_off", "background"):
        values = (getattr(dataset, part).data * dataset.mask_safe.data).reshape(-1)
        sums = [values[a:b].sum() for a, b in zip(edges[:-1], edges[1:], strict=True)]
        assert_allclose(getattr(merged, part).data.reshape(-1), sums, rtol=1e-12, atol=1e-12, err_msg=part)
    assert np.isfinite(merged.stat_array()).all()


def test_onto_a_known_background_adds_what_was_measured(make):
    known, measured = make(seed=1, name="a"), make(seed=2, kind=SpectrumDatasetOnOff, name="b")
    expected = known.background.data * known.mask_safe.data + measured.background.data * measured.mask_safe.data
    known.stack(measured)
    assert_allclose(known.background.data, expected, rtol=1e-12)
    assert type(known) is SpectrumDataset


def test_copies_and_parts_keep_the_off_regions(dataset):
    part = dataset.slice_by_idx({"energy": slice(1, 4)})
    for name in ("counts_off", "acceptance", "acceptance_off", "alpha"):
        assert_array_equal(getattr(part, name).data, getattr(dataset, name).data[1:4])
        assert_array_equal(getattr(dataset.copy(), name).data, getattr(dataset, name).data)
    assert_allclose(part.stat_array(), dataset.stat_array()[1:4], rtol=1e-10)
