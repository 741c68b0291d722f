"""Every name of the documented page of SpectrumDataset: its signature, and an exercise that fails if it does nothing.

More is tested where the names belong: here it is checked that none is forgotten.
"""

import inspect
import re

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.datasets import SpectrumDataset
from gammafold.datasets.slots import LazyPart
from gammafold.irf import EDispKernelMap, EDispMap, PSFMap
from gammafold.maps import MapAxis, RegionNDMap
from gammafold.modeling.models import FoVBackgroundModel, PowerLawSpectralModel, SkyModel

REQUIRED = inspect.Parameter.empty

# The arguments of each method as documented, with their defaults; ours may accept more after these.
METHODS = {
    "apply_mask_safe": {},
    "copy": {"name": None},
    "create": {
        "e_reco": REQUIRED,
        "e_true": None,
        "region": None,
        "reference_time": "2000-01-01",
        "name": None,
        "meta_table": None,
    },
    "cutout": {},
    "downsample": {"factor": REQUIRED, "axis_name": None, "name": None},
    "fake": {"random_state": "random-seed"},
    "from_dict": {"data": REQUIRED},
    "from_geoms": {
        "geom": REQUIRED,
        "geom_exposure": REQUIRED,
        "geom_psf": REQUIRED,
        "geom_edisp": REQUIRED,
        "reference_time": "2000-01-01",
        "name": None,
    },
    "from_hdulist": {"hdulist": REQUIRED, "name": None},
    "info_dict": {"in_safe_data_range": True},
    "npred": {},
    "npred_background": {},
    "npred_signal": {"model": None},
    "pad": {},
    "peek": {"fig": None},
    "plot_counts": {"ax": None, "kwargs_counts": None, "kwargs_background": None},
    "plot_excess": {"ax": None, "kwargs_excess": None, "kwargs_npred_signal": None},
    "plot_fit": {"ax_spectrum": None, "ax_residuals": None, "kwargs_spectrum": None, "kwargs_residuals": None},
    "plot_residuals": {"ax": None, "method": "diff"},
    "plot_residuals_spatial": {
        "ax": None,
        "method": "diff",
        "smooth_kernel": "gauss",
        "smooth_radius": "0.1 deg",
    },
    "plot_residuals_spectral": {"ax": None, "method": "diff", "region": None},
    "read": {"filename": REQUIRED, "name": None, "lazy": REQUIRED, "cache": REQUIRED},
    "resample_energy_axis": {"energy_axis": REQUIRED, "name": None},
    "reset_data_cache": {},
    "residuals": {"method": "diff"},
    "slice_by_energy": {"energy_min": REQUIRED, "energy_max": REQUIRED, "name": None},
    "slice_by_idx": {"slices": REQUIRED, "name": None},
    "stack": {"other": REQUIRED},
    "stat_array": {},
    "stat_sum": {},
    "to_dict": {"filename": ""},
    "to_hdulist": {},
    "to_image": {"name": None},
    "to_spectrum_dataset": {},
    "write": {"filename": REQUIRED, "overwrite": False},
}
ATTRIBUTES = [
    "background",
    "background_model",
    "counts",
    "data_shape",
    "edisp",
    "energy_range",
    "evaluators",
    "excess",
    "exposure",
    "geoms",
    "mask",
    "mask_fit",
    "mask_safe",
    "mask_safe_edisp",
    "mask_safe_image",
    "mask_safe_psf",
    "models",
    "name",
    "psf",
    "stat_type",
    "tag",
]
CONSTRUCTOR = [
    "models",
    "counts",
    "exposure",
    "background",
    "edisp",
    "mask_safe",
    "mask_fit",
    "name",
    "gti",
    "meta_table",
]


def source():
    return SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name="source")


@pytest.fixture
def dataset(make):
    """A dataset with all parts, a source and a background model."""
    dataset = make(seed=3, name="d", safe="all", fit="all")
    dataset.mask_safe.data[0] = dataset.mask_fit.data[4] = False
    background = FoVBackgroundModel(dataset_name="d")
    background.parameters["norm"].value = 1.5
    dataset.models = [source(), background]
    return dataset


def swapped(region_map):
    return RegionNDMap(region_map.geom, data=region_map.data * 2, unit=region_map.unit)


# -- attributes


def background(d):
    before = d.npred().data - d.npred_signal().data
    d.background = swapped(d.background)
    assert_allclose(d.npred().data - d.npred_signal().data, 2 * before, rtol=1e-9)


def background_model(d):
    assert d.background_model is d.models["d-bkg"]
    d.models = [source()]
    assert d.background_model is None


