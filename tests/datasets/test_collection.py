"""Datasets: an ordered, named collection with one joint likelihood."""

import pickle

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.modeling import Fit
from gammafold.modeling.models import FoVBackgroundModel, GaussianPrior, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import FitError, GammafoldWarning, InputError, InputTypeError, UnknownNameError


def source(name="source", **kwargs):
    return SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name=name, **kwargs)


@pytest.fixture
def datasets(make):
    return Datasets([make(seed=seed, name=name, start=5000.0 * seed) for seed, name in enumerate("abc")])


# -- a list with names


def test_members_by_index_by_name_and_by_themselves(datasets):
    first = datasets[0]
    assert datasets["a"] is first
    assert datasets[-1] is datasets["c"]
    assert datasets.index("b") == datasets.index(datasets[1]) == 1
    assert first in datasets
    assert "c" in datasets
    assert "x" not in datasets
    assert datasets[1:].names == ["b", "c"]
    assert datasets[["c", "a"]].names == ["c", "a"]
    assert datasets[np.array([True, False, True])].names == ["a", "c"]
    assert [dataset.name for dataset in datasets] == datasets.names
    assert len(datasets) == 3
    with pytest.raises(UnknownNameError, match=r"no dataset 'x': there are \['a', 'b', 'c'\]"):
        datasets["x"]
    with pytest.raises(UnknownNameError, match="no such dataset among"):
        datasets.index(first.copy())
    with pytest.raises(IndexError):
        datasets[3]


def test_adding_and_removing(datasets, make):
    datasets.append(make(name="d"))
    datasets.insert(0, make(name="z"))
    assert datasets.names == ["z", "a", "b", "c", "d"]
    assert datasets.pop().name == "d"
    assert datasets.pop("a").name == "a"
    assert datasets.pop(0).name == "z"
    datasets.extend([make(name="e"), make(name="f")])
    del datasets["b"]
    datasets.remove(datasets["e"])
    assert datasets.names == ["c", "f"]
    datasets[0] = make(name="c")
    datasets["f"] = make(name="g")
    assert datasets.names == ["c", "g"]
    datasets.reverse()
    assert datasets.names == ["g", "c"]
    datasets += [make(name="h")]
    assert datasets.names == ["g", "c", "h"]
    datasets.clear()
    assert len(datasets) == 0


def test_names_are_unique(datasets, make):
    for add in (datasets.append, lambda one: datasets.insert(0, one), lambda one: datasets.__setitem__(0, one)):
        with pytest.raises(InputError, match="a dataset 'b' is already there: names must be unique"):
            add(make(name="b"))
    with pytest.raises(InputError, match="a dataset 'a' is already there"):
        Datasets([make(name="a"), make(name="a")])
    assert datasets.names == ["a", "b", "c"]


@pytest.mark.parametrize("other", [3, "a", None, PowerLawSpectralModel()])
def test_other_things_are_no_datasets(datasets, other):
    with pytest.raises(InputTypeError, match="is no dataset: expected a Dataset"):
        datasets.append(other)


def test_a_collection_is_no_member(datasets):
    with pytest.raises(InputTypeError, match="Datasets is no dataset"):
        Datasets().append(datasets)


def test_one_dataset_is_a_collection_of_one(make):
    assert Datasets(make(name="a")).names == ["a"]
    assert Datasets().names == []


def test_a_collection_of_a_collection_has_the_same_members(datasets):
    again = Datasets(datasets)
    assert again is not datasets
    assert [a is b for a, b in zip(again, datasets, strict=True)] == [True] * len(datasets)


def test_copy_is_deep_and_keeps_links(datasets):
    one, two = source("one", datasets_names="a"), source("two", datasets_names="b")
    two.spectral_model.index = one.spectral_model.index
    datasets.models = [one, two]
    before = datasets.stat_sum()
    other = datasets.copy()
    assert other.names == datasets.names
    assert other.stat_sum() == before
    index = other["a"].models["one"].spectral_model.index
    assert index is other["b"].models["two"].spectral_model.index
    assert index is not one.spectral_model.index
    other["a"].counts.data += 1
    index.value = 3
    assert datasets.stat_sum() == before
    assert other.stat_sum() != before


def test_pickle(datasets):
    datasets.models = source()
    before = datasets.stat_sum()
    other = pickle.loads(pickle.dumps(datasets))
    assert other.stat_sum() == before
    assert other["a"].models[0] is other["b"].models[0]


# -- models and the joint likelihood


