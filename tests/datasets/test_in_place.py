"""Whatever is changed in place is seen by the next call: a changed dataset is like one that is built afresh."""

from concurrent.futures import ThreadPoolExecutor

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.data import GTI
from gammafold.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff, door
from gammafold.datasets.door import compile_likelihood
from gammafold.irf import EDispKernelMap, PSFMap
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.models import (
    DiskSpatialModel,
    ExpDecayTemporalModel,
    FoVBackgroundModel,
    GaussianPrior,
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)

PARTS = ("counts", "exposure", "edisp", "mask_safe", "mask_fit", "gti", "meta_table", "psf")
KNOWN, MEASURED = ("background",), ("counts_off", "acceptance", "acceptance_off")


def source(name, **kwargs):
    return SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name=name, **kwargs)


def prepared(make, kind=SpectrumDataset):
    """Return a dataset with a decaying extended source, a steady one, and a background model."""
    dataset = make(seed=7, kind=kind, name="d", safe="all", fit="all")
    dataset.mask_safe.data[5] = dataset.mask_fit.data[0] = False
    start = dataset.gti.time_start[0].mjd * u.d
    disk = DiskSpatialModel(lon_0="83.63 deg", lat_0="22.01 deg", r_0="0.05 deg")
    decaying = source("decaying", spatial_model=disk, temporal_model=ExpDecayTemporalModel(t0="1000 s", t_ref=start))
    models = [decaying, source("steady", datasets_names=["d", "e"])]
    if kind is SpectrumDataset:
        models.append(FoVBackgroundModel(dataset_name="d"))
    dataset.models = models
    return dataset


def afresh(dataset):
    """Return a dataset with the same parts and models that never predicted anything."""
    own = KNOWN if isinstance(dataset, SpectrumDataset) else MEASURED
    parts = {part: getattr(dataset, part) for part in (*PARTS, *own)}
    new = type(dataset)(name=dataset.name, models=dataset.models, **parts)
    new.stat_type = dataset.chosen_stat_type
    return new


def state(dataset, joint):
    """Return all that depends on a dataset, alone and in a joint likelihood that is kept."""
    likelihood = joint.likelihood()
    found = {
        "npred": dataset.npred().data,
        "signal": dataset.npred_signal().data,
        "background": dataset.npred_background().data,
        "each": np.array([one.compute_npred().data for one in dataset.evaluators.values()]),
        "stat_array": dataset.stat_array(),
        "stat_sum": dataset.stat_sum(),
        "joint": joint.stat_sum(),
        "free": likelihood.n_free,
        "start": likelihood.x0,
        "lower": likelihood.lower,
        "upper": likelihood.upper,
        "scale": likelihood.scale,
        "gradient": likelihood.gradient(likelihood.x0),
        "range": dataset.energy_range.value,
        "residuals": dataset.residuals().data,
        "info": np.array([value for value in dataset.info_dict().values() if isinstance(value, float | int)]),
    }
    found["names"] = dataset.name
    return found


def same(one, other):
    return all(one[key] == other[key] if isinstance(one[key], str) else _close(one[key], other[key]) for key in one)


def _close(one, other):
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-9, atol=1e-300, equal_nan=True)


def check(dataset, joint):
    """Compare a dataset, and the joint likelihood it is a member of, with ones that are built afresh."""
    found = state(dataset, joint)
    new = afresh(dataset)
    expected = state(new, Datasets([new, *[member for member in joint if member is not dataset]]))
    for key, value in expected.items():
        if isinstance(value, str):
            assert found[key] == value
        else:
            assert_allclose(found[key], value, rtol=1e-9, atol=1e-300, err_msg=key)
    return found


def replaced(region_map, factor):
    return RegionNDMap(region_map.geom, data=region_map.data * factor, unit=region_map.unit, meta=region_map.meta)


def assign(path, value):
    """Return a function that sets a dotted attribute of a dataset to a value, or to a function of the dataset."""
    *parents, name = path.split(".")

    def change(dataset):
        target = dataset
        for parent in parents:
            target = target[parent] if parent in ("decaying", "steady", "d-bkg") else getattr(target, parent)
        setattr(target, name, value(dataset) if callable(value) else value)

    return change


def scale(path, factor):
    """Return a function that multiplies the numbers of a dotted attribute of a dataset, in place."""

    def change(dataset):
        target = dataset
        for name in path.split("."):
            target = getattr(target, name)
        target[...] = target * factor

    return change


def mask_bin(path, number):
    def change(dataset):
        getattr(dataset, path).data[number] ^= True

    return change