def counts(d):
    before = d.stat_sum()
    d.counts = swapped(d.counts)
    assert d.stat_sum() != before
    d.counts = None
    assert d.counts is None


def data_shape(d):
    assert d.data_shape == (6, 1, 1)
    assert d.slice_by_idx({"energy": slice(1, 3)}).data_shape == (2, 1, 1)


def edisp(d):
    before = d.npred_signal().data
    d.edisp = EDispKernelMap(swapped(d.edisp.edisp_map))
    assert_allclose(d.npred_signal().data, 2 * before, rtol=1e-12)


def energy_range(d):
    edges = d.reco_energy_axis.edges
    assert_allclose(d.energy_range.value, edges[[1, 6]].value)
    assert d.energy_range.unit == "TeV"


def evaluators(d):
    assert list(d.evaluators) == ["source"]
    one = d.evaluators["source"]
    assert one.model is d.models["source"]
    assert one.contributes
    assert_array_equal(one.compute_npred().data, d.npred_signal().data)
    assert "'source'" in repr(one)


def excess(d):
    assert_array_equal(d.excess.data, d.counts.data - d.background.data)


def exposure(d):
    before = d.npred_signal().data
    d.exposure = swapped(d.exposure)
    assert_allclose(d.npred_signal().data, 2 * before, rtol=1e-12)


def geoms(d):
    assert d.geoms == {
        "geom": d.counts.geom,
        "geom_exposure": d.exposure.geom,
        "geom_edisp": d.edisp.edisp_map.geom,
    }


def mask(d):
    assert_array_equal(d.mask.data.reshape(-1), [False, True, True, True, False, True])


def mask_fit(d):
    before = d.stat_sum()
    d.mask_fit = None
    assert_allclose(d.stat_sum(), before + d.stat_array()[4], rtol=1e-12)
    assert_array_equal(d.mask.data, d.mask_safe.data)


def mask_safe(d):
    d.mask_safe = np.zeros(6, bool)
    assert d.stat_sum() == 0
    assert np.isnan(d.energy_range).all()


def mask_safe_edisp(d):
    assert d.mask_safe_edisp.data.shape == (1, 6, 1, 1)
    assert_array_equal(d.mask_safe_edisp.data.reshape(-1), d.mask_safe.data.reshape(-1))
    migra = MapAxis.from_edges([0.5, 1, 2], name="migra")
    d.edisp = EDispMap.from_diagonal_response(d.exposure.geom.axes["energy_true"], migra)
    assert_array_equal(d.mask_safe_edisp.data, d.mask_safe.data)
    assert not np.shares_memory(d.mask_safe_edisp.data, d.mask_safe.data)
    d.mask_safe = None
    assert d.mask_safe_edisp is None


def mask_safe_image(d):
    assert d.mask_safe_image.data.tolist() == [[True]]
    d.mask_safe.data[...] = False
    assert d.mask_safe_image.data.tolist() == [[False]]
    d.mask_safe = None
    assert d.mask_safe_image is None


def with_psf(d):
    rad = MapAxis.from_edges([0, 0.1, 0.2] * u.deg, name="rad")
    d.psf = PSFMap.from_geom(d.geom.to_image().to_cube([rad, d.exposure.geom.axes["energy_true"]]))
    return d


def mask_safe_psf(d):
    assert d.mask_safe_psf is None
    assert with_psf(d).mask_safe_psf.data.tolist() == [[[[True]]]]
    d.mask_safe.data[...] = False
    assert not d.mask_safe_psf.data.any()


def models(d):
    model = d.models["source"]
    d.models = model
    assert list(d.models) == [model]
    d.models = None
    assert d.models is None
    assert not d.npred_signal().data.any()


def name(d):
    assert d.name == "d"
    assert re.fullmatch("[a-z0-9]{8}", SpectrumDataset().name)


def psf(d):
    assert d.psf is None
    assert with_psf(d).psf.psf_map.data.shape == (9, 2, 1, 1)
    assert d.geoms["geom_psf"] is d.psf.psf_map.geom


def stat_type(d):
    assert d.stat_type == SpectrumDataset.stat_type == "cash"


def tag(d):
    assert d.tag == SpectrumDataset.tag == "SpectrumDataset"


# -- methods


def apply_mask_safe(d):
    assert d.apply_mask_safe() is None
    for values in (d.counts, d.background, d.npred_signal()):
        assert values.data[0] == 0
        assert values.data[1] > 0


def copy(d):
    other = d.copy(name="e")
    other.counts.data[2] = 99
    assert other.name == "e"
    assert d.counts.data[2] != 99
    assert other.models["source"] is not d.models["source"]


