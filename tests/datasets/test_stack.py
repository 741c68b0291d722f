"""Stacking: the prediction of the stack is the sum of the masked predictions of its members."""

from itertools import pairwise

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import Datasets, MapDataset, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.maps import MapAxis
from gammafold.modeling.models import EnergyScaleModel, FoVBackgroundModel, PowerLawSpectralModel, SkyModel
from gammafold.utils.errors import GammafoldWarning, InputError


def masked(dataset, values):
    """Return values of all bins, zero where the dataset is not safe."""
    return values.data * dataset.safe_bins().reshape(dataset.data_shape)


def check_sum(stacked, members, model):
    """Compare the stack's prediction with the sum of those of its members, as they were before."""
    for dataset in (stacked, *members):
        dataset.models = model
    signal = sum(masked(member, member.npred_signal()) for member in members)
    assert signal.sum() > 0
    assert_allclose(stacked.npred_signal().data, signal, rtol=1e-10, atol=1e-14 * signal.max())


VARIANTS = {
    "equal masks": [{"safe": "all"}, {"safe": "all"}],
    "unequal masks": [{}, {}],
    "no masks": [{"safe": None}, {"safe": None}],
    "one mask": [{"safe": None}, {}],
    "nothing safe in one": [{}, {"safe": "none"}],
    "nothing safe in the first": [{"safe": "none"}, {}],
    "units": [{"unit": "m2 s"}, {"unit": "cm2 s"}],
    "other units": [{"unit": "cm2 s"}, {"unit": "km2 h"}],
    "ratio of energies": [{"edisp": "migra"}, {"edisp": "migra"}],
    "kernel and ratio": [{}, {"edisp": "migra"}],
    "no energy dispersion": [{"edisp": None}, {"edisp": None}],
    "three": [{}, {"unit": "m2 s"}, {"edisp": "migra"}],
    "without background": [{"background": False}, {"background": False}],
    "maps": [{"kind": MapDataset}, {"kind": MapDataset}],
    "on off": [{"kind": SpectrumDatasetOnOff}, {"kind": SpectrumDatasetOnOff}],
    "on off onto known background": [{}, {"kind": SpectrumDatasetOnOff}],
}


@pytest.fixture(params=VARIANTS)
def members(request, make):
    """Datasets to be stacked."""
    return [
        make(seed=10 + i, name=f"m{i}", start=5000.0 * i, **options)
        for i, options in enumerate(VARIANTS[request.param])
    ]


def test_npred_of_the_stack_is_the_sum(members, any_model):
    stacked = members[0].copy(name="stacked")
    for other in members[1:]:
        assert stacked.stack(other) is None
    check_sum(stacked, members, any_model)


def test_onto_an_empty_dataset(members, any_model):
    first = members[0]
    parts = {"background": None} if first.background is None else {}
    true = first.exposure.geom.axes["energy_true"]
    stacked = type(first).create(first.geom, energy_axis_true=true, name="stacked", **parts)
    for member in members:
        stacked.stack(member)
    check_sum(stacked, members, any_model)
    livetime = sum(m.exposure.meta["livetime"].to_value("s") for m in members if m.safe_bins().any())
    assert_allclose(stacked.exposure.meta["livetime"].to_value("s"), livetime)


def test_counts_and_background_are_masked_sums(members):
    before = [member.copy() for member in members]
    stacked = members[0]
    for other in members[1:]:
        stacked.stack(other)
    assert_array_equal(stacked.counts.data, sum(masked(one, one.counts) for one in before))
    if before[0].background is None:
        assert stacked.background is None
    else:
        assert_allclose(stacked.background.data, sum(masked(one, one.background) for one in before), rtol=1e-12)
    assert_array_equal(stacked.safe_bins(), np.logical_or.reduce([one.safe_bins() for one in before]))
    for other, same in zip(members[1:], before[1:], strict=True):
        # What was stacked on stays as it was.
        assert_array_equal(other.counts.data, same.counts.data)
        assert_array_equal(other.exposure.data, same.exposure.data)


