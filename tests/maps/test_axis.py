import copy
import pickle

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.axis import MapAxis
from gammafold.maps.label_axis import LabelMapAxis
from gammafold.utils.errors import GammafoldWarning, InputError, InputTypeError, UnitsError


def widths_to_axis(start, widths, interp):
    return MapAxis.from_edges(start + np.concatenate([[0], np.cumsum(widths)]), interp=interp, name="x", unit="TeV")


axes = st.builds(
    widths_to_axis,
    st.floats(0.01, 10),
    st.lists(st.floats(0.01, 10), min_size=1, max_size=8),
    st.sampled_from(["lin", "log", "sqrt"]),
)


def test_edges_and_centers_of_the_scales():
    assert_allclose(MapAxis.from_bounds(0, 4, 2).center.value, [1, 3])
    assert_allclose(MapAxis.from_bounds(1, 100, 2, interp="log").center.value, [10**0.5, 10**1.5])
    assert_allclose(MapAxis.from_bounds(0, 16, 2, interp="sqrt").edges.value, [0, 4, 16])


def test_bounds_and_whole_decades_are_exact():
    edges = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=12).edges.value
    assert_array_equal(edges[::4], [0.1, 1, 10, 100])


def test_edges_are_read_only_and_made_once(energy):
    assert energy.edges is energy.edges
    for values in (energy.edges, energy.center):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 3 * u.TeV


def test_an_axis_does_not_see_later_changes_of_its_nodes():
    nodes = np.array([1.0, 2.0, 3.0])
    axis = MapAxis.from_edges(nodes, unit="TeV")
    nodes[0] = 0
    assert axis.edges[0] == 1 * u.TeV


def test_widths_and_ends(energy):
    assert_allclose(energy.bin_width.value, np.diff([0.1, 10**-0.5, 1, 10**0.5, 10]))
    assert_array_equal(energy.bounds.value, [0.1, 10])
    assert_allclose(energy.nbin_per_decade, 2)
    assert [low.value for low, _ in energy.iter_by_edges] == energy.edges_min.value.tolist()
    assert_array_equal(energy.edges_max.value, energy.edges.value[1:])
    assert len(energy) == energy.nbin == 4


def test_edges_of_centers_lie_midway_in_the_scale():
    axis = MapAxis.from_nodes([1, 4, 16] * u.TeV, interp="log", name="energy")
    assert_allclose(axis.edges.value, [0.5, 2, 8, 32])
    assert_allclose(MapAxis.from_nodes([3.0]).edges.value, [2.5, 3.5])


@pytest.mark.parametrize(
    ("options", "edges"),
    [
        ({"nbin": 1}, [200, 9000]),
        ({"nbin": 2, "unit": "GeV"}, [200, (200 * 9000) ** 0.5, 9000]),
        # 1.65 decades hold 4.96 bins of a third: five that fit the bounds, or four as wide as asked.
        ({"nbin": 3, "per_decade": True}, np.geomspace(200, 9000, 6)),
        ({"nbin": 3, "per_decade": True, "strict_bounds": False}, 200 * 10 ** (np.arange(5) / 3)),
    ],
)
def test_from_energy_bounds(options, edges):
    axis = MapAxis.from_energy_bounds("0.2 TeV", "9 TeV", **options)
    assert axis.unit == options.get("unit", "TeV")
    assert (axis.name, axis.interp) == ("energy", "log")
    assert_allclose(axis.edges.to_value("GeV"), edges)


@pytest.mark.parametrize("strict", [True, False])
def test_a_whole_number_of_decades_gets_no_bin_too_many(strict):
    for low in (1e-3, 0.1, 0.3, 7.0):
        axis = MapAxis.from_energy_bounds(low * u.TeV, 1e3 * low * u.TeV, 7, per_decade=True, strict_bounds=strict)
        assert axis.nbin == 21


def test_from_energy_edges_takes_strings_and_units():
    axis = MapAxis.from_energy_edges(["500 GeV", "2 TeV"], unit="TeV", name="energy_true")
    assert_allclose(axis.edges.value, [0.5, 2])
    assert axis.is_energy_axis
    assert axis.unit == "TeV"


