from itertools import pairwise
from types import SimpleNamespace

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.axis import MapAxis
from gammafold.maps.core import Map
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.maps.region_plot import masked_spans
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import GammafoldWarning, InputError, UnitsError, UnknownNameError

CRAB = "icrs;circle(83.63, 22.01, 0.11)"
CENTER = SkyCoord(83.63, 22.01, unit="deg")
ENERGY = MapAxis.from_energy_bounds("0.1 TeV", "10 TeV", nbin=4)
OFFSET = MapAxis.from_bounds(0, 2, 2, name="offset", unit="deg")

values = hnp.arrays(float, (2, 4, 1, 1), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 3)))


def cube_of(data, unit=""):
    return RegionNDMap.create(CRAB, axes=[ENERGY, OFFSET], data=data, unit=unit)


# -- making maps


def test_data_in_any_shape_that_stands_for_the_axes(energy, offset):
    for data in ([1, 2, 3, 4], [[1], [2], [3], [4]], np.arange(1, 5).reshape(4, 1, 1)):
        assert_array_equal(RegionNDMap.create(CRAB, axes=[energy], data=data).data[:, 0, 0], [1, 2, 3, 4])
    assert_array_equal(RegionNDMap.create(CRAB, axes=[energy], data=7).data, np.full((4, 1, 1), 7))
    assert RegionNDMap.create(CRAB, axes=[energy, offset]).data.shape == (2, 4, 1, 1)
    assert RegionNDMap.create(CRAB, data=3.0).data.shape == (1, 1)


def test_an_array_in_the_right_shape_is_used_as_it_is(energy):
    data = np.zeros((4, 1, 1))
    assert RegionNDMap.create(CRAB, axes=[energy], data=data).data is data


def test_types_and_units(spectrum, energy):
    assert RegionNDMap.create(CRAB, axes=[energy]).data.dtype == float
    assert RegionNDMap.create(CRAB, axes=[energy], dtype=bool).is_mask
    assert spectrum.unit == "s"
    assert spectrum.quantity[0, 0, 0] == 1 * u.s
    assert np.shares_memory(spectrum.quantity, spectrum.data)
    spectrum.quantity = [1, 2, 3, 4] * u.min
    assert spectrum.unit == "min"
    spectrum.data = [60, 60, 60, 60] * u.s
    assert_allclose(spectrum.data, 1)
    assert RegionNDMap.create(CRAB, axes=[energy], data=[1, 2, 3, 4] * u.km, unit="m").data.max() == 4000


def test_maps_are_made_by_the_base_class(energy):
    geom = RegionGeom.create(CRAB, axes=[energy])
    assert isinstance(Map.create(CRAB, axes=[energy]), RegionNDMap)
    assert isinstance(Map.from_geom(geom, unit="s"), RegionNDMap)
    assert RegionNDMap.from_geom(geom, meta={"a": 1}).meta == {"a": 1}


