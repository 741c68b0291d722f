"""Datasets in numbers and words."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from gammafold.datasets import Datasets, MapDataset, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.stats import CashCountsStatistic, WStatCountsStatistic

KEYS = [
    "name", "counts", "background", "excess", "sqrt_ts", "npred", "npred_background", "npred_signal", "exposure_min",
    "exposure_max", "livetime", "ontime", "counts_rate", "background_rate", "excess_rate", "n_bins", "n_fit_bins",
    "stat_type", "stat_sum",
]  # fmt: skip


@pytest.fixture
def dataset(make):
    dataset = make(seed=2)
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-12 cm-2 s-1 TeV-1"), name="source")
    return dataset


@pytest.mark.parametrize("in_safe_data_range", [True, False])
def test_numbers(dataset, in_safe_data_range):
    info = dataset.info_dict(in_safe_data_range=in_safe_data_range)
    bins = dataset.mask_safe.data if in_safe_data_range else np.ones(dataset.data_shape, bool)
    assert list(info) == KEYS
    totals = {
        "counts": dataset.counts,
        "background": dataset.background,
        "excess": dataset.excess,
        "npred": dataset.npred(),
        "npred_background": dataset.npred_background(),
        "npred_signal": dataset.npred_signal(),
    }
    for key, values in totals.items():
        assert_allclose(info[key], values.data[bins].sum(), rtol=1e-12, err_msg=key)
    livetime = dataset.exposure.meta["livetime"]
    for rate, key in (("counts_rate", "counts"), ("background_rate", "background"), ("excess_rate", "excess")):
        assert_allclose(info[rate].to_value("s-1"), info[key] / livetime.to_value("s"))
    expected = CashCountsStatistic(info["counts"], info["background"]).sqrt_ts
    assert_allclose(info["sqrt_ts"], expected, rtol=1e-10)
    assert_allclose(info["ontime"].to_value("s"), 1100, rtol=1e-9)
    assert info["exposure_min"] == dataset.exposure.quantity.min()
    assert info["exposure_max"] == dataset.exposure.quantity.max()
    assert (info["n_bins"], info["n_fit_bins"]) == (6, dataset.mask.data.sum())
    assert info["stat_sum"] == dataset.stat_sum()


def test_numbers_with_off_regions(make):
    dataset = make(seed=3, kind=SpectrumDatasetOnOff)
    info = dataset.info_dict()
    assert list(info) == [*KEYS, "counts_off", "acceptance", "acceptance_off", "alpha"]
    safe = dataset.mask_safe.data
    assert info["counts_off"] == dataset.counts_off.data[safe].sum()
    assert_allclose(info["background"], info["alpha"] * info["counts_off"])
    assert_allclose(info["alpha"], info["acceptance"] / info["acceptance_off"])
    expected = WStatCountsStatistic(info["counts"], info["counts_off"], info["alpha"]).sqrt_ts
    assert_allclose(info["sqrt_ts"], expected, rtol=1e-9)
    assert info["stat_type"] == "wstat"


def test_off_regions_that_saw_nothing(make):
    dataset = make(seed=3, kind=SpectrumDatasetOnOff, safe="all")
    dataset.counts_off.data[...] = 0
    info = dataset.info_dict()
    assert (info["counts_off"], info["background"]) == (0, 0)
    ratio = dataset.acceptance.data.sum() / dataset.acceptance_off.data.sum()
    assert_allclose(info["alpha"], ratio)
    assert np.isfinite(info["sqrt_ts"])


def test_what_is_unknown_is_nan_with_a_unit(make):
    dataset = SpectrumDataset(counts=make().counts, name="bare")
    info = dataset.info_dict()
    for key in ("background", "excess", "sqrt_ts", "npred", "npred_background", "npred_signal", "stat_sum"):
        assert np.isnan(info[key]), key
    for key, unit in (("exposure_min", "cm2 s"), ("livetime", "s"), ("ontime", "s"), ("counts_rate", "s-1")):
        assert np.isnan(info[key].to_value(unit)), key


def test_statistic_is_known_once_models_are_set(make):
    dataset = make()
    assert np.isnan(dataset.info_dict()["stat_sum"])
    dataset.models = []
    assert dataset.info_dict()["stat_sum"] == dataset.stat_sum()


def test_an_empty_dataset_has_no_rates():
    dataset = SpectrumDataset.create(MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3), name="empty")
    info = dataset.info_dict()
    assert info["livetime"] == 0 * u.s
    assert np.isnan(info["counts_rate"].value)
    assert (info["counts"], info["sqrt_ts"], info["n_fit_bins"]) == (0, 0, 0)
    assert "empty" in str(dataset)


def test_counts_over_no_background_are_infinitely_significant(dataset):
    dataset.background.data[...] = 0
    assert dataset.info_dict()["sqrt_ts"] == np.inf


def test_exposure_of_masked_bins(dataset):
    dataset.exposure.data[0] = 0
    positive = dataset.exposure.quantity[dataset.exposure.data > 0].min()
    assert dataset.info_dict()["exposure_min"] == positive
    dataset.mask_safe.data[...] = False
    assert dataset.info_dict()["exposure_min"] == 0 * u.Unit("cm2 s")


def test_table(make):
    members = [make(seed=seed, name=f"m{seed}") for seed in (1, 2, 3)]
    table = Datasets(members).info_table()
    assert isinstance(table, Table)
    assert list(table["name"]) == ["m1", "m2", "m3"]
    for row, member in zip(table, members, strict=True):
        assert row["counts"] == member.info_dict()["counts"]
    assert table["livetime"].unit == "s"
    assert len(Datasets().info_table()) == 0
    assert len(Datasets().info_table(cumulative=True)) == 0


@pytest.mark.parametrize("kind", [SpectrumDataset, SpectrumDatasetOnOff, MapDataset])
def test_cumulative_table_is_that_of_stacks(make, kind):
    members = [make(seed=seed, name=f"m{seed}", kind=kind, start=4000.0 * seed) for seed in (1, 2, 3)]
    datasets = Datasets(members)
    before = [member.counts.data.copy() for member in members]
    table = datasets.info_table(cumulative=True)
    for i, row in enumerate(table):
        expected = datasets[: i + 1].stack_reduce().info_dict()
        for key in ("counts", "background", "excess", "sqrt_ts", "n_fit_bins"):
            assert_allclose(row[key], expected[key], rtol=1e-10, err_msg=key)
        for key in ("livetime", "ontime", "exposure_max", "excess_rate"):
            unit = expected[key].unit
            assert_allclose(table[key].quantity[i].to_value(unit), expected[key].value, rtol=1e-10, err_msg=key)
    assert table["livetime"][2] > table["livetime"][0]
    for member, counts in zip(members, before, strict=True):
        assert np.array_equal(member.counts.data, counts)


def test_table_of_different_kinds(make):
    table = Datasets([make(name="a"), make(name="b", kind=SpectrumDatasetOnOff)]).info_table()
    assert np.isnan(table["counts_off"][0])
    assert table["counts_off"][1] > 0


def test_words(dataset):
    text = str(dataset)
    assert text.startswith("SpectrumDataset\n")
    for words in ("Name            : d", "Statistic       : cash", "Models          : source", "2 of them free"):
        assert words in text
    assert repr(dataset) == f"<SpectrumDataset 'd': {dataset.counts.data.sum():g} counts in 6 bins>"
    assert "none in memory" in str(SpectrumDataset(name="bare"))
    assert repr(SpectrumDataset(name="bare")) == "<SpectrumDataset 'bare': no counts>"