def shorten(dataset):
    start, stop = dataset.gti.table[0]
    dataset.gti.table["STOP"][0] = start + (stop - start) / 2


def drop_interval(dataset):
    if len(dataset.gti.table) > 1:
        dataset.gti.table.remove_row(0)


def rename(dataset):
    dataset.name = "e" if dataset.name == "d" else "d"


def apply_elsewhere(dataset):
    dataset.models["decaying"].datasets_names = ["elsewhere"]


def add_name_in_place(dataset):
    for model in dataset.all_models:
        if model.name == "steady":
            model.datasets_names[0] = "x" if model.datasets_names[0] == "d" else "d"


def set_parameter(name, attribute, value):
    def change(dataset):
        for parameter in dataset.models.parameters:
            if parameter.name == name:
                setattr(parameter, attribute, value)
                return

    return change


def link(dataset):
    names = dataset.models.names
    if {"decaying", "steady"} <= set(names):
        dataset.models["steady"].spectral_model.index = dataset.models["decaying"].spectral_model.index


def swap_spectrum(dataset):
    dataset.models[0].spectral_model = LogParabolaSpectralModel(amplitude="3e-12 cm-2 s-1 TeV-1")


def swap_temporal(dataset):
    model = dataset.models[0]
    model.temporal_model = None if model.temporal_model is not None else ExpDecayTemporalModel(t0="2 d")
    if model.temporal_model is not None:
        model.temporal_model.t_ref.quantity = dataset.gti.time_start[0].mjd * u.d


def move_away(dataset):
    if getattr(dataset.models[0], "spatial_model", None) is not None:
        dataset.models[0].spatial_model.lat_0.value += 1.0


def more_models(dataset):
    names = [model.name for model in dataset.all_models]
    dataset.models = [*dataset.all_models, source(f"new {len(names)}")]


def fake(dataset):
    dataset.fake(random_state=5)


def cut(dataset):
    dataset.apply_mask_safe()


def stack(dataset):
    dataset.stack(dataset.copy(name="other"))


SHARED = {
    "counts in place": scale("counts.data", 2),
    "counts replaced": assign("counts", lambda d: replaced(d.counts, 3)),
    "data of counts replaced": assign("counts.data", lambda d: d.counts.data + 1),
    "exposure in place": scale("exposure.data", 1.5),
    "exposure replaced": assign("exposure", lambda d: replaced(d.exposure, 1.2)),
    "data of exposure replaced": assign("exposure.data", lambda d: d.exposure.data * 1.1),
    "unit of exposure": assign("exposure.unit", lambda d: u.Unit("m2 s" if d.exposure.unit == "cm2 s" else "cm2 s")),
    "quantity of exposure": assign("exposure.quantity", lambda d: (d.exposure.quantity * 0.5).to("m2 s")),
    "kernel in place": scale("edisp.edisp_map.data", 0.7),
    "kernel replaced": assign("edisp.edisp_map", lambda d: replaced(d.edisp.edisp_map, 0.9)),
    "energy dispersion replaced": assign("edisp", lambda d: EDispKernelMap(replaced(d.edisp.edisp_map, 0.8))),
    "safe bin": mask_bin("mask_safe", 2),
    "bin to fit": mask_bin("mask_fit", 1),
    "safe mask replaced": assign("mask_safe", lambda d: np.arange(6) > 1),
    "mask to fit replaced": assign("mask_fit", lambda d: np.arange(6) < 4),
    "data of mask replaced": assign("mask_safe.data", lambda d: np.roll(d.mask_safe.data, 1, axis=0)),
    "interval in place": shorten,
    "interval dropped": drop_interval,
    "intervals replaced": assign("gti", lambda d: GTI.create(0 * u.s, 100 * u.s, d.gti.time_ref)),
    "table of intervals replaced": assign("gti.table", lambda d: d.gti.table[:1]),
    "name": rename,
    "models for other datasets": apply_elsewhere,
    "names of datasets in place": add_name_in_place,
    "value": set_parameter("amplitude", "value", 5e-12),
    "value of a frozen parameter": set_parameter("reference", "value", 2.0),
    "frozen": set_parameter("index", "frozen", True),
    "free": set_parameter("reference", "frozen", False),
    "minimum": set_parameter("index", "min", -3.0),
    "maximum": set_parameter("index", "max", 9.0),
    "unit of a parameter": set_parameter("amplitude", "quantity", "7e-15 cm-2 s-1 GeV-1"),
    "prior": set_parameter("index", "prior", GaussianPrior(mu=2.0, sigma=0.1)),
    "no prior": set_parameter("index", "prior", None),
    "decay": set_parameter("t0", "quantity", "200 s"),
    "time of reference": set_parameter("t_ref", "value", 58848.9),
    "linked": link,
    "spectrum swapped": swap_spectrum,
    "temporal model swapped": swap_temporal,
    "source moved away": move_away,
    "more models": more_models,
    "simulated": fake,
    "masked": cut,
    "stacked": stack,
}
OF_KNOWN = {
    "background in place": scale("background.data", 3),
    "background replaced": assign("background", lambda d: replaced(d.background, 0.5)),
    "norm": set_parameter("norm", "value", 1.7),
    "tilt": set_parameter("tilt", "value", 0.2),
    "statistic": assign("stat_type", "cstat"),
}
OF_MEASURED = {
    "off counts in place": scale("counts_off.data", 2),
    "off counts replaced": assign("counts_off", lambda d: replaced(d.counts_off, 3)),
    "acceptance in place": scale("acceptance.data", 2),
    "acceptance replaced by a number": assign("acceptance", 2.5),
    "acceptance of off in place": scale("acceptance_off.data", 2),
}
CHANGES = {
    SpectrumDataset: SHARED | OF_KNOWN,
    SpectrumDatasetOnOff: SHARED | OF_MEASURED,
}
# These alter nothing in the beginning; they do after others.
NOTHING_AT_FIRST = {"no prior"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, changes in CHANGES.items() for name in changes])
def test_one_change_is_seen(kind, name, make):
    dataset = prepared(make, kind)
    joint = Datasets([dataset, make(seed=9, name="member")])
    before = check(dataset, joint)
    CHANGES[kind][name](dataset)
    after = check(dataset, joint)
    assert same(before, after) == (name in NOTHING_AT_FIRST)


