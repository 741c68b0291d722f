"""Operations that give a dataset: the prediction of the result is the same operation on the prediction."""

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis
from gammafold.modeling.models import FoVBackgroundModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import GammafoldWarning, InputError, UnitsError

N_BINS = 6
PARTS = ("counts", "background", "counts_off", "acceptance", "acceptance_off", "mask_safe", "mask_fit", "exposure")


@st.composite
def choices(draw):
    """What a dataset is like: its class, its energy dispersion, its masks, and whether its background is fitted."""
    return {
        "seed": draw(st.integers(0, 1000)),
        "kind": draw(st.sampled_from([SpectrumDataset, SpectrumDatasetOnOff])),
        "edisp": draw(st.sampled_from(["kernel", "migra", None])),
        "safe": draw(st.sampled_from(["some", "all", "none", None])),
        "fit": draw(st.sampled_from(["some", "none", None])),
        "unit": draw(st.sampled_from(["cm2 s", "m2 s"])),
    }


def prepared(make, options, with_background_model=True):
    """Return a dataset with a source, and a background that is fitted with a tilt where it can be."""
    dataset = make(**options)
    models = [SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name="source")]
    if options["kind"] is SpectrumDataset and with_background_model:
        model = FoVBackgroundModel(dataset_name=dataset.name)
        model.parameters["norm"].value, model.parameters["tilt"].value = 1.4, 0.3
        models.append(model)
    dataset.models = models
    return dataset


def signal(dataset):
    return dataset.npred_signal().data.reshape(-1)


def known_background(dataset):
    """Return the background that a model or the off counts stand for, of all bins."""
    background = dataset.background if dataset.stat_type == "wstat" else dataset.npred_background()
    return background.data.reshape(-1)


def sums(values, edges):
    return np.array([values[a:b].sum() for a, b in zip(edges[:-1], edges[1:], strict=True)])


def check_consistent(dataset):
    """Check that all parts of a dataset fit together, and that it can do what a dataset does."""
    shape = dataset.data_shape
    for part in dataset.reco_parts:
        held = getattr(dataset, part)
        assert held is None or (held.data.shape == shape and held.geom.axes["energy"] == dataset.reco_energy_axis)
    true = dataset.exposure.geom.axes["energy_true"]
    if dataset.edisp is not None:
        assert dataset.edisp.edisp_map.geom.axes["energy_true"].is_allclose(true)
        if "energy" in dataset.edisp.edisp_map.geom.axes.names:
            assert dataset.edisp.edisp_map.geom.axes["energy"] == dataset.reco_energy_axis
    assert dataset.stat_array().shape == shape
    assert np.isfinite(dataset.stat_sum())
    assert dataset.info_dict()["n_bins"] == shape[0]


def arrays(dataset):
    """Return all arrays that a dataset holds, by name."""
    found = {part: getattr(dataset, part).data for part in PARTS if getattr(dataset, part, None) is not None}
    if dataset.edisp is not None:
        found["edisp"] = dataset.edisp.edisp_map.data
        if dataset.edisp.exposure_map is not None:
            found["edisp exposure"] = dataset.edisp.exposure_map.data
    found["gti start"] = dataset.gti.time_start.jd1
    found["meta table"] = np.asarray(dataset.meta_table["OBS_ID"])
    return found


def check_own(result, source):
    """Check that two datasets share no array, table or dictionary."""
    before = {name: array.copy() for name, array in arrays(source).items()}
    sources = arrays(source)
    for name, array in arrays(result).items():
        assert not any(np.shares_memory(array, other) for other in sources.values()), name
    result.exposure.meta["livetime"] = -1 * u.s
    assert source.exposure.meta["livetime"] > 0 * u.s
    for array in arrays(result).values():
        array[...] = array.dtype.type(0)
    for name, array in arrays(source).items():
        assert_array_equal(array, before[name])


@given(choices(), st.integers(0, N_BINS - 1), st.integers(1, N_BINS))
def test_slice_of_reconstructed_energies(make, options, start, length):
    dataset = prepared(make, options)
    stop = min(N_BINS, start + length)
    expected = signal(dataset)[start:stop], known_background(dataset)[start:stop]
    statistic = dataset.stat_array()[start:stop]
    result = dataset.slice_by_idx({"energy": slice(start, stop)}, name="part")
    assert result.name == "part"
    assert_allclose(result.reco_energy_axis.edges.value, dataset.reco_energy_axis.edges.value[start : stop + 1])
    assert_allclose(signal(result), expected[0], rtol=1e-12)
    assert_allclose(known_background(result), expected[1], rtol=1e-12)
    assert_allclose(result.stat_array(), statistic, rtol=1e-9, atol=1e-9)
    assert_array_equal(result.selected_bins(), dataset.selected_bins()[start:stop])
    check_consistent(result)
    check_own(result, dataset)