def test_a_unit_converts_a_quantity_and_is_that_of_numbers():
    assert_allclose(MapAxis([1, 2] * u.TeV, unit="GeV").edges.value, [1000, 2000])
    assert MapAxis([1, 2], unit="GeV").edges[0] == 1 * u.GeV


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: MapAxis([1, 3, 2]), InputError, r"nodes must increase strictly, and number 2 \(2\) does not exceed"),
        (lambda: MapAxis([1, 1], name="a"), InputError, "axis 'a': nodes must increase"),
        (lambda: MapAxis([1, np.nan]), InputError, "nodes that are not finite"),
        (lambda: MapAxis([1, np.inf]), InputError, "nodes that are not finite"),
        (lambda: MapAxis([0, 1], interp="log"), InputError, "a logarithmic scale needs positive ones"),
        (lambda: MapAxis([-1, 1], interp="sqrt"), InputError, "a square root needs none below zero"),
        (lambda: MapAxis([1]), InputError, r"nodes of shape \(1,\): expected at least 2"),
        (lambda: MapAxis([[1, 2]]), InputError, r"nodes of shape \(1, 2\)"),
        (lambda: MapAxis(["a", "b"]), InputError, "expected numbers or a quantity"),
        (lambda: MapAxis([1, 2], interp="ln"), InputError, "interp is 'ln': expected one of"),
        (lambda: MapAxis([1, 2], node_type="left"), InputError, "node_type of axis '' is 'left'"),
        (lambda: MapAxis([1, 2], name=3), InputTypeError, "axis name is 3"),
        (lambda: MapAxis([1, 2] * u.TeV, unit="m"), UnitsError, "nodes of axis '' has the unit 'TeV'"),
        (lambda: MapAxis.from_bounds(2, 1, 3), InputError, "expected the second above the first"),
        (lambda: MapAxis.from_bounds(0, 1, 3, interp="log"), InputError, "a logarithmic scale needs a positive one"),
        (lambda: MapAxis.from_bounds(1 * u.m, 3 * u.s, 3), UnitsError, "hi_bnd has the unit 's'"),
        (lambda: MapAxis.from_bounds(0, 1, 0), InputError, "nbin is 0: expected a whole number above zero"),
        (lambda: MapAxis.from_energy_edges([1, 2]), UnitsError, "energies of axis 'energy' are in ''"),
        (lambda: MapAxis.from_energy_edges("x"), UnitsError, "expected a quantity"),
        (lambda: MapAxis.from_energy_edges([1, 2] * u.TeV, unit="m"), UnitsError, "unit of axis 'energy'"),
        (lambda: MapAxis.from_energy_bounds("1 TeV", "1 TeV", 3), InputError, "expected 0 < energy_min < energy_max"),
        (lambda: MapAxis.from_energy_bounds("0 TeV", "1 TeV", 3), InputError, "expected 0 < energy_min"),
        (lambda: MapAxis.from_energy_bounds("1 TeV", "2 TeV", 2.5), InputError, "nbin is 2.5"),
        (
            lambda: MapAxis.from_energy_bounds("1 TeV", "2 TeV", 1, per_decade=True, strict_bounds=False),
            InputError,
            "no bin fits between",
        ),
        (lambda: MapAxis.from_stack([]), InputError, "needs at least one"),
    ],
)
def test_bad_axes(make, error, match):
    with pytest.raises(error, match=match):
        make()


# -- coordinates


def test_bins_hold_their_lower_edge_and_the_last_its_upper():
    axis = MapAxis.from_edges([1, 2, 4, 8] * u.TeV, name="energy", interp="log")
    coords = [0.5, 1, 1.9, 2, 4, 7.9, 8, 8.1, np.nan] * u.TeV
    assert_array_equal(axis.coord_to_idx(coords), [-1, 0, 0, 1, 2, 2, 2, -1, -1])
    assert_array_equal(axis.coord_to_idx(coords, clip=True), [0, 0, 0, 1, 2, 2, 2, 2, -1])
    assert_array_equal(axis.coord_to_idx([[1000], [3000]] * u.GeV), [[0], [1]])
    assert axis.coord_to_idx("3 TeV") == 1
    assert_array_equal(axis.coord_to_idx([1, 3]), [0, 1])