def test_a_subclass_does_not_take_over(energy):
    class Mine(RegionNDMap):
        pass

    assert type(Map.create(CRAB, axes=[energy])) is RegionNDMap
    assert type(Mine.create(CRAB, axes=[energy]) + 1) is Mine


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: RegionNDMap.create(CRAB, axes=[ENERGY], data=[1, 2]), InputError, r"data has the shape \(2,\)"),
        (lambda: RegionNDMap.create(CRAB, axes=[ENERGY], data="abcd"), InputError, "expected numbers or booleans"),
        (lambda: RegionNDMap.create(CRAB, unit="parrot"), UnitsError, "unit is 'parrot': expected a unit"),
        (
            lambda: RegionNDMap.create(CRAB, axes=[ENERGY], data=[1, 2, 3, 4] * u.m, unit="s"),
            UnitsError,
            "data in 'm' cannot be converted to the map's unit 's'",
        ),
        (lambda: Map.create(map_type="cube"), InputError, r"no maps for map_type 'cube': there are \['region'\]"),
        (lambda: Map.from_geom(3), InputError, "no maps for geom_name 'int'"),
    ],
)
def test_bad_maps(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_copy_shares_nothing(spectrum):
    spectrum.meta["a"] = [1]
    copy = spectrum.copy()
    copy.data[0], copy.meta["a"][0] = 99, 2
    assert spectrum.data[0, 0, 0] == 1
    assert spectrum.meta == {"a": [1]}
    assert spectrum.copy(unit="m").unit == "m"
    assert spectrum.copy(dtype=int).data.dtype == int
    assert spectrum.copy(data=np.zeros(4)).data.sum() == 0


def test_to_unit(spectrum):
    assert_allclose(spectrum.to_unit("min").data, spectrum.data / 60)
    with pytest.raises(UnitsError, match="the map's unit 's' cannot be converted to 'm'"):
        spectrum.to_unit("m")


def test_is_allclose(spectrum, energy):
    assert spectrum.is_allclose(spectrum.to_unit("h"))
    assert not spectrum.is_allclose(spectrum * 1.01)
    assert spectrum.is_allclose(spectrum * 1.01, rtol=0.1)
    assert not spectrum.is_allclose(spectrum.copy(unit="m"))
    assert not spectrum.is_allclose(spectrum.copy(geom=spectrum.geom.replace_axis(energy.copy(nodes=energy.edges * 2))))
    assert not spectrum.is_allclose(spectrum.sum_over_axes())
    with pytest.raises(TypeError, match="cannot compare a RegionNDMap with a int"):
        spectrum.is_allclose(3)


def test_repr(spectrum):
    assert "'s'" in repr(spectrum)
    assert "float64" in repr(spectrum)


# -- arithmetic


@given(values, values)
def test_arithmetic_is_that_of_quantities(first, second):
    one, two = cube_of(first, "m"), cube_of(second, "km")
    a, b = first * u.m, second * u.km
    for result, expected in [
        (one + two, a + b),
        (one - two, a - b),
        (one * two, a * b),
        (-one, -a),
        (abs(one), abs(a)),
    ]:
        assert_allclose(result.quantity.to_value(expected.unit), expected.value, rtol=1e-12, atol=1e-9)
    assert_array_equal((one > two).data, a > b)
    assert_array_equal((one <= two).data, a <= b)
    assert_array_equal((one == one).data, True)
    assert_array_equal((one != one).data, False)


def test_numbers_quantities_and_arrays(spectrum):
    assert_allclose((2 * spectrum).data.ravel(), [2, 4, 6, 8])
    assert (spectrum * (3 * u.m)).unit == "m s"
    assert (spectrum * u.m).unit == "m s"
    assert_allclose((1 / spectrum).data.ravel(), [1, 1 / 2, 1 / 3, 1 / 4])
    assert (1 / spectrum).unit == "1 / s"
    assert ((6 * u.m) / spectrum).unit == "m / s"
    assert (spectrum / spectrum).unit == u.dimensionless_unscaled
    assert_allclose((1 * u.min + spectrum).data.ravel(), [61, 62, 63, 64])
    assert_allclose((1 * u.min - spectrum).data.ravel(), [59, 58, 57, 56])
    assert_allclose((spectrum * np.array([1, 0, 1, 0])).data.ravel(), [1, 0, 3, 0])
    assert_allclose((np.array([1, 0, 1, 0]) * spectrum).data.ravel(), [1, 0, 3, 0])
    assert_allclose((spectrum**2).quantity.ravel(), [1, 4, 9, 16] * u.s**2)


def test_division_by_zero_is_silent_and_not_finite(spectrum):
    zero = spectrum * 0
    assert np.isnan((zero / zero).data).all()
    assert np.isinf((spectrum / zero).data).all()


def test_in_place(spectrum):
    same = spectrum
    same += 1 * u.s
    same -= 1 * u.s
    same *= 2 * u.m
    same /= 2
    assert same is spectrum
    assert same.unit == "m s"
    assert_allclose(same.data.ravel(), [1, 2, 3, 4])


def test_axes_of_one_bin_broadcast(cube):
    total = cube.sum_over_axes(["energy"])
    fraction = cube / total
    assert_allclose(fraction.data.sum(axis=1).ravel(), [1, 1])
    assert (total * cube).geom == cube.geom
    assert_allclose((total * cube).data, (cube * total).data)


def test_masks(spectrum):
    low, high = spectrum > 1 * u.s, spectrum < 4 * u.s
    assert_array_equal((low & high).data.ravel(), [False, True, True, False])
    assert_array_equal((low | high).data.ravel(), [True] * 4)
    assert_array_equal((low ^ high).data.ravel(), [True, False, False, True])
    assert_array_equal((~low).data.ravel(), [True, False, False, False])
    assert_array_equal((low & np.array([True, True, False, False])).data.ravel(), [False, True, False, False])
    assert low.unit == u.dimensionless_unscaled
    assert_array_equal((low + high).data.ravel(), [1, 2, 2, 1])
    assert_array_equal((spectrum * low).data.ravel(), [0, 2, 3, 4])


def test_a_map_is_an_array_to_numpy(spectrum):
    assert_allclose(np.sqrt(np.asarray(spectrum)), np.sqrt(spectrum.data))
    with pytest.raises(TypeError, match="unhashable"):
        hash(spectrum)


@pytest.mark.parametrize(
    ("compute", "error", "match"),
    [
        (lambda m: m + 1, UnitsError, "add: the unit '' cannot be converted to the map's 's'"),
        (lambda m: m > 3 * u.m, UnitsError, "greater: the unit 'm' cannot be converted"),
        (lambda m: m * "a", InputError, "multiply of maps: 'a' is not a number, quantity, array or map"),
        (lambda m: m * np.ones(3), InputError, r"operand has the shape \(3,\)"),
        (lambda m: m & m, InputError, "logical_and needs masks: this map has the type float64"),
        (lambda m: (m > 0 * u.s) | 3, InputError, "logical_or needs masks: the other operand has the type int64"),
        (lambda m: m**m, InputError, "the exponent is a RegionNDMap: expected a number"),
        (lambda m: m + m.rename_axes("energy", "energy_true"), InputError, "add of maps: the axes differ"),
        (lambda m: m + m.slice_by_idx({"energy": slice(0, 2)}), InputError, "axis 'energy' has 4 bins and 2 bins"),
        (lambda m: m + m.pad((0, 1), "energy").slice_by_idx({"energy": slice(1, 5)}), InputError, "different edges"),
    ],
)
def test_bad_arithmetic(spectrum, compute, error, match):
    with pytest.raises(error, match=match):
        compute(spectrum)


# -- along the axes


@given(values)
def test_sums_are_those_of_numpy(data):
    cube = cube_of(data)
    assert_allclose(cube.sum_over_axes().data.item(), data.sum(), atol=1e-9)
    assert_allclose(cube.sum_over_axes(["offset"], keepdims=False).data, data.sum(axis=0))
    assert_allclose(cube.sum_over_axes("energy").data, data.sum(axis=1, keepdims=True))
    assert_allclose(cube.reduce_over_axes(np.maximum, axes_names=["energy"]).data, data.max(axis=1))
    assert_allclose(cube.reduce("offset", np.minimum).data, data.min(axis=0))


def test_sums_keep_geometry_unit_and_weights(cube):
    cube.unit = u.Unit("s")
    total = cube.sum_over_axes()
    assert total.unit == "s"
    assert total.geom.data_shape == (1, 1, 1, 1)
    assert_allclose(total.geom.axes["energy"].edges.value, [0.1, 10])
    mask = cube > 5 * u.s
    assert cube.sum_over_axes(weights=mask).data.item() == 13
    # A mask of one bin along an axis stands for the whole axis.
    by_energy = mask.reduce_over_axes(np.logical_or, keepdims=True, axes_names=["offset"])
    assert cube.sum_over_axes(weights=by_energy).data.item() == 2 + 3 + 6 + 7
    hidden = cube.copy()
    hidden.data[0] = np.nan
    assert hidden.sum_over_axes(weights=mask).data.item() == 13


def test_cumsum_and_integral(spectrum, energy):
    running = spectrum.cumsum("energy")
    assert running.unit == "TeV s"
    expected = np.concatenate([[0], np.cumsum([1, 2, 3, 4] * energy.bin_width.value)])
    assert_allclose(running.data.ravel(), expected)
    assert_allclose(running.geom.axes["energy"].center, energy.edges)
    assert_allclose(spectrum.integral("energy", {"energy": energy.edges}).to_value("TeV s"), expected)
    assert_allclose(spectrum.integral("energy", {"energy": 99 * u.TeV}).to_value("TeV s"), expected[-1])


def test_normalize(cube, offset):
    cube.normalize("offset")
    assert cube.unit == "1 / deg"
    assert_allclose((cube.data * offset.bin_width.value.reshape(2, 1, 1, 1)).sum(axis=0), 1)
    cube.normalize()
    assert_allclose((cube.quantity * np.reshape(cube.geom.axes.bin_volume().T, (2, 4, 1, 1))).sum(), 1)
    with pytest.raises(InputError, match=r"the integral over \['energy'\] is zero or not finite"):
        (cube * 0).normalize("energy")


def test_slices_are_copies(cube):
    part = cube.slice_by_idx({"energy": slice(1, 3), "offset": 1})
    assert_array_equal(part.data.ravel(), [5, 6])
    assert part.geom.axes.names == ["energy"]
    part.data[:] = 0
    assert cube.data.sum() == 28
    with pytest.raises(UnknownNameError, match="no axis 'x'"):
        cube.slice_by_idx({"x": 0})


def test_iteration(cube):
    assert [m.data.sum() for m in cube.iter_by_axis("offset")] == [6, 22]
    assert [m.geom.data_shape for m in cube.iter_by_axis("offset", keepdims=True)] == [(1, 4, 1, 1)] * 2
    assert [m.data.item() for m in cube.iter_by_image()] == list(range(8))
    assert [m.data.shape for m in cube.iter_by_image(keepdims=True)] == [(1, 1, 1, 1)] * 8
    assert [(data.item(), idx) for data, idx in cube.iter_by_image_data()][5] == (5, (1, 1))
    assert len(cube.split_by_axis("energy")) == 4


def test_stack(spectrum):
    stacked = spectrum.copy()
    stacked.stack(spectrum.to_unit("min"), weights=spectrum > 2 * u.s)
    assert_allclose(stacked.data.ravel(), [1, 2, 6, 8])
    other = spectrum.copy()
    other.data[0] = np.nan
    stacked.stack(other, nan_to_num=True)
    assert_allclose(stacked.data.ravel(), [1, 4, 9, 12])
    whole = spectrum.copy(data=np.array([1, 2, 3, 4]))
    whole.stack(spectrum * 0.5)
    assert_allclose(whole.data.ravel(), [1.5, 3, 4.5, 6])


def test_masks_stack_by_or(spectrum):
    mask = spectrum < 2 * u.s
    mask.stack(spectrum > 2 * u.s, weights=spectrum < 4 * u.s)
    assert_array_equal(mask.data.ravel(), [True, False, True, False])
    with pytest.raises(InputError, match="stack: a mask takes masks, not data of the type float64"):
        mask.stack(spectrum)


@pytest.mark.parametrize(
    ("other", "error", "match"),
    [
        (lambda m: m.sum_over_axes(), InputError, "stack: axis 'energy' has 4 bins and 1 bins"),
        (lambda m: m * u.m, UnitsError, "'m s' cannot be converted to 's'"),
    ],
)
def test_bad_stacks(spectrum, other, error, match):
    with pytest.raises(error, match=match):
        spectrum.stack(other(spectrum))


def test_coadd(spectrum):
    fine = spectrum.upsample(2, axis_name="energy")
    spectrum.coadd(fine)
    assert_allclose(spectrum.data.ravel(), [2, 4, 6, 8])
    spectrum.coadd(fine, weights=fine > 1 * u.s)
    assert_allclose(spectrum.data.ravel(), [2, 4, 9, 12])


@given(values, st.sampled_from([[0, 4], [0, 2, 4], [0, 1, 4], [1, 3], [2, 3, 4]]))
def test_resampling_sums_groups(data, cuts):
    coarse = cube_of(data).resample_axis(MapAxis.from_energy_edges(ENERGY.edges[cuts]))
    expected = np.stack([data[:, a:b].sum(axis=1) for a, b in pairwise(cuts)], axis=1)
    assert_allclose(coarse.data, expected, atol=1e-9)


def test_resample_axis(spectrum):
    axis = MapAxis.from_energy_edges([0.1, 1, 10] * u.TeV)
    assert_array_equal(spectrum.resample_axis(axis, weights=spectrum > 1 * u.s).data.ravel(), [2, 7])
    assert_array_equal(spectrum.resample_axis(axis, ufunc=np.maximum).data.ravel(), [2, 4])
    assert_array_equal((spectrum > 3 * u.s).resample_axis(axis).data.ravel(), [False, True])
    with pytest.warns(GammafoldWarning, match="edges moved"):
        moved = spectrum.resample_axis(MapAxis.from_energy_edges([0.1, 0.9, 10] * u.TeV))
    assert_array_equal(moved.data.ravel(), [3, 7])


def test_downsample(spectrum):
    assert_array_equal(spectrum.downsample(2, axis_name="energy").data.ravel(), [3, 7])
    assert_array_equal(spectrum.downsample(2, axis_name="energy", preserve_counts=False).data.ravel(), [1.5, 3.5])
    assert_array_equal(spectrum.downsample(2, axis_name="energy", weights=spectrum > 1 * u.s).data.ravel(), [2, 7])
    assert_array_equal((spectrum > 3 * u.s).downsample(2, axis_name="energy").data.ravel(), [False, True])
    assert_array_equal(spectrum.downsample(2).data, spectrum.data)
    with pytest.raises(InputError, match="axis 'energy' has 4 bins: factor 3 does not divide it"):
        spectrum.downsample(3, axis_name="energy")


@given(values, st.integers(1, 3))
def test_downsampling_undoes_upsampling(data, factor):
    cube = cube_of(data)
    for keep in (True, False):
        fine = cube.upsample(factor, axis_name="energy", preserve_counts=keep)
        back = fine.downsample(factor, axis_name="energy", preserve_counts=keep)
        assert_allclose(back.data, data, atol=1e-9)


def test_upsample(spectrum):
    linear = spectrum.upsample(2, axis_name="energy", preserve_counts=False, order=1)
    assert_allclose(linear.data.ravel(), np.arange(0.75, 4.5, 0.5))
    mask = (spectrum > 2 * u.s).upsample(2, axis_name="energy")
    assert_array_equal(mask.data.ravel(), [False] * 4 + [True] * 4)
    assert_array_equal(spectrum.upsample(2).data, spectrum.data)
    with pytest.raises(InputError, match="order is 3"):
        spectrum.upsample(2, order=3, axis_name="energy")


def test_pad(spectrum):
    assert_array_equal(spectrum.pad((1, 2), axis_name="energy", cval=9).data.ravel(), [9, 1, 2, 3, 4, 9, 9])
    assert_array_equal(spectrum.pad(1, axis_name="energy", mode="edge").data.ravel(), [1, 1, 2, 3, 4, 4])
    assert_array_equal(spectrum.pad(1, axis_name="energy", mode="reflect").data.ravel(), [2, 1, 2, 3, 4, 3])
    assert_array_equal(spectrum.pad(1).data, spectrum.data)
    with pytest.raises(InputError, match="mode is 'wrap'"):
        spectrum.pad(1, mode="wrap")


def test_axes_by_other_names_and_orders(cube, energy):
    swapped = cube.reorder_axes(["offset", "energy"])
    assert swapped.data.shape == (4, 2, 1, 1)
    assert_array_equal(swapped.data[:, :, 0, 0], cube.data[:, :, 0, 0].T)
    assert cube.rename_axes(["offset"], ["rad"]).geom.axes.names == ["energy", "rad"]
    with pytest.raises(InputError, match="expected a permutation of"):
        cube.reorder_axes(["energy"])
    more = cube.to_cube([energy.squash().rename("energy_true")])
    assert more.data.shape == (1, 2, 4, 1, 1)
    with pytest.raises(InputError, match="axis 'x' has 2 bins: to_cube needs axes of one bin"):
        cube.to_cube([MapAxis([0, 1, 2], name="x")])


def test_from_stack(spectrum, offset, energy):
    both = Map.from_stack([spectrum, spectrum.to_unit("min")], axis=offset)
    assert_allclose(both.data[1], spectrum.data)
    assert both.unit == "s"
    assert Map.from_images([spectrum, spectrum], axis=offset).data.shape == (2, 4, 1, 1)
    halves = [spectrum.slice_by_idx({"energy": part}) for part in (slice(0, 2), slice(2, 4))]
    assert Map.from_stack(halves, axis_name="energy").is_allclose(spectrum)
    labelled = [
        RegionNDMap.create(CRAB, axes=[energy, LabelMapAxis([name], name="models")], data=1.0) for name in ("a", "b")
    ]
    assert Map.from_stack(labelled, axis_name="models").geom.axes["models"].center.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "from_stack needs maps, and either the new axis or the name"),
        ({"axis": ENERGY.rename("x")}, "axis 'x' has 4 bins for 2 maps"),
        ({"axis_name": "energy"}, "the second must start where the first ends"),
    ],
)
def test_bad_stacks_of_maps(spectrum, options, match):
    with pytest.raises(InputError, match=match):
        Map.from_stack([spectrum, spectrum], **options)