@pytest.mark.parametrize("kind", CHANGES)
@given(data=st.data())
@settings(max_examples=12)
def test_changes_in_any_order_are_seen(kind, make, data):
    dataset = prepared(make, kind)
    joint = Datasets([dataset, make(seed=9, name="member")])
    joint.stat_sum()
    names = data.draw(st.lists(st.sampled_from(sorted(CHANGES[kind])), min_size=2, max_size=5))
    for name in names:
        CHANGES[kind][name](dataset)
        check(dataset, joint)


FITTED = [
    "counts in place",
    "exposure in place",
    "safe bin",
    "frozen",
    "maximum",
    "prior",
    "unit of a parameter",
    "linked",
    "value of a frozen parameter",
    "kernel in place",
    "interval in place",
]


def steady(make):
    dataset = make(seed=7, name="d", safe="all", fit="all")
    dataset.models = source("steady")
    dataset.fake(random_state=1)
    return dataset


@pytest.mark.parametrize("name", FITTED)
def test_fits_see_changes(name, make):
    dataset = steady(make)
    joint = Datasets([dataset])
    first = Fit().run(joint)
    CHANGES[SpectrumDataset][name](dataset)
    for one in dataset.models.parameters.free_parameters:
        one.value *= 1.1
    new = afresh(dataset)
    # Models are shared: a copy of the parameters is fitted with the dataset that is built afresh.
    new.models = dataset.models.copy()
    found, expected = Fit().run(joint), Fit().run(new)
    assert [first.success, found.success, expected.success] == [True, True, True]
    assert found.names == expected.names
    assert_allclose(found.total_stat, expected.total_stat, rtol=0, atol=1e-9)
    assert_allclose((found.values - expected.values) / expected.errors, 0, atol=1e-5)
    assert_allclose(found.errors, expected.errors, rtol=1e-4)


def test_a_fit_starts_where_the_parameters_stand(make):
    dataset = steady(make)
    joint = Datasets([dataset])
    joint.stat_sum()
    dataset.models[0].spectral_model.amplitude.value = 5e-12
    likelihood = joint.likelihood()
    assert_array_equal(likelihood.x0, [2.2, 5e-12])
    assert_array_equal(likelihood.scale, [2.2, 5e-12])
    assert dataset.likelihood().x0[1] == 5e-12


def test_the_covariance_is_that_of_where_the_parameters_stand(make):
    dataset = steady(make)
    joint = Datasets([dataset])
    best = Fit().run(joint)
    again = Fit().covariance(joint)
    assert again.success
    assert_allclose(again.values, best.values, rtol=0)
    assert_allclose(again.covariance, best.covariance, rtol=1e-3)