def create(d):
    empty = SpectrumDataset.create(d.reco_energy_axis, region="icrs;circle(1, 2, 0.3)", name="e")
    assert not empty.mask_safe.data.any()
    assert not empty.counts.data.any()
    assert_array_equal(empty.edisp.edisp_map.data[:, :, 0, 0], np.eye(6))
    assert empty.geom.region.radius == 0.3 * u.deg


def cutout(d):
    assert d.cutout("anything", width=3) is d


def downsample(d):
    coarse = d.downsample(3, axis_name="energy")
    assert_array_equal(coarse.counts.data[:, 0, 0], [d.counts.data[1:3].sum(), d.counts.data[3:].sum()])


def fake(d):
    before = d.counts.data.copy()
    assert d.fake(random_state=3) is None
    assert (d.counts.data != before).any()
    assert_array_equal(d.counts.data, np.random.RandomState(3).poisson(d.npred().data))


def from_geoms(d):
    new = SpectrumDataset.from_geoms(**{**with_psf(d).geoms, "name": "e", "reference_time": "2001-01-01"})
    assert new.geoms == d.geoms
    assert not new.counts.data.any()
    assert not new.exposure.data.any()
    assert new.gti.time_ref.isot == "2001-01-01T00:00:00.000"
    migra = d.geom.to_image().to_cube([MapAxis.from_edges([0.5, 1, 2], name="migra"), new.exposure.geom.axes[0]])
    assert isinstance(SpectrumDataset.from_geoms(d.geom, d.exposure.geom, None, migra).edisp, EDispMap)


def info_dict(d):
    assert d.info_dict()["counts"] == d.counts.data[1:].sum()
    assert d.info_dict(in_safe_data_range=False)["counts"] == d.counts.data.sum()


def npred(d):
    assert_allclose(d.npred().data, d.npred_signal().data + 1.5 * d.background.data, rtol=1e-12)


def npred_background(d):
    assert_allclose(d.npred_background().data, 1.5 * d.background.data, rtol=1e-12)


def npred_signal(d):
    once = d.npred_signal(d.models["source"]).data
    d.models = [*d.models, SkyModel(PowerLawSpectralModel(), name="other")]
    assert_array_equal(d.npred_signal(d.models["source"]).data, once)
    assert (d.npred_signal().data > once).all()


def pad(d):
    assert d.pad(3) is d


def peek(d):
    fig = plt.figure()
    assert len(d.peek(fig=fig)) == 3
    assert len(fig.axes) >= 3


def plot_counts(d):
    ax = d.plot_counts(kwargs_counts={"color": "red"})
    assert ax.patches or ax.lines


def plot_excess(d):
    assert d.plot_excess().containers


def plot_fit(d):
    upper, lower = d.plot_fit()
    assert upper.containers
    assert lower.containers


def plot_residuals(d):
    assert d.plot_residuals(method="diff/sqrt(model)").containers


def plot_residuals_spatial(d):
    ax = d.plot_residuals_spatial()
    assert ax.patches or ax.collections or ax.images


def plot_residuals_spectral(d):
    assert d.plot_residuals_spectral(region=d.geom.region).containers


def resample_energy_axis(d):
    axis = MapAxis.from_energy_edges(d.reco_energy_axis.edges[[0, 2, 6]], name="energy")
    assert_array_equal(
        d.resample_energy_axis(axis).counts.data[:, 0, 0], [d.counts.data[1:2].sum(), d.counts.data[2:].sum()]
    )


def reset_data_cache(d):
    loads = []
    held = d.counts
    d.counts = LazyPart(lambda: loads.append(1) or held.copy(), "a file")
    d.background = LazyPart(d.background.copy, "a file")
    assert d.counts is d.counts
    d.background.data[2] = 77
    d.reset_data_cache()
    # What was changed since it was read stays, as does what has no file behind it.
    assert d.background.data[2] == 77
    assert d.exposure is not None
    assert_array_equal(d.counts.data, held.data)
    assert len(loads) == 2


def residuals(d):
    difference = d.counts.data - d.npred().data
    assert_allclose(d.residuals().data, difference)
    assert_allclose(d.residuals("diff/model").data, difference / d.npred().data)
    assert_allclose(d.residuals("diff/sqrt(model)").data, difference / np.sqrt(d.npred().data))


def slice_by_energy(d):
    edges = d.reco_energy_axis.edges
    assert_array_equal(d.slice_by_energy(edges[2], edges[4], name="e").counts.data, d.counts.data[2:4])


def slice_by_idx(d):
    assert_array_equal(d.slice_by_idx({"energy": slice(2, 4)}).counts.data, d.counts.data[2:4])
    assert_array_equal(d.slice_by_idx({"energy_true": slice(2, 4)}).exposure.data, d.exposure.data[2:4])