# -- by coordinate


@given(values, st.floats(0.2, 5), st.floats(0.5, 1.5))
def test_interpolation_is_bilinear_in_the_scale(data, energy, offset):
    found = cube_of(data).interp_by_coord({"energy": energy * u.TeV, "offset": offset * u.deg})
    log_centers = np.log(ENERGY.center.value)
    rows = [np.interp(np.log(energy), log_centers, row) for row in data[:, :, 0, 0]]
    assert_allclose(found, np.interp(offset, [0.5, 1.5], rows), atol=1e-9)


def test_interpolation(spectrum, energy):
    centers = {"energy": energy.center}
    for options in ({}, {"method": "nearest"}, {"values_scale": "log"}, {"values_scale": "sqrt"}):
        assert_allclose(spectrum.interp_by_coord(centers, **options), [1, 2, 3, 4])
    # Extrapolated by half a bin beyond the last centre, in ln E.
    assert_allclose(spectrum.interp_by_coord({"energy": 10 * u.TeV}), 4.5)
    assert_allclose(spectrum.interp_by_coord({"energy": [10, 11] * u.TeV}, fill_value=0), [4.5, 0])
    assert_allclose(spectrum.interp_by_coord({"energy": [[200], [5000]] * u.GeV}, method="nearest"), [[1], [4]])
    assert_allclose(spectrum.interp_by_pix((0, 0, np.array([0, 1.5]))), [1, 2.5])


