import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import patheffects
from numpy.testing import assert_allclose, assert_array_equal
from regions import CircleSkyRegion, LineSkyRegion, PointSkyRegion

from gammafold.maps.axes import MapAxes
from gammafold.maps.axis import MapAxis
from gammafold.maps.coord import MapCoord
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.utils.errors import InputError, InputTypeError, UnitsError, UnknownNameError

CRAB = "icrs;circle(83.63, 22.01, 0.11)"
CENTER = SkyCoord(83.63, 22.01, unit="deg")


@pytest.fixture
def geom(energy, offset):
    return RegionGeom.create(CRAB, axes=[energy, offset])


def cap(radius):
    """Solid angle of a cap in sr, radius in deg."""
    return 2 * np.pi * (1 - np.cos(np.deg2rad(radius)))


# -- the region


@pytest.mark.parametrize(
    ("region", "solid_angle", "rtol"),
    [
        ("icrs;circle(83.63, 22.01, 0.11)", cap(0.11), 1e-9),
        ("icrs;circle(0, 0, 30)", cap(30), 1e-9),
        ("icrs;annulus(83.63, 22.01, 0.1, 0.3)", cap(0.3) - cap(0.1), 1e-9),
        ("icrs;circle(83.63, 22.01, 0.11);icrs;circle(85, 22.01, 0.11)", 2 * cap(0.11), 1e-9),
        # Circles whose centres are one radius apart share 2/3 - sqrt(3) / (2 pi) of one of them.
        (
            "icrs;circle(10, 0, 0.1);icrs;circle(10.1, 0, 0.1)",
            cap(0.1) * (2 - 2 / 3 + 3**0.5 / (2 * np.pi)),
            2e-3,
        ),
        ("icrs;ellipse(83.63, 22.01, 0.2, 0.1, 30)", np.deg2rad(0.2) * np.deg2rad(0.1) * np.pi, 1e-3),
        ("icrs;box(83.63, 22.01, 0.2, 0.1, 30)", np.deg2rad(0.2) * np.deg2rad(0.1), 2e-3),
        ("icrs;point(83.63, 22.01)", 0, 1e-9),
    ],
)
def test_solid_angle(region, solid_angle, rtol):
    assert_allclose(RegionGeom.create(region).solid_angle().to_value("sr"), solid_angle, rtol=rtol)


@given(st.floats(0, 360), st.floats(-80, 80), st.floats(0.05, 2))
def test_a_circle_holds_what_is_within_its_radius(lon, lat, radius):
    center = SkyCoord(lon, lat, unit="deg")
    geom = RegionGeom.create(CircleSkyRegion(center, radius * u.deg))
    angles = np.arange(0, 360, 30) * u.deg
    assert geom.contains(center.directional_offset_by(angles, 0.999 * radius * u.deg)).all()
    assert not geom.contains(center.directional_offset_by(angles, 1.001 * radius * u.deg)).any()
    assert geom.center_skydir.separation(center).deg < 1e-9
    assert_allclose(geom.width.to_value("deg"), 2 * radius, rtol=1e-2)


def test_contains_other_shapes():
    points = SkyCoord([83.63, 83.63 + 0.15 / np.cos(np.deg2rad(22.01)), 83.63], [22.01, 22.01, 22.16], unit="deg")
    assert_array_equal(RegionGeom.create("icrs;ellipse(83.63,22.01,0.2,0.1,0)").contains(points), [True, True, False])
    assert_array_equal(RegionGeom.create("icrs;annulus(83.63,22.01,0.1,0.3)").contains(points), [False, True, True])
    assert_array_equal(RegionGeom.create("icrs;point(83.63,22.01)").contains(points), [True, False, False])
    assert_array_equal(
        RegionGeom.create("icrs;polygon(83.5,22.1,83.8,22.1,83.6,22.3)").contains(points), [False, False, True]
    )
    for region in ("circle(83.6,22.2,0.1)", "polygon(83.5,22.1,83.8,22.1,83.6,22.3)", "point(83.6,22.2)"):
        assert RegionGeom.create(f"icrs;{region}").contains(SkyCoord(83.6, 22.2, unit="deg")).shape == ()
    circle = RegionGeom.create(CRAB)
    assert circle.contains({"lon": 83.63 * u.deg, "lat": 22.01 * u.deg})
    assert_array_equal(circle.contains(MapCoord.create((points.ra, points.dec))), [True, False, False])