def test_a_likelihood_in_hand_does_not_change(make):
    dataset = steady(make)
    likelihood = dataset.likelihood()
    value = likelihood.stat(likelihood.x0)
    dataset.counts.data *= 2
    dataset.models[0].spectral_model.amplitude.value = 9e-12
    assert likelihood.stat(likelihood.x0) == value
    assert dataset.likelihood() is not likelihood


def test_nothing_is_compiled_again_while_nothing_changes(make):
    dataset = steady(make)
    likelihood = dataset.likelihood()
    assert dataset.likelihood() is likelihood
    dataset.models[0].spectral_model.index.value = 3
    dataset.stat_sum()
    dataset.models[0].spectral_model.index.value = 2.2
    assert dataset.likelihood() is likelihood


def test_a_point_spread_function_is_carried_along(make):
    dataset = steady(make)
    before = dataset.stat_sum()
    true = dataset.exposure.geom.axes["energy_true"]
    rad = MapAxis.from_edges([0, 0.1, 0.2] * u.deg, name="rad")
    dataset.psf = PSFMap.from_geom(dataset.geom.to_image().to_cube([rad, true]))
    assert dataset.geoms["geom_psf"].axes.names == ["rad", "energy_true"]
    assert dataset.mask_safe_psf.data.shape == (1, 1, 1, 1)
    assert dataset.stat_sum() == before
    assert dataset.copy().psf is not dataset.psf


BAD_IN_PLACE = {
    "exposure": (np.nan, "exposure of dataset 'd' is not finite in 1 of 9 bins"),
    "counts": (-1.0, "counts of dataset 'd' is negative in 1 of 6 bins"),
    "background": (np.inf, "background of dataset 'd' is not finite in 1 of 6 bins"),
}


@pytest.mark.parametrize("part", BAD_IN_PLACE)
def test_what_becomes_bad_in_place_is_refused(part, make):
    value, match = BAD_IN_PLACE[part]
    dataset = steady(make)
    joint = Datasets([dataset])
    joint.stat_sum()
    getattr(dataset, part).data[3] = value
    for call in (dataset.npred, dataset.stat_sum, joint.stat_sum, lambda: Fit().run(joint)):
        with pytest.raises(ValueError, match=match):
            call()


def test_a_mask_that_becomes_numbers_is_refused(make):
    dataset = steady(make)
    dataset.stat_sum()
    dataset.mask_safe.data = dataset.mask_safe.data.astype(float)
    with pytest.raises(ValueError, match="mask_safe of dataset 'd' holds float64 values: expected booleans"):
        dataset.stat_sum()


@pytest.mark.parametrize("part", ["counts", "background", "exposure"])
def test_a_unit_that_becomes_wrong_is_refused(part, make):
    dataset = steady(make)
    dataset.stat_sum()
    getattr(dataset, part).unit = "kg"
    for call in (dataset.npred, dataset.stat_sum):
        with pytest.raises(ValueError, match=f"{part} of dataset 'd' has the unit 'kg': expected"):
            call()
    with pytest.raises(ValueError, match="unit is 'nonsense': expected a unit or its name"):
        getattr(dataset, part).unit = "nonsense"


def test_a_unit_may_be_set_by_its_name(make):
    dataset = steady(make)
    signal = dataset.npred_signal().data
    dataset.exposure.unit = "m2 s"
    assert_allclose(dataset.npred_signal().data, 1e4 * signal, rtol=1e-13)


def test_the_name_is_a_string(make):
    with pytest.raises(TypeError, match="the name of dataset 'd' cannot become '': expected a string"):
        make().name = ""
    with pytest.raises(TypeError, match="the name of dataset 'd' cannot become 3: expected a string"):
        make().name = 3


def test_names_that_become_equal_are_refused(make):
    joint = Datasets([make(seed=1, name="a"), make(seed=2, name="b")])
    joint.models = source("steady")
    joint.stat_sum()
    joint["a"].name = "b"
    with pytest.raises(ValueError, match=r"datasets with the same name: \['b'\]"):
        joint.stat_sum()


def test_a_change_by_another_thread_is_not_lost(make, monkeypatch):
    dataset = steady(make)
    waiting = [True]

    def compile_slowly(*args, **kwargs):
        plan = compile_likelihood(*args, **kwargs)
        if waiting and waiting.pop():
            # Meanwhile another thread changes the counts, and asks.
            dataset.counts.data[3] += 40
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(dataset.stat_sum).result() == dataset.copy().stat_sum()
        return plan

    monkeypatch.setattr(door, "compile_likelihood", compile_slowly)
    before = dataset.stat_sum()
    after = dataset.stat_sum()
    assert after == dataset.copy().stat_sum()
    assert after != before