def test_a_power_law_is_exact_between_logarithms(energy):
    data = energy.center.value**-2.3
    found = RegionNDMap.create(CRAB, axes=[energy], data=data).interp_by_coord(
        {"energy": [0.2, 3, 20] * u.TeV}, values_scale="log"
    )
    assert_allclose(found, np.array([0.2, 3, 20]) ** -2.3)


def test_labels_and_lone_bins_are_not_interpolated(energy):
    axes = [energy.squash(), LabelMapAxis(["a", "b"], name="models")]
    region_map = RegionNDMap.create(CRAB, axes=axes, data=[[3.0], [5.0]])
    assert_allclose(region_map.interp_by_coord({"energy": [0.2, 9] * u.TeV, "models": ["b", "a"]}), [5, 3])


@pytest.mark.parametrize(
    ("coords", "options", "error", "match"),
    [
        ({"energy": 1 * u.TeV}, {"method": "cubic"}, InputError, "method is 'cubic'"),
        ({"energy": 1 * u.TeV}, {"values_scale": "exp"}, InputError, "values_scale is 'exp'"),
        ({"energy": 1 * u.m}, {}, UnitsError, "energy in 'm': expected a unit like TeV"),
        ({"offset": 1 * u.deg}, {}, UnknownNameError, "no coordinate 'energy'"),
    ],
)
def test_bad_interpolation(spectrum, coords, options, error, match):
    with pytest.raises(error, match=match):
        spectrum.interp_by_coord(coords, **options)