def stack(d):
    counts = d.counts.data * d.mask_safe.data
    d.stack(d.copy(name="e"))
    assert_array_equal(d.counts.data, 2 * counts)


def stat_array(d):
    n, mu = d.counts.data, d.npred().data
    assert_allclose(d.stat_array(), 2 * (mu - n * np.log(mu)), rtol=1e-12)


def stat_sum(d):
    assert_allclose(d.stat_sum(), d.stat_array()[d.mask.data].sum(), rtol=1e-12)


def to_image(d):
    assert d.to_image(name="e").counts.data.tolist() == [[[d.counts.data[1:].sum()]]]


def to_spectrum_dataset(d):
    assert d.to_spectrum_dataset("anything") is d


def same_dataset(one, other):
    for part in ("counts", "background", "mask_safe", "mask_fit"):
        assert_array_equal(getattr(one, part).data, getattr(other, part).data)
    other.models = one.models
    assert_allclose(other.npred().data, one.npred().data, rtol=1e-14)


def from_dict(d, tmp_path):
    d.write(tmp_path / "d.fits")
    same_dataset(d, SpectrumDataset.from_dict({**d.to_dict(), "filename": str(tmp_path / "d.fits")}))


def from_hdulist(d):
    same_dataset(d, SpectrumDataset.from_hdulist(d.to_hdulist(), name="d"))


def read(d, tmp_path):
    d.write(tmp_path / "d.fits")
    same_dataset(d, SpectrumDataset.read(tmp_path / "d.fits", name="d"))


def to_dict(d):
    content = d.to_dict()
    assert (content["name"], content["type"]) == ("d", "SpectrumDataset")


def to_hdulist(d):
    names = [hdu.name for hdu in d.to_hdulist()]
    assert {"COUNTS", "EXPOSURE", "BACKGROUND", "EDISP", "MASK_SAFE", "MASK_FIT", "GTI"} <= set(names)


def write(d, tmp_path):
    path = tmp_path / "d.fits"
    d.write(path)
    assert path.stat().st_size > 0
    with pytest.raises(ValueError, match="file exists: .*d.fits"):
        d.write(path)
    d.counts.data[1] = 123
    d.write(path, overwrite=True)
    assert SpectrumDataset.read(path).counts.data[1] == 123


NAMES = [*ATTRIBUTES, *METHODS]
EXERCISES = {name: globals()[name] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_exercise(name, dataset, request):
    exercise = EXERCISES[name]
    if "tmp_path" in inspect.signature(exercise).parameters:
        exercise(dataset, request.getfixturevalue("tmp_path"))
    else:
        exercise(dataset)
    plt.close("all")


def documented(function):
    """Return the arguments of a function after ``self``, without those that collect what is left."""
    parameters = inspect.signature(function).parameters
    collecting = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind not in collecting
    }


@pytest.mark.parametrize("name", METHODS)
def test_signature(name):
    expected, found = METHODS[name], documented(getattr(SpectrumDataset, name))
    assert list(found)[: len(expected)] == list(expected)
    for argument, default in expected.items():
        # What must be given may have a default of ours.
        assert default is REQUIRED or found[argument] == default
    for argument in list(found)[len(expected) :]:
        assert found[argument] is not REQUIRED


@pytest.mark.parametrize("name", ["cutout", "pad", "to_spectrum_dataset"])
def test_signature_of_what_takes_anything(name):
    kinds = [parameter.kind for parameter in inspect.signature(getattr(SpectrumDataset, name)).parameters.values()]
    assert inspect.Parameter.VAR_POSITIONAL in kinds
    assert inspect.Parameter.VAR_KEYWORD in kinds


def test_constructor():
    found = documented(SpectrumDataset.__init__)
    assert list(found)[: len(CONSTRUCTOR)] == CONSTRUCTOR
    assert set(found.values()) == {None}


def test_each_name_has_a_text():
    for name in NAMES:
        if name not in ("stat_type", "tag"):
            assert inspect.getdoc(getattr(SpectrumDataset, name)), name


@pytest.mark.shared
def test_the_page_lists_nothing_else(shared_data):
    page = (shared_data.parent / "spec" / "SpectrumDataset.txt").read_text()
    attributes = page.split("Attributes Summary")[1].split("Methods Summary")[0]
    methods = page.split("Methods Summary")[1].split("Attributes Documentation")[0]
    assert set(re.findall(r"^([a-z_]+)$", attributes, re.MULTILINE)) == set(ATTRIBUTES)
    assert set(re.findall(r"^([a-z_]+)\(", methods, re.MULTILINE)) == set(METHODS)