@given(choices(), st.data())
def test_slice_of_true_energies(make, options, data):
    dataset = prepared(make, options)
    n_true = dataset.exposure.data.size
    start = data.draw(st.integers(0, n_true - 1))
    stop = data.draw(st.integers(start + 1, n_true))
    reduced = dataset.copy(name="reduced")
    reduced.exposure.data[:start] = 0
    reduced.exposure.data[stop:] = 0
    result = dataset.slice_by_idx({"energy_true": slice(start, stop)})
    assert_allclose(signal(result), signal(reduced), rtol=1e-12, atol=1e-300)
    assert result.exposure.data.size == stop - start
    check_consistent(result)
    check_own(result, dataset)


@given(choices(), st.integers(0, N_BINS - 1), st.integers(1, N_BINS))
def test_slice_by_energy(make, options, start, length):
    dataset = prepared(make, options)
    stop = min(N_BINS, start + length)
    edges = dataset.reco_energy_axis.edges
    result = dataset.slice_by_energy(edges[start], edges[stop], name="part")
    assert_allclose(signal(result), signal(dataset)[start:stop], rtol=1e-12)
    assert_allclose(known_background(result), known_background(dataset)[start:stop], rtol=1e-12)
    check_consistent(result)
    check_own(result, dataset)


def check_merged(dataset, result, edges):
    """Check a dataset with bins merged inside the safe mask, between the edges of the given numbers."""
    safe = dataset.safe_bins()
    assert_allclose(result.reco_energy_axis.edges.value, dataset.reco_energy_axis.edges.value[edges])
    assert_allclose(signal(result), sums(signal(dataset) * safe, edges), rtol=1e-12)
    expected = sums(known_background(dataset) * safe, edges)
    assert_allclose(known_background(result), expected, rtol=1e-12, atol=1e-12)
    for part in dataset.summed_parts:
        if part != "background":
            held = getattr(dataset, part).data.reshape(-1)
            assert_array_equal(getattr(result, part).data.reshape(-1), sums(held * safe, edges))
    for part in ("mask_safe", "mask_fit"):
        held = getattr(dataset, part)
        if held is None:
            assert getattr(result, part) is None
        else:
            assert_array_equal(getattr(result, part).data.reshape(-1), sums(held.data.reshape(-1), edges) > 0)
    check_consistent(result)
    check_own(result, dataset)


@given(choices(), st.sets(st.integers(0, N_BINS), min_size=2))
def test_resample_energy_axis(make, options, chosen):
    dataset = prepared(make, options)
    edges = np.array(sorted(chosen))
    axis = MapAxis.from_energy_edges(dataset.reco_energy_axis.edges[edges], name="energy")
    check_merged(dataset, dataset.resample_energy_axis(axis, name="coarse"), edges)


@given(choices(), st.sampled_from([1, 2, 3, 6]))
def test_downsample(make, options, factor):
    dataset = prepared(make, options)
    result = dataset.downsample(factor, axis_name="energy", name="coarse")
    check_merged(dataset, result, np.arange(0, N_BINS + 1, factor))


@given(choices())
def test_to_image(make, options):
    dataset = prepared(make, options)
    result = dataset.to_image(name="image")
    assert result.name == "image"
    # An image is a dataset like any other.
    assert_allclose(result.to_image().counts.data, result.counts.data * result.safe_bins())
    check_merged(dataset, result, np.array([0, N_BINS]))


@given(choices(), st.sampled_from(["downsample", "copy"]))
def test_copies_predict_the_same(make, options, operation):
    dataset = prepared(make, options)
    expected = dataset.npred().data.copy(), dataset.stat_sum()
    if operation == "copy":
        result = dataset.copy(name="other")
        assert result.models[0] is not dataset.models[0]
    else:
        result = dataset.downsample(2, name="other")
        assert result.models[0] is dataset.models[0]
    assert result.name == "other"
    assert_allclose(result.npred().data, expected[0], rtol=1e-12)
    assert_allclose(result.stat_sum(), expected[1], rtol=1e-9, atol=1e-9)
    check_consistent(result)
    check_own(result, dataset)


@given(choices())
def test_apply_mask_safe(make, options):
    dataset = prepared(make, options)
    safe = dataset.safe_bins().copy()
    expected = signal(dataset) * safe, known_background(dataset) * safe, dataset.counts.data.reshape(-1) * safe
    masks = [None if mask is None else mask.data.copy() for mask in (dataset.mask_safe, dataset.mask_fit)]
    assert dataset.apply_mask_safe() is None
    assert_allclose(signal(dataset), expected[0], rtol=1e-12)
    assert_allclose(known_background(dataset), expected[1], rtol=1e-12)
    assert_array_equal(dataset.counts.data.reshape(-1), expected[2])
    for mask, before in zip((dataset.mask_safe, dataset.mask_fit), masks, strict=True):
        assert (mask is None and before is None) or np.array_equal(mask.data, before)
    assert dataset.exposure.data.any() == safe.any()
    check_consistent(dataset)