def test_models_are_set_on_all_members(datasets):
    datasets.models = [source("all"), source("of a", datasets_names="a")]
    assert datasets.models.names == ["all", "of a"]
    assert datasets["a"].models.names == ["all", "of a"]
    assert datasets["b"].models.names == ["all"]
    assert len(datasets.parameters) == 6
    datasets.models = None
    assert datasets["a"].models is None
    assert len(datasets.models) == 0


def test_a_model_for_datasets_that_are_not_here_is_told(datasets):
    here = datasets.names
    stranger = SkyModel(PowerLawSpectralModel(), name="source", datasets_names=["nowhere"])
    known = SkyModel(PowerLawSpectralModel(), name="known", datasets_names=["nowhere", here[0]])
    with pytest.warns(
        GammafoldWarning, match=rf"model 'source' is for the datasets \['nowhere'\], none of .*{here[0]}"
    ):
        datasets.models = [stranger, known]
    assert datasets.models.names == ["known"]
    with pytest.warns(GammafoldWarning, match="none of which is here"):
        datasets.models = stranger
    with pytest.raises(FitError, match="no models are set, or none that applies to them"):
        Fit().run(datasets)


def test_models_of_members_are_listed_once(datasets):
    shared = source("shared")
    datasets["a"].models = [shared, source("own")]
    datasets["b"].models = [shared]
    assert datasets.models.names == ["shared", "own"]
    datasets["c"].models = [source("shared")]
    with pytest.raises(InputError, match=r"several models are called \['shared'\]"):
        datasets.models  # noqa: B018


def test_joint_statistic_is_the_sum(datasets, make):
    datasets.append(make(seed=9, kind=SpectrumDatasetOnOff, name="off"))
    model = source()
    datasets.models = [model, FoVBackgroundModel(dataset_name="b")]
    assert_allclose(datasets.stat_sum(), sum(dataset.stat_sum() for dataset in datasets), rtol=1e-12)
    likelihood = datasets.likelihood()
    assert likelihood.n_free == 3
    assert_allclose(likelihood.stat(likelihood.x0), datasets.stat_sum(), rtol=1e-12)
    each = likelihood.stat_per_dataset(likelihood.x0)
    assert_allclose(list(each.values()), [dataset.stat_sum() for dataset in datasets], rtol=1e-9)


def test_a_prior_counts_once(datasets):
    datasets.models = source()
    before = datasets.stat_sum(), datasets["a"].stat_sum()
    datasets.models[0].spectral_model.index.prior = GaussianPrior(mu=2.0, sigma=0.1)
    added = datasets.stat_sum() - before[0]
    assert added != 0
    assert_allclose(added, datasets["a"].stat_sum() - before[1], rtol=1e-9)


def test_members_come_and_go(datasets, make):
    datasets.models = source()
    datasets.stat_sum()
    removed = datasets.pop()
    assert_allclose(datasets.stat_sum(), datasets[0].stat_sum() + datasets[1].stat_sum(), rtol=1e-12)
    datasets.insert(0, removed)
    assert_allclose(datasets.stat_sum(), sum(dataset.stat_sum() for dataset in datasets), rtol=1e-12)
    assert list(datasets.likelihood().slices) == ["c", "a", "b"]


def test_an_empty_collection_has_no_statistic():
    assert Datasets().stat_sum() == 0
    assert Datasets().likelihood().n_data == 0


# -- what the members are


def test_kinds_and_shapes(datasets, make):
    assert datasets.is_all_same_type
    assert datasets.is_all_same_shape
    assert datasets.is_all_same_energy_shape
    assert datasets.energy_axes_are_aligned
    datasets.append(make(name="off", kind=SpectrumDatasetOnOff))
    assert not datasets.is_all_same_type
    assert datasets.energy_axes_are_aligned
    datasets.append(make(name="few", n_reco=4))
    assert not datasets.is_all_same_shape
    assert not datasets.is_all_same_energy_shape
    assert not datasets.energy_axes_are_aligned
    shifted = make(seed=0, name="shifted").slice_by_idx({"energy": slice(0, 4)}, name="shifted")
    assert not Datasets([datasets["few"], shifted]).energy_axes_are_aligned


def test_energy_ranges(datasets):
    datasets["b"].mask_safe.data[...] = False
    low, high = datasets.energy_ranges
    assert_array_equal(low.value, [dataset.energy_range[0].value for dataset in datasets])
    assert_array_equal(high.value, [dataset.energy_range[1].value for dataset in datasets])
    assert np.isnan([low[1].value, high[1].value]).all()
    assert low.unit == "TeV"