def test_get(spectrum):
    coords = {"energy": [0.2, 1, 5, 20] * u.TeV}
    assert_allclose(spectrum.get_by_coord(coords), [1, 3, 4, np.nan])
    assert_allclose(spectrum.get_by_coord({**coords, "skycoord": CENTER}, fill_value=-1), [1, 3, 4, -1])
    assert np.isnan(spectrum.get_by_coord({**coords, "skycoord": SkyCoord("85d 22d")})).all()
    assert_allclose(spectrum.get_by_idx((0, 0, [1, 2])), [2, 3])
    assert_allclose(spectrum.get_by_pix((0, 0, np.array([0.4, 2.6, 9]))), [1, 4, np.nan])
    with pytest.raises(InputError, match="got 2 indices: expected 3"):
        spectrum.get_by_pix((0, 0))


def test_set(spectrum):
    spectrum.set_by_coord({"energy": [0.2, 50] * u.TeV}, [1, 1] * u.min)
    spectrum.set_by_idx((0, 0, 1), 8)
    spectrum.set_by_pix((0, 0, np.array([2.1])), 9)
    assert_allclose(spectrum.data.ravel(), [60, 8, 9, 4])
    with pytest.raises(UnitsError, match="values in 'm' cannot be converted to the map's unit 's'"):
        spectrum.set_by_idx((0, 0, 1), 8 * u.m)


