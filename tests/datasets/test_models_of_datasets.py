"""Which models apply to a dataset, and how time, place and the fitted background enter."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad

from gammafold.data import GTI
from gammafold.datasets import Datasets
from gammafold.maps import RegionNDMap
from gammafold.modeling import Fit
from gammafold.modeling.models import (
    ConstantSpatialModel,
    DiskSpatialModel,
    ExpDecayTemporalModel,
    FoVBackgroundModel,
    GaussianSpatialModel,
    LightCurveTemplateTemporalModel,
    PointSpatialModel,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)
from gammafold.utils.errors import GammafoldWarning, InputError, InputTypeError

LON, LAT = 83.63, 22.01  # the centre of the datasets' region, a circle of 0.11 deg


def source(name="source", **kwargs):
    return SkyModel(PowerLawSpectralModel(index=2.2, amplitude="2e-12 cm-2 s-1 TeV-1"), name=name, **kwargs)


# -- by name


def test_models_apply_to_the_datasets_they_name(make):
    one, two = make(seed=1, name="one"), make(seed=1, name="two")
    models = [source("all"), source("first", datasets_names="one"), source("none", datasets_names=["elsewhere"])]
    with pytest.warns(GammafoldWarning, match=r"model 'none' is for the datasets \['elsewhere'\]"):
        Datasets([one, two]).models = models
    assert one.models.names == ["all", "first"]
    assert two.models.names == ["all"]
    assert_allclose(one.npred_signal().data, 2 * two.npred_signal().data, rtol=1e-12)
    assert list(one.evaluators) == ["all", "first"]
    assert one.models["all"] is two.models["all"] is models[0]


def test_a_model_that_applies_to_no_dataset_has_no_part_in_the_fit(make):
    one = make(seed=1, name="one")
    one.models = [source("all"), source("none", datasets_names=["elsewhere"])]
    assert one.likelihood().n_free == 2


def test_what_can_be_a_model(make):
    dataset = make()
    dataset.models = source()
    assert dataset.models.names == ["source"]
    dataset.models = (source("a"), source("b"))
    assert dataset.models.names == ["a", "b"]
    with pytest.raises(InputTypeError, match="is no model of a source or a background: put it into a SkyModel"):
        dataset.models = PowerLawSpectralModel()
    with pytest.raises(InputError, match=r"several models are called \['a'\]: give each a name of its own"):
        dataset.models = [source("a"), source("a")]
    assert dataset.models.names == ["a", "b"]


def test_two_models_share_a_parameter(make):
    dataset = make()
    one, two = source("a"), source("b")
    two.spectral_model.index = one.spectral_model.index
    dataset.models = [one, two]
    assert dataset.likelihood().n_free == 3
    one.spectral_model.index.value = 3.1
    assert_allclose(dataset.npred_signal(one).data, dataset.npred_signal(two).data, rtol=1e-12)


# -- in time


def test_a_temporal_model_is_averaged_over_the_good_times(make):
    dataset = make(seed=1)
    dataset.models = source()
    steady = dataset.npred_signal().data
    start = dataset.gti.time_start[0].mjd
    dataset.models[0].temporal_model = ExpDecayTemporalModel(t0="1000 s", t_ref=start * u.d)
    # 0 to 600 s and 1000 to 1500 s.
    parts = [quad(lambda t: np.exp(-t / 1000), a, b)[0] for a, b in ((0, 600), (1000, 1500))]
    assert_allclose(dataset.npred_signal().data, steady * sum(parts) / 1100, rtol=1e-6)
    dataset.gti = GTI.create([0] * u.s, [600] * u.s, dataset.gti.time_ref)
    assert_allclose(dataset.npred_signal().data, steady * parts[0] / 600, rtol=1e-6)


def test_a_light_curve_scales_each_dataset_by_its_own_times(make):
    early, late = make(seed=1, name="early", start=0.0), make(seed=1, name="late", start=86400.0)
    times = early.gti.time_ref + [-1, 0.5, 0.5001, 3] * u.d
    curve = LightCurveTemplateTemporalModel((times - times[0]).to("d"), [1, 1, 5, 5], t_ref=times[0].mjd * u.d)
    datasets = Datasets([early, late])
    datasets.models = source(temporal_model=curve)
    assert_allclose(late.npred_signal().data, 5 * early.npred_signal().data, rtol=1e-6)
    likelihood = datasets.likelihood()
    joint = likelihood.npred_signal(likelihood.x0)["late"]
    assert_allclose(joint, late.npred_signal().data[late.mask.data], rtol=1e-12)


def test_a_temporal_model_needs_good_times(make):
    dataset = make()
    dataset.models = source(temporal_model=ExpDecayTemporalModel())
    for gti in (None, GTI.create([] * u.s, [] * u.s)):
        dataset.gti = gti
        with pytest.raises(InputError, match="dataset 'd' has no good time intervals: the temporal model of 'source'"):
            dataset.npred()


# -- on the sky


def at(kind, lon, lat, **kwargs):
    return kind(lon_0=lon * u.deg, lat_0=lat * u.deg, **kwargs)


@pytest.mark.parametrize(
    ("spatial", "counts"),
    [
        (at(PointSpatialModel, LON, LAT), True),
        (at(PointSpatialModel, LON, LAT + 0.1), True),
        (at(PointSpatialModel, LON, LAT + 0.2), False),
        (at(PointSpatialModel, LON + 90, -LAT), False),
        (at(DiskSpatialModel, LON, LAT + 0.5, r_0="0.5 deg"), True),
        (at(DiskSpatialModel, LON, LAT + 2, r_0="0.5 deg"), False),
        (at(GaussianSpatialModel, LON, LAT + 0.5, sigma="0.2 deg"), True),
        (at(GaussianSpatialModel, LON, LAT + 5, sigma="0.2 deg"), False),
        (ConstantSpatialModel(), True),
    ],
)
def test_a_source_counts_where_it_touches_the_region(spatial, counts, make):
    dataset = make(seed=1)
    dataset.models = source()
    expected = dataset.npred_signal().data
    dataset.models[0].spatial_model = spatial
    assert_array_equal(dataset.npred_signal().data, expected * counts)
    assert dataset.evaluators["source"].contributes == counts


# -- the background


def background_model(**values):
    model = FoVBackgroundModel(dataset_name="d")
    for name, value in values.items():
        model.parameters[name].quantity = value
    return model


def test_norm_and_tilt_at_the_centre_of_each_bin(make):
    dataset = make(seed=1)
    dataset.models = [source(), background_model(norm=1.3 * u.one, tilt=0.4 * u.one, reference=2 * u.TeV)]
    energy = dataset.reco_energy_axis.center.to_value("TeV").reshape(-1, 1, 1)
    expected = dataset.background.data * 1.3 * (energy / 2) ** -0.4
    assert_allclose(dataset.npred_background().data, expected, rtol=1e-12)
    assert_allclose(dataset.npred().data, expected + dataset.npred_signal().data, rtol=1e-12)
    # The template is what it was, and so is what is counted from it.
    assert_allclose(dataset.excess.data, dataset.counts.data - dataset.background.data)


def test_any_norm_model_scales_the_background(make):
    dataset = make(seed=1)
    norm = PowerLawNormSpectralModel(norm=2, tilt=-1, reference="500 GeV")
    dataset.models = FoVBackgroundModel(dataset_name="d", spectral_model=norm)
    energy = dataset.reco_energy_axis.center.to_value("TeV").reshape(-1, 1, 1)
    assert_allclose(dataset.npred_background().data, dataset.background.data * 2 * (energy / 0.5), rtol=1e-12)


def test_a_background_model_of_another_dataset_does_not_apply(make):
    dataset = make(seed=1, name="d")
    dataset.models = [FoVBackgroundModel(dataset_name="e")]
    assert dataset.background_model is None
    assert_array_equal(dataset.npred_background().data, dataset.background.data)


def test_a_background_model_needs_a_background(make):
    dataset = make(seed=1)
    dataset.models = background_model()
    dataset.background = None
    assert dataset.npred_background() is None
    with pytest.raises(InputError, match="dataset 'd' has no background map that the background model 'd-bkg' could"):
        dataset.npred()


def test_there_is_one_background_model(make):
    dataset = make(seed=1)
    dataset.models = [FoVBackgroundModel(dataset_name="d", name=name) for name in ("a", "b")]
    with pytest.raises(InputError, match=r"dataset 'd' has 2 background models \('a', 'b'\): expected one"):
        dataset.npred()


def test_a_norm_that_is_fitted_is_that_of_the_counts(make):
    dataset = make(seed=1, safe=None, fit=None)
    dataset.counts = RegionNDMap(dataset.geom, data=1.7 * dataset.background.data)
    dataset.models = background_model()
    assert Fit().run(dataset).success
    assert_allclose(dataset.models.parameters["norm"].value, 1.7, rtol=1e-6)