def test_frames():
    assert RegionGeom.create("galactic;circle(184.5, -5.8, 0.1)").frame == "galactic"
    assert RegionGeom.create("fk5;circle(83.63, 22.01, 0.1)").frame == "icrs"
    wcs = RegionGeom.create("galactic;circle(184.5, -5.8, 0.1)").wcs
    assert RegionGeom.create(CRAB, wcs=wcs).frame == "galactic"


def test_projection_is_centred_on_the_region():
    wcs = RegionGeom.create(CRAB, binsz_wcs="0.05 deg").wcs
    assert isinstance(wcs, WCS)
    assert_allclose(wcs.wcs.crval, [83.63, 22.01])
    assert_allclose(np.abs(wcs.wcs.cdelt), 0.05)
    # 0.22 deg need five pixels, and a border of one.
    assert wcs.array_shape == (7, 7)


def test_points():
    geom = RegionGeom.create([PointSkyRegion(CENTER), PointSkyRegion(SkyCoord("84d 22d"))])
    assert geom.is_all_point_sky_regions
    coords, weights = geom.get_wcs_coord_and_weights()
    assert_allclose(coords.lon.deg, [83.63, 84])
    assert_array_equal(weights, [1, 1])
    assert RegionGeom.create(CENTER).is_all_point_sky_regions
    assert not RegionGeom.create([PointSkyRegion(CENTER), CircleSkyRegion(CENTER, 1 * u.deg)]).is_all_point_sky_regions


@pytest.mark.parametrize("region", [CRAB, "icrs;ellipse(83.63,22.01,0.2,0.1,30)", "icrs;annulus(83.63,22.01,0.1,0.3)"])
def test_weighted_pixels_cover_the_region(region, energy):
    geom = RegionGeom.create(region, axes=[energy])
    coords, weights = geom.get_wcs_coord_and_weights()
    pixel = np.deg2rad(0.01) ** 2
    assert_allclose(weights.sum() * pixel, geom.solid_angle().to_value("sr"), rtol=2e-3)
    assert coords["energy"].shape == (4, 1)
    assert coords.shape == (4, weights.size)


def test_union(energy):
    one, two = (RegionGeom.create(f"icrs;circle({lon}, 22.01, 0.11)", axes=[energy]) for lon in (83.63, 85))
    both = one.union(two)
    assert_allclose(both.solid_angle(), 2 * one.solid_angle())
    assert both.axes == one.axes
    assert both.contains(SkyCoord([83.63, 85, 84.3] * u.deg, [22.01] * 3 * u.deg)).tolist() == [True, True, False]
    assert RegionGeom.from_regions([one.region, two.region]).has_same_region(both)


def test_same_region():
    one = RegionGeom.create(CRAB)
    assert one.has_same_region(RegionGeom.create("icrs;circle(83.63, 22.01, 0.1100000001)"))
    for other in (
        "icrs;circle(83.63, 22.01, 0.12)",
        "icrs;circle(83.64, 22.01, 0.11)",
        "icrs;point(83.63, 22.01)",
        None,
    ):
        assert not one.has_same_region(RegionGeom.create(other))
    assert RegionGeom.create(None).has_same_region(RegionGeom.create(None))
    ellipse = RegionGeom.create("icrs;ellipse(83.63,22.01,0.2,0.1,0)")
    assert ellipse.has_same_region(RegionGeom.create("icrs;ellipse(83.63,22.01,0.2,0.1,360)"))
    assert not ellipse.has_same_region(RegionGeom.create("icrs;ellipse(83.63,22.01,0.2,0.1,3)"))