@given(st.lists(st.floats(0.05, 20), max_size=30))
def test_filling_is_a_histogram(energies):
    counts = RegionNDMap.create(CRAB, axes=[ENERGY])
    counts.fill_by_coord({"energy": energies * u.TeV})
    assert_array_equal(counts.data.ravel(), np.histogram(energies, ENERGY.edges.value)[0])


def test_fill(spectrum):
    zero = spectrum * 0
    zero.fill_by_coord({"energy": [0.2, 0.2, 5] * u.TeV, "skycoord": CENTER}, weights=[1, 2, 4] * u.s)
    zero.fill_by_coord({"energy": [0.2] * u.TeV, "skycoord": SkyCoord("85d 22d")})
    zero.fill_by_idx((0, 0, [1, -1]), weights=[7, 9])
    zero.fill_by_pix((0, 0, np.array([2.2])))
    assert_allclose(zero.data.ravel(), [3, 7, 1, 4])
    with pytest.raises(InputError, match=r"weights have the shape \(2,\)"):
        zero.fill_by_idx((0, 0, [1, 2, 3]), weights=[1, 2])
    with pytest.raises(InputError, match="cannot fill a mask"):
        (zero > 0 * u.s).fill_by_idx((0, 0, 1))
    whole = zero.copy(dtype=int)
    whole.fill_by_idx((0, 0, [0]), weights=[2.0])
    assert whole.data[0, 0, 0] == 5
    with pytest.raises(InputError, match="fractional weights cannot be added to a map of the type int64"):
        whole.fill_by_idx((0, 0, [0]), weights=[0.5])