def test_all_at_once_is_one_after_the_other(members, any_model):
    if len({type(member) for member in members}) > 1:
        with pytest.raises(InputError, match="cannot stack datasets of different types"):
            Datasets(members).stack_reduce()
        return
    once = Datasets(members).stack_reduce(name="once")
    assert once.name == "once"
    steps = members[0].to_masked(name="steps")
    for other in members[1:]:
        steps.stack(other)
    for part in (*once.reco_parts, "exposure"):
        one, two = getattr(once, part), getattr(steps, part)
        assert (one is None) == (two is None), part
        if one is not None:
            assert_allclose(one.quantity.to_value(two.unit), two.data, rtol=1e-12, err_msg=part)
    matrices = [one.edisp.edisp_map.data for one in (once, steps) if one.edisp is not None]
    for one, two in pairwise(matrices):
        assert_allclose(one, two, rtol=1e-10, atol=1e-15)
    assert once.gti == steps.gti
    assert list(once.meta_table["OBS_ID"]) == list(steps.meta_table["OBS_ID"])
    check_sum(once, members, any_model)


def test_stacking_is_the_same_in_any_order(make):
    members = [make(seed=seed, name=f"m{seed}") for seed in (1, 2, 3)]
    stacks = [Datasets([members[i] for i in order]).stack_reduce() for order in ((0, 1, 2), (2, 0, 1))]
    for part in ("counts", "background", "exposure", "mask_safe", "mask_fit"):
        assert_allclose(getattr(stacks[0], part).data, getattr(stacks[1], part).data, rtol=1e-12)
    assert_allclose(stacks[0].edisp.edisp_map.data, stacks[1].edisp.edisp_map.data, rtol=1e-10, atol=1e-15)


def test_bins_to_fit_are_those_of_a_member_that_are_safe_there(make):
    one, two = make(seed=1, fit="some"), make(seed=2, fit=None, name="e")
    expected = (one.mask_safe.data & one.mask_fit.data) | two.mask_safe.data
    one.stack(two)
    assert_array_equal(one.mask_fit.data, expected)
    assert_array_equal(one.mask.data, expected)


def test_without_any_mask_to_fit_there_is_none(make):
    one = make(seed=1, fit=None)
    one.stack(make(seed=2, fit=None, name="e"))
    assert one.mask_fit is None


def test_livetime_of_what_adds_nothing_is_not_added(make):
    one, nothing = make(seed=1), make(seed=2, safe="none", name="e")
    before = one.exposure.meta["livetime"]
    one.stack(nothing)
    assert one.exposure.meta["livetime"] == before
    nothing.stack(one)
    assert nothing.exposure.meta["livetime"] == before


def test_good_times_are_merged(make):
    one, two = make(seed=1, start=0.0), make(seed=2, start=1200.0, name="e")
    reference = one.gti.time_ref
    one.stack(two)
    # 0-600, 1000-1500 and 1200-1800, 2200-2700 s.
    assert_allclose(one.gti.met_start.to_value("s"), [0, 1000, 2200], atol=1e-6)
    assert_allclose(one.gti.met_stop.to_value("s"), [600, 1800, 2700], atol=1e-6)
    assert one.gti.time_ref == reference
    assert len(two.gti) == 2


def test_reference_time_of_the_first_stays(make):
    stacked = SpectrumDataset.create(make().geom, reference_time="2010-05-05")
    other = SpectrumDataset.create(make().geom)
    other.gti = make(start=10.0).gti
    stacked.stack(other)
    assert stacked.gti.time_ref == Time("2010-05-05")
    assert len(stacked.gti) == 2


def test_a_row_for_each_observation(make):
    members = [make(seed=seed, name=f"m{seed}") for seed in (3, 5, 7)]
    stacked = members[0]
    for other in members[1:]:
        stacked.stack(other)
    assert list(stacked.meta_table["OBS_ID"]) == [3, 5, 7]
    assert list(stacked.meta_table["WOBBLE"]) == ["run 3", "run 5", "run 7"]


def test_rows_with_other_columns_and_missing_values_stay_missing(make):
    one, two, three = (make(seed=seed, name=f"m{seed}") for seed in (1, 2, 3))
    two.meta_table = Table({"OBS_ID": [2], "ZENITH": [20.0] * u.deg})
    one.stack(two)
    assert list(one.meta_table["ZENITH"].mask) == [True, False]
    # A table with missing values once more: what is missing does not become a number.
    three.meta_table = one.meta_table[:1]
    one.stack(three)
    assert list(one.meta_table["ZENITH"].mask) == [True, False, True]
    assert one.meta_table["ZENITH"].unit == "deg"


def test_meta_table_of_one_alone(make):
    one, two = make(seed=1), make(seed=2, name="e")
    one.meta_table = None
    one.stack(two)
    assert list(one.meta_table["OBS_ID"]) == [2]
    one.meta_table["OBS_ID"][0] = 99
    assert list(two.meta_table["OBS_ID"]) == [2]