@given(axes)
def test_every_edge_and_center_is_in_its_bin(axis):
    number = np.arange(axis.nbin)
    assert_array_equal(axis.coord_to_idx(axis.edges[:-1]), number)
    assert_array_equal(axis.coord_to_idx(np.nextafter(axis.edges.value[1:], -np.inf)), number)
    assert_array_equal(axis.coord_to_idx(axis.center), number)


@given(axes, st.lists(st.floats(-0.5, 8), min_size=1, max_size=5))
def test_pix_to_coord_is_the_inverse_of_coord_to_pix(axis, pix):
    pix = np.minimum(pix, axis.nbin - 0.5)
    assert_allclose(axis.coord_to_pix(axis.pix_to_coord(pix)), pix, atol=1e-7)
    centers = axis.to_node_type("center")
    inner = np.clip(pix, 0, axis.nbin - 1)
    assert_allclose(centers.coord_to_pix(centers.pix_to_coord(inner)), inner, atol=1e-7)


def test_pix_are_linear_in_the_scale(energy):
    assert_allclose(energy.coord_to_pix([0.1, 1, 10 * 10**0.5] * u.TeV), [-0.5, 1.5, 4.5])
    assert_allclose(energy.pix_to_coord([-0.5, 1.5, 0]).value, [0.1, 1, 10**-0.75])


def test_pix_to_idx(energy):
    assert_array_equal(energy.pix_to_idx([-0.6, -0.4, 1.4, 1.6, 3.6]), [-1, 0, 1, 2, -1])
    assert_array_equal(energy.pix_to_idx([-5, 9], clip=True), [0, 3])


def test_round(energy):
    # 0.5 TeV is nearer to 0.316 than to 1 in ln E.
    assert_allclose(energy.round([0.5, 0.6, 0.01, 60] * u.TeV).value, [10**-0.5, 1, 0.01, 100])
    assert_allclose(energy.round([0.01, 60] * u.TeV, clip=True).value, [0.1, 10])


@pytest.mark.parametrize("method", ["coord_to_idx", "coord_to_pix"])
def test_coordinates_need_a_unit_of_the_axis(energy, method):
    with pytest.raises(UnitsError, match="coordinates of axis 'energy' are in 'm': expected a unit like 'TeV'"):
        getattr(energy, method)(3 * u.m)
    with pytest.raises(InputError, match="coordinates of axis 'energy' are 'x'"):
        getattr(energy, method)("x")


# -- other axes


def test_slice_squash_pad(energy):
    assert_allclose(energy.slice(slice(1, 3)).edges, energy.edges[1:4])
    assert_allclose(energy.slice(slice(-2, None)).edges, energy.edges[2:])
    assert_allclose(energy.squash().edges.value, [0.1, 10])
    padded = energy.pad((1, 2))
    assert_allclose(padded.edges.value, 10 ** np.arange(-1.5, 2.1, 0.5))
    assert_array_equal(padded.edges[1:6], energy.edges)
    nodes = energy.to_node_type("center").pad(1)
    assert_allclose(nodes.center.value, 10 ** np.arange(-1.25, 1.3, 0.5))


@given(axes, st.integers(1, 4))
def test_downsampling_undoes_upsampling(axis, factor):
    fine = axis.upsample(factor)
    assert fine.nbin == factor * axis.nbin
    assert_array_equal(fine.downsample(factor).edges, axis.edges)


def test_nodes_up_and_down():
    nodes = MapAxis.from_nodes([1, 2, 4], interp="log", name="x")
    assert_allclose(nodes.upsample(2).center.value, [1, 2**0.5, 2, 2**1.5, 4])
    assert_allclose(nodes.upsample(2).downsample(2).center.value, [1, 2, 4])


def test_downsample_of_a_number_that_does_not_divide(energy):
    assert_array_equal(energy.downsample(3, strict=False).edges, energy.edges[[0, 3, 4]])


def test_concatenate(energy):
    rest = energy.slice(slice(2, 4))
    assert MapAxis.from_stack([energy.slice(slice(0, 2)), rest]) == energy
    nodes = MapAxis.from_nodes([1, 2], name="x")
    assert_allclose(nodes.concatenate(MapAxis.from_nodes([5.0], name="x")).center.value, [1, 2, 5])