def test_fill_events(spectrum, energy):
    zero = spectrum * 0
    positions = SkyCoord([83.63, 83.63, 85], [22.01] * 3, unit="deg")
    zero.fill_events(SimpleNamespace(radec=positions, energy=[0.2, 5, 5] * u.TeV))
    zero.fill_events(SimpleNamespace(radec=positions, table=Table({"ENERGY": [0.2, 5, 5] * u.TeV})), weights=[1, 2, 4])
    assert_allclose(zero.data.ravel(), [2, 0, 0, 3])
    anywhere = RegionNDMap.create(None, axes=[energy])
    anywhere.fill_events(SimpleNamespace(energy=[5] * u.TeV))
    assert anywhere.data.sum() == 1
    with pytest.raises(UnknownNameError, match="the events have no 'energy', as attribute or column ENERGY"):
        zero.fill_events(SimpleNamespace(radec=positions))


def test_what_has_no_meaning_for_a_region(spectrum):
    for same in (spectrum.cutout(CENTER, 1 * u.deg), spectrum.crop(), spectrum.to_region_nd_map()):
        assert same is spectrum
    assert spectrum.get_spectrum() is spectrum


# -- plots


@pytest.fixture
def ax():
    figure = plt.figure()
    yield figure.add_subplot()
    plt.close(figure)