def test_a_geometry_without_a_region(energy):
    geom = RegionGeom.create(None, axes=[energy])
    assert geom.data_shape == (4, 1, 1)
    assert np.isnan(geom.center_skydir.ra.deg)
    assert geom.wcs is None
    assert not geom.is_all_point_sky_regions
    assert_array_equal(geom.coord_to_idx({"energy": 0.2 * u.TeV})[2], 0)
    for ask in (geom.solid_angle, geom.get_wcs_coord_and_weights, geom.plot_region, lambda: geom.contains(CENTER)):
        with pytest.raises(InputError, match="this geometry has no region"):
            ask()
    with pytest.raises(InputError, match="a geometry without a region has no width"):
        _ = geom.width


@pytest.mark.parametrize(
    ("region", "error", "match"),
    [
        ("icrs;blob(1, 2)", InputError, "no region in 'icrs;blob"),
        ("no_such_file.reg", InputError, "no region in 'no_such_file.reg'"),
        ([], InputError, "an empty list of regions"),
        (3, InputTypeError, "region is 3: expected a regions.SkyRegion, a DS9 string"),
        (LineSkyRegion(CENTER, SkyCoord("84d 22d")), InputError, "a LineSkyRegion has no area"),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_bad_regions(region, error, match):
    with pytest.raises(error, match=match):
        RegionGeom.create(region)


def test_bad_pixel_sizes():
    with pytest.raises(InputError, match="binsz_wcs is 0.0 deg: expected a positive angle"):
        RegionGeom.create(CRAB, binsz_wcs="0 deg")
    with pytest.raises(UnitsError, match="binsz_wcs has the unit 'm'"):
        RegionGeom.create(CRAB, binsz_wcs="1 m")


# -- axes


def test_shape_and_names(geom, energy):
    assert geom.data_shape == geom.data_shape_axes == (2, 4, 1, 1)
    assert geom.axes_names == ["lon", "lat", "energy", "offset"]
    assert geom.has_energy_axis
    assert not geom.to_cube([energy.rename("energy_true")]).has_energy_axis
    assert geom.to_image().is_image
    assert not geom.is_image
    assert geom.npix == ([1], [1])
    assert geom.is_region
    assert not geom.is_hpx


def test_other_geometries(geom, energy):
    assert geom.squash("energy").data_shape == (2, 1, 1, 1)
    assert geom.drop("offset").data_shape == (4, 1, 1)
    assert geom.downsample(2, "energy").data_shape == (2, 2, 1, 1)
    assert geom.upsample(2, "energy").data_shape == (2, 8, 1, 1)
    assert geom.pad((1, 0), "energy").data_shape == (2, 5, 1, 1)
    assert geom.slice_by_idx({"offset": 0, "energy": slice(1, 3)}).data_shape == (2, 1, 1)
    assert geom.resample_axis(energy.downsample(2)).data_shape == (2, 2, 1, 1)
    assert geom.replace_axis(energy.squash()).data_shape == (2, 1, 1, 1)
    assert geom.as_energy_true.axes.names == ["energy_true", "offset"]
    assert geom.rename_axes(["offset"], ["rad"]).axes.names == ["energy", "rad"]
    assert geom.copy(axes=[energy]).data_shape == (4, 1, 1)
    assert geom.copy(region=None).region is None
    assert geom.to_binsz_wcs("0.1 deg").binsz_wcs == 0.1 * u.deg
    for unchanged in (geom.downsample(2), geom.upsample(2), geom.pad(1), geom.crop()):
        assert unchanged is geom
    assert geom.slice_by_idx({"offset": 0}).region is geom.region


def test_comparison(geom, energy):
    assert geom == RegionGeom.create(None, axes=geom.axes)
    assert geom != geom.drop("offset")
    assert geom != "geom"
    near = geom.replace_axis(energy.copy(nodes=energy.edges * (1 + 1e-4)))
    assert geom != near
    assert geom.is_allclose(near, rtol_axes=1e-3)
    with pytest.raises(TypeError, match="cannot compare a RegionGeom with a str"):
        geom.is_allclose("x")


def test_check_axes(geom, energy, offset):
    geom.check_axes(geom.copy(), "sum")
    geom.check_axes(geom.squash("energy"), "sum", broadcast=True)
    with pytest.raises(InputError, match=r"sum: the axes differ: \['energy', 'offset'\] and \['energy'\]"):
        geom.check_axes(geom.drop("offset"), "sum")
    with pytest.raises(InputError, match="sum: axis 'energy' has 4 bins and 1 bins"):
        geom.check_axes(geom.squash("energy"), "sum")
    with pytest.raises(InputError, match="sum: axis 'energy' has different edges"):
        geom.check_axes(geom.replace_axis(energy.copy(nodes=energy.edges * 2)), "sum")


# -- coordinates


def test_coordinates(geom, energy):
    coords = geom.get_coord()
    assert coords.shape == (2, 4, 1, 1)
    assert_allclose(coords["energy"][1, :, 0, 0], energy.center)
    assert_allclose(coords["lon"][1, 2, 0, 0].to_value("deg"), 83.63)
    sparse = geom.get_coord(sparse=True)
    assert sparse["energy"].shape == (1, 4, 1, 1)
    assert sparse["offset"].shape == (2, 1, 1, 1)
    assert geom.get_coord(mode="edges", axis_name="energy")["energy"].shape == (2, 5, 1, 1)
    galactic = geom.get_coord(frame="galactic", sparse=True)
    assert_allclose(galactic.lon.to_value("deg").item(), CENTER.galactic.l.deg)
    assert_allclose(geom.center_coord[0].deg, 83.63)


def test_every_bin_is_found_at_its_coordinates(geom):
    idx = geom.coord_to_idx(geom.get_coord())
    for found, expected in zip(idx, geom.get_idx(), strict=True):
        assert_array_equal(found, expected)
    back = geom.pix_to_coord(geom.coord_to_pix(geom.get_coord()))
    for found, expected in zip(back, geom.get_coord(), strict=True):
        assert_allclose(found, expected)


def test_what_lies_outside_has_no_index(geom):
    positions = SkyCoord([83.63, 85], [22.01, 22.01], unit="deg")
    coords = {"skycoord": positions, "energy": [1, 20] * u.TeV, "offset": [1, 1] * u.deg}
    assert_array_equal(geom.coord_to_idx(coords), [[0, -1], [0, -1], [2, -1], [1, 1]])
    assert_array_equal(geom.coord_to_idx(coords, clip=True), [[0, -1], [0, -1], [2, 3], [1, 1]])
    assert_array_equal(np.isnan(geom.coord_to_pix(coords)[0]), [False, True])
    assert np.isnan(geom.pix_to_coord((np.array([3.0]), np.array([0.0]), 0, 0))[0]).all()


def test_bin_volume(geom, energy, offset):
    volume = geom.bin_volume()
    assert volume.shape == geom.data_shape
    expected = energy.bin_width[2] * offset.bin_width[1] * geom.solid_angle()
    assert_allclose(volume[1, 2, 0, 0].to_value("TeV deg sr"), expected.to_value("TeV deg sr"))


# -- masks


def test_energy_mask(energy):
    geom = RegionGeom.create(CRAB, axes=[energy])
    mask = geom.energy_mask("300 GeV", 3.2 * u.TeV)
    assert mask.is_mask
    assert_array_equal(mask.data[:, 0, 0], [False, True, True, False])
    assert geom.energy_mask().data.all()
    # A limit on an edge, up to rounding, is that edge.
    assert_array_equal(geom.energy_mask(1.0000000001 * u.TeV).data[:, 0, 0], [False, False, True, True])
    assert_array_equal(geom.energy_mask(0.4 * u.TeV).data[:, 0, 0], [False, False, True, True])
    rounded = geom.energy_mask(0.4 * u.TeV, 2 * u.TeV, round_to_edge=True)
    assert_array_equal(rounded.data[:, 0, 0], [False, True, True, False])


def test_mask_of_another_axis(geom):
    mask = geom.create_mask("offset", edge_max=1 * u.deg)
    assert_array_equal(mask.data[:, :, 0, 0], [[True] * 4, [False] * 4])
    assert geom.as_energy_true.energy_mask(energy_max="1 TeV").data.sum() == 4


@pytest.mark.parametrize(
    ("limits", "error", "match"),
    [
        ({"energy_min": 3 * u.m}, UnitsError, "energy_min has the unit 'm'"),
        ({"energy_max": [1, 2] * u.TeV}, InputError, "energy_max is .* expected one value"),
        ({"energy_min": -1 * u.TeV}, InputError, "energy_min is -1.0 TeV: not on an axis with log scale"),
    ],
)
def test_bad_limits(geom, limits, error, match):
    with pytest.raises(error, match=match):
        geom.energy_mask(**limits)
    with pytest.raises(UnknownNameError, match="no axis 'x'"):
        geom.create_mask("x")


# -- files and plots


@pytest.mark.parametrize(
    "region",
    [
        CRAB,
        "galactic;circle(184.5, -5.8, 0.2)",
        "icrs;ellipse(83.63,22.01,0.2,0.1,30)",
        "icrs;box(83.63,22.01,0.2,0.1,30)",
        "icrs;annulus(83.63,22.01,0.1,0.3)",
        "icrs;polygon(83.5,22.1,83.8,22.1,83.6,22.3)",
        "icrs;point(83.63,22.01)",
        "icrs;circle(83.63, 22.01, 0.11);icrs;circle(85, 22.01, 0.11)",
        None,
    ],
)
def test_round_trip(region, energy):
    geom = RegionGeom.create(region, axes=[energy])
    back = RegionGeom.from_hdulist(geom.to_hdulist(format="ogip"), format="ogip")
    assert back == geom
    assert back.has_same_region(geom)
    assert back.frame == geom.frame
    if region:
        assert back.wcs.array_shape == geom.wcs.array_shape
        assert_allclose(back.solid_angle(), geom.solid_angle(), rtol=1e-5)


def test_a_region_that_fits_has_no_word_for(energy):
    one, two = (CircleSkyRegion(SkyCoord(lon, 22, unit="deg"), 1 * u.deg) for lon in (83, 83.5))
    with pytest.raises(InputError, match="the region cannot be written to FITS"):
        RegionGeom.create(one & two, axes=[energy]).to_hdulist()
    with pytest.raises(InputError, match="format is 'csv'"):
        RegionGeom.create(one, axes=[energy]).to_hdulist(format="csv")


def test_plot_region():
    geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.11);icrs;point(83.7, 22.05)")
    plt.figure()
    ax = geom.plot_region(edgecolor="red", kwargs_point={"marker": "x"}, path_effect=patheffects.withStroke())
    (patch,) = ax.patches
    (line,) = ax.lines
    assert_allclose(patch.radius, 11, rtol=1e-3)
    assert patch.get_edgecolor() == (1.0, 0.0, 0.0, 1.0)
    assert (line.get_marker(), line.get_color()) == ("x", "red")
    assert len(patch.get_path_effects()) == 1
    assert_allclose(patch.center, ax.wcs.world_to_pixel(CENTER), atol=1e-6)
    # The same axes are used again.
    assert RegionGeom.create(CRAB).plot_region() is ax
    plt.close("all")


def test_plot_region_needs_sky_axes():
    ax = plt.figure().add_subplot()
    with pytest.raises(InputError, match="plot_region needs axes with a sky projection"):
        RegionGeom.create(CRAB).plot_region(ax)
    plt.close("all")


def test_repr(geom):
    assert "CircleSkyRegion" in repr(geom)
    assert "(1, 1, 4, 2)" in repr(geom)
    assert "region : None" in repr(RegionGeom.create(None))


def test_labels_have_a_place_too():
    geom = RegionGeom.create(CRAB, axes=MapAxes([LabelMapAxis(["a", "b"], name="models"), MapAxis([0, 1], name="x")]))
    assert geom.get_coord()["models"].tolist() == [[[["a"]], [["b"]]]]
    assert_array_equal(geom.coord_to_idx({"models": ["b"], "x": [0.5]})[2], [1])