def test_copy(energy):
    assert energy.copy(unit="GeV").edges[-1] == 10000 * u.GeV
    assert energy.copy(nodes=[1, 2]).edges[-1] == 2 * u.TeV
    assert energy.copy(nodes=[1, 2] * u.GeV).unit == "GeV"
    assert energy.rename("energy_true").name == "energy_true"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda axis: axis.slice(slice(3, 3)), "leaves none of the 4 bins"),
        (lambda axis: axis.slice(slice(0, 4, 2)), "with the step 2"),
        (lambda axis: axis.slice(2), "sliced by 2: expected a slice"),
        (lambda axis: axis.pad(-1), "pad_width of axis 'energy' is -1"),
        (lambda axis: axis.pad((0.5, 1)), "pad_width of axis 'energy'"),
        (lambda axis: axis.downsample(3), "cannot join the 4 bins of axis 'energy' in groups of 3"),
        (lambda axis: axis.to_node_type("center").downsample(2), "cannot keep every 2-th of the 4 nodes"),
        (lambda axis: axis.upsample(0), "factor is 0"),
        (lambda axis: axis.upsample(1.5), "factor is 1.5"),
        (lambda axis: axis.concatenate(axis), "the second must start where the first ends"),
        (lambda axis: axis.concatenate(axis.rename("b")), "name, scale and kind of nodes must agree"),
        (lambda axis: axis.resample(axis.rename("b")), "cannot resample axis 'energy' to an axis 'b'"),
        (lambda axis: axis.assert_name("b"), "the axis is called 'energy': expected 'b'"),
    ],
)
def test_bad_changes(energy, change, match):
    with pytest.raises(InputError, match=match):
        change(energy)


def test_joining_across_a_gap_near_zero():
    # A gap counts in bins: edges at zero have no relative distance.
    left, right = MapAxis([-1, 0], name="x"), MapAxis([0.5, 1], name="x")
    with pytest.raises(InputError, match="must start where the first ends"):
        left.concatenate(right)


# -- groups


def test_group_table(energy):
    table = energy.group_table([10**-0.5, 1, 10**0.5] * u.TeV)
    assert table.colnames == ["group_idx", "energy_min", "energy_max", "idx_min", "idx_max", "bin_type"]
    assert table["bin_type"].tolist() == ["underflow", "normal   ", "normal   ", "overflow"]
    assert table["idx_min"].tolist() == table["idx_max"].tolist() == [0, 1, 2, 3]
    assert_array_equal(table["energy_min"].quantity, energy.edges[:-1])
    assert_array_equal(table["energy_max"].quantity, energy.edges[1:])


def test_edges_of_groups_snap_in_the_scale_and_say_so(energy):
    # 0.5 TeV is nearest to 0.316 in ln E, though 1 TeV is not far in E; 0.6 TeV is nearest to 1 TeV.
    with pytest.warns(GammafoldWarning, match="edges moved to the nearest of axis 'energy': 0.5 TeV to 0.316228 TeV"):
        table = energy.group_table([0.5, 10] * u.TeV)
    assert table["idx_min"].tolist() == [0, 1]


def test_an_edge_moves_by_a_hundredth_of_a_bin_in_silence(energy):
    step = np.log(10) / 2
    table = energy.group_table([0.1, 1 * np.exp(0.009 * step), 10] * u.TeV)
    assert table["idx_max"].tolist() == [1, 3]
    with pytest.warns(GammafoldWarning, match="edges moved"):
        energy.group_table([0.1, 1 * np.exp(0.011 * step), 10] * u.TeV)


def test_halfway_goes_to_the_even_edge():
    axis = MapAxis.from_edges([0, 1, 2, 3, 4], name="x")
    with pytest.warns(GammafoldWarning, match="0.5 to 0, 1.5 to 2, 2.5 to 2, 3.5 to 4"):
        table = axis.group_table([0.5, 1.5, 2.5, 3.5])
    assert table["idx_min"].tolist() == [0, 2]


