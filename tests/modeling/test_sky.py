"""Sources and backgrounds, and where on the sky they are."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from regions import CircleSkyRegion, PointSkyRegion
from scipy.integrate import quad

from gammafold.maps.region_geom import RegionGeom
from gammafold.modeling.models import (
    ConstantSpatialModel,
    DiskSpatialModel,
    ExpDecayTemporalModel,
    FoVBackgroundModel,
    GaussianSpatialModel,
    PointSpatialModel,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnknownNameError

CENTER = SkyCoord(83.63, 22.01, unit="deg")


def region(distance: u.Quantity, radius: u.Quantity = 0.1 * u.deg) -> RegionGeom:
    """A circle at a distance from the centre."""
    return RegionGeom(CircleSkyRegion(CENTER.directional_offset_by(40 * u.deg, distance), radius))


@pytest.fixture
def model() -> SkyModel:
    """A source with all parts."""
    return SkyModel(
        PowerLawSpectralModel(index=2.3),
        PointSpatialModel(lon_0="83.63 deg", lat_0="22.01 deg"),
        ExpDecayTemporalModel(t0="2 d", t_ref="55555 d"),
        name="crab",
        datasets_names="run",
    )


def test_parameters_in_order(model):
    names = ["index", "amplitude", "reference", "lon_0", "lat_0", "t0", "t_ref"]
    assert model.parameters.names == names
    assert list(model.parts) == ["spectral", "spatial", "temporal"]
    assert model.datasets_names == ["run"]
    assert model.position.separation(CENTER) < 1e-9 * u.deg
    assert model.frame == "icrs"
    assert SkyModel(PowerLawSpectralModel()).position is None


def test_evaluate_multiplies_the_parts(model):
    model.spatial_model = ConstantSpatialModel(value="2 sr-1")
    time = Time(55557, format="mjd", scale="utc")
    value = model.evaluate(0 * u.deg, 0 * u.deg, 2 * u.TeV, time)
    assert value.to_value("cm-2 s-1 TeV-1 sr-1") == pytest.approx(2 * 1e-12 * 2**-2.3 * np.exp(-1), rel=1e-12)


def test_freeze_and_unfreeze_parts(model):
    model.freeze("spatial")
    assert model.parameters.free_parameters.names == ["index", "amplitude", "t0"]
    model.freeze()
    assert model.frozen
    model.unfreeze("spectral")
    assert model.parameters.free_parameters.names == ["index", "amplitude"]
    model.unfreeze()
    assert len(model.parameters.free_parameters) == 5
    with pytest.raises(InputError, match="model_type is 'colour'"):
        model.freeze("colour")


def test_copy(model):
    model.covariance = np.diag(np.arange(7.0))
    copied = model.copy()
    assert copied.name != "crab"
    assert copied.parameters["index"] is not model.parameters["index"]
    np.testing.assert_allclose(copied.covariance.data, np.diag(np.arange(7.0)))
    spectrum = PowerLawSpectralModel()
    named = model.copy(name="other", spectral_model=spectrum, datasets_names=["a", "b"])
    assert named.name == "other"
    assert named.spectral_model is spectrum
    assert named.datasets_names == ["a", "b"]
    with pytest.raises(InputTypeError, match=r"SkyModel.copy has no argument \['spectrum'\]"):
        model.copy(spectrum=spectrum)


def test_create_by_tags():
    model = SkyModel.create("pl", "gauss", "exp-decay", name="a")
    assert [type(part).__name__ for part in model.parts.values()] == [
        "PowerLawSpectralModel",
        "GaussianSpatialModel",
        "ExpDecayTemporalModel",
    ]
    with pytest.raises(UnknownNameError, match="no spectral model 'line'"):
        SkyModel.create("line")


def test_reassign(model):
    model.datasets_names = ["a", "b"]
    other = model.reassign("a", "c")
    assert other.name == model.name
    assert other.datasets_names == ["c", "b"]
    assert model.datasets_names == ["a", "b"]
    with pytest.raises(InputError, match="expected as many names"):
        model.reassign(["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SkyModel(PointSpatialModel()), "the spectral model of .* expected a spectral model"),
        (lambda: SkyModel(PowerLawSpectralModel), "expected a spectral model"),
        (lambda: SkyModel(PowerLawSpectralModel(), spatial_model=3), "expected a spatial model"),
        (lambda: SkyModel(PowerLawSpectralModel(), datasets_names=[1]), "expected strings or None"),
        (lambda: FoVBackgroundModel(PowerLawNormSpectralModel()), "expected the name of the dataset"),
    ],
)
def test_parts_are_checked(make, match):
    with pytest.raises(InputTypeError, match=match):
        make()


def test_values_are_checked():
    with pytest.raises(InputError, match=r"apply_irf of model 'a' has \['aeff'\]"):
        SkyModel(PowerLawSpectralModel(), name="a", apply_irf={"aeff": True})
    with pytest.raises(InputError, match="cannot have the spatial model"):
        FoVBackgroundModel("a", spatial_model=PointSpatialModel())


@pytest.mark.parametrize("full_output", [False, True])
def test_round_trip(model, full_output):
    model.apply_irf["psf"] = False
    model.spatial_model = PointSpatialModel(frame="galactic", lon_0="184.5 deg", lat_0="-5.8 deg")
    content = model.to_dict(full_output)
    assert list(content) == ["name", "type", "datasets_names", "spectral", "spatial", "temporal", "apply_irf"]
    again = SkyModel.from_dict(content)
    assert str(again.to_dict(full_output=True)) == str(model.to_dict(full_output=True))
    assert again.frame == "galactic"


def test_links_inside_one_model_are_kept():
    model = SkyModel(PowerLawSpectralModel(), DiskSpatialModel(), name="a")
    model.spatial_model.e = model.spectral_model.index
    content = model.to_dict()
    assert content["spectral"]["parameters"][0]["link"] == "index@a"
    assert model.spectral_model.index.link is None
    again = SkyModel.from_dict(content)
    assert again.spatial_model.e is again.spectral_model.index
    assert again.spectral_model.index.link is None


def test_files_with_unknown_parts():
    with pytest.raises(FileFormatError, match="unknown type 'BentPowerLaw' of a spectral entry: expected one of"):
        SkyModel.from_dict({"name": "a", "spectral": {"type": "BentPowerLaw", "parameters": []}})


def test_text(model):
    text = str(model)
    assert "Name           : crab" in text
    assert "Spectral model : PowerLawSpectralModel" in text
    assert "lon_0" in text
    assert repr(model).startswith("SkyModel(PowerLawSpectralModel(index=2.3")


def test_background():
    model = FoVBackgroundModel(dataset_name="run")
    assert (model.name, model.datasets_names, model.tag_is_sky) == ("run-bkg", ["run"], False)
    assert model.parameters.free_parameters.names == ["norm"]
    model.spectral_model.norm.value = 1.5
    model.spectral_model.tilt.value = 0.5
    values = model.parameters.value
    energy = np.array([0.5, 1.0, 4.0])
    np.testing.assert_allclose(model.compile()(energy, *values), 1.5 * energy**-0.5, rtol=1e-14)
    batch = np.array([values, 2 * values])
    assert model.compile()(energy, *batch.T[:, :, None]).shape == (2, 3)
    assert u.Quantity(model.evaluate(4 * u.TeV)).to_value("") == pytest.approx(0.75)
    again = FoVBackgroundModel.from_dict(model.to_dict())
    assert str(again.to_dict(True)) == str(model.to_dict(True))
    assert FoVBackgroundModel.from_dict({**model.to_dict(), "name": None}).name == "run-bkg"
    model.reset_to_default()
    np.testing.assert_allclose(model.compile()(energy, *model.parameters.value), 1, rtol=1e-14)
    copied = model.copy(dataset_name="next", spectral_model=PowerLawNormSpectralModel())
    assert (copied.name, copied.datasets_names) == ("next-bkg", ["next"])
    assert model.copy().name == "run-bkg"
    with pytest.raises(InputTypeError, match="no argument"):
        model.copy(colour=1)


# -- the sky


@pytest.mark.parametrize(
    ("model", "distance", "touches"),
    [
        (PointSpatialModel.from_position(CENTER), 0.09, True),
        (PointSpatialModel.from_position(CENTER.galactic), 0.09, True),
        (PointSpatialModel.from_position(CENTER), 0.12, False),
        (GaussianSpatialModel.from_position(CENTER, sigma="0.1 deg"), 0.55, True),
        (GaussianSpatialModel.from_position(CENTER, sigma="0.1 deg"), 0.65, False),
        (DiskSpatialModel.from_position(CENTER, r_0="0.3 deg"), 0.38, True),
        (DiskSpatialModel.from_position(CENTER, r_0="0.3 deg"), 0.45, False),
        (ConstantSpatialModel(), 50, True),
    ],
    ids=repr,
)
def test_touching_a_region(model, distance, touches):
    assert model.touches(region(distance * u.deg)) is touches


def test_a_point_region_is_touched():
    geom = RegionGeom(PointSkyRegion(CENTER.directional_offset_by(0 * u.deg, 1 * u.deg)))
    assert PointSpatialModel.from_position(CENTER).touches(geom)
    assert PointSpatialModel.from_position(CENTER).touches(RegionGeom(None))


@pytest.mark.parametrize(
    ("model", "edge"),
    [
        (GaussianSpatialModel(sigma="0.3 deg"), 3.0),
        (GaussianSpatialModel(sigma="40 deg"), 180.0),
        (DiskSpatialModel(r_0="0.5 deg", edge_width=0.1), 0.6),
        (DiskSpatialModel(r_0="0.5 deg", edge_width=0), 0.6),
    ],
    ids=repr,
)
def test_brightness_integrates_to_one(model, edge):
    def ring(distance):
        # Along the meridian, where the distance is the latitude; its sine is the length of the ring.
        value = (
            model(0 * u.deg, np.minimum(distance, 90) * u.deg)
            if distance <= 90
            else model(180 * u.deg, (180 - distance) * u.deg)
        )
        return value.to_value("sr-1") * 2 * np.pi * np.sin(np.deg2rad(distance)) * np.deg2rad(1)

    total = quad(ring, 0, edge, points=[0.475, 0.5, 0.525], limit=200)[0]
    assert total == pytest.approx(1, rel=2e-3)


def test_elongated_models_keep_their_area():
    round_one, long_one = GaussianSpatialModel(sigma="1 deg"), GaussianSpatialModel(sigma="1 deg", e=0.8, phi="90 deg")
    along, across = long_one(1 * u.deg, 0 * u.deg), long_one(0 * u.deg, 0.6 * u.deg)
    peak = long_one(0 * u.deg, 0 * u.deg)
    np.testing.assert_allclose((along / peak).value, np.exp(-0.5), rtol=1e-4)
    np.testing.assert_allclose((across / peak).value, np.exp(-0.5), rtol=1e-4)
    assert (peak / round_one(0 * u.deg, 0 * u.deg)).value == pytest.approx(1 / 0.6, rel=1e-3)


def test_regions_and_frames():
    assert isinstance(PointSpatialModel.from_position(CENTER).to_region(), PointSkyRegion)
    assert GaussianSpatialModel(sigma="0.1 deg").to_region().radius == 0.5 * u.deg
    assert PointSpatialModel.from_position(CENTER.fk5).frame == "icrs"
    with pytest.raises(InputError, match="covers the whole sky"):
        ConstantSpatialModel().to_region()
    with pytest.raises(InputError, match="frame of PointSpatialModel is 'fk4'"):
        PointSpatialModel(frame="fk4")
    with pytest.raises(NotImplementedError, match="PointSpatialModel has no surface brightness"):
        PointSpatialModel()(0 * u.deg, 0 * u.deg)