def test_good_times_and_observations(datasets, make):
    gti = datasets.gti
    assert len(gti) == 6
    assert_allclose(gti.time_sum.to_value("s"), 3300)
    assert list(datasets.meta_table["OBS_ID"]) == [0, 1, 2]
    datasets["b"].gti = datasets["b"].meta_table = None
    assert len(datasets.gti) == 4
    assert list(datasets.meta_table["OBS_ID"]) == [0, 2]
    empty = Datasets([SpectrumDataset(counts=make().counts, name="bare")])
    assert empty.gti is None
    assert empty.meta_table is None


def test_select(datasets, make):
    datasets.append(make(name="off", kind=SpectrumDatasetOnOff))
    assert datasets.select(name=["a", "c"]).names == ["a", "c"]
    assert datasets.select(name="b").names == ["b"]
    assert datasets.select(stat_type="wstat").names == ["off"]
    assert datasets.select(stat_type="cash", name=["a", "off"]).names == ["a"]
    assert datasets.select(data_shape=(6, 1, 1)).names == datasets.names
    assert datasets.select(name="x").names == []
    assert datasets.select().names == datasets.names
    with pytest.raises(AttributeError, match="colour"):
        datasets.select(colour="red")


def test_slice_by_energy(datasets, make):
    datasets.models = [source(), FoVBackgroundModel(dataset_name="a")]
    edges = datasets[0].reco_energy_axis.edges
    # This one ends below the range.
    low = make(name="low").slice_by_idx({"energy": slice(0, 2)}, name="low")
    datasets.append(low)
    sliced = datasets.slice_by_energy(edges[2], edges[5])
    assert sliced.names == ["a", "b", "c"]
    for part, whole in zip(sliced, datasets, strict=False):
        assert_array_equal(part.counts.data, whole.counts.data[2:5])
        assert_allclose(part.npred().data, whole.npred().data[2:5], rtol=1e-12)
    assert sliced["a"].background_model is datasets["a"].background_model
    assert datasets.slice_by_energy(energy_max=edges[2]).names == ["a", "b", "c", "low"]


def test_stack_reduce(datasets):
    before = [dataset.counts.data.copy() for dataset in datasets]
    datasets.models = source()
    stacked = datasets.stack_reduce(name="sum")
    assert (type(stacked), stacked.name) == (SpectrumDataset, "sum")
    expected = sum(dataset.counts.data * dataset.mask_safe.data for dataset in datasets)
    assert_array_equal(stacked.counts.data, expected)
    assert stacked.models[0] is datasets.models[0]
    for dataset, counts in zip(datasets, before, strict=True):
        assert_array_equal(dataset.counts.data, counts)
    assert len(stacked.name) == 3
    assert len(datasets.stack_reduce().name) == 8


def test_stack_reduce_of_one_is_masked(datasets):
    one = datasets[:1].stack_reduce()
    assert_array_equal(one.counts.data, datasets[0].counts.data * datasets[0].mask_safe.data)
    assert one.exposure is not datasets[0].exposure


def test_nothing_and_different_kinds_cannot_be_stacked(datasets, make):
    with pytest.raises(InputError, match="no datasets: there is nothing to stack"):
        Datasets().stack_reduce()
    datasets.append(make(name="off", kind=SpectrumDatasetOnOff))
    with pytest.raises(InputError, match=r"different types: \['SpectrumDataset', 'SpectrumDatasetOnOff'\]"):
        datasets.stack_reduce()


def test_to_spectrum_datasets(make):
    datasets = Datasets([make(name="a"), make(name="b", kind=SpectrumDatasetOnOff)])
    spectra = datasets.to_spectrum_datasets(datasets[0].geom.region)
    assert spectra.names == ["a", "b"]
    assert spectra["a"] is datasets["a"]
    assert type(spectra["b"]) is SpectrumDataset


def test_words(datasets):
    datasets.models = source()
    assert repr(datasets).startswith("<Datasets of 3: a: SpectrumDataset, b: SpectrumDataset")
    assert "  1  b  SpectrumDataset  models: source" in str(datasets)
    assert u.Quantity(datasets.info_table()["livetime"]).unit == "s"


@pytest.mark.parametrize("bad", [3, [3], "abc"])
def test_what_is_no_dataset(bad):
    with pytest.raises(InputTypeError, match="expected a Dataset"):
        Datasets(bad)