@given(choices())
def test_to_masked_leaves_the_dataset_alone(make, options):
    dataset = prepared(make, options)
    before = dataset.npred().data.copy()
    result = dataset.to_masked(name="masked")
    assert_allclose(signal(result), signal(dataset) * dataset.safe_bins(), rtol=1e-12)
    assert_array_equal(dataset.npred().data, before)
    check_own(result, dataset)


@given(choices())
def test_nothing_to_cut_or_pad(make, options):
    dataset = make(**options)
    assert dataset.cutout("1 deg", mode="trim") is dataset
    assert dataset.pad(3, mode="constant") is dataset
    if options["kind"] is SpectrumDataset:
        assert dataset.to_spectrum_dataset("region", name="x") is dataset


# -- names, models and limits


def test_names_default_to_something_new(make):
    dataset = make(name="d")
    axis = dataset.reco_energy_axis
    made = [
        dataset.copy(),
        dataset.slice_by_idx({"energy": slice(0, 2)}),
        dataset.slice_by_energy(axis.edges[0], axis.edges[2]),
        dataset.resample_energy_axis(axis),
        dataset.downsample(2),
        dataset.to_image(),
    ]
    names = {one.name for one in made}
    assert len(names) == len(made)
    assert "d" not in names
    assert all(len(name) == 8 for name in names)


def test_models_that_name_the_dataset_follow_a_copy(make):
    dataset = make(name="d")
    here = SkyModel(PowerLawSpectralModel(), name="here", datasets_names=["d", "e"])
    dataset.models = [here, FoVBackgroundModel(dataset_name="d")]
    other = dataset.copy(name="f")
    assert [model.datasets_names for model in other.models] == [["f", "e"], ["f"]]
    assert here.datasets_names == ["d", "e"]
    assert other.background_model is other.models["d-bkg"]


def test_a_background_model_stays_where_it_means_the_same(make):
    dataset = prepared(make, {"seed": 1, "kind": SpectrumDataset})
    template = dataset.background.data.copy()
    part = slice(1, 4)
    same = dataset.slice_by_idx({"energy": part}, name="d")
    assert same.background_model is dataset.background_model
    assert_array_equal(same.background.data, template[part])
    other = dataset.slice_by_idx({"energy": part}, name="e")
    assert other.background_model is None
    assert_allclose(other.background.data, dataset.npred_background().data[part], rtol=1e-12)


def test_limits_move_to_the_nearest_edge_and_say_so(make):
    dataset = make(n_reco=4)
    edges = dataset.reco_energy_axis.edges
    with pytest.warns(GammafoldWarning, match="energy_min of dataset 'd' moved to the nearest edge: 1.6 TeV to 1.49"):
        part = dataset.slice_by_energy(1.6 * u.TeV, edges[3])
    assert_allclose(part.reco_energy_axis.edges.value, edges[1:4].value)
    # A hundredth of a bin is rounding.
    assert dataset.slice_by_energy(edges[1] * 1.001, "100 TeV").data_shape == (3, 1, 1)
    assert dataset.slice_by_energy(None, "300 TeV").data_shape == (4, 1, 1)


def axis_of(edges, name="energy"):
    return MapAxis.from_energy_edges(edges * u.TeV, name=name)


BAD = [
    (lambda d: d.slice_by_idx({"energy": 2}), "the slice of 'energy' is 2: expected a slice"),
    (lambda d: d.slice_by_idx({"energy": slice(0, 6, 2)}), "the slice of 'energy' has the step 2"),
    (lambda d: d.slice_by_idx({"energy": slice(3, 3)}), "the slice 3:3 of 'energy' leaves none of 6 bins of 'd'"),
    (lambda d: d.slice_by_energy("1 TeV", "1.001 TeV"), "no bin of dataset 'd' between 1 TeV and 1.001 TeV"),
    (lambda d: d.slice_by_energy("1 s", "2 TeV"), "energy_min has the unit 's': expected one like TeV"),
    (lambda d: d.slice_by_energy("-1 TeV", "2 TeV"), "energy_min is .*: expected positive energies"),
    (lambda d: d.resample_energy_axis(axis_of([1, 2], "energy_true")), "the new axis is called 'energy_true'"),
    (lambda d: d.resample_energy_axis(axis_of([100, 200])), "no bin of dataset 'd' lies on the new axis"),
    (lambda d: d.downsample(4, axis_name="energy"), "factor is 4: the 6 bins of dataset 'd' are no multiple of it"),
    (lambda d: d.downsample(2, axis_name="energy_true"), "axis_name is 'energy_true': a dataset can be downsampled"),
]


@pytest.mark.filterwarnings("ignore:.*moved to the nearest edge")
@pytest.mark.parametrize(("call", "match"), BAD)
def test_bad_input(call, match, make):
    with pytest.raises((InputError, UnitsError), match=match):
        call(make())


def test_other_axes_are_not_looked_at(make):
    dataset = make()
    assert dataset.slice_by_idx({"time": slice(0, 1)}).data_shape == dataset.data_shape