def test_plot(spectrum, energy, ax):
    assert spectrum.plot(ax, color="red") is ax
    (container,) = ax.containers
    x, y = container.lines[0].get_data()
    assert_allclose(x, energy.center.value)
    assert_allclose(y, [1, 2, 3, 4])
    segments = container.lines[2][0].get_segments()
    assert_allclose([segment[:, 0] for segment in segments], np.transpose([energy.edges_min, energy.edges_max]))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Energy [TeV]", "Data [s]")
    assert container.lines[0].get_color() == "red"


def test_plot_one_line_per_bin_of_the_other_axes(cube, ax):
    cube.plot(ax, axis_name="energy")
    assert len(ax.containers) == 2
    assert_allclose(ax.containers[1].lines[0].get_ydata(), [4, 5, 6, 7])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "offset 0.00e+00 deg - 1.00e+00 deg"
    with pytest.raises(InputError, match=r"the map has the axes \['energy', 'offset'\]: say which with axis_name"):
        cube.plot(ax)


def test_plot_labels_times_and_masks(spectrum, ax):
    labels = RegionNDMap.create(CRAB, axes=[LabelMapAxis(["a", "b"], name="models")], data=[1.0, 2.0])
    labels.plot(ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b"]
    nights = TimeMapAxis([0, 2] * u.d, [1, 3] * u.d, reference_time="2020-01-01")
    times = plt.figure().add_subplot()
    RegionNDMap.create(CRAB, axes=[nights], data=[1.0, 2.0]).plot(times)
    assert times.get_xlabel() == "Time [UTC]"
    other = plt.figure().add_subplot()
    (spectrum > 2 * u.s).plot(other)
    assert other.get_yscale() == "linear"
    plt.close("all")


def test_plot_hist(spectrum, energy, ax):
    spectrum.plot_hist(ax, lw=3)
    (patch,) = ax.patches
    assert patch.get_linewidth() == 3
    heights = patch.get_xy()[:, 1]
    assert set(np.round(heights, 9)) >= {1, 2, 3, 4}
    assert_allclose([patch.get_xy()[:, 0].min(), patch.get_xy()[:, 0].max()], [0.1, 10])
    assert ax.get_xscale() == "log"


def test_plot_mask(spectrum, ax):
    mask = (spectrum > 2 * u.s) & (spectrum < 4 * u.s)
    mask.plot_mask(ax, label="left out", facecolor="blue")
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    assert_allclose(spans, [(0.1, 1), (10**0.5, 10)])
    assert ax.get_legend_handles_labels()[1] == ["left out"]
    with pytest.raises(InputError, match="plot_mask draws masks: this map has data of the type float64"):
        spectrum.plot_mask(ax)


@given(st.lists(st.booleans(), max_size=12))
def test_spans_are_what_is_masked(mask):
    inside = [i for first, last in masked_spans(np.array(mask, dtype=bool)) for i in range(first, last)]
    assert inside == [i for i, kept in enumerate(mask) if not kept]


def test_plot_region_and_the_current_axes(spectrum):
    ax = spectrum.plot_region()
    assert len(ax.patches) == 1
    plt.close("all")
    current = plt.figure().add_subplot()
    assert spectrum.plot() is current
    plt.close("all")