def with_background_model(dataset, norm, tilt):
    model = FoVBackgroundModel(dataset_name=dataset.name)
    model.parameters["norm"].value, model.parameters["tilt"].value = norm, tilt
    dataset.models = [SkyModel(PowerLawSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1"), name="source"), model]
    return dataset


def test_a_fitted_background_is_stacked_once(make):
    one = with_background_model(make(seed=1, name="one"), 1.3, 0.2)
    two = with_background_model(make(seed=2, name="two"), 0.7, -0.1)
    source, model = one.models
    two.models = [source, two.models[1]]
    expected = sum(masked(dataset, dataset.npred_background()) for dataset in (one, two))
    total = sum(masked(dataset, dataset.npred()) for dataset in (one, two))
    one.stack(two)
    assert_allclose(one.background.data, expected, rtol=1e-12)
    assert one.background_model is None
    assert one.models.names == ["source"]
    assert_allclose(one.npred_background().data, expected, rtol=1e-12)
    model.parameters["norm"].value = 7
    assert_allclose(one.npred().data, total, rtol=1e-10)


def test_predictions_after_stacking_are_new(make):
    one, two = make(seed=1), make(seed=2, name="e")
    one.models = two.models = SkyModel(PowerLawSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1"), name="source")
    before = masked(one, one.npred_signal()), masked(two, two.npred_signal()), one.stat_sum()
    one.stack(two)
    assert_allclose(one.npred_signal().data, before[0] + before[1], rtol=1e-10)
    assert one.stat_sum() != before[2]
    assert one.stat_sum() == one.copy(name="f").stat_sum()


def test_onto_itself_doubles(make):
    dataset = make(seed=4)
    twice = 2 * masked(dataset, dataset.counts)
    exposure = dataset.exposure.data.copy()
    dataset.stack(dataset)
    assert_array_equal(dataset.counts.data, twice)
    assert_allclose(dataset.exposure.data, 2 * exposure)


def drop(part):
    return lambda dataset: setattr(dataset, part, None)


BAD = [
    (drop("counts"), "cannot stack 'b' onto 'a': 'b' has no counts, and the sum would lack it"),
    (drop("background"), "cannot stack 'b' onto 'a': 'b' has no background, and the sum would lack it"),
    (drop("exposure"), "cannot stack 'b' onto 'a': 'b' has no exposure, and the sum would lack it"),
]


@pytest.mark.parametrize(("change", "match"), BAD)
def test_what_one_lacks_cannot_be_stacked(change, match, make):
    one, two = make(seed=1, name="a"), make(seed=2, name="b")
    change(two)
    with pytest.raises(InputError, match=match):
        one.stack(two)


def test_energy_dispersion_without_exposure_has_no_weight(make):
    one, two = make(seed=1, name="a"), make(seed=2, name="b")
    one.exposure = two.exposure = None
    with pytest.raises(InputError, match="the energy dispersion of 'a' has no exposure to be weighted with"):
        one.stack(two)
    one.edisp = two.edisp = None
    one.stack(two)
    assert one.exposure is None


def test_axes_must_agree(make):
    one = make(seed=1, name="a")
    with pytest.raises(InputError, match="cannot stack 'b' onto 'a': their axes of reconstructed energy differ"):
        one.stack(make(seed=2, name="b", n_reco=5))
    true = MapAxis.from_energy_bounds("0.3 TeV", "60 TeV", nbin=8, name="energy_true")
    with pytest.raises(InputError, match="cannot stack 'b' onto 'a': their axes of true energy differ"):
        one.stack(SpectrumDataset.create(one.geom, energy_axis_true=true, name="b"))


def test_a_known_background_cannot_be_stacked_onto_off_regions(make):
    one = make(seed=1, kind=SpectrumDatasetOnOff, name="a")
    with pytest.raises(InputError, match="cannot stack 'b' onto 'a': a SpectrumDataset has no off counts"):
        one.stack(make(seed=2, name="b"))


def test_corrections_of_a_response_are_not_in_the_stack_and_that_is_said(make):
    one, two = make(seed=1, name="a"), make(seed=2, name="b")
    two.models = [SkyModel(PowerLawSpectralModel(), name="source"), EnergyScaleModel("b", z=0.1)]
    with pytest.warns(GammafoldWarning, match=r"the stack onto 'a' has responses without .* \['b-energy-scale'\]"):
        one.stack(two)