def test_groups_beyond_the_axis_are_left_out(energy):
    table = energy.group_table([0.001, 0.01, 0.1, 1, 10, 100] * u.TeV)
    assert table["bin_type"].tolist() == ["normal   ", "normal   "]
    with pytest.warns(GammafoldWarning, match="0.05 TeV to 0.1 TeV"):
        table = energy.group_table([0.05, 1] * u.TeV)
    assert table["bin_type"].tolist() == ["normal   ", "overflow"]


@pytest.mark.parametrize(
    ("edges", "error", "match"),
    [
        ([1, 1] * u.TeV, InputError, "expected increasing ones"),
        ([2, 1] * u.TeV, InputError, "expected increasing ones"),
        ([20, 30] * u.TeV, InputError, "no bin of axis 'energy', from 0.1 TeV to 10 TeV, lies between"),
        ([-1, 1] * u.TeV, InputError, "do not lie on the log scale of axis 'energy'"),
        ([1, 2] * u.m, UnitsError, "coordinates of axis 'energy' are in 'm'"),
    ],
)
def test_bad_group_edges(energy, edges, error, match):
    with pytest.raises(error, match=match):
        energy.group_table(edges)


@given(axes, st.data())
def test_groups_cover_the_axis_once(axis, data):
    cuts = data.draw(st.lists(st.integers(0, axis.nbin), min_size=2, unique=True).map(sorted))
    table = axis.group_table(axis.edges[cuts])
    bins = [i for row in table for i in range(row["idx_min"], row["idx_max"] + 1)]
    assert bins == list(range(axis.nbin))
    coarse = axis.resample(axis.copy(nodes=axis.edges[cuts]))
    assert_array_equal(coarse.edges, axis.edges[cuts])


# -- comparison


def test_equality_is_in_one_unit(energy):
    assert energy == MapAxis.from_edges(energy.edges.to("keV"), name="energy", interp="log")
    assert energy != energy.rename("energy_true")
    assert energy != energy.pad(1)
    assert energy != energy.copy(interp="lin")
    assert energy != MapAxis.from_edges(energy.edges.value, name="energy", interp="log", unit="m")
    assert energy != energy.to_node_type("center")
    assert energy != LabelMapAxis(["a"], name="energy")
    assert energy != "energy"


def test_is_allclose(energy):
    near = energy.copy(nodes=energy.edges * (1 + 1e-4))
    assert not energy.is_allclose(near)
    assert energy.is_allclose(near, rtol=1e-3)
    assert energy.is_allclose(near, atol=1e-3)
    zero = MapAxis.from_edges([0, 1, 2], name="x")
    assert zero.is_allclose(MapAxis.from_edges([1e-9, 1, 2], name="x"))
    with pytest.raises(InputTypeError, match="cannot compare a MapAxis with a str"):
        energy.is_allclose("x")


def test_is_aligned(energy):
    assert energy.is_aligned(energy.downsample(2))
    assert not energy.is_aligned(energy.upsample(2))


def test_axes_are_no_keys(energy):
    with pytest.raises(TypeError, match="unhashable"):
        hash(energy)


def test_an_axis_survives_pickling(energy):
    assert pickle.loads(pickle.dumps(energy)) == energy
    assert copy.deepcopy(energy) == energy


def test_repr(energy):
    assert repr(energy) == "MapAxis 'energy': 4 bins from 0.1 TeV to 10 TeV (log, by edges)"


# -- plots


def test_plot_properties(energy):
    low, high = energy.as_plot_xerr
    assert_allclose(energy.as_plot_center - low, energy.edges_min)
    assert_allclose(energy.as_plot_center + high, energy.edges_max)
    assert energy.as_plot_labels[1] == "3.16e-01 TeV - 1.00e+00 TeV"
    assert energy.to_node_type("center").as_plot_labels[0] == "1.78e-01 TeV"
    assert energy.to_node_type("center").use_center_as_plot_labels
    assert_array_equal(energy.as_plot_edges, energy.edges)


def test_format_plot_axes(energy):
    ax = plt.figure().add_subplot()
    energy.rename("energy_true").format_plot_xaxis(ax)
    MapAxis([0, 1], name="migra").format_plot_yaxis(ax)
    assert (ax.get_xlabel(), ax.get_xscale()) == ("True energy [TeV]", "log")
    assert (ax.get_ylabel(), ax.get_yscale()) == ("Migra", "linear")
    plt.close(ax.figure)
